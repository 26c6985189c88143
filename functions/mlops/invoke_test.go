package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlops/shared/config"
	"mlops/shared/control"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/local"
	"mlops/shared/registry"
)

// TestInvoke lets a real bootstrap answer by the command: 0 for an answer, 1 for one that says no, 2 for what the caller did wrong.
func TestInvoke(t *testing.T) {
	dist := t.TempDir()
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags=-s -w", "-o", filepath.Join(dist, "dashboard", "bootstrap"), "../dashboard")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the dashboard: %v: %s", err, out)
	}
	invoke := func(args ...string) (int, string, string) {
		var out, errOut bytes.Buffer
		code := run(context.Background(), append([]string{"invoke", "--dist", dist}, args...), &out, &errOut)
		return code, out.String(), errOut.String()
	}
	notJSON := filepath.Join(dist, "event.json")
	if err := os.WriteFile(notJSON, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown function": {[]string{"predictor", "--event", "../../events/predict.json"}, "predictor"},
		"no event":         {[]string{"dashboard"}, "--event"},
		"absent event":     {[]string{"dashboard", "--event", "no/such.json"}, "no/such.json"},
		"not JSON":         {[]string{"dashboard", "--event", notJSON}, "not JSON"},
		"not built":        {[]string{"predict", "--event", "../../events/predict.json"}, "make build"},
		"wrong variable":   {[]string{"dashboard", "--event", "../../events/dashboard.json", "--env", "STAGE"}, "NAME=value"},
		"no environment":   {[]string{"dashboard", "--event", "../../events/dashboard.json", "--env", "AWS_ENDPOINT_URL=http://127.0.0.1:1"}, "DATA_BUCKET: missing"},
		"no state":         {[]string{"dashboard", "--event", "../../events/dashboard.json", "--state", dist}, "make run"},
	} {
		if code, out, said := invoke(c.args...); code != exitUsage || !strings.Contains(said, c.want) || out != "" {
			t.Errorf("%s: exit %d, %s%s; want 2 and %q", name, code, out, said, c.want)
		}
	}

	// On a copy of a platform's state, or an empty platform.
	asked := []string{"--json", "dashboard", "--event", "../../events/dashboard.json"}
	t.Setenv("MLOPS_STATE", filepath.Join(dist, "none"))
	if code, out, said := invoke(asked...); code != exitOK || !strings.Contains(out, `\"models\":[]`) || !strings.Contains(said, "empty platform") {
		t.Errorf("without a state: exit %d, %s, %s", code, out, said)
	}
	state := filepath.Join(dist, "state")
	kept, err := local.Open(state, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := control.Put(control.State("loan"), 0, registry.State{Model: "loan"})
	if err == nil {
		err = kept.Store.Commit(context.Background(), control.Change{Put: []control.Doc{doc}})
	}
	if err != nil {
		t.Fatal(err)
	}
	asked = append(asked, "--state", state)
	if code, _, said := invoke(asked...); code != exitUsage || !strings.Contains(said, "is held by") {
		t.Errorf("a state in use: exit %d, %s", code, said)
	}
	kept.Close()
	if code, out, said := invoke(asked...); code != exitOK || !strings.Contains(out, "loan") {
		t.Errorf("on a state: exit %d, %s, %s", code, out, said)
	}

	cloud := awstest.Open(t, awstest.S3, awstest.DynamoDB)
	env := config.Environ(config.Dashboard{Platform: config.Platform{Stage: "test", DataBucket: cloud.DataBucket, ModelBucket: cloud.ModelBucket, ControlTable: cloud.Tables.Control,
		AuditTable: cloud.Tables.Audit, IdempotencyTable: cloud.Tables.Idempotency, EventBus: "default"}})
	for k, v := range cloud.Credentials() {
		env[k] = v
	}
	var said []string
	for k, v := range env {
		said = append(said, "--env", k+"="+v)
	}
	code, out, log := invoke(append([]string{"--json", "dashboard", "--event", "../../events/dashboard.json"}, said...)...)
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != exitOK || answer.StatusCode != 200 || !strings.Contains(answer.Body, `"models":[]`) {
		t.Errorf("exit %d, %s, log %s", code, out, log)
	}
	if code, out, _ = invoke(append([]string{"dashboard", "--event", "../../events/dashboard-get-jobs-id.json"}, said...)...); code != exitNegative || !strings.Contains(out, `"statusCode": 404`) {
		t.Errorf("a job that is not there: exit %d, %s", code, out)
	}
	if code, _, log = invoke(append([]string{"dashboard", "--event", "../../events/agent.json"}, said...)...); code != exitUsage || !strings.Contains(log, "no door") {
		t.Errorf("another function's event: exit %d, %s", code, log)
	}
}
