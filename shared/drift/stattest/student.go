package stattest

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// StudentT is the two-sided t test of equal means with equal variances, n + m - 2 degrees of freedom. Two equal constants: NaN and NaN; two
// different ones: infinite, p 0. A single value on either side: NaN. Undefined: an empty sample. Student, Biometrika 6 (1908).
func StudentT(a, b []float64) (t, p float64, err error) {
	if err := atLeastEach("t test", 1, len(a), len(b)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	n, m := float64(len(a)), float64(len(b))
	meanA, squaresA := moments(a)
	meanB, squaresB := moments(b)
	variance := (squaresA + squaresB) / (n + m - 2)
	if min(n, m) == 1 {
		variance = math.NaN()
	}
	return studentize(meanA-meanB, variance*(1/n+1/m), n+m-2)
}

// WelchT is the two-sided t test of equal means with variances of their own, and Satterthwaite's degrees of freedom; the rest as StudentT.
// Undefined: an empty sample. Welch, Biometrika 34 (1947).
func WelchT(a, b []float64) (t, p float64, err error) {
	if err := atLeastEach("t test", 1, len(a), len(b)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	n, m := float64(len(a)), float64(len(b))
	meanA, squaresA := moments(a)
	meanB, squaresB := moments(b)
	va, vb := squaresA/(n-1)/n, squaresB/(m-1)/m
	df := (va + vb) * (va + vb) / (va*va/(n-1) + vb*vb/(m-1))
	if math.IsNaN(df) && !math.IsNaN(va+vb) {
		df = 1 // both constant: any will do
	}
	return studentize(meanA-meanB, va+vb, df)
}

// studentize is difference / sqrt(variance) and its two tails in Student's distribution.
func studentize(difference, variance, df float64) (t, p float64, err error) {
	if t = difference / math.Sqrt(variance); math.IsNaN(t) || !(df > 0) {
		return math.NaN(), math.NaN(), nil
	}
	return t, studentTails(t, df), nil
}

// studentTails is the chance that Student's variable exceeds |t| on either side.
func studentTails(t, df float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	return mathext.RegIncBeta(df/2, 0.5, df/(df+t*t))
}
