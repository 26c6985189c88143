package stattest

import (
	"math"
	"math/big"
)

// besselQuarter is K_1/4(q), q > 0, the modified Bessel function of the second kind, as SciPy's kv(0.25, q) has it. Up to 2 SciPy sums a series whose terms
// cancel, and loses up to three digits: so does this, to the same bits.
func besselQuarter(q float64) float64 {
	if q <= 2 {
		return temme(q)
	}
	return math.Exp(-q) * besselIntegral(q)
}

// besselIntegral is exp(q) K_1/4(q) from the integral of exp(-q (cosh t - 1)) cosh(t/4) over t > 0, for which the trapezoidal rule with steps of 1/8 errs by
// less than 1e-20. Abramowitz and Stegun, 9.6.24.
func besselIntegral(q float64) float64 {
	const step = 0.125
	sum := 0.5
	for t := step; ; t += step {
		s := math.Sinh(t / 2)
		fall := 2 * q * s * s
		if fall > 45 {
			return sum * step
		}
		sum += math.Exp(-fall) * math.Cosh(t/4)
	}
}

// temme is K_v(q), v = 1/4, q <= 2, by Temme's series in the order of operations of Amos' algorithm 644, which SciPy calls. With x = v log(2/q)
//
//	K = sum over k of c_k f_k, c_k = (q^2/4)^k / k!, f_k = (k f_k-1 + p_k-1 + r_k-1) / (k^2 - v^2), p_k = p_k-1 / (k - v), r_k = r_k-1 / (k + v)
//	p_0 = exp(x) gamma(1+v)/2, r_0 = exp(-x) gamma(1-v)/2, f_0 = gamma(1+v) gamma(1-v) (cosh(x) g1 + sinh(x)/v g2)
//
// g1 being the difference of 1/gamma(1-v) and 1/gamma(1+v) over 2v, and g2 half their sum. Temme, Journal of Computational Physics 19 (1975); Amos, ACM
// Transactions on Mathematical Software 12 (1986). Products are rounded before they are added, on every processor.
func temme(q float64) float64 {
	const v = 0.25
	above := 0x1.1a6f6bce523d8p+00 // 1/gamma(1+v), four units off in its last place, as there; a variable: constants are not rounded
	both := 0x1.1c5831add62e4p+00  // gamma(1+v) gamma(1-v) = v pi / sin(v pi)
	below := 1 / float64(above*both)
	inverse := 1 / q
	x := logarithm(2*float64(q*inverse)*inverse) * v
	up := exponential(x)
	sinh, cosh := hyperbolic(x)
	g1, g2 := (below-above)/(v+v), (below+above)*0.5
	f := both * (float64(cosh*g1) + float64(sinh/v*g2))
	down := 1 / up
	p, r := 0.5*up/above, 0.5*float64(up*down)*down/below
	sum, c, least := f, 1.0, 1.0
	for k := 1.0; least > 0x1p-52; k++ {
		f = (float64(f*k) + p + r) / (k*k - v*v)
		p, r = p*(1/(k-v)), r*(1/(k+v))
		c = c * float64(0.25*float64(q*q)) * (1 / k)
		sum += float64(c * f)
		least *= float64(0.25*q*q) * (1 / k)
	}
	return sum
}

// hyperbolic is the sine and the cosine, rounded as the C library does that SciPy calls, from exp(x) - 1 and exp(x).
func hyperbolic(x float64) (sinh, cosh float64) {
	a := math.Abs(x)
	t := math.Expm1(a)
	sinh = 0.5 * (t + t/(t+1))
	if a < 1 {
		sinh = 0.5 * (2*t - float64(t*t)/(t+1))
	}
	e := exponential(a)
	cosh = float64(0.5*e) + 0.5/e
	if a < 0.5*math.Ln2 {
		cosh = 1 + float64(t*t)/(2*(1+t))
	}
	return math.Copysign(sinh, x), cosh
}

// precise is how many bits the series below is summed with before it is rounded to a float64.
const precise = 200

// exponential is exp(x), |x| < 50, correctly rounded.
func exponential(x float64) float64 {
	y, _ := series(x).Float64()
	return y
}

// logarithm is log(a), correctly rounded, of an ordinary a: math.Log's, and what is missing from there to a.
func logarithm(a float64) float64 {
	y := math.Log(a)
	rest := series(-y)
	rest.Mul(rest, big.NewFloat(a))
	d, _ := rest.Sub(rest, big.NewFloat(1)).Float64()
	exact := new(big.Float).SetPrec(precise).SetFloat64(y)
	y, _ = exact.Add(exact, big.NewFloat(d)).Float64()
	return y
}

// series is exp(x) by its Taylor series.
func series(x float64) *big.Float {
	sum, term := new(big.Float).SetPrec(precise).SetInt64(1), new(big.Float).SetPrec(precise).SetInt64(1)
	for k := int64(1); term.Sign() != 0 && term.MantExp(nil) > -precise; k++ {
		term.Mul(term, big.NewFloat(x))
		term.Quo(term, new(big.Float).SetInt64(k))
		sum.Add(sum, term)
	}
	return sum
}
