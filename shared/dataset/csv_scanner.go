package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"mlops/shared/fault"
)

// csvScanner walks over the window field by field. Nothing is allocated for a field.
type csvScanner struct {
	*window
	problems
	limits    Limits
	separator byte
	eight     uint64 // the separator eight times
	row       int    // the record being read: 0 = header, then data rows from 1
	column    int    // the field being read, from 0
	quoted    bool   // the last field was quoted
	scratch   []byte
}

// use sets the separator.
func (s *csvScanner) use(separator byte) {
	s.separator, s.eight = separator, uint64(separator)*0x0101010101010101
}

// separators that are guessed among, the likelier first.
const separators = ",;\t|"

// guessSeparator is the separator that the header has, of which the first lines of b have as many as the header, as often as possible;
// of several such the one that the header has most of. Quoted ones do not count. The comma when the header has none.
func guessSeparator(b []byte) byte {
	const lines = 50
	var header, count, alike [len(separators)]int
	quoted, line := false, 0
	b = bytes.TrimLeft(b, "\r\n")
	for at, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n' || c == '\r':
			if b[at-1] == '\n' || b[at-1] == '\r' {
				continue // an empty line, or the second half of CRLF
			}
			for i, n := range count {
				if line == 0 {
					header[i] = n
				} else if n == header[i] {
					alike[i]++
				}
			}
			count = [len(separators)]int{}
			line++
		default:
			if i := strings.IndexByte(separators, c); i >= 0 {
				count[i]++
			}
		}
		if line == lines {
			break
		}
	}
	if line == 0 {
		header = count
	}
	best := 0
	for i, n := range header {
		if n > 0 && (header[best] == 0 || alike[i] > alike[best] || alike[i] == alike[best] && n > header[best]) {
			best = i
		}
	}
	return separators[best]
}

// another steps over empty lines and reports whether a record follows.
func (s *csvScanner) another() bool {
	for {
		for ; s.pos < s.end; s.pos++ {
			if c := s.buf[s.pos]; c != '\n' && c != '\r' {
				return true
			}
		}
		if !s.more() {
			return false
		}
	}
}

// header reads the columns' names and complains about each that cannot be one.
func (s *csvScanner) header() []string {
	var names []string
	first := make(map[string]int)
	numbers := 0
	s.another()
	for end := s.separator; end == s.separator; s.column++ {
		if len(names) == s.limits.Columns {
			s.stop("more than %d columns", s.limits.Columns)
			return nil
		}
		var field []byte
		field, end = s.next()
		if !s.quoted {
			field = bytes.TrimSpace(field)
		}
		name, at := string(field), fmt.Sprintf("column %d", s.column+1)
		if what := textFault(field); what != "" {
			s.add(fault.Detail{Field: at, Code: what, Got: shorten(field), Expected: textFaultExpected[what]})
		} else if name == "" {
			s.add(fault.Detail{Field: at, Code: "empty_name", Expected: "a name in the header"})
		} else if k, twice := first[name]; twice {
			s.add(fault.Detail{Field: at, Code: "duplicate_name", Got: shorten(field), Expected: fmt.Sprintf("a name that column %d has not", k)})
		} else {
			first[name] = s.column + 1
		}
		if _, ok := parseNumber(field); ok {
			numbers++
		}
		names = append(names, name)
	}
	if !s.none() && numbers == len(names) {
		s.add(fault.Detail{Field: "header", Code: "no_header", Got: shorten([]byte(strings.Join(names, ","))), Expected: "the columns' names in the first line"})
	}
	return names
}

// expectedRows is how many rows of so many columns may come, by the rows in the window and the size of the whole, or 0 when that is
// unknown. It only saves copying: fewer or more may come.
func (s *csvScanner) expectedRows(columns int) int {
	seen := len(s.rest())
	if seen == 0 || s.size <= 0 {
		return 0
	}
	rows := float64(s.size) * float64(bytes.Count(s.rest(), []byte("\n"))+1) / float64(seen)
	return min(int(1.01*rows)+1, int(s.size)/columns+1, s.limits.Rows)
}

// records reads at most so many data rows into columns.
func (s *csvScanner) records(columns []*builder, most int) {
	for s.row = 0; s.row < most && s.another(); {
		s.row++
		s.record(columns)
	}
}

func (s *csvScanner) record(columns []*builder) {
	end := s.separator
	for s.column = 0; end == s.separator; s.column++ {
		if s.column >= len(columns) || columns[s.column].unwanted {
			_, end = s.next()
			continue
		}
		b := columns[s.column]
		after, ok := s.quick(b)
		if !ok {
			var field []byte
			field, after = s.next()
			b.field(field, &s.problems)
		}
		end = after
	}
	if s.column != len(columns) && s.err == nil {
		s.add(fault.Detail{Code: "ragged", Got: fmt.Sprintf("%d fields", s.column), Expected: fmt.Sprintf("%d fields like the header", len(columns)), Row: fault.Row(s.row)})
		for ; s.column < len(columns); s.column++ {
			if !columns[s.column].unwanted {
				columns[s.column].none(1)
			}
		}
	}
}

// quick is the short way for a field that lies whole in the window and is a plain number in a numeric column, or unquoted in a column
// of texts: it is found and read in one go. ok is false when it is not so; then nothing has happened.
func (s *csvScanner) quick(b *builder) (end byte, ok bool) {
	rest := s.rest()
	if b.text {
		return s.quickText(b, rest)
	}
	v, written, n := scanDecimal(rest)
	if written == notDecimal || b.careful || written == irregular && math.IsInf(v, 0) {
		return 0, false
	}
	if end, ok = s.step(rest, n); ok {
		b.number(v, written, rest[:n])
	}
	return end, ok
}

func (s *csvScanner) quickText(b *builder, rest []byte) (end byte, ok bool) {
	if len(rest) >= 8 {
		word := binary.LittleEndian.Uint64(rest)
		if marks := s.marks(word); marks != 0 {
			n := bits.TrailingZeros64(marks) / 8
			if end, ok = s.step(rest, n); ok {
				b.short(rest[:n], word, &s.problems)
			}
			return end, ok
		}
	}
	n := s.index(rest, 0)
	if end, ok = s.step(rest, n); ok {
		b.string(rest[:n], &s.problems)
	}
	return end, ok
}

// step goes behind the delimiter at rest[n], if there is one and it ends a field that is not too long.
func (s *csvScanner) step(rest []byte, n int) (end byte, ok bool) {
	if n >= len(rest) || n > s.limits.FieldBytes {
		return 0, false
	}
	switch end = rest[n]; {
	case end == s.separator, end == '\n':
		s.pos += n + 1
	case end == '\r' && n+1 < len(rest) && rest[n+1] == '\n':
		s.pos += n + 2
		end = '\n'
	default:
		return 0, false
	}
	return end, true
}

// index is the first byte of b at or after n at which an unquoted field may end or go wrong, or len(b).
func (s *csvScanner) index(b []byte, n int) int {
	for ; n+8 <= len(b); n += 8 {
		if marks := s.marks(binary.LittleEndian.Uint64(b[n:])); marks != 0 {
			return n + bits.TrailingZeros64(marks)/8
		}
	}
	for n < len(b) && b[n] != s.separator && b[n] != '\n' && b[n] != '\r' && b[n] != '"' {
		n++
	}
	return n
}

// marks has the top bit set, at least of the lowest such one, in those bytes of word at which an unquoted field may end or go wrong. A byte
// of x is zero where word has the byte looked for, and (x - 01..) &^ x & 80.. marks the zero bytes, the lowest of them for certain
// (H. S. Warren, Hacker's Delight, 2nd ed., section 6-1).
func (s *csvScanner) marks(word uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	x, lf, cr, quote := word^s.eight, word^ones*'\n', word^ones*'\r', word^ones*'"'
	return ((x-ones)&^x | (lf-ones)&^lf | (cr-ones)&^cr | (quote-ones)&^quote) & tops
}

// next reads the field at pos, whatever it is, and what ended it: the separator, '\n', or 0 at the end of the input. The field is
// valid until the next call.
func (s *csvScanner) next() (field []byte, end byte) {
	s.quoted = false
	if s.pos == s.end {
		s.more()
	}
	if s.pos < s.end && s.buf[s.pos] == '"' {
		return s.nextQuoted()
	}
	n := s.delimiter(0)
	return s.take(0, n, n)
}

// nextQuoted is next for a field that begins with a quote.
func (s *csvScanner) nextQuoted() (field []byte, end byte) {
	s.quoted = true
	n, doubled := 1, false // n: the next byte to look at
	for {
		k := bytes.IndexByte(s.rest()[n:], '"')
		if k < 0 {
			n = s.end - s.pos
			if n > s.limits.FieldBytes {
				return s.take(0, 0, s.delimiter(n))
			}
			if !s.more() {
				s.complain("open_quote", s.rest(), "a quote at the end of the field")
				return s.take(1, n, n)
			}
			continue
		}
		n += k
		if s.pos+n+1 == s.end {
			s.more()
		}
		if s.pos+n+1 == s.end || s.buf[s.pos+n+1] != '"' {
			break
		}
		doubled = true
		n += 2
	}
	after := s.delimiter(n + 1)
	if s.err == nil && after > n+1 {
		s.complain("text_after_quote", s.rest()[n:after], "a separator or the end of the line after the closing quote")
	}
	field, end = s.take(1, n, after)
	if doubled {
		s.scratch = s.scratch[:0]
		for i := 0; i < len(field); i++ {
			s.scratch = append(s.scratch, field[i])
			if field[i] == '"' {
				i++
			}
		}
		field = s.scratch
	}
	return field, end
}

// delimiter is the distance from pos to what ends the field, at or after n: a separator, a line break (with the byte behind a CR read,
// if there is one), or the end of the input. Beyond the limit on a field it stops the reading.
func (s *csvScanner) delimiter(n int) int {
	for complained := n > 0; ; {
		rest := s.rest()
		n = s.index(rest, n)
		switch {
		case n > s.limits.FieldBytes:
			s.complain("too_long", rest[:n], fmt.Sprintf("at most %d bytes in a field; is a quote opened and never closed?", s.limits.FieldBytes))
			s.stop("a field of more than %d bytes", s.limits.FieldBytes)
			return 0
		case n == len(rest):
			if !s.more() {
				return s.end - s.pos
			}
		case rest[n] == '"':
			if !complained {
				s.complain("bare_quote", rest[:n+1], "the whole field in quotes, and this quote doubled")
			}
			complained = true
			n++
		case rest[n] == '\r' && n+1 == len(rest) && s.more():
		default:
			return n
		}
	}
}

// take gives up the field and what ended it: rest[from:to] is the field, rest[at] the delimiter.
func (s *csvScanner) take(from, to, at int) (field []byte, end byte) {
	rest := s.rest()
	if at >= len(rest) {
		s.pos = s.end
		return rest[min(from, len(rest)):min(to, len(rest))], 0
	}
	field, end, s.pos = rest[from:to], rest[at], s.pos+at+1
	if end == '\r' {
		end = '\n'
		if at+1 < len(rest) && rest[at+1] == '\n' {
			s.pos++
		}
	}
	return field, end
}

// complain names a problem with the field being read.
func (s *csvScanner) complain(code string, got []byte, expected string) {
	d := fault.Detail{Field: fmt.Sprintf("column %d", s.column+1), Code: code, Got: shorten(got), Expected: expected}
	if s.row > 0 {
		d.Row = fault.Row(s.row)
	}
	s.add(d)
}
