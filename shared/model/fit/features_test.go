package fit

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// oracle is testdata/oracle/features.json; null is a missing value.
type oracle struct {
	Number    []*float64
	City      []string
	Y         []float64
	Smoothing float64
	Impute    map[string][]*float64
	Scale     map[string][]*float64
	Clip      []*float64
	Yeo       struct {
		Lambda float64
		Values []*float64
	} `json:"yeo_johnson"`
	Log1p   []*float64
	Bin     map[string][]*float64
	Ordinal []*float64
	OneHot  map[string][]*float64 `json:"one_hot"`
	Target  []*float64
}

func optional(v []*float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		if out[i] = math.NaN(); x != nil {
			out[i] = *x
		}
	}
	return out
}

// same fails unless two columns agree to within tolerance.
func same(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance*max(1, math.Abs(want[i]))) && !(got[i] != got[i] && want[i] != want[i]) {
			t.Errorf("%s: value %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}

// answered are the engineered columns by name as the fitted steps make them of d's rows, which is what a request gets.
func answered(t *testing.T, d *Data, steps ...RecipeStep) map[string][]float64 {
	t.Helper()
	p, err := Engineered{Recipe: Recipe{Steps: steps}, Inner: Baseline{}}.Fit(d, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, out := p.(*model.Pipeline), map[string][]float64{}
	x, dst := make([]float64, len(d.Features)), make([]float64, len(l.Engineered()))
	for i := range d.Rows {
		d.Row(i, x)
		l.Engineer(dst, x)
		for j, f := range l.Engineered() {
			out[f.Name] = append(out[f.Name], dst[j])
		}
	}
	return out
}

// small is a table of a number and a city.
func small(t *testing.T, number []float64, city []string, y []float64) *Data {
	t.Helper()
	f := &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("n", number), dataset.CategoricalColumn("city", city, func(s string) bool { return s == "" })}}
	d, err := NewData(f, dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStepsAgainstScikitLearn(t *testing.T) {
	b, err := os.ReadFile("../../../testdata/oracle/features.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	d := small(t, optional(o.Number), o.City, o.Y)
	for how, want := range o.Impute {
		same(t, "impute "+how, answered(t, d, RecipeStep{Step: "impute", How: how, Columns: []string{"n"}})["n"], optional(want), 1e-12)
	}
	for how, want := range o.Scale {
		same(t, "scale "+how, answered(t, d, RecipeStep{Step: "scale", How: how})["n"], optional(want), 1e-12)
	}
	same(t, "clip", answered(t, d, RecipeStep{Step: "clip", Low: 0.1, High: 0.8})["n"], optional(o.Clip), 1e-12)
	same(t, "log1p", answered(t, d, RecipeStep{Step: "transform", How: "log1p"})["n"], optional(o.Log1p), 1e-12)
	same(t, "yeo_johnson", answered(t, d, RecipeStep{Step: "transform", How: "yeo_johnson"})["n"], optional(o.Yeo.Values), 1e-6)
	same(t, "lambda", []float64{yeoJohnson((&made{values: optional(o.Number)}).known())}, []float64{o.Yeo.Lambda}, 1e-7)
	for how, want := range o.Bin { // of the rows with a value only, as scikit-learn bins no others
		var got []float64
		for _, v := range answered(t, d, RecipeStep{Step: "bin", How: how, Bins: 4})["n"] {
			if v == v {
				got = append(got, v)
			}
		}
		same(t, "bin "+how, got, optional(want), 0)
	}
	same(t, "ordinal", answered(t, d, RecipeStep{Step: "encode", How: "ordinal"})["city"], optional(o.Ordinal), 0)
	hot := answered(t, d, RecipeStep{Step: "encode", How: "one_hot"})
	for level, want := range o.OneHot {
		same(t, "one_hot "+level, hot["city="+level], optional(want), 0)
	}
	same(t, "target", answered(t, d, RecipeStep{Step: "encode", How: "target", Smooth: &o.Smoothing})["city"], optional(o.Target), 1e-12)
}

// TestTargetEncodingIsCrossFitted: what the estimator is fitted to is, row by row, what the other folds' rows say; worked out here without sharing code.
func TestTargetEncodingIsCrossFitted(t *testing.T) {
	const rows, folds, smooth = 90, 3, 2.0
	number, city, y := make([]float64, rows), make([]string, rows), make([]float64, rows)
	for i := range rows {
		city[i] = []string{"a", "b", "", "c", "d"}[i*i%5]
		if i == 7 {
			city[i] = "once"
		}
		if i%7 < 3 {
			y[i] = 1
		}
	}
	d := small(t, number, city, y)
	s := smooth
	got, err := Recipe{Steps: []RecipeStep{{Step: "drop", Columns: []string{"n"}}, {Step: "encode", How: "target", Smooth: &s, Folds: folds}}}.Engineer(d, Options{Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	fold := dataset.Folds(d.Labels, folds, 9)
	want := make([]float64, rows)
	for i := range rows {
		var sum, n, all, total float64
		for k := range rows {
			if fold[k] == fold[i] {
				continue
			}
			all, total = all+y[k], total+1
			if city[k] == city[i] {
				sum, n = sum+y[k], n+1
			}
		}
		if want[i] = all / total; n > 0 {
			want[i] = (sum + smooth*all/total) / (n + smooth)
		}
	}
	same(t, "cross-fitted", got.Column(0), want, 1e-12)
}

func TestMissingAndUnseen(t *testing.T) {
	nan := math.NaN()
	d := small(t, []float64{1, nan, 3, 4, nan, 6}, []string{"a", "", "b", "b", "c", ""}, []float64{0, 1, 0, 1, 0, 1})
	got := answered(t, d, RecipeStep{Step: "impute", How: "constant", Value: "aa", Flag: true}, RecipeStep{Step: "encode", How: "one_hot"})
	same(t, "a new level", got["city=aa"], []float64{0, 1, 0, 0, 0, 1}, 0)
	same(t, "the level behind it", got["city=b"], []float64{0, 0, 1, 1, 0, 0}, 0)
	same(t, "the indicator", got["city is missing"], []float64{0, 1, 0, 0, 0, 1}, 0)
	got = answered(t, d, RecipeStep{Step: "encode", How: "one_hot", Levels: 1}, RecipeStep{Step: "impute", How: "constant", Value: -1, Columns: []string{"n"}, Flag: true})
	if _, there := got["city=a"]; there || len(got) != 4 {
		t.Errorf("the one most frequent level was asked for: %v", got)
	}
	same(t, "n", got["n"], []float64{1, -1, 3, 4, -1, 6}, 0)
	got = answered(t, d, RecipeStep{Step: "encode", How: "ordinal", Order: []string{"c", "b", "a"}}, RecipeStep{Step: "combine", How: "ratio", Columns: []string{"n", "city"}, Name: "r"},
		RecipeStep{Step: "combine", How: "difference", Columns: []string{"n", "city"}})
	same(t, "order", got["city"], []float64{2, nan, 1, 1, 0, nan}, 0)
	same(t, "ratio", got["r"], []float64{0.5, nan, 3, 4, nan, nan}, 0)
	same(t, "difference", got["n-city"], []float64{-1, nan, 2, 3, nan, nan}, 0)
	_, err := Recipe{Steps: []RecipeStep{{Step: "encode", How: "ordinal", Order: []string{"c", "B"}}}}.Engineer(d, Options{})
	if d := fmt.Sprint(fault.Details(err)); len(fault.Details(err)) != 2 {
		t.Errorf("two levels without a place: %v", d)
	}
}

func TestRecipeFaults(t *testing.T) {
	bad := -1.0
	for _, c := range []struct {
		field string
		step  RecipeStep
	}{
		{"step", RecipeStep{Step: "inpute", How: "mean"}}, {"how", RecipeStep{Step: "impute"}}, {"how", RecipeStep{Step: "clip", How: "mean"}},
		{"value", RecipeStep{Step: "impute", How: "mean", Value: 1}}, {"value", RecipeStep{Step: "impute", How: "constant"}}, {"value", RecipeStep{Step: "impute", How: "constant", Value: math.Inf(1)}},
		{"indicator", RecipeStep{Step: "clip", Flag: true}}, {"low", RecipeStep{Step: "clip", Low: 0.9, High: 0.8}}, {"high", RecipeStep{Step: "clip", High: 1.5}},
		{"bins", RecipeStep{Step: "bin", How: "uniform", Bins: 1000}}, {"order", RecipeStep{Step: "encode", How: "target", Order: []string{"a"}}},
		{"order", RecipeStep{Step: "encode", How: "ordinal", Order: []string{"a", "a"}}}, {"levels", RecipeStep{Step: "encode", How: "one_hot", Levels: -1}},
		{"smoothing", RecipeStep{Step: "encode", How: "target", Smooth: &bad}}, {"folds", RecipeStep{Step: "encode", How: "target", Folds: 1}},
		{"columns", RecipeStep{Step: "combine", How: "product", Columns: []string{"a"}}}, {"columns", RecipeStep{Step: "drop"}}, {"columns[0]", RecipeStep{Step: "clip", Columns: []string{"[a"}}},
		{"name", RecipeStep{Step: "scale", How: "robust", Name: "x"}},
	} {
		err := Recipes{Datasets: map[string]Recipe{"d": {Steps: []RecipeStep{c.step}}}}.Validate()
		found := false
		for _, d := range fault.Details(err) {
			found = found || d.Field == "datasets.d.steps[0]."+c.field
		}
		if !found {
			t.Errorf("%+v: no fault of %s: %v", c.step, c.field, fault.Details(err))
		}
	}
}

func TestRecipeHasABound(t *testing.T) {
	const rows = 6000
	number, city, y := make([]float64, rows), make([]string, rows), make([]float64, rows)
	for i := range rows {
		city[i], y[i] = fmt.Sprint("c", i), float64(i%2)
	}
	d := small(t, number, city, y)
	_, err := Recipe{Steps: []RecipeStep{{Step: "encode", How: "one_hot"}, {Step: "scale", How: "robust"}}}.Engineer(d, Options{})
	if p := fault.Details(err); len(p) != 1 || p[0].Code != "too_many" || p[0].Field != "steps[0]" {
		t.Errorf("6,000 indicators: %v", p)
	}
	if _, err = (Recipe{Steps: []RecipeStep{{Step: "drop", Columns: []string{"*"}}}}).Engineer(d, Options{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("nothing is left: %v", err)
	}
}
