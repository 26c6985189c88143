// Digest fits every algorithm to small tables of every task and prints what came of it, a JSON object a line: the digest of the artefact, and the
// predictions of its first rows. TestSameBytesOnOtherProcessors compares what it prints on two architectures. The tables are made of whole
// numbers and eighths, which every processor computes alike.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"mlops/shared/dataset"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// line is one fit.
type line struct {
	Name        string    `json:"name"`
	Digest      string    `json:"digest"`
	Predictions []float64 `json:"predictions"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		d, err := table(task, 400)
		if err != nil {
			fail(err)
		}
		for name, e := range estimators(task) {
			l, err := run(string(task)+" "+name, e, d)
			if err != nil {
				fail(err)
			}
			if err := out.Encode(l); err != nil {
				fail(err)
			}
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(name string, e fit.Estimator, d *fit.Data) (line, error) {
	p, err := e.Fit(d, fit.Options{Seed: 3, Threads: 2})
	if err != nil {
		return line{}, fmt.Errorf("%s: %w", name, err)
	}
	m := &model.Model{Task: d.Labels.Task, Target: d.Labels.Name, Classes: d.Labels.Classes, Algorithm: e.Algorithm(), Features: d.Features, Predictor: p, Threshold: 0.5}
	b, err := m.Encode()
	if err != nil {
		return line{}, fmt.Errorf("%s: %w", name, err)
	}
	return line{Name: name, Digest: model.Digest(b), Predictions: d.Predict(p)[:60]}, nil
}

// estimators are those of a task, by name.
func estimators(task dataset.Task) map[string]fit.Estimator {
	recipe := fit.Recipe{Steps: []fit.RecipeStep{{Step: "impute", How: "median", Flag: true}, {Step: "impute", How: "constant", Value: "none"}, {Step: "transform", How: "yeo_johnson"},
		{Step: "scale", How: "standard"}, {Step: "encode", How: "target"}}}
	all := map[string]fit.Estimator{
		"baseline":             fit.Baseline{},
		"linear":               fit.Linear{},
		"boosting":             fit.Boosting{Trees: 20},
		"boosting, sampled":    fit.Boosting{Trees: 20, Leaves: 12, Subsample: 0.7, FeatureShare: 0.6, L1: 0.5},
		"boosting, early":      fit.Boosting{Trees: 40, EarlyStopping: 5, MinLeaf: 5},
		"boosting, engineered": fit.Engineered{Recipe: recipe, Inner: fit.Boosting{Trees: 20}},
		"forest":               fit.Forest{Trees: 10, OutOfBag: true},
		"extra trees":          fit.Forest{Extra: true, Trees: 10},
		"elastic linear":       fit.Linear{C: 0.3, L1Ratio: 0.5},
	}
	if task != dataset.Regression {
		all["forest, weighted"] = fit.Forest{Trees: 10, ClassWeight: "balanced"}
	}
	switch task {
	case dataset.Regression:
		for _, loss := range []string{"absolute", "huber", "quantile", "poisson"} {
			all[loss] = fit.Boosting{Trees: 20, Loss: loss, Subsample: 0.8}
		}
		fallthrough
	case dataset.Binary:
		all["boosting, constrained"] = fit.Boosting{Trees: 20, Monotone: map[string]int{"a": 1}, Interactions: [][]string{{"a", "b"}, {"c", "kind"}}}
	}
	return all
}

// table has numbers, missing values, a category of few and one of many levels.
func table(task dataset.Task, rows int) (*fit.Data, error) {
	r := rand.New(rand.NewPCG(11, 12))
	number := make([][]float64, 3)
	for j := range number {
		number[j] = make([]float64, rows)
	}
	kind, place := make([]string, rows), make([]string, rows)
	l := dataset.Labels{Name: "y", Task: task, Y: make([]float64, rows)}
	switch task {
	case dataset.Binary:
		l.Classes = []string{"no", "yes"}
	case dataset.Multiclass:
		l.Classes = []string{"a", "b", "c"}
	}
	for i := range rows {
		a, b, c, k, p := r.IntN(200)-100, r.IntN(30), r.IntN(1000), r.IntN(4), r.IntN(40)
		y := 2*a + b*b/4 + 40*k + (p%7)*10 + r.IntN(80)
		number[0][i], number[1][i], number[2][i] = float64(a)/8, float64(b), float64(c)/8
		if c < 100 {
			number[1][i] = math.NaN()
		}
		kind[i], place[i] = string(rune('p'+k)), fmt.Sprintf("p%02d", p)
		switch task {
		case dataset.Binary:
			l.Y[i] = float64(min(max(y-150, 0), 1))
		case dataset.Multiclass:
			l.Y[i] = float64(min(max(y/120, 0), 2))
		default:
			l.Y[i] = float64(y+200) / 8
		}
	}
	missing := func(s string) bool { return s == "" }
	f := &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("a", number[0]), dataset.NumericColumn("b", number[1]), dataset.NumericColumn("c", number[2]),
		dataset.CategoricalColumn("kind", kind, missing), dataset.CategoricalColumn("place", place, missing)}}
	return fit.NewData(f, l)
}
