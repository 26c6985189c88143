// Package rule checks single records against compiled rules: what of a suite can be said of one row on its own, in a form that a predictor
// reads without knowing suites. expect.Rules makes them. A check makes no allocation unless it finds something.
package rule

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Codes of what a rule finds.
const (
	CodeMissing  = "missing"      // a value that must be there is not
	CodeRange    = "out_of_range" // a number outside its bounds
	CodeCategory = "not_in_set"   // a value that is not among those allowed
	CodeExcluded = "excluded"     // a value that is among those excluded
	CodeLength   = "wrong_length" // a text of another length
	CodePattern  = "pattern"      // a text that does not match, or one that must not and does
)

// Rule is one statement about one column. A missing value satisfies every rule but Required.
type Rule struct {
	Column    string   `json:"column"`
	Reject    bool     `json:"reject"` // a row that breaks it is refused; else it is answered with a warning
	Required  bool     `json:"required,omitempty"`
	Min       *float64 `json:"min,omitempty"`
	Max       *float64 `json:"max,omitempty"`
	StrictMin bool     `json:"strict_min,omitempty"`
	StrictMax bool     `json:"strict_max,omitempty"`
	In        *Values  `json:"in,omitempty"`
	NotIn     *Values  `json:"not_in,omitempty"`
	MinLength *int     `json:"min_length,omitempty"` // in code points
	MaxLength *int     `json:"max_length,omitempty"`
	Pattern   string   `json:"pattern,omitempty"`     // RE2, searched for
	NoPattern string   `json:"not_pattern,omitempty"` // RE2, must not be found
}

// Values is a set of numbers and texts; a number is no text, and a truth value is 0 or 1.
type Values struct {
	Numbers []float64 `json:"numbers,omitempty"`
	Texts   []string  `json:"texts,omitempty"`
}

// Set is the rules of one model's requests, as stored.
type Set struct {
	Suite   string   `json:"suite"`              // its name
	Digest  string   `json:"digest"`             // SHA-256 of the suite and of what is done about failures
	Rules   []Rule   `json:"rules"`              //
	LeftOut []string `json:"left_out,omitempty"` // expectations of the suite that no single row can fail
}

// Checker is a compiled Set. The zero value checks nothing. It is safe for concurrent use.
type Checker struct {
	digest string
	tests  []test
}

// Same reports whether the checker was made of the set with this digest.
func (c *Checker) Same(digest string) bool {
	return c != nil && c.digest == digest || c == nil && digest == ""
}

type test struct {
	*Rule
	expected              string
	inNumbers, notNumbers map[float64]bool
	inTexts, notTexts     map[string]bool
	pattern, excluded     *regexp.Regexp
}

// Compile prepares the rules about the given columns; the others, such as those about a target that no request has, are left out. The error is
// Invalid: a pattern that is not RE2.
func (s Set) Compile(columns func(name string) bool) (*Checker, error) {
	c := &Checker{digest: s.Digest}
	for i := range s.Rules {
		r := &s.Rules[i]
		if !columns(r.Column) {
			continue
		}
		t := test{Rule: r, expected: r.expected()}
		t.inNumbers, t.inTexts = r.In.maps()
		t.notNumbers, t.notTexts = r.NotIn.maps()
		var err error
		if t.pattern, err = compile(r.Pattern); err == nil {
			t.excluded, err = compile(r.NoPattern)
		}
		if err != nil {
			return nil, fault.Invalidf("compile the rule about %s: %v", r.Column, err)
		}
		c.tests = append(c.tests, t)
	}
	return c, nil
}

func compile(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	return regexp.Compile(pattern)
}

func (v *Values) maps() (map[float64]bool, map[string]bool) {
	if v == nil {
		return nil, nil
	}
	numbers, texts := make(map[float64]bool, len(v.Numbers)), make(map[string]bool, len(v.Texts))
	for _, x := range v.Numbers {
		numbers[x] = true
	}
	for _, x := range v.Texts {
		texts[x] = true
		if n, err := strconv.ParseFloat(x, 64); err == nil { // a level that spells a number may come as one
			numbers[n] = true
		}
	}
	return numbers, texts
}

// Len is how many rules there are.
func (c *Checker) Len() int {
	if c == nil {
		return 0
	}
	return len(c.tests)
}

// Check tells found of every rule that row breaks, in the order of the suite. Values are as a request's JSON has them; a text that spells a
// number counts as one where a rule is about numbers. What cannot be compared, such as a word with a bound, breaks no rule here: it is of the
// wrong type, which the model says.
func (c *Checker) Check(row map[string]any, found func(d fault.Detail, reject bool)) {
	if c == nil {
		return
	}
	for i := range c.tests {
		t := &c.tests[i]
		v := row[t.Column]
		if code := t.breaks(v); code != "" {
			found(fault.Detail{Field: t.Column, Code: code, Got: v, Expected: t.expected}, t.Reject)
		}
	}
}

// breaks is the code of what is wrong with v, "" when nothing is.
func (t *test) breaks(v any) string {
	number, text, isNumber, missing := read(v)
	if missing && !(text != "" && t.inTexts[text]) { // a level may be spelt as a gap is
		if t.Required {
			return CodeMissing
		}
		return ""
	}
	if isNumber {
		switch {
		case t.Min != nil && (number < *t.Min || t.StrictMin && number == *t.Min), t.Max != nil && (number > *t.Max || t.StrictMax && number == *t.Max):
			return CodeRange
		}
	}
	switch {
	case t.In != nil && !(isNumber && t.inNumbers[number]) && !t.inTexts[text]:
		return CodeCategory
	case t.NotIn != nil && (isNumber && t.notNumbers[number] || t.notTexts[text]):
		return CodeExcluded
	case text == "":
		return ""
	case t.MinLength != nil && utf8.RuneCountInString(text) < *t.MinLength, t.MaxLength != nil && utf8.RuneCountInString(text) > *t.MaxLength:
		return CodeLength
	case t.pattern != nil && !t.pattern.MatchString(text), t.excluded != nil && t.excluded.MatchString(text):
		return CodePattern
	}
	return ""
}

// read is a value of a request as a number and as a text; a truth value is a number; what a file has for a gap (dataset.DefaultMissing) is missing, and so is NaN.
func read(v any) (number float64, text string, isNumber, missing bool) {
	switch x := v.(type) {
	case nil:
		return 0, "", false, true
	case string:
		if missing := slices.Contains(dataset.DefaultMissing, x); missing {
			return 0, x, false, true
		}
		if !strings.ContainsRune("+-.0123456789iI", rune(x[0])) { // a word: to parse it would make an error
			return 0, x, false, false
		}
		n, err := strconv.ParseFloat(x, 64)
		return n, x, err == nil && !math.IsNaN(n), false
	case json.Number:
		n, err := x.Float64()
		return n, "", err == nil, false
	case float64:
		return x, "", true, math.IsNaN(x)
	case int:
		return float64(x), "", true, false
	case int64:
		return float64(x), "", true, false
	case bool:
		if x {
			return 1, "", true, false
		}
		return 0, "", true, false
	}
	return 0, "", false, false
}

// expected is the rule in words.
func (r *Rule) expected() string {
	bound := func(p *float64) string {
		if p == nil {
			return ""
		}
		return strconv.FormatFloat(*p, 'g', -1, 64)
	}
	switch {
	case r.Required:
		return "a value"
	case r.Min != nil || r.Max != nil:
		return bound(r.Min) + ".." + bound(r.Max)
	case r.In != nil:
		return "one of " + r.In.brief()
	case r.NotIn != nil:
		return "none of " + r.NotIn.brief()
	case r.MinLength != nil && r.MaxLength != nil && *r.MinLength == *r.MaxLength:
		return fmt.Sprintf("%d characters", *r.MinLength)
	case r.MinLength != nil && r.MaxLength != nil:
		return fmt.Sprintf("%d to %d characters", *r.MinLength, *r.MaxLength)
	case r.MinLength != nil:
		return fmt.Sprintf("%d characters at least", *r.MinLength)
	case r.MaxLength != nil:
		return fmt.Sprintf("%d characters at most", *r.MaxLength)
	case r.Pattern != "":
		return "a match of " + r.Pattern
	}
	return "no match of " + r.NoPattern
}

// maxNamed is how many values of a set are named.
const maxNamed = 12

func (v *Values) brief() string {
	var out string
	n := 0
	add := func(s string) {
		if n++; n > maxNamed {
			return
		}
		if out != "" {
			out += ", "
		}
		out += s
	}
	for _, x := range v.Numbers {
		add(strconv.FormatFloat(x, 'g', -1, 64))
	}
	for _, x := range v.Texts {
		add(x)
	}
	if n > maxNamed {
		return fmt.Sprintf("%s and %d more", out, n-maxNamed)
	}
	return out
}
