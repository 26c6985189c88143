package drift

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// Extra columns, columns that stand elsewhere and numbers for texts are said one by one, and are no change; parts say the same as the whole, stored ones too.
func TestShape(t *testing.T) {
	w := newWorld(71)
	number := func(name string, n int) dataset.Column {
		return dataset.NumericColumn(name, w.numbers(n, w.NormFloat64))
	}
	codes := func(n int) []float64 { return w.numbers(n, func() float64 { return float64(w.IntN(3)) }) }
	text := make([]string, 400)
	for i, v := range codes(400) {
		text[i] = fmt.Sprint(v)
	}
	p := profiled(t, Reference{Model: "m", Frame: &dataset.Frame{Columns: []dataset.Column{number("a", 400), number("b", 400), dataset.CategoricalColumn("code", text, nil), number("d", 400)}}})
	part := func() *dataset.Frame {
		return &dataset.Frame{Columns: []dataset.Column{number("d", 150), number("zz", 150), number("a", 150), number("b", 150), dataset.NumericColumn("code", codes(150)), dataset.CategoricalColumn("yy", text[:150], nil)}}
	}
	whole, err := p.Tally(Window{Frame: part()})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if whole, err = p.ReadTally(stored, nil); err != nil {
		t.Fatal(err)
	}
	other, err := p.Tally(Window{Frame: part()})
	if err == nil {
		err = whole.Merge(other)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := compare(t, p, whole)
	var said []string
	for _, f := range r.Findings {
		said = append(said, f.Kind+" "+f.Feature+" "+f.Severity)
	}
	if got, want := strings.Join(said, ", "), "column_type code info, extra_column yy info, extra_column zz info, column_order d info"; got != want || r.Verdict != OK || r.DatasetDrift || r.NumberOfDrifted != 0 {
		t.Errorf("%s: %s\nwant %s: %v", r.Verdict, got, want, r.Reasons)
	}
	if last := r.Findings[len(r.Findings)-1].Text; last != "d stands at place 1 of the columns that both have, in the reference at 4" {
		t.Error(last)
	}
	wide := &dataset.Frame{Columns: part().Columns}
	for i := range 80 {
		wide.Columns = append(wide.Columns, number(fmt.Sprintf("more%02d", i), 150))
	}
	many := measure(t, p, Window{Frame: wide}).Of(ExtraColumn)
	if n := len(many); n != maxInformed+1 || many[n-1].Text != "32 columns more that are not of the reference" {
		t.Errorf("%d findings, the last %+v", n, many[n-1])
	}
}

// A reference without a value has nothing to compare with, which is said instead of what it would make of the window; and numbers whose squares are too great
// have a mean and a spread.
func TestNothingToCompareWith(t *testing.T) {
	w := newWorld(72)
	const rows = 300
	same := func(v float64) []float64 { return w.numbers(rows, func() float64 { return v }) }
	huge := func(sign float64) []float64 {
		return w.numbers(rows, func() float64 { return sign * math.MaxFloat64 * (0.9 + 0.1*w.Float64()) })
	}
	either := func() []float64 {
		return w.numbers(rows, func() float64 { return math.Copysign(math.MaxFloat64*(0.9+0.1*w.Float64()), w.NormFloat64()) })
	}
	normal := w.numbers(rows, w.NormFloat64)
	texts := make([]string, rows)
	for i := range texts {
		texts[i] = "p"
	}
	for name, c := range map[string]struct {
		reference []float64
		window    dataset.Column
		verdict   string
		kind      string // "" = no finding
	}{
		"infinite":              {same(math.Inf(1)), dataset.NumericColumn("x", normal), Alert, EmptyReference},
		"missing":               {same(math.NaN()), dataset.NumericColumn("x", normal), Alert, EmptyReference},
		"missing against text":  {same(math.NaN()), dataset.CategoricalColumn("x", texts, nil), Alert, EmptyReference},
		"infinite as before":    {same(math.Inf(-1)), dataset.NumericColumn("x", same(math.Inf(-1))), OK, ""},
		"huge as before":        {huge(1), dataset.NumericColumn("x", huge(1)), OK, ""},
		"huge against normal":   {huge(1), dataset.NumericColumn("x", normal), Alert, Covariate},
		"normal against huge":   {normal, dataset.NumericColumn("x", huge(1)), Alert, Covariate},
		"huge of another sign":  {huge(1), dataset.NumericColumn("x", huge(-1)), Alert, Covariate},
		"huge of either sign":   {either(), dataset.NumericColumn("x", either()), OK, ""},
		"huge, and then normal": {either(), dataset.NumericColumn("x", normal), Alert, Covariate},
	} {
		p := profiled(t, Reference{Model: "m", Frame: &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", c.reference)}}})
		r := measure(t, p, Window{Frame: &dataset.Frame{Columns: []dataset.Column{c.window}}})
		if r.Verdict != c.verdict || c.kind == "" != (len(r.Findings) == 0) || c.kind != "" && (len(r.Of(c.kind)) != 1 || len(r.Of(WrongType)) > 0) {
			t.Errorf("%s: %s %v", name, r.Verdict, r.Reasons)
		}
		for _, f := range r.Findings {
			if !f.Effect.Finite() || strings.Contains(f.Text, "NaN") || strings.Contains(f.Text, "Inf") {
				t.Errorf("%s: %v %s", name, f.Effect, f.Text)
			}
		}
		if sd := p.Features[0].SD; strings.HasPrefix(name, "huge") && !(sd.Finite() && sd > 1e306) {
			t.Errorf("%s: standard deviation %v", name, sd)
		}
	}
}
