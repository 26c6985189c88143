// Package report is the handler of the report function: it turns what the other functions stored as JSON into documents for people, and
// writes the weekly report.
package report

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/document"
	"mlops/shared/document/figure"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// Handler writes reports.
type Handler struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
		Models(ctx context.Context) ([]string, error)
		Entries(ctx context.Context, model string, from int64, limit int) ([]audit.Entry, error)
		Head(ctx context.Context, model string) (audit.Head, error)
		Commit(ctx context.Context, c control.Change) error
	}
	Blobs capture.Blobs                 // the data bucket
	Price func(predictions int) float64 // USD that many predictions cost on the cloud
	Now   func() time.Time
	NewID func() string
	Log   *slog.Logger
}

// Stored is what is remembered about a written report.
type Stored struct {
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	Model string    `json:"model"`
	Title string    `json:"title"`
	At    time.Time `json:"at"`
	Key   string    `json:"key"`  // of the HTML in the data bucket
	Data  string    `json:"data"` // of the JSON it was made from
}

// Kinds are the reports there are.
var Kinds = []string{"weekly", "validation", "drift", "gate"}

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reports", h.request)
	return mux
}

// request answers POST /reports {"kind","model"}. The other kinds are written by themselves as soon as there is something to report.
func (h *Handler) request(w http.ResponseWriter, r *http.Request) {
	door.Accept(w, r, func() (string, error) {
		var in struct {
			Kind  string `json:"kind"`
			Model string `json:"model"`
		}
		if err := door.Read(r, &in); err != nil {
			return "", err
		}
		if in.Kind != "weekly" {
			return "", fault.Invalidf("there is no report %.40q to ask for", in.Kind).With(fault.Detail{Field: "kind", Code: "unknown_value", Got: in.Kind, Expected: "weekly (validation, drift and gate reports are written by themselves)"})
		}
		ctx, now := r.Context(), h.Now().UTC()
		if in.Model != "" {
			if _, err := h.Control.Get(ctx, control.State(in.Model), &registry.State{}); err != nil {
				return "", fault.Wrap(err, "find the model %.60q", in.Model)
			}
		}
		j := job.Job{ID: h.NewID(), Kind: "report", Stage: "asked", Model: in.Model, Created: now}
		return job.Begin(ctx, h.Control, j, h.NewID(), event.ReportRequested, event.Report{Job: j.ID, Kind: in.Kind, Actor: door.CallerOf(ctx).ID})
	})
}

// Event is the event door.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	switch e.Type {
	case event.ReportRequested:
		var r event.Report
		if err := e.Decode(&r); err != nil {
			return err
		}
		return h.weekly(ctx, e, r)
	case event.DatasetValidated, event.DatasetRejected:
		var v event.Validated
		if err := e.Decode(&v); err != nil || v.Report == "" {
			return err
		}
		return h.render(ctx, e, "validation", v.Report, v.Job, func(b []byte) (string, []byte, error) { return document.ValidationReport(v, b) })
	case event.DriftMeasured, event.ModelGated:
		var d event.Drift
		if err := e.Decode(&d); err != nil {
			return err
		}
		if e.Type == event.ModelGated {
			return h.render(ctx, e, "gate", d.Key, "", document.GateReport)
		}
		return h.drift(ctx, e, d)
	}
	return nil
}

// drift writes the report of a measured window, with the windows before it.
func (h *Handler) drift(ctx context.Context, e event.Event, d event.Drift) error {
	var history incident.History
	if _, err := h.Control.Get(ctx, control.Drift(e.Model), &history); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	before := slices.DeleteFunc(history.Readings, func(r figure.Reading) bool { return r.At.After(e.Time) })
	return h.render(ctx, e, "drift", d.Key, "", func(b []byte) (string, []byte, error) {
		return document.DriftReportIn(b, document.Surroundings{Readings: before, Rules: d.Rules})
	})
}

// render writes the document beside the JSON it shows.
func (h *Handler) render(ctx context.Context, e event.Event, kind, key, jobID string, make func([]byte) (string, []byte, error)) error {
	b, err := h.Blobs.Get(ctx, key, 64<<20)
	if err != nil {
		return fault.Wrap(err, "read %s", key)
	}
	title, html, err := make(b)
	if err != nil {
		return err
	}
	return h.store(ctx, e, Stored{ID: e.ID, Kind: kind, Model: e.Model, Title: title, At: e.Time, Key: strings.TrimSuffix(key, ".json") + ".html", Data: key}, html, "")
}

func (h *Handler) store(ctx context.Context, e event.Event, s Stored, html []byte, jobID string) error {
	if err := h.Blobs.Create(ctx, s.Key, html); err != nil && !fault.Is(err, fault.Conflict) { // a Conflict: a first delivery wrote it, when the history was shorter
		return fault.Wrap(err, "store the report %s", s.Key)
	}
	doc, err := control.Put(control.Report(s.ID), 0, s)
	if err != nil {
		return err
	}
	docs, err := job.Advance(ctx, h.Control, jobID, e.Time, func(j *job.Job) {
		j.Status, j.Stage, j.Result["report"], j.Result["html"] = job.Succeeded, "written", s.ID, s.Key
	})
	if err != nil {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Model: e.Model, Op: "report/" + e.ID + "/" + s.Model, Put: append(docs, doc)})
}

// weekly writes what happened to each model in the seven days before the event.
func (h *Handler) weekly(ctx context.Context, e event.Event, r event.Report) error {
	names := []string{e.Model}
	if e.Model == "" {
		var err error
		if names, err = h.Control.Models(ctx); err != nil {
			return err
		}
	}
	var failed error // one model's trouble does not keep the others' reports from being written
	for _, name := range names {
		if err := h.write(ctx, e, name, r.Job); err != nil && failed == nil {
			failed = fault.Wrap(err, "write the weekly report of %s", name)
		}
	}
	if failed != nil {
		return failed
	}
	return h.end(ctx, e, r.Job)
}

// write writes one model's week.
func (h *Handler) write(ctx context.Context, e event.Event, name, jobID string) error {
	w, err := h.week(ctx, name, e.Time.UTC())
	if err != nil {
		return err
	}
	id := e.ID + "-" + name
	base := path.Join("reports/weekly", e.Time.UTC().Format("2006/01/02"), id)
	if err := h.keep(ctx, base+".json", w); err != nil {
		return err
	}
	title, html, err := document.WeeklyReport(*w)
	if err != nil {
		return err
	}
	return h.store(ctx, e, Stored{ID: id, Kind: "weekly", Model: name, Title: title, At: e.Time, Key: base + ".html", Data: base + ".json"}, html, jobID)
}

// keep stores the facts of a week. What a first delivery stored stands, and the report is made of that: the platform has gone on since.
func (h *Handler) keep(ctx context.Context, key string, w *document.Weekly) error {
	data, err := json.MarshalIndent(w, "", " ")
	if err != nil {
		return err
	}
	if err = h.Blobs.Create(ctx, key, data); !fault.Is(err, fault.Conflict) {
		return err
	}
	if data, err = h.Blobs.Get(ctx, key, 64<<20); err != nil {
		return err
	}
	*w = document.Weekly{}
	if err := json.Unmarshal(data, w); err != nil {
		return fault.New(fault.Internal, "the facts of the weekly report %s are not JSON", key).Because(err)
	}
	return nil
}

// end closes a job that wrote nothing, since there is no model.
func (h *Handler) end(ctx context.Context, e event.Event, id string) error {
	written := true
	docs, err := job.Advance(ctx, h.Control, id, e.Time, func(j *job.Job) {
		if written = j.Ended(); !written {
			j.Status, j.Stage = job.Succeeded, "there is no model"
		}
	})
	if err != nil || written {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Put: docs})
}

// week gathers the facts of one week of one model.
func (h *Handler) week(ctx context.Context, name string, end time.Time) (*document.Weekly, error) {
	start := end.Add(-7 * 24 * time.Hour)
	w := &document.Weekly{Model: name, Start: start, End: end}
	if _, err := h.Control.Get(ctx, control.State(name), &w.State); err != nil {
		return nil, err
	}
	records, err := capture.Window(ctx, h.Blobs, name, "champion", start, end)
	if err != nil {
		return nil, err
	}
	labels, err := capture.Labels(ctx, h.Blobs, name, start, end)
	if err != nil {
		return nil, err
	}
	w.Predictions, w.Labels, w.CostUSD = len(records), len(labels), h.Price(len(records))
	w.ByVersion = map[int]int{}
	for _, r := range records {
		w.ByVersion[r.Version]++
	}
	docs, err := h.Control.List(ctx, control.Incident(name, "").Partition, "", "", 1000)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		var i incident.Incident
		if err := json.Unmarshal(d.Body, &i); err != nil {
			return nil, fault.New(fault.Internal, "incident %s is not JSON", d.Key).Because(err)
		}
		if i.Updated.Before(start) {
			continue
		}
		line := document.IncidentLine{ID: i.ID, Kind: i.Kind, Severity: i.Severity, Stage: i.Stage, Cause: i.Cause, Opened: i.Opened, Resolved: i.Resolved, Action: i.Action, Folded: i.Folded}
		if n := len(i.Decisions); n > 0 {
			line.Summary = i.Decisions[0].Summary
		}
		w.Incidents = append(w.Incidents, line)
	}
	if err := h.ledger(ctx, name, w); err != nil {
		return nil, err
	}
	var history incident.History
	if _, err := h.Control.Get(ctx, control.Drift(name), &history); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	for _, x := range history.Windows {
		if x.At.Before(start) {
			continue
		}
		w.Windows = append(w.Windows, x)
	}
	w.Readings = slices.DeleteFunc(history.Readings, func(r figure.Reading) bool { return r.At.Before(start) || r.At.After(end) })
	return w, nil
}

// ledger verifies the whole chain and picks the week's entries.
func (h *Handler) ledger(ctx context.Context, name string, w *document.Weekly) error {
	var v audit.Verifier
	for from := int64(1); ; {
		page, err := h.Control.Entries(ctx, name, from, 500)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := v.Next(e); err != nil && w.LedgerProblem == "" {
				w.LedgerProblem = err.Error()
			}
			w.LedgerEntries++
			if !e.At.Before(w.Start) && len(w.Entries) < 500 {
				w.Entries = append(w.Entries, e)
			}
		}
		if len(page) < 500 {
			break
		}
		from = page[len(page)-1].Seq + 1
	}
	head, err := h.Control.Head(ctx, name)
	if err != nil {
		return err
	}
	if w.LedgerProblem == "" && head.Seq != int64(w.LedgerEntries) {
		w.LedgerProblem = fmt.Sprintf("the head says %d entries, the chain has %d", head.Seq, w.LedgerEntries)
	}
	return nil
}
