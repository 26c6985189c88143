package drift

import (
	"cmp"
	"fmt"
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

// newPerformance measures the reference and learns the calibration.
func (p *Profile) newPerformance(l dataset.Labels, predictions []float64) (*PerformanceProfile, error) {
	metrics, err := evaluate.Measure(l, predictions)
	if err != nil {
		return nil, err
	}
	perf := &PerformanceProfile{Metric: metricOf(p.Task), Metrics: metrics, N: l.Len(), Expected: number.Float(math.NaN()), ExpectedSD: number.Float(math.NaN())}
	if p.Task == dataset.Regression {
		return perf, nil
	}
	w, y := len(p.Classes), make([]float64, l.Len())
	for class := range w {
		if w == 2 && class == 0 {
			continue
		}
		for i, v := range l.Y {
			y[i] = 0
			if int(v) == class {
				y[i] = 1
			}
		}
		perf.Calibration = append(perf.Calibration, calibrate(scores(predictions, w, class), y))
	}
	value, sd, _ := p.expected(perf.Calibration, predictions)
	perf.Expected, perf.ExpectedSD = number.Float(value), number.Float(sd)
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

// expected is the watched metric of a classifier without labels, the standard deviation of one row's pull on it, and all the metrics.
func (p *Profile) expected(calibration []Calibration, predictions []float64) (value, sd float64, all map[string]number.Float) {
	w := len(p.Classes)
	if p.Task == dataset.Binary {
		score := scores(predictions, w, 1)
		slices.Sort(score)
		chance := make([]float64, len(score))
		for i, s := range score {
			chance[i] = calibration[0].apply(s)
		}
		e := expect(score, chance, p.Threshold)
		return e.auc, e.aucSD, map[string]number.Float{
			evaluate.NameAUC: number.Float(e.auc), evaluate.NameAccuracy: number.Float(e.accuracy), evaluate.NameF1: number.Float(e.f1),
			evaluate.NameLogLoss: number.Float(e.logLoss), evaluate.NameBrier: number.Float(e.brier), "precision": number.Float(e.precision),
			"recall": number.Float(e.recall), "specificity": number.Float(e.specificity), "average_precision": number.Float(e.averagePrecision),
		}
	}
	// The chance of each class, one against the rest and normed to one: that of the class answered is the chance of being right.
	var right, squares, logLoss sum
	n, chance := float64(len(predictions)/w), make([]float64, w)
	for i := 0; i < len(predictions); i += w {
		row, total := predictions[i:i+w], 0.0
		for k := range row {
			chance[k] = calibration[k].apply(row[k])
			total += chance[k]
		}
		var loss float64
		for k := range row {
			if chance[k] /= total; total == 0 {
				chance[k] = 1 / float64(w)
			}
			loss -= float64(chance[k] * math.Log(max(row[k], 1e-15)))
		}
		c := chance[argmax(row)]
		right.add(c)
		squares.add(c * c)
		logLoss.add(loss)
	}
	value = right.value() / n
	sd = math.Sqrt(max(0, squares.value()/n-float64(value*value)) * n / max(1, n-1))
	return value, sd, map[string]number.Float{evaluate.NameAccuracy: number.Float(value), evaluate.NameLogLoss: number.Float(logLoss.value() / n)}
}

// estimate is the performance without labels; why says what stands in the way of one.
func (t *Tally) estimate(pol Policy) (perf *Performance, all map[string]number.Float, why string) {
	p := t.profile
	ref := p.Performance
	switch {
	case ref == nil:
		return nil, nil, "the profile has no performance reference: it was made without labels or predictions"
	case p.Task == dataset.Regression:
		return nil, nil, "a regression's error cannot be told from its predictions; it takes labels"
	case t.prediction == nil:
		return nil, nil, "the window has no predictions"
	}
	n := len(t.labels)
	if n < pol.MinRows {
		return nil, nil, fmt.Sprintf("%d rows with a valid prediction, it takes %d", n, pol.MinRows)
	}
	value, sd, all := p.expected(ref.Calibration, t.predictions)
	if math.IsNaN(value) || !ref.Expected.Finite() {
		return nil, all, "the calibrated predictions leave no chance to one of the classes"
	}
	realised := ref.Metrics[ref.Metric]
	sampling := float64(ref.N) / float64(n) // of the labels of n rows, in the reference's variances
	if slices.ContainsFunc(ref.Calibration, func(c Calibration) bool { return len(c.X) > 0 }) {
		sampling++ // what a score means was learnt on the reference, and is as uncertain as the reference is small
	}
	sampling = half * uncertainty(realised) * math.Sqrt(sampling)
	noise := math.Hypot(float64(ref.ExpectedSD)/math.Sqrt(float64(ref.N)), sd/math.Sqrt(float64(n)))
	return judge(ref.Metric, value, value-sampling, value+sampling, n, float64(ref.Expected), noise, pol).because(
		"rows that score alike are positive as often as in the reference (no concept drift); the reference figure is made the same way"), all, ""
}

// realised is the performance on the window's labels.
func (t *Tally) realised(pol Policy) (perf *Performance, why string) {
	p := t.profile
	if p.Performance == nil {
		return nil, "the profile has no performance reference: it was made without labels or predictions"
	}
	var rows []int
	for i, y := range t.labels {
		if !math.IsNaN(y) {
			rows = append(rows, i)
		}
	}
	if len(rows) < pol.MinLabels {
		return nil, fmt.Sprintf("%d labelled rows, it takes %d", len(rows), pol.MinLabels)
	}
	w := width(p.Task, len(p.Classes))
	slices.SortFunc(rows, func(a, b int) int { // so that the order of the rows cannot change a sum
		if c := slices.Compare(t.predictions[a*w:a*w+w], t.predictions[b*w:b*w+w]); c != 0 {
			return c
		}
		return cmp.Compare(t.labels[a], t.labels[b])
	})
	l := dataset.Labels{Name: p.Model, Task: p.Task, Classes: p.Classes, Y: make([]float64, len(rows))}
	predictions := make([]float64, 0, len(rows)*w)
	for i, r := range rows {
		l.Y[i] = t.labels[r]
		predictions = append(predictions, t.predictions[r*w:r*w+w]...)
	}
	if p.Task == dataset.Binary {
		if rarer := slices.Min(l.Counts()); rarer < pol.MinRarer {
			return nil, fmt.Sprintf("%d labelled rows of the rarer class, it takes %d", rarer, pol.MinRarer)
		}
	}
	metrics, err := evaluate.Measure(l, predictions)
	if err != nil {
		return nil, err.Error()
	}
	ref, got := p.Performance.Metrics[p.Performance.Metric], metrics[p.Performance.Metric]
	noise := math.Hypot(uncertainty(ref), uncertainty(got))
	return judge(p.Performance.Metric, float64(got.Value), float64(got.Low), float64(got.High), len(rows), float64(ref.Value), noise, pol), ""
}

// uncertainty is an estimate's standard error, or half its longer half-interval where the error says nothing (an AUC of 1 has none).
func uncertainty(e evaluate.Estimate) float64 {
	arm := max(float64(e.High-e.Value), float64(e.Value-e.Low)) / half
	if se := float64(e.SE); se > 0 {
		return se
	}
	return arm
}

// judge sets a value against its reference; noise is the standard error of their difference when nothing changed.
func judge(metric string, value, low, high float64, n int, reference, noise float64, pol Policy) *Performance {
	loss, least, band := value-reference, pol.MinLoss, pol.band()
	if metric == evaluate.NameRMSE {
		least = pol.MinRelativeLoss * math.Abs(reference)
	} else {
		loss, low, high = -loss, max(0, low), min(1, high)
	}
	f := func(v float64) number.Float { return number.Float(v) }
	return &Performance{
		Metric: metric, Value: f(value), Low: f(low), High: f(high), N: n,
		Reference: f(reference), ReferenceLow: f(reference - float64(band*noise)), ReferenceHigh: f(reference + float64(band*noise)),
		Loss: f(loss), Significant: loss > band*noise && loss > least,
	}
}

func (p *Performance) because(assumption string) *Performance {
	p.Assumption = assumption
	return p
}
