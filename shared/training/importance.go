package training

import (
	"math/rand/v2"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/model/fit"
)

// Bounds on the work that importance takes, in predictions: a few seconds at most, whatever the table.
const (
	importanceRows        = 20_000 // rows looked at, of all folds together
	importanceRepeats     = 10     // permutations of each feature, on small tables
	importancePredictions = 500_000
	importanceTrees       = 50 // a prediction of so many trees counts as one
)

// importance is, for each feature, by how much the primary metric gets worse on rows that the fold's model had not seen when the
// feature's values are dealt out anew among them; below zero is noise and counts as zero. In the metric's unit, the mean over the folds.
//
// Breiman, Machine Learning 45 (2001); Fisher, Rudin & Dominici, JMLR 20 (2019). Of two features that say the same, each looks
// dispensable.
func (r *run) importance(t *trial) ([]float64, error) {
	features := len(r.data.Features)
	worse := make([]float64, features)
	most := max(50*r.spec.Folds, min(importanceRows, importancePredictions/features/max(1, trees(t.estimator)/importanceTrees)))
	repeats := max(1, min(importanceRepeats, most/r.data.Rows))
	random := rand.New(rand.NewPCG(r.spec.Seed, 0x696d706f7274)) // the second word is arbitrary and fixed
	folds := 0
	for k := range r.held {
		predictor, err := r.predictor(t, k)
		if err != nil {
			return nil, err
		}
		held := r.data.Take(thin(r.data.Labels, r.held[k], most/r.spec.Folds))
		before, err := evaluate.Score(r.metric, held.Labels, held.Predict(predictor))
		if err != nil || before != before {
			continue // rows of one class only: nothing to be seen on this fold
		}
		folds++
		dealt := make([]float64, held.Rows)
		for j := range features {
			copy(dealt, held.Column(j))
			other := held.With(j, dealt)
			for range repeats {
				random.Shuffle(len(dealt), func(a, b int) { dealt[a], dealt[b] = dealt[b], dealt[a] })
				after, err := evaluate.Score(r.metric, held.Labels, other.Predict(predictor))
				if err != nil {
					continue
				}
				drop := after - before
				if evaluate.Greater(r.metric) {
					drop = -drop
				}
				worse[j] += drop / float64(repeats)
			}
		}
	}
	for j := range worse {
		worse[j] = max(0, worse[j]/float64(max(1, folds)))
	}
	return worse, nil
}

// trees is how many trees a prediction walks.
func trees(e fit.Estimator) (n int) {
	switch e := e.(type) {
	case fit.Engineered:
		return trees(e.Inner)
	case fit.Vote:
		for _, m := range e.Members {
			n += trees(m)
		}
		return n
	}
	v, _ := fit.Number(e.Params()["trees"])
	return int(v)
}

// thin takes about n of the rows, evenly spaced within each class so that none is lost.
func thin(l dataset.Labels, rows []int, n int) []int {
	if len(rows) <= n {
		return rows
	}
	step := float64(len(rows)) / float64(n)
	seen := make([]int, max(1, len(l.Classes)))
	next := make([]float64, len(seen))
	var kept []int
	for _, row := range rows {
		class := 0
		if l.Task != dataset.Regression {
			class = int(l.Y[row])
		}
		if float64(seen[class]) >= next[class] {
			kept = append(kept, row)
			next[class] += step
		}
		seen[class]++
	}
	return kept
}
