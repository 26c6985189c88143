package training

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// noise is a table in which nothing predicts the target: a number, and a category of so many levels.
func noise(rows, levels int) (*dataset.Frame, dataset.Labels) {
	r := rand.New(rand.NewPCG(3, 4))
	number, city := make([]float64, rows), make([]string, rows)
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"no", "yes"}, Y: make([]float64, rows)}
	for i := range rows {
		number[i], city[i], l.Y[i] = r.NormFloat64(), fmt.Sprintf("c%03d", r.IntN(levels)), float64(r.IntN(2))
	}
	return &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("number", number), dataset.CategoricalColumn("city", city, func(s string) bool { return s == "" })}}, l
}

func TestTargetEncodingOfNoiseIsNoise(t *testing.T) {
	f, l := noise(1500, 300)
	none := 0.0
	for name, smooth := range map[string]*float64{"smoothed": nil, "not smoothed": &none} {
		s := Spec{Algorithm: "linear", Params: map[string]any{"C": 1.0}, Recipe: fit.Recipe{Steps: []fit.RecipeStep{{Step: "encode", How: "target", Smooth: smooth}}}}
		r, err := Train(f, l, given(t, s), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if auc := float64(r.CV["auc"].Value); math.Abs(auc-0.5) > 0.05 {
			t.Errorf("%s: a category that says nothing, encoded by target, is cross-validated to an AUC of %.3f", name, auc)
		}
		again, err := r.Model.PredictFrame(f) // were the training rows' own encodings used, the weight would be large and this near 1
		if err != nil {
			t.Fatal(err)
		}
		var spread float64
		for i := range l.Y {
			spread = max(spread, math.Abs(again[2*i]-0.5))
		}
		if spread > 0.3 {
			t.Errorf("%s: a noise model answers up to %.2f away from 0.5", name, spread)
		}
	}
}

func TestRecipeIsCarriedAndRepeatable(t *testing.T) {
	f, l := population(dataset.Binary, 300, 1, true)
	names := f.Names()
	s := Spec{Seed: 5, Recipe: fit.Recipe{Steps: []fit.RecipeStep{{Step: "impute", How: "median", Flag: true}, {Step: "combine", How: "product", Columns: names[:2]}, {Step: "scale", How: "standard"},
		{Step: "encode", How: "target"}}}}
	first, err := Train(f, l, given(t, s), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Threads = 4
	second, err := Train(f, l, given(t, s), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := encode(t, first.Model), encode(t, second.Model)
	if !bytes.Equal(a, b) {
		t.Error("trained twice, the artefacts differ")
	}
	back, err := model.Decode(a)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := back.Predictor.(*model.Pipeline); !ok || len(back.Features) != len(names) {
		t.Errorf("the artefact holds a %T on %d columns", back.Predictor, len(back.Features))
	}
	want, _ := first.Model.PredictFrame(f)
	if got, err := back.PredictFrame(f); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the artefact predicts otherwise: %v", err)
	}
}

func encode(t *testing.T, m *model.Model) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// leaky is noise with columns that give the target away, each in its own fashion, and some that only seem to.
func leaky(task dataset.Task) (*dataset.Frame, dataset.Labels) {
	f, l := noise(600, 5)
	r := rand.New(rand.NewPCG(8, 8))
	rows := l.Len()
	order, middle, code, id, weak := make([]float64, rows), make([]float64, rows), make([]string, rows), make([]string, rows), make([]float64, rows)
	if task == dataset.Multiclass {
		l.Task, l.Classes = task, []string{"a", "b", "c"}
	}
	if task == dataset.Regression {
		l.Task, l.Classes = task, nil
	}
	for i := range rows {
		switch task {
		case dataset.Multiclass:
			l.Y[i] = float64(r.IntN(3))
		case dataset.Regression:
			l.Y[i] = float64(r.IntN(40))
		}
		y := l.Y[i]
		order[i] = -3*y + 0.01*r.NormFloat64()
		middle[i] = math.Mod(7*y, 40) // an order that is not the target's
		code[i] = fmt.Sprintf("k%d-%d", int(y), r.IntN(2))
		id[i] = fmt.Sprintf("id%04d", i)
		weak[i] = y + 3*r.NormFloat64()*max(1, y)
	}
	missing := func(s string) bool { return s == "" }
	f.Columns = append(f.Columns, dataset.NumericColumn("order", order), dataset.NumericColumn("middle", middle), dataset.CategoricalColumn("code", code, missing),
		dataset.CategoricalColumn("id", id, missing), dataset.NumericColumn("weak", weak))
	return f, l
}

func TestLeaksAreNamed(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		f, l := leaky(task)
		s := Spec{Algorithm: "baseline"}
		r, err := Train(f, l, given(t, s), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range r.Leaks {
			got = append(got, k.Column)
			if k.Dropped || !(k.Value > 0.99) || !strings.Contains(k.String(), k.Column) {
				t.Errorf("%s: %+v: %s", task, k, k)
			}
		}
		if want := []string{"order", "middle", "code"}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: leaks %q, want %q", task, got, want)
		}
		s.Recipe.Leaks = fit.LeaksDrop
		if r, err = Train(f, l, given(t, s), nil, nil); err != nil {
			t.Fatal(err)
		}
		if names := r.Model.Features; len(names) != 4 || len(r.Leaks) != 3 || !r.Leaks[0].Dropped {
			t.Errorf("%s: dropped, the model reads %d columns, leaks %v", task, len(names), r.Leaks)
		}
		s.Recipe.Leaks = fit.LeaksRefuse
		if _, err = Train(f, l, given(t, s), nil, nil); !fault.Is(err, fault.Invalid) || len(fault.Details(err)) != 3 {
			t.Errorf("%s: refused with %v, %v", task, err, fault.Details(err))
		}
	}
}

func TestFewRowsLeakNothing(t *testing.T) {
	f, l := leaky(dataset.Binary)
	rows := make([]int, 40)
	for i := range rows {
		rows[i] = i
	}
	r, err := Train(f.Take(rows), l.Take(rows), Spec{Algorithm: "baseline"}, nil, nil)
	if err != nil || len(r.Leaks) > 0 {
		t.Errorf("of 40 rows: %v, %v", r.Leaks, err)
	}
}

func TestRecipeThatDoesNotSuit(t *testing.T) {
	f, l := noise(100, 5)
	s := Spec{Algorithm: "linear", Recipe: fit.Recipe{Leaks: "dorp", Steps: []fit.RecipeStep{{Step: "scael", How: "standard"}, {Step: "encode", How: "onehot"}, {Step: "bin", How: "quantile", Bins: 1}}}}
	_, err := Train(f, l, given(t, s), nil, nil)
	d := fmt.Sprint(fault.Details(err))
	for _, want := range []string{"leaks", "drop", "steps[0].step", "scale", "steps[1].how", "one_hot", "steps[2].bins"} {
		if !strings.Contains(d, want) {
			t.Errorf("%q is not in %v", want, d)
		}
	}
	s.Recipe = fit.Recipe{Steps: []fit.RecipeStep{{Step: "scale", How: "standard", Columns: []string{"numbre", "city"}}, {Step: "drop", Columns: []string{"x*"}}}}
	_, err = Train(f, l, given(t, s), nil, nil)
	d = fmt.Sprint(fault.Details(err))
	for _, want := range []string{"steps[0].columns[0]", "perhaps number", "steps[0].columns[1]", "encode it first", "steps[1].columns[0]"} {
		if !strings.Contains(d, want) {
			t.Errorf("%q is not in %v", want, d)
		}
	}
}
