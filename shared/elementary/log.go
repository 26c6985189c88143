package elementary

import "math"

// ln2 in two parts: the first has 32 bits, so that its product with any exponent is exact.
const (
	ln2High = 0x1.62e42ffp-1
	ln2Low  = -0x1.718432a1b0e26p-35
)

// Log is the natural logarithm of x, less than 1 unit in the last place from the true value.
//
//	x = 2**k (1+f), 1+f in [sqrt(1/2), sqrt(2)); s = f/(2+f), z = s*s:
//	log(1+f) = 2 artanh(s) = f - (f*f/2 - s*(f*f/2 + R)), R = z(2/3 + z(2/5 + z(2/7 + ...)))
//
// The form keeps f, which is exact, apart from all that is rounded (K. Ng, fdlibm's e_log.c, 1993). R is its Taylor polynomial of eleven terms,
// 1e-20 away at most.
//
// Special cases: Log(+Inf) = +Inf, Log(0) = -Inf, Log(x < 0) = NaN, Log(NaN) = NaN.
func Log(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	k := 0.0
	if x < 0x1p-1022 {
		x *= 0x1p54
		k = -54
	}
	f, e := split(x)
	return join(f, k+e, 0)
}

// Log1p is log(1+x), less than 1 unit in the last place from the true value, also where 1+x would lose x's digits.
//
// Special cases: as Log's of 1+x; Log1p(+-0) = +-0.
func Log1p(x float64) float64 {
	u := 1 + x
	switch {
	case !(u > 0) || u > math.MaxFloat64:
		return Log(u)
	case -0.25 < x && x < 0.4:
		if u == 1 {
			return x
		}
		return join(x, 0, 0)
	}
	lost := x - (u - 1) // by rounding 1+x: the logarithm grows by lost/u
	if x > 1 {
		lost = 1 - (u - x)
	}
	f, k := split(u)
	return join(f, k, lost/u)
}

// split is f and k of a normal number 2**k (1+f).
func split(x float64) (f, k float64) {
	const root = 0x3fe6a09e667f3bcd // the bits of sqrt(1/2)
	b := int64(math.Float64bits(x))
	e := (b - root) >> 52
	return math.Float64frombits(uint64(b-e<<52)) - 1, float64(e)
}

// join is k ln2 + log(1+f) + more, where more is small.
func join(f, k, more float64) float64 {
	s := f / (2 + f)
	z := float64(s * s)
	z2 := float64(z * z)
	odd := 2.0/3 + float64(z2*(2.0/7+float64(z2*(2.0/11+float64(z2*(2.0/15+float64(z2*(2.0/19+float64(z2*(2.0/23))))))))))
	even := 2.0/5 + float64(z2*(2.0/9+float64(z2*(2.0/13+float64(z2*(2.0/17+float64(z2*(2.0/21))))))))
	r := float64(z * (odd + float64(z*even)))
	square := float64(0.5 * f * f)
	return float64(k*ln2High) - ((square - (float64(s*(square+r)) + (float64(k*ln2Low) + more))) - f)
}
