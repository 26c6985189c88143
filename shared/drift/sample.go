package drift

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
)

// sample is rows of a table that is read in parts and not held, drawn evenly by their numbers: a row is in if the hash of its number is
// small enough, and the limit is halved whenever there are too many. So parts, of whatever rows in whatever order, merge to that of the whole.
type sample struct {
	most    int   // rows
	halved  int   // how many times it was: it has the rows whose key is below 2^(64-halved)
	rows    []int // their numbers
	columns []sampledColumn
}

type sampledColumn struct {
	name    string
	kind    dataset.Kind
	numbers []float64
	texts   []string // "" = missing: no level is empty
}

func newSample(h dataset.Heading, most int) *sample {
	s := &sample{most: most, columns: make([]sampledColumn, len(h.Names))}
	for i, name := range h.Names {
		s.columns[i] = sampledColumn{name: name, kind: h.Kinds[i]}
	}
	return s
}

// has reports whether a row is in the sample after so many halvings.
func has(row, halved int) bool { return mixed(uint64(row)) <= math.MaxUint64>>halved }

func (s *sample) add(b dataset.Batch) {
	var picked []int
	for row := range b.Frame.Rows() {
		if has(b.First+row, s.halved) {
			s.rows, picked = append(s.rows, b.First+row), append(picked, row)
		}
	}
	for i := range s.columns {
		s.columns[i].keep(&b.Frame.Columns[i], picked)
	}
	s.thin()
}

// keep takes rows into the sample.
func (c *sampledColumn) keep(from *dataset.Column, rows []int) {
	for _, row := range rows {
		switch {
		case c.kind == dataset.Numeric:
			c.numbers = append(c.numbers, from.Float[row])
		case from.Code[row] >= 0:
			c.texts = append(c.texts, from.Levels[from.Code[row]])
		default:
			c.texts = append(c.texts, "")
		}
	}
}

func (s *sample) thin() {
	for len(s.rows) > s.most {
		s.halve()
	}
}

// halve leaves in the sample the rows with the smaller keys.
func (s *sample) halve() {
	s.halved++
	var stay []int
	for i, row := range s.rows {
		if has(row, s.halved) {
			stay = append(stay, i)
		}
	}
	s.rows = only(s.rows, stay)
	for k := range s.columns {
		c := &s.columns[k]
		c.numbers, c.texts = only(c.numbers, stay), only(c.texts, stay)
	}
}

// only leaves the elements at the given places, which ascend, if v has any.
func only[T any](v []T, at []int) []T {
	if len(v) == 0 {
		return v
	}
	for to, from := range at {
		v[to] = v[from]
	}
	return v[:len(at)]
}

// merge adds the sample of other rows of the same table; it takes what o has.
func (s *sample) merge(o *sample) {
	for s.halved < o.halved {
		s.halve()
	}
	for o.halved < s.halved {
		o.halve()
	}
	s.rows = append(s.rows, o.rows...)
	for i := range s.columns {
		s.columns[i].numbers = append(s.columns[i].numbers, o.columns[i].numbers...)
		s.columns[i].texts = append(s.columns[i].texts, o.columns[i].texts...)
	}
	s.thin()
}

// frame is the sample in the order of the table. The numbers stay the sample's own.
func (s *sample) frame() *dataset.Frame {
	order := seqOf(len(s.rows))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.rows[a], s.rows[b]) })
	f := &dataset.Frame{Columns: make([]dataset.Column, len(s.columns))}
	each(len(s.columns), func(i int) {
		c := &s.columns[i]
		c.numbers, c.texts = inOrder(c.numbers, order), inOrder(c.texts, order)
		if c.kind == dataset.Numeric {
			f.Columns[i] = dataset.NumericColumn(c.name, c.numbers)
		} else {
			f.Columns[i] = dataset.CategoricalColumn(c.name, c.texts, func(text string) bool { return text == "" })
		}
	})
	s.rows = inOrder(s.rows, order)
	return f
}

func inOrder[T any](v []T, order []int) []T {
	if len(v) == 0 {
		return v
	}
	sorted := make([]T, len(order))
	for to, from := range order {
		sorted[to] = v[from]
	}
	return sorted
}

// fewer are the rows of frame, which is the sample's, that a sample of at most so many would have.
func (s *sample) fewer(frame *dataset.Frame, most int) *dataset.Frame {
	places := seqOf(len(s.rows))
	for halved := s.halved; len(places) > most; {
		halved++
		places = slices.DeleteFunc(places, func(i int) bool { return !has(s.rows[i], halved) })
	}
	return frame.Take(places)
}
