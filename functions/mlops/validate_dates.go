package main

import (
	"os"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet"
	"mlops/shared/expect"
)

// instantsIn are the columns of dates in a Parquet file; none of any other file, and of one that cannot be read, which the reading says.
func instantsIn(file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	names, err := parquet.Instants(f, info.Size(), dataset.Options{})
	if err != nil {
		return nil
	}
	return names
}

// named reports whether an expectation of the suite names one of these columns, as its column, one of several, or elsewhere in its arguments.
func named(suite *expect.Suite, columns []string) bool {
	var within func(v any) bool
	within = func(v any) bool {
		switch v := v.(type) {
		case string:
			return slices.Contains(columns, v)
		case []any:
			return slices.ContainsFunc(v, within)
		case map[string]any:
			for _, x := range v {
				if within(x) {
					return true
				}
			}
		}
		return false
	}
	return len(columns) > 0 && slices.ContainsFunc(suite.Expectations, func(e expect.Expectation) bool { return within(map[string]any(e.Kwargs)) })
}

// asInstants says what the texts of these columns stand for.
func asInstants(f *dataset.Frame, columns []string) map[string][]any {
	typed := map[string][]any{}
	for _, name := range columns {
		c := f.Column(name)
		if c.Kind != dataset.Categorical { // without a value
			continue
		}
		levels := make([]any, len(c.Levels))
		for k, level := range c.Levels {
			levels[k] = level
			if t, ok := parquet.Instant(level); ok {
				levels[k] = t
			}
		}
		typed[name] = levels
	}
	return typed
}
