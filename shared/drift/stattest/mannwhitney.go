package stattest

import "math"

// MannWhitney is the rank-sum test, SciPy's mannwhitneyu, method "auto"; Evidently's "mannw" is the alternative Less, which sees only that
// the current values b became greater. The statistic U counts the pairs in which a's value is the greater, ties by half. p is exact
// without ties where a sample has 8 values or fewer; otherwise normal with the variance corrected for ties and 0.5 for continuity.
// All values equal: p 1. Undefined: an empty sample. Mann and Whitney, Annals of Mathematical Statistics 18 (1947).
func MannWhitney(a, b []float64, alternative Alternative) (u, p float64, err error) {
	if err := atLeastEach("Mann-Whitney test", 1, len(a), len(b)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	n, m := float64(len(a)), float64(len(b))
	ties, i, j := 0.0, 0, 0
	for w := (pooled{a: a, b: b}); w.next(); i, j = w.i, w.j {
		ca, cb := float64(w.i-i), float64(w.j-j)
		u += float64(ca * (float64(j) + cb/2))
		if t := ca + cb; t > 1 {
			ties += float64(t*t*t) - t
		}
	}
	tail, times := math.Max(u, float64(n*m)-u), 2.0
	switch alternative {
	case Greater:
		tail, times = u, 1
	case Less:
		tail, times = float64(n*m)-u, 1
	}
	if ties == 0 && min(len(a), len(b)) <= 8 {
		return u, math.Min(1, times*rankSumTail(int(tail), min(len(a), len(b)), max(len(a), len(b)))), nil
	}
	total := n + m
	sd := math.Sqrt(n * m / 12 * math.Max(0, total+1-ties/(total*(total-1))))
	if ties == float64(total*total*total)-total {
		sd = 0
	}
	z := (tail - n*m/2 - 0.5) / sd
	return u, math.Min(1, times*math.Erfc(z/math.Sqrt2)/2), nil
}

// rankSumTail is the chance that U is u or more without ties, k <= l the sizes. The number of orders with each U are the coefficients of the
// Gaussian binomial, the product over i <= k of (1 - q^(l+i)) / (1 - q^i). Mann and Whitney (1947); Knuth, The Art of Computer
// Programming 4A, 7.2.1.4.
func rankSumTail(u, k, l int) float64 {
	low := k*l - u // by symmetry, the chance of low or less
	if 2*low >= k*l {
		return 1 - below(k*l-low-1, k, l)
	}
	return below(low, k, l)
}

// below is the chance that U is u or less, u < k l / 2.
func below(u, k, l int) float64 {
	if u < 0 {
		return 0
	}
	count := make([]float64, u+1)
	count[0] = 1
	for i := 1; i <= k; i++ {
		for j := u; j >= l+i; j-- {
			count[j] -= count[j-l-i]
		}
		for j := i; j <= u; j++ {
			count[j] += count[j-i]
		}
	}
	orders, all := 0.0, 1.0
	for i := 1; i <= k; i++ {
		all = all * float64(l+i) / float64(i)
	}
	for _, c := range count {
		orders += c
	}
	return orders / all
}
