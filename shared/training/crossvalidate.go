package training

import (
	"fmt"
	"math"

	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/number"
)

// run is one training under way.
type run struct {
	spec        Spec
	data        *fit.Data
	rows        rows
	rungs       []rung  // of successive halving; nil: the budget is enough for all
	metric      string  // the primary one, for people
	criterion   string  // what candidates are compared by
	alpha       float64 // of the quantile loss
	fold        []int   // of each row; -1: it is in none
	covered     []int   // rows that are in a fold
	held, rest  [][]int // rows in each fold, and those it is trained on
	trials      []*trial
	best        *trial // of the eligible ones with all folds, that with the least mean loss
	fits, done  int
	total       int // fits of a run in which nothing is dropped: all folds of all candidates, and the last one on all rows
	interrupted bool
	leaks       []Leak
	kept        Kept
	folds       string // digest of fold, once it is asked for
	stop        func() bool
	progress    func(Progress)
}

// trial is one candidate's cross-validation.
type trial struct {
	estimator  fit.Estimator
	eligible   bool
	predictors []model.Predictor // of each fold so far; nil: taken from what was kept, or given back
	scores     []float64         // primary metric on each fold so far
	rowLoss    []losses          // of each fold's rows so far
	held       [][]float64       // predictions of each fold's rows so far
	members    []*trial          // of a vote
	note       string
	err        error
}

func (t *trial) name() string { return name(t.estimator.Algorithm(), t.estimator.Params()) }

// told keeps what the fit on all rows decided by the data: where early stopping cut the trees.
func (t *trial) told(n fit.Note) { t.note = n.String() }

// loss is the mean criterion over the first folds.
func (t *trial) loss(folds int) float64 {
	v := make([]float64, min(folds, len(t.rowLoss)))
	for k := range v {
		v[k] = t.rowLoss[k].mean()
	}
	mean, _ := spread(v)
	return mean
}

func (t *trial) candidate(chosen bool) Candidate {
	c := Candidate{Algorithm: t.estimator.Algorithm(), Params: t.estimator.Params(), Chosen: chosen, Note: t.note}
	for _, v := range t.scores {
		c.Folds = append(c.Folds, number.Float(v))
	}
	mean, se := spread(t.scores)
	c.Mean, c.SE, c.Loss = number.Float(mean), number.Float(se), number.Float(t.loss(len(t.rowLoss)))
	return c
}

// spread is the mean and its standard error; NaN where there are too few values.
func spread(v []float64) (mean, se float64) {
	n := float64(len(v))
	for _, x := range v {
		mean += x / n
	}
	if len(v) == 0 {
		mean = math.NaN()
	}
	for _, x := range v {
		se += float64((x - mean) * (x - mean))
	}
	return mean, math.Sqrt(se / (n - 1) / n)
}

// tell says where the training stands, and what it does next.
func (r *run) tell(next string) {
	if r.progress == nil {
		return
	}
	p := Progress{Done: r.done, Total: r.total, Running: next, Metric: r.metric, Best: number.Float(math.NaN())}
	if r.best != nil {
		mean, _ := spread(r.best.scores)
		p.Best, p.BestName = number.Float(mean), r.best.name()
	}
	r.progress(p)
}

// stopped reports whether no further fit is to begin: the caller wants no more, or as many are done as the spec allows.
func (r *run) stopped() bool {
	return r.stop != nil && r.stop() || r.spec.MostFits > 0 && r.fits >= r.spec.MostFits
}

// race fits one candidate after the other fold by fold, and drops what is hopeless.
func (r *run) race(trials []*trial) {
	for i, t := range trials {
		next := ""
		switch {
		case i+1 < len(trials):
			next = trials[i+1].name()
		case r.best != nil:
			next = r.best.name()
		}
		if r.crossValidate(t, next); r.interrupted {
			return
		}
	}
}

// crossValidate fits a candidate fold by fold until it is done, hopeless, failed or stopped; next is what comes after it.
func (r *run) crossValidate(t *trial, next string) {
	end := r.done + r.spec.Folds
	for k := range r.spec.Folds {
		if !r.advance(t, k) {
			break
		}
		if k+1 == r.spec.Folds {
			r.finish(t)
		} else if behind, se := r.behind(t, r.best); behind > dropAt*se {
			t.note = fmt.Sprintf("dropped after %d of %d folds: %s", k+1, r.spec.Folds, r.lag(t, r.best))
			t.predictors = nil
			break
		}
		if k+1 == r.spec.Folds {
			r.tell(next)
		} else {
			r.tell(t.name())
		}
	}
	if r.done < end && !r.interrupted {
		r.done = end // folds that are not worth fitting count as done
		r.tell(next)
	}
}

// dropAt is how many standard errors behind the best a candidate is given up: chance puts an equal one there in one of 700 comparisons.
const dropAt = 3

// advance fits fold k of a candidate; false when it was stopped, or failed.
func (r *run) advance(t *trial, k int) bool {
	if r.stopped() {
		r.interrupt(t)
		return false
	}
	err := r.fitFold(t, k)
	if err != nil && r.stop != nil && r.stop() { // it was stopped within the fit
		r.interrupt(t)
		return false
	}
	if err != nil {
		t.err, t.note = err, "failed: "+err.Error()
		return false
	}
	r.fits, r.done = r.fits+1, r.done+1
	return true
}

func (r *run) interrupt(t *trial) {
	r.interrupted = true
	if t.note == "" {
		t.note = fmt.Sprintf("stopped after %d of %d folds", len(t.scores), r.spec.Folds)
	}
}

// fitFold fits on the rows that fold k is trained on, or takes what was kept of that fit, and scores on k.
func (r *run) fitFold(t *trial, k int) error {
	var predictor model.Predictor
	predictions := r.recall(t, k)
	if predictions == nil {
		var err error
		if predictor, err = r.fit(t, k, r.stop); err != nil {
			return err
		}
		predictions = r.data.Take(r.held[k]).Predict(predictor)
		r.keep(t, k, predictions)
	}
	t.predictors = append(t.predictors, predictor)
	return r.score(t, k, predictions)
}

// fit fits a candidate on what fold k is trained on.
func (r *run) fit(t *trial, k int, stop func() bool) (model.Predictor, error) {
	return t.estimator.Fit(r.data.Take(r.rest[k]), fit.Options{Seed: r.spec.Seed, Threads: r.spec.Threads, Stop: stop})
}

// score measures predictions of fold k and adds them to the trial.
func (r *run) score(t *trial, k int, predictions []float64) error {
	labels := r.data.Labels.Take(r.held[k])
	score, err := evaluate.Score(r.metric, labels, predictions)
	if err != nil {
		return fault.Wrap(err, "score fold %d", k+1)
	}
	loss := losses{criterion: r.criterion}
	if loss.row, err = r.rowLosses(labels, predictions); err != nil {
		return fault.Wrap(err, "score fold %d", k+1)
	}
	if r.data.Weight != nil {
		for _, row := range r.held[k] {
			loss.weight = append(loss.weight, r.data.Weight[row])
		}
		if loss.weightless() {
			return fault.Invalidf("score fold %d: the weights of its rows are all 0", k+1)
		}
	}
	t.held, t.scores, t.rowLoss = append(t.held, predictions), append(t.scores, score), append(t.rowLoss, loss)
	return nil
}

// predictor is that of fold k, fitted anew where it is not at hand: the same data, parameters and seed give the same.
func (r *run) predictor(t *trial, k int) (model.Predictor, error) {
	if t.members != nil {
		members := make([]model.Predictor, len(t.members))
		for i, m := range t.members {
			var err error
			if members[i], err = r.predictor(m, k); err != nil {
				return nil, err
			}
		}
		return model.NewVote(r.data.Labels.Task, members), nil
	}
	if k < len(t.predictors) && t.predictors[k] != nil {
		return t.predictors[k], nil
	}
	return r.fit(t, k, nil)
}

func (r *run) complete(t *trial) bool { return len(t.scores) == r.spec.Folds }

// finish notes a new best.
func (r *run) finish(t *trial) {
	if !t.eligible {
		return
	}
	if r.best == nil {
		r.best = t
	} else {
		r.best = r.least([]*trial{r.best, t})
	}
}

// outOfFold puts the predictions of all folds in the table's order, NaN for rows in no fold; nil for a candidate that lacks some.
func (r *run) outOfFold(t *trial) []float64 {
	if !r.complete(t) {
		return nil
	}
	width := len(t.held[0]) / len(r.held[0])
	out := make([]float64, r.data.Rows*width)
	if len(r.covered) < r.data.Rows {
		for i := range out {
			out[i] = math.NaN()
		}
	}
	for k, rows := range r.held {
		for i, row := range rows {
			copy(out[row*width:(row+1)*width], t.held[k][i*width:(i+1)*width])
		}
	}
	return out
}
