package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
)

// TestBatchIsRowByRow: many rows together are predicted as each alone, to the bit, missing values, categories and votes included.
func TestBatchIsRowByRow(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	numbers := make([]Feature, 6)
	for j := range numbers {
		numbers[j] = Feature{Name: string(rune('a' + j)), Kind: dataset.Numeric}
	}
	plain := NewTrees(Logit, numbers, []float64{0.3})
	for range 9 {
		nodes, open := []Node{}, 1
		for i := 0; i < open; i++ {
			n := Node{Feature: -1, Value: random.NormFloat64()}
			if open < 41 && random.Float64() < 0.7 || i == 0 {
				n.Feature, n.Threshold = random.IntN(6), random.NormFloat64()
				open += 2
			}
			nodes = append(nodes, n)
		}
		if err := plain.Add(nodes); err != nil {
			t.Fatal(err)
		}
	}
	for name, p := range map[string]Predictor{"plain": plain, "categories": randomTrees(random), "vote": NewVote(dataset.Binary, []Predictor{plain, plain}), "not a batcher": product{}} {
		w := p.Width()
		for _, rows := range []int{0, 1, 3, 4, 63, 64, 65, 200} {
			for _, missing := range []bool{false, true} {
				x := make([]float64, rows*6)
				for i := range rows {
					if randomRow(random, x[i*6:(i+1)*6]); !missing {
						for j := range 6 {
							if math.IsNaN(x[i*6+j]) {
								x[i*6+j] = 1
							}
						}
					}
				}
				got, want := make([]float64, rows*w), make([]float64, w)
				PredictBatch(p, got, x, rows)
				for i := range rows {
					p.Predict(want, x[i*6:(i+1)*6])
					for k, v := range want {
						if g := got[i*w+k]; math.Float64bits(g) != math.Float64bits(v) {
							t.Fatalf("%s, %d rows: row %d has %v, alone %v", name, rows, i, g, v)
						}
					}
				}
			}
		}
	}
}
