package expect

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"mlops/shared/fault"
)

// Format says how much of a result is told.
type Format string

// The formats, each telling all that the one before tells.
const (
	BooleanOnly Format = "BOOLEAN_ONLY" // success alone
	Basic       Format = "BASIC"        // + counts, percentages, the first unexpected values
	Summary     Format = "SUMMARY"      // + how often each of these came, the first unexpected rows
	Complete    Format = "COMPLETE"     // + every unexpected value and row
)

// Result is the verdict on a table.
type Result struct {
	Suite   *Suite
	Success bool                // every expectation succeeded
	Results []ExpectationResult // in the order of the suite
	Now     time.Time           // when it was validated; zero = not told
}

// ExpectationResult is the verdict on one expectation.
type ExpectationResult struct {
	Success   bool
	Config    Expectation
	Result    map[string]any // as Great Expectations names it, by result format; percentages in [0, 100], null when there is nothing to divide by
	Exception string         // why the expectation could not be evaluated; "" when it was
	// UnexpectedRows are the 0-based rows, ascending, that a failed map expectation did not expect, whatever the result format.
	UnexpectedRows []int
}

// Severity of this result if it is a failure: the expectation's, and critical when it could not be evaluated.
func (r *ExpectationResult) Severity() string {
	if r.Exception != "" {
		return Critical
	}
	return r.Config.Rank()
}

// Statistics counts expectations. SuccessPercent is in [0, 100], nil when none was evaluated.
type Statistics struct {
	Evaluated      int      `json:"evaluated_expectations"`
	Successful     int      `json:"successful_expectations"`
	Unsuccessful   int      `json:"unsuccessful_expectations"`
	SuccessPercent *float64 `json:"success_percent"`
}

// MarshalJSON writes the percentage as Great Expectations does, 50.0.
func (s Statistics) MarshalJSON() ([]byte, error) {
	type plain Statistics
	return json.Marshal(struct {
		plain
		SuccessPercent *decimal `json:"success_percent"`
	}{plain(s), (*decimal)(s.SuccessPercent)})
}

// Statistics of the results; an expectation that could not be evaluated is unsuccessful.
func (r *Result) Statistics() Statistics {
	s := Statistics{Evaluated: len(r.Results)}
	for i := range r.Results {
		if r.Results[i].Success {
			s.Successful++
		}
	}
	s.Unsuccessful = s.Evaluated - s.Successful
	if s.Evaluated > 0 {
		p := float64(s.Successful) / float64(s.Evaluated) * 100
		s.SuccessPercent = &p
	}
	return s
}

// Failed are the failures of at least the severity, in the order of the suite; an unknown severity, like "", means all.
func (r *Result) Failed(severity string) []ExpectationResult {
	least := slices.Index(severities, severity)
	var failed []ExpectationResult
	for _, e := range r.Results {
		if !e.Success && slices.Index(severities, e.Severity()) >= least {
			failed = append(failed, e)
		}
	}
	return failed
}

// Raised is the error of the expectations that could not be evaluated and that say catch_exceptions: false. In Great Expectations such an
// exception ends the run, and no result is told. nil when there is none.
func (r *Result) Raised() error {
	var raised []fault.Detail
	for i, e := range r.Results {
		if e.Exception != "" && e.Config.Kwargs["catch_exceptions"] == false {
			raised = append(raised, fault.Detail{Field: fmt.Sprintf("expectations[%d]", i), Code: e.Config.Type, Got: e.Exception})
		}
	}
	if raised == nil {
		return nil
	}
	return fault.Invalidf("validate against the suite %q: what could not be evaluated ends the run where catch_exceptions is false", r.Suite.Name).With(raised...)
}

// Rejected are the 0-based rows, ascending and distinct, that some failed expectation of at least the severity did not expect.
func (r *Result) Rejected(severity string) []int {
	var rows []int
	for _, e := range r.Failed(severity) {
		rows = append(rows, e.UnexpectedRows...)
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// MarshalJSON writes a Great Expectations validation result in the dialect of the suite, in its order and with its digits: a float has a
// point, 130.0, and a whole number has none. Of the two shapes of exception_info found in
// their results it writes the flat one.
func (r *Result) MarshalJSON() ([]byte, error) {
	suite := r.Suite
	if suite == nil {
		suite = &Suite{}
	}
	list := make([]any, len(r.Results))
	for i, at := range r.order() {
		list[i] = r.Results[at].document(suite.Dialect)
	}
	parameters := suite.Parameters
	if parameters == nil {
		parameters = map[string]any{}
	}
	meta := map[string]any{}
	doc := map[string]any{
		"success": r.Success, "results": list, "statistics": r.Statistics(), "meta": meta,
		keys[suite.Dialect].parameters: parameters,
	}
	if suite.Dialect == V0 {
		meta[keys[V0].name] = suite.Name
	} else {
		doc["suite_name"], doc["id"] = suite.Name, nil
	}
	if !r.Now.IsZero() {
		now := r.Now.UTC()
		meta["validation_time"] = now.Format("20060102T150405.000000Z")
		meta["run_id"] = map[string]any{"run_name": nil, "run_time": now.Format("2006-01-02T15:04:05.000000-07:00")}
	}
	return json.Marshal(doc)
}

// order is that in which Great Expectations tells results: those with an exception first; among them, and among the others, those that
// name no column and those of each column together, in the order of the first of each in the suite.
func (r *Result) order() []int {
	order, rank, group := make([]int, len(r.Results)), make([]int, len(r.Results)), map[string]int{}
	for i, e := range r.Results {
		column, _ := e.Config.Kwargs["column"].(string)
		if _, seen := group[column]; !seen {
			group[column] = len(group)
		}
		order[i], rank[i] = i, group[column]
		if e.Exception == "" {
			rank[i] += len(r.Results)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank[a] - rank[b] })
	return order
}

// MarshalJSON writes the single result as a 1.x suite's would be.
func (r ExpectationResult) MarshalJSON() ([]byte, error) { return json.Marshal(r.document(V1)) }

func (r *ExpectationResult) document(d Dialect) map[string]any {
	detail := r.Result
	if detail == nil {
		detail = map[string]any{}
	}
	var message any
	if r.Exception != "" {
		message = r.Exception
	}
	return map[string]any{
		"success": r.Success, "expectation_config": r.Config.document(d), "result": decimals(detail), "meta": map[string]any{},
		"exception_info": map[string]any{"raised_exception": r.Exception != "", "exception_message": message, "exception_traceback": nil},
	}
}
