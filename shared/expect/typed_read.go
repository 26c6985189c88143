package expect

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode"

	"mlops/shared/dataset"
)

// Typed reads a JSON Lines file, or one array of JSON objects, again, whose table is f, for the types of its values: in a frame 1 beside "abc" is a text, in pandas, which
// the expectations speak of, a number still. It gives the table with those columns and their Options.Typed. Columns of one type stay as
// they are; when there are no others, which the levels tell, r is not read. f is not changed. The error is the first line that is not
// JSON (Python's NaN is not) or has no place in f.
func Typed(r io.Reader, f *dataset.Frame) (*dataset.Frame, map[string][]any, error) {
	doubtful := map[string][]any{}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Kind == dataset.Categorical && truths(c) == nil && slices.ContainsFunc(c.Levels, untyped) {
			doubtful[c.Name] = make([]any, c.Len())
		}
	}
	if len(doubtful) == 0 {
		return f, nil, nil
	}
	in := bufio.NewReader(r)
	d := json.NewDecoder(in)
	array := opensArray(in)
	if array {
		_, _ = d.Token()
	}
	for row := 0; ; row++ {
		var object map[string]any
		if row == f.Rows() && (array && !d.More()) {
			break
		}
		if err := d.Decode(&object); err == io.EOF && row == f.Rows() {
			break
		} else if err != nil || row >= f.Rows() {
			return nil, nil, fmt.Errorf("read the types of values: row %d of %d: %w", row+1, f.Rows(), err)
		}
		for name, values := range doubtful {
			if !f.Column(name).Missing(row) {
				values[row] = object[name]
			}
		}
	}
	columns, typed := slices.Clone(f.Columns), map[string][]any{}
	for i := range columns {
		values, ok := doubtful[columns[i].Name]
		if !ok {
			continue
		}
		c, levels, err := TypedColumn(columns[i].Name, values)
		if err != nil {
			return nil, nil, err
		}
		if levels != nil {
			columns[i], typed[c.Name] = c, levels
		}
	}
	table, err := dataset.NewFrame(columns...)
	return table, typed, err
}

// opensArray passes over white space and a byte order mark, and reports whether an array begins behind.
func opensArray(r *bufio.Reader) bool {
	for {
		c, _, err := r.ReadRune()
		if err == nil && (unicode.IsSpace(c) || c == '\uFEFF') {
			continue
		}
		if err == nil {
			err = r.UnreadRune()
		}
		return err == nil && c == '['
	}
}

// untyped reports whether a level may be of another type than text.
func untyped(level string) bool {
	_, err := strconv.ParseFloat(level, 64)
	return err == nil || level == "true" || level == "false"
}
