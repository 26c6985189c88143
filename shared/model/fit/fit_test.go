package fit_test

import (
	"bytes"
	"slices"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/model/modeltest"
)

func TestEstimatorsKeepTheirPromises(t *testing.T) {
	exact := modeltest.Tolerance{RowOrder: 1e-6, Learns: 0.9}
	type promise struct {
		estimator fit.Estimator
		tolerance modeltest.Tolerance
	}
	cases := map[string]promise{
		"baseline":          {fit.Baseline{}, modeltest.Tolerance{RowOrder: 1e-12}},
		"linear":            {fit.Linear{}, exact},
		"linear, strong":    {fit.Linear{C: 1e-3}, modeltest.Tolerance{RowOrder: 1e-6}},
		"lasso":             {fit.Linear{C: 0.1, L1Ratio: 1}, exact},
		"elastic net":       {fit.Linear{L1Ratio: 0.5}, exact},
		"boosting":          {fit.Boosting{Trees: 30}, modeltest.Tolerance{RowOrder: 0.01, Learns: 0.8}},
		"boosting, sampled": {fit.Boosting{Trees: 30, Subsample: 0.6, FeatureShare: 0.5}, modeltest.Tolerance{RowOrder: 0.1, Learns: 0.9}},
		"boosting, large":   {fit.Boosting{Trees: 10, Leaves: 64, MinLeaf: 1, L2: -1, LearningRate: 0.3}, modeltest.Tolerance{RowOrder: 0.05, Learns: 0.95}},
		"boosting, early":   {fit.Boosting{Trees: 60, EarlyStopping: 10, Subsample: 0.7}, modeltest.Tolerance{RowOrder: 0.2, Learns: 0.9}},
		"boosting, sparse":  {fit.Boosting{Trees: 30, L1: 2, Depth: 3}, modeltest.Tolerance{RowOrder: 0.05, Learns: 0.9}},
		"forest":            {fit.Forest{Trees: 30, MinLeaf: 3}, modeltest.Tolerance{RowOrder: 0.1, Learns: 0.8}},
		"forest, full":      {fit.Forest{Trees: 5, MinLeaf: 2, FeatureShare: 1, Bins: 20}, modeltest.Tolerance{RowOrder: 0.2, Learns: 0.95}},
		"forest, shallow":   {fit.Forest{Trees: 30, MaxDepth: 3, OutOfBag: true}, modeltest.Tolerance{RowOrder: 0.1, Learns: 0.95}},
		"extra trees":       {fit.Forest{Extra: true, Trees: 30, MinLeaf: 3}, modeltest.Tolerance{RowOrder: 1e-9, Learns: 0.9}},
		"extra, bootstrap":  {fit.Forest{Extra: true, Trees: 30, MinLeaf: 3, Bootstrap: true, OutOfBag: true}, modeltest.Tolerance{RowOrder: 0.1, Learns: 0.9}},
		"vote":              {fit.Vote{Members: []fit.Estimator{fit.Linear{}, fit.Boosting{Trees: 10}, fit.Forest{Trees: 5}}}, modeltest.Tolerance{RowOrder: 0.1, Learns: 0.9}},
	}
	clean := []fit.RecipeStep{{Step: "impute", How: "median", Flag: true}, {Step: "impute", How: "constant", Value: "none"}, {Step: "clip"}, {Step: "transform", How: "yeo_johnson"},
		{Step: "scale", How: "robust"}}
	engineered := func(inner fit.Estimator, more ...fit.RecipeStep) fit.Estimator {
		return fit.Engineered{Recipe: fit.Recipe{Steps: slices.Concat(clean, more)}, Inner: inner}
	}
	cases["linear, targets"] = promise{engineered(fit.Linear{}, fit.RecipeStep{Step: "encode", How: "target"}), modeltest.Tolerance{RowOrder: 0.1, Learns: 0.9}}
	cases["linear, one-hot"] = promise{engineered(fit.Linear{}, fit.RecipeStep{Step: "encode", How: "one_hot", Levels: 10}), exact}
	cases["boosting, ordinal"] = promise{engineered(fit.Boosting{Trees: 30}, fit.RecipeStep{Step: "encode", How: "ordinal"}, fit.RecipeStep{Step: "bin", How: "quantile", Bins: 50}),
		modeltest.Tolerance{RowOrder: 0.05, Learns: 0.8}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { modeltest.Check(t, c.estimator, c.tolerance) })
	}
	for _, loss := range []string{"absolute", "huber", "quantile", "poisson"} {
		e := fit.Boosting{Trees: 60, Loss: loss, Subsample: 0.9, EarlyStopping: 20}
		t.Run(loss, func(t *testing.T) {
			modeltest.CheckTask(t, e, dataset.Regression, modeltest.Tolerance{RowOrder: 0.25, Learns: 0.8})
		})
	}
}

// TestConstrainedAndThreads: trees under constraints do not depend on the number of threads either.
func TestConstrainedAndThreads(t *testing.T) {
	for loss, task := range map[string]dataset.Task{"logistic": dataset.Binary, "squared": dataset.Regression, "quantile": dataset.Regression, "poisson": dataset.Regression} {
		e := fit.Boosting{Loss: loss, Trees: 10, Subsample: 0.7, L1: 0.1, Monotone: map[string]int{"n0": 1, "n1": -1}, Interactions: [][]string{{"n0", "n1", "wide"}, {"n2", "small"}}}
		d := modeltest.Table(task, 6000, 2)
		var want []byte
		for _, threads := range []int{1, 2, 8} {
			p, err := e.Fit(d, fit.Options{Seed: 7, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			m := &model.Model{Task: task, Target: "y", Classes: d.Labels.Classes, Algorithm: "boosting", Features: d.Features, Predictor: p, Threshold: 0.5}
			got, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: with %d threads the artefact is %s, with one %s", loss, threads, model.Digest(got), model.Digest(want))
			}
		}
	}
}
