package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/host"
	"mlops/functions/internal/train"
)

// trainTable writes a table of so many rows that a search takes its time.
func trainTable(t *testing.T, dir string, rows int) string {
	t.Helper()
	file := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(file, people(rows, 5, 0), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// A training that is killed half-way takes up what it finished, and ends in the same bytes as one that ran through.
func TestKilledTrainingGoesOn(t *testing.T) {
	dir := t.TempDir()
	file := trainTable(t, dir, 3000)
	args := []string{"train", "--data", file, "--target", "default", "--out", filepath.Join(dir, "killed")}
	command := exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), asCommand+"=1")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(dir, "killed", "fits.part")
	for deadline := time.Now().Add(30 * time.Second); ; { // one record is about 10 KB
		if info, err := os.Stat(part); err == nil && info.Size() > 200_000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no fits are kept")
		}
		time.Sleep(time.Millisecond)
	}
	_ = command.Process.Kill()
	_ = command.Wait() // it is killed: the outcome is known
	if _, err := os.Stat(filepath.Join(dir, "killed", "model.bin")); err == nil {
		t.Fatal("it was done before it could be killed: the test wants a larger table")
	}
	b, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, b[:len(b)-3], 0o644); err != nil { // and the last record is torn
		t.Fatal(err)
	}
	again := mlops(t, append(args, "--json")...).exits(0).document()
	whole := mlops(t, append(args[:len(args)-1:len(args)-1], filepath.Join(dir, "whole"), "--json")...).exits(0).document()
	if again["sha256"] != whole["sha256"] || again["fits"] != whole["fits"] {
		t.Errorf("%v after %v fits, run through %v after %v", again["sha256"], again["fits"], whole["sha256"], whole["fits"])
	}
	if n, _ := again["resumed"].(float64); n < 5 {
		t.Errorf("%v fits were taken up", again["resumed"])
	}
	if _, err := os.Stat(part); !os.IsNotExist(err) {
		t.Error("the kept fits stay behind")
	}
}

// train --verify repeats what a run records, and says what differs where it is not the same.
func TestVerifyARun(t *testing.T) {
	dir := t.TempDir()
	file, model := trainTable(t, dir, 300), filepath.Join(dir, "m")
	first := mlops(t, "train", "--data", file, "--target", "default", "--cost-fn", "3", "--class-weight", "balanced", "--budget", "30", "--seed", "4", "--out", model, "--json", "--threads", "1").exits(0).document()
	v := mlops(t, "train", "--verify", model, "--json", "--threads", "3").exits(0).document()
	if v["equal"] != true || v["sha256"] != first["sha256"] || len(v["differences"].([]any)) != 0 {
		t.Errorf("%v", v)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	moved := filepath.Join(dir, "other.csv")
	if err := os.WriteFile(moved, []byte(strings.Join(lines[:len(lines)-20], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	v = mlops(t, "train", "--verify", filepath.Join(model, "run.json"), "--data", moved, "--json").exits(1).document()
	said := map[string]bool{}
	for _, d := range v["differences"].([]any) {
		said[d.(map[string]any)["what"].(string)] = true
	}
	if v["equal"] != false || !said["data version"] || !said["digest"] || !said["cv_auc"] {
		t.Errorf("%v", v)
	}
	if err := os.WriteFile(filepath.Join(model, "model.bin"), []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := mlops(t, "train", "--verify", model).exits(0); !strings.Contains(r.out, "equal:") || !strings.Contains(r.out, "stored model.bin") {
		t.Errorf("%s", r.out)
	}
	mlops(t, "train", "--verify", filepath.Join(dir, "absent")).exits(2, "absent")
	mlops(t, "train", "--verify", file).exits(2, "no record of a training")
}

// A run of a platform is repeated from its state.
func TestVerifyAPlatformsRun(t *testing.T) {
	dir := t.TempDir()
	state := t.TempDir()
	h, err := host.Open(host.Options{Dir: state, Now: time.Now, Window: time.Hour, APIKey: "k", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	mlops(t, "data", "push", "--dataset", "loan", "--target", "default", "--state", state, "--wait", trainTable(t, dir, 300)).exits(0)
	runs, err := filepath.Glob(filepath.Join(state, "models", "models", "loan", "runs", "*", "run.json"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v, %v", runs, err)
	}
	if v := mlops(t, "train", "--verify", runs[0], "--json").exits(0).document(); v["equal"] != true || len(v["differences"].([]any)) != 0 {
		t.Errorf("%v", v)
	}
}

// A run speaks MLflow: parameters and metrics of the whole, and below it each candidate with a step for every fold.
func TestRunIsRecorded(t *testing.T) {
	dir := t.TempDir()
	file, out := trainTable(t, dir, 300), filepath.Join(dir, "m")
	mlops(t, "train", "--data", file, "--target", "default", "--out", out).exits(0)
	b, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var run train.Run
	if err := json.Unmarshal(b, &run); err != nil {
		t.Fatal(err)
	}
	if len(run.Info.RunID) != 32 || run.Info.Status != "FINISHED" || run.Info.End < run.Info.Start || len(run.Info.ArtifactList) != 4 || run.Inputs.Datasets[0].Dataset.Digest != run.Training.Version ||
		run.Training.Environment.Go == "" || run.Training.Environment.Arch == "" || !strings.HasPrefix(run.Training.Environment.Code, "mlops ") || run.Training.Seconds <= 0 {
		t.Errorf("%+v", run.Info)
	}
	metrics := map[string]bool{}
	for _, m := range run.Data.Metrics {
		metrics[m.Key] = true
	}
	for _, name := range []string{"cv_auc", "cv_log_loss", "nested_auc", "fits", "seconds"} {
		if !metrics[name] {
			t.Errorf("no metric %s", name)
		}
	}
	chosen := 0
	for _, child := range run.Children {
		steps := map[int]bool{}
		for _, m := range child.Data.Metrics {
			if m.Key == "auc" {
				steps[m.Step] = true
			}
		}
		for _, tag := range child.Data.Tags {
			if tag.Key == "mlops.chosen" {
				chosen++
				if len(steps) != 5 {
					t.Errorf("%s has %d folds", child.Info.RunName, len(steps))
				}
			}
		}
	}
	if chosen != 1 || len(run.Children) < 12 {
		t.Errorf("%d chosen of %d candidates", chosen, len(run.Children))
	}
}

// Each mistake on the command line is named before anything is fitted.
func TestTrainSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := trainTable(t, dir, 200)
	config, narrow := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "narrow.csv")
	if err := os.WriteFile(narrow, []byte("age,city,default\n30,Rome,0\n40,Oslo,1\n50,Rome,1\n60,Oslo,0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("budgett: 3\ncandidates:\n  - {algorithm: bosting}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ args, words []string }{
		"no such group":    {[]string{"--group", "citty"}, []string{"group", "perhaps city"}},
		"group and time":   {[]string{"--group", "city", "--time", "age"}, []string{"either group or time"}},
		"text as weight":   {[]string{"--weight", "city"}, []string{"city", "weights: numbers"}},
		"an unknown class": {[]string{"--class-weight", `{"x":1}`}, []string{"class_weight", "one of"}},
		"no class weights": {[]string{"--class-weight", "even"}, []string{"balanced"}},
		"a cost below 0":   {[]string{"--cost-fp", "-1"}, []string{"cost_fp"}},
		"a small budget":   {[]string{"--budget", "3"}, []string{"at least 11"}},
		"too little":       {[]string{"--memory", "1"}, []string{"1 MB are there", "raise --memory"}},
		"config misspelt":  {[]string{"--config", config}, []string{"line 1, budgett", "perhaps budget", "line 3, candidates[0].algorithm", "perhaps boosting"}},
		"config absent":    {[]string{"--config", filepath.Join(dir, "absent.yaml")}, []string{"absent.yaml"}},
		"time below zero":  {[]string{"--time-limit", "-1s"}, []string{"--time-limit", "below zero"}},
		"a narrow test":    {[]string{"--test", narrow}, []string{"narrow.csv", "income: missing"}},
		"no such test":     {[]string{"--test", filepath.Join(dir, "absent.csv")}, []string{"absent.csv"}},
		"no time":          {[]string{"--time-limit", "1ns"}, []string{"stopped after 0 fits", "more time"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"train", "--data", file, "--target", "default", "--out", filepath.Join(dir, "out")}, c.args...)
			code := 2
			if name == "no time" {
				code = 3
			}
			mlops(t, args...).exits(code, c.words...)
			if _, err := os.Stat(filepath.Join(dir, "out", "model.bin")); err == nil {
				t.Error("a model was written")
			}
		})
	}
}
