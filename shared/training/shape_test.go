package training

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// visits are patients who came several times: their rows are nearly alike, and whether they are ill is a coin.
func visits(patients, times int, seed uint64) (*dataset.Frame, dataset.Labels) {
	r := rand.New(rand.NewPCG(seed, 1))
	var x, z, day, weight []float64
	var patient []string
	l := dataset.Labels{Name: "ill", Task: dataset.Binary, Classes: []string{"no", "yes"}}
	for p := range patients {
		a, b, ill := r.NormFloat64(), r.NormFloat64(), float64(r.IntN(2))
		for range times {
			x, z = append(x, a+1e-4*r.NormFloat64()), append(z, b+1e-4*r.NormFloat64())
			day, weight = append(day, math.Floor(100*r.Float64())), append(weight, 1+float64(r.IntN(3)))
			patient, l.Y = append(patient, "p"+strings.Repeat("i", p)), append(l.Y, ill)
		}
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("x", x), dataset.NumericColumn("z", z), dataset.NumericColumn("day", day), dataset.NumericColumn("weight", weight),
		dataset.CategoricalColumn("patient", patient, func(string) bool { return false }))
	if err != nil {
		panic(err)
	}
	return f, l
}

// Folds that know of the patients show that nothing is learnt; folds that do not recognise each patient by the other visits.
func TestGroupsStayWhole(t *testing.T) {
	f, l := visits(60, 5, 1)
	forest := map[string]any{"trees": 40, "min_leaf": 1, "feature_share": 1.0}
	apart := train(t, f.Drop("patient", "day", "weight"), l, Spec{Algorithm: "forest", Params: forest})
	whole := train(t, f.Drop("day", "weight"), l, Spec{Algorithm: "forest", Params: forest, Shape: Shape{Group: "patient"}})
	if a, b := apart.CV[evaluate.NameAUC].Value, whole.CV[evaluate.NameAUC].Value; a < 0.95 || b > 0.7 {
		t.Errorf("AUC %v by rows, %v by patients", a, b)
	}
	for i := range whole.Folds {
		if whole.Folds[i] != whole.Folds[i-i%5] {
			t.Fatalf("the visits of row %d are in several folds", i)
		}
	}
	sizes, ill := make([]int, 5), make([]float64, 5)
	for i, k := range whole.Folds {
		sizes[k], ill[k] = sizes[k]+1, ill[k]+l.Y[i]
	}
	total := 0.0
	for _, y := range l.Y {
		total += y
	}
	for k := range sizes {
		if sizes[k] < 50 || sizes[k] > 70 || math.Abs(ill[k]-total/5) > 10 {
			t.Errorf("fold %d has %d rows, %v ill of %v: the greedy rule keeps folds alike", k, sizes[k], ill[k], total)
		}
	}
	if slices.ContainsFunc(whole.Model.Features, func(x model.Feature) bool { return x.Name == "patient" }) {
		t.Error("the group is a feature")
	}
}

// No fold is trained on a row that is later than, or as late as, one of its own; the rows of the first window are in none.
func TestTimeGoesForward(t *testing.T) {
	f, l := visits(60, 5, 2)
	s := Spec{Algorithm: "linear", Params: map[string]any{"C": 1.0}, Shape: Shape{Time: "day", Group: ""}, Calibrate: true, Costs: Costs{FalseNegative: 3}}
	features := f.Drop("patient", "weight")
	r := train(t, features, l, s)
	day := f.Column("day").Float
	inside, before := given(t, s), 0
	run, err := prepare(features, l, &inside)
	if err != nil {
		t.Fatal(err)
	}
	for k := range run.held {
		for _, i := range run.rest[k] {
			for _, j := range run.held[k] {
				if day[i] >= day[j] {
					t.Fatalf("fold %d is trained on day %v and tested on day %v", k, day[i], day[j])
				}
			}
		}
		if len(run.rest[k]) <= before {
			t.Errorf("window %d does not grow", k)
		}
		before = len(run.rest[k])
	}
	for i, k := range r.Folds {
		if math.IsNaN(r.OutOfFold[2*i]) != (k < 0) || (k >= 0) != slices.Contains(r.Covered, i) {
			t.Fatalf("row %d of fold %d is predicted as %v", i, k, r.OutOfFold[2*i])
		}
	}
	if n := r.CV[evaluate.NameAUC].N; n != len(r.Covered) || n > 260 || n < 200 {
		t.Errorf("measured on %d of %d rows", n, l.Len())
	}
}

func TestClock(t *testing.T) {
	column := func(v ...string) *dataset.Column {
		c := dataset.CategoricalColumn("at", v, func(string) bool { return false })
		return &c
	}
	for _, v := range [][]string{{"2024-02-01", "2024-01-31", "2023-12-31"}, {"2024-01-01T00:00:01Z", "2024-01-01T01:00:00+01:00", "2023-06-01T00:00:00Z"}, {"2024-01", "2023-12", "2023-11"}, {"2024-01-01 10:00:01", "2024-01-01 10:00:00", "2024-01-01 09:00:00"}} {
		at, problem := clock(column(v...))
		if problem != nil || !(at[0] > at[1] && at[1] > at[2]) {
			t.Errorf("%v: %v, %v", v, at, problem)
		}
	}
	if _, problem := clock(column("2024-01-01", "yesterday")); problem == nil {
		t.Error("yesterday is read as a time")
	}
}

func TestShapeNamesWhatIsWrong(t *testing.T) {
	f, l := visits(20, 3, 3)
	bad := f.Drop()
	bad.Column("weight").Float[4] = -1
	for _, c := range []struct {
		name  string
		f     *dataset.Frame
		shape Shape
		want  []string
	}{
		{"misspelt", f, Shape{Group: "pateint", Weight: "wieght"}, []string{"group: perhaps patient", "weight: perhaps weight"}},
		{"both", f, Shape{Group: "patient", Time: "day"}, []string{"group: either group or time"}},
		{"a column twice", f, Shape{Group: "patient", Weight: "patient"}, []string{"weight: a column that means", "patient: weights: numbers"}},
		{"text as weight", f, Shape{Weight: "patient"}, []string{"patient: weights: numbers"}},
		{"a negative weight", bad, Shape{Weight: "weight"}, []string{"weight: weights from 0"}},
		{"text as time", f, Shape{Time: "patient"}, []string{"patient: numbers, or times"}},
		{"an unknown class", f, Shape{ClassWeight: ClassWeight{"maybe": 2}}, []string{"class_weight: one of no, yes"}},
		{"a class of no weight", f, Shape{ClassWeight: ClassWeight{"yes": 0}}, []string{"class_weight: more than 0"}},
	} {
		_, err := Train(c.f, l, Spec{Algorithm: "linear", Shape: c.shape}, nil, nil)
		d := fault.Details(err)
		for i, want := range c.want {
			if len(d) != len(c.want) || !strings.HasPrefix(d[i].Field+": "+d[i].Expected, want) {
				t.Errorf("%s: %v, want %q", c.name, d, c.want)
				break
			}
		}
		if len(d) == 0 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A fold without a class is named, and where nobody asked for a number of folds fewer are dealt until each has one.
func TestFoldWithoutAClass(t *testing.T) {
	f, l := visits(12, 4, 4)
	for i := range l.Y { // three patients are ill
		l.Y[i] = 0
		if i/4 < 3 {
			l.Y[i] = 1
		}
	}
	s := Spec{Algorithm: "linear", Shape: Shape{Group: "patient"}}
	if r := train(t, f, l, s); slices.Max(r.Folds) != 2 {
		t.Errorf("%d folds with three patients who are ill", slices.Max(r.Folds)+1)
	}
	s.Folds = 5
	_, err := Train(f, l, s, nil, nil)
	if d := fault.Details(err); len(d) != 2 || d[0].Code != "class_absent" || !strings.Contains(d[0].Got.(string), `class "yes" in the rows of it`) {
		t.Errorf("%v", err)
	}
}

// Weights: a weight of two is a row twice, in the comparison as in the fit; class weights that are balanced give both classes the same sum.
func TestWeightsCount(t *testing.T) {
	f, l := population(dataset.Binary, 300, 5, false)
	r := rand.New(rand.NewPCG(1, 1))
	weight := make([]float64, 300)
	for i := range weight {
		weight[i] = float64(r.IntN(3))
	}
	with, err := dataset.NewFrame(append(slices.Clone(f.Columns), dataset.NumericColumn("w", weight))...)
	if err != nil {
		t.Fatal(err)
	}
	s := Spec{Algorithm: "linear", Params: map[string]any{"C": 1.0}, Shape: Shape{Weight: "w"}}
	a := train(t, with, l, s)
	var twice []int
	for i, w := range weight {
		for range int(w) {
			twice = append(twice, i)
		}
	}
	d, err := fit.NewData(f, l)
	if err != nil {
		t.Fatal(err)
	}
	p, err := fit.Linear{C: 1}.Fit(d.Take(twice), fit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, u, v := make([]float64, len(d.Features)), make([]float64, 2), make([]float64, 2)
	for i := range 20 {
		d.Row(i, x)
		a.Model.Predict(u, x)
		if p.Predict(v, x); math.Abs(u[1]-v[1]) > 0.005 { // columns are standardised by rows, not by weights
			t.Fatalf("row %d: %v with weights, %v with rows", i, u[1], v[1])
		}
	}
	balanced, problems := ClassWeight{Balanced: 1}.read(l)
	n := l.Counts()
	if len(problems) > 0 || math.Abs(balanced[0]*float64(n[0])-balanced[1]*float64(n[1])) > 1e-9 {
		t.Errorf("%v of %v", balanced, n)
	}
	mean := func(r Result) (sum float64) {
		for i := range r.OutOfFold {
			if i%2 == 1 {
				sum += r.OutOfFold[i] / float64(l.Len())
			}
		}
		return sum
	}
	heavy := train(t, f, l, Spec{Algorithm: "linear", Calibrate: true, Shape: Shape{ClassWeight: ClassWeight{"yes": 20}}})
	if plain := train(t, f, l, Spec{Algorithm: "linear", Calibrate: true}); mean(heavy) < mean(plain)+0.2 || heavy.Calibrated.Note == "" {
		t.Errorf("a class that weighs 20 has a mean probability of %v, %v before; %+v", mean(heavy), mean(plain), heavy.Calibrated)
	}
}

// With weights of one, the comparison of two candidates is evaluate's.
func TestComparisonIsEvaluates(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, task := range []dataset.Task{dataset.Binary, dataset.Regression} {
		f, l := population(task, 200, 6, false)
		width := max(1, len(l.Classes))
		a, b := make([]float64, 200*width), make([]float64, 200*width)
		for i := range f.Rows() {
			if task == dataset.Regression {
				a[i], b[i] = l.Y[i]+r.NormFloat64(), l.Y[i]+2*r.NormFloat64()
				continue
			}
			a[2*i+1], b[2*i+1] = r.Float64(), r.Float64()
			a[2*i], b[2*i] = 1-a[2*i+1], 1-b[2*i+1]
		}
		want, err := evaluate.Difference(criterion(task), l, a, b)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := evaluate.Losses(criterion(task), l, a)
		y, _ := evaluate.Losses(criterion(task), l, b)
		got, se := losses{criterion: criterion(task), row: x}.behind(losses{criterion: criterion(task), row: y})
		if math.Abs(got-float64(want.Value)) > 1e-12 || math.Abs(se-float64(want.SE)) > 1e-12 {
			t.Errorf("%s: %v +- %v, evaluate has %v +- %v", task, got, se, want.Value, want.SE)
		}
		times := make([]int32, 200)
		for i := range times {
			times[i] = 1
		}
		drawn, e := losses{criterion: criterion(task), row: x, times: times}.behind(losses{criterion: criterion(task), row: y, times: times})
		if drawn != got || e != se {
			t.Errorf("%s: drawn once each %v +- %v", task, drawn, e)
		}
	}
}
