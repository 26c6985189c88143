package dataset

import (
	"bytes"
	"sync"
)

// pieceBytes is how much text a scanner takes at a time: enough that what happens once a piece does not count, and little enough to
// stay in a processor's cache between being read and being scanned. Of many columns it is more, up to eight times: whoever looks at a batch column
// by column shall find some rows there.
const (
	pieceBytes    = 1 << 20
	pieceOfColumn = 8 << 10
)

// pieces cuts the data rows of separated values into pieces that end where a record does, so that scanners may work side by side. Only
// who has seen all quotes before a line break knows whether it ends a record; therefore the pieces are cut one after another, which
// costs a search for quotes, and it is the scanning that is shared.
type pieces struct {
	sync.Mutex
	in        *window // in.rest() is what the last piece left over
	separator byte
	size      int // bytes of a piece
	given     int // how many were given
	done      bool
}

// next gives the following piece and its number, in the room of buf if that is enough. A record that is longer than a piece makes the rest of
// the input one piece, which reads on by itself. If reading failed, the piece is empty and says so.
func (p *pieces) next(buf []byte) (w *window, number int, ok bool) {
	p.Lock()
	defer p.Unlock()
	if p.done {
		return nil, 0, false
	}
	number, in := p.given, p.in
	p.given++
	if in.eof && len(in.rest()) <= p.size {
		p.done = true
		return in, number, true
	}
	if len(buf) < p.size {
		buf = make([]byte, p.size)
	}
	n := copy(buf, in.rest())
	in.pos += n
	n += in.fill(buf[n:])
	cut := lastRecord(buf[:n], p.separator)
	switch {
	case in.err != nil:
		p.done = true
		return in, number, true
	case in.eof && len(in.rest()) == 0:
		p.done = true
		return &window{buf: buf, end: n, eof: true}, number, true
	case cut == 0:
		p.done = true
		buf = append(buf[:n], in.rest()...)
		return &window{r: in.r, buf: buf, end: len(buf), eof: in.eof, left: in.left, limit: in.limit}, number, true
	case len(in.rest()) > 0:
		in.pos -= n - cut
	default:
		in.buf = append(in.buf[:0], buf[cut:n]...)
		in.pos, in.end = 0, len(in.buf)
	}
	return &window{buf: buf, end: cut, eof: true}, number, true
}

// lastRecord is where the last record ends that ends in b, which begins with a record and goes on after its end; 0 if none does. A quote
// opens a field where one begins, and is a byte like others elsewhere; within quotes a doubled one does not close.
func lastRecord(b []byte, separator byte) (end int) {
	for outside, from := 0, 0; ; { // outside: where the text outside quotes began; from: the next byte to look at
		k := bytes.IndexByte(b[from:], '"')
		if k < 0 {
			if e := lastBreak(b[outside:], false); e > 0 {
				end = outside + e
			}
			return end
		}
		at := from + k
		if at > 0 && b[at-1] != separator && b[at-1] != '\n' && b[at-1] != '\r' {
			from = at + 1
			continue
		}
		if e := lastBreak(b[outside:at], true); e > 0 {
			end = outside + e
		}
		for from = at + 1; ; from += 2 {
			if k = bytes.IndexByte(b[from:], '"'); k < 0 {
				return end
			}
			if from += k; from+1 == len(b) {
				return end // it may be doubled
			}
			if b[from+1] != '"' {
				break
			}
		}
		from++
		outside = from
	}
}

// lastBreak is where the last line of b ends, or 0; after a CR at the very end a LF may come unless b is whole.
func lastBreak(b []byte, whole bool) int {
	if k := bytes.LastIndexByte(b, '\n'); k >= 0 {
		return k + 1
	}
	if !whole && len(b) > 0 {
		b = b[:len(b)-1]
	}
	return bytes.LastIndexByte(b, '\r') + 1
}
