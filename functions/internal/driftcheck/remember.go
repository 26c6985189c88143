package driftcheck

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/gauge"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/shared/control"
	"mlops/shared/document/figure"
	"mlops/shared/drift"
	"mlops/shared/drift/alert"
	"mlops/shared/drift/export"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/number"
	"mlops/shared/remedy"
)

// store writes what was measured, once: the report, and beside it a folder of SageMaker's files. What a first delivery stored stands.
func (h *Handler) store(ctx context.Context, e event.Event, w *window, m *incident.Measured) (key string, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	base := path.Join("reports/drift", m.At.Format("2006/01/02"), fmt.Sprintf("%s-%s", m.Model, e.ID))
	key = base + ".json"
	err = h.Blobs.Create(ctx, key, body)
	if fault.Is(err, fault.Conflict) { // a second delivery, after more had come
		if body, err = h.Blobs.Get(ctx, key, 64<<20); err == nil {
			*m = incident.Measured{}
			err = json.Unmarshal(body, m)
		}
	}
	if err != nil {
		return "", fault.Wrap(err, "store the drift report of %s", m.Model)
	}
	for file, value := range map[string]any{"constraint_violations.json": export.NewViolations(m.Report, m.Input.Columns), "statistics.json": export.WindowStatistics(w.profile, m.Report)} {
		b, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		if err := h.Blobs.Create(ctx, path.Join(base, file), b); err != nil && !fault.Is(err, fault.Conflict) {
			return "", fault.Wrap(err, "store %s of the drift report of %s", file, m.Model)
		}
	}
	return key, nil
}

// remember joins the window to the model's history, holds it against the alert rules, and tells the agent.
func (h *Handler) remember(ctx context.Context, e event.Event, s Settings, key string, m *incident.Measured, jobID string) error {
	var history incident.History
	rev, err := h.Control.Get(ctx, control.Drift(m.Model), &history)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if slices.Contains(history.Keys, key) {
		return nil // delivered twice
	}
	newest := join(&history, key, m)
	doc, err := control.Put(control.Drift(m.Model), rev, history)
	if err != nil {
		return err
	}
	c := control.Change{Model: m.Model, Op: "drift/" + e.ID + "/" + m.Model, Put: []control.Doc{doc}}
	said, err := h.watch(ctx, s, m, newest, &c)
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), event.DriftMeasured, e.Time, m.Model, event.Drift{Key: key, Verdict: m.Report.Verdict, Rules: said})
	if err != nil {
		return err
	}
	docs, err := job.Advance(ctx, h.Control, jobID, m.At, func(j *job.Job) {
		j.Status, j.Stage = job.Succeeded, m.Report.Verdict
		j.Result["report"], j.Result["verdict"], j.Result["report_id"] = key, m.Report.Verdict, next.ID
	})
	if err != nil {
		return err
	}
	c.Put, c.Events = append(c.Put, docs...), []event.Event{next}
	if err := h.Control.Commit(ctx, c); err != nil {
		return err
	}
	h.emit(ctx, s, m)
	return nil
}

// join puts a window in its place among the others: a check may be delivered late. It reports whether it is the newest.
func join(history *incident.History, key string, m *incident.Measured) (newest bool) {
	i := len(history.Windows)
	for i > 0 && history.Windows[i-1].At.After(m.At) {
		i--
	}
	newest = i == len(history.Windows)
	history.Windows = slices.Insert(history.Windows, i, facts(m))
	history.Keys = slices.Insert(history.Keys, min(i, len(history.Keys)), key)
	history.Windows = history.Windows[max(0, len(history.Windows)-incident.MaxWindows):]
	history.Keys = history.Keys[max(0, len(history.Keys)-incident.MaxWindows):]
	at, _ := slices.BinarySearchFunc(history.Readings, m.At.Add(1), func(r figure.Reading, t time.Time) int { return r.At.Compare(t) })
	history.Readings = slices.Insert(history.Readings, at, reading(m))
	history.Readings = history.Readings[max(0, len(history.Readings)-incident.MaxReadings):]
	if newest {
		history.Latest = key
	}
	return newest
}

// watch holds the window against the alert rules and sets the gauges, and gives what there is to say. A window that comes late says nothing: the
// rules have seen newer ones.
func (h *Handler) watch(ctx context.Context, s Settings, m *incident.Measured, newest bool, c *control.Change) ([]event.Told, error) {
	if !newest {
		return nil, nil
	}
	var alerts incident.Alerts
	rev, err := h.Control.Get(ctx, control.Alerts(m.Model), &alerts)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	state, changes := s.Alerts.Evaluate(alerts.State, alert.Window{Model: m.Model, At: m.At, Report: m.Report, Rows: m.Rows, Duplicates: m.Duplicates, Labelled: m.Labelled, DelayDays: m.DelayDays, Broken: m.Input.Broken})
	alerts = incident.Alerts{State: state, Policy: s.Alerts.Digest(), At: m.At, Changes: append(alerts.Changes, changes...)}
	alerts.Changes = alerts.Changes[max(0, len(alerts.Changes)-incident.MaxChanges):]
	doc, err := control.Put(control.Alerts(m.Model), rev, alerts)
	if err != nil {
		return nil, err
	}
	rev, err = h.Control.Get(ctx, control.Gauges(m.Model), &gauge.Gauges{})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	gauges, err := control.Put(control.Gauges(m.Model), rev, gaugesOf(m, state))
	if err != nil {
		return nil, err
	}
	c.Put = append(c.Put, doc, gauges)
	return told(changes), nil
}

// told is what there is to say of changes, firing first; of very many the last are counted.
func told(changes []alert.Transition) []event.Told {
	var out []event.Told
	for i, t := range changes {
		if i == event.MaxTold {
			out[i-1].Text += fmt.Sprintf("; and %d more alerts", len(changes)-i)
			break
		}
		out = append(out, event.Told{Fingerprint: t.Fingerprint, Rule: t.Rule, What: t.What, Feature: t.Feature, Status: t.Status, Severity: t.Severity, Owner: t.Owner, Agent: t.Agent, Silent: t.Silent, Text: t.Text})
	}
	return out
}

// gaugesOf is the window as GET /metrics shows it.
func gaugesOf(m *incident.Measured, state alert.State) gauge.Gauges {
	r := m.Report
	g := gauge.Gauges{Model: m.Model, Version: m.Version, At: m.At, Verdict: r.Verdict, DatasetDrift: r.DatasetDrift, Share: r.Share, Rows: m.Rows, Labelled: m.Labelled,
		Duplicates: m.Duplicates, Broken: m.Input.Broken, Loss: r.PerformanceLoss}
	for _, p := range []struct {
		kind string
		*drift.Performance
	}{{"estimated", r.Estimated}, {"realised", r.Realised}} {
		if p.Performance != nil {
			g.Performance = append(g.Performance, gauge.Performance{Kind: p.kind, Metric: p.Metric, Value: p.Value, Low: p.Low, High: p.High, Reference: p.Reference, Loss: p.Loss})
		}
	}
	for _, name := range moved(r, gauge.MaxFeatures) {
		c := r.Columns[name]
		g.Features = append(g.Features, gauge.Feature{Name: name, Score: c.Score, Drifted: c.Drifted, Missing: c.MissingCurrent})
	}
	slices.SortFunc(g.Features, func(a, b gauge.Feature) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range state.Firing() {
		g.Alerts = append(g.Alerts, gauge.Alert{Rule: s.Rule.Name, Feature: s.Of, Severity: s.Rule.Severity})
	}
	return g
}

// moved are the n columns that moved most, the most moved first.
func moved(r *drift.Report, n int) []string {
	score := func(name string) float64 {
		if v := r.Columns[name].Score; v.Finite() {
			return float64(v)
		}
		return -1
	}
	names := slices.Sorted(maps.Keys(r.Columns))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(score(b), score(a)) })
	return names[:min(n, len(names))]
}

// charted is how many columns a reading remembers.
const charted = 8

// reading is the window as charts over time show it.
func reading(m *incident.Measured) figure.Reading {
	short := func(p *drift.Performance) *drift.Performance {
		if p == nil {
			return nil
		}
		out := *p
		out.Assumption = "" // one sentence a hundred times over
		return &out
	}
	r := figure.Reading{At: m.At, Version: m.Version, Rows: m.Rows, Verdict: m.Report.Verdict, Estimated: short(m.Report.Estimated), Realised: short(m.Report.Realised)}
	if m.Report.Verdict == drift.Insufficient {
		return r
	}
	r.Share, r.Scores = m.Report.Share, map[string]number.Float{}
	for _, name := range moved(m.Report, charted) {
		if len(name) <= figure.MaxName {
			r.Scores[name] = m.Report.Columns[name].Score
		}
	}
	return r
}

// emit writes the window's metrics for CloudWatch. They are no part of the record: a crash before this line loses one point of a chart.
func (h *Handler) emit(ctx context.Context, s Settings, m *incident.Measured) {
	if h.Emit == nil || s.EmitMetrics != "Enabled" || m.Report.Verdict == drift.Insufficient {
		return
	}
	lines, err := export.CloudWatch(m.Report, m.Rows, h.Stage, m.Model+"-drift", m.At)
	if err != nil {
		h.Log.ErrorContext(ctx, "the metrics of a window could not be written", "model", m.Model, "error", err)
		return
	}
	for _, l := range lines {
		h.Emit(l)
	}
}

// dataQuality are the findings that tell of broken data rather than of other people.
var dataQuality = []string{drift.MissingRate, drift.AllNull, drift.UnitChange, drift.Constant, drift.NonFinite, drift.WrongType, drift.MissingColumn}

// facts is what the window is remembered by.
func facts(m *incident.Measured) remedy.WindowFacts {
	f := remedy.WindowFacts{At: m.At, Verdict: m.Report.Verdict, DatasetDrift: m.Report.News(), PerformanceLoss: m.Report.PerformanceLoss, N: m.Rows}
	for _, x := range m.Report.Findings {
		if slices.Contains(dataQuality, x.Kind) && !slices.Contains(f.DataQuality, x.Feature) {
			f.DataQuality = append(f.DataQuality, x.Feature)
		}
	}
	return f
}
