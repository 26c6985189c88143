package expect

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"mlops/shared/fault"
)

// TestRoundTrip reads and writes suites: nothing may be lost, known or unknown.
func TestRoundTrip(t *testing.T) {
	suites := map[string]string{
		"1.x":   `{"name":"s","id":null,"suite_parameters":{"limit":3},"notes":null,"future":[1.0,{"a":12345678901234567890}],"expectations":[{"type":"expect_column_to_exist","kwargs":{"column":"a","later":1.50},"meta":{"k":"v"},"id":"x","severity":"info","rendered_content":[{}],"description":"d"}],"meta":{"great_expectations_version":"1.2.0"}}`,
		"0.x":   `{"expectation_suite_name":"s","ge_cloud_id":null,"data_asset_type":null,"evaluation_parameters":{"a":1},"expectations":[{"expectation_type":"expect_column_to_exist","kwargs":{"column":"a"},"meta":{}}],"meta":{}}`,
		"empty": `{"expectations":[],"name":""}`,
	}
	for _, version := range []string{"1.2.0", "0.18.21"} {
		root := shared(t, "oracle", "gx", "golden")
		suites[version] = string(read(t, filepath.Join(root, version, "suite.json")))
	}
	for name, text := range suites {
		t.Run(name, func(t *testing.T) {
			s, err := ReadSuite([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := difference("", decode(t, []byte(text)), decode(t, b)); diff != "" {
				t.Error(diff)
			}
			if name == "1.x" && !strings.Contains(string(b), "12345678901234567890") {
				t.Errorf("a long integer was rounded: %s", b)
			}
		})
	}
}

func TestReadSuiteRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no JSON", `{`, "not a JSON object"},
		{"a list", `[]`, "not a JSON object"},
		{"null", `null`, "null"},
		{"two documents", `{"expectations":[]}{}`, "follows"},
		{"no expectations", `{"name":"s"}`, "expectations"},
		{"several at once", `{"expectations":[1,{"type":"x"},null]}`, "expectations[2]: wrong_type"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "UTF-16"},
		{"UTF-16 without its mark", "\x00{\x00}", "UTF-16"},
		{"a name that is a number", `{"name":1,"expectations":[]}`, "name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadSuite([]byte(c.text))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, wanted an Invalid that names %q", err, c.want)
			}
		})
	}
	if _, err := ReadSuite(make([]byte, MaxSuiteBytes+1)); fault.CodeOf(err) != fault.CodeTooLarge {
		t.Errorf("a suite above the limit: %v", err)
	}
}

// TestMistakes has an expectation for each way of being wrong, behind a byte order mark: each names its own mistake, the others are
// evaluated, what is not told is not lost, and it is the same over batches. Those that say catch_exceptions: false are raised.
func TestMistakes(t *testing.T) {
	const between = `"type":"expect_column_values_to_be_between"`
	cases := []struct{ text, want string }{
		{`{` + between + `,"kwargs":{"column":"age","min_value":0}}`, ""},
		{`{"kwargs":{"column":"age"}}`, "type is missing"},
		{`{"type":7,"kwargs":{}}`, "type must be a text, not 7"},
		{`{` + between + `,"kwargs":[1,2]}`, "kwargs must be an object, not [1,2]"},
		{`{` + between + `,"severity":"fatal","kwargs":{"column":"age","min_value":0}}`, `severity must be critical, warning or info, not "fatal"`},
		{`{` + between + `,"severity":1,"kwargs":{"column":"age","min_value":0}}`, "severity must be a text, not 1"},
		{`{` + between + `,"meta":"none","kwargs":{"column":"age","min_value":0}}`, "meta must be an object, not none"},
		{`{"type":"expect_colum_values_to_be_between","severity":"fatal","kwargs":{}}`, "the nearest name is expect_column_values_to_be_between; severity must be"},
		{`{` + between + `,"kwargs":{"column":"age","min_value":0,"mostly":1.5}}`, "mostly = 1.5: ensure this value is less than or equal to 1"},
		{`{` + between + `,"kwargs":{"column":"age","min_value":0,"mostly":"most"}}`, `mostly must be a number, not the text "most"`},
		{`{` + between + `,"kwargs":{"column":"age","min_value":"zero"}}`, `min_value must be a number for a column of numbers, or a date for one of dates, not the text "zero"`},
		{`{` + between + `,"kwargs":{"column":"age","min_value":[0]}}`, "min_value must be a number or a text, not a list"},
		{`{` + between + `,"kwargs":{"column":"age","min_vlaue":0}}`, "min_vlaue is not an argument of expect_column_values_to_be_between (the nearest is min_value)"},
		{`{` + between + `,"kwargs":{"column":"age","min_value":0,"result_format":"EVERYTHING"}}`, "BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE"},
		{`{` + between + `,"kwargs":{"column":"age","min_value":0,"result_format":3}}`, "result_format must be a name or an object, not the number 3"},
		{`{` + between + `,"kwargs":{"column":"age","min_value":0,"catch_exceptions":"no"}}`, "catch_exceptions must be true or false"},
		{`{` + between + `,"kwargs":{"column":"agee","min_value":0,"catch_exceptions":false}}`, `"agee" in BatchData does not exist. The nearest name is "age".`},
	}
	texts := make([]string, len(cases))
	for i, c := range cases {
		texts[i] = c.text
	}
	text := `{"name":"mistakes","expectations":[` + strings.Join(texts, ",") + `]}`
	s, err := ReadSuite([]byte("\uFEFF" + text))
	if err != nil {
		t.Fatal(err)
	}
	r := Validate(patients(12), s, Options{})
	for i, c := range cases {
		if got := r.Results[i]; got.Success != (c.want == "") || !strings.Contains(got.Exception, c.want) || got.Exception != "" && got.Severity() != Critical {
			t.Errorf("%s: %q, severity %s, wanted %q", c.text, got.Exception, got.Severity(), c.want)
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []any
	want, got = decode(t, []byte(text))["expectations"].([]any), decode(t, b)["expectations"].([]any)
	for i := range want {
		w, g := want[i].(map[string]any), got[i].(map[string]any)
		if w["type"] == nil {
			w["type"] = ""
		}
		if diff := difference("", w, g); diff != "" {
			t.Errorf("%s: %s", cases[i].text, diff)
		}
	}
	sameAsWhole(t, patients(12), s, Options{}, rand.New(rand.NewPCG(1, 1)))
	if err := r.Raised(); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "expectations[16]") || strings.Contains(err.Error(), "expectations[15]") {
		t.Errorf("raised %v", err)
	}
	if err := Validate(patients(12), &Suite{}, Options{}).Raised(); err != nil {
		t.Errorf("raised %v", err)
	}
}

// FuzzReadSuite reads anything; what is read validates without a panic, and writes what reads back.
func FuzzReadSuite(f *testing.F) {
	f.Add([]byte(`{"name":"s","expectations":[{"type":"expect_column_values_to_be_between","kwargs":{"column":"age","min_value":1,"row_condition":"ward == 'east' and age.notnull()"}}]}`))
	f.Add([]byte(`{"expectation_suite_name":"s","expectations":[{"expectation_type":"expect_column_values_to_match_regex","kwargs":{"column":"ward","regex":"^[a-z\\W]+$"}}]}`))
	f.Add([]byte(`{"expectations":[{"type":"expect_column_kl_divergence_to_be_less_than","kwargs":{"column":"age","partition_object":{"bins":["-Infinity",0,1],"weights":[0.5,0.5]},"threshold":1,"tail_weight_holdout":0.1}}]}`))
	f.Add([]byte(`{"expectations":[{"type":"expect_column_quantile_values_to_be_between","kwargs":{"column":"age","quantile_ranges":{"quantiles":[0.5],"value_ranges":[[null,{"$PARAMETER":"2*(a-1)"}]]}}}],"suite_parameters":{"a":3}}`))
	f.Add([]byte(`{"expectations":[{"type":"expect_compound_columns_to_be_unique","kwargs":{"column_list":["age","ward"],"row_condition":{"type":"and","conditions":[{"type":"comparison","column":{"name":"age"},"operator":"IN","parameter":[1,2]}]}}}]}`))
	f.Add([]byte(`{"expectations":[{"type":"expect_column_values_to_match_json_schema","kwargs":{"column":"ward","json_schema":{"$ref":"http://x/y"}}},{"type":"expect_column_values_to_match_strftime_format","kwargs":{"column":"ward","strftime_format":"%Y-%m"}},{"type":"expect_column_values_to_be_dateutil_parseable","kwargs":{"column":"ward","result_format":{"result_format":"COMPLETE","unexpected_index_column_names":["id"],"partial_unexpected_count":2}}}]}`))
	frame := patients(12)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSuite(b)
		if err != nil {
			return
		}
		result := Validate(frame, s, Options{Format: Complete})
		if len(result.Results) != len(s.Expectations) {
			t.Fatalf("%d results of %d expectations", len(result.Results), len(s.Expectations))
		}
		if _, err := json.Marshal(result); err != nil {
			t.Fatalf("the result does not marshal: %v", err)
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSuite(out); err != nil {
			t.Fatalf("what was written does not read: %v\n%s", err, out)
		}
	})
}
