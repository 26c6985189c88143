package drift

import (
	"math"
	"slices"

	"mlops/shared/dataset"
)

// detector is one way in which a column can differ from its reference. Each asks about something else (whether there is a value, which
// values there are, whether their levels are known), so that one change does not answer for all.
type detector struct {
	name       string
	kinds      []dataset.Kind // columns it applies to
	prediction bool           // it applies to the model's answers, too
	test       func(*FeatureProfile, *counts, Policy) evidence
	find       func(*column, evidence, Policy) []Finding // what to say of evidence that counts
}

// evidence is what a detector measured.
type evidence struct {
	p         float64 // chance of as great a difference when nothing changed; NaN: too little to test
	size      float64 // of the change, in the detector's unit, >= 0
	threshold float64 // size must exceed it
	statistic float64
	df        int
	noise     float64 // by how many times the reference's own parts vary more than independent rows do; 0 or 1: no more
	levels    []string

	adjusted float64 // p, corrected for all tests of the report
}

// counts reports whether the change is both certain and large enough to matter.
func (e evidence) counts(p Policy) bool { return e.adjusted < p.Alpha && e.size > e.threshold }

// detectors in the order of their findings. A report corrects over all of them and all columns.
var detectors = []detector{
	{"distribution", []dataset.Kind{dataset.Numeric}, true, shiftOfNumbers, (*column).changed},
	{"distribution", []dataset.Kind{dataset.Categorical}, true, shiftOfLevels, (*column).changed},
	{"outside", []dataset.Kind{dataset.Numeric}, true, outsideValues, (*column).outside},
	{"swapped_category", []dataset.Kind{dataset.Categorical}, false, exchangedLevels, (*column).exchanged},
	{"missing", []dataset.Kind{dataset.Numeric, dataset.Categorical}, true, shiftOfMissing, (*column).missing},
	{"new_category", []dataset.Kind{dataset.Categorical}, false, unseenLevels, (*column).unseen},
	{"vanished_category", []dataset.Kind{dataset.Categorical}, false, vanishedLevels, (*column).vanished},
}

// tooFew is the evidence of too few values.
var tooFew = evidence{p: math.NaN(), size: math.NaN(), threshold: math.NaN(), statistic: math.NaN()}

// shiftOfNumbers tests the binned values twice: the rank sum, which sees a shift best and trusts no mean, and the chi-square, which sees
// any other change of shape. The smaller p counts double (Bonferroni). The size is the total variation distance.
func shiftOfNumbers(f *FeatureProfile, c *counts, p Policy) evidence {
	t := newTable(f.Counts, c.bins)
	if t.n < p.MinRows || t.m < p.MinRows {
		return tooFew
	}
	cells := t.poolNeighbours(1)
	own := f.tolerance(t.n, t.m).reaching(cells)
	z, byRank := t.rankSum()
	if own.rank > 1 {
		byRank = own.scaled(z*z, own.rank, 1, 1)
	}
	e := cells.evidence(t.poolNeighbours(own.shape), p, own)
	e.p = min(1, 2*min(byRank, e.p))
	return e
}

// shiftOfLevels tests the levels of both samples together, rare ones pooled, by the chi-square.
func shiftOfLevels(f *FeatureProfile, c *counts, p Policy) evidence {
	t := f.levelTable(c)
	if f.Other == 0 {
		t.ref, t.cur = slices.Clone(t.ref), slices.Clone(t.cur)
		for _, level := range sortedKeys(c.unseen) {
			t.ref, t.cur = append(t.ref, 0), append(t.cur, c.unseen[level])
		}
		t.rest[1], t.m = c.unnamed(), t.m+c.novel
	}
	if t.n < p.MinRows || t.m < p.MinRows {
		return tooFew
	}
	own := f.tolerance(t.n, t.m)
	return f.levelEvidence(t, p, own)
}

func (f *FeatureProfile) levelEvidence(t table, p Policy, own tolerance) evidence {
	known := f.rareness(t)
	cells := t.poolRare(known)
	own = own.reaching(cells)
	return cells.evidence(t.poolRare(max(known, own.shape)), p, own)
}

// levelTable counts both samples on the levels that the profile keeps. Where it does not keep all of the reference's, nobody knows which of
// the window's other levels were among them: they are the rest.
func (f *FeatureProfile) levelTable(c *counts) table {
	t := newTable(f.Counts, c.bins)
	if f.Other > 0 {
		t.rest = [2]int{f.Other, c.novel}
		t.n, t.m = t.n+f.Other, t.m+c.novel
	}
	return t
}

// rareness is the factor for poolRare. Where the profile keeps only the most frequent of the reference's levels, those near the least that it
// keeps were often kept for being frequent by chance, and would be rarer in any window: only what chance hardly brings there is told apart.
func (f *FeatureProfile) rareness(t table) float64 {
	if f.Other == 0 {
		return 1
	}
	least := float64(slices.Min(f.Counts))
	return max(1, (least+5*math.Sqrt(least)+5)*float64(t.n+t.m)/float64(t.n)/t.enough())
}

// evidence of a table whose rare cells are pooled, the size from it and the p-value from a further pooled one. Where the reference's own parts
// differ beyond chance, so may the window: the distance must exceed what such samples have on average, and the p-value is that of the
// chi-square scaled by as much, on cells that hold enough independent rows' worth.
func (t table) evidence(tested table, p Policy, own tolerance) (e evidence) {
	e.statistic, e.df, e.p = tested.chiSquare()
	e.p = tested.exact(e.p)
	if own.shape > 1 && e.df > 0 {
		e.p = own.scaled(e.statistic, own.shape, min(own.df, float64(e.df)), e.df)
	}
	distance, noise := t.variation()
	e.size, e.threshold, e.noise = distance, max(p.MinEffect, min(1, noise*math.Sqrt(own.shape))), max(own.shape, own.rank)
	return e
}

// shiftOfMissing tests the share of missing values exactly (Fisher); the size is the difference of the shares.
func shiftOfMissing(f *FeatureProfile, c *counts, p Policy) evidence {
	if f.Rows < p.MinRows || c.rows < p.MinRows {
		return tooFew
	}
	n, m, own := float64(f.Rows), float64(c.rows), f.tolerance(f.Rows, c.rows)
	e := evidence{
		p:         fisher(c.missing, c.rows, f.Missing, f.Rows),
		size:      math.Abs(c.missingShare() - share(f.Missing, f.Rows)),
		threshold: max(p.MinMissing, min(1, chance(float64(f.Missing+c.missing)/(n+m), n, m)*math.Sqrt(own.missing))),
	}
	if own.missing > 1 {
		statistic, _, _ := newTable([]int{f.Rows - f.Missing, f.Missing}, []int{c.rows - c.missing, c.missing}).chiSquare()
		e.p = max(e.p, own.scaled(statistic, own.missing, 1, 1))
	}
	return e
}

// unseenLevels tests the rows whose level the reference lacks. Rare levels are new by chance alone: of a level's t rows in both samples, all
// fall into the window with probability q^t, q the window's share of the rows. The size is the share of such rows. Where the
// reference has more levels than its profile keeps, nobody knows which are new. Rows of levels that are too many to count by name count as a
// level each, which chance brings sooner than any other.
func unseenLevels(f *FeatureProfile, c *counts, p Policy) evidence {
	n, m := f.Rows-f.Missing-f.Infinite, c.present()
	if n < p.MinRows || m < p.MinRows || f.Other > 0 {
		return tooFew
	}
	own := f.tolerance(n, m)
	levels, novel := map[int]int{}, 0 // by rows in both samples
	for i, k := range f.Counts {
		levels[own.novelWorth(k+c.bins[i])]++
	}
	for _, k := range c.unseen {
		levels[own.novelWorth(k)]++
		novel += own.novelWorth(k)
	}
	unnamed := c.unnamed()
	levels[1], novel = levels[1]+unnamed, novel+unnamed
	tail, mean := onlyThere(levels, novel, float64(m)/float64(n+m))
	return evidence{p: tail, size: share(c.novel, m), threshold: max(p.MinNewCategory, mean/float64(own.novelWorth(m)), own.novel), levels: mostFrequent(c.unseen)}
}

// vanishedLevels tests whether a level of the reference is absent by more than chance: Fisher's exact p of its absence, times the number
// of levels that could have been the one. The size is the most frequent vanished level's share of the reference.
func vanishedLevels(f *FeatureProfile, c *counts, p Policy) evidence {
	n, m := f.Rows-f.Missing-f.Infinite, c.present()
	if n < p.MinRows || m < p.MinRows {
		return tooFew
	}
	absent, most := map[string]int{}, 0
	for i, k := range f.Counts {
		if c.bins[i] == 0 && k > 0 {
			absent[f.Levels[i]] = k
			most = max(most, k)
		}
	}
	own := f.tolerance(n, m)
	threshold := max(p.MinNewCategory, own.absent)
	chanceOf := func(k int) float64 {
		return min(1, float64(max(len(f.Levels), f.Distinct))*atLeast(own.worth(k), own.worth(n), 0, own.worth(m)))
	}
	for level, k := range absent {
		if !(chanceOf(k) < p.Alpha) || share(k, n) <= threshold {
			delete(absent, level)
		}
	}
	return evidence{p: chanceOf(most), size: share(most, n), threshold: threshold, levels: mostFrequent(absent)}
}
