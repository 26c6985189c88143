package drift

import (
	"math"
	"testing"

	"mlops/shared/dataset"
)

func TestRescaling(t *testing.T) {
	w := newWorld(31)
	constant := func(v float64) func() float64 { return func() float64 { return v } }
	flag := func(v float64) func() float64 { return func() float64 { return v * math.Floor(w.Float64()+0.3) } }
	height := func(unit float64) func() float64 {
		return func() float64 { return unit * math.Round(1700+100*w.NormFloat64()) / 10 }
	}
	lognormal := func(times float64) func() float64 {
		return func() float64 { return times * math.Exp(w.NormFloat64()) }
	}
	for _, c := range []struct {
		name     string
		ref, cur func() float64
		factor   float64 // 0: none
	}{
		{"a constant times 100", constant(5), constant(500), 100},
		{"a constant that changes", constant(5), constant(6), 0},
		{"a negative constant times 60", constant(-2), constant(-120), 60},
		{"a flag times 10", flag(1), flag(10), 10},
		{"a flag times 20", flag(1), flag(20), 0},
		{"a sign", flag(1), flag(-100), 0},
		{"heights in inches", height(1), height(1 / 2.54), 1 / 2.54},
		{"heights in millimetres", height(1), height(10), 10},
		{"heights three times as great", height(1), height(3), 0},
		{"prices in cents", lognormal(1), lognormal(100), 100},
		{"prices twice as high", lognormal(1), lognormal(2), 0},
		{"amounts a billion times as great", lognormal(1), lognormal(1e9), 1e9},
		{"half of the rows in cents", lognormal(1), func() float64 { return math.Pow(100, math.Floor(w.Float64()+0.5)) * math.Exp(w.NormFloat64()) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame := func(draw func() float64) *dataset.Frame {
				return &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", w.numbers(2000, draw))}}
			}
			p, err := NewProfile(Reference{Frame: frame(c.ref)})
			if err != nil {
				t.Fatal(err)
			}
			r := measure(t, p, Window{Frame: frame(c.cur)})
			found := r.Of(UnitChange)
			switch {
			case !r.DatasetDrift:
				t.Errorf("no drift: %v", r.Reasons)
			case c.factor == 0 && len(found) > 0:
				t.Errorf("%s", found[0].Text)
			case c.factor != 0 && (len(found) != 1 || math.Abs(float64(found[0].Factor)/c.factor-1) > 1e-9):
				t.Errorf("want %g: %v", c.factor, r.Reasons)
			}
		})
	}
}
