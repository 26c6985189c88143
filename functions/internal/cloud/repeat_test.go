package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mlops/functions/internal/idempotency"
	"mlops/shared/platform/start"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
	"mlops/shared/topology"
)

// TestRepeat: a request of API Gateway that comes again with its key gets the first answer, and is counted; a caller is who API Gateway says.
func TestRepeat(t *testing.T) {
	effects := 0
	var out bytes.Buffer
	once := &idempotency.Keeper{Notes: store.New(storetest.NewMemoryTable(time.Now), time.Now), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	f := &start.Function{Name: topology.Agent, Log: slog.New(slog.DiscardHandler), Out: &out, HTTP: Guard(topology.Of(topology.Agent), "", once, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		effects++
		fmt.Fprint(w, effects)
	}))}
	ask := func(person, key string) events.APIGatewayProxyResponse {
		t.Helper()
		var in events.APIGatewayProxyRequest
		if err := json.Unmarshal(file(t, "agent-post-models-m-rollback"), &in); err != nil {
			t.Fatal(err)
		}
		in.RequestContext.Identity.UserArn = person
		in.Headers, in.MultiValueHeaders = nil, map[string][]string{"idempotency-key": {key}}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if b, err = f.Invoke(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		var a events.APIGatewayProxyResponse
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct {
		person, key, body string
		replayed          bool
	}{{"arn:alice", "rollback-1", "1", false}, {"arn:alice", "rollback-1", "1", true}, {"arn:bob", "rollback-1", "2", false}, {"arn:alice", "rollback-2", "3", false}, {"arn:alice", "rollback-1", "1", true}} {
		a := ask(c.person, c.key)
		replayed := len(a.MultiValueHeaders[idempotency.Replayed]) == 1
		if a.StatusCode != http.StatusOK || a.Body != c.body || replayed != c.replayed || strings.Contains(out.String(), `"IdempotentReplay":1`) != c.replayed {
			t.Errorf("%+v: %d %s, replayed %v; metrics %s", c, a.StatusCode, a.Body, replayed, out.String())
		}
	}
	if a := ask("", "rollback-1"); a.StatusCode != http.StatusUnauthorized || effects != 3 {
		t.Errorf("nobody: %d %s, %d effects", a.StatusCode, a.Body, effects)
	}
}
