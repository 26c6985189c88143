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

// Spec says what to try. The zero Spec searches over everything.
type Spec struct {
	Algorithm string         // auto (also ""), or one of fit.Algorithms
	Params    map[string]any // of the named algorithm, as fit.Parse reads them; empty: its candidates are searched
	Folds     int            // of the cross-validation, 2 to 50; 0 = 5, 3 for a large table, or as many as the rarest class has rows
	Recipe    fit.Recipe     // feature engineering, fitted anew to the training rows of every fold; the zero Recipe only warns of leaks

	Seed    uint64 // of the folds, the fits and the permutations
	Threads int    // goroutines of one fit; 0 = 1
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
	Metric      string              // the primary metric, which Candidates show
	Criterion   string              // what they were compared by: log_loss or rmse
	Candidates  []Candidate         // all of them, in the order they were tried
	CV          evaluate.Metrics    // of the chosen candidate, on OutOfFold
	OutOfFold   []float64           // row-major, rows x width: each row predicted by the fold's model that did not see it
	Baseline    []float64           // the same of the naive baseline
	Folds       []int               // fold of each row
	Fits        int                 // fits done
	Interrupted bool                // stop came before every candidate was tried
	Leaks       []Leak              // columns that alone predict the target; those Dropped are no feature of Model
	Explanation explain.Explanation // what the model goes by; without content when stop came first
}

// Train cross-validates the candidates of s on a table of features and its labels, chooses, and fits the chosen one on all rows.
//
// The folds are stratified and shared by all candidates. They are compared by log loss, or rmse for values: one that is
// more than three standard errors of the paired difference behind the best is dropped before it has all its folds; chosen is, step by step, a less
// complex one that is within one. Features get their
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
	list, data, leaks, err := prepare(f, l, &s)
	if err != nil {
		return Result{}, err
	}
	r := &run{spec: s, leaks: leaks, data: data, metric: evaluate.Primary(l.Task), criterion: criterion(l.Task), stop: stop, progress: progress}
	r.split()
	for _, e := range list {
		r.trials = append(r.trials, &trial{estimator: e.estimator, eligible: e.eligible, note: e.note})
	}

	r.tell()
	for _, t := range r.trials {
		if r.crossValidate(t); r.interrupted {
			break
		}
	}
	chosen, err := r.choose()
	if err != nil {
		return Result{}, err
	}

	predictor, err := chosen.estimator.Fit(data, fit.Options{Seed: s.Seed, Threads: s.Threads, Note: chosen.told})
	if err != nil {
		return Result{}, fault.Wrap(err, "fit %s on all %d rows", chosen.name(), data.Rows)
	}
	r.fits, r.done = r.fits+1, r.total()
	r.tell()
	return r.result(chosen, predictor)
}

func (r *run) result(chosen *trial, predictor model.Predictor) (Result, error) {
	l := r.data.Labels
	outOfFold := r.outOfFold(chosen)
	cv, err := evaluate.Measure(l, outOfFold)
	if err != nil {
		return Result{}, fault.Wrap(err, "measure %s", chosen.name())
	}
	features := slices.Clone(r.data.Features)
	for j, v := range r.importance(chosen) {
		features[j].Importance = v
	}
	out := Result{
		Model: &model.Model{Task: l.Task, Target: l.Name, Classes: slices.Clone(l.Classes), Algorithm: chosen.estimator.Algorithm(),
			Features: features, Predictor: predictor, Threshold: 0.5},
		Algorithm: chosen.estimator.Algorithm(), Params: chosen.estimator.Params(), Metric: r.metric, Criterion: r.criterion,
		CV: cv, OutOfFold: outOfFold, Baseline: r.outOfFold(r.trials[0]),
		Folds: r.fold, Fits: r.fits, Interrupted: r.interrupted, Leaks: r.leaks,
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

// explain is what the final model goes by, on the rows it was fitted to.
func (r *run) explain(p model.Predictor) explain.Explanation {
	l := r.data.Labels
	t := explain.Table{Of: l.Name, Features: r.data.Features, Rows: r.data.Rows, Column: r.data.Column, Row: r.data.Row, Binary: l.Task == dataset.Binary}
	if l.Task != dataset.Regression {
		t.Of += " = " + l.Classes[len(l.Classes)-1]
		t.Class = func(row int) int { return int(l.Y[row]) }
	}
	return explain.New(p, t)
}

// name shows the parameters that tell candidates apart.
func name(algorithm string, params map[string]any) string {
	words := []string{algorithm}
	for _, key := range []string{"C", "trees", "leaves", "learning_rate"} {
		if v, ok := params[key]; ok {
			words = append(words, fmt.Sprintf("%s=%v", key, v))
		}
	}
	return strings.Join(words, " ")
}
