package start

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"mlops/shared/fault"
)

// maxAnswer is the longest body that fits Lambda's 6 MB once it is a JSON string.
const maxAnswer = 5 << 20

// Identity is who asks, as API Gateway established it.
type Identity struct {
	RequestID string
	KeyID     string // of the API key, never the key itself; "" = none was needed
	Principal string // by IAM or an authorizer; "" = none was needed
	SourceIP  string
}

type identityKey struct{}

// IdentityOf is who asks; the zero Identity outside an HTTP request.
func IdentityOf(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// answer lets the HTTP door answer a request of API Gateway.
func (f *Function) answer(ctx context.Context, in *events.APIGatewayProxyRequest) ([]byte, error) {
	id := Identity{RequestID: in.RequestContext.RequestID, KeyID: in.RequestContext.Identity.APIKeyID, SourceIP: in.RequestContext.Identity.SourceIP}
	id.Principal = in.RequestContext.Identity.UserArn
	if p, ok := in.RequestContext.Authorizer["principalId"].(string); ok && p != "" {
		id.Principal = p
	}
	r, err := request(context.WithValue(ctx, identityKey{}, id), in)
	if err != nil {
		return nil, err
	}
	w := &recorder{header: http.Header{}}
	func() {
		defer func() {
			if p := recover(); p != nil {
				f.Log.ErrorContext(ctx, "a handler panicked", "method", in.HTTPMethod, "path", in.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				w.fail(id.RequestID)
			}
		}()
		f.HTTP.ServeHTTP(w, r)
	}()
	if w.body.Len() > maxAnswer {
		f.Log.ErrorContext(ctx, "an answer is too long for Lambda", "path", in.Path, "bytes", w.body.Len())
		w.fail(id.RequestID)
	}
	if w.Status() >= http.StatusInternalServerError {
		Count(ctx, "Errors", 1)
	}
	out := events.APIGatewayProxyResponse{StatusCode: w.Status(), MultiValueHeaders: w.header, Body: w.body.String()}
	if !utf8.Valid(w.body.Bytes()) {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return json.Marshal(out)
}

// request makes the request that the client sent.
func request(ctx context.Context, in *events.APIGatewayProxyRequest) (*http.Request, error) {
	body := []byte(in.Body)
	if in.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(in.Body); err != nil {
			return nil, fault.Invalidf("the request's body is said to be base64 and is not: %v", err)
		}
	}
	query := url.Values(in.MultiValueQueryStringParameters)
	if query == nil {
		query = url.Values{}
	}
	for k, v := range in.QueryStringParameters {
		if _, ok := query[k]; !ok {
			query.Set(k, v)
		}
	}
	at := pathOf(in)
	u := url.URL{Path: at, RawQuery: query.Encode()}
	if raw, err := url.PathUnescape(at); err == nil && raw != at { // API Gateway leaves the path as it was sent
		u.Path, u.RawPath = raw, at
	}
	r, err := http.NewRequestWithContext(ctx, in.HTTPMethod, "http://api/", bytes.NewReader(body))
	if err != nil {
		return nil, fault.Invalidf("the request cannot be read: %v", err)
	}
	u.Scheme, u.Host = r.URL.Scheme, r.URL.Host
	r.URL = &u
	r.RequestURI = u.RequestURI()
	for k, values := range in.MultiValueHeaders {
		for _, v := range values {
			r.Header.Add(k, v)
		}
	}
	for k, v := range in.Headers {
		if r.Header.Get(k) == "" {
			r.Header.Set(k, v)
		}
	}
	r.Host = r.Header.Get("Host")
	r.RemoteAddr = in.RequestContext.Identity.SourceIP + ":0"
	return r, nil
}

// pathOf is the path below the stage and below a custom domain's base path: what is left once leading segments that the route's own
// resource does not have are dropped.
func pathOf(in *events.APIGatewayProxyRequest) string {
	if in.Resource == "" {
		return in.Path
	}
	resource := strings.Split(strings.Trim(in.Resource, "/"), "/")
	path := strings.Split(strings.TrimPrefix(in.Path, "/"), "/")
	for i := range path {
		if matches(resource, path[i:]) {
			return "/" + strings.Join(path[i:], "/")
		}
	}
	return in.Path
}

func matches(resource, path []string) bool {
	for i, want := range resource {
		switch {
		case strings.HasSuffix(want, "+}"):
			return len(path) > i
		case i >= len(path) || path[i] == "":
			return want == "" && len(path) == 1
		case !strings.HasPrefix(want, "{") && want != path[i]:
			return false
		}
	}
	return len(path) == len(resource) || len(path) == len(resource)+1 && path[len(resource)] == ""
}

// recorder is the answer, kept in memory until it is whole.
type recorder struct {
	header http.Header
	body   bytes.Buffer
	status int
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter: the first status counts.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Status is what was answered.
func (w *recorder) Status() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// fail replaces whatever was answered.
func (w *recorder) fail(request string) {
	w.status, w.header = http.StatusInternalServerError, http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {request}}
	w.body.Reset()
	_ = json.NewEncoder(&w.body).Encode(map[string]any{"error": "InternalError", "message": "something failed here; the log has it under this request_id", "detail": []any{}, "request_id": request})
}
