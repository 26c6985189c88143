package dataset

import (
	"io"

	"mlops/shared/fault"
)

// elements reads the elements of a JSON array as lines: what separates them becomes a line break, and a line break in them a space. What is
// wrong with the array becomes a line that is no object.
type elements struct {
	r      io.Reader // behind the opening bracket
	depth  int       // of brackets and braces within an element
	quoted bool
	escape bool // behind a backslash
	some   bool // an element has begun
	comma  bool // one must
	ended  bool
}

// Read reads and changes byte by byte, so that nothing is held.
func (e *elements) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	for i, c := range b[:n] {
		b[i] = e.line(c)
	}
	if err == io.EOF && !e.ended {
		err = fault.Invalidf("the array that it begins with has no end; the file is cut off")
	}
	return n, err
}

// line is what stands for c.
func (e *elements) line(c byte) byte {
	switch {
	case e.quoted:
		if c == '\n' {
			return 1 // a control character, which no text may hold, but no line's end
		}
		e.quoted = e.escape || c != '"'
		e.escape = !e.escape && c == '\\'
		return c
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return ' '
	case e.ended:
		return c
	case e.depth == 0 && c == ',' && e.some:
		e.some, e.comma = false, true
		return '\n'
	case e.depth == 0 && c == ']':
		e.ended = true
		if e.comma && !e.some {
			return c
		}
		return '\n'
	}
	e.some = true
	switch c {
	case '"':
		e.quoted = true
	case '{', '[':
		e.depth++
	case '}', ']':
		e.depth = max(0, e.depth-1)
	}
	return c
}
