package fit

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

func TestParse(t *testing.T) {
	type params = map[string]any
	for name, c := range map[string]struct {
		algorithm string
		in        params
		want      Estimator
	}{
		"nothing given": {"boosting", nil, Boosting{}},
		"all of it": {"boosting", params{"trees": 50, "leaves": 7.0, "learning_rate": 0.05, "l2": json.Number("1"), "min_leaf": 10, "min_hessian": 0.01, "bins": 63, "subsample": 0.8, "feature_share": 0.5},
			Boosting{Trees: 50, Leaves: 7, LearningRate: 0.05, L2: 1, MinLeaf: 10, MinHessian: 0.01, Bins: 63, Subsample: 0.8, FeatureShare: 0.5}},
		"what is no number": {"boosting", params{"max_depth": 4, "l1": 0.5, "loss": "huber", "alpha": 0.8, "monotone": map[string]any{"age": 1.0, "dose": json.Number("-1"), "free": 0},
			"interactions": []any{[]any{"age", "dose"}, []any{"sex"}}, "early_stopping": 20, "validation_share": 0.2},
			Boosting{Depth: 4, L1: 0.5, Loss: "huber", Alpha: 0.8, Monotone: map[string]int{"age": 1, "dose": -1}, Interactions: [][]string{{"age", "dose"}, {"sex"}}, EarlyStopping: 20, ValidationShare: 0.2}},
		"balanced classes": {"boosting", params{"class_weight": "balanced"}, Boosting{ClassWeight: balanced}},
		"weighted classes": {"boosting", params{"class_weight": map[string]any{"ill": 3, "well": 0.5}}, Boosting{ClassWeight: `{"ill":3,"well":0.5}`}},

		"no penalty is a wish": {"boosting", params{"l2": 0.0}, Boosting{L2: -1}},
		"linear":               {"linear", params{"C": 0.3}, Linear{C: 0.3}},
		"baseline":             {"baseline", params{}, Baseline{}},
		"forest":               {"forest", params{"trees": 50, "min_leaf": 3, "feature_share": 0.4, "bins": 100}, Forest{Trees: 50, MinLeaf: 3, FeatureShare: 0.4, Bins: 100}},
	} {
		got, err := Parse(c.algorithm, c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if back, err := Parse(got.Algorithm(), got.Params()); err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("%s: its own parameters read back as %+v, %v", name, back, err)
		}
	}
}

func TestParseNamesEveryProblem(t *testing.T) {
	_, err := Parse("boosting", map[string]any{"tree": 10, "num_leaves": 31, "learning_rate": 0.0, "leaves": 2.5, "min_leaf": "ten", "bins": 256, "zzz": 1, "subsample": 1.0})
	var got []string
	for _, d := range fault.Details(err) {
		got = append(got, d.Field+":"+d.Code+":"+d.Expected)
	}
	want := []string{"bins:out_of_range:a whole number in [2, 255]", "learning_rate:out_of_range:a number in (0, 1]", "leaves:wrong_type:a whole number in [2, 4096]",
		"min_leaf:wrong_type:a whole number in [1, 1e+06]", "num_leaves:unknown:perhaps leaves", "tree:unknown:perhaps trees",
		`zzz:unknown:one of ["trees" "leaves" "max_depth" "learning_rate" "l1" "l2" "min_leaf" "min_hessian" "bins" "subsample" "feature_share" "loss" "alpha" "monotone" "interactions" "class_weight" "early_stopping" "validation_share"]`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := Parse("bosting", nil); fault.Details(err)[0].Expected != "perhaps boosting" {
		t.Errorf("a misspelt algorithm: %v", err)
	}
	if _, err := Parse("baseline", map[string]any{"x": 1}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a parameter for the baseline: %v", err)
	}
}

// TestFitRefusesItsOwnBadParameters: an estimator that was not made by Parse is checked all the same.
func TestFitRefusesItsOwnBadParameters(t *testing.T) {
	d := synthetic(100, 4)
	for _, e := range []Estimator{Boosting{Leaves: 1}, Boosting{Trees: -1}, Boosting{LearningRate: 2}, Boosting{Bins: 300}, Forest{Trees: 5000}, Linear{C: -1}, Linear{C: 1e9}} {
		if _, err := e.Fit(d, Options{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestFitRefusesBadData(t *testing.T) {
	good := synthetic(50, 4)
	for name, spoil := range map[string]func(d *Data){
		"no rows":           func(d *Data) { *d = *d.Take(nil) },
		"a label too few":   func(d *Data) { d.Labels.Y = d.Labels.Y[1:] },
		"a class beyond":    func(d *Data) { d.Labels.Y[3] = 2 },
		"a negative weight": func(d *Data) { d.Weight = make([]float64, d.Rows); d.Weight[0], d.Weight[1] = -1, 2 },
		"a weight of NaN":   func(d *Data) { d.Weight = make([]float64, d.Rows); d.Weight[0], d.Weight[1] = math.NaN(), 2 },
		"a label of NaN":    func(d *Data) { d.Labels.Y[2] = math.NaN() },
		"all weights 0":     func(d *Data) { d.Weight = make([]float64, d.Rows) },
		"too few weights":   func(d *Data) { d.Weight = []float64{1} },
		"an infinite value": func(d *Data) {
			d.Labels = dataset.Labels{Task: dataset.Regression, Y: make([]float64, d.Rows)}
			d.Labels.Y[0] = 1e200
		},
		"a column too few": func(d *Data) { d.Columns = d.Columns[1:] },
		"a value too few":  func(d *Data) { d.Columns[1].Float = d.Columns[1].Float[1:] },
	} {
		d := good.Take([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		spoil(d)
		for _, e := range []Estimator{Baseline{}, Linear{}, Boosting{}, Forest{}} {
			if _, err := e.Fit(d, Options{}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s, %s: %v", name, e.Algorithm(), err)
			}
		}
	}
}

func TestResolveShrinksWithTheTable(t *testing.T) {
	small := Resolve(Boosting{}, sized(dataset.Binary, 300)).(Boosting)
	if small.Leaves != 7 || small.LearningRate != 0.05 || small.MinLeaf != 10 || small.L2 != 1 {
		t.Errorf("300 rows: %+v", small)
	}
	large := Resolve(Boosting{}, sized(dataset.Binary, 50_000)).(Boosting)
	if large.Leaves != 31 || large.LearningRate != 0.1 || large.Trees != 100 || large.L2 >= 0 {
		t.Errorf("50,000 rows: %+v", large)
	}
	if kept := Resolve(Boosting{Leaves: 5, L2: 3}, sized(dataset.Binary, 50_000)).(Boosting); kept.Leaves != 5 || kept.L2 != 3 {
		t.Errorf("what was set is kept: %+v", kept)
	}
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		for _, rows := range []int{10, 1500, 3000, 7000, 100_000} {
			for _, open := range []Estimator{Boosting{}, Forest{}, Linear{}} {
				e := Resolve(open, sized(task, rows))
				if back, err := Parse(e.Algorithm(), e.Params()); err != nil || !reflect.DeepEqual(back, e) {
					t.Errorf("%s, %d rows: %+v reads back as %+v, %v", task, rows, e, back, err)
				}
			}
		}
	}
}

func TestComplexityOrders(t *testing.T) {
	order := []Estimator{Baseline{}, Linear{C: 1e-6}, Linear{C: 0.1}, Linear{}, Linear{C: 10}, Linear{C: 1e6}, Boosting{Trees: 1, Leaves: 2}, Boosting{Leaves: 7}, Boosting{Leaves: 31}, Forest{}}
	for i := 1; i < len(order); i++ {
		if order[i-1].Complexity() >= order[i].Complexity() {
			t.Errorf("%+v is not simpler than %+v", order[i-1], order[i])
		}
	}
}

func TestNewData(t *testing.T) {
	nan := func() float64 { var z float64; return z / z }()
	f, err := dataset.NewFrame(
		dataset.NumericColumn("n", []float64{3, nan, -1}),
		dataset.Column{Name: "c", Kind: dataset.Categorical, Code: []int32{2, -1, 0}, Levels: []string{"a", "b", "c"}}) // "b" has no row
	if err != nil {
		t.Fatal(err)
	}
	l := dataset.Labels{Task: dataset.Regression, Y: []float64{1, 2, 3}}
	d, err := NewData(f, l)
	if err != nil {
		t.Fatal(err)
	}
	n, c := d.Features[0], d.Features[1]
	if n.Min != -1 || n.Max != 3 || n.Missing != 1.0/3 || !n.Integer || !reflect.DeepEqual(c.Levels, []string{"a", "c"}) || c.Missing != 1.0/3 {
		t.Errorf("features %+v", d.Features)
	}
	x := make([]float64, 2)
	if d.Row(0, x); x[0] != 3 || x[1] != 1 {
		t.Errorf("row 0 is %v", x)
	}
	if d.Take([]int{2, 2}).Row(1, x); x[0] != -1 || x[1] != 0 {
		t.Errorf("the row taken is %v", x)
	}
	f.Columns[0].Float[0] = 1e200
	l.Y = l.Y[:2]
	if _, err := NewData(f, l); len(fault.Details(err)) != 2 {
		t.Errorf("an infinite number and a label too few: %v", err)
	}
}

// sized is a table of which only the size matters.
func sized(task dataset.Task, rows int) *Data {
	return &Data{Rows: rows, Labels: dataset.Labels{Task: task}, Features: make([]model.Feature, 16)}
}

// TestSampling: each row that counts is seen by a tree with the share asked for, and the others get their scores all the same.
func TestSampling(t *testing.T) {
	const n = 10_000
	d := synthetic(n, 4)
	d.Weight = make([]float64, n)
	for i := range d.Weight {
		d.Weight[i] = float64(i % 2)
	}
	b := Boosting{EarlyStopping: 5}.resolve(dataset.Binary, n)
	s := newStage(&b, d, []int32{1, 5, 7}, 2)
	rows, rest := s.sample(rand.New(rand.NewPCG(1, 1)), 0.7)
	if len(rows) < 3_400 || len(rows) > 3_600 || len(rows)+len(rest) != n/2 || !slices.IsSorted(rows) || !slices.IsSorted(rest) {
		t.Errorf("%d rows seen and %d not, of %d that count: want about 70 %%", len(rows), len(rest), n/2)
	}
	for _, r := range rows {
		if r%2 == 0 || r == 1 || r == 5 || r == 7 {
			t.Fatalf("row %d is seen: it has no weight, or is held out", r)
		}
	}
	if rows, rest := newStage(&b, synthetic(n, 4), nil, 2).sample(nil, 1); rows != nil || rest != nil {
		t.Error("a share of 1 is all")
	}
	if rows, _ := newStage(&b, synthetic(3, 4), nil, 2).sample(rand.New(rand.NewPCG(1, 1)), 1e-9); len(rows) != 3 {
		t.Errorf("%d rows where chance takes none, want all", len(rows))
	}
	used := 0
	random := rand.New(rand.NewPCG(1, 1))
	for _, u := range pick(random, 10, 0.3) {
		if u {
			used++
		}
	}
	if used != 3 || pick(random, 10, 1) != nil {
		t.Errorf("%d features of 10, want 3", used)
	}
}

// TestWeightsAndLabelsAreNamed: by row, the first few of many.
func TestWeightsAndLabelsAreNamed(t *testing.T) {
	d := synthetic(50, 4)
	d.Weight = make([]float64, 50)
	for i := range d.Weight {
		d.Weight[i] = -1
	}
	d.Labels.Y[7] = 0.5
	details := fault.Details(d.check())
	if len(details) != mostNamed+2 || details[0].Field != "weight" || *details[3].Row != 3 || details[mostNamed].Got != "50 rows in all" || details[mostNamed+1].Field != "y" || *details[mostNamed+1].Row != 7 {
		t.Errorf("%v", details)
	}
}
