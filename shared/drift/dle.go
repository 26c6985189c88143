package drift

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/number"
)

// How an error model is fitted: small, so that it is stored beside the profile, and cautious, since it learns noise squared.
const (
	errorRows     = 20_000 // of the reference, evenly spaced
	errorFeatures = 100    // the most important
	errorLevels   = 64     // of a category: one of more tells rows apart rather than groups
	errorTrees    = 60
	errorLeaves   = 8
	errorSeed     = 1   //
	leastErrors   = 100 // rows, fewer teach nothing
)

// ErrorModel expects a regression's error from what was asked and what was answered, without the truth. It is direct loss estimation
// (NannyML's DLE): a second regressor g, learnt on the reference's out-of-fold predictions,
//
//	g_abs(x, yhat) ~ |y - yhat|,  g_sq(x, yhat) ~ (y - yhat)^2
//	MAE of n rows = mean max(0, g_abs),  RMSE = sqrt(mean max(0, g_sq))
//
// each scaled by one factor so that it gives the reference its own error. Both are boosted trees of this project (fit.Boosting), in its own
// artefact form, which checks every bound when it is read; fitted with a fixed seed, they are the same bytes each time.
type ErrorModel struct {
	Absolute      []byte       `json:"absolute"`       // model.Model, encoded
	Squared       []byte       `json:"squared"`        //
	AbsoluteScale number.Float `json:"absolute_scale"` // factor on max(0, g)
	SquaredScale  number.Float `json:"squared_scale"`  //

	once sync.Once
	abs  *model.Model
	sq   *model.Model
	err  error
}

// newErrorModel learns from the reference; nil where it has too few rows.
func (p *Profile) newErrorModel(r Reference) (*ErrorModel, error) {
	if r.Labels.Len() < leastErrors {
		return nil, nil
	}
	rows := make([]int, min(errorRows, r.Labels.Len()))
	for i := range rows {
		rows[i] = i * r.Labels.Len() / len(rows)
	}
	frame := p.errorFrame(r, rows)
	e := &ErrorModel{}
	for _, part := range []struct {
		into  *[]byte
		scale *number.Float
		loss  func(d float64) float64
	}{{&e.Absolute, &e.AbsoluteScale, math.Abs}, {&e.Squared, &e.SquaredScale, func(d float64) float64 { return d * d }}} {
		l := dataset.Labels{Name: "loss", Task: dataset.Regression, Y: make([]float64, len(rows))}
		var total float64
		for i, k := range rows {
			l.Y[i] = part.loss(r.Labels.Y[k] - r.Predictions[k])
			total += l.Y[i]
		}
		m, err := fitError(frame, l)
		if err != nil {
			return nil, err
		}
		if *part.into, err = m.Encode(); err != nil {
			return nil, err
		}
		g, err := m.PredictFrame(frame)
		if err != nil {
			return nil, err
		}
		var given float64
		for _, v := range g {
			given += max(0, v)
		}
		if *part.scale = 1; given > 0 {
			*part.scale = number.Float(total / given)
		}
	}
	return e, nil
}

func fitError(frame *dataset.Frame, l dataset.Labels) (*model.Model, error) {
	d, err := fit.NewData(frame, l)
	if err != nil {
		return nil, err
	}
	b := fit.Boosting{Trees: errorTrees, Leaves: errorLeaves, LearningRate: 0.1, L2: 1, MinLeaf: max(20, l.Len()/100), Bins: 63}
	g, err := b.Fit(d, fit.Options{Seed: errorSeed})
	if err != nil {
		return nil, err
	}
	m := &model.Model{Task: l.Task, Target: l.Name, Algorithm: b.Algorithm(), Features: d.Features, Predictor: g}
	return m, m.Check()
}

// errorFrame are the features that g reads: the most important, and the prediction under a name that no feature has.
func (p *Profile) errorFrame(r Reference, rows []int) *dataset.Frame {
	var at []int
	for i := range r.Frame.Columns {
		if c := &r.Frame.Columns[i]; c.Kind == dataset.Numeric || len(c.Levels) <= errorLevels {
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(a, b int) int {
		return cmp.Compare(r.Importance[r.Frame.Columns[b].Name], r.Importance[r.Frame.Columns[a].Name])
	})
	at = at[:min(len(at), errorFeatures)]
	slices.Sort(at)
	f := &dataset.Frame{}
	for _, i := range at {
		c := r.Frame.Columns[i].Take(rows)
		f.Columns = append(f.Columns, finiteColumn(c))
	}
	yhat := make([]float64, len(rows))
	for i, k := range rows {
		yhat[i] = r.Predictions[k]
	}
	f.Columns = append(f.Columns, dataset.NumericColumn(p.predictionKey(), yhat))
	return f
}

// finiteColumn is a column whose infinities count as missing: no tree can be grown on them.
func finiteColumn(c dataset.Column) dataset.Column {
	if c.Kind != dataset.Numeric {
		return c
	}
	v := slices.Clone(c.Float)
	for i, x := range v {
		if math.Abs(x) > model.MaxValue {
			v[i] = math.NaN()
		}
	}
	return dataset.NumericColumn(c.Name, v)
}

// predictionKey is the prediction's name among the columns.
func (p *Profile) predictionKey() string {
	for i := range p.Features {
		if p.Features[i].Name == PredictionColumn {
			return "(" + PredictionColumn + ")"
		}
	}
	return PredictionColumn
}

// read decodes both models, once.
func (e *ErrorModel) read() error {
	e.once.Do(func() {
		for _, part := range []struct {
			bytes []byte
			into  **model.Model
		}{{e.Absolute, &e.abs}, {e.Squared, &e.sq}} {
			m, err := model.Decode(part.bytes)
			if err == nil && m.Task != dataset.Regression {
				err = fault.Invalidf("an error model answers a value, this one is %s", m.Task)
			}
			if err != nil {
				e.err = err
				return
			}
			*part.into = m
		}
		for _, s := range []number.Float{e.AbsoluteScale, e.SquaredScale} {
			if !s.Finite() || s < 0 {
				e.err = fault.Invalidf("the scale of an error model is %s: it is a factor from 0 up", s)
			}
		}
	})
	return e.err
}

// losses are the expected errors of a window's rows: their number, sums and sums of squares, exact, so that parts add up to the whole.
type losses struct {
	n                     int
	abs, sq, absAbs, sqSq sum
}

func (l *losses) merge(o *losses) {
	l.n += o.n
	l.abs.merge(&o.abs)
	l.sq.merge(&o.sq)
	l.absAbs.merge(&o.absAbs)
	l.sqSq.merge(&o.sqSq)
}

// mean of a sum over the rows, and the standard deviation of one row's.
func (l *losses) mean(total, squares *sum) (mean, sd float64) {
	n := float64(l.n)
	mean = total.value() / n
	return mean, math.Sqrt(max(0, squares.value()/n-float64(mean*mean)) * n / max(1, n-1))
}

// count adds a window's rows. A column that is absent or holds text for numbers is missing to g.
func (l *losses) count(p *Profile, e *ErrorModel, w Window) error {
	if err := e.read(); err != nil {
		return err
	}
	rows := len(w.Predictions)
	frame := &dataset.Frame{}
	for _, f := range e.abs.Features {
		frame.Columns = append(frame.Columns, p.readable(f, w, rows))
	}
	abs, err := e.abs.PredictFrame(frame)
	if err != nil {
		return err
	}
	sq, err := e.sq.PredictFrame(frame)
	if err != nil {
		return err
	}
	for i := range rows {
		if p.valid(w.Predictions[i : i+1]) {
			a, s := max(0, abs[i])*float64(e.AbsoluteScale), max(0, sq[i])*float64(e.SquaredScale)
			l.n++
			l.abs.add(a)
			l.absAbs.add(a * a)
			l.sq.add(s)
			l.sqSq.add(s * s)
		}
	}
	return nil
}

func (p *Profile) readable(f model.Feature, w Window, rows int) dataset.Column {
	if f.Name == p.predictionKey() {
		return finiteColumn(dataset.NumericColumn(f.Name, w.Predictions))
	}
	var c *dataset.Column
	if w.Frame != nil {
		c = w.Frame.Column(f.Name)
	}
	switch {
	case c == nil && f.Kind == dataset.Numeric:
		v := make([]float64, rows)
		for i := range v {
			v[i] = math.NaN()
		}
		return dataset.NumericColumn(f.Name, v)
	case c == nil:
		return dataset.CategoricalColumn(f.Name, make([]string, rows), func(string) bool { return true })
	case f.Kind == dataset.Numeric && c.Kind == dataset.Categorical:
		v := make([]float64, rows)
		for i := range v {
			x, err := strconv.ParseFloat(strings.TrimSpace(c.Text(i)), 64)
			if v[i] = x; err != nil || c.Missing(i) {
				v[i] = math.NaN()
			}
		}
		return dataset.NumericColumn(f.Name, v)
	}
	return *c
}

// expectation of the errors; sd is a row's pull on the root: that of its square, by the delta method. spread is the root's standard error on these rows'
// labels: with kappa the ratio of the reference's mean e^4 to its mean g^2 (3 for normal errors that g expects rightly),
//
//	Var(e^2) = kappa mean g^2 - (mean g)^2, SE(RMSE) = sqrt(Var / n) / (2 RMSE)
//
// so that rows that are missed by more also scatter by more.
func (l *losses) expectation(ref *PerformanceProfile) expectation {
	sq, sqSD := l.mean(&l.sq, &l.sqSq)
	abs, _ := l.mean(&l.abs, &l.absAbs)
	root, n := math.Sqrt(sq), float64(l.n)
	x := expectation{value: root, all: map[string]number.Float{evaluate.NameRMSE: number.Float(root), evaluate.NameMAE: number.Float(abs)}}
	if root > 0 {
		x.sd = sqSD / (2 * root)
		x.spread = map[string]float64{evaluate.NameRMSE: math.Sqrt(max(0, ref.kappa()*l.sqSq.value()/n-float64(sq*sq))/n) / (2 * root)}
	}
	return x
}

// kappa is the reference's mean fourth power of the error over its mean squared expectation of the second; 0 where nothing was expected of it.
func (q *PerformanceProfile) kappa() float64 {
	e := q.Metrics[evaluate.NameRMSE]
	squares := math.Pow(2*float64(e.SE*e.Value), 2)*float64(q.N) + math.Pow(float64(e.Value), 4)
	expected := math.Pow(2*float64(q.ExpectedSD*q.Expected), 2) + math.Pow(float64(q.Expected), 4)
	if !(expected > 0) || math.IsNaN(squares) {
		return 0
	}
	return squares / expected
}
