package stattest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawn is a random ascending sample, with ties for some.
func drawn(random *rand.Rand, n int, shift float64) []float64 {
	x := make([]float64, n)
	ties := random.IntN(3) == 0
	for i := range x {
		if x[i] = random.NormFloat64() + shift; ties {
			x[i] = math.Round(2 * x[i])
		}
	}
	slices.Sort(x)
	return x
}

// pairsDrawn calls f with many pairs of samples.
func pairsDrawn(f func(a, b []float64)) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		f(drawn(random, 5+random.IntN(60), 0), drawn(random, 5+random.IntN(60), random.Float64()))
	}
}

// tests are those of numbers; symmetric ones say the same when both samples change places, rank ones when all values are mapped monotonely.
var tests = []struct {
	name            string
	symmetric, rank bool
	test            func(a, b []float64) (float64, float64, error)
}{
	{"KS", true, true, KolmogorovSmirnov},
	{"KS asymptotic", true, true, KolmogorovSmirnovAsymptotic},
	{"KS less", false, true, func(a, b []float64) (float64, float64, error) { return KolmogorovSmirnovOneSided(a, b, Less) }},
	{"Mann-Whitney", true, true, func(a, b []float64) (float64, float64, error) { return MannWhitney(a, b, TwoSided) }},
	{"Mann-Whitney less", false, true, func(a, b []float64) (float64, float64, error) { return MannWhitney(a, b, Less) }},
	{"Anderson-Darling", true, true, AndersonDarling},
	{"Cramer-von Mises", true, true, CramerVonMises},
	{"t", true, false, StudentT},
	{"Welch", true, false, WelchT},
	{"Epps-Singleton", true, false, EppsSingleton},
	{"Wasserstein", true, false, func(a, b []float64) (float64, float64, error) {
		d, err := Wasserstein(a, b)
		return d, math.Exp(-d), err
	}},
	{"energy", true, false, func(a, b []float64) (float64, float64, error) { d, err := Energy(a, b); return d, math.Exp(-d), err }},
}

func TestSymmetry(t *testing.T) {
	pairsDrawn(func(a, b []float64) {
		for _, c := range tests {
			_, p, err := c.test(a, b)
			if err != nil {
				continue
			}
			if !(p >= 0 && p <= 1) {
				t.Errorf("%s: p = %g", c.name, p)
			}
			if _, q, _ := c.test(b, a); c.symmetric {
				near(t, c.name+" the other way round", q, p, 1e-7)
			}
		}
	})
}

func TestMonotoneMaps(t *testing.T) {
	mapped := func(x []float64) []float64 {
		y := slices.Clone(x)
		for i := range y {
			y[i] = math.Exp(3*y[i]) + 7
		}
		return y
	}
	pairsDrawn(func(a, b []float64) {
		for _, c := range tests {
			if s, p, _ := c.test(a, b); c.rank {
				u, q, _ := c.test(mapped(a), mapped(b))
				near(t, c.name+" statistic of mapped values", u, s, 0)
				near(t, c.name+" p of mapped values", q, p, 0)
			}
		}
	})
}

// TestMannWhitneyLessAndGreater checks that one side's alternative is the other side's with both samples changed.
func TestMannWhitneyLessAndGreater(t *testing.T) {
	pairsDrawn(func(a, b []float64) {
		_, less, _ := MannWhitney(a, b, Less)
		_, greater, _ := MannWhitney(b, a, Greater)
		near(t, "Mann-Whitney greater", greater, less, 1e-12)
	})
}

func TestDistancesMoveAndScale(t *testing.T) {
	moved := func(x []float64, scale, shift float64) []float64 {
		y := slices.Clone(x)
		for i := range y {
			y[i] = y[i]*scale + shift
		}
		return y
	}
	pairsDrawn(func(a, b []float64) {
		w, _ := Wasserstein(a, b)
		scaled, _ := Wasserstein(moved(a, 4, 32), moved(b, 4, 32))
		near(t, "Wasserstein of scaled values", scaled, 4*w, 1e-12)
		shifted, _ := Wasserstein(a, moved(a, 1, 2.5))
		near(t, "Wasserstein of a shift", shifted, 2.5, 1e-12)
		e, _ := Energy(a, b)
		scaled, _ = Energy(moved(a, 4, 32), moved(b, 4, 32))
		near(t, "energy of scaled values", scaled, 2*e, 1e-12)
	})
}

func TestOutsideBandCountsPaths(t *testing.T) {
	var choose func(n, k int) float64
	choose = func(n, k int) float64 {
		if k == 0 || k == n {
			return 1
		}
		return choose(n-1, k-1) + choose(n-1, k)
	}
	for m := 2; m <= 8; m++ {
		for n := 1; n < m; n++ {
			g := gcd(m, n)
			for h := 1; h <= m*n/g; h++ {
				var count func(x, y int, touched bool) float64
				count = func(x, y int, touched bool) float64 {
					touched = touched || max(n*x-m*y, m*y-n*x) >= h*g
					switch {
					case x > m || y > n:
						return 0
					case x == m && y == n && touched:
						return 1
					}
					return count(x+1, y, touched) + count(x, y+1, touched)
				}
				near(t, "share of paths", outsideBand(m, n, g, h), count(0, 0, false)/choose(m+n, n), 1e-13)
			}
		}
	}
}

// TestMMDSumsTheKernel compares the fast transform with the sum over all pairs, for values close together and far astray.
func TestMMDSumsTheKernel(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, spread := range []float64{0.1, 1, 30, 1e6} {
		a, b := drawn(random, 80, 0), drawn(random, 50, 1)
		for i := 60; i < 80; i++ {
			a[i] *= spread
		}
		slices.Sort(a)
		var squares []float64
		for _, x := range a {
			for _, y := range a {
				squares = append(squares, (x-y)*(x-y))
			}
		}
		slices.Sort(squares)
		s2 := squares[len(squares)/2] / 2
		if s2 == 0 {
			s2 = 0.5
		}
		kernel := func(u, v []float64) (sum float64) {
			for _, x := range u {
				for _, y := range v {
					sum += math.Exp(-(x - y) * (x - y) / (2 * s2))
				}
			}
			return sum
		}
		want := (kernel(a, a)-80)/(80*79) + (kernel(b, b)-50)/(50*49) - 2*kernel(a, b)/(80*50)
		got, _, err := MMD(a, b, 1, 1)
		if err != nil || math.Abs(got-want) > 1e-11 {
			t.Errorf("MMD = %.15g %v, want %.15g", got, err, want)
		}
	}
}

// TestPermutationsHoldTheirLevel: where nothing changed, a p-value below 0.1 is met in about a tenth of the samples.
func TestPermutationsHoldTheirLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	const runs = 400
	below := map[string]int{}
	for run := range uint64(runs) {
		a, b := normal(60, 2*run, 0), normal(80, 2*run+1, 0)
		ref, cur := make([]int, 9), make([]int, 9)
		for i := range 600 {
			ref[int(random.Float64()*random.Float64()*9)]++
			if i%2 == 0 {
				cur[int(random.Float64()*random.Float64()*9)]++
			}
		}
		if _, p, err := TotalVariation(ref, cur, 99, run); err != nil || p < 0.1 {
			below["total variation"]++
		}
		if _, p, err := MMD(a, b, 99, run); err != nil || p < 0.1 {
			below["MMD"]++
		}
	}
	for _, what := range []string{"total variation", "MMD"} {
		if n := below[what]; n < runs/20 || n > runs/6 {
			t.Errorf("%s: %d of %d p-values below 0.1", what, n, runs)
		}
	}
}

// TestDrawIsHypergeometric compares the drawn frequencies with the chances, for few hits and many.
func TestDrawIsHypergeometric(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, h := range []hypergeometric{{30, 50, 8}, {30, 50, 40}, {500, 20, 300}, {3, 9, 12}} {
		const draws = 20000
		least, most := h.bounds()
		counts := make([]int, most+1)
		for range draws {
			counts[h.draw(random)]++
		}
		whole := 0.0
		for x := least; x <= most; x++ {
			chance := math.Exp(h.log(x))
			whole += chance
			if sd := math.Sqrt(draws * chance * (1 - chance)); math.Abs(float64(counts[x])-draws*chance) > 5*sd+1 {
				t.Errorf("%v: %d drawn %d times, %g expected", h, x, counts[x], draws*chance)
			}
		}
		near(t, "all chances", whole, 1, 1e-12)
	}
}

// FuzzNumbers holds that no finite samples make a test panic or give a p-value outside of [0, 1].
func FuzzNumbers(f *testing.F) {
	bytes := func(x ...float64) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	f.Add(bytes(1, 2, 3, 4, 5, 6), bytes(2, 3, 4, 5, 6, 7))
	f.Add(bytes(math.MaxFloat64, -math.MaxFloat64, 0, 1, 5e-324, 3), bytes(math.MaxFloat64, 1e300, -1e300, 2, 2, 2))
	f.Add(bytes(5e-324, 0, 0, 0, 0, 5e-324), bytes(1, 1, 1, 1, 1, 1))
	f.Add(bytes(), bytes(1))
	f.Fuzz(func(t *testing.T, left, right []byte) {
		finite := func(b []byte) (x []float64) {
			for ; len(b) >= 8 && len(x) < 200; b = b[8:] {
				if v := math.Float64frombits(binary.LittleEndian.Uint64(b)); !math.IsNaN(v) && !math.IsInf(v, 0) {
					x = append(x, v)
				}
			}
			slices.Sort(x)
			return x
		}
		a, b := finite(left), finite(right)
		for name, r := range answers(a, b, true) {
			if name == "kl_div" || name == "psi" || r.err != nil || math.IsNaN(r.p) || r.p >= 0 && (r.p <= 1 || r.p == r.statistic) {
				continue
			}
			t.Errorf("%s of %v and %v: %v", name, a, b, r)
		}
	})
}

// FuzzCounts holds that no counts make a test of categories panic.
func FuzzCounts(f *testing.F) {
	f.Add([]byte{3, 0, 5, 1}, []byte{0, 3, 5, 1})
	f.Add([]byte{0}, []byte{0})
	f.Fuzz(func(t *testing.T, left, right []byte) {
		k := min(len(left), len(right), 50)
		ref, cur := make([]int, k), make([]int, k)
		for i := range k {
			ref[i], cur[i] = int(left[i]), int(right[i])
		}
		check := func(name string, _, p float64, err error) {
			if err == nil && !math.IsNaN(p) && !(p >= 0 && p <= 1) {
				t.Errorf("%s of %v and %v: p = %g", name, ref, cur, p)
			}
		}
		s, p, err := ChiSquare(ref, cur)
		check("chi-square", s, p, err)
		s, p, err = G(ref, cur)
		check("G", s, p, err)
		s, p, err = TotalVariation(ref, cur, 20, 1)
		check("total variation", s, p, err)
		if k >= 2 {
			s, p, err = FisherExact(ref[0], ref[1], cur[0], cur[1])
			check("Fisher", s, p, err)
			s, p, err = Proportions(ref[0], ref[0]+ref[1], cur[0], cur[0]+cur[1])
			check("z", s, p, err)
		}
	})
}
