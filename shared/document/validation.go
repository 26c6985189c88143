package document

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

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
	var one flat
	if json.Unmarshal(b, &one) == nil && one.Raised {
		*e = exception(one.Message + " ")
	}
	var many map[string]json.RawMessage
	if json.Unmarshal(b, &many) != nil {
		return nil // what is no object says nothing
	}
	for _, k := range sortedKeys(many) {
		if json.Unmarshal(many[k], &one) == nil && one.Raised && *e == "" {
			*e = exception(one.Message + " ")
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
	first := ""
	for _, e := range result.Results {
		r := e.row()
		if r.Verdict != "passed" {
			failed[r.Severity]++
			if first == "" && r.Got != "" {
				first = " (" + strings.TrimSpace(r.Column+": "+r.Got) + ")"
			}
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b expectationRow) int { return a.rank() - b.rank() })
	verdict := "failed"
	if v.Passed {
		verdict = "passed"
	}
	if n := failed["critical"]; n > 0 {
		verdict += ", " + counted(n, "failure")
	}
	if n := failed["warning"]; n > 0 {
		verdict += ", " + counted(n, "warning")
	}
	if n := failed["info"]; n > 0 {
		verdict += fmt.Sprintf(", %d to note", n)
	}
	title = line(fmt.Sprintf("validation: %s, %s against suite %s (%s): %s%s", line(v.Dataset, maxName), counted(v.Rows, "row"), line(result.Suite, maxName),
		counted(len(rows), "expectation"), verdict, first), 240)
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
		r.Why = line(why, maxText)
	}
	switch x := e.Result; {
	case e.Exception != "":
		r.Got = "could not be evaluated: " + line(string(e.Exception), maxText)
	case float(x.Unexpected) > 0:
		r.Got = fmt.Sprintf("%s of %s", grouped(x.Unexpected), counted(x.Elements, "value"))
		if finite(x.Percent) {
			r.Got += " (" + percent(float(x.Percent)/100) + ")"
		}
		if len(x.Examples) > 0 {
			r.Got += ": " + plain(distinct(x.Examples))
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
	name = strings.TrimPrefix(words(strings.TrimPrefix(name, "expect_")), "column ")
	var args []string
	keys := sortedKeys(e.Config.Kwargs)
	slices.SortStableFunc(keys, func(a, b string) int { return minFirst(a) - minFirst(b) })
	for _, k := range keys {
		switch v := e.Config.Kwargs[k]; {
		case v == nil, v == false, slices.Contains(columnKeys, k), k == "batch_id", len(args) == 12:
		case k == "value", k == "value_set", k == "type_list", k == "regex": // the expectation's name says what it is
			args = append(args, plain(v))
		default:
			args = append(args, words(strings.TrimSuffix(k, "_value"))+" "+plain(v))
		}
	}
	if args != nil {
		name += ": " + strings.Join(args, ", ")
	}
	return line(name, maxText)
}

// minFirst puts a lower bound before an upper one.
func minFirst(key string) int {
	if strings.HasPrefix(key, "min") {
		return 0
	}
	return 1
}

// distinct are the examples, each once.
func distinct(examples []any) []any {
	var out []any
	for _, e := range examples {
		if !slices.ContainsFunc(out, func(o any) bool { return plain(o) == plain(e) }) {
			out = append(out, e)
		}
	}
	return out
}

// plain is any JSON value as people write it, shortened.
func plain(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		return line(x, maxName)
	case float64:
		return figure(x)
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
		return unknown
	}
	return line(string(b), maxName)
}
