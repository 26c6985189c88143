package drift

import (
	"math"

	"mlops/shared/evaluate"
)

// answered are rows with the chance of each label, and what they were answered: all that says how the labels of these very rows will scatter.
type answered struct {
	rows, width int
	chance      []float64 // row-major
	answer      []int
	given       []int     // rows answered, by class
	truth       []float64 // expected rows, by class
	hit         []float64 // expected rows that are and were answered so, by class
	classes     []int     // that are averaged: the positive one of two, else all
}

// newAnswered sums chances and answers up.
func newAnswered(width int, chance []float64, answer []int) *answered {
	a := &answered{rows: len(answer), width: width, chance: chance, answer: answer, given: make([]int, width), truth: make([]float64, width), hit: make([]float64, width)}
	hit, truth := make([]sum, width), make([]sum, width)
	for i, got := range answer {
		a.given[got]++
		hit[got].add(chance[i*width+got])
		for k := range width {
			truth[k].add(chance[i*width+k])
		}
	}
	for k := range width {
		a.hit[k], a.truth[k] = hit[k].value(), truth[k].value()
		if width > 2 || k == 1 {
			a.classes = append(a.classes, k)
		}
	}
	return a
}

// spread is the standard error of a metric on labels drawn with the chances, the rows given: with pull(i, k) what the metric gains if row i is of class k,
//
//	Var = sum over rows of (sum_k c_k pull_k^2 - (sum_k c_k pull_k)^2)
//
// the delta method, exact for means over rows.
func (a *answered) spread(pull func(i, k int) float64) float64 {
	var total sum
	for i := range a.rows {
		var mean, square float64
		for k := range a.width {
			c, v := a.chance[i*a.width+k], pull(i, k)
			mean += float64(c * v)
			square += float64(c * v * v)
		}
		total.add(max(0, square-float64(mean*mean)))
	}
	return math.Sqrt(total.value())
}

// spreads of the metrics; row-major predictions and, where they are few enough to be kept, each label's pull on the areas.
func (a *answered) spreads(predictions []float64, auc, ap [][]float64) map[string]float64 {
	n, m := float64(a.rows), float64(len(a.classes))
	right := func(i, k int) float64 {
		if a.answer[i] == k {
			return 1
		}
		return 0
	}
	counted := func(k int) bool { return a.width > 2 || k == 1 }
	ratio := func(of func(i, k int) float64) func(i, k int) float64 {
		return func(i, k int) float64 {
			if !counted(k) {
				return 0
			}
			v := of(i, k) / m
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return 0 // a class that is neither expected nor answered
			}
			return v
		}
	}
	share := func(k int) float64 { return a.hit[k] / a.truth[k] }
	f1 := func(k int) float64 { return 2 * a.hit[k] / (float64(a.given[k]) + a.truth[k]) }
	others := func(k int) float64 { return n - a.truth[k] }
	specificity := func(k int) float64 { return (others(k) - float64(a.given[k]) + a.hit[k]) / others(k) }
	spread := map[string]float64{
		evaluate.NameAccuracy:    a.spread(func(i, k int) float64 { return right(i, k) / n }),
		evaluate.NameLogLoss:     a.spread(func(i, k int) float64 { return -math.Log(max(predictions[i*a.width+k], 1e-15)) / n }),
		evaluate.NameBrier:       a.spread(func(i, k int) float64 { return -2 * predictions[i*a.width+k] / n }),
		evaluate.NamePrecision:   a.spread(ratio(func(i, k int) float64 { return right(i, k) / float64(a.given[k]) })),
		evaluate.NameRecall:      a.spread(ratio(func(i, k int) float64 { return (right(i, k) - share(k)) / a.truth[k] })),
		evaluate.NameF1:          a.spread(ratio(func(i, k int) float64 { return (2*right(i, k) - f1(k)) / (float64(a.given[k]) + a.truth[k]) })),
		evaluate.NameSpecificity: a.spread(ratio(func(i, k int) float64 { return (specificity(k) - 1 + right(i, k)) / others(k) })),
	}
	if a.width == 2 {
		spread[evaluate.NameBrier] /= 2 // that of two classes is of the positive one alone
	}
	for name, pulls := range map[string][][]float64{evaluate.NameAUC: auc, evaluate.NameAveragePrecision: ap} {
		if pulls != nil {
			spread[name] = a.spread(ratio(func(i, k int) float64 { return pulls[k][i] }))
		}
	}
	return spread
}
