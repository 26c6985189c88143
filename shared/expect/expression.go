package expect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// expression is a recursive descent over what is left of a parameter's arithmetic, the language that Great Expectations documents for
// suite and evaluation parameters:
//
//	sum     product (+|- product)*
//	product power (*|/ power)*
//	power   atom (^ power)?           right to left; a sign binds closer, (-2)^2
//	atom    (+|-)* (number | name | pi | e | function(sum, ..) | (sum))
//
// Functions: sin cos tan exp abs trunc round sgn, now(), datetime(year, month, day, ..) and timedelta(days, .. or weeks=2). A value is a
// float64, a time.Time or, between them, a time.Duration. Times are UTC.
type expression struct {
	rest   string
	lookup func(string) (any, bool)
	now    time.Time
	depth  int
	err    error
}

func (e *expression) fail(format string, args ...any) any {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
	e.rest = ""
	return 0.0
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

func (e *expression) sum() any {
	if e.depth++; e.depth > maxDepth {
		e.fail("it is nested deeper than %d", maxDepth)
	}
	defer func() { e.depth-- }()
	v := e.product()
	for op := e.take("+-"); op != 0; op = e.take("+-") {
		v = e.combine(v, op, e.product())
	}
	return v
}

func (e *expression) product() any {
	v := e.power()
	for op := e.take("*/"); op != 0; op = e.take("*/") {
		v = e.combine(v, op, e.power())
	}
	return v
}

func (e *expression) power() any {
	if e.depth++; e.depth > maxDepth {
		e.fail("it is nested deeper than %d", maxDepth)
	}
	defer func() { e.depth-- }()
	v := e.atom()
	if e.take("^") != 0 {
		return e.combine(v, '^', e.power())
	}
	return v
}

// combine applies an operator to numbers, or to dates and spans as far as Python's datetime does.
func (e *expression) combine(a any, op byte, b any) any {
	x, numberX := a.(float64)
	y, numberY := b.(float64)
	if numberX && numberY {
		switch op {
		case '+':
			return x + y
		case '-':
			return x - y
		case '*':
			return x * y
		case '/':
			return x / y
		}
		return math.Pow(x, y)
	}
	from, dateX := a.(time.Time)
	to, dateY := b.(time.Time)
	spanX, isSpanX := a.(time.Duration)
	spanY, isSpanY := b.(time.Duration)
	switch {
	case op == '+' && dateX && isSpanY:
		return from.Add(spanY)
	case op == '-' && dateX && isSpanY:
		return from.Add(-spanY)
	case op == '+' && isSpanX && dateY:
		return to.Add(spanX)
	case op == '-' && dateX && dateY:
		return from.Sub(to)
	case op == '+' && isSpanX && isSpanY:
		return spanX + spanY
	case op == '-' && isSpanX && isSpanY:
		return spanX - spanY
	case op == '*' && isSpanX && numberY:
		return e.span(float64(spanX) * y)
	case op == '*' && numberX && isSpanY:
		return e.span(x * float64(spanY))
	case op == '/' && isSpanX && numberY:
		return e.span(float64(spanX) / y)
	}
	return e.fail("%s %c %s makes no sense", kindOfValue(a), op, kindOfValue(b))
}

func kindOfValue(v any) string {
	switch v.(type) {
	case time.Time:
		return "a date"
	case time.Duration:
		return "a span of time"
	}
	return "a number"
}

// span is a duration of so many nanoseconds; about 292 years are the most.
func (e *expression) span(nanoseconds float64) any {
	if !(math.Abs(nanoseconds) < math.MaxInt64) {
		return e.fail("a span of time is longer than 292 years")
	}
	return time.Duration(nanoseconds)
}

func (e *expression) atom() any {
	minus := false
	for sign := e.take("+-"); sign != 0; sign = e.take("+-") {
		minus = minus != (sign == '-')
	}
	v := e.unsigned()
	if !minus {
		return v
	}
	return e.combine(-1.0, '*', v)
}

func (e *expression) unsigned() any {
	if e.take("(") != 0 {
		v := e.sum()
		if e.take(")") == 0 {
			e.fail("a bracket is not closed")
		}
		return v
	}
	word := e.word()
	if f, err := strconv.ParseFloat(word, 64); err == nil && word[0] <= '9' {
		return f
	}
	v, ok := e.lookup(word)
	if !ok && e.take("(") != 0 {
		return e.call(word)
	}
	switch x := scalar(v).(type) {
	case float64, time.Time:
		return x
	}
	switch {
	case word == "":
		return e.fail("a number or a name is missing before %q", brief(e.rest))
	case ok:
		return e.fail("the parameter %s is not a number", brief(word))
	case strings.EqualFold(word, "pi"):
		return math.Pi
	case strings.EqualFold(word, "e"):
		return math.E
	}
	return e.fail("no value was found for the parameter %s", brief(word))
}

// word consumes a number or a name; a name may be a reference of the old form urn:great_expectations:..
func (e *expression) word() string {
	e.skip()
	more := "_.$"
	if strings.HasPrefix(e.rest, "urn:great_expectations:") {
		more = "_.$:?=%"
	}
	end := 0
	for i, r := range e.rest {
		exponent := (r == '+' || r == '-') && i > 0 && (e.rest[i-1] == 'e' || e.rest[i-1] == 'E') && e.rest[0] <= '9'
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(more, r) && !exponent {
			break
		}
		end = i + len(string(r))
	}
	word := e.rest[:end]
	e.rest = e.rest[end:]
	return word
}
