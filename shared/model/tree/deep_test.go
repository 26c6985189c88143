package tree

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"mlops/shared/model"
)

const unit = 1 << 20

// deepTable is a made-up table of numbers with few and many values, some missing, and of levels; y depends on all of them.
func deepTable(n int, seed uint64) ([]Column, []float64) {
	r := rand.New(rand.NewPCG(seed, 3))
	columns := []Column{{make([]float64, n), -1}, {make([]float64, n), -1}, {make([]float64, n), 7}, {make([]float64, n), -1}}
	y := make([]float64, n)
	for i := range n {
		columns[0].Values[i] = float64(r.IntN(9))
		columns[1].Values[i] = float64(r.IntN(30))
		columns[2].Values[i] = float64(r.IntN(8) - 1)
		columns[3].Values[i] = float64(r.IntN(3))
		y[i] = math.Round(columns[0].Values[i] - columns[1].Values[i]/10 + 3*r.NormFloat64()) // whole numbers, of which sums are exact
		if r.IntN(5) == 0 {
			columns[1].Values[i] = math.NaN()
			y[i] += 4
		}
	}
	return columns, y
}

// growDeep grows one tree on all rows.
func growDeep(columns []Column, y, weight []float64, rules DeepRules, seed uint64) []model.Node {
	sums := make([]Sum, len(y))
	for i, v := range y {
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		sums[i] = Sum{Y: int64(math.Round(w * v * unit)), Weight: int64(math.Round(w * unit))}
	}
	rules.Unit = unit
	return NewDeep(Bin(given(columns...), len(y), MostBins, 1), rules).Grow(DeepJob{Sums: sums, Random: rand.New(rand.NewPCG(seed, 1)), Scale: 1})
}

// goesLeft says where a node sends a value, by the node's own words.
func goesLeft(n model.Node, levels int, v float64) bool {
	switch {
	case v != v || levels >= 0 && v < 0:
		return !n.MissingRight
	case levels >= 0:
		return n.Left[int(v)/64]>>(int(v)%64)&1 == 1
	}
	return v <= n.Threshold
}

// visit calls f with each node and the rows that reach it.
func visit(tree []model.Node, columns []Column, rows []int, f func(at int, rows []int)) {
	reach := make([][]int, len(tree))
	reach[0] = rows
	inner := 0
	for at, n := range tree {
		f(at, reach[at])
		if n.Feature < 0 {
			continue
		}
		inner++
		c := columns[n.Feature]
		for _, i := range reach[at] {
			to := 2 * inner
			if goesLeft(n, c.Levels, c.Values[i]) {
				to--
			}
			reach[to] = append(reach[to], i)
		}
	}
}

func all(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// TestDeepSplitsAreTheBest: with all features drawn, every split on numbers gains what the best of all cuts gains, missing values on either
// side; and a leaf holds the mean of its rows.
func TestDeepSplitsAreTheBest(t *testing.T) {
	for seed := range uint64(10) {
		columns, y := deepTable(200, seed)
		columns = columns[:2]
		for _, minLeaf := range []int{1, 4} {
			tree := growDeep(columns, y, nil, DeepRules{Ask: 2, MinLeaf: minLeaf}, seed)
			if len(tree) < 21 {
				t.Fatalf("seed %d: %d nodes", seed, len(tree))
			}
			visit(tree, columns, all(len(y)), func(at int, rows []int) {
				n := tree[at]
				part, values := make([]float64, len(rows)), [2][]float64{}
				for k, i := range rows {
					part[k] = y[i]
					for j := range columns {
						values[j] = append(values[j], columns[j].Values[i])
					}
				}
				if n.Feature < 0 {
					var mean float64
					for _, v := range part {
						mean += v / float64(len(part))
					}
					if len(rows) < minLeaf || math.Abs(n.Value-mean) > 1e-9 {
						t.Errorf("seed %d: a leaf of %d rows with the mean %g holds %g", seed, len(rows), mean, n.Value)
					}
					return
				}
				got := gain(part, func(k int) bool { return goesLeft(n, -1, values[n.Feature][k]) }, 0, minLeaf)
				want := 0.0
				for j := range columns {
					want = max(want, exhaustive(Column{values[j], -1}, part, 0, minLeaf))
				}
				if math.Abs(got-want) > 1e-6*(1+want) {
					t.Errorf("seed %d, node %d: the split gains %g, the best of all %g", seed, at, got, want)
				}
			})
		}
	}
}

// TestDeepFirstSplitOfLevels: at the root, where the order of levels is the leaf's own, the split is the best of all subsets.
func TestDeepFirstSplitOfLevels(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		n := 120
		c, y := Column{make([]float64, n), 4}, make([]float64, n)
		for i := range n {
			c.Values[i] = float64(i%5 - 1)
			if c.Values[i] < 0 {
				c.Values[i] = math.NaN()
			}
			y[i] = math.Round(2*r.NormFloat64()) + 3*float64(r.IntN(2)*(i%5))
		}
		tree := growDeep([]Column{c}, y, nil, DeepRules{Ask: 1, MinLeaf: 1, MaxDepth: 1}, seed)
		got, want := gain(y, func(i int) bool { return goesLeft(tree[0], 4, c.Values[i]) }, 0, 1), exhaustive(c, y, 0, 1)
		if len(tree) != 3 || math.Abs(got-want) > 1e-6*want {
			t.Errorf("seed %d: %d nodes, a gain of %g; the best is %g", seed, len(tree), got, want)
		}
	}
}

// TestDeepTreesDoNotDependOnRowOrder: nor does a row of weight 2 differ from two rows. To the bit: sums are exact.
func TestDeepTreesDoNotDependOnRowOrder(t *testing.T) {
	for seed := range uint64(10) {
		columns, y := deepTable(300, seed)
		weight := make([]float64, len(y))
		for i := range weight {
			weight[i] = float64(1 + i%2)
		}
		for _, rules := range []DeepRules{{Ask: 2, MinLeaf: 1}, {Ask: 2, MinLeaf: 1, Random: true}, {Ask: 4, MinLeaf: 1, Pull: 0.5}} {
			want := growDeep(columns, y, weight, rules, seed)
			for name, order := range map[string][]int{"shuffled": rand.New(rand.NewPCG(seed, 8)).Perm(len(y)), "repeated": nil} {
				w := weight
				if order == nil {
					w = nil
					for i := range y {
						for range int(weight[i]) {
							order = append(order, i)
						}
					}
				} else {
					w = take(weight, order)
				}
				moved := slices.Clone(columns)
				for j := range moved {
					moved[j].Values = take(moved[j].Values, order)
				}
				got := growDeep(moved, take(y, order), w, rules, seed)
				if name == "repeated" { // inner values are means of rows, which now are more
					for i := range got {
						if got[i].Feature >= 0 {
							got[i].Value = want[i].Value
						}
					}
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("seed %d, %+v: other rows in another order, the %s ones, give another tree", seed, rules, name)
				}
			}
		}
	}
}

func take(v []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}

// TestDeepRandomCuts: of extra trees each row reaches some leaf of its like, cuts vary with the seed and lie within the rows' values.
func TestDeepRandomCuts(t *testing.T) {
	columns, y := deepTable(300, 1)
	cuts := map[float64]bool{}
	for seed := range uint64(30) {
		tree := growDeep(columns, y, nil, DeepRules{Ask: 1, MinLeaf: 2, Random: true, MaxDepth: 6}, seed)
		visit(tree, columns, all(len(y)), func(at int, rows []int) {
			if len(rows) < 2 {
				t.Fatalf("seed %d: node %d has %d rows", seed, at, len(rows))
			}
		})
		if tree[0].Feature == 0 {
			cuts[tree[0].Threshold] = true
			if tree[0].Threshold <= 0 || tree[0].Threshold >= 8 {
				t.Errorf("the cut %g is outside of (0, 8)", tree[0].Threshold)
			}
		}
	}
	if len(cuts) < 3 {
		t.Errorf("the root's cuts are %v", cuts)
	}
}

// TestDeepKeepsItsRules: depth, and the value of a leaf that is drawn towards the base.
func TestDeepKeepsItsRules(t *testing.T) {
	c, y := Column{[]float64{1, 1, 2, 2, 3, 3}, -1}, []float64{0, 0, 0, 1, 1, 1}
	sums := make([]Sum, 6)
	for i, v := range y {
		sums[i] = Sum{Y: int64(v) * unit, Weight: unit}
	}
	sums[5].Weight, sums[5].Y = 0, 0 // out of the sample
	stepped := map[int32]float64{}
	d := NewDeep(Bin(given(c), 6, MostBins, 1), DeepRules{Ask: 1, MinLeaf: 1, MaxDepth: 1, Pull: 2, Unit: unit})
	tree := d.Grow(DeepJob{Sums: sums, Random: rand.New(rand.NewPCG(1, 1)), Base: 0.5, Scale: 10, Out: func(row int32, v float64) { stepped[row] = v }})
	// 6 rows make two bins, 1 and 2 | 3: (1 - 0.5 4)/(4 + 2) on the left, (1 - 0.5)/(1 + 2) on the right
	if len(tree) != 3 || math.Abs(tree[1].Value+10.0/6) > 1e-12 || math.Abs(tree[2].Value-10.0/6) > 1e-12 {
		t.Errorf("the tree is %+v", tree)
	}
	if len(stepped) != 1 || math.Abs(stepped[5]-1.0/6) > 1e-12 {
		t.Errorf("the row out of the sample got %v", stepped)
	}
	for i := range sums {
		sums[i] = Sum{}
	}
	if tree := d.Grow(DeepJob{Sums: sums, Random: rand.New(rand.NewPCG(1, 1)), Base: 0.5, Scale: 10}); len(tree) != 1 || tree[0].Value != 0 {
		t.Errorf("of no rows grew %+v", tree)
	}
}
