package validate

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"mlops/functions/internal/candidates"
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
	"mlops/shared/training/selection"
)

// assemble makes the data of a retraining, the rows of a base followed by the traffic whose labels have come since, and sends it the way of
// an upload. The base is the one that was asked for, and traffic from before the present condition began is left out: the base tells of that
// time. Where none was asked for the rule of selection chooses it, with all the traffic that was labelled since, and where there is no such traffic
// it is trained on as it is: the same data makes the same model, and then nothing is registered.
func (h *Handler) assemble(ctx context.Context, e event.Event, r event.Retrain) error {
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(e.Model), &state); err != nil {
		return err
	}
	if done, err := h.assembled(ctx, r.Job); done || err != nil {
		return err
	}
	champion, _, ok := state.At(registry.Champion)
	if !ok {
		return fault.Invalidf("model %s has no champion whose data a retraining could begin with", e.Model)
	}
	m, since, choice, err := h.base(ctx, e, r, state, champion)
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
	records, y, err := table.Labelled(ctx, h.Blobs, e.Model, since, e.Time, labels.Classes)
	if err != nil {
		return err
	}
	if r.Base == "" && len(records) == 0 {
		return h.unchanged(ctx, e, r, m, choice)
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
	u.Key = "raw/" + u.Dataset + "/" + u.Digest + ".csv"
	u.Parents = []string{reference(m.Dataset, m.Version)}
	if choice != nil {
		u.Choice = candidates.Record(*choice)
	}
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
	by := audit.Actor{Type: "agent", ID: "agent"}
	if r.Base == "" {
		by = audit.Actor{Type: "schedule", ID: r.Actor}
	}
	entry := audit.Entry{Kind: audit.DatasetUploaded, Model: e.Model, At: e.Time, SHA256: u.Digest, Actor: by,
		Reason: fmt.Sprintf("%d rows of data version %.12s and %d newer labelled rows", base.Rows(), m.Version, len(records)), Op: "assemble/" + e.ID}
	return h.Control.Commit(ctx, control.Change{Model: e.Model, Op: "assemble/" + e.ID, Put: docs, Entries: append(selected(choice, e, r), entry), Events: []event.Event{next}})
}

// selected is the choice for the ledger, if there was one.
func selected(choice *selection.Choice, e event.Event, r event.Retrain) []audit.Entry {
	if choice == nil {
		return nil
	}
	return []audit.Entry{candidates.Entry(*choice, e.Model, e.Time, audit.Actor{Type: audit.Schedule, ID: r.Actor}, "select/"+e.ID)}
}

// base finds the data that a retraining begins with, and from when on labelled traffic is added to it. Where it was chosen by the rule, the
// choice comes with it.
func (h *Handler) base(ctx context.Context, e event.Event, r event.Retrain, state registry.State, champion registry.Version) (table.Manifest, time.Time, *selection.Choice, error) {
	since := champion.CreatedAt
	if r.Base != "" {
		if r.Since.After(since) {
			since = r.Since
		}
		m, err := table.ReadManifest(ctx, h.Blobs, r.Dataset, r.Base)
		return m, since, nil, err
	}
	choice, m, err := h.source().Choose(ctx, candidates.Question{Model: e.Model, Renewal: true, At: e.Time})
	if err != nil {
		return m, since, nil, err
	}
	for _, v := range state.Versions { // its age is that of the first model that was made of it
		if v.Dataset == m.Dataset && v.DataVersion == m.Version {
			return m, v.CreatedAt, &choice, nil
		}
	}
	return m, since, &choice, nil
}

// source is where the rule of selection has its facts from.
func (h *Handler) source() candidates.Source {
	return candidates.Source{Control: h.Control, Blobs: h.Blobs, Policy: h.Selection, Drift: h.Drift}
}

// unchanged asks for a training on a data version as it is: no label has come since it was made.
func (h *Handler) unchanged(ctx context.Context, e event.Event, r event.Retrain, m table.Manifest, choice *selection.Choice) error {
	h.Log.InfoContext(ctx, "no label has come since the chosen data was made: it is trained on as it is", "model", e.Model, "data_version", m.Version)
	v := event.Validated{Upload: m.Upload(), Version: m.Version, Passed: true}
	v.Job, v.Model, v.Actor = r.Job, e.Model, r.Actor
	docs, err := job.Advance(ctx, h.Control, r.Job, e.Time, func(j *job.Job) {
		j.Status, j.Stage, j.Result["fresh"], j.Result["data_version"] = job.Running, "validated", "0", m.Version
	})
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), event.TrainRequested, e.Time, e.Model, v)
	if err != nil {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Model: e.Model, Op: "assemble/" + e.ID, Put: docs, Entries: selected(choice, e, r), Events: []event.Event{next}})
}

// assembled reports whether a delivery of the same event came before. What it assembled stands: by now another version may be champion, from
// whose time on there would be other traffic.
func (h *Handler) assembled(ctx context.Context, id string) (bool, error) {
	var j job.Job
	if id == "" {
		return false, nil
	}
	if _, err := h.Control.Get(ctx, control.Job(id), &j); err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	return j.Result["fresh"] != "", nil
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
