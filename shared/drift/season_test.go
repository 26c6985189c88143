package drift

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

func TestFindSeason(t *testing.T) {
	var past []Past
	for at := day(2022, 1, 3); at.Before(day(2025, 6, 1)); at = at.AddDate(0, 0, 1) {
		past = append(past, Past{Key: at.Format("2006-01-02"), Start: at, End: at.AddDate(0, 0, 1), Version: 1, Rows: 100, Verdict: OK})
	}
	keys := func(w []Past) string {
		if len(w) == 0 {
			return ""
		}
		return w[0].Key + " to " + w[len(w)-1].Key
	}
	for _, c := range []struct {
		name  string
		at    Span
		past  []Past
		want  string
		count int
	}{
		{"a day in June", Span{day(2025, 6, 11), day(2025, 6, 12)}, past, "2024-06-03 to 2024-06-23", 21}, // weeks 23 to 25
		{"a month", Span{day(2025, 6, 1), day(2025, 7, 1)}, past, "2024-06-01 to 2024-06-30", 30},
		{"nothing a year ago, two years ago", Span{day(2025, 6, 1), day(2025, 7, 1)}, past[:600], "2023-06-01 to 2023-06-30", 30},
		{"first week of the year", Span{day(2025, 1, 1), day(2025, 1, 2)}, past, "2023-12-25 to 2024-01-14", 21},
		{"nothing so far back", Span{day(2025, 12, 1), day(2025, 12, 2)}, past[:10], "", 0},
		{"no times", Span{}, past, "", 0},
	} {
		name, got := FindSeason(c.at, c.past)
		if keys(got) != c.want || len(got) != c.count || (name == "") != (c.count == 0) {
			t.Errorf("%s: %q, %s (%d windows), want %s (%d)", c.name, name, keys(got), len(got), c.want, c.count)
		}
	}
	marked := append([]Past(nil), past...)
	for i := range marked {
		switch {
		case i%3 == 0:
			marked[i].Verdict = Alert
		case i%3 == 1:
			marked[i].Version, marked[i].Rows = 2, 99
		}
	}
	if _, got := FindSeason(Span{day(2025, 6, 11), day(2025, 6, 12)}, marked); len(got) != 7 || got[0].Version != 1 || got[0].Verdict != OK {
		t.Errorf("alerts and the smaller version must be left out: %+v", got)
	}
}

// winter is a window in which two columns are not what training was, as every winter.
func (w world) winter(n int) Window {
	window := w.window(n)
	for i := range window.Frame.Column("normal0").Float {
		window.Frame.Column("normal0").Float[i] += 0.8
	}
	levels(func(s string) string { return map[string]string{"v0000": "v0002", "v0002": "v0000"}[s] })(window.Frame.Column("levels4_8"))
	return window
}

// What the season had last year is no news; what it had not is.
func TestSeason(t *testing.T) {
	w := newWorld(31)
	p := w.profile(t, 3000)
	var parts []*Profile
	for range 3 {
		tally, err := p.Tally(w.winter(800))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := ReadProfile(text(t, tally.Profile()))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, stored)
	}
	last, err := MergeProfiles(parts...)
	if err != nil {
		t.Fatal(err)
	}
	season := &Season{Name: "January 2024", Profile: last}

	window := w.winter(1000)
	without := measure(t, p, window)
	if without.Verdict == OK || !without.DatasetDrift || without.NumberOfDrifted != 2 || without.Season != nil {
		t.Fatalf("without its season: %s %v", without.Verdict, without.Reasons)
	}
	window.Season = season
	r := measure(t, p, window)
	if r.Verdict != OK || !r.DatasetDrift || r.NumberOfDrifted != 2 || r.Season == nil || r.Season.DatasetDrift || r.Season.Excused != len(r.Findings) || r.Season.Rows != 2400 || len(r.Findings) != len(without.Findings) {
		t.Fatalf("with its season: %s %+v %v", r.Verdict, r.Season, r.Reasons)
	}
	for _, f := range r.Findings {
		if !f.Seasonal || !strings.Contains(f.Text, "as in January 2024") {
			t.Errorf("%+v", f)
		}
	}
	if !strings.Contains(strings.Join(r.Reasons, "; "), "as last time in this season") {
		t.Error(r.Reasons)
	}

	for i := range window.Frame.Column("normal1").Float {
		window.Frame.Column("normal1").Float[i] -= 0.8
		window.Frame.Column("normal2").Float[i] = math.NaN()
		window.Frame.Column("normal0").Float[i] += 0.8 // twice what winter does
	}
	if r := measure(t, p, window); r.Verdict != Alert || r.NumberOfDrifted != 4 || r.Season.Excused != 1 || len(r.Season.Different) != 3 || !r.Season.DatasetDrift {
		t.Errorf("beyond its season: %s, %d drifted, %+v %v", r.Verdict, r.NumberOfDrifted, r.Season, r.Reasons)
	}
}

// A season's profile does not depend on how its windows were cut, and the season is merged with the tally.
func TestSeasonOfParts(t *testing.T) {
	w := newWorld(32)
	p, window := w.profile(t, 1000), w.winter(900)
	whole, err := p.Tally(window)
	if err != nil {
		t.Fatal(err)
	}
	var parts []*Profile
	var merged *Tally
	season := &Season{Name: "s", Profile: whole.Profile()}
	for _, rows := range [][]int{w.Perm(900)[:0], seq(0, 400), seq(400, 410), seq(410, 900)} {
		part := Window{Frame: window.Frame.Take(rows), Season: season}
		for _, r := range rows {
			part.Predictions = append(part.Predictions, window.Predictions[2*r:2*r+2]...)
		}
		tally, err := p.Tally(part)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > 0 {
			parts = append(parts, tally.Profile())
		}
		if merged == nil {
			merged = tally
		} else if err := merged.Merge(tally); err != nil {
			t.Fatal(err)
		}
	}
	got, err := MergeProfiles(parts...)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range whole.Profile().Features {
		g := got.Features[i]
		if g.Other > 0 {
			continue // more levels than a profile keeps: which, each part decides for itself
		}
		if !bytes.Equal(text(t, f.Counts), text(t, g.Counts)) || f.Missing != g.Missing || f.Rows != g.Rows || strings.Join(f.Levels, ",") != strings.Join(g.Levels, ",") {
			t.Errorf("%s: the parts' counts differ", f.Name)
		}
		if f.Kind == dataset.Numeric {
			near(t, f.Name+" mean", float64(g.Mean), float64(f.Mean), 1e-9)
			near(t, f.Name+" sd", float64(g.SD), float64(f.SD), 1e-9)
		}
	}
	window.Season = season
	one := measure(t, p, window)
	r, err := p.Compare(merged, DefaultPolicy())
	if err != nil || !bytes.Equal(text(t, r), text(t, one)) {
		t.Errorf("a window in parts with its season: %v\n%s\n%s", err, text(t, r), text(t, one))
	}
	other := w.profile(t, 500)
	o, _ := other.Tally(window)
	if _, err := MergeProfiles(whole.Profile(), o.Profile()); !fault.Is(err, fault.Invalid) {
		t.Errorf("profiles with different bins: %v", err)
	}
}

func seq(from, to int) (rows []int) {
	for i := from; i < to; i++ {
		rows = append(rows, i)
	}
	return rows
}

// What a part says of its season is stored with it, and read back against that season and no other.
func TestStoredSeason(t *testing.T) {
	for _, task := range []string{"regression", "segments", "wide"} {
		p, window, width := everything(t, task)
		whole, err := p.Tally(window)
		if err != nil {
			t.Fatal(err)
		}
		merged := p.newTally()
		for _, rows := range [][]int{seq(0, 250), seq(250, 700)} {
			part, err := p.Tally(window.only(window.Frame, width, rows))
			if err != nil {
				t.Fatal(err)
			}
			back, err := p.ReadTally(text(t, part), window.Season)
			if err != nil {
				t.Fatal(err)
			}
			if err := merged.Merge(back); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := text(t, compare(t, p, merged)), text(t, compare(t, p, whole)); !bytes.Equal(got, want) || !bytes.Contains(want, []byte(`"season":{"name":"last year"`)) {
			t.Errorf("%s: of stored parts\n%.1500s\nof the whole\n%.1500s", task, got, want)
		}
		bare, err := p.Tally(Window{Frame: window.Frame})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			b      []byte
			season *Season
		}{"no season": {text(t, whole), nil}, "a season that was not counted": {text(t, bare), window.Season}, "another season": {text(t, whole), &Season{Name: "o", Profile: p}}, "no profile": {text(t, whole), &Season{Name: "o"}}} {
			if _, err := p.ReadTally(c.b, c.season); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s, %s: %v", task, name, err)
			}
		}
	}
}

// Columns that go together otherwise are as in the season where all that carry the change are; and what the season has no word of differs from it.
func TestSeasonOfColumnsTogether(t *testing.T) {
	columns := []column{{key: "a", findings: []Finding{{Kind: Covariate, Feature: "a", Seasonal: true}}}, {key: "b", findings: []Finding{{Kind: Covariate, Feature: "b", Seasonal: true}, {Kind: NewCategory, Feature: "b"}}}}
	for _, c := range []struct {
		carry    []string
		share    float64
		seasonal bool
	}{{[]string{"a"}, 0, true}, {[]string{"a", "b"}, 0, false}, {[]string{"a", "c"}, 0, false}, {nil, 0, false}, {[]string{"c"}, 0.5, false}} {
		r := &Report{Policy: Policy{DriftShare: c.share}, NumberOfColumns: 2, Season: &Seasonality{Name: "May"}}
		for i := range columns {
			r.Findings = append(r.Findings, columns[i].findings...)
		}
		found := []Finding{{Kind: Joint, Text: "moved", Features: c.carry}}
		r.Season.together(r, found)
		if found[0].Seasonal != c.seasonal || r.Season.DatasetDrift != (!c.seasonal && c.share == 0) || (r.Season.Excused == 1) != c.seasonal {
			t.Errorf("%v at %v: %+v, %+v", c.carry, c.share, found[0], r.Season)
		}
	}
	w := newWorld(33)
	p := w.profile(t, 2000)
	then, err := p.Tally(w.winter(900))
	if err != nil {
		t.Fatal(err)
	}
	last := then.Profile()
	for i, f := range last.Features {
		if f.Name == "normal0" {
			last.Features = append(last.Features[:i:i], last.Features[i+1:]...)
			break
		}
	}
	window := w.winter(1000)
	window.Season = &Season{Name: "last winter", From: day(2024, 12, 1), Profile: last}
	r := measure(t, p, window)
	if !r.News() || !r.Season.DatasetDrift || len(r.Season.Different) != 1 || r.Season.Different[0] != "normal0" || !r.Season.From.Equal(day(2024, 12, 1)) || r.Verdict == OK {
		t.Errorf("a column that the season lacks: %s, %+v", r.Verdict, r.Season)
	}
}
