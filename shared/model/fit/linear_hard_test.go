package fit

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// manyLevels is a table of two numbers and categories of so many levels.
func manyLevels(t testing.TB, rows, levels int, task dataset.Task) *Data {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	a, b := make([]float64, rows), make([]float64, rows)
	text := make([]string, rows)
	l := dataset.Labels{Name: "y", Task: task, Y: make([]float64, rows)}
	switch task {
	case dataset.Binary:
		l.Classes = []string{"0", "1"}
	case dataset.Multiclass:
		l.Classes = []string{"0", "1", "2"}
	}
	for i := range rows {
		k := r.IntN(levels)
		a[i], b[i], text[i] = r.NormFloat64(), r.NormFloat64(), fmt.Sprintf("%05d", k)
		s := a[i] + math.Sin(float64(k)) + r.NormFloat64()
		switch task {
		case dataset.Regression:
			l.Y[i] = s
		case dataset.Binary:
			l.Y[i] = min(max(math.Ceil(s), 0), 1)
		default:
			l.Y[i] = min(max(math.Ceil(s), 0), 2)
		}
	}
	d, err := NewData(&dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("a", a), dataset.NumericColumn("b", b),
		dataset.CategoricalColumn("c", text, func(string) bool { return false })}}, l)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestWaysToTheMinimumAgree: with a matrix of second derivatives and without one, the weights are the same.
func TestWaysToTheMinimumAgree(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		d := manyLevels(t, 500, 12, task)
		for _, l := range []Linear{{C: 1}, {C: 0.3, L1Ratio: 0.5}, {C: 0.1, L1Ratio: 1}, {C: 10, L1Ratio: 0.9}} {
			p := newObjective(newDesign(d, 1), d, l)
			with := p.proximal
			if l.L1Ratio == 0 {
				with = p.newton
			}
			a, e, err := with(Options{})
			b, f, other := p.accelerated(Options{})
			if err != nil || other != nil || !e.converged || !f.converged {
				t.Fatalf("%s %+v: %v %v, %+v %+v", task, l, err, other, e, f)
			}
			p.level(a)
			p.level(b)
			for i := range a {
				if math.Abs(a[i]-b[i]) > 1e-4 {
					t.Errorf("%s %+v: weight %d is %.9g with the matrix, %.9g without", task, l, i, a[i], b[i])
				}
			}
		}
	}
}

// TestManyLevels: of more levels than a matrix is made for, fits converge, say why there are no errors, and do not depend on threads.
func TestManyLevels(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		levels int
		linear Linear
		errors bool
	}{{400, Linear{}, true}, {2000, Linear{}, false}, {2000, Linear{C: 0.3, L1Ratio: 0.5}, false}, {400, Linear{C: 0.3, L1Ratio: 0.5}, true}} {
		d := manyLevels(t, 6000, c.levels, dataset.Binary)
		var first []byte
		for _, threads := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(threads)
			p, err := c.linear.Fit(d, Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			r := model.FitReport(p)
			if !*r.Converged || (r.ErrorsOmitted == "") != c.errors || len(r.Coefficients) < c.levels*9/10 {
				t.Errorf("%d levels, %+v: %d coefficients, converged %v, errors omitted: %q", c.levels, c.linear, len(r.Coefficients), *r.Converged, r.ErrorsOmitted)
			}
			b := artefact(t, d, p)
			if first == nil {
				first = b
			}
			if !bytes.Equal(b, first) {
				t.Errorf("%d levels, %+v: another artefact with %d threads", c.levels, c.linear, threads)
			}
		}
	}
}

// TestHardTables: separable classes, collinear and constant columns, columns of huge and tiny numbers: finite, and at the minimum.
func TestHardTables(t *testing.T) {
	const n = 200
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, 6*n)
	y := make([]float64, n)
	for i := range n {
		v := r.NormFloat64()
		x[i], x[n+i], x[2*n+i] = v, 2*v+1, v // collinear
		x[3*n+i] = 7                         // constant
		x[4*n+i], x[5*n+i] = r.NormFloat64()*1e140, r.NormFloat64()*1e-140
		if v > 0 {
			y[i] = 1 // separable
		}
	}
	var features []model.Feature
	var columns []Values
	for j := range 6 {
		columns = append(columns, Values{Float: x[j*n : (j+1)*n]})
		features = append(features, model.Feature{Name: fmt.Sprint(j), Min: -1e145, Max: 1e145})
	}
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		d := &Data{Rows: n, Features: features, Columns: columns, Labels: dataset.Labels{Name: "y", Task: task, Y: y, Classes: []string{"0", "1"}}}
		switch task {
		case dataset.Multiclass:
			d.Labels.Classes = []string{"0", "1", "without a row"}
		case dataset.Regression:
			d.Labels.Classes = nil
		}
		for _, l := range []Linear{{C: greatestC}, {C: leastC}, {}, {C: greatestC, L1Ratio: 1}, {C: greatestC, L1Ratio: 0.5}, {L1Ratio: 1}, {C: leastC, L1Ratio: 1}} {
			p, err := l.Fit(d, Options{})
			if err != nil {
				t.Fatal(err)
			}
			report := model.FitReport(p)
			if !*report.Converged {
				t.Errorf("%s %+v: not converged in %d steps", task, l, report.Iterations)
			}
			for _, c := range report.Coefficients {
				if !c.Estimate.Finite() {
					t.Errorf("%s %+v: the coefficient of %q is %v", task, l, c.Feature, c.Estimate)
				}
			}
			for i, v := range d.Predict(p) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s %+v: prediction %d is %v", task, l, i, v)
				}
			}
			if b := artefact(t, d, p); len(b) == 0 {
				t.Error("no artefact")
			}
		}
	}
}

// TestColumnOrder: columns in another order give the same predictions.
func TestColumnOrder(t *testing.T) {
	d := synthetic(300, 5)
	back := *d
	back.Features, back.Columns = nil, nil
	for j := range d.Features {
		k := len(d.Features) - 1 - j
		back.Features, back.Columns = append(back.Features, d.Features[k]), append(back.Columns, d.Columns[k])
	}
	for _, l := range []Linear{{}, {L1Ratio: 0.5}, {C: 0.1, L1Ratio: 1}} {
		a, err := l.Fit(d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Fit(&back, Options{})
		if err != nil {
			t.Fatal(err)
		}
		q := back.Predict(b)
		for i, v := range d.Predict(a) {
			if math.Abs(v-q[i]) > 1e-7 {
				t.Fatalf("%+v: prediction %d is %v, with columns reversed %v", l, i, v, q[i])
			}
		}
	}
}
