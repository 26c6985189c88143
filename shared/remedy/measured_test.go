package remedy

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/drift"
)

// patients draws rows whose outcome depends on two numbers and a site, with the true probability as the model's answer.
func patients(n int, seed uint64) (f *dataset.Frame, labels dataset.Labels, p []float64) {
	r := rand.New(rand.NewPCG(seed, 0))
	thalach, chol, site, y := make([]float64, n), make([]float64, n), make([]string, n), make([]float64, n)
	for i := range n {
		thalach[i], chol[i] = 150+22*r.NormFloat64(), 245+50*r.NormFloat64()
		site[i] = []string{"basel", "budapest", "cleveland"}[r.IntN(3)]
		q := 1 / (1 + math.Exp((thalach[i]-150)/10))
		if r.Float64() < q {
			y[i] = 1
		}
		p = append(p, 1-q, q)
	}
	f, _ = dataset.NewFrame(dataset.NumericColumn("thalach", thalach), dataset.NumericColumn("chol", chol), dataset.CategoricalColumn("site", site, nil))
	return f, dataset.Labels{Name: "num", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y}, p
}

// From rows to a decision, with nothing made up between: what the detectors find leads to what the stories say.
func TestMeasuredWindows(t *testing.T) {
	ref, labels, p := patients(2000, 1)
	profile, err := drift.NewProfile(drift.Reference{Model: "heart", Version: 2, Frame: ref, Labels: labels, Predictions: p, Importance: map[string]float64{"thalach": 0.3, "chol": 0.01, "site": 0}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, action, cause string
		change              func(f *dataset.Frame, y []float64)
	}{
		{"as ever", None, CauseNone, func(*dataset.Frame, []float64) {}},
		{"another unit", Raise, CauseUnit, func(f *dataset.Frame, _ []float64) {
			each(f, "chol", func(i int, v float64) float64 { return v / 38.67 })
		}},
		{"missing values", Raise, CauseData, func(f *dataset.Frame, _ []float64) {
			each(f, "chol", func(i int, v float64) float64 {
				if i%3 > 0 {
					return math.NaN()
				}
				return v
			})
		}},
		{"all missing", Raise, CauseColumn, func(f *dataset.Frame, _ []float64) {
			each(f, "chol", func(int, float64) float64 { return math.NaN() })
		}},
		{"others come", Inform, CauseCovariate, func(f *dataset.Frame, _ []float64) {
			each(f, "chol", func(i int, v float64) float64 { return v + 40 })
		}},
		{"outcomes change", Retrain, CauseConcept, func(_ *dataset.Frame, y []float64) {
			for i := range y {
				if i%3 == 0 {
					y[i] = 1 - y[i]
				}
			}
		}},
	} {
		f, l, q := patients(1200, 2)
		c.change(f, l.Y)
		r, err := drift.Measure(profile, drift.Window{Start: now.Add(-24 * time.Hour), End: now, Frame: f, Predictions: q, Labels: l.Y}, drift.DefaultPolicy())
		if err != nil {
			t.Fatal(err)
		}
		if d := Decide(window(r), live()); d.Action != c.action || d.Cause != c.cause {
			t.Errorf("%s: %s for %s, want %s for %s\n%s\n%q", c.name, d.Action, d.Cause, c.action, c.cause, d.Summary, r.Reasons)
		}
	}
}

func each(f *dataset.Frame, column string, change func(int, float64) float64) {
	v := f.Column(column).Float
	for i := range v {
		v[i] = change(i, v[i])
	}
}
