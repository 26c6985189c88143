package expect

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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

// peerData is a table of the cases, and the schema that pandas is given.
type peerData struct {
	Name     string                       `json:"dataset_name"`
	Data     json.RawMessage              `json:"data"`
	Schemas  map[string]map[string]string `json:"schemas"`
	OnlyFor  []string                     `json:"only_for"`
	Suppress any                          `json:"suppress_test_for"`
	Tests    []peerCase                   `json:"tests"`
}

// table decodes the data; several tables are the first and the row counts of all by name.
func (d *peerData) table(t *testing.T) (data map[string][]any, others map[string]int) {
	if json.Unmarshal(d.Data, &data) == nil {
		return data, nil
	}
	var several []struct {
		Name string           `json:"dataset_name"`
		Data map[string][]any `json:"data"`
	}
	if err := json.Unmarshal(d.Data, &several); err != nil || len(several) == 0 {
		t.Fatalf("%s: %v", d.Name, err)
	}
	others = map[string]int{}
	for _, s := range several {
		for _, column := range s.Data {
			others[s.Name] = len(column)
		}
	}
	return several[0].Data, others
}

// alike are engines whose cases ask what pandas would answer the same: the two generations of its own, and a database for which the case
// or Spark, for which the case was written apart though the question is the same.
var alike = []string{"pandas_v2_api", "pandas_v3_api", "snowflake", "spark"}

// unlike says why a case for other engines has no answer here, by what it asks.
func unlike(kind string) string {
	switch {
	case strings.Contains(kind, "type_list"):
		return "the names of another engine's types"
	case strings.Contains(kind, "like_pattern"):
		return "SQL Server's classes in LIKE patterns, which SQLite has not"
	case strings.Contains(kind, "stdev") || strings.Contains(kind, "mean"):
		return "another engine's last digit as an exact bound, or its decimal type"
	case strings.Contains(kind, "unique"):
		return "another engine's text for no value, or name for a column without one"
	}
	return "an error of another engine"
}

// peerFloor is how many cases pass.
const peerFloor = 340

// TestPeerCases runs the cases that Great Expectations 1.2.0 tests itself with.
func TestPeerCases(t *testing.T) {
	dir := shared(t, "oracle", "gx", "cases")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("no cases")
	}
	passed, reasons := 0, map[string]int{}
	for _, file := range files {
		var doc struct {
			Type     string     `json:"expectation_type"`
			Datasets []peerData `json:"datasets"`
		}
		if err := json.Unmarshal(read(t, file), &doc); err != nil {
			t.Fatal(err)
		}
		for _, d := range doc.Datasets {
			data, others := d.table(t)
			for _, c := range d.Tests {
				why, failure := runCase(doc.Type, data, others, d.Schemas["pandas"], c, d.OnlyFor, d.Suppress)
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
	if passed < peerFloor {
		t.Errorf("%d cases passed, the floor is %d", passed, peerFloor)
	}
}

// runCase says why a case does not apply, or how it failed; neither when it passed.
func runCase(kind string, data map[string][]any, others map[string]int, schema map[string]string, c peerCase, onlyFor []string, suppress any) (why, failure string) {
	engine := "pandas"
	if strings.Contains(kind, "like_pattern") {
		engine = "sqlite" // the pandas engine of Great Expectations has no LIKE
	}
	for _, only := range [][]string{c.OnlyFor, onlyFor} {
		if only != nil && !slices.Contains(only, engine) && !(engine == "sqlite" && slices.Contains(only, "sqlalchemy")) {
			if !slices.ContainsFunc(only, func(engine string) bool {
				return slices.Contains(alike, engine) && !strings.Contains(c.Title, "exact_min_and_max") && (engine != "spark" || !strings.Contains(kind, "type_list"))
			}) && !strings.Contains(kind, "other_table") {
				return unlike(kind), ""
			}
		}
	}
	if strings.Contains(fmt.Sprint(c.Suppress, suppress), engine) {
		return "suppressed by the peer", ""
	}
	kwargs, ok := c.In.(map[string]any)
	if !ok {
		return "positional arguments", ""
	}
	var columns []dataset.Column
	typed := map[string][]any{}
	rows := 0
	for _, name := range slices.Sorted(maps.Keys(data)) {
		column, levels, err := TypedColumn(name, asPandas(data[name], schema[name]))
		if err != nil {
			return "", err.Error()
		}
		rows = len(data[name])
		columns = append(columns, column)
		if levels != nil {
			typed[name] = levels
		}
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
			if slices.Contains(c.OnlyFor, "pandas_v2_api") { // which knew no such columns
				e.Kwargs["result_format"] = "COMPLETE"
			}
		}
	}
	f, err := dataset.NewFrame(columns...)
	if err != nil {
		return "", err.Error()
	}
	suite, options := &Suite{Expectations: []Expectation{e}}, Options{Format: Complete, Typed: typed, Tables: others, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	result := Validate(f, suite, options).Results[0]
	b, err := json.Marshal(result)
	if err != nil {
		return "", err.Error()
	}
	if len(typed) == 0 { // columns of several types are held
		if failure := inParts(f, suite, options, b); failure != "" {
			return "", failure
		}
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
		return "an error that the peer's runner does not look at, and that its 1.x words otherwise or does not raise", ""
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

// asPandas casts values as the schema of a case makes pandas cast them, gaps apart.
func asPandas(values []any, dtype string) []any {
	out := slices.Clone(values)
	for i, v := range out {
		switch {
		case v == nil:
		case dtype == "str":
			out[i] = typedText(scalar(v))
		case strings.HasPrefix(dtype, "datetime"):
			if t, ok := parseTime(v.(string)); ok {
				out[i] = t
			}
		case dtype == "int":
			if text, ok := v.(string); ok {
				out[i], _ = strconv.ParseFloat(text, 64)
			}
		}
	}
	return out
}
