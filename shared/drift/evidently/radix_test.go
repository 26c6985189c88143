package evidently

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sorting by radix is sorting.
func TestSorter(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	s := &sorter{}
	for _, n := range []int{0, 1, 511, 512, 5000, 70_000} {
		for name, draw := range map[string]func() float64{
			"bits":     func() float64 { return math.Float64frombits(r.Uint64()) },
			"few":      func() float64 { return float64(r.IntN(7) - 3) },
			"constant": func() float64 { return -2.5 },
			"ends": func() float64 {
				return []float64{math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 5e-324}[r.IntN(5)]
			},
		} {
			x := make([]float64, n)
			for i := range x {
				for x[i] = draw(); math.IsNaN(x[i]); x[i] = draw() {
				}
			}
			want := slices.Clone(x)
			slices.Sort(want)
			if s.sort(x); !slices.Equal(x, want) {
				t.Errorf("%d of %s are not sorted", n, name)
			}
		}
	}
}
