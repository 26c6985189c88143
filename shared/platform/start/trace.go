package start

import (
	"context"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"mlops/shared/fault"
	"mlops/shared/topology"
)

// Tracer draws work into a trace. Its methods never fail; outside of a trace that is kept they do nothing.
type Tracer interface {
	Begin(ctx context.Context, name string) context.Context // opens a piece of work below the one that ctx is in
	Annotate(ctx context.Context, key string, value any)    // by what the trace will be searched
	End(ctx context.Context, err error)                     // closes what Begin opened
}

// invocation is what an invocation knows of itself.
type invocation struct {
	tracer Tracer // nil = none
	cold   bool   // the first of its process
}

type invocationKey struct{}

// trace opens an invocation's piece of its trace.
func (f *Function) trace(ctx context.Context, cold bool) context.Context {
	if cold {
		Count(ctx, "ColdStart", 1)
	}
	ctx = context.WithValue(ctx, invocationKey{}, invocation{f.Tracer, cold})
	if f.Tracer != nil {
		ctx = f.Tracer.Begin(ctx, "invocation")
		f.Tracer.Annotate(ctx, "service", string(f.Name))
		f.Tracer.Annotate(ctx, "cold_start", cold)
	}
	return ctx
}

// traced closes it. An HTTP answer of 500 or more is a fault too, though Lambda takes it for a success.
func (f *Function) traced(ctx context.Context, err error, failures float64) {
	if f.Tracer == nil {
		return
	}
	if err == nil && failures > 0 {
		err = fault.New(fault.Internal, "the answer is a failure")
	}
	f.Tracer.End(ctx, err)
}

// Note annotates the trace of the invocation that ctx belongs to; outside one, or with "", it does nothing. What was asked or answered,
// tokens and keys have no place there.
func Note(ctx context.Context, key, value string) {
	if in, ok := ctx.Value(invocationKey{}).(invocation); ok && in.tracer != nil && value != "" {
		in.tracer.Annotate(ctx, key, value)
	}
}

// NewLog is a function's log: one JSON object a line as Lambda wants it, with the fields by which people search, under the names that
// Powertools for AWS Lambda gives them: service, function_request_id, xray_trace_id and cold_start. The last three are of the invocation, so a
// line has them where it was logged with the invocation's context.
func NewLog(name topology.Function) *slog.Logger {
	return slog.New(fields{lambdacontext.NewLogHandler()}).With("service", string(name))
}

type fields struct{ slog.Handler }

// Handle implements slog.Handler.
func (h fields) Handle(ctx context.Context, r slog.Record) error {
	if c, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("function_request_id", c.AwsRequestID))
	}
	if id := traceID(ctx); id != "" {
		r.AddAttrs(slog.String("xray_trace_id", id))
	}
	if in, ok := ctx.Value(invocationKey{}).(invocation); ok {
		r.AddAttrs(slog.Bool("cold_start", in.cold))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h fields) WithAttrs(attrs []slog.Attr) slog.Handler { return fields{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h fields) WithGroup(name string) slog.Handler { return fields{h.Handler.WithGroup(name)} }

// traceID is the id of the trace that the invocation is in, the Root of the trace header that Lambda's library keeps in the context; "" outside one.
func traceID(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	for field := range strings.SplitSeq(header, ";") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(field), "Root="); ok {
			return id
		}
	}
	return ""
}
