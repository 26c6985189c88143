package training

import (
	"math"

	"mlops/shared/evaluate"
)

// losses are rows' own parts of the criterion, with what each row weighs.
type losses struct {
	criterion string
	row       []float64
	weight    []float64 // nil = one each
	times     []int32   // how often each row was drawn; nil = once each
}

// mean is the criterion of these rows: their weighted mean loss, for rmse its root.
func (l losses) mean() float64 {
	var sum, n float64
	for i, v := range l.row {
		w := l.at(i)
		sum += float64(w * v)
		n += w
	}
	if l.criterion == evaluate.NameRMSE {
		return math.Sqrt(sum / n)
	}
	return sum / n
}

// at is what row i weighs, as often as it was drawn.
func (l losses) at(i int) float64 {
	w := l.drawn(i)
	if l.weight != nil {
		w *= l.weight[i]
	}
	return w
}

func (l losses) drawn(i int) float64 {
	if l.times == nil {
		return 1
	}
	return float64(l.times[i])
}

// behind is by how much l is worse than other on the same rows, with the standard error of that paired difference: the delta method, each row's part
// being its weighted departure from the weighted mean (for rmse divided by twice the root). It is evaluate.Difference with weights.
func (l losses) behind(other losses) (difference, se float64) {
	a, b := l.mean(), other.mean()
	difference = a - b
	var total float64
	for i := range l.row {
		total += l.at(i)
	}
	n := float64(len(l.row))
	part := func(v, mean float64) float64 {
		if l.criterion != evaluate.NameRMSE {
			return v - mean
		}
		if mean == 0 {
			return 0
		}
		return (v - float64(mean*mean)) / (2 * mean)
	}
	var square float64
	for i := range l.row {
		times := l.drawn(i)
		if times == 0 {
			continue
		}
		d := l.at(i) / times / total * (part(l.row[i], a) - part(other.row[i], b))
		square += float64(times * d * d)
	}
	return difference, math.Sqrt(square * n / (n - 1))
}

// behind is by how much t is worse than other in the criterion, in the mean over t's folds, with the standard error of that paired difference from the
// rows; where a fold has too few rows for one, from the folds' spread. NaN without another.
func (r *run) behind(t, other *trial) (mean, se float64) {
	if other == nil {
		return math.NaN(), math.NaN()
	}
	n := min(len(t.rowLoss), len(other.rowLoss))
	folds := make([]float64, n)
	for k := range folds {
		var e float64
		folds[k], e = t.rowLoss[k].behind(other.rowLoss[k])
		se += float64(e * e)
	}
	mean, byFold := spread(folds)
	se = math.Sqrt(se) / float64(n)
	if math.IsNaN(se) {
		se = byFold
	}
	return mean, se
}

// weightless reports whether no row counts.
func (l losses) weightless() bool {
	for i := range l.row {
		if l.at(i) > 0 {
			return false
		}
	}
	return true
}
