package drift

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
)

// only is a part of a window, with everything that belongs to its rows.
func (w Window) only(f *dataset.Frame, width int, rows []int) Window {
	part := Window{Start: w.Start, End: w.End, Frame: f.Take(rows), Season: w.Season, Segments: map[string][]string{}}
	for _, r := range rows {
		if w.Predictions != nil {
			part.Predictions = append(part.Predictions, w.Predictions[r*width:(r+1)*width]...)
		}
		part.Labels, part.Delays = append(part.Labels, w.Labels[r]), append(part.Delays, w.Delays[r])
		for name, values := range w.Segments {
			part.Segments[name] = append(part.Segments[name], values[r])
		}
	}
	if w.Predictions != nil && part.Predictions == nil {
		part.Predictions = []float64{}
	}
	if part.Labels == nil {
		part.Labels, part.Delays = []float64{}, []float64{}
	}
	return part
}

// everything is a window of the task that has all that a window can have: odd values, new levels, answers and labels that are none, segments,
// delays, rows that came before, a season.
func everything(t testing.TB, task string) (p *Profile, window Window, width int) {
	t.Helper()
	w := newWorld(81)
	const rows = 700
	switch task {
	case "regression":
		p, width = w.houseProfile(t, 600), 1
		f, yhat, l := w.house(rows, 0.5, 0.4, 1.5)
		window = Window{Frame: f, Predictions: yhat, Labels: l.Y}
		f.Column("size").Float[3], f.Column("noise").Float[4] = math.Inf(1), math.NaN()
		window.Predictions[5] = math.Inf(-1)
	case "segments":
		p, width = w.clinicProfile(t, 2000), 2
		window = w.clinic(rows, 0.6, 0.2, evenly)
		window.Predictions[40] = 1.5
	case "wide":
		p, width = w.profile(t, 1500), 2
		window = w.winter(rows)
		_, window.Labels = w.answers(rows, 2)
		levels(func(s string) string { return s + "new" })(window.Frame.Column("levels7_50"))
		window.Frame.Columns = slices.DeleteFunc(window.Frame.Columns, func(c dataset.Column) bool { return c.Name == "normal3" })
	}
	for i := range 60 { // rows that come again
		for k := range window.Frame.Columns {
			c := &window.Frame.Columns[k]
			if c.Kind == dataset.Numeric {
				c.Float[600+i] = c.Float[i]
			} else {
				c.Code[600+i] = c.Code[i]
			}
		}
	}
	window.Delays = w.numbers(rows, func() float64 { return math.Floor(10 * w.Float64()) })
	window.Labels[41], window.Delays[42] = math.NaN(), math.NaN()
	window.Start, window.End = time.Unix(1e9, 0).UTC(), time.Unix(1e9+1e5, 0).UTC()
	last, err := p.Tally(Window{Frame: window.Frame.Take(seq(100, 600))})
	if err != nil {
		t.Fatal(err)
	}
	window.Season = &Season{Name: "last year", Profile: last.Profile()}
	return p, window, width
}

// The parts of a window, added or merged in any cut, are the whole to the last bit in all that a tally holds; and so is the report of parts in any order.
func TestPartsAreTheWhole(t *testing.T) {
	for _, task := range []string{"regression", "segments", "wide"} {
		t.Run(task, func(t *testing.T) {
			p, window, width := everything(t, task)
			rows := window.Frame.Rows()
			rest := Window{Unmatched: 7, OtherClasses: map[string]int{"maybe": 3, "never": 2}, Usual: []int{700, 690, 710, 720, 680, 700}, Domain: joint.NotSeparated("no rows")}
			whole := p.newTally()
			add := func(into *Tally, w Window) {
				t.Helper()
				if err := into.Add(w); err != nil {
					t.Fatal(err)
				}
			}
			add(whole, window)
			add(whole, rest)
			want, report := text(t, whole), text(t, compare(t, p, whole))
			if p.Joint == nil || whole.joint.Rows == 0 && task != "wide" || len(whole.delays) == 0 || whole.season == nil || len(whole.faults) == 0 && task != "wide" {
				t.Fatal("the window lacks something")
			}
			random := newWorld(84)
			for range 8 {
				cuts := random.cuts(rows)
				added, merged, shuffled := p.newTally(), p.newTally(), p.newTally()
				var parts []*Tally
				for i, to := range cuts[1:] {
					part := window.only(window.Frame, width, seq(cuts[i], to))
					add(added, part)
					tally := p.newTally()
					add(tally, part)
					if err := merged.Merge(tally); err != nil {
						t.Fatal(err)
					}
					parts = append(parts, tally)
				}
				add(added, rest)
				add(merged, rest)
				for name, got := range map[string]*Tally{"added": added, "merged": merged} {
					if b := text(t, got); !bytes.Equal(b, want) {
						t.Fatalf("%s at %v\n%.2000s\nthe whole\n%.2000s", name, cuts, b, want)
					}
					if b := text(t, compare(t, p, got)); !bytes.Equal(b, report) {
						t.Fatalf("%s at %v: the report differs", name, cuts)
					}
				}
				for _, i := range random.Perm(len(parts)) {
					if err := shuffled.Merge(parts[i]); err != nil {
						t.Fatal(err)
					}
				}
				if add(shuffled, rest); !bytes.Equal(text(t, compare(t, p, shuffled)), report) {
					t.Fatalf("in another order, at %v: the report differs", cuts)
				}
			}
		})
	}
}

// cuts of so many rows into one to seven parts, some of them empty.
func (w world) cuts(rows int) []int {
	cuts := []int{0, rows}
	for range w.IntN(7) {
		cuts = append(cuts, w.IntN(rows+1))
	}
	slices.Sort(cuts)
	return cuts
}

// reportOfParts is the report of a window in parts, tallied one by one and merged.
func reportOfParts(t testing.TB, p *Profile, parts ...Window) []byte {
	t.Helper()
	var whole *Tally
	for _, part := range parts {
		tally, err := p.Tally(part)
		if err == nil && whole != nil {
			err = whole.Merge(tally)
		}
		if err != nil {
			t.Fatal(err)
		}
		if whole == nil {
			whole = tally
		}
	}
	return text(t, compare(t, p, whole))
}

func compare(t testing.TB, p *Profile, tally *Tally) *Report {
	t.Helper()
	r, err := p.Compare(tally, DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A part that cannot be added leaves the tally as it was.
func TestAddFailsWhole(t *testing.T) {
	p, window, width := everything(t, "segments")
	tally := p.newTally()
	if err := tally.Add(window.only(window.Frame, width, seq(0, 300))); err != nil {
		t.Fatal(err)
	}
	before := text(t, tally)
	for name, spoil := range map[string]func(w *Window){
		"no predictions": func(w *Window) { w.Predictions = nil },
		"no season":      func(w *Window) { w.Season = nil },
		"another season": func(w *Window) { w.Season = &Season{Name: "other", Profile: p} },
		"short labels":   func(w *Window) { w.Labels = w.Labels[1:] },
		"no profile":     func(w *Window) { w.Season = &Season{Name: "none"} },
	} {
		part := window.only(window.Frame, width, seq(300, 400))
		spoil(&part)
		if err := tally.Add(part); err == nil || !bytes.Equal(text(t, tally), before) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A tally that was never told of columns together, as one that was stored before a profile knew of them, compares all the same.
func TestCompareWithoutSums(t *testing.T) {
	w := newWorld(82)
	p := w.profile(t, 500)
	tally, err := p.Tally(w.window(300))
	if err != nil {
		t.Fatal(err)
	}
	tally.joint, tally.duplicates = nil, nil
	if r := compare(t, p, tally); !strings.HasPrefix(r.Multivariate.PCA.Reason, "not measured") {
		t.Errorf("%+v", r.Multivariate.PCA)
	}
}

// Of new levels without number some thousand are counted by name, whichever way the window is cut, and no row is lost.
func TestNewLevelsAreBounded(t *testing.T) {
	const rows, known = 60_000, 500
	cells := func(n int, of func(i int) string) *dataset.Frame {
		v := make([]string, n)
		for i := range v {
			v[i] = of(i)
		}
		return &dataset.Frame{Columns: []dataset.Column{dataset.CategoricalColumn("c", v, nil)}}
	}
	p := profiled(t, Reference{Frame: cells(20_000, func(i int) string { return fmt.Sprint("k", i%known) }), Order: OrderNone})
	window := cells(rows, func(i int) string {
		if i%3 == 0 {
			return fmt.Sprint("k", i%known)
		}
		return fmt.Sprint("id-", i*7919%rows)
	})
	whole, err := p.Tally(Window{Frame: window})
	if err != nil {
		t.Fatal(err)
	}
	c := whole.features[0]
	if n := len(c.unseen); n > maxUnseen || n < maxUnseen/3 || c.novel != rows*2/3 {
		t.Errorf("%d levels by name, %d rows of new ones", n, c.novel)
	}
	report := compare(t, p, whole)
	if found := report.Of(NewCategory); len(found) != 1 || !strings.Contains(found[0].Text, "about ") || !strings.Contains(found[0].Text, "drawn evenly") {
		t.Errorf("%+v", found)
	}
	parts := p.newTally()
	for from := rows; from > 0; from -= 12_000 {
		tally, err := p.Tally(Window{Frame: window.Take(seq(from-12_000, from))})
		if err != nil {
			t.Fatal(err)
		}
		if err := parts.Merge(tally); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := text(t, parts), text(t, whole); !bytes.Equal(got, want) {
		t.Error("parts are not the whole")
	}
	f := whole.Profile().Features[0]
	total := f.Other
	for _, n := range f.Counts {
		total += n
	}
	if total != rows {
		t.Errorf("the window's profile has %d rows of %d", total, rows)
	}
}

// Profiles of the parts of a window merge to the profile of all rows: counts, extremes and quartiles exactly, moments but for rounding; and a quartile
// lies in the bin that holds the value of its rank.
func TestMergedProfilesAreTheWhole(t *testing.T) {
	w := newWorld(83)
	p := w.profile(t, 3000)
	window := w.winter(4000)
	whole, err := p.Tally(window)
	if err != nil {
		t.Fatal(err)
	}
	want := whole.Profile()
	for range 5 {
		cuts := w.cuts(4000)
		var parts []*Profile
		for i, to := range cuts[1:] {
			tally, err := p.Tally(Window{Frame: window.Frame.Take(seq(cuts[i], to))})
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, tally.Profile())
		}
		got, err := MergeProfiles(parts...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.Features {
			a, b := got.Features[i], want.Features[i]
			if a.Other > 0 || b.Other > 0 {
				continue // more levels than a profile keeps: which, each part decides for itself
			}
			if b.Kind == dataset.Numeric {
				near(t, a.Name+" mean", float64(a.Mean), float64(b.Mean), 1e-9)
				near(t, a.Name+" sd", float64(a.SD), float64(b.SD), 1e-9)
				a.Mean, a.SD = b.Mean, b.SD
			}
			if x, y := text(t, a), text(t, b); !bytes.Equal(x, y) {
				t.Fatalf("cut at %v\n%s\nthe whole\n%s", cuts, x, y)
			}
		}
	}
	for i := range want.Features {
		f := &want.Features[i]
		if f.Kind != dataset.Numeric {
			continue
		}
		sorted := slices.DeleteFunc(slices.Clone(window.Frame.Columns[i].Float), math.IsNaN)
		slices.Sort(sorted)
		for q, v := range map[float64]float64{0.25: float64(f.Q1), 0.5: float64(f.Median), 0.75: float64(f.Q3)} {
			low, high := rankOf(sorted, v)
			bins := float64(f.Counts[bin(f.edges(), v)]) / float64(len(sorted))
			if low > q+bins || high < q-bins {
				t.Errorf("%s: the quantile %v is %v, of which %.4f to %.4f is below, and its bin has %.4f", f.Name, q, v, low, high, bins)
			}
		}
	}
}
