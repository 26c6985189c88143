// Package agent is the handler of the agent function, the only one that moves an alias. It gates new versions, and turns what was measured
// into a decision by one call into the remedy room; then it does what the decision says, in one transaction with the ledger entry that
// proves it, and verifies by asking the serving path.
package agent

import (
	"context"
	"log/slog"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/serving"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/remedy"
)

// Control is what the handler needs of the control store.
type Control interface {
	Get(ctx context.Context, key control.Key, into any) (int64, error)
	List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
	Models(ctx context.Context) ([]string, error)
	Commit(ctx context.Context, c control.Change) error
	Done(ctx context.Context, op string) (bool, error) // whether a change with this Op was committed
}

// Mail is one message to one person.
type Mail struct {
	ID      string // of two mails with one ID to one person only the first is sent
	To      string
	Subject string
	Body    string
}

// Prober asks the serving path, as a client would, without the answers being captured.
type Prober interface {
	Probe(ctx context.Context, model string, rows []map[string]any) (answers []Probe, err error)
}

// Probe is one answer: which version gave it, and its probabilities by class (regression: the value under "").
type Probe struct {
	Version string
	Values  map[string]float64
}

// Handler decides and acts.
type Handler struct {
	Control Control
	Blobs   capture.Blobs // the data bucket
	Loader  *serving.Loader
	Prober  Prober
	Mint    func(msg []byte) ([]byte, error)            // MAC of approval tokens
	Send    func(ctx context.Context, m Mail) error     // approvals
	Alert   func(ctx context.Context, m Mail) error     // owners
	Policy  func(ctx context.Context) (Policies, error) // read at every decision, so that a change counts at once
	Base    string                                      // PUBLIC_URL: where links lead
	Owner   string                                      // who is told
	Now     func() time.Time
	NewID   func() string
	Nonce   func() (string, error)
	Log     *slog.Logger
}

// Policies are the two policies a decision is made by.
type Policies struct {
	Remedy remedy.Policy
	Gate   evaluate.Policy
}

// maxTries bounds how often a decision is made again because something changed under it.
const maxTries = 5

// Event is the event door.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	do := map[event.Type]func(context.Context, event.Event) error{
		event.ModelTrained:      h.trained,
		event.TrainingFailed:    h.trainingFailed,
		event.DatasetRejected:   h.dataRejected,
		event.DatasetValidated:  h.dataRejected,
		event.DriftMeasured:     h.measured,
		event.AlertReceived:     h.alerted,
		event.AliasMoved:        h.moved,
		event.OwnerAlerted:      h.tell,
		event.ApprovalRequested: h.asked,
		event.ApprovalDecided:   h.decided,
		event.SweepRequested:    h.sweep,
		event.RetrainDue:        h.renew,
	}[e.Type]
	if do == nil {
		return nil
	}
	return again(ctx, func() error { return do(ctx, e) })
}

// again re-reads and re-decides when a document changed between reading and committing.
func again(ctx context.Context, do func() error) error {
	var err error
	for range maxTries {
		if err = do(); !raced(err) || ctx.Err() != nil {
			return err
		}
	}
	return fault.Unavailablef("the model's state kept changing; the event will come again").Because(err)
}

// raced reports whether a commit lost against another one. Any other Conflict is an answer: it will be the same next time.
func raced(err error) bool {
	if !fault.Is(err, fault.Conflict) {
		return false
	}
	for _, d := range fault.Details(err) {
		if d.Code == "changed" || d.Code == "exists" { // control.Change, as store.Commit refuses it
			return true
		}
	}
	return false
}

// self is the agent as the ledger names it.
var self = audit.Actor{Type: "agent", ID: "agent"}
