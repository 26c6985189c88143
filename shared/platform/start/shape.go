package start

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// Object is an object that was laid into a bucket, as S3 tells by EventBridge.
type Object struct {
	ID        string // of the notification; the same for a repeated one
	Time      time.Time
	Bucket    string
	Key       string
	Size      int64
	ETag      string
	Version   string // "" in a bucket without versions
	Sequencer string // orders the notifications of one key, as text of equal length
}

// work is a payload that was understood: one of the three.
type work struct {
	http   *events.APIGatewayProxyRequest
	event  *event.Event
	object *Object
}

func (w work) String() string {
	switch {
	case w.http != nil:
		return "an HTTP request"
	case w.event != nil:
		return "the event " + string(w.event.Type)
	}
	return "an object in a bucket"
}

// The names by which AWS speaks.
const (
	s3Source      = "aws.s3"
	objectCreated = "Object Created"
)

// shape is what tells the payloads apart.
type shape struct {
	Version    json.RawMessage `json:"version"`
	Method     *string         `json:"httpMethod"`
	Context    json.RawMessage `json:"requestContext"`
	DetailType *string         `json:"detail-type"`
	Source     string          `json:"source"`
	ID         string          `json:"id"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
	Resources  []string        `json:"resources"`
	Schedule   *string         `json:"schedule"`
	Records    []struct {
		Source  string `json:"eventSource"`
		Source2 string `json:"EventSource"`
	} `json:"Records"`
}

// read understands a payload: a request of a REST API (payload format 1.0), an event of ours, of S3 or of a CloudWatch alarm on EventBridge, or
// what a schedule sends, {"schedule":"<name in the topology>","time":"<aws.scheduler.scheduled-time>"}. Anything else is Invalid and named.
func read(payload []byte) (work, error) {
	var s shape
	if err := json.Unmarshal(payload, &s); err != nil {
		return work{}, fault.Invalidf("the payload cannot be read: %v: %.200s", err, payload)
	}
	switch {
	case s.Method != nil && s.Context != nil:
		var r events.APIGatewayProxyRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return work{}, fault.Invalidf("the payload is no request of API Gateway: %v", err)
		}
		return work{http: &r}, nil
	case s.DetailType != nil:
		return s.bridge()
	case s.Schedule != nil:
		return s.schedule()
	case s.Context != nil && string(s.Version) == `"2.0"`:
		return work{}, fault.Invalidf("the payload is a request in format 2.0 (HTTP API, function URL): a REST API's format 1.0 is read here")
	case len(s.Records) > 0:
		return work{}, fault.Invalidf("the payload is a batch of records from %q: S3 is heard by EventBridge here", s.Records[0].Source+s.Records[0].Source2)
	}
	return work{}, fault.Invalidf("the payload has an unknown shape, with the keys %s: a request of API Gateway, an event of EventBridge or a schedule's {\"schedule\",\"time\"} is read here", keys(payload))
}

// bridge reads an event of EventBridge.
func (s shape) bridge() (work, error) {
	what := fmt.Sprintf("%q of %q", *s.DetailType, s.Source)
	switch {
	case s.Source == event.Source:
		var e event.Event
		if err := json.Unmarshal(s.Detail, &e); err != nil {
			return work{}, fault.Invalidf("the detail of the event %s is no event of ours: %v", what, err)
		}
		if e.ID == "" || e.Time.IsZero() || string(e.Type) != *s.DetailType {
			return work{}, fault.Invalidf("the detail of the event %s is no event of ours: it has the id %q, the time %s and the type %q", what, e.ID, e.Time.Format(time.RFC3339), e.Type)
		}
		return work{event: &e}, nil
	case s.Source == alarmSource && *s.DetailType == alarmChanged:
		return s.alarm()
	case s.Source == s3Source && *s.DetailType == objectCreated:
		var d struct {
			Bucket struct{ Name string }
			Object struct {
				Key       string
				Size      int64
				ETag      string
				Version   string `json:"version-id"`
				Sequencer string
			}
		}
		if err := json.Unmarshal(s.Detail, &d); err != nil || d.Object.Key == "" || d.Bucket.Name == "" {
			return work{}, fault.Invalidf("the detail of the event %s names no object in a bucket", what)
		}
		return work{object: &Object{ID: s.ID, Time: s.Time, Bucket: d.Bucket.Name, Key: d.Object.Key, Size: d.Object.Size, ETag: d.Object.ETag, Version: d.Object.Version, Sequencer: d.Object.Sequencer}}, nil
	}
	return work{}, fault.Invalidf("the event %s is not known here", what)
}

// schedule makes the event of a schedule of the topology. Its id names schedule and time, so that a repetition is the same event.
func (s shape) schedule() (work, error) {
	for _, known := range topology.Schedules() {
		if known.Name != *s.Schedule {
			continue
		}
		if s.Time.IsZero() {
			return work{}, fault.Invalidf("the schedule %s says no time: its input must hold \"time\":\"<aws.scheduler.scheduled-time>\"", known.Name)
		}
		e, err := event.New("schedule-"+known.Name+"-"+s.Time.UTC().Format(time.RFC3339), known.Event, s.Time, "", known.Payload())
		return work{event: &e}, err
	}
	return work{}, fault.Invalidf("there is no schedule %.80q", *s.Schedule)
}

// keys names what a payload holds, so that its sender can be found.
func keys(payload []byte) string {
	var m map[string]json.RawMessage
	if json.Unmarshal(payload, &m) != nil || len(m) == 0 {
		return "none"
	}
	var names []string
	for k := range m {
		names = append(names, fmt.Sprintf("%.40q", k))
	}
	slices.Sort(names)
	if len(names) > 10 {
		names = append(names[:10], "..")
	}
	return strings.Join(names, ", ")
}
