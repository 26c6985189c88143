package training

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
	"mlops/shared/platform"
)

// shipped is the configuration that the program comes with.
func shipped(t testing.TB) Config {
	t.Helper()
	d, err := platform.ReadDocument("model_config.yaml", ShippedConfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(d.Value)
	if err != nil {
		t.Fatal(d.Locate(err))
	}
	return c
}

// Every hyperparameter that the estimators take stands in the shipped file, with its source.
func TestShippedConfigNamesEveryParameter(t *testing.T) {
	c := shipped(t)
	for _, algorithm := range fit.Algorithms {
		for _, p := range fit.Parameters(algorithm) {
			g, ok := c.Parameters[algorithm][p.Name]
			if !ok || g.Source == "" || p.Number() && (!(g.High > g.Low) || g.Low < p.Low || g.High > p.High) {
				t.Errorf("%s.%s: %+v", algorithm, p.Name, g)
			}
		}
	}
	for i, ch := range c.Candidates {
		if ch.Why == "" {
			t.Errorf("candidate %d has no reason", i)
		}
	}
}

func TestConfigExtendsAndReplaces(t *testing.T) {
	base, err := platform.ReadDocument("base", ShippedConfig)
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) Config {
		t.Helper()
		d, err := platform.ReadDocument("own", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadConfig(base.Value, d.Value)
		if err != nil {
			t.Fatal(d.Locate(err))
		}
		return c
	}
	n := len(shipped(t).Candidates)
	more := read("budget: 30\ncandidates:\n  - {algorithm: linear, params: {C: 7}}\nparameters: {boosting: {bins: {default: 63}}}")
	if len(more.Candidates) != n+1 || more.Candidates[0].Params["C"] != uint64(7) || more.Budget != 30 || more.Vote != 3 {
		t.Errorf("extended: %d candidates, %+v", len(more.Candidates), more)
	}
	list, err := more.estimators("boosting", dataset.Binary, 100, 1)
	if err != nil || list[0].(fit.Boosting).Bins != 63 || list[0].(fit.Boosting).Leaves != 7 {
		t.Errorf("a default that was replaced: %+v, %v", list, err)
	}
	own := read("extends: nothing\ndraws: {boosting: 20}")
	list, err = own.estimators(Auto, dataset.Binary, 100, 1)
	if err != nil || len(list) != 20 {
		t.Fatalf("%d candidates, %v", len(list), err)
	}
	again, _ := own.estimators(Auto, dataset.Binary, 100, 1)
	other, _ := own.estimators(Auto, dataset.Binary, 100, 2)
	if !reflect.DeepEqual(list, again) || reflect.DeepEqual(list, other) {
		t.Error("draws do not follow the seed")
	}
	for _, e := range list {
		if b := e.(fit.Boosting); b.Leaves < 3 || b.Leaves > 127 || b.LearningRate < 0.02 || b.LearningRate > 0.3 {
			t.Errorf("%+v is out of its range", b)
		}
	}
	large, _ := shipped(t).estimators(Auto, dataset.Binary, 1_000_000, 1)
	if len(large) != n-3 || slices.ContainsFunc(large, func(e fit.Estimator) bool { _, is := e.(fit.Forest); return is }) {
		t.Errorf("%d candidates on a large table", len(large))
	}
}

// All mistakes are named at once, each with its line and the word that was probably meant.
func TestConfigNamesEveryMistake(t *testing.T) {
	text := `fold: 5
budget: -1
vote: many
parameters:
  boosting:
    leafs: {default: 3}
    leaves: {default: 1, scale: logarithmic}
    trees: {low: 9, high: 3}
candidates:
  - algorithm: bosting
  - algorithm: boosting
    params:
      learning_rat: 0.1
      leaves: 0
  - {params: {C: 1}}
datasets:
  heart: {groups: patient, class_weight: heavy, costs: {fp: -2}}
`
	d, err := platform.ReadDocument("own.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	base, _ := platform.ReadDocument("base", ShippedConfig)
	_, err = ReadConfig(base.Value, d.Value)
	got := fault.Details(d.Locate(err))
	want := []string{"line 1, fold: perhaps folds", "line 2, budget: 0 to", "line 3, vote: a whole number", "line 6, parameters.boosting.leafs: perhaps leaves",
		"line 7, parameters.boosting.leaves.default: a whole number in [2, 4096]", "line 7, parameters.boosting.leaves.scale: perhaps log", "line 8, parameters.boosting.trees: low at most",
		"line 10, candidates[0].algorithm: perhaps boosting", "line 13, candidates[1].params.learning_rat: perhaps learning_rate", "line 14, candidates[1].params.leaves: a whole",
		"line 15, candidates[2].algorithm: the name", "line 17, datasets.heart.groups: perhaps group", "line 17, datasets.heart.class_weight: balanced", "line 17, datasets.heart.costs.fp: 0 to"}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(d fault.Detail) bool { return strings.HasPrefix(d.Field+": "+d.Expected, w) }) {
			t.Errorf("%q is not named", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d: %v", len(got), len(want), got)
	}
}
