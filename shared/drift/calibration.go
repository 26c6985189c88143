package drift

import (
	"math"
	"slices"
	"sort"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// Calibration maps a score to the share of positives that such scores had in the reference: linear between knots, constant beyond the
// ends, the identity where there are no knots. Knots of one step of the isotonic fit come in pairs of equal Y.
type Calibration struct {
	X []number.Float `json:"x,omitempty"` // ascending
	Y []number.Float `json:"y,omitempty"` // never descending, in [0, 1]
}

// apply calibrates one score.
func (c Calibration) apply(score float64) float64 {
	n := len(c.X)
	if n == 0 {
		return score
	}
	i := sort.Search(n, func(k int) bool { return float64(c.X[k]) >= score })
	switch {
	case i == 0:
		return float64(c.Y[0])
	case i == n:
		return float64(c.Y[n-1])
	}
	x0, x1, y0, y1 := float64(c.X[i-1]), float64(c.X[i]), float64(c.Y[i-1]), float64(c.Y[i])
	return float64((y1-y0)/(x1-x0)*(score-x0)) + y0
}

// isotonic is the least-squares fit that never descends, by pooling adjacent violators; equal scores are averaged first, as scikit-learn's
// IsotonicRegression(out_of_bounds="clip") does. y is 0 or 1. Barlow et al., Statistical Inference under Order Restrictions (1972).
func isotonic(score, y []float64) Calibration {
	order := ascendingBy(score)
	type block struct{ low, high, sum, n float64 }
	var blocks []block
	for i, k := range order {
		if last := len(blocks) - 1; i > 0 && score[k] == score[order[i-1]] {
			blocks[last].sum += y[k]
			blocks[last].n++
		} else {
			blocks = append(blocks, block{score[k], score[k], y[k], 1})
		}
	}
	pooled := blocks[:0]
	for _, b := range blocks {
		for n := len(pooled); n > 0 && pooled[n-1].sum*b.n >= b.sum*pooled[n-1].n; n = len(pooled) {
			before := pooled[n-1]
			b.low, b.sum, b.n = before.low, b.sum+before.sum, b.n+before.n
			pooled = pooled[:n-1]
		}
		pooled = append(pooled, b)
	}
	var c Calibration
	for _, b := range pooled {
		c.X, c.Y = append(c.X, number.Float(b.low)), append(c.Y, number.Float(b.sum/b.n))
		if b.high > b.low {
			c.X, c.Y = append(c.X, number.Float(b.high)), append(c.Y, number.Float(b.sum/b.n))
		}
	}
	return c
}

// ascendingBy is the order of v, equal values as they come.
func ascendingBy(v []float64) []int {
	order := seqOf(len(v))
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case v[a] < v[b]:
			return -1
		case v[a] > v[b]:
			return 1
		}
		return a - b
	})
	return order
}

// How it is found out whether calibration helps.
const (
	calibrationFolds = 10
	calibrationWins  = 8 // of the folds: by chance this many win once in twenty times (sign test)
	calibrationSeed  = 1
	minCalibration   = 100 // rows
)

// calibrate fits the isotonic calibration if it is needed: if, fitted without a fold, it lowers the calibration error of that fold, for
// eight of ten stratified folds. Else it is the identity, and so it is for scores that separate the classes, where a step function
// would only be noise. The rule is NannyML's (calibration.needs_calibration), which asks for all ten of ten and so leaves a clear
// miscalibration as it is where folds have under about a hundred rows.
func calibrate(score, y []float64) Calibration {
	positives := 0
	for _, v := range y {
		positives += int(v)
	}
	if n := len(y); n < minCalibration || positives < calibrationFolds || n-positives < calibrationFolds || evaluate.AUC(y, score) > 0.999 {
		return Calibration{}
	}
	folds := dataset.Folds(dataset.Labels{Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y}, calibrationFolds, calibrationSeed)
	order := ascendingBy(score) // once: what is in order is sorted again in no time
	score, y, folds = at(score, order), at(y, order), at(folds, order)
	wins := 0
	for k := range calibrationFolds {
		var trainScore, trainY, testScore, testY []float64
		for i, fold := range folds {
			if fold == k {
				testScore, testY = append(testScore, score[i]), append(testY, y[i])
			} else {
				trainScore, trainY = append(trainScore, score[i]), append(trainY, y[i])
			}
		}
		fitted := isotonic(trainScore, trainY)
		calibrated := make([]float64, len(testScore))
		for i, s := range testScore {
			calibrated[i] = fitted.apply(s)
		}
		if calibrationError(calibrated, testY) < calibrationError(testScore, testY) && brier(calibrated, testY) < brier(testScore, testY) {
			wins++
		}
	}
	if wins < calibrationWins {
		return Calibration{}
	}
	return isotonic(score, y)
}

// calibrationError is the expected calibration error in ten bins of equal count: the mean distance between a bin's mean score and its
// share of positives, weighted by rows.
func calibrationError(score, y []float64) float64 {
	order, bins := ascendingBy(score), 10
	var total float64
	for b := range bins {
		var difference float64
		for _, k := range order[b*len(order)/bins : (b+1)*len(order)/bins] {
			difference += score[k] - y[k]
		}
		total += math.Abs(difference)
	}
	return total / float64(len(order))
}

// brier is the mean squared distance of a score from the answer.
func brier(score, y []float64) float64 {
	var total float64
	for i, s := range score {
		total += float64((s - y[i]) * (s - y[i]))
	}
	return total / float64(len(y))
}

// at is v in an order.
func at[T any](v []T, order []int) []T {
	out := make([]T, len(order))
	for i, k := range order {
		out[i] = v[k]
	}
	return out
}
