package stattest

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// StudentT is the two-sided t test of equal means with equal variances, n + m - 2 degrees of freedom. Two equal constants: NaN and NaN; two
// different ones: infinite, p 0. A single value on either side: NaN. Undefined: an empty sample. Student, Biometrika 6 (1908).
func StudentT(a, b []float64) (t, p float64, err error) {
	return meansTest(a, b, func(n, m, squaresA, squaresB float64) (variance, df float64) {
		df = n + m - 2
		return (squaresA + squaresB) / df * (1/n + 1/m), df
	})
}

// WelchT is the two-sided t test of equal means with variances of their own, and Satterthwaite's degrees of freedom; the rest as StudentT.
// Undefined: an empty sample. Welch, Biometrika 34 (1947).
func WelchT(a, b []float64) (t, p float64, err error) {
	return meansTest(a, b, func(n, m, squaresA, squaresB float64) (variance, df float64) {
		va, vb := squaresA/(n-1)/n, squaresB/(m-1)/m
		df = (va + vb) * (va + vb) / (va*va/(n-1) + vb*vb/(m-1))
		if math.IsNaN(df) {
			df = 1 // as in SciPy: both constant, or squares that are too large or too small for a float
		}
		return va + vb, df
	})
}

// meansTest tests the difference of the means, given its variance and degrees of freedom from the sizes and the sums of squared deviations.
func meansTest(a, b []float64, of func(n, m, squaresA, squaresB float64) (variance, df float64)) (t, p float64, err error) {
	err = atLeastEach("t test", 1, len(a), len(b))
	if err != nil || min(len(a), len(b)) == 1 {
		return math.NaN(), math.NaN(), err
	}
	meanA, squaresA := moments(a)
	meanB, squaresB := moments(b)
	variance, df := of(float64(len(a)), float64(len(b)), squaresA, squaresB)
	return studentize(meanA-meanB, variance, df)
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
