package export

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// Where Model Monitor's users look for its metrics, and where ours lie.
const (
	SageMakerNamespace = "aws/sagemaker/Endpoints/data-metrics"
	Namespace          = "mlops"
)

// maxMetrics is how many metrics one line may hold
// (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
const maxMetrics = 100

// metric is one figure with the name and unit it gets in CloudWatch.
type metric struct {
	name, unit string
	value      number.Float
}

// CloudWatch is a report as lines of CloudWatch's embedded metric format, each one JSON object without a line end. In SageMakerNamespace, with the
// dimensions Endpoint (the model) and MonitoringSchedule, lies feature_baseline_drift_<feature> (total variation distance, 0 to 1); in Namespace,
// with Model and Stage, the figures of the whole window. What is not finite is left out: CloudWatch takes numbers only. One metric a feature is
// what each costs by the month.
func CloudWatch(r *drift.Report, rows int, stage, schedule string, at time.Time) ([][]byte, error) {
	var each []metric
	taken := map[string]int{}
	for _, name := range features(r) {
		c := r.Columns[name]
		clean := Clean(name)
		if taken[clean]++; taken[clean] > 1 { // two features that differ only in what cannot be in a name
			clean = fmt.Sprintf("%s_%d", clean, taken[clean])
		}
		each = append(each, metric{"feature_baseline_drift_" + clean, "None", c.Score})
	}
	lines, err := embedded(SageMakerNamespace, map[string]string{"Endpoint": r.Model, "MonitoringSchedule": schedule}, each, at)
	if err != nil {
		return nil, err
	}
	flag := func(b bool) number.Float {
		if b {
			return 1
		}
		return 0
	}
	whole := []metric{
		{"DatasetDrift", "None", flag(r.DatasetDrift)}, {"DriftedShare", "None", r.Share}, {"DriftedColumns", "Count", number.Float(r.NumberOfDrifted)},
		{"WindowRows", "Count", number.Float(rows)}, {"Verdict", "None", number.Float(slices.Index([]string{drift.Insufficient, drift.OK, drift.Warn, drift.Alert}, r.Verdict))},
		{"PerformanceLoss", "None", flag(r.PerformanceLoss)},
	}
	for name, p := range map[string]*drift.Performance{"Estimated": r.Estimated, "Realised": r.Realised} {
		if p != nil {
			whole = append(whole, metric{name + "Performance", "None", p.Value}, metric{name + "Loss", "None", p.Loss})
		}
	}
	more, err := embedded(Namespace, map[string]string{"Model": r.Model, "Stage": stage}, whole, at)
	return append(lines, more...), err
}

// embedded writes metrics with the same dimensions, at most maxMetrics a line.
func embedded(namespace string, dimensions map[string]string, metrics []metric, at time.Time) (lines [][]byte, err error) {
	metrics = slices.DeleteFunc(metrics, func(m metric) bool { return !m.value.Finite() })
	slices.SortFunc(metrics, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	type declared struct{ Name, Unit string }
	for part := range slices.Chunk(metrics, maxMetrics) {
		line, names, list := map[string]any{}, []string{}, []declared{}
		for name, v := range dimensions {
			line[name] = v
			names = append(names, name)
		}
		slices.Sort(names)
		for _, m := range part {
			line[m.name] = float64(m.value)
			list = append(list, declared{m.name, m.unit})
		}
		line["_aws"] = map[string]any{"Timestamp": at.UnixMilli(), "CloudWatchMetrics": []any{map[string]any{"Namespace": namespace, "Dimensions": [][]string{names}, "Metrics": list}}}
		b, err := json.Marshal(line)
		if err != nil {
			return nil, err
		}
		lines = append(lines, b)
	}
	return lines, nil
}

// maxName leaves room for a prefix: CloudWatch takes 1 to 255 characters of ASCII.
const maxName = 200

// Clean makes a feature's name one that CloudWatch and its alarms take: letters, digits and ._- stay, every other character is an underscore.
func Clean(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
	if clean == "" {
		clean = "_"
	}
	return clean[:min(len(clean), maxName)]
}
