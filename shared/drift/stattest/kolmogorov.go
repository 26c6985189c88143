package stattest

import "math"

// kolmogorovTail is the chance that the distribution function of n values lies x or more away from the true one somewhere. It takes the way
// that is accurate where it is taken, and turns at the same places as SciPy's kstwo.sf. (Where that recurs with Pomeranz, both
// ways are exact.) NaN for n < 1. Simard and L'Ecuyer, Journal of Statistical Software 39 (2011).
func kolmogorovTail(n int, x float64) float64 {
	t := float64(n) * x
	square := t * x
	switch {
	case n < 1:
		return math.NaN()
	case t <= 0.5:
		return 1
	case x >= 1:
		return 0
	case t <= 1: // Ruben and Gambino: n!/n^n (2t - 1)^n
		log, _ := math.Lgamma(float64(n) + 1)
		return unit(-math.Expm1(log + float64(n)*math.Log((2*t-1)/float64(n))))
	case t >= float64(n-1):
		return unit(2 * math.Pow(1-x, float64(n)))
	case x >= 0.5, n <= 140 && square > 4, n > 140 && square >= 2.2:
		if square >= 370 && n > 140 && x < 0.5 {
			return 0
		}
		return unit(2 * smirnovTail(n, x))
	case n <= 140, n <= 100_000 && float64(n)*math.Pow(x, 1.5) <= 1.4:
		return unit(1 - durbin(n, x))
	}
	return unit(1 - pelzGood(n, x))
}

// unit brings what rounding put outside of [0, 1] back; NaN stays.
func unit(p float64) float64 { return math.Max(0, math.Min(1, p)) }

// exactTailUpTo is the size from which SciPy's smirnov leaves the exact sum for its first terms in 1/n.
const exactTailUpTo = 1_000_000

// strides is how many terms of smirnovTail's sum are computed at most.
const strides = 4096

// smirnovTail is the chance that the distribution function of n values lies x or more above the true one somewhere, 0 < x < 1:
//
//	sum over j <= n (1 - x) of x / (x + j/n) b(j; n, x + j/n), b the binomial chance
//
// All terms are positive. Of a long sum equally spaced terms stand for their neighbours: they are a smooth function of j that
// vanishes with all its derivatives at both ends, where the trapezoidal rule's error falls faster than any power of their number.
// Beyond a million values, as in SciPy, exp(-(6 n x + 1)^2 / (18 n)). Birnbaum and Tingey, Annals of Mathematical Statistics 22 (1951).
func smirnovTail(n int, x float64) float64 {
	t := float64(n) * x
	if n > exactTailUpTo {
		return math.Exp(-(6*t + 1) * (6*t + 1) / (18 * float64(n)))
	}
	last := int(math.Floor(float64(n) - t))
	step := 1
	if n > 4*strides && x < 0.25 {
		step = n / strides
	}
	tail := 0.0
	for j := 0; j <= last && j < n; j += step {
		if t < float64(n-j) {
			tail += math.Exp(logBinomial(j, n, t)) * t / (t + float64(j))
		}
	}
	return tail * float64(step)
}

// pelzGood is the chance of a distance below x: Kolmogorov's limit and three terms in 1/sqrt(n). Pelz and Good, Journal of the Royal
// Statistical Society B 38 (1976).
func pelzGood(n int, x float64) float64 {
	const pi2 = math.Pi * math.Pi
	root := math.Sqrt(float64(n))
	z := root * x
	z2 := z * z
	z4, z6, z8 := z2*z2, z2*z2*z2, z2*z2*z2*z2
	var k0, k1, k2, k3, even2, even3 float64
	for k := int(math.Ceil(16 * z / math.Pi)); k > 0; k-- {
		o := float64(2*k-1) * float64(2*k-1) * pi2 / 4 // (m pi / 2)^2 of the odd m
		e := math.Exp(-o / (2 * z2))
		k0 += e
		k1 += e * (o - z2)
		k2 += e * (6*z6 + 2*z4 + (2*z4-5*z2)*o + (1-2*z2)*o*o)
		k3 += e * ((5-30*z2)*o*o*o + (212*z4-60*z2)*o*o + (135*z4-96*z6)*o - 30*z6 - 90*z8)
		s := float64(k) * float64(k)
		e = math.Exp(-pi2 * s / (2 * z2))
		even2 += e * s
		even3 += e * s * (3*z2 - pi2*s)
	}
	k2 = k2/(72*z4*z2*z) - even2*pi2/(36*z2*z)
	k3 = k3/(6480*z8*z2) + even3*pi2/(216*z6)
	return math.Sqrt(2*math.Pi) * (k0/z + (k1/(6*z4)+(k2+k3/root)/root)/root)
}
