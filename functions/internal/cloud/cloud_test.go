package cloud

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"mlops/functions/internal/door"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/start"
	"mlops/shared/topology"
)

const shipped = "../../../events"

// world is a function whose doors only note who came.
type world struct {
	function *start.Function
	routes   []string
	callers  []door.Caller
	events   []event.Type
	objects  []start.Object
}

func newWorld(name topology.Function) *world {
	w := &world{}
	mux := http.NewServeMux()
	for _, r := range topology.Of(name).Routes {
		mux.HandleFunc(r.Method+" "+r.Path, func(_ http.ResponseWriter, got *http.Request) {
			w.routes = append(w.routes, r.Method+" "+r.Path)
			w.callers = append(w.callers, door.CallerOf(got.Context()))
		})
	}
	w.function = &start.Function{Name: name, Log: slog.New(slog.DiscardHandler), Out: io.Discard, HTTP: Guard(topology.Of(name), "probe01", nil, mux),
		Event: func(_ context.Context, e event.Event) error {
			w.events = append(w.events, e.Type)
			return nil
		},
		Object: func(_ context.Context, o start.Object) error {
			w.objects = append(w.objects, o)
			return nil
		}}
	return w
}

func (w *world) invoke(t *testing.T, payload []byte) events.APIGatewayProxyResponse {
	t.Helper()
	b, err := w.function.Invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var a events.APIGatewayProxyResponse
	if err := json.Unmarshal(b, &a); err != nil && string(b) != "null" {
		t.Fatal(err)
	}
	return a
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(shipped, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEveryDoorHasItsEvent: the files of a function in events/ reach each of its routes, subscriptions and schedules, and nothing else lies
// there.
func TestEveryDoorHasItsEvent(t *testing.T) {
	files, err := filepath.Glob(shipped + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range topology.Functions {
		w := newWorld(spec.Name)
		for _, path := range files {
			name := strings.TrimSuffix(filepath.Base(path), ".json")
			if of, _, _ := strings.Cut(name, "-"); topology.Function(of) != spec.Name {
				if topology.Of(topology.Function(of)).Name == "" {
					t.Errorf("%s belongs to no function", path)
				}
				continue
			}
			if a := w.invoke(t, file(t, name)); a.StatusCode >= 400 {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Body)
			}
		}
		for _, r := range spec.Routes {
			if !slices.Contains(w.routes, r.Method+" "+r.Path) {
				t.Errorf("%s: no file reaches %s %s", spec.Name, r.Method, r.Path)
			}
		}
		for _, e := range spec.Subscribes {
			if !slices.Contains(w.events, e) {
				t.Errorf("%s: no file tells it %s", spec.Name, e)
			}
		}
		if spec.Name == topology.IntakeBy && len(w.objects) != 1 {
			t.Errorf("%s: no file lays an object into the bucket", spec.Name)
		}
		if len(file(t, string(spec.Name))) == 0 {
			t.Errorf("%s has no events/%s.json", spec.Name, spec.Name)
		}
	}
}

// TestGuard: what API Gateway established opens what it should, and a gateway that establishes nothing opens nothing.
func TestGuard(t *testing.T) {
	ask := func(function topology.Function, name, keyID, principal string) (*world, events.APIGatewayProxyResponse) {
		t.Helper()
		var r events.APIGatewayProxyRequest
		if err := json.Unmarshal(file(t, name), &r); err != nil {
			t.Fatal(err)
		}
		r.RequestContext.Identity.APIKeyID, r.RequestContext.Identity.UserArn = keyID, principal
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(function)
		return w, w.invoke(t, b)
	}
	for _, c := range []struct {
		function        topology.Function
		file, key, user string
		status          int
		caller          door.Caller
	}{
		{topology.Predict, "predict", "k1", "", 200, door.Caller{ID: "key/k1", Scope: topology.PredictScope}},
		{topology.Predict, "predict", "probe01", "", 200, door.Caller{ID: "key/probe01", Scope: topology.PredictScope, Probe: true}},
		{topology.Predict, "predict", "", "arn:alice", 200, door.Caller{ID: "arn:alice", Scope: topology.PredictScope}},
		{topology.Predict, "predict", "", "", 401, door.Caller{}},
		{topology.Predict, "predict-get-health", "", "", 200, door.Caller{ID: "public", Scope: topology.Public}},
		{topology.Predict, "predict-post-batch", "k1", "", 403, door.Caller{}},
		{topology.Agent, "agent-post-models-m-rollback", "k1", "", 403, door.Caller{}},
		{topology.Agent, "agent-post-models-m-rollback", "probe01", "", 403, door.Caller{}},
		{topology.Agent, "agent-post-models-m-rollback", "", "", 401, door.Caller{}},
		{topology.Agent, "agent-post-models-m-rollback", "", "arn:alice", 200, door.Caller{ID: "arn:alice", Scope: topology.Operate}},
		{topology.Dashboard, "dashboard-get-dashboard-page", "k1", "", 403, door.Caller{}},
		{topology.Dashboard, "dashboard-get-dashboard-page", "", "arn:alice", 200, door.Caller{ID: "arn:alice", Scope: topology.Session}},
		{topology.Approve, "approve", "", "", 200, door.Caller{ID: "public", Scope: topology.Public}},
	} {
		w, a := ask(c.function, c.file, c.key, c.user)
		if a.StatusCode != c.status || len(a.MultiValueHeaders["X-Request-Id"]) != 1 {
			t.Errorf("%s with key %q and principal %q: %d %s; want %d", c.file, c.key, c.user, a.StatusCode, a.Body, c.status)
		}
		if c.status == 200 && (len(w.callers) != 1 || w.callers[0] != c.caller) {
			t.Errorf("%s: the handler saw %+v; want %+v", c.file, w.callers, c.caller)
		}
		if c.status != 200 && len(w.callers) != 0 {
			t.Errorf("%s: the handler was reached", c.file)
		}
	}
	t.Setenv("AWS_SAM_LOCAL", "true")
	if _, a := ask(topology.Predict, "predict", "", ""); a.StatusCode != 200 {
		t.Errorf("under SAM: %d", a.StatusCode)
	}

	w := newWorld(topology.Predict)
	if a := w.invoke(t, []byte(`{"httpMethod":"GET","path":"/nothing","requestContext":{}}`)); a.StatusCode != 404 {
		t.Errorf("an unknown path: %d", a.StatusCode)
	}
	long, err := json.Marshal(events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/predict", Body: strings.Repeat("x", 256<<10+1), RequestContext: events.APIGatewayProxyRequestContext{Identity: events.APIGatewayRequestIdentity{APIKeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	if a := w.invoke(t, long); a.StatusCode != 413 || len(w.callers) != 0 {
		t.Errorf("a body too long: %d", a.StatusCode)
	}
}

func TestUploads(t *testing.T) {
	var got event.Upload
	var ext string
	var answer error
	take := Uploads(func(_ context.Context, u event.Upload, e string, _ []byte) (string, error) {
		got, ext = u, e
		return u.Job, answer
	})
	o := start.Object{Bucket: "b", Key: "raw/heart/data.CSV.gz", ETag: "e", Version: "1"}
	if err := take(context.Background(), o, nil, map[string]string{"target": "num>0", "ignore": "id,site"}); err != nil {
		t.Fatal(err)
	}
	if got.Dataset != "heart" || got.Target != "num>0" || len(got.Ignore) != 2 || got.Segment != nil || ext != ".csv.gz" || !strings.HasPrefix(got.Job, "object-") {
		t.Errorf("got %+v, %s", got, ext)
	}
	first := got.Job
	answer = fault.Conflictf("the job is there")
	if err := take(context.Background(), o, nil, nil); err != nil || got.Job != first {
		t.Errorf("a second notification: job %s, then %s, error %v", first, got.Job, err)
	}
	o.Version, answer = "2", fault.Unavailablef("later")
	if err := take(context.Background(), o, nil, nil); !fault.Is(err, fault.Unavailable) || got.Job == first {
		t.Errorf("another version: job %s, error %v", got.Job, err)
	}
	for body, want := range map[string]string{"a,b\n": ".csv", " {\"a\":1}": ".jsonl", "PAR1..": ".parquet", "\x1f\x8b..": ".csv.gz", "\x28\xb5\x2f\xfd": ".csv.zst", "": ".csv"} {
		if got := dataset.ExtensionOf("uploads/heart/01JD7Z", []byte(body)); got != want {
			t.Errorf("%q: %s; want %s", body, got, want)
		}
	}
	if !ours(strings.Repeat("0a", 32)+".csv.gz") || ours("heart.csv") || ours(strings.Repeat("0g", 32)+".csv") {
		t.Error("what the platform named is not told from what people named")
	}
	p := &Platform{bucket: "data"} // nothing but the name is looked at: there is no store to ask
	if err := p.object(context.Background(), start.Object{Bucket: "data", Key: "raw/heart/" + strings.Repeat("0a", 32) + ".csv"}, Doors{}); err != nil {
		t.Errorf("what the platform put: %v", err)
	}
	for _, key := range []string{"processed/heart/suite-1.json", "raw/heart.csv", "reports/a/b"} {
		if err := p.object(context.Background(), start.Object{Bucket: "data", Key: key}, Doors{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v; want Invalid", key, err)
		}
	}
}
