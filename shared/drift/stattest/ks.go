package stattest

import "math"

// KolmogorovSmirnov is the two-sided test that both samples have one distribution: SciPy's ks_2samp, method "auto". The statistic is the
// greatest distance D of the two distribution functions. Up to 10,000 values of each, p is exact for samples without ties: the share of all
// orders of both samples whose distance is no less. Beyond, as KolmogorovSmirnovAsymptotic. Undefined: an empty sample.
// Smirnov, Bulletin mathematique de l'Universite de Moscou 2 (1939); Hodges, Arkiv for Matematik 3 (1958).
func KolmogorovSmirnov(a, b []float64) (d, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}

// KolmogorovSmirnovAsymptotic is SciPy's ks_2samp, method "asymp": p from the one-sample distribution of Kolmogorov's statistic for
// round(n m / (n + m)) values. Undefined: an empty sample.
func KolmogorovSmirnovAsymptotic(a, b []float64) (d, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}

// KolmogorovSmirnovOneSided is SciPy's ks_2samp for one side, method "asymp". The statistic is how far the distribution function of a lies
// above (Greater) or below (Less) that of b.
//
//	p = exp(-2 z^2 - 2 z (m + 2n) / (3 sqrt(m n (m + n)))), z = D sqrt(m n / (m + n)), m >= n
//
// TwoSided is KolmogorovSmirnovAsymptotic. Undefined: an empty sample. Hodges (1958), equation 5.3.
func KolmogorovSmirnovOneSided(a, b []float64, alternative Alternative) (d, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}
