// Package sets reads the public data sets and the splits of their rows on which peers were measured, so that estimators, tests and benchmarks
// are held against the same rows. A folder holds encoded/NAME.csv (all numbers, categories as codes, "" missing, the target last),
// encoded/NAME.json (the task, and the levels of each category) and splits/NAME.csv: a column of folds 0..4 for each seed, or one column "test" of 0 and 1.
package sets

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"mlops/shared/dataset"
)

// Set is a data set with the rows of every fit of its protocol.
type Set struct {
	Name   string
	Frame  *dataset.Frame // features only
	Labels dataset.Labels
	Fits   []Fit
}

// Fit is one fit of the protocol.
type Fit struct {
	Train, Test []int // rows, ascending
	Seed        uint64
}

// Load reads the set name of a folder. With categories, columns that are categories are read as such; else as their codes, as numbers.
func Load(folder, name string, categories bool) (*Set, error) {
	var about struct {
		Task  string
		Kinds map[string]json.RawMessage
	}
	b, err := os.ReadFile(filepath.Join(folder, "encoded", name+".json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &about); err != nil {
		return nil, fmt.Errorf("read what %s is: %w", name, err)
	}
	table, err := numbers(filepath.Join(folder, "encoded", name+".csv"))
	if err != nil {
		return nil, err
	}
	s := &Set{Name: name, Frame: &dataset.Frame{}, Labels: dataset.Labels{Name: "target", Task: dataset.Regression}}
	if about.Task == "bin" {
		s.Labels.Task, s.Labels.Classes = dataset.Binary, []string{"0", "1"}
	}
	for _, c := range table.Columns {
		var kind struct{ Cat []string }
		switch {
		case c.Name == "target":
			s.Labels.Y = c.Float
		case categories && json.Unmarshal(about.Kinds[c.Name], &kind) == nil:
			text := make([]string, len(c.Float))
			for i, v := range c.Float {
				if v == v {
					text[i] = kind.Cat[int(v)]
				}
			}
			s.Frame.Columns = append(s.Frame.Columns, dataset.CategoricalColumn(c.Name, text, func(t string) bool { return t == "" }))
		default:
			s.Frame.Columns = append(s.Frame.Columns, c)
		}
	}
	splits, err := numbers(filepath.Join(folder, "splits", name+".csv"))
	if err != nil {
		return nil, err
	}
	for seed, c := range splits.Columns {
		held := []float64{0, 1, 2, 3, 4}
		if c.Name == "test" {
			held = []float64{1}
		}
		for _, k := range held {
			f := Fit{Seed: uint64(seed)}
			for i, v := range c.Float {
				if v == k {
					f.Test = append(f.Test, i)
				} else {
					f.Train = append(f.Train, i)
				}
			}
			s.Fits = append(s.Fits, f)
		}
	}
	return s, nil
}

// numbers reads a table that holds nothing else.
func numbers(path string) (*dataset.Frame, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := dataset.ReadCSV(f, dataset.Options{})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, c := range table.Columns {
		if c.Kind != dataset.Numeric {
			return nil, fmt.Errorf("read %s: column %s is not numeric", path, c.Name)
		}
	}
	return table, nil
}
