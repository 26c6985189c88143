package expect

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mlops/shared/dataset"
)

// Rejection is one row that an expectation did not expect, said so that whoever owns the data can find and mend it.
type Rejection struct {
	Row      int    // 1-based row of data: 1 is the first line under the header
	Column   string // the columns the expectation looks at, joined by ", "
	Rule     string // the expectation's type
	Expected string // its arguments, as JSON
	Severity string
	Value    string // what stands there; several are joined by ", ", and a gap is empty
	Action   string // what was done with the row: Refuse, Reject or Warn
}

// Rejections are the rows that failed expectations of r, over the frame f that r was made of, by row and then in the order of the suite. act
// maps a severity to what is done about it; what it ignores is left out. At most limit are given; more counts the others.
func (r *Result) Rejections(f *dataset.Frame, act map[string]string, limit int) (list []Rejection, more int) {
	for _, e := range r.Failed("") {
		action := act[e.Severity()]
		if action == Ignore || action == "" || e.Exception != "" {
			continue
		}
		names := columnsOf(e.Config.Kwargs)
		expected := arguments(e.Config.Kwargs)
		for _, row := range e.UnexpectedRows {
			if len(list) >= limit {
				more++
				continue
			}
			list = append(list, Rejection{row + 1, strings.Join(names, ", "), e.Config.Type, expected, e.Severity(), cells(f, names, row), action})
		}
	}
	slices.SortStableFunc(list, func(a, b Rejection) int { return a.Row - b.Row })
	return list, more
}

// columnsOf are the columns that an expectation names.
func columnsOf(kwargs map[string]any) []string {
	var names []string
	for _, k := range []string{"column", "column_A", "column_B"} {
		if s, ok := kwargs[k].(string); ok {
			names = append(names, s)
		}
	}
	if l, ok := list(kwargs["column_list"]); ok {
		for _, v := range l {
			if s, ok := v.(string); ok {
				names = append(names, s)
			}
		}
	}
	return names
}

// arguments are an expectation's arguments without the columns.
func arguments(kwargs map[string]any) string {
	rest := clone(kwargs)
	for _, k := range []string{"column", "column_A", "column_B", "column_list", "batch_id"} {
		delete(rest, k)
	}
	if len(rest) == 0 {
		return ""
	}
	b, err := json.Marshal(rest)
	if err != nil { // a suite was read from JSON
		return fmt.Sprint(rest)
	}
	return shortened(string(b))
}

// maxCell is the longest text of a cell, in characters.
const maxCell = 200

func shortened(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= maxCell {
		return s
	}
	return string([]rune(s)[:maxCell-1]) + "…"
}

// cells is what a row holds in the columns.
func cells(f *dataset.Frame, names []string, row int) string {
	out := make([]string, len(names))
	for i, name := range names {
		if c := f.Column(name); c != nil && row < c.Len() && !c.Missing(row) {
			out[i] = c.Text(row)
		}
	}
	return shortened(strings.Join(out, ", "))
}

// WriteRejections writes a table that a spreadsheet opens (RFC 4180), one line a row and rule. A text that a spreadsheet would take for a
// formula gets an apostrophe in front; a number keeps its sign.
// See https://owasp.org/www-community/attacks/CSV_Injection.
func WriteRejections(w io.Writer, list []Rejection) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"row", "column", "rule", "expected", "severity", "value", "done"}); err != nil {
		return err
	}
	done := map[string]string{Refuse: "the whole upload was refused", Reject: "set aside", Warn: "kept"}
	for _, r := range list {
		record := []string{strconv.Itoa(r.Row), r.Column, r.Rule, r.Expected, r.Severity, r.Value, done[r.Action]}
		for i := range record {
			record[i] = harmless(record[i])
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless is a cell's text as no spreadsheet will calculate it.
func harmless(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r\n|%", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}
