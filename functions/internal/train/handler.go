// Package train is the handler of the train function: it trains candidates on a validated data version, stores the best as bytes named by
// their digest, and registers it as a new version without an alias. Serving it is not its decision.
package train

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"mlops/functions/internal/candidates"
	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/job"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset/version"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
	"mlops/shared/number"
	"mlops/shared/registry"
	"mlops/shared/training"
	"mlops/shared/training/selection"
)

// Control is what the handler needs of the control store.
type Control interface {
	Get(ctx context.Context, key control.Key, into any) (int64, error)
	List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
	Commit(ctx context.Context, c control.Change) error
}

// Handler trains.
type Handler struct {
	Control   Control
	Blobs     capture.Blobs // the data bucket
	Artefacts capture.Blobs // the model bucket
	Now       func() time.Time
	NewID     func() string
	Threads   int
	Folds     int                                                // of the cross-validation; 0 = as configured
	MemoryMB  int                                                // that a training may take; 0 = unknown
	Progress  func(training.Progress)                            // nil: nobody watches
	Features  func(ctx context.Context) (fit.Recipes, error)     // feature engineering by dataset; nil: none
	Models    func(ctx context.Context) (training.Config, error) // what is tried, and what holds for a dataset
	Log       *slog.Logger

	Selection func(ctx context.Context) (selection.Policy, error) // which data version is trained on where none is named; nil = the default rule
	Drift     func(ctx context.Context) (drift.Policy, error)     // by which versions are held against live traffic; nil = the default
}

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /train", h.request)
	return mux
}

// Event is the event door.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	var v event.Validated
	if err := e.Decode(&v); err != nil {
		return err
	}
	err := h.train(ctx, e, v)
	if err == nil || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Conflict) || ctx.Err() != nil {
		return err // Conflict and Unavailable: deliver again
	}
	return h.failed(ctx, e, v, err)
}

// request answers POST /train {"dataset","version","algorithm","params","seed"}, and what event.Tuning has. version may be abbreviated, or latest, and may
// stand behind the dataset as in name@version; without one the rule of selection chooses among the dataset's versions, and the ledger says why.
func (h *Handler) request(w http.ResponseWriter, r *http.Request) {
	door.Accept(w, r, func() (string, error) {
		var in asked
		if err := door.Read(r, &in); err != nil {
			return "", err
		}
		return h.ask(r.Context(), in)
	})
}

// asked is the body of POST /train.
type asked struct {
	Dataset   string         `json:"dataset"`
	Version   string         `json:"version"`
	Algorithm string         `json:"algorithm"`
	Params    map[string]any `json:"params"`
	Seed      uint64         `json:"seed"`
	event.Tuning
}

func (h *Handler) ask(ctx context.Context, in asked) (string, error) {
	if in.Dataset == "" {
		return "", fault.Invalidf("say which dataset to train on").With(fault.Detail{Field: "dataset", Code: "missing", Expected: "the name of a dataset that was uploaded"})
	}
	var err error
	if in.Dataset, in.Version, err = parted(in.Dataset, in.Version); err != nil {
		return "", err
	}
	var d table.Dataset
	if _, err := h.Control.Get(ctx, control.Dataset(in.Dataset), &d); err != nil {
		return "", fault.Wrap(err, "find the dataset %.60q: upload it first by POST /datasets/{name}", in.Dataset)
	}
	if in.Algorithm != "" && in.Algorithm != training.Auto {
		if _, err := fit.Parse(in.Algorithm, in.Params); err != nil { // said now, not by a job that fails
			return "", err
		}
	}
	if _, _, err := tuned(in.Tuning); err != nil {
		return "", err
	}
	now, by := h.Now().UTC(), door.CallerOf(ctx).ID
	m, why, err := h.pick(ctx, d, in.Version, now, by)
	if err != nil {
		return "", err
	}
	if err := named(m, in.Tuning); err != nil {
		return "", err
	}
	j := job.Job{ID: h.NewID(), Kind: "train", Stage: "validated", Model: d.Model, Created: now, Result: map[string]string{"data_version": m.Version}}
	v := event.Validated{Upload: m.Upload(), Version: m.Version, Passed: true, Algorithm: in.Algorithm, Params: in.Params, Seed: in.Seed, Asked: in.Tuning}
	v.Job, v.Model, v.Actor = j.ID, d.Model, by
	return job.Begin(ctx, h.Control, j, h.NewID(), event.TrainRequested, v, why...)
}

// parted parts name@version, unless the version is named apart.
func parted(name, ref string) (string, string, error) {
	dataset, behind, err := version.ParseReference(name)
	if err == nil && behind != "" && ref != "" && behind != ref {
		err = fault.Invalidf("two data versions are asked for: %.70q and %.70q", behind, ref).With(fault.Detail{Field: "version", Code: "contradiction", Got: ref, Expected: "one version, in one place"})
	}
	return dataset, cmp.Or(ref, behind), err
}

// pick is the data version that ref names, or where it names none the one that the rule chooses, with the choice for the ledger.
func (h *Handler) pick(ctx context.Context, d table.Dataset, ref string, now time.Time, by string) (table.Manifest, []audit.Entry, error) {
	if ref != "" {
		id, err := version.Resolve(d.Versions, ref)
		if err != nil {
			return table.Manifest{}, nil, fault.Wrap(err, "find the data version %.70q of %s", ref, d.Name)
		}
		m, err := table.ReadManifest(ctx, h.Blobs, d.Name, id)
		return m, nil, err
	}
	source := candidates.Source{Control: h.Control, Blobs: h.Blobs, Policy: h.Selection, Drift: h.Drift}
	choice, m, err := source.Choose(ctx, candidates.Question{Model: d.Model, Dataset: d.Name, At: now})
	if err != nil {
		return m, nil, err
	}
	entry := candidates.Entry(choice, d.Model, now, audit.Actor{Type: audit.Human, ID: cmp.Or(by, "operator")}, "")
	entry.RequestID = door.RequestOf(ctx)
	return m, []audit.Entry{entry}, nil
}

// train makes one version. Everything it stores is named by content or by the version it belongs to, so a second delivery of the same event
// stores the same bytes again and ends in the same place.
func (h *Handler) train(ctx context.Context, e event.Event, v event.Validated) error {
	m, err := table.ReadManifest(ctx, h.Blobs, v.Dataset, v.Version)
	if err != nil {
		return err
	}
	if err := h.advance(ctx, v.Job, e.Time, func(j *job.Job) {
		if !j.Ended() { // a second delivery may come after the end
			j.Status, j.Stage = job.Running, "training"
		}
	}); err != nil {
		return err
	}
	made, data, err := h.produce(ctx, e, m, v)
	if err != nil {
		return err
	}

	dir := "models/" + v.Model + "/sha256/" + made.sha
	for name, body := range made.files {
		err := h.Artefacts.Create(ctx, dir+"/"+name, body)
		if fault.Is(err, fault.Conflict) && name != "model.bin" {
			continue // the same artefact from data that differs in what no model sees: the first description stands
		}
		if err != nil {
			return fault.Wrap(err, "store %s of the new version of %s", name, v.Model)
		}
	}
	version, err := h.register(ctx, e, v, m, made)
	if err != nil {
		return err
	}
	if err := h.record(ctx, v.Model, made.run); err != nil {
		return err
	}
	if err := h.reference(ctx, v.Model, version, made, data); err != nil {
		return err
	}

	return h.announce(ctx, e, v, version, made)
}

// recipe is the feature engineering configured for a dataset.
func (h *Handler) recipe(ctx context.Context, dataset string) (fit.Recipe, error) {
	if h.Features == nil {
		return fit.Recipe{}, nil
	}
	all, err := h.Features(ctx)
	return all.For(dataset), err
}

// register adds the version; a model that is new gets its state here.
func (h *Handler) register(ctx context.Context, e event.Event, v event.Validated, m table.Manifest, made *artefact) (registry.Version, error) {
	state := registry.State{Model: v.Model}
	rev, err := h.Control.Get(ctx, control.State(v.Model), &state)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return registry.Version{}, err
	}
	metrics := map[string]number.Float{}
	for k, est := range made.result.CV {
		metrics[k] = est.Value
	}
	next, version, err := state.Register(registry.Version{SHA256: made.sha, Algorithm: made.result.Algorithm, Task: string(m.Task), DataVersion: m.Version,
		Dataset: v.Dataset, CreatedAt: e.Time, Metrics: metrics, Incident: v.Incident, Warning: made.warning()})
	if err != nil {
		return version, err
	}
	if rev > 0 && len(next.Versions) == len(state.Versions) {
		return version, nil // these bytes are registered already
	}
	doc, err := control.Put(control.State(v.Model), rev, next)
	if err != nil {
		return version, err
	}
	return version, h.Control.Commit(ctx, control.Change{Model: v.Model, Put: []control.Doc{doc}})
}

// announce tells the agent, once everything it will look at is there.
func (h *Handler) announce(ctx context.Context, e event.Event, v event.Validated, version registry.Version, made *artefact) error {
	done := h.Now().UTC()
	docs, err := job.Advance(ctx, h.Control, v.Job, done, func(j *job.Job) {
		j.Stage = "trained"
		j.Result["version"], j.Result["sha256"], j.Result["algorithm"] = strconv.Itoa(version.Number), made.sha, made.result.Algorithm
		if warning := made.warning(); warning != "" {
			j.Result["warning"] = warning
		}
		j.Result["run"] = made.run.Info.RunID
	})
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), event.ModelTrained, done, v.Model, event.Trained{Job: v.Job, Version: version.Number, SHA256: made.sha, Data: v.Version, Dataset: v.Dataset, Incident: v.Incident})
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: audit.TrainDone, Model: v.Model, At: done, To: version.Number, SHA256: made.sha, Actor: audit.Actor{Type: "schedule", ID: "train"},
		Reason: made.summary(), Inputs: map[string]string{"data_version": v.Version, "run": made.run.Info.RunID, "fits": strconv.Itoa(made.result.Fits), "seed": strconv.FormatUint(v.Seed, 10)}}
	return h.Control.Commit(ctx, control.Change{Model: v.Model, Op: "train/" + e.ID, Put: docs, Entries: []audit.Entry{entry}, Events: []event.Event{next}})
}

func (h *Handler) failed(ctx context.Context, e event.Event, v event.Validated, cause error) error {
	if err := h.record(ctx, v.Model, FailedRun(e.ID, v.Model, e.Time, h.Now(), Repeat{Version: v.Version, Target: v.Target, Environment: Here(h.Threads)}, cause)); err != nil {
		return err
	}
	h.Log.ErrorContext(ctx, "training failed", "model", v.Model, "data_version", v.Version, "error", cause)
	done := h.Now().UTC()
	docs, err := job.Advance(ctx, h.Control, v.Job, done, job.Fail(cause))
	if err != nil {
		return err
	}
	next, err := event.New(h.NewID(), event.TrainingFailed, done, v.Model, event.Trained{Job: v.Job, Data: v.Version, Dataset: v.Dataset, Incident: v.Incident, Error: cause.Error()})
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: audit.TrainFailed, Model: v.Model, At: done, Actor: audit.Actor{Type: "schedule", ID: "train"}, Reason: cause.Error(), Inputs: map[string]string{"data_version": v.Version}}
	return h.Control.Commit(ctx, control.Change{Model: v.Model, Op: "trainfailed/" + e.ID, Put: docs, Entries: []audit.Entry{entry}, Events: []event.Event{next}})
}

func (h *Handler) advance(ctx context.Context, id string, now time.Time, change func(*job.Job)) error {
	docs, err := job.Advance(ctx, h.Control, id, now, change)
	if err != nil || len(docs) == 0 {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Put: docs})
}
