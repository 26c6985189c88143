package drift

import (
	"math"
	"math/big"
	"testing"

	"mlops/shared/dataset"
)

// math/big is the judge; the order and the parts do not matter.
func TestSumIsExact(t *testing.T) {
	w := newWorld(41)
	for name, draw := range map[string]func() float64{
		"ordinary":     w.NormFloat64,
		"far apart":    func() float64 { return w.NormFloat64() * math.Pow(10, 600*w.Float64()-300) },
		"subnormal":    func() float64 { return w.NormFloat64() * 1e-310 },
		"cancelling":   func() float64 { return math.Copysign(1e16+w.Float64(), w.NormFloat64()) },
		"huge":         func() float64 { return w.NormFloat64() * 1e306 },
		"zero":         func() float64 { return math.Copysign(0, w.NormFloat64()) },
		"whole, large": func() float64 { return float64(1<<53 - 1) },
	} {
		exact := new(big.Float).SetPrec(3000)
		var parts [3]sum
		for i, x := range w.numbers(5000, draw) {
			exact.Add(exact, new(big.Float).SetFloat64(x))
			parts[i*i%3].add(x)
		}
		parts[2].merge(&parts[0])
		parts[2].merge(&parts[1])
		want, _ := exact.Float64()
		if got := parts[2].value(); got != want {
			t.Errorf("%s: %g, want %g", name, got, want)
		}
	}
	var s sum
	s.add(math.Inf(-1))
	if !math.IsInf(s.value(), 1) {
		t.Errorf("after an overflow: %g", s.value())
	}
	if got := new(sum).value(); got != 0 {
		t.Errorf("nothing: %g", got)
	}
}

func TestSizes(t *testing.T) {
	w := newWorld(42)
	values := append(w.numbers(4000, func() float64 { return w.NormFloat64() * math.Pow(10, 40*w.Float64()-20) }), 0, 0, math.MaxFloat64, -math.SmallestNonzeroFloat64)
	var whole sizes
	parts := [2]sizes{}
	for i, x := range values {
		whole.add(x)
		parts[i%2].add(x)
	}
	parts[1].merge(&parts[0])
	for _, s := range []*sizes{&whole, &parts[1]} {
		for _, v := range []float64{-1e10, -1, -1e-30, 0, 1e-15, 3, 1e12, math.MaxFloat64} {
			low, high := 0, 0
			for _, x := range values {
				if x != 0 && x <= v-math.Abs(v)/256 {
					low++
				}
				if x != 0 && x <= v+math.Abs(v)/256 {
					high++
				}
			}
			if got := s.upTo(v, false); got < float64(low)-1e-9 || got > float64(high)+1e-9 {
				t.Errorf("%g values up to %g, want %d to %d", got, v, low, high)
			}
		}
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{1, 2, 7}, 2}, {[]float64{-4, -2, -1}, -2}, {[]float64{-1, 0, 5}, 0}, {nil, math.NaN()}} {
		var s sizes
		for _, x := range c.values {
			s.add(x)
		}
		if got := s.median(); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("median of %v = %g", c.values, got)
		}
	}
}

// Every value has one bin, frequent values have bins of their own, and the others hold about as many rows each.
func TestCut(t *testing.T) {
	w := newWorld(43)
	for name, c := range map[string]struct {
		draw func() float64
		bins int // that hold rows, of 1,000
	}{
		"normal":         {w.NormFloat64, 20},
		"a constant":     {func() float64 { return 7 }, 1},
		"counts":         {func() float64 { return math.Floor(6 * w.Float64()) }, 6},
		"a spike":        {func() float64 { return math.Floor(w.Float64()+0.1) * math.Exp(w.NormFloat64()) }, 20},
		"the extremes":   {func() float64 { return math.Copysign(math.MaxFloat64, w.NormFloat64()) }, 2},
		"many, rounded":  {func() float64 { return math.Round(20 * w.NormFloat64()) }, 20},
		"two, very near": {func() float64 { return 1 + math.Floor(w.Float64()+0.5)*0x1p-52 }, 2},
	} {
		column := dataset.NumericColumn("x", w.numbers(1000, c.draw))
		f := newFeature(&column, 1000, 0, true)
		held, most := 0, 0
		for _, n := range f.Counts {
			if n > 0 {
				held++
			}
			most = max(most, n)
		}
		if held < c.bins-3 || held > c.bins || !ascends(f.Edges, true) || len(f.Counts) != len(f.Edges)+1 || c.bins == 20 && name != "a spike" && most > 100 {
			t.Errorf("%s: %d bins of at most %d rows: %v %v", name, held, most, f.Edges, f.Counts)
		}
		if name != "the extremes" && (f.Counts[0] != 0 || f.Counts[len(f.Counts)-1] != 0) {
			t.Errorf("%s: rows outside the range: %v", name, f.Counts)
		}
	}
}
