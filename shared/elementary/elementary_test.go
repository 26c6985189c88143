package elementary

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const bits = 200 // of the true values

// bigExp is exp(x): the Taylor series at x/2**16, squared 16 times.
func bigExp(x float64) *big.Float {
	r := new(big.Float).SetPrec(bits).SetFloat64(x)
	r.SetMantExp(r, -16)
	sum, term := big.NewFloat(1).SetPrec(bits), big.NewFloat(1).SetPrec(bits)
	for i := int64(1); i < 40; i++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetInt64(i))
		sum.Add(sum, term)
	}
	for range 16 {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLog is log(x), by Newton's steps y += 2 (x-exp(y))/(x+exp(y)), each of which triples the digits.
func bigLog(x *big.Float) *big.Float {
	part := new(big.Float)
	e := x.MantExp(part)
	near, _ := part.Float64()
	y := new(big.Float).SetPrec(bits).SetFloat64(math.Log(near) + float64(e)*math.Ln2)
	for range 2 {
		e := bigExpOf(y)
		d := new(big.Float).SetPrec(bits).Sub(x, e)
		d.Quo(d, new(big.Float).SetPrec(bits).Add(x, e))
		y.Add(y, d.Add(d, d))
	}
	return y
}

func bigExpOf(y *big.Float) *big.Float {
	high, _ := y.Float64()
	low := new(big.Float).SetPrec(bits).Sub(y, new(big.Float).SetFloat64(high))
	rest, _ := low.Float64()
	return new(big.Float).SetPrec(bits).Mul(bigExp(high), bigExp(rest))
}

// off is how far got is from want, in units of the last place of want's nearest float64.
func off(got float64, want *big.Float) float64 {
	near, _ := want.Float64()
	unit := math.Nextafter(math.Abs(near), math.Inf(1)) - math.Abs(near)
	d := new(big.Float).SetPrec(bits).Sub(new(big.Float).SetFloat64(got), want)
	d.Quo(d, new(big.Float).SetFloat64(unit))
	v, _ := d.Float64()
	return math.Abs(v)
}

// worst asks for at most 1 unit in the last place on points drawn at random and on those given.
func worst(t *testing.T, n int, draw func(r *rand.Rand) float64, given []float64, f func(float64) float64, truth func(float64) *big.Float, most float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	greatest, at := 0.0, 0.0
	for i := range n + len(given) {
		x := 0.0
		if i < n {
			x = draw(r)
		} else {
			x = given[i-n]
		}
		if d := off(f(x), truth(x)); !(d <= greatest) {
			greatest, at = d, x
		}
	}
	t.Logf("at most %.3f units in the last place off, at %v", greatest, at)
	if !(greatest <= most) {
		t.Errorf("%.3f units in the last place off at %v (%x), at most %g are allowed", greatest, at, at, most)
	}
}

func TestExpAgainstTheTruth(t *testing.T) {
	for name, draw := range map[string]func(r *rand.Rand) float64{
		"usual":     func(r *rand.Rand) float64 { return 40 * (r.Float64() - 0.5) },
		"all":       func(r *rand.Rand) float64 { return 1454*r.Float64() - 744.4 },
		"small":     func(r *rand.Rand) float64 { return math.Ldexp(r.Float64()-0.5, -r.IntN(60)) },
		"subnormal": func(r *rand.Rand) float64 { return -708 - 37*r.Float64() },
		"ties":      func(r *rand.Rand) float64 { return (float64(r.IntN(2000)-1000) + 0.5) * math.Ln2 / steps },
		"greatest":  func(r *rand.Rand) float64 { return 709 + 0.78*r.Float64() },
	} {
		t.Run(name, func(t *testing.T) {
			worst(t, 1500, draw, []float64{-708, 709, math.Nextafter(-708, -709), 709.782712893384, -745.13321910194, 1, -1}, Exp, bigExp, 1)
		})
	}
}

func TestLogAgainstTheTruth(t *testing.T) {
	truth := func(x float64) *big.Float { return bigLog(new(big.Float).SetPrec(bits).SetFloat64(x)) }
	for name, draw := range map[string]func(r *rand.Rand) float64{
		"all":    func(r *rand.Rand) float64 { return math.Ldexp(1+r.Float64(), r.IntN(2096)-1073) },
		"near 1": func(r *rand.Rand) float64 { return 1 + math.Ldexp(r.Float64()-0.5, -r.IntN(50)) },
		"to 2":   func(r *rand.Rand) float64 { return 0.5 + 1.5*r.Float64() },
		"root":   func(r *rand.Rand) float64 { return math.Sqrt2 * math.Ldexp(1+1e-12*(r.Float64()-0.5), r.IntN(10)-5) },
	} {
		t.Run(name, func(t *testing.T) {
			worst(t, 1500, draw, []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, 2, 0.5, 10, math.Nextafter(1, 0), math.Nextafter(1, 2)}, Log, truth, 1)
		})
	}
}

func TestLog1pAgainstTheTruth(t *testing.T) {
	truth := func(x float64) *big.Float {
		one := big.NewFloat(1).SetPrec(1200)
		return bigLog(one.Add(one, new(big.Float).SetPrec(1200).SetFloat64(x)))
	}
	for name, draw := range map[string]func(r *rand.Rand) float64{
		"small": func(r *rand.Rand) float64 { return math.Ldexp(r.Float64()-0.5, -r.IntN(52)) },
		"to 8":  func(r *rand.Rand) float64 { return 9*r.Float64() - 1 },
		"large": func(r *rand.Rand) float64 { return math.Ldexp(r.Float64(), r.IntN(1000)) },
	} {
		t.Run(name, func(t *testing.T) {
			worst(t, 1500, draw, []float64{-0.25, 0.4, -1 + 0x1p-53, 1, 1e300, 0x1p53, 0x1p52 - 0.5}, Log1p, truth, 1)
		})
	}
}

func TestExpm1AgainstTheTruth(t *testing.T) {
	truth := func(x float64) *big.Float { e := bigExp(x); return e.Sub(e, big.NewFloat(1)) }
	for name, draw := range map[string]func(r *rand.Rand) float64{
		"small": func(r *rand.Rand) float64 { return math.Ldexp(r.Float64()-0.5, -r.IntN(50)) },
		"usual": func(r *rand.Rand) float64 { return 20 * (r.Float64() - 0.5) },
		"to 1":  func(r *rand.Rand) float64 { return 3 * (r.Float64() - 0.5) },
	} {
		t.Run(name, func(t *testing.T) {
			worst(t, 1500, draw, []float64{1, -1, 709, -745, 0x1p-40}, Expm1, truth, 1)
		})
	}
}

// TestNearTheStandardLibrary covers many more points than the true values can be had for: both are within 1 unit of them.
func TestNearTheStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	near := func(name string, x, got, want float64) {
		if a, b := int64(math.Float64bits(got)), int64(math.Float64bits(want)); a-b > 2 || b-a > 2 {
			t.Fatalf("%s(%v) = %v, the standard library has %v", name, x, got, want)
		}
	}
	for range 1_000_000 {
		x := 1416*r.Float64() - 708 // on amd64 the standard library is wrong where powers of two are near the limits,
		near("Exp", x, Exp(x), math.Exp(x))
		x = math.Float64frombits(0x10000000000000 + r.Uint64N(0x7fe0000000000000)) // and at subnormal numbers
		near("Log", x, Log(x), math.Log(x))
		near("Log1p", x, Log1p(x), math.Log1p(x))
		x = 20 * (r.Float64() - 0.5)
		near("Expm1", x, Expm1(x), math.Expm1(x))
	}
}

func TestSpecialCases(t *testing.T) {
	inf, nan, zero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	for _, x := range []float64{inf, -inf, nan, 0, zero, 1, 710, -746, math.MaxFloat64, -math.MaxFloat64, 0x1p-1022, -0x1p-1022, -1, -2} {
		for name, f := range map[string][2]func(float64) float64{"Exp": {Exp, math.Exp}, "Log": {Log, math.Log}, "Log1p": {Log1p, math.Log1p}, "Expm1": {Expm1, math.Expm1}} {
			got, want := f[0](x), f[1](x)
			if math.IsNaN(got) != math.IsNaN(want) || !math.IsNaN(want) && (math.Signbit(got) != math.Signbit(want) || math.Abs(got-want) > 1e-15*math.Abs(want)) {
				t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
			}
		}
	}
	for x, want := range map[float64]float64{-inf: 0, inf: 1, 0: 0.5, -800: 0, 800: 1} {
		if got := Sigmoid(x); got != want {
			t.Errorf("Sigmoid(%v) = %v, want %v", x, got, want)
		}
	}
}

// TestPowers computes the table anew: 2**(i/128) by square roots.
func TestPowers(t *testing.T) {
	root := big.NewFloat(2).SetPrec(bits)
	for range stepBits {
		root.Sqrt(root)
	}
	power := big.NewFloat(1).SetPrec(bits)
	for i, p := range powers {
		high, _ := power.Float64()
		low := new(big.Float).SetPrec(bits).Sub(power, new(big.Float).SetFloat64(high))
		rest, _ := low.Quo(low, new(big.Float).SetFloat64(high)).Float64()
		if p.high != high || math.Abs(p.low-rest) > 1e-12*math.Abs(rest) {
			t.Errorf("2**(%d/128) is %x and %x, not %x and %x", i, high, rest, p.high, p.low)
		}
		power.Mul(power, root)
	}
}

// TestRises: of neighbours the greater has no smaller exponential or logarithm, where the table and the exponent change too.
func TestRises(t *testing.T) {
	for i := -2000; i < 2000; i++ {
		x := (float64(i) + 0.5) * math.Ln2 / steps
		for range 50 {
			next := math.Nextafter(x, inf)
			if Exp(next) < Exp(x) {
				t.Fatalf("Exp falls from %x to %x", x, next)
			}
			x = next
		}
	}
}

var inf = math.Inf(1)

func BenchmarkExp(b *testing.B) {
	x := make([]float64, 1024)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i] = 10 * (r.Float64() - 0.5)
	}
	for name, f := range map[string]func(float64) float64{"own": Exp, "math": math.Exp} {
		b.Run(name, func(b *testing.B) {
			s := 0.0
			for i := range b.N {
				s += f(x[i&1023])
			}
			sink = s
		})
	}
}

func BenchmarkLog(b *testing.B) {
	for name, f := range map[string]func(float64) float64{"own": Log, "math": math.Log} {
		b.Run(name, func(b *testing.B) {
			s := 0.0
			for i := range b.N {
				s += f(float64(i&1023) + 0.3)
			}
			sink = s
		})
	}
}

var sink float64
