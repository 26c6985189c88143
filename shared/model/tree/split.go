package tree

import (
	"math"
	"slices"
	"sort"
)

// split is a question to the rows of a leaf, and what it would gain.
type split struct {
	gain         float64
	feature      int       // -1: none worth asking
	bin          int       // numeric: bins up to this one go left
	left         [4]uint64 // categorical: bit b is set when bin b goes left
	missingRight bool      // where bins without rows here go, too
	g, h         float64   // sums of the left side
}

const (
	categorySmooth = 10.0 // pulls the rank of rare levels to the middle (LightGBM's cat_smooth)
	categoryL2     = 10.0 // further penalty on splits of more than categoryFew levels (LightGBM's cat_l2)
	categoryFew    = 4
	leastGain      = 1e-12 // in units of the loss: less is rounding
	absent         = 1e-10 // share of the leaf's second derivatives below which a bin has no rows: subtraction leaves dust
)

// finder looks for the best split of one feature in one leaf.
type finder struct {
	Rules
	bounds
	g, h   float64 // sums of the leaf
	rows   float64 // a row per unit of second derivative: rows of the leaf / h
	parent float64 // what the leaf's own step is worth
	sign   int8    // of the feature's constraint
	plain  bool    // no L1, no constraint
	best   split
	order  []int // scratch: bins
}

// try weighs a split whose left side sums to g and h and keeps it if it is the best so far.
func (f *finder) try(g, h, extra float64) bool {
	rg, rh, least := f.g-g, f.h-h, float64(f.MinLeaf)-0.5
	if h < f.MinHessian || rh < f.MinHessian || h*f.rows < least || rh*f.rows < least {
		return false
	}
	l2 := f.L2 + extra
	var gain float64
	if f.plain {
		gain = float64(g*g)/(h+l2) + float64(rg*rg)/(rh+l2) - f.parent
	} else if f.sign != 0 && float64(f.sign)*(f.step(f.bounds, rg, rh, l2)-f.step(f.bounds, g, h, l2)) < 0 {
		return false
	} else {
		gain = f.gain(g, h, l2) + f.gain(rg, rh, l2) - f.parent
	}
	if !(gain > f.best.gain) {
		return false
	}
	f.best.gain, f.best.g, f.best.h = gain, g, h
	f.best.missingRight = rh > h // unless a scan knows better: the way of most rows
	return true
}

// gain is what the best step within bounds is worth: (|g|-L1)**2/(h+l2) where it lies within.
func (f *finder) gain(g, h, l2 float64) float64 {
	if f.plain {
		return float64(g*g) / (h + l2)
	}
	return f.worth(f.step(f.bounds, g, h, l2), g, h, l2)
}

// find gives the best split of the feature whose cells are c.
func (f *finder) find(b *binning, feature int, c []cell) split {
	f.best = split{gain: leastGain, feature: -1}
	switch {
	case b.categorical:
		f.category(b, feature, c)
	case b.missing:
		f.number(feature, c[:b.bins], c[b.bins])
	default:
		f.number(feature, c, cell{})
	}
	return f.best
}

// number scans the cuts after each of the cells c, with the rows that miss the value on the right and, if there are any, on the left. All
// cells on the left and the missing on the right asks only whether the value is missing.
func (f *finder) number(feature int, c []cell, miss cell) {
	some, sign := miss.h > absent*f.h, f.sign
	for _, missingRight := range []bool{true, false} {
		var g, h float64
		last := len(c) - 1
		if some && missingRight {
			last = len(c)
		} else if some {
			g, h = miss.g, miss.h
		}
		for i := range last {
			g += c[i].g
			h += c[i].h
			if i == len(c)-1 {
				f.sign = 0 // what is asked is not the order of numbers
			}
			if f.try(g, h, 0) {
				f.best.feature, f.best.bin = feature, i
				if some {
					f.best.missingRight = missingRight
				}
			}
		}
		f.sign = sign
		if !some {
			return
		}
	}
}

// category orders the levels by their mean gradient and scans the prefixes: for a convex loss the best of all subsets is among them
// (W. Fisher, "On grouping for maximum homogeneity", 1958). A missing value is one more level. Levels without rows here go the way of the
// missing; where nothing is missing, of the rarest levels, which share a bin, being most like them; else of most rows.
func (f *finder) category(b *binning, feature int, c []cell) {
	f.order = f.order[:0]
	for i := range c {
		if c[i].h > absent*f.h {
			f.order = append(f.order, i)
		}
	}
	rank := func(i int) float64 { return c[i].g / (c[i].h + categorySmooth) }
	sort.SliceStable(f.order, func(i, j int) bool { return rank(f.order[i]) < rank(f.order[j]) })
	extra := 0.0
	if len(f.order) > categoryFew {
		extra = categoryL2
	}
	var g, h float64
	cut := -1
	for i := range max(0, len(f.order)-1) {
		g += c[f.order[i]].g
		h += c[f.order[i]].h
		if f.try(g, h, extra) {
			cut = i
		}
	}
	if cut < 0 {
		return
	}
	f.best.feature = feature
	f.best.left = [4]uint64{}
	if at := slices.Index(f.order, b.bins-1); b.rare && at >= 0 {
		f.best.missingRight = at > cut
	}
	present := [4]uint64{}
	for i, bin := range f.order {
		present[bin/64] |= 1 << (bin % 64)
		switch {
		case bin == b.bins:
			f.best.missingRight = i > cut
		case i <= cut:
			f.best.left[bin/64] |= 1 << (bin % 64)
		}
	}
	if !f.best.missingRight { // bins without rows join the missing on the left
		for bin := range b.bins {
			if present[bin/64]&(1<<(bin%64)) == 0 {
				f.best.left[bin/64] |= 1 << (bin % 64)
			}
		}
	}
}

// sides is 1 for each bin that goes right.
func (s *split) sides(b *binning) (right [256]uint8) {
	for bin := range b.bins {
		if b.categorical {
			right[bin] = 1 - uint8(s.left[bin/64]>>(bin%64)&1)
		} else if bin > s.bin {
			right[bin] = 1
		}
	}
	if s.missingRight {
		right[b.bins] = 1
	}
	return right
}

// threshold is the cut of a numeric split. When only missing values go right, it is the greatest number there is.
func (s *split) threshold(b *binning) float64 {
	if s.bin < len(b.cuts) {
		return b.cuts[s.bin]
	}
	return math.MaxFloat64
}

// levels is the set of level codes that go left. A level that had no rows at all goes where the missing go.
func (s *split) levels(b *binning) []uint64 {
	set := make([]uint64, (b.levels+63)/64)
	if !s.missingRight {
		for k := range b.levels {
			set[k/64] |= 1 << (k % 64)
		}
	}
	for i, k := range b.level {
		if bin := b.place[i]; s.left[bin/64]>>(bin%64)&1 == 1 {
			set[k/64] |= 1 << (k % 64)
		} else {
			set[k/64] &^= 1 << (k % 64)
		}
	}
	return set
}
