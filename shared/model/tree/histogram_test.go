package tree

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// wide is a binned table of numbers of few and of many values, and of categories, some of them missing.
func wide(r *rand.Rand, rows, features int) *Table {
	columns := make([]Column, features)
	for j := range columns {
		columns[j] = Column{make([]float64, rows), -1}
		if j%5 == 4 {
			columns[j].Levels = 7
		}
		for i := range rows {
			switch v := &columns[j].Values[i]; {
			case j%3 == 0 && r.IntN(9) == 0:
				*v = math.NaN()
			case j%5 == 4:
				*v = float64(r.IntN(8) - 1)
			case j%2 == 0:
				*v = float64(r.IntN(3))
			default:
				*v = r.NormFloat64()
			}
		}
	}
	return Bin(given(columns...), rows, MostBins, 2)
}

func gradients(r *rand.Rand, rows int) Sums {
	s := make(Sums, rows)
	for i := range s {
		p := r.Float64()
		s[i] = [2]float32{float32(p - float64(r.IntN(2))), float32(p * (1 - p))}
	}
	return s
}

// TestHistogramsSumTheirRows: as adding bin by bin does, of as many features as fill a word, a line, and several lines, for any rows and
// any number of threads.
func TestHistogramsSumTheirRows(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	for _, features := range []int{1, 4, 5, 8, 12, 13, 28, 33, 60, 64, 65, 130} {
		const n = 3000
		table := wide(r, n, features)
		for _, threads := range []int{1, 2, 3, 8} {
			g := NewGrower(table, Rules{Leaves: 2, MinLeaf: 1, MinHessian: 1e-3}, threads)
			g.Sums = gradients(r, n)
			for _, share := range []float64{1, 0.5, 0.02, 0} {
				rows := g.order[:0]
				for i := range n {
					if r.Float64() < share {
						rows = append(rows, int32(i))
					}
				}
				total := g.quantise(rows)
				h, want := g.histogram(), make(histogram, table.cells)
				for i := range h {
					h[i] = 12345 // what a histogram held before does not matter
				}
				g.build(h, rows)
				for j := range table.features {
					var sum int64
					for _, row := range rows {
						want[table.features[j].at+int(table.bins[j][row])] += g.packed[row]
						sum += g.packed[row]
					}
					if sum != total {
						t.Fatalf("%d rows sum to %d, the total is %d", len(rows), sum, total)
					}
				}
				if !reflect.DeepEqual(h, want) {
					t.Fatalf("%d features, %d of %d rows, %d threads: the histogram is wrong", features, len(rows), n, threads)
				}
			}
		}
	}
}

// TestQuantisedSumsAreNear: whole numbers are unbiased roundings: a sum is off by less than six standard errors, whatever the magnitudes,
// and exact where the values are multiples of the step.
func TestQuantisedSumsAreNear(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	const n = 100_000
	for name, draw := range map[string]func() (g, h float64){
		"logistic":   func() (float64, float64) { p := r.Float64(); return p - float64(r.IntN(2)), p * (1 - p) },
		"two values": func() (float64, float64) { return []float64{-0.3, 0.7}[r.IntN(2)], 0.21 },
		"outliers":   func() (float64, float64) { return r.NormFloat64() * math.Exp(4*r.NormFloat64()), 1 },
		"tiny":       func() (float64, float64) { return 1e-30 * r.NormFloat64(), 1e-25 * r.Float64() },
		"huge":       func() (float64, float64) { return 1e30 * r.NormFloat64(), 1e30 * r.Float64() },
		"integers":   func() (float64, float64) { return float64(r.IntN(9) - 4), 1 },
		"nothing":    func() (float64, float64) { return 0, 0 },
	} {
		g := NewGrower(wide(r, n, 1), Rules{Leaves: 2, MinHessian: 1e-3}, 2)
		g.Sums = make(Sums, n)
		var want cell
		rows := make([]int32, n)
		for i := range n {
			a, b := draw()
			g.Sums[i], rows[i] = [2]float32{float32(a), float32(b)}, int32(i)
			want.g += float64(g.Sums[i][0])
			want.h += float64(g.Sums[i][1])
		}
		got := g.sum(g.quantise(rows))
		off := 3 * math.Sqrt(n) // of a step's half, the greatest deviation of a rounding
		if math.Abs(got.g-want.g) > off*g.fromG || math.Abs(got.h-want.h) > off*g.fromH {
			t.Errorf("%s: the sum is %v, want %v within %v and %v", name, got, want, off*g.fromG, off*g.fromH)
		}
		if name == "integers" && got != want {
			t.Errorf("integers sum to %v, want %v", got, want)
		}
		if size := g.magnitudes(rows); size.g*g.toG > 1<<sumBits || size.h*g.toH > 1<<sumBits {
			t.Errorf("%s: %v does not fit", name, size)
		}
	}
}

// TestTreesDoNotDependOnThreads: nor do the scores they leave, on a table of so many rows that everything is shared out.
func TestTreesDoNotDependOnThreads(t *testing.T) {
	const n = 120_000
	table := wide(rand.New(rand.NewPCG(12, 12)), n, 40)
	var some []int32
	for i := range n {
		if i%3 > 0 {
			some = append(some, int32(i))
		}
	}
	for _, rows := range [][]int32{nil, some} {
		var first any
		for _, threads := range []int{1, 2, 5, 8} {
			r := rand.New(rand.NewPCG(13, 13))
			scores := make([]float64, n)
			g := NewGrower(table, Rules{Leaves: 31, MinLeaf: 20, MinHessian: 1e-3, L2: 1}, threads)
			var trees []any
			for range 2 {
				trees = append(trees, g.Grow(Job{Sums: gradients(r, n), Rows: rows, Scale: 0.1, Scores: scores}))
			}
			if got := []any{trees, scores}; first == nil {
				first = got
			} else if !reflect.DeepEqual(got, first) {
				t.Errorf("%d threads give other trees than one, of all rows: %v", threads, rows == nil)
			}
		}
	}
}

// TestRowsOutsideKeepTheirScores: a tree that is grown on some rows leaves the others alone.
func TestRowsOutsideKeepTheirScores(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(14, 14))
	g := NewGrower(wide(r, n, 6), Rules{Leaves: 8, MinLeaf: 5, MinHessian: 1e-3}, 2)
	scores, rows := make([]float64, n), []int32{}
	for i := 1; i < n; i += 3 {
		rows = append(rows, int32(i))
	}
	g.Grow(Job{Sums: gradients(r, n), Scale: 1, Scores: make([]float64, n)}) // leaves its notes behind
	g.Grow(Job{Sums: gradients(r, n), Rows: rows, Scale: 1, Scores: scores})
	for i, s := range scores {
		if (i%3 == 1) != (s != 0) {
			t.Fatalf("row %d got %v", i, s)
		}
	}
}
