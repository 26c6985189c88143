package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/reference"
	"mlops/functions/internal/settings"
	"mlops/functions/internal/train"
	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/training"
)

type trainFlags struct {
	data, target, positive, task, test, algorithm, params, out, name, features, config string
	categorical, ignore                                                                []string
	shape                                                                              training.Shape
	classWeight                                                                        string
	costs                                                                              training.Costs
	seed                                                                               uint64
	threads, folds, budget, memory                                                     int
	limit                                                                              time.Duration
	verify                                                                             bool
	remote                                                                             remote
}

func trainCommand(a *app) *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use:   "train",
		Short: "Train on a table and write model.bin, metadata.json, feature_names.json, explanation.json and run.json",
		Long: "mlops train --data f --target t --out dir searches for the best model of a table, and writes it with the record of how it was found.\n" +
			"f may be a data version of a platform (--state, --url) as `mlops data` names them: heart@2d08, heart@latest, heart^. It brings its target, its splits and its test\n" +
			"rows; the same version, configuration and --seed give the bytes that the platform's own training gives.\n" +
			"mlops train --verify dir trains again what run.json in dir records and says whether the bytes are equal, or what differs.",
		Args: func(c *cobra.Command, args []string) error {
			if f.verify {
				return cobra.MaximumNArgs(1)(c, args)
			}
			return cobra.NoArgs(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if f.verify && len(args) == 1 {
				return a.verify(c.Context(), f, args[0])
			}
			return a.train(c.Context(), f)
		},
	}
	c.Flags().StringVar(&f.data, "data", "", "the table to train on")
	c.Flags().StringVar(&f.target, "target", "", "a column, or a comparison such as 'num>0'")
	c.Flags().StringVar(&f.positive, "positive", "", "the positive class (default: the greater value)")
	c.Flags().StringVar(&f.task, "task", "", "binary, multiclass or regression (default: inferred)")
	c.Flags().StringVar(&f.test, "test", "", "a table to test on that is never trained on")
	c.Flags().StringVar(&f.algorithm, "algorithm", "auto", "auto, linear, boosting, forest, extra_trees, vote or baseline")
	c.Flags().StringSliceVar(&f.categorical, "categorical", nil, "columns to read as categories though they hold numbers")
	c.Flags().StringSliceVar(&f.ignore, "ignore", nil, "columns that are not features")
	c.Flags().StringVar(&f.params, "params", "", "a JSON file of hyperparameters of the algorithm")
	c.Flags().StringVar(&f.config, "config", "", "a model_config.yaml: candidates, ranges, budget, what holds for a dataset (docs/TRAINING.md)")
	c.Flags().StringVar(&f.features, "features", "", "a features.yaml: feature engineering, and what becomes of leaks (docs/FEATURES.md)")
	c.Flags().StringVar(&f.shape.Group, "group", "", "a column whose equal values stay in one fold, such as a patient's id")
	c.Flags().StringVar(&f.shape.Time, "time", "", "a column to order rows by: every fold is trained on what came before it")
	c.Flags().StringVar(&f.shape.Weight, "weight", "", "a column that says how much each row counts")
	c.Flags().StringVar(&f.classWeight, "class-weight", "", "balanced, or a JSON object such as {\"no\":1,\"yes\":5}")
	c.Flags().Float64Var(&f.costs.FalsePositive, "cost-fp", 0, "what a false positive costs: the threshold of least cost is chosen (the other cost counts as 1)")
	c.Flags().Float64Var(&f.costs.FalseNegative, "cost-fn", 0, "what a false negative costs")
	c.Flags().StringVar(&f.out, "out", "", "the folder to write the model to; a training that was cut short goes on from what it left there")
	c.Flags().StringVar(&f.name, "name", "", "the model's name (default: the file's stem)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "of every random choice")
	c.Flags().IntVar(&f.threads, "threads", train.Threads(), "how many cores to use; the result does not depend on it")
	c.Flags().IntVar(&f.folds, "folds", 0, "of the cross-validation (default: as configured, 5)")
	c.Flags().IntVar(&f.budget, "budget", 0, "how many fits to spend (default: as configured, as many as it takes)")
	c.Flags().DurationVar(&f.limit, "time-limit", 0, "such as 90s: stop the search in time to fit the best so far")
	c.Flags().IntVar(&f.memory, "memory", 0, "MB that may be used (default: what there is)")
	c.Flags().BoolVar(&f.verify, "verify", false, "train a second time and compare the bytes; with a model's folder, or a run.json, repeat that training")
	f.remote.flags(c)
	return c
}

// afterwards is what importance, the corrected estimate and storing may take of a time limit, after the last fit.
const afterwards = 10 * time.Second

// trained is the command's answer.
type trained struct {
	Name       string               `json:"name"`
	Run        string               `json:"run_id"`
	Data       string               `json:"data_version,omitempty"` // name@version, where it was one
	Algorithm  string               `json:"algorithm"`
	Params     map[string]any       `json:"params"`
	Task       dataset.Task         `json:"task"`
	Metric     string               `json:"metric"`
	Metrics    train.Scores         `json:"metrics"`
	Intervals  train.Intervals      `json:"intervals"`
	Rows       int                  `json:"rows"`
	Dropped    int                  `json:"rows_dropped"` // rows without a target
	Folds      int                  `json:"folds"`
	Fits       int                  `json:"fits"`
	Seconds    map[string]float64   `json:"seconds"`
	SHA256     string               `json:"sha256"`
	Verified   *bool                `json:"verified,omitempty"`
	Out        string               `json:"out"`
	Candidates []training.Candidate `json:"candidates"`
	Resumed    int                  `json:"resumed,omitempty"` // fits that an earlier training had finished
	Recipe     *fit.Recipe          `json:"feature_engineering,omitempty"`
	Leaks      []training.Leak      `json:"leaks,omitempty"`
	Fit        *model.Report        `json:"fit,omitempty"` // of the last fit: coefficients, out-of-bag scores
	train.Found
}

// spec is what the flags ask for, completed by the configuration.
func (f *trainFlags) spec() (training.Spec, error) {
	s := training.Spec{Algorithm: f.algorithm, Folds: f.folds, Seed: f.seed, Threads: f.threads, Shape: f.shape, Costs: f.costs, Budget: f.budget}
	if f.params != "" {
		b, err := os.ReadFile(f.params)
		if err != nil {
			return s, usage{fmt.Errorf("read the hyperparameters: %w", err)}
		}
		if err := json.Unmarshal(b, &s.Params); err != nil {
			return s, fault.Invalidf("read the hyperparameters in %s: it is not a JSON object", f.params).Because(err)
		}
	}
	if f.classWeight != "" {
		var weights any = f.classWeight
		if f.classWeight != training.Balanced {
			var m map[string]any
			if err := json.Unmarshal([]byte(f.classWeight), &m); err == nil {
				weights = m
			}
		}
		var err error
		if s.Shape.ClassWeight, err = training.ParseClassWeight(weights); err != nil {
			return s, err
		}
	}
	var own []byte
	if f.config != "" {
		var err error
		if own, err = readFile(f.config, 1<<20); err != nil {
			return s, usage{fmt.Errorf("read the model configuration: %w", err)}
		}
	}
	c, err := settings.ModelConfig(f.config, own)
	if err != nil {
		return s, err
	}
	if f.name == "" {
		f.name = f.dataset()
	}
	c.Fill(&s, f.subject())
	return s, f.recipe(&s)
}

func (a *app) train(ctx context.Context, f trainFlags) error {
	needed := []string{"--data", f.data, "--out", f.out}
	if !versioned(f.data) {
		needed = append(needed, "--target", f.target)
	}
	if err := required("train", needed...); err != nil {
		return err
	}
	if f.limit < 0 {
		return usage{fmt.Errorf("train: --time-limit %s is below zero: give a duration such as 90s, or leave it out", f.limit)}
	}
	spec, err := f.spec()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := f.fits(); err != nil {
		return err
	}
	f.shape = spec.Shape
	l, err := f.lesson(ctx)
	if err != nil {
		return err
	}
	if err := f.tests(&l); err != nil {
		return err
	}
	spec.Shape = f.shape // a data version declares its own
	if err := f.fitsRead(l.frame, l.labels); err != nil {
		return err
	}
	loaded := time.Now()
	env, digest := train.Here(f.threads), l.digest()
	kept, err := openFits(f.out, train.Scope(digest, env))
	if err != nil {
		return err
	}
	spec.Kept = kept
	limit := time.Time{}
	if f.limit > 0 {
		limit = start.Add(f.limit - min(afterwards, f.limit/5))
	}
	defer train.Thrift(l.frame)()
	watch := train.NewWatch(time.Now, limit, newBar(a.err).show)
	result, err := training.Train(l.frame, l.labels, spec, watch.Stop(ctx), watch.Show)
	if err != nil {
		if !fault.Is(err, fault.Unavailable) { // what was stopped may go on
			kept.done(true)
		}
		return fault.Wrap(err, "train on %s", f.data)
	}
	fitted := time.Now()
	bin, err := result.Model.Encode()
	if err != nil {
		return err
	}
	out := trained{Name: f.name, Run: runID(), Algorithm: result.Algorithm, Params: result.Params, Task: l.labels.Task, Metric: result.Metric, Rows: l.frame.Rows(), Folds: result.Spec.Folds, Fits: result.Fits,
		Dropped: l.dropped, SHA256: model.Digest(bin), Out: f.out, Candidates: result.Candidates, Recipe: train.Recipe(spec.Recipe), Leaks: result.Leaks, Fit: model.FitReport(result.Model.Predictor), Found: train.FoundBy(result), Resumed: kept.used}
	parts := map[string]evaluate.Metrics{"cv": result.CV, "nested": result.Nested}
	if parts["test"], err = f.measures(result.Model, l); err != nil {
		return err
	}
	if l.version != nil {
		out.Data = l.version.Dataset + "@" + l.version.Version
		f.data = out.Data // as it can be found again, when latest is another
	}
	out.Metrics, out.Intervals = train.Tabulate(parts)
	repeat := train.Repeat{Data: f.data, Version: digest, Target: f.target, Positive: f.positive, Task: f.task, Categorical: f.categorical, Ignore: f.ignore, Environment: env, SHA256: out.SHA256}
	if f.verify {
		again, err := f.again(ctx, l.frame, l.labels, result)
		if err != nil {
			return err
		}
		equal := again == out.SHA256
		out.Verified = &equal
	}
	out.Seconds = map[string]float64{"load": loaded.Sub(start).Seconds(), "fit": fitted.Sub(loaded).Seconds(), "total": time.Since(start).Seconds()}
	repeat.Seconds = out.Seconds["total"]
	ended := train.Ended{ID: out.Run, Model: f.name, Start: start, End: time.Now(), Result: result, Parts: parts, Repeat: repeat, Watch: watch, ArtifactURI: f.out}
	without := append(train.Dropped(result.Leaks), result.Spec.Shape.Columns()...)
	f.ignore = append(f.ignore, without...)
	l.frame = l.frame.Drop(without...)
	if err := f.store(bin, out, l, digest, ended); err != nil {
		return err
	}
	kept.done(false)
	a.answer = out
	if !a.json {
		a.tell(out)
	}
	if out.Verified != nil && !*out.Verified {
		return errNegative
	}
	return nil
}

// again trains as result was trained and gives the artefact's digest.
func (f trainFlags) again(ctx context.Context, frame *dataset.Frame, labels dataset.Labels, result training.Result) (string, error) {
	spec := result.Spec
	spec.Kept = nil
	if result.Interrupted {
		spec.MostFits = result.Fits - 1
	}
	r, err := training.Train(frame, labels, spec, func() bool { return ctx.Err() != nil }, nil)
	if err != nil {
		return "", err
	}
	b, err := r.Model.Encode()
	return model.Digest(b), err
}

// runID is a new run's: 32 hex digits, as MLflow has them.
func runID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// store writes the files; model.bin last and by renaming, so a folder with a model.bin is whole.
func (f trainFlags) store(bin []byte, t trained, l lesson, digest string, ended train.Ended) error {
	meta := train.Metadata{Name: t.Name, Task: t.Task, Target: l.labels.Name, Classes: l.labels.Classes, Algorithm: t.Algorithm, Params: t.Params, Metric: t.Metric, Metrics: t.Metrics, Intervals: t.Intervals,
		Features: l.frame.Names(), Ignored: append([]string{l.labels.Name}, f.ignore...), Rows: t.Rows, Seed: f.seed, Folds: t.Folds, Dataset: t.Name, Data: digest, SHA256: t.SHA256,
		Candidates: t.Candidates, Recipe: t.Recipe, Leaks: t.Leaks, Fit: t.Fit, Found: t.Found}
	l.describe(&meta)
	mb, err := json.MarshalIndent(meta, "", " ")
	if err != nil {
		return err
	}
	nb, err := json.MarshalIndent(l.frame.Names(), "", " ")
	if err != nil {
		return err
	}
	xb, err := json.MarshalIndent(ended.Result.Explanation, "", " ")
	if err != nil {
		return err
	}
	ended.Files = map[string][]byte{"metadata.json": mb, "feature_names.json": nb, reference.Explanation: xb, "model.bin": bin}
	rb, err := json.MarshalIndent(train.NewRun(ended), "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return usage{fmt.Errorf("make the output folder: %w", err)}
	}
	for _, file := range []struct {
		name string
		body []byte
	}{{"metadata.json", mb}, {"feature_names.json", nb}, {reference.Explanation, xb}, {"run.json", rb}, {"model.bin", bin}} {
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
	if v, ok := t.Metrics["nested"][t.Metric]; ok {
		a.printf(", %.4f without the luck of the choice", float64(v))
	}
	if v, ok := t.Metrics["test"][t.Metric]; ok {
		a.printf(", %.4f on the test rows", float64(v))
	}
	for _, name := range []string{evaluate.NameQuantileLoss, evaluate.NamePoissonDeviance} {
		if v, ok := t.Metrics["cv"][name]; ok {
			a.printf(", %s %.4f", name, float64(v))
		}
	}
	a.printf("\n%s written to %s in %.2f s\n", t.SHA256[:12], t.Out, t.Seconds["total"])
	if t.Data != "" {
		a.printf("trained on %s\n", t.Data)
	}
	for i, m := range t.Members {
		if i == 0 {
			a.printf("it is the mean of %d models:\n", len(t.Members))
		}
		a.printf("  %s\n", m)
	}
	if c := t.Calibrated; c != nil && c.Method != "" {
		a.printf("calibrated by %s\n", train.CalibrationWords(c))
	}
	if d := t.Decision; d != nil {
		a.printf("positive from %.4g on: costs %.4g a row (%.4g on folds it was not chosen on), %.4g at 0.5\n", d.Threshold, float64(d.Cost), float64(d.HeldOut), float64(d.AtHalf))
	}
	if t.Stopped != "" {
		a.printf("%s\n", t.Stopped)
	}
	if t.Resumed > 0 {
		a.printf("%d fits were taken from a training that was cut short\n", t.Resumed)
	}
	if t.Dropped > 0 {
		a.printf("%d rows without a target were left out\n", t.Dropped)
	}
	for _, c := range t.Candidates {
		if c.Chosen && c.Note != "" {
			a.printf("%s\n", c.Note)
		}
	}
	if len(t.Idle) > 0 {
		a.printf("warning: these columns say nothing, since they have no value or a single one: %s\n", strings.Join(t.Idle, ", "))
	}
	for _, l := range t.Leaks {
		a.printf("warning: %s\n", l)
	}
	if t.Verified != nil {
		a.printf("trained again: equal bytes = %v\n", *t.Verified)
	}
}
