package host

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlops/functions/internal/job"
	"mlops/functions/internal/train"
	"mlops/shared/dataset/version"
)

// loansOf is people with a customer, who takes one to three loans, a month and a weight.
func loansOf(rows int) []byte {
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(string(people(rows, 9))), "\n") {
		if i == 0 {
			b.WriteString("customer,month,counts," + line + "\n")
			continue
		}
		fmt.Fprintf(&b, "c%d,2024-%02d,%d,%s\n", i/3, 1+i%12, 1+i%2, line)
	}
	return []byte(b.String())
}

func (w *world) file(bucket, pattern string) []byte {
	w.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, bucket, pattern))
	if err != nil || len(found) == 0 {
		w.Fatalf("%s: %v, %v", pattern, found, err)
	}
	b, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// A dataset that declares its shape is split, cross-validated and served by it: no customer in two parts, and none of the three columns a feature.
func TestDeclaredShape(t *testing.T) {
	w := empty(t)
	if j := w.upload("loan", "target=default&group=customer&weight=counts&ignore=month", loansOf(360)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	part := map[string]string{}
	for _, name := range []string{"train", "val", "test"} {
		for i, line := range strings.Split(strings.TrimSpace(string(w.file("data", "processed/loan/*/"+name+".csv"))), "\n") {
			customer, _, _ := strings.Cut(line, ",")
			if was, ok := part[customer]; i > 0 && ok && was != name {
				t.Fatalf("customer %s is in %s and %s", customer, was, name)
			}
			if i > 0 {
				part[customer] = name
			}
		}
	}
	m, err := version.Read(w.file("data", "processed/loan/*/manifest.json"))
	if err != nil || m.Split.Rule != "group" || m.Group != "customer" || m.Rows["test"] < 40 || m.Rows["test"] > 70 {
		t.Errorf("%+v, %v", m, err)
	}
	var meta train.Metadata
	if err := json.Unmarshal(w.file("models", "models/loan/sha256/*/metadata.json"), &meta); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(meta.Features) != "[age income city]" || meta.Shape == nil || meta.Shape.Group != "customer" || meta.Shape.Weight != "counts" {
		t.Errorf("features %v, shape %+v", meta.Features, meta.Shape)
	}
	w.sound("loan")
}

// POST /train says how; the run is recorded, a failed one too, and what is wrong is said at once.
func TestTrainAsAskedFor(t *testing.T) {
	w := empty(t)
	w.upload("loan", "target=default&ignore=customer,month,counts", loansOf(360))
	problems(t, w.post("/train", `{"dataset":"loan","group":"custmer","cost_fp":-1}`).is(http.StatusBadRequest), "ValidationError", "cost_fp out_of_range")
	problems(t, w.post("/train", `{"dataset":"loan","group":"custmer"}`).is(http.StatusBadRequest), "ValidationError", "group missing")
	problems(t, w.post("/train", `{"dataset":"loan","class_weight":"heavy","time_limit":"soon"}`).is(http.StatusBadRequest), "ValidationError", "class_weight wrong_type", "time_limit wrong_value")
	w.post("/train", `{"dataset":"loan","budgett":3}`).is(http.StatusBadRequest)
	j := w.finish(w.post("/train", `{"dataset":"loan","time":"month","class_weight":{"1":2,"0":1},"cost_fn":4,"budget":30,"folds":3,"time_limit":"10m"}`).is(http.StatusAccepted))
	if j.Status != job.Succeeded || j.Result["run"] == "" {
		t.Fatalf("%+v", j)
	}
	var run train.Run
	if err := json.Unmarshal(w.file("models", "models/loan/runs/"+j.Result["run"]+"/run.json"), &run); err != nil {
		t.Fatal(err)
	}
	s := run.Training.Spec
	if run.Info.Status != "FINISHED" || s.Shape.Time != "month" || s.Shape.ClassWeight["1"] != 2 || s.Costs.FalseNegative != 4 || s.Budget != 30 || s.Folds != 3 || run.Training.SHA256 != j.Result["sha256"] ||
		run.Training.Fits > 30 || run.Inputs.Datasets[0].Dataset.Digest != j.Result["data_version"] {
		t.Errorf("%+v of %+v", run.Training, run.Info)
	}
	var meta train.Metadata
	if err := json.Unmarshal(w.file("models", "models/loan/sha256/"+j.Result["sha256"]+"/metadata.json"), &meta); err != nil {
		t.Fatal(err)
	}
	if meta.Decision == nil || meta.Decision.Threshold == 0.5 || meta.Shape.Time != "month" || meta.Folds != 3 {
		t.Errorf("%+v", meta.Found)
	}
	failed := w.finish(w.post("/train", `{"dataset":"loan","budget":3}`).is(http.StatusAccepted))
	if failed.Status == job.Succeeded || !strings.Contains(fmt.Sprint(failed), "at least 11") {
		t.Errorf("%+v", failed)
	}
	if !strings.Contains(string(w.file("models", "models/loan/runs/*/run.json")), "FAILED") {
		t.Error("the failed run is not recorded")
	}
}

// What is configured for a dataset holds without being asked for, and a configuration that cannot be read stops the platform at once, by its line.
func TestConfiguredModels(t *testing.T) {
	dir := folder(t)
	write := func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, "config"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config", "model_config.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("extends: nothing\ncandidates:\n  - {algorithm: linear, params: {C: 0.5}}\ndatasets:\n  loan: {group: customer, folds: 4}\n")
	w := open(t, dir, &clock{t: epoch})
	if j := w.upload("loan", "target=default&ignore=month,counts,customer", loansOf(360)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	var meta train.Metadata
	if err := json.Unmarshal(w.file("models", "models/loan/sha256/*/metadata.json"), &meta); err != nil {
		t.Fatal(err)
	}
	if len(meta.Candidates) != 2 || meta.Params["C"] != 0.5 || meta.Folds != 4 || meta.Shape.Group != "customer" {
		t.Errorf("%d candidates, %v, %+v", len(meta.Candidates), meta.Params, meta.Found)
	}
	w.Close()
	write("candidates:\n  - {algorithm: linnear}\n")
	if _, err := Open(Options{Dir: dir, Now: (&clock{t: epoch}).now}); err == nil || !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "perhaps linear") {
		t.Errorf("%v", err)
	}
}
