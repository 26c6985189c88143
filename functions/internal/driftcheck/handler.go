// Package driftcheck is the handler of the driftcheck function: it measures a window of captured traffic against the reference kept with the
// version that answered it, and says so. What to do about it is the agent's decision.
package driftcheck

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"path"
	"slices"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/functions/internal/serving"
	"mlops/functions/internal/table"
	"mlops/functions/internal/train"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/quality"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// Handler measures.
type Handler struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		Models(ctx context.Context) ([]string, error)
		Commit(ctx context.Context, c control.Change) error
	}
	Blobs   capture.Blobs // the data bucket
	Loader  *serving.Loader
	Policy  func(ctx context.Context) (drift.Policy, error)
	Quality func(ctx context.Context) (quality.Policy, error) // when a change of the traffic of a day is an anomaly; nil = the default
	Window  time.Duration                                     // how far back a check looks
	Now     func() time.Time
	NewID   func() string
	Log     *slog.Logger
}

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /drift/check", h.request)
	return mux
}

// request answers POST /drift/check {"model":""}: all models when none is named.
func (h *Handler) request(w http.ResponseWriter, r *http.Request) {
	door.Accept(w, r, func() (string, error) {
		b, err := door.Body(r, 256<<10)
		if err != nil {
			return "", err
		}
		var in struct {
			Model string `json:"model"`
		}
		if len(b) > 0 {
			if err := door.Decode(b, &in); err != nil {
				return "", err
			}
		}
		ctx, now := r.Context(), h.Now().UTC()
		if in.Model != "" {
			if _, err := h.Control.Get(ctx, control.State(in.Model), &registry.State{}); err != nil {
				return "", fault.Wrap(err, "find the model %.60q", in.Model)
			}
		}
		j := job.Job{ID: h.NewID(), Kind: "drift", Stage: "asked", Model: in.Model, Created: now}
		return job.Begin(ctx, h.Control, j, h.NewID(), event.DriftRequested, event.Drift{Job: j.ID})
	})
}

// Event is the event door: one model, or all of them.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	var d event.Drift
	if err := e.Decode(&d); err != nil {
		return err
	}
	if e.Type == event.BatchScored && d.Key != "" {
		if err := h.batch(ctx, e, d.Key); err != nil {
			return err
		}
	}
	names := []string{e.Model}
	if e.Model == "" {
		var err error
		if names, err = h.Control.Models(ctx); err != nil {
			return err
		}
	}
	var failed error // one model's trouble does not keep the others from being measured; those that were are not measured again
	for _, name := range names {
		if err := h.check(ctx, e, name, d.Job); err != nil && failed == nil {
			failed = fault.Wrap(err, "measure the traffic of %s", name)
		}
	}
	if failed != nil {
		return failed
	}
	return h.end(ctx, e, d.Job)
}

// end closes a job for which nothing was measured, since nothing is served.
func (h *Handler) end(ctx context.Context, e event.Event, id string) error {
	measured := true
	docs, err := job.Advance(ctx, h.Control, id, e.Time, func(j *job.Job) {
		if measured = j.Ended(); !measured {
			j.Status, j.Stage = job.Succeeded, "nothing is served"
		}
	})
	if err != nil || measured {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Put: docs})
}

// check measures one model's window.
func (h *Handler) check(ctx context.Context, e event.Event, name, jobID string) error {
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(name), &state); err != nil {
		return err
	}
	v, pointer, ok := state.At(registry.Champion)
	if !ok {
		return nil // nothing is served, so there is nothing to measure
	}
	if err := h.daily(ctx, name, v, e.Time); err != nil && !fault.Is(err, fault.Conflict) { // Conflict: another delivery was quicker
		return err
	}
	policy, err := h.Policy(ctx)
	if err != nil {
		return err
	}
	m, err := h.measure(ctx, name, v, pointer, policy, e.Time.UTC())
	if err != nil {
		return err
	}

	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	key := path.Join("reports/drift", m.At.Format("2006/01/02"), fmt.Sprintf("%s-%s.json", name, e.ID))
	err = h.Blobs.Create(ctx, key, body)
	if fault.Is(err, fault.Conflict) { // a second delivery, after more had come: what was measured first stands
		if body, err = h.Blobs.Get(ctx, key, 64<<20); err == nil {
			err = json.Unmarshal(body, m)
		}
	}
	if err != nil {
		return err
	}
	return h.remember(ctx, e, name, key, m, jobID)
}

func (h *Handler) measure(ctx context.Context, name string, v registry.Version, p registry.Pointer, policy drift.Policy, at time.Time) (*incident.Measured, error) {
	served, err := h.Loader.Version(ctx, name, v)
	if err != nil {
		return nil, err
	}
	b, err := h.Blobs.Get(ctx, path.Join(train.ReferenceDir(name, v.Number), "profile.json"), 256<<20)
	if err != nil {
		return nil, fault.Wrap(err, "read the reference profile of version %d", v.Number)
	}
	var profile drift.Profile
	if err := json.Unmarshal(b, &profile); err != nil {
		return nil, fault.New(fault.Internal, "the reference profile of version %d is not JSON", v.Number).Because(err)
	}
	start := at.Add(-h.Window)
	if p.Since.After(start) {
		start = p.Since
	}
	all, err := capture.Window(ctx, h.Blobs, name, "champion", start, at)
	if err != nil {
		return nil, err
	}
	records := slices.DeleteFunc(all, func(r capture.Record) bool { return r.Version != v.Number })
	truths, err := capture.Labels(ctx, h.Blobs, name, start, at)
	if err != nil {
		return nil, err
	}
	frame, err := table.OfRecords(records, served.Features)
	if err != nil {
		return nil, err
	}
	window := drift.Window{Start: start, End: at, Frame: frame, Predictions: table.Predictions(records, served.Width()), Segments: segments(&profile, records)}
	label(&window, records, truths, served.Model)
	report, err := drift.Measure(&profile, window, policy)
	if err != nil {
		return nil, err
	}
	m := &incident.Measured{Model: name, Version: v.Number, SHA256: v.SHA256, At: at, Rows: len(records), Report: report}
	seen := map[string]bool{}
	for _, d := range table.RowDigests(frame, frame.Names()) {
		if seen[d] {
			m.Duplicates++
		}
		seen[d] = true
	}
	m.Labelled, m.DelayDays = delay(records, window.Labels, truths)
	return m, nil
}

// delay is how many rows have their label, and the median days that took.
func delay(records []capture.Record, y []float64, truths map[string]capture.Label) (int, float64) {
	var days []float64
	for i, r := range records {
		if !math.IsNaN(y[i]) {
			days = append(days, truths[r.ID].At.Sub(r.At).Hours()/24)
		}
	}
	if len(days) == 0 {
		return 0, 0
	}
	slices.Sort(days)
	return len(days), days[len(days)/2]
}

// remember joins the window to the model's history and tells the agent.
func (h *Handler) remember(ctx context.Context, e event.Event, name, key string, m *incident.Measured, jobID string) error {
	var history incident.History
	rev, err := h.Control.Get(ctx, control.Drift(name), &history)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if slices.Contains(history.Keys, key) {
		return nil // delivered twice
	}
	history.Windows = append(history.Windows, facts(m))
	history.Keys = append(history.Keys, key)
	history.Windows = history.Windows[max(0, len(history.Windows)-incident.MaxWindows):]
	history.Keys = history.Keys[max(0, len(history.Keys)-incident.MaxWindows):]
	history.Latest = key
	doc, err := control.Put(control.Drift(name), rev, history)
	if err != nil {
		return err
	}
	docs, err := job.Advance(ctx, h.Control, jobID, m.At, func(j *job.Job) {
		j.Status, j.Stage = job.Succeeded, m.Report.Verdict
		j.Result["report"], j.Result["verdict"] = key, m.Report.Verdict
	})
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), event.DriftMeasured, e.Time, name, event.Drift{Key: key, Verdict: m.Report.Verdict})
	if err != nil {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Model: name, Op: "drift/" + e.ID + "/" + name, Put: append(docs, doc), Events: []event.Event{next}})
}

// dataQuality are the findings that tell of broken data rather than of other people.
var dataQuality = []string{drift.MissingRate, drift.AllNull, drift.UnitChange, drift.Constant, drift.NonFinite, drift.WrongType, drift.MissingColumn}

// facts is what the window is remembered by.
func facts(m *incident.Measured) remedy.WindowFacts {
	f := remedy.WindowFacts{At: m.At, Verdict: m.Report.Verdict, DatasetDrift: m.Report.DatasetDrift, PerformanceLoss: m.Report.PerformanceLoss, N: m.Rows}
	for _, x := range m.Report.Findings {
		if slices.Contains(dataQuality, x.Kind) && !slices.Contains(f.DataQuality, x.Feature) {
			f.DataQuality = append(f.DataQuality, x.Feature)
		}
	}
	return f
}
