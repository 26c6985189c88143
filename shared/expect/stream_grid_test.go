package expect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"mlops/shared/dataset"
)

// TestGridPlaces: every number with so many decimals has a place of its own, and the numbers next to it have none.
func TestGridPlaces(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{{-0.5, 0.37}, {-3, 40}, {0.001, 0.999}, {1e9, 1e9 + 0.25}, {0, 0}} {
		g := newGrid(c.low, c.high, 1<<17)
		if g == nil {
			t.Fatalf("%v has no grid", c)
		}
		for at := range g.slots {
			v, _ := strconv.ParseFloat(fmt.Sprintf("%.*f", int(math.Log10(g.scale)), (g.low+float64(at))/g.scale), 64)
			if got, ok := g.place(v); !ok || got != uint64(at) {
				t.Fatalf("%v: %v lies at %d, %v, wanted %d", c, v, got, ok, at)
			}
			for _, near := range []float64{math.Nextafter(v, math.Inf(1)), math.Nextafter(v, math.Inf(-1))} {
				if got, ok := g.place(near); ok {
					t.Fatalf("%v: %v beside %v has the place %d", c, near, v, got)
				}
			}
		}
	}
	for _, c := range []struct{ low, high float64 }{{math.Inf(1), math.Inf(-1)}, {-1e300, 1e300}, {-math.MaxFloat64, math.MaxFloat64}, {0, 1 << 17}, {0, 1.0000000000001}, {0, math.Inf(1)}, {1e17, 1e17 + 16}} {
		if newGrid(c.low, c.high, 1<<17) != nil {
			t.Errorf("%v has a grid", c)
		}
	}
}

// TestStreamGrid: uniqueness of numbers of few decimals, and of columns of which one number has more, is that of the table as a whole.
func TestStreamGrid(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 40 {
		n := 20 + rng.IntN(60)
		columns := make([]dataset.Column, 4)
		for c := range columns {
			v := make([]float64, n)
			for i := range v {
				if v[i] = math.Round(rng.NormFloat64()*20) / 10; rng.IntN(6) == 0 {
					v[i] = math.NaN()
				}
			}
			if c > 1 {
				v[0], v[n/2], v[n-1] = 0.123, -9, 9
			}
			columns[c] = dataset.NumericColumn(string(rune('a'+c)), v)
		}
		s := &Suite{}
		for _, name := range []string{"a", "b", "c", "d"} {
			for _, kind := range []string{"expect_column_values_to_be_unique", "expect_column_unique_value_count_to_be_between", "expect_column_proportion_of_unique_values_to_be_between"} {
				for _, format := range []string{"BOOLEAN_ONLY", "SUMMARY", "COMPLETE"} {
					s.Expectations = append(s.Expectations, Expectation{Type: kind, Kwargs: map[string]any{"column": name, "result_format": format, "max_value": 9}},
						Expectation{Type: kind, Kwargs: map[string]any{"column": name, "result_format": format, "max_value": 9, "row_condition": "b < 1"}},
						Expectation{Type: kind, Kwargs: map[string]any{"column": name, "result_format": format, "max_value": 9, "row_condition": "index % 3 < 2 and abs(b) < 2"}})
				}
			}
		}
		for i := range s.Expectations {
			if s.Expectations[i].Type == "expect_column_values_to_be_unique" {
				delete(s.Expectations[i].Kwargs, "max_value")
			}
		}
		sameAsWhole(t, &dataset.Frame{Columns: columns}, s, Options{}, rng)
	}
}
