package expect

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/rule"
)

func readSuite(t *testing.T, file string) *Suite {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadSuite(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHeartSuites: the shipped suites hold on the shipped table, and on the real one but for what is known to be wrong with it.
func TestHeartSuites(t *testing.T) {
	training, requests := readSuite(t, "../../testdata/suites/heart-training.json"), readSuite(t, "../../testdata/suites/heart-requests.json")
	shipped := readFrame(t, "../../testdata/datasets/heart.csv")
	for _, s := range []*Suite{training, requests} {
		for _, e := range Validate(shipped, s, Options{}).Failed("") {
			t.Errorf("%s: %s %v: %v %s", s.Name, e.Config.Type, e.Config.Kwargs, e.Result, e.Exception)
		}
	}
	set, err := Rules(requests, map[string]string{Critical: Reject, Warning: Warn})
	if err != nil || len(set.LeftOut) != 0 || len(set.Rules) != len(requests.Expectations) {
		t.Errorf("%d rules, %v left out, %v", len(set.Rules), set.LeftOut, err)
	}
	data := shared(t, "data")
	real := readFrame(t, filepath.Join(data, "heart_uci_4sites.csv"))
	r := Validate(real, training, Options{})
	zero := map[string]int{}
	for _, e := range r.Failed("") {
		column, _ := e.Config.Kwargs["column"].(string)
		for _, row := range e.UnexpectedRows {
			if v, ok := real.Column(column).Value(row).(float64); ok && v == 0 && e.Severity() == Warning {
				zero[column]++
				continue
			}
			t.Errorf("%s %v: row %d", e.Config.Type, e.Config.Kwargs, row)
		}
		if len(e.UnexpectedRows) == 0 {
			t.Errorf("%s %v: %v %s", e.Config.Type, e.Config.Kwargs, e.Result, e.Exception)
		}
	}
	if zero["chol"] != 172 || zero["trestbps"] != 1 || len(zero) != 2 { // counted with pandas: (d.chol == 0).sum(), (d.trestbps == 0).sum()
		t.Errorf("zeros that stand for gaps: %v", zero)
	}
}

// TestRejections: a row that fails is named by its number, column, rule and value, and no spreadsheet calculates with what it holds.
func TestRejections(t *testing.T) {
	f, err := dataset.NewFrame(dataset.NumericColumn("age", []float64{30, -5, 41, 200}),
		dataset.CategoricalColumn("note", []string{"=HYPERLINK(\"http://x\")", "ok", "", "@SUM(A1)"}, func(s string) bool { return s == "" }))
	if err != nil {
		t.Fatal(err)
	}
	s := &Suite{Expectations: []Expectation{
		{Type: "expect_column_values_to_be_between", Kwargs: map[string]any{"column": "age", "min_value": 0.0, "max_value": 120.0}, Severity: Critical},
		{Type: "expect_column_values_to_be_in_set", Kwargs: map[string]any{"column": "note", "value_set": []any{"ok"}}, Severity: Warning},
		{Type: "expect_column_values_to_not_be_null", Kwargs: map[string]any{"column": "note"}, Severity: Info},
		{Type: "expect_column_values_to_be_in_set", Kwargs: map[string]any{"column": "age", "value_set": []any{1.0}}, Severity: Info},
		{Type: "expect_nothing", Severity: Critical},
	}}
	list, more := Validate(f, s, Options{}).Rejections(f, map[string]string{Critical: Reject, Warning: Warn, Info: Ignore}, 3)
	if len(list) != 3 || more != 1 || list[0].Row != 1 || list[1].Row != 2 || list[1].Value != "-5" || list[2].Row != 4 {
		t.Fatalf("%+v and %d more", list, more)
	}
	list, _ = Validate(f, s, Options{}).Rejections(f, map[string]string{Critical: Reject, Warning: Warn}, 100)
	var b bytes.Buffer
	if err := WriteRejections(&b, list); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"row", "column", "rule", "expected", "severity", "value", "done"},
		{"1", "note", "expect_column_values_to_be_in_set", `{"value_set":["ok"]}`, "warning", `'=HYPERLINK("http://x")`, "kept"},
		{"2", "age", "expect_column_values_to_be_between", `{"max_value":120,"min_value":0}`, "critical", "-5", "set aside"},
		{"4", "age", "expect_column_values_to_be_between", `{"max_value":120,"min_value":0}`, "critical", "200", "set aside"},
		{"4", "note", "expect_column_values_to_be_in_set", `{"value_set":["ok"]}`, "warning", "'@SUM(A1)", "kept"},
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("line %d: %q, wanted %q", i, got[i], want[i])
		}
	}
}

// FuzzHarmless: no cell begins like a formula, and no number is touched.
func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"", "=1", "+1", "-1e3", "@x", "\tx", "\r=1", "-x", "0x1p-2", "|cmd", "%0A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := harmless(s)
		if got == s && s != "" && strings.ContainsRune("=@\t\r\n|%", rune(s[0])) || strings.TrimPrefix(got, "'") != strings.TrimPrefix(s, "'") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// TestRulesAgree: for every value, a rule made of an expectation says what the expectation says of a table with that value.
func TestRulesAgree(t *testing.T) {
	for name, kwargs := range map[string]map[string]any{
		"expect_column_values_to_not_be_null":       {},
		"expect_column_values_to_be_between":        {"min_value": 1.0, "max_value": json.Number("5"), "strict_max": true},
		"expect_column_values_to_be_in_set":         {"value_set": []any{1.0, "a", true}},
		"expect_column_values_to_not_be_in_set":     {"value_set": []any{2.0, "bb"}},
		"expect_column_value_lengths_to_be_between": {"min_value": 1.0, "max_value": 3.0, "strict_max": true},
		"expect_column_value_lengths_to_equal":      {"value": 2.0},
		"expect_column_values_to_match_regex":       {"regex": `^\w{1,2}$`},
		"expect_column_values_to_not_match_regex":   {"regex": `b`},
	} {
		kwargs["column"] = "x"
		s := &Suite{Expectations: []Expectation{{Type: name, Kwargs: kwargs}}}
		set, err := Rules(s, map[string]string{Critical: Reject})
		if err != nil || len(set.Rules) != 1 {
			t.Fatalf("%s: %v %v", name, set, err)
		}
		b, _ := json.Marshal(set) // it is stored in between
		set = rule.Set{}
		if err := json.Unmarshal(b, &set); err != nil {
			t.Fatal(err)
		}
		checker, err := set.Compile(func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Contains(name, "length") || strings.Contains(name, "regex")
		for _, v := range []any{nil, 0.0, 1.0, 2.0, 4.9, 5.0, 7.0, "a", "bb", "ccc", "dddd", "é"} {
			number, isNumber := v.(float64)
			if _, isText := v.(string); isText && name == "expect_column_values_to_be_between" || isNumber && text {
				continue // other types: the model says so
			}
			column := dataset.NumericColumn("x", []float64{number})
			if !isNumber {
				word, _ := v.(string)
				column = dataset.CategoricalColumn("x", []string{word}, func(s string) bool { return s == "" })
			}
			f, err := dataset.NewFrame(column)
			if err != nil {
				t.Fatal(err)
			}
			broken := false
			checker.Check(map[string]any{"x": v}, func(_ fault.Detail, reject bool) { broken = reject })
			if r := Validate(f, s, Options{}); r.Success == broken {
				t.Errorf("%s of %v: the suite says %v (%s), the rule breaks: %v", name, v, r.Success, r.Results[0].Exception, broken)
			}
		}
	}
}

func TestCheckpointsAreChecked(t *testing.T) {
	if err := DefaultCheckpoints().Validate(); err != nil {
		t.Error(err)
	}
	wrong := Checkpoints{Default: Checkpoint{Suite: "x.json", Format: "ALL"}, Datasets: map[string]Checkpoint{
		"Heart": {Suite: "../x.json", OnFailure: map[string]string{"grave": "warn", "critical": "warn", "info": "shout"}},
		"h":     {Inline: map[string]any{"name": "x"}, Requests: &Checkpoint{OnFailure: map[string]string{"critical": "warn"}}},
	}}
	details := fault.Details(wrong.Validate())
	for _, field := range []string{"default.suite", "default.result_format", "datasets.Heart", "datasets.Heart.suite", "datasets.Heart.on_failure", "datasets.Heart.on_failure.critical", "datasets.Heart.on_failure.info",
		"datasets.h.inline", "datasets.h.requests.suite"} {
		if !slices.ContainsFunc(details, func(d fault.Detail) bool { return d.Field == field }) {
			t.Errorf("nothing is said of %s: %v", field, details)
		}
	}
	if len(details) != 9 {
		t.Errorf("%v", details)
	}
	c := Checkpoints{Default: Checkpoint{OnFailure: map[string]string{"warning": Reject}}, Datasets: map[string]Checkpoint{"heart": {Format: "BASIC"}}}
	if p := c.Of("heart"); p.Format != "BASIC" || p.OnFailure[Warning] != Reject || p.OnFailure[Critical] != Refuse || p.Requests != nil {
		t.Errorf("%+v", p)
	}
	if p := c.Of("other"); p.Format != "SUMMARY" || c.Digest() == DefaultCheckpoints().Digest() {
		t.Errorf("%+v", p)
	}
}
