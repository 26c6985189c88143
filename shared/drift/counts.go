package drift

import (
	"math"
	"strconv"
	"strings"

	"mlops/shared/dataset"
)

// counts is what one column of a window says on the bins of its profile. Counts of parts add up to those of the whole, to the last bit.
type counts struct {
	rows       int
	missing    int
	infinite   int
	unreadable int            // numbers: texts that are no number
	absent     bool           // there is no such column
	text       bool           // numbers: the column came as text
	numeric    bool           // categories: the column came as numbers
	bins       []int          // numbers: by bin; categories: by level of the profile
	unseen     map[string]int // categories: rows by level that the profile lacks; numbers: by unreadable text; at most maxUnseen of them
	halved     int            // how many times unseen was
	novel      int            // categories: rows of such levels, in unseen or not

	sum, squares *sum    // numbers: of x, and of (x - centre)^2
	centre       float64 // the reference's mean: a sum of squares about it loses no digits
	sizes        sizes
	least        float64 // of the finite values
	most         float64
}

func (f *FeatureProfile) newCounts() *counts {
	c := &counts{bins: make([]int, len(f.Counts)), unseen: map[string]int{}}
	if f.Kind == dataset.Numeric {
		c.sum, c.squares = new(sum), new(sum)
		c.least, c.most = math.Inf(1), math.Inf(-1)
		if f.Mean.Finite() {
			c.centre = float64(f.Mean)
		}
	}
	return c
}

// count reads a column of rows values; nil is a column that is not there.
func (f *FeatureProfile) count(column *dataset.Column, rows int) *counts {
	c := f.newCounts()
	c.add(f, column, rows)
	return c
}

// add reads a column of further rows. It is absent from the window if it is from every part.
func (c *counts) add(f *FeatureProfile, column *dataset.Column, rows int) {
	c.absent = column == nil && (c.absent || c.rows == 0)
	c.rows += rows
	switch {
	case column == nil:
		c.missing += rows
	case f.Kind == dataset.Numeric:
		c.numbers(f, column)
	default:
		c.levels(f, column)
	}
}

func (c *counts) numbers(f *FeatureProfile, column *dataset.Column) {
	edges := f.edges()
	if column.Kind == dataset.Numeric {
		for _, x := range column.Float {
			c.number(edges, x)
		}
		return
	}
	values, ok := make([]float64, len(column.Levels)), make([]bool, len(column.Levels))
	for i, text := range column.Levels {
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		values[i], ok[i] = v, err == nil && !math.IsNaN(v)
	}
	for _, code := range column.Code {
		switch {
		case code < 0:
			c.missing++
		case !ok[code]:
			c.text = true
			c.unreadable++
			c.addUnseen(column.Levels[code], 1)
		default:
			c.text = true
			c.number(edges, values[code])
		}
	}
}

// edges as numbers.
func (f *FeatureProfile) edges() []float64 {
	edges := make([]float64, len(f.Edges))
	for i, e := range f.Edges {
		edges[i] = float64(e)
	}
	return edges
}

func (c *counts) number(edges []float64, x float64) {
	switch {
	case math.IsNaN(x):
		c.missing++
		return
	case math.IsInf(x, 0):
		c.infinite++
		return
	}
	c.bins[bin(edges, x)]++
	d := x - c.centre
	c.sum.add(x)
	c.squares.add(d * d)
	c.sizes.add(x)
	c.least, c.most = min(c.least, x), max(c.most, x)
}

// levels matches by text: a level has no other identity, and a column of codes may come as numbers.
func (c *counts) levels(f *FeatureProfile, column *dataset.Column) {
	at := make(map[string]int, len(f.Levels))
	for i, l := range f.Levels {
		at[l] = i
	}
	place := func(text string, n int) {
		if i, known := at[text]; known {
			c.bins[i] += n
		} else {
			c.addUnseen(text, n)
			c.novel += n
		}
	}
	if column.Kind == dataset.Numeric {
		times := map[float64]int{}
		for _, x := range column.Float {
			if math.IsNaN(x) {
				c.missing++
			} else {
				times[x]++
			}
		}
		c.numeric = c.numeric || len(times) > 0
		for x, n := range times { // in any order: place adds whole numbers
			one := dataset.NumericColumn(column.Name, []float64{x})
			place(one.Text(0), n)
		}
		return
	}
	times := make([]int, len(column.Levels))
	for _, code := range column.Code {
		if code < 0 {
			c.missing++
		} else {
			times[code]++
		}
	}
	for i, n := range times {
		if n > 0 {
			place(column.Levels[i], n)
		}
	}
}

// maxUnseen bounds the texts that are counted by name: of more, those whose hash is small enough, and the limit is halved whenever there are
// too many. Which they are depends on no order, and on no way in which a window is cut.
const maxUnseen = 10_000

func (c *counts) addUnseen(text string, n int) {
	if c.halved > 0 && hashed(text) > math.MaxUint64>>c.halved {
		return
	}
	for c.unseen[text] += n; len(c.unseen) > maxUnseen; {
		c.thinUnseen(c.halved + 1)
	}
}

// thinUnseen lets go of the texts that so many halvings leave no room for.
func (c *counts) thinUnseen(halved int) {
	if halved <= c.halved {
		return
	}
	c.halved = halved
	for text := range c.unseen {
		if hashed(text) > math.MaxUint64>>halved {
			delete(c.unseen, text)
		}
	}
}

// unnamed are the rows of levels that the profile lacks and unseen has no room for.
func (c *counts) unnamed() int {
	n := c.novel
	for _, k := range c.unseen {
		n -= k
	}
	return n
}

// newLevels is how many levels the profile lacks, for people: an estimate where there are more than are counted by name.
func (c *counts) newLevels() string {
	if c.halved == 0 {
		return counted(len(c.unseen), "level")
	}
	return "about " + counted(len(c.unseen)<<c.halved, "level")
}

// merge adds the counts of another part of the window.
func (c *counts) merge(o *counts) {
	c.absent = c.absent && o.absent
	c.text, c.numeric = c.text || o.text, c.numeric || o.numeric
	c.rows += o.rows
	c.missing += o.missing
	c.infinite += o.infinite
	c.unreadable += o.unreadable
	c.novel += o.novel
	for i, n := range o.bins {
		c.bins[i] += n
	}
	c.thinUnseen(o.halved)
	for text, n := range o.unseen {
		c.addUnseen(text, n)
	}
	if c.sum != nil {
		c.sum.merge(o.sum)
		c.squares.merge(o.squares)
		c.sizes.merge(&o.sizes)
		c.least, c.most = min(c.least, o.least), max(c.most, o.most)
	}
}

// with is c with the counts of another part added, on the bins of f: nil as long as no part has any. It never shares with o.
func (c *counts) with(o *counts, f *FeatureProfile) *counts {
	if o == nil {
		return c
	}
	if c == nil {
		c = f.newCounts()
		c.absent = true
	}
	c.merge(o)
	return c
}

// present is the number of rows with a value that can be counted.
func (c *counts) present() int { return c.rows - c.missing - c.infinite - c.unreadable }

func (c *counts) missingShare() float64 { return share(c.missing, c.rows) }

// mean and sd are of the finite values; NaN where there are too few.
func (c *counts) mean() float64 {
	if c.sum == nil || c.present() == 0 {
		return math.NaN()
	}
	return c.sum.mean(c.present())
}

func (c *counts) sd() float64 {
	n := float64(c.present())
	if c.sum == nil || n < 2 {
		return math.NaN()
	}
	if c.squares.overflow || math.IsInf(c.squares.value(), 0) {
		return c.sizes.sd()
	}
	off := c.mean() - c.centre
	return math.Sqrt(max(0, c.squares.value()-float64(n*off*off)) / (n - 1))
}

// constant reports whether there are values and all are the same.
func (c *counts) constant() bool {
	if c.sum != nil {
		return c.least == c.most
	}
	kinds := len(c.unseen)
	for _, n := range c.bins {
		if n > 0 {
			kinds++
		}
	}
	return kinds == 1
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
