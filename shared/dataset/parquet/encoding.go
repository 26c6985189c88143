package parquet

import (
	"encoding/binary"
	"errors"
)

// The encodings of values (github.com/apache/parquet-format/blob/master/Encodings.md). Each gives one value after another out of the page's
// bytes, so that a run of a billion values takes no more memory than the few bytes that say so.

var errPage = errors.New("a damaged page")

// values gives the next value of a page: a number as its little-endian bytes, a boolean as one byte, a text as it is; valid until the next.
type values func() ([]byte, error)

// fixed are values of so many bytes each.
func fixed(b []byte, width int) values {
	return func() ([]byte, error) {
		if len(b) < width {
			return nil, errPage
		}
		v := b[:width]
		b = b[width:]
		return v, nil
	}
}

// lengths are texts behind their lengths.
func lengths(b []byte) values {
	return func() ([]byte, error) {
		if len(b) < 4 {
			return nil, errPage
		}
		n := binary.LittleEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return nil, errPage
		}
		v := b[:n]
		b = b[n:]
		return v, nil
	}
}

// bits are booleans, eight a byte, the first the lowest.
func bits(b []byte) values {
	at, v := 0, []byte{0}
	return func() ([]byte, error) {
		if at>>3 >= len(b) {
			return nil, errPage
		}
		v[0] = b[at>>3] >> (at & 7) & 1
		at++
		return v, nil
	}
}

// split are numbers whose first bytes come first, then all second ones, and so on.
func split(b []byte, width int) values {
	n, at, v := len(b)/width, 0, make([]byte, width)
	return func() ([]byte, error) {
		if at >= n {
			return nil, errPage
		}
		for k := range v {
			v[k] = b[k*n+at]
		}
		at++
		return v, nil
	}
}

// hybrid are small numbers in runs: of one value, or packed bit by bit.
type hybrid struct {
	b     []byte
	width int    // bits of a value
	run   uint64 // values left in the run
	value uint32 // of a run of one
	pack  bool
	bit   int // of a packed run: the next bit of b
}

// next is the next value.
func (h *hybrid) next() (uint32, error) {
	for h.run == 0 {
		if err := h.begin(); err != nil {
			return 0, err
		}
	}
	h.run--
	if !h.pack {
		return h.value, nil
	}
	at := h.bit >> 3
	var word uint64
	if at+8 <= len(h.b) {
		word = binary.LittleEndian.Uint64(h.b[at:])
	} else {
		for k, c := range h.b[min(at, len(h.b)):] {
			word |= uint64(c) << (8 * k)
		}
	}
	v := uint32(word >> (h.bit & 7) & (1<<h.width - 1))
	if h.bit += h.width; h.run == 0 {
		h.b = h.b[min((h.bit+7)/8, len(h.b)):]
	}
	return v, nil
}

// begin reads the head of a run.
func (h *hybrid) begin() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 {
		return errPage
	}
	h.b = h.b[n:]
	h.run = head >> 1
	if h.pack = head&1 == 1; h.pack {
		h.run *= 8
		h.bit = 0
		if h.width > 0 && h.run > 8*uint64(len(h.b))/uint64(h.width) { // the last run of some writers is cut where the values end
			h.run = 8 * uint64(len(h.b)) / uint64(h.width)
			if h.run == 0 {
				return errPage
			}
		}
		return nil
	}
	bytes := (h.width + 7) / 8
	if len(h.b) < bytes {
		return errPage
	}
	h.value = 0
	for k := range bytes {
		h.value |= uint32(h.b[k]) << (8 * k)
	}
	h.b = h.b[bytes:]
	return nil
}

// booleans are those of a hybrid.
func booleans(h *hybrid) values {
	v := []byte{0}
	return func() ([]byte, error) {
		x, err := h.next()
		v[0] = byte(x)
		return v, err
	}
}

// delta are integers by their differences, in blocks of mini blocks that each have a width of their own.
type delta struct {
	b         []byte
	left      uint64 // values
	value     int64
	first     bool
	minimum   int64
	perMini   int
	widths    []byte
	mini      int // values left in the mini block
	width     int
	bit       int
	miniCount int
}

// newDelta reads the head of at most so many values.
func newDelta(b []byte, most int) (*delta, error) {
	d := &delta{b: b, first: true}
	var head [3]uint64
	for i := range head {
		v, n := binary.Uvarint(d.b)
		if n <= 0 {
			return nil, errPage
		}
		head[i], d.b = v, d.b[n:]
	}
	v, n := binary.Varint(d.b)
	if n <= 0 || head[1] == 0 || head[1] > 1<<10 || head[0] > 1<<16 || head[2] > uint64(most) || head[0]%head[1] != 0 || head[0]/head[1]%8 != 0 || head[0] == 0 {
		return nil, errPage
	}
	d.b, d.value, d.left = d.b[n:], v, head[2]
	d.miniCount, d.perMini = int(head[1]), int(head[0]/head[1])
	return d, nil
}

// next is the next value.
func (d *delta) next() (int64, error) {
	if d.left == 0 {
		return 0, errPage
	}
	d.left--
	if d.first {
		d.first = false
		return d.value, nil
	}
	if d.mini == 0 {
		if err := d.begin(); err != nil {
			return 0, err
		}
	}
	var difference uint64
	for got := 0; got < d.width; { // at most 9 bytes
		at := d.bit >> 3
		if at >= len(d.b) {
			return 0, errPage
		}
		take := min(8-d.bit&7, d.width-got)
		difference |= uint64(d.b[at]>>(d.bit&7)&(1<<take-1)) << got
		got += take
		d.bit += take
	}
	if d.mini--; d.mini == 0 || d.left == 0 {
		d.b = d.b[min(d.perMini*d.width/8, len(d.b)):]
	}
	d.value += d.minimum + int64(difference)
	return d.value, nil
}

// begin goes on to the next mini block.
func (d *delta) begin() error {
	if len(d.widths) == 0 {
		v, n := binary.Varint(d.b)
		if n <= 0 || len(d.b) < n+d.miniCount {
			return errPage
		}
		d.minimum, d.widths, d.b = v, d.b[n:n+d.miniCount], d.b[n+d.miniCount:]
	}
	d.width, d.widths, d.mini, d.bit = int(d.widths[0]), d.widths[1:], d.perMini, 0
	if d.width > 64 {
		return errPage
	}
	return nil
}

// rest is what comes behind all values.
func (d *delta) rest() ([]byte, error) {
	for d.left > 0 {
		if _, err := d.next(); err != nil {
			return nil, err
		}
	}
	return d.b, nil
}

// integers are those of d, of 4 or 8 bytes.
func integers(d *delta, width int) values {
	v := make([]byte, 8)
	return func() ([]byte, error) {
		x, err := d.next()
		binary.LittleEndian.PutUint64(v, uint64(x))
		return v[:width], err
	}
}

// afterLengths are texts, at most so many, behind the lengths of all.
func afterLengths(b []byte, most int) (values, error) {
	n, err := newDelta(b, most)
	if err != nil {
		return nil, err
	}
	end := *n
	b, err = end.rest()
	if err != nil {
		return nil, err
	}
	return func() ([]byte, error) {
		k, err := n.next()
		if err != nil || k < 0 || k > int64(len(b)) {
			return nil, errPage
		}
		v := b[:k]
		b = b[k:]
		return v, nil
	}, nil
}

// prefixed are texts that begin as the one before does. None may be longer than longest.
func prefixed(b []byte, most, longest int) (values, error) {
	same, err := newDelta(b, most)
	if err != nil {
		return nil, err
	}
	end := *same
	if b, err = end.rest(); err != nil {
		return nil, err
	}
	suffix, err := afterLengths(b, most)
	if err != nil {
		return nil, err
	}
	var text []byte
	return func() ([]byte, error) {
		k, err := same.next()
		if err != nil || k < 0 || k > int64(len(text)) {
			return nil, errPage
		}
		s, err := suffix()
		if err != nil || int(k)+len(s) > longest {
			return nil, errPage
		}
		text = append(text[:k], s...)
		return text, nil
	}, nil
}
