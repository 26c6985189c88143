package figure

import (
	"math"
	"strconv"
	"strings"
	"time"

	"mlops/shared/number"
)

// Unknown stands for a figure that is not finite, and for a time that is not set.
const Unknown = "—"

// Float is any number that documents show (number.Float, float64, int, int64) as a float64; NaN when v is none of these.
func Float(v any) float64 {
	switch x := v.(type) {
	case number.Float:
		return float64(x)
	case float64:
		return x
	case int:
		return float64(x)
	case int64:
		return float64(x)
	}
	return math.NaN()
}

// Finite reports whether v is a number, and neither NaN nor infinite.
func Finite(v any) bool { return number.Float(Float(v)).Finite() }

// Number prints a number with as many digits as its size deserves: 0.830, 12.5, 2,410, 4e-41. What is not finite is Unknown, here and in all
// that follow.
func Number(v any) string {
	x := Float(v)
	switch a := math.Abs(x); {
	case !Finite(x):
		return Unknown
	case a == 0:
		return "0"
	case a >= 1e15 || a < 0.001:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case a >= 1000:
		return Grouped(x)
	case a >= 1:
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x, 'f', 2, 64), "0"), ".")
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}

// Grouped prints a number rounded to a whole one, with a comma between thousands.
func Grouped(v any) string {
	x := Float(v)
	if !Finite(x) {
		return Unknown
	}
	return number.Grouped(x)
}

// Signed is Number with its sign, for a difference: +0.046.
func Signed(v any) string {
	if Float(v) > 0 && Finite(v) {
		return "+" + Number(v)
	}
	return Number(v)
}

// Interval is " [low, high]" by the given printer, or "" where an end is not known: it is set behind a value.
func Interval(low, high any, print func(any) string) string {
	if !Finite(low) || !Finite(high) {
		return ""
	}
	return " [" + print(low) + ", " + print(high) + "]"
}

// Percent prints a share: 0.62 is 62 %, 0.004 is 0.4 %.
func Percent(v any) string {
	x := 100 * Float(v)
	switch a := math.Abs(x); {
	case !Finite(x):
		return Unknown
	case a == 0 || a >= 10:
		return strconv.FormatFloat(x, 'f', 0, 64) + " %"
	case a >= 0.1:
		return strconv.FormatFloat(x, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(x, 'g', 1, 64) + " %"
}

// PValue prints a p-value: three decimals, one digit and an exponent below 0.001, and a bound for the 0 that stands for less than a float
// can hold.
func PValue(v any) string {
	switch x := Float(v); {
	case !Finite(x):
		return Unknown
	case x == 0:
		return "< 1e-300"
	case x < 0.001:
		return strconv.FormatFloat(x, 'g', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 3, 64)
	}
}

// Dollars prints a cost: $0.07, $0.0021, and "less than $0.0001" rather than a row of noughts.
func Dollars(v any) string {
	switch x := Float(v); {
	case !Finite(x):
		return Unknown
	case x == 0:
		return "$0"
	case x < 0.0001:
		return "less than $0.0001"
	case x < 0.01:
		return "$" + strconv.FormatFloat(x, 'f', 4, 64)
	case x >= 1000:
		return "$" + Grouped(x)
	default:
		return "$" + strconv.FormatFloat(x, 'f', 2, 64)
	}
}

// Duration prints seconds in their natural unit: 6 s (rounded up), 10 min, 28 h.
func Duration(v any) string {
	switch x := Float(v); {
	case !Finite(x):
		return Unknown
	case x < 120:
		return Grouped(math.Ceil(x)) + " s"
	case x < 2*3600:
		return Grouped(x/60) + " min"
	default:
		return Grouped(x/3600) + " h"
	}
}

// Stamp is a moment to the minute, in UTC.
func Stamp(t time.Time) string { return Moment(t, "2 Jan 2006 15:04 UTC") }

// Day is the date of a moment, in UTC.
func Day(t time.Time) string { return Moment(t, "2 Jan 2006") }

// Moment is a moment in UTC by a layout of package time; Unknown for the zero time.
func Moment(t time.Time, layout string) string {
	if t.IsZero() {
		return Unknown
	}
	return t.UTC().Format(layout)
}
