package drift

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// half is half a two-sided 95 % interval, in standard errors.
const half = 1.959963984540054

// band is how many standard errors a value strays from its reference, on the worse side, with the chance Alpha when nothing changed: 2.33
// for the default of 0.01. NannyML takes 3, which at a few hundred labels leaves an AUC that fell by 0.08 unseen.
func (p Policy) band() float64 { return distuv.UnitNormal.Quantile(1 - p.Alpha) }

// metricOf is the metric that is watched: one whose loss means the same for every model of the task, and that can be expected
// without labels. (The log loss, which selects multiclass models, has no such scale.)
func metricOf(task dataset.Task) string {
	switch task {
	case dataset.Binary:
		return evaluate.NameAUC
	case dataset.Multiclass:
		return evaluate.NameAccuracy
	}
	return evaluate.NameRMSE
}

// newPerformance measures the reference and learns what an estimate takes: the calibration of scores, or a regression's error model.
func (p *Profile) newPerformance(r Reference) (*PerformanceProfile, error) {
	l, predictions := r.Labels, r.Predictions
	metrics, err := evaluate.Detail(l, predictions, p.Threshold)
	if err != nil {
		return nil, err
	}
	perf := &PerformanceProfile{Metric: metricOf(p.Task), Metrics: metrics, N: l.Len(), Expected: number.Float(math.NaN()), ExpectedSD: number.Float(math.NaN())}
	if p.Task == dataset.Regression {
		if perf.Error, err = p.newErrorModel(r); perf.Error == nil || err != nil {
			return perf, err
		}
		var x losses
		if err := x.count(p, perf.Error, Window{Frame: r.Frame, Predictions: predictions}); err != nil {
			return nil, err
		}
		e := x.expectation(perf)
		perf.Expected, perf.ExpectedSD = number.Float(e.value), number.Float(e.sd)
		return perf, nil
	}
	w := len(p.Classes)
	first := 0 // class with a calibration
	if w == 2 {
		first = 1
	}
	perf.Calibration = make([]Calibration, w-first)
	each(w-first, func(k int) {
		y := make([]float64, l.Len())
		for i, v := range l.Y {
			if int(v) == first+k {
				y[i] = 1
			}
		}
		perf.Calibration[k] = calibrate(scores(predictions, w, first+k), y)
	})
	e := p.expected(perf.Calibration, predictions)
	if p.Task == dataset.Multiclass && slices.ContainsFunc(perf.Calibration, func(c Calibration) bool { return len(c.X) > 0 }) {
		perf.Offsets = perf.offsets(e)
		e.correct(perf)
	}
	perf.Expected, perf.ExpectedSD = number.Float(e.value), number.Float(e.sd)
	return perf, nil
}

// scores is column k of row-major rows.
func scores(rows []float64, width, k int) []float64 {
	v := make([]float64, len(rows)/width)
	for i := range v {
		v[i] = rows[i*width+k]
	}
	return v
}

// uncertainty is an estimate's standard error, or half its longer half-interval where the error says nothing (an AUC of 1 has none).
func uncertainty(e evaluate.Estimate) float64 {
	arm := max(float64(e.High-e.Value), float64(e.Value-e.Low)) / half
	if se := float64(e.SE); se > 0 {
		return se
	}
	return arm
}

// atPooled is the reference's standard error as it would be if reference and window had the value of both together, which they have when nothing changed:
// a reference that came out well by chance has too small an error of its own, and would call every window worse. A share's error goes with
// sqrt(v (1-v)), that of an error with v. It is never less than the reference's own. The idea is that of the score test: Rao (1948).
func atPooled(metric string, ref, got evaluate.Estimate) float64 {
	scatter := func(v float64) float64 { return math.Sqrt(max(0, v*(1-v))) }
	if metric == evaluate.NameRMSE {
		scatter = math.Abs
	}
	n, m := float64(ref.N), float64(got.N)
	own, pooled := scatter(float64(ref.Value)), scatter((n*float64(ref.Value)+m*float64(got.Value))/(n+m))
	if !(own > 0) {
		return uncertainty(ref)
	}
	return uncertainty(ref) * max(1, pooled/own)
}

// least is the loss below which it does not matter, in the metric's unit.
func (p Policy) least(metric string, reference float64) float64 {
	if metric == evaluate.NameRMSE {
		return p.MinRelativeLoss * math.Abs(reference)
	}
	return p.MinLoss
}

// judge sets a value against its reference; noise is the standard error of their difference when nothing changed, of which
// band many are allowed.
func judge(metric string, value, low, high float64, n int, reference, noise, band float64, pol Policy) *Performance {
	loss := value - reference
	if metric != evaluate.NameRMSE {
		loss, low, high = -loss, max(0, low), min(1, high)
	}
	f := func(v float64) number.Float { return number.Float(v) }
	return &Performance{
		Metric: metric, Value: f(value), Low: f(low), High: f(high), N: n,
		Reference: f(reference), ReferenceLow: f(reference - float64(band*noise)), ReferenceHigh: f(reference + float64(band*noise)),
		Loss: f(loss), Significant: loss > band*noise && loss > pol.least(metric, reference),
	}
}

func (p *Performance) because(assumption string) *Performance {
	p.Assumption = assumption
	return p
}
