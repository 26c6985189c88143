package expect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Options of Validate.
type Options struct {
	Format Format // "" = Summary, the default of Great Expectations; an expectation's own result_format comes first
	// Typed are the values that the levels of a categorical column stand for where they are not texts, as the column of a JSON file has
	// them: float64, bool, string or time.Time (UTC), one a level; see TypedColumn. A column that is not in it holds texts.
	Typed map[string][]any
	// Tables are the numbers of rows of other tables by name, for the expectation that compares with one.
	Tables map[string]int
	Now    time.Time         // told in the result's meta, and what now() is in a parameter; zero = not told
	Notice func(text string) // of ValidateSource: told before columns are held in memory; nil = nobody is
}

// ParseFormat reads a format's name, in either case; "" is Summary.
func ParseFormat(s string) (Format, error) {
	switch f := Format(strings.ToUpper(s)); f {
	case "":
		return Summary, nil
	case BooleanOnly, Basic, Summary, Complete:
		return f, nil
	}
	return "", fault.Invalidf("read a result format").With(fault.Detail{Field: "result_format", Code: "out_of_range", Got: brief(s), Expected: "BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE"})
}

// Validate evaluates every expectation of s over f. An expectation that is not known, misconfigured, or asks for a column that is not
// there fails with an Exception of its own; the others are evaluated all the same, and none is left out. f and s are only read.
//
// Missing values are passed over, by the rules of each expectation; a table without rows, or without values, satisfies every map
// expectation. An expectation without a severity is critical.
func Validate(f *dataset.Frame, s *Suite, o Options) *Result {
	r := &Result{Suite: s, Success: true, Now: o.Now}
	if s == nil {
		return r
	}
	if f == nil {
		f = &dataset.Frame{}
	}
	v := validator{suite: s, format: o.Format, now: o.Now, whole: table{frame: f, typed: o.Typed, others: o.Tables, made: map[string]*series{}}, chosen: map[string][]int{}}
	r.Results = make([]ExpectationResult, len(s.Expectations))
	for i := range s.Expectations {
		r.Results[i] = v.evaluate(&s.Expectations[i])
		r.Success = r.Success && r.Results[i].Success
	}
	return r
}

// validator keeps what the expectations of one run share.
type validator struct {
	suite  *Suite
	format Format
	now    time.Time
	whole  table
	chosen map[string][]int // rows by row condition: suites repeat the same condition
}

// check is one expectation being evaluated: its table, arguments and format.
type check struct {
	table
	kwargs
	format resultFormat
	fold   *fold // takes the rows of a map expectation, whose outcome is told when all have come; nil = all are here
}

func (v *validator) evaluate(e *Expectation) ExpectationResult {
	out, boolean, err := v.run(e)
	return e.result(out, boolean, err)
}

// result tells what was found; boolean leaves out all but the success.
func (e *Expectation) result(out outcome, boolean bool, err error) ExpectationResult {
	r := ExpectationResult{Config: *e, Result: map[string]any{}}
	if err != nil {
		r.Exception = err.Error()
		return r
	}
	r.Success = out.success
	if out.detail != nil && !boolean {
		r.Result = out.detail
	}
	if !out.success {
		r.UnexpectedRows = out.rows
	}
	return r
}

func (v *validator) run(e *Expectation) (out outcome, boolean bool, err error) {
	rec, c, err := v.prepare(e)
	if err != nil {
		return outcome{}, false, err
	}
	out, err = v.perform(rec, c)
	return out, c.format.level == BooleanOnly, err
}

// prepare finds an expectation and reads what every one takes.
func (v *validator) prepare(e *Expectation) (record, *check, error) {
	k := kwargs{dialect: v.suite.Dialect, problems: e.problems()}
	rec, err := find(e.Type)
	if err != nil {
		if e.Type != "" || k.problems == nil {
			k.problems = slices.Insert(k.problems, 0, err.Error())
		}
		return rec, nil, k.err()
	}
	if k.values, err = substitute(e.Kwargs, parameters{v.suite.Parameters, v.now}); err != nil {
		k.problems = append(k.problems, err.Error())
		return rec, nil, k.err()
	}
	if v.suite.Dialect == V1 { // 0.x passes over what it does not know
		k.problems = append(k.problems, rec.unknown(k.values)...)
	}
	k.problems = append(k.problems, rec.absent(k.values)...)
	k.flagOr("catch_exceptions", true) // what it says is up to Result.Raised
	c := &check{kwargs: k, table: v.whole}
	c.format = c.resultFormat(v.format)
	c.text("condition_parser")
	c.share("mostly", 1)
	return rec, c, c.err()
}

// problems are what is wrong with an expectation beside its name and its arguments.
func (e *Expectation) problems() []string {
	problems := slices.Clone(e.faults)
	if e.Severity != "" && !slices.Contains(severities, e.Severity) {
		problems = append(problems, fmt.Sprintf("severity must be critical, warning or info, not %q", brief(e.Severity)))
	}
	return problems
}

// perform evaluates a prepared expectation over the rows that its condition chooses.
func (v *validator) perform(rec record, c *check) (out outcome, err error) {
	if c.rows, err = v.choose(&c.kwargs); err != nil {
		return outcome{}, err
	}
	out, err = rec.run(c)
	if err == nil {
		err = c.err()
	}
	if c.rows != nil && err == nil {
		rows := make([]int, len(out.rows))
		for i, row := range out.rows {
			rows[i] = c.rows[row]
		}
		out.rows = rows
	}
	return out, err
}

// choose evaluates row_condition; nil rows mean all.
func (v *validator) choose(k *kwargs) ([]int, error) {
	condition := k.values["row_condition"]
	if condition == nil || condition == "" {
		return nil, nil
	}
	parser := k.text("condition_parser")
	id := fmt.Sprintf("%s %T %v", parser, condition, condition)
	if rows, ok := v.chosen[id]; ok {
		return rows, nil
	}
	holds, failed, err := parseCondition(condition, parser, &v.whole)
	if err != nil {
		return nil, fmt.Errorf("row_condition %v: %w", brief(condition), err)
	}
	rows := []int{}
	for i := range v.whole.height() {
		if holds(i) {
			rows = append(rows, i)
		}
	}
	if err := failed(); err != nil {
		return nil, fmt.Errorf("row_condition %v: %w", brief(condition), err)
	}
	v.chosen[id] = rows
	return rows, nil
}

// resultFormat is the format of one expectation, from a name or from Great Expectations' object.
type resultFormat struct {
	level   Format
	partial int      // how many unexpected values and rows the partial lists hold
	columns []string // columns by which unexpected rows are named besides their number
	rows    bool     // the unexpected rows themselves are told
	exclude bool     // the unexpected values are not told
	query   bool     // the pandas expression of the unexpected rows is told
}

func (c *check) resultFormat(missing Format) resultFormat {
	f := resultFormat{partial: 20, query: true}
	var err error
	f.level, err = ParseFormat(string(missing))
	switch v := c.values["result_format"].(type) {
	case nil:
	case string:
		f.level, err = ParseFormat(v)
	case map[string]any:
		k := kwargs{values: v}
		if s := k.text("result_format"); s != "" {
			f.level, err = ParseFormat(s)
		}
		if n, ok := k.whole("partial_unexpected_count"); ok {
			f.partial = int(min(max(n, 0), 1e6))
		}
		f.columns, _ = k.texts("unexpected_index_column_names")
		f.rows = k.flag("include_unexpected_rows")
		f.exclude = k.flag("exclude_unexpected_values")
		f.query = k.flagOr("return_unexpected_index_query", true)
		c.problems = append(c.problems, k.problems...)
	default:
		c.wrong("result_format must be a name or an object, not %s", kindOf(scalar(v)))
	}
	if err != nil {
		c.problems = append(c.problems, err.Error())
	}
	return f
}
