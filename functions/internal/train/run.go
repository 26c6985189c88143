package train

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/training"
)

// Run is the record of one training, in the shape of MLflow's runs (REST API 2.0, RunInfo, RunData, RunInputs), with what it takes to repeat it. Each
// candidate is a run of its own below it.
type Run struct {
	Info     RunInfo   `json:"info"`
	Data     RunData   `json:"data"`
	Inputs   RunInputs `json:"inputs"`
	Training *Repeat   `json:"training,omitempty"` // nil of a candidate
	Children []Run     `json:"children,omitempty"`
}

// RunInfo says which run it is. Times are milliseconds since 1970.
type RunInfo struct {
	RunID        string `json:"run_id"`
	RunName      string `json:"run_name"`
	Experiment   string `json:"experiment_name"` // the model's name
	Status       string `json:"status"`          // FINISHED, FAILED
	Start        int64  `json:"start_time"`
	End          int64  `json:"end_time"`
	ArtifactURI  string `json:"artifact_uri"`
	Lifecycle    string `json:"lifecycle_stage"`
	ArtifactList []File `json:"artifacts,omitempty"`
}

// File is one artefact of a run.
type File struct {
	Path  string `json:"path"`
	Bytes int    `json:"file_size"`
}

// RunData are parameters, metrics and tags.
type RunData struct {
	Params  []Pair   `json:"params"`
	Metrics []Metric `json:"metrics"`
	Tags    []Pair   `json:"tags"`
}

// Pair is a key with its text.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Metric is one figure; of a candidate's folds, Step is the fold from 0.
type Metric struct {
	Key   string  `json:"key"`
	Value float64 `json:"value"`
	Time  int64   `json:"timestamp"`
	Step  int     `json:"step"`
}

// RunInputs are the data that it was trained on.
type RunInputs struct {
	Datasets []Input `json:"dataset_inputs"`
}

// Input is one table.
type Input struct {
	Dataset struct {
		Name   string `json:"name"`
		Digest string `json:"digest"`
		Type   string `json:"source_type"`
		Source string `json:"source"`
	} `json:"dataset"`
}

// Repeat is what the same training is made of.
type Repeat struct {
	Data        string        `json:"data"`         // where the table lay
	Version     string        `json:"data_version"` // what it held
	Target      string        `json:"target"`
	Positive    string        `json:"positive,omitempty"`
	Task        string        `json:"task,omitempty"`
	Categorical []string      `json:"categorical,omitempty"`
	Ignore      []string      `json:"ignore,omitempty"`
	Spec        training.Spec `json:"spec"` // completed: the folds that were chosen, the candidates as they were configured
	Environment Environment   `json:"environment"`
	SHA256      string        `json:"sha256"` // of model.bin
	Fits        int           `json:"fits"`
	Seconds     float64       `json:"seconds"`
}

// Ended is a training that ended, to be recorded.
type Ended struct {
	ID          string
	Model       string
	Start, End  time.Time
	Result      training.Result
	Parts       map[string]evaluate.Metrics // cv, nested, test
	Repeat      Repeat
	Watch       *Watch
	ArtifactURI string
	Files       map[string][]byte
}

// NewRun records a training.
func NewRun(e Ended) Run {
	at := e.End.UnixMilli()
	run := Run{Info: RunInfo{RunID: e.ID, RunName: e.Model + " " + e.Start.UTC().Format(time.RFC3339), Experiment: e.Model, Status: "FINISHED", Start: e.Start.UnixMilli(), End: at,
		ArtifactURI: e.ArtifactURI, Lifecycle: "active"}}
	for _, name := range sortedNames(e.Files) {
		run.Info.ArtifactList = append(run.Info.ArtifactList, File{name, len(e.Files[name])})
	}
	r := e.Result
	spec := r.Spec
	spec.Kept = nil
	if r.Interrupted {
		spec.MostFits = r.Fits - 1 // the last one is on all rows
	}
	e.Repeat.Spec, e.Repeat.Fits = spec, r.Fits
	run.Training = &e.Repeat
	run.Data.Params = params(r.Algorithm, r.Params, map[string]string{"seed": strconv.FormatUint(spec.Seed, 10), "folds": strconv.Itoa(spec.Folds), "budget": strconv.Itoa(spec.Budget),
		"group": spec.Shape.Group, "time": spec.Shape.Time, "weight": spec.Shape.Weight})
	for _, part := range sortedNames(e.Parts) {
		for _, name := range sortedNames(e.Parts[part]) {
			run.Data.add(part+"_"+name, float64(e.Parts[part][name].Value), at, 0)
		}
	}
	run.Data.add("fits", float64(r.Fits), at, 0)
	run.Data.add("seconds", e.Repeat.Seconds, at, 0)
	run.Data.Tags = tags(e)
	in := Input{}
	in.Dataset.Name, in.Dataset.Digest, in.Dataset.Type, in.Dataset.Source = e.Model, e.Repeat.Version, "local", e.Repeat.Data
	run.Inputs.Datasets = []Input{in}
	for i, c := range r.Candidates {
		run.Children = append(run.Children, child(e, i, c, at))
	}
	return run
}

// child is one candidate's run.
func child(e Ended, i int, c training.Candidate, at int64) Run {
	run := Run{Info: RunInfo{RunID: fmt.Sprintf("%s-%02d", e.ID, i), RunName: c.Name(), Experiment: e.Model, Status: "FINISHED", Start: e.Start.UnixMilli(), End: at, Lifecycle: "active"}}
	if strings.HasPrefix(c.Note, "failed") {
		run.Info.Status = "FAILED"
	} else if len(c.Folds) == 0 {
		run.Info.Status = "KILLED"
	}
	run.Data.Params = params(c.Algorithm, c.Params, nil)
	for fold, v := range c.Folds {
		run.Data.add(e.Result.Metric, float64(v), at, fold)
	}
	run.Data.add("mean_"+e.Result.Metric, float64(c.Mean), at, len(c.Folds))
	run.Data.add("mean_"+e.Result.Criterion, float64(c.Loss), at, len(c.Folds))
	if s, ok := e.Watch.Seconds[c.Name()]; ok {
		run.Data.add("seconds", s, at, 0)
	}
	run.Data.Tags = []Pair{{"mlflow.parentRunId", e.ID}, {"mlflow.runName", c.Name()}}
	if c.Chosen {
		run.Data.Tags = append(run.Data.Tags, Pair{"mlops.chosen", "true"})
	}
	if c.Note != "" {
		run.Data.Tags = append(run.Data.Tags, Pair{"mlflow.note.content", c.Note})
	}
	return run
}

// add leaves out what is not defined: JSON has no NaN.
func (d *RunData) add(key string, value float64, at int64, step int) {
	if value-value == 0 {
		d.Metrics = append(d.Metrics, Metric{key, value, at, step})
	}
}

func params(algorithm string, values map[string]any, more map[string]string) []Pair {
	out := []Pair{{"algorithm", algorithm}}
	for _, name := range sortedNames(values) {
		out = append(out, Pair{name, fmt.Sprint(values[name])})
	}
	for _, name := range sortedNames(more) {
		if more[name] != "" {
			out = append(out, Pair{name, more[name]})
		}
	}
	return out
}

func tags(e Ended) []Pair {
	r, env := e.Result, e.Repeat.Environment
	out := []Pair{{"mlflow.runName", e.Model}, {"mlflow.source.name", "mlops train"}, {"mlflow.source.type", "JOB"}, {"mlflow.source.git.commit", env.Code}, {"mlops.data_version", e.Repeat.Version},
		{"mlops.sha256", e.Repeat.SHA256}, {"mlops.go", env.Go}, {"mlops.arch", env.OS + "/" + env.Arch}, {"mlops.threads", strconv.Itoa(env.Threads)}}
	if m := r.Members(); m != nil {
		out = append(out, Pair{"mlops.members", strings.Join(m, " + ")})
	}
	if r.Interrupted {
		out = append(out, Pair{"mlops.stopped", Stopped(r)})
	}
	if r.Calibrated != nil {
		out = append(out, Pair{"mlops.calibration", CalibrationWords(r.Calibrated)})
	}
	if leaks := training.Words(r.Leaks); leaks != "" {
		out = append(out, Pair{"mlops.leaks", leaks})
	}
	return out
}

// FailedRun records a training that failed.
func FailedRun(id, model string, start, end time.Time, repeat Repeat, cause error) Run {
	run := Run{Info: RunInfo{RunID: id, RunName: model + " " + start.UTC().Format(time.RFC3339), Experiment: model, Status: "FAILED", Start: start.UnixMilli(), End: end.UnixMilli(), Lifecycle: "active"}, Training: &repeat}
	run.Data.Tags = []Pair{{"mlflow.runName", model}, {"mlflow.note.content", cause.Error()}, {"mlops.data_version", repeat.Version}, {"mlops.error", fault.KindOf(cause).String()}}
	return run
}

// Stopped words a training that was cut short; "" of one that was not.
func Stopped(r training.Result) string {
	if !r.Interrupted {
		return ""
	}
	tried := 0
	for _, c := range r.Candidates {
		if len(c.Folds) == r.Spec.Folds {
			tried++
		}
	}
	return fmt.Sprintf("the training was stopped after %d fits: this is the best of the %d candidates that were finished, of %d", r.Fits, tried, len(r.Candidates))
}

// CalibrationWords words what became of the probabilities.
func CalibrationWords(c *training.Calibrated) string {
	switch {
	case c.Note != "":
		return c.Note
	case c.Method == "":
		return fmt.Sprintf("none: no method lowers the log loss %.4f out of fold by more than a standard error", float64(c.Before))
	}
	return fmt.Sprintf("%s: log loss out of fold %.4f, before %.4f", c.Method, float64(c.After), float64(c.Before))
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
