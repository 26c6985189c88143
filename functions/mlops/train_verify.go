package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"mlops/functions/internal/table"
	"mlops/functions/internal/train"
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/training"
)

// repeated is the answer of train --verify <model or run>.
type repeated struct {
	Run        string       `json:"run_id"`
	Equal      bool         `json:"equal"`
	SHA256     string       `json:"sha256"`   // of the model trained now
	Recorded   string       `json:"recorded"` // of the one that was recorded
	Fits       int          `json:"fits"`
	Difference []difference `json:"differences"`
}

// difference is one thing that is not as it was.
type difference struct {
	What     string `json:"what"`
	Recorded string `json:"recorded"`
	Now      string `json:"now"`
}

// verify trains again what a run records, and says equal, or what differs.
func (a *app) verify(ctx context.Context, f trainFlags, at string) error {
	run, dir, err := readRun(at)
	if err != nil {
		return err
	}
	was := run.Training
	frame, labels, version, err := f.recorded(ctx, run, dir)
	if err != nil {
		return fault.Wrap(err, "read the table of run %s: --data says where it lies now", run.Info.RunID)
	}
	out := repeated{Run: run.Info.RunID, Recorded: was.SHA256, Difference: []difference{}}
	differs := func(what, recorded, now string) {
		if recorded != now {
			out.Difference = append(out.Difference, difference{what, recorded, now})
		}
	}
	differs("data version", was.Version, version)
	env := train.Here(f.threads)
	differs("code version", was.Environment.Code, env.Code)
	differs("go version", was.Environment.Go, env.Go)
	differs("architecture", was.Environment.OS+"/"+was.Environment.Arch, env.OS+"/"+env.Arch)
	if b, err := os.ReadFile(filepath.Join(dir, "model.bin")); err == nil {
		differs("stored model.bin", was.SHA256, model.Digest(b))
	}
	spec := was.Spec
	spec.Threads = f.threads
	result, err := training.Train(frame, labels, spec, func() bool { return ctx.Err() != nil }, newBar(a.err).show)
	if err != nil {
		return fault.Wrap(err, "train run %s again", run.Info.RunID)
	}
	bin, err := result.Model.Encode()
	if err != nil {
		return err
	}
	out.SHA256, out.Fits = model.Digest(bin), result.Fits
	if out.SHA256 != was.SHA256 {
		compareRuns(run, result, differs)
	}
	differs("digest", was.SHA256, out.SHA256)
	out.Equal = out.SHA256 == was.SHA256
	a.answer = out
	a.tellVerified(out)
	if !out.Equal {
		return errNegative
	}
	return nil
}

// recorded is the table of a run, and the version that it has now: a file, or of a platform's run the data version in its state.
func (f trainFlags) recorded(ctx context.Context, run train.Run, dir string) (*dataset.Frame, dataset.Labels, string, error) {
	was := run.Training
	if name, id, ok := processed(was.Data); ok && f.data == "" {
		b := stateData(filepath.Join(dir, "..", "..", "..", "..", "..", "data"))
		m, err := table.ReadManifest(ctx, b, name, id)
		if err != nil {
			return nil, dataset.Labels{}, "", err
		}
		l, err := table.Learn(m, was.Spec.Shape.Columns(), func(part string) (*dataset.Frame, error) { return table.ReadSplit(ctx, b, m, part) })
		if err != nil {
			return nil, dataset.Labels{}, "", err
		}
		return l.Frame, l.Labels, m.Version, nil
	}
	if f.data == "" {
		f.data = was.Data
	}
	f.target, f.positive, f.task, f.categorical, f.ignore = was.Target, was.Positive, was.Task, was.Categorical, was.Ignore
	f.shape = was.Spec.Shape
	l, err := f.lesson(ctx)
	if err != nil {
		return nil, l.labels, "", err
	}
	return l.frame, l.labels, l.digest(), nil
}

// processed are the dataset and the version of a key processed/<dataset>/<version>.
func processed(key string) (name, id string, ok bool) {
	part := strings.Split(key, "/")
	if len(part) != 3 || part[0] != "processed" {
		return "", "", false
	}
	return part[1], part[2], true
}

// stateData is the folder of a state's data, to be read only.
type stateData string

// Get reads an object.
func (d stateData) Get(_ context.Context, key string, limit int64) ([]byte, error) {
	return readFile(filepath.Join(string(d), filepath.FromSlash(key)), limit)
}

// Create refuses: nothing is written.
func (d stateData) Create(context.Context, string, []byte) error {
	return fault.Deniedf("the data are read only")
}

// List tells nothing: what is read is named.
func (d stateData) List(context.Context, string, string, int) ([]string, error) { return nil, nil }

// compareRuns says in what the search went another way.
func compareRuns(run train.Run, now training.Result, differs func(what, recorded, now string)) {
	differs("fits", fmt.Sprint(run.Training.Fits), fmt.Sprint(now.Fits))
	for _, p := range run.Data.Params {
		if p.Key == "algorithm" {
			differs("algorithm", p.Value, now.Algorithm)
		} else if v, ok := now.Params[p.Key]; ok {
			differs("parameter "+p.Key, p.Value, fmt.Sprint(v))
		}
	}
	for _, m := range run.Data.Metrics {
		if e, ok := now.CV[strings.TrimPrefix(m.Key, "cv_")]; ok && strings.HasPrefix(m.Key, "cv_") {
			differs(m.Key, fmt.Sprint(m.Value), fmt.Sprint(float64(e.Value)))
		}
	}
}

// readRun reads a run.json, or the one in a model's folder.
func readRun(at string) (run train.Run, dir string, err error) {
	file := at
	if info, err := os.Stat(at); err == nil && info.IsDir() {
		file = filepath.Join(at, "run.json")
	}
	b, err := readFile(file, 256<<20)
	if err != nil {
		return run, "", usage{fmt.Errorf("read the run: %w", err)}
	}
	if err := json.Unmarshal(b, &run); err != nil || run.Training == nil || reflect.ValueOf(run.Training.Spec).IsZero() {
		return run, "", fault.Invalidf("read the run in %s: it is no record of a training that can be repeated", file).Because(err)
	}
	return run, filepath.Dir(file), nil
}

func (a *app) tellVerified(v repeated) {
	if a.json {
		return
	}
	if v.Equal {
		a.printf("equal: %s after %d fits\n", v.SHA256[:12], v.Fits)
	} else {
		a.printf("not equal: trained again it is %s, recorded is %s\n", v.SHA256[:12], v.Recorded[:min(12, len(v.Recorded))])
	}
	for _, d := range v.Difference {
		a.printf("  %s: was %s, is %s\n", d.What, d.Recorded, d.Now)
	}
}
