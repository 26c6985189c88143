package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// with is f with a numeric column more.
func (f *Frame) with(name string, v []float64) *Frame {
	g := f.Drop(name)
	return &Frame{Columns: append(g.Columns, NumericColumn(name, v))}
}

// spelled is a number in one of the ways in which people and programs write it.
func spelled(t *rapid.T, v float64) string {
	switch rapid.IntRange(0, 3).Draw(t, "spelling") {
	case 1:
		return strconv.FormatFloat(v, 'e', -1, 64)
	case 2:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', 1, 64)
		}
	case 3:
		return " " + strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// TestDigestIsOfContent: a table written as CSV with any separator, quotes, line ends, spellings and order of columns, and as JSON Lines, has one
// digest; a table in which one value is another has another.
func TestDigestIsOfContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 20).Draw(t, "rows")
		x, c := make([]float64, rows), make([]string, rows)
		for i := range rows {
			x[i] = rapid.OneOf(rapid.Just(math.NaN()), rapid.Just(math.Copysign(0, -1)), rapid.Float64Range(-1e12, 1e12), rapid.Map(rapid.IntRange(-9, 9), func(n int) float64 { return float64(n) })).Draw(t, "x")
			c[i] = rapid.SampledFrom([]string{"", "red", "a,b;c\td|e", `say "hi"`, "two\nlines", "é", "0x1f", "1,5"}).Draw(t, "c")
		}
		c[0], x[0] = "red", 1.5 // a value of each, so that a reader knows the kinds
		f, err := NewFrame(NumericColumn("x", x), CategoricalColumn("c", c, func(s string) bool { return s == "" }))
		if err != nil {
			t.Fatal(err)
		}
		want := Digest(f)

		separator := rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "separator")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		flip, quoteAll := rapid.Bool().Draw(t, "flip"), rapid.Bool().Draw(t, "quote")
		quote := func(s string) string {
			if quoteAll || strings.ContainsAny(s, "\",;\t|\n") {
				return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
			}
			return s
		}
		record := func(a, b string) string {
			if flip {
				a, b = b, a
			}
			return a + separator + b + end
		}
		var csv, lines bytes.Buffer
		csv.WriteString(record("x", "c"))
		for i := range rows {
			number, missing := "NA", c[i]
			object := map[string]any{}
			if !math.IsNaN(x[i]) {
				number = spelled(t, x[i])
				object["x"] = json.Number(strings.TrimSpace(number))
			}
			if missing == "" {
				missing = rapid.SampledFrom([]string{"", "?", "null"}).Draw(t, "missing")
			} else {
				object["c"] = c[i]
			}
			csv.WriteString(record(number, quote(missing)))
			b, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&lines, "%s\n", b)
		}
		for name, text := range map[string]string{"t.csv": csv.String(), "t.jsonl": lines.String()} {
			g, err := Read(strings.NewReader(text), name, Options{})
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			if Digest(g) != want {
				t.Fatalf("%s has another digest:\n%s", name, text)
			}
		}
		var back bytes.Buffer
		if err := WriteJSONL(&back, f); err != nil {
			t.Fatal(err)
		}
		if g, err := ReadJSONL(&back, Options{}); err != nil || Digest(g) != want {
			t.Fatalf("what WriteJSONL wrote: %v", err)
		}

		i := rapid.IntRange(0, rows-1).Draw(t, "row")
		y := append([]float64{}, x...)
		if y[i] = rapid.Float64Range(-1e12, 1e12).Draw(t, "other"); y[i] != x[i] {
			if Digest(f.with("x", y)) == want {
				t.Fatalf("row %d is %g, not %g, and the digest is the same", i, y[i], x[i])
			}
		}
	})
}
