package model

import (
	"encoding/json"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"testing"

	"mlops/shared/dataset"
)

// TestShapleyEqualsXGBoost holds TreeSHAP against testdata/oracle/shapley.json, which has float32 sums.
func TestShapleyEqualsXGBoost(t *testing.T) {
	b, err := os.ReadFile("../../testdata/oracle/shapley.json")
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Cases []struct {
			Name    string
			Outputs int
			Base    float64
			Trees   [][]struct {
				Feature      int
				Threshold    float64
				MissingRight bool `json:"missing_right"`
				Value, Cover float64
			}
			Rows  [][]*float64
			Parts [][][]float64
		}
	}
	if err := json.Unmarshal(b, &oracle); err != nil {
		t.Fatal(err)
	}
	for _, c := range oracle.Cases {
		t.Run(c.Name, func(t *testing.T) {
			base, width := make([]float64, c.Outputs), len(c.Rows[0])
			for o := range base {
				base[o] = c.Base
			}
			trees := NewTrees(Identity, make([]Feature, width), base)
			for i := range trees.levels {
				trees.levels[i] = -1
			}
			var cover []float64
			for _, tree := range c.Trees {
				var nodes []Node
				for _, n := range tree {
					nodes = append(nodes, Node{Feature: n.Feature, Threshold: n.Threshold, MissingRight: n.MissingRight, Value: n.Value})
					cover = append(cover, n.Cover)
				}
				if err := trees.Add(nodes); err != nil {
					t.Fatal(err)
				}
			}
			s := newTreeShapley(trees, cover)
			got, x := make([]float64, c.Outputs*(width+1)), make([]float64, width)
			for i, row := range c.Rows {
				for j, v := range row {
					if x[j] = math.NaN(); v != nil {
						x[j] = *v
					}
				}
				s.explain(got, x)
				for o, parts := range c.Parts[i] {
					for j, want := range parts {
						if v := got[o*(width+1)+j]; math.Abs(v-want) > 2e-5*max(1, math.Abs(want)) {
							t.Errorf("row %d, score %d, part %d: %v, XGBoost has %v", i, o, j, v, want)
						}
					}
				}
			}
		})
	}
}

// randomTrees grows trees with numeric and categorical questions on three features of either kind.
func randomTrees(random *rand.Rand) *Trees {
	features := make([]Feature, 6)
	for j := range features {
		features[j] = Feature{Name: string(rune('a' + j)), Kind: dataset.Numeric}
		if j >= 3 {
			features[j] = Feature{Name: string(rune('a' + j)), Kind: dataset.Categorical, Levels: []string{"p", "q", "r", "s"}}
		}
	}
	t := NewTrees(Identity, features, []float64{random.Float64()})
	for range 3 {
		nodes, open := []Node{}, 1
		for i := 0; i < open; i++ {
			n := Node{Feature: -1, Value: random.NormFloat64()}
			if open < 25 && random.Float64() < 0.8 || i == 0 {
				n.Feature, n.MissingRight = random.IntN(6), random.IntN(2) == 0
				if n.Threshold = random.NormFloat64(); n.Feature >= 3 {
					n.Threshold, n.Left = 0, []uint64{uint64(random.IntN(16))}
				}
				open += 2
			}
			nodes = append(nodes, n)
		}
		if err := t.Add(nodes); err != nil {
			panic(err)
		}
	}
	return t
}

func randomRow(random *rand.Rand, x []float64) {
	for j := range x {
		if x[j] = random.NormFloat64(); j >= 3 {
			x[j] = float64(random.IntN(6) - 1) // -1 and 5 are levels that training never saw
		}
		if random.IntN(6) == 0 {
			x[j] = math.NaN()
		}
	}
}

// given is the expected score of a tree when the features of a set are known: the definition that TreeSHAP computes with.
func (s *treeShapley) given(at int32, x []float64, set uint) float64 {
	n := &s.nodes[at]
	if n.flags&isLeaf != 0 {
		return s.value[at]
	}
	if set>>n.feature&1 == 1 {
		return s.given(n.child+s.side(n, x[n.feature]), x, set)
	}
	left, right := s.shares(n)
	return left*s.given(n.child, x, set) + right*s.given(n.child+1, x, set)
}

func TestShapleyIsTheMeanOverAllOrders(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	for range 30 {
		trees := randomTrees(random)
		background := make([][]float64, 12)
		for i := range background {
			background[i] = make([]float64, 6)
			randomRow(random, background[i])
		}
		s := newTreeShapley(trees, trees.cover(len(background), func(i int, x []float64) { copy(x, background[i]) }))
		x, got, raw := make([]float64, 6), make([]float64, 7), make([]float64, 1)
		randomRow(random, x)
		s.explain(got, x)
		value := func(set uint) (v float64) {
			for _, at := range s.roots {
				v += s.given(at, x, set)
			}
			return v
		}
		factorial := []float64{1, 1, 2, 6, 24, 120, 720}
		sum := got[6]
		for j := range 6 {
			want := 0.0
			for set := range uint(64) {
				if k := bits.OnesCount(set); set>>j&1 == 0 {
					want += factorial[k] * factorial[5-k] / factorial[6] * (value(set|1<<j) - value(set))
				}
			}
			if math.Abs(got[j]-want) > 1e-10 {
				t.Errorf("part %d = %v, the mean over all orders is %v", j, got[j], want)
			}
			sum += got[j]
		}
		if trees.Raw(raw, x); math.Abs(sum-raw[0]) > 1e-9 {
			t.Errorf("the parts sum to %v, the score is %v", sum, raw[0])
		}
	}
}

// TestDrawnShapley holds the sampled values against a score whose Shapley values are known: x0 + x1 x2.
func TestDrawnShapley(t *testing.T) {
	background := [][]float64{{0, 0, 0}}
	s := newDrawnShapley(product{}, 3, 1, func(i int, x []float64) { copy(x, background[i]) })
	got := make([]float64, 4)
	s.explain(got, []float64{2, 3, 4})
	for j, want := range []float64{2, 6, 6, 0} {
		if math.Abs(got[j]-want) > 1e-12 {
			t.Errorf("part %d = %v, want %v", j, got[j], want)
		}
	}
}

type product struct{}

func (product) Predict(dst, x []float64) { dst[0] = x[0] + x[1]*x[2] }
func (product) Width() int               { return 1 }
func (product) Outputs() int             { return 1 }
func (product) Raw(dst, x []float64)     { dst[0] = x[0] + x[1]*x[2] }
func (product) Explain(dst, x []float64) {}
func (product) Attribution() string      { return "none" }

func BenchmarkShapley(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 5))
	trees := randomTrees(random)
	s := newTreeShapley(trees, trees.cover(100, func(_ int, x []float64) { randomRow(random, x) }))
	x, dst := make([]float64, 6), make([]float64, 7)
	randomRow(random, x)
	for b.Loop() {
		s.explain(dst, x)
	}
}
