package expect

import (
	"fmt"
	"math"
	"strings"
	"time"

	"mlops/shared/dataset"
)

const gap = "\x01" // the level of no value, and what the levels of values that are no texts begin with

// TypedColumn makes a column of values as JSON has them: nil, bool, a number, a string, or a time.Time. A column of numbers alone is
// numeric, one of texts or of booleans alone categorical, both with nil levels; one of several types or of dates is categorical, with what
// each level stands for, which is Options.Typed's. Lists and objects are an error that names the row.
func TypedColumn(name string, values []any) (c dataset.Column, levels []any, err error) {
	numbers, texts := make([]float64, len(values)), make([]string, len(values))
	kinds, stands := map[string]bool{}, map[string]any{}
	for i, raw := range values {
		v := scalar(raw)
		numbers[i], texts[i] = math.NaN(), gap
		switch x := v.(type) {
		case nil:
			continue
		case float64:
			if math.IsNaN(x) {
				continue
			}
			numbers[i], texts[i] = x, gap+"number "+typedText(x)
		case time.Time:
			v, texts[i] = x.UTC(), gap+"date "+typedText(x)
		case bool:
			texts[i] = typedText(x)
		case string:
			texts[i] = x
			if strings.HasPrefix(x, gap) || x == "True" || x == "False" { // a level of its own, apart from the boolean's
				texts[i] = gap + "text " + x
			}
		default:
			return c, nil, fmt.Errorf("column %q, row %d: a value must be a number, a text, a date, true, false or null, not %s", name, i+1, kindOf(v))
		}
		kinds[fmt.Sprintf("%T", v)], stands[texts[i]] = true, v
	}
	if len(kinds) == 0 || len(kinds) == 1 && kinds["float64"] {
		return dataset.NumericColumn(name, numbers), nil, nil
	}
	if len(kinds) == 1 && kinds["string"] {
		for i, text := range texts {
			if s, ok := stands[text].(string); ok {
				texts[i] = s
			}
		}
	}
	c = dataset.CategoricalColumn(name, texts, func(s string) bool { return s == gap })
	if len(kinds) == 1 && (kinds["string"] || kinds["bool"]) { // whose levels tell
		return c, nil, nil
	}
	levels = make([]any, len(c.Levels))
	for k, l := range c.Levels {
		levels[k] = stands[l]
	}
	return c, levels, nil
}

// typedText is str() of a value of a column of objects in Python.
func typedText(v any) string {
	switch x := v.(type) {
	case bool:
		if x {
			return "True"
		}
		return "False"
	case float64:
		return pythonText(x, x == math.Trunc(x) && math.Abs(x) < 1<<53)
	case time.Time:
		return x.UTC().Format("2006-01-02 15:04:05.999999")
	}
	return fmt.Sprint(v)
}

// isoTime is a date as ISO 8601 has it, in UTC.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999") }

// timeLayouts are the ways in which a date is read, UTC where no zone is told.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05-07:00", "2006-01-02 15:04", "2006-01-02", "20060102",
	"2006/01/02", "01/02/2006", "01/02/2006 15:04:05", "Jan 02 2006 15:04:05", "Jan 2 2006", "Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "2 January 2006",
}

// parseTime reads a date.
func parseTime(s string) (time.Time, bool) {
	if len(s) > 64 {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
