package fit_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/model/modeltest"
)

// weight names one weight of a fit: index is -1 for a standardised number, -2 for its missing indicator, else a level; feature -1 is the
// intercept.
type weight struct{ feature, index, score int }

// penalised is the objective that Linear documents, at the fitted model m with the weight w moved by delta, from predictions alone: losses by
// their definition, and of the penalty the part that moves.
func penalised(d *fit.Data, m *model.Linear, c float64, w weight, delta float64) float64 {
	k := len(m.Intercept)
	n := float64(d.Rows)
	mean, sd := 0.0, 1.0
	if d.Labels.Task == dataset.Regression {
		for _, y := range d.Labels.Y {
			mean += y / n
		}
		var square float64
		for _, y := range d.Labels.Y {
			square += (y - mean) * (y - mean) / n
		}
		sd = math.Sqrt(square)
	}
	raw := make([]float64, k)
	x := make([]float64, len(d.Features))
	var loss float64
	for i, y := range d.Labels.Y {
		d.Row(i, x)
		m.Raw(raw, x)
		if w.feature < 0 {
			raw[w.score] += delta * sd
		} else if v := x[w.feature]; w.index == -1 && v == v {
			raw[w.score] += delta * sd * (v - m.Terms[w.feature].Centre) / spread(d, w.feature)
		} else if w.index == -2 && v != v || w.index >= 0 && v == float64(w.index) {
			raw[w.score] += delta * sd
		}
		switch d.Labels.Task {
		case dataset.Regression:
			z := (raw[0] - y) / sd
			loss += z * z / 2
		case dataset.Binary:
			if y == 1 {
				raw[0] = -raw[0]
			}
			loss += math.Log1p(math.Exp(raw[0]))
		default:
			var sum float64
			for _, v := range raw {
				sum += math.Exp(v)
			}
			loss += math.Log(sum) - raw[int(y)]
		}
	}
	if w.feature >= 0 { // only the moved weight's part of the penalty changes
		v := original(d, m, w)/sd + delta
		loss += v * v / (2 * c)
	}
	return loss
}

// original is a weight as the fit had it, before effects were centred. Of indicators that share their rows out among them only differences
// survive the centring; their penalised weights sum to 0 at the minimum when every row has one, which gives the rest.
func original(d *fit.Data, m *model.Linear, w weight) float64 {
	t, k := &m.Terms[w.feature], len(m.Intercept)
	switch {
	case w.index == -1:
		return t.Effect[w.score] * spread(d, w.feature)
	case w.index == -2:
		return t.Effect[2*k+w.score] - t.Effect[k+w.score]
	}
	var mean float64
	levels := 0
	for l := 0; l <= t.Levels; l++ {
		if e := t.Effect[l*k+w.score]; e != 0 {
			mean += e
			levels++
		}
	}
	return t.Effect[(w.index+1)*k+w.score] - mean/float64(levels)
}

// spread is the standard deviation of a numeric feature's present values.
func spread(d *fit.Data, j int) float64 {
	var sum, square, n float64
	for _, v := range d.Column(j) {
		if v == v {
			sum, n = sum+v, n+1
		}
	}
	for _, v := range d.Column(j) {
		if v == v {
			square += (v - sum/n) * (v - sum/n)
		}
	}
	return math.Sqrt(square / n)
}

// TestLinearIsAtTheMinimum: the documented objective is strictly convex, so a point from which no weight can move without raising it is
// the solution, whoever computed it.
func TestLinearIsAtTheMinimum(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		for _, c := range []float64{0.01, 1, 100} {
			d := modeltest.Table(task, 400, 11)
			p, err := fit.Linear{C: c}.Fit(d, fit.Options{})
			if err != nil {
				t.Fatal(err)
			}
			m := p.(*model.Linear)
			for o := range m.Intercept {
				moves := []weight{{-1, 0, o}, {0, -1, o}, {1, -1, o}, {2, -1, o}, {2, -2, o}, {6, 0, o}, {6, 3, o}, {7, 0, o}, {7, 5, o}}
				for _, w := range moves {
					const step = 1e-4
					slope := (penalised(d, m, c, w, step) - penalised(d, m, c, w, -step)) / (2 * step)
					if math.Abs(slope) > 1e-4 {
						t.Errorf("%s C=%g: moving %+v changes the objective at a rate of %g, not 0", task, c, w, slope)
					}
				}
			}
		}
	}
}

// TestRidgeClosedForm: one standardised column and penalty 1 have the solution w = x'y / (n + 1/C), which a pocket calculator confirms.
func TestRidgeClosedForm(t *testing.T) {
	d := &fit.Data{Rows: 4, Features: []model.Feature{{Name: "x"}}, Columns: []fit.Values{{Float: []float64{1, 2, 3, 4}}},
		Labels: dataset.Labels{Task: dataset.Regression, Y: []float64{2, 3, 5, 6}}}
	p, err := fit.Linear{C: 0.5}.Fit(d, fit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// slope of least squares 1.4, shrunk by n/(n+1/C) = 4/6; mean 4 at x = 2.5
	out := make([]float64, 1)
	for _, x := range []float64{0, 2.5, 10} {
		p.Predict(out, []float64{x})
		if want := 4 + 1.4*4/6*(x-2.5); math.Abs(out[0]-want) > 1e-6 {
			t.Errorf("at %g: %v, want %v", x, out[0], want)
		}
	}
}

// TestLinearEffectsAreRelativeToTheTrainingMean: contributions of every feature average to zero over the training rows, and a level that
// training never saw contributes nothing.
func TestLinearEffectsAreRelativeToTheTrainingMean(t *testing.T) {
	d := modeltest.Table(dataset.Binary, 500, 12)
	p, err := fit.Linear{}.Fit(d, fit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, n := p.(*model.Linear), len(d.Features)
	x, part, sum := make([]float64, n), make([]float64, n+1), make([]float64, n+1)
	for i := range d.Rows {
		d.Row(i, x)
		m.Explain(part, x)
		for j, v := range part {
			sum[j] += v / float64(d.Rows)
		}
	}
	for j, v := range sum[:n] {
		if math.Abs(v) > 1e-9 {
			t.Errorf("the mean contribution of %s is %g", d.Features[j].Name, v)
		}
	}
	x[6], x[7] = -1, -1
	if m.Explain(part, x); part[6] != 0 || part[7] != 0 {
		t.Errorf("levels never seen contribute %g and %g", part[6], part[7])
	}
}

// TestLinearRecovers: with much data and next to no penalty the weights that made the data come back.
func TestLinearRecovers(t *testing.T) {
	const n = 20_000
	r := rand.New(rand.NewPCG(3, 4))
	d := &fit.Data{Rows: n, Features: []model.Feature{{Name: "a"}, {Name: "b"}}, Columns: []fit.Values{{Float: make([]float64, n)}, {Float: make([]float64, n)}},
		Labels: dataset.Labels{Task: dataset.Binary, Classes: []string{"0", "1"}, Y: make([]float64, n)}}
	for i := range n {
		a, b := r.NormFloat64()*10+50, r.NormFloat64()*0.01
		d.Columns[0].Float[i], d.Columns[1].Float[i] = a, b
		if r.Float64() < 1/(1+math.Exp(-(0.1*a-150*b-5.5))) {
			d.Labels.Y[i] = 1
		}
	}
	p, err := fit.Linear{C: 1e6}.Fit(d, fit.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	m := p.(*model.Linear)
	if a, b := m.Terms[0].Effect[0], m.Terms[1].Effect[0]; math.Abs(a-0.1) > 0.006 || math.Abs(b+150) > 7 {
		t.Errorf("slopes %g and %g, want 0.1 and -150 within about three standard errors", a, b)
	}
}
