package model

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/fault"
)

// Baseline predicts the same for every row: the shares of the classes in training, or the mean of the target. A model that does not
// beat it has learnt nothing.
type Baseline struct {
	Task dataset.Task
	P    []float64 // the prediction: shares in (0, 1) that sum to 1, or one value
}

// Width is the length of a prediction.
func (b *Baseline) Width() int { return len(b.P) }

// Predict writes P.
func (b *Baseline) Predict(dst, x []float64) { copy(dst, b.P) }

// Outputs is the number of raw scores.
func (b *Baseline) Outputs() int { return outputs(b.Task, len(b.P)) }

// Attribution names the method of Explain.
func (b *Baseline) Attribution() string { return "constant: no feature contributes" }

// Raw writes log-odds, logarithms of shares, or the value.
func (b *Baseline) Raw(dst, x []float64) {
	for o := range b.Outputs() {
		dst[o] = b.raw(o)
	}
}

// Explain writes zeros and, as base, the raw score.
func (b *Baseline) Explain(dst, x []float64) {
	clear(dst)
	for o := range b.Outputs() {
		dst[o*(len(x)+1)+len(x)] = b.raw(o)
	}
}

// raw is raw score o.
func (b *Baseline) raw(o int) float64 {
	switch b.Task {
	case dataset.Binary:
		return elementary.Log(b.P[1] / b.P[0])
	case dataset.Multiclass:
		return elementary.Log(b.P[o])
	}
	return b.P[0]
}

// check reports whether b fits the model m.
func (b *Baseline) check(m *Model) error {
	ok := b.Task == m.Task && len(b.P) == m.Width() && allWithin(b.P)
	if ok && m.Task != dataset.Regression {
		var sum float64
		for _, p := range b.P {
			ok = ok && p > 0 && p < 1
			sum += p
		}
		ok = ok && math.Abs(sum-1) < 1e-9
	}
	if !ok {
		return fault.Invalidf("the baseline predictor does not hold %d shares in (0, 1) that sum to 1, or one finite value", m.Width())
	}
	return nil
}
