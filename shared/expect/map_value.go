package expect

import (
	"fmt"
	"math"

	"mlops/shared/dataset"
)

// valueMaps are about single values: gaps, intervals and sets.
var valueMaps = []record{
	{"expect_column_values_to_not_be_null", "column!", nullMap(false)},
	{"expect_column_values_to_be_null", "column!", nullMap(true)},
	{"expect_column_values_to_be_between", "column! min_value max_value strict_min strict_max parse_strings_as_datetimes allow_cross_type_comparisons output_strftime_format", columnMap(between)},
	{"expect_column_values_to_be_in_set", "column! value_set parse_strings_as_datetimes", columnMap(inSet)},
	{"expect_column_values_to_not_be_in_set", "column! value_set parse_strings_as_datetimes", columnMap(notInSet)},
	{"expect_column_value_z_scores_to_be_less_than", "column! threshold! double_sided", columnMap(zScore)},
}

// nullMap makes the two expectations for which a gap is a value like another: nothing is passed over.
func nullMap(null bool) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		d, err := c.domain(single, c.text("column"))
		if err != nil {
			return outcome{}, err
		}
		return c.judge(d, func(i int) bool { return d.cells[0].Missing(i) == null })
	}
}

// between expects min_value <= value <= max_value, strictly where strict_min or strict_max say so. Texts compare by code point. A text
// met with a number is an error, or unexpected when allow_cross_type_comparisons.
func between(s *series, k *kwargs) (func(int) bool, error) {
	b, cross := k.bounds(), k.flag("allow_cross_type_comparisons")
	if k.flag("parse_strings_as_datetimes") {
		return betweenDates(s, b.dates(), k)
	}
	if err := k.err(); err != nil {
		return nil, err
	}
	if b.min == nil && b.max == nil {
		return nil, fmt.Errorf("min_value and max_value cannot both be None")
	}
	if err := b.ordered(); err != nil {
		return nil, err
	}
	low, high, isNumber := b.numbers()
	var failed error
	if s.typed != nil {
		if s.dtype == dateType {
			b = b.dates()
		}
		expected := s.testValue(func(v any) bool {
			ok, err := b.contains(key(v))
			if err != nil {
				failed = err
			}
			return ok
		})
		if cross {
			failed = nil
		}
		return expected, failed
	}
	expected := s.test(func(v float64) bool {
		switch {
		case !isNumber:
			failed = mismatch(v, first(b.min, b.max))
			return false
		case v < low || v > high:
			return false
		}
		return !(b.strictMin && v == low && b.min != nil) && !(b.strictMax && v == high && b.max != nil)
	}, func(v string) bool {
		ok, err := b.contains(v)
		if err != nil {
			failed = err
		}
		return ok
	})
	if s.Kind == dataset.Numeric && !isNumber && s.MissingCount() < s.Len() {
		failed = fmt.Errorf("%w (column %q)", mismatch(s.present()[0], first(b.min, b.max)), s.Name)
	}
	if failed != nil && !cross {
		return nil, failed
	}
	return expected, nil
}

// betweenDates is between for texts that are dates; one that is none is an error.
func betweenDates(s *series, b bounds, k *kwargs) (func(int) bool, error) {
	var failed error
	if b.min == nil && b.max == nil {
		failed = fmt.Errorf("min_value and max_value cannot both be None")
	}
	expected := s.testText(func(v string) bool {
		t, ok := parseTime(v)
		if !ok {
			failed = fmt.Errorf("column %q: the text %q is not a date that is read here", s.Name, brief(v))
			return false
		}
		in, err := b.contains(t)
		if err != nil {
			failed = err
		}
		return in
	})
	if s.Kind == dataset.Numeric && s.MissingCount() < s.Len() {
		failed = fmt.Errorf("column %q holds numbers, no dates", s.Name)
	}
	if err := k.err(); err != nil {
		return nil, err
	}
	return expected, failed
}

// numbers are the bounds as numbers, infinite where open; false when one is a text.
func (b bounds) numbers() (low, high float64, ok bool) {
	low, high = math.Inf(-1), math.Inf(1)
	if b.min != nil {
		if low, ok = b.min.(float64); !ok {
			return 0, 0, false
		}
	}
	if b.max != nil {
		if high, ok = b.max.(float64); !ok {
			return 0, 0, false
		}
	}
	return low, high, true
}

func first(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

// member makes the predicate of belonging to value_set by value: 1 is 1.0 is True, and no number is a text. false: there is no set.
func member(s *series, k *kwargs) (func(int) bool, bool) {
	values, there := k.scalars("value_set")
	if !there {
		return nil, false
	}
	if s.typed != nil {
		set := map[any]bool{}
		for _, v := range values {
			if t, ok := v.(string); ok && s.dtype == dateType {
				if date, ok := parseTime(t); ok {
					v = date
				}
			}
			set[key(v)] = true
		}
		return s.testValue(func(v any) bool { return set[key(v)] }), true
	}
	numbers, texts := map[float64]bool{}, map[string]bool{}
	for _, v := range values {
		switch x := key(v).(type) {
		case float64:
			numbers[x] = true
		case string:
			texts[x] = true
		}
	}
	return s.test(func(v float64) bool { return numbers[v] }, func(v string) bool { return texts[v] }), true
}

// inSet expects membership; without a value_set everything is expected, with an empty one nothing.
func inSet(s *series, k *kwargs) (func(int) bool, error) {
	in, there := member(s, k)
	if !there {
		return func(int) bool { return true }, k.err()
	}
	return in, k.err()
}

// notInSet expects the contrary; without a value_set everything is expected.
func notInSet(s *series, k *kwargs) (func(int) bool, error) {
	in, there := member(s, k)
	if !there {
		return func(int) bool { return true }, k.err()
	}
	return func(i int) bool { return !in(i) }, k.err()
}

// zScore expects (value - mean) / sd < threshold, with the mean and the sample standard deviation (n-1) of the present values; of the
// absolute score unless double_sided is false. A column without spread has scores that are not numbers, and so no expected value.
func zScore(s *series, k *kwargs) (func(int) bool, error) {
	threshold, _ := k.number("threshold")
	double := k.flagOr("double_sided", true)
	if err := k.err(); err != nil {
		return nil, err
	}
	if !s.numeric() {
		return nil, notNumeric("z-scores", s)
	}
	mean, sd := s.moments()
	return func(i int) bool {
		z := (s.number(i) - mean) / sd
		if double {
			return math.Abs(z) < math.Abs(threshold)
		}
		return z < threshold
	}, nil
}

// notNumeric is the error of calculating with texts.
func notNumeric(what string, s *series) error {
	return fmt.Errorf("%s of column %q: numeric values are needed, it holds texts", what, s.Name)
}
