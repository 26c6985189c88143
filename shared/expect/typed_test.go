package expect

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
)

// objects is a table with a column of several types, one of dates, one of booleans and one of texts.
func objects(t testing.TB) (*dataset.Frame, Options) {
	day := func(d int) time.Time { return time.Date(2024, 1, d, 12, 0, 0, 0, time.UTC) }
	typed := map[string][]any{}
	var columns []dataset.Column
	for _, c := range []struct {
		name   string
		values []any
	}{
		{"mixed", []any{1.0, "1", true, nil, "True"}}, {"when", []any{day(3), day(1), nil, day(2), day(3)}},
		{"flag", []any{true, false, nil, true, true}}, {"text", []any{"a", "", nil, "b", "a"}}, {"n", []any{1.0, 2.0, 3.0, 4.0, 5.0}},
	} {
		column, levels, err := TypedColumn(c.name, c.values)
		if err != nil {
			t.Fatal(err)
		}
		if columns = append(columns, column); levels != nil {
			typed[c.name] = levels
		}
	}
	f, err := dataset.NewFrame(columns...)
	if err != nil {
		t.Fatal(err)
	}
	return f, Options{Typed: typed, Now: day(2)}
}

func TestTyped(t *testing.T) {
	f, o := objects(t)
	for _, c := range []struct {
		kind, kwargs string
		want         []int
		raises       string
	}{
		{"expect_column_values_to_be_in_set", `{"column":"mixed","value_set":[1]}`, []int{1, 4}, ""}, // True is 1
		{"expect_column_values_to_be_in_set", `{"column":"mixed","value_set":["1"]}`, []int{0, 2, 4}, ""},
		{"expect_column_values_to_be_in_type_list", `{"column":"mixed","type_list":["str"]}`, []int{0, 2}, ""},
		{"expect_column_values_to_be_in_type_list", `{"column":"mixed","type_list":["bool","int"]}`, []int{1, 4}, ""},
		{"expect_column_values_to_be_between", `{"column":"mixed","min_value":0}`, nil, "of the same type"},
		{"expect_column_values_to_be_between", `{"column":"mixed","min_value":1,"allow_cross_type_comparisons":true}`, []int{1, 4}, ""},
		{"expect_column_values_to_not_be_null", `{"column":"mixed"}`, []int{3}, ""},
		{"expect_column_values_to_match_regex", `{"column":"mixed","regex":"^1$"}`, []int{2, 4}, ""},
		{"expect_column_mean_to_be_between", `{"column":"mixed","min_value":0}`, nil, "numeric"},
		{"expect_column_values_to_match_strftime_format", `{"column":"mixed","strftime_format":"%Y"}`, nil, "must be of type string"},
		{"expect_column_values_to_be_between", `{"column":"when","min_value":"2024-01-02"}`, []int{1}, ""},
		{"expect_column_values_to_be_between", `{"column":"when","max_value":{"$PARAMETER":"now()"}}`, []int{0, 4}, ""},
		{"expect_column_values_to_be_between", `{"column":"when","max_value":{"$PARAMETER":"datetime(2024, 1, 4) - timedelta(days=1, hours=12)"}}`, []int{0, 4}, ""},
		{"expect_column_values_to_be_between", `{"column":"when","max_value":3}`, nil, "of the same type"},
		{"expect_column_values_to_be_increasing", `{"column":"when"}`, []int{1}, ""},
		{"expect_column_values_to_be_in_set", `{"column":"when","value_set":["2024-01-03T12:00:00"]}`, []int{1, 3}, ""},
		{"expect_column_values_to_be_of_type", `{"column":"when","type_":"datetime64"}`, nil, ""},
		{"expect_column_max_to_be_between", `{"column":"when","max_value":"2024-02-01"}`, nil, ""},
		{"expect_column_values_to_be_in_set", `{"column":"n","value_set":[],"row_condition":"when >= '2024-01-02' and mixed != 1"}`, []int{3, 4}, ""},
		{"expect_column_values_to_be_in_set", `{"column":"n","value_set":[],"row_condition":"mixed > 1"}`, nil, "different types"},
		{"expect_column_values_to_be_of_type", `{"column":"flag","type_":"bool"}`, nil, ""},
		{"expect_column_type_to_be", `{"column":"text","type_":"str"}`, nil, ""},
		{"expect_table_row_count_to_equal_other_table", `{"other_table_name":"gone"}`, nil, "not known here"},
	} {
		r := one(t, f, V1, c.kind, c.kwargs, o)
		if !strings.Contains(r.Exception, c.raises) || (r.Exception != "") != (c.raises != "") {
			t.Errorf("%s %s: raised %q, wanted %q", c.kind, c.kwargs, r.Exception, c.raises)
		} else if r.Success != (c.want == nil && c.raises == "") || !slices.Equal(r.UnexpectedRows, c.want) {
			t.Errorf("%s %s: success %v, unexpected rows %v, wanted %v", c.kind, c.kwargs, r.Success, r.UnexpectedRows, c.want)
		}
	}
	r := one(t, f, V1, "expect_column_max_to_be_between", `{"column":"when"}`, o)
	if got, _ := json.Marshal(r.Result); string(got) != `{"observed_value":"2024-01-03T12:00:00"}` {
		t.Errorf("the latest date is %s", got)
	}
	if _, _, err := TypedColumn("nested", []any{1.0, []any{}}); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("a list in a column: %v", err)
	}
}

// TestParameters has values that Great Expectations' own grammar gives: a sign binds closer than ^, which goes from right to left.
func TestParameters(t *testing.T) {
	suite := parameters{suite: map[string]any{"a": json.Number("3"), "name": "x", "E1": 7.0, "urn:great_expectations:validations:s:expect_x.result.observed_value:column=n": 4.0}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for expression, want := range map[string]any{
		"a": json.Number("3"), "name": "x", "-2^2": 4.0, "2^3^2": 512.0, "2 * -a + 1": -5.0, "(a + 1) / 2": 2.0, "round(2.5) + trunc(-2.9)": 0.0, "round(2.675, 2)": 2.67, "round(25, -1)": 20.0,
		"abs(-a) * sgn(-0.5)": -3.0, "sin(PI) < 1": nil, "exp(0) + cos(0)": 2.0, "E1 + e - E": 7.0, "1e3": 1000.0, "gone * 2": nil, "name + 1": nil, "now() - now()": nil, "foo(1)": nil, "1/0": nil, "(1": nil, "datetime(2024, 2, 30)": nil,
		"urn:great_expectations:validations:s:expect_x.result.observed_value:column=n * 2": 8.0,
		"now() + timedelta(days=1, minutes=-4)":                                            time.Date(2026, 1, 3, 3, 0, 5, 0, time.UTC),
		"datetime(year=2024, month=2, day=29) + 2 * timedelta(0, 30)":                      time.Date(2024, 2, 29, 0, 1, 0, 0, time.UTC),
		"timedelta(weeks=52*100*9)":                                                        nil,
	} {
		got, err := parameter(expression, nil, suite)
		if fmt.Sprint(got) != fmt.Sprint(want) || (err != nil) != (want == nil) {
			t.Errorf("%s: %v (%v), wanted %v", expression, got, err, want)
		}
	}
	_, err := substitute(map[string]any{"min_value": map[string]any{"$PARAMETER": "gone"}, "max_value": map[string]any{"$PARAMETER": "lost", "$PARAMETER.other": 1.0}}, suite)
	if err == nil || !strings.Contains(err.Error(), "gone") || !strings.Contains(err.Error(), "lost") {
		t.Errorf("both missing parameters are named: %v", err)
	}
}

// TestTypedLines reads JSON Lines twice: numbers beside texts stay numbers, columns of one type are as they were.
func TestTypedLines(t *testing.T) {
	const lines = `{"id": 1, "v": 1, "ward": "a", "code": "7"}
{"id": 2, "v": "1", "ward": "b", "code": "8"}

{"id": 3, "v": null, "ward": "", "code": "9"}
{"id": 4, "v": true, "code": "x"}
`
	f, err := dataset.ReadJSONL(strings.NewReader(lines), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	typed, levels, err := Typed(strings.NewReader(lines), f)
	if err != nil || len(levels) != 1 || levels["v"] == nil {
		t.Fatalf("%v, %v", levels, err)
	}
	r := one(t, typed, V1, "expect_column_values_to_be_in_type_list", `{"column":"v","type_list":["str"]}`, Options{Typed: levels})
	if !slices.Equal(r.UnexpectedRows, []int{0, 3}) || r.Result["missing_count"] != 1 {
		t.Errorf("%+v", r)
	}
	if r = one(t, f, V1, "expect_column_values_to_be_in_type_list", `{"column":"v","type_list":["str"]}`, Options{}); !r.Success {
		t.Errorf("the first table was changed: %+v", r)
	}
	array := "[" + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(lines), "\n\n", "\n"), "\n", ",\n") + "]"
	if _, again, err := Typed(strings.NewReader("\uFEFF "+array), f); err != nil || !reflect.DeepEqual(again, levels) {
		t.Errorf("an array: %v, %v", again, err)
	}
	for _, bad := range []string{`{"v": NaN}`, lines + `{"v": 2}`, `{"v": 2}`} {
		if _, _, err := Typed(strings.NewReader(bad), f); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
