package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"mlops/shared/fault"
)

// Limits of a segment document (docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html).
const (
	maxSegment     = 64 << 10 // bytes
	maxName        = 200      // characters
	maxAnnotations = 50
	maxAnnotation  = 1000 // characters of a value
)

// sendTimeout bounds what a trace may cost where the system takes no more datagrams: the rest of it is lost.
const sendTimeout = 5 * time.Millisecond

// Tracer draws what a process does into AWS X-Ray, as subsegments of the segment that Lambda itself writes: one for an invocation's work, and
// one for each call of a service. It speaks the X-Ray daemon's own protocol: a datagram for each subsegment, sent when it ends, so that one
// process that is killed loses only what it had not finished. Nothing of it can fail or hold up the work: without a daemon, without a trace
// that is sampled, or with a trace header that cannot be read, it does nothing.
type Tracer struct {
	daemon io.Writer // nil = there is none
	getenv func(string) string
}

// newTracer finds the daemon by AWS_XRAY_DAEMON_ADDRESS, which Lambda sets to an IP address and port. A name is not looked up.
func newTracer(getenv func(string) string) *Tracer {
	t := &Tracer{getenv: getenv}
	if at, err := netip.ParseAddrPort(getenv("AWS_XRAY_DAEMON_ADDRESS")); err == nil {
		if c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at)); err == nil {
			t.daemon = datagrams{c}
		}
	}
	return t
}

// datagrams sends without waiting long.
type datagrams struct{ *net.UDPConn }

func (d datagrams) Write(b []byte) (int, error) {
	if err := d.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return 0, err
	}
	return d.UDPConn.Write(b)
}

// subsegment is X-Ray's document of one piece of work. Times are seconds since 1970.
type subsegment struct {
	Type        string         `json:"type"`
	Trace       string         `json:"trace_id"`
	Parent      string         `json:"parent_id"`
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Namespace   string         `json:"namespace,omitempty"`
	Start       float64        `json:"start_time"`
	End         float64        `json:"end_time"`
	Error       bool           `json:"error,omitempty"`    // the caller's mistake, 4xx
	Throttle    bool           `json:"throttle,omitempty"` // refused for being too many
	Fault       bool           `json:"fault,omitempty"`    // the server's, 5xx or no answer
	Cause       *cause         `json:"cause,omitempty"`
	HTTP        map[string]any `json:"http,omitempty"`
	AWS         map[string]any `json:"aws,omitempty"`
	Annotations map[string]any `json:"annotations,omitempty"`

	header string     // that the work came with
	mu     sync.Mutex // of the annotations
}

// cause names an error by its kind alone: its text may quote what was sent.
type cause struct {
	Exceptions []exception `json:"exceptions"`
}

type exception struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Remote bool   `json:"remote"`
}

func newID() string { return fmt.Sprintf("%016x", rand.Uint64()) }

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

type subsegmentKey struct{}

func current(ctx context.Context) *subsegment {
	s, _ := ctx.Value(subsegmentKey{}).(*subsegment)
	return s
}

// Begin opens a subsegment below the one that ctx is in, or below Lambda's own; it is sent by End of the context that is returned.
func (t *Tracer) Begin(ctx context.Context, name string) context.Context {
	if t == nil || t.daemon == nil {
		return ctx
	}
	s := &subsegment{Type: "subsegment", ID: newID(), Name: nameOf(name), Start: seconds(time.Now())}
	if above := current(ctx); above != nil {
		s.Trace, s.Parent, s.header = above.Trace, above.ID, above.header
	} else {
		var sampled bool
		s.header = t.header(ctx)
		if s.Trace, s.Parent, sampled = position(s.header); !sampled {
			return ctx
		}
	}
	return context.WithValue(ctx, subsegmentKey{}, s)
}

// header is the trace header of the invocation: Lambda's library keeps it in the context, and in the environment for what has none.
func (t *Tracer) header(ctx context.Context) string {
	if h, ok := ctx.Value("x-amzn-trace-id").(string); ok {
		return h
	}
	return t.getenv("_X_AMZN_TRACE_ID")
}

// position reads a trace header, "Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1": where in which trace the work is, and whether the trace
// is kept at all. One that cannot be read is not sampled.
func position(header string) (trace, parent string, sampled bool) {
	for field := range strings.SplitSeq(header, ";") {
		switch k, v, _ := strings.Cut(strings.TrimSpace(field), "="); k {
		case "Root":
			trace = v
		case "Parent":
			parent = v
		case "Sampled":
			sampled = v == "1"
		}
	}
	part := strings.Split(trace, "-")
	return trace, parent, sampled && len(part) == 3 && part[0] == "1" && isHex(part[1], 8) && isHex(part[2], 24) && isHex(parent, 16)
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// nameOf makes a name of the letters, digits, spaces and signs that X-Ray takes.
func nameOf(s string) string {
	r := []rune(strings.ToValidUTF8(s, "_"))
	for i, c := range r {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != ' ' && !strings.ContainsRune(`_.:/%&#=+\-@`, c) {
			r[i] = '_'
		}
	}
	return string(r[:min(len(r), maxName)])
}

// Annotate notes by what the trace will be searched: key is of letters, digits and underscores, value a string, a number or a boolean. What
// was asked or answered, tokens and keys have no place there.
func (t *Tracer) Annotate(ctx context.Context, key string, value any) {
	s := current(ctx)
	if s == nil {
		return
	}
	if v, ok := value.(string); ok {
		r := []rune(v)
		value = string(r[:min(len(r), maxAnnotation)])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Annotations == nil {
		s.Annotations = map[string]any{}
	}
	if len(s.Annotations) < maxAnnotations {
		s.Annotations[key] = value
	}
}

// End closes the subsegment that Begin opened, and sends it. An error shows as the caller's or as a fault of ours, by its kind.
func (t *Tracer) End(ctx context.Context, err error) {
	s := current(ctx)
	if s == nil {
		return
	}
	if err != nil {
		kind := fault.KindOf(err)
		s.Fault = kind == fault.Unavailable || kind == fault.Internal
		s.Error = !s.Fault
		s.Cause = &cause{[]exception{{ID: newID(), Type: kind.String()}}}
	}
	t.send(s)
}

func (t *Tracer) send(s *subsegment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.End = max(s.Start, seconds(time.Now()))
	b, err := json.Marshal(s)
	if err != nil || len(b) > maxSegment {
		return
	}
	_, _ = t.daemon.Write(append([]byte(`{"format":"json","version":1}`+"\n"), b...)) // a lost trace must not lose the work
}

// install has every call of the SDK drawn, and tells the service called where in the trace it is.
func (t *Tracer) install(stack *middleware.Stack) error {
	if t.daemon == nil {
		return nil
	}
	if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Trace", t.call), middleware.After); err != nil { // inside what names the operation
		return err
	}
	return stack.Build.Add(middleware.BuildMiddlewareFunc("TraceHeader", hand), middleware.Before) // before the SDK's own, which hands on Lambda's
}

// call draws one call with all its attempts.
func (t *Tracer) call(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	below := t.Begin(ctx, awsmiddleware.GetServiceID(ctx))
	out, metadata, err := next.HandleInitialize(below, in)
	s := current(below)
	response, answered := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response)
	if s == nil || err == nil && !answered { // no trace, or no call: an address is signed here
		return out, metadata, err
	}
	s.Namespace = "aws"
	s.AWS = namesOf(in.Parameters)
	s.AWS["operation"], s.AWS["region"] = awsmiddleware.GetOperationName(ctx), awsmiddleware.GetRegion(ctx)
	if id, ok := awsmiddleware.GetRequestIDMetadata(metadata); ok {
		s.AWS["request_id"] = id
	}
	if attempts, ok := retry.GetAttemptResults(metadata); ok {
		s.AWS["retries"] = max(0, len(attempts.Results)-1)
	}
	var status int
	if answered {
		status = response.StatusCode
	}
	if err != nil {
		status = s.refused(err)
	}
	if status != 0 {
		s.HTTP = map[string]any{"response": map[string]any{"status": status}}
	}
	t.send(s)
	return out, metadata, err
}

// refused notes how a call failed, and tells the status it was answered with, or 0.
func (s *subsegment) refused(err error) (status int) {
	kind := "no answer"
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		status = answer.HTTPStatusCode()
		if answer.RequestID != "" {
			s.AWS["request_id"] = answer.RequestID
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		kind = api.ErrorCode()
	}
	s.Throttle = isThrottle(kind) || status == http.StatusTooManyRequests
	s.Fault = status < 400 || status >= 500
	s.Error = !s.Fault || s.Throttle
	s.Cause = &cause{[]exception{{ID: newID(), Type: kind, Remote: status != 0}}}
	return status
}

// resources are the fields of a request that name what it is about, and how X-Ray calls them.
var resources = map[string]string{"Bucket": "bucket_name", "TableName": "table_name", "TopicArn": "topic_arn", "KeyId": "key_id"}

// namesOf tells what a request is about: the bucket, table, topic or key, and the tables of a transaction.
func namesOf(request any) map[string]any {
	out := map[string]any{}
	v := reflect.Indirect(reflect.ValueOf(request))
	if v.Kind() != reflect.Struct {
		return out
	}
	for field, name := range resources {
		if s := textOf(v, field); s != "" {
			out[name] = s
		}
	}
	var tables []string
	if items := v.FieldByName("TransactItems"); items.Kind() == reflect.Slice {
		for i := range items.Len() {
			for j := range items.Index(i).NumField() { // one of Put, Delete, Update and ConditionCheck
				if name := textOf(items.Index(i).Field(j), "TableName"); name != "" && !slices.Contains(tables, name) {
					tables = append(tables, name)
				}
			}
		}
		out["table_names"] = tables
	}
	return out
}

// textOf is the text in a field of a struct, or of what points at one; "" where there is none.
func textOf(v reflect.Value, field string) string {
	if v = reflect.Indirect(v); v.Kind() != reflect.Struct {
		return ""
	}
	if f := v.FieldByName(field); f.IsValid() && f.CanInterface() {
		s, _ := f.Interface().(*string)
		return aws.ToString(s)
	}
	return ""
}

// hand gives the service the trace header with the call in the parent's place. All else in it stays: by Lineage, Lambda finds functions that
// call themselves for ever.
func hand(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	if r, ok := in.Request.(*smithyhttp.Request); ok {
		if s := current(ctx); s != nil {
			_, parent, _ := position(s.header)
			r.Header.Set("X-Amzn-Trace-Id", strings.Replace(s.header, "Parent="+parent, "Parent="+s.ID, 1))
		}
	}
	return next.HandleBuild(ctx, in)
}
