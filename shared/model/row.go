package model

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// The codes of the problems that Row finds.
const (
	CodeMissing         = "missing"          // a column that training always had is not in the record
	CodeWrongType       = "wrong_type"       // text for a number, a list, an object
	CodeNonFinite       = "non_finite"       // an infinite number, or one too great to hold
	CodeUnknownField    = "unknown_field"    // a field that the model does not read
	CodeUnknownCategory = "unknown_category" // a level that training never saw: scored all the same, see Warning
)

const (
	maxGot   = 64 // characters of an offending value that a problem repeats
	maxHints = 10 // unknown fields for which a likely feature is looked for: each takes a look at all features
)

// Warning reports whether a problem leaves the row fit to be scored: a category that training never saw is.
func Warning(d fault.Detail) bool { return d.Code == CodeUnknownCategory }

// Row turns a record into the numbers that Predict reads, and names every problem at once: those of features in the model's order, then
// unknown fields by name. Unless all problems are Warnings, x must not be scored.
//
//   - nil, "" and the other texts of dataset.DefaultMissing are missing values (unless the text is a level); so is a field that is left
//     out, but only if training had missing values there.
//   - A numeric feature takes a number, and true and false if it was 0/1 in training.
//   - A categorical feature takes text; a number or a truth value is compared as it is written, then by size ("3" or "3.0" for 3).
func (m *Model) Row(values map[string]any) (x []float64, problems []fault.Detail) {
	x = make([]float64, len(m.Features))
	known := 0
	for i := range m.Features {
		f := &m.Features[i]
		v, present := values[f.Name]
		if present {
			known++
		} else if !f.Nullable() {
			problems = append(problems, fault.Detail{Field: f.Name, Code: CodeMissing, Expected: f.expected()})
		}
		var code string
		if x[i], code = f.value(v); code != "" {
			problems = append(problems, fault.Detail{Field: f.Name, Code: code, Got: shorten(v), Expected: f.expected()})
		}
	}
	if known < len(values) {
		problems = append(problems, m.unknown(values)...)
	}
	return x, problems
}

// unknown names the fields of a record that are not features; the first few with the feature that was probably meant.
func (m *Model) unknown(values map[string]any) (problems []fault.Detail) {
	names, known := make([]string, len(m.Features)), make(map[string]bool, len(m.Features))
	for i, f := range m.Features {
		names[i], known[f.Name] = f.Name, true
	}
	for name := range values {
		if !known[name] {
			problems = append(problems, fault.Detail{Field: name, Code: CodeUnknownField, Expected: "only the model's features"})
		}
	}
	sort.Slice(problems, func(a, b int) bool { return problems[a].Field < problems[b].Field })
	for i := range problems[:min(len(problems), maxHints)] {
		if near := Nearest(problems[i].Field, names); near != "" {
			problems[i].Expected = "perhaps " + near
		}
	}
	return problems
}

// value is v as the feature's number, or the code of what is wrong with it.
func (f *Feature) value(v any) (x float64, code string) {
	switch t := v.(type) {
	case nil:
		return math.NaN(), ""
	case float64:
		return f.number(t, "")
	case int:
		return f.number(float64(t), "")
	case int64:
		return f.number(float64(t), "")
	case json.Number:
		n, err := t.Float64()
		if err != nil && !math.IsInf(n, 0) {
			return math.NaN(), CodeWrongType
		}
		return f.number(n, t.String())
	case bool:
		if f.Kind == dataset.Categorical {
			return f.truth(t)
		}
		if f.Integer && f.Min >= 0 && f.Max <= 1 {
			if t {
				return 1, ""
			}
			return 0, ""
		}
	case string:
		if f.Kind == dataset.Categorical {
			if c := f.level(t); c >= 0 {
				return float64(c), ""
			}
		}
		if slices.Contains(dataset.DefaultMissing, t) {
			return math.NaN(), ""
		}
		if f.Kind == dataset.Categorical {
			return -1, CodeUnknownCategory
		}
	}
	return math.NaN(), CodeWrongType
}

// number is n, written as text in the record or "", as the feature's number.
func (f *Feature) number(n float64, text string) (float64, string) {
	switch {
	case math.IsNaN(n):
		return n, ""
	case !within(n, MaxValue):
		return math.NaN(), CodeNonFinite
	case f.Kind == dataset.Numeric:
		return n, ""
	}
	if text != "" {
		if c := f.level(text); c >= 0 {
			return float64(c), ""
		}
	}
	if c := f.numberLevel(n); c >= 0 {
		return float64(c), ""
	}
	return -1, CodeUnknownCategory
}

// truth is the level that is written like a truth value: true, True, TRUE, or 1.
func (f *Feature) truth(v bool) (float64, string) {
	names := map[bool][]string{false: {"false", "False", "FALSE", "0"}, true: {"true", "True", "TRUE", "1"}}
	for _, n := range names[v] {
		if c := f.level(n); c >= 0 {
			return float64(c), ""
		}
	}
	return -1, CodeUnknownCategory
}

// level is the index of a level, or -1.
func (f *Feature) level(text string) int {
	if i, ok := slices.BinarySearch(f.Levels, text); ok {
		return i
	}
	return -1
}

// numberLevel is the index of the level that reads as the number n, or -1: a column declared categorical may hold numbers.
func (f *Feature) numberLevel(n float64) int {
	if c := f.level(strconv.FormatFloat(n, 'f', -1, 64)); c >= 0 {
		return c
	}
	for i, l := range f.Levels {
		if v, err := strconv.ParseFloat(l, 64); err == nil && v == n {
			return i
		}
	}
	return -1
}

// expected says in a few words what a feature takes.
func (f *Feature) expected() string {
	if f.Kind == dataset.Numeric {
		return fmt.Sprintf("a number, %.6g..%.6g in training", f.Min, f.Max)
	}
	const show = 8
	if len(f.Levels) > show {
		return fmt.Sprintf("one of %q and %d more", f.Levels[:show], len(f.Levels)-show)
	}
	return fmt.Sprintf("one of %q", f.Levels)
}

// shorten makes a value fit to be repeated in a problem, also as JSON.
func shorten(v any) any {
	switch t := v.(type) {
	case float64:
		if !within(t, MaxValue) {
			return fmt.Sprint(t)
		}
	case json.Number:
		return shorten(t.String())
	case string:
		if len(t) > maxGot {
			return strings.ToValidUTF8(t[:maxGot], "") + ".."
		}
	case []any, map[string]any:
		return "a list or an object"
	}
	return v
}

// Nearest is the known name that a misspelt one probably means, "" when none is near: one that contains it or is contained in it, or
// one at most a third of its length away in single-character edits (Levenshtein distance, letter case ignored).
func Nearest(name string, known []string) string {
	const longest = 64
	a, best, least := strings.ToLower(name), "", len(name)/3+1
	for _, k := range known {
		b := strings.ToLower(k)
		if len(k) > longest || len(name) > longest {
			continue
		}
		d := distance(a, b)
		if len(b) > 2 && len(a) > 2 && (strings.Contains(a, b) || strings.Contains(b, a)) {
			d = min(d, 1)
		}
		if d < least || d == least && best == "" {
			best, least = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
