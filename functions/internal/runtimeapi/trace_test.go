package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"mlops/functions/internal/runtimeapi"
	"mlops/shared/topology"
)

// sent are the documents that came to an X-Ray daemon of ours: all that the process sent, since it has answered.
func sent(t *testing.T, c *net.UDPConn) []map[string]any {
	t.Helper()
	last, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	if _, err := last.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for b := make([]byte, 1<<17); ; {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == "end" {
			return out
		}
		head, body, _ := strings.Cut(string(b[:n]), "\n")
		var s map[string]any
		if err := json.Unmarshal([]byte(body), &s); err != nil || head != `{"format":"json","version":1}` {
			t.Fatalf("%v: %s", err, b[:n])
		}
		out = append(out, s)
	}
}

// TestTraceOfARealInvocation: the deployed executable of predict draws what it does below Lambda's segment, and its log says in which trace.
// What was asked, the keys and the answer are in neither.
func TestTraceOfARealInvocation(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds the functions and trains a model; make test runs it")
	}
	f := serving(t, heart(t))
	daemon, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	env := f.Environ()
	env["AWS_XRAY_DAEMON_ADDRESS"] = daemon.LocalAddr().String()
	payload, err := os.ReadFile("../../../events/predict.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, traced := range []bool{true, false} {
		log := &output{}
		s, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: built(t, topology.Predict), Name: "predict", Env: env, Timeout: topology.Of(topology.Predict).Timeout, Output: log, Traced: traced})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i, cold := range []bool{true, false} {
			if answer, err := s.Invoke(background, payload); err != nil || !strings.Contains(string(answer), `"statusCode":200`) {
				t.Fatalf("%s, %v\n%s", answer, err, log)
			}
			got := sent(t, daemon)
			if !traced {
				if len(got) != 0 {
					t.Errorf("%d subsegments of a trace that is not kept", len(got))
				}
				continue
			}
			var calls []string
			invocation := got[len(got)-1] // it ends last
			for _, g := range got[:len(got)-1] {
				about := g["aws"].(map[string]any)
				calls = append(calls, fmt.Sprint(g["name"], " ", about["operation"], " ", about["bucket_name"], about["table_name"]))
				if g["parent_id"] != invocation["id"] || g["trace_id"] != invocation["trace_id"] || g["namespace"] != "aws" || about["region"] != "eu-west-1" || about["request_id"] != "FAKE" || g["fault"] == true {
					t.Errorf("invocation %d: %v", i, g)
				}
			}
			if want := map[string]any{"service": "predict", "cold_start": cold, "model": "heart"}; invocation["name"] != "invocation" || fmt.Sprint(invocation["annotations"]) != fmt.Sprint(want) {
				t.Errorf("invocation %d: %v; want %v", i, invocation, want)
			}
			loads := slices.Contains(calls, "S3 GetObject mlops-models<nil>")
			if !slices.Contains(calls, "S3 PutObject mlops-data<nil>") || loads != cold || cold && !slices.ContainsFunc(calls, func(c string) bool { return strings.HasPrefix(c, "DynamoDB ") && strings.HasSuffix(c, "control") }) {
				t.Errorf("invocation %d called %q", i, calls)
			}
			// Names of features, not their values: three digits stand in an id or a time by chance.
			for _, secret := range []string{"trestbps", "chol", "EXAMPLEexample"} {
				if strings.Contains(fmt.Sprint(got), secret) || strings.Contains(log.String(), `"`+secret) {
					t.Errorf("invocation %d tells %s: %v\n%s", i, secret, got, log)
				}
			}
		}
	}
}

// TestLogOfARealInvocation: a line says which function, which invocation and which trace it is of, and whether that was the first.
func TestLogOfARealInvocation(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds the functions; make test runs it")
	}
	f := serving(t, heart(t))
	log := &output{}
	s, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: built(t, topology.Report), Name: "report", Env: f.Environ(), Output: log, Traced: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		if _, err := s.Invoke(background, []byte(`{}`)); err == nil {
			t.Fatal("an unknown shape is answered")
		}
	}
	s.Close() // now all that it wrote has been read
	var cold []any
	for line := range strings.Lines(log.String()) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) != nil || l["message"] != "the invocation failed" {
			continue
		}
		request, _ := l["function_request_id"].(string)
		trace, _ := l["xray_trace_id"].(string)
		if len(request) != 36 || request != l["requestId"] || len(trace) != 35 || !strings.HasSuffix(trace, strings.ReplaceAll(request, "-", "")[:24]) || l["service"] != "report" || l["level"] != "ERROR" || l["timestamp"] == nil {
			t.Errorf("the line is %s", line)
		}
		cold = append(cold, l["cold_start"])
	}
	if fmt.Sprint(cold) != "[true false]" {
		t.Errorf("cold starts: %v\n%s", cold, log)
	}
}
