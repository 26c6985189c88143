package drift

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// While nothing is known of the performance, what counts is how much of the model rests on what drifted.
func TestVerdictWithoutPerformance(t *testing.T) {
	for _, c := range []struct {
		name       string
		importance map[string]float64
		verdict    string
		moved      float64 // importance
	}{
		{"one of three, importance not known", nil, Warn, 0},
		{"one of three, which hardly matters", map[string]float64{"a": 0.01, "b": 0.2, "c": 0.1}, Warn, 0.01},
		{"one of three, which is most of the model", map[string]float64{"a": 0.2, "b": 0.01, "c": 0.1}, Alert, 0.2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(51)
			frame := func(shift float64) *dataset.Frame {
				f := &dataset.Frame{}
				for _, name := range []string{"a", "b", "c"} {
					f.Columns = append(f.Columns, dataset.NumericColumn(name, w.numbers(1000, func() float64 { return w.NormFloat64() + shift })))
					shift = 0
				}
				return f
			}
			p, err := NewProfile(Reference{Frame: frame(0), Importance: c.importance})
			if err != nil {
				t.Fatal(err)
			}
			r := measure(t, p, Window{Frame: frame(0.5)})
			if r.Verdict != c.verdict || !r.DatasetDrift || r.NumberOfDrifted != 1 || math.Abs(float64(r.Share)-1.0/3) > 1e-12 || r.DriftedImportance() != c.moved {
				t.Errorf("%s, importance %g: %v", r.Verdict, r.DriftedImportance(), r.Reasons)
			}
		})
	}
}

// What a stored profile may not say.
func TestReadProfileRefuses(t *testing.T) {
	w := newWorld(52)
	good := string(text(t, w.profile(t, 200)))
	if _, err := ReadProfile([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"format":      func(p map[string]any) { p["format"] = 2 },
		"features":    func(p map[string]any) { p["features"] = nil },
		"normal0":     func(p map[string]any) { first(p)["counts"] = []int{200} },
		"normal1":     func(p map[string]any) { p["features"].([]any)[0].(map[string]any)["name"] = "normal1" },
		"threshold":   func(p map[string]any) { p["threshold"] = 7 },
		"task":        func(p map[string]any) { p["task"] = "ranking" },
		"classes":     func(p map[string]any) { p["classes"] = []string{"one"} },
		"prediction":  func(p map[string]any) { p["prediction"].(map[string]any)["kind"] = "categorical" },
		"performance": func(p map[string]any) { p["performance"].(map[string]any)["metrics"] = nil },
	} {
		var p map[string]any
		if err := json.Unmarshal([]byte(good), &p); err != nil {
			t.Fatal(err)
		}
		change(p)
		_, err := ReadProfile(text(t, p))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadProfile([]byte(good[:len(good)-1])); !fault.Is(err, fault.Invalid) {
		t.Errorf("cut off: %v", err)
	}
}

func first(p map[string]any) map[string]any { return p["features"].([]any)[0].(map[string]any) }
