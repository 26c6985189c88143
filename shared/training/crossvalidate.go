package training

import (
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
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
	metric      string  // the primary one, for people
	criterion   string  // what candidates are compared by
	fold        []int   // of each row
	held, rest  [][]int // rows in each fold, and outside it
	trials      []*trial
	best        *trial // of the eligible ones with all folds, that with the least mean loss
	fits, done  int
	interrupted bool
	leaks       []Leak
	stop        func() bool
	progress    func(Progress)
}

// trial is one candidate's cross-validation.
type trial struct {
	estimator  fit.Estimator
	eligible   bool
	predictors []model.Predictor // of each fold so far
	scores     []float64         // primary metric on each fold so far
	losses     []float64         // criterion on each fold so far
	held       [][]float64       // predictions of each fold's rows so far
	note       string
	err        error
}

func (t *trial) name() string { return name(t.estimator.Algorithm(), t.estimator.Params()) }

// told keeps what the fit on all rows decided by the data: where early stopping cut the trees.
func (t *trial) told(n fit.Note) { t.note = n.String() }

func (t *trial) candidate(chosen bool) Candidate {
	c := Candidate{Algorithm: t.estimator.Algorithm(), Params: t.estimator.Params(), Chosen: chosen, Note: t.note}
	for _, v := range t.scores {
		c.Folds = append(c.Folds, number.Float(v))
	}
	mean, se := spread(t.scores)
	loss, _ := spread(t.losses)
	c.Mean, c.SE, c.Loss = number.Float(mean), number.Float(se), number.Float(loss)
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

// split deals the rows into folds.
func (r *run) split() {
	r.fold = dataset.Folds(r.data.Labels, r.spec.Folds, r.spec.Seed)
	together(r.data, r.fold)
	r.held, r.rest = make([][]int, r.spec.Folds), make([][]int, r.spec.Folds)
	for i, at := range r.fold {
		for k := range r.held {
			if k == at {
				r.held[k] = append(r.held[k], i)
			} else {
				r.rest[k] = append(r.rest[k], i)
			}
		}
	}
}

// total counts the fits of a run in which nothing is dropped: all folds of all candidates, and the last one on all rows.
func (r *run) total() int { return len(r.trials)*r.spec.Folds + 1 }

func (r *run) tell() {
	if r.progress == nil {
		return
	}
	p := Progress{Done: r.done, Total: r.total(), Metric: r.metric, Best: number.Float(math.NaN())}
	if next := r.done / r.spec.Folds; next < len(r.trials) {
		p.Running = r.trials[next].name()
	} else if r.done < r.total() && r.best != nil {
		p.Running = r.best.name()
	}
	if r.best != nil {
		mean, _ := spread(r.best.scores)
		p.Best, p.BestName = number.Float(mean), r.best.name()
	}
	r.progress(p)
}

// crossValidate fits a candidate fold by fold until it is done, hopeless, failed or stopped.
func (r *run) crossValidate(t *trial) {
	end := r.done + r.spec.Folds
	for k := range r.spec.Folds {
		if r.stop != nil && r.stop() {
			r.interrupt(t)
			return
		}
		err := r.fitFold(t, k)
		if err != nil && r.stop != nil && r.stop() { // it was stopped within the fit
			r.interrupt(t)
			return
		}
		if err != nil {
			t.err, t.note = err, "failed: "+err.Error()
			break
		}
		r.fits, r.done = r.fits+1, r.done+1
		if k+1 == r.spec.Folds {
			r.finish(t)
		} else if behind, se := r.behind(t, r.best); behind > dropAt*se {
			t.note = fmt.Sprintf("dropped after %d of %d folds: %s", k+1, r.spec.Folds, r.lag(t, r.best))
			break
		}
		r.tell()
	}
	if r.done < end {
		r.done = end // folds that are not worth fitting count as done
		r.tell()
	}
}

// dropAt is how many standard errors behind the best a candidate is given up: chance puts an equal one there in one of 700 comparisons.
const dropAt = 3

func (r *run) interrupt(t *trial) {
	r.interrupted = true
	if t.note == "" {
		t.note = fmt.Sprintf("stopped after %d of %d folds", len(t.scores), r.spec.Folds)
	}
}

// fitFold fits on all folds but k and scores on k.
func (r *run) fitFold(t *trial, k int) error {
	predictor, err := t.estimator.Fit(r.data.Take(r.rest[k]), fit.Options{Seed: r.spec.Seed, Threads: r.spec.Threads, Stop: r.stop})
	if err != nil {
		return err
	}
	held := r.data.Take(r.held[k])
	predictions := held.Predict(predictor)
	score, err := evaluate.Score(r.metric, held.Labels, predictions)
	if err != nil {
		return fault.Wrap(err, "score fold %d", k+1)
	}
	loss, err := evaluate.Score(r.criterion, held.Labels, predictions)
	if err != nil {
		return fault.Wrap(err, "score fold %d", k+1)
	}
	t.predictors, t.held = append(t.predictors, predictor), append(t.held, predictions)
	t.scores, t.losses = append(t.scores, score), append(t.losses, loss)
	return nil
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

// outOfFold puts the predictions of all folds in the table's order; nil for a candidate that lacks some.
func (r *run) outOfFold(t *trial) []float64 {
	if !r.complete(t) {
		return nil
	}
	width := t.predictors[0].Width()
	out := make([]float64, r.data.Rows*width)
	for k, rows := range r.held {
		for i, row := range rows {
			copy(out[row*width:(row+1)*width], t.held[k][i*width:(i+1)*width])
		}
	}
	return out
}

// behind is by how much t is worse than other in the criterion, in the mean over t's folds, with the standard error of that paired difference from the
// rows; where a fold has too few rows for one, from the folds' spread. NaN without another.
func (r *run) behind(t, other *trial) (mean, se float64) {
	if other == nil {
		return math.NaN(), math.NaN()
	}
	folds := make([]float64, len(t.scores))
	for k := range folds {
		d, err := evaluate.Difference(r.criterion, r.data.Labels.Take(r.held[k]), t.held[k], other.held[k])
		if err != nil {
			return math.NaN(), math.NaN() // cannot be: both were scored on these rows
		}
		folds[k] = float64(d.Value)
		se += float64(d.SE * d.SE)
	}
	mean, byFold := spread(folds)
	se = math.Sqrt(se) / float64(len(folds))
	if math.IsNaN(se) {
		se = byFold
	}
	return mean, se
}

// together moves rows with the same features into the fold of the first of them: a patient who came twice must not be tested on a model
// that learnt from the other visit. Folds stay as they are where that would leave one empty of a class.
func together(d *fit.Data, fold []int) {
	moved := slices.Clone(fold)
	for i, first := range d.Twins() {
		moved[i] = moved[first]
	}
	if whole(d.Labels, moved, fold) {
		copy(fold, moved)
	}
}

// whole reports whether every fold that had a row of a class still has one.
func whole(l dataset.Labels, moved, fold []int) bool {
	type cell struct {
		fold  int
		class float64
	}
	had := map[cell]bool{}
	for i, k := range fold {
		c := cell{fold: k}
		if l.Task != dataset.Regression {
			c.class = l.Y[i]
		}
		had[c] = true
	}
	for i, k := range moved {
		c := cell{fold: k}
		if l.Task != dataset.Regression {
			c.class = l.Y[i]
		}
		delete(had, c)
	}
	return len(had) == 0
}
