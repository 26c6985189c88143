// Package incident is the record of one thing that went wrong with a model, from its first sign to its end, with every decision about it.
// The agent writes it; reports and the dashboard read it.
package incident

import (
	"fmt"
	"slices"
	"time"

	"mlops/shared/document/figure"
	"mlops/shared/drift"
	"mlops/shared/drift/alert"
	"mlops/shared/remedy"
)

// Incident is one condition of one model.
type Incident struct {
	ID        string             `json:"incident_id"`
	Model     string             `json:"model"`
	Kind      string             `json:"type"`
	Severity  string             `json:"severity"`
	Stage     string             `json:"stage"`
	Cause     string             `json:"cause"`
	Causes    []string           `json:"causes"`
	Opened    time.Time          `json:"opened_at"`
	Updated   time.Time          `json:"updated_at"`
	Resolved  time.Time          `json:"resolved_at,omitzero"`
	Action    string             `json:"action,omitempty"` // the last thing decided
	Target    int                `json:"target,omitempty"`
	Approval  string             `json:"approval,omitempty"`
	Before    *drift.Performance `json:"before,omitempty"` // when the action was proposed
	After     *drift.Performance `json:"after,omitempty"`  // the newest since
	Windows   int                `json:"windows"`          // measured since the action
	Refused   int                `json:"refused"`          // retrainings refused by the gate
	Folded    int                `json:"folded"`           // alerts that belonged to it and told nobody again
	Prints    []string           `json:"fingerprints,omitempty"`
	Decisions []remedy.Decision  `json:"decisions"` // newest last, at most MaxDecisions
	Evidence  string             `json:"evidence,omitempty"`
}

// MaxDecisions bounds what one incident remembers; the audit chain has them all.
const MaxDecisions = 20

// Number is the name of a model's n-th incident.
func Number(n int) string { return fmt.Sprintf("INC-%d", n) }

// Ended reports whether nothing more will happen to it by itself.
func (i Incident) Ended() bool {
	return slices.Contains([]string{remedy.StageResolved, remedy.StageUndone, remedy.StageFailed}, i.Stage)
}

// Facts is the incident as a decision sees it.
func (i Incident) Facts() *remedy.IncidentFacts {
	return &remedy.IncidentFacts{ID: i.ID, Kind: i.Kind, Stage: i.Stage, OpenedAt: i.Opened, Causes: i.Causes, Action: i.Action, Target: i.Target, Before: i.Before,
		Windows: i.Windows, FailedRetrains: i.Refused}
}

// Decide records a decision.
func (i Incident) Decide(d remedy.Decision, at time.Time) Incident {
	i.Decisions = append(slices.Clone(i.Decisions), d)
	i.Decisions = i.Decisions[max(0, len(i.Decisions)-MaxDecisions):]
	i.Updated = at
	if d.Stage != "" {
		i.Stage = d.Stage
	}
	if d.Diagnosis.Kind != "" && i.Kind == "" {
		i.Kind = d.Diagnosis.Kind
	}
	if d.Diagnosis.Severity != "" {
		i.Severity = d.Diagnosis.Severity
	}
	if d.Cause != "" && d.Cause != remedy.CauseNone {
		i.Cause = d.Cause
		if !slices.Contains(i.Causes, d.Cause) {
			i.Causes = append(slices.Clone(i.Causes), d.Cause)
		}
	}
	return i
}

// Memory is what the agent remembers about a model between decisions. Its revision is the lease: two decisions at once cannot both commit.
type Memory struct {
	Incidents int                  `json:"incidents"`      // how many there were
	Open      string               `json:"open,omitempty"` // the one that is open
	Actions   []remedy.ActionFacts `json:"actions"`        // newest last, at most 50
	Decision  string               `json:"decision"`       // digest of the last observation decided
}

// Acted remembers an action.
func (m Memory) Acted(action string, at time.Time) Memory {
	m.Actions = append(slices.Clone(m.Actions), remedy.ActionFacts{Action: action, At: at})
	m.Actions = m.Actions[max(0, len(m.Actions)-50):]
	return m
}

// Ended writes down how the last action ended.
func (m Memory) Ended(outcome string) Memory {
	if n := len(m.Actions); n > 0 {
		m.Actions = slices.Clone(m.Actions)
		m.Actions[n-1].Outcome = outcome
	}
	return m
}

// Measured is one measured window as the drift check stores it, with what the agent needs beside the report.
type Measured struct {
	Model      string        `json:"model"`
	Version    int           `json:"version"`
	SHA256     string        `json:"sha256"`
	At         time.Time     `json:"at"`
	Rows       int           `json:"rows"`
	Duplicates int           `json:"duplicates"`
	Labelled   int           `json:"labelled"`
	DelayDays  float64       `json:"label_delay_days"`
	Kind       string        `json:"window_kind"` // time, count (the newest so many rows), batch (a batch's own rows)
	Input      Input         `json:"input"`       // what was wrong with what was read
	Report     *drift.Report `json:"report"`
}

// History is the drift document of a model: its last windows, newest last.
type History struct {
	Windows  []remedy.WindowFacts `json:"windows"`
	Latest   string               `json:"latest"`   // key of the newest Measured
	Keys     []string             `json:"keys"`     // of each window in Windows
	Readings []figure.Reading     `json:"readings"` // for charts, newest last, at most MaxReadings
}

// Alerts is the alert document of a model: how its rules stand, and what changed last.
type Alerts struct {
	State   alert.State        `json:"state"`
	Changes []alert.Transition `json:"changes"` // newest last, at most MaxChanges
	Policy  string             `json:"policy"`  // digest of the rules that were evaluated last
	At      time.Time          `json:"at"`      // of the newest window they were held against
}

// What a History and an Alerts keep; a document has at most 300 KB.
const (
	MaxWindows  = 200
	MaxReadings = 100
	MaxChanges  = 100
)
