package dataset

import (
	"math"
	"slices"

	"mlops/shared/fault"
)

// Concat is a with the rows of b below. The columns are a's: b's are matched by name, a column that b lacks is missing in its rows, and
// a column that only b has is left out. Levels are united. A column without a single value takes the other's kind; a numeric column
// that meets a text one is an error that names it.
func Concat(a, b *Frame) (*Frame, error) {
	p := problems{what: "join two tables"}
	out := &Frame{Columns: make([]Column, len(a.Columns))}
	for i := range a.Columns {
		above, below := &a.Columns[i], b.Column(a.Columns[i].Name)
		if below == nil || below.MissingCount() == below.Len() {
			below = without(above, b.Rows())
		} else if above.Kind != below.Kind && above.MissingCount() == above.Len() {
			above = without(below, a.Rows())
		}
		if above.Kind != below.Kind {
			p.add(fault.Detail{Field: above.Name, Code: "wrong_type", Got: below.Kind.String(), Expected: above.Kind.String() + " like the first table"})
			continue
		}
		out.Columns[i] = stack(above, below)
	}
	if err := p.fault(); err != nil {
		return nil, err
	}
	return out, nil
}

// without is a column like c of n rows, all missing.
func without(c *Column, n int) *Column {
	w := &Column{Name: c.Name, Kind: c.Kind, Levels: c.Levels}
	if c.Kind == Numeric {
		w.Float = slices.Repeat([]float64{math.NaN()}, n)
	} else {
		w.Code = slices.Repeat([]int32{-1}, n)
	}
	return w
}

// stack joins two columns of one kind.
func stack(above, below *Column) Column {
	if above.Kind == Numeric {
		return NumericColumn(above.Name, slices.Concat(above.Float, below.Float))
	}
	levels := slices.Concat(above.Levels, below.Levels)
	slices.Sort(levels)
	levels = slices.Compact(levels)
	code := make([]int32, 0, above.Len()+below.Len())
	for _, c := range [...]*Column{above, below} {
		rank := make([]int32, len(c.Levels))
		for k, l := range c.Levels {
			at, _ := slices.BinarySearch(levels, l)
			rank[k] = int32(at)
		}
		for _, k := range c.Code {
			if k >= 0 {
				k = rank[k]
			}
			code = append(code, k)
		}
	}
	return Column{Name: above.Name, Kind: Categorical, Code: code, Levels: levels}
}
