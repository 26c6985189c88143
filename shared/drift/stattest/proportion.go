package stattest

import "math"

// Proportions is Evidently's "z": the pooled two-proportion z test, two-sided, of a in n against b in m.
//
//	z = (a/n - b/m) / sqrt(q (1 - q) (1/n + 1/m)), q = (a + b) / (n + m); p = 2 (1 - Phi(|z|))
//
// The subtraction from 1 is Evidently's: p knows no value between 0 and 2^-53. Both samples all hits or all misses: 0 and 1. Of more than two
// levels Evidently counts as hits all but the smallest key. Undefined: an empty sample.
func Proportions(a, n, b, m int) (z, p float64, err error) {
	if err := atLeastEach("z test", 1, n, m); err != nil {
		return math.NaN(), math.NaN(), err
	}
	if a+b == 0 || a+b == n+m {
		return 0, 1, nil
	}
	p1, p2, nf, mf := float64(a)/float64(n), float64(b)/float64(m), float64(n), float64(m)
	q := (float64(p1*nf) + float64(p2*mf)) / (nf + mf)
	z = (p1 - p2) / math.Sqrt(q*(1-q)*(1/nf+1/mf))
	below := 1 - math.Erfc(math.Abs(z)/math.Sqrt2)/2
	return z, 2 * (1 - below), nil
}
