package driftcheck

import (
	"cmp"
	"context"
	"path"
	"slices"
	"time"

	"mlops/functions/internal/incident"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// settled is how long after midnight a day counts as over: what was under way at its end is written by then.
const settled = time.Hour

// lookBack reads the model's past and adds the days that are over since. It gives the past also where that fails: then it is what it was.
func (h *Handler) lookBack(ctx context.Context, name string, at time.Time, s Settings) (*past, error) {
	p := &past{}
	rev, err := h.Control.Get(ctx, control.Past(name), p)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return &past{}, err
	}
	today := at.UTC().Add(-settled).Truncate(oneDay)
	added := false
	for date := today.AddDate(0, 0, -maxDays); date.Before(today); date = date.AddDate(0, 0, 1) {
		if _, known := p.at(date); known {
			continue
		}
		if any, err := h.Blobs.List(ctx, path.Join("capture", name, "champion", date.Format("2006/01/02"))+"/", "", 1); err != nil || len(any) == 0 {
			if err != nil {
				return p, err
			}
			continue // it may still come to have some
		}
		next := &past{Days: slices.Clone(p.Days), Periods: slices.Clone(p.Periods)}
		if err := h.take(ctx, name, at, date, s, next); err != nil {
			return p, fault.Wrap(err, "remember the traffic of %s", date.Format(time.DateOnly))
		}
		doc, err := control.Put(control.Past(name), rev, next)
		if err == nil {
			err = h.Control.Commit(ctx, control.Change{Model: name, Put: []control.Doc{doc}})
		}
		if err != nil {
			return p, err
		}
		p, rev, added = next, rev+1, true
	}
	if !added {
		return p, nil
	}
	return p, h.expire(ctx, name)
}

// take adds one day to the past.
func (h *Handler) take(ctx context.Context, name string, at, date time.Time, s Settings, p *past) error {
	d := day{Date: date}
	w, period, err := h.period(ctx, name, at, date, oneDay, s, p)
	switch {
	case fault.Is(err, fault.Invalid): // too many rows, say: it would be no other tomorrow
		h.Log.WarnContext(ctx, "a day's traffic is not remembered", "model", name, "day", date.Format(time.DateOnly), "error", err)
		p.add(d)
		return nil
	case err != nil || w == nil:
		return err
	}
	d.Hours = make([]int, 24)
	for _, hour := range w.counted {
		if hour.at.Before(w.end) {
			for _, n := range hour.Answers {
				d.Hours[hour.at.Hour()] += n
			}
		}
	}
	p.add(d)
	if period.Rows > 0 {
		p.join(period)
	}
	return h.weeks(ctx, name, at, s, p)
}

// period measures a whole period of the past by the version that answered most of it, and keeps its profile. No window where nothing serves.
func (h *Handler) period(ctx context.Context, name string, at, start time.Time, length time.Duration, s Settings, p *past) (*window, drift.Past, error) {
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(name), &state); err != nil {
		return nil, drift.Past{}, err
	}
	v, _, ok := state.At(registry.Champion)
	if !ok {
		return nil, drift.Past{}, nil
	}
	blank := window{h: h, name: name, at: at.UTC(), kind: "time", version: v, policy: s.Policy, start: start, end: start.Add(length), back: length}
	w := blank
	m, err := w.judge(ctx, p)
	if err != nil {
		return nil, drift.Past{}, err
	}
	if most, known := state.Version(w.busiest()); known && most.Number != v.Number {
		w = blank
		w.version = most
		if m, err = w.judge(ctx, p); err != nil {
			return nil, drift.Past{}, err
		}
	}
	x := drift.Past{Start: w.start, End: w.end, Version: w.version.Number, Rows: m.Rows, Verdict: m.Report.Verdict}
	if m.Rows > 0 && x.Verdict != drift.Alert { // an alert is no season for anything
		x.Key, err = h.keep(ctx, name, x, w.total.Profile())
	}
	return &w, x, err
}

// judge reads what the window is held against, and measures it.
func (w *window) judge(ctx context.Context, p *past) (*incident.Measured, error) {
	if err := w.load(ctx); err != nil {
		return nil, err
	}
	if err := w.recall(ctx, p); err != nil {
		return nil, err
	}
	return w.measure(ctx)
}

// busiest is the version that answered most of the window; of two alike the newer.
func (w *window) busiest() (version int) {
	rows := map[int]int{}
	for _, hour := range w.counted {
		if hour.at.Before(w.end) {
			for v, n := range hour.Answers {
				rows[v] += n
			}
		}
	}
	for v, n := range rows {
		if n > rows[version] || n == rows[version] && v > version {
			version = v
		}
	}
	return version
}

// weeks makes one period of the days of each week that is over.
func (h *Handler) weeks(ctx context.Context, name string, at time.Time, s Settings, p *past) error {
	var out []drift.Past
	for i := 0; i < len(p.Periods); {
		monday, n := mondayOf(p.Periods[i]), i+1
		for n < len(p.Periods) && mondayOf(p.Periods[n]).Equal(monday) {
			n++
		}
		group := p.Periods[i:n]
		if i = n; n < len(p.Periods) && len(group) > 1 {
			week, err := h.week(ctx, name, at, monday, group, s, p)
			switch {
			case fault.Is(err, fault.Invalid): // days that cannot be added up stay days
				h.Log.WarnContext(ctx, "a week of the past cannot be added up", "model", name, "week", monday.Format(time.DateOnly), "error", err)
			case err != nil:
				return fault.Wrap(err, "add up the week of %s", monday.Format(time.DateOnly))
			default:
				group = []drift.Past{week}
			}
		}
		out = append(out, group...)
	}
	p.Periods = out[max(0, len(out)-maxPeriods):]
	return nil
}

func mondayOf(x drift.Past) time.Time {
	date := x.Start.UTC().Truncate(oneDay)
	return date.AddDate(0, 0, -(int(date.Weekday())+6)%7)
}

// week adds the days of a week up: those of the version with the most rows, without alerts. Days that are too few rows each are judged together, from their kept hours.
func (h *Handler) week(ctx context.Context, name string, at, monday time.Time, days []drift.Past, s Settings, p *past) (drift.Past, error) {
	good := slices.DeleteFunc(slices.Clone(days), func(d drift.Past) bool { return d.Verdict == drift.Alert })
	if len(good) == 0 {
		return days[0], nil // an alert: no season is made of it
	}
	if !slices.ContainsFunc(good, func(d drift.Past) bool { return d.Verdict != drift.Insufficient }) {
		w, week, err := h.period(ctx, name, at, monday, oneWeek, s, p)
		if err != nil || w == nil || week.Rows == 0 {
			return days[0], err
		}
		return week, nil
	}
	rows := map[int]int{}
	for _, d := range good {
		rows[d.Version] += d.Rows
	}
	most := slices.MaxFunc(good, func(a, b drift.Past) int {
		return cmp.Or(cmp.Compare(rows[a.Version], rows[b.Version]), cmp.Compare(a.Version, b.Version))
	}).Version
	good = slices.DeleteFunc(good, func(d drift.Past) bool { return d.Version != most })
	whole, err := h.sum(ctx, good)
	if err != nil || whole == nil {
		return days[0], err
	}
	week := drift.Past{Start: monday, End: monday.Add(oneWeek), Version: most, Rows: whole.Rows, Verdict: drift.Insufficient}
	for _, d := range good {
		if d.Verdict == drift.Warn || d.Verdict == drift.OK && week.Verdict != drift.Warn {
			week.Verdict = d.Verdict
		}
	}
	week.Key, err = h.keep(ctx, name, week, whole)
	return week, err
}
