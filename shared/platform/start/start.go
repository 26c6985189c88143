// Package start is the start-up of a function on AWS Lambda: it knows each shape in which work arrives, hands it to the function's doors,
// and turns panics, errors and answers into what Lambda expects. Each invocation leaves one line of metrics.
package start

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// Function is what a function does, and how it is started.
type Function struct {
	Name   topology.Function
	Stage  string                                         // of the deployment, a dimension of its metrics
	HTTP   http.Handler                                   // API Gateway's door; nil = it has none
	Event  func(ctx context.Context, e event.Event) error // events' and schedules' door; nil = it has none
	Object func(ctx context.Context, o Object) error      // door of objects laid into the data bucket by somebody else; nil = it has none
	After  func(ctx context.Context)                      // when the work is done, before the answer is given; nil = nothing
	Tracer Tracer                                         // of the invocations; nil = none is traced
	Log    *slog.Logger
	Out    io.Writer // of metrics; nil = stdout

	invocations atomic.Int64
}

// The time kept back of an invocation's deadline, so that there is an answer and a log line before the process is killed.
const (
	reserve      = 500 * time.Millisecond
	reserveShare = 20 // of the time left: a twentieth
)

// Serve answers invocations until the environment ends. It does not return.
func (f *Function) Serve() { lambda.Start(f) }

// Invoke does one invocation. It implements lambda.Handler.
func (f *Function) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	began := time.Now()
	var failed error // as the handler said it: err is what Lambda is told
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(max(reserve, time.Until(deadline)/reserveShare), time.Until(deadline)/2)))
		defer cancel()
	}
	m := &metrics{}
	ctx = context.WithValue(ctx, metricsKey{}, m)
	ctx = f.trace(ctx, f.invocations.Add(1) == 1)
	defer func() {
		if p := recover(); p != nil {
			f.Log.ErrorContext(ctx, "the function panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = messages.InvokeResponse_Error{Message: fmt.Sprintf("panic: %v", p), Type: "Panic"}
			failed = fault.New(fault.Internal, "the function panicked")
		}
		if err != nil {
			Count(ctx, "Errors", 1)
		}
		f.traced(ctx, failed, m.value("Errors"))
		Milliseconds(ctx, "DurationMs", time.Since(began))
		out := f.Out
		if out == nil {
			out = os.Stdout
		}
		if line, e := m.line(string(f.Name), f.Stage, began); e == nil {
			_, _ = out.Write(line) // a lost metric must not lose the answer
		}
	}()
	answer, err = f.dispatch(ctx, payload)
	if f.After != nil {
		f.After(ctx)
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "the invocation failed", "error", err.Error())
		failed = err
		return nil, messages.InvokeResponse_Error{Message: err.Error(), Type: kindOf(err)}
	}
	return answer, nil
}

// kindOf names an error to whoever invoked: Invalid, NotFound, Conflict, Denied, Unavailable or Internal.
func kindOf(err error) string {
	name := ""
	for _, word := range strings.Split(fault.KindOf(err).String(), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// dispatch finds the door of a payload.
func (f *Function) dispatch(ctx context.Context, payload []byte) ([]byte, error) {
	w, err := read(payload)
	if err != nil {
		return nil, fault.Wrap(err, "invoke %s", f.Name)
	}
	switch {
	case w.http != nil && f.HTTP != nil:
		return f.answer(ctx, w.http)
	case w.event != nil && f.Event != nil:
		if !f.takes(w.event.Type) {
			return nil, fault.Invalidf("invoke %s: it does not take the event %s", f.Name, w.event.Type)
		}
		Note(ctx, "model", w.event.Model)
		return []byte("null"), f.Event(ctx, *w.event)
	case w.object != nil && f.Object != nil:
		return []byte("null"), f.Object(ctx, *w.object)
	}
	return nil, fault.Invalidf("invoke %s: it has no door for %s", f.Name, w)
}

// takes reports whether the topology lets an event through to the function.
func (f *Function) takes(t event.Type) bool {
	spec := topology.Of(f.Name)
	for _, s := range spec.Subscribes {
		if s == t {
			return true
		}
	}
	for _, s := range spec.Schedules {
		if s.Event == t {
			return true
		}
	}
	return false
}

// Fail ends a function that cannot start: it logs why, tells the Runtime API, and exits.
func Fail(log *slog.Logger, name topology.Function, err error) {
	details := []string{}
	for _, d := range fault.Details(err) {
		details = append(details, d.String())
	}
	log.Error("the function cannot start", "error", err.Error(), "problems", details)
	message := err.Error()
	if len(details) > 0 {
		message = fmt.Sprintf("%s cannot start: %s", name, strings.Join(details, "; "))
	}
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		body, _ := json.Marshal(messages.InvokeResponse_Error{Message: message, Type: kindOf(err)}) // two strings: it cannot fail
		req, e := http.NewRequest(http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
		if e == nil {
			req.Header.Set("Lambda-Runtime-Function-Error-Type", "Function."+kindOf(err))
			if res, e := (&http.Client{Timeout: 2 * time.Second}).Do(req); e == nil {
				res.Body.Close()
			}
		}
	}
	os.Exit(1)
}
