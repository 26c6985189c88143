package expect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// kwargs reads the arguments of one expectation and collects what is wrong with them, so that all is told at once.
type kwargs struct {
	values   map[string]any
	dialect  Dialect
	problems []string
}

func (k *kwargs) wrong(format string, args ...any) {
	k.problems = append(k.problems, fmt.Sprintf(format, args...))
}

// err joins the problems, nil when there are none.
func (k *kwargs) err() error {
	if len(k.problems) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(k.problems, "; "))
}

// number is a numeric argument and whether it is there.
func (k *kwargs) number(name string) (float64, bool) {
	switch v := scalar(k.values[name]).(type) {
	case nil:
		return 0, false
	case float64:
		return v, true
	default:
		k.wrong("%s must be a number, not %s", name, kindOf(v))
		return 0, false
	}
}

// whole is a numeric argument that must be a whole number.
func (k *kwargs) whole(name string) (float64, bool) {
	v := scalar(k.values[name])
	if v == nil {
		return 0, false
	}
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) {
		k.wrong("%s is not a valid integer: bounds on a count must be integers, not %s", name, kindOf(v))
		return 0, false
	}
	return f, true
}

// share is a numeric argument in [0, 1], with a default.
func (k *kwargs) share(name string, missing float64) float64 {
	v, ok := k.number(name)
	switch {
	case !ok:
		return missing
	case !(v <= 1):
		k.wrong("%s = %v: ensure this value is less than or equal to 1", name, v)
	case v < 0:
		k.wrong("%s = %v: ensure this value is greater than or equal to 0", name, v)
	}
	return v
}

// flag is a boolean argument, false when absent.
func (k *kwargs) flag(name string) bool { return k.flagOr(name, false) }

func (k *kwargs) flagOr(name string, missing bool) bool {
	switch v := k.values[name].(type) {
	case nil:
		return missing
	case bool:
		return v
	default:
		k.wrong("%s must be true or false, not %s", name, kindOf(scalar(v)))
		return missing
	}
}

// text is a text argument, "" when absent.
func (k *kwargs) text(name string) string {
	switch v := k.values[name].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		k.wrong("%s must be a text, not %s", name, kindOf(scalar(v)))
		return ""
	}
}

// choice is a text argument that must be one of the options, the first when absent.
func (k *kwargs) choice(name string, options ...string) string {
	v := k.text(name)
	if v == "" {
		return options[0]
	}
	for _, o := range options {
		if v == o {
			return v
		}
	}
	k.wrong("%s = %q: value is not a valid enumeration member (unexpected value; permitted: '%s')", name, brief(v), strings.Join(options, "', '"))
	return options[0]
}

// scalars is an argument that is a list of scalars, and whether it is there: null is not.
func (k *kwargs) scalars(name string) ([]any, bool) {
	v := k.values[name]
	if v == nil {
		return nil, false
	}
	l, ok := list(v)
	if !ok {
		k.wrong("%s must be a list, not %s", name, kindOf(scalar(v)))
		return nil, false
	}
	out := make([]any, len(l))
	for i, x := range l {
		out[i] = scalar(x)
		switch out[i].(type) {
		case nil, bool, float64, string, time.Time:
		default:
			k.wrong("%s[%d] must be a text, a number, true, false or null, not %s", name, i, kindOf(out[i]))
			return nil, false
		}
	}
	return out, true
}

// texts is an argument that is a list of texts, and whether it is there.
func (k *kwargs) texts(name string) ([]string, bool) {
	l, ok := k.scalars(name)
	if !ok {
		return nil, false
	}
	out := make([]string, len(l))
	for i, v := range l {
		s, ok := v.(string)
		if !ok {
			k.wrong("%s[%d] must be a text, not %s", name, i, kindOf(v))
			return nil, false
		}
		out[i] = s
	}
	return out, true
}

// numbersIn is an entry of an argument that is a list of numbers, and whether it is there.
func (k *kwargs) numbersIn(object map[string]any, name string) ([]float64, bool) {
	l, ok := list(object[name])
	if !ok {
		if object[name] != nil {
			k.wrong("%s must be a list of numbers, not %s", name, kindOf(scalar(object[name])))
		}
		return nil, false
	}
	out := make([]float64, len(l))
	for i, v := range l {
		if f, ok := infinite(scalar(v)).(float64); ok {
			out[i] = f
			continue
		}
		k.wrong("%s[%d] must be a number, not %s", name, i, kindOf(scalar(v)))
		return nil, false
	}
	return out, true
}

// infinite reads the texts by which JSON carries infinities.
func infinite(v any) any {
	switch v {
	case "Infinity", "inf":
		return math.Inf(1)
	case "-Infinity", "-inf":
		return math.Inf(-1)
	}
	return v
}

// object is an argument that is an object, nil when absent.
func (k *kwargs) object(name string) map[string]any {
	switch v := k.values[name].(type) {
	case nil:
		return nil
	case map[string]any:
		return v
	default:
		k.wrong("%s must be an object, not %s", name, kindOf(scalar(v)))
		return nil
	}
}

// bounds is an interval, closed unless strict, open-ended where a bound is nil.
type bounds struct {
	min, max             any // nil, float64, string or time.Time
	strictMin, strictMax bool
}

// bounds reads min_value, max_value, strict_min and strict_max. Great Expectations 1.x reads a text bound as a number, else as a date,
// and its pandas engine cannot compare a date with what a CSV file holds.
func (k *kwargs) bounds() bounds {
	return bounds{min: k.bound("min_value"), max: k.bound("max_value"), strictMin: k.flag("strict_min"), strictMax: k.flag("strict_max")}
}

func (k *kwargs) bound(name string) any {
	v := scalar(k.values[name])
	switch x := v.(type) {
	case nil, float64:
		return v
	case bool:
		return key(x)
	case string:
		if k.dialect == V0 {
			return x
		}
		if f, err := strconv.ParseFloat(x, 64); err == nil {
			return f
		}
		if t, ok := parseTime(x); ok {
			return t
		}
		if !dateutilParseable(x) {
			k.wrong("%s must be a number for a column of numbers, or a date for one of dates, not the text %q (it has an invalid datetime format)", name, brief(x))
		} else {
			k.wrong("%s = %q is a date to a 1.x suite; write it as 2006-01-02 or 2006-01-02T15:04:05", name, brief(x))
		}
		return nil
	case time.Time:
		return x
	}
	k.wrong("%s must be a number or a text, not %s", name, kindOf(v))
	return nil
}

// wholeBounds reads bounds on a count.
func (k *kwargs) wholeBounds() bounds {
	b := bounds{strictMin: k.flag("strict_min"), strictMax: k.flag("strict_max")}
	if v, ok := k.whole("min_value"); ok {
		b.min = v
	}
	if v, ok := k.whole("max_value"); ok {
		b.max = v
	}
	return b
}

// dates are the bounds with texts read as dates, for a column of dates.
func (b bounds) dates() bounds {
	for _, at := range []*any{&b.min, &b.max} {
		if text, ok := (*at).(string); ok {
			if t, ok := parseTime(text); ok {
				*at = t
			}
		}
	}
	return b
}

// ordered is an error when the lower bound is above the upper one, or when they cannot be compared.
func (b bounds) ordered() error {
	if b.min == nil || b.max == nil {
		return nil
	}
	if less, _, err := compare(b.max, b.min); err != nil {
		return err
	} else if less {
		return fmt.Errorf("min_value cannot be greater than max_value: %v > %v", b.min, b.max)
	}
	return nil
}

// contains reports whether v lies within. NaN does not, unless there is no bound.
func (b bounds) contains(v any) (bool, error) {
	if b.min != nil {
		less, equal, err := compare(b.min, v)
		if err != nil {
			return false, err
		}
		if !less && (b.strictMin || !equal) {
			return false, nil
		}
	}
	if b.max != nil {
		less, equal, err := compare(v, b.max)
		if err != nil {
			return false, err
		}
		if !less && (b.strictMax || !equal) {
			return false, nil
		}
	}
	return true, nil
}
