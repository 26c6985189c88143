package start

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/shared/topology"
)

// TestMetrics reads the line as CloudWatch does.
func TestMetrics(t *testing.T) {
	f, out := function(topology.Predict)
	f.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Count(r.Context(), "PredictionCount", 2)
		Count(r.Context(), "PredictionCount", 1)
		Milliseconds(r.Context(), "ModelLoadMs", 1500*time.Microsecond)
	})
	for range 2 {
		if _, err := f.Invoke(context.Background(), []byte(`{"httpMethod":"GET","path":"/","requestContext":{}}`)); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines for 2 invocations", len(lines))
	}
	for i, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		_, cold := m["ColdStart"]
		if m["Service"] != "predict" || m["Stage"] != "test" || m["PredictionCount"] != 3.0 || m["ModelLoadMs"] != 1.5 || cold != (i == 0) {
			t.Errorf("line %d: %s", i, line)
		}
		emf(t, []byte(line))
	}
}

// emf holds a line against the rules of CloudWatch's embedded metric format (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring,
// CloudWatch_Embedded_Metric_Format_Specification.html): a line that breaks one loses all its metrics, silently.
func emf(t *testing.T, line []byte) {
	t.Helper()
	var m map[string]any
	var about struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	if json.Unmarshal(line, &m) != nil || json.Unmarshal(line, &about) != nil || len(line) > 256<<10 || bytes.ContainsAny(bytes.TrimRight(line, "\n"), "\n\r") {
		t.Fatalf("no line of the format: %.300s", line)
	}
	if at := time.Since(time.UnixMilli(about.AWS.Timestamp)); at < -2*time.Hour || at > 14*24*time.Hour || len(about.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("the time or the directives: %s", line)
	}
	set := about.AWS.CloudWatchMetrics[0]
	if set.Namespace != "mlops" || fmt.Sprint(set.Dimensions) != "[[Service Stage]]" || len(set.Metrics) == 0 || len(set.Metrics) > 100 {
		t.Errorf("namespace, dimensions or number of metrics: %s", line)
	}
	for _, d := range set.Dimensions[0] {
		if v, ok := m[d].(string); !ok || v == "" || len(v) > 1024 {
			t.Errorf("the dimension %s is no text: %s", d, line)
		}
	}
	seen := map[string]bool{"_aws": true, "Service": true, "Stage": true}
	for _, metric := range set.Metrics {
		if _, ok := m[metric.Name].(float64); !ok || seen[metric.Name] || len(metric.Name) > 1024 || metric.Unit != "Count" && metric.Unit != "Milliseconds" {
			t.Errorf("the metric %s of unit %s: %s", metric.Name, metric.Unit, line)
		}
		seen[metric.Name] = true
	}
	for k := range m {
		if !seen[k] {
			t.Errorf("%s is no metric and no dimension: %s", k, line)
		}
	}
}

// TestMetricsStayValid: whatever is counted, the line stays one that CloudWatch reads.
func TestMetricsStayValid(t *testing.T) {
	f, out := function(topology.Predict)
	f.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			Count(r.Context(), "Nonsense", v)
		}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() { Count(r.Context(), "Together", float64(i)) })
		}
		all.Wait()
		panic("half way")
	})
	if _, err := f.Invoke(context.Background(), []byte(`{"httpMethod":"GET","path":"/","requestContext":{}}`)); err != nil {
		t.Fatal(err)
	}
	emf(t, out.Bytes())
	if s := out.String(); !strings.Contains(s, `"Together":28`) || !strings.Contains(s, `"Errors":1`) || strings.Contains(s, "Nonsense") {
		t.Errorf("got %s", s)
	}
}
