package agent

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// renew answers the schedule of retrainings: each model that serves is trained again, on the data that the rule of selection chooses and the labels that have come. What
// is made goes live by the gate and the policy like any other version. Each model's retraining begins at most once for one event, whatever
// became of the others.
func (h *Handler) renew(ctx context.Context, e event.Event) error {
	names, err := h.Control.Models(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, name := range names {
		if err := h.renewOne(ctx, e, name); err != nil { // the others need not wait for it
			failed = errors.Join(failed, fault.Wrap(err, "begin the retraining of %s", name))
		}
	}
	return failed
}

func (h *Handler) renewOne(ctx context.Context, e event.Event, name string) error {
	s, err := h.look(ctx, name, e.Time, remedy.TriggerSweep)
	if err != nil {
		return err
	}
	champion, _, ok := s.state.At(registry.Champion)
	if why := s.busy(); !ok || why != "" {
		h.Log.InfoContext(ctx, "not retrained on schedule", "model", name, "champion", ok, "why", why)
		return nil
	}
	return h.startRenewal(ctx, e, name, champion)
}

// busy says why a model is left alone now: people have stopped the agent, or an incident's remedy is under way, which a second new version
// would confuse. "" = nothing is in the way.
func (s *situation) busy() string {
	switch {
	case s.state.KillSwitch:
		return "its kill switch is on"
	case s.open != nil && slices.Contains([]string{remedy.StageAwaiting, remedy.StageExecuting, remedy.StageVerifying}, s.open.Stage):
		return s.open.ID + " is " + s.open.Stage
	}
	return ""
}

func (h *Handler) startRenewal(ctx context.Context, e event.Event, name string, champion registry.Version) error {
	by := audit.Actor{Type: "schedule", ID: "retrain"}
	j := job.Job{ID: h.NewID(), Kind: "retrain", Status: job.Queued, Stage: "asked", Model: name, Created: e.Time, Updated: e.Time, Result: map[string]string{"schedule": e.ID}}
	doc, err := control.Put(control.Job(j.ID), 0, j)
	if err != nil {
		return err
	}
	const reason = "on schedule: the data that the rule of selection chooses, and its newer labels"
	next, err := event.New(h.NewID(), event.RetrainRequested, e.Time, name, event.Retrain{Dataset: champion.Dataset, Reason: reason, Actor: by.ID, Job: j.ID})
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: audit.RetrainIntended, Model: name, At: e.Time, Actor: by, From: champion.Number, Reason: reason, Op: e.ID,
		Inputs: map[string]string{"champion": strconv.Itoa(champion.Number), "job": j.ID}}
	return h.Control.Commit(ctx, control.Change{Model: name, Op: "retrain/" + e.ID + "/" + name, Put: []control.Doc{doc}, Entries: []audit.Entry{entry}, Events: []event.Event{next}})
}
