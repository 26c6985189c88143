package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"mlops/shared/fault"
)

// ReadJSONL reads JSON Lines: one flat object a line, in one pass; or one array of such objects, however it is broken into lines. The columns come in the order in which their names first do; a key
// that a line lacks, and null, are missing values.
//
// Numbers make a numeric column; strings and booleans ("true", "false") a categorical one, even where a string looks like a number; a
// column of both is categorical. A string that Options.Missing has is missing. NaN, Infinity and -Infinity, which Python writes, are
// read: NaN is missing, an infinity is the error that ReadCSV makes of it.
//
// The error is fault.Invalid and names the first 20 problems with their rows (1-based, empty lines not counted), one a line, and counts
// the rest: no object, wrong syntax, a key twice or empty, a nested value; limits as in ReadCSV, with at most 16 times
// Limits.FieldBytes in a line.
func ReadJSONL(r io.Reader, o Options) (*Frame, error) {
	s, err := newJSONScanner(r, o)
	if err != nil {
		return nil, err
	}
	s.records(math.MaxInt, math.MaxInt)
	if s.err != nil {
		return nil, s.failure(&s.problems)
	}
	if s.none() && len(s.columns) == 0 {
		return nil, fault.Invalidf("read JSON Lines: there are %d objects and no key in any of them", s.row)
	}
	f := &Frame{Columns: make([]Column, len(s.columns))}
	for i, b := range s.columns {
		f.Columns[i] = b.column(&s.problems)
	}
	checkNamed(o, func(name string) bool { return f.Index(name) >= 0 }, f.Names(), &s.problems)
	if !s.none() {
		return nil, s.problems.fault()
	}
	if f.Columns = slices.DeleteFunc(f.Columns, func(c Column) bool { return !o.wants(c.Name) }); len(f.Columns) == 0 {
		return nil, o.noneWanted(s.what)
	}
	return f, nil
}

// WriteJSONL writes one object a line with the columns in their order, a missing value as null, so that every column is named in every line;
// ReadJSONL gives f back, also where WriteCSV cannot: a text stays a text. What does not survive: an infinity (Invalid, since JSON has none), a level that means "no
// value", levels that no row has, and of a categorical column without any value that it was one.
func WriteJSONL(w io.Writer, f *Frame) error {
	out := bufio.NewWriterSize(w, 64<<10)
	names := make([][]byte, len(f.Columns))
	levels := make([][][]byte, len(f.Columns))
	for i := range f.Columns {
		names[i] = appendJSON(nil, f.Columns[i].Name)
		for _, l := range f.Columns[i].Levels {
			levels[i] = append(levels[i], appendJSON(nil, l))
		}
	}
	var line []byte
	for r := range f.Rows() {
		line = append(line[:0], '{')
		for i := range f.Columns {
			c := &f.Columns[i]
			if i > 0 {
				line = append(line, ',')
			}
			line = append(append(line, names[i]...), ':')
			switch {
			case c.Missing(r):
				line = append(line, "null"...)
			case c.Kind == Categorical:
				line = append(line, levels[i][c.Code[r]]...)
			case math.IsInf(c.Float[r], 0):
				return fault.Invalidf("write JSON Lines: column %s has an infinity in row %d, which JSON cannot say", c.Name, r+1)
			default:
				line = appendFloat(line, c.Float[r])
			}
		}
		out.Write(append(line, '}', '\n')) // bufio keeps the first error for Flush
	}
	if err := out.Flush(); err != nil {
		return fault.Wrap(err, "write JSON Lines of %d rows", f.Rows())
	}
	return nil
}

// appendJSON writes a text as a JSON string, with < > & as they are.
func appendJSON(dst []byte, text string) []byte {
	buf := bytes.NewBuffer(dst)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text always has JSON
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// newJSONScanner stands before the first object.
func newJSONScanner(r io.Reader, o Options) (*jsonScanner, error) {
	o.Limits = o.Limits.OrDefault()
	s := &jsonScanner{window: newWindow(r, o.Limits.Bytes), options: o, missing: missingSet(o), problems: problems{what: "read JSON Lines"}, index: make(map[string]int)}
	if err := s.begin(s.what); err != nil {
		return nil, err
	}
	if first := bytes.TrimLeft(s.rest(), " \t\r\n"); len(first) > 0 && first[0] == '[' {
		r := io.Reader(bytes.NewReader(first[1:]))
		if !s.eof {
			r = io.MultiReader(r, s.r)
		}
		s.window = newWindow(&elements{r: r}, o.Limits.Bytes)
	}
	return s, nil
}

type jsonScanner struct {
	*window
	problems
	options Options
	missing func([]byte) bool
	columns []*builder
	index   map[string]int
	plain   bool   // see builder
	before  int    // rows of earlier batches
	row     int    // of the batch, 1-based
	line    []byte // the rest of the line being read
}

// records reads lines, at most so many and no more than fill so many cells when there are leastBatch of them, and reports whether they were the last.
func (s *jsonScanner) records(most, cells int) (last bool) {
	longest := 16 * s.options.Limits.FieldBytes
	s.row = 0
	for searched := 0; s.err == nil; {
		if s.row >= most || s.row >= leastBatch && s.row*len(s.columns) >= cells {
			return false
		}
		n := bytes.IndexByte(s.rest()[searched:], '\n') + searched
		if n < searched { // not in the window
			n = len(s.rest())
			if searched = n; n <= longest && s.more() {
				continue
			}
		}
		searched = 0
		if n > longest {
			s.stop("a line of more than %d bytes", longest)
		}
		if s.err != nil || len(s.rest()) == 0 {
			return true
		}
		line := bytes.Trim(s.rest()[:n], " \t\r")
		s.pos += min(n+1, len(s.rest()))
		if len(line) == 0 {
			continue
		}
		if s.row++; s.before+s.row > s.options.Limits.Rows {
			s.stop("more than %d rows", s.options.Limits.Rows)
			return true
		}
		s.line = line
		if d := s.object(); d != nil {
			d.Row = fault.Row(s.row)
			s.add(*d)
		}
		for _, b := range s.columns {
			if b.rows() < s.row {
				b.none(1)
			}
		}
	}
	return true
}

// object reads the line's object into the columns, or says what is wrong with it.
func (s *jsonScanner) object() *fault.Detail {
	if !s.eat('{') {
		return s.syntax("an object, {..}, on every line")
	}
	for k := 0; ; k++ {
		if k == 0 && s.eat('}') {
			break
		}
		if len(s.line) == 0 || s.line[0] != '"' {
			return s.syntax("a key in double quotes")
		}
		key, d := s.text()
		if d != nil {
			return d
		}
		b, d := s.column(key, k)
		if d != nil || s.err != nil {
			return d
		}
		if !s.eat(':') {
			return s.syntax("a colon after the key")
		}
		if d := s.value(b); d != nil {
			d.Field = b.name
			return d
		}
		if s.eat(',') {
			continue
		}
		if s.eat('}') {
			break
		}
		return s.syntax("a comma or } after the value")
	}
	if len(s.line) > 0 {
		return s.syntax("nothing after the object")
	}
	return nil
}

// column is the builder for key, which most often is the k-th as in the lines before.
func (s *jsonScanner) column(key []byte, k int) (*builder, *fault.Detail) {
	if k >= len(s.columns) || s.columns[k].name != string(key) {
		i, known := s.index[string(key)]
		if !known {
			if what := textFault(key); what != "" {
				return nil, &fault.Detail{Field: shorten(key), Code: what, Expected: textFaultExpected[what]}
			}
			if len(key) == 0 {
				return nil, &fault.Detail{Code: "empty_name", Expected: "a key that is not empty"}
			}
			if i = len(s.columns); i == s.options.Limits.Columns {
				s.stop("more than %d columns", i)
				return nil, nil
			}
			s.begun(string(key)).none(s.row - 1)
		}
		k = i
	}
	b := s.columns[k]
	if b.rows() == s.row {
		return nil, &fault.Detail{Field: b.name, Code: "duplicate_key", Expected: "every key once"}
	}
	return b, nil
}

// begun is a new column.
func (s *jsonScanner) begun(name string) *builder {
	b := newBuilder(name, s.options, s.missing)
	b.plain = s.plain
	s.index[name] = len(s.columns)
	s.columns = append(s.columns, b)
	return b
}

// value reads one value into b.
func (s *jsonScanner) value(b *builder) *fault.Detail {
	if len(s.line) == 0 {
		return s.syntax("a value")
	}
	switch c := s.line[0]; {
	case c == '"':
		text, d := s.text()
		if d != nil {
			return d
		}
		if b.mustNumber {
			b.field(text, &s.problems)
		} else {
			b.string(text, &s.problems)
		}
		return nil
	case c == '{' || c == '[':
		return &fault.Detail{Code: "nested", Got: shorten(s.line), Expected: "a number, a string, true, false or null"}
	}
	n := bytes.IndexAny(s.line, ",} \t")
	if n < 0 {
		n = len(s.line)
	}
	word := s.line[:n]
	v, written, end := scanDecimal(word)
	switch {
	case string(word) == "null" || string(word) == "NaN" || b.careful && b.missing(word):
		b.none(1)
	case string(word) == "true" || string(word) == "false":
		b.string(word, &s.problems)
	case end == n && written != notDecimal && validNumber(word):
		switch {
		case len(word) > s.options.Limits.FieldBytes:
			return &fault.Detail{Code: "too_long", Expected: fmt.Sprintf("at most %d bytes", s.options.Limits.FieldBytes)}
		case b.text:
			b.string(word, &s.problems)
		case math.IsInf(v, 0):
			b.infinity(word)
		default:
			b.number(v, written, word)
		}
	case string(word) == "Infinity" || string(word) == "-Infinity":
		if b.text {
			b.string(word, &s.problems)
		} else {
			b.infinity(word)
		}
	default:
		return s.syntax("a number, a string, true, false or null")
	}
	s.line = s.line[n:]
	s.space()
	return nil
}

// text reads the string that the line begins with.
func (s *jsonScanner) text() ([]byte, *fault.Detail) {
	n, plain := 1, true
	for n < len(s.line) && s.line[n] != '"' {
		if c := s.line[n]; c == '\\' {
			plain = false
			n++
		} else if c < ' ' {
			return nil, s.syntax("control characters as \\u00XX")
		}
		n++
	}
	if n >= len(s.line) {
		return nil, s.syntax("a closing quote")
	}
	raw := s.line[1:n]
	if !plain {
		var text string
		if err := json.Unmarshal(s.line[:n+1], &text); err != nil {
			return nil, s.syntax("escapes as JSON has them")
		}
		raw = []byte(text)
	}
	if len(raw) > s.options.Limits.FieldBytes {
		return nil, &fault.Detail{Code: "too_long", Got: shorten(raw), Expected: fmt.Sprintf("at most %d bytes", s.options.Limits.FieldBytes)}
	}
	s.line = s.line[n+1:]
	s.space()
	return raw, nil
}

// eat steps over c and the space behind it, if the line begins with it.
func (s *jsonScanner) eat(c byte) bool {
	if len(s.line) == 0 || s.line[0] != c {
		return false
	}
	s.line = s.line[1:]
	s.space()
	return true
}

func (s *jsonScanner) space() { s.line = bytes.TrimLeft(s.line, " \t\r") }

func (s *jsonScanner) syntax(expected string) *fault.Detail {
	got := "the end of the line"
	if len(s.line) > 0 {
		got = shorten(s.line)
	}
	return &fault.Detail{Code: "bad_json", Got: got, Expected: expected}
}

// validNumber reports whether a text that scanDecimal takes whole is also a number of JSON: no +, no leading zeros, digits on both
// sides of a point (RFC 8259, section 6).
func validNumber(word []byte) bool {
	word = bytes.TrimPrefix(word, []byte("-"))
	if len(word) == 0 || word[0] == '+' || word[0] == '.' || len(word) > 1 && word[0] == '0' && word[1]-'0' <= 9 {
		return false
	}
	point := slices.Index(word, '.')
	return point < 0 || point+1 < len(word) && word[point+1]-'0' <= 9
}
