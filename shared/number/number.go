// Package number carries floats through JSON, which has no NaN and no infinities: a result that is not finite must reach its reader
// as such, and must never make an answer fail.
package number

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Float is a float64 whose JSON is a number when finite, else one of the strings "NaN", "Infinity", "-Infinity".
type Float float64

// MarshalJSON writes the shortest decimal that reads back as the same float64.
func (f Float) MarshalJSON() ([]byte, error) {
	v := float64(f)
	switch {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	}
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(nil, v, format, -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and null as NaN.
func (f *Float) UnmarshalJSON(b []byte) error {
	switch s := string(b); s {
	case "null", `"NaN"`:
		*f = Float(math.NaN())
	case `"Infinity"`:
		*f = Float(math.Inf(1))
	case `"-Infinity"`:
		*f = Float(math.Inf(-1))
	default:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("read %.40s as a number: %w", s, err)
		}
		*f = Float(v)
	}
	return nil
}

// Finite reports whether f is neither NaN nor infinite.
func (f Float) Finite() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// String prints f as %g would.
func (f Float) String() string { return strconv.FormatFloat(float64(f), 'g', -1, 64) }

// Grouped prints v rounded to a whole number, with a comma between thousands: 2,410. What is not finite is printed as %f would.
func Grouped(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 && s != "0" {
		s = "-" + s
	}
	return s
}

// Count is a number with its noun, of which there are several unless it is 1: 1 category, 2 categories.
func Count(n int, noun string) string {
	switch stem, y := strings.CutSuffix(noun, "y"); {
	case n == 1:
		return "1 " + noun
	case y:
		noun = stem + "ie"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Python is how Python's str and repr write a float: the shortest decimal that reads back as the same float64, always with a point or an
// exponent, which begins below 1e-4 and at 1e16.
func Python(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
