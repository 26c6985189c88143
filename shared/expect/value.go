package expect

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"mlops/shared/number"
)

// scalar brings what JSON and Go know as a number to float64, and leaves nil, bool, string, lists and objects as they are.
func scalar(v any) any {
	switch x := v.(type) {
	case json.Number:
		f, err := strconv.ParseFloat(string(x), 64)
		if err != nil && !math.IsInf(f, 0) {
			return string(x)
		}
		return f
	case number.Float:
		return float64(x)
	case float32:
		return float64(x)
	case int:
		return float64(x)
	case int32:
		return float64(x)
	case int64:
		return float64(x)
	}
	return v
}

// list is v as a list, and whether it is one.
func list(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case []string:
		l := make([]any, len(x))
		for i, s := range x {
			l[i] = s
		}
		return l, true
	case []float64:
		l := make([]any, len(x))
		for i, f := range x {
			l[i] = f
		}
		return l, true
	}
	return nil, false
}

// key is a scalar such that two are equal in Python exactly if their keys are equal in Go: True is 1 is 1.0.
func key(v any) any {
	if b, ok := v.(bool); ok {
		if b {
			return 1.0
		}
		return 0.0
	}
	return v
}

// mismatch is the error of comparing what has no order; its first sentence is Great Expectations' own.
func mismatch(a, b any) error {
	return fmt.Errorf("Column values, min_value, and max_value must either be None or of the same type: %s cannot be compared with %s", kindOf(a), kindOf(b))
}

// kindOf names a scalar's type for people.
func kindOf(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the text %q", brief(x))
	case bool, float64:
		return fmt.Sprintf("the number %v", x)
	case time.Time:
		return "the date " + isoTime(x)
	case []any:
		return "a list"
	}
	return "an object"
}

// compare orders two scalars: numbers and booleans by value, texts by code point, dates by time. Anything else is an error. NaN is neither.
func compare(a, b any) (less, equal bool, err error) {
	switch x := key(a).(type) {
	case float64:
		if y, ok := key(b).(float64); ok {
			return x < y, x == y, nil
		}
	case string:
		if y, ok := b.(string); ok {
			return x < y, x == y, nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Before(y), x.Equal(y), nil
		}
	}
	return false, false, mismatch(a, b)
}

// pythonText is str(v) in Python: numbers of a float column have a fraction or an exponent.
func pythonText(v float64, whole bool) string {
	if whole {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return number.Python(v)
}

// native is a value of the column with the type that pandas has it in: a whole number is an int64 in a column of those and of several types.
func (s *series) native(v any) any {
	if s.dtype == int64Type || s.typed != nil {
		return whole64(v)
	}
	return v
}

// told is a value of the column as a result carries it.
func (s *series) told(v any) any { return output(s.native(v)) }

// whole64 is a whole number as an int64 if it is one and fits, and anything else as it is.
func whole64(v any) any {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return v
}

// output is a scalar as a result carries it: NaN is null, an infinity a text, a date as ISO 8601 has it.
func output(v any) any {
	if t, ok := v.(time.Time); ok {
		return isoTime(t)
	}
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		if math.IsNaN(f) {
			return nil
		}
		return number.Float(f)
	}
	return v
}

// decimal is a float64 whose JSON has a point or an exponent always, as Python's has.
type decimal float64

func (d decimal) MarshalJSON() ([]byte, error) { return []byte(number.Python(float64(d))), nil }

// decimals are v with each float64 in it as a decimal. Those of a result are finite.
func decimals(v any) any {
	switch x := v.(type) {
	case float64:
		return decimal(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = decimals(x[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			out[k] = decimals(x[k])
		}
		return out
	}
	return v
}
