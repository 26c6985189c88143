package drift

import (
	"math"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Labels whose distribution moved are a finding of their own, of every task, in the corrected family; so is a window of one class.
func TestTargetDrift(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		w := newWorld(71)
		p, err := NewProfile(w.reference(task, 3000))
		if err != nil {
			t.Fatal(err)
		}
		predictions, l := w.task(task, 2000, 2, 0)
		window := Window{Frame: w.plain(2000), Predictions: predictions, Labels: l.Y}
		if r := measure(t, p, window); len(r.Findings) > 0 || r.Columns[TargetColumn] == nil || r.Columns[TargetColumn].Drifted || r.NumberOfColumns != 3 {
			t.Errorf("%s, as it was: %v", task, r.Reasons)
		}
		moved, one := window, window
		moved.Labels, one.Labels = append([]float64(nil), l.Y...), make([]float64, 2000)
		for i := range moved.Labels {
			switch {
			case task == dataset.Regression:
				moved.Labels[i] += 4
			case w.Float64() < 0.2:
				moved.Labels[i] = 1
			}
		}
		if r := measure(t, p, moved); len(r.Of(Target)) != 1 || r.Of(Target)[0].Feature != TargetColumn || !r.DatasetDrift {
			t.Errorf("%s, moved: %v", task, r.Reasons)
		}
		if r := measure(t, p, one); task != dataset.Regression && (len(r.Of(OneClass)) != 1 || !strings.Contains(r.Of(OneClass)[0].Text, "of one class")) {
			t.Errorf("%s, of one class: %v", task, r.Reasons)
		} else {
			text(t, r)
		}
		none := window
		none.Labels = w.numbers(2000, math.NaN)
		if r := measure(t, p, none); r.Columns[TargetColumn] != nil || r.NoRealised == "" || r.Labelling.Labels != 0 || r.Labelling.Basis != BasisEstimated {
			t.Errorf("%s, no label: %+v %s", task, r.Labelling, r.NoRealised)
		}
	}
}

// Whatever predictions and labels hold has a name, and nothing panics.
func TestBadAnswers(t *testing.T) {
	w := newWorld(72)
	binary, err := NewProfile(w.reference(dataset.Binary, 2000))
	if err != nil {
		t.Fatal(err)
	}
	r := w.reference(dataset.Regression, 2000)
	for i := range r.Labels.Y {
		r.Labels.Y[i], r.Predictions[i] = math.Abs(r.Labels.Y[i]), math.Abs(r.Predictions[i])
	}
	house, err := NewProfile(r)
	if err != nil {
		t.Fatal(err)
	}
	const n = 500
	for _, c := range []struct {
		name     string
		p        *Profile
		change   func(*Window)
		kind     string
		severity string
		says     string
	}{
		{"scores outside [0, 1]", binary, func(w *Window) { w.Predictions[0], w.Predictions[1] = -0.5, 1.5 }, BadPrediction, SeverityWarn, "outside [0, 1]"},
		{"scores in percent", binary, func(w *Window) {
			for i := range w.Predictions {
				w.Predictions[i] *= 100
			}
		}, BadPrediction, SeverityAlert, "outside [0, 1]"},
		{"scores that do not sum to one", binary, func(w *Window) { w.Predictions[7] += 0.1 * (0.5 - w.Predictions[7]) }, "", "", ""},
		{"half a score", binary, func(w *Window) { w.Predictions[6] = math.NaN() }, BadPrediction, SeverityWarn, "not a number for some classes"},
		{"infinite values", house, func(w *Window) { w.Predictions[3] = math.Inf(1) }, BadPrediction, SeverityWarn, "infinite"},
		{"no prediction at all", binary, func(w *Window) {
			for i := range w.Predictions {
				w.Predictions[i] = math.NaN()
			}
		}, AllNull, SeverityAlert, "no value in any"},
		{"labels of a class never seen", binary, func(w *Window) { w.OtherClasses = map[string]int{"maybe": 40, "perhaps": 2} }, UnknownClass, SeverityAlert, `"maybe", "perhaps"`},
		{"labels without a row", binary, func(w *Window) { w.Unmatched = 300 }, UnmatchedLabel, SeverityWarn, "belong to no row"},
		{"negative targets", house, func(w *Window) { w.Labels[0], w.Labels[1] = -3, -4 }, NegativeTarget, SeverityWarn, "2 of 500 labels are negative (least -4)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			predictions, l := w.task(c.p.Task, n, 2, 0)
			if c.p == house {
				for i := range l.Y {
					l.Y[i], predictions[i] = math.Abs(l.Y[i]), math.Abs(predictions[i])
				}
			}
			window := Window{Frame: w.plain(n), Predictions: predictions, Labels: l.Y}
			c.change(&window)
			r := measure(t, c.p, window)
			text(t, r)
			found := r.Of(c.kind)
			if c.kind == "" {
				return
			}
			if len(found) == 0 || found[0].Severity != c.severity || !strings.Contains(found[0].Text, c.says) {
				t.Fatalf("%+v\n%v", r.Findings, r.Reasons)
			}
			if stray := c.severity == SeverityWarn; stray && r.DatasetDrift {
				t.Errorf("a stray value is no drift: %v", r.Reasons)
			}
		})
	}
	window := Window{Frame: w.plain(n), Labels: w.numbers(n, func() float64 { return 2 })}
	if _, err := Measure(binary, window, DefaultPolicy()); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error()+fault.Details(err)[0].Expected, "2 classes") {
		t.Errorf("a class index beyond the classes: %v", err)
	}
	window.Labels, window.Delays = nil, []float64{1}
	if _, err := Measure(binary, window, DefaultPolicy()); !fault.Is(err, fault.Invalid) {
		t.Errorf("one delay for %d rows: %v", n, err)
	}
}

// How far the labels have come is said, and from MinLabels on they replace the estimate.
func TestLabelling(t *testing.T) {
	w := newWorld(73)
	p, err := NewProfile(w.reference(dataset.Binary, 2000))
	if err != nil {
		t.Fatal(err)
	}
	predictions, l := w.task(dataset.Binary, 400, 2, 0)
	window := Window{Frame: w.plain(400), Predictions: predictions, Labels: l.Y, Delays: make([]float64, 400)}
	for i := range window.Labels {
		if window.Delays[i] = float64(i % 10); i%4 > 0 {
			window.Labels[i] = math.NaN()
		}
	}
	r := measure(t, p, window)
	if g := r.Labelling; g == nil || g.Labels != 100 || g.Share != 0.25 || g.MedianDelay != 4 || g.DelaysKnown != 100 || g.Basis != BasisRealised || r.Estimated == nil || r.Realised == nil {
		t.Errorf("%+v", g)
	}
	for i := range 240 {
		window.Labels[i] = math.NaN()
	}
	if r := measure(t, p, window); r.Labelling.Labels != 40 || r.Labelling.Basis != BasisEstimated || r.Estimated == nil || r.Realised != nil || r.NoRealised != "40 labelled rows, it takes 50" {
		t.Errorf("%+v %s", r.Labelling, r.NoRealised)
	}
}
