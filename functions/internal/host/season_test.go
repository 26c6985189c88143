package host

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/functions/internal/driftcheck"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// quiet is a store whose events wake nobody: a year of checks without a year of decisions and reports.
type quiet struct {
	*world
}

func (q quiet) Get(ctx context.Context, key control.Key, into any) (int64, error) {
	return q.State.Store.Get(ctx, key, into)
}

func (q quiet) Models(ctx context.Context) ([]string, error) { return q.State.Store.Models(ctx) }

func (q quiet) Commit(ctx context.Context, c control.Change) error {
	c.Events = nil
	return q.State.Store.Commit(ctx, c)
}

// checker is the drift check of the platform, by itself.
func (w *world) checker() *driftcheck.Handler {
	return &driftcheck.Handler{Control: quiet{w}, Blobs: bucket{w.State.Data}, Loader: w.Loader, Span: driftcheck.Span{Window: 24 * time.Hour}, Stage: "test", Now: w.clock.now, NewID: w.State.IDs.Next, Log: w.options.Log,
		Settings: func(context.Context) (driftcheck.Settings, error) {
			return driftcheck.Settings{Config: driftcheck.DefaultConfig()}, nil
		}, Expire: w.State.Data.Expire}
}

// check measures the model's traffic at the clock, and gives what was measured.
func (w *world) check(h *driftcheck.Handler) *incident.Measured {
	w.Helper()
	e, err := event.New(w.State.IDs.Next(), event.DriftRequested, w.clock.now(), "loan", event.Drift{})
	if err != nil {
		w.Fatal(err)
	}
	if err := h.Event(background, e); err != nil {
		w.Fatal(err)
	}
	var history incident.History
	if _, err := w.State.Store.Get(background, control.Drift("loan"), &history); err != nil {
		w.Fatal(err)
	}
	return w.measured(history.Latest)
}

// remembered is what is kept of the traffic for later years.
type remembered struct {
	Days []struct {
		Date  time.Time
		Hours []int
	}
	Periods []drift.Past
}

func (w *world) past() (p remembered) {
	w.Helper()
	if _, err := w.State.Store.Get(background, control.Past("loan"), &p); err != nil && !fault.Is(err, fault.NotFound) {
		w.Fatal(err)
	}
	return p
}

// until moves the clock.
func (c *clock) until(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// season is what a day of the year makes of people: in winter they are older, and more of them come from Rome.
func season(at time.Time, seed uint64) func(row map[string]any) {
	cold := math.Pow(math.Cos(math.Pi*float64(at.YearDay())/365), 2)
	n := seed
	return func(row map[string]any) {
		n = n*6364136223846793005 + 1442695040888963407
		if float64(n>>11)/(1<<53) < 0.7*cold {
			row["age"], row["city"] = 45+row["age"].(int)/2-10, "Rome"
		}
	}
}

// days sends people on each day until one, half of them in the morning and half in the afternoon, with a check a week later at the latest, which has to make up for
// the days before.
func (w *world) days(h *driftcheck.Handler, until time.Time, rows func(day time.Time) int, change func(day time.Time, seed uint64) func(map[string]any)) (checks []*incident.Measured) {
	w.Helper()
	for day := w.clock.now().Truncate(24*time.Hour).AddDate(0, 0, 1); day.Before(until); day = day.AddDate(0, 0, 1) {
		for i, hour := range []time.Duration{8, 16} {
			if w.clock.until(day.Add(hour * time.Hour)); rows(day) > 0 {
				seed := uint64(day.Unix()) + uint64(i)
				w.people(rows(day)/2, seed, change(day, seed))
			}
		}
		if next := day.AddDate(0, 0, 1); next.Weekday() == time.Monday || !next.Before(until) {
			w.clock.until(next.Add(2 * time.Hour))
			checks = append(checks, w.check(h))
		}
	}
	return checks
}

func always(n int) func(time.Time) int { return func(time.Time) int { return n } }

func unchanged(time.Time, uint64) func(map[string]any) { return nil }

// TestSeasons: over more than a year of days, what winter brings is drift the first time, and no news the second; what it did not bring then is news. What is
// remembered of the year is small, and does without what is lost of it.
func TestSeasons(t *testing.T) {
	if testing.Short() {
		t.Skip("a year of days: the ordinary run has it")
	}
	w := loans(t)
	h := w.checker()
	checks := w.days(h, date(2027, 3, 22), always(120), season)
	counts := map[string]int{}
	for _, m := range checks {
		r := m.Report
		switch cold := m.At.Month() <= 2 || m.At.Month() == 12; {
		case m.At.Before(date(2027, 3, 8)) && r.Season != nil:
			t.Errorf("%s has a season: %+v", m.At, r.Season)
		case m.At.Before(date(2027, 3, 1)) && cold:
			if counts["first winter"]++; !r.News() || r.Verdict == drift.OK {
				t.Errorf("%s, the first winter: %s %v", m.At, r.Verdict, r.Reasons)
			}
		case m.At.Month() >= 6 && m.At.Month() <= 8:
			if counts["summer"]++; r.Verdict == drift.OK {
				counts["calm"]++
			}
		case m.At.After(date(2027, 3, 9)):
			if counts["second winter"]++; r.News() || !r.DatasetDrift || r.Verdict != drift.OK || r.Season == nil || r.Season.From.Year() != 2026 || r.Season.Excused != len(r.Findings) || r.Season.Rows < 1500 {
				t.Errorf("%s, the second winter: %s %+v %v", m.At, r.Verdict, r.Season, r.Reasons)
			}
		}
	}
	if counts["first winter"] < 12 || counts["summer"] < 13 || counts["calm"] < counts["summer"]-1 || counts["second winter"] < 2 {
		t.Errorf("%v of %d checks", counts, len(checks))
	}

	p := w.past()
	weeks := map[[2]int]int{}
	newest := p.Periods[len(p.Periods)-1]
	for _, x := range p.Periods {
		year, week := x.Start.ISOWeek()
		if weeks[[2]int{year, week}]++; !x.End.Equal(x.Start.AddDate(0, 0, 7)) && newest.Start.Sub(x.Start) >= 7*24*time.Hour || x.Rows == 0 {
			t.Errorf("%+v", x)
		}
	}
	if len(p.Days) != 70 || len(weeks) != 55 || len(p.Periods) != 54+7 {
		t.Errorf("%d days, %d weeks, %d periods", len(p.Days), len(weeks), len(p.Periods))
	}

	var document json.RawMessage
	if _, err := w.State.Store.Get(background, control.Past("loan"), &document); err != nil || len(document) > 30_000 {
		t.Errorf("a document of %d bytes: %v", len(document), err)
	}
	var kept int64
	profiles, err := w.State.Data.List(background, "reports/seasons/", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range profiles {
		kept += o.Size
	}
	t.Logf("a document of %d bytes for %d days; %d profiles of days and weeks, %d bytes", len(document), len(checks)*7, len(profiles), kept)

	// What the agent makes of it, in the platform as it is.
	w.clock.until(date(2027, 3, 22).Add(8 * time.Hour))
	w.people(120, 5, season(date(2027, 3, 22), 5))
	w.clock.until(date(2027, 3, 22).Add(20 * time.Hour))
	m := w.measure(`{"model":"loan","window":"15h"}`)
	entries := w.entries("loan")
	if last := entries[len(entries)-1]; m.Rows != 120 || m.Report.News() || !strings.Contains(fmt.Sprintf("%+v", entries[len(entries)-3:]), "as every year: no drift against the same season from 2026-03-0") {
		t.Errorf("%d rows, %s: %+v", m.Rows, m.Report.Verdict, last)
	}
	var history incident.History
	if _, err := w.State.Store.Get(background, control.Drift("loan"), &history); err != nil || history.Windows[len(history.Windows)-1].DatasetDrift {
		t.Errorf("a known season counts as a sighting of drift: %v", err)
	}
	if n := len(w.incidents()); n != 0 {
		t.Errorf("%d incidents", n)
	}

	// What no winter brought.
	w.clock.until(date(2027, 3, 23).Add(8 * time.Hour))
	w.people(120, 6, func(row map[string]any) {
		season(date(2027, 3, 23), uint64(row["age"].(int)))(row)
		row["income"] = 4900.0
	})
	w.clock.until(date(2027, 3, 23).Add(20 * time.Hour))
	r := w.measure(`{"model":"loan","window":"15h"}`).Report
	if !r.News() || r.Verdict == drift.OK || !slices.Contains(r.Season.Different, "income") {
		t.Errorf("another drift: %s %+v", r.Verdict, r.Season)
	}
	for _, f := range r.Of(drift.Covariate) {
		if f.Seasonal == (f.Feature == "income") {
			t.Errorf("%s: seasonal %v", f.Feature, f.Seasonal)
		}
	}

	// A profile that is gone and one that is damaged: the other weeks stand for them; without any there is no season, and a window all the same.
	w.clock.until(date(2027, 3, 24).Add(3 * time.Hour))
	whole := w.check(h).Report.Season
	file := func(i int) string { return filepath.Join(w.dir, "data", p.Periods[i].Key) }
	if err := os.Remove(file(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file(2), []byte("no profile"), 0o600); err != nil {
		t.Fatal(err)
	}
	if less := w.check(h).Report.Season; whole == nil || less == nil || less.Rows >= whole.Rows {
		t.Errorf("without two of its weeks: %+v, before %+v", less, whole)
	}
	for i := range 8 {
		if err := os.WriteFile(file(i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if m := w.check(h); m.Report.Season != nil || m.Rows != 120 {
		t.Errorf("without all of its weeks: %d rows, %+v", m.Rows, m.Report.Season)
	}
}

// TestUsualRows: Sundays with hardly any traffic and nights without are usual; a weekday with hardly any, with far too much, or with none is not.
func TestUsualRows(t *testing.T) {
	w := loans(t)
	h := w.checker()
	w.clock.until(date(2026, 3, 2).Add(23 * time.Hour))
	busy := func(day time.Time) int {
		switch day.Weekday() {
		case time.Saturday:
			return 60
		case time.Sunday:
			return 0
		}
		return 190 + int(day.Unix()/86400*37%20)
	}
	count := func(m *incident.Measured) []drift.Finding { return m.Report.Of(drift.RowCount) }
	monday := date(2026, 4, 20)
	w.days(h, monday, busy, unchanged)
	for _, c := range []struct {
		rows int
		text string
	}{{196, ""}, {60, "60 rows, usually "}, {700, "700 rows, usually "}, {0, "0 rows, usually "}, {150, ""}, {60, ""}, {0, ""}} {
		if w.clock.until(monday.Add(8 * time.Hour)); c.rows > 0 {
			w.people(c.rows, uint64(monday.Unix()), nil)
		}
		for _, hour := range []time.Duration{23, 25} { // the whole day's traffic in windows that are cut otherwise
			w.clock.until(monday.Add(hour * time.Hour))
			m := w.check(h)
			if f := count(m); m.Rows != c.rows || (len(f) == 1) != (c.text != "") || c.text != "" && !strings.HasPrefix(f[0].Text, c.text) {
				t.Errorf("%s, %d rows: %+v", monday.Weekday(), m.Rows, f)
			}
		}
		monday = monday.AddDate(0, 0, 1)
	}
	if d := w.past().Days; len(d) != 55-8-1 { // Sundays, and the day without any, tell nothing
		t.Errorf("%d days", len(d))
	}
}

// TestDaysAreRememberedOnce: deliveries that are made twice, checks at the same time, clocks that go back or far ahead, and a batch that is sent again leave each day in
// the past once, with the rows it had.
func TestDaysAreRememberedOnce(t *testing.T) {
	w := loans(t)
	h := w.checker()
	w.days(h, date(2026, 3, 12), always(100), unchanged)
	want := fmt.Sprint(w.past())
	same := func(what string) {
		t.Helper()
		if got := fmt.Sprint(w.past()); got != want {
			t.Errorf("%s:\n%s\nbefore\n%s", what, got, want)
		}
	}
	now := w.clock.now()
	for what, at := range map[string]time.Time{"an hour later": now.Add(time.Hour), "five days back": now.AddDate(0, 0, -5), "before all traffic": date(2020, 1, 1), "a year ahead": now.AddDate(1, 0, 0)} {
		w.clock.until(at)
		w.check(h)
		same(what)
	}
	w.clock.until(now)

	w.clock.until(date(2026, 3, 12).Add(9 * time.Hour))
	w.people(100, 1, nil)
	w.clock.until(date(2026, 3, 12).Add(10 * time.Hour))
	w.people(100, 1, nil) // the same rows again
	w.clock.until(date(2026, 3, 13).Add(2 * time.Hour))
	var events []event.Event
	for range 3 {
		e, err := event.New(w.State.IDs.Next(), event.DriftRequested, w.clock.now(), "loan", event.Drift{})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	var wait sync.WaitGroup
	for _, e := range append(events, events...) {
		wait.Go(func() {
			for err := h.Event(background, e); err != nil; err = h.Event(background, e) {
				if !fault.Is(err, fault.Conflict) { // of the document of the windows: the bus delivers again
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	p := w.past()
	if d := p.Days[len(p.Days)-1]; !d.Date.Equal(date(2026, 3, 12)) || len(p.Days) != 10 || d.Hours[9] != 100 || d.Hours[10] != 100 || d.Hours[11] != 0 {
		t.Errorf("%d days, the last %+v", len(p.Days), d)
	}
	if x := p.Periods[len(p.Periods)-1]; x.Rows != 200 || !x.Start.Equal(date(2026, 3, 12)) || p.Periods[0].Rows != 600 {
		t.Errorf("%+v", p.Periods)
	}
	var history incident.History
	if _, err := w.State.Store.Get(background, control.Drift("loan"), &history); err != nil {
		t.Fatal(err)
	}
	key := ""
	for _, e := range events {
		n := 0
		for _, k := range history.Keys {
			if strings.Contains(k, e.ID) {
				n, key = n+1, k
			}
		}
		if n != 1 {
			t.Errorf("%s was measured %d times", e.ID, n)
		}
	}
	if m := w.measured(key); m.Rows != 200 || m.Duplicates < 100 {
		t.Errorf("%d rows, %d duplicates", m.Rows, m.Duplicates)
	}
}

// TestSmallAndBadDays: days of too few rows are judged by the week; a day is counted by the version that answered it, whatever serves since; and a bad day is no part of
// its week.
func TestSmallAndBadDays(t *testing.T) {
	w := loans(t)
	h := w.checker()
	w.days(h, date(2026, 3, 15), always(20), unchanged)
	w.clock.until(date(2026, 3, 15).Add(9 * time.Hour))
	w.people(20, 3, nil)
	if j := w.upload("loan", "target=default", people(320, 2)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	w.clock.until(date(2026, 3, 15).Add(22 * time.Hour))
	w.post("/models/loan/promotions", `{"version":"2","reason":"try","force":true}`).is(http.StatusAccepted)
	w.drain()
	if v, _, _ := w.state("loan").At(registry.Champion); v.Number != 2 {
		t.Fatalf("version %d serves", v.Number)
	}
	w.clock.until(date(2026, 3, 16).Add(3 * time.Hour))
	w.check(h)
	if x := w.past().Periods; len(x) != 8 || x[7].Version != 1 || x[7].Rows != 20 || x[7].Verdict != drift.Insufficient || x[0].Rows != 120 || x[0].Verdict != drift.OK || !x[0].End.Equal(date(2026, 3, 9)) {
		t.Errorf("%+v", x)
	}
	days := w.days(h, date(2026, 3, 23), always(80), func(day time.Time, _ uint64) func(map[string]any) {
		if day.Day() != 19 {
			return nil
		}
		return func(row map[string]any) { row["income"], row["age"] = nil, nil }
	})
	x := w.past().Periods
	if bad := x[len(x)-4]; len(days) != 1 || bad.Verdict != drift.Alert || bad.Key != "" || !bad.Start.Equal(date(2026, 3, 19)) {
		t.Errorf("%+v", x)
	}
	w.clock.until(date(2026, 3, 23).Add(9 * time.Hour))
	w.people(80, 4, nil)
	w.clock.until(date(2026, 3, 24).Add(2 * time.Hour))
	w.check(h)
	x = w.past().Periods
	if week := x[len(x)-2]; len(x) != 4 || week.Version != 2 || week.Rows != 5*80 || !week.End.Equal(date(2026, 3, 23)) || week.Verdict == drift.Alert {
		t.Errorf("%+v", x)
	}
}

// TestWhatIsKeptEnds: counts of hours and profiles that lie longer than the topology says are removed, at the next day that is remembered, and nothing else is.
func TestWhatIsKeptEnds(t *testing.T) {
	w := loans(t)
	h := w.checker()
	w.days(h, date(2026, 3, 12), always(100), unchanged)
	captured, reports, references := w.keys("capture/"), w.keys("reports/drift/"), w.keys("reference/")
	tallies, seasons := w.keys("reports/tallies/"), w.keys("reports/seasons/")
	if len(tallies) < 10 || len(seasons) < 9 {
		t.Fatalf("%d hours, %d profiles", len(tallies), len(seasons))
	}
	old := func(keys []string, days time.Duration) {
		for _, k := range keys {
			at := time.Now().Add(-days * 24 * time.Hour)
			if err := os.Chtimes(filepath.Join(w.dir, "data", k), at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	old(slices.Concat(captured, reports, references, seasons, tallies[:5]), 61)
	old(tallies[5:], 59)
	old(seasons[:2], 1201)
	w.days(h, date(2026, 3, 14), always(100), unchanged)
	left := slices.Concat(w.keys("reports/tallies/"), w.keys("reports/seasons/"))
	for _, k := range slices.Concat(tallies, seasons) {
		if gone := !slices.Contains(left, k); gone != (slices.Contains(tallies[:5], k) || slices.Contains(seasons[:2], k)) {
			t.Errorf("%s: gone %v", k, gone)
		}
	}
	for _, k := range slices.Concat(captured, reports, references) {
		if _, err := w.State.Data.Get(background, k, 64<<20); err != nil {
			t.Error(err)
		}
	}
	if m := w.check(h); m.Rows == 0 {
		t.Errorf("%d rows", m.Rows)
	}
}
