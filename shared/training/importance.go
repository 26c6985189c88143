package training

import (
	"math/rand/v2"

	"mlops/shared/evaluate"
	"mlops/shared/model"
)

// Bounds on the work that importance takes: a second or two at most, whatever the table and the model.
const (
	importanceRows    = 20_000      // rows looked at, of all folds together
	importanceRepeats = 10          // permutations of each feature, on small tables
	importanceSteps   = 200_000_000 // of predictions, see model.Steps
)

// importance is, for each feature, by how much the primary metric gets worse on rows that the fold's model had not seen when the
// feature's values are dealt out anew among them; below zero is noise and counts as zero. In the metric's unit, the mean over the folds.
//
// Breiman, Machine Learning 45 (2001); Fisher, Rudin & Dominici, JMLR 20 (2019). Of two features that say the same, each looks
// dispensable.
func (r *run) importance(t *trial) ([]float64, error) {
	features := len(r.data.Features)
	worse := make([]float64, features)
	first, err := r.predictor(t, 0)
	if err != nil {
		return nil, err
	}
	most := max(50*r.spec.Folds, min(importanceRows, importanceSteps/features/model.Steps(first)))
	repeats := max(1, min(importanceRepeats, most/r.data.Rows))
	random := rand.New(rand.NewPCG(r.spec.Seed, 0x696d706f7274)) // the second word is arbitrary and fixed
	folds := 0
	for k := range r.held {
		predictor := first
		if k > 0 {
			if predictor, err = r.predictor(t, k); err != nil {
				return nil, err
			}
		}
		held := r.data.Take(r.data.Labels.Thin(r.held[k], most/r.spec.Folds))
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
