package expect

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ofNumber are the functions of one number. Rounding is Python's, to even.
var ofNumber = map[string]func(float64) float64{
	"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "exp": math.Exp, "abs": math.Abs, "trunc": math.Trunc, "round": math.RoundToEven,
	"sgn": func(x float64) float64 {
		switch {
		case x > 1e-12:
			return 1
		case x < -1e-12:
			return -1
		}
		return 0
	},
}

// spans are the arguments of timedelta in Python's order.
var spans = []struct {
	name string
	unit time.Duration
}{{"days", 24 * time.Hour}, {"seconds", time.Second}, {"microseconds", time.Microsecond}, {"milliseconds", time.Millisecond}, {"minutes", time.Minute}, {"hours", time.Hour}, {"weeks", 7 * 24 * time.Hour}}

// dateParts are the arguments of datetime in Python's order.
var dateParts = []string{"year", "month", "day", "hour", "minute", "second", "microsecond"}

// argument of a call, by position when the name is "".
type argument struct {
	name  string
	value float64
}

// call evaluates a function whose bracket is open.
func (e *expression) call(name string) any {
	var args []argument
	var last any
	for e.err == nil && e.take(")") == 0 {
		a := argument{}
		before := e.rest
		if a.name = e.word(); a.name == "" || e.take("=") == 0 {
			a.name, e.rest = "", before
		}
		last = e.sum()
		a.value, _ = last.(float64)
		if _, number := last.(float64); !number && name != "abs" {
			return e.fail("%s() takes numbers", brief(name))
		}
		if args = append(args, a); len(args) > 20 {
			return e.fail("%s() has too many arguments", brief(name))
		}
		if e.take(",") == 0 && !strings.HasPrefix(strings.TrimLeft(e.rest, " \t\r\n"), ")") {
			return e.fail("the bracket of %s( is not closed", brief(name))
		}
	}
	if e.err != nil {
		return 0.0
	}
	switch name {
	case "now":
		if len(args) > 0 {
			return e.fail("now() takes no argument")
		}
		if e.now.IsZero() {
			return e.fail("now() is not known: nobody told the time of this validation")
		}
		return e.now.UTC()
	case "datetime":
		return e.datetime(args)
	case "timedelta":
		total := 0.0
		for i, a := range args {
			k := slices.IndexFunc(spans, func(s struct {
				name string
				unit time.Duration
			}) bool {
				return s.name == a.name
			})
			if a.name == "" && i < len(spans) {
				k = i
			}
			if k < 0 {
				return e.fail("timedelta() has no argument %s", brief(a.name))
			}
			total += a.value * float64(spans[k].unit)
		}
		return e.span(total)
	case "round":
		if len(args) == 2 && math.Abs(args[1].value) <= 300 {
			return roundTo(args[0].value, int(args[1].value))
		}
	}
	f, known := ofNumber[name]
	switch {
	case !known:
		return e.fail("%s() is no function known here: sin, cos, tan, exp, abs, trunc, round, sgn, now, datetime and timedelta are", brief(name))
	case len(args) != 1 || args[0].name != "":
		return e.fail("%s() takes one number", name)
	}
	if d, span := last.(time.Duration); span && d >= 0 {
		return d
	} else if span {
		return -d
	}
	return f(args[0].value)
}

// roundTo rounds to so many decimals as Python does: what lies exactly between two goes to the even one.
func roundTo(x float64, decimals int) float64 {
	if decimals >= 0 {
		v, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', decimals, 64), 64)
		return v
	}
	scale := math.Pow(10, float64(-decimals))
	return math.RoundToEven(x/scale) * scale
}

// datetime is a date of the calendar, from year 1 to 9999.
func (e *expression) datetime(args []argument) any {
	part := []int{0, 0, 0, 0, 0, 0, 0}
	for i, a := range args {
		k := slices.Index(dateParts, a.name)
		if a.name == "" && i < len(dateParts) {
			k = i
		}
		if k < 0 || a.value != math.Trunc(a.value) || math.Abs(a.value) > 1e6 {
			return e.fail("datetime() takes whole numbers: %s", strings.Join(dateParts, ", "))
		}
		part[k] = int(a.value)
	}
	if !inCalendar(part[0], part[1], part[2]) || part[3] < 0 || part[3] > 23 || part[4] < 0 || part[4] > 59 || part[5] < 0 || part[5] > 59 || part[6] < 0 || part[6] > 999_999 {
		return e.fail("datetime(%v) is not a date", part)
	}
	return time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], part[6]*1000, time.UTC)
}
