package expect

import (
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
)

// FuzzTyped reads JSON Lines again for the types of their values: what comes of them is a table of the same rows whose levels all stand for something, and suites bear it.
func FuzzTyped(f *testing.F) {
	for _, s := range []string{"{\"a\":1,\"b\":\"x\"}\n{\"a\":\"1\",\"b\":true}\n", `[{"a":1},{"a":"y"},{"a":null}]`, "{\"a\":1e999}\n{\"a\":\"2024-01-31\"}", "{\"a\":9007199254740993}\n\n{\"a\":false,\"c\":\"7\"}", "{\"\\u0061\":\"1\"}\n{\"a\":2,\"A\":3}"} {
		f.Add(s)
	}
	suite, err := ReadSuite([]byte(`{"name":"s","expectations":[{"type":"expect_column_values_to_be_of_type","kwargs":{"column":"a","type_":"int"}},
		{"type":"expect_column_values_to_be_between","kwargs":{"column":"a","min_value":0}}, {"type":"expect_column_distinct_values_to_be_in_set","kwargs":{"column":"a","value_set":[1,"1",true]}}]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		frame, err := dataset.ReadJSONL(strings.NewReader(in), dataset.Options{Limits: dataset.Limits{Rows: 100, Columns: 20, FieldBytes: 1000, Bytes: 1 << 16}})
		if err != nil {
			return
		}
		table, typed, err := Typed(strings.NewReader(in), frame)
		if err != nil {
			return
		}
		if table.Rows() != frame.Rows() || len(table.Columns) != len(frame.Columns) {
			t.Fatalf("%q: %d rows of %d columns became %d of %d", in, frame.Rows(), len(frame.Columns), table.Rows(), len(table.Columns))
		}
		for name, levels := range typed {
			if c := table.Column(name); c == nil || len(levels) != len(c.Levels) {
				t.Fatalf("%q: %s stands for %v", in, name, levels)
			}
		}
		Validate(table, suite, Options{Typed: typed, Now: time.Unix(0, 0)})
	})
}
