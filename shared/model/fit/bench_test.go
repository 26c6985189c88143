package fit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// synthetic is a table of n rows and p numeric columns with a smooth, interacting, noisy truth.
func synthetic(n, p int) *Data {
	r := rand.New(rand.NewPCG(1, 2))
	d := &Data{Rows: n, Labels: dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: make([]float64, n)}}
	x := make([][]float64, p)
	for j := range p {
		x[j] = make([]float64, n)
		d.Features, d.Columns = append(d.Features, model.Feature{Name: fmt.Sprintf("x%d", j), Min: -5, Max: 5}), append(d.Columns, Values{Float: x[j]})
		for i := range n {
			x[j][i] = r.NormFloat64()
		}
	}
	for i := range n {
		s := x[0][i] - x[1][i]*x[2][i] + math.Sin(3*x[3][i]) + r.NormFloat64()
		if s > 0 {
			d.Labels.Y[i] = 1
		}
	}
	return d
}

func BenchmarkBoostingFit(b *testing.B) {
	d := synthetic(100_000, 28)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("100k_x_28/threads=%d", threads), func(b *testing.B) {
			for b.Loop() {
				if _, err := (Boosting{Trees: 100}).Fit(d, Options{Threads: threads}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFit(b *testing.B) {
	for _, name := range []string{"heart", "pima", "wdbc", "adult", "bank", "california"} {
		set := load(b, name, false)
		if name == "adult" || name == "bank" { // one-hot
			set = load(b, name, true)
		}
		d := set.data.Take(set.fits[0].Train)
		for _, e := range []Estimator{Linear{}, Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: -1}, Boosting{}, Forest{}} {
			b.Run(fmt.Sprintf("%s/%s_%v", name, e.Algorithm(), e.Params()["leaves"]), func(b *testing.B) {
				for b.Loop() {
					if _, err := e.Fit(d, Options{Threads: 1}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	d := synthetic(20_000, 28)
	recipe := Recipe{Steps: []RecipeStep{{Step: "impute", How: "median"}, {Step: "clip"}, {Step: "scale", How: "robust"}}}
	for _, e := range []Estimator{Linear{}, Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1}, Engineered{Recipe: recipe, Inner: Linear{}}} {
		name := e.Algorithm()
		if _, ok := e.(Engineered); ok {
			name += ", 84 steps"
		}
		p, err := e.Fit(d, Options{Threads: 2})
		if err != nil {
			b.Fatal(err)
		}
		m := &model.Model{Task: dataset.Binary, Classes: d.Labels.Classes, Features: d.Features, Predictor: p, Threshold: 0.5}
		const rows = 1024
		x, dst := make([]float64, rows*28), make([]float64, 2)
		for i := range rows {
			d.Row(i, x[i*28:(i+1)*28])
		}
		one := func(b *testing.B) {
			i := 0
			for b.Loop() {
				m.Predict(dst, x[i*28:(i+1)*28])
				i = (i + 1) % rows
			}
		}
		b.Run(name+"/single", one)
		f := &dataset.Frame{}
		for j, c := range d.Features {
			f.Columns = append(f.Columns, dataset.NumericColumn(c.Name, d.Column(j)))
		}
		b.Run(name+"/batch_20k", func(b *testing.B) {
			for b.Loop() {
				if _, err := m.PredictFrame(f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(d.Rows)/b.Elapsed().Seconds(), "rows/s")
		})
		for i := range rows {
			x[i*28+27] = math.NaN()
		}
		b.Run(name+"/single_with_missing", one)
	}
}
