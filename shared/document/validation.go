package document

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mlops/shared/document/figure"
	"mlops/shared/event"
	"mlops/shared/number"
)

// expectation is one line of a Great Expectations validation result, of either dialect.
type expectation struct {
	Success bool `json:"success"`
	Config  struct {
		Type     string         `json:"type"`
		OldType  string         `json:"expectation_type"`
		Kwargs   map[string]any `json:"kwargs"`
		Meta     map[string]any `json:"meta"`
		Severity string         `json:"severity"`
	} `json:"expectation_config"`
	Result struct {
		Elements   number.Float `json:"element_count"`
		Unexpected number.Float `json:"unexpected_count"`
		Percent    number.Float `json:"unexpected_percent"`
		Examples   []any        `json:"partial_unexpected_list"`
		Observed   any          `json:"observed_value"`
	} `json:"result"`
	Exception exception `json:"exception_info"`
}

// exception is why an expectation could not be evaluated, "" when it was. Great Expectations writes it flat, or one for each metric.
type exception string

func (e *exception) UnmarshalJSON(b []byte) error {
	type flat struct {
		Raised  bool   `json:"raised_exception"`
		Message string `json:"exception_message"`
	}
	var many map[string]json.RawMessage
	if json.Unmarshal(b, &many) != nil {
		return nil // what is no object says nothing
	}
	infos := []json.RawMessage{b}
	for _, k := range slices.Sorted(maps.Keys(many)) {
		infos = append(infos, many[k])
	}
	for _, info := range infos {
		var f flat
		if json.Unmarshal(info, &f) == nil && f.Raised {
			*e = exception(cmp.Or(f.Message, "no reason is given"))
			return nil
		}
	}
	return nil
}

// expectationRow is how an expectation is shown.
type expectationRow struct {
	Verdict, Severity, Column, What, Got, Why string
}

// ValidationReport shows which expectations a dataset met, failures first and the worst of them at the top. The result is the JSON of a Great
// Expectations validation result, 0.x or 1.x; v says what became of the dataset. The error is Internal: the JSON cannot be read.
func ValidationReport(v event.Validated, resultJSON []byte) (title string, html []byte, err error) {
	var result struct {
		Suite   string `json:"suite_name"`
		Success bool   `json:"success"`
		Meta    struct {
			Suite string `json:"expectation_suite_name"`
		} `json:"meta"`
		Results []expectation `json:"results"`
	}
	if err := read("validation", resultJSON, &result); err != nil {
		return "", nil, err
	}
	if result.Suite == "" {
		result.Suite = result.Meta.Suite
	}
	var rows []expectationRow
	failed := map[string]int{}
	for _, e := range result.Results {
		r := e.row()
		if r.Verdict != "passed" {
			failed[r.Severity]++
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b expectationRow) int { return a.rank() - b.rank() })
	verdict := "failed"
	if v.Passed {
		verdict = "passed"
	}
	if n := failed["critical"]; n > 0 {
		verdict += ", " + figure.Counted(n, "failure")
	}
	if n := failed["warning"]; n > 0 {
		verdict += ", " + figure.Counted(n, "warning")
	}
	if n := failed["info"]; n > 0 {
		verdict += fmt.Sprintf(", %d to note", n)
	}
	if len(rows) > 0 && rows[0].Verdict != "passed" { // the worst of them
		verdict += " (" + strings.Trim(rows[0].Column+": "+rows[0].Got, ": ") + ")"
	}
	title = figure.Line(fmt.Sprintf("validation: %s, %s against suite %s (%s): %s", figure.Line(v.Dataset, figure.MaxName), figure.Counted(v.Rows, "row"), figure.Line(result.Suite, figure.MaxName),
		figure.Counted(len(rows), "expectation"), verdict), 240)
	view := struct {
		event.Validated
		Title, Suite string
		Table        []expectationRow
		More         int
	}{v, title, result.Suite, rows[:min(len(rows), maxRows)], max(0, len(rows)-maxRows)}
	html, err = draw("validation", page{Title: title, Body: view})
	return title, html, err
}

// maxRows is how many rows of a table are shown; the rest is counted.
const maxRows = 400

// row puts an expectation into words.
func (e expectation) row() expectationRow {
	r := expectationRow{Verdict: "passed", Severity: e.severity(), Column: e.columns(), What: e.what()}
	if !e.Success {
		r.Verdict = "failed"
	}
	if why, ok := e.Config.Meta["why"].(string); ok {
		r.Why = figure.Line(why, figure.MaxText)
	}
	switch x := e.Result; {
	case e.Exception != "":
		r.Got = "could not be evaluated: " + figure.Line(string(e.Exception), figure.MaxText)
	case figure.Float(x.Unexpected) > 0:
		r.Got = fmt.Sprintf("%s of %s", figure.Grouped(x.Unexpected), figure.Counted(x.Elements, "value"))
		if figure.Finite(x.Percent) {
			r.Got += " (" + figure.Percent(figure.Float(x.Percent)/100) + ")"
		}
		if len(x.Examples) > 0 {
			r.Got += ": " + distinct(x.Examples)
		}
	case x.Observed != nil:
		r.Got = plain(x.Observed)
	}
	return r
}

// severity of a failure: what the suite says, critical where it says nothing or the expectation could not be evaluated.
func (e expectation) severity() string {
	s := e.Config.Severity
	if s == "" {
		s, _ = e.Config.Meta["severity"].(string)
	}
	if e.Exception != "" || s != "warning" && s != "info" {
		return "critical"
	}
	return s
}

// rank puts failures first, the worst of them before the others.
func (r expectationRow) rank() int {
	if r.Verdict == "passed" {
		return 3
	}
	return map[string]int{"critical": 0, "warning": 1, "info": 2}[r.Severity]
}

// columnKeys are the arguments that name columns.
var columnKeys = []string{"column", "column_A", "column_B", "column_list", "column_set"}

func (e expectation) columns() string {
	var names []string
	for _, k := range columnKeys {
		if v := e.Config.Kwargs[k]; v != nil {
			names = append(names, plain(v))
		}
	}
	return strings.Join(names, ", ")
}

// what is the expectation with its arguments: "values to be between: min 100, max 500".
func (e expectation) what() string {
	name := e.Config.Type
	if name == "" {
		name = e.Config.OldType
	}
	name = strings.TrimPrefix(figure.Words(strings.TrimPrefix(name, "expect_")), "column ")
	var args []string
	keys := slices.Sorted(maps.Keys(e.Config.Kwargs))
	slices.SortStableFunc(keys, func(a, b string) int { return minFirst(a) - minFirst(b) })
	for _, k := range keys {
		switch v := e.Config.Kwargs[k]; {
		case v == nil, v == false, slices.Contains(columnKeys, k), k == "batch_id", len(args) == 12:
		case k == "value", k == "value_set", k == "type_list", k == "regex": // the expectation's name says what it is
			args = append(args, plain(v))
		default:
			args = append(args, figure.Words(strings.TrimSuffix(k, "_value"))+" "+plain(v))
		}
	}
	if args != nil {
		name += ": " + strings.Join(args, ", ")
	}
	return figure.Line(name, figure.MaxText)
}

// minFirst puts a lower bound before an upper one.
func minFirst(key string) int {
	if strings.HasPrefix(key, "min") {
		return 0
	}
	return 1
}

// distinct are the first few examples, each once.
func distinct(examples []any) string {
	var out []string
	for _, e := range examples {
		if s := plain(e); len(out) == 8 {
			return strings.Join(out, ", ") + ", …"
		} else if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// plain is any JSON value as people write it, shortened.
func plain(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		return figure.Line(x, figure.MaxName)
	case float64:
		return figure.Number(x)
	case []any:
		var parts []string
		for i, e := range x {
			if i == 8 {
				parts = append(parts, fmt.Sprintf("and %d more", len(x)-i))
				break
			}
			parts = append(parts, plain(e))
		}
		return strings.Join(parts, ", ")
	}
	b, err := json.Marshal(v)
	if err != nil {
		return figure.Unknown
	}
	return figure.Line(string(b), figure.MaxName)
}
