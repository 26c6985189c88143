package evidently

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mlops/shared/number"
)

// SnapshotReport is what json() of a 0.7 snapshot of DataDriftPreset gives, and which columns it lacks.
type SnapshotReport struct {
	Metrics []SnapshotMetric `json:"metrics"`
	Tests   []SnapshotTest   `json:"tests"`
	Errors  []Problem        `json:"errors,omitempty"`   // ours: Evidently would have given no snapshot
	LeftOut []LeftOut        `json:"left_out,omitempty"` // ours
}

// SnapshotMetric is one metric with its value.
type SnapshotMetric struct {
	ID     string `json:"id"` // Evidently's fingerprint of the metric's class and parameters
	Name   string `json:"metric_name"`
	Config fields `json:"config"`
	Value  any    `json:"value"`
}

// SnapshotTest is one test of a metric.
type SnapshotTest struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	MetricConfig snapshotConfig `json:"metric_config"`
	TestConfig   fields         `json:"test_config"`
	Status       string         `json:"status"` // SUCCESS, FAIL; ERROR where there is no value
	BoundTest    fields         `json:"bound_test"`
}

type snapshotConfig struct {
	MetricID string `json:"metric_id"`
	Params   fields `json:"params"`
}

type countAndShare struct {
	Count number.Float `json:"count"`
	Share number.Float `json:"share"`
}

// field is one entry of a JSON object that keeps its order.
type field struct {
	name  string
	value any // string, number.Float, bool, nil, []string, map[string]string, map[string]number.Float, fields
}

type fields []field

// MarshalJSON writes an object.
func (f fields) MarshalJSON() ([]byte, error) {
	return ordered(len(f), func(i int) (string, any) { return f[i].name, f[i].value })
}

var _ json.Marshaler = fields(nil)

// Names of Evidently's classes, as its fingerprints and documents spell them.
const (
	classes     = "evidently.metrics.column_statistics."
	metricAlias = "evidently:metric_v2:"
	testAlias   = "evidently:test_v2:"
	boundAlias  = "evidently:bound_test:"
)

// Snapshot is the comparison in the shape of 0.7's json(). A column without a score has a test of status ERROR and no metric.
func (c *Comparison) Snapshot() *SnapshotReport {
	t := c.tally()
	given := c.parameters()
	id := fingerprint("DriftedColumnsCount", given)
	config := c.counting()
	s := &SnapshotReport{Errors: c.problems(), LeftOut: c.left,
		Metrics: []SnapshotMetric{{id, metricName(config), config, countAndShare{number.Float(t.drifted), number.Float(t.share)}}},
		Tests:   []SnapshotTest{c.shareTest(&t, snapshotConfig{id, config})}}
	for i := range c.results {
		s.add(&c.results[i], &c.config)
	}
	return s
}

// add writes one column's metric and test.
func (s *SnapshotReport) add(r *result, o *Config) {
	e := &r.value
	given := fields{{"column", r.name}}
	config := fields{{"type", metricAlias + "ValueDrift"}, {"column", r.name}}
	method, shown := o.method(r.planned), ""
	if e.method != nil {
		shown = e.method.display
	}
	if method != "" {
		given, shown = append(given, field{"method", method}), method
	}
	if limit := o.threshold(r.planned); limit != nil {
		given = append(given, field{"threshold", number.Float(*limit)})
	}
	id := fingerprint("ValueDrift", given)
	config = append(config, field{"method", shown}, field{"threshold", number.Float(e.threshold)})
	if e.err == nil {
		s.Metrics = append(s.Metrics, SnapshotMetric{id, metricName(config), config, number.Float(e.score)})
	}
	s.Tests = append(s.Tests, r.test(snapshotConfig{id, config}))
}

// test is the column's test.
func (r *result) test(m snapshotConfig) SnapshotTest {
	e := &r.value
	t := SnapshotTest{ID: "drift", Name: "Value Drift for column " + r.name, MetricConfig: m, TestConfig: fields{}, Status: status(!e.drifted),
		BoundTest: fields{{"type", boundAlias + "ValueDriftBoundTest"}, {"test", testOf("ValueDriftTest")}, {"metric_fingerprint", m.MetricID}}}
	if e.err != nil {
		t.Status, t.Description = "ERROR", e.err.Error()
		return t
	}
	t.Description = fmt.Sprintf("Drift score is %s. The drift detection method is %s. The drift threshold is %s.", fixed(e.score, 2), e.method.display, fixed(e.threshold, 2))
	return t
}

// shareTest is the test of the share of drifted columns.
func (c *Comparison) shareTest(t *tally, m snapshotConfig) SnapshotTest {
	limit := c.config.DriftShare
	config := append(testOf("LessThanMetricTest"), field{"threshold", number.Float(limit)})
	sign := ">="
	if t.share < limit {
		sign = "<"
	}
	return SnapshotTest{ID: "lt", Name: "Share of Drifted Columns: Less " + fixed(limit, 3),
		Description:  fmt.Sprintf("Share of Drifted Columns: Actual value %s %s %s", fixed(t.share, 3), sign, fixed(limit, 3)),
		MetricConfig: m, TestConfig: config, Status: status(t.share < limit),
		BoundTest: fields{{"type", boundAlias + "CountBoundTest"}, {"test", config}, {"metric_fingerprint", m.MetricID}, {"is_count", false}}}
}

func testOf(class string) fields {
	return fields{{"type", testAlias + class}, {"is_critical", true}, {"alias", nil}, {"label_filters", nil}}
}

func status(success bool) string {
	if success {
		return "SUCCESS"
	}
	return "FAIL"
}

// fixed is a number as Python's format(v, ".nf").
func fixed(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return number.Python(v)
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// parameters are what was chosen of DriftedColumnsCount's parameters, in the order of its class.
func (c *Comparison) parameters() (given fields) {
	o := &c.config
	add := func(name string, chosen bool, v any) {
		if chosen {
			given = append(given, field{name, v})
		}
	}
	add("columns", o.Columns != nil, o.Columns)
	add("drift_share", o.DriftShare != DefaultConfig().DriftShare, number.Float(o.DriftShare))
	add("method", o.Method != "", o.Method)
	for _, kind := range []Type{Categorical, Numerical, FreeText} {
		name, chosen := o.TypeMethod[kind]
		add(string(kind)+"_method", chosen, name)
	}
	add("per_column_method", o.ColumnMethod != nil, o.ColumnMethod)
	if o.Threshold != nil {
		add("threshold", true, number.Float(*o.Threshold))
	}
	for _, kind := range []Type{Categorical, Numerical, FreeText} {
		limit, chosen := o.TypeThreshold[kind]
		add(string(kind)+"_threshold", chosen, number.Float(limit))
	}
	if o.ColumnThreshold != nil {
		limits := map[string]number.Float{}
		for column, v := range o.ColumnThreshold {
			limits[column] = number.Float(v)
		}
		add("per_column_threshold", true, limits)
	}
	return given
}

// counting is the configuration of DriftedColumnsCount as it is written: the share always.
func (c *Comparison) counting() fields {
	config := fields{{"type", metricAlias + "DriftedColumnsCount"}}
	for _, f := range c.parameters() {
		if f.name == "columns" {
			config = append(config, f)
		}
	}
	config = append(config, field{"drift_share", number.Float(c.config.DriftShare)})
	for _, f := range c.parameters() {
		if f.name != "columns" && f.name != "drift_share" {
			config = append(config, f)
		}
	}
	return config
}

// metricName is the name with the parameters that have one value, as Evidently writes it.
func metricName(config fields) string {
	var parts []string
	for _, f := range config[1:] {
		switch v := f.value.(type) {
		case string:
			parts = append(parts, f.name+"="+v)
		case number.Float:
			parts = append(parts, f.name+"="+number.Python(float64(v)))
		case []string:
			if len(v) > 0 {
				parts = append(parts, f.name+"="+strings.Join(v, ","))
			}
		}
	}
	class, _ := config[0].value.(string)
	return strings.TrimPrefix(class, metricAlias) + "(" + strings.Join(parts, ",") + ")"
}

// fingerprint is Evidently's id of a metric: the MD5 of its class and of Python's repr of the parameters that were given, sorted by name.
func fingerprint(class string, given fields) string {
	given = slices.Clone(given)
	slices.SortFunc(given, func(a, b field) int { return strings.Compare(a.name, b.name) })
	var parts []string
	for _, f := range given {
		parts = append(parts, pythonTuple([]string{pythonText(f.name), pythonValue(f.value)}))
	}
	digest := md5.Sum([]byte(classes + class + pythonTuple(parts)))
	return hex.EncodeToString(digest[:])
}

// pythonValue is Python's repr of a parameter: of a dict, the tuple of its sorted pairs; of a list, a tuple.
func pythonValue(v any) string {
	var items []string
	switch v := v.(type) {
	case string:
		return pythonText(v)
	case number.Float:
		return number.Python(float64(v))
	case []string:
		for _, s := range v {
			items = append(items, pythonText(s))
		}
	case map[string]string:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			items = append(items, pythonTuple([]string{pythonText(k), pythonText(v[k])}))
		}
	case map[string]number.Float:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			items = append(items, pythonTuple([]string{pythonText(k), number.Python(float64(v[k]))}))
		}
	}
	return pythonTuple(items)
}
