package expect

import (
	"slices"
	"sort"
)

// binning counts values between edges, closed below and open above but for the last, and beyond both ends.
type binning struct {
	edges           []float64
	inner           []int
	below, above, n int
}

func newBinning(edges []float64) *binning {
	return &binning{edges: edges, inner: make([]int, max(1, len(edges)-1))}
}

func (b *binning) add(x float64, times int) {
	last := len(b.edges) - 1
	b.n += times
	switch {
	case x < b.edges[0]:
		b.below += times
	case x > b.edges[last]:
		b.above += times
	case x == b.edges[last]:
		b.inner[max(0, last-1)] += times
	default:
		b.inner[sort.Search(last, func(i int) bool { return b.edges[i+1] > x })] += times
	}
}

func (b *binning) merge(c *binning) {
	b.n, b.below, b.above = b.n+c.n, b.below+c.below, b.above+c.above
	for i, n := range c.inner {
		b.inner[i] += n
	}
}

// shares are those of all values.
func (b *binning) shares() (inner []float64, below, above float64) {
	inner = make([]float64, len(b.inner))
	n := float64(b.n)
	for i, count := range b.inner {
		inner[i] = float64(count) / n
	}
	return inner, float64(b.below) / n, float64(b.above) / n
}

// histogram is the share of a numeric column's values in each bin, and beyond both ends. Of a column that is not held, what was not counted
// yet is asked for, and 0.
func (s *series) histogram(edges []float64) (inner []float64, below, above float64) {
	b := newBinning(edges)
	switch {
	case s.whole == nil:
		for _, v := range s.present() {
			b.add(v, 1)
		}
	case s.whole.boolean:
		for v, n := range s.whole.falseTrue() {
			b.add(float64(v), n)
		}
	default:
		return s.whole.order.binned(edges).shares()
	}
	return b.shares()
}

// binned is the count of a column's values in bins; one that no reading made yet is asked for.
func (o *order) binned(edges []float64) *binning {
	for _, b := range o.bins {
		if slices.Equal(b.edges, edges) {
			return b
		}
	}
	b := newBinning(edges)
	o.bins = append(o.bins, b)
	return b
}
