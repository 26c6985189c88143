package evaluate

import "math"

func squaredErrors(y, p []float64) []float64 {
	e := make([]float64, len(y))
	for i := range y {
		d := y[i] - p[i]
		e[i] = d * d
	}
	return e
}

func absoluteErrors(y, p []float64) []float64 {
	e := make([]float64, len(y))
	for i := range y {
		e[i] = math.Abs(y[i] - p[i])
	}
	return e
}

// RMSE is the root of the mean squared error, in the target's unit. y and p have one length.
func RMSE(y, p []float64) float64 { return math.Sqrt(mean(squaredErrors(y, p))) }

// MAE is the mean absolute error, in the target's unit. y and p have one length.
func MAE(y, p []float64) float64 { return mean(absoluteErrors(y, p)) }

// R2 is the share of the target's variance that the predictions explain; below zero they are worse than the mean.
//
//	R2 = 1 - sum (y - p)^2 / sum (y - mean y)^2
//
// A constant target gives 1 when it is predicted exactly, else 0 (scikit-learn's r2_score). NaN with fewer than two rows.
func R2(y, p []float64) float64 { return r2Influence(y, p).value }

func r2Influence(y, p []float64) influence {
	n := float64(len(y))
	in := influence{row: make([]float64, len(y))}
	if n < 2 {
		in.value = math.NaN()
		return in
	}
	squared := squaredErrors(y, p)
	centre := mean(y)
	about := make([]float64, len(y))
	for i := range y {
		about[i] = float64((y[i] - centre) * (y[i] - centre))
	}
	residual, total := mean(squared), mean(about)
	if total == 0 {
		if residual == 0 {
			in.value = 1
		}
		return in
	}
	ratio := residual / total
	in.value = 1 - ratio
	for i := range y {
		in.row[i] = -(squared[i] - float64(ratio*about[i])) / total / n
	}
	return in
}

func rmseInfluence(y, p []float64) influence {
	in := meanInfluence(squaredErrors(y, p))
	in.value = math.Sqrt(in.value)
	if in.value > 0 {
		for i := range in.row {
			in.row[i] /= 2 * in.value
		}
	}
	return in
}
