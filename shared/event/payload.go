package event

import (
	"encoding/json"
	"time"
)

// Upload says that raw bytes are stored and how they are to be read. It is the payload of DatasetUploaded.
type Upload struct {
	Job      string   `json:"job"`               // the job that follows it
	Dataset  string   `json:"dataset"`           //
	Key      string   `json:"key"`               // in the data bucket: raw/<dataset>/..
	Digest   string   `json:"digest"`            // SHA-256 of the bytes
	Target   string   `json:"target"`            // a column, or a comparison; "" = the last column
	Positive string   `json:"positive"`          // "" = the greater value
	Task     string   `json:"task"`              // "" = inferred
	Model    string   `json:"model"`             // "" = the dataset's name
	Ignore   []string `json:"ignore,omitempty"`  // columns that are not features
	Segment  []string `json:"segment,omitempty"` // columns whose groups the gate looks at
	Group    string   `json:"group,omitempty"`   // column whose equal values stay together, in the split and in a fold; no feature
	Time     string   `json:"time,omitempty"`    // column to order rows by: the latest are the test part; no feature
	Weight   string   `json:"weight,omitempty"`  // column that says how much a row counts in training; no feature
	Actor    string   `json:"actor"`             // who sent it
	Incident string   `json:"incident,omitempty"`
	Fresh    int      `json:"fresh,omitempty"` // how many of its last rows are newly labelled traffic (a retraining's data)

	Parents []string `json:"parents,omitempty"` // data versions that a retraining made it of, dataset@version
	Choice  *Choice  `json:"choice,omitempty"`  // why of these; nil where nothing was chosen
}

// Choice is why a data version was taken among several.
type Choice struct {
	Policy  string   `json:"policy"`  // digest of the rule
	Decided string   `json:"decided"` // the criterion that left one
	Reasons []string `json:"reasons"`
}

// Validated is the payload of DatasetValidated, DatasetRejected and TrainRequested.
type Validated struct {
	Upload
	Version  string `json:"version"`  // the data version: digest of schema and content
	Rows     int    `json:"rows"`     // rows kept
	Rejected int    `json:"rejected"` // rows refused, in rejected/
	Report   string `json:"report"`   // key of the validation result
	Passed   bool   `json:"passed"`
	Problems string `json:"problems,omitempty"`

	Rejections string      `json:"rejections,omitempty"` // key of the list of rows to mend (CSV)
	Listed     int         `json:"listed,omitempty"`     // lines of that list
	Unlisted   int         `json:"unlisted,omitempty"`   // rows beyond its limit
	Shown      []Rejection `json:"shown,omitempty"`      // its first lines

	Algorithm string         `json:"algorithm,omitempty"` // TrainRequested: "" = auto
	Params    map[string]any `json:"params,omitempty"`    // TrainRequested
	Seed      uint64         `json:"seed,omitempty"`      // TrainRequested
	Asked     Tuning         `json:"asked,omitzero"`      // TrainRequested
}

// Tuning is how a training is asked for, beside its algorithm: what is left out holds as it is configured for the dataset.
type Tuning struct {
	Group       string  `json:"group,omitempty"`        // column whose equal values stay in one fold
	Time        string  `json:"time,omitempty"`         // column to order rows by
	Weight      string  `json:"weight,omitempty"`       // column that says how much a row counts
	ClassWeight any     `json:"class_weight,omitempty"` // balanced, or a weight for each class
	CostFP      float64 `json:"cost_fp,omitempty"`      // of a false positive
	CostFN      float64 `json:"cost_fn,omitempty"`      // of a false negative
	Folds       int     `json:"folds,omitempty"`        // of the cross-validation
	Budget      int     `json:"budget,omitempty"`       // fits
	TimeLimit   string  `json:"time_limit,omitempty"`   // of the search, as Go writes a duration
}

// Rejection is one row that a rule did not expect.
type Rejection struct {
	Row      int    `json:"row"` // 1-based row of data
	Column   string `json:"column"`
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Value    string `json:"value"`
	Kept     bool   `json:"kept,omitempty"` // it is listed, and goes on
}

// Trained is the payload of ModelTrained and TrainingFailed.
type Trained struct {
	Job      string `json:"job"`
	Version  int    `json:"version"`
	SHA256   string `json:"sha256"`
	Data     string `json:"data"` // data version
	Dataset  string `json:"dataset"`
	Incident string `json:"incident,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Moved is the payload of AliasMoved.
type Moved struct {
	Alias  string `json:"alias"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	SHA256 string `json:"sha256"`
	Kind   string `json:"kind"` // promote, rollback
	Forced bool   `json:"forced,omitempty"`
	Actor  string `json:"actor"`
}

// Drift is the payload of DriftRequested, BatchScored and DriftMeasured.
type Drift struct {
	Job     string `json:"job,omitempty"`
	Window  string `json:"window,omitempty"` // DriftRequested: how far back to look, as Go writes a duration; "" = as configured
	Rows    int    `json:"rows,omitempty"`   // DriftRequested: at the newest so many rows; 0 = as configured
	First   string `json:"first,omitempty"`  // BatchScored: the batch's first inference id ..
	Last    string `json:"last,omitempty"`   // .. and its last: its own rows are what is measured
	Table   string `json:"table,omitempty"`  // BatchScored: key of the table it was made of
	Key     string `json:"key,omitempty"`    // of the drift report (JSON) in the data bucket
	Verdict string `json:"verdict,omitempty"`
	Rules   []Told `json:"rules,omitempty"` // DriftMeasured: alert rules that began or ceased to fire, at most MaxTold
}

// MaxTold bounds what one event says of rules: an event has at most 256 KB.
const MaxTold = 100

// Batch is the payload of BatchRequested.
type Batch struct {
	Job string `json:"job"`
	Key string `json:"key"` // of the table in the data bucket
}

// Alert is the payload of AlertReceived: one group of an outside monitor.
type Alert struct {
	Alerts []SingleAlert `json:"alerts"`
}

// SingleAlert is one alert of a group, as Alertmanager v4 words it.
type SingleAlert struct {
	Fingerprint string            `json:"fingerprint"`
	Status      string            `json:"status"` // firing, resolved
	Labels      map[string]string `json:"labels"`
}

// Asked is the payload of ApprovalRequested and ApprovalDecided.
type Asked struct {
	Approval string `json:"approval"`
	Incident string `json:"incident,omitempty"`
	Rules    []Told `json:"rules,omitempty"`  // OwnerAlerted: alert rules that began or ceased to fire
	Owner    string `json:"owner,omitempty"`  // OwnerAlerted: who is told; "" = the platform's owner
	Status   string `json:"status,omitempty"` // Approved, Rejected, Expired
	By       string `json:"by,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Told is one alert rule that began or ceased to fire, as its mail says it.
type Told struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	What        string `json:"what"` // the figure it looks at
	Feature     string `json:"feature,omitempty"`
	Status      string `json:"status"`          // firing, resolved
	Severity    string `json:"severity"`        // info, warning, critical
	Owner       string `json:"owner,omitempty"` // who is told; "" = the platform's owner
	Agent       bool   `json:"agent,omitempty"` // the agent decides about it
	Silent      bool   `json:"silent,omitempty"`
	Text        string `json:"text"`
}

// Retrain is the payload of RetrainRequested.
type Retrain struct {
	Incident string    `json:"incident,omitempty"`
	Approval string    `json:"approval,omitempty"`
	Base     string    `json:"base"`    // data version to begin with; "" = the one that the rule of selection chooses
	Since    time.Time `json:"since"`   // labelled traffic from then on is added: from before, the base tells. Without a Base: unused
	Dataset  string    `json:"dataset"` //
	Reason   string    `json:"reason"`
	Actor    string    `json:"actor"`
	Job      string    `json:"job"`
}

// Report is the payload of ReportRequested.
type Report struct {
	Job   string          `json:"job,omitempty"`
	Kind  string          `json:"kind"` // weekly, drift, incident, model
	Actor string          `json:"actor,omitempty"`
	Extra json.RawMessage `json:"extra,omitempty"`
}
