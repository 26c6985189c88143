package drift

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
	"mlops/shared/fault"
)

// storedProfile is the profile of a number and a category with a binary model's answers.
func storedProfile(t testing.TB) *Profile {
	t.Helper()
	n := 400
	x, level, y, p := make([]float64, n), make([]string, n), make([]float64, n), make([]float64, 0, 2*n)
	for i := range n {
		x[i], level[i], y[i] = float64(i%37)-5, string(rune('a'+i%4)), float64(i%2)
		q := 0.2 + 0.6*y[i] - float64(i%7)/50
		p = append(p, 1-q, q)
	}
	frame, err := dataset.NewFrame(dataset.NumericColumn("x", x), dataset.CategoricalColumn("level", level, nil))
	if err != nil {
		t.Fatal(err)
	}
	profile, err := NewProfile(Reference{Model: "m", Version: 3, Frame: frame, Predictions: p, Labels: dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y}})
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

// TestStoredTallies: what is written and read is the same tally, whatever was in the window, and parts that were stored give the report of
// the whole.
func TestStoredTallies(t *testing.T) {
	profile := storedProfile(t)
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 5e-324, math.MaxFloat64, -math.MaxFloat64}))
		rows := rapid.IntRange(0, 30).Draw(r, "rows")
		x, level, p, y := make([]float64, rows), make([]string, rows), []float64{}, make([]float64, rows)
		for i := range rows {
			x[i], level[i] = values.Draw(r, "x"), rapid.SampledFrom([]string{"a", "b", "", "new"}).Draw(r, "level")
			q := rapid.Float64Range(-0.1, 1).Draw(r, "p")
			p, y[i] = append(p, 1-q, q), rapid.SampledFrom([]float64{0, 1, math.NaN()}).Draw(r, "y")
		}
		tally := func(from, to int) *Tally {
			f, err := dataset.NewFrame(dataset.NumericColumn("x", x[from:to]), dataset.CategoricalColumn("level", level[from:to], func(s string) bool { return s == "" }))
			if err != nil {
				r.Fatal(err)
			}
			whole, err := profile.Tally(Window{Frame: f, Predictions: p[2*from : 2*to], Labels: y[from:to]})
			if err != nil {
				r.Fatal(err)
			}
			return whole
		}
		stored := func(t *Tally) *Tally {
			b, err := json.Marshal(t)
			if err != nil {
				r.Fatal(err)
			}
			back, err := profile.ReadTally(b, nil)
			if err != nil {
				r.Fatal(err)
			}
			again, err := json.Marshal(back)
			if err != nil || string(again) != string(b) {
				r.Fatalf("written twice: %v\n%s\n%s", err, b, again)
			}
			return back
		}
		cut := rapid.IntRange(0, rows).Draw(r, "cut")
		parts := stored(tally(cut, rows))
		if err := parts.Merge(stored(tally(0, cut))); err != nil {
			r.Fatal(err)
		}
		report := func(t *Tally) string {
			out, err := profile.Compare(t, DefaultPolicy())
			if err != nil {
				r.Fatal(err)
			}
			b, err := json.Marshal(out)
			if err != nil {
				r.Fatal(err)
			}
			return string(b)
		}
		if got, want := report(parts), report(tally(0, rows)); got != want {
			r.Fatalf("of stored parts\n%s\nof the whole\n%s", got, want)
		}
	})
}

// TestEveryFieldIsStored holds the stored form to the types it stores: who adds a field to a tally adds it there too.
func TestEveryFieldIsStored(t *testing.T) {
	for _, pair := range [][2]any{{Tally{}, 22}, {counts{}, 17}, {shape{}, 2}, {sum{}, 3}, {magnitudes{}, 3}, {sizes{}, 3}, {joint.Sums{}, 5}, {segmentTally{}, 4}, {duplicates{}, 2}, {losses{}, 5}} {
		if got := reflect.TypeOf(pair[0]).NumField(); got != pair[1].(int) {
			t.Errorf("%T has %d fields, its stored form knows %d: store the others, raise tallyFormat, and say so here", pair[0], got, pair[1])
		}
	}
}

func TestTalliesOfOthersAreRefused(t *testing.T) {
	profile := storedProfile(t)
	whole, err := profile.Tally(Window{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	other := *profile
	other.Version = 4
	if _, err := other.ReadTally(b, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("of another version: %v", err)
	}
	for _, text := range []string{"", "[]", "{}", `{"format":2,"model":"m","version":3,"features":[null,null]}`,
		`{"format":2,"model":"m","version":3,"features":[{"bins":[]},{"bins":[0,0,0,0]}]}`} {
		if _, err := profile.ReadTally([]byte(text), nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
