package evaluate

import (
	"math"

	"mlops/shared/number"
)

// z is the standard normal's 97.5 % point: every interval here is a two-sided 95 % one.
const z = 1.959963984540054

func estimate(value, low, high, se float64, n int) Estimate {
	return Estimate{Value: number.Float(value), Low: number.Float(low), High: number.Float(high), SE: number.Float(se), N: n}
}

// undefined is the estimate of what these rows say nothing about.
func undefined(n int) Estimate {
	nan := math.NaN()
	return estimate(nan, nan, nan, nan, n)
}

// wald is value +- z SE within the figure's own range, which is also the interval where the error is unknown.
func wald(in influence, least, greatest float64) Estimate {
	se, n := in.se(), len(in.row)
	if math.IsNaN(se) {
		return estimate(in.value, least, greatest, se, n)
	}
	return estimate(in.value, max(least, in.value-float64(z*se)), min(greatest, in.value+float64(z*se)), se, n)
}

// logWald is a wald interval of the logarithm, for a positive figure with a long right tail.
func logWald(in influence) Estimate {
	se, n := in.se(), len(in.row)
	switch {
	case math.IsNaN(se):
		return estimate(in.value, 0, math.Inf(1), se, n)
	case in.value == 0:
		return estimate(0, 0, 0, 0, n)
	}
	factor := math.Exp(z * se / in.value)
	return estimate(in.value, in.value/factor, in.value*factor, se, n)
}

// logitWald is a wald interval of the log-odds, for a share: it never leaves [0,1] and covers better near the ends (Pepe, The
// Statistical Evaluation of Medical Tests, 2003, 5.2.4). At 0 and 1 the standard error is zero and says nothing; there it is the exact
// binomial bound of trials that all came out alike: pairing rows of the two classes gives as many independent trials as the rarer class has rows.
func logitWald(in influence, trials int) Estimate {
	return logitShare(in.value, in.se(), trials, len(in.row))
}

func logitShare(v, se float64, trials, n int) Estimate {
	bound := math.Pow(0.025, 1/float64(trials))
	switch {
	case math.IsNaN(se):
		return estimate(v, 0, 1, se, n)
	case v >= 1:
		return estimate(1, bound, 1, 0, n)
	case v <= 0:
		return estimate(0, 0, 1-bound, 0, n)
	}
	shift := z * se / (v * (1 - v))
	odds := v / (1 - v)
	low, high := odds*math.Exp(-shift), odds*math.Exp(shift)
	return estimate(v, low/(1+low), share(high), se, n)
}

// share turns odds, infinite ones too, into a probability.
func share(odds float64) float64 { return 1 / (1 + 1/odds) }

// wilson is the score interval of a proportion: k of n. Wilson, J. Am. Stat. Assoc. 22 (1927).
func wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	low, high = centre-half, centre+half
	if k == 0 {
		low = 0 // exactly, where rounding would leave a trace
	}
	if k == n {
		high = 1
	}
	return low, high
}
