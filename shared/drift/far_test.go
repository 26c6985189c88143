package drift

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// places are rows of four places, one after the other, that no column names: a number and a category differ from place to place, so that stretches differ much.
func (w world) places(n int) *dataset.Frame {
	x, kind := make([]float64, n), make([]string, n)
	for i := range x {
		place := 4 * i / n
		x[i] = 50 + 5*float64(place) + 8*w.NormFloat64()
		if kind[i] = "a"; w.Float64() < 0.15+0.2*float64(place) {
			kind[i] = "b"
		}
	}
	return table1(dataset.NumericColumn("x", x), dataset.CategoricalColumn("kind", kind, nil))
}

// However much stretches of a reference differ, what none of them is near to is found: another unit, a column that stands still, levels of another spelling, and a level that
// training never saw. An even sample of the same rows is no drift, and it is said which columns have wider bars.
func TestWhatNoStretchIsLikeIsFound(t *testing.T) {
	for _, n := range []int{600, 3000, 20000} {
		w := newWorld(uint64(90 + n))
		reference := w.places(n)
		p := profiled(t, Reference{Frame: reference})
		if p.Features[0].Noise == nil || p.Features[1].Noise == nil {
			t.Fatalf("%d rows: the stretches do not differ", n)
		}
		sample := func() *dataset.Frame {
			rows := w.Perm(n)[:n/2]
			return reference.Take(rows)
		}
		same := measure(t, p, Window{Frame: sample()})
		if same.DatasetDrift || !slices.ContainsFunc(same.Reasons, func(s string) bool { return strings.Contains(s, `2 columns ("x", "kind")`) }) {
			t.Errorf("%d rows, a sample: %v", n, same.Reasons)
		}
		x := func(f func(float64) float64) *dataset.Frame {
			frame := sample()
			each1(f)(frame.Column("x"))
			return frame
		}
		kind := func(f func(i int, level string) string) *dataset.Frame {
			frame := sample()
			c := frame.Column("kind")
			texts := make([]string, c.Len())
			for i := range texts {
				texts[i] = f(i, c.Text(i))
			}
			return table1(*frame.Column("x"), dataset.CategoricalColumn("kind", texts, nil))
		}
		for _, c := range []struct {
			kind, feature string
			frame         *dataset.Frame
		}{
			{UnitChange, "x", x(func(v float64) float64 { return 100 * v })},
			{UnitChange, "x", x(func(v float64) float64 { return v / 1000 })},
			{Constant, "x", x(func(float64) float64 { return 50 })},
			{Covariate, "x", x(func(v float64) float64 { return v + math.Copysign(200, v) })},
			{NewCategory, "kind", kind(func(_ int, level string) string { return strings.ToUpper(level) })},
			{NewCategory, "kind", kind(func(i int, level string) string {
				if i%4 == 0 {
					return "c"
				}
				return level
			})},
		} {
			r := measure(t, p, Window{Frame: c.frame})
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == c.kind && f.Feature == c.feature }) {
				t.Errorf("%d rows: no %s of %s: %v", n, c.kind, c.feature, r.Reasons)
			}
		}
	}
}

// TestOrderIsBelieved: rows that are said to come in no order count as independent, streamed as held, and a change that stretches would have hidden is found.
func TestOrderIsBelieved(t *testing.T) {
	w := newWorld(7)
	reference := w.places(4000)
	window := reference.Take(w.Perm(4000)[:2000])
	x := window.Column("x")
	for i := range x.Float {
		x.Float[i] += 4
	}
	for order, found := range map[string]bool{"": false, OrderTime: false, OrderNone: true} {
		held := profiled(t, Reference{Frame: reference, Order: order})
		streamed, _, err := ProfileAndRows(stored(t, reference), dataset.Options{}, order, func(int) int { return 0 })
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]*Profile{"held": held, "streamed": streamed} {
			if got := measure(t, p, Window{Frame: window}).Columns["x"].Drifted; got != found {
				t.Errorf("order %q, %s: drifted %t, want %t", order, name, got, found)
			}
		}
	}
	if _, _, err := ProfileAndRows(stored(t, reference), dataset.Options{}, "random", func(int) int { return 0 }); err == nil {
		t.Error("an unknown order was taken")
	}
}
