package expect

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// peerCase is one of Great Expectations' own test cases.
type peerCase struct {
	Title    string         `json:"title"`
	In       any            `json:"in"`
	Out      map[string]any `json:"out"`
	Error    map[string]any `json:"error"`
	OnlyFor  []string       `json:"only_for"`
	Suppress any            `json:"suppress_test_for"`
}

// TestPeerCases runs the cases that Great Expectations 1.2.0 tests itself with, as far as a column of a file can hold their data.
func TestPeerCases(t *testing.T) {
	dir := shared(t, "oracle", "gx", "cases")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("no cases")
	}
	passed, reasons := 0, map[string]int{}
	for _, file := range files {
		var doc struct {
			Type     string `json:"expectation_type"`
			Datasets []struct {
				Data     json.RawMessage              `json:"data"`
				Schemas  map[string]map[string]string `json:"schemas"`
				OnlyFor  []string                     `json:"only_for"`
				Suppress any                          `json:"suppress_test_for"`
				Tests    []peerCase                   `json:"tests"`
			} `json:"datasets"`
		}
		if err := json.Unmarshal(read(t, file), &doc); err != nil {
			t.Fatal(err)
		}
		for _, d := range doc.Datasets {
			var data map[string][]any
			if json.Unmarshal(d.Data, &data) != nil {
				reasons["several tables"] += len(d.Tests)
				continue
			}
			for _, c := range d.Tests {
				why, failure := runCase(doc.Type, data, d.Schemas["pandas"], c, d.OnlyFor, d.Suppress)
				switch {
				case failure != "":
					t.Errorf("%s %s: %s", filepath.Base(file), c.Title, failure)
				case why != "":
					reasons[why]++
				default:
					passed++
				}
			}
		}
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("not applicable, %s: %d", why, reasons[why])
	}
	t.Logf("%d passed", passed)
	if passed < 266 {
		t.Errorf("%d cases passed, the floor is 266", passed)
	}
}

// runCase says why a case does not apply, or how it failed; neither when it passed.
func runCase(kind string, data map[string][]any, schema map[string]string, c peerCase, onlyFor []string, suppress any) (why, failure string) {
	engine := "pandas"
	if strings.Contains(kind, "like_pattern") {
		engine = "sqlite" // the pandas engine of Great Expectations has no LIKE
	}
	for _, only := range [][]string{c.OnlyFor, onlyFor} {
		if only != nil && !slices.Contains(only, engine) && !(engine == "sqlite" && slices.Contains(only, "sqlalchemy")) {
			return "for other engines", ""
		}
	}
	if strings.Contains(fmt.Sprint(c.Suppress, suppress), engine) {
		return "suppressed by the peer", ""
	}
	kwargs, ok := c.In.(map[string]any)
	if !ok {
		return "positional arguments", ""
	}
	used := fmt.Sprint(kwargs)
	var columns []dataset.Column
	rows := 0
	for _, name := range slices.Sorted(maps.Keys(data)) {
		column, mixed := frameColumn(name, data[name])
		rows = len(data[name])
		if named := slices.ContainsFunc(strings.FieldsFunc(used, func(r rune) bool { return strings.ContainsRune("[]: ", r) }), func(w string) bool { return w == name }); named {
			if mixed {
				return "a column of texts and numbers, which no file holds", ""
			}
			if strings.HasPrefix(schema[name], "datetime") && data[name] != nil {
				return "a column of datetimes, which no CSV file holds", ""
			}
		}
		columns = append(columns, column)
	}
	e := Expectation{Type: kind, Kwargs: maps.Clone(kwargs)}
	if !strings.HasPrefix(kind, "expect_table") && kind != "expect_column_to_exist" {
		index := make([]float64, rows)
		for i := range index {
			index[i] = float64(i)
		}
		columns = append(columns, dataset.NumericColumn("pk_index", index))
		if _, set := kwargs["result_format"]; !set {
			e.Kwargs["result_format"] = map[string]any{"result_format": "COMPLETE", "unexpected_index_column_names": []any{"pk_index"}}
		}
	}
	f, err := dataset.NewFrame(columns...)
	if err != nil {
		return "", err.Error()
	}
	suite := &Suite{Expectations: []Expectation{e}}
	result := Validate(f, suite, Options{Format: Complete}).Results[0]
	b, err := json.Marshal(result)
	if err != nil {
		return "", err.Error()
	}
	if failure := inParts(f, suite, b); failure != "" {
		return "", failure
	}
	var got struct {
		Success bool           `json:"success"`
		Result  map[string]any `json:"result"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		return "", err.Error()
	}
	if strings.Contains(result.Exception, "cannot be evaluated here") {
		return result.Exception, ""
	}
	if want, ok := c.Out["traceback_substring"].(string); ok {
		if !strings.Contains(result.Exception, want) {
			return "", fmt.Sprintf("the error %q does not contain %q", result.Exception, want)
		}
		return "", ""
	}
	if c.Error != nil && len(c.Out) == 0 {
		want, _ := c.Error["traceback_substring"].(string)
		_, said, found := strings.Cut(want, "Error: ")
		if !found {
			said = want
		}
		if strings.Contains(result.Exception, strings.TrimSuffix(said, ".")) {
			return "", ""
		}
		return "an error that the peer's runner does not look at", ""
	}
	if result.Exception != "" {
		return "", "raised " + result.Exception
	}
	if got.Success != c.Out["success"] {
		return "", fmt.Sprintf("success is %v, wanted %v, result %v", got.Success, c.Out["success"], got.Result)
	}
	for key, want := range c.Out {
		var have any
		switch key {
		case "unexpected_list", "unexpected_index_list", "observed_value":
			have = got.Result[key]
		case "value_counts":
			have = got.Result["details"].(map[string]any)[key]
		case "result":
			for k, w := range want.(map[string]any) {
				h, there := got.Result[k]
				if _, aggregate := got.Result["observed_value"]; aggregate && !there {
					continue // 1.2.0 tells the counts for map expectations only
				}
				if k == "unexpected_index_query" || k == "details" { // the first needs pandas' index, the second went away before 0.18
					continue
				}
				if !closeTo(w, h) {
					return "", fmt.Sprintf("result.%s is %v, wanted %v", k, h, w)
				}
			}
			continue
		default:
			continue
		}
		if !closeTo(want, have) {
			return "", fmt.Sprintf("%s is %s, wanted %s", key, show(have, true), show(want, true))
		}
	}
	return "", ""
}

// frameColumn makes a column of JSON values; mixed when they are of several types.
func frameColumn(name string, values []any) (c dataset.Column, mixed bool) {
	numbers, texts := make([]float64, len(values)), make([]string, len(values))
	kinds := map[string]bool{}
	for i, v := range values {
		numbers[i] = math.NaN()
		switch x := v.(type) {
		case float64:
			numbers[i], texts[i] = x, fmt.Sprint(x)
			kinds["number"] = true
		case string:
			texts[i] = x
			kinds["text"] = true
		case bool:
			texts[i] = map[bool]string{true: "True", false: "False"}[x]
			kinds["bool"] = true
		case nil:
			texts[i] = "\x00"
		}
	}
	if len(kinds) == 0 || len(kinds) == 1 && kinds["number"] {
		return dataset.NumericColumn(name, numbers), false
	}
	return dataset.CategoricalColumn(name, texts, func(s string) bool { return s == "\x00" }), len(kinds) > 1
}
