package drift

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

func text(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w world) labelled(n int) Window {
	window := w.window(n)
	window.Predictions, window.Labels = w.answers(n, 2)
	for i := range window.Labels {
		if i%3 == 0 {
			window.Labels[i] = math.NaN()
		}
	}
	return window
}

func take(w Window, rows []int) Window {
	t := Window{Start: w.Start, End: w.End, Frame: w.Frame.Take(rows)}
	for _, r := range rows {
		t.Predictions = append(t.Predictions, w.Predictions[2*r:2*r+2]...)
		t.Labels = append(t.Labels, w.Labels[r])
	}
	return t
}

// The order of the rows changes no bit of a report, nor does cutting the window into parts, nor storing the profile.
func TestReportDoesNotDependOn(t *testing.T) {
	w := newWorld(5)
	p, window := w.profile(t, 800), w.labelled(700)
	for i := range window.Frame.Column("normal0").Float {
		window.Frame.Column("normal0").Float[i] += 0.7 // something to find
	}
	want := text(t, measure(t, p, window))
	if !strings.Contains(string(want), `"realised":{`) || !strings.Contains(string(want), `"kind":"covariate"`) {
		t.Fatalf("the window shows too little: %s", want)
	}

	t.Run("the order of rows", func(t *testing.T) {
		if got := text(t, measure(t, p, take(window, w.Perm(700)))); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("how the window was cut", func(t *testing.T) {
		rows := w.Perm(700)
		var parts []Window
		for _, part := range [][]int{rows[:1], rows[1:300], {}, rows[300:310], rows[310:]} {
			parts = append(parts, take(window, part))
		}
		if got := reportOfParts(t, p, parts...); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("whether the profile was stored", func(t *testing.T) {
		stored := text(t, p)
		q, err := ReadProfile(stored)
		if err != nil {
			t.Fatal(err)
		}
		if again := text(t, q); !bytes.Equal(again, stored) {
			t.Errorf("stored %s\nread   %s", stored, again)
		}
		if got := text(t, measure(t, q, window)); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestProfileKeepsNoRows(t *testing.T) {
	w := newWorld(6)
	small, large := text(t, w.profile(t, 1000)), text(t, w.profile(t, 8000))
	if len(large) > len(small)*3/2 || len(large) > 120_000 {
		t.Errorf("the profile of 1,000 rows has %d bytes, that of 8,000 has %d", len(small), len(large))
	}
}

func TestSameDataIsNoDrift(t *testing.T) {
	w := newWorld(8)
	frame := w.frame(500)
	predictions, y := w.answers(500, 2)
	p, err := NewProfile(Reference{Frame: frame, Predictions: predictions, Labels: dataset.Labels{Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y}})
	if err != nil {
		t.Fatal(err)
	}
	r := measure(t, p, Window{Frame: frame, Predictions: predictions, Labels: y})
	if r.Verdict != OK || r.DatasetDrift || len(r.Findings) > 0 || r.PerformanceLoss {
		t.Fatalf("%v", r.Reasons)
	}
	for name, c := range r.Columns {
		if c.P != 1 && !math.IsNaN(float64(c.P)) || c.Score != 0 && !math.IsNaN(float64(c.Score)) || c.Type == "num" && c.Effect != 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if r.Realised.Loss != 0 || r.Estimated.Loss != 0 {
		t.Errorf("loss %v and %v", r.Realised.Loss, r.Estimated.Loss)
	}
}

// Whatever a window holds is a finding, and one bad column does not touch the others.
func TestNothingInAWindowIsAnError(t *testing.T) {
	w := newWorld(9)
	p := w.profile(t, 2000)
	set := func(name string, column dataset.Column) func(*dataset.Frame) {
		return func(f *dataset.Frame) {
			column.Name = name
			*f.Column(name) = column
		}
	}
	n := 1000
	texts := func(at func(i int) string) dataset.Column {
		v := make([]string, n)
		for i := range v {
			v[i] = at(i)
		}
		return dataset.CategoricalColumn("x", v, func(s string) bool { return s == "" })
	}
	normal := func(i int) string {
		c := dataset.NumericColumn("", []float64{w.NormFloat64()})
		return c.Text(0)
	}
	infinite := w.numbers(n, w.NormFloat64)
	infinite[3] = math.Inf(1)
	for _, c := range []struct {
		name     string
		change   func(*dataset.Frame)
		column   string
		kind     string
		severity string
		drifted  bool
	}{
		{"absent", func(f *dataset.Frame) { *f = *f.Drop("normal1") }, "normal1", MissingColumn, SeverityAlert, true},
		{"one infinity", set("normal1", dataset.NumericColumn("", infinite)), "normal1", NonFinite, SeverityWarn, false},
		{"only infinities", set("normal1", dataset.NumericColumn("", w.numbers(n, func() float64 { return math.Inf(-1) }))), "normal1", NonFinite, SeverityAlert, true},
		{"nothing", set("normal1", dataset.NumericColumn("", w.numbers(n, math.NaN))), "normal1", AllNull, SeverityAlert, true},
		{"no text", set("normal1", texts(func(int) string { return "" })), "normal1", AllNull, SeverityAlert, true},
		{"no level", set("levels3_5", texts(func(int) string { return "" })), "levels3_5", AllNull, SeverityAlert, true},
		{"one number", set("normal1", dataset.NumericColumn("", make([]float64, n))), "normal1", Constant, SeverityAlert, true},
		{"numbers as text", set("normal1", texts(normal)), "normal1", WrongType, SeverityWarn, false},
		{"one text among numbers", set("normal1", texts(func(i int) string {
			if i == 7 {
				return "n.a."
			}
			return normal(i)
		})), "normal1", WrongType, SeverityWarn, false},
		{"texts for numbers", set("normal1", texts(func(i int) string { return []string{"low", "high"}[i%2] })), "normal1", WrongType, SeverityAlert, true},
		{"numbers for levels", set("levels3_5", dataset.NumericColumn("", w.numbers(n, w.NormFloat64))), "levels3_5", NewCategory, SeverityWarn, true},
		{"huge numbers", set("normal1", dataset.NumericColumn("", w.numbers(n, func() float64 { return w.NormFloat64() * 1e300 }))), "normal1", Covariate, SeverityWarn, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			window := w.window(n)
			c.change(window.Frame)
			r := measure(t, p, window)
			text(t, r)
			found := r.Of(c.kind)
			if len(found) != 1 || found[0].Feature != c.column || found[0].Severity != c.severity || found[0].Text == "" {
				t.Fatalf("%+v", r.Findings)
			}
			t.Log(found[0].Text)
			if d := r.Columns[c.column]; d.Drifted != c.drifted || d.Reason == "" {
				t.Errorf("%+v", d)
			}
			want := Warn
			if c.severity == SeverityAlert {
				want = Alert
			}
			if r.Verdict != want {
				t.Errorf("verdict %s: %v", r.Verdict, r.Reasons)
			}
			for _, f := range r.Findings {
				if f.Feature != c.column {
					t.Errorf("another column: %+v", f)
				}
			}
		})
	}
}

func TestTooFewRows(t *testing.T) {
	w := newWorld(10)
	p := w.profile(t, 2000)
	window := w.window(35)
	for i := range window.Frame.Columns[0].Float {
		window.Frame.Columns[0].Float[i] += 5
	}
	for name, window := range map[string]Window{"35 rows": window, "no rows": w.window(0), "no frame": {}} {
		r := measure(t, p, window)
		if r.Verdict != Insufficient || r.DatasetDrift || len(r.Findings) > 0 || len(r.Reasons) == 0 || len(r.Columns) < 29 {
			t.Errorf("%s: %s %v", name, r.Verdict, r.Reasons)
		}
		text(t, r)
		if name == "35 rows" {
			t.Log(r.Reasons)
		}
	}
}

// A stray outlier moves a mean, not a distribution (Evidently's normed Wasserstein distance calls it drift); so does one unseen level.
func TestOneRowIsNoDrift(t *testing.T) {
	w := newWorld(11)
	p := w.profile(t, 5000)
	window := w.window(5000)
	window.Frame.Column("normal0").Float[17] = 1e6
	one := "once"
	levels(func(string) string { s := one; one = ""; return s })(window.Frame.Column("levels1_3"))
	if r := measure(t, p, window); r.Verdict != OK {
		t.Errorf("%v", r.Reasons)
	}
}

// The rule knows no threshold on the sample size: it decides alike at 999 and 1,001 rows, and is not louder for more rows of the same.
func TestSameRuleAtEverySize(t *testing.T) {
	w := newWorld(12)
	p := w.profile(t, 20000)
	for _, n := range []int{999, 1001, 30000} {
		window := w.window(n)
		for i := range window.Frame.Column("normal0").Float {
			window.Frame.Column("normal0").Float[i] += 0.6
			window.Frame.Column("normal1").Float[i] += 0.03 // certain at 30,000 rows, and nothing to anybody
		}
		r := measure(t, p, window)
		if len(r.Findings) != 1 || r.Findings[0].Feature != "normal0" {
			t.Errorf("n = %d: %v", n, r.Reasons)
		}
		if n == 30000 && !strings.Contains(r.Columns["normal1"].Reason, "too little to matter") {
			t.Errorf("normal1: %s", r.Columns["normal1"].Reason)
		}
	}
}

func TestInvalidInputNamesEveryFault(t *testing.T) {
	w := newWorld(13)
	p, window := w.profile(t, 200), w.window(100)
	codes := func(err error) string {
		var s []string
		for _, d := range fault.Details(err) {
			s = append(s, d.Field+" "+d.Code)
		}
		return strings.Join(s, ", ")
	}
	_, err := Measure(p, Window{Frame: window.Frame, Predictions: []float64{1}, Labels: []float64{5}}, DefaultPolicy())
	if got := codes(err); !fault.Is(err, fault.Invalid) || got != "predictions wrong_length, labels wrong_length, labels out_of_range" {
		t.Errorf("window: %s (%v)", got, err)
	}
	bad := DefaultPolicy()
	bad.Alpha, bad.Correction, bad.MinRows = 0, "none", 3
	_, err = Measure(p, window, bad)
	if got := codes(err); got != "alpha out_of_range, min_rows out_of_range, correction unknown" {
		t.Errorf("policy: %s", got)
	}
	_, err = NewProfile(Reference{Threshold: 2, Labels: dataset.Labels{Task: dataset.Binary, Y: []float64{1}}})
	if got := codes(err); got != "frame empty, labels wrong_length, threshold out_of_range" {
		t.Errorf("reference: %s", got)
	}
	tally, _ := p.Tally(window)
	if _, err := w.profile(t, 200).Compare(tally, DefaultPolicy()); !fault.Is(err, fault.Invalid) {
		t.Errorf("a tally of another profile: %v", err)
	}
}

// A stored profile is checked; nothing that passes makes Measure fail or panic.
func FuzzReadProfile(f *testing.F) {
	w := newWorld(14)
	p := w.profile(f, 60)
	p.Features = append(p.Features[:2:2], p.Features[14], p.Features[len(p.Features)-4])
	p.Segments = slices.DeleteFunc(p.Segments, func(s SegmentProfile) bool { return p.feature(s.Name) == nil })
	clinic := w.clinicProfile(f, 1200)
	clinic.Features[0].Name, clinic.Segments[0].Groups[0].Within[0].Name = "normal0", "normal0"
	window := w.labelled(60)
	whole := text(f, p)
	if _, err := ReadProfile(whole); err != nil {
		f.Fatal(err)
	}
	f.Add(text(f, clinic))
	f.Add(text(f, w.houseProfile(f, 200)))
	f.Add(whole)
	f.Add([]byte(`{"format":1,"threshold":0.5,"features":[{"name":"x","kind":"numeric","counts":[0]}]}`))
	f.Add([]byte(`{"format":1,"rows":70,"threshold":0,"features":[{"name":"normal0","kind":"numeric","rows":70,"counts":[1,69],"edges":[1e308],"mean":-1e308,"sd":"NaN"}]}`))
	f.Add([]byte(`{"format":1,"rows":70,"threshold":0,"features":[{"name":"levels3_5","kind":"categorical","rows":70,"missing":70}],"prediction":{}}`))
	f.Add(bytes.Replace(whole, []byte(`"kind":"numeric"`), []byte(`"kind":"categorical"`), 1))
	for i := range p.Features {
		p.Features[i].Noise = []Noise{{Rows: 4, Parts: 16, Shape: 3, DF: 1, Rank: 1e300, Missing: 1, Novel: 1}, {Rows: 8, Parts: 8, Shape: 1, DF: 50, Rank: 1, Missing: 2, Absent: 0.5}}
	}
	f.Add(text(f, p))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadProfile(b)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		window := window
		switch p.Task {
		case dataset.Binary:
		case dataset.Regression:
			window.Predictions = window.Labels
		default:
			window.Predictions, window.Labels = nil, nil
		}
		r, err := Measure(p, window, DefaultPolicy())
		if err == nil {
			text(t, r)
		}
	})
}
