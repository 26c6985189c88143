package drift

import (
	"math"
	"testing"

	"mlops/shared/dataset"
)

// Changes that must be found in a window of 10,000 rows, and what must be said of each.
func TestPower(t *testing.T) {
	w := newWorld(99)
	p := w.profile(t, 10000)
	for _, c := range []struct {
		name   string
		column string
		change func(*dataset.Column)
		kind   string
		check  func(Finding) bool
	}{
		{"a shift of 0.2 sd", "normal2", each1(func(x float64) float64 { return x + 0.2 }), Covariate, func(f Finding) bool { return math.Abs(float64(f.Effect)-0.2) < 0.04 && f.Unit == "sd" }},
		{"a shift of -0.2 sd", "normal3", each1(func(x float64) float64 { return x - 0.2 }), Covariate, func(f Finding) bool { return f.Effect < -0.15 }},
		{"twice the spread", "normal4", each1(func(x float64) float64 { return 2 * x }), Covariate, func(f Finding) bool { return math.Abs(float64(f.Effect)) < 0.1 }},
		{"a spike that fades", "spike", each1(func(x float64) float64 {
			if x > 0 && w.Float64() < 0.7 {
				return 0
			}
			return x
		}), Covariate, nil},
		{"twice as many missing, from 2 %", "gaps0", each1(func(x float64) float64 {
			if w.Float64() < 0.02 {
				return math.NaN()
			}
			return x
		}), MissingRate, func(f Finding) bool { return math.Abs(float64(f.Effect)-0.02) < 0.008 && f.Severity == SeverityWarn }},
		{"a surge of missing", "gaps1", each1(func(x float64) float64 {
			if w.Float64() < 0.6 {
				return math.NaN()
			}
			return x
		}), MissingRate, func(f Finding) bool { return f.Severity == SeverityAlert }},
		{"none is missing any more", "gaps2", each1(func(x float64) float64 {
			if math.IsNaN(x) {
				return 100 + 15*w.NormFloat64()
			}
			return x
		}), MissingRate, func(f Finding) bool { return f.Effect < -0.5 && f.Severity == SeverityWarn }},
		{"no value at all", "gaps2", each1(func(float64) float64 { return math.NaN() }), AllNull, nil},
		{"one value only", "gaps1", each1(func(float64) float64 { return 100 }), Constant, nil},
		{"x 100", "gaps1", each1(func(x float64) float64 { return 100 * x }), UnitChange, factor(100)},
		{"x 1/1000", "gaps2", each1(func(x float64) float64 { return x / 1000 }), UnitChange, factor(0.001)},
		{"inches to centimetres", "gaps0", each1(func(x float64) float64 { return 2.54 * x }), UnitChange, factor(2.54)},
		{"pounds to kilograms", "gaps0", each1(func(x float64) float64 { return x / 2.204622622 }), UnitChange, factor(1 / 2.204622622)},
		{"x 100, of both signs", "normal0", each1(func(x float64) float64 { return 100 * x }), UnitChange, factor(100)},
		{"x 1000, zeros among them", "spike", each1(func(x float64) float64 { return 1000 * x }), UnitChange, factor(1000)},
		{"x 100 of counts", "count1", each1(func(x float64) float64 { return 100 * x }), UnitChange, factor(100)},
		{"x 1/100 of counts, most of them zero or one", "count0", each1(func(x float64) float64 { return x / 100 }), UnitChange, factor(0.01)},
		{"a large shift is no unit", "gaps0", each1(func(x float64) float64 { return x + 150 }), Covariate, nil},
		{"two levels swapped", "levels4_8", levels(func(s string) string { return map[string]string{"v0000": "v0002", "v0002": "v0000"}[s] }), Covariate, func(f Finding) bool { return f.Effect > 0.2 }},
		{"a new level", "levels4_8", levels(func(s string) string {
			if w.Float64() < 0.02 {
				return "novel"
			}
			return s
		}), NewCategory, func(f Finding) bool {
			return math.Abs(float64(f.Effect)-0.02) < 0.005 && len(f.Levels) == 1 && f.Levels[0] == "novel"
		}},
		{"a level renamed", "levels4_8", levels(func(s string) string { return map[string]string{"v0003": "V0003"}[s] }), VanishedCategory, func(f Finding) bool { return f.Levels[0] == "v0003" }},
		{"every level new", "levels7_50", levels(func(s string) string { return s + "x" }), NewCategory, func(f Finding) bool { return f.Effect == 1 }},
		{"one level only", "levels4_8", levels(func(string) string { return "v0001" }), Constant, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			window := w.window(10000)
			c.change(window.Frame.Column(c.column))
			r := measure(t, p, window)
			d := r.Columns[c.column]
			if !r.DatasetDrift || !d.Drifted || r.NumberOfDrifted != 1 {
				t.Fatalf("drift %v, of %d columns: %v", r.DatasetDrift, r.NumberOfDrifted, r.Reasons)
			}
			found := r.Of(c.kind)
			if len(found) != 1 || found[0].Feature != c.column || c.check != nil && !c.check(found[0]) {
				t.Fatalf("%+v\n%v", r.Findings, r.Reasons)
			}
			if c.kind != Covariate && len(r.Of(Covariate)) > 0 && c.kind != VanishedCategory {
				t.Errorf("a covariate finding, too: %v", r.Reasons)
			}
			t.Log(found[0].Text)
		})
	}
}

func each1(change func(float64) float64) func(*dataset.Column) {
	return func(c *dataset.Column) {
		for i, x := range c.Float {
			c.Float[i] = change(x)
		}
	}
}

// levels changes the texts; "" leaves one as it is.
func levels(change func(string) string) func(*dataset.Column) {
	return func(c *dataset.Column) {
		texts := make([]string, c.Len())
		for i := range texts {
			if texts[i] = change(c.Text(i)); texts[i] == "" {
				texts[i] = c.Text(i)
			}
		}
		*c = dataset.CategoricalColumn(c.Name, texts, nil)
	}
}

func factor(want float64) func(Finding) bool {
	return func(f Finding) bool {
		return math.Abs(float64(f.Factor)-want) <= 1e-9*want && f.Severity == SeverityAlert
	}
}
