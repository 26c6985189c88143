// Package job is the record of long work that was answered with 202: what it is, how far it came, and what it made.
package job

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
)

// Status is how far a job came.
type Status string

// The statuses.
const (
	Queued    Status = "queued"
	Running   Status = "running"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// Job is one piece of long work.
type Job struct {
	ID      string            `json:"job_id"`
	Kind    string            `json:"kind"` // ingest, train, drift, report, retrain
	Status  Status            `json:"status"`
	Stage   string            `json:"stage"` // what it is doing: uploaded, validated, trained, gated, ..
	Model   string            `json:"model,omitempty"`
	Created time.Time         `json:"created_at"`
	Updated time.Time         `json:"updated_at"`
	Error   string            `json:"error,omitempty"`
	Detail  []fault.Detail    `json:"detail,omitempty"`
	Result  map[string]string `json:"result,omitempty"` // keys, digests and versions it made
}

// Ended reports whether nothing more becomes of the job.
func (j Job) Ended() bool { return j.Status == Succeeded || j.Status == Failed }

// Store is what a job needs of the control store.
type Store interface {
	Get(ctx context.Context, key control.Key, into any) (int64, error)
}

// Begin records a new job, queued, with the event that starts it: j's of its model and time, with the payload, and what the ledger is to
// say of it. It gives the job's id.
func Begin(ctx context.Context, c Committer, j Job, id string, t event.Type, payload any, entries ...audit.Entry) (string, error) {
	j.Status, j.Updated = Queued, j.Created
	doc, err := control.Put(control.Job(j.ID), 0, j)
	if err != nil {
		return "", err
	}
	e, err := event.New(id, t, j.Created, j.Model, payload)
	if err != nil {
		return "", err
	}
	return j.ID, c.Commit(ctx, control.Change{Model: j.Model, Put: []control.Doc{doc}, Entries: entries, Events: []event.Event{e}})
}

// Committer commits changes.
type Committer interface {
	Commit(ctx context.Context, c control.Change) error
}

// Advance reads the job and gives the document that moves it on, to be committed with the effect itself. A job that is not there (an event
// from outside), and one that change leaves as it is, give nothing: the effect does not depend on it.
func Advance(ctx context.Context, s Store, id string, now time.Time, change func(*Job)) ([]control.Doc, error) {
	if id == "" {
		return nil, nil
	}
	var j Job
	rev, err := s.Get(ctx, control.Job(id), &j)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if j.Result == nil {
		j.Result = map[string]string{}
	}
	before, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	change(&j)
	if after, err := json.Marshal(j); err != nil || bytes.Equal(before, after) {
		return nil, err
	}
	if now.After(j.Updated) { // an event may come late
		j.Updated = now
	}
	doc, err := control.Put(control.Job(id), rev, j)
	return []control.Doc{doc}, err
}

// Fail marks a job as failed, with every problem of err that a caller may read.
func Fail(err error) func(*Job) {
	return func(j *Job) {
		j.Status, j.Error, j.Detail = Failed, err.Error(), fault.Details(err)
		if fault.Is(err, fault.Internal) {
			j.Error, j.Detail = "something failed inside the platform; its log has the cause", nil
		}
		if len(j.Detail) > 100 {
			j.Detail = j.Detail[:100]
		}
	}
}
