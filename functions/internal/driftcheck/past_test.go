package driftcheck

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/fault"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// hours are 24 of them with as many rows as of says.
func hours(of func(hour int) int) []int {
	h := make([]int, 24)
	for i := range h {
		h[i] = of(i)
	}
	return h
}

// weeks is a past of n weeks in which the hour h of weekday d of week w had 1000 w + 100 d + h rows.
func weeks(n int) *past {
	p := &past{}
	for i := range 7 * n {
		p.add(day{monday.AddDate(0, 0, i), hours(func(h int) int { return 1000*(i/7+1) + 100*(i%7) + h })})
	}
	return p
}

func TestUsual(t *testing.T) {
	at := func(days int, clock string) time.Time {
		d, err := time.ParseDuration(clock)
		if err != nil {
			t.Fatal(err)
		}
		return monday.AddDate(0, 0, days).Add(d)
	}
	for _, c := range []struct {
		name       string
		weeks      int
		start, end time.Time
		want       string
	}{
		{"an hour", 6, at(43, "5h"), at(43, "6h"), "[1105 2105 3105 4105 5105 6105]"},
		{"two and two halves", 6, at(43, "4h30m"), at(43, "7h15m"), "[3040 5790 8540 11290 14040 16790]"}, // 0.5 of 1104, 1105, 1106, 0.25 of 1107
		{"over midnight", 2, at(15, "23h"), at(16, "1h"), "[2323 4323]"},
		{"within the hour", 6, at(43, "4h10m"), at(43, "4h50m"), "[]"},
		{"a week", 3, at(21, "0h"), at(28, "0h"), ""},
		{"eight days", 4, at(28, "0h"), at(36, "0h"), ""}, // those that end two and four weeks before
		{"nothing so far back", 0, at(43, "5h"), at(43, "6h"), "[]"},
		{"another place on earth", 6, at(43, "5h").In(time.FixedZone("", 3600)), at(43, "6h"), "[1105 2105 3105 4105 5105 6105]"},
	} {
		got := weeks(c.weeks).usual(c.start, c.end)
		if c.want == "" { // the sums themselves
			var want []int
			for back := (c.end.Sub(c.start) + oneWeek - 1) / oneWeek * oneWeek; !c.start.Add(-back).Before(monday); back += (c.end.Sub(c.start) + oneWeek - 1) / oneWeek * oneWeek {
				sum := 0
				for hour := c.start.Add(-back); hour.Before(c.end.Add(-back)); hour = hour.Add(time.Hour) {
					i := int(hour.Sub(monday).Hours()) / 24
					sum += 1000*(i/7+1) + 100*(i%7) + hour.Hour()
				}
				want = append([]int{sum}, want...)
			}
			c.want = fmt.Sprint(want)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
	p := weeks(6)
	p.Days[8].Hours = nil // could not be counted
	p.Days[15].Hours[5] = -1
	if got := fmt.Sprint(p.usual(at(43, "5h"), at(43, "6h"))); got != "[1105 4105 5105 6105]" {
		t.Errorf("without two of the weeks: %s", got)
	}
}

// Days in any order, some of them twice, make the same past, as long as the oldest ones are too old for it; before the first traffic nothing is known.
func TestAddInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	want := fmt.Sprint(weeks(10).Days)
	for range 20 {
		p := &past{}
		all := weeks(10).Days
		all = append(all, all[10:30]...)
		rng.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
		for _, d := range all {
			p.add(d)
		}
		if got := fmt.Sprint(p.Days); got != want {
			t.Fatalf("%s\nin order\n%s", got, want)
		}
	}
	p := &past{}
	for i := range usualDays + 5 {
		p.add(day{monday.AddDate(0, 0, i), hours(func(h int) int { return h / 20 })})
	}
	if len(p.Days) != usualDays || !p.Days[0].Date.Equal(monday.AddDate(0, 0, 5)) {
		t.Errorf("%d days from %s", len(p.Days), p.Days[0].Date)
	}
	p = &past{}
	p.add(day{monday, hours(func(h int) int { return h / 20 })})
	p.add(day{monday.AddDate(0, 0, 1), hours(func(h int) int { return h / 20 })})
	if p.Days[0].Hours[19] != -1 || p.Days[0].Hours[20] != 1 || p.Days[1].Hours[0] != 0 {
		t.Errorf("%+v", p.Days)
	}
}

// shelf is a bucket in memory.
type shelf map[string][]byte

func (s shelf) Create(_ context.Context, key string, body []byte) error { s[key] = body; return nil }

func (s shelf) Get(_ context.Context, key string, _ int64) ([]byte, error) {
	if b, ok := s[key]; ok {
		return b, nil
	}
	return nil, fault.NotFoundf("no %s", key)
}

func (s shelf) List(context.Context, string, string, int) ([]string, error) { return nil, nil }

// A week is what its days of the version with the most rows were, but for those that were alerts.
func TestWeekOfDays(t *testing.T) {
	ctx := context.Background()
	h := &Handler{Blobs: shelf{}, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	column := func(from, n int) *dataset.Frame {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(from + i)
		}
		f, err := dataset.NewFrame(dataset.NumericColumn("x", v))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	references := map[int]*drift.Profile{}
	for version, rows := range map[int]int{1: 300, 2: 500} {
		p, err := drift.NewProfile(drift.Reference{Model: "m", Version: version, Frame: column(0, rows)})
		if err != nil {
			t.Fatal(err)
		}
		references[version] = p
	}
	add := func(p *past, i, version, from, rows int, verdict string) {
		tally, err := references[version].Tally(drift.Window{Frame: column(from, rows)})
		if err != nil {
			t.Fatal(err)
		}
		x := drift.Past{Start: monday.AddDate(0, 0, i), End: monday.AddDate(0, 0, i+1), Version: version, Rows: rows, Verdict: verdict}
		if x.Key, err = h.keep(ctx, "m", x, tally.Profile()); err != nil {
			t.Fatal(err)
		}
		p.join(x)
	}
	p := &past{}
	add(p, 0, 1, 0, 60, drift.OK)
	add(p, 1, 1, 0, 250, drift.Alert)
	add(p, 2, 2, 0, 100, drift.Warn)
	add(p, 3, 1, 100, 90, drift.Insufficient)
	add(p, 7, 2, 0, 100, drift.Alert)
	add(p, 8, 2, 5, 100, drift.Alert)
	add(p, 14, 1, 0, 60, drift.OK)
	add(p, 15, 1, 0, 60, drift.Warn)
	add(p, 21, 1, 0, 60, drift.OK)
	add(p, 22, 1, 0, 60, drift.OK)
	if err := h.weeks(ctx, "m", monday.AddDate(0, 0, 23), Settings{}, p); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range p.Periods {
		got = append(got, fmt.Sprint(x.Start.Format("0102"), "-", x.End.Format("0102"), " v", x.Version, " ", x.Rows, " ", x.Verdict))
	}
	want := []string{"0302-0309 v1 150 ok", "0309-0310 v2 100 alert", "0316-0323 v1 120 warn", "0323-0324 v1 60 ok", "0324-0325 v1 60 ok"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	whole, err := h.profile(ctx, p.Periods[0].Key)
	if err != nil || whole.Rows != 150 || whole.Features[0].Max != 189 || whole.Version != 1 {
		t.Errorf("%+v, %v", whole, err)
	}
	before := fmt.Sprint(p.Periods)
	if err := h.weeks(ctx, "m", monday.AddDate(0, 0, 23), Settings{}, p); err != nil || fmt.Sprint(p.Periods) != before {
		t.Errorf("added up again: %v\n%v\n%s", err, p.Periods, before)
	}

	// What is damaged, gone, or counted on other bins is left out.
	h.Blobs.(shelf)[p.Periods[0].Key] = []byte("no profile")
	periods := append(slices.Clone(p.Periods), drift.Past{Key: "gone"})
	if sum, err := h.sum(ctx, periods[:1]); err != nil || sum != nil {
		t.Errorf("of nothing: %v, %v", sum, err)
	}
	if sum, err := h.sum(ctx, []drift.Past{periods[2], periods[0], periods[3], periods[5], periods[4]}); err != nil || sum.Rows != 240 {
		t.Errorf("of the others: %v, %v", sum, err)
	}
	if _, err := h.sum(ctx, []drift.Past{periods[1], periods[2]}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "bins differ") {
		t.Errorf("of two versions: %v", err)
	}
}

func TestPastIsBounded(t *testing.T) {
	h := &Handler{Blobs: shelf{}}
	p := &past{}
	for i := range 4 * 366 {
		p.join(drift.Past{Start: monday.AddDate(0, 0, i), End: monday.AddDate(0, 0, i+1), Rows: 100, Verdict: drift.Alert})
		if err := h.weeks(context.Background(), "m", monday, Settings{}, p); err != nil {
			t.Fatal(err)
		}
		if len(p.Periods) > maxPeriods {
			t.Fatalf("%d periods", len(p.Periods))
		}
	}
	if span := p.Periods[len(p.Periods)-1].Start.Sub(p.Periods[0].Start); span < 3*366*oneDay {
		t.Errorf("they reach back %s", span)
	}
}

func TestUnpack(t *testing.T) {
	b, _, err := pack("four")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unpack(b, 6); err != nil || string(got) != `"four"` {
		t.Errorf("%s, %v", got, err)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "no gzip": []byte("four"), "cut": b[:len(b)-3]} {
		if _, err := unpack(bad, 100); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := unpack(b, 5); fault.CodeOf(err) != fault.CodeTooLarge {
		t.Errorf("%v", err)
	}
}

// TestUsualRowsAreNoAlarm: traffic with nights, weekends, growth and days that vary by a fifth is checked every hour of 20 weeks; hardly a window has an unusual number of
// rows, and a day that falls to a quarter, or to nothing, has in most.
func TestUsualRowsAreNoAlarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	frame := func(rows int) *dataset.Frame {
		f, err := dataset.NewFrame(dataset.NumericColumn("x", make([]float64, rows)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	reference, err := drift.NewProfile(drift.Reference{Model: "m", Version: 1, Frame: frame(300)})
	if err != nil {
		t.Fatal(err)
	}
	unusual := func(p *past, at time.Time, n float64) bool {
		tally, err := reference.Tally(drift.Window{Frame: frame(int(n)), Usual: p.usual(at.Add(-oneDay), at)})
		if err != nil {
			t.Fatal(err)
		}
		r, err := reference.Compare(tally, drift.DefaultPolicy())
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Of(drift.RowCount)) > 0
	}
	p, truth := &past{}, &past{}
	checks, alarms, falls, found := 0, 0, 0, 0
	for i := range 7 * 30 {
		scale := 60 * math.Exp(0.2*rng.NormFloat64()) * math.Pow(1.03, float64(i)/7)
		if i%7 >= 5 {
			scale /= 6
		}
		truth.add(day{monday.AddDate(0, 0, i), hours(func(h int) int {
			return int(scale * (1.2 - math.Cos(float64(h)/24*2*math.Pi)) * math.Exp(0.1*rng.NormFloat64()))
		})})
		for h := 1; h <= 24 && i >= 70; h++ { // the day before is remembered one hour late
			if h == 2 {
				p.add(truth.Days[len(truth.Days)-2])
			}
			at := monday.AddDate(0, 0, i).Add(time.Duration(h) * time.Hour)
			n, known := truth.rows(at.Add(-oneDay), at)
			if !known {
				t.Fatal("the truth is not known")
			}
			if checks++; unusual(p, at, n) {
				alarms++
			}
			for _, share := range []float64{0.25, 0} {
				if falls++; unusual(p, at, share*n) {
					found++
				}
			}
		}
		if i < 70 && i > 0 {
			p.add(truth.Days[len(truth.Days)-2])
		}
	}
	t.Logf("%d of %d windows of ordinary traffic unusual; of %d that fell %d", alarms, checks, falls, found)
	if alarms > checks/100 || found < falls*9/10 {
		t.Errorf("%d of %d windows of ordinary traffic are unusual, and %d of %d that fell", alarms, checks, found, falls)
	}
}
