package evidently

import (
	"math"
	"slices"

	"mlops/shared/dataset"
)

// Read makes a table of a source on as many processors as there are. It keeps the numbers, eight bytes a value, and of texts how often each comes.
// Errors are those of dataset.Scan.
func Read(s dataset.Source) (*Table, error) {
	var parts []*reading
	h, err := dataset.Scan(s, Options(), func(h dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		parts = make([]*reading, takers)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			parts[i] = newReading(h)
			take[i] = parts[i].add
		}
		return take, nil
	})
	if err != nil {
		return nil, err
	}
	for _, r := range parts[1:] {
		parts[0].merge(r)
	}
	return parts[0].table(h.Rows), nil
}

// reading is what some batches of a table hold.
type reading struct{ columns []readColumn }

type readColumn struct {
	name    string
	kind    dataset.Kind
	missing int
	decimal bool
	values  [][]float64
	times   map[string]int // rows by text
}

func newReading(h dataset.Heading) *reading {
	r := &reading{make([]readColumn, len(h.Names))}
	for i, name := range h.Names {
		r.columns[i] = readColumn{name: name, kind: h.Kinds[i], times: map[string]int{}}
	}
	return r
}

func (r *reading) add(b dataset.Batch) error {
	for i := range r.columns {
		c, from := &r.columns[i], &b.Frame.Columns[i]
		if c.kind == dataset.Numeric {
			c.numbers(from)
		} else {
			c.texts(from)
		}
	}
	return nil
}

func (c *readColumn) numbers(from *dataset.Column) {
	present := make([]float64, 0, len(from.Float))
	for _, v := range from.Float {
		if !math.IsNaN(v) {
			present = append(present, v)
		}
	}
	c.missing += len(from.Float) - len(present)
	c.decimal = c.decimal || from.Decimal
	if len(present) < cap(present)/2 {
		present = slices.Clone(present) // of a column with gaps keep no more than there is
	}
	if len(present) > 0 {
		c.values = append(c.values, present)
	}
}

func (c *readColumn) texts(from *dataset.Column) {
	times := make([]int, len(from.Levels))
	for _, code := range from.Code {
		if code < 0 {
			c.missing++
		} else {
			times[code]++
		}
	}
	for k, n := range times {
		if n > 0 {
			c.times[from.Levels[k]] += n
		}
	}
}

func (r *reading) merge(o *reading) {
	for i := range r.columns {
		c, from := &r.columns[i], &o.columns[i]
		c.missing += from.missing
		c.decimal = c.decimal || from.decimal
		c.values = append(c.values, from.values...)
		for text, n := range from.times {
			c.times[text] += n
		}
		from.times = nil
	}
}

func (r *reading) table(rows int) *Table {
	t := &Table{Rows: rows, Columns: make([]Column, len(r.columns))}
	for i := range r.columns {
		c := &r.columns[i]
		t.Columns[i] = c.column()
		c.times = nil
	}
	return t
}

func (c *readColumn) column() Column {
	t := Column{Name: c.name, Missing: c.missing, Values: c.values}
	if c.kind == dataset.Numeric {
		if t.Missing == 0 && !c.decimal && len(c.values) > 0 {
			t.DType = Int
		}
		return t
	}
	t.DType, t.Levels = Text, make([]string, 0, len(c.times))
	for text := range c.times {
		t.Levels = append(t.Levels, text)
	}
	slices.Sort(t.Levels)
	t.Counts = make([]int, len(t.Levels))
	for k, text := range t.Levels {
		t.Counts[k] = c.times[text]
	}
	t.readTruths()
	return t
}
