// Package gauge is what GET /metrics says of a model's last drift check, in a document of its own: the function that answers /metrics links nothing
// that measures, and several instances of it say the same, since none of them counted it.
package gauge

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mlops/shared/number"
)

// Gauges are the figures of one model's newest window.
type Gauges struct {
	Model        string        `json:"model"`
	Version      int           `json:"version"`
	At           time.Time     `json:"at"`      // of the check
	Verdict      string        `json:"verdict"` // one of Verdicts
	DatasetDrift bool          `json:"dataset_drift"`
	Share        number.Float  `json:"share_of_drifted_columns"`
	Rows         int           `json:"rows"`
	Labelled     int           `json:"labelled"`
	Duplicates   int           `json:"duplicates"`
	Broken       int           `json:"broken_lines"`
	Loss         bool          `json:"performance_loss"`
	Performance  []Performance `json:"performance,omitempty"`
	Features     []Feature     `json:"features,omitempty"`
	Alerts       []Alert       `json:"alerts,omitempty"` // that fire
}

// Performance is one kind of it: estimated or realised.
type Performance struct {
	Kind      string       `json:"kind"`
	Metric    string       `json:"metric"`
	Value     number.Float `json:"value"`
	Low       number.Float `json:"low"`
	High      number.Float `json:"high"`
	Reference number.Float `json:"reference"`
	Loss      number.Float `json:"loss"`
}

// Feature is how one column moved.
type Feature struct {
	Name    string       `json:"name"`
	Score   number.Float `json:"score"`
	Drifted bool         `json:"drifted,omitempty"`
	Missing number.Float `json:"missing"`
}

// Alert is a rule that fires.
type Alert struct {
	Rule     string `json:"rule"`
	Feature  string `json:"feature,omitempty"`
	Severity string `json:"severity"`
}

// MaxFeatures is how many columns a model's gauges name, those that moved most: a scrape must stay small, and the report has every one.
const MaxFeatures = 100

// Verdicts are those a window may have: one series for each, of which one is 1.
var Verdicts = []string{"insufficient_data", "ok", "warn", "alert"}

// family is one metric of the text format.
type family struct {
	name, kind, help string
	lines            []string
}

// Write writes the gauges of all models in Prometheus' text format, version 0.0.4; ages are counted to now.
func Write(w io.Writer, all []Gauges, now time.Time) error {
	var families []*family
	at := map[string]*family{}
	for _, f := range known {
		one := f
		families, at[f.name] = append(families, &one), &one
	}
	for _, g := range all {
		g.add(func(name string, v float64, labels ...string) {
			f := at[name]
			f.lines = append(f.lines, series(name, v, append([]string{"model_name", g.Model}, labels...)))
		}, now)
	}
	for _, f := range families {
		if len(f.lines) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s\n", f.name, f.help, f.name, f.kind, strings.Join(f.lines, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// known are the metrics, in the order they are written.
var known = []family{
	{kind: "gauge", name: "mlops_drift_last_check_timestamp_seconds", help: "When the newest window was measured, Unix time."},
	{kind: "gauge", name: "mlops_drift_last_check_age_seconds", help: "How long ago that was."},
	{kind: "gauge", name: "mlops_drift_verdict", help: "1 for the verdict of the newest window, 0 for the others."},
	{kind: "gauge", name: "mlops_drift_dataset_drift", help: "1 when the dataset drifted."},
	{kind: "gauge", name: "mlops_drift_share_of_drifted_columns", help: "Drifted columns of all."},
	{kind: "gauge", name: "mlops_drift_window_rows", help: "Answered rows in the newest window."},
	{kind: "gauge", name: "mlops_drift_window_labelled_rows", help: "Of them, rows whose label is known."},
	{kind: "gauge", name: "mlops_drift_window_duplicate_rows", help: "Of them, rows that repeat an earlier one."},
	{kind: "gauge", name: "mlops_drift_broken_lines", help: "Capture and label lines of the window that could not be read."},
	{kind: "gauge", name: "mlops_drift_feature_score", help: "Total variation distance between training and the newest window, 0 to 1."},
	{kind: "gauge", name: "mlops_drift_feature_drifted", help: "1 when the feature drifted."},
	{kind: "gauge", name: "mlops_drift_feature_missing_share", help: "Share of missing values in the newest window."},
	{kind: "gauge", name: "mlops_model_performance", help: "The watched metric in the newest window, estimated without labels or realised on them."},
	{kind: "gauge", name: "mlops_model_performance_low", help: "Lower end of its 95 % interval."},
	{kind: "gauge", name: "mlops_model_performance_high", help: "Upper end of its 95 % interval."},
	{kind: "gauge", name: "mlops_model_performance_reference", help: "The same metric in training."},
	{kind: "gauge", name: "mlops_model_performance_loss", help: "How much worse than in training; negative is better."},
	{kind: "gauge", name: "mlops_model_performance_lost", help: "1 when the loss is more than chance and more than matters."},
	{kind: "gauge", name: "mlops_alert_firing", help: "1 for each alert rule that fires."},
}

// Names are the metrics there are.
func Names() (names []string) {
	for _, f := range known {
		names = append(names, f.name)
	}
	return names
}

func (g Gauges) add(put func(name string, v float64, labels ...string), now time.Time) {
	flag := map[bool]float64{true: 1}
	version := []string{"version", strconv.Itoa(g.Version)}
	put("mlops_drift_last_check_timestamp_seconds", float64(g.At.Unix()), version...)
	put("mlops_drift_last_check_age_seconds", max(0, now.Sub(g.At).Seconds()), version...)
	for _, v := range Verdicts {
		put("mlops_drift_verdict", flag[v == g.Verdict], "verdict", v)
	}
	put("mlops_drift_window_rows", float64(g.Rows))
	put("mlops_drift_window_labelled_rows", float64(g.Labelled))
	put("mlops_drift_window_duplicate_rows", float64(g.Duplicates))
	put("mlops_drift_broken_lines", float64(g.Broken))
	if g.Verdict != Verdicts[0] {
		put("mlops_drift_dataset_drift", flag[g.DatasetDrift])
		put("mlops_drift_share_of_drifted_columns", float64(g.Share))
		for _, f := range g.Features {
			put("mlops_drift_feature_score", float64(f.Score), "feature", f.Name)
			put("mlops_drift_feature_drifted", flag[f.Drifted], "feature", f.Name)
			put("mlops_drift_feature_missing_share", float64(f.Missing), "feature", f.Name)
		}
	}
	for _, p := range g.Performance {
		labels := []string{"kind", p.Kind, "metric", p.Metric}
		put("mlops_model_performance", float64(p.Value), labels...)
		put("mlops_model_performance_low", float64(p.Low), labels...)
		put("mlops_model_performance_high", float64(p.High), labels...)
		put("mlops_model_performance_reference", float64(p.Reference), labels...)
		put("mlops_model_performance_loss", float64(p.Loss), labels...)
	}
	if len(g.Performance) > 0 {
		put("mlops_model_performance_lost", flag[g.Loss])
	}
	for _, a := range g.Alerts {
		put("mlops_alert_firing", 1, "rule", a.Rule, "feature", a.Feature, "severity", a.Severity)
	}
}

// escaped is a label's value as the text format wants it.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func series(name string, v float64, labels []string) string {
	var b strings.Builder
	b.WriteString(name)
	for i, pair := range slices.Collect(slices.Chunk(labels, 2)) {
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, `%s="%s"`, pair[0], escaped.Replace(strings.ToValidUTF8(pair[1], "?")))
	}
	b.WriteString("} ")
	b.WriteString(strconv.FormatFloat(v, 'g', -1, 64)) // NaN, +Inf and -Inf are numbers there too
	return b.String()
}
