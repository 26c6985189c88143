package host

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/gauge"
)

// examples is where the configurations of the monitors lie.
const examples = "../../../docs/monitoring"

// checker runs a tool of Prometheus or Alertmanager, or says why it cannot.
func checker(t *testing.T, stdin []byte, tool string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed (Debian: prometheus, prometheus-alertmanager)", tool)
	}
	c := exec.Command(tool, args...)
	c.Dir, c.Stdin = examples, bytes.NewReader(stdin)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
}

func TestMonitorsTakeTheExamples(t *testing.T) {
	t.Run("prometheus", func(t *testing.T) {
		checker(t, nil, "promtool", "check", "config", "--syntax-only", "prometheus.yml")
		checker(t, nil, "promtool", "check", "rules", "rules.yml")
		checker(t, nil, "promtool", "test", "rules", "rules_test.yml")
	})
	t.Run("alertmanager", func(t *testing.T) { checker(t, nil, "amtool", "check-config", "alertmanager.yml") })
}

// example reads one of them.
func example(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// watched is a platform whose newest window has something of everything: labels, drift, a broken line, rules that fire.
func watched(t *testing.T) *world {
	t.Helper()
	w := loans(t)
	var labels []any
	for i, id := range w.people(300, 1, func(row map[string]any) { row["age"] = 65 }) {
		labels = append(labels, map[string]any{"inference_id": id, "label": i % 2})
	}
	w.post("/feedback", map[string]any{"feedback": labels}).is(http.StatusOK)
	w.post("/predict", `{"age":"old"}`).is(http.StatusBadRequest)
	if err := w.State.Data.Create(background, "capture/loan/champion/"+w.clock.now().UTC().Format("2006/01/02/15")+"/x.jsonl", []byte("not JSON\n")); err != nil {
		t.Fatal(err)
	}
	w.measure(`{"model":"loan"}`)
	return w
}

var (
	exposed    = regexp.MustCompile(`(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ ]`)
	identifier = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	expression = regexp.MustCompile(`(?m)^        expr: (?:\|\n((?:          .*\n)+)|(.*)$)`)
	notMetrics = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|ignoring|without) \([^)]*\)`)
)

// TestRulesNameWhatIsExposed: each metric in the example's rules is one that /metrics gives, and Prometheus can read what it gives.
func TestRulesNameWhatIsExposed(t *testing.T) {
	w := watched(t)
	a := w.send("GET", "/metrics", w.Keys.Predict, http.NoBody, "Authorization: Bearer "+w.Keys.Predict).is(http.StatusOK)
	var names []string
	for _, m := range exposed.FindAllStringSubmatch(string(a.body), -1) {
		names = append(names, m[1])
	}
	for _, name := range gauge.Names() {
		if !slices.Contains(names, name) {
			t.Errorf("/metrics does not give %s", name)
		}
	}
	known := append(names, "up", "sum", "rate", "and", "e") // of Prometheus itself
	rules := expression.FindAllStringSubmatch(example(t, "rules.yml"), -1)
	if n := strings.Count(example(t, "rules.yml"), "- alert:"); len(rules) != n || n < 10 {
		t.Fatalf("%d expressions of %d rules are read", len(rules), n)
	}
	for _, r := range rules {
		text := notMetrics.ReplaceAllString(r[1]+r[2], "")
		found := false
		for _, name := range identifier.FindAllString(text, -1) {
			if !slices.Contains(known, name) && name != "by" && name != "on" {
				t.Errorf("%q names %s, which /metrics does not give", strings.TrimSpace(r[1]+r[2]), name)
			}
			found = found || slices.Contains(names, name) || name == "up"
		}
		if !found {
			t.Errorf("%q names no metric", r[1]+r[2])
		}
	}
	for _, want := range []string{`mlops_drift_verdict{model_name="loan",verdict="alert"} 1`, `mlops_drift_window_rows{model_name="loan"} 300`, `mlops_drift_broken_lines{model_name="loan"} 1`,
		`mlops_drift_feature_drifted{model_name="loan",feature="age"} 1`, `mlops_alert_firing{model_name="loan",rule="broken_lines",feature="",severity="warning"} 1`, `mlops_model_performance{model_name="loan",kind="realised",metric="auc"} `} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("no line %s in\n%s", want, a.body)
		}
	}
	w.clock.add(time.Hour)
	if later := string(w.get("/metrics").body); !regexp.MustCompile(`mlops_drift_last_check_age_seconds\{model_name="loan",version="1"\} 36\d\d`).MatchString(later) {
		t.Errorf("the age of the check does not grow:\n%s", later)
	}
	checker(t, a.body, "promtool", "check", "metrics")
}

// TestAlertmanagerReachesTheAgent: what Alertmanager sends of the example's rules is taken by POST /alerts at the example's address, with its key,
// and many alerts of one cause are one incident.
func TestAlertmanagerReachesTheAgent(t *testing.T) {
	w := watched(t)
	config := example(t, "alertmanager.yml")
	if !strings.Contains(config, "url: http://127.0.0.1:8080/alerts\n") {
		t.Error("the example's address is not that of POST /alerts")
	}
	before := len(w.incidents())
	var alerts []string
	for i, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(example(t, "rules.yml"), -1) {
		alerts = append(alerts, fmt.Sprintf(`{"status":"firing","labels":{"alertname":%q,"severity":"warning","model":"loan","model_name":"loan"},"annotations":{"summary":"x"},"startsAt":"2026-03-02T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p:9090/graph","fingerprint":"%016x"}`, m[1], i))
	}
	group := fmt.Sprintf(`{"version":"4","groupKey":"{}:{model=\"loan\"}","truncatedAlerts":0,"status":"firing","receiver":"agent","groupLabels":{"model":"loan"},"commonLabels":{"model":"loan"},"commonAnnotations":{},"externalURL":"http://am:9093","alerts":[%s]}`, strings.Join(alerts, ","))
	a := w.send("POST", "/alerts", "", strings.NewReader(group), "Content-Type: application/json", "Authorization: Bearer "+w.Keys.Operate).is(http.StatusAccepted).tree()
	if a["accepted"] != float64(len(alerts)) {
		t.Errorf("%v", a)
	}
	w.drain()
	if list := w.incidents(); len(list) > before+1 || len(list) == 0 {
		t.Errorf("%d incidents before, %d after %d alerts of one model", before, len(list), len(alerts))
	}
	w.sound("loan")
}
