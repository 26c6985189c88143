package remedy

import "mlops/shared/number"

// The actions, the whole of what the agent may do. Only Acts reports those that change what is served or what it is made of.
const (
	None          = "none"           // nothing, and why not
	Inform        = "inform"         // write it down for whoever looks
	Raise         = "alert"          // tell the owner once
	RequestLabels = "request_labels" // tell the owner that labels are missing, and how many
	Retrain       = "retrain"        // assemble new data and train; the result still has to pass the gate
	Rollback      = "rollback"       // serve an earlier version
	Promote       = "promote"        // serve a new version that passed the gate
	KeepChampion  = "keep_champion"  // the new version is not served
	Undo          = "undo"           // the action did not help: back to the version before it, and tell a person
	Resolve       = "resolve"        // the condition is gone, as measured
	Escalate      = "escalate"       // beyond the agent: a person must look
	Fold          = "fold"           // belongs to the open incident: counted there, nobody is told again
)

// Acts reports whether the action changes what is served, or what will be: these are held back by the kill switch, by dry run, by the lease.
func Acts(action string) bool {
	return action == Retrain || action == Rollback || action == Promote || action == Undo
}

// The stages of an incident. "" as a decision's stage means that it needs no incident.
const (
	StageOpen      = "open"              // people are told; there is nothing for the agent to execute
	StageProposed  = "proposed"          // the agent would act but is held back: Decision.Blocked says by what
	StageAwaiting  = "awaiting_approval" //
	StageApproved  = "approved"          //
	StageRejected  = "rejected"          //
	StageExpired   = "expired"           //
	StageExecuting = "executing"         //
	StageVerifying = "verifying"         // done; does it help?
	StageResolved  = "resolved"          //
	StageUndone    = "undone"            //
	StageEscalated = "escalated"         //
	StageFailed    = "failed"            // the action itself failed
)

// What holds an action back.
const (
	BlockedKillSwitch = "kill_switch"
	BlockedLease      = "lease" // another action on this model is under way
	BlockedCooldown   = "cooldown"
	BlockedBudget     = "budget"
	BlockedDryRun     = "dry_run"
)

// The kinds of incident.
const (
	KindDrift       = "data_drift"
	KindPerformance = "performance"
	KindDataQuality = "data_quality"
	KindLatency     = "latency"
	KindErrors      = "errors"
	KindRelease     = "deploy_regression"
)

// The causes an incident can be put down to.
const (
	CauseNone      = "none"
	CauseDuplicate = "duplicate_batch" // the same rows sent again
	CauseColumn    = "upstream_column" // a column is missing, empty or constant
	CauseUnit      = "unit_change"     // a column is now in another unit
	CauseData      = "data_quality"    // missing values surge
	CauseRelease   = "bad_release"     // the version that is served
	CauseErrors    = "errors"          // the service fails
	CauseLatency   = "latency"         // the service is slow
	CauseSeason    = "seasonal_shift"  // what this season brings every year
	CauseCategory  = "new_category"    // a value never seen in training
	CauseConcept   = "concept_drift"   // same inputs, other outcomes
	CauseCovariate = "covariate_shift" // other inputs
	CauseLabels    = "stale_labels"    // the labels tell of an older time than the window
)

// Hypothesis is one possible cause with the evidence on both sides, in plain language.
type Hypothesis struct {
	Cause   string       `json:"cause"`
	Score   number.Float `json:"score"` // weight of evidence in [0, 1]; not a probability
	For     []string     `json:"for"`
	Against []string     `json:"against"`
}

// Diagnosis is what the agent thinks is wrong.
type Diagnosis struct {
	Kind         string       `json:"kind"`         // one of the Kind constants, "" when nothing is wrong
	Severity     string       `json:"severity"`     // low medium high critical, "" when nothing is wrong
	Hypotheses   []Hypothesis `json:"hypotheses"`   // best first; never empty
	Insufficient bool         `json:"insufficient"` // too few rows to say anything
}

// Cause is the best hypothesis's.
func (d Diagnosis) Cause() string {
	if len(d.Hypotheses) == 0 {
		return CauseNone
	}
	return d.Hypotheses[0].Cause
}

// Reason is why: a rule, and the figure that met its threshold.
type Reason struct {
	Rule      string       `json:"rule"` // id of a rule or a guard
	Text      string       `json:"text"` // one sentence for people, no newline
	Measured  number.Float `json:"measured"`
	Threshold number.Float `json:"threshold"`
	Unit      string       `json:"unit"` // "rows", "auc", "windows", ..; "" = a reason without a figure
	N         int          `json:"n"`    // sample size behind Measured, 0 when it is not a sample
}

// Alternative is what was not done, and why not.
type Alternative struct {
	Action string `json:"action"`
	WhyNot string `json:"why_not"`
}

// Effect is what an action is expected to bring. Metric "" = no forecast.
type Effect struct {
	Metric string       `json:"metric"`
	Value  number.Float `json:"value"`
	Low    number.Float `json:"low"`
	High   number.Float `json:"high"`
}

// Decision is what to do and the whole of why. Mail, page, ledger and report render it; nothing is derived again.
type Decision struct {
	ID               string        `json:"id"`     // digest of the observation: the same facts decide the same, once
	Action           string        `json:"action"` // one of the action constants
	Stage            string        `json:"stage"`  // of the incident afterwards; "" = needs none
	Model            string        `json:"model"`
	Incident         string        `json:"incident"` // the open one it belongs to; "" with a Stage = open a new one
	Cause            string        `json:"cause"`
	Risk             string        `json:"risk"` // of the action: low medium high
	RequiresApproval bool          `json:"requires_approval"`
	Blocked          string        `json:"blocked"` // "" = go ahead; else what holds the action back: it is proposed only
	Reasons          []Reason      `json:"reasons"` // at least one, the deciding one first
	Alternatives     []Alternative `json:"alternatives"`
	Expected         Effect        `json:"expected"`
	ETASeconds       number.Float  `json:"eta_seconds"`
	CostUSD          number.Float  `json:"cost_usd"`
	Target           int           `json:"target"`        // version to promote or to roll back to, 0 = none
	TargetSHA256     string        `json:"target_sha256"` // its artefact
	PlanSHA256       string        `json:"plan_sha256"`   // what an approval is bound to; "" when nothing is to be done
	Policy           string        `json:"policy"`        // digest of the policy
	Summary          string        `json:"summary"`       // one line
	Advice           string        `json:"advice"`        // what a person could do, "" when nothing
	Otherwise        string        `json:"otherwise"`     // what happens if nobody does anything, "" when nothing
	Diagnosis        Diagnosis     `json:"diagnosis"`
}

// Proceeds reports whether the action is to be carried out now: it acts, and neither a guard nor an approval stands before it.
func (d Decision) Proceeds() bool { return Acts(d.Action) && d.Blocked == "" && !d.RequiresApproval }
