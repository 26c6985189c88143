// Package remedy is the heart of the agent: from what was observed it works out what is wrong, and from that and a policy what to do.
// Observation -> Diagnose -> Decide are pure functions of values; whoever calls them reads the facts first and performs the decision after.
package remedy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// What made the agent look.
const (
	TriggerDrift    = "drift"    // a window was measured: Drift and History are set
	TriggerAlert    = "alert"    // an outside monitor speaks: Alerts is set
	TriggerGate     = "gate"     // a new version was compared with the champion: Gate is set
	TriggerApproval = "approval" // people decided, or their time is over: Approval and Open are set
	TriggerSweep    = "sweep"    // the clock: nothing new but the time
)

// Observation is everything one decision may look at, read before it is made. Zero values mean "not known" and are never held against a
// model. Limits: History and Actions as far back as the longest horizon of the policy (a few dozen), Alerts at most a few thousand.
type Observation struct {
	ID      string    `json:"id,omitempty"` // Digest; left out of its own computation
	Model   string    `json:"model"`        //
	At      time.Time `json:"at"`           // the event's own time: the "now" of the decision
	Trigger string    `json:"trigger"`      // one of the Trigger constants

	Champion         *VersionFacts  `json:"champion,omitempty"`          // nil: nothing is served yet
	Previous         *VersionFacts  `json:"previous,omitempty"`          // where a rollback goes first
	PreviousGood     bool           `json:"previous_good,omitempty"`     // its artefact has the registered digest, loads, and answers its golden rows
	PreviousProblem  string         `json:"previous_problem,omitempty"`  // why not: "sha256 does not match", ..
	PreviousCompared *Compared      `json:"previous_compared,omitempty"` // both on the same labelled rows; nil: not compared
	Older            []VersionFacts `json:"older,omitempty"`             // further versions that passed the gate and verify, best first

	Drift          *drift.Report `json:"drift,omitempty"`            // the window that was measured
	History        []WindowFacts `json:"history,omitempty"`          // measured windows, newest last, this one included
	Season         *SeasonFacts  `json:"season,omitempty"`           // the same window against the same season a year ago
	Rows           int           `json:"rows,omitempty"`             // rows in the window
	DuplicateRows  int           `json:"duplicate_rows,omitempty"`   // of them, rows that repeat an earlier one exactly
	LabelDelayDays number.Float  `json:"label_delay_days,omitempty"` // median days from a prediction to its label

	FreshLabels     int          `json:"fresh_labels,omitempty"`      // labelled rows newer than the champion's training data
	FreshRarerClass int          `json:"fresh_rarer_class,omitempty"` // of them, rows of the rarest class; -1 for a regression, which has none
	TrainRows       int          `json:"train_rows,omitempty"`        // rows a retraining would use, the fresh ones included
	TrainSeconds    number.Float `json:"train_seconds,omitempty"`     // what the champion's own training took; 0: not known

	Alerts   []Alert        `json:"alerts,omitempty"`   // of this event and, where kept, of the open incident; oldest first
	Gate     *GateFacts     `json:"gate,omitempty"`     // how a new version fared
	Approval *ApprovalFacts `json:"approval,omitempty"` // the request that was decided, or still waits

	// Open is the model's open incident, or one resolved within Policy.Alerts.ReopenMinutes; one at a time, further causes join it. For a gate
	// it is the incident whose retraining made the version, nil when a person sent the data.
	Open    *IncidentFacts `json:"open,omitempty"`
	Actions []ActionFacts  `json:"actions,omitempty"` // what was done to this model, newest last

	KillSwitch bool `json:"kill_switch,omitempty"` // propose only
	DryRun     bool `json:"dry_run,omitempty"`     // the model's own dry run; the policy's is added to it
}

// VersionFacts is one version of the model.
type VersionFacts struct {
	Number     int          `json:"number"`
	SHA256     string       `json:"sha256,omitempty"`
	PromotedAt time.Time    `json:"promoted_at,omitzero"` // when it became champion last; zero: never, or not known
	Forced     bool         `json:"forced,omitempty"`     // a person promoted it past the gate
	Metric     string       `json:"metric,omitempty"`     // of CV
	CV         number.Float `json:"cv,omitempty"`         // cross-validated when it was trained
}

// Compared is champion against previous on the same labelled rows.
type Compared struct {
	Metric   string       `json:"metric"`
	Champion number.Float `json:"champion"`
	Previous number.Float `json:"previous"`
	N        int          `json:"n"` // rows
}

// WindowFacts is what a measured window is remembered by.
type WindowFacts struct {
	At              time.Time `json:"at"`
	Verdict         string    `json:"verdict"` // ok warn alert insufficient_data
	DatasetDrift    bool      `json:"dataset_drift,omitempty"`
	PerformanceLoss bool      `json:"performance_loss,omitempty"`
	DataQuality     []string  `json:"data_quality,omitempty"` // features with a data-quality finding
	N               int       `json:"n,omitempty"`            // rows
}

// SeasonFacts is the window against the same season of an earlier year.
type SeasonFacts struct {
	From         time.Time `json:"from"`          // start of the period compared with
	DatasetDrift bool      `json:"dataset_drift"` // whether the window differs from that, too
	N            int       `json:"n"`             // rows of that period
}

// Alert is one alert of an outside monitor, as Alertmanager words it.
type Alert struct {
	Fingerprint string            `json:"fingerprint"`
	Name        string            `json:"name"`               // alertname
	Severity    string            `json:"severity,omitempty"` // info warning critical ..
	Status      string            `json:"status"`             // firing, resolved
	Labels      map[string]string `json:"labels,omitempty"`
	At          time.Time         `json:"at,omitzero"`
}

// GateFacts is the gate's verdict on a new version.
type GateFacts struct {
	Version  int          `json:"version"`
	SHA256   string       `json:"sha256,omitempty"`
	Passed   bool         `json:"passed"`
	Verdict  string       `json:"verdict"` // passed failed insufficient_data
	Metric   string       `json:"metric,omitempty"`
	Diff     number.Float `json:"diff,omitempty"` // challenger minus champion on the same rows, signed so that > 0 is better
	Low      number.Float `json:"low,omitempty"`  // its 95 % interval
	High     number.Float `json:"high,omitempty"`
	N        int          `json:"n,omitempty"`        // rows compared
	Failed   []string     `json:"failed,omitempty"`   // names of the checks that failed
	First    bool         `json:"first,omitempty"`    // there is no champion: it was compared with the naive baseline
	Approved bool         `json:"approved,omitempty"` // people approved the training that made it
	Report   string       `json:"report,omitempty"`   // digest of the gate report
}

// IncidentFacts is the incident this model has open.
type IncidentFacts struct {
	ID             string             `json:"id"`
	Kind           string             `json:"kind"`  // one of the Kind constants
	Stage          string             `json:"stage"` // one of the Stage constants
	OpenedAt       time.Time          `json:"opened_at"`
	Causes         []string           `json:"causes,omitempty"`          // what it was put down to, newest last
	Action         string             `json:"action,omitempty"`          // the last thing decided for it
	Target         int                `json:"target,omitempty"`          // the version that action was about
	Before         *drift.Performance `json:"before,omitempty"`          // measured when the action was proposed
	Windows        int                `json:"windows,omitempty"`         // sufficient windows measured since the action, this one included
	FailedRetrains int                `json:"failed_retrains,omitempty"` // retrainings whose result the gate refused
}

// ApprovalFacts is the request people were asked to decide.
type ApprovalFacts struct {
	ID     string `json:"id"`
	Status string `json:"status"`         // Pending, Approved, Rejected, Expired
	Kind   string `json:"kind"`           // retrain, rollback, promote
	From   int    `json:"from,omitempty"` // the champion when it was asked for, 0 = not recorded
	Target int    `json:"target,omitempty"`
	Views  int    `json:"views,omitempty"` // how often its page was opened: by people, or by the scanners of their mail
	By     string `json:"by,omitempty"`
	Why    string `json:"why,omitempty"` // the reason they gave
}

// ActionFacts is one thing that was done.
type ActionFacts struct {
	Action  string    `json:"action"`
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome,omitempty"` // the stage it ended in, "" while it runs
}

// Digest is the lower-case hex SHA-256 of the observation's JSON without its ID. Field order is fixed and map keys are sorted, so equal
// observations have equal digests: it is the decision's identity, and what makes a replay a no-op.
func (o Observation) Digest() string {
	o.ID = ""
	o.At = o.At.UTC()
	return digest(o)
}

// digest is the SHA-256 of v's JSON. Every type here marshals (number.Float carries what is not finite); should one ever not, the error's
// text takes its place, so that a defect shows as one constant identity and not as a panic.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
