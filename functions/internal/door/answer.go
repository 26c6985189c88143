package door

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/topology"
)

// Surface is an ecosystem whose clients expect errors in a shape of their own.
type Surface int

// The surfaces.
const (
	Plain  Surface = iota // {"error","message","detail","request_id"}
	V2                    // Open Inference Protocol: {"error"}
	MLflow                // {"error_code","message"}
)

// SurfaceOf is the ecosystem a path belongs to.
func SurfaceOf(r *http.Request) Surface {
	switch p := r.URL.Path; {
	case strings.HasPrefix(p, "/v1/"), p == "/v2", strings.HasPrefix(p, "/v2/"):
		return V2
	case p == "/invocations", strings.HasPrefix(p, "/endpoints/"), strings.HasPrefix(p, "/api/2.0/mlflow/"):
		return MLflow
	}
	return Plain
}

// TooLarge is the refusal of a body that says it is longer than its door takes.
func TooLarge(got, limit int64) error {
	return fault.Invalidf("the body has %d bytes, more than the %d of this door: send it in parts, or upload a file by POST /datasets/{name}/upload-url", got, limit).WithCode(fault.CodeTooLarge)
}

// Caller is who asks, as the edge established it.
type Caller struct {
	ID    string // never the key itself
	Scope topology.Scope
	Probe bool // the platform's own golden rows: answered like any, not captured
}

type callerKey struct{}
type requestKey struct{}

// WithCaller and WithRequest put on the context what the edge knows; CallerOf and RequestOf read it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// WithRequest sets the request's id.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// CallerOf is who asks; the zero Caller when the edge said nothing.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// RequestOf is the id of the request, or "".
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// JSON answers v.
func JSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // a defect: every answer here is marshallable
		slog.Error("marshal an answer", "error", err)
		status, b = http.StatusInternalServerError, []byte(`{"error":"InternalError","message":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client may be gone; nothing depends on it
}

// Accept answers a request for long work: 202 with the job that start began, or why it did not.
func Accept(w http.ResponseWriter, r *http.Request, start func() (job string, err error)) {
	id, err := start()
	if err != nil {
		Fail(w, r, Plain, err)
		return
	}
	JSON(w, http.StatusAccepted, map[string]string{"job_id": id})
}

// Bytes answers a document.
func Bytes(w http.ResponseWriter, status int, contentType string, b []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// Codes that refine Invalid here alone.
const (
	CodeMethod       = "method_not_allowed" // there is something at this address, but it does not take this method
	CodeOtherRequest = "other_request"      // the idempotency key belongs to another request
)

// Status is the HTTP status of an error, the same on every surface.
func Status(err error) int {
	switch fault.CodeOf(err) {
	case fault.CodeUnauthenticated:
		return http.StatusUnauthorized
	case fault.CodeExpired:
		return http.StatusGone
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeOtherRequest:
		return http.StatusUnprocessableEntity
	case fault.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.CodeUnsupported:
		return http.StatusUnsupportedMediaType
	case fault.CodeThrottled:
		return http.StatusTooManyRequests
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Denied:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

var names = map[int][2]string{ // plain error, MLflow error_code
	http.StatusBadRequest:            {"ValidationError", "BAD_REQUEST"},
	http.StatusUnauthorized:          {"Unauthorized", "UNAUTHENTICATED"},
	http.StatusForbidden:             {"Forbidden", "PERMISSION_DENIED"},
	http.StatusNotFound:              {"NotFound", "RESOURCE_DOES_NOT_EXIST"},
	http.StatusMethodNotAllowed:      {"MethodNotAllowed", "BAD_REQUEST"},
	http.StatusConflict:              {"Conflict", "RESOURCE_CONFLICT"},
	http.StatusGone:                  {"Expired", "RESOURCE_CONFLICT"},
	http.StatusRequestEntityTooLarge: {"TooLarge", "BAD_REQUEST"},
	http.StatusUnsupportedMediaType:  {"UnsupportedMediaType", "BAD_REQUEST"},
	http.StatusUnprocessableEntity:   {"IdempotencyError", "BAD_REQUEST"},
	http.StatusTooManyRequests:       {"Throttled", "REQUEST_LIMIT_EXCEEDED"},
	http.StatusServiceUnavailable:    {"Unavailable", "TEMPORARILY_UNAVAILABLE"},
	http.StatusInternalServerError:   {"InternalError", "INTERNAL_ERROR"},
}

// Fail answers an error in the shape of its surface. An Internal error, and what something behind us said when it did not answer, is logged
// and its text kept back: it is ours, not the caller's.
func Fail(w http.ResponseWriter, r *http.Request, s Surface, err error) {
	status := Status(err)
	id := RequestOf(r.Context())
	message := err.Error()
	detail := fault.Details(err)
	if status == http.StatusInternalServerError {
		slog.ErrorContext(r.Context(), "request failed", "request_id", id, "method", r.Method, "path", r.URL.Path, "error", err)
		message, detail = "something failed here; the log has it under this request_id", nil
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		if foreign(err) {
			slog.WarnContext(r.Context(), "request could not be served", "request_id", id, "method", r.Method, "path", r.URL.Path, "error", err)
			message, detail, err = "something that this needs does not answer, or has too much to do; come again later; the log has it under this request_id", nil, nil
		}
		w.Header().Set("Retry-After", strconv.Itoa(5))
	}
	name := names[status]
	switch s {
	case V2:
		JSON(w, status, map[string]string{"error": message})
	case MLflow:
		JSON(w, status, map[string]string{"error_code": name[1], "message": message})
	default:
		if detail == nil {
			detail = []fault.Detail{}
		}
		JSON(w, status, struct {
			Error   string         `json:"error"`
			Message string         `json:"message"`
			Detail  []fault.Detail `json:"detail"`
			Request string         `json:"request_id"`
		}{name[0], shortMessage(err, message), detail, id})
	}
}

// foreign reports whether an error began outside of this program: in a database, say, which speaks of what no caller should know.
func foreign(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if _, ours := err.(*fault.Error); !ours {
			return true
		}
	}
	return false
}

// shortMessage leaves out the problems that stand in detail anyway.
func shortMessage(err error, message string) string {
	if e, ok := err.(*fault.Error); ok && fault.KindOf(err) != fault.Internal && e.Err == nil {
		return e.Message
	}
	return message
}
