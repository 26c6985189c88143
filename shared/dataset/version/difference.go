package version

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// Difference is what changed from one table to another.
type Difference struct {
	Same      bool     `json:"same"`                // the digests are equal: the same rows in the same order
	Rows      [2]int   `json:"rows"`                // before, after
	Added     int      `json:"added"`               // rows that only the second has
	Removed   int      `json:"removed"`             // rows that only the first has
	Common    int      `json:"common"`              // rows of both; a row that stands three times and then twice is common twice, removed once
	Reordered bool     `json:"reordered,omitempty"` // the same rows in another order
	On        []string `json:"compared_on"`         // the columns by which rows were compared: those that both have

	NewColumns  []string       `json:"new_columns,omitempty"`
	GoneColumns []string       `json:"gone_columns,omitempty"`
	ColumnOrder bool           `json:"column_order,omitempty"` // the shared columns stand in another order
	Columns     []ColumnChange `json:"columns"`                // shared columns whose summary changed, in the order of the second
}

// ColumnChange is one column before and after.
type ColumnChange struct {
	Name       string       `json:"name"`
	Before     Summary      `json:"before"`
	After      Summary      `json:"after"`
	NewLevels  []string     `json:"new_levels,omitempty"` // sorted
	GoneLevels []string     `json:"gone_levels,omitempty"`
	Shift      number.Float `json:"shift"` // numeric: change of the mean in standard deviations of the first; categorical: total variation distance of the levels; NaN: not to be had
}

// Summary is one column in a few figures. Mean, SD (n-1 in the denominator), Min and Max are of the present numbers, NaN where there are none.
type Summary struct {
	Kind     dataset.Kind `json:"kind"`
	Missing  int          `json:"missing"`
	Distinct int          `json:"distinct"`
	Mean     number.Float `json:"mean"`
	SD       number.Float `json:"sd"`
	Min      number.Float `json:"min"`
	Max      number.Float `json:"max"`
}

// Compare tells what changed from a to b. Rows are compared exactly, as multisets, by the columns that both have, in whatever order these
// stand: by 128 bits of SHA-256 over their texts, a missing value apart from every text. A number and a level that is spelled as it are equal
// there; that the kind changed is said of the column.
func Compare(a, b *dataset.Frame) Difference {
	d := Difference{Rows: [2]int{a.Rows(), b.Rows()}, Same: dataset.Digest(a) == dataset.Digest(b)}
	for _, name := range b.Names() {
		if a.Column(name) == nil {
			d.NewColumns = append(d.NewColumns, name)
		} else {
			d.On = append(d.On, name)
		}
	}
	var before []string
	for _, name := range a.Names() {
		if b.Column(name) == nil {
			d.GoneColumns = append(d.GoneColumns, name)
		} else {
			before = append(before, name)
		}
	}
	d.ColumnOrder = !slices.Equal(before, d.On)
	d.countRows(rowDigests(a, d.On), rowDigests(b, d.On))
	d.Columns = []ColumnChange{}
	for _, name := range d.On {
		if c, changed := compareColumn(a.Column(name), b.Column(name)); changed {
			d.Columns = append(d.Columns, c)
		}
	}
	return d
}

func (d *Difference) countRows(a, b [][16]byte) {
	if len(d.On) == 0 { // nothing to know a row by
		d.Removed, d.Added = d.Rows[0], d.Rows[1]
		return
	}
	d.Reordered = !slices.Equal(a, b)
	left := make(map[[16]byte]int, len(a))
	for _, h := range a {
		left[h]++
	}
	for _, h := range b {
		if left[h] > 0 {
			left[h]--
			d.Common++
		}
	}
	d.Removed, d.Added = len(a)-d.Common, len(b)-d.Common
	d.Reordered = d.Reordered && d.Removed == 0 && d.Added == 0
}

// rowDigests are the names of the rows by the given columns.
func rowDigests(f *dataset.Frame, names []string) [][16]byte {
	out := make([][16]byte, f.Rows())
	columns := make([]*dataset.Column, len(names))
	for j, n := range names {
		columns[j] = f.Column(n)
	}
	var buf []byte
	for i := range out {
		buf = buf[:0]
		for _, c := range columns {
			if c.Missing(i) {
				buf = append(buf, 0)
				continue
			}
			text := c.Text(i)
			if text == "-0" {
				text = "0"
			}
			buf = append(binary.AppendUvarint(buf, 1+uint64(len(text))), text...)
		}
		sum := sha256.Sum256(buf)
		out[i] = [16]byte(sum[:16])
	}
	return out
}

func compareColumn(a, b *dataset.Column) (ColumnChange, bool) {
	c := ColumnChange{Name: b.Name, Before: Summarise(a), After: Summarise(b), Shift: number.Float(math.NaN())}
	switch {
	case a.Kind != b.Kind:
	case a.Kind == dataset.Numeric:
		if sd := c.Before.SD; sd > 0 {
			c.Shift = (c.After.Mean - c.Before.Mean) / sd
		}
	default:
		c.levels(shares(a), shares(b))
	}
	same := func(x, y number.Float) bool { return x == y || math.IsNaN(float64(x)) && math.IsNaN(float64(y)) }
	x, y := c.Before, c.After
	equal := x.Kind == y.Kind && x.Missing == y.Missing && x.Distinct == y.Distinct && same(x.Mean, y.Mean) && same(x.SD, y.SD) && same(x.Min, y.Min) && same(x.Max, y.Max)
	return c, !equal || len(c.NewLevels)+len(c.GoneLevels) > 0 || c.Before.Kind == dataset.Categorical && c.Shift > 0
}

// levels compares the shares that levels have among the present values.
func (c *ColumnChange) levels(a, b map[string]float64) {
	distance := 0.0
	names := make([]string, 0, len(a)+len(b))
	for l := range a {
		names = append(names, l)
		if _, ok := b[l]; !ok {
			c.GoneLevels = append(c.GoneLevels, l)
		}
	}
	for l := range b {
		if _, ok := a[l]; !ok {
			names = append(names, l)
			c.NewLevels = append(c.NewLevels, l)
		}
	}
	sort.Strings(names) // a sum in one order is one number
	for _, l := range names {
		distance += math.Abs(a[l]-b[l]) / 2
	}
	sort.Strings(c.NewLevels)
	sort.Strings(c.GoneLevels)
	if len(a) > 0 && len(b) > 0 {
		c.Shift = number.Float(distance)
	}
}

func shares(c *dataset.Column) map[string]float64 {
	counts := make([]int, len(c.Levels))
	n := 0
	for _, k := range c.Code {
		if k >= 0 {
			counts[k]++
			n++
		}
	}
	out := map[string]float64{}
	for k, count := range counts {
		if count > 0 {
			out[c.Levels[k]] = float64(count) / float64(n)
		}
	}
	return out
}

// Summarise sums a column up. Mean and SD are Welford's, so that large values lose no digits, over the values in ascending order, so that the
// order of the rows changes nothing.
func Summarise(c *dataset.Column) Summary {
	nan := number.Float(math.NaN())
	s := Summary{Kind: c.Kind, Missing: c.MissingCount(), Distinct: c.Distinct(), Mean: nan, SD: nan, Min: nan, Max: nan}
	present := slices.DeleteFunc(slices.Clone(c.Float), math.IsNaN)
	slices.Sort(present)
	n, mean, squares := 0.0, 0.0, 0.0
	for _, v := range present {
		n++
		delta := v - mean
		mean += delta / n
		squares += delta * (v - mean)
	}
	if n > 0 {
		s.Mean, s.Min, s.Max = number.Float(mean), number.Float(present[0]), number.Float(present[len(present)-1])
	}
	if n > 1 {
		s.SD = number.Float(math.Sqrt(squares / (n - 1)))
	}
	return s
}
