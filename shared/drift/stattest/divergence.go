package stattest

import "math"

// The divergences take shares p of the reference and q of the current sample over the same bins. Of no bins at all they are NaN.

// PSI is the population stability index, in nats: the sum of (p - q) ln(p / q). A share of 0 on one side makes it infinite (see FillZeros);
// bins of share 0 on both do not count.
func PSI(p, q []float64) float64 {
	if len(p) == 0 {
		return math.NaN()
	}
	total := 0.0
	for i := range p {
		if p[i] != q[i] {
			total += float64((p[i] - q[i]) * math.Log(p[i]/q[i]))
		}
	}
	return total
}

// KL is the Kullback-Leibler divergence of q from p in nats, both brought to the sum 1: the sum of p ln(p / q). Infinite where p has a share
// and q has none. Kullback and Leibler, Annals of Mathematical Statistics 22 (1951).
func KL(p, q []float64) float64 {
	return normalised(p, q, relativeEntropy)
}

// JensenShannon is the square root of the Jensen-Shannon divergence in nats, in [0, sqrt(ln 2)]: of either from the mean of both, which are
// brought to the sum 1. Lin, IEEE Transactions on Information Theory 37 (1991).
func JensenShannon(p, q []float64) float64 {
	d := normalised(p, q, func(x, y float64) float64 {
		mean := (x + y) / 2
		return relativeEntropy(x, mean) + relativeEntropy(y, mean)
	})
	return math.Sqrt(max(0, d/2))
}

// normalised is the sum of f over the shares of both, brought to the sum 1; NaN where either has none.
func normalised(p, q []float64, f func(x, y float64) float64) (d float64) {
	sp, sq := total(p), total(q)
	if !(sp > 0) || !(sq > 0) {
		return math.NaN()
	}
	for i := range p {
		d += f(p[i]/sp, q[i]/sq)
	}
	return d
}

// Hellinger is the Hellinger distance of two lists of shares, in [0, 1]: sqrt(1 - sum of sqrt(p q)).
func Hellinger(p, q []float64) float64 {
	if len(p) == 0 {
		return math.NaN()
	}
	affinity := 0.0
	for i := range p {
		affinity += math.Sqrt(p[i] * q[i])
	}
	return math.Sqrt(1 - math.Min(1, affinity))
}

// HellingerOfNumbers is the Hellinger distance of two ascending samples as Evidently takes it: of their shares in the bins between
// EdgesOfDistinct. NaN where a sample is empty.
func HellingerOfNumbers(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	edges := EdgesOfDistinct(a, b)
	return Hellinger(Shares(Histogram(a, edges)), Shares(Histogram(b, edges)))
}

// relativeEntropy is p ln(p / q); 0 where p is 0.
func relativeEntropy(p, q float64) float64 {
	switch {
	case p == 0:
		return 0
	case q == 0:
		return math.Inf(1)
	}
	return p * math.Log(p/q)
}

func total(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}
