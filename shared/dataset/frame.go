// Package dataset holds tables: a columnar Frame of numbers and dictionary-coded categories, the CSV and JSON Lines codecs that fill
// it, the schema and the labels derived from it, and the splits and digests that make an experiment repeatable.
//
// A Frame is a value in spirit: every method that changes something returns a new Frame, sharing what it did not touch. Nobody writes
// into the slices of a Frame that somebody else may hold.
package dataset

import (
	"encoding"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"mlops/shared/fault"
)

// Kind says how a column's values are held and compared.
type Kind uint8

// The kinds of column.
const (
	Numeric     Kind = iota // float64, NaN = missing
	Categorical             // one of a finite set of texts
)

var (
	kindNames                          = [...]string{"numeric", "categorical"}
	_         encoding.TextMarshaler   = Kind(0)
	_         encoding.TextUnmarshaler = (*Kind)(nil)
)

// String is "numeric" or "categorical".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// MarshalText writes the kind as its name, also in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(b []byte) error {
	for i, name := range kindNames {
		if name == string(b) {
			*k = Kind(i)
			return nil
		}
	}
	return fault.Invalidf("a column's kind is %q, not %q", kindNames, b)
}

// Column is one named column. A numeric one uses Float, a categorical one Code and Levels; the other fields are nil.
type Column struct {
	Name    string
	Kind    Kind
	Integer bool      // numeric: there are present values, and all of them are whole
	Decimal bool      // numeric, as read: some value was written with a point or an exponent (5.0, 1e3), which others take for a column of floats
	Float   []float64 // NaN = missing
	Code    []int32   // index into Levels, -1 = missing
	Levels  []string  // distinct, sorted by bytes; after Take some may be unused
}

// NumericColumn makes a numeric column of v, which it keeps, and sets Integer.
func NumericColumn(name string, v []float64) Column {
	return Column{Name: name, Kind: Numeric, Float: v, Integer: allWhole(v)}
}

// CategoricalColumn codes values by a dictionary. A value for which missing says true is missing; nil means that none is.
func CategoricalColumn(name string, values []string, missing func(string) bool) Column {
	index := make(map[string]int32)
	var levels []string
	code := make([]int32, len(values))
	for i, v := range values {
		if missing != nil && missing(v) {
			code[i] = -1
			continue
		}
		c, seen := index[v]
		if !seen {
			c = int32(len(levels))
			index[v] = c
			levels = append(levels, v)
		}
		code[i] = c
	}
	return Column{Name: name, Kind: Categorical, Code: code, Levels: sortLevels(levels, code)}
}

// Len is the number of rows.
func (c *Column) Len() int {
	if c.Kind == Numeric {
		return len(c.Float)
	}
	return len(c.Code)
}

// Missing reports whether row i has no value.
func (c *Column) Missing(i int) bool {
	if c.Kind == Numeric {
		return math.IsNaN(c.Float[i])
	}
	return c.Code[i] < 0
}

// MissingCount is the number of rows without a value.
func (c *Column) MissingCount() int {
	n := 0
	for i := range c.Len() {
		if c.Missing(i) {
			n++
		}
	}
	return n
}

// Text is row i as text: a level as it is, a number as the shortest decimal that reads back as the same float64, "" when missing.
func (c *Column) Text(i int) string {
	switch {
	case c.Missing(i):
		return ""
	case c.Kind == Numeric:
		return string(appendFloat(nil, c.Float[i]))
	}
	return c.Levels[c.Code[i]]
}

// Value is row i as a float64, a string, or nil when missing.
func (c *Column) Value(i int) any {
	switch {
	case c.Missing(i):
		return nil
	case c.Kind == Numeric:
		return c.Float[i]
	}
	return c.Levels[c.Code[i]]
}

// Distinct is the number of different present values; -0 and 0 are one.
func (c *Column) Distinct() int {
	n := 0
	if c.Kind == Categorical {
		seen := make([]bool, len(c.Levels))
		for _, k := range c.Code {
			if k >= 0 && !seen[k] {
				seen[k] = true
				n++
			}
		}
		return n
	}
	present := make([]float64, 0, len(c.Float))
	for _, v := range c.Float {
		if !math.IsNaN(v) {
			present = append(present, v)
		}
	}
	slices.Sort(present)
	return len(slices.Compact(present))
}

// Take is the column of the given rows, in that order; a row may come more than once. Levels are kept whole, so codes keep their meaning.
func (c *Column) Take(rows []int) Column {
	t := *c
	if c.Kind == Numeric {
		t.Float = make([]float64, len(rows))
		for i, r := range rows {
			t.Float[i] = c.Float[r]
		}
		t.Integer = allWhole(t.Float)
		return t
	}
	t.Code = make([]int32, len(rows))
	for i, r := range rows {
		t.Code[i] = c.Code[r]
	}
	return t
}

// Frame is a table: columns of equal length with distinct, non-empty names.
type Frame struct {
	Columns []Column
}

// NewFrame checks and joins columns. It names every column that is empty in name, doubled, of another length than the first, or
// whose codes and levels contradict each other.
func NewFrame(cols ...Column) (*Frame, error) {
	p := problems{what: "make a table"}
	seen := make(map[string]bool, len(cols))
	for i := range cols {
		c := &cols[i]
		switch {
		case c.Name == "":
			p.add(fault.Detail{Field: fmt.Sprintf("column %d", i+1), Code: "empty_name", Expected: "a name"})
		case seen[c.Name]:
			p.add(fault.Detail{Field: c.Name, Code: "duplicate_name", Expected: "distinct column names"})
		}
		seen[c.Name] = true
		if c.Len() != cols[0].Len() {
			p.add(fault.Detail{Field: c.Name, Code: "length", Got: c.Len(), Expected: fmt.Sprintf("%d rows like column %s", cols[0].Len(), cols[0].Name)})
		}
		if c.Kind == Numeric {
			continue
		}
		for j := 1; j < len(c.Levels); j++ {
			if c.Levels[j-1] >= c.Levels[j] {
				p.add(fault.Detail{Field: c.Name, Code: "levels", Got: c.Levels[j], Expected: "distinct levels in ascending order"})
				break
			}
		}
		for r, k := range c.Code {
			if k < -1 || int(k) >= len(c.Levels) {
				p.add(fault.Detail{Field: c.Name, Code: "out_of_range", Got: k, Expected: "the index of a level, or -1", Row: fault.Row(r + 1)})
				break
			}
		}
	}
	if err := p.fault(); err != nil {
		return nil, err
	}
	return &Frame{Columns: cols}, nil
}

// Rows is the number of rows.
func (f *Frame) Rows() int {
	if len(f.Columns) == 0 {
		return 0
	}
	return f.Columns[0].Len()
}

// Names are the columns' names in order.
func (f *Frame) Names() []string {
	names := make([]string, len(f.Columns))
	for i := range f.Columns {
		names[i] = f.Columns[i].Name
	}
	return names
}

// Index is the position of the column called name, or -1.
func (f *Frame) Index(name string) int {
	return slices.IndexFunc(f.Columns, func(c Column) bool { return c.Name == name })
}

// Column is the column called name, or nil.
func (f *Frame) Column(name string) *Column {
	if i := f.Index(name); i >= 0 {
		return &f.Columns[i]
	}
	return nil
}

// Take is the frame of the given rows, in that order; a row may come more than once.
func (f *Frame) Take(rows []int) *Frame {
	t := &Frame{Columns: make([]Column, len(f.Columns))}
	for i := range f.Columns {
		t.Columns[i] = f.Columns[i].Take(rows)
	}
	return t
}

// Select is the frame of the named columns, in that order. The error names every column that is absent, and those there are.
func (f *Frame) Select(names ...string) (*Frame, error) {
	s := &Frame{Columns: make([]Column, 0, len(names))}
	p := problems{what: "select columns"}
	for _, name := range names {
		if c := f.Column(name); c != nil {
			s.Columns = append(s.Columns, *c)
		} else {
			p.add(fault.Detail{Field: name, Code: "missing", Expected: "one of " + shortList(f.Names())})
		}
	}
	if err := p.fault(); err != nil {
		return nil, err
	}
	return s, nil
}

// Drop is the frame without the named columns; a name that is absent is ignored.
func (f *Frame) Drop(names ...string) *Frame {
	d := &Frame{Columns: make([]Column, 0, len(f.Columns))}
	for _, c := range f.Columns {
		if !slices.Contains(names, c.Name) {
			d.Columns = append(d.Columns, c)
		}
	}
	return d
}

// allWhole reports whether v has a present value and none that is not whole; an infinity is not whole.
func allWhole(v []float64) bool {
	any := false
	for _, x := range v {
		if math.IsNaN(x) {
			continue
		}
		if x != math.Trunc(x) || math.IsInf(x, 0) {
			return false
		}
		any = true
	}
	return any
}

// sortLevels sorts levels and rewrites the codes that pointed into them.
func sortLevels(levels []string, code []int32) []string {
	if slices.IsSorted(levels) {
		return levels
	}
	order := make([]int32, len(levels)) // order[new] = old
	for i := range order {
		order[i] = int32(i)
	}
	sort.Slice(order, func(a, b int) bool { return levels[order[a]] < levels[order[b]] })
	sorted, rank := make([]string, len(levels)), make([]int32, len(levels))
	for to, from := range order {
		sorted[to], rank[from] = levels[from], int32(to)
	}
	for i, k := range code {
		if k >= 0 {
			code[i] = rank[k]
		}
	}
	return sorted
}

// appendFloat writes the shortest decimal that reads back as v, without an exponent where people would not use one.
func appendFloat(dst []byte, v float64) []byte {
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}
