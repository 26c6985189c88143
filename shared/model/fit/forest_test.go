package fit

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// TestOutOfBagByHand: each row predicted by those trees whose sample, drawn again here, it is not in.
func TestOutOfBagByHand(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		for _, f := range []Forest{{Trees: 20, MinLeaf: 2}, {Trees: 7, Extra: true, Bootstrap: true}} {
			d := synthetic(300, 5)
			d.Labels.Task = task
			switch task {
			case dataset.Multiclass:
				d.Labels.Classes = []string{"a", "b", "c"}
				for i := range d.Labels.Y {
					d.Labels.Y[i] = math.Floor(min(max(d.Columns[0].Float[i]+1.5, 0), 2))
				}
			case dataset.Regression:
				d.Labels.Classes = nil
				copy(d.Labels.Y, d.Columns[0].Float)
			}
			f.OutOfBag = true
			p, err := f.Fit(d, Options{Seed: 5, Threads: 3})
			if err != nil {
				t.Fatal(err)
			}
			r := model.FitReport(p)
			want := byHand(t, f, d)
			if len(r.OutOfBag) != len(want) || r.OutOfBagRows < 250 {
				t.Fatalf("%s: %+v, want %+v", task, r, want)
			}
			for name, e := range want {
				if tolerance := map[bool]float64{true: 1e-3, false: 1e-8}[name == "auc"]; math.Abs(float64(r.OutOfBag[name]-e.Value)) > tolerance { // ties of few trees hang on the last digit
					t.Errorf("%s, %s: %s is %g, by hand %g", task, f.Algorithm(), name, r.OutOfBag[name], e.Value)
				}
			}
		}
	}
}

func byHand(t *testing.T, f Forest, d *Data) evaluate.Metrics {
	t.Helper()
	f = f.resolve(d.Labels.Task, d.Rows, len(d.Features), d.outputs())
	p, err := newPlanter(f, d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := p.hire()
	k := d.outputs()
	sum, count := make([]float64, d.Rows*k), make([]float64, d.Rows)
	raw, x := make([]float64, max(k, 2)), make([]float64, len(d.Features))
	for i := range f.Trees {
		trees := model.NewTrees(p.link, d.Features, make([]float64, k))
		for _, nodes := range w.plant(rand.New(rand.NewPCG(5, uint64(i)))) {
			if err := trees.Add(nodes); err != nil {
				t.Fatal(err)
			}
		}
		drawn, again := make([]bool, d.Rows), rand.New(rand.NewPCG(5, uint64(i)))
		for range d.Rows {
			drawn[again.IntN(d.Rows)] = true
		}
		for row := range d.Rows {
			if drawn[row] {
				continue
			}
			d.Row(row, x)
			trees.Raw(raw, x)
			for o := range k {
				sum[row*k+o] += raw[o] * float64(f.Trees)
			}
			count[row]++
		}
	}
	var rows []int
	var out []float64
	for row, n := range count {
		if n == 0 {
			continue
		}
		rows = append(rows, row)
		q := make([]float64, max(k, len(d.Labels.Classes)))
		for o := range k {
			q[o] = p.base[o] + sum[row*k+o]/n
		}
		p.link.Apply(q, k)
		out = append(out, q...)
	}
	m, err := evaluate.Measure(d.Labels.Take(rows), out)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rare is a table in which one row of twenty is positive.
func rare() *Data {
	d := synthetic(1000, 5)
	for i := range d.Labels.Y {
		if i%10 > 0 {
			d.Labels.Y[i] = 0
		}
	}
	return d
}

// TestBalanced: balanced samples hold equally many draws of each class, and as weights they make the rare class count as much as the other.
func TestBalanced(t *testing.T) {
	d := rare()
	p, err := newPlanter(Forest{Trees: 1, MinLeaf: 1, FeatureShare: 1, Bins: 255, Balanced: true}, d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := p.hire()
	w.sample(rand.New(rand.NewPCG(1, 1)))
	var drawn [2]int
	positive := 0
	for i, n := range w.times {
		drawn[int(d.Labels.Y[i])] += int(n)
		positive += int(d.Labels.Y[i])
	}
	if drawn[0] != positive || drawn[1] != positive {
		t.Errorf("%d rows are positive, and %v were drawn", positive, drawn)
	}
	mean := func(e Estimator) (sum float64) {
		p, err := e.Fit(d, Options{Seed: 1, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range d.Predict(p) {
			sum += float64(i%2) * v / float64(d.Rows)
		}
		return sum
	}
	plain := mean(Forest{Trees: 50})
	for _, f := range []Forest{{Trees: 50, Balanced: true}, {Trees: 50, ClassWeight: balanced}, {Trees: 50, Extra: true, ClassWeight: balanced}} {
		if got := mean(f); got < 2*plain {
			t.Errorf("%+v: the mean prediction is %.3f, without balance %.3f", f, got, plain)
		}
	}
	d.Labels = dataset.Labels{Name: "y", Task: dataset.Regression, Y: d.Labels.Y}
	for _, f := range []Forest{{Balanced: true}, {ClassWeight: balanced}, {Extra: true, OutOfBag: true}} {
		if _, err := f.Fit(d, Options{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v of values: %v", f, err)
		}
	}
}

// TestWeightsAreRepeatedRows: a row of weight 2 is two rows, where no sample is drawn; of the linear model everywhere.
func TestWeightsAreRepeatedRows(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Regression} {
		d := synthetic(400, 4)
		for _, c := range d.Columns {
			for i, v := range c.Float {
				c.Float[i] = math.Round(4 * v) // few values, so that repeated rows do not move the bins
			}
		}
		if task == dataset.Regression {
			d.Labels = dataset.Labels{Name: "y", Task: task, Y: d.Column(1)}
		}
		heavy := *d
		heavy.Weight = make([]float64, d.Rows)
		var rows []int
		for i := range d.Rows {
			heavy.Weight[i] = float64(1 + i%3)
			for range 1 + i%3 {
				rows = append(rows, i)
			}
		}
		for _, e := range []Estimator{Forest{Extra: true, Trees: 20, MinLeaf: 1, FeatureShare: 0.5}, Linear{}, Linear{C: 0.1, L1Ratio: 0.7}, Linear{C: 1e6}} {
			a, err := e.Fit(&heavy, Options{Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			b, err := e.Fit(d.Take(rows), Options{Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range d.Predict(a) {
				if w := d.Predict(b)[i]; math.Abs(v-w) > 1e-7 {
					t.Fatalf("%s, %s: prediction %d is %v with weights, %v with repeated rows", task, e.Algorithm(), i, v, w)
				}
			}
		}
	}
}

// TestForestsStayBounded: what could not be stored is not grown to the end.
func TestForestsStayBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("sizes, which the ordinary run has")
	}
	r := rand.New(rand.NewPCG(1, 1))
	d := synthetic(20_000, 4)
	d.Labels = dataset.Labels{Name: "y", Task: dataset.Regression, Y: make([]float64, d.Rows)}
	for i := range d.Labels.Y {
		d.Labels.Y[i] = r.NormFloat64()
	}
	_, err := Forest{Trees: 2000, MinLeaf: 1}.Fit(d, Options{Threads: 2})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("2,000 trees of single rows: %v", err)
	}
	large := Forest{}.resolve(dataset.Multiclass, 1_000_000, 20, 10)
	if leaves := 1_000_000 / large.MinLeaf * large.Trees * 10; leaves > 5_000_000 {
		t.Errorf("%+v may have %d leaves", large, leaves)
	}
}

// TestClassWeights: what class_weight may say.
func TestClassWeights(t *testing.T) {
	d := rare()
	for name, c := range map[string]struct {
		in   any
		want string // "" = right
	}{
		"balanced":         {"balanced", ""},
		"named":            {map[string]any{"1": 5.0}, ""},
		"an unknown class": {map[string]any{"2": 5.0}, "class_weight.2"},
		"a zero weight":    {map[string]any{"1": 0.0}, "class_weight"},
		"a word":           {"heavy", "class_weight"},
	} {
		e, err := Parse("forest", map[string]any{"trees": 3, "class_weight": c.in})
		if err == nil {
			_, err = e.Fit(d, Options{})
		}
		if (err == nil) != (c.want == "") || c.want != "" && fault.Details(err)[0].Field != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	five, err := Forest{Trees: 5, Extra: true, ClassWeight: `{"1":5}`}.Fit(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	weighted := *d
	weighted.Weight = make([]float64, d.Rows)
	for i, y := range d.Labels.Y {
		weighted.Weight[i] = 1 + 4*y
	}
	same, err := Forest{Trees: 5, Extra: true}.Fit(&weighted, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(artefact(t, d, five), artefact(t, d, same)) {
		t.Error("a class of weight 5 is not rows of weight 5")
	}
}

func artefact(t *testing.T, d *Data, p model.Predictor) []byte {
	t.Helper()
	m := &model.Model{Task: d.Labels.Task, Target: "y", Classes: d.Labels.Classes, Features: d.Features, Predictor: p, Threshold: 0.5}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
