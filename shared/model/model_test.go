package model

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// example is a small model whose every number can be followed by hand: two trees over a number and a category of three levels.
//
//	tree 0: age <= 50 ? -1 : +2        missing age goes right
//	tree 1: cp in {a, c} ? 0.5 : -0.5  missing or unseen cp goes left
func example(t testing.TB) *Model {
	m := &Model{Task: dataset.Binary, Target: "num>0", Classes: []string{"0", "1"}, Algorithm: "boosting", Threshold: 0.5, Features: []Feature{
		{Name: "age", Kind: dataset.Numeric, Integer: true, Min: 29, Max: 77, Missing: 0.1},
		{Name: "cp", Kind: dataset.Categorical, Levels: []string{"a", "b", "c"}},
		{Name: "sex", Kind: dataset.Numeric, Integer: true, Min: 0, Max: 1},
	}}
	trees := NewTrees(Logit, m.Features, []float64{0.25})
	for _, tree := range [][]Node{
		{{Feature: 0, Threshold: 50, MissingRight: true, Value: 0.5}, {Feature: -1, Value: -1}, {Feature: -1, Value: 2}},
		{{Feature: 1, Left: []uint64{0b101}, Value: 0.1}, {Feature: -1, Value: 0.5}, {Feature: -1, Value: -0.5}},
	} {
		if err := trees.Add(tree); err != nil {
			t.Fatal(err)
		}
	}
	m.Predictor = trees
	return m
}

func TestTreesByHand(t *testing.T) {
	m := example(t)
	nan := math.NaN()
	for name, c := range map[string]struct {
		x     []float64
		score float64
	}{
		"left, left":           {[]float64{50, 0, 0}, 0.25 - 1 + 0.5},
		"right, right":         {[]float64{50.001, 1, 0}, 0.25 + 2 - 0.5},
		"missing":              {[]float64{nan, nan, nan}, 0.25 + 2 + 0.5},
		"a level never seen":   {[]float64{0, -1, 0}, 0.25 - 1 + 0.5},
		"a level beyond":       {[]float64{0, 3, 0}, 0.25 - 1 + 0.5},
		"infinities":           {[]float64{math.Inf(1), math.Inf(1), 0}, 0.25 + 2 + 0.5},
		"the other infinity":   {[]float64{math.Inf(-1), math.Inf(-1), 0}, 0.25 - 1 + 0.5},
		"between two levels":   {[]float64{0, 1.5, 0}, 0.25 - 1 - 0.5},
		"last level goes left": {[]float64{0, 2, 0}, 0.25 - 1 + 0.5},
	} {
		p := make([]float64, 2)
		m.Predict(p, c.x)
		if want := 1 / (1 + math.Exp(-c.score)); p[1] != want || p[0] != 1-want {
			t.Errorf("%s: %v, want %v", name, p, want)
		}
	}
}

// TestPlainWalkIsTheSame: the walk without branches, four trees at a time, and the walk that knows missing values give the same bits.
func TestPlainWalkIsTheSame(t *testing.T) {
	features := []Feature{{Name: "a"}, {Name: "b"}, {Name: "unused"}}
	for _, trees := range []int{1, 3, 4, 5, 11} {
		for _, outputs := range []int{1, 3} {
			e := NewTrees(Softmax, features, make([]float64, outputs))
			for i := range trees {
				v := float64(i + 1)
				tree := []Node{{Feature: -1, Value: v}} // of growing depth: the right child is split again and again
				for depth := range i % 6 {
					tree[len(tree)-1] = Node{Feature: depth % 2, Threshold: v - 3*float64(depth)}
					tree = append(tree, Node{Feature: -1, Value: 0.1 * v}, Node{Feature: -1, Value: 0.01 * float64(depth)})
				}
				if err := e.Add(tree); err != nil {
					t.Fatal(err)
				}
			}
			fast, slow := make([]float64, outputs), make([]float64, outputs)
			for a := -13.5; a < 14; a++ {
				for b := -13.0; b < 14; b++ {
					e.Raw(fast, []float64{a, b, 0})
					e.Raw(slow, []float64{a, b, math.NaN()})
					if !slices.Equal(fast, slow) {
						t.Fatalf("%d trees at (%g, %g): %v and %v", trees, a, b, fast, slow)
					}
				}
			}
		}
	}
}

func TestTreesRefuseWhatIsMalformed(t *testing.T) {
	leaf := Node{Feature: -1}
	chain := make([]Node, 0, 2*MaxDepth+3)
	for range MaxDepth + 1 {
		chain = append(chain, Node{Feature: 0}, leaf)
	}
	chain = append(chain, leaf)
	chain[1], chain[0] = chain[0], Node{Feature: 0} // root, then (inner, leaf), (inner, leaf), ..
	for name, tree := range map[string][]Node{
		"no node":                {},
		"two nodes":              {leaf, leaf},
		"orphans":                {leaf, leaf, leaf},
		"children missing":       {{Feature: 0}},
		"one child missing":      {{Feature: 0}, {Feature: 0}, leaf},
		"unknown feature":        {{Feature: 2}, leaf, leaf},
		"negative feature":       {{Feature: -2}, leaf, leaf},
		"threshold not a number": {{Feature: 0, Threshold: math.NaN()}, leaf, leaf},
		"infinite threshold":     {{Feature: 0, Threshold: math.Inf(1)}, leaf, leaf},
		"infinite leaf":          {{Feature: -1, Value: math.Inf(1)}},
		"a number split by set":  {{Feature: 0, Left: []uint64{1}}, leaf, leaf},
		"a set too long":         {{Feature: 1, Left: []uint64{1, 0}}, leaf, leaf},
		"a set too short":        {{Feature: 1}, leaf, leaf},
		"a level too many":       {{Feature: 1, Left: []uint64{8}}, leaf, leaf},
		"too deep":               chain,
	} {
		e := NewTrees(Logit, []Feature{{Name: "n"}, {Name: "c", Kind: dataset.Categorical, Levels: []string{"a", "b", "c"}}}, []float64{0})
		if err := e.Add(tree); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if len(e.roots) != 0 || len(e.nodes)+len(e.value)+len(e.sets) != 0 {
			t.Errorf("%s: a refused tree left something behind", name)
		}
	}
}

func TestRow(t *testing.T) {
	m := example(t)
	nan := math.NaN()
	type record = map[string]any
	for name, c := range map[string]struct {
		in    record
		want  []float64
		codes string // field:code, in order
	}{
		"plain":                  {record{"age": 54.0, "cp": "b", "sex": 1.0}, []float64{54, 1, 1}, ""},
		"json numbers":           {record{"age": json.Number("54"), "cp": "c", "sex": json.Number("0")}, []float64{54, 2, 0}, ""},
		"go integers":            {record{"age": 54, "cp": "c", "sex": int64(1)}, []float64{54, 2, 1}, ""},
		"truth for 0/1":          {record{"age": 54.0, "cp": "a", "sex": true}, []float64{54, 0, 1}, ""},
		"null is missing":        {record{"age": nil, "cp": nil, "sex": nil}, []float64{nan, nan, nan}, ""},
		"usual texts of missing": {record{"age": "?", "cp": "NA", "sex": ""}, []float64{nan, nan, nan}, ""},
		"nullable may be absent": {record{"cp": "a", "sex": 0.0}, []float64{nan, 0, 0}, ""},
		"unseen level":           {record{"age": 1.0, "cp": "z", "sex": 0.0}, []float64{1, -1, 0}, "cp:unknown_category"},
		"everything at once": {record{"age": "54", "cp": []any{1}, "sexe": 1.0, "zzz": nil}, []float64{nan, nan, nan},
			"age:wrong_type cp:wrong_type sex:missing sexe:unknown_field zzz:unknown_field"},
		"infinite":               {record{"age": math.Inf(1), "cp": "a", "sex": json.Number("1e999")}, []float64{nan, 0, nan}, "age:non_finite sex:non_finite"},
		"truth for a wide range": {record{"age": true, "cp": "a", "sex": 1.0}, []float64{nan, 0, 1}, "age:wrong_type"},
		"not a number":           {record{"age": json.Number("x"), "cp": "a", "sex": 1.0}, []float64{nan, 0, 1}, "age:wrong_type"},
	} {
		x, problems := m.Row(c.in)
		var codes []string
		for _, p := range problems {
			codes = append(codes, p.Field+":"+p.Code)
		}
		if got := strings.Join(codes, " "); got != c.codes {
			t.Errorf("%s: problems %q, want %q", name, got, c.codes)
		}
		for i := range x {
			if x[i] != c.want[i] && !(math.IsNaN(x[i]) && math.IsNaN(c.want[i])) {
				t.Errorf("%s: row %v, want %v", name, x, c.want)
			}
		}
		if b, err := json.Marshal(problems); err != nil {
			t.Errorf("%s: problems as JSON: %v %s", name, err, b)
		}
	}
	_, problems := m.Row(record{"age": 1.0, "cp": "a", "sexe": 1.0})
	if last := problems[len(problems)-1]; last.Expected != "perhaps sex" {
		t.Errorf("sexe: %+v", last)
	}
}

// TestNumbersAsCategories: a column that was declared categorical may hold numbers, whose texts have more than one form.
func TestNumbersAsCategories(t *testing.T) {
	m := &Model{Features: []Feature{{Name: "thal", Kind: dataset.Categorical, Levels: []string{"3", "6.0", "7", "True"}}}}
	for in, want := range map[any]float64{3.0: 0, json.Number("3.0"): 0, json.Number("6.0"): 1, 6.0: 1, json.Number("7"): 2, true: 3, 8.0: -1, false: -1} {
		if x, _ := m.Row(map[string]any{"thal": in}); x[0] != want {
			t.Errorf("%v is level %v, want %v", in, x[0], want)
		}
	}
	f := &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("thal", []float64{7, math.NaN(), 6, 9})}}
	x, err := m.Matrix(f)
	if err != nil || x[0] != 2 || !math.IsNaN(x[1]) || x[2] != 1 || x[3] != -1 {
		t.Errorf("as a column: %v, %v", x, err)
	}
}

func TestMatrix(t *testing.T) {
	m := example(t)
	missing := func(s string) bool { return s == "" }
	f, err := dataset.NewFrame(
		dataset.CategoricalColumn("note", []string{"x", "y", "z"}, nil),
		dataset.CategoricalColumn("cp", []string{"c", "", "new"}, missing),
		dataset.NumericColumn("sex", []float64{0, 1, math.NaN()}),
		dataset.CategoricalColumn("age", []string{"", "", ""}, missing), // a column without values has no kind to speak of
	)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Matrix(f)
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	want := []float64{nan, 2, 0, nan, nan, 1, nan, -1, nan}
	for i := range want {
		if x[i] != want[i] && !(math.IsNaN(x[i]) && math.IsNaN(want[i])) {
			t.Fatalf("matrix %v, want %v", x, want)
		}
	}
	f, _ = dataset.NewFrame(dataset.CategoricalColumn("age", []string{"old"}, nil), dataset.NumericColumn("cp", []float64{1}))
	_, err = m.Matrix(f)
	var fields []string
	for _, d := range fault.Details(err) {
		fields = append(fields, d.Field+":"+d.Code)
	}
	if got := strings.Join(fields, " "); got != "age:wrong_type sex:missing" {
		t.Errorf("problems %q", got)
	}
}

func TestPredictFrameIsRowByRow(t *testing.T) {
	m := example(t)
	n := 3*predictRows + 17
	age, cp, sex := make([]float64, n), make([]string, n), make([]float64, n)
	for i := range n {
		age[i], cp[i], sex[i] = float64(i%90), []string{"a", "b", "c", "d"}[i%4], float64(i%2)
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("sex", sex), dataset.NumericColumn("age", age), dataset.CategoricalColumn("cp", cp, nil))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.PredictFrame(f)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]float64, 2)
	for i := range n {
		x, _ := m.Row(map[string]any{"age": age[i], "cp": cp[i], "sex": sex[i]})
		if m.Predict(p, x); !slices.Equal(p, got[2*i:2*i+2]) {
			t.Fatalf("row %d: %v alone, %v in the table", i, p, got[2*i:2*i+2])
		}
	}
}

func TestClass(t *testing.T) {
	for name, c := range map[string]struct {
		m    Model
		p    []float64
		want int
	}{
		"at the threshold":  {Model{Task: dataset.Binary, Threshold: 0.3}, []float64{0.7, 0.3}, 1},
		"below it":          {Model{Task: dataset.Binary, Threshold: 0.3}, []float64{0.8, 0.2}, 0},
		"most probable":     {Model{Task: dataset.Multiclass}, []float64{0.2, 0.5, 0.3}, 1},
		"the first of ties": {Model{Task: dataset.Multiclass}, []float64{0.4, 0.4, 0.2}, 0},
		"a value":           {Model{Task: dataset.Regression}, []float64{3}, -1},
	} {
		if got := c.m.Class(c.p); got != c.want {
			t.Errorf("%s: class %d, want %d", name, got, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	e, ok := example(t).Explain([]float64{60, 1, 0}, 0)
	want := Explanation{Method: "Saabas path attribution relative to the training mean (approximate: not Shapley values)", Class: "1",
		Base: 0.25 + 0.5 + 0.1, Contributions: []Contribution{{"age", 1.5}, {"cp", -0.6}, {"sex", 0}}}
	want.Score = want.Base + 1.5 - 0.6
	if math.Abs(e.Score-want.Score) < 1e-12 {
		want.Score = e.Score
	}
	if !ok || !reflect.DeepEqual(e, want) {
		t.Errorf("got %+v\nwant %+v", e, want)
	}
	b := Model{Task: dataset.Multiclass, Classes: []string{"a", "b", "c"}, Features: make([]Feature, 2), Predictor: &Baseline{Task: dataset.Multiclass, P: []float64{0.5, 0.3, 0.2}}}
	if e, ok := b.Explain(make([]float64, 2), 2); !ok || e.Class != "c" || e.Score != math.Log(0.2) || e.Base != e.Score {
		t.Errorf("the baseline's explanation is %+v", e)
	}
	if _, ok := b.Explain(make([]float64, 2), 3); ok {
		t.Error("a class that there is not was explained")
	}
}

func TestCheckNamesEverything(t *testing.T) {
	m := &Model{Task: dataset.Binary, Classes: []string{"a"}, Threshold: 2, Features: []Feature{
		{Name: "x", Min: math.NaN()}, {Name: "x", Missing: 2}, {Name: "y", Kind: dataset.Categorical, Levels: []string{"b", "a"}}, {Kind: 7}}}
	err := m.Check()
	if got := len(fault.Details(err)); got != 8 {
		t.Errorf("%d problems, want 8: %v", got, fault.Details(err))
	}
	m = example(t)
	m.Predictor = fake{}
	if err := m.Check(); !fault.Is(err, fault.Invalid) {
		t.Errorf("a foreign predictor: %v", err)
	}
	var f *fault.Error
	if _, err := m.Encode(); !errors.As(err, &f) {
		t.Errorf("a foreign predictor was encoded: %v", err)
	}
}

// fake is a predictor from outside this package.
type fake struct{}

func (fake) Predict(dst, x []float64) {}
func (fake) Width() int               { return 2 }

func TestNearest(t *testing.T) {
	known := []string{"trees", "leaves", "learning_rate", "l2", "min_leaf"}
	for in, want := range map[string]string{"tree": "trees", "Leafs": "leaves", "num_leaves": "leaves", "learnin_rate": "learning_rate", "L2": "l2", "zzz": "", "": "", strings.Repeat("x", 1000): ""} {
		if got := Nearest(in, known); got != want {
			t.Errorf("%.20q is nearest to %q, want %q", in, got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	m := example(t)
	artefact, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	d := m.Describe(artefact)
	d.Name, d.Params = "heart", map[string]any{"leaves": 7, "l2": 1.0}
	a, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var back Metadata
	if err := json.Unmarshal(a, &back); err != nil || back.SHA256 != Digest(artefact) || back.Features[1].Levels[2] != "c" || *back.Threshold != 0.5 {
		t.Errorf("read back: %v %+v", err, back)
	}
	if b, _ := d.Encode(); string(a) != string(b) {
		t.Error("the same metadata were written differently")
	}
	if names := m.FeatureNames(); string(names) != "[\"age\",\"cp\",\"sex\"]\n" {
		t.Errorf("feature names %s", names)
	}
}

// TestLogLink: the prediction is the exponential of the raw score, which is what the explanation adds up to, and finite however great that is.
func TestLogLink(t *testing.T) {
	c := counting(t, []Feature{{Name: "a"}, {Name: "b", Kind: dataset.Categorical, Levels: []string{"x"}}, {Name: "n"}})
	got, raw, parts := []float64{0}, []float64{0}, make([]float64, 4)
	if c.Width() != 1 || c.Outputs() != 1 {
		t.Errorf("%d numbers of %d scores, want one of one", c.Width(), c.Outputs())
	}
	for x, want := range map[float64]float64{0: math.Exp(1.5), 1: math.Exp(-1.5), 10: MaxValue} {
		row := []float64{0, 0, x}
		c.Predict(got, row)
		c.Raw(raw, row)
		c.Explain(parts, row)
		if math.Abs(got[0]-want) > 1e-15*want {
			t.Errorf("at %g it predicts %v, want %v", x, got[0], want)
		}
		if sum := parts[0] + parts[1] + parts[2] + parts[3]; math.Abs(sum-raw[0]) > 1e-12 {
			t.Errorf("at %g the parts sum to %v, the score is %v", x, sum, raw[0])
		}
	}
	m := &Model{Task: dataset.Binary, Classes: []string{"a", "b"}, Features: []Feature{{Name: "n"}}, Predictor: NewTrees(Log, []Feature{{Name: "n"}}, []float64{0})}
	if err := m.Check(); err == nil {
		t.Error("a logarithm was taken for a class")
	}
}
