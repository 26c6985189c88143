package gauge

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"mlops/shared/number"
)

// TestWrite: each metric once with its help and type, then its series of every model; texts from outside stay inside their quotes.
func TestWrite(t *testing.T) {
	at := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	hostile := "a\"b\\c\nd\xff"
	all := []Gauges{
		{Model: "heart", Version: 2, At: at, Verdict: "ok", Share: 0.5, Rows: 10, Performance: []Performance{{Kind: "estimated", Metric: "auc", Value: 0.9, Low: number.Float(math.NaN()), High: number.Float(math.Inf(1))}}},
		{Model: hostile, Version: 1, At: at.Add(time.Hour), Verdict: "insufficient_data", Features: []Feature{{Name: "x", Score: 1}}, Alerts: []Alert{{"r", hostile, "info"}}},
	}
	var b bytes.Buffer
	if err := Write(&b, all, at.Add(90*time.Second)); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"# TYPE mlops_drift_verdict gauge\n", `mlops_drift_verdict{model_name="heart",verdict="ok"} 1` + "\n", `mlops_drift_verdict{model_name="heart",verdict="alert"} 0` + "\n",
		`mlops_drift_last_check_age_seconds{model_name="heart",version="2"} 90` + "\n", `mlops_drift_last_check_age_seconds{model_name="a\"b\\c\nd?",version="1"} 0` + "\n",
		`mlops_model_performance_low{model_name="heart",kind="estimated",metric="auc"} NaN` + "\n", `mlops_model_performance_high{model_name="heart",kind="estimated",metric="auc"} +Inf` + "\n",
		`mlops_alert_firing{model_name="a\"b\\c\nd?",rule="r",feature="a\"b\\c\nd?",severity="info"} 1` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "mlops_drift_feature_score") {
		t.Error("a window of too few rows says how far features moved")
	}
	for _, name := range Names() {
		if n := strings.Count(text, "# TYPE "+name+" "); n > 1 {
			t.Errorf("%s is declared %d times", name, n)
		}
	}
	b.Reset()
	if err := Write(&b, nil, at); err != nil || b.Len() != 0 {
		t.Errorf("of no model: %q, %v", b.String(), err)
	}
}
