package document

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mlops/shared/number"
)

// Limits on text that comes from outside. What is longer is cut, and the cut is shown.
const (
	maxName = 80  // characters of a name: a column, a level, a person, an id
	maxText = 600 // characters of a sentence
)

// unknown stands for a figure that is not finite, and for a time that is not set.
const unknown = "—"

// hidden reports whether a character can make text look like other text: controls, marks that turn the direction of writing, and what has
// no width. The joiners that Persian and emoji need stay.
func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u00ad', r == '\u061c', r == '\u200b', r == '\u200e', r == '\u200f', r == '\ufeff',
		r >= '\u2028' && r <= '\u202e', r >= '\u2060' && r <= '\u206f', r >= '\ufff9' && r <= '\ufffb', r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// line makes s one visible line of at most n characters: hidden characters become spaces, runs of space one.
func line(s string, n int) string {
	if len(s) > 8*n { // a character has at most four bytes; what is cut anyway need not be read
		s = s[:8*n]
	}
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return hidden(r) || unicode.IsSpace(r) }), " ")
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}

// visible drops hidden characters from a whole document and keeps its lines.
func visible(b []byte) []byte {
	return []byte(strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && hidden(r) {
			return -1
		}
		return r
	}, string(b)))
}

// float is any number of a view as a float64; NaN when it is none.
func float(v any) float64 {
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

func finite(v any) bool { return number.Float(float(v)).Finite() }

// figure prints a number with as many digits as its size deserves: 0.830, 12.5, 2,410, 4e-41.
func figure(v any) string {
	x := float(v)
	switch a := math.Abs(x); {
	case !finite(x):
		return unknown
	case a == 0:
		return "0"
	case a >= 1e15 || a < 0.001:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case a >= 1000:
		return grouped(x)
	case a >= 1:
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x, 'f', 2, 64), "0"), ".")
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}

// grouped prints a number rounded, with a comma between thousands.
func grouped(v any) string {
	x := float(v)
	if !finite(x) {
		return unknown
	}
	s := strconv.FormatFloat(math.Abs(x), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if x < 0 && s != "0" {
		s = "-" + s
	}
	return s
}

// signed is figure with a sign, for a difference.
func signed(v any) string {
	if float(v) > 0 && finite(v) {
		return "+" + figure(v)
	}
	return figure(v)
}

// interval is " [low, high]", or nothing where an end is not known.
func interval(low, high any, print func(any) string) string {
	if !finite(low) || !finite(high) {
		return ""
	}
	return " [" + print(low) + ", " + print(high) + "]"
}

// percent prints a share: 0.62 is 62 %, 0.004 is 0.4 %.
func percent(v any) string {
	x := 100 * float(v)
	switch a := math.Abs(x); {
	case !finite(x):
		return unknown
	case a == 0 || a >= 10:
		return strconv.FormatFloat(x, 'f', 0, 64) + " %"
	case a >= 0.1:
		return strconv.FormatFloat(x, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(x, 'g', 1, 64) + " %"
}

// chance prints a p-value.
func chance(v any) string {
	switch x := float(v); {
	case !finite(x):
		return unknown
	case x == 0:
		return "< 1e-300"
	case x < 0.001:
		return strconv.FormatFloat(x, 'g', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 3, 64)
	}
}

// dollars prints a cost: $0.07, $0.0021, and "less than $0.0001" rather than a row of noughts.
func dollars(v any) string {
	switch x := float(v); {
	case !finite(x):
		return unknown
	case x == 0:
		return "$0"
	case x < 0.0001:
		return "less than $0.0001"
	case x < 0.01:
		return "$" + strconv.FormatFloat(x, 'f', 4, 64)
	case x >= 1000:
		return "$" + grouped(x)
	default:
		return "$" + strconv.FormatFloat(x, 'f', 2, 64)
	}
}

// duration prints seconds in their natural unit.
func duration(v any) string {
	switch x := float(v); {
	case !finite(x):
		return unknown
	case x < 120:
		return grouped(math.Ceil(x)) + " s"
	case x < 2*3600:
		return grouped(x/60) + " min"
	default:
		return grouped(x/3600) + " h"
	}
}

// counted is "1 row", "2,410 rows", "2 entries".
func counted(v any, one string) string {
	if n := float(v); n != 1 {
		if strings.HasSuffix(one, "y") {
			one = strings.TrimSuffix(one, "y") + "ies"
		} else {
			one += "s"
		}
	}
	return grouped(v) + " " + one
}

// stamp is a moment to the minute, in UTC; day is its date.
func stamp(t time.Time) string { return moment(t, "2 Jan 2006 15:04 UTC") }
func day(t time.Time) string   { return moment(t, "2 Jan 2006") }

func moment(t time.Time, layout string) string {
	if t.IsZero() {
		return unknown
	}
	return t.UTC().Format(layout)
}

// digest shortens a digest to the twelve characters people compare.
func digest(s string) string { return line(s[:min(len(s), 12)], 12) }

// words turns an identifier into words: covariate_shift is "covariate shift".
func words(s string) string {
	return line(strings.NewReplacer("_", " ", ".", " ").Replace(s[:min(len(s), 400)]), maxName)
}

// metricName is how people write a metric.
func metricName(metric string) string {
	switch metric {
	case "auc", "rmse", "mae", "f1", "ece":
		return strings.ToUpper(metric)
	case "log_loss":
		return "log loss"
	case "brier":
		return "Brier score"
	case "r2":
		return "R²"
	}
	if m, ok := strings.CutSuffix(metric, " difference"); ok {
		return metricName(m) + " difference"
	}
	return words(metric)
}

// sentence begins with a capital and ends with a stop. It is for our own words: a text that may begin with a name keeps its case (line).
func sentence(s string) string { return finished(line(s, maxText)) }

// finished is sentence for a text put together from lines, which may be longer.
func finished(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return ""
	}
	if len(r) > 1 && !unicode.IsDigit(r[1]) { // v2 stays v2
		r[0] = unicode.ToUpper(r[0])
	}
	if !strings.ContainsRune(".!?…", r[len(r)-1]) {
		r = append(r, '.')
	}
	return string(r)
}

// version is how people name a version.
func version(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprintf("v%d", n)
}
