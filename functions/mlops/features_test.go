package main

import (
	"os"
	"strings"
	"testing"
)

// TestTrainWithFeatures: a recipe is applied, kept and repeatable; what is wrong with one is said, and nothing is trained.
func TestTrainWithFeatures(t *testing.T) {
	file := files(t)
	write := func(name, text string) string {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	train := func(features, out string) result {
		return mlops(t, "train", "--data", file("people.csv"), "--target", "default", "--algorithm", "linear", "--features", features, "--out", file(out), "--json", "--verify")
	}
	good := write("good.yaml", "steps:\n  - {step: drop, columns: [nothing]}\ndatasets:\n  people:\n    steps:\n      - {step: impute, how: median, indicator: true}\n      - {step: scale, how: robust}\n      - {step: encode, how: target, smoothing: 5}\n")
	doc := train(good, "a").exits(0).document()
	recipe, _ := doc["feature_engineering"].(map[string]any)
	if doc["verified"] != true || recipe == nil || len(recipe["steps"].([]any)) != 3 {
		t.Errorf("%v", doc)
	}
	if r := mlops(t, "predict", "--model", file("a"), "--data", file("other.csv")).exits(0); strings.Count(r.out, "\n") != 201 {
		t.Errorf("raw rows are not scored: %.200q", r.out)
	}
	for name, c := range map[string]struct {
		yaml string
		want []string
	}{
		"faults":  {"leaks: wran\nsteps:\n  - {step: encode, how: targte}\n  - {step: bin, how: uniform, bins: 1}\n", []string{"perhaps warn", "perhaps target", "steps[1].bins"}},
		"columns": {"steps:\n  - {step: scale, how: standard, columns: [incone]}\n", []string{"steps[0].columns[0]", "perhaps income"}},
		"keys":    {"step:\n  - {}\n", []string{"unknown_key", "perhaps steps"}},
		"shape":   {"steps: 3\n", []string{"bad.yaml"}},
	} {
		t.Run(name, func(t *testing.T) { train(write("bad.yaml", c.yaml), "b").exits(2, c.want...) })
	}
	if _, err := os.Stat(file("b")); err == nil {
		t.Error("something was written all the same")
	}
}
