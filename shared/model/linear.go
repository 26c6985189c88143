package model

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Linear is a generalised linear model: logistic regression (binary), multinomial logistic regression (multiclass) or ridge regression.
//
//	raw_o = Intercept_o + sum over features of their effect on o
//
// Every effect is centred on the training rows: it is 0 for a row that is average in that feature, so Intercept is the mean raw score
// of training, and effects are contributions relative to the training mean. A level that training never saw therefore counts as the
// training mean (in one-hot terms: its indicators are all zero, and zero is the mean). Inputs are clamped to +-MaxValue.
type Linear struct {
	Task      dataset.Task
	Intercept []float64 // one a raw score
	Terms     []Term    // one a feature
	Report    *Report   // of the fit; nil after Decode
}

// Term is the effect of one feature on the raw scores, k of them.
type Term struct {
	// Levels is the number of levels of a categorical feature, -1 for a numeric one.
	Levels int
	// Centre is the mean of a numeric feature's training values; 0 for a categorical one.
	Centre float64
	// Effect is for a numeric feature k slopes, k offsets and k missing effects: slope*(x-Centre)+offset, or the missing effect when
	// x is NaN. (The offset is not 0 when training had missing values: then it is the absence of "is missing".)
	// For a categorical one k effects of a missing value, then k of each level in order.
	Effect []float64
}

// Width is the length of a prediction.
func (l *Linear) Width() int { return width(l.Task, max(2, len(l.Intercept))) }

// Outputs is the number of raw scores.
func (l *Linear) Outputs() int { return len(l.Intercept) }

// Attribution names the method of Explain.
func (l *Linear) Attribution() string { return "linear effect relative to the training mean (exact)" }

// Predict scores one row.
func (l *Linear) Predict(dst, x []float64) {
	l.Raw(dst, x)
	linkFor(l.Task).Apply(dst, len(l.Intercept))
}

// Raw writes the raw scores of one row.
func (l *Linear) Raw(dst, x []float64) {
	k := copy(dst, l.Intercept)
	for i := range l.Terms {
		for o := range k {
			dst[o] += l.Terms[i].effect(x[i], o, k)
		}
	}
}

// Explain writes each feature's effect and the intercept; exact, since the score is their sum.
func (l *Linear) Explain(dst, x []float64) {
	n, k := len(l.Terms), len(l.Intercept)
	for o := range k {
		row := dst[o*(n+1) : (o+1)*(n+1)]
		for i := range l.Terms {
			row[i] = l.Terms[i].effect(x[i], o, k)
		}
		row[n] = l.Intercept[o]
	}
}

// effect is what the value x adds to raw score o of k.
func (t *Term) effect(x float64, o, k int) float64 {
	if t.Levels < 0 {
		if math.IsNaN(x) {
			return t.Effect[2*k+o]
		}
		return float64(t.Effect[o]*(clamp(x)-t.Centre)) + t.Effect[k+o]
	}
	switch {
	case math.IsNaN(x):
		return t.Effect[o]
	case x >= 0 && x < float64(t.Levels):
		return t.Effect[(1+int(x))*k+o]
	}
	return 0
}

// check reports whether l fits the model m and holds only numbers that cannot overflow.
func (l *Linear) check(m *Model) error {
	k := outputs(m.Task, len(m.Classes))
	if l.Task != m.Task || len(l.Intercept) != k || len(l.Terms) != len(m.Features) {
		return fault.Invalidf("the linear predictor has %d scores and %d terms for a %s task, the model needs %d and %d for %s",
			len(l.Intercept), len(l.Terms), l.Task, k, len(m.Features), m.Task)
	}
	ok := allWithin(l.Intercept)
	for i, t := range l.Terms {
		want := 3 * k
		if t.Levels >= 0 {
			want = (1 + t.Levels) * k
		}
		if t.Levels != levelCount(m.Features[i]) || len(t.Effect) != want {
			return fault.Invalidf("the linear term of %q has %d levels and %d effects, the feature needs %d and %d",
				m.Features[i].Name, t.Levels, len(t.Effect), levelCount(m.Features[i]), want)
		}
		ok = ok && allWithin(t.Effect) && within(t.Centre, MaxValue)
	}
	if !ok {
		return fault.Invalidf("the linear predictor holds a weight that is not a number of magnitude at most %g", float64(MaxWeight))
	}
	return nil
}

// levelCount is the number of levels of a categorical feature, -1 for a numeric one.
func levelCount(f Feature) int {
	if f.Kind == dataset.Numeric {
		return -1
	}
	return len(f.Levels)
}

// allWithin reports whether every weight is a number of a safe magnitude.
func allWithin(w []float64) bool {
	for _, v := range w {
		if !within(v, MaxWeight) {
			return false
		}
	}
	return true
}
