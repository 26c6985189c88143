package stattest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// normal is an ascending sample.
func normal(n int, seed uint64, shift float64) []float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = random.NormFloat64() + shift
	}
	slices.Sort(x)
	return x
}

func BenchmarkMillion(b *testing.B) {
	x, y := normal(1_000_000, 1, 0), normal(1_000_000, 2, 0.02)
	for name, f := range map[string]func(){
		"Wasserstein": func() { _, _ = WassersteinNormed(x, y) },
		"KS":          func() { _, _, _ = KolmogorovSmirnov(x, y) },
		"Energy":      func() { _, _ = Energy(x, y) },
		"MannWhitney": func() { _, _, _ = MannWhitney(x, y, Less) },
		"StudentT":    func() { _, _, _ = StudentT(x, y) },
		"Anderson":    func() { _, _, _ = AndersonDarling(x, y) },
		"Cramer":      func() { _, _, _ = CramerVonMises(x, y) },
		"Epps":        func() { _, _, _ = EppsSingleton(x, y) },
		"Hellinger":   func() { _ = HellingerOfNumbers(x, y) },
		"Bins":        func() { _, _ = Bins(x, y) },
		"MMD":         func() { _, _, _ = MMD(x, y, 100, 1) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func BenchmarkExactKS(b *testing.B) {
	for _, c := range []struct {
		n, m  int
		shift float64
	}{{10_000, 10_000, 0.02}, {10_000, 9_999, 0.02}, {10_000, 9_999, 0.1}, {10_000, 9_999, 0.5}, {1_000, 999, 0.1}} {
		b.Run(fmt.Sprint(c.n, "x", c.m, "+", c.shift), func(b *testing.B) {
			x, y := normal(c.n, 1, 0), normal(c.m, 2, c.shift)
			for b.Loop() {
				_, _, _ = KolmogorovSmirnov(x, y)
			}
		})
	}
}

func BenchmarkCounts(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	ref, cur := make([]int, 1000), make([]int, 1000)
	for range 1_000_000 {
		ref[int(random.Float64()*random.Float64()*1000)]++
		cur[int(random.Float64()*random.Float64()*1000)]++
	}
	b.Run("TotalVariation", func(b *testing.B) {
		for b.Loop() {
			_, _, _ = TotalVariation(ref, cur, 1000, 1)
		}
	})
	b.Run("Fisher", func(b *testing.B) {
		for b.Loop() {
			_, _, _ = FisherExact(300_000, 700_000, 299_000, 701_000)
		}
	})
	b.Run("Cramer20", func(b *testing.B) {
		x, y := normal(20, 1, 0), normal(19, 2, 0)
		for b.Loop() {
			_, _, _ = CramerVonMises(x, y)
		}
	})
}
