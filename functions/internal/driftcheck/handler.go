// Package driftcheck is the handler of the driftcheck function: it measures a window of captured traffic against the reference kept with the
// version that answered it, and says so. What to do about it is the agent's decision.
package driftcheck

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/job"
	"mlops/functions/internal/serving"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/quality"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// Handler measures.
type Handler struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		Models(ctx context.Context) ([]string, error)
		Commit(ctx context.Context, c control.Change) error
	}
	Blobs    capture.Blobs // the data bucket
	Loader   *serving.Loader
	Settings func(ctx context.Context) (Settings, error)
	Quality  func(ctx context.Context) (quality.Policy, error)                 // when a change of the traffic of a day is an anomaly; nil = the default
	Span     Span                                                              // what a check looks at where neither its event nor drift.yaml says
	Stage    string                                                            // of the deployment
	Expire   func(ctx context.Context, prefix string, age time.Duration) error // removes objects that are older; nil = rules of the bucket do
	Emit     func(line []byte)                                                 // takes lines of CloudWatch's embedded metric format; nil = nobody reads them
	Now      func() time.Time
	NewID    func() string
	Log      *slog.Logger
}

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /drift/check", h.request)
	return mux
}

// request answers POST /drift/check {"model","window","rows"}: all models when none is named, and what is configured where it does not say.
func (h *Handler) request(w http.ResponseWriter, r *http.Request) {
	door.Accept(w, r, func() (string, error) {
		b, err := door.Body(r, topology.SmallBody)
		if err != nil {
			return "", err
		}
		var in struct {
			Model  string `json:"model"`
			Window string `json:"window"`
			Rows   int    `json:"rows"`
		}
		if len(b) > 0 {
			if err := door.Decode(b, &in); err != nil {
				return "", err
			}
		}
		d := event.Drift{Window: in.Window, Rows: in.Rows}
		if _, err := asked(d); err != nil {
			return "", err
		}
		ctx, now := r.Context(), h.Now().UTC()
		if in.Model != "" {
			if _, err := h.Control.Get(ctx, control.State(in.Model), &registry.State{}); err != nil {
				return "", fault.Wrap(err, "find the model %.60q", in.Model)
			}
		}
		j := job.Job{ID: h.NewID(), Kind: "drift", Stage: "asked", Model: in.Model, Created: now}
		d.Job = j.ID
		return job.Begin(ctx, h.Control, j, h.NewID(), event.DriftRequested, d)
	})
}

// Event is the event door: one model, or all of them.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	var d event.Drift
	if err := e.Decode(&d); err != nil {
		return err
	}
	if e.Type == event.BatchScored && d.Table != "" {
		if err := h.batch(ctx, e, d.Table); err != nil {
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
		if err := h.check(ctx, e, d, name); err != nil {
			h.Log.ErrorContext(ctx, "a model's traffic could not be measured", "model", name, "event", e.ID, "error", err)
			if failed == nil {
				failed = fault.Wrap(err, "measure the traffic of %s", name)
			}
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
func (h *Handler) check(ctx context.Context, e event.Event, d event.Drift, name string) error {
	if err := h.daily(ctx, name, e.Time); err != nil && !fault.Is(err, fault.Conflict) { // Conflict: another delivery was quicker
		return err
	}
	settings, err := h.Settings(ctx)
	if err != nil {
		return err
	}
	p, err := h.lookBack(ctx, name, e.Time, settings)
	if err != nil && !fault.Is(err, fault.Conflict) { // Conflict: another delivery was quicker; what is not remembered today is tomorrow: it keeps nothing from being measured
		h.Log.WarnContext(ctx, "the past of a model was not added to", "model", name, "error", err)
	}
	w, ok, err := h.window(ctx, e, d, name, settings)
	if err != nil || !ok {
		return err
	}
	m, err := w.judge(ctx, p)
	if err != nil {
		return err
	}

	key, err := h.store(ctx, e, w, m)
	if err != nil {
		return err
	}
	return h.remember(ctx, e, settings, key, m, d.Job)
}
