package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// stepsByHand impute and scale age, encode cp, and add age*sex in register 3 and cp="b" in register 4.
func stepsByHand() []Step {
	return []Step{
		{Op: OpImpute, A: 0, To: 0, P: []float64{50}},
		{Op: OpScale, A: 0, To: 0, P: []float64{54, 10}},
		{Op: OpProduct, A: 0, B: 2, To: 3},
		{Op: OpEquals, A: 1, To: 4, P: []float64{1}},
		{Op: OpLookup, A: 1, To: 1, P: []float64{0.4, 0.5, 0.1, 0.2, 0.3}},
		{Op: OpMissing, A: 2, To: 6},
	}
}

// forged is the pipeline of engineered, spoilt, and written without being checked.
func forged(spoil func(*Pipeline)) *Pipeline {
	linear := &Linear{Task: dataset.Binary, Intercept: []float64{0.25}}
	var features []Feature
	for _, name := range []string{"age", "cp", "age*sex", "cp=b"} {
		features = append(features, Feature{Name: name, Kind: dataset.Numeric})
		linear.Terms = append(linear.Terms, Term{Levels: -1, Effect: []float64{float64(len(name)), 0, -1}})
	}
	p := &Pipeline{inputs: 3, steps: stepsByHand(), selected: []int{0, 1, 3, 4}, inner: &Model{Task: dataset.Binary, Target: "engineered", Classes: []string{"0", "1"}, Features: features, Predictor: linear}}
	spoil(p)
	return p
}

// engineered is example with a linear model on engineered features.
func engineered(t testing.TB) *Model {
	m := example(t)
	f := forged(func(*Pipeline) {})
	p, err := NewPipeline(m.Task, m.Classes, 3, f.steps, f.selected, f.inner.Features, f.inner.Predictor)
	if err != nil {
		t.Fatal(err)
	}
	m.Predictor = p
	return m
}

func TestPipelineByHand(t *testing.T) {
	m, nan := engineered(t), math.NaN()
	p := m.Predictor.(*Pipeline)
	for name, c := range map[string]struct{ x, want []float64 }{
		"all there":   {[]float64{64, 1, 1}, []float64{1, 0.2, 1, 1}},
		"missing":     {[]float64{nan, nan, nan}, []float64{-0.4, 0.4, nan, 0}},
		"unseen":      {[]float64{54, -1, 0}, []float64{0, 0.5, 0, 0}},
		"out of list": {[]float64{54, 3, math.Inf(1)}, []float64{0, 0.5, 0, 0}},
	} {
		got := make([]float64, 4)
		if p.Engineer(got, c.x); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v is engineered to %v, want %v", name, c.x, got, c.want)
		}
	}
	// age*sex is 7 characters, and so is its weight: half of its 7 goes to either column
	e, ok := m.Explain([]float64{64, 1, 1}, 1)
	if !ok || !strings.Contains(e.Method, "equally") || e.Base != 0.25 {
		t.Fatalf("%+v", e)
	}
	got := map[string]float64{}
	for _, c := range e.Contributions {
		got[c.Feature] = c.Value
	}
	if want := map[string]float64{"age": 3*1 + 3.5, "cp": 2*0.2 + 4, "sex": 3.5}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("contributions %v, want %v", got, want)
	}
}

func TestSteps(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		op   Op
		p    []float64
		v, w float64
		want float64
	}{
		{OpImpute, []float64{3}, nan, 0, 3}, {OpImpute, []float64{3}, 2, 0, 2}, {OpMissing, nil, nan, 0, 1}, {OpMissing, nil, 1, 0, 0},
		{OpClip, []float64{-1, 1}, inf, 0, 1}, {OpClip, []float64{-1, 1}, -7, 0, -1}, {OpClip, []float64{-1, 1}, nan, 0, nan},
		{OpScale, []float64{1, 2}, 5, 0, 2}, {OpScale, []float64{0, 1e-300}, 1, 0, MaxValue},
		{OpLog, nil, 1, 0, 0}, {OpLog, nil, 0, 0, nan}, {OpLog, nil, -1, 0, nan}, {OpLog1p, nil, 0, 0, 0}, {OpLog1p, nil, -1, 0, nan},
		{OpYeoJohnson, []float64{1}, 5, 0, 5}, {OpYeoJohnson, []float64{0}, 0, 0, 0}, {OpYeoJohnson, []float64{5}, 1e150, 0, MaxValue},
		{OpBin, []float64{1, 2, 3}, 0, 0, 0}, {OpBin, []float64{1, 2, 3}, 2, 0, 2}, {OpBin, []float64{1, 2, 3}, inf, 0, 3}, {OpBin, []float64{1}, nan, 0, nan},
		{OpEquals, []float64{2}, 2, 0, 1}, {OpEquals, []float64{2}, nan, 0, 0}, {OpEquals, []float64{2}, -1, 0, 0},
		{OpLookup, []float64{7, 8, 9}, nan, 0, 7}, {OpLookup, []float64{7, 8, 9}, -1, 0, 8}, {OpLookup, []float64{7, 8, 9}, 0, 0, 9}, {OpLookup, []float64{7, 8, 9}, 1, 0, 8},
		{OpRecode, []float64{-1, 5}, nan, 0, nan}, {OpRecode, []float64{-1, 5}, 0, 0, 5}, {OpRecode, []float64{-1, 5}, 4, 0, -1},
		{OpProduct, nil, 1e100, 1e100, MaxValue}, {OpProduct, nil, 2, nan, nan}, {OpRatio, nil, 6, 3, 2}, {OpRatio, nil, 6, 0, nan}, {OpRatio, nil, nan, 0, nan},
		{OpDifference, nil, 6, 4, 2}, {OpDifference, nil, inf, inf, 0},
	} {
		s := Step{Op: c.op, A: 0, B: 1, P: c.p}
		if got := s.Value([]float64{c.v, c.w}); got != c.want && !(got != got && c.want != c.want) {
			t.Errorf("operation %d %v of %v and %v is %v, want %v", c.op, c.p, c.v, c.w, got, c.want)
		}
	}
}

// TestPipelineKeepsRowsApart: rows scored at the same time share no numbers.
func TestPipelineKeepsRowsApart(t *testing.T) {
	m := engineered(t)
	rows := [][]float64{{64, 1, 1}, {math.NaN(), math.NaN(), math.NaN()}, {40, 2, 0}}
	want := make([][]float64, len(rows))
	for i, x := range rows {
		want[i] = make([]float64, 2)
		m.Predict(want[i], x)
	}
	t.Run("group", func(t *testing.T) {
		for i := range rows {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				got := make([]float64, 2)
				for range 1000 {
					if m.Predict(got, rows[i]); !slices.Equal(got, want[i]) {
						t.Fatalf("%v is predicted as %v, alone as %v", rows[i], got, want[i])
					}
				}
			})
		}
	})
}
