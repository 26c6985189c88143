package document

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"mlops/shared/document/figure"
	"mlops/shared/drift"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/fault"
)

// measured is one measured window as it is stored: the drift report with what it is about.
type measured struct {
	Model      string    `json:"model"`
	Version    int       `json:"version"`
	SHA256     string    `json:"sha256"`
	At         time.Time `json:"at"`
	Rows       int       `json:"rows"`
	Duplicates int       `json:"duplicates"`
	Labelled   int       `json:"labelled"`
	DelayDays  float64   `json:"label_delay_days"`
	Kind       string    `json:"window_kind"`
	Input      struct {
		Notes []struct {
			Kind string `json:"kind"`
			Text string `json:"text"`
		} `json:"notes"`
	} `json:"input"`
	Report *drift.Report `json:"report"`
}

// columnRow is one column of a drift report.
type columnRow struct {
	Name string
	*drift.ColumnDrift
	Effect string
}

// performanceRow is one performance of a drift report.
type performanceRow struct {
	How string
	*drift.Performance
	Whisker *figure.Whisker
}

const maxCharts = 24

// DriftReport shows what changed in a window, and whether it matters: verdict and reasons, performance with intervals, every column, and the
// distributions of those that drifted. The JSON is a measured window: {model, version, sha256, at, rows, duplicates, labelled,
// label_delay_days, window_kind, input: {notes}, report: drift.Report}. The error is Internal: the JSON cannot be read.
func DriftReport(measuredJSON []byte) (title string, html []byte, err error) {
	return DriftReportIn(measuredJSON, Surroundings{})
}

// Surroundings are what stands around one window: the windows before it, and the alert rules that it set off.
type Surroundings struct {
	Readings []figure.Reading // of this window and those before it, newest last
	Rules    []event.Told
	Home     bool // shown in the dashboard: a link leads back
}

// DriftReportIn is DriftReport with how the model did over time and what was said of it.
func DriftReportIn(measuredJSON []byte, around Surroundings) (title string, html []byte, err error) {
	var m measured
	if err := read("drift", measuredJSON, &m); err != nil {
		return "", nil, err
	}
	if m.Report == nil {
		return "", nil, fault.New(fault.Internal, "the JSON of the drift report has no report in it")
	}
	r := m.Report
	view := struct {
		measured
		Title        string
		Columns      []columnRow
		Hidden       int
		Performances []performanceRow
		Charts       []*figure.Histogram
		Still        []*figure.Histogram
		Rules        []event.Told
		Course       *figure.Course
		Movement     *figure.Movement
	}{measured: m, Rules: around.Rules, Course: figure.NewCourse(around.Readings), Movement: figure.NewMovement(around.Readings, r.Policy.MinEffect)}
	for _, name := range slices.Sorted(maps.Keys(r.Columns)) {
		if c := r.Columns[name]; c != nil {
			view.Columns = append(view.Columns, columnRow{name, c, shift(c)})
		}
	}
	slices.SortStableFunc(view.Columns, func(a, b columnRow) int { return cmp.Or(b.rank()-a.rank(), cmp.Compare(b.weight(), a.weight())) })
	for _, c := range view.Columns {
		if len(view.Charts)+len(view.Still) == maxCharts {
			break
		}
		note := c.Effect
		if math.Abs(float64(c.MissingCurrent-c.MissingReference)) >= 0.05 {
			note += ", missing " + figure.Percent(c.MissingReference) + " -> " + figure.Percent(c.MissingCurrent)
		}
		if h := figure.NewHistogram(c.Name, note, c.ColumnDrift); h == nil {
			continue
		} else if c.Drifted {
			view.Charts = append(view.Charts, h)
		} else {
			view.Still = append(view.Still, h)
		}
	}
	view.Hidden = max(0, len(view.Columns)-maxRows)
	view.Columns = view.Columns[:len(view.Columns)-view.Hidden]
	for _, p := range []struct {
		how string
		*drift.Performance
	}{{"realised, on labels", r.Realised}, {"estimated, without labels", r.Estimated}} {
		if p.Performance != nil {
			view.Performances = append(view.Performances, performanceRow{p.how, p.Performance, figure.PerformanceWhisker(p.Performance)})
		}
	}
	title = figure.Line(m.title(), 240)
	view.Title = title
	html, err = draw("drift", page{Title: title, Home: around.Home, Body: view})
	return title, html, err
}

// rank puts drifted columns first, the prediction before the features.
func (c columnRow) rank() int {
	rank := 0
	if c.Drifted {
		rank += 2
	}
	if c.Name == drift.PredictionColumn {
		rank++
	}
	return rank
}

// weight is the importance, below every importance where it is not known.
func (c columnRow) weight() float64 {
	if !figure.Finite(c.Importance) {
		return math.Inf(-1)
	}
	return float64(c.Importance)
}

// title is the window in one line.
func (m measured) title() string {
	s := fmt.Sprintf("drift: %s %s, %s: %s", figure.Line(m.Model, figure.MaxName), figure.Version(m.Version), figure.Counted(m.Rows, "row"), figure.Words(m.Report.Verdict))
	var changes []string
	for _, f := range m.Report.Findings {
		if f.Kind != drift.Prediction {
			changes = append(changes, brief(f, m.Report.Columns[f.Feature]))
		}
	}
	if len(changes) > 0 {
		s += "; " + figure.Listed(changes, 3)
	}
	how, p := "realised ", m.Report.Realised
	if p == nil {
		how, p = "estimated ", m.Report.Estimated
	}
	if p != nil {
		s += "; " + how + figure.Metric(p.Metric) + " " + figure.Number(p.Value) + figure.Interval(p.Low, p.High, figure.Number) + ", was " + figure.Number(p.Reference)
	}
	return s
}

// shift is the effect of a column with its unit: standard deviations for numbers, a distance for categories.
func shift(c *drift.ColumnDrift) string {
	if !figure.Finite(c.Effect) {
		return figure.Unknown
	}
	if c.Type != "num" {
		return figure.Number(c.Effect)
	}
	return fmt.Sprintf("%+.2g sd", float64(c.Effect))
}

// brief is a finding in a few words. The column is nil where the report has none of that name.
func brief(f drift.Finding, c *drift.ColumnDrift) string {
	name := figure.Line(f.Feature, 40)
	switch {
	case f.Feature == "": // of the window as a whole
		return figure.Words(f.Kind)
	case f.Kind == drift.Covariate && f.Unit == "sd" && figure.Finite(f.Effect):
		return fmt.Sprintf("%s %+.2g sd", name, float64(f.Effect))
	case f.Kind == drift.Covariate:
		return name + " moved"
	case f.Kind == drift.MissingRate && c != nil:
		return name + " missing " + figure.Percent(c.MissingReference) + " -> " + figure.Percent(c.MissingCurrent)
	case f.Kind == drift.UnitChange:
		return name + " " + figure.Number(f.Factor) + " times what it was"
	case f.Kind == drift.NewCategory:
		return name + " with new " + figure.Listed(f.Levels, 2)
	case f.Kind == drift.MissingColumn:
		return name + " is not there"
	case f.Kind == drift.Joint:
		return "columns go together otherwise"
	case f.Kind == drift.Domain:
		return "rows can be told from the reference's"
	}
	return name + " " + figure.Words(f.Kind)
}

// checkRow is one check of a gate report.
type checkRow struct {
	evaluate.Check
	Verdict string
	Whisker *figure.Whisker
}

// GateReport shows how a new version fared against the one that serves, on the same rows: every check with both figures, their difference, its
// interval and the rule it was held against. The JSON is {model, version, against, artefact_sha256, at, rows, incident, report:
// evaluate.Report}. The error is Internal: the JSON cannot be read.
func GateReport(gateJSON []byte) (title string, html []byte, err error) {
	var g struct {
		Model    string           `json:"model"`
		Version  int              `json:"version"`
		Against  int              `json:"against"`
		SHA256   string           `json:"artefact_sha256"`
		At       time.Time        `json:"at"`
		Rows     string           `json:"rows"`
		Incident string           `json:"incident"`
		Warning  string           `json:"warning"`
		Report   *evaluate.Report `json:"report"`
	}
	if err := read("gate", gateJSON, &g); err != nil {
		return "", nil, err
	}
	if g.Report == nil {
		return "", nil, fault.New(fault.Internal, "the JSON of the gate report has no report in it")
	}
	against := "the naive baseline"
	if g.Against > 0 {
		against = figure.Version(g.Against)
	}
	title = fmt.Sprintf("gate: %s %s against %s, %s", figure.Line(g.Model, figure.MaxName), figure.Version(g.Version), against, figure.Counted(g.Report.Rows, "row"))
	if c, ok := g.Report.Check(g.Report.Metric); ok && figure.Finite(c.Diff) {
		title += ": " + figure.Metric(c.Name) + " " + figure.Signed(c.Diff) + figure.Interval(c.CI95[0], c.CI95[1], figure.Signed)
	}
	title = figure.Line(title+": "+figure.Words(g.Report.Verdict), 240)
	var checks []checkRow
	whiskers := figure.CheckWhiskers(g.Report.Checks)
	for i, c := range g.Report.Checks {
		row := checkRow{c, "passed", whiskers[i]}
		if row.Name = figure.Line(c.Name, figure.MaxName); !c.Passed {
			if row.Verdict = "failed"; c.Advisory {
				row.Verdict = "warning"
			}
		}
		checks = append(checks, row)
	}
	view := struct {
		Title, Model, Against, SHA256, Rows, Incident, Warning string
		Version                                                int
		At                                                     time.Time
		Report                                                 *evaluate.Report
		Checks                                                 []checkRow
		More                                                   int
	}{title, g.Model, against, g.SHA256, g.Rows, g.Incident, g.Warning, g.Version, g.At, g.Report, checks[:min(len(checks), maxRows)], max(0, len(checks)-maxRows)}
	html, err = draw("gate", page{Title: title, Body: view})
	return title, html, err
}
