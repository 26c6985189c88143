package export

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/number"
)

// measured is a reference of a count, a fraction with gaps and a category, and a window in which each changed.
func measured(t *testing.T) (*drift.Profile, *drift.Report) {
	t.Helper()
	frame := func(n int, moved bool) *dataset.Frame {
		count, part, level := make([]float64, n), make([]float64, n), make([]string, n)
		for i := range n {
			count[i], part[i], level[i] = float64(i%7), float64(i%11)/10-0.3, []string{"a", "b", "c"}[i%3]
			if i%5 == 0 {
				part[i] = math.NaN()
			}
			if moved {
				count[i] *= 100
				if i%2 == 0 {
					part[i] = math.NaN()
				}
				if i%4 == 0 {
					level[i] = "new"
				}
			}
		}
		f, err := dataset.NewFrame(dataset.NumericColumn("count", count), dataset.NumericColumn("part", part), dataset.CategoricalColumn("level", level, nil))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	p, err := drift.NewProfile(drift.Reference{Model: "m", Version: 1, Frame: frame(700, false)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := drift.Measure(p, drift.Window{Frame: frame(400, true)}, drift.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

func TestConstraints(t *testing.T) {
	p, _ := measured(t)
	b, err := json.Marshal(NewConstraints(p, drift.DefaultPolicy()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":0,"features":[{"name":"count","inferred_type":"Integral","completeness":1,"num_constraints":{"is_non_negative":true}},` +
		`{"name":"part","inferred_type":"Fractional","completeness":0.8,"num_constraints":{"is_non_negative":false}},` +
		`{"name":"level","inferred_type":"String","completeness":1,"string_constraints":{"domains":["a","b","c"]}}],` +
		`"monitoring_config":{"evaluate_constraints":"Enabled","emit_metrics":"Enabled","datatype_check_threshold":0.99,"domain_content_threshold":0.995,` +
		`"distribution_constraints":{"perform_comparison":"Enabled","comparison_threshold":0.05,"comparison_method":"Robust","categorical_comparison_threshold":0.05,"categorical_drift_method":"ChiSquared"}}}`
	if string(b) != want {
		t.Errorf("%s\nwant\n%s", b, want)
	}
}

func TestViolations(t *testing.T) {
	_, r := measured(t)
	got := map[string]bool{}
	for _, v := range NewViolations(r, []string{"zip"}).Violations {
		got[v.Feature+" "+v.Check] = true
		if v.Description == "" {
			t.Errorf("%+v describes nothing", v)
		}
	}
	for _, want := range []string{"count baseline_drift_check", "part completeness_check", "level categorical_values_check", "zip extra_column_check"} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
	}
	if b, err := json.Marshal(NewViolations(&drift.Report{}, nil)); err != nil || string(b) != `{"violations":[]}` {
		t.Errorf("of nothing: %s, %v", b, err)
	}
	kinds := []string{drift.Covariate, drift.Prediction, drift.MissingRate, drift.AllNull, drift.NewCategory, drift.VanishedCategory, drift.UnitChange, drift.Constant, drift.NonFinite, drift.WrongType, drift.MissingColumn, drift.Joint, drift.Domain, drift.Target, drift.OneClass, drift.UnknownClass, drift.NegativeTarget, drift.UnmatchedLabel, drift.BadPrediction, drift.SegmentShare, drift.SegmentDrift, drift.SegmentLoss, drift.Duplicates, drift.RowCount}
	for _, kind := range kinds {
		if checks[kind] == "" {
			t.Errorf("%s has no name of SageMaker's", kind)
		}
	}
}

// TestStatistics: counts add up to the rows, in the reference and in the window, and JSON has no figure that is not finite.
func TestStatistics(t *testing.T) {
	p, r := measured(t)
	for name, s := range map[string]Statistics{"reference": ReferenceStatistics(p), "window": WindowStatistics(p, r)} {
		rows := map[string]int{"reference": 700, "window": 400}[name]
		if s.Dataset.Items != rows || len(s.Features) != 3 {
			t.Errorf("%s: %+v", name, s)
		}
		for _, f := range s.Features {
			var c Common
			n := 0
			if f.Numbers != nil {
				c = f.Numbers.Common
				for _, b := range f.Numbers.Distribution.KLL.Buckets {
					if n += b.Count; !(b.Lower <= b.Upper) && name == "reference" {
						t.Errorf("%s: bucket %+v", f.Name, b)
					}
				}
			} else {
				c = f.Strings.Common
				for _, b := range f.Strings.Distribution.Categorical.Buckets {
					n += b.Count
				}
			}
			if c.Present+c.Missing != rows || math.Abs(float64(n-c.Present)) > 2 {
				t.Errorf("%s of %s: %+v, %d in buckets, %d rows", name, f.Name, c, n, rows)
			}
		}
		if b, err := json.Marshal(s); err != nil || regexp.MustCompile(`NaN|Infinity`).Match(b) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCloudWatch: lines as the specification has them: at most 100 metrics, each with its value, names and dimensions that CloudWatch takes, two
// features that look alike once cleaned apart, and nothing that is no number.
func TestCloudWatch(t *testing.T) {
	r := &drift.Report{Model: "heart", Verdict: drift.Alert, Share: 0.5, Columns: map[string]*drift.ColumnDrift{"a b": {Score: 0.1}, "a/b": {Score: 0.2}, "blutdruck (mmHg) é": {Score: number.Float(math.NaN()), MissingCurrent: 1},
		"": {Score: 0.3}, strings.Repeat("x", 300): {Score: 0.4}, drift.PredictionColumn: {Score: 0.9}}, Estimated: &drift.Performance{Value: 0.9, Loss: 0.01}}
	for i := range 120 {
		r.Columns[fmt.Sprintf("f%03d", i)] = &drift.ColumnDrift{Score: number.Float(float64(i) / 1000)}
	}
	lines, err := CloudWatch(r, 77, "dev", "heart-drift", time.UnixMilli(1700000000123))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, l := range lines {
		var v map[string]any
		if err := json.Unmarshal(l, &v); err != nil || strings.Contains(string(l), "\n") || len(l) > 256<<10 {
			t.Fatalf("%v: %.200s", err, l)
		}
		aws := v["_aws"].(map[string]any)
		d := aws["CloudWatchMetrics"].([]any)[0].(map[string]any)
		metrics := d["Metrics"].([]any)
		if len(metrics) == 0 || len(metrics) > 100 || aws["Timestamp"] != float64(1700000000123) {
			t.Errorf("%d metrics, %v", len(metrics), aws["Timestamp"])
		}
		for _, name := range d["Dimensions"].([]any)[0].([]any) {
			if text, ok := v[name.(string)].(string); !ok || text == "" {
				t.Errorf("dimension %s is %v", name, v[name.(string)])
			}
		}
		for _, m := range metrics {
			name := m.(map[string]any)["Name"].(string)
			if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`).MatchString(name) {
				t.Errorf("the name %q", name)
			}
			if _, twice := values[name]; twice {
				t.Errorf("%s stands twice", name)
			}
			values[name] = v[name].(float64)
		}
		if ns := d["Namespace"]; ns == SageMakerNamespace && (v["Endpoint"] != "heart" || v["MonitoringSchedule"] != "heart-drift") || ns == Namespace && (v["Model"] != "heart" || v["Stage"] != "dev") {
			t.Errorf("%v", d)
		}
	}
	for name, want := range map[string]float64{"feature_baseline_drift_a_b": 0.1, "feature_baseline_drift_a_b_2": 0.2, "feature_baseline_drift__": 0.3, "feature_baseline_drift_f119": 0.119,
		"WindowRows": 77, "Verdict": 3, "EstimatedPerformance": 0.9, "DriftedShare": 0.5} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v, %v; want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"feature_baseline_drift_blutdruck__mmHg___", "feature_baseline_drift_prediction", "RealisedPerformance"} {
		if v, ok := values[name]; ok {
			t.Errorf("%s is %v, and is not known", name, v)
		}
	}
}
