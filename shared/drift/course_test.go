package drift

import (
	"fmt"
	"math"
	"testing"

	"mlops/shared/dataset"
)

// courses are ways in which rows that come in time depend on one another.
var courses = []struct {
	name string
	draw func(w world, n, column int) []float64
}{
	{"independent", func(w world, n, column int) []float64 { return w.numbers(n, w.NormFloat64) }},
	{"autoregressive, 0.9", func(w world, n, column int) []float64 {
		x := w.NormFloat64()
		return w.numbers(n, func() float64 { x = 0.9*x + math.Sqrt(1-0.9*0.9)*w.NormFloat64(); return x })
	}},
	{"days of 200 rows, each 0.5 sd off", func(w world, n, column int) []float64 {
		row, day := w.IntN(200), 0.5*w.NormFloat64()
		return w.numbers(n, func() float64 {
			if row++; row%200 == 0 {
				day = 0.5 * w.NormFloat64()
			}
			return day + w.NormFloat64()
		})
	}},
	{"a season of 500 rows", func(w world, n, column int) []float64 {
		at := float64(w.start + 50*column) // the columns keep their distance, or they would go together otherwise
		return w.numbers(n, func() float64 { at++; return math.Sin(at*2*math.Pi/500) + w.NormFloat64() })
	}},
}

// course draws a table whose rows come in time: ten numbers of the course, three categories that stay for ten rows, missing values that come
// in bursts of twenty, and two hundred customers of twenty rows at a time.
func (w world) course(n int, draw func(world, int, int) []float64, sticky float64) *dataset.Frame {
	var c []dataset.Column
	w.start = w.IntN(500)
	for i := range 10 {
		c = append(c, dataset.NumericColumn(fmt.Sprintf("x%d", i), draw(w, n, i)))
	}
	for i, k := range []int{2, 5, 30} {
		levels := w.levels(fmt.Sprintf("stays%d_%d", i, k), n, k, 1, 0)
		for j := 1; j < n; j++ {
			if w.Float64() < sticky {
				levels.Code[j] = levels.Code[j-1]
			}
		}
		c = append(c, levels)
	}
	bursts, bad := w.numbers(n, w.NormFloat64), false
	for i := range bursts {
		if bad = bad && w.Float64() < 0.95*sticky/0.9 || !bad && w.Float64() < 0.01; bad {
			bursts[i] = math.NaN()
		}
	}
	customers := w.levels("customer", n, 200, 0, 0)
	for i := range customers.Code {
		if sticky > 0 && i%20 != 0 {
			customers.Code[i] = customers.Code[i-1]
		}
	}
	return &dataset.Frame{Columns: append(c, dataset.NumericColumn("bursts", bursts), customers)}
}

// Where rows come in time, an ordinary window differs from the whole by more than independent rows do: by as much as parts of the reference
// do. Without that (OrderNone) nearly every window of such a course alarms.
func TestOrdinaryDays(t *testing.T) {
	references := simulations(2, 60)
	t.Logf("dataset alarms of ordinary windows, 15 columns, reference 10,000 rows; by the reference's own noise | rows taken as independent | found: one column 1 sd off")
	for _, c := range courses {
		sticky := 0.9
		if c.name == "independent" {
			sticky = 0
		}
		for _, m := range []int{100, 1000, 10000}[:fewer(3, 2)] {
			total := references * 3
			alarms, naive, found := make([]int, references), make([]int, references), make([]int, references)
			each(references, func(i int) {
				w := newWorld(uint64(m + i))
				reference := w.course(10000, c.draw, sticky)
				learnt, independent := profiled(t, Reference{Frame: reference}), profiled(t, Reference{Frame: reference, Order: OrderNone})
				for range 3 {
					window := w.course(m, c.draw, sticky)
					r := measure(t, learnt, Window{Frame: window})
					alarms[i] += one(r.DatasetDrift)
					if r.DatasetDrift {
						t.Log(m, r.Findings[0].Text)
					}
					naive[i] += one(measure(t, independent, Window{Frame: window}).DatasetDrift)
					each1(func(x float64) float64 { return x + 1 })(window.Column("x1"))
					found[i] += one(measure(t, learnt, Window{Frame: window}).Columns["x1"].Drifted)
				}
			})
			t.Logf("%-34s windows of %6d: %s | %s | %s", c.name, m, rate(sum1(alarms), total), rate(sum1(naive), total), rate(sum1(found), total))
			if k := sum1(alarms); tail(k, total, 0.05) < 1e-3 {
				t.Errorf("%s: %d alarms in %d ordinary windows of %d", c.name, k, total, m)
			}
		}
	}
}

func profiled(t testing.TB, r Reference) *Profile {
	t.Helper()
	p, err := NewProfile(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
