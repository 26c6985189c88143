package expect

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"mlops/shared/dataset"
)

// textMaps are about values as text: str(value), as Python writes it.
var textMaps = []record{
	{"expect_column_value_lengths_to_be_between", "column! min_value max_value strict_min strict_max", columnMap(lengthsBetween)},
	{"expect_column_value_lengths_to_equal", "column! value!", columnMap(lengthsEqual)},
	{"expect_column_values_to_match_regex", "column! regex!", columnMap(matchRegex(true))},
	{"expect_column_values_to_not_match_regex", "column! regex!", columnMap(matchRegex(false))},
	{"expect_column_values_to_match_regex_list", "column! regex_list! match_on", columnMap(matchRegexList)},
	{"expect_column_values_to_not_match_regex_list", "column! regex_list!", columnMap(notMatchRegexList)},
	{"expect_column_values_to_match_like_pattern", "column! like_pattern!", columnMap(matchLike(true))},
	{"expect_column_values_to_not_match_like_pattern", "column! like_pattern!", columnMap(matchLike(false))},
	{"expect_column_values_to_match_like_pattern_list", "column! like_pattern_list! match_on", columnMap(matchLikeList)},
	{"expect_column_values_to_not_match_like_pattern_list", "column! like_pattern_list!", columnMap(notMatchLikeList)},
	{"expect_column_values_to_match_strftime_format", "column! strftime_format!", columnMap(matchStrftime)},
	{"expect_column_values_to_be_dateutil_parseable", "column!", columnMap(dateutilMap)},
	{"expect_column_values_to_be_json_parseable", "column!", columnMap(jsonMap)},
}

// lengthsBetween expects the number of code points to lie within whole bounds, of which one must be given.
func lengthsBetween(s *series, k *kwargs) (func(int) bool, error) {
	b := k.wholeBounds()
	if err := k.err(); err != nil {
		return nil, err
	}
	if b.min == nil && b.max == nil {
		return nil, fmt.Errorf("min_value and max_value cannot both be None")
	}
	return s.testText(func(v string) bool {
		ok, _ := b.contains(float64(utf8.RuneCountInString(v)))
		return ok
	}), nil
}

// lengthsEqual expects exactly value code points.
func lengthsEqual(s *series, k *kwargs) (func(int) bool, error) {
	n, _ := k.number("value")
	return s.testText(func(v string) bool { return float64(utf8.RuneCountInString(v)) == n }), k.err()
}

// tests combine predicates over text.
type tests []func(string) bool

func (t tests) any(v string) bool {
	for _, f := range t {
		if f(v) {
			return true
		}
	}
	return false
}

func (t tests) all(v string) bool {
	for _, f := range t {
		if !f(v) {
			return false
		}
	}
	return true
}

// compileAll makes the tests of a list argument. The error names every pattern that is refused.
func compileAll(k *kwargs, name string, compile func(string) (func(string) bool, error)) tests {
	patterns, _ := k.texts(name)
	if len(patterns) == 0 && len(k.problems) == 0 {
		k.wrong("%s is empty, at least one pattern is needed", name)
	}
	var out tests
	for _, p := range patterns {
		f, err := compile(p)
		if err != nil {
			k.problems = append(k.problems, err.Error())
		}
		out = append(out, f)
	}
	return out
}

// regexTest searches for a Python pattern anywhere in a text.
func regexTest(pattern string) (func(string) bool, error) {
	r, err := compileRegex(pattern)
	if err != nil {
		return nil, err
	}
	return r.MatchString, nil
}

func matchRegex(want bool) func(*series, *kwargs) (func(int) bool, error) {
	return patternMap("regex", want, regexTest)
}

func matchLike(want bool) func(*series, *kwargs) (func(int) bool, error) {
	return patternMap("like_pattern", want, likeTest)
}

// patternMap expects a pattern to be found, or not.
func patternMap(name string, want bool, compile func(string) (func(string) bool, error)) func(*series, *kwargs) (func(int) bool, error) {
	return func(s *series, k *kwargs) (func(int) bool, error) {
		test, err := compile(k.text(name))
		if err != nil {
			k.problems = append(k.problems, err.Error())
		}
		if err := k.err(); err != nil {
			return nil, err
		}
		return s.testText(func(v string) bool { return test(v) == want }), nil
	}
}

func matchRegexList(s *series, k *kwargs) (func(int) bool, error) {
	return listMap(s, k, compileAll(k, "regex_list", regexTest), k.choice("match_on", "any", "all"))
}

func notMatchRegexList(s *series, k *kwargs) (func(int) bool, error) {
	return listMap(s, k, compileAll(k, "regex_list", regexTest), "none")
}

func matchLikeList(s *series, k *kwargs) (func(int) bool, error) {
	return listMap(s, k, compileAll(k, "like_pattern_list", likeTest), k.choice("match_on", "any", "all"))
}

func notMatchLikeList(s *series, k *kwargs) (func(int) bool, error) {
	return listMap(s, k, compileAll(k, "like_pattern_list", likeTest), "none")
}

// listMap expects any, all or none of the tests to hold.
func listMap(s *series, k *kwargs, t tests, how string) (func(int) bool, error) {
	if err := k.err(); err != nil {
		return nil, err
	}
	switch how {
	case "any":
		return s.testText(t.any), nil
	case "all":
		return s.testText(t.all), nil
	}
	return s.testText(func(v string) bool { return !t.any(v) }), nil
}

// likeTest is SQLite's LIKE, the only engine-independent reading: % is any run, _ one character, ASCII letters match in either case.
func likeTest(pattern string) (func(string) bool, error) {
	p := []rune(foldASCII(pattern))
	return func(v string) bool {
		t := []rune(foldASCII(v))
		i, j, star, mark := 0, 0, -1, 0
		for i < len(t) {
			switch {
			case j < len(p) && p[j] == '%':
				star, mark = j, i
				j++
			case j < len(p) && (p[j] == '_' || p[j] == t[i]):
				i++
				j++
			case star >= 0: // let the last % swallow one more
				mark++
				i, j = mark, star+1
			default:
				return false
			}
		}
		for j < len(p) && p[j] == '%' {
			j++
		}
		return j == len(p)
	}, nil
}

func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// onlyTexts is an error when a present value is not a text.
func onlyTexts(s *series, what string) error {
	if s.MissingCount() == s.Len() || s.Kind == dataset.Categorical && s.truth == nil {
		return nil
	}
	return fmt.Errorf("Values passed to %s must be of type string.\nIf you want to validate a column of dates or timestamps, please call the expectation before converting from string format.", what)
}

// matchStrftime expects Python's datetime.strptime(value, strftime_format) to succeed.
func matchStrftime(s *series, k *kwargs) (func(int) bool, error) {
	f, err := compileStrptime(k.text("strftime_format"))
	if err != nil {
		k.problems = append(k.problems, err.Error())
	}
	if err := k.err(); err != nil {
		return nil, err
	}
	return s.testText(f.parses), onlyTexts(s, "expect_column_values_to_match_strftime_format")
}

// dateutilMap expects a text that dateutil's parser would read as a date or a time.
func dateutilMap(s *series, _ *kwargs) (func(int) bool, error) {
	return s.testText(dateutilParseable), onlyTexts(s, "expect_column_values_to_be_dateutil_parseable")
}

// jsonMap expects a text that is one JSON document; Python also reads NaN and the infinities.
func jsonMap(s *series, _ *kwargs) (func(int) bool, error) {
	return s.test(func(float64) bool { return false }, func(v string) bool {
		switch strings.Trim(v, " \t\r\n") {
		case "NaN", "Infinity", "-Infinity":
			return true
		}
		return json.Valid([]byte(v))
	}), nil
}
