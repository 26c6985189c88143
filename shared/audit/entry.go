// Package audit is the ledger of everything that was decided and done: one chain of entries per model, in which each entry carries the
// hash of the one before, so that an edited, deleted, inserted or reordered entry is found by reading the chain alone, offline, from an
// export. Only a cut-off tail needs something from outside: the head the chain is known to have reached (see VerifyTo).
package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mlops/shared/fault"
)

// Schema is the version of the entry's closed set of fields. A new field is a new schema: hashes of old entries must stay provable.
const Schema = 1

// Limits on one entry, checked by Validate. A usual entry has 1 KB; the limits keep any within a line that an export
// accepts. Bigger evidence is stored elsewhere and named by its digest in Inputs.
const (
	MaxText   = 4096          // bytes of Reason: a thousand characters of any script, and a few words
	MaxField  = 256           // bytes of any other text, and of a key or value of Inputs
	MaxInputs = 64            // keys of Inputs
	maxEntry  = MaxLine - 256 // bytes of canonical JSON before sealing, which adds a number and two hashes
)

// Kind says what happened. The set is closed; see the constants.
type Kind string

// The kinds, in the order of a model's life.
const (
	DatasetUploaded   Kind = "dataset.uploaded"   // raw bytes were stored
	ValidatePassed    Kind = "validate.passed"    // a dataset met its suite
	ValidateFailed    Kind = "validate.failed"    // a dataset did not
	TrainStarted      Kind = "train.started"      // a training was accepted
	TrainDone         Kind = "train.done"         // it made a version
	TrainFailed       Kind = "train.failed"       // it did not
	GatePassed        Kind = "gate.passed"        // a challenger beat, or may replace, the champion
	GateFailed        Kind = "gate.failed"        // it may not
	ModelRefused      Kind = "model.refused"      // an artefact did not verify, or a person refused the version
	AliasChallenged   Kind = "alias.challenged"   // the challenger's alias moved
	AliasPromoted     Kind = "alias.promoted"     // the champion's alias moved forward
	PromotionVerified Kind = "promotion.verified" // golden rows through the serving path agree with the new champion
	AliasRolledBack   Kind = "alias.rolledback"   // the champion's alias moved back
	RollbackVerified  Kind = "rollback.verified"  // golden rows through the serving path agree with the version restored
	OverrideForced    Kind = "override.forced"    // a person went past the gate
	DriftChecked      Kind = "drift.checked"      // a window was measured
	LabelConflict     Kind = "label.conflict"     // a second, different label came for one prediction
	IncidentOpened    Kind = "incident.opened"    //
	IncidentResolved  Kind = "incident.resolved"  //
	IncidentEscalated Kind = "incident.escalated" // the agent has no remedy left
	DecisionProposed  Kind = "decision.proposed"  // what the agent would do and why
	ApprovalRequested Kind = "approval.requested" // people are to be asked
	ApprovalSent      Kind = "approval.sent"      // a mail went out
	ApprovalVoted     Kind = "approval.voted"     // one person's vote counted
	ApprovalRefused   Kind = "approval.refused"   // a vote did not count, e.g. a wrong typed value
	ApprovalDecided   Kind = "approval.decided"   // approved or rejected, finally
	ApprovalExpired   Kind = "approval.expired"   // nobody decided in time: counts as no
	RetrainIntended   Kind = "retrain.intended"   // written before the effect, so that a sweep can repeat it
	RetrainDone       Kind = "retrain.done"       // written after it
	ConfigChanged     Kind = "config.changed"     // a policy or setting was replaced
	DataSelected      Kind = "data.selected"      // a data version was chosen to train on
	DataPinned        Kind = "data.pinned"        // a person chose it for all trainings to come, or let the rule choose again
)

var kinds = []Kind{DatasetUploaded, ValidatePassed, ValidateFailed, TrainStarted, TrainDone, TrainFailed, GatePassed, GateFailed, ModelRefused, AliasChallenged,
	AliasPromoted, PromotionVerified, AliasRolledBack, RollbackVerified, OverrideForced, DriftChecked, LabelConflict, IncidentOpened,
	IncidentResolved, IncidentEscalated, DecisionProposed, ApprovalRequested, ApprovalSent, ApprovalVoted, ApprovalRefused, ApprovalDecided,
	ApprovalExpired, RetrainIntended, RetrainDone, ConfigChanged, DataSelected, DataPinned}

// Known reports whether k is one of the constants.
func (k Kind) Known() bool { return slices.Contains(kinds, k) }

// The types of actor there are.
const (
	Agent    = "agent"    // the platform's own decision
	Human    = "human"    // a person, by name or address
	Schedule = "schedule" // a timer
	API      = "api"      // a program, by the id of its key
)

// Actor is who did it.
type Actor struct {
	Type string `json:"type"` // Agent, Human, Schedule or API
	ID   string `json:"id"`   // which one
}

// Policy is by which rule it was done.
type Policy struct {
	Name    string `json:"name"`    // e.g. "default"
	Version string `json:"version"` // digest of the policy's content
	Rule    string `json:"rule"`    // id of the rule that decided
}

// Entry is one record of the ledger. Its JSON is canonical (see Canonical) with "hash" added; all fields are always present.
type Entry struct {
	Schema    int               `json:"schema"`     // set by Seal
	Seq       int64             `json:"seq"`        // 1, 2, 3, .. without a gap, per model; set by Seal
	At        time.Time         `json:"at"`         // when it happened, to the millisecond
	Kind      Kind              `json:"kind"`       // what happened
	Model     string            `json:"model"`      // whose chain this is
	From      int               `json:"from"`       // version before; 0 = none
	To        int               `json:"to"`         // version after; 0 = none
	SHA256    string            `json:"sha256"`     // digest of the thing acted upon, mostly To's artefact
	Actor     Actor             `json:"actor"`      // who
	Inputs    map[string]string `json:"inputs"`     // evidence: digests, and measures as decimal text, since the canonical form has no floats
	Policy    Policy            `json:"policy"`     // by which rule
	Reason    string            `json:"reason"`     // in words
	Op        string            `json:"op"`         // id of the operation, which happens at most once
	RequestID string            `json:"request_id"` // of the call that caused it
	Prev      string            `json:"prev"`       // hash of the entry before, "" for the first; set by Seal
	Hash      string            `json:"hash"`       // hash of this entry; set by Seal
}

// Head is the end of a chain: the last entry's number and hash. The zero Head is the end of an empty chain.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// Validate checks what the writer of an entry decides, before it is sealed: a known kind and actor, a model, a year of four digits, and
// every text within its limit. What Seal sets is not looked at. The error is fault.Invalid and names every problem.
func (e Entry) Validate() error {
	var bad []fault.Detail
	problem := func(field, code string, got any, expected string) {
		bad = append(bad, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if !e.Kind.Known() {
		problem("kind", "unknown", shorten(string(e.Kind)), "one of the kinds of schema 1")
	}
	if e.Model == "" {
		problem("model", "missing", nil, "the model whose chain this is")
	}
	if !slices.Contains([]string{Agent, Human, Schedule, API}, e.Actor.Type) {
		problem("actor.type", "unknown", shorten(e.Actor.Type), "agent, human, schedule or api")
	}
	if y := e.At.UTC().Year(); e.At.IsZero() || y < 1 || y > 9999 {
		problem("at", "out_of_range", e.At.UTC().Year(), "a time in the years 1 to 9999, other than the zero time")
	}
	for _, f := range []struct {
		name, text string
		limit      int
	}{
		{"model", e.Model, MaxField}, {"sha256", e.SHA256, MaxField}, {"actor.id", e.Actor.ID, MaxField}, {"policy.name", e.Policy.Name, MaxField},
		{"policy.version", e.Policy.Version, MaxField}, {"policy.rule", e.Policy.Rule, MaxField}, {"reason", e.Reason, MaxText},
		{"op", e.Op, MaxField}, {"request_id", e.RequestID, MaxField},
	} {
		if len(f.text) > f.limit {
			problem(f.name, fault.CodeTooLarge, len(f.text), fmt.Sprintf("at most %d bytes", f.limit))
		}
	}
	if len(e.Inputs) > MaxInputs {
		problem("inputs", fault.CodeTooLarge, len(e.Inputs), fmt.Sprintf("at most %d keys; store more as a document and name its digest", MaxInputs))
	}
	for _, k := range sortedKeys(e.Inputs) {
		if len(k) > MaxField || len(e.Inputs[k]) > MaxField {
			problem("inputs."+shorten(k), fault.CodeTooLarge, max(len(k), len(e.Inputs[k])), fmt.Sprintf("key and value of at most %d bytes", MaxField))
		}
	}
	if n := len(Canonical(e)); n > maxEntry {
		problem("entry", fault.CodeTooLarge, n, fmt.Sprintf("at most %d bytes of JSON", maxEntry))
	}
	if bad != nil {
		return fault.Invalidf("cannot record %q in the ledger of %q", shorten(string(e.Kind)), shorten(e.Model)).With(bad...)
	}
	return nil
}

// shorten cuts a text that is about to be shown.
func shorten(s string) string {
	const limit = 40
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + ".."
}
