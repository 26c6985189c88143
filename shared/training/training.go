// Package training finds the model for a table: it cross-validates candidates, takes the simplest of the best, fits it on all rows
// and tells how it came to that. Pure given a seed: the same table, spec and seed give the same model, to the byte, on any number of
// threads.
package training

import (
	"fmt"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/explain"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/number"
)

// Spec says what to try. Config.Fill completes one by what is configured; by itself a Spec is a cross-validation of the named algorithm.
type Spec struct {
	Algorithm string         // auto (also ""), or one of fit.Algorithms
	Params    map[string]any // of the named algorithm, as fit.Parse reads them; empty: its candidates are searched
	Config    *Config        // the candidates, and the defaults of parameters; nil = none but the named algorithm
	Folds     int            // of the cross-validation, 2 to 50; 0 = 5, 3 for a large table, or as many as the rarest class has rows
	Recipe    fit.Recipe     // feature engineering, fitted anew to the training rows of every fold; the zero Recipe only warns of leaks
	Shape     Shape          // groups, time, weights: columns of the table that are no features
	Costs     Costs          // of wrong answers, by which the threshold is chosen; zero = it stays 0.5
	Budget    int            // fits in all; 0 = as many as it takes
	MostFits  int            // stop after so many, as a time limit did: how a stopped training is repeated; 0 = no limit
	Vote      int            // the best of so many algorithms may vote, with auto; below 2 = none
	Calibrate bool           // probabilities are calibrated where that lowers the log loss of rows not fitted to
	Nested    int            // draws of the estimate that is corrected for the choice; 0 = none

	Seed    uint64          // of the folds, the fits and the permutations
	Threads int             // goroutines of one fit; 0 = 1
	Kept    Kept            // where finished fits are remembered; nil = nowhere
	tried   []fit.Estimator // beside the configuration's: estimators that no configuration can name
}

// Progress is where a training stands: told before the first fit and after every one.
type Progress struct {
	Done    int          // fits done, those of dropped candidates included
	Total   int          // fits in all
	Running string       // the candidate that is fitted next; "" at the end
	Metric  string       // the primary metric
	Best    number.Float // its mean over the folds of the best candidate so far; NaN before there is one

	BestName string // that candidate
}

// Candidate is one estimator with its cross-validation.
type Candidate struct {
	Algorithm string         `json:"algorithm"`
	Params    map[string]any `json:"params"`
	Folds     []number.Float `json:"folds"` // primary metric on each fold; shorter than the number of folds when it was dropped
	Mean      number.Float   `json:"mean"`  // over those folds
	SE        number.Float   `json:"se"`    // standard error of Mean from the folds' spread, sd / sqrt(folds)
	Loss      number.Float   `json:"loss"`  // mean of Result.Criterion over those folds
	Chosen    bool           `json:"chosen,omitempty"`
	Note      string         `json:"note,omitempty"` // why it was dropped, passed over or failed; of the chosen one, what the last fit decided by the data
}

// Name is the candidate in a few words: "linear C=0.3".
func (c Candidate) Name() string { return name(c.Algorithm, c.Params) }

// Result is a trained model and how it was found.
type Result struct {
	Model       *model.Model
	Algorithm   string
	Params      map[string]any
	Spec        Spec                 // as it was completed: the folds that were chosen, the defaults
	Metric      string               // the primary metric, which Candidates show
	Criterion   string               // what they were compared by: log_loss or rmse, or quantile_loss or poisson_deviance where all minimise it
	Candidates  []Candidate          // all of them, in the order they were tried
	CV          evaluate.Metrics     // of the chosen candidate, on the rows of OutOfFold that a fold has
	Brier       *evaluate.BrierParts // the Brier score of CV taken apart; nil of a regression
	Nested      evaluate.Metrics     // the same without the luck of having been chosen; nil where nothing was chosen among
	OutOfFold   []float64            // row-major, rows x width: each row predicted, and calibrated, by models that did not see it; NaN where no fold has it
	Baseline    []float64            // the same of the naive baseline
	Folds       []int                // fold of each row; -1: it is in none, since nothing came before it
	Covered     []int                // the rows that are in a fold, ascending
	Fits        int                  // fits done
	Interrupted bool                 // stop came before every candidate was tried
	Calibrated  *Calibrated          // nil where it was not asked for, or there are no probabilities
	Decision    *Decision            // nil without costs
	Idle        []string             // features that say nothing: without a value, or with one value only
	Leaks       []Leak               // columns that alone predict the target; those Dropped are no feature of Model
	Explanation explain.Explanation  // what the model goes by; without content when stop came first
}

// Known is what predictions of the whole table, row-major, say of the rows that are in a fold.
func (r Result) Known(p []float64) []float64 { return rowsOf(p, r.Covered, r.Model.Width()) }

// Members names the members of a model that is a vote; nil of any other.
func (r Result) Members() []string {
	if r.Algorithm != (fit.Vote{}).Algorithm() {
		return nil
	}
	return memberNames(r.Params)
}

// Train cross-validates the candidates of s on a table of features and its labels, chooses, and fits the chosen one on all rows. The table also has
// the columns that s.Shape names.
//
// The folds, stratified or as the shape declares, are shared by all candidates. They are compared by log loss, or rmse for values: one that is
// more than three standard errors of the paired difference behind the best is dropped before it has all its folds, and where the budget is not enough
// for all, the worse half is given up on every rung; chosen is, step by step, a less complex one that is within one standard error. Features get their
// permutation importance, measured on rows the model at hand had not seen.
//
// stop (nil = never) is asked between fits and within them. When it says so, the best candidate that has all its folds is fitted and
// returned, Interrupted; with none but the naive baseline finished the error is Unavailable. progress may be nil.
//
// A column that alone predicts the target is named in Leaks; Spec.Recipe says whether it is used, left out, or ends the training.
//
// A candidate that fails is noted and passed over; when all fail, the error has the kind of the first. Invalid names everything wrong
// with the table, the labels and the spec at once.
func Train(f *dataset.Frame, l dataset.Labels, s Spec, stop func() bool, progress func(Progress)) (Result, error) {
	r, err := prepare(f, l, &s)
	if err != nil {
		return Result{}, err
	}
	r.kept, r.stop, r.progress = s.Kept, stop, progress

	r.tell(r.trials[0].name())
	if r.rungs == nil {
		r.race(r.trials)
	} else if r.race(r.trials[:1]); !r.interrupted {
		r.halve(r.trials[1:], r.rungs)
	}
	if s.Algorithm == Auto && s.Vote > 1 && !r.interrupted {
		r.vote()
	}
	chosen, err := r.choose()
	if err != nil {
		return Result{}, err
	}

	predictor, err := chosen.estimator.Fit(r.data, fit.Options{Seed: s.Seed, Threads: s.Threads, Note: chosen.told})
	if err != nil {
		return Result{}, fault.Wrap(err, "fit %s on all %d rows", chosen.name(), r.data.Rows)
	}
	r.fits, r.done = r.fits+1, r.total
	r.tell("")
	return r.result(chosen, predictor)
}

func (r *run) result(chosen *trial, predictor model.Predictor) (Result, error) {
	l := r.data.Labels
	outOfFold, calibrated, err := r.calibrate(chosen)
	if err != nil {
		return Result{}, err
	}
	if calibrated != nil && calibrated.by != nil {
		predictor = &model.Calibrated{Inner: predictor, By: *calibrated.by}
	}
	cv, err := r.measure(l.Take(r.covered), rowsOf(outOfFold, r.covered, max(1, len(l.Classes))))
	if err != nil {
		return Result{}, fault.Wrap(err, "measure %s", chosen.name())
	}
	brier, err := r.brierParts(outOfFold)
	if err != nil {
		return Result{}, err
	}
	importance, err := r.importance(chosen)
	if err != nil {
		return Result{}, err
	}
	features := slices.Clone(r.data.Features)
	for j, v := range importance {
		features[j].Importance = v
	}
	out := Result{
		Model: &model.Model{Task: l.Task, Target: l.Name, Classes: slices.Clone(l.Classes), Algorithm: chosen.estimator.Algorithm(),
			Features: features, Predictor: predictor, Threshold: 0.5},
		Algorithm: chosen.estimator.Algorithm(), Params: chosen.estimator.Params(), Spec: r.spec, Metric: r.metric, Criterion: r.criterion,
		CV: cv, Brier: brier, Nested: r.corrected(), OutOfFold: outOfFold, Baseline: r.outOfFold(r.trials[0]), Calibrated: calibrated, Decision: r.decide(outOfFold),
		Folds: r.fold, Covered: r.covered, Fits: r.fits, Interrupted: r.interrupted, Leaks: r.leaks, Idle: idle(r.data.Features),
	}
	if out.Decision != nil {
		out.Model.Threshold = out.Decision.Threshold
	}
	if r.stop == nil || !r.stop() {
		out.Explanation = r.explain(predictor)
	}
	for _, t := range r.trials {
		if r.interrupted && len(t.scores) == 0 && t.note == "" {
			t.note = "not tried: the training was stopped"
		}
		out.Candidates = append(out.Candidates, t.candidate(t == chosen))
	}
	return out, nil
}

// brierParts takes the Brier score of out-of-fold predictions apart; nil of a regression.
func (r *run) brierParts(outOfFold []float64) (*evaluate.BrierParts, error) {
	l := r.data.Labels
	if l.Task == dataset.Regression {
		return nil, nil
	}
	parts, err := evaluate.DecomposeBrier(l.Take(r.covered), rowsOf(outOfFold, r.covered, len(l.Classes)))
	return &parts, err
}

// explain is what the final model goes by, on the rows it was fitted to.
func (r *run) explain(p model.Predictor) explain.Explanation {
	d := r.data
	return explain.New(p, explain.Table{Features: d.Features, Labels: d.Labels, Rows: d.Rows, Column: d.Column, Row: d.Row})
}

// idle are the features that no row differs in: a constant with missing values still says something.
func idle(features []model.Feature) (names []string) {
	for _, f := range features {
		if f.Missing == 1 || f.Missing == 0 && (f.Kind == dataset.Numeric && f.Min == f.Max || f.Kind == dataset.Categorical && len(f.Levels) < 2) {
			names = append(names, f.Name)
		}
	}
	return names
}

// name shows the parameters that tell candidates apart.
func name(algorithm string, params map[string]any) string {
	if algorithm == (fit.Vote{}).Algorithm() {
		return "vote of " + strings.Join(memberNames(params), " + ")
	}
	words := []string{algorithm}
	for _, key := range []string{"C", "l1_ratio", "trees", "leaves", "learning_rate"} {
		if v, ok := params[key]; ok {
			words = append(words, fmt.Sprintf("%s=%v", key, v))
		}
	}
	if v, ok := params["min_leaf"]; ok && params["leaves"] == nil {
		words = append(words, fmt.Sprintf("min_leaf=%v", v)) // what tells forests apart
	}
	return strings.Join(words, " ")
}
