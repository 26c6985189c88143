package validate

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/job"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/registry"
)

// assemble makes the data of a retraining, the champion's own rows followed by the traffic whose labels have come since, and sends it the
// way of an upload. Traffic from before the present condition began is left out: the base tells of that time.
func (h *Handler) assemble(ctx context.Context, e event.Event, r event.Retrain) error {
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(e.Model), &state); err != nil {
		return err
	}
	champion, _, ok := state.At(registry.Champion)
	if !ok {
		return fault.Invalidf("model %s has no champion whose data a retraining could begin with", e.Model)
	}
	m, err := table.ReadManifest(ctx, h.Blobs, r.Dataset, r.Base)
	if err != nil {
		return err
	}
	base, err := h.whole(ctx, m)
	if err != nil {
		return err
	}
	target := base.Column(m.Target)
	if target == nil {
		return fault.New(fault.Internal, "data version %.12s has no column %s", m.Version, m.Target)
	}
	labels, err := dataset.Target{Column: m.Target}.Labels(base, m.Task, m.Positive)
	if err != nil {
		return err
	}
	since := champion.CreatedAt
	if r.Since.After(since) {
		since = r.Since
	}
	records, y, err := table.Labelled(ctx, h.Blobs, e.Model, since, e.Time, labels.Classes)
	if err != nil {
		return err
	}
	fresh, err := freshFrame(base, m, records, y, labels)
	if err != nil {
		return err
	}
	all, err := dataset.Concat(base, fresh)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := dataset.WriteCSV(&buf, all); err != nil {
		return err
	}

	u := m.Upload()
	u.Job, u.Model, u.Incident, u.Fresh = r.Job, e.Model, r.Incident, len(records)
	u.Digest = digest(buf.Bytes())
	u.Key = "raw/" + r.Dataset + "/" + u.Digest + ".csv"
	if err := h.Blobs.Create(ctx, u.Key, buf.Bytes()); err != nil {
		return err
	}

	docs, err := job.Advance(ctx, h.Control, r.Job, e.Time, func(j *job.Job) {
		j.Status, j.Stage, j.Result["raw"], j.Result["fresh"] = job.Running, "assembled", u.Key, strconv.Itoa(len(records))
	})
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), event.DatasetUploaded, e.Time, e.Model, u)
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: audit.DatasetUploaded, Model: e.Model, At: e.Time, SHA256: u.Digest, Actor: audit.Actor{Type: "agent", ID: "agent"},
		Reason: fmt.Sprintf("%d rows of data version %.12s and %d newer labelled rows", base.Rows(), m.Version, len(records)), Op: "assemble/" + e.ID}
	return h.Control.Commit(ctx, control.Change{Model: e.Model, Op: "assemble/" + e.ID, Put: docs, Entries: []audit.Entry{entry}, Events: []event.Event{next}})
}

// whole reads the three parts of a data version as one frame.
func (h *Handler) whole(ctx context.Context, m table.Manifest) (*dataset.Frame, error) {
	var all *dataset.Frame
	for _, part := range []string{"train", "val", "test"} {
		f, err := table.ReadSplit(ctx, h.Blobs, m, part)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = f
		} else if all, err = dataset.Concat(all, f); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// freshFrame makes rows with the base's columns from labelled requests. Columns that are no feature keep what the request carried.
func freshFrame(base *dataset.Frame, m table.Manifest, records []capture.Record, y []float64, l dataset.Labels) (*dataset.Frame, error) {
	var features []model.Feature
	for i := range base.Columns {
		if c := &base.Columns[i]; c.Name != m.Target {
			features = append(features, model.Feature{Name: c.Name, Kind: c.Kind})
		}
	}
	f, err := table.OfRecords(records, features)
	if err != nil {
		return nil, err
	}
	var target dataset.Column
	if base.Column(m.Target).Kind == dataset.Categorical {
		text := make([]string, len(y))
		for i, v := range y {
			text[i] = l.Classes[int(v)]
		}
		target = dataset.CategoricalColumn(m.Target, text, func(s string) bool { return false })
	} else {
		values := make([]float64, len(y))
		for i, v := range y {
			values[i] = v
			if l.Task != dataset.Regression {
				if values[i], err = strconv.ParseFloat(l.Classes[int(v)], 64); err != nil {
					return nil, fault.New(fault.Internal, "class %q of a numeric target is not a number", l.Classes[int(v)])
				}
			}
		}
		target = dataset.NumericColumn(m.Target, values)
	}
	return dataset.NewFrame(append(f.Columns, target)...)
}
