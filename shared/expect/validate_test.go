package expect

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
)

// small is the table of most tests below.
func small(t testing.TB) *dataset.Frame {
	nan := math.NaN()
	f, err := dataset.NewFrame(
		dataset.NumericColumn("n", []float64{1, 2, 3, 4, 5}),
		dataset.NumericColumn("x", []float64{0.5, nan, -1, math.Inf(1), 0.5}),
		dataset.CategoricalColumn("s", []string{"ab", "cd", "-", "ab", "José"}, func(s string) bool { return s == "-" }),
		dataset.CategoricalColumn("b", []string{"True", "False", "-", "True", "True"}, func(s string) bool { return s == "-" }),
		dataset.CategoricalColumn("d", []string{"2024-02-29", "2023-02-29", "", "31.12.1999", "noon"}, nil),
		dataset.CategoricalColumn("two words", []string{"p", "q", "p", "q", "p"}, nil),
	)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// one validates a single expectation with arguments written as JSON.
func one(t testing.TB, f *dataset.Frame, d Dialect, kind, kwargs string, o Options) ExpectationResult {
	t.Helper()
	key := keys[d]
	s, err := ReadSuite([]byte(fmt.Sprintf(`{%q:"s",%q:{"limit":3,"name":"ab"},"expectations":[{%q:%q,"kwargs":%s}]}`, key.name, key.parameters, key.kind, kind, kwargs)))
	if err != nil {
		t.Fatal(err)
	}
	return Validate(f, s, o).Results[0]
}

// TestUnexpectedRows tells, for each expectation about rows, which ones it does not expect.
func TestUnexpectedRows(t *testing.T) {
	f := small(t)
	for _, c := range []struct {
		kind, kwargs string
		want         []int  // nil = success
		raises       string // part of the exception
	}{
		{"expect_column_values_to_be_between", `{"column":"n","min_value":2,"max_value":4,"strict_max":true}`, []int{0, 3, 4}, ""},
		{"expect_column_values_to_be_between", `{"column":"x","max_value":1e308}`, []int{3}, ""},
		{"expect_column_values_to_be_between", `{"column":"n","min_value":{"$PARAMETER":"limit"}}`, []int{0, 1}, ""},
		{"expect_column_values_to_be_between", `{"column":"n","min_value":{"$PARAMETER":"(limit - 1) * other / 2","$PARAMETER.other":4}}`, []int{0, 1, 2}, ""},
		{"expect_column_values_to_be_between", `{"column":"n","min_value":{"$PARAMETER":"unheard + 1"}}`, nil, "no value was found for the parameter unheard"},
		{"expect_column_values_to_be_between", `{"column":"n","min_value":{"$PARAMETER":"now()"}}`, nil, "now() is not known"},
		{"expect_column_values_to_be_between", `{"column":"n"}`, nil, "cannot both be None"},
		{"expect_column_values_to_be_between", `{"column":"n","min_value":3,"max_value":1}`, nil, "min_value cannot be greater than max_value"},
		{"expect_column_values_to_be_between", `{"column":"s","min_value":3}`, nil, "of the same type"},
		{"expect_column_values_to_be_between", `{"column":"s","min_value":3,"row_condition":"n == 3"}`, nil, ""},
		{"expect_column_values_to_be_between", `{"column":"n","min_value":3,"row_condition":{"type":"comparisn","operator":">"}}`, nil, `row_condition {"operator":">","type":"comparisn"}: the type comparisn is not understood`},
		{"expect_column_values_to_be_between", `{"column":"N","min_value":3}`, nil, `"N" in BatchData does not exist. The nearest name is "n"`},
		{"expect_column_values_to_be_between", `{"column":"n","min_valu":3}`, nil, "min_valu is not an argument of expect_column_values_to_be_between (the nearest is min_value)"},
		{"expect_column_values_to_be_between", `{"min_value":"a","mostly":2}`, nil, "column is missing"},
		{"expect_column_value_to_be_between", `{"column":"n"}`, nil, "the nearest name is expect_column_values_to_be_between"},
		{"expect_query_results_to_match_comparison", `{}`, nil, "SQL"},
		{"expect_column_values_to_be_in_set", `{"column":"n","value_set":[1,"2",true,4.0]}`, []int{1, 2, 4}, ""},
		{"expect_column_values_to_be_in_set", `{"column":"b","value_set":[1]}`, []int{1}, ""},
		{"expect_column_values_to_be_in_set", `{"column":"s","value_set":[{"$PARAMETER":"name"}]}`, []int{1, 4}, ""},
		{"expect_column_values_to_be_in_set", `{"column":"s","value_set":[]}`, []int{0, 1, 3, 4}, ""},
		{"expect_column_values_to_be_in_set", `{"column":"s","value_set":null}`, nil, ""},
		{"expect_column_values_to_be_in_set", `{"column":"s","value_set":[[1]]}`, nil, "value_set[0]"},
		{"expect_column_values_to_not_be_in_set", `{"column":"s","value_set":["ab"]}`, []int{0, 3}, ""},
		{"expect_column_values_to_not_be_null", `{"column":"x","mostly":0.8}`, nil, ""},
		{"expect_column_values_to_not_be_null", `{"column":"x","mostly":0.81}`, []int{1}, ""},
		{"expect_column_values_to_be_null", `{"column":"x"}`, []int{0, 2, 3, 4}, ""},
		{"expect_column_values_to_be_unique", `{"column":"x"}`, []int{0, 4}, ""},
		{"expect_column_values_to_be_unique", `{"column":"s"}`, []int{0, 3}, ""},
		{"expect_column_values_to_be_increasing", `{"column":"x"}`, []int{2, 4}, ""},
		{"expect_column_values_to_be_decreasing", `{"column":"n"}`, []int{1, 2, 3, 4}, ""},
		{"expect_column_values_to_be_increasing", `{"column":"s"}`, nil, "numeric"},
		{"expect_column_value_z_scores_to_be_less_than", `{"column":"n","threshold":1,"double_sided":true}`, []int{0, 4}, ""},
		{"expect_column_value_lengths_to_equal", `{"column":"s","value":4}`, []int{0, 1, 3}, ""},
		{"expect_column_value_lengths_to_be_between", `{"column":"x","max_value":3}`, []int{2}, ""}, // 0.5, -1.0, inf
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"^\\w+$"}`, nil, ""},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"^[a-z]+$"}`, []int{4}, ""},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"^(?!ab)"}`, []int{0, 3}, ""},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"(a)\\1"}`, []int{0, 1, 3, 4}, ""},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"("}`, nil, "missing closing"},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"(?P<first>.)(?P=first)|(?P<x>J)(.)(?!\\2)"}`, []int{0, 1, 3}, ""},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"(?x) ^ [a-c[] # a comment"}`, []int{4}, ""},
		{"expect_column_values_to_match_regex", `{"column":"s","regex":"(?<=a)b\\Z"}`, []int{1, 4}, ""},
		{"expect_column_values_to_not_match_regex", `{"column":"two words","regex":"(?P<p>p)|(q)(?!\\1)"}`, []int{0, 1, 2, 3, 4}, ""},
		{"expect_column_values_to_match_like_pattern", `{"column":"s","like_pattern":"%B"}`, []int{1, 4}, ""},
		{"expect_column_values_to_match_like_pattern", `{"column":"s","like_pattern":"!_%","escape":"!"}`, []int{0, 1, 3, 4}, ""},
		{"expect_column_values_to_match_like_pattern", `{"column":"s","like_pattern":"!ab","escape":"!"}`, []int{1, 4}, ""},
		{"expect_column_values_to_match_like_pattern", `{"column":"s","like_pattern":"ab!","escape":"!"}`, nil, "ends in its escape"},
		{"expect_column_values_to_match_like_pattern", `{"column":"s","like_pattern":"ab","escape":"!!"}`, nil, "escape must be one character"},
		{"expect_column_values_to_be_between", `{"column":"d","min_value":"2000-01-01","parse_strings_as_datetimes":true}`, nil, "is not a date"},
		{"expect_multicolumn_values_to_be_unique", `{"column_list":["n","b"]}`, []int{0}, ""},
		{"expect_column_values_to_match_like_pattern_list", `{"column":"s","like_pattern_list":["_b","c%"]}`, []int{4}, ""},
		{"expect_column_values_to_match_strftime_format", `{"column":"d","strftime_format":"%Y-%m-%d"}`, []int{1, 2, 3, 4}, ""},
		{"expect_column_values_to_match_strftime_format", `{"column":"d","strftime_format":"%Y %D"}`, nil, "Unable to use provided strftime_format"},
		{"expect_column_values_to_match_strftime_format", `{"column":"n","strftime_format":"%Y"}`, nil, "must be of type string"},
		{"expect_column_values_to_be_dateutil_parseable", `{"column":"d"}`, []int{1, 2, 4}, ""},
		{"expect_column_values_to_be_json_parseable", `{"column":"d"}`, []int{0, 1, 2, 3, 4}, ""},
		{"expect_column_values_to_be_of_type", `{"column":"s","type_":"str"}`, nil, ""},
		{"expect_column_values_to_be_of_type", `{"column":"b","type_":"str"}`, []int{0, 1, 3, 4}, ""},
		{"expect_column_values_to_be_of_type", `{"column":"s","type_":"quux"}`, nil, "No recognized numpy/python type"},
		{"expect_column_pair_values_a_to_be_greater_than_b", `{"column_A":"n","column_B":"x"}`, []int{1, 3}, ""},
		{"expect_column_pair_values_a_to_be_greater_than_b", `{"column_A":"n","column_B":"s"}`, nil, "cannot be ordered"},
		{"expect_column_pair_values_to_be_equal", `{"column_A":"n","column_B":"s"}`, []int{0, 1, 2, 3, 4}, ""},
		{"expect_column_pair_values_to_be_in_set", `{"column_A":"s","column_B":"b","value_pairs_set":[["ab",true],["José",1]],"ignore_row_if":"neither"}`, []int{1, 2}, ""},
		{"expect_compound_columns_to_be_unique", `{"column_list":["s","b"]}`, []int{0, 3}, ""},
		{"expect_select_column_values_to_be_unique_within_record", `{"column_list":["n","b"]}`, []int{0}, ""},
		{"expect_multicolumn_sum_to_equal", `{"column_list":["n","x"],"sum_total":1.5}`, []int{1, 2, 3, 4}, ""},
		{"expect_multicolumn_sum_to_equal", `{"column_list":["n","gone","goner"],"sum_total":1.5}`, nil, `"goner"`},
	} {
		t.Run(c.kind+c.kwargs, func(t *testing.T) {
			r := one(t, f, V1, c.kind, c.kwargs, Options{})
			if !strings.Contains(r.Exception, c.raises) || (r.Exception != "") != (c.raises != "") {
				t.Fatalf("raised %q, wanted %q", r.Exception, c.raises)
			}
			if r.Success != (c.want == nil && c.raises == "") || !slices.Equal(r.UnexpectedRows, c.want) {
				t.Errorf("success %v, unexpected rows %v, wanted %v", r.Success, r.UnexpectedRows, c.want)
			}
		})
	}
}

func TestRowCondition(t *testing.T) {
	f := small(t)
	for _, c := range []struct {
		condition, parser string
		want              []int
		raises            string
	}{
		{`"n > 2"`, "pandas", []int{2, 3, 4}, ""},
		{`"x != 0.5"`, "pandas", []int{1, 2, 3}, ""}, // a missing value differs
		{`"x < 1 and not s == \"ab\" or n == 5"`, "pandas", []int{2, 4}, ""},
		{`"(n >= 2) & (n <= 4) & ~(s in ['cd'])"`, "pandas", []int{2, 3}, ""},
		{`"s not in ['ab', \"cd\"]"`, "pandas", []int{2, 4}, ""},
		{`"s.isnull() or n == -1"`, "pandas", []int{2}, ""},
		{"\"`two words` == 'q'\"", "pandas", []int{1, 3}, ""},
		{`"b"`, "pandas", []int{0, 3, 4}, ""},
		{`"b == False"`, "pandas", []int{1}, ""},
		{`"n > x"`, "pandas", []int{0, 2, 4}, ""},
		{`"s == 5"`, "pandas", []int{}, ""},
		{`"s > 5"`, "pandas", nil, "cannot order values of different types"},
		{`"m > 5"`, "pandas", nil, "does not exist"},
		{`"n >"`, "pandas", nil, "expected a column or a value"},
		{`"n > 5 ("`, "pandas", nil, "not understood"},
		{`"n.max() > 5"`, "pandas", nil, ".max()"},
		{`"n * 2 - 1 > 2 ** 2 and n % 2 == 1"`, "pandas", []int{2, 4}, ""},
		{`"(n + 1) / 2 >= 2.5"`, "pandas", []int{3, 4}, ""},
		{`"(n + x) > 1 and (n > 1)"`, "pandas", []int{2, 3, 4}, ""}, // a gap calculates to a gap
		{`"1 < n <= 3"`, "pandas", []int{1, 2}, ""},
		{`"n in (1, 5) or n in [-(-2)]"`, "pandas", []int{0, 1, 4}, ""},
		{`"s.str.startswith('a')"`, "pandas", []int{0, 3}, ""},
		{`"s.str.contains('^.b$')"`, "pandas", []int{0, 3}, ""},
		{`"s.str.contains('B', case=False) and not s.str.upper() == 'CD'"`, "pandas", []int{0, 3}, ""},
		{`"s.str.contains('^.b$', regex=False)"`, "pandas", []int{}, ""},
		{`"s.str.len() > 2"`, "pandas", []int{4}, ""},
		{`"n.isin([1, 2]) == False"`, "pandas", []int{2, 3, 4}, ""},
		{`"n.between(2, 3)"`, "pandas", []int{1, 2}, ""},
		{`"x.abs() == 1"`, "pandas", []int{2}, ""},
		{`"abs(x) == 1 or sqrt(n) == 2"`, "pandas", []int{2, 3}, ""},
		{`"log(x) < -9 or floor(x) == 0"`, "pandas", []int{0, 4}, ""},
		{`"index % 2 == 1"`, "pandas", []int{1, 3}, ""},
		{`"max(n) > 2"`, "pandas", nil, "max() with 1 arguments"},
		{`"abs(s) > 2"`, "pandas", nil, "does not calculate with a text"},
		{`"n.str.len() > 2"`, "pandas", nil, ".str is for texts"},
		{`"s.str.contains('(')"`, "pandas", nil, "missing closing"},
		{`"s - 1 > 2"`, "pandas", nil, "does not calculate with a text and a number"},
		{`"@limit > 2"`, "pandas", nil, "not understood"},
		{`{"type":"or","conditions":[{"type":"and","conditions":[{"type":"comparison","column":{"name":"n"},"operator":"<","parameter":2}]},{"type":"nullity","column":{"name":"s"},"is_null":true}]}`, "", []int{0, 2}, ""},
		{`{"type":"and","conditions":[{"type":"or","conditions":[{"type":"nullity","column":{"name":"s"},"is_null":true}]}]}`, "", nil, "an or condition may not stand within"},
		{fmt.Sprintf(`{"type":"and","conditions":[%s{"type":"nullity","column":{"name":"s"},"is_null":true}]}`, strings.Repeat(`{"type":"comparison","column":{"name":"n"},"operator":">","parameter":0},`, 101)), "", nil, "more than 100"},
		{`"n == 1"`, "bad_parser", nil, "not a valid enumeration member"},
		{`"col(\"n\") >= 4"`, "great_expectations", []int{3, 4}, ""},
		{`"col(\"x\").notNull()"`, "great_expectations__experimental__", []int{0, 2, 3, 4}, ""},
		{`{"type":"comparison","column":{"name":"n"},"operator":"IN","parameter":[1,9]}`, "", []int{0}, ""},
		{`{"type":"comparison","column":{"name":"x"},"operator":"!=","parameter":{"name":"n"}}`, "", []int{0, 2, 3, 4}, ""},
		{`{"type":"nullity","column":{"name":"x"},"is_null":true}`, "", []int{1}, ""},
		{`{"type":"and","conditions":[{"type":"comparison","column":{"name":"n"},"operator":">","parameter":1},{"type":"pass_through","pass_through_filter":"n < 4"}]}`, "", []int{1, 2}, ""},
		{`{"type":"xor"}`, "", nil, "not understood"},
	} {
		t.Run(c.condition, func(t *testing.T) {
			r := one(t, f, V1, "expect_column_values_to_be_in_set", fmt.Sprintf(`{"column":"n","value_set":[],"row_condition":%s,"condition_parser":%q}`, c.condition, c.parser), Options{})
			if !strings.Contains(r.Exception, c.raises) || (r.Exception != "") != (c.raises != "") {
				t.Fatalf("raised %q, wanted %q", r.Exception, c.raises)
			}
			if c.raises == "" && (!slices.Equal(r.UnexpectedRows, c.want) || r.Result["element_count"] != len(c.want)) {
				t.Errorf("chose %v of %v rows, wanted %v", r.UnexpectedRows, r.Result["element_count"], c.want)
			}
		})
	}
}

func TestDialects(t *testing.T) {
	f := small(t)
	between := `{"column":"d","min_value":"2000-01-01","max_value":"2030-01-01"}`
	ignored := `{"column":"d","max_value":"3","ignored":1}`
	if r := one(t, f, V0, "expect_column_values_to_be_between", between, Options{}); r.Exception != "" || !slices.Equal(r.UnexpectedRows, []int{2, 3, 4}) {
		t.Errorf("0.x compares texts with texts: %+v", r)
	}
	if r := one(t, f, V1, "expect_column_values_to_be_between", between, Options{}); !strings.Contains(r.Exception, "the date 2000-01-01T00:00:00 cannot be compared with the text") {
		t.Errorf("1.x reads a text bound as a date: %+v", r)
	}
	if r := one(t, f, V0, "expect_column_values_to_be_between", ignored, Options{}); r.Exception != "" {
		t.Errorf("0.x passes over arguments that it does not know: %+v", r)
	}
	if r := one(t, f, V1, "expect_column_values_to_be_between", ignored, Options{}); !strings.Contains(r.Exception, "ignored is not an argument") {
		t.Errorf("1.x refuses them: %+v", r)
	}
}

func TestResultFormat(t *testing.T) {
	f := small(t)
	tell := func(format string) string {
		r := one(t, f, V1, "expect_column_values_to_be_in_set", fmt.Sprintf(`{"column":"s","value_set":["cd"],"result_format":%s}`, format), Options{Format: Basic})
		b, err := json.Marshal(r.Result)
		if err != nil || r.Exception != "" {
			t.Fatal(err, r.Exception)
		}
		return string(b)
	}
	for _, c := range []struct{ format, want string }{
		{`"BOOLEAN_ONLY"`, `{}`},
		{`null`, `{"element_count":5,"missing_count":1,"missing_percent":20,"partial_unexpected_list":["ab","ab","José"],"unexpected_count":3,"unexpected_percent":75,"unexpected_percent_nonmissing":75,"unexpected_percent_total":60}`},
		{`{"result_format":"SUMMARY","partial_unexpected_count":2}`, `{"element_count":5,"missing_count":1,"missing_percent":20,"partial_unexpected_counts":[{"count":2,"value":"ab"}],"partial_unexpected_index_list":[0,3],"partial_unexpected_list":["ab","ab"],"unexpected_count":3,"unexpected_percent":75,"unexpected_percent_nonmissing":75,"unexpected_percent_total":60}`},
		{`{"result_format":"COMPLETE","partial_unexpected_count":0,"exclude_unexpected_values":true,"unexpected_index_column_names":["n"],"return_unexpected_index_query":false,"include_unexpected_rows":false}`,
			`{"element_count":5,"missing_count":1,"missing_percent":20,"unexpected_count":3,"unexpected_index_column_names":["n"],"unexpected_index_list":[{"n":1,"s":"ab"},{"n":4,"s":"ab"},{"n":5,"s":"José"}],"unexpected_percent":75,"unexpected_percent_nonmissing":75,"unexpected_percent_total":60}`},
	} {
		if got := tell(c.format); got != c.want {
			t.Errorf("%s:\ngot    %s\nwanted %s", c.format, got, c.want)
		}
	}
	r := one(t, f, V1, "expect_column_values_to_be_in_set", `{"column":"x","value_set":[0.5],"result_format":{"result_format":"BASIC","include_unexpected_rows":true}}`, Options{})
	b, _ := json.Marshal(r.Result["unexpected_rows"])
	if want := `[{"b":null,"d":"","n":3,"s":null,"two words":"p","x":-1},{"b":true,"d":"31.12.1999","n":4,"s":"ab","two words":"q","x":"Infinity"}]`; string(b) != want {
		t.Errorf("unexpected rows %s", b)
	}
}

func TestSeverity(t *testing.T) {
	s, err := ReadSuite([]byte(`{"name":"s","expectations":[
		{"type":"expect_column_values_to_be_between","kwargs":{"column":"n","max_value":3},"severity":"info"},
		{"type":"expect_column_values_to_be_between","kwargs":{"column":"n","max_value":4},"meta":{"severity":"warning"}},
		{"type":"expect_column_values_to_not_be_null","kwargs":{"column":"x"}},
		{"type":"expect_column_to_exist","kwargs":{"column":"n"}},
		{"type":"expect_nothing","kwargs":{},"severity":"info"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := Validate(small(t), s, Options{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	for severity, want := range map[string]struct {
		failed int
		rows   []int
	}{"": {4, []int{1, 3, 4}}, Info: {4, []int{1, 3, 4}}, Warning: {3, []int{1, 4}}, Critical: {2, []int{1}}} {
		if got := r.Failed(severity); len(got) != want.failed || !slices.Equal(r.Rejected(severity), want.rows) {
			t.Errorf("%q: %d failed, rows %v, wanted %+v", severity, len(got), r.Rejected(severity), want)
		}
	}
	st := r.Statistics()
	if st.Evaluated != 5 || st.Successful != 1 || *st.SuccessPercent != 20 || r.Success {
		t.Errorf("statistics %+v", st)
	}
	b, _ := json.Marshal(r)
	for _, want := range []string{`"suite_name":"s"`, `"validation_time":"20260102T030405.000000Z"`, `"success_percent":20`, `"raised_exception":true`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the result lacks %s: %s", want, b)
		}
	}
	if empty := Validate(nil, nil, Options{}); !empty.Success || empty.Statistics().SuccessPercent != nil {
		t.Errorf("nothing expected, nothing evaluated: %+v", empty)
	}
}

// TestAggregates has the figures that Python's statistics module and numpy give.
func TestAggregates(t *testing.T) {
	f, _ := dataset.NewFrame(dataset.NumericColumn("v", []float64{3, 1, 4, 1, 5, 9, 2, 6}), dataset.NumericColumn("none", make([]float64, 0, 8)[:8:8]))
	for kind, want := range map[string]string{
		"min": "1", "max": "9", "mean": "3.875", "median": "3.5", "sum": "31", "stdev": "2.748376143938713", "unique_value_count": "7", "proportion_of_unique_values": "0.875",
	} {
		r := one(t, f, V1, "expect_column_"+kind+"_to_be_between", `{"column":"v"}`, Options{})
		if b, _ := json.Marshal(r.Result["observed_value"]); string(b) != want || !r.Success {
			t.Errorf("%s: %s, wanted %s (%s)", kind, b, want, r.Exception)
		}
	}
	for interpolation, want := range map[string]string{`"linear"`: "4.25", `"lower"`: "4", `"higher"`: "5", `"midpoint"`: "4.5", `"nearest"`: "4", "false": "4"} {
		r := one(t, f, V1, "expect_column_quantile_values_to_be_between", `{"column":"v","quantile_ranges":{"quantiles":[0.6071428571428571],"value_ranges":[[null,null]]},"allow_relative_error":`+interpolation+`}`, Options{})
		if b, _ := json.Marshal(r.Result["observed_value"]); !strings.Contains(string(b), `"values":[`+want) {
			t.Errorf("%s: %s, wanted %s (%s)", interpolation, b, want, r.Exception)
		}
	}
}

// TestAnyArguments gives every argument of every expectation values of every type: each must come back, as a verdict or as an error
// of its own, and marshal.
func TestAnyArguments(t *testing.T) {
	f := small(t)
	pool := []any{nil, true, -1.0, 0.0, 3.0, math.Inf(1), math.NaN(), 1e300, "", "n", "s", "x", "b", "d", "gone", "%Y", "any", "(", "neither", []any{}, []any{"n", "x"}, []any{"n", "s", "b"}, []any{1.0, nil}, []any{[]any{1.0, "ab"}},
		map[string]any{}, map[string]any{"$PARAMETER": "1+1"}, map[string]any{"quantiles": []any{0.5}, "value_ranges": []any{[]any{nil, 3.0}}}, map[string]any{"values": []any{"ab", 1.0}, "weights": []any{0.5, 0.5}},
		map[string]any{"bins": []any{"-Infinity", "Infinity"}, "weights": []any{1.0}}, map[string]any{"bins": []any{"-Infinity", 0.0, "Infinity"}, "weights": []any{0.4, 0.6}}, map[string]any{"result_format": "COMPLETE", "partial_unexpected_count": 1.0}}
	usual := map[string]any{"column": "x", "column_A": "n", "column_B": "x", "column_list": []any{"n", "x"}, "mostly": 0.5, "result_format": "COMPLETE", "row_condition": "n > 1", "ignore_row_if": nil, "match_on": "any", "type_list": []any{"str"},
		"threshold": 1.0, "regex": "a", "regex_list": []any{"a"}, "like_pattern": "a%", "like_pattern_list": []any{"a%"}, "value": 3.0, "sum_total": 1.0, "strftime_format": "%Y", "json_schema": map[string]any{}, "min_value": 1.0, "max_value": nil,
		"quantile_ranges": map[string]any{"quantiles": []any{0.5}, "value_ranges": []any{[]any{nil, 3.0}}}, "partition_object": map[string]any{"bins": []any{0.0, 1.0}, "weights": []any{1.0}}, "allow_relative_error": false, "parse_strings_as_datetimes": false, "distribution": "norm", "params": []any{0.0, 1.0}, "other_table_name": "t", "bootstrap_samples": 20.0, "n_bins_A": 3.0}
	r := rand.New(rand.NewPCG(3, 4))
	verdicts := 0
	for _, name := range Names() {
		for range 100 {
			kwargs := map[string]any{}
			for _, word := range strings.Fields(catalogue[name].takes + " mostly row_condition result_format") {
				word = strings.TrimSuffix(word, "!")
				if v, ok := usual[word]; ok {
					kwargs[word] = v
				}
				if r.IntN(5) == 0 {
					kwargs[word] = pool[r.IntN(len(pool))]
				}
			}
			for _, d := range []Dialect{V0, V1} {
				result := Validate(f, &Suite{Dialect: d, Expectations: []Expectation{{Type: name, Kwargs: kwargs}}}, Options{Format: Complete})
				if len(result.Results) != 1 {
					t.Fatalf("%s was dropped", name)
				}
				if result.Results[0].Exception == "" {
					verdicts++
				}
				result.Results[0].Config.Kwargs = nil // NaN in arguments made by a program does not marshal, and is not ours
				if _, err := json.Marshal(result); err != nil {
					t.Fatalf("%s %v: %v", name, kwargs, err)
				}
			}
		}
	}
	if verdicts < 1000 {
		t.Errorf("only %d verdicts: the arguments are too odd to test anything", verdicts)
	}
}

// TestIndependent puts broken expectations among good ones: the good ones answer as if alone.
func TestIndependent(t *testing.T) {
	f := patients(50)
	suite := Suggest(f, SuggestOptions{})
	alone := Validate(f, suite, Options{})
	mixed := &Suite{}
	for _, e := range suite.Expectations {
		mixed.Expectations = append(mixed.Expectations, Expectation{Type: "expect_rain"}, e, Expectation{Type: e.Type, Kwargs: map[string]any{"colum": "age"}})
	}
	for i, r := range Validate(f, mixed, Options{}).Results {
		if i%3 != 1 {
			if r.Exception == "" {
				t.Errorf("%s with a misspelt argument raised nothing", r.Config.Type)
			}
			continue
		}
		got, _ := json.Marshal(r)
		if want, _ := json.Marshal(alone.Results[i/3]); string(got) != string(want) {
			t.Errorf("got %s, alone %s", got, want)
		}
	}
}

// BenchmarkValidate checks the suite suggested for a table of 100,000 rows and 30 columns.
func BenchmarkValidate(b *testing.B) {
	var columns []dataset.Column
	for i := range 5 {
		for _, c := range patients(100_000).Columns {
			c.Name = fmt.Sprint(c.Name, i)
			columns = append(columns, c)
		}
	}
	f, err := dataset.NewFrame(columns...)
	if err != nil {
		b.Fatal(err)
	}
	suite := Suggest(f, SuggestOptions{})
	b.ReportMetric(float64(len(suite.Expectations)), "expectations")
	b.ReportAllocs()
	for b.Loop() {
		if r := Validate(f, suite, Options{Format: Summary}); !r.Success {
			b.Fatal(r.Failed(""))
		}
	}
}
