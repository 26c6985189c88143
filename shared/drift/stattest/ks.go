package stattest

import (
	"math"
	"slices"
)

// exactUpTo is the size up to which SciPy's method "auto" is exact.
const exactUpTo = 10_000

// KolmogorovSmirnov is the two-sided test that both samples have one distribution: SciPy's ks_2samp, method "auto". The statistic is the
// greatest distance D of the two distribution functions. Up to 10,000 values of each, p is exact for samples without ties: the share of all
// orders of both samples whose distance is no less. Beyond, as KolmogorovSmirnovAsymptotic. Undefined: an empty sample.
// Smirnov, Bulletin mathematique de l'Universite de Moscou 2 (1939); Hodges, Arkiv for Matematik 3 (1958).
func KolmogorovSmirnov(a, b []float64) (d, p float64, err error) {
	n, m := len(a), len(b)
	if max(n, m) > exactUpTo || min(n, m) == 0 {
		return KolmogorovSmirnovAsymptotic(a, b)
	}
	d = math.Max(steps(a, b))
	g := gcd(n, m)
	lcm := n / g * m
	h := int(math.RoundToEven(d * float64(lcm)))
	d = float64(h) / float64(lcm)
	switch {
	case h == 0:
		return d, 1, nil
	case n == m:
		p = outsideSquare(n, h)
	default:
		p = outsideBand(max(n, m), min(n, m), g, h)
	}
	if p > 1 { // rounding: SciPy then turns to the other method
		p = kolmogorovTail(harmonic(n, m), d)
	}
	return d, p, nil
}

// KolmogorovSmirnovOf is the two-sided test that a sample has the continuous distribution function cdf: SciPy's ks_1samp, method "auto".
// The statistic is the greatest distance D of the sample's distribution function from it, p as Kolmogorov's distribution has it for n
// values. A cdf that is NaN somewhere: both NaN. Undefined: an empty sample. Massey, Journal of the American Statistical Association 46 (1951).
func KolmogorovSmirnovOf(a []float64, cdf func(float64) float64) (d, p float64, err error) {
	if err := atLeastEach("Kolmogorov-Smirnov test", 1, len(a), len(a)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	n := float64(len(a))
	for i, x := range slices.Sorted(slices.Values(a)) {
		f := cdf(x)
		d = math.Max(d, math.Max(float64(i+1)/n-f, f-float64(i)/n)) // NaN stays
	}
	if math.IsNaN(d) {
		return d, d, nil
	}
	return d, kolmogorovTail(len(a), d), nil
}

// KolmogorovSmirnovAsymptotic is SciPy's ks_2samp, method "asymp": p from the one-sample distribution of Kolmogorov's statistic for
// round(n m / (n + m)) values; NaN for one value of each. Undefined: an empty sample.
func KolmogorovSmirnovAsymptotic(a, b []float64) (d, p float64, err error) {
	if err := atLeastEach("Kolmogorov-Smirnov test", 1, len(a), len(b)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	d = math.Max(steps(a, b))
	return d, kolmogorovTail(harmonic(len(a), len(b)), d), nil
}

// KolmogorovSmirnovOneSided is SciPy's ks_2samp for one side, method "asymp". The statistic is how far the distribution function of a lies
// above (Greater) or below (Less) that of b.
//
//	p = exp(-2 z^2 - 2 z (m + 2n) / (3 sqrt(m n (m + n)))), z = D sqrt(m n / (m + n)), m >= n
//
// TwoSided is KolmogorovSmirnovAsymptotic. Undefined: an empty sample. Hodges (1958), equation 5.3.
func KolmogorovSmirnovOneSided(a, b []float64, alternative Alternative) (d, p float64, err error) {
	if alternative == TwoSided || min(len(a), len(b)) == 0 {
		return KolmogorovSmirnovAsymptotic(a, b)
	}
	above, below := steps(a, b)
	if d = above; alternative == Less {
		d = below
	}
	m, n := float64(max(len(a), len(b))), float64(min(len(a), len(b)))
	z := math.Sqrt(m*n/(m+n)) * d
	return d, math.Exp(-2*z*z - 2*z*(m+2*n)/math.Sqrt(m*n*(m+n))/3), nil
}

// steps is how far F_a lies above F_b at most, and how far below; neither is negative.
func steps(a, b []float64) (above, below float64) {
	n, m := float64(len(a)), float64(len(b))
	for p := (pooled{a: a, b: b}); p.next(); {
		d := float64(p.i)/n - float64(p.j)/m
		above, below = max(above, d), max(below, -d)
	}
	return above, below
}

// harmonic is the size of one sample that tells as much as the two.
func harmonic(n, m int) int {
	return int(math.RoundToEven(float64(n) * float64(m) / float64(n+m)))
}

// outsideSquare is the share of lattice paths from (0, 0) to (n, n) that touch |x - y| = h:
//
//	2 sum over k >= 1 of (-1)^(k-1) C(2n, n - kh) / C(2n, n)
//
// by Horner's scheme from the last term, each ratio of neighbours as a product. Gnedenko and Korolyuk, Doklady 80 (1951).
func outsideSquare(n, h int) float64 {
	p := 0.0
	for k := n / h; k >= 0; k-- {
		ratio := 1.0
		for j := range h {
			ratio = float64(n-k*h-j) * ratio / float64(n+k*h+j+1)
		}
		p = ratio * (1 - p)
	}
	return 2 * p
}

// outsideBand is the share of lattice paths from (0, 0) to (m, n), m > n, that touch |n x - m y| = h g, g the greatest common divisor.
// A path to (x, y) comes from the left with chance x / (x + y) and from below with y / (x + y); outside of the band the share is 1:
//
//	P(x, y) = (x P(x-1, y) + y P(x, y-1)) / (x + y)
//
// One column at a time, of which only the cells inside are kept. Only positive terms are added, so that small shares keep their
// digits. Hodges (1958).
func outsideBand(m, n, g, h int) float64 {
	if d := float64(h) * float64(g) / (float64(m) * float64(n)); 2*d*d/(1/float64(m)+1/float64(n)) > 800 {
		return 0 // below exp(-800) times a small constant: Dvoretzky, Kiefer and Wolfowitz
	}
	mg, ng := m/g, n/g
	inverse := make([]float64, m+n+1)
	for i := 1; i <= m+n; i++ {
		inverse[i] = 1 / float64(i)
	}
	low, high := 0, min((h+mg-1)/mg, n+1) // the cells inside: low <= y < high
	column := make([]float64, n+1)        // from cell low of the column
	for x := 1; x <= m; x++ {
		last, length := low, high-low
		low, high = min(max(0, floorDiv(ng*x-h, mg)+1), n), min((ng*x+h+mg-1)/mg, n+1)
		if high <= low {
			return 1
		}
		for i := length; i < min(high-last, len(column)); i++ {
			column[i] = 1 // was outside
		}
		p := 1.0
		if low == 0 {
			p = 0
		}
		from, by := column[low-last:high-last], inverse[x+low:x+high]
		y := float64(low)
		for i, left := range from {
			r := by[i]
			p = float64(left*(float64(x)*r)) + float64(p*(y*r))
			column[i] = p
			y++
		}
	}
	return column[high-low-1]
}

// floorDiv is the quotient rounded down, y > 0.
func floorDiv(x, y int) int {
	q := x / y
	if x%y < 0 {
		q--
	}
	return q
}

// gcd is the greatest common divisor.
func gcd(n, m int) int {
	for m > 0 {
		n, m = m, n%m
	}
	return n
}
