package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/train"
	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/platform"
	"mlops/shared/training"
)

type trainFlags struct {
	data, target, positive, task, test, algorithm, params, out, name, features string
	categorical, ignore                                                        []string
	seed                                                                       uint64
	threads, folds                                                             int
	verify, folded                                                             bool // folded: --folds was given
	remote                                                                     remote
}

func trainCommand(a *app) *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use:   "train",
		Short: "Train on a table and write model.bin, metadata.json and feature_names.json",
		Args:  cobra.NoArgs,
		Long: "Train on a table, or on a data version of a platform (--state, --url) as `mlops data` names them: heart@2d08, heart@latest, heart^.\n" +
			"A version brings its target, its splits and its test rows; the same version, --features and --seed give the bytes that the platform's own training gives.",
		RunE: func(c *cobra.Command, _ []string) error {
			f.folded = c.Flags().Changed("folds")
			return a.train(c.Context(), f)
		},
	}
	c.Flags().StringVar(&f.data, "data", "", "the table to train on, or a data version: name@version")
	c.Flags().StringVar(&f.target, "target", "", "a column, or a comparison such as 'num>0' (default: the data version's)")
	c.Flags().StringVar(&f.positive, "positive", "", "the positive class (default: the greater value)")
	c.Flags().StringVar(&f.task, "task", "", "binary, multiclass or regression (default: inferred)")
	c.Flags().StringVar(&f.test, "test", "", "a table to test on that is never trained on")
	c.Flags().StringVar(&f.algorithm, "algorithm", "auto", "auto, linear, boosting or baseline")
	c.Flags().StringSliceVar(&f.categorical, "categorical", nil, "columns to read as categories though they hold numbers")
	c.Flags().StringSliceVar(&f.ignore, "ignore", nil, "columns that are not features")
	c.Flags().StringVar(&f.params, "params", "", "a JSON file of hyperparameters of the algorithm")
	c.Flags().StringVar(&f.features, "features", "", "a features.yaml: feature engineering, and what becomes of leaks (docs/FEATURES.md)")
	c.Flags().StringVar(&f.out, "out", "", "the folder to write the model to")
	c.Flags().StringVar(&f.name, "name", "", "the model's name (default: the file's stem)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "of every random choice")
	c.Flags().IntVar(&f.threads, "threads", runtime.NumCPU(), "how many cores to use; the result does not depend on it")
	c.Flags().IntVar(&f.folds, "folds", 5, "of the cross-validation")
	c.Flags().BoolVar(&f.verify, "verify", false, "train a second time and compare the bytes")
	f.remote.flags(c)
	return c
}

// trained is the command's answer.
type trained struct {
	Name       string               `json:"name"`
	Data       string               `json:"data_version,omitempty"` // name@version, where it was one
	Algorithm  string               `json:"algorithm"`
	Params     map[string]any       `json:"params"`
	Task       dataset.Task         `json:"task"`
	Metric     string               `json:"metric"`
	Metrics    train.Scores         `json:"metrics"`
	Intervals  train.Intervals      `json:"intervals"`
	Rows       int                  `json:"rows"`
	Dropped    int                  `json:"rows_dropped"` // rows without a target
	Seconds    map[string]float64   `json:"seconds"`
	SHA256     string               `json:"sha256"`
	Verified   *bool                `json:"verified,omitempty"`
	Out        string               `json:"out"`
	Candidates []training.Candidate `json:"candidates"`
	Recipe     *fit.Recipe          `json:"feature_engineering,omitempty"`
	Leaks      []training.Leak      `json:"leaks,omitempty"`
}

func (a *app) train(ctx context.Context, f trainFlags) error {
	needed := []string{"--data", f.data, "--out", f.out}
	if !versioned(f.data) {
		needed = append(needed, "--target", f.target)
	}
	if err := required("train", needed...); err != nil {
		return err
	}
	spec := training.Spec{Algorithm: f.algorithm, Folds: f.folds, Seed: f.seed, Threads: f.threads}
	if f.params != "" {
		b, err := os.ReadFile(f.params)
		if err != nil {
			return usage{fmt.Errorf("read the hyperparameters: %w", err)}
		}
		if err := json.Unmarshal(b, &spec.Params); err != nil {
			return fault.Invalidf("read the hyperparameters in %s: it is not a JSON object", f.params).Because(err)
		}
	}
	if f.name == "" {
		f.name = f.dataset()
	}
	if err := f.recipe(&spec); err != nil {
		return err
	}
	start := time.Now()
	l, err := f.lesson(ctx)
	if err != nil {
		return err
	}
	spec.Folds = f.folds
	loaded := time.Now()
	defer train.Thrift(l.frame)()
	result, err := training.Train(l.frame, l.labels, spec, func() bool { return ctx.Err() != nil }, newBar(a.err).show)
	if err != nil {
		return fault.Wrap(err, "train on %s", f.data)
	}
	fitted := time.Now()
	bin, err := result.Model.Encode()
	if err != nil {
		return err
	}
	out := trained{Name: f.name, Algorithm: result.Algorithm, Params: result.Params, Task: l.labels.Task, Metric: result.Metric, Rows: l.frame.Rows(),
		Dropped: l.dropped, SHA256: model.Digest(bin), Out: f.out, Candidates: result.Candidates, Recipe: train.Recipe(spec.Recipe), Leaks: result.Leaks}
	if l.version != nil {
		out.Data = l.version.Dataset + "@" + l.version.Version
	}
	parts := map[string]evaluate.Metrics{"cv": result.CV}
	if parts["test"], err = f.measures(result.Model, l); err != nil {
		return err
	}
	out.Metrics, out.Intervals = train.Tabulate(parts)
	if f.verify {
		again, err := training.Train(l.frame, l.labels, spec, func() bool { return ctx.Err() != nil }, func(training.Progress) {})
		if err != nil {
			return err
		}
		second, err := again.Model.Encode()
		if err != nil {
			return err
		}
		equal := bytes.Equal(bin, second)
		out.Verified = &equal
	}
	without := train.Dropped(result.Leaks)
	f.ignore = append(f.ignore, without...)
	l.frame = l.frame.Drop(without...)
	if err := f.store(bin, out, l); err != nil {
		return err
	}
	out.Seconds = map[string]float64{"load": loaded.Sub(start).Seconds(), "fit": fitted.Sub(loaded).Seconds(), "total": time.Since(start).Seconds()}
	a.answer = out
	if !a.json {
		a.tell(out)
	}
	if out.Verified != nil && !*out.Verified {
		return errNegative
	}
	return nil
}

// dataset is what the data are called: the file's stem, or the name of the data version.
func (f *trainFlags) dataset() string {
	if versioned(f.data) {
		if name, _, err := version.ParseReference(f.data); err == nil { // else reading says so
			return name
		}
	}
	return stem(f.data)
}

// recipe reads the feature engineering for the model's name, or, as the platform does, for that of the data version.
func (f trainFlags) recipe(spec *training.Spec) error {
	if f.features == "" {
		return nil
	}
	b, err := os.ReadFile(f.features)
	if err != nil {
		return usage{fmt.Errorf("read the feature engineering: %w", err)}
	}
	all, err := platform.Settings(f.features, b, fit.Recipes{})
	spec.Recipe = all.For(f.name)
	if versioned(f.data) {
		spec.Recipe = all.For(f.dataset())
	}
	return err
}

// load reads a table's features and labels; rows without a target are left out and counted. classes, when given, are those of the training.
func (f trainFlags) load(file string, classes []string) (*dataset.Frame, dataset.Labels, int, error) {
	var none dataset.Labels
	frame, err := readTable(file, dataset.Options{Categorical: f.categorical})
	if err != nil {
		return nil, none, 0, fault.Wrap(err, "read %s", file)
	}
	target, err := dataset.ParseTarget(f.target)
	if err != nil {
		return nil, none, 0, err
	}
	if classes == nil {
		if err := known(frame, f.ignore, file); err != nil {
			return nil, none, 0, err
		}
	}
	keep := target.Present(frame)
	dropped := frame.Rows() - len(keep)
	if dropped > 0 && len(keep) > 0 {
		frame = frame.Take(keep)
	}
	labels, err := target.Labels(frame, dataset.Task(f.task), f.positive)
	if err != nil {
		return nil, none, 0, err
	}
	if classes != nil {
		if labels, err = relabel(labels, classes); err != nil {
			return nil, none, 0, fault.Wrap(err, "read %s", file)
		}
	}
	return frame.Drop(append([]string{target.Column, f.target}, f.ignore...)...), labels, dropped, nil
}

// relabel counts classes as another set of labels does.
func relabel(l dataset.Labels, classes []string) (dataset.Labels, error) {
	index := map[string]float64{}
	for i, c := range classes {
		index[c] = float64(i)
	}
	out := dataset.Labels{Name: l.Name, Task: l.Task, Classes: classes, Y: make([]float64, len(l.Y))}
	if len(classes) > 2 {
		out.Task = dataset.Multiclass
	}
	for i, y := range l.Y {
		k, ok := index[l.Classes[int(y)]]
		if !ok {
			return out, fault.Invalidf("class %q did not occur in training", l.Classes[int(y)])
		}
		out.Y[i] = k
	}
	return out, nil
}

// measure scores the test table, which is read as the training table was, whatever its own values would suggest.
func (f trainFlags) measure(m *model.Model, trained dataset.Labels) (evaluate.Metrics, error) {
	f.task = string(trained.Task)
	f.categorical = append(slices.Clone(f.categorical), readingOptions(m).Categorical...)
	frame, labels, _, err := f.load(f.test, trained.Classes)
	if err != nil {
		return nil, err
	}
	p, err := m.PredictFrame(frame)
	if err != nil {
		return nil, fault.Wrap(err, "score %s", f.test)
	}
	return evaluate.Measure(labels, p)
}

// store writes the three files; model.bin last and by renaming, so a folder with a model.bin is whole.
func (f trainFlags) store(bin []byte, t trained, l lesson) error {
	meta := train.Metadata{Name: t.Name, Task: t.Task, Target: l.labels.Name, Classes: l.labels.Classes, Algorithm: t.Algorithm, Params: t.Params, Metric: t.Metric, Metrics: t.Metrics, Intervals: t.Intervals,
		Features: l.frame.Names(), Ignored: append([]string{l.labels.Name}, f.ignore...), Rows: t.Rows, Seed: f.seed, Folds: f.folds, SHA256: t.SHA256, Candidates: t.Candidates, Recipe: t.Recipe, Leaks: t.Leaks}
	l.describe(&meta)
	mb, err := json.MarshalIndent(meta, "", " ")
	if err != nil {
		return err
	}
	nb, err := json.MarshalIndent(l.frame.Names(), "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return usage{fmt.Errorf("make the output folder: %w", err)}
	}
	for _, file := range []struct {
		name string
		body []byte
	}{{"metadata.json", mb}, {"feature_names.json", nb}, {"model.bin", bin}} {
		path := filepath.Join(f.out, file.name)
		if err := os.WriteFile(path+".part", file.body, 0o644); err != nil {
			return usage{fmt.Errorf("write the model: %w", err)}
		}
		if err := os.Rename(path+".part", path); err != nil {
			return usage{fmt.Errorf("write the model: %w", err)}
		}
	}
	return nil
}

func (a *app) tell(t trained) {
	i := t.Intervals["cv"][t.Metric]
	a.printf("%s: %s, %s %.4f [%.4f, %.4f] cross-validated on %d rows", t.Name, t.Algorithm, t.Metric, float64(t.Metrics["cv"][t.Metric]), float64(i[0]), float64(i[1]), t.Rows)
	if v, ok := t.Metrics["test"][t.Metric]; ok {
		a.printf(", %.4f on the test rows", float64(v))
	}
	a.printf("\n%s written to %s in %.2f s\n", t.SHA256[:12], t.Out, t.Seconds["total"])
	if t.Data != "" {
		a.printf("trained on %s\n", t.Data)
	}
	if t.Dropped > 0 {
		a.printf("%d rows without a target were left out\n", t.Dropped)
	}
	for _, c := range t.Candidates {
		if c.Chosen && c.Note != "" {
			a.printf("%s\n", c.Note)
		}
	}
	for _, l := range t.Leaks {
		a.printf("warning: %s\n", l)
	}
	if t.Verified != nil {
		a.printf("trained again: equal bytes = %v\n", *t.Verified)
	}
}
