// Package figure is how figures are shown to people: numbers with as many digits as they deserve, text from outside made harmless, and
// charts as places on a canvas, which the templates of document draw.
package figure

import (
	"fmt"
	"strings"
	"unicode"
)

// Limits on text that comes from outside. What is longer is cut, and the cut is shown.
const (
	MaxName = 80  // characters of a name: a column, a level, a person, an id
	MaxText = 600 // characters of a sentence
)

// Hidden reports whether a character can make text look like other text: controls, marks that turn the direction of writing, and what has
// no width. The joiners that Persian and emoji need stay.
func Hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u00ad', r == '\u061c', r == '\u200b', r == '\u200e', r == '\u200f', r == '\ufeff',
		r >= '\u2028' && r <= '\u202e', r >= '\u2060' && r <= '\u206f', r >= '\ufff9' && r <= '\ufffb', r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// Line makes s one visible line of at most n characters: hidden characters become spaces, runs of spaces one, bytes that are not UTF-8 a
// question mark, and what is cut is shown by an ellipsis.
func Line(s string, n int) string {
	if len(s) > 8*n { // a character has at most four bytes; what is cut anyway need not be read
		s = s[:8*n]
	}
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return Hidden(r) || unicode.IsSpace(r) }), " ")
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}

// Visible drops hidden characters from a whole document and keeps its lines and tabs.
func Visible(b []byte) []byte {
	return []byte(strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && Hidden(r) {
			return -1
		}
		return r
	}, string(b)))
}

// Listed joins names, each of at most MaxName characters and at most n of them; the others are counted.
func Listed(names []string, n int) string {
	var out []string
	for i, s := range names {
		if i == n {
			return strings.Join(out, ", ") + " and " + Grouped(len(names)-n) + " more"
		}
		out = append(out, Line(s, MaxName))
	}
	return strings.Join(out, ", ")
}

// Counted is "1 row", "2,410 rows", "2 entries".
func Counted(v any, one string) string {
	if n := Float(v); n != 1 {
		if strings.HasSuffix(one, "y") {
			one = strings.TrimSuffix(one, "y") + "ies"
		} else {
			one += "s"
		}
	}
	return Grouped(v) + " " + one
}

// Digest shortens a digest to the twelve characters people compare.
func Digest(s string) string { return Line(s[:min(len(s), 12)], 12) }

// Words turns an identifier into words: covariate_shift is "covariate shift".
func Words(s string) string {
	return Line(strings.NewReplacer("_", " ", ".", " ").Replace(s[:min(len(s), 400)]), MaxName)
}

// Metric is how people write a metric: AUC, log loss; "auc difference" is AUC difference.
func Metric(metric string) string {
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
		return Metric(m) + " difference"
	}
	return Words(metric)
}

// Sentence begins with a capital and ends with a stop. It is for our own words: a text that may begin with a name keeps its case
// (Line).
func Sentence(s string) string { return Finished(Line(s, MaxText)) }

// Finished is Sentence for a text put together from lines, which may be longer than one.
func Finished(s string) string {
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

// Version is how people name a version: v2, and "none" for 0.
func Version(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprintf("v%d", n)
}
