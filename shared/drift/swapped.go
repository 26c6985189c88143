package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// mostExchanged bounds how many of the levels that changed most are paired.
const mostExchanged = 40

// What may be left of the change of two levels' shares when they are exchanged back: three times what chance alone leaves on average, and no
// more than half of the change.
const (
	exchangedLuck = 3
	exchangedMost = 0.5
)

// exchangedLevels looks for two levels that stand for one another, as when a code table was turned round: each has the share that the other
// had. Of a category of two levels the distribution's test says as much. The p-value is Fisher's of the two levels' rows alone, times the number of pairs; the size is the share of rows by which they
// differ, so that levels a total variation distance would call too rare to matter are found, too.
func exchangedLevels(f *FeatureProfile, c *counts, p Policy) evidence {
	n, m := f.Rows-f.Missing-f.Infinite, c.present()
	if n < p.MinRows || m < p.MinRows || len(f.Levels) < 3 {
		return tooFew
	}
	type level struct {
		at          int
		before, now float64
	}
	levels := make([]level, len(f.Levels))
	for i := range levels {
		levels[i] = level{i, share(f.Counts[i], n), share(c.bins[i], m)}
	}
	slices.SortStableFunc(levels, func(a, b level) int { return cmp.Compare(math.Abs(b.now-b.before), math.Abs(a.now-a.before)) })
	levels = levels[:min(len(levels), mostExchanged)]
	own, pairs := f.tolerance(n, m), float64(max(len(f.Levels), f.Distinct))*float64(max(len(f.Levels), f.Distinct)-1)/2
	best := evidence{p: 1, threshold: p.MinNewCategory}
	for i, a := range levels {
		for _, b := range levels[i+1:] {
			as := math.Abs(a.now-a.before) + math.Abs(b.now-b.before)
			back := math.Abs(a.now-b.before) + math.Abs(b.now-a.before)
			luck := (chance((a.now+b.before)/2, float64(n), float64(m)) + chance((b.now+a.before)/2, float64(n), float64(m))) * math.Sqrt(own.shape)
			if as/2 <= best.size || back > min(exchangedLuck*luck, exchangedMost*as) {
				continue
			}
			ra, rb, ca, cb := own.worth(f.Counts[a.at]), own.worth(f.Counts[b.at]), own.worth(c.bins[a.at]), own.worth(c.bins[b.at])
			if chance := min(1, pairs*fisher(ca, ca+cb, ra, ra+rb)); chance < best.p {
				best.p, best.size, best.levels = chance, as/2, []string{f.Levels[a.at], f.Levels[b.at]}
			}
		}
	}
	if best.size <= p.MinNewCategory {
		return tooFew // no pair looks exchanged: no test
	}
	slices.Sort(best.levels)
	return best
}

// exchangedBack are the window's counts with two levels' in each other's place.
func exchangedBack(f *FeatureProfile, c *counts, levels []string) []int {
	back := slices.Clone(c.bins)
	i, j := slices.Index(f.Levels, levels[0]), slices.Index(f.Levels, levels[1])
	back[i], back[j] = back[j], back[i]
	return back
}

func (col *column) exchanged(e evidence, pol Policy) []Finding {
	f, c := col.f, col.c
	at := func(level string) (before, now string) {
		i := slices.Index(f.Levels, level)
		return percent(share(f.Counts[i], f.Rows-f.Missing-f.Infinite)), percent(share(c.bins[i], c.present()))
	}
	a0, a1 := at(e.levels[0])
	b0, b1 := at(e.levels[1])
	finding := col.finding(Covariate, SeverityWarn, e.size, "share of rows", e, fmt.Sprintf("%s changed as when %q and %q stand for one another: %s against %s, and %s against %s",
		f.Name, shortened(e.levels[0]), shortened(e.levels[1]), a1, a0, b1, b0))
	finding.Levels = e.levels
	return []Finding{finding}
}
