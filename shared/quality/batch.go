// Package quality follows the quality of a dataset, or of a model's traffic, from batch to batch: how many rows came, how complete they are,
// what lay outside the range seen so far, which categories are new, how many rows repeat others. Each is a series of numbers; a value that the
// series so far does not bear is an anomaly. It knows no model and no reference: whether rows differ from those of a training is the business
// of the drift room.
//
// The metrics and strategies are those of Deequ (Schelter et al., "Automating Large-Scale Data Quality Verification", VLDB 2018,
// https://github.com/awslabs/deequ).
package quality

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"mlops/shared/dataset"
)

// Limits of what is followed.
const (
	MaxColumns = 200     // beyond them a column counts in the totals only
	MaxLevels  = 200     // a text column with more is free text: its categories are not followed
	maxLevel   = 64      // bytes of a category that is remembered; a longer one is free text
	maxRows    = 2000000 // rows among which repeats are looked for
)

// Batch is what one table tells, with respect to what was known before. Batches of one period may be merged.
type Batch struct {
	At         time.Time `json:"at"`
	Rows       int       `json:"rows"`
	Duplicates int       `json:"duplicates"` // rows that repeat an earlier row of the same table
	Cells      int       `json:"cells"`
	Present    int       `json:"present"` // cells that are not missing
	Columns    []Column  `json:"columns"`
}

// Column is what a batch tells of one column.
type Column struct {
	Name    string   `json:"name"`
	Numeric bool     `json:"numeric"`
	Present int      `json:"present"`
	Low     float64  `json:"low"`     // of the present numbers; 0 when there are none
	High    float64  `json:"high"`    //
	Outside int      `json:"outside"` // numbers outside what was known
	Unseen  int      `json:"unseen"`  // rows with a category that was not known
	Levels  []string `json:"levels"`  // categories, sorted; nil with Free
	Free    bool     `json:"free"`    // too many categories, or too long ones
}

// Known is what the batches so far have shown of a column.
type Known struct {
	Numeric bool     `json:"numeric"`
	Low     float64  `json:"low"`
	High    float64  `json:"high"`
	Ranged  bool     `json:"ranged"` // Low and High are known
	Levels  []string `json:"levels,omitempty"`
	Free    bool     `json:"free,omitempty"`
	Batches int      `json:"batches"` // that showed it
}

// widening is the share of a range's width by which a number may lie beyond it on either side and still count as inside.
const widening = 0.1

// inside reports whether v lies in the range widened.
func (k Known) inside(v float64) bool {
	pad := (k.High - k.Low) * widening
	return v >= k.Low-pad && v <= k.High+pad
}

// Measure takes the figures of a table. A column of which nothing is known yet has nothing outside and nothing unseen.
func Measure(f *dataset.Frame, known map[string]Known, at time.Time) Batch {
	b := Batch{At: at, Rows: f.Rows(), Duplicates: duplicates(f), Cells: f.Rows() * len(f.Columns)}
	for i := range f.Columns {
		c := &f.Columns[i]
		present := c.Len() - c.MissingCount()
		b.Present += present
		if i >= MaxColumns {
			continue
		}
		m := Column{Name: c.Name, Numeric: c.Kind == dataset.Numeric, Present: present}
		k, seen := known[c.Name]
		seen = seen && k.Numeric == m.Numeric
		if m.Numeric {
			m.numbers(c.Float, k, seen && k.Ranged)
		} else {
			m.categories(c, k, seen && !k.Free && k.Batches > 0)
		}
		b.Columns = append(b.Columns, m)
	}
	return b
}

func (m *Column) numbers(values []float64, k Known, seen bool) {
	first := true
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if first || v < m.Low {
			m.Low = v
		}
		if first || v > m.High {
			m.High = v
		}
		first = false
		if seen && !k.inside(v) {
			m.Outside++
		}
	}
}

func (m *Column) categories(c *dataset.Column, k Known, seen bool) {
	count := make([]int, len(c.Levels))
	for _, code := range c.Code {
		if code >= 0 {
			count[code]++
		}
	}
	for code, n := range count {
		if n == 0 {
			continue
		}
		level := c.Levels[code]
		if seen {
			if _, ok := slices.BinarySearch(k.Levels, level); !ok {
				m.Unseen += n
			}
		}
		if m.Free = m.Free || len(level) > maxLevel || len(m.Levels) == MaxLevels; !m.Free {
			m.Levels = append(m.Levels, level)
		}
	}
	if m.Free {
		m.Levels = nil
	}
}

// duplicates counts the rows that equal an earlier one in every column, by a 64-bit hash of their values.
func duplicates(f *dataset.Frame) int {
	n := min(f.Rows(), maxRows)
	seen := make(map[uint64]struct{}, n)
	seed := maphash.MakeSeed()
	row := make([]byte, 0, 8*len(f.Columns))
	for i := range n {
		row = row[:0]
		for j := range f.Columns {
			c := &f.Columns[j]
			v := uint64(0)
			if c.Kind == dataset.Numeric {
				v = math.Float64bits(c.Float[i] + 0)
			} else {
				v = uint64(int64(c.Code[i]))
			}
			row = binary.LittleEndian.AppendUint64(row, v)
		}
		seen[maphash.Bytes(seed, row)] = struct{}{}
	}
	return n - len(seen)
}

// Merge joins two batches of one period as if their rows had come together, except that a row which repeats one of the other batch is not
// seen. The later time stands. Columns keep the order of a, followed by those that only b has.
func Merge(a, b Batch) Batch {
	out := a
	if b.At.After(a.At) {
		out.At = b.At
	}
	out.Rows, out.Duplicates, out.Cells, out.Present = a.Rows+b.Rows, a.Duplicates+b.Duplicates, a.Cells+b.Cells, a.Present+b.Present
	out.Columns = slices.Clone(a.Columns)
	for _, y := range b.Columns {
		i := slices.IndexFunc(out.Columns, func(x Column) bool { return x.Name == y.Name })
		if i < 0 {
			out.Columns = append(out.Columns, y)
			continue
		}
		x := &out.Columns[i]
		switch {
		case x.Present == 0:
			x.Low, x.High, x.Numeric = y.Low, y.High, y.Numeric
		case y.Present > 0:
			x.Low, x.High = min(x.Low, y.Low), max(x.High, y.High)
		}
		x.Present, x.Outside, x.Unseen, x.Free = x.Present+y.Present, x.Outside+y.Outside, x.Unseen+y.Unseen, x.Free || y.Free
		x.Levels = union(x.Levels, y.Levels)
		if x.Free = x.Free || len(x.Levels) > MaxLevels; x.Free {
			x.Levels = nil
		}
	}
	return out
}

// union is the sorted union of two sorted lists.
func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}
