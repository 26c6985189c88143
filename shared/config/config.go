// Package config is what each function of the cloud must be told: one typed struct for each, read from its environment and written into it
// by the same list of bindings, so that what the stack writes is what the function reads. It knows no environment itself.
package config

import (
	"time"

	"mlops/shared/fault"
)

// Platform is what every function is told: where things are kept.
type Platform struct {
	Stage            string // of the deployment: dev, prod, ..
	DataBucket       string
	ModelBucket      string
	ControlTable     string
	AuditTable       string // audit entries and the heads of their chains
	IdempotencyTable string // once-only markers
	EventBus         string // name or ARN; "default" is the account's own
}

// Common is the part that every configuration has.
func (p Platform) Common() Platform { return p }

func (p *Platform) bind(b *binder) {
	b.text("STAGE", &p.Stage, "dev", name)
	b.text("DATA_BUCKET", &p.DataBucket, required, bucket)
	b.text("MODEL_BUCKET", &p.ModelBucket, required, bucket)
	b.text("CONTROL_TABLE", &p.ControlTable, required, table)
	b.text("AUDIT_TABLE", &p.AuditTable, required, table)
	b.text("IDEMPOTENCY_TABLE", &p.IdempotencyTable, required, table)
	b.text("EVENT_BUS", &p.EventBus, "default", bus)
}

// modelTTL is how long a champion is served, unless configured, before its alias is looked at again.
const modelTTL = 5 * time.Second

// Predict configures the function of that name.
type Predict struct {
	Platform
	ModelTTL     time.Duration // how long a champion is served before its alias is looked at again; the agent must be told the same
	DefaultModel string        // what /predict means without a name; "" = the only model there is
	ProbeKeyID   string        // API Gateway's id of the platform's own key: what it asks is not captured; "" = there is none
	AcceptUnseen bool          // answer categories that training never saw, with a warning
}

func (c *Predict) bind(b *binder) {
	c.Platform.bind(b)
	b.duration("MODEL_TTL", &c.ModelTTL, modelTTL, 0, time.Minute)
	b.text("DEFAULT_MODEL", &c.DefaultModel, "", optional(name))
	b.text("PROBE_KEY_ID", &c.ProbeKeyID, "", optional(keyID))
	b.flag("ACCEPT_UNSEEN", &c.AcceptUnseen, false)
}

// Train configures the function of that name.
type Train struct {
	Platform
	Threads int // 0 = as many as the machine has
	Folds   int // of the cross-validation; 0 = as many as the table bears
}

func (c *Train) bind(b *binder) {
	c.Platform.bind(b)
	b.number("THREADS", &c.Threads, 0, 0, 64)
	b.number("FOLDS", &c.Folds, 0, 0, 20)
}

// Validate configures the function of that name.
type Validate struct{ Platform }

func (c *Validate) bind(b *binder) { c.Platform.bind(b) }

// DriftCheck configures the function of that name.
type DriftCheck struct {
	Platform
	Window     time.Duration // how far back a check looks
	WindowRows int           // a check looks at the newest so many rows of that time; 0 = at all of them
}

func (c *DriftCheck) bind(b *binder) {
	c.Platform.bind(b)
	b.duration("WINDOW", &c.Window, 24*time.Hour, time.Hour, 400*24*time.Hour)
	b.number("WINDOW_ROWS", &c.WindowRows, 0, 0, 1_000_000)
}

// Agent configures the function of that name.
type Agent struct {
	Platform
	ApprovalsTopic string        // ARN; one message goes to it for each approver, with the attribute approver
	AlertsTopic    string        // ARN
	ApprovalKey    string        // KMS HMAC key that makes approval tokens
	PublicURL      string        // where links in mails lead: the approvals API with its stage
	PredictURL     string        // the serving path, with its stage, for golden rows
	ProbeKey       string        // name of the SSM parameter that holds the API key for it
	ModelTTL       time.Duration // of predict: after a move of an alias it is waited for before golden rows are sent
	Owner          string        // who is told of incidents
	Approvers      []string      // who is asked where policy.yaml names nobody
}

func (c *Agent) bind(b *binder) {
	c.Platform.bind(b)
	b.text("APPROVALS_TOPIC_ARN", &c.ApprovalsTopic, required, topic)
	b.text("ALERTS_TOPIC_ARN", &c.AlertsTopic, required, topic)
	b.text("APPROVAL_KEY", &c.ApprovalKey, required, key)
	b.text("PUBLIC_URL", &c.PublicURL, required, address)
	b.text("PREDICT_URL", &c.PredictURL, required, address)
	b.text("PROBE_KEY_PARAMETER", &c.ProbeKey, required, parameter)
	b.duration("MODEL_TTL", &c.ModelTTL, modelTTL, 0, time.Minute)
	b.text("OWNER", &c.Owner, required, mail)
	b.list("APPROVERS", &c.Approvers, mail)
}

// Report configures the function of that name.
type Report struct{ Platform }

func (c *Report) bind(b *binder) { c.Platform.bind(b) }

// Approve configures the function of that name. It can check tokens with the key, and not make them.
type Approve struct {
	Platform
	ApprovalKey string // KMS HMAC key
}

func (c *Approve) bind(b *binder) {
	c.Platform.bind(b)
	b.text("APPROVAL_KEY", &c.ApprovalKey, required, key)
}

// Dashboard configures the function of that name.
type Dashboard struct{ Platform }

func (c *Dashboard) bind(b *binder) { c.Platform.bind(b) }

// Bound is a configuration: T is one of the structs above.
type Bound[T any] interface {
	*T
	Common() Platform
	bind(*binder)
}

// Load reads a configuration by getenv, which gives "" for a variable that is not set. The error is Invalid and names every variable that
// is missing or wrong, at once.
func Load[T any, P Bound[T]](getenv func(name string) string) (T, error) {
	var c T
	b := &binder{getenv: getenv}
	P(&c).bind(b)
	if len(b.problems) > 0 {
		return c, fault.Invalidf("the function's environment is wrong").With(b.problems...)
	}
	return c, nil
}

// Environ writes the environment that Load reads c from: every variable, those left at their default too. Nothing is checked, since a value
// may be a name that only the deployment knows.
func Environ[T any, P Bound[T]](c T) map[string]string {
	b := &binder{environ: map[string]string{}}
	P(&c).bind(b)
	return b.environ
}
