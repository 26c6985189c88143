package start

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

func function(name topology.Function) (*Function, *bytes.Buffer) {
	var out bytes.Buffer
	return &Function{Name: name, Stage: "test", Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Out: &out}, &out
}

// TestEveryShippedEventIsUnderstood: what lies in events/ is what the doors read.
func TestEveryShippedEventIsUnderstood(t *testing.T) {
	files, err := filepath.Glob("../../../events/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w, err := read(b)
		switch {
		case err != nil:
			t.Errorf("%s: %v", file, err)
		case w.http != nil:
			r, err := request(context.Background(), w.http)
			if err != nil || r.Method != w.http.HTTPMethod || !strings.HasPrefix(w.http.RequestContext.Path, "/dev/") || "/dev"+r.URL.EscapedPath() != w.http.RequestContext.Path {
				t.Errorf("%s: request %v, error %v", file, r, err)
			}
		case w.event != nil:
			if w.event.Time.IsZero() || w.event.ID == "" {
				t.Errorf("%s: %+v", file, w.event)
			}
		case w.object.Bucket == "" || w.object.Key == "" || w.object.Sequencer == "" || w.object.Size == 0 || w.object.Time.IsZero():
			t.Errorf("%s: %+v", file, w.object)
		}
	}
}

// TestUnknownShapesAreNamed: what is not understood is refused with words that lead to its sender.
func TestUnknownShapesAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ payload, want string }{
		"nothing":             {``, "cannot be read"},
		"text":                {`"hello"`, "cannot be read"},
		"empty object":        {`{}`, "unknown shape"},
		"something else":      {`{"zebra":1,"apple":2}`, `"apple", "zebra"`},
		"HTTP API":            {`{"version":"2.0","rawPath":"/predict","requestContext":{"http":{"method":"POST"}}}`, "format 2.0"},
		"S3 notification":     {`{"Records":[{"eventSource":"aws:s3"}]}`, "aws:s3"},
		"SNS notification":    {`{"Records":[{"EventSource":"aws:sns"}]}`, "aws:sns"},
		"foreign event":       {`{"detail-type":"EC2 Instance State-change","source":"aws.ec2","detail":{}}`, "aws.ec2"},
		"another S3 event":    {`{"detail-type":"Object Deleted","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`, "Object Deleted"},
		"S3 without object":   {`{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"}}}`, "names no object"},
		"ours without id":     {`{"detail-type":"ModelTrained","source":"mlops","detail":{"type":"ModelTrained","time":"2026-01-01T00:00:00Z"}}`, "no event of ours"},
		"ours of two types":   {`{"detail-type":"ModelTrained","source":"mlops","detail":{"id":"1","type":"AliasMoved","time":"2026-01-01T00:00:00Z"}}`, `AliasMoved`},
		"ours without detail": {`{"detail-type":"ModelTrained","source":"mlops"}`, "no event of ours"},
		"another of alarms":   {`{"detail-type":"CloudWatch Alarm Configuration Change","source":"aws.cloudwatch","detail":{}}`, "Configuration Change"},
		"alarm without name":  {`{"id":"1","time":"2026-01-01T00:00:00Z","resources":["arn"],"detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch","detail":{"state":{"value":"OK"}}}`, "names no alarm"},
		"alarm without data":  {`{"id":"1","time":"2026-01-01T00:00:00Z","resources":["arn"],"detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch","detail":{"alarmName":"a","state":{"value":"INSUFFICIENT_DATA"}}}`, "INSUFFICIENT_DATA"},
		"unknown schedule":    {`{"schedule":"daily","time":"2026-01-01T00:00:00Z"}`, "daily"},
		"schedule, no time":   {`{"schedule":"sweep"}`, "scheduled-time"},
		"body not base64":     {`{"httpMethod":"POST","path":"/predict","requestContext":{},"body":"%%%","isBase64Encoded":true}`, "base64"},
	} {
		f, out := function(topology.Predict)
		f.HTTP = http.NotFoundHandler()
		f.Event = func(context.Context, event.Event) error { return nil }
		f.Object = func(context.Context, Object) error { return nil }
		_, err := f.Invoke(context.Background(), []byte(c.payload))
		var failed messages.InvokeResponse_Error
		if !errors.As(err, &failed) || failed.Type != "Invalid" || !strings.Contains(failed.Message, c.want) {
			t.Errorf("%s: %v; want Invalid and %q", name, err, c.want)
		}
		if !strings.Contains(out.String(), `"Errors":1`) {
			t.Errorf("%s: no error is counted: %s", name, out)
		}
	}
}

func TestDoorsAreTheTopologys(t *testing.T) {
	payload := func(kind event.Type) []byte {
		return fmt.Appendf(nil, `{"detail-type":%q,"source":"mlops","detail":{"id":"1","type":%q,"time":"2026-01-01T00:00:00Z","detail":{}}}`, kind, kind)
	}
	f, _ := function(topology.Train)
	var got []event.Type
	f.Event = func(_ context.Context, e event.Event) error {
		got = append(got, e.Type)
		return nil
	}
	if _, err := f.Invoke(context.Background(), payload(event.DatasetValidated)); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for _, p := range [][]byte{payload(event.AliasMoved), []byte(`{"schedule":"sweep","time":"2026-01-01T00:00:00Z"}`), []byte(`{"httpMethod":"GET","path":"/","requestContext":{}}`)} {
		if _, err := f.Invoke(context.Background(), p); err == nil || len(got) != 1 {
			t.Errorf("%s: %v, %v; want it refused", p, got, err)
		}
	}
	f, _ = function(topology.Report)
	f.Event = func(_ context.Context, e event.Event) error {
		var r event.Report
		if err := e.Decode(&r); err != nil || r.Kind != "weekly" || e.ID != "schedule-weekly-2026-01-05T06:00:00Z" || !e.Time.Equal(time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)) {
			t.Errorf("got %+v, %+v, %v", e, r, err)
		}
		return nil
	}
	if _, err := f.Invoke(context.Background(), []byte(`{"schedule":"weekly","time":"2026-01-05T06:00:00Z"}`)); err != nil {
		t.Error(err)
	}
}

// TestErrorsAreNamedByKind: whoever invoked learns whether it may try again.
func TestErrorsAreNamedByKind(t *testing.T) {
	for want, err := range map[string]error{"Unavailable": fault.Unavailablef("throttled"), "NotFound": fault.NotFoundf("gone"), "Internal": errors.New("a defect"), "Conflict": fault.Wrap(fault.Conflictf("x"), "y")} {
		f, _ := function(topology.Agent)
		f.Event = func(context.Context, event.Event) error { return err }
		_, got := f.Invoke(context.Background(), []byte(`{"schedule":"sweep","time":"2026-01-01T00:00:00Z"}`))
		var failed messages.InvokeResponse_Error
		if !errors.As(got, &failed) || failed.Type != want || failed.Message != err.Error() {
			t.Errorf("got %v; want %s", got, want)
		}
	}
	f, out := function(topology.Agent)
	after := 0
	f.After = func(context.Context) { after++ }
	f.Event = func(context.Context, event.Event) error { panic("no such thing") }
	_, err := f.Invoke(context.Background(), []byte(`{"schedule":"sweep","time":"2026-01-01T00:00:00Z"}`))
	var failed messages.InvokeResponse_Error
	if !errors.As(err, &failed) || failed.Type != "Panic" || !strings.Contains(failed.Message, "no such thing") || !strings.Contains(out.String(), `"Errors":1`) {
		t.Errorf("%v, %s", err, out)
	}
	f.Event = func(context.Context, event.Event) error { return nil }
	if _, err := f.Invoke(context.Background(), []byte(`{"schedule":"sweep","time":"2026-01-01T00:00:00Z"}`)); err != nil || after != 1 {
		t.Errorf("after a panic: %v, After was called %d times", err, after)
	}
}

func TestWorkEndsBeforeTheDeadline(t *testing.T) {
	f, _ := function(topology.Agent)
	var left, given time.Duration
	f.Event = func(ctx context.Context, _ event.Event) error {
		deadline, _ := ctx.Deadline()
		left = given - time.Until(deadline)
		return nil
	}
	for _, c := range []struct{ given, least, most time.Duration }{{100 * time.Second, 5 * time.Second, 6 * time.Second}, {3 * time.Second, 500 * time.Millisecond, 2 * time.Second}, {200 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}} {
		given = c.given
		ctx, cancel := context.WithTimeout(context.Background(), c.given)
		if _, err := f.Invoke(ctx, []byte(`{"schedule":"sweep","time":"2026-01-01T00:00:00Z"}`)); err != nil || left < c.least || left > c.most {
			t.Errorf("of %s: %s are kept back, error %v", c.given, left, err)
		}
		cancel()
	}
}

func TestRequest(t *testing.T) {
	for name, c := range map[string]struct{ resource, path, want string }{
		"plain":                {"/predict", "/predict", "/predict"},
		"stage":                {"/predict", "/prod/predict", "/predict"},
		"base path of domain":  {"/predictions/{id}", "/ml/v1/predictions/abc", "/predictions/abc"},
		"root":                 {"/", "/", "/"},
		"root below a stage":   {"/", "/prod/", "/"},
		"proxy":                {"/v1/{proxy+}", "/v1/models/heart:predict", "/v1/models/heart:predict"},
		"proxy below stage":    {"/v1/{proxy+}", "/prod/v1/models/heart:predict", "/v1/models/heart:predict"},
		"greedy root":          {"/{proxy+}", "/prod/predict", "/prod/predict"},
		"escaped":              {"/predictions/{id}", "/predictions/a%2Fb%20c", "/predictions/a%2Fb%20c"},
		"no resource":          {"", "/predict", "/predict"},
		"model named as stage": {"/v2/models/{m}", "/v2/models/v2", "/v2/models/v2"},
		"trailing slash":       {"/dashboard/{page+}", "/dev/dashboard/models/", "/dashboard/models/"},
	} {
		r, err := request(context.Background(), &events.APIGatewayProxyRequest{Resource: c.resource, Path: c.path, HTTPMethod: "GET"})
		if err != nil || r.URL.EscapedPath() != c.want {
			t.Errorf("%s: got %v, error %v; want %s", name, r.URL, err, c.want)
		}
	}
	in := events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/predict", Body: base64.StdEncoding.EncodeToString([]byte("a\x00\xff")), IsBase64Encoded: true,
		MultiValueHeaders: map[string][]string{"X-Two": {"1", "2"}, "content-type": {"text/csv"}, "Host": {"api.example"}}, Headers: map[string]string{"X-Two": "2", "X-One": "1"},
		MultiValueQueryStringParameters: map[string][]string{"q": {"a b", "c&d"}}, QueryStringParameters: map[string]string{"q": "c&d", "r": "e"}}
	r, err := request(context.Background(), &in)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if string(body) != "a\x00\xff" || r.ContentLength != 3 || fmt.Sprint(r.Header["X-Two"]) != "[1 2]" || r.Header.Get("X-One") != "1" || r.Header.Get("Content-Type") != "text/csv" || r.Host != "api.example" {
		t.Errorf("body %q of %d, headers %v, host %s", body, r.ContentLength, r.Header, r.Host)
	}
	if q := r.URL.Query(); fmt.Sprint(q["q"]) != "[a b c&d]" || q.Get("r") != "e" {
		t.Errorf("query %v", q)
	}
}

func TestAnswer(t *testing.T) {
	payload := []byte(`{"httpMethod":"GET","path":"/predict","resource":"/predict","requestContext":{"requestId":"r-1","identity":{"apiKeyId":"k-1","sourceIp":"203.0.113.7"},"authorizer":{"principalId":"alice"}}}`)
	invoke := func(h http.HandlerFunc) (events.APIGatewayProxyResponse, string) {
		t.Helper()
		f, out := function(topology.Predict)
		f.HTTP = h
		b, err := f.Invoke(context.Background(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var a events.APIGatewayProxyResponse
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
		return a, out.String()
	}
	a, _ := invoke(func(w http.ResponseWriter, r *http.Request) {
		if id := IdentityOf(r.Context()); id != (Identity{"r-1", "k-1", "alice", "203.0.113.7"}) || r.RemoteAddr != "203.0.113.7:0" {
			t.Errorf("identity %+v, address %s", id, r.RemoteAddr)
		}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, "äöü")
	})
	if a.StatusCode != http.StatusTeapot || a.Body != "äöü" || a.IsBase64Encoded || len(a.MultiValueHeaders["Set-Cookie"]) != 2 {
		t.Errorf("got %+v", a)
	}
	a, _ = invoke(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0xff, 0}) })
	if b, err := base64.StdEncoding.DecodeString(a.Body); !a.IsBase64Encoded || err != nil || !bytes.Equal(b, []byte{0xff, 0}) || a.StatusCode != 200 {
		t.Errorf("got %+v", a)
	}
	for name, h := range map[string]http.HandlerFunc{
		"panic":    func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "half"); panic("secret detail") },
		"too long": func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxAnswer+1)) },
	} {
		a, out := invoke(h)
		if a.StatusCode != 500 || !strings.Contains(a.Body, `"request_id":"r-1"`) || strings.Contains(a.Body, "secret") || strings.Contains(a.Body, "half") || !strings.Contains(out, `"Errors":1`) {
			t.Errorf("%s: got %d %.200s; %s", name, a.StatusCode, a.Body, out)
		}
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("../../../events/*.json")
	for _, file := range files[:min(len(files), 10)] {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		fn, _ := function(topology.Validate)
		fn.HTTP = http.NotFoundHandler()
		fn.Event = func(context.Context, event.Event) error { return nil }
		fn.Object = func(context.Context, Object) error { return nil }
		_, err := fn.Invoke(context.Background(), payload)
		var failed messages.InvokeResponse_Error
		if err != nil && (!errors.As(err, &failed) || failed.Type == "Panic") {
			t.Errorf("%v", err)
		}
	})
}
