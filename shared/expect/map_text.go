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
	{"expect_column_values_to_match_like_pattern", "column! like_pattern! escape", columnMap(matchLike(true))},
	{"expect_column_values_to_not_match_like_pattern", "column! like_pattern! escape", columnMap(matchLike(false))},
	{"expect_column_values_to_match_like_pattern_list", "column! like_pattern_list! match_on escape", columnMap(matchLikeList)},
	{"expect_column_values_to_not_match_like_pattern_list", "column! like_pattern_list! escape", columnMap(notMatchLikeList)},
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
func compileAll(k *kwargs, name string, compile compiler) tests {
	patterns, _ := k.texts(name)
	if len(patterns) == 0 && len(k.problems) == 0 {
		k.wrong("At least one %s must be supplied in the %[1]s_list.", strings.TrimSuffix(name, "_list"))
	}
	var out tests
	for _, p := range patterns {
		f, err := compile(p, k)
		if err != nil {
			k.problems = append(k.problems, err.Error())
		}
		out = append(out, f)
	}
	return out
}

// compiler makes a test of a pattern. What goes wrong while it tests is told to k, once.
type compiler func(pattern string, k *kwargs) (func(string) bool, error)

// regexTest searches for a Python pattern anywhere in a text. After a search that took too long nothing more is searched.
func regexTest(pattern string, k *kwargs) (func(string) bool, error) {
	r, err := compileRegex(pattern)
	if err != nil {
		return nil, err
	}
	failed := false
	return func(v string) bool {
		if failed {
			return false
		}
		found, err := r(v)
		if err != nil {
			failed = true
			k.wrong("%v", err)
		}
		return found
	}, nil
}

func matchRegex(want bool) func(*series, *kwargs) (func(int) bool, error) {
	return patternMap("regex", want, regexTest)
}

func matchLike(want bool) func(*series, *kwargs) (func(int) bool, error) {
	return patternMap("like_pattern", want, likeTest)
}

// patternMap expects a pattern to be found, or not.
func patternMap(name string, want bool, compile compiler) func(*series, *kwargs) (func(int) bool, error) {
	return func(s *series, k *kwargs) (func(int) bool, error) {
		test, err := compile(k.text(name), k)
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

// likeTest is SQLite's LIKE, on which Great Expectations tests its own: % is any run, _ one character, ASCII letters match in either case, and a
// backslash is only itself. The argument escape, one character, makes what follows it only itself, as SQL's ESCAPE does and as was proposed
// for Great Expectations (https://github.com/fivetran/great_expectations/pull/12154).
func likeTest(pattern string, k *kwargs) (func(string) bool, error) {
	escape := []rune(k.text("escape"))
	if len(escape) > 1 {
		return nil, fmt.Errorf("escape must be one character, not %q", brief(string(escape)))
	}
	var p []rune
	for t := []rune(pattern); len(t) > 0; t = t[1:] {
		c := t[0]
		switch {
		case len(escape) == 1 && c == escape[0]:
			if t = t[1:]; len(t) == 0 {
				return nil, fmt.Errorf("like_pattern %q ends in its escape character", brief(pattern))
			}
			c = t[0]
		case c == '%':
			c = anyRun
		case c == '_':
			c = anyOne
		}
		p = append(p, []rune(foldASCII(string(c)))...)
		if c < 0 {
			p[len(p)-1] = c
		}
	}
	return func(v string) bool {
		t := []rune(foldASCII(v))
		i, j, star, mark := 0, 0, -1, 0
		for i < len(t) {
			switch {
			case j < len(p) && p[j] == anyRun:
				star, mark = j, i
				j++
			case j < len(p) && (p[j] == anyOne || p[j] == t[i]):
				i++
				j++
			case star >= 0: // let the last % swallow one more
				mark++
				i, j = mark, star+1
			default:
				return false
			}
		}
		for j < len(p) && p[j] == anyRun {
			j++
		}
		return j == len(p)
	}, nil
}

// anyRun and anyOne stand for % and _ in a compiled pattern: no character has their numbers.
const (
	anyRun rune = -2
	anyOne rune = -3
)

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
	texts := s.Kind == dataset.Categorical && s.truth == nil
	for k, n := range s.tally() {
		if s.typed != nil && n > 0 {
			_, text := s.typed[k].(string)
			texts = texts && text
		}
	}
	if s.MissingCount() == s.Len() || texts {
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
