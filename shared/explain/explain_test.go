package explain

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model/fit"
)

// additive is a table whose target is 3 a + g(b) and takes no notice of c; c moves with nothing.
func additive(t *testing.T, n int) *fit.Data {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	a, c, code := make([]float64, n), make([]float64, n), make([]int32, n)
	y := make([]float64, n)
	for i := range n {
		a[i], c[i], code[i] = random.NormFloat64(), random.NormFloat64(), int32(random.IntN(3))
		y[i] = 3*a[i] + []float64{0, 1, 5}[code[i]]
		if random.IntN(10) == 0 {
			c[i] = math.NaN()
		}
	}
	f, err := dataset.NewFrame(dataset.Column{Name: "a", Kind: dataset.Numeric, Float: a}, dataset.Column{Name: "b", Kind: dataset.Categorical, Levels: []string{"p", "q", "r"}, Code: code},
		dataset.Column{Name: "c", Kind: dataset.Numeric, Float: c})
	if err != nil {
		t.Fatal(err)
	}
	d, err := fit.NewData(f, dataset.Labels{Name: "y", Task: dataset.Regression, Y: y})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestExplainFindsWhatAnAdditiveTargetIsMadeOf(t *testing.T) {
	d := additive(t, 2_000)
	for _, algorithm := range []string{"linear", "boosting", "forest"} {
		t.Run(algorithm, func(t *testing.T) {
			estimator, err := fit.Parse(algorithm, nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := estimator.Fit(d, fit.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			e := New(p, Table{Features: d.Features, Labels: d.Labels, Rows: d.Rows, Column: d.Column, Row: d.Row})
			if e.Features[0].Feature != "a" || e.Features[1].Feature != "b" || e.Features[2].Shapley > 0.3 {
				t.Fatalf("features by influence: %+v", e.Features)
			}
			if want := 3 * math.Sqrt(2/math.Pi); math.Abs(float64(e.Features[0].Shapley)-want) > 0.5 { // the mean magnitude of 3 a; a forest adds noise of its small leaves
				t.Errorf("a moves the prediction by %v on average, by construction %v", e.Features[0].Shapley, want)
			}
			level := map[any]float64{}
			for _, point := range e.Dependence[1].Points {
				level[point.Value] = float64(point.Mean[0])
				if !(point.Low[0] <= point.Mean[0] && point.Mean[0] <= point.High[0]) {
					t.Errorf("at %v the mean %v is outside [%v, %v]", point.Value, point.Mean[0], point.Low[0], point.High[0])
				}
			}
			if math.Abs(level["q"]-level["p"]-1) > 0.4 || math.Abs(level["r"]-level["p"]-5) > 0.6 {
				t.Errorf("dependence on b: %v, by construction steps of 1 and 5 from p", level)
			}
			first, last := e.Dependence[0].Points[3], e.Dependence[0].Points[16]
			slope := float64(last.Mean[0]-first.Mean[0]) / (last.Value.(float64) - first.Value.(float64))
			if math.Abs(slope-3) > 0.4 {
				t.Errorf("dependence on a has slope %v, by construction 3", slope)
			}
			share := 0.0
			for _, point := range e.Dependence[2].Points {
				share += float64(point.Share)
			}
			if last := e.Dependence[2].Points[len(e.Dependence[2].Points)-1]; last.Value != nil || math.Abs(share-1) > 1e-9 {
				t.Errorf("c's last point is %v and shares sum to %v: want a missing value, and 1", last.Value, share)
			}
		})
	}
}
