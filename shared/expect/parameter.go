package expect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// maxDepth bounds the nesting of arguments and of expressions.
const maxDepth = 100

// substitute replaces every {"$PARAMETER": expression, "$PARAMETER.name": value, ..} in kwargs by its value. The expression is the name
// of a parameter, of the suite or given beside it, or arithmetic of + - * / and brackets on numbers and parameters. kwargs is not changed.
func substitute(kwargs, suite map[string]any) (map[string]any, error) {
	v, err := replace(map[string]any(kwargs), suite, 0)
	if err != nil {
		return nil, err
	}
	m, _ := v.(map[string]any)
	return m, nil
}

func replace(v any, suite map[string]any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the arguments are nested deeper than %d", maxDepth)
	}
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			var err error
			if out[i], err = replace(x[i], suite, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if text, ok := x["$PARAMETER"].(string); ok && depth > 0 {
			return parameter(text, x, suite)
		}
		out := make(map[string]any, len(x))
		for k := range x {
			var err error
			if out[k], err = replace(x[k], suite, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// parameter is the value of one expression; what stands beside it comes before what the suite says.
func parameter(text string, beside, suite map[string]any) (any, error) {
	lookup := func(name string) (any, bool) {
		if v, ok := beside["$PARAMETER."+name]; ok {
			return v, true
		}
		v, ok := suite[name]
		return v, ok
	}
	if v, ok := lookup(strings.TrimSpace(text)); ok {
		return v, nil
	}
	e := expression{rest: text, lookup: lookup}
	v := e.sum()
	if e.skip(); e.err == nil && e.rest != "" {
		e.fail("%q is not understood", e.rest)
	}
	if e.err != nil {
		return nil, fmt.Errorf("$PARAMETER %q: %w", brief(text), e.err)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("$PARAMETER %q is not a finite number", brief(text))
	}
	return v, nil
}

// expression is a recursive descent over what is left of an arithmetic text.
type expression struct {
	rest   string
	lookup func(string) (any, bool)
	depth  int
	err    error
}

func (e *expression) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
	e.rest = ""
}

func (e *expression) skip() { e.rest = strings.TrimLeft(e.rest, " \t\r\n") }

// take consumes one of the single characters.
func (e *expression) take(any string) byte {
	e.skip()
	if e.rest != "" && strings.IndexByte(any, e.rest[0]) >= 0 {
		c := e.rest[0]
		e.rest = e.rest[1:]
		return c
	}
	return 0
}

func (e *expression) sum() float64 {
	v := e.product()
	for {
		switch e.take("+-") {
		case '+':
			v += e.product()
		case '-':
			v -= e.product()
		default:
			return v
		}
	}
}

func (e *expression) product() float64 {
	v := e.factor()
	for {
		switch e.take("*/") {
		case '*':
			v *= e.factor()
		case '/':
			v /= e.factor()
		default:
			return v
		}
	}
}

func (e *expression) factor() float64 {
	if e.depth++; e.depth > maxDepth {
		e.fail("it is nested deeper than %d", maxDepth)
	}
	defer func() { e.depth-- }()
	switch e.take("-+(") {
	case '-':
		return -e.factor()
	case '+':
		return e.factor()
	case '(':
		v := e.sum()
		if e.take(")") == 0 {
			e.fail("a bracket is not closed")
		}
		return v
	}
	end := 0
	for i, r := range e.rest {
		exponent := (r == '+' || r == '-') && i > 0 && (e.rest[i-1] == 'e' || e.rest[i-1] == 'E') && e.rest[0] <= '9'
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.:", r) && !exponent {
			break
		}
		end = i + len(string(r))
	}
	word := e.rest[:end]
	e.rest = e.rest[end:]
	if f, err := strconv.ParseFloat(word, 64); err == nil {
		return f
	}
	if e.take("(") != 0 {
		e.fail("functions, here %s(), are not evaluated", word)
		return 0
	}
	v, ok := e.lookup(word)
	if f, isNumber := scalar(v).(float64); ok && isNumber {
		return f
	}
	switch {
	case word == "":
		e.fail("a number or a name is missing")
	case ok:
		e.fail("the parameter %s is not a number", word)
	default:
		e.fail("no value was found for the parameter %s", brief(word))
	}
	return 0
}
