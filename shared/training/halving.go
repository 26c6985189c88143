package training

import (
	"cmp"
	"fmt"
	"slices"

	"mlops/shared/fault"
)

// rung is one round of successive halving: so many candidates, each up to so many folds.
type rung struct{ candidates, folds int }

// ladder are the rungs of n candidates on k folds: all on one fold, the better half on two, half of these on four, until all folds.
func ladder(n, k int) []rung {
	var out []rung
	for folds := 1; ; folds *= 2 {
		folds = min(folds, k)
		if n == 1 {
			folds = k
		}
		out = append(out, rung{n, folds})
		if folds == k {
			return out
		}
		n = (n + 1) / 2
	}
}

// cost is how many fits a ladder takes.
func cost(ladder []rung) (fits int) {
	before := 0
	for _, r := range ladder {
		fits += r.candidates * (r.folds - before)
		before = r.folds
	}
	return fits
}

// plan decides how the budget is spent, after the baseline's folds and the last fit on all rows: nil when it is enough for all folds of all
// candidates, else the ladder of as many of them, in their order, as it is enough for. The error says what is needed at least.
func plan(budget, candidates, folds int) ([]rung, error) {
	left := budget - folds - 1
	if budget == 0 || candidates == 0 || candidates*folds <= left {
		return nil, nil
	}
	for n := candidates; n >= 1; n-- {
		if l := ladder(n, folds); cost(l) <= left {
			return l, nil
		}
	}
	least := 2*folds + 1
	return nil, fault.Invalidf("a budget of %d fits is too small", budget).With(fault.Detail{Field: "budget", Code: "out_of_range", Got: budget,
		Expected: fmt.Sprintf("at least %d: %d folds of the naive baseline and of one candidate, and the last fit on all rows; or fewer folds", least, folds)})
}

// halve runs successive halving (K. Jamieson & A. Talwalkar, AISTATS 2016), folds being what a candidate is given more of. It compares by the mean
// loss on the folds that all on the rung have.
func (r *run) halve(trials []*trial, rungs []rung) {
	alive := slices.Clone(trials[:rungs[0].candidates])
	for _, t := range trials[len(alive):] {
		t.note = fmt.Sprintf("not tried: the budget of %d fits", r.spec.Budget)
	}
	for i, g := range rungs {
		if i > 0 {
			slices.SortStableFunc(alive, func(a, b *trial) int { return cmp.Compare(a.loss(rungs[i-1].folds), b.loss(rungs[i-1].folds)) })
			for _, t := range alive[min(g.candidates, len(alive)):] {
				t.note, t.predictors = fmt.Sprintf("halved after %d of %d folds: %s", len(t.scores), r.spec.Folds, r.lag(t, alive[0])), nil
			}
			alive = alive[:min(g.candidates, len(alive))]
		}
		for at, t := range alive {
			for k := len(t.scores); k < g.folds; k++ {
				if !r.advance(t, k) {
					break
				}
				if r.complete(t) {
					r.finish(t)
				}
				next := t.name()
				if k+1 == g.folds && at+1 < len(alive) {
					next = alive[at+1].name()
				}
				r.tell(next)
			}
			if r.interrupted {
				return
			}
		}
		alive = slices.DeleteFunc(alive, func(t *trial) bool { return t.err != nil })
		if len(alive) == 0 {
			return
		}
	}
}
