package driftcheck

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"mlops/functions/internal/capture"
	"mlops/shared/drift"
	"mlops/shared/drift/alert"
	"mlops/shared/event"
	"mlops/shared/fault"
)

// Span is how much of the traffic a check looks at: the time before it, and of that the newest so many rows.
type Span struct {
	Window time.Duration `json:"window" yaml:"window"` // 0 = the function's own
	Rows   int           `json:"rows" yaml:"rows"`     // 0 = all
}

// Config is drift.yaml: when a change counts, and what a check of a model looks at.
type Config struct {
	drift.Policy `yaml:",inline"`
	Models       map[string]Span `json:"models" yaml:"models"`             // by model; the others look at what the function is configured for
	EmitMetrics  string          `json:"emit_metrics" yaml:"emit_metrics"` // Enabled or Disabled: metrics of every feature for CloudWatch, as in SageMaker's constraints.json
}

// Settings are what a check is made by.
type Settings struct {
	Config
	Alerts alert.Policy
}

// DefaultConfig is used where nothing else is configured.
func DefaultConfig() Config {
	return Config{Policy: drift.DefaultPolicy(), EmitMetrics: "Enabled"} // SageMaker's own default
}

// Shortest and longest window.
const (
	minWindow = time.Minute
	maxWindow = capture.MaxHours * time.Hour
)

// Validate names every figure that is out of range.
func (c Config) Validate() error {
	var d []fault.Detail
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		d = append(d, c.Models[name].problems("models."+name+".")...)
	}
	if c.EmitMetrics != "Enabled" && c.EmitMetrics != "Disabled" {
		d = append(d, fault.Detail{Field: "emit_metrics", Code: "unknown_value", Got: c.EmitMetrics, Expected: "Enabled or Disabled"})
	}
	err := c.Policy.Validate()
	if d != nil || err != nil {
		d = append(fault.Details(err), d...)
		return fault.Invalidf("drift.yaml has %d of its values wrong", len(d)).With(d...)
	}
	return nil
}

func (s Span) problems(prefix string) (d []fault.Detail) {
	if s.Window != 0 && (s.Window < minWindow || s.Window > maxWindow) {
		d = append(d, fault.Detail{Field: prefix + "window", Code: "out_of_range", Got: s.Window.String(), Expected: fmt.Sprintf("%s to %s, such as 24h", minWindow, maxWindow)})
	}
	if s.Rows < 0 || s.Rows > capture.MaxRows {
		d = append(d, fault.Detail{Field: prefix + "rows", Code: "out_of_range", Got: s.Rows, Expected: fmt.Sprintf("0 to %d", capture.MaxRows)})
	}
	return d
}

// over is s where it says something, else the other.
func (s Span) over(other Span) Span {
	if s.Window == 0 {
		s.Window = other.Window
	}
	if s.Rows == 0 {
		s.Rows = other.Rows
	}
	return s
}

// asked is the span that an event asks for. Invalid when it is out of range.
func asked(d event.Drift) (Span, error) {
	s := Span{Rows: d.Rows}
	var problems []fault.Detail
	if d.Window != "" {
		var err error
		if s.Window, err = time.ParseDuration(d.Window); err != nil || s.Window == 0 {
			problems = append(problems, fault.Detail{Field: "window", Code: "wrong_type", Got: d.Window, Expected: "a duration such as 90m or 24h"})
		}
	}
	if problems = append(problems, s.problems("")...); problems != nil {
		return s, fault.Invalidf("the window to measure cannot be read").With(problems...)
	}
	return s, nil
}
