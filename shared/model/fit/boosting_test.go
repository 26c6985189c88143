package fit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// TestWeightedQuantile: the value is one at which the sum that it is to minimise is least, a weight of two is the row twice, and the median is what it is.
func TestWeightedQuantile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		n := 1 + r.IntN(30)
		v, w := make([]float64, n), make([]float64, n)
		var twice []float64
		for i := range v {
			v[i], w[i] = float64(r.IntN(12)), float64(1+r.IntN(3))
			for range int(w[i]) {
				twice = append(twice, v[i])
			}
		}
		alpha := float64(1+r.IntN(19)) / 20
		cost := func(q float64) (sum float64) {
			for i, x := range v {
				sum += w[i] * max(alpha*(x-q), (alpha-1)*(x-q))
			}
			return sum
		}
		ones := make([]float64, len(twice))
		for i := range ones {
			ones[i] = 1
		}
		got, again := weightedQuantile(slices.Clone(v), slices.Clone(w), alpha), weightedQuantile(slices.Clone(twice), ones, alpha)
		least := math.Inf(1)
		for _, q := range v {
			least = min(least, cost(q))
		}
		if cost(got) > least+1e-9 || got != again {
			t.Fatalf("the %g-quantile of %v by %v is %v (cost %g, least %g), of the rows repeated %v", alpha, v, w, got, cost(got), least, again)
		}
		slices.Sort(twice)
		if m := (twice[(len(twice)-1)/2] + twice[len(twice)/2]) / 2; weightedQuantile(twice, ones, 0.5) != m {
			t.Fatalf("the median of %v is not %v", twice, m)
		}
	}
}

// stageOf is the start of a fit with a loss, its scores moved apart at random.
func stageOf(t *testing.T, name string, alpha float64) *stage {
	t.Helper()
	r := rand.New(rand.NewPCG(4, 4))
	b := Boosting{Loss: name, Alpha: alpha}
	d := numbers(dataset.Labels{Task: b.loss().task, Y: make([]float64, 40)}, make([]float64, 40))
	switch d.Labels.Task {
	case dataset.Binary:
		d.Labels.Classes = []string{"a", "b"}
	case dataset.Multiclass:
		d.Labels.Classes = []string{"a", "b", "c"}
	}
	for i := range d.Labels.Y {
		if d.Labels.Y[i] = float64(i % max(2, len(d.Labels.Classes))); d.Labels.Task == dataset.Regression {
			d.Labels.Y[i] = float64(r.IntN(9))
		}
	}
	b = b.resolve(d.Labels.Task, 40)
	s := newStage(&b, d, nil, 1)
	for i := range s.score {
		s.score[i] += r.NormFloat64()
	}
	return s
}

// TestDerivatives compares with differences of the loss itself.
func TestDerivatives(t *testing.T) {
	const step = 1e-4
	for _, l := range losses {
		s := stageOf(t, l.name, l.alpha)
		if s.round != nil {
			s.round(s)
		}
		for k := range s.base {
			s.gradients(k)
			for i := range s.d.Rows {
				at := k*s.d.Rows + i
				here := s.score[at]
				loss := func(v float64) float64 { s.score[at] = v; defer func() { s.score[at] = here }(); return s.of(s, i) }
				down, middle, up := loss(here-step), loss(here), loss(here+step)
				g, h := (up-down)/(2*step), (up-2*middle+down)/(step*step)
				switch l.name {
				case "squared": // losses are stated up to a factor, and gradients of values in units of their deviation
					g, h = g/2/s.scale, h/2
				case "huber":
					g, h = g/s.scale, 1
				case "absolute":
					h = 1
				case "quantile":
					h = 1
				case "softmax":
					h *= 3.0 / 2
				}
				if got := s.sums[i]; math.Abs(float64(got[0])-g) > 1e-5*(1+math.Abs(g)) || math.Abs(float64(got[1])-h) > 1e-4*(1+h) {
					t.Errorf("%s, score %d of row %d: derivatives %v, by differences %g and %g", l.name, k, i, got, g, h)
				}
			}
		}
	}
}

// numbers is a table of numeric columns a, b, ..
func numbers(l dataset.Labels, columns ...[]float64) *Data {
	f := &dataset.Frame{}
	for j, v := range columns {
		f.Columns = append(f.Columns, dataset.NumericColumn(string(rune('a'+j)), v))
	}
	d, err := NewData(f, l)
	if err != nil {
		panic(err) // the table is ours
	}
	return d
}

// flat is a table with a feature that says nothing.
func flat(y []float64) *Data {
	return numbers(dataset.Labels{Name: "y", Task: dataset.Regression, Y: y}, make([]float64, len(y)))
}

// TestStartIsTheBestConstant: where no feature says anything, the prediction is the loss's own mean: mean, median, quantile.
func TestStartIsTheBestConstant(t *testing.T) {
	y := []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 100}
	for _, c := range []struct {
		e    Boosting
		want float64
	}{
		{Boosting{}, 13.6}, {Boosting{Loss: "absolute"}, 4.5}, {Boosting{Loss: "quantile", Alpha: 0.9}, 54}, {Boosting{Loss: "quantile", Alpha: 0.25}, 2}, {Boosting{Loss: "poisson"}, 13.6},
	} {
		p, err := c.e.Fit(flat(y), Options{})
		if err != nil {
			t.Fatal(err)
		}
		out := []float64{0}
		if p.Predict(out, []float64{0}); math.Abs(out[0]-c.want) > 1e-5 {
			t.Errorf("%+v predicts %v, want %v", c.e, out[0], c.want)
		}
	}
}

// TestConstantTarget: every loss predicts the value that all rows have, 0 counts included.
func TestConstantTarget(t *testing.T) {
	for _, loss := range lossNames(dataset.Regression) {
		for _, v := range []float64{0, 7} {
			d := numbers(dataset.Labels{Name: "y", Task: dataset.Regression, Y: slices.Repeat([]float64{v}, 12)}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
			p, err := Boosting{Loss: loss, MinLeaf: 1}.Fit(d, Options{})
			if err != nil {
				t.Fatal(err)
			}
			out := []float64{0}
			if p.Predict(out, []float64{3}); math.Abs(out[0]-v) > 0.05 {
				t.Errorf("%s: all rows are %v, predicted is %v", loss, v, out[0])
			}
		}
	}
}

// TestQuantileCoverage: about alpha of held-out rows lie below the alpha-quantile, wherever they are spread.
func TestQuantileCoverage(t *testing.T) {
	train, test := madeUp(t, false, func(y, _ float64) float64 { return y }, dataset.Labels{Task: dataset.Regression})
	for _, alpha := range []float64{0.1, 0.5, 0.9} {
		p, err := Boosting{Loss: "quantile", Alpha: alpha, Leaves: 7}.Fit(train, Options{})
		if err != nil {
			t.Fatal(err)
		}
		below := 0.0
		for i, v := range test.Predict(p) {
			if test.Labels.Y[i] < v {
				below += 1 / float64(test.Rows)
			}
		}
		if math.Abs(below-alpha) > 0.04 {
			t.Errorf("%.3f of the rows lie below the %g-quantile", below, alpha)
		}
	}
}

// TestPoissonBearsExtremes: counts of very different size neither overflow nor make a prediction that is not finite.
func TestPoissonBearsExtremes(t *testing.T) {
	x, y := make([]float64, 200), make([]float64, 200)
	for i := range x {
		if x[i] = float64(i); i >= 195 {
			y[i] = 1e12
		}
	}
	d := numbers(dataset.Labels{Name: "y", Task: dataset.Regression, Y: y}, x)
	p, err := Boosting{Loss: "poisson", LearningRate: 1, Trees: 50, MinLeaf: 1, L2: -1}.Fit(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := d.Predict(p)
	for i, v := range out {
		if math.IsNaN(v) || v < 0 || v > 1e13 {
			t.Fatalf("row %d is predicted %v", i, v)
		}
	}
	if math.Abs(out[199]-1e12) > 1e10 || out[0] > 1e9 {
		t.Errorf("0 and 1e12 are predicted as %v and %v", out[0], out[199])
	}
}

// TestRowsWithoutWeightAreNotThere: rows of weight 0 change nothing, whatever they say, as long as they bring no new values.
func TestRowsWithoutWeightAreNotThere(t *testing.T) {
	for _, loss := range losses {
		d := few(loss.task, 300)
		double := d.Take(append(every(300), every(300)...))
		double.Weight = make([]float64, 600)
		for i := range 300 {
			double.Weight[i] = 1
			double.Labels.Y[300+i] = double.Labels.Y[299-i]
		}
		e := Boosting{Trees: 20, Loss: loss.name, Leaves: 7, MinLeaf: 5}
		a, err := e.Fit(d, Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.Fit(double, Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.Predict(a), d.Predict(b)) {
			t.Errorf("%s: rows of weight 0 changed the predictions", loss.name)
		}
	}
}

func every(n int) (rows []int) {
	for i := range n {
		rows = append(rows, i)
	}
	return rows
}

// few is a table of three features of ten values each.
func few(task dataset.Task, n int) *Data {
	r := rand.New(rand.NewPCG(5, 6))
	var x [3][]float64
	for j := range x {
		for range n {
			x[j] = append(x[j], float64(r.IntN(10)))
		}
	}
	d := numbers(dataset.Labels{Name: "y", Task: task, Y: make([]float64, n)}, x[0], x[1], x[2])
	switch task {
	case dataset.Binary:
		d.Labels.Classes = []string{"no", "yes"}
	case dataset.Multiclass:
		d.Labels.Classes = []string{"low", "middle", "high"}
	}
	for i := range n {
		y := x[0][i] + math.Abs(x[1][i]-4) + float64(r.IntN(4))
		switch task {
		case dataset.Binary:
			y = min(math.Floor(y/11), 1)
		case dataset.Multiclass:
			y = min(math.Floor(y/6), 2)
		}
		d.Labels.Y[i] = y
	}
	return d
}

// TestEarlyStopping: the model is the trees up to the best round, which is the model that so many trees make; the held rows are told.
func TestEarlyStopping(t *testing.T) {
	for _, loss := range losses {
		d := few(loss.task, 600)
		var notes []Note
		o := Options{Seed: 3, Note: func(n Note) { notes = append(notes, n) }}
		e := Boosting{Loss: loss.name, Trees: 400, Leaves: 15, LearningRate: 0.2, MinLeaf: 5, EarlyStopping: 10, ValidationShare: 0.2, Subsample: 0.8}
		p, err := e.Fit(d, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(notes) != 1 {
			t.Fatalf("%s: %d notes", loss.name, len(notes))
		}
		n := notes[0]
		if n.Grown == 400 || n.Grown != n.Rounds+10 || n.Held != 120 || !strings.Contains(n.String(), fmt.Sprintf("kept %d of %d rounds", n.Rounds, n.Grown)) {
			t.Errorf("%s: %+v, %s", loss.name, n, n)
		}
		e.Trees = n.Rounds
		short, err := e.Fit(d, o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.Predict(p), d.Predict(short)) || notes[1].Rounds != n.Rounds || notes[1].Loss != n.Loss {
			t.Errorf("%s: %d rounds make another model, or another note: %+v and %+v", loss.name, n.Rounds, n, notes[1])
		}
		if got, want := p.(*model.Trees).Len(), n.Rounds*d.outputs(); got != want {
			t.Errorf("%s: %d trees of %d rounds", loss.name, got, n.Rounds)
		}
	}
	var told []Note
	if _, err := (Boosting{EarlyStopping: 5}).Fit(few(dataset.Binary, 2), Options{Note: func(n Note) { told = append(told, n) }}); err != nil || len(told) > 0 {
		t.Errorf("two rows: %v, %v", err, told)
	}
}

// TestHeldOut: the classes have their shares, groups stay together, and of data ordered by time the last rows are held.
func TestHeldOut(t *testing.T) {
	d := few(dataset.Binary, 1000)
	positive := func(rows []int) (n float64) {
		for _, r := range rows {
			n += d.Labels.Y[r] / float64(len(rows))
		}
		return n
	}
	rows := heldOut(d, 0.2, 7)
	if len(rows) != 200 || math.Abs(positive(rows)-positive(every(1000))) > 0.006 || !slices.Equal(rows, heldOut(d, 0.2, 7)) || slices.Equal(rows, heldOut(d, 0.2, 8)) {
		t.Errorf("%d rows with a share of positives of %.3f, want 200 with %.3f, by the seed alone", len(rows), positive(rows), positive(every(1000)))
	}
	d.Group = make([]int32, 1000)
	for i := range d.Group {
		d.Group[i] = int32(i * 7 % 1000 / 3)
	}
	held := map[int32]bool{}
	rows = heldOut(d, 0.2, 7)
	for _, r := range rows {
		held[d.Group[r]] = true
	}
	n := 0
	for _, g := range d.Group {
		if held[g] {
			n++
		}
	}
	if n != len(rows) || n < 180 || n > 220 {
		t.Errorf("%d rows are held, their groups have %d", len(rows), n)
	}
	if t2 := d.Take([]int{5, 3}); t2.Group[0] != d.Group[5] || t2.Group[1] != d.Group[3] {
		t.Error("rows taken lose their group")
	}
	d.Group, d.Timed = nil, true
	if rows = heldOut(d, 0.1, 7); len(rows) != 100 || rows[0] != 900 || rows[99] != 999 {
		t.Errorf("in order of time rows %d to %d of 1,000 are held", rows[0], rows[len(rows)-1])
	}
	d.Group = make([]int32, 1000)
	for i := range d.Group {
		d.Group[i] = int32(i / 30)
	}
	if rows = heldOut(d, 0.1, 7); d.Group[rows[0]] == d.Group[rows[0]-1] {
		t.Errorf("row %d is held, and one of its group is not", rows[0])
	}
}

// TestClassWeightsAreRowWeights: a class's weight is that of each of its rows.
func TestClassWeightsAreRowWeights(t *testing.T) {
	for task, weight := range map[dataset.Task]map[string]float64{dataset.Binary: {"yes": 3}, dataset.Multiclass: {"low": 0.5, "high": 4}} {
		d := few(task, 300)
		by := make(map[string]any, len(weight))
		rows := *d
		rows.Weight = make([]float64, d.Rows)
		for i, y := range d.Labels.Y {
			rows.Weight[i] = 1
			if w, ok := weight[d.Labels.Classes[int(y)]]; ok {
				rows.Weight[i] = w
			}
		}
		for class, w := range weight {
			by[class] = w
		}
		e, err := Parse("boosting", map[string]any{"trees": 10, "class_weight": by})
		if err != nil {
			t.Fatal(err)
		}
		a, err := e.Fit(d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Boosting{Trees: 10}.Fit(&rows, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.Predict(a), d.Predict(b)) {
			t.Errorf("%s: weights of classes are not those of rows", task)
		}
	}
}

// TestMonotoneOfEveryLoss walks along the constrained feature.
func TestMonotoneOfEveryLoss(t *testing.T) {
	for _, loss := range losses {
		if loss.task == dataset.Multiclass {
			continue
		}
		for _, sign := range []int{1, -1} {
			d := few(loss.task, 500)
			p, err := Boosting{Loss: loss.name, Trees: 40, Leaves: 15, MinLeaf: 3, L2: -1, LearningRate: 0.3, Subsample: 0.8, Monotone: map[string]int{"b": sign}}.Fit(d, Options{})
			if err != nil {
				t.Fatal(err)
			}
			out, x := make([]float64, p.Width()), []float64{0, 0, 0}
			for a := 0.0; a < 10; a++ {
				for c := 0.0; c < 10; c++ {
					last := math.Inf(-sign)
					for b := -0.5; b < 10; b += 0.5 {
						x[0], x[1], x[2] = a, b, c
						p.Predict(out, x)
						v := out[len(out)-1]
						if float64(sign)*(v-last) < -1e-12 {
							t.Fatalf("%s: is to go %+d, and goes from %v to %v at %v", loss.name, sign, last, v, x)
						}
						last = v
					}
				}
			}
		}
	}
}

// TestInteractions: features of different groups have effects that add up.
func TestInteractions(t *testing.T) {
	d := few(dataset.Regression, 500)
	for i := range d.Labels.Y {
		d.Labels.Y[i] += d.Column(0)[i] * d.Column(2)[i] / 3 // an interaction that must not be learnt
	}
	contrast := func(groups [][]string) (greatest float64) {
		p, err := Boosting{Trees: 40, Leaves: 15, MinLeaf: 3, Interactions: groups}.Fit(d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		at := func(a, b, c float64) float64 { out := []float64{0}; p.Predict(out, []float64{a, b, c}); return out[0] }
		for b := 0.0; b < 10; b++ {
			greatest = max(greatest, math.Abs(at(1, b, 1)-at(8, b, 1)-at(1, b, 8)+at(8, b, 8)))
		}
		return greatest
	}
	if bound, free := contrast([][]string{{"a", "b"}}), contrast(nil); bound > 1e-9 || free < 1 {
		t.Errorf("a and c interact by %g where no group joins them, by %g where all may", bound, free)
	}
}

// TestBoostingNamesEveryProblem: what does not suit the data is named at once, with what was probably meant.
func TestBoostingNamesEveryProblem(t *testing.T) {
	value, binary, multiclass := few(dataset.Regression, 60), few(dataset.Binary, 60), few(dataset.Multiclass, 60)
	value.Features[2] = model.Feature{Name: "c", Kind: dataset.Categorical, Levels: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}}
	negative := value.Take(every(60))
	negative.Labels.Y[7] = -1
	for name, c := range map[string]struct {
		e    Boosting
		d    *Data
		want []string
	}{
		"several":            {Boosting{Loss: "logistic", Monotone: map[string]int{"aa": 1, "c": -1}, Interactions: [][]string{{"bb", "a"}}, ValidationShare: 0.2, Leaves: 1}, value, []string{"leaves", "loss", "monotone", "monotone", "interactions", "validation_share"}},
		"negative counts":    {Boosting{Loss: "poisson"}, negative, []string{"y"}},
		"alpha of none":      {Boosting{Alpha: 0.3}, value, []string{"alpha"}},
		"alpha beyond":       {Boosting{Loss: "quantile", Alpha: 1}, value, []string{"alpha"}},
		"unknown loss":       {Boosting{Loss: "quantil"}, value, []string{"loss"}},
		"classes by value":   {Boosting{Loss: "squared"}, binary, []string{"loss"}},
		"monotone classes":   {Boosting{Monotone: map[string]int{"a": 1}}, multiclass, []string{"monotone"}},
		"weights of values":  {Boosting{ClassWeight: balanced}, value, []string{"class_weight"}},
		"weight of no class": {Boosting{ClassWeight: `{"yess":2}`}, binary, []string{"class_weight.yess"}},
	} {
		_, err := c.e.Fit(c.d, Options{})
		var got []string
		for _, d := range fault.Details(err) {
			got = append(got, d.Field)
		}
		if !fault.Is(err, fault.Invalid) || !slices.Equal(got, c.want) || Check(c.e, c.d) == nil {
			t.Errorf("%s: %v names %q, want %q", name, err, got, c.want)
		}
	}
	_, err := Parse("boosting", map[string]any{"loss": "logistics", "monotone": map[string]any{"a": 2, "b": "up"}, "interactions": []any{[]any{"a", 3}, "b"}, "class_weight": "even", "alpha": 1.0, "early_stop": 3})
	var got []string
	for _, d := range fault.Details(err) {
		got = append(got, d.Field+": "+d.Expected)
	}
	want := []string{"alpha: a number in (0, 1)", "class_weight: " + classWeightExpected, "early_stop: perhaps early_stopping", "interactions[0]: the name of a feature",
		"interactions[1]: a list of feature names", "loss: perhaps logistic", "monotone.a: 1, -1 or 0", "monotone.b: 1, -1 or 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestParameters: each parameter's default is a value it takes, and the estimator that leaves all open is the one with the defaults.
func TestParameters(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		for _, algorithm := range Algorithms {
			if algorithm == (Vote{}).Algorithm() {
				continue // its members have the parameters
			}
			given, err := Defaults(algorithm, task, 5_000, 12)
			if err != nil {
				t.Fatal(err)
			}
			named := 0
			for _, p := range Parameters(algorithm) {
				if p.Expected == "" || p.Number() && !(p.Low < p.High) || p.Check([]int{1}) == nil {
					t.Errorf("%s: %+v", algorithm, p)
				}
				v, ok := given[p.Name]
				if !ok {
					continue
				}
				if named++; len(p.Check(v)) > 0 {
					t.Errorf("%s: its default %v of %s is refused: %v", algorithm, v, p.Name, p.Check(v))
				}
			}
			if named != len(given) {
				t.Errorf("%s: %d parameters have a default, %d defaults are given", algorithm, named, len(given))
			}
			e, err := Parse(algorithm, given)
			if err != nil {
				t.Fatalf("%s: its defaults are refused: %v", algorithm, err)
			}
			open, err := Parse(algorithm, nil)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := fmt.Sprintf("%+v", e), fmt.Sprintf("%+v", resolve(open, task, 5_000, 12, 1)); a != b {
				t.Errorf("%s: with its defaults it is %s, left open %s", algorithm, a, b)
			}
		}
	}
	by := map[string]Parameter{}
	for _, p := range Parameters("boosting") {
		by[p.Name] = p
	}
	if p := by["trees"]; !p.Whole || p.Low != 1 || p.High != 10_000 {
		t.Errorf("trees: %+v", p)
	}
	if p := by["loss"]; p.Number() || len(p.Choices) != len(losses) || p.Check("huber") != nil || p.Check("hubert") == nil {
		t.Errorf("loss: %+v", p)
	}
	if _, err := Defaults("bosting", dataset.Binary, 1, 1); err == nil || len(Parameters("bosting")) > 0 {
		t.Error("an unknown algorithm has parameters")
	}
}

// TestManyCategories: a column of ten thousand levels beside one that says what matters neither fails nor drowns it.
func TestManyCategories(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	const n = 6000
	id, group := make([]string, n), make([]string, n)
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: make([]float64, n)}
	for i := range n {
		k := r.IntN(150)
		id[i], group[i] = fmt.Sprintf("id%05d", r.IntN(10_000)), fmt.Sprintf("g%03d", k)
		if r.Float64() < 0.1+0.8*float64(k*37%150)/150 {
			l.Y[i] = 1
		}
	}
	none := func(string) bool { return false }
	f := &dataset.Frame{Columns: []dataset.Column{dataset.CategoricalColumn("id", id, none), dataset.CategoricalColumn("group", group, none)}}
	d, err := NewData(f, l)
	if err != nil {
		t.Fatal(err)
	}
	train, test := d.Take(every(n)[:n/2]), d.Take(every(n)[n/2:])
	p, err := Boosting{}.Fit(train, Options{})
	if err != nil {
		t.Fatal(err)
	}
	score, truth := make([]float64, test.Rows), make([]float64, test.Rows)
	predicted := test.Predict(p)
	for i := range score {
		var k int
		if _, err := fmt.Sscanf(group[n/2+i], "g%d", &k); err != nil {
			t.Fatal(err)
		}
		score[i], truth[i] = predicted[2*i+1], float64(k*37%150)
	}
	got, best := auc(test.Labels.Y, score), auc(test.Labels.Y, truth)
	if got < best-0.04 {
		t.Errorf("AUC %.3f, the truth has %.3f", got, best)
	}
	t.Logf("AUC %.3f, the truth has %.3f", got, best)
	out := make([]float64, 2)
	if p.Predict(out, []float64{-1, -1}); !(out[1] > 0.1 && out[1] < 0.9) {
		t.Errorf("unseen levels get %v", out)
	}
}
