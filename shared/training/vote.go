package training

import (
	"fmt"
	"math/bits"

	"mlops/shared/model/fit"
)

// vote adds the votes of the best candidates of different kinds: of the best of each algorithm, at most spec.Vote of them, every subset of two or more.
// Members that err alike gain nothing from each other, hence one of a kind. No fit is needed: a vote's prediction of a fold is the mean of its
// members'. The one-standard-error rule then applies to votes as to all others, and a vote is more complex than its members together.
func (r *run) vote() {
	best := r.bestOfKinds()
	if len(best) < 2 {
		return
	}
	for set := range 1 << len(best) {
		if bits.OnesCount(uint(set)) < 2 {
			continue
		}
		t := &trial{eligible: true}
		var members []fit.Estimator
		for i, m := range best {
			if set&(1<<i) != 0 {
				t.members, members = append(t.members, m), append(members, m.estimator)
			}
		}
		t.estimator = joined(members)
		for k := range r.spec.Folds {
			if err := r.score(t, k, average(t.members, k)); err != nil {
				t.err, t.note = err, "failed: "+err.Error()
				break
			}
		}
		r.trials = append(r.trials, t)
		if r.complete(t) {
			r.finish(t)
		}
	}
}

// bestOfKinds are the candidates of least loss of each algorithm that have all folds, the naive baseline left out, at most spec.Vote, the best first.
func (r *run) bestOfKinds() (best []*trial) {
	byKind := map[string]int{}
	for _, t := range r.trials {
		if !t.eligible || !r.complete(t) || t == r.trials[0] {
			continue
		}
		a := t.estimator.Algorithm()
		if at, ok := byKind[a]; !ok {
			byKind[a] = len(best)
			best = append(best, t)
		} else {
			best[at] = r.least([]*trial{best[at], t})
		}
	}
	for i := range best { // few: by insertion
		for j := i; j > 0; j-- {
			if lead, _ := r.behind(best[j-1], best[j]); !(lead > 0) {
				break
			}
			best[j-1], best[j] = best[j], best[j-1]
		}
	}
	return best[:min(len(best), r.spec.Vote)]
}

// joined makes one estimator of a vote's members: what is engineered is engineered once.
func joined(members []fit.Estimator) fit.Estimator {
	if e, ok := members[0].(fit.Engineered); ok {
		inner := make([]fit.Estimator, len(members))
		for i, m := range members {
			inner[i] = m.(fit.Engineered).Inner
		}
		return fit.Engineered{Recipe: e.Recipe, Inner: fit.Vote{Members: inner}}
	}
	return fit.Vote{Members: members}
}

// average is the mean of the members' predictions of fold k, in the order in which model.Vote sums.
func average(members []*trial, k int) []float64 {
	out := make([]float64, len(members[0].held[k]))
	for _, m := range members {
		for i, p := range m.held[k] {
			out[i] += p
		}
	}
	for i := range out {
		out[i] /= float64(len(members))
	}
	return out
}

// memberNames words the members of a vote.
func memberNames(params map[string]any) (names []string) {
	list, _ := params["members"].([]any)
	for _, m := range list {
		entry, _ := m.(map[string]any)
		algorithm, _ := entry["algorithm"].(string)
		inner, _ := entry["params"].(map[string]any)
		names = append(names, name(algorithm, inner))
	}
	if len(names) == 0 {
		return []string{fmt.Sprint(params)}
	}
	return names
}
