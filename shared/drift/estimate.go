package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// expectation is the watched metric of rows whose labels are not known, and every other that can be expected.
type expectation struct {
	value  float64
	sd     float64 // standard deviation of one row's pull on value: what varies with the rows
	all    map[string]number.Float
	spread map[string]float64 // standard error of what these rows' labels will show, the rows given; absent where not known
}

// maxAreas is the number of classes up to which each label's pull on the areas is kept.
const maxAreas = 20

// What an estimate rests on, for people.
const (
	assumeScores = "rows that score alike are positive as often as in the reference (no concept drift); the reference figure is made the same way"
	assumeErrors = "rows that look alike and are answered alike are missed by as much as in the reference (no concept drift, and no rows unlike any of it); " +
		"the reference figure is made the same way"
)

// shrinkage is the part of an expected change of the error that counts as its standard error, too: a regularised g falls short of the change, in simulation
// by up to this much where windows are up to twice as hard as the reference.
const shrinkage = 0.25

// expected is a classifier's expectation: CBPE on calibrated scores.
func (p *Profile) expected(calibration []Calibration, predictions []float64) expectation {
	w := len(p.Classes)
	if p.Task != dataset.Binary {
		return p.expectedOfMany(calibration, predictions)
	}
	score := scores(predictions, w, 1)
	slices.Sort(score)
	chance := make([]float64, len(score))
	for i, s := range score {
		chance[i] = calibration[0].apply(s)
	}
	e := expect(score, chance, p.Threshold)
	rows, both, answer := make([]float64, 0, len(predictions)), make([]float64, 0, len(predictions)), make([]int, len(score))
	for i, c := range chance {
		rows, both = append(rows, 1-score[i], score[i]), append(both, 1-c, c)
		if score[i] >= p.Threshold {
			answer[i] = 1
		}
	}
	spread := newAnswered(w, both, answer).spreads(rows, [][]float64{nil, e.aucPull}, [][]float64{nil, e.apPull})
	return expectation{value: e.auc, sd: e.aucSD, spread: spread, all: map[string]number.Float{
		evaluate.NameAUC: number.Float(e.auc), evaluate.NameAccuracy: number.Float(e.accuracy), evaluate.NameF1: number.Float(e.f1),
		evaluate.NameLogLoss: number.Float(e.logLoss), evaluate.NameBrier: number.Float(e.brier), evaluate.NamePrecision: number.Float(e.precision),
		evaluate.NameRecall: number.Float(e.recall), evaluate.NameSpecificity: number.Float(e.specificity), evaluate.NameAveragePrecision: number.Float(e.averagePrecision),
	}}
}

// expectedOfMany is CBPE for more than two classes. The chance c_k of class k is its calibrated score, one against the rest, and the chances of a row are
// normed to one; that of the class answered is the chance of being right. With TP_k the sum of c_k over rows answered k, G_k their number
// and T_k the sum of c_k over all rows
//
//	accuracy = sum TP_k / n, precision_k = TP_k / G_k, recall_k = TP_k / T_k, f1_k = 2 TP_k / (G_k + T_k), macro = mean over k
//
// auc and average precision are the means over k of the binary ones of score k with chances c_k.
func (p *Profile) expectedOfMany(calibration []Calibration, predictions []float64) expectation {
	w := len(p.Classes)
	rows := len(predictions) / w
	n, chance, answer := float64(rows), make([]float64, len(predictions)), make([]int, rows)
	var right, squares, logLoss, brier sum
	for i := range answer {
		row, c := predictions[i*w:i*w+w], chance[i*w:i*w+w]
		chances(calibration, row, c)
		var loss, error float64
		for k := range row {
			loss -= float64(c[k] * math.Log(max(row[k], 1e-15)))
			error += float64(row[k]*row[k]) + float64(c[k]*(1-2*row[k]))
		}
		answer[i] = argmax(row)
		right.add(c[answer[i]])
		squares.add(c[answer[i]] * c[answer[i]])
		logLoss.add(loss)
		brier.add(error)
	}
	x := expectation{value: right.value() / n}
	x.sd = math.Sqrt(max(0, squares.value()/n-float64(x.value*x.value)) * n / max(1, n-1))
	x.all = map[string]number.Float{evaluate.NameAccuracy: number.Float(x.value), evaluate.NameLogLoss: number.Float(logLoss.value() / n), evaluate.NameBrier: number.Float(brier.value() / n)}
	a := newAnswered(w, chance, answer)
	a.addMacro(x.all)
	var area, ap float64
	var areaPull, apPull [][]float64
	for k := range w {
		e := expectOne(predictions, chance, w, k)
		area, ap = area+e.auc/float64(w), ap+e.averagePrecision/float64(w)
		if w <= maxAreas {
			areaPull, apPull = append(areaPull, e.aucPull), append(apPull, e.apPull)
		}
	}
	x.all[evaluate.NameAUC], x.all[evaluate.NameAveragePrecision] = number.Float(area), number.Float(ap)
	x.spread = a.spreads(predictions, areaPull, apPull)
	return x
}

// chances are the calibrated scores of a row, normed to one; alike where none of the classes has any.
func chances(calibration []Calibration, row, c []float64) {
	total := 0.0
	for k := range row {
		c[k] = calibration[k].apply(row[k])
		total += c[k]
	}
	for k := range c {
		if c[k] /= total; total == 0 {
			c[k] = 1 / float64(len(c))
		}
	}
}

// addMacro adds the means over the classes that are expected or were answered; a ratio without a denominator is 0, as evaluate has it.
func (a *answered) addMacro(all map[string]number.Float) {
	var precision, recall, specificity, f1, classes float64
	n := float64(a.rows)
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	for k := range a.hit {
		tp, t, g := a.hit[k], a.truth[k], float64(a.given[k])
		if t+g == 0 {
			continue
		}
		classes++
		precision, recall, specificity = precision+ratio(tp, g), recall+ratio(tp, t), specificity+ratio(n-t-g+tp, n-t)
		f1 += 2 * tp / (t + g)
	}
	for name, v := range map[string]float64{evaluate.NamePrecision: precision, evaluate.NameRecall: recall, evaluate.NameSpecificity: specificity, evaluate.NameF1: f1} {
		all[name] = number.Float(v / classes)
	}
}

// expectOne is the binary expectation of one class against the rest, its pulls in the order of the rows. Equal scores may have different chances: they are put
// in order, so that the order of the rows changes nothing.
func expectOne(predictions, chance []float64, w, k int) expected {
	order := seqOf(len(predictions) / w)
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(predictions[a*w+k], predictions[b*w+k]), cmp.Compare(chance[a*w+k], chance[b*w+k]))
	})
	score, c := make([]float64, len(order)), make([]float64, len(order))
	for i, r := range order {
		score[i], c[i] = predictions[r*w+k], chance[r*w+k]
	}
	e := expect(score, c, 0.5)
	area, ap := make([]float64, len(order)), make([]float64, len(order))
	for i, r := range order {
		area[r], ap[r] = e.aucPull[i], e.apPull[i]
	}
	e.aucPull, e.apPull = area, ap
	return e
}

// estimate is the performance without labels; why says what stands in the way of one.
//
// The interval is of what as many labels would show if the assumption holds: the reference's own error of the metric at n rows (or what the
// chances say these rows' labels scatter, if that is more), together with that of what was learnt on the reference.
func (t *Tally) estimate(pol Policy) (perf *Performance, x expectation, why string) {
	p := t.profile
	ref := p.Performance
	switch {
	case ref == nil:
		return nil, x, "the profile has no performance reference: it was made without labels or predictions"
	case p.Task == dataset.Regression && ref.Error == nil:
		return nil, x, fmt.Sprintf("the profile has no model of the error: it takes a reference of %d labelled rows, and was made with fewer or before one was kept", leastErrors)
	case t.prediction == nil:
		return nil, x, "the window has no predictions"
	}
	n := len(t.labels)
	if n < pol.MinRows {
		return nil, x, fmt.Sprintf("%s with a valid prediction, it takes %d", counted(n, "row"), pol.MinRows)
	}
	assumption := assumeScores
	if p.Task == dataset.Regression {
		x, assumption = t.losses.expectation(ref), assumeErrors
	} else {
		x = p.expected(ref.Calibration, t.predictions)
	}
	if math.IsNaN(x.value) || !ref.Expected.Finite() {
		return nil, x, "the calibrated predictions leave no chance to one of the classes"
	}
	x.correct(ref)
	low, high := ref.interval(ref.Metric, x, n)
	then := evaluate.Estimate{Value: ref.Expected, SE: ref.ExpectedSD / number.Float(math.Sqrt(float64(ref.N))), N: ref.N}
	noise := math.Hypot(atPooled(ref.Metric, then, evaluate.Estimate{Value: number.Float(x.value), N: n}), x.sd/math.Sqrt(float64(n)))
	return judge(ref.Metric, x.value, low, high, n, float64(ref.Expected), noise, pol.band(), pol).because(assumption), x, ""
}

// correct adds what the same expectation lacks on the reference, where the labels are known.
func (x *expectation) correct(ref *PerformanceProfile) {
	for name, v := range x.all {
		if o, known := ref.Offsets[name]; known {
			if v += o; evaluate.Greater(name) {
				v = min(1, v)
			}
			x.all[name] = max(0, v)
		}
	}
	if _, known := ref.Offsets[ref.Metric]; known {
		x.value = float64(x.all[ref.Metric])
	}
}

// offsets are what an expectation on the reference lacks of what its labels show.
func (q *PerformanceProfile) offsets(x expectation) map[string]number.Float {
	offsets := map[string]number.Float{}
	for name, v := range x.all {
		if o := q.Metrics[name].Value - v; o.Finite() {
			offsets[name] = o
		}
	}
	return offsets
}

// sampling is the standard error of a metric on n labels, by what it was on the reference; errors scatter as they are large.
func (q *PerformanceProfile) sampling(metric string, value float64, n int) float64 {
	e, known := q.Metrics[metric]
	if !known {
		return math.NaN()
	}
	scale := 1.0
	if (metric == evaluate.NameRMSE || metric == evaluate.NameMAE) && e.Value > 0 {
		scale = max(1, value/float64(e.Value))
	}
	return scale * uncertainty(e) * math.Sqrt(float64(q.N)/float64(n))
}

// interval is the 95 % interval of what n labels would show: their own error, and that of what the reference's N labels taught (the calibration, or that none is
// needed; the error model), which is as great at n = N. Of errors on the logarithm's scale, since they are skewed; of shares within [0, 1].
func (q *PerformanceProfile) interval(metric string, x expectation, n int) (low, high float64) {
	value := float64(x.all[metric])
	se := max(x.spread[metric], q.sampling(metric, value, n)) * math.Sqrt(1+float64(n)/float64(q.N))
	if metric == q.Metric && q.Error != nil {
		se = math.Hypot(se, shrinkage*math.Abs(value-float64(q.Expected)))
	}
	switch {
	case (metric == evaluate.NameRMSE || metric == evaluate.NameMAE) && value > 0:
		factor := math.Exp(half * se / value)
		return value / factor, value * factor
	case evaluate.Greater(metric):
		return max(0, value-half*se), min(1, value+half*se)
	}
	return max(0, value-half*se), value + half*se
}

// bands are the intervals of all the expected metrics.
func (q *PerformanceProfile) bands(x expectation, n int) map[string][2]number.Float {
	bands := map[string][2]number.Float{}
	for name := range x.all {
		low, high := q.interval(name, x, n)
		bands[name] = [2]number.Float{number.Float(low), number.Float(high)}
	}
	return bands
}
