package model

import (
	"math"
	"runtime"
	"sync"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// source reads one feature off a column of a frame, row by row.
type source struct {
	number []float64           // a numeric column
	code   []int32             // a categorical column
	level  []float64           // for each level of that column the feature's code, -1 when training never saw it
	coded  map[float64]float64 // numeric column, categorical feature: the code of each number that is a level; else nil
}

// at is the feature's number in row i.
func (s *source) at(i int) float64 {
	if s.number == nil {
		if c := s.code[i]; c >= 0 {
			return s.level[c]
		}
		return math.NaN()
	}
	v := s.number[i]
	if s.coded == nil || v != v {
		return v
	}
	if c, ok := s.coded[v]; ok {
		return c
	}
	return -1
}

// bind finds every feature's column in f by name; other columns are ignored. The error names every feature that has no column, and
// every numeric one that meets text. A categorical feature whose levels are numbers may be read off a numeric column.
func (m *Model) bind(f *dataset.Frame) ([]source, error) {
	byName := make(map[string]*dataset.Column, len(f.Columns))
	for i := range f.Columns {
		byName[f.Columns[i].Name] = &f.Columns[i]
	}
	out := make([]source, len(m.Features))
	var problems []fault.Detail
	for i := range m.Features {
		t := &m.Features[i]
		c := byName[t.Name]
		if c == nil {
			problems = append(problems, fault.Detail{Field: t.Name, Code: CodeMissing, Expected: "a column of this name: " + t.expected()})
			continue
		}
		var d *fault.Detail
		if out[i], d = t.bind(c); d != nil {
			problems = append(problems, *d)
		}
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("the table lacks what the model for %q reads", m.Target).With(problems...)
	}
	return out, nil
}

// bind reads the feature off column c, or says why that cannot be.
func (t *Feature) bind(c *dataset.Column) (source, *fault.Detail) {
	s := source{number: c.Float, code: c.Code}
	switch {
	case c.Kind == dataset.Numeric && t.Kind == dataset.Categorical:
		s.coded = make(map[float64]float64)
		for _, v := range c.Float {
			if _, seen := s.coded[v]; v == v && !seen {
				s.coded[v] = float64(t.numberLevel(v))
			}
		}
	case c.Kind == dataset.Categorical && t.Kind == dataset.Categorical:
		s.level = make([]float64, len(c.Levels))
		for i, l := range c.Levels {
			s.level[i] = float64(t.level(l))
		}
	case c.Kind == dataset.Categorical: // text for a numeric feature: only a column without values will do
		for i, k := range c.Code {
			if k >= 0 {
				return s, &fault.Detail{Field: t.Name, Code: CodeWrongType, Got: shorten(c.Levels[k]), Expected: t.expected(), Row: fault.Row(i + 1)}
			}
		}
	}
	return s, nil
}

// Matrix is f as the rows that Predict reads, row-major: row i is at i*len(Features). Columns are matched by name, and extra ones are
// ignored; the error names every column that is missing or of the wrong kind. A level that training never saw is -1.
func (m *Model) Matrix(f *dataset.Frame) ([]float64, error) {
	sources, err := m.bind(f)
	if err != nil {
		return nil, err
	}
	x := make([]float64, f.Rows()*len(sources))
	fill(x, sources, 0, f.Rows())
	return x, nil
}

// fill writes rows from..to as row-major numbers.
func fill(x []float64, sources []source, from, to int) {
	n := len(sources)
	for j := range sources {
		s := &sources[j]
		for i := from; i < to; i++ {
			x[(i-from)*n+j] = s.at(i)
		}
	}
}

// predictRows is how many rows PredictFrame holds as numbers at a time.
const predictRows = 512

// PredictFrame scores every row of f: row-major, Width numbers a row. Rows are scored in parallel, each on its own, so the answer does
// not depend on how many processors there are.
func (m *Model) PredictFrame(f *dataset.Frame) ([]float64, error) {
	sources, err := m.bind(f)
	if err != nil {
		return nil, fault.Wrap(err, "predict %d rows", f.Rows())
	}
	rows, n, w := f.Rows(), len(m.Features), m.Width()
	out := make([]float64, rows*w)
	workers := min(runtime.GOMAXPROCS(0), (rows+predictRows-1)/predictRows)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			x := make([]float64, predictRows*n)
			for from := k * predictRows; from < rows; from += workers * predictRows {
				to := min(from+predictRows, rows)
				fill(x, sources, from, to)
				PredictBatch(m.Predictor, out[from*w:to*w], x[:(to-from)*n], to-from)
			}
		})
	}
	wg.Wait()
	return out, nil
}
