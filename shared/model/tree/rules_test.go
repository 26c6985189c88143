package tree

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mlops/shared/model"
)

// bent is a table whose target rises, falls, and does both, with missing values and a category.
func bent(n int, seed uint64) (columns []Column, y []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	columns = []Column{{make([]float64, n), -1}, {make([]float64, n), -1}, {make([]float64, n), -1}, {make([]float64, n), 5}}
	y = make([]float64, n)
	for i := range n {
		a, b, c, k := r.NormFloat64(), r.NormFloat64(), r.NormFloat64(), float64(r.IntN(5))
		y[i] = math.Sin(3*a) + a - b*c + c*c - math.Abs(b) + 0.5*k*a + 0.5*r.NormFloat64()
		columns[0].Values[i], columns[1].Values[i], columns[2].Values[i], columns[3].Values[i] = a, b, c, k
		for j := range 3 {
			if r.IntN(7) == 0 {
				columns[j].Values[i] = math.NaN()
			}
		}
	}
	return columns, y
}

// boosted grows trees on squared loss one after the other, each leaf's value being what value makes of it.
func boosted(t *testing.T, columns []Column, y []float64, rules Rules, trees int, value func(residual []float64) float64) *model.Trees {
	t.Helper()
	out := model.NewTrees(model.Identity, features(columns), []float64{0})
	g := NewGrower(Bin(given(columns...), len(y), MostBins, 2), rules, 2)
	scores, sums := make([]float64, len(y)), make(Sums, len(y))
	job := Job{Sums: sums, Scale: 0.3, Scores: scores}
	if value != nil {
		job.Value = func(rows []int32, _ float64) float64 {
			var residual []float64
			for _, r := range rows {
				residual = append(residual, y[r]-scores[r])
			}
			return 0.3 * value(residual)
		}
	}
	for range trees {
		for i := range y {
			sums[i] = [2]float32{float32(scores[i] - y[i]), 1}
		}
		if err := out.Add(g.Grow(job)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// TestMonotone walks along each constrained feature from many random points, and finds that what is not constrained does go both ways.
func TestMonotone(t *testing.T) {
	for name, value := range map[string]func([]float64) float64{"steps": nil, "medians": median} {
		for seed := range uint64(6) {
			columns, y := bent(1500, seed)
			rules := Rules{Leaves: 20, MinLeaf: 3, MinHessian: 1e-3, L1: float64(seed % 2), Monotone: []int8{1, -1, 0, 0}}
			trees := boosted(t, columns, y, rules, 15, value)
			r := rand.New(rand.NewPCG(seed, 2))
			x, turns := make([]float64, 4), 0
			out := []float64{0}
			for range 300 {
				for j := range 3 {
					if x[j] = 2 * r.NormFloat64(); r.IntN(6) == 0 {
						x[j] = math.NaN()
					}
				}
				x[3] = float64(r.IntN(7) - 1)
				for j, sign := range []float64{1, -1, 0} {
					kept, last, rose, fell := x[j], 0.0, false, false
					for step := range 60 {
						x[j] = -3 + 0.1*float64(step)
						trees.Raw(out, x)
						if step > 0 {
							rose, fell = rose || out[0] > last, fell || out[0] < last
							if sign != 0 && sign*(out[0]-last) < -1e-12 {
								t.Fatalf("%s, seed %d: feature %d is to go %+g, and %v becomes %v at %v", name, seed, j, sign, last, out[0], x)
							}
						}
						last = out[0]
					}
					x[j] = kept
					if sign == 0 && rose && fell {
						turns++
					}
				}
			}
			if turns == 0 {
				t.Errorf("%s, seed %d: the free feature never turns: the constraints bind too much", name, seed)
			}
		}
	}
}

// TestConstraintsStillLearn: a constraint that the truth obeys costs little (the bounds are a middle, and bind more than they need).
func TestConstraintsStillLearn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const n = 4000
	columns := []Column{{make([]float64, n), -1}, {make([]float64, n), -1}}
	y := make([]float64, n)
	for i := range n {
		columns[0].Values[i], columns[1].Values[i] = r.Float64(), r.Float64()
		y[i] = math.Exp(2*columns[0].Values[i]) - 3*columns[1].Values[i] + 0.1*r.NormFloat64()
	}
	loss := func(rules Rules) (sum float64) {
		trees := boosted(t, columns, y, rules, 40, nil)
		out := []float64{0}
		for i := range n {
			trees.Raw(out, []float64{columns[0].Values[i], columns[1].Values[i]})
			sum += (out[0] - y[i]) * (out[0] - y[i]) / n
		}
		return sum
	}
	free, bound := loss(Rules{Leaves: 16, MinLeaf: 10, MinHessian: 1e-3}), loss(Rules{Leaves: 16, MinLeaf: 10, MinHessian: 1e-3, Monotone: []int8{1, -1}})
	if bound > 2*free {
		t.Errorf("the loss is %.4g with true constraints, %.4g without", bound, free)
	}
}

// TestGroups: the features on each way to a leaf lie in one group.
func TestGroups(t *testing.T) {
	columns, y := bent(1500, 3)
	groups := [][]bool{{true, true, false, false}, {false, true, true, false}, {false, false, false, true}}
	g := NewGrower(Bin(given(columns...), len(y), MostBins, 1), Rules{Leaves: 30, MinLeaf: 3, MinHessian: 1e-3, Groups: groups}, 1)
	sums := make(Sums, len(y))
	for i, v := range y {
		sums[i] = [2]float32{float32(-v), 1}
	}
	use := [][]bool{nil, {false, true, true, true}, {false, false, false, true}}
	pairs := map[[2]int]bool{}
	for _, u := range use {
		nodes := g.Grow(Job{Sums: sums, Scale: 1, Use: u})
		ways := make([]uint, len(nodes))
		inner := 0
		for i, n := range nodes {
			if n.Feature < 0 {
				continue
			}
			inner++
			way := ways[i] | 1<<n.Feature
			ways[2*inner-1], ways[2*inner] = way, way
			if !slices.ContainsFunc(groups, func(in []bool) bool {
				for j := range in {
					if way>>j&1 == 1 && !in[j] {
						return false
					}
				}
				return true
			}) {
				t.Fatalf("a way asks the features %04b together", way)
			}
			if way != 1<<n.Feature {
				pairs[[2]int{int(way), len(u)}] = true
			}
		}
	}
	if len(pairs) == 0 {
		t.Error("no two features were asked on one way: nothing was tested")
	}
}

// TestDepth: no way is longer than Depth, and one is as long.
func TestDepth(t *testing.T) {
	columns, y := bent(1500, 4)
	for _, depth := range []int{1, 3} {
		nodes, _ := growOne(t, columns, y, Rules{Leaves: 64, Depth: depth, MinLeaf: 3, MinHessian: 1e-3})
		depths, inner, deepest := make([]int, len(nodes)), 0, 0
		for i, n := range nodes {
			deepest = max(deepest, depths[i])
			if n.Feature >= 0 {
				inner++
				depths[2*inner-1], depths[2*inner] = depths[i]+1, depths[i]+1
			}
		}
		if deepest != depth {
			t.Errorf("at most %d splits above a leaf, got %d", depth, deepest)
		}
	}
}

// TestL1 compares with what the penalty means: the value w of least g w + (h+l2)/2 w*w + l1 |w| by trying, and a split only where both sides gain.
func TestL1(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		rules := Rules{L1: 3 * r.Float64(), L2: r.Float64()}
		g, h := 4*r.NormFloat64(), 0.1+r.Float64()
		f := finder{Rules: rules, bounds: bounds{-2 * r.Float64(), 2 * r.Float64()}}
		least, at := math.Inf(1), 0.0
		for w := f.low; w <= f.high; w += 1e-4 {
			if v := g*w + (h+rules.L2)/2*w*w + rules.L1*math.Abs(w); v < least {
				least, at = v, w
			}
		}
		if w := f.step(f.bounds, g, h, rules.L2); math.Abs(w-at) > 2e-4 {
			t.Fatalf("%+v: the step is %v, best is %v", f.Rules, w, at)
		}
		if v := f.gain(g, h, rules.L2); math.Abs(v+2*least) > 1e-3 {
			t.Fatalf("%+v: the step is worth %v, twice %v was to be taken off", f.Rules, v, least)
		}
	}
	columns, y := bent(500, 5)
	if nodes, _ := growOne(t, columns, y, Rules{Leaves: 9, MinLeaf: 3, MinHessian: 1e-3, L1: 1e6}); len(nodes) != 1 || nodes[0].Value != 0 {
		t.Errorf("a huge penalty leaves %+v", nodes)
	}
}

// TestRestIsScored: rows that a tree was not grown on get what walking it gives.
func TestRestIsScored(t *testing.T) {
	columns, y := bent(2000, 6)
	var rows, rest []int32
	for i := range int32(2000) {
		if i%3 == 0 {
			rows = append(rows, i)
		} else {
			rest = append(rest, i)
		}
	}
	sums, scores := make(Sums, len(y)), make([]float64, len(y))
	for i, v := range y {
		sums[i] = [2]float32{float32(-v), 1}
	}
	for _, threads := range []int{1, 2} {
		clear(scores)
		nodes := NewGrower(Bin(given(columns...), len(y), MostBins, 1), Rules{Leaves: 30, MinLeaf: 3, MinHessian: 1e-3}, threads).
			Grow(Job{Sums: sums, Rows: rows, Rest: rest, Scale: 1, Scores: scores})
		trees := model.NewTrees(model.Identity, features(columns), []float64{0})
		if err := trees.Add(nodes); err != nil {
			t.Fatal(err)
		}
		x, out := make([]float64, 4), []float64{0}
		for i := range y {
			for j, c := range columns {
				x[j] = c.Values[i]
			}
			if trees.Raw(out, x); out[0] != scores[i] {
				t.Fatalf("row %d: growing gave %v, walking %v", i, scores[i], out[0])
			}
		}
	}
}
