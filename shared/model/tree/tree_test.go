package tree

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// gain is what splitting rows by left brings under squared loss from score 0: -g = y, h = 1.
func gain(y []float64, left func(i int) bool, l2 float64, minLeaf int) float64 {
	var g, h [2]float64
	for i, v := range y {
		side := 1
		if left(i) {
			side = 0
		}
		g[side] -= v
		h[side]++
	}
	if int(h[0]) < minLeaf || int(h[1]) < minLeaf {
		return math.Inf(-1)
	}
	all, n := g[0]+g[1], h[0]+h[1]
	return g[0]*g[0]/(h[0]+l2) + g[1]*g[1]/(h[1]+l2) - all*all/(n+l2)
}

// exhaustive is the best gain of any split at all of one column: every cut with the missing on either side, or every subset of levels.
func exhaustive(c Column, y []float64, l2 float64, minLeaf int) float64 {
	best := 0.0
	if c.Levels < 0 {
		for _, cut := range append(slices.Clone(c.Values), math.Inf(1)) {
			for _, missingLeft := range []bool{false, true} {
				best = max(best, gain(y, func(i int) bool {
					v := c.Values[i]
					return v <= cut || v != v && missingLeft
				}, l2, minLeaf))
			}
		}
		return best
	}
	for set := range 1 << (c.Levels + 1) {
		best = max(best, gain(y, func(i int) bool {
			k := c.Levels
			if v := c.Values[i]; v >= 0 {
				k = int(v)
			}
			return set>>k&1 == 1
		}, l2, minLeaf))
	}
	return best
}

func TestSplitIsTheBestOfAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 200 {
		n, l2, minLeaf := 40+r.IntN(40), float64(r.IntN(3)), 1+r.IntN(6)
		y, number, level := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range y {
			number[i] = float64(r.IntN(13))
			if round%2 == 0 && r.IntN(5) == 0 {
				number[i] = math.NaN()
			}
			level[i] = float64(i % 4) // equally many rows, so that smoothing does not change their order
			if round%2 == 0 && i%4 == 3 {
				level[i] = math.NaN()
			}
			y[i] = math.Round(4*r.NormFloat64()) + number[i]*float64(r.IntN(2)) + 3*float64(i%4&1)
			if y[i] != y[i] {
				y[i] = 2
			}
		}
		for name, c := range map[string]Column{"number": {number, -1}, "category": {level, 4 - (round+1)%2}} {
			tree, scores := growOne(t, []Column{c}, y, Rules{Leaves: 2, L2: l2, MinLeaf: minLeaf, MinHessian: 1e-3})
			want := exhaustive(c, y, l2, minLeaf)
			if len(tree) == 1 {
				if want > 1e-9 {
					t.Errorf("round %d, %s: no split, but one gains %g", round, name, want)
				}
				continue
			}
			if got := gain(y, func(i int) bool { return scores[i] == tree[1].Value }, l2, minLeaf); math.Abs(got-want) > 1e-6*(1+want) {
				t.Errorf("round %d, %s: the split gains %g, the best of all %g", round, name, got, want)
			}
		}
	}
}

// TestEverySplitIsTheBestOfItsLeaf: the histograms that splits further down are found on, built or what subtraction left, are right.
func TestEverySplitIsTheBestOfItsLeaf(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for round := range 20 {
		n := 300
		columns := make([]Column, 5)
		for j := range columns {
			columns[j] = Column{make([]float64, n), -1}
			for i := range n {
				columns[j].Values[i] = float64(r.IntN(20))
			}
		}
		y := make([]float64, n)
		for i := range n {
			y[i] = math.Round(3*r.NormFloat64()) + columns[0].Values[i]*float64(r.IntN(2)) - columns[4].Values[i]
		}
		tree, _ := growOne(t, columns, y, Rules{Leaves: 9, L2: 1, MinLeaf: 5, MinHessian: 1e-3})
		rows, inner := [][]int{nil}, 0
		for i := range n {
			rows[0] = append(rows[0], i)
		}
		for at, node := range tree {
			if node.Feature < 0 {
				continue
			}
			inner++
			part := make([]float64, len(rows[at]))
			sides := [2][]int{}
			left := make([]bool, len(rows[at]))
			for k, i := range rows[at] {
				part[k], left[k] = y[i], columns[node.Feature].Values[i] <= node.Threshold
				if left[k] {
					sides[0] = append(sides[0], i)
				} else {
					sides[1] = append(sides[1], i)
				}
			}
			rows = append(rows, make([][]int, max(0, 2*inner+1-len(rows)))...)
			rows[2*inner-1], rows[2*inner] = sides[0], sides[1]
			want := 0.0
			for _, c := range columns {
				some := Column{make([]float64, len(part)), -1}
				for k, i := range rows[at] {
					some.Values[k] = c.Values[i]
				}
				want = max(want, exhaustive(some, part, 1, 5))
			}
			if got := gain(part, func(k int) bool { return left[k] }, 1, 5); math.Abs(got-want) > 1e-6*(1+want) {
				t.Fatalf("round %d, node %d: the split gains %g, the best of all %g", round, at, got, want)
			}
		}
		if inner != 8 {
			t.Errorf("round %d: %d splits, want 8", round, inner)
		}
	}
}

// growOne grows one tree under squared loss from score 0 and returns it with the scores it gave.
func growOne(t *testing.T, columns []Column, y []float64, rules Rules) ([]model.Node, []float64) {
	t.Helper()
	sums, scores := make(Sums, len(y)), make([]float64, len(y))
	for i, v := range y {
		sums[i] = [2]float32{float32(-v), 1}
	}
	g := NewGrower(Bin(given(columns...), len(y), MostBins, 2), rules, 2)
	return g.Grow(Job{Sums: sums, Scale: 1, Scores: scores}), scores
}

// given are columns as Bin asks for them.
func given(columns ...Column) (out []Source) {
	for _, c := range columns {
		out = append(out, func([]float64) Column { return c })
	}
	return out
}

// features describes columns to model.NewTrees.
func features(columns []Column) []model.Feature {
	f := make([]model.Feature, len(columns))
	for j, c := range columns {
		if c.Levels >= 0 {
			f[j].Kind = dataset.Categorical
			f[j].Levels = make([]string, c.Levels)
		}
	}
	return f
}

// TestTreeScoresItsOwnRows: what growing did to each row by its bins, walking the finished tree does by its values: cuts, sets of levels
// and the way of missing values mean the same.
func TestTreeScoresItsOwnRows(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for round := range 40 {
		n := 50 + r.IntN(2000)
		columns := []Column{{make([]float64, n), -1}, {make([]float64, n), -1}, {make([]float64, n), 6}, {make([]float64, n), 300}, {make([]float64, n), -1}}
		y := make([]float64, n)
		for i := range n {
			columns[0].Values[i] = r.NormFloat64() * math.Pow(10, float64(r.IntN(9)-4))
			columns[1].Values[i] = float64(r.IntN(4))
			columns[2].Values[i] = float64(r.IntN(7) - 1)
			columns[3].Values[i] = math.Floor(300 * r.Float64() * r.Float64())
			columns[4].Values[i] = math.NaN()
			for j := range 4 {
				if round%3 > 0 && r.IntN(6) == 0 {
					columns[j].Values[i] = math.NaN()
				}
			}
			y[i] = r.NormFloat64()
			if columns[0].Values[i] > 0 {
				y[i] += float64(i % 3)
			}
		}
		tree, scores := growOne(t, columns, y, Rules{Leaves: 40, MinLeaf: 1 + r.IntN(10), MinHessian: 1e-3})
		trees := model.NewTrees(model.Identity, features(columns), []float64{0})
		if err := trees.Add(tree); err != nil {
			t.Fatal(err)
		}
		x, out := make([]float64, len(columns)), make([]float64, 1)
		for i := range n {
			for j, c := range columns {
				x[j] = c.Values[i]
			}
			if trees.Raw(out, x); out[0] != scores[i] {
				t.Fatalf("round %d, row %d: growing gave %v, walking %v", round, i, scores[i], out[0])
			}
		}
	}
}

func TestTreeKeepsItsRules(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const n = 3000
	c := Column{make([]float64, n), -1}
	y := make([]float64, n)
	for i := range n {
		c.Values[i] = float64(i)
		y[i] = math.Exp(float64(i)/50) * (1 + r.Float64()) // the best split always cuts off the last rows: a chain
	}
	for _, rules := range []Rules{{Leaves: 5, MinLeaf: 1, MinHessian: 1e-3}, {Leaves: 4000, MinLeaf: 1, MinHessian: 1e-3}, {Leaves: 50, MinLeaf: 200, MinHessian: 1e-3}, {Leaves: 50, MinLeaf: 1, MinHessian: 900}} {
		tree, scores := growOne(t, []Column{c}, y, rules)
		rows := map[float64]int{}
		for _, s := range scores {
			rows[s]++
		}
		if leaves := (len(tree) + 1) / 2; leaves > rules.Leaves {
			t.Errorf("%+v: %d leaves", rules, leaves)
		}
		for v, k := range rows {
			if k < rules.MinLeaf || float64(k) < rules.MinHessian {
				t.Errorf("%+v: the leaf of value %g has %d rows", rules, v, k)
			}
		}
		trees := model.NewTrees(model.Identity, features([]Column{c}), []float64{0})
		if err := trees.Add(tree); err != nil {
			t.Errorf("%+v: %v", rules, err)
		}
	}
}

// TestInnerValuesAreMeans: each inner node holds the mean of the rows below it, which is what path attribution starts from.
func TestInnerValuesAreMeans(t *testing.T) {
	y := []float64{1, 1, 1, 5, 9, 9}
	c := Column{[]float64{1, 2, 3, 4, 5, 6}, -1}
	sums, scores := make(Sums, 6), make([]float64, 6)
	for i, v := range y {
		sums[i] = [2]float32{float32(-v), 1}
	}
	table := Bin(given(c), 6, MostBins, 1)
	if got := table.features[0].bins; got != 2 {
		t.Fatalf("6 rows make %d bins, want 2: three rows a bin", got)
	}
	tree := NewGrower(table, Rules{Leaves: 3, MinLeaf: 1, MinHessian: 1e-3}, 1).Grow(Job{Sums: sums, Scale: 1, Scores: scores})
	if len(tree) != 3 || math.Abs(tree[0].Value-26.0/6) > 1e-12 || tree[1].Value != 1 || math.Abs(tree[2].Value-23.0/3) > 1e-12 || tree[0].Threshold != 3.5 {
		t.Errorf("the tree is %+v", tree)
	}
}

func TestBinsHoldAboutEquallyMany(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	const n = 10_000
	cases := map[string]func() float64{
		"normal":         r.NormFloat64,
		"heavy tail":     func() float64 { return math.Exp(6 * r.NormFloat64()) },
		"half are zeros": func() float64 { return max(0, r.NormFloat64()) },
	}
	for name, draw := range cases {
		v := make([]float64, n)
		for i := range v {
			v[i] = draw()
		}
		b := new(cutter).numericBins(v, 100)
		bins := make([]uint8, n)
		b.assign(v, bins)
		count := make([]int, b.bins)
		for _, bin := range bins {
			count[bin]++
		}
		slices.Sort(count)
		if b.bins > 100 || b.bins < 90 || count[0] < 1 || count[len(count)-2] > 3*n/100 {
			t.Errorf("%s: %d bins, the smallest with %d rows, the last but one with %d", name, b.bins, count[0], count[len(count)-2])
		}
	}
}

// TestManyLevels: of more levels than a byte holds, the frequent ones are told apart, the rare ones share a bin, apart from missing values; and what was
// grown is what is walked.
func TestManyLevels(t *testing.T) {
	const n, levels = 30_000, 10_000
	for name, missing := range map[string]bool{"some missing": true, "none missing": false} {
		r := rand.New(rand.NewPCG(7, 7))
		c := Column{make([]float64, n), levels}
		y := make([]float64, n)
		for i := range n {
			k := r.IntN(levels)
			if i%3 > 0 {
				k = r.IntN(200)
			}
			c.Values[i] = float64(k)
			switch {
			case missing && i%10 == 0:
				c.Values[i], y[i] = math.NaN(), 9
			case k < 200:
				y[i] = float64(k % 3)
			default:
				y[i] = -5
			}
		}
		b := categoricalBins(c.Values, levels, MostBins)
		if b.bins != MostBins || !b.rare || b.place[len(b.place)-1] != MostBins-1 {
			t.Errorf("%s: %d bins, the last level in %d", name, b.bins, b.place[len(b.place)-1])
		}
		tree, scores := growOne(t, []Column{c}, y, Rules{Leaves: 8, MinLeaf: 20, MinHessian: 1e-3})
		trees := model.NewTrees(model.Identity, features([]Column{c}), []float64{0})
		if err := trees.Add(tree); err != nil {
			t.Fatal(err)
		}
		out, sum := []float64{0}, 0.0
		for i, v := range c.Values {
			if trees.Raw(out, []float64{v}); out[0] != scores[i] {
				t.Fatalf("%s: level %v: growing gave %v, walking %v", name, v, scores[i], out[0])
			}
			sum += (out[0] - y[i]) * (out[0] - y[i]) / n
		}
		if sum > 0.1 {
			t.Errorf("%s: the mean square error is %.3f", name, sum)
		}
		want := -4.0
		if missing {
			want = 9
		}
		if trees.Raw(out, []float64{-1}); math.Abs(out[0]-want) > 1.5 {
			t.Errorf("%s: an unseen level gets %v, want about %v", name, out[0], want)
		}
	}
}

// TestGuideCountsTheCutsBelow: as comparing with every one of them does, wherever they lie and the value too.
func TestGuideCountsTheCutsBelow(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for round := range 300 {
		cuts := make([]float64, r.IntN(MostBins))
		for i := range cuts {
			cuts[i] = r.NormFloat64()
			if round%3 == 1 {
				cuts[i] = math.Exp(300 * cuts[i])
			} else if round%3 == 2 {
				cuts[i] = math.Round(5*cuts[i]) + 1e-12*r.Float64()
			}
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		g := newGuide(cuts)
		values := []float64{math.Inf(1), math.Inf(-1), 0, 1e300, -1e300, math.SmallestNonzeroFloat64}
		for _, c := range cuts {
			values = append(values, c, math.Nextafter(c, math.Inf(1)), math.Nextafter(c, math.Inf(-1)), c*r.NormFloat64())
		}
		for _, x := range values {
			want := 0
			for _, c := range cuts {
				if c < x {
					want++
				}
			}
			if got := g.bin(x); int(got) != want {
				t.Fatalf("round %d: %d of %d cuts below %v, want %d", round, got, len(cuts), x, want)
			}
		}
	}
}

func TestDigitsSort(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var d digits
	for _, n := range []int{0, 1, 100, 5000, 20_000} {
		v := make([]float64, n)
		for i := range v {
			switch v[i] = r.NormFloat64() * math.Exp(100*r.NormFloat64()); i % 50 {
			case 0:
				v[i] = float64(r.IntN(3) - 1)
			case 1:
				v[i] = math.Inf(1 - 2*r.IntN(2))
			case 2:
				v[i] = math.SmallestNonzeroFloat64
			}
		}
		want := slices.Clone(v)
		slices.Sort(want)
		if d.sort(v); !slices.Equal(v, want) {
			t.Errorf("%d numbers are not in order", n)
		}
	}
	same := slices.Repeat([]float64{2.5}, 9000)
	if d.sort(same); same[0] != 2.5 || same[8999] != 2.5 {
		t.Error("equal numbers changed")
	}
}
