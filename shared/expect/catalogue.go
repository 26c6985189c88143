package expect

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// record is one expectation that can be evaluated. To add one, write its function and put its record into the table of its family.
type record struct {
	name  string
	takes string // its arguments, in words; "!" behind one that may be neither absent nor null
	run   func(c *check) (outcome, error)
}

// outcome is what an expectation found. A nil detail is an empty result.
type outcome struct {
	success bool
	detail  map[string]any
	rows    []int // unexpected rows of the table, ascending
}

// families are the tables that make up the catalogue.
var families = [][]record{valueMaps, textMaps, schemaMaps, orderMaps, typeMaps, aggregates, distributions, hypotheses, sets, pairs, multicolumns, tables}

var catalogue = func() map[string]record {
	all := map[string]record{}
	for _, f := range families {
		for _, r := range f {
			all[r.name] = r
		}
	}
	return all
}()

// common are the arguments that every expectation may carry. Some only steer Great Expectations itself, and are passed over.
const common = "mostly row_condition condition_parser result_format catch_exceptions include_config batch_id meta auto profiler_config"

// elsewhere are expectations that exist and that a table in memory cannot answer, each with the reason.
var elsewhere = map[string]string{
	"expect_query_results_to_match_comparison": "it asks an SQL database, and a file is validated here",
	"unexpected_rows_expectation":              "it asks an SQL database, and a file is validated here",
}

// Names are the expectations that can be evaluated, sorted.
func Names() []string { return slices.Sorted(maps.Keys(catalogue)) }

// find is the record called name; the error says why there is none.
func find(name string) (record, error) {
	if r, ok := catalogue[name]; ok {
		return r, nil
	}
	if why, ok := elsewhere[name]; ok {
		return record{}, fmt.Errorf("%s cannot be evaluated here: %s", name, why)
	}
	if near := nearest(name, maps.Keys(catalogue)); near != "" {
		return record{}, fmt.Errorf("%s is not an expectation known here; the nearest name is %s", brief(name), near)
	}
	return record{}, fmt.Errorf("%s is not an expectation known here", brief(name))
}

// unknown are the arguments that neither the expectation nor every expectation takes, each with the nearest that is taken.
func (r record) unknown(kwargs map[string]any) []string {
	taken := map[string]bool{}
	for _, word := range strings.Fields(r.takes + " " + common) {
		taken[strings.TrimSuffix(word, "!")] = true
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(kwargs)) {
		if taken[k] {
			continue
		}
		text := fmt.Sprintf("%s is not an argument of %s", brief(k), r.name)
		if near := nearest(k, maps.Keys(taken)); near != "" {
			text += fmt.Sprintf(" (the nearest is %s)", near)
		}
		out = append(out, text)
	}
	return out
}

// absent are the arguments that must be there and are not.
func (r record) absent(kwargs map[string]any) []string {
	var out []string
	for _, word := range strings.Fields(r.takes) {
		if k, must := strings.CutSuffix(word, "!"); must && kwargs[k] == nil {
			out = append(out, k+" is missing")
		}
	}
	return out
}

// nearest is the name with the smallest edit distance, case aside, at most a third of its length; ties go to the first by bytes. "" =
// none is near.
func nearest(name string, names iter.Seq[string]) string {
	best, found := max(1, len(name)/3)+1, ""
	if len(name) > 200 {
		return ""
	}
	for n := range names {
		if len(n) > 200 {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < best || d == best && found != "" && n < found {
			best, found = d, n
		}
	}
	return found
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
