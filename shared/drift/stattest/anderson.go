package stattest

import "math"

// AndersonDarling is the k-sample Anderson-Darling test for two samples, with midranks: SciPy's anderson_ksamp. The statistic is
// standardised; p is interpolated between tabled levels, and never below 0.001 or above 0.25. Undefined: an empty sample, one
// distinct value only. Scholz and Stephens, Journal of the American Statistical Association 82 (1987).
func AndersonDarling(a, b []float64) (a2, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}
