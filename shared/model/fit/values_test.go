package fit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// TestTakeTakesTheRows: in every form of a column, of a few rows and of so many that they are not copied, of all and of some of some.
func TestTakeTakesTheRows(t *testing.T) {
	const n = 600_000
	float, single, code := make([]float64, n), make([]float32, n), make([]int32, n)
	for i := range n {
		float[i], single[i], code[i] = float64(i)/3, float32(i), int32(i%4)-1
	}
	level := []float64{2, -1, 0}
	d := &Data{Rows: n, Features: make([]model.Feature, 3), Columns: []Values{{Float: float}, {Single: single}, {Code: code, Level: level}},
		Labels: dataset.Labels{Task: dataset.Regression, Y: float}, Weight: float}
	want := func(j, i int) float64 {
		switch {
		case j == 0:
			return float[i]
		case j == 1:
			return float64(single[i])
		case code[i] < 0:
			return math.NaN()
		}
		return level[code[i]]
	}
	every := func(n, step int) (rows []int) {
		for i := n - 1; i >= 0; i -= step {
			rows = append(rows, i)
		}
		return rows
	}
	check := func(name string, d *Data, rows []int) {
		t.Helper()
		x := make([]float64, 3)
		for j := range 3 {
			column := d.Column(j)
			if len(column) != len(rows) || d.Rows != len(rows) {
				t.Fatalf("%s: column %d has %d rows of %d, want %d", name, j, len(column), d.Rows, len(rows))
			}
			for k, i := range rows {
				d.Row(k, x)
				if w := want(j, i); math.Float64bits(column[k]) != math.Float64bits(w) || math.Float64bits(x[j]) != math.Float64bits(w) || d.Labels.Y[k] != float[i] || d.Weight[k] != float[i] {
					t.Fatalf("%s: row %d of column %d is %v and %v, want %v", name, k, j, column[k], x[j], w)
				}
			}
		}
	}
	check("all", d, slices.Sorted(slices.Values(every(n, 1))))
	check("few", d.Take(every(n, 1000)), every(n, 1000))
	check("many", d.Take(every(n, 1)), every(n, 1))
	some, twice := d.Take(every(n, 1)), every(n, 1)
	slices.Reverse(twice)
	check("many of many", some.Take(every(n, 1)), twice)
	check("with other values", d.Take(every(n, 1)).With(0, float).With(0, d.Take(every(n, 1)).Column(0)), every(n, 1))
	if &d.Take(every(n, 1)).Columns[0].Float[0] != &float[0] {
		t.Error("many rows are copied")
	}
}

// TestTwinsAreTheSameRows: as a map of the rows' texts says.
func TestTwinsAreTheSameRows(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	const n = 5000
	d := &Data{Rows: n, Columns: []Values{{Float: make([]float64, n)}, {Code: make([]int32, n), Level: []float64{0, 1, -1}}, {Float: make([]float64, n)}}}
	for i := range n {
		d.Columns[0].Float[i] = []float64{0, math.Copysign(0, -1), 1.5, math.NaN()}[r.IntN(4)]
		d.Columns[1].Code[i] = int32(r.IntN(4) - 1)
		d.Columns[2].Float[i] = float64(r.IntN(100)) / 7
	}
	seen, x := map[string]int{}, make([]float64, 3)
	for i, got := range d.Twins() {
		d.Row(i, x)
		x[0] += 0
		key := fmt.Sprint(x)
		if _, ok := seen[key]; !ok {
			seen[key] = i
		}
		if int(got) != seen[key] {
			t.Fatalf("row %d %v: its twin is %d, want %d", i, x, got, seen[key])
		}
	}
	if len(seen) < 500 || len(seen) > 2000 {
		t.Errorf("%d different rows", len(seen))
	}
}
