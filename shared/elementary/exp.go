// Package elementary has exponential and logarithm that give the same bits on every processor. The standard library's do not: on amd64
// they are assembly, elsewhere Go whose products the compiler may fuse with sums (on arm64 it does). Here each product is rounded by an
// explicit conversion, which the language specification promises to keep, so a model trained or served on one architecture is the one
// trained or served on the other.
package elementary

import "math"

// steps is how many steps the table of powers takes from 1 to 2.
const (
	stepBits = 7
	steps    = 1 << stepBits
)

const (
	perStep  = steps / math.Ln2
	stepHigh = 0x1.62e42ffp-8         // ln2/steps: its first 32 bits, so that the product with any k below is exact,
	stepLow  = -0x1.718432a1b0e26p-42 // and the rest
	rounder  = 0x1.8p52               // adding it leaves a whole number in the low bits of the sum
)

// Exp is e**x, less than 1 unit in the last place from the true value.
//
//	x = k ln2/128 + r, |r| <= ln2/256:  exp(x) = 2**(k/128) * exp(r)
//
// The power is looked up (P. Tang, "Table-driven implementation of the exponential function in IEEE floating-point arithmetic", 1989) and
// exp(r)-1 is its Taylor polynomial of degree 5, 6e-19 away at most.
//
// Special cases: Exp(+Inf) = +Inf, Exp(-Inf) = 0, Exp(NaN) = NaN; above 709.78 it is +Inf, below -745.13 it is 0.
func Exp(x float64) float64 {
	if !(x >= -708 && x <= 709) {
		return farExp(x)
	}
	t := float64(x*perStep) + rounder
	k := math.Float64bits(t) // its low bits, in two's complement
	t -= rounder
	p := &powers[k%steps]
	scale := math.Float64frombits(math.Float64bits(p.high) + k>>stepBits<<52)
	return scale + float64(scale*rest(x, t, p.low))
}

// rest is exp(x - t ln2/128) - 1 and low together.
func rest(x, t, low float64) float64 {
	r := (x - float64(t*stepHigh)) - float64(t*stepLow)
	r2 := float64(r * r)
	return low + r + float64(r2*(0.5+float64(r*(1.0/6)))) + float64(float64(r2*r2)*(1.0/24+float64(r*(1.0/120))))
}

// farExp is Exp where the result, or a factor of it, is not a normal number: its power of two is applied in two parts.
func farExp(x float64) float64 {
	switch {
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	case x != x:
		return x
	}
	t := float64(x*perStep) + rounder
	k := math.Float64bits(t)
	t -= rounder
	p := &powers[k%steps]
	v := p.high + float64(p.high*rest(x, t, p.low)) // in [1, 2]
	whole := int64(t) >> stepBits
	return v * power(whole/2) * power(whole-whole/2)
}

// power is 2**k, |k| < 1,023.
func power(k int64) float64 { return math.Float64frombits(uint64(1023+k) << 52) }

// Expm1 is exp(x)-1, at most 1 unit in the last place from the true value, also where exp(x) is near 1: there it is the Taylor polynomial of
// degree 10, 4e-19 away at most.
//
// Special cases: as Exp's, less 1; Expm1(+-0) = +-0.
func Expm1(x float64) float64 {
	size := math.Abs(x)
	if size < 1.0/16 {
		if x == 0 {
			return x
		}
		p := 1.0 / 3628800
		for _, c := range [...]float64{1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5} {
			p = c + float64(x*p)
		}
		return x + float64(float64(x*x)*p)
	}
	if !(size < 1) {
		return Exp(x) - 1
	}
	t := float64(x*perStep) + rounder
	k := math.Float64bits(t)
	t -= rounder
	p := &powers[k%steps]
	scale := math.Float64frombits(math.Float64bits(p.high) + k>>stepBits<<52)
	return (scale - 1) + float64(scale*rest(x, t, p.low))
}

// Sigmoid is 1/(1+exp(-x)): exactly 0 and 1 for huge |x|.
func Sigmoid(x float64) float64 { return 1 / (1 + Exp(-x)) }
