// Package modeltest says what every estimator must do, as tests: whoever writes one calls Check.
package modeltest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// Tolerance says how exactly a property of an estimator must hold.
type Tolerance struct {
	// RowOrder is how far predictions may move when the training rows are shuffled: the mean difference of a probability, or of a value in
	// units of the target's deviation. Sums in another order differ in the last digit, and a tie may then be split otherwise.
	RowOrder float64
	// Learns is the share of the baseline's log loss or squared error that the estimator must stay below on a table with a strong signal;
	// 0 does not ask.
	Learns float64
}

// Check fits e to tables of every task, with missing values, unseen levels, constant and empty columns, and reports each promise of
// fit.Estimator and model.Predictor that it breaks.
func Check(t *testing.T, e fit.Estimator, tol Tolerance) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		t.Run(string(task), func(t *testing.T) { CheckTask(t, e, task, tol) })
	}
}

// CheckTask is Check of an estimator that one task is for.
func CheckTask(t *testing.T, e fit.Estimator, task dataset.Task, tol Tolerance) {
	d := Table(task, 600, 1)
	m := fitted(t, e, d, fit.Options{Seed: 7})
	t.Run("same seed, same bytes, whatever the threads", func(t *testing.T) { repeats(t, e, task) })
	t.Run("a refit forgets", func(t *testing.T) { forgets(t, e, task) })
	t.Run("row order is irrelevant", func(t *testing.T) { order(t, e, d, m, tol.RowOrder) })
	t.Run("it learns", func(t *testing.T) { learns(t, e, d, tol.Learns) })
	t.Run("predictions are well formed", func(t *testing.T) { formed(t, m) })
	t.Run("the artefact predicts alike, bit for bit", func(t *testing.T) { stored(t, m) })
	t.Run("a prediction allocates nothing", func(t *testing.T) { allocates(t, m) })
	t.Run("the explanation adds up", func(t *testing.T) { explains(t, m) })
	t.Run("weights count", func(t *testing.T) { weights(t, e, d) })
	t.Run("poor tables", func(t *testing.T) { poor(t, e, task) })
	t.Run("it stops when asked", func(t *testing.T) { stops(t, e, d) })
}

// Table is a made-up table of rows rows: four numeric features, one of them with missing values, two categorical ones with rare levels
// and missing values, and three that say nothing: a constant, an empty number, an empty category. The target depends on four of them.
func Table(task dataset.Task, rows int, seed uint64) *fit.Data {
	r := rand.New(rand.NewPCG(seed, 1))
	number := make([][]float64, 6)
	for j := range number {
		number[j] = make([]float64, rows)
	}
	small, wide, empty := make([]string, rows), make([]string, rows), make([]string, rows)
	l := dataset.Labels{Name: "y", Task: task, Y: make([]float64, rows)}
	switch task {
	case dataset.Binary:
		l.Classes = []string{"no", "yes"}
	case dataset.Multiclass:
		l.Classes = []string{"a", "b", "c"}
	}
	for i := range rows {
		for j := range 4 {
			number[j][i] = r.NormFloat64()
		}
		number[1][i] = math.Round(10 * number[1][i])
		number[4][i], number[5][i] = 3, math.NaN()
		level := r.IntN(4)
		small[i] = string(rune('p' + level))
		wide[i] = fmt.Sprintf("w%02d", int(20*r.Float64()*r.Float64()))
		s := 2*number[0][i] + 0.1*number[1][i] - number[2][i]*number[2][i] + float64(level) + 0.3*r.NormFloat64()
		if r.IntN(8) == 0 {
			number[2][i] = math.NaN()
		}
		if r.IntN(10) == 0 {
			small[i] = ""
		}
		switch task {
		case dataset.Binary:
			if s > 1 {
				l.Y[i] = 1
			}
		case dataset.Multiclass:
			l.Y[i] = math.Floor(min(max(s/2+1, 0), 2))
		default:
			l.Y[i] = 1000 + 10*s
		}
	}
	missing := func(s string) bool { return s == "" }
	f := &dataset.Frame{}
	for j, v := range number {
		f.Columns = append(f.Columns, dataset.NumericColumn(fmt.Sprintf("n%d", j), v))
	}
	f.Columns = append(f.Columns, dataset.CategoricalColumn("small", small, missing), dataset.CategoricalColumn("wide", wide, missing),
		dataset.CategoricalColumn("empty", empty, missing))
	d, err := fit.NewData(f, l)
	if err != nil {
		panic(err) // the table is ours
	}
	return d
}

// fitted is the model of one fit.
func fitted(t *testing.T, e fit.Estimator, d *fit.Data, o fit.Options) *model.Model {
	t.Helper()
	p, err := e.Fit(d, o)
	if err != nil {
		t.Fatalf("fit %s to %d rows: %v", e.Algorithm(), d.Rows, err)
	}
	return &model.Model{Task: d.Labels.Task, Target: d.Labels.Name, Classes: d.Labels.Classes, Algorithm: e.Algorithm(), Features: d.Features,
		Predictor: p, Threshold: 0.5}
}

func encoded(t *testing.T, m *model.Model) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func repeats(t *testing.T, e fit.Estimator, task dataset.Task) {
	d := Table(task, 4000, 2) // enough rows for the work to be shared out
	want := encoded(t, fitted(t, e, d, fit.Options{Seed: 7}))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{2, 8} {
		runtime.GOMAXPROCS(n)
		if got := encoded(t, fitted(t, e, d, fit.Options{Seed: 7, Threads: n})); !bytes.Equal(got, want) {
			t.Errorf("with %d threads the artefact is %s, with one %s", n, model.Digest(got), model.Digest(want))
		}
	}
}

func forgets(t *testing.T, e fit.Estimator, task dataset.Task) {
	a, b := Table(task, 200, 3), Table(task, 300, 4)
	first := encoded(t, fitted(t, e, a, fit.Options{Seed: 7}))
	fitted(t, e, b, fit.Options{Seed: 7})
	if again := encoded(t, fitted(t, e, a, fit.Options{Seed: 7})); !bytes.Equal(first, again) {
		t.Error("a fit to other data in between changed the result")
	}
}

func order(t *testing.T, e fit.Estimator, d *fit.Data, m *model.Model, tolerance float64) {
	shuffled := rand.New(rand.NewPCG(5, 5)).Perm(d.Rows)
	p := fitted(t, e, d.Take(shuffled), fit.Options{Seed: 7}).Predictor
	a, b := d.Predict(m.Predictor), d.Predict(p)
	scale := 1.0
	if d.Labels.Task == dataset.Regression {
		scale = deviation(d.Labels.Y)
	}
	var sum float64
	for i := range a {
		sum += math.Abs(a[i]-b[i]) / scale
	}
	if mean := sum / float64(len(a)); !(mean <= tolerance) {
		t.Errorf("shuffling the rows moved predictions by %g on average, at most %g is allowed", mean, tolerance)
	}
}

func learns(t *testing.T, e fit.Estimator, d *fit.Data, share float64) {
	if share == 0 {
		t.Skip("not asked of this estimator")
	}
	var train, test []int
	for i := range d.Rows {
		if i%3 == 0 {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	held := d.Take(test)
	got := loss(held, held.Predict(fitted(t, e, d.Take(train), fit.Options{Seed: 7}).Predictor))
	naive := loss(held, held.Predict(fitted(t, fit.Baseline{}, d.Take(train), fit.Options{}).Predictor))
	if !(got < share*naive) {
		t.Errorf("its loss on held-out rows is %.4g, the baseline's %.4g: less than %.2g of that is asked", got, naive, share)
	}
}

// loss is the mean log loss or squared error.
func loss(d *fit.Data, p []float64) float64 {
	w := len(p) / d.Rows
	var sum float64
	for i, y := range d.Labels.Y {
		if w == 1 {
			sum += (p[i] - y) * (p[i] - y)
		} else {
			sum -= math.Log(max(p[i*w+int(y)], 1e-15))
		}
	}
	return sum / float64(d.Rows)
}

func deviation(y []float64) float64 {
	var sum, square float64
	for _, v := range y {
		sum += v
	}
	for _, v := range y {
		square += (v - sum/float64(len(y))) * (v - sum/float64(len(y)))
	}
	return math.Sqrt(square / float64(len(y)))
}

// Rows are n rows as a predictor reads them, ordinary and strange: missing, unseen, infinite, huge, between two levels.
func Rows(features []model.Feature, n int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 9))
	strange := []float64{math.NaN(), -1, math.Inf(1), math.Inf(-1), 1e300, -1e300, 0.5, 1e9, math.SmallestNonzeroFloat64, 0}
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, len(features))
		for j, f := range features {
			switch {
			case r.IntN(6) == 0:
				rows[i][j] = strange[r.IntN(len(strange))]
			case f.Kind == dataset.Numeric:
				rows[i][j] = f.Min + r.Float64()*(f.Max-f.Min)
			default:
				rows[i][j] = float64(r.IntN(len(f.Levels)+2) - 1)
			}
		}
	}
	for j := range features { // all missing, and all unseen
		rows[0][j], rows[1][j] = math.NaN(), -1
	}
	return rows
}

func formed(t *testing.T, m *model.Model) {
	if got := m.Predictor.Width(); got != m.Width() {
		t.Fatalf("it predicts %d numbers for %s with %d classes", got, m.Task, len(m.Classes))
	}
	p := make([]float64, m.Width())
	for _, x := range Rows(m.Features, 500, 1) {
		before := fmt.Sprint(x)
		m.Predict(p, x)
		if fmt.Sprint(x) != before {
			t.Fatalf("the row %s was changed", before)
		}
		var sum float64
		for _, v := range p {
			sum += v
			if math.IsNaN(v) || math.IsInf(v, 0) || m.Task != dataset.Regression && (v < 0 || v > 1) {
				t.Fatalf("row %v is predicted as %v", x, p)
			}
		}
		if m.Task != dataset.Regression && math.Abs(sum-1) > 1e-12 {
			t.Fatalf("the probabilities of row %v sum to %v", x, sum)
		}
	}
}

func stored(t *testing.T, m *model.Model) {
	b := encoded(t, m)
	back, err := model.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := encoded(t, back); !bytes.Equal(b, again) {
		t.Error("the artefact read and written again has other bytes")
	}
	p, q := make([]float64, m.Width()), make([]float64, m.Width())
	for _, x := range Rows(m.Features, 300, 2) {
		m.Predict(p, x)
		back.Predict(q, x)
		for i := range p {
			if math.Float64bits(p[i]) != math.Float64bits(q[i]) {
				t.Fatalf("row %v: the model predicts %v, its artefact %v", x, p, q)
			}
		}
	}
}

func allocates(t *testing.T, m *model.Model) {
	p := make([]float64, m.Width())
	for _, x := range Rows(m.Features, 3, 3) {
		if n := testing.AllocsPerRun(50, func() { m.Predict(p, x) }); n != 0 {
			t.Errorf("row %v: %v allocations", x, n)
		}
	}
}

func explains(t *testing.T, m *model.Model) {
	e, ok := m.Predictor.(model.Explainer)
	if !ok {
		t.Skip("it does not explain itself")
	}
	n, k := len(m.Features), e.Outputs()
	raw, parts := make([]float64, max(k, m.Width())), make([]float64, k*(n+1))
	for _, x := range Rows(m.Features, 100, 4) {
		e.Raw(raw, x)
		e.Explain(parts, x)
		for o := range k {
			var sum, size float64
			for _, v := range parts[o*(n+1) : (o+1)*(n+1)] {
				sum += v
				size += math.Abs(v)
			}
			if !(math.Abs(sum-raw[o]) <= 1e-12*size*float64(n+100)) {
				t.Fatalf("row %v: the contributions to score %d sum to %v, the score is %v", x, o, sum, raw[o])
			}
		}
	}
}

func weights(t *testing.T, e fit.Estimator, d *fit.Data) {
	ones := *d
	ones.Weight = make([]float64, d.Rows)
	for i := range ones.Weight {
		ones.Weight[i] = 1
	}
	plain, equal := fitted(t, e, d, fit.Options{Seed: 7}), fitted(t, e, &ones, fit.Options{Seed: 7})
	if !bytes.Equal(encoded(t, plain), encoded(t, equal)) {
		t.Error("weights of 1 are not the same as none")
	}
	last := plain.Width() - 1
	heavy := *d
	heavy.Weight = make([]float64, d.Rows)
	middle := 0.5
	if d.Labels.Task == dataset.Regression {
		middle = mean(d.Labels.Y, 1, 0)
	}
	for i, y := range d.Labels.Y {
		heavy.Weight[i] = 1
		if y > middle {
			heavy.Weight[i] = 5
		}
	}
	before := mean(d.Predict(plain.Predictor), last+1, last)
	after := mean(d.Predict(fitted(t, e, &heavy, fit.Options{Seed: 7}).Predictor), last+1, last)
	if !(after > before) {
		t.Errorf("rows above the middle count five times, and the mean prediction goes from %v to %v", before, after)
	}
}

// mean is the mean of every width-th number, from at on.
func mean(p []float64, width, at int) float64 {
	var sum float64
	for i := at; i < len(p); i += width {
		sum += p[i]
	}
	return sum * float64(width) / float64(len(p))
}

func poor(t *testing.T, e fit.Estimator, task dataset.Task) {
	full := Table(task, 60, 5)
	classes := max(2, len(full.Labels.Classes))
	few := make([]int, 0, classes)
	for c := range classes {
		for i, y := range full.Labels.Y {
			if task == dataset.Regression && i == c || task != dataset.Regression && int(y) == c {
				few = append(few, i)
				break
			}
		}
	}
	cases := map[string]*fit.Data{
		"a single feature":      columns(full, 0),
		"a single category":     columns(full, 6),
		"only a constant":       columns(full, 4),
		"only missing numbers":  columns(full, 5),
		"only missing texts":    columns(full, 8),
		"nothing that varies":   columns(full, 4, 5, 8),
		"a row of each class":   full.Take(few),
		"one class of several":  full.Take([]int{few[0], few[0], few[0]}),
		"the same row 50 times": full.Take(make([]int, 50)),
	}
	for name, d := range cases {
		t.Run(name, func(t *testing.T) {
			m := fitted(t, e, d, fit.Options{Seed: 7})
			formed(t, m)
			stored(t, m)
		})
	}
}

// columns is the table of some of d's features.
func columns(d *fit.Data, js ...int) *fit.Data {
	out := &fit.Data{Rows: d.Rows, Labels: d.Labels}
	for _, j := range js {
		out.Features = append(out.Features, d.Features[j])
		out.Columns = append(out.Columns, d.Columns[j])
	}
	return out
}

func stops(t *testing.T, e fit.Estimator, d *fit.Data) {
	asked := false
	_, err := e.Fit(d, fit.Options{Stop: func() bool { asked = true; return true }})
	if asked && !errors.Is(err, fit.ErrStopped) {
		t.Errorf("asked to stop, it returned the error %v", err)
	}
}
