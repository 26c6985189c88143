package dataset

import (
	"math"
)

// Role says what a column is for.
type Role string

// The roles of a column.
const (
	RoleFeature   Role = "feature"   // an input of the model
	RoleTarget    Role = "target"    // what the model predicts
	RoleID        Role = "id"        // names the row; never an input
	RoleTimestamp Role = "timestamp" // when the row was true
	RoleSegment   Role = "segment"   // a group to report by; not an input
	RoleIgnored   Role = "ignored"   // kept, not used
)

// Field describes one column as it was seen.
type Field struct {
	Name     string   `json:"name"`
	Kind     Kind     `json:"kind"`
	Integer  bool     `json:"integer,omitempty"` // numeric: every present value is whole
	Role     Role     `json:"role"`
	Levels   []string `json:"levels,omitempty"` // categorical: the levels that occur, sorted
	Min      *float64 `json:"min,omitempty"`    // numeric: the least finite present value; nil when there is none
	Max      *float64 `json:"max,omitempty"`    // numeric: the greatest
	Missing  float64  `json:"missing"`          // share of rows without a value, in [0,1]; 0 when there are no rows
	Distinct int      `json:"distinct"`         // number of different present values
}

// Schema describes the columns of a frame, in order.
type Schema struct {
	Fields []Field `json:"fields"`
}

// Describe looks at every column of f. A column that roles does not name is a feature.
func Describe(f *Frame, roles map[string]Role) Schema {
	s := Schema{Fields: make([]Field, len(f.Columns))}
	for i := range f.Columns {
		s.Fields[i] = describe(&f.Columns[i], roles[f.Columns[i].Name])
	}
	return s
}

func describe(c *Column, role Role) Field {
	if role == "" {
		role = RoleFeature
	}
	d := Field{Name: c.Name, Kind: c.Kind, Integer: c.Integer, Role: role, Distinct: c.Distinct()}
	if n := c.Len(); n > 0 {
		d.Missing = float64(c.MissingCount()) / float64(n)
	}
	if c.Kind == Categorical {
		d.Levels, _ = c.usedLevels()
		return d
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range c.Float {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo <= hi {
		d.Min, d.Max = &lo, &hi
	}
	return d
}

// usedLevels are the levels that some row has, sorted, and the new code of each old one (-1 = unused).
func (c *Column) usedLevels() (levels []string, code []int32) {
	code = make([]int32, len(c.Levels))
	for _, k := range c.Code {
		if k >= 0 {
			code[k] = 1
		}
	}
	levels = make([]string, 0, len(c.Levels))
	for k, used := range code {
		code[k] = -1
		if used != 0 {
			code[k] = int32(len(levels))
			levels = append(levels, c.Levels[k])
		}
	}
	return levels, code
}
