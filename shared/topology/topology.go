// Package topology is the wiring as data: which functions there are, which routes lead to them, which events wake them, what runs on a
// schedule, and what each may read and write. `mlops serve` and the cloud stack are both built from it, so they cannot disagree.
package topology

import (
	"time"

	"mlops/shared/event"
)

// Function names one Lambda function; its folder under functions/ has the same name.
type Function string

// The functions.
const (
	Predict    Function = "predict"
	Train      Function = "train"
	Validate   Function = "validate"
	DriftCheck Function = "driftcheck"
	Agent      Function = "agent"
	Report     Function = "report"
	Approve    Function = "approve"
	Dashboard  Function = "dashboard"
)

// Scope says which key opens a route.
type Scope string

// The scopes. An operate key opens predict routes too.
const (
	Public       Scope = "public"  // no key: health, and the approval pages, which carry their own token
	PredictScope Scope = "predict" // scoring and feedback
	Operate      Scope = "operate" // everything that changes or shows operations
	Session      Scope = "session" // people, by a one-time sign-in link
)

// Body limits in bytes.
const (
	NoBody     int64 = 0
	SmallBody  int64 = 256 << 10 // one object
	BatchBody  int64 = 5 << 20   // Lambda ends at 6 MB
	FormBody   int64 = 16 << 10
	UploadBody int64 = 5 << 20 // larger files go by upload-url
)

// Route is one door to the outside. Path is in net/http.ServeMux syntax.
type Route struct {
	Method string
	Path   string
	Scope  Scope
	Body   int64 // largest body, bytes
}

// keyed are the POST routes that take an Idempotency-Key: what a client may have to repeat without knowing whether it was done.
var keyed = map[string]bool{
	"/predict": true, "/predict/batch": true, "/feedback": true, "/datasets/{name}": true, "/train": true, "/batch": true, "/reports": true, "/drift/check": true,
	"/models/{m}/promotions": true, "/models/{m}/rollback": true,
}

// Keyed reports whether a client may send an Idempotency-Key to the route.
func (r Route) Keyed() bool { return r.Method == "POST" && keyed[r.Path] }

// Schedule publishes an event periodically. Periods are counted from 1970-01-01 00:00 UTC plus Offset.
type Schedule struct {
	Name   string
	Every  time.Duration
	Offset time.Duration
	Event  event.Type
	Kind   string // the report's kind, where Event is ReportRequested
}

// Week is the period of what happens on Mondays; Monday is the first of them, counted from 1970-01-01, a Thursday.
const (
	Day    = 24 * time.Hour
	Week   = 7 * Day
	Monday = 4 * Day
)

// Payload is the detail of the event that the schedule publishes.
func (s Schedule) Payload() any {
	if s.Event == event.ReportRequested {
		return event.Report{Kind: s.Kind}
	}
	return struct{}{}
}

// Source is the EventBridge source of every event.
const Source = event.Source

// The prefixes of the data bucket where files may be put by hand: each object that comes to lie there is taken in by IntakeBy.
var Intake = []string{"raw/", "uploads/"}

// IntakeBy is the function that is told of new objects under Intake.
const IntakeBy = Validate

// AlarmsTo is the function that is told when an alarm of the platform's own stack fires or is over.
const AlarmsTo = Agent

// Resource is something that needs a grant.
type Resource string

// The resources.
const (
	Data    Resource = "data"    // the data bucket
	Models  Resource = "models"  // the model bucket
	Control Resource = "control" // the control table: documents by partition
	Audit   Resource = "audit"   // the audit chain: append and read only
	Mail    Resource = "mail"    // the approvals topic
	Alerts  Resource = "alerts"  // the alerts topic
	Mint    Resource = "mint"    // make approval tokens
	Verify  Resource = "verify"  // check approval tokens
	Serving Resource = "serving" // ask the serving path as a client would, with the platform's own key
)

// Access is what a grant allows.
type Access string

// The accesses. Nothing may delete audit entries; objects are written once.
const (
	Read      Access = "read"
	Write     Access = "write"
	ReadWrite Access = "readwrite"
	Use       Access = "use"
)

// Grant lets a function touch a resource below a prefix ("" = all of it).
type Grant struct {
	Resource Resource
	Prefix   string
	Access   Access
}

// Keep is what a function keeps for itself below a prefix of the data bucket, and how long: after that it does without, or makes it again. In the cloud a
// rule of the bucket removes it; on one machine the function does.
type Keep struct {
	Prefix string
	For    time.Duration // since it was written
}

// Spec is everything about one function.
type Spec struct {
	Name        Function
	Purpose     string
	Routes      []Route
	Subscribes  []event.Type
	Schedules   []Schedule
	Memory      int           // MB
	Timeout     time.Duration // of one invocation
	Concurrency int           // invocations at once; 0 = no limit of its own
	Grants      []Grant
	Keeps       []Keep
}

// Of finds a function's spec.
func Of(f Function) Spec {
	for _, s := range Functions {
		if s.Name == f {
			return s
		}
	}
	return Spec{}
}

// Subscribers are the functions that an event of type t wakes, in the order of Functions.
func Subscribers(t event.Type) []Function {
	var out []Function
	for _, s := range Functions {
		for _, want := range s.Subscribes {
			if want == t {
				out = append(out, s.Name)
			}
		}
	}
	return out
}

// Schedules are all schedules of all functions.
func Schedules() []Schedule {
	var out []Schedule
	for _, s := range Functions {
		out = append(out, s.Schedules...)
	}
	return out
}
