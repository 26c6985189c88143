package stattest

import "math"

// logBinomial is the logarithm of the chance of k hits in n with expectation k + d, from the deviances, which keep the digits that the
// logarithms of factorials lose. Loader, Fast and Accurate Computation of Binomial Probabilities (2000).
func logBinomial(k, n int, d float64) float64 {
	x, y := float64(k), float64(n-k)
	log := -deviance(x, d) - deviance(y, -d)
	if k == 0 || k == n {
		return log
	}
	return log + stirlingError(n) - stirlingError(k) - stirlingError(n-k) + math.Log(float64(n)/(2*math.Pi*x*y))/2
}

// deviance is x ln(x / (x + d)) + d, of a count x from its expectation x + d.
func deviance(x, d float64) float64 {
	if x == 0 {
		return d
	}
	return d - float64(x*math.Log1p(d/x))
}

// stirlingError is ln(k!) - ln(sqrt(2 pi k) (k/e)^k), k >= 1.
func stirlingError(k int) float64 {
	x := float64(k)
	if k <= 15 {
		log, _ := math.Lgamma(x + 1)
		return log - float64((x+0.5)*math.Log(x)) + x - math.Log(2*math.Pi)/2
	}
	s := 1 / (x * x)
	return (1./12 - (1./360-(1./1260-(1./1680-s/1188)*s)*s)*s) / x
}
