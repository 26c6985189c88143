// Package event holds the domain events: what one function tells the others. Every event is delivered at least once, late, and out of
// order, so each names its facts by digest and every receiver is a no-op on a replay.
package event

import (
	"encoding/json"
	"fmt"
	"time"

	"mlops/shared/fault"
)

// Type names an event; on EventBridge it is the detail-type.
type Type string

// The events of the loop, in the order of a model's life.
const (
	DatasetUploaded   Type = "DatasetUploaded"   // raw bytes are stored
	DatasetValidated  Type = "DatasetValidated"  // they passed the suite; processed splits exist
	DatasetRejected   Type = "DatasetRejected"   // they did not
	TrainRequested    Type = "TrainRequested"    // train on a data version again, perhaps with other parameters
	ModelTrained      Type = "ModelTrained"      // a new version is registered, without an alias
	ModelGated        Type = "ModelGated"        // the gate judged it
	TrainingFailed    Type = "TrainingFailed"    // and why
	AliasMoved        Type = "AliasMoved"        // promotion or rollback took effect
	BatchRequested    Type = "BatchRequested"    // a table is stored and to be scored
	BatchScored       Type = "BatchScored"       // a batch of predictions was captured
	DriftRequested    Type = "DriftRequested"    // measure now (schedule, person, or batch)
	DriftMeasured     Type = "DriftMeasured"     // a window was measured
	AlertReceived     Type = "AlertReceived"     // an outside monitor speaks (Alertmanager, CloudWatch)
	OwnerAlerted      Type = "OwnerAlerted"      // the owner is to be told of an incident
	ApprovalRequested Type = "ApprovalRequested" // people are to be asked
	ApprovalDecided   Type = "ApprovalDecided"   // approved, rejected or expired
	RetrainRequested  Type = "RetrainRequested"  // assemble a new data version and train on it
	RetrainDue        Type = "RetrainDue"        // every model that serves is to be retrained (schedule)
	ReportRequested   Type = "ReportRequested"   // write a report now (schedule or person)
	SweepRequested    Type = "SweepRequested"    // expire approvals, repeat what was intended but not done
)

// Source is the EventBridge source of every event.
const Source = "mlops"

// Event is one fact that happened.
type Event struct {
	ID     string          `json:"id"`              // unique: a replay carries the same
	Type   Type            `json:"type"`            //
	Time   time.Time       `json:"time"`            // when it happened: the receiver's now, so that a replay decides the same
	Model  string          `json:"model,omitempty"` // "" when it concerns no model
	Detail json.RawMessage `json:"detail"`          // one of the payloads below
}

// New makes an event; the payload must be marshallable (all payloads here are).
func New(id string, t Type, at time.Time, model string, payload any) (Event, error) {
	b, err := json.Marshal(payload)
	if err != nil {
		return Event{}, fmt.Errorf("make event %s: %w", t, err)
	}
	return Event{ID: id, Type: t, Time: at.UTC(), Model: model, Detail: b}, nil
}

// Decode reads the payload. Invalid when it is not what such an event holds: it will be no other the next time.
func (e Event) Decode(into any) error {
	if err := json.Unmarshal(e.Detail, into); err != nil {
		return fault.Invalidf("read the detail of event %s %s: %v", e.Type, e.ID, err)
	}
	return nil
}
