package start

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// drawing notes what a Tracer is told.
type drawing struct{ said []string }

type drawn struct{}

func (d *drawing) note(ctx context.Context, format string, args ...any) {
	d.said = append(d.said, fmt.Sprintf(format, args...)+fmt.Sprintf(" in %v", ctx.Value(drawn{})))
}

func (d *drawing) Begin(ctx context.Context, name string) context.Context {
	d.note(ctx, "begin %s", name)
	return context.WithValue(ctx, drawn{}, name)
}
func (d *drawing) Annotate(ctx context.Context, key string, value any) {
	d.note(ctx, "%s=%v", key, value)
}
func (d *drawing) End(ctx context.Context, err error) { d.note(ctx, "end %v", err) }

// TestInvocationsAreTraced: each invocation is a piece of work with its service, model and whether it is the first; it ends however it ends.
func TestInvocationsAreTraced(t *testing.T) {
	f, _ := function(topology.Agent)
	d := &drawing{}
	f.Tracer = d
	outcome := func() error { return nil }
	f.Event = func(context.Context, event.Event) error { return outcome() }
	f.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Note(r.Context(), "model", "loan")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	f.After = func(ctx context.Context) { d.note(ctx, "after") }
	told := []byte(`{"detail-type":"DriftMeasured","source":"mlops","detail":{"id":"1","type":"DriftMeasured","time":"2026-01-01T00:00:00Z","model":"heart","detail":{}}}`)
	asked := []byte(`{"httpMethod":"GET","path":"/","requestContext":{}}`)
	const in = " in invocation"
	for _, c := range []struct {
		payload []byte
		outcome func() error
		want    []string
	}{
		{told, func() error { return nil }, []string{"begin invocation in <nil>", "service=agent" + in, "cold_start=true" + in, "model=heart" + in, "after" + in, "end <nil>" + in}},
		{told, func() error { return fault.Unavailablef("throttled") }, []string{"begin invocation in <nil>", "service=agent" + in, "cold_start=false" + in, "model=heart" + in, "after" + in, "end throttled" + in}},
		{told, func() error { panic("oh no") }, []string{"begin invocation in <nil>", "service=agent" + in, "cold_start=false" + in, "model=heart" + in, "end the function panicked" + in}},
		{asked, nil, []string{"begin invocation in <nil>", "service=agent" + in, "cold_start=false" + in, "model=loan" + in, "after" + in, "end the answer is a failure" + in}},
	} {
		d.said, outcome = nil, c.outcome
		_, _ = f.Invoke(context.Background(), c.payload)
		if fmt.Sprint(d.said) != fmt.Sprint(c.want) {
			t.Errorf("got  %q\nwant %q", d.said, c.want)
		}
	}
	Note(context.Background(), "model", "x") // outside an invocation: nothing
}

// TestLogFields: a line of an invocation says which one it is of.
func TestLogFields(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(fields{slog.NewJSONHandler(&out, nil)}).With("service", "agent")
	f, _ := function(topology.Agent)
	f.Event = func(ctx context.Context, _ event.Event) error {
		log.InfoContext(ctx, "at work", "n", 1)
		return nil
	}
	//lint:ignore SA1029 the library's own key is a string
	ctx := context.WithValue(lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"}), "x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
	for _, cold := range []bool{true, false} {
		out.Reset()
		if _, err := f.Invoke(ctx, []byte(`{"schedule":"sweep","time":"2026-01-01T00:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		var l map[string]any
		if err := json.Unmarshal(out.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l["service"] != "agent" || l["function_request_id"] != "r-1" || l["xray_trace_id"] != "1-5759e988-bd862e3fe1be46a994272793" || l["cold_start"] != cold || l["n"] != 1.0 {
			t.Errorf("got %s", out.String())
		}
	}
	out.Reset()
	log.Info("outside")
	if s := out.String(); strings.Contains(s, "xray") || strings.Contains(s, "request_id") || strings.Contains(s, "cold_start") {
		t.Errorf("outside an invocation: %s", s)
	}
}
