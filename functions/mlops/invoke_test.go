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

	"mlops/shared/config"
	"mlops/shared/platform/aws/awstest"
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
		"no environment":   {[]string{"dashboard", "--event", "../../events/dashboard.json", "--env", "AWS_REGION=eu-west-1"}, "DATA_BUCKET: missing"},
	} {
		if code, out, said := invoke(c.args...); code != exitUsage || !strings.Contains(said, c.want) || out != "" {
			t.Errorf("%s: exit %d, %s%s; want 2 and %q", name, code, out, said, c.want)
		}
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
