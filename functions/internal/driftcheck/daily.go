package driftcheck

import (
	"bytes"
	"context"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/table"
	"mlops/functions/internal/trend"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/quality"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// maxDays is how many days that nobody looked at are made up for.
const maxDays = 7

// daily looks whether the model's datasets are overdue, and joins the traffic of the days that are over to the model's history of quality, whichever version answered: the history is about what
// clients send. A day without any request counts as soon as there was one with some.
func (h *Handler) daily(ctx context.Context, name string, at time.Time) error {
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(name), &state); err != nil {
		return err
	}
	v, _, ok := state.At(registry.Champion)
	if !ok {
		return nil
	}
	today := at.UTC().Truncate(24 * time.Hour)
	var history quality.History
	if _, err := h.Control.Get(ctx, control.Quality(trend.Traffic(name)), &history); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	day := today.AddDate(0, 0, -1)
	if n := len(history.At); n > 0 {
		if day = history.At[n-1].AddDate(0, 0, 1); day.Before(today.AddDate(0, 0, -maxDays)) {
			day = today.AddDate(0, 0, -maxDays)
		}
	}
	if err := h.stale(ctx, state, at); err != nil {
		return err
	}
	for ; day.Before(today); day = day.AddDate(0, 0, 1) {
		if err := h.day(ctx, name, v, day, len(history.At) > 0); err != nil {
			return fault.Wrap(err, "follow the quality of %s's traffic on %s", name, day.Format(time.DateOnly))
		}
	}
	return nil
}

// stale says of each dataset that versions of a model were trained on when no upload came for longer than its history bears: nothing else looks
// while nothing comes.
func (h *Handler) stale(ctx context.Context, state registry.State, at time.Time) error {
	seen := map[string]bool{}
	for _, v := range state.Versions {
		if v.Dataset == "" || seen[v.Dataset] {
			continue
		}
		seen[v.Dataset] = true
		id := "late/" + at.UTC().Format(time.RFC3339)
		docs, alerts, err := trend.Follower{Control: h.Control, Policy: h.Quality, NewID: h.NewID}.Late(ctx, trend.Batch{Subject: trend.Dataset(v.Dataset), Model: state.Model, ID: id, At: at})
		if err != nil {
			return fault.Wrap(err, "look when %s came last", v.Dataset)
		}
		if len(docs) == 0 {
			continue
		}
		err = h.Control.Commit(ctx, control.Change{Model: state.Model, Op: "quality/dataset/" + v.Dataset + "/" + id, Put: docs, Events: alerts})
		if err != nil {
			return err
		}
	}
	return nil
}

// day joins one day.
func (h *Handler) day(ctx context.Context, name string, v registry.Version, day time.Time, begun bool) error {
	records, err := capture.Window(ctx, h.Blobs, name, "champion", day, day.AddDate(0, 0, 1))
	if err != nil || len(records) == 0 && !begun {
		return err
	}
	served, err := h.Loader.Version(ctx, name, v)
	if err != nil {
		return err
	}
	frame, err := table.OfRecords(records, served.Features)
	if err != nil {
		return err
	}
	id := day.Format(time.DateOnly)
	docs, alerts, err := trend.Follower{Control: h.Control, Policy: h.Quality, NewID: h.NewID}.Add(ctx,
		trend.Batch{Subject: trend.Traffic(name), Model: name, ID: id, At: day, Daily: true, Frame: frame})
	if err != nil || len(docs) == 0 {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Model: name, Op: "quality/" + name + "/" + id, Put: docs, Events: alerts})
}

// batch joins the table of a batch job to the history of the model's batches. A table that cannot be read any more keeps nothing from being
// measured.
func (h *Handler) batch(ctx context.Context, e event.Event, key string) error {
	body, err := h.Blobs.Get(ctx, key, topology.UploadBody)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, "read the batch %s", key)
	}
	frame, err := dataset.Read(bytes.NewReader(body), key, dataset.Options{})
	if err != nil {
		h.Log.WarnContext(ctx, "the quality of a batch was not followed", "model", e.Model, "key", key, "error", err)
		return nil
	}
	docs, alerts, err := trend.Follower{Control: h.Control, Policy: h.Quality, NewID: h.NewID}.Add(ctx,
		trend.Batch{Subject: trend.Batches(e.Model), Model: e.Model, ID: e.ID, At: e.Time, Frame: frame})
	if err != nil || len(docs) == 0 {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Model: e.Model, Op: "quality/batch/" + e.ID, Put: docs, Events: alerts})
}
