package training

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// Shape is what is declared of the rows of a table: how they hang together, and how much each counts. Its columns are no features.
type Shape struct {
	Group       string      `json:"group,omitempty"`  // rows of one value stay in one fold: a patient's visits
	Time        string      `json:"time,omitempty"`   // folds are windows in the order of this column, trained on what came before
	Weight      string      `json:"weight,omitempty"` // how much a row counts, >= 0, in the fits and in their comparison
	ClassWeight ClassWeight `json:"class_weight,omitempty"`
}

// ClassWeight is how much each class counts, by its name; Balanced alone gives every class the same sum.
type ClassWeight map[string]float64

// Balanced as the only key of a ClassWeight: rows / (classes x rows of the class), as scikit-learn has it.
const Balanced = "balanced"

// ParseClassWeight reads the text balanced, or a map of weights. Invalid otherwise.
func ParseClassWeight(v any) (ClassWeight, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if v == "" {
			return nil, nil
		}
		if v == Balanced {
			return ClassWeight{Balanced: 1}, nil
		}
	case map[string]any:
		w := ClassWeight{}
		for name, x := range v {
			n, ok := fit.Number(x)
			if !ok {
				return nil, fault.Invalidf("the weight of class %.40q is no number", name)
			}
			w[name] = n
		}
		if len(w) > 0 {
			return w, nil
		}
	}
	return nil, fault.Invalidf("the class weights are neither balanced nor a weight for each class").With(
		fault.Detail{Field: "class_weight", Code: model.CodeWrongType, Got: shorten(v), Expected: `balanced, or {"class": weight, ..}`})
}

// Columns are the columns that the shape names.
func (s Shape) Columns() (names []string) {
	for _, n := range []string{s.Group, s.Time, s.Weight} {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// over is s, completed by what it does not say.
func (s Shape) over(other Shape) Shape {
	if s.Group+s.Time == "" { // of the two there can be one
		s.Group, s.Time = other.Group, other.Time
	}
	s.Weight = cmp.Or(s.Weight, other.Weight)
	if s.ClassWeight == nil {
		s.ClassWeight = other.ClassWeight
	}
	return s
}

// rows is a shape read off a table.
type rows struct {
	group  []int     // a number for each different value; nil = none declared
	time   []float64 // in an order that is time's; nil = none declared
	weight []float64 // nil = one each
}

// read takes what the shape names off the table. It names everything that is wrong: columns that are not there, missing or unreadable values, weights
// that are negative or all zero, classes that are not there.
func (s Shape) read(f *dataset.Frame, l dataset.Labels) (r rows, d []fault.Detail) {
	bad := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	seen := map[string]bool{}
	for _, use := range [][2]string{{"group", s.Group}, {"time", s.Time}, {"weight", s.Weight}} {
		name := use[1]
		if name == "" {
			continue
		}
		c := f.Column(name)
		switch {
		case c == nil:
			expected := "a column of the table"
			if near := model.Nearest(name, f.Names()); near != "" {
				expected = "perhaps " + near
			}
			bad(use[0], "missing", name, expected)
			continue
		case seen[name]:
			bad(use[0], "duplicate", name, "a column that means one thing")
		case use[0] != "group" && c.MissingCount() > 0:
			bad(name, "missing", fmt.Sprintf("%d of %d rows", c.MissingCount(), c.Len()), "a "+use[0]+" in every row")
			seen[name] = true
			continue
		}
		seen[name] = true
		switch use[0] {
		case "group":
			r.group = numbered(c)
		case "time":
			var problem *fault.Detail
			if r.time, problem = clock(c); problem != nil {
				d = append(d, *problem)
			}
		case "weight":
			r.weight = c.Float
			d = append(d, checkWeights(c)...)
		}
	}
	if s.Group != "" && s.Time != "" {
		bad("group", "unexpected", s.Group, "either group or time: windows in time cannot also keep groups whole")
	}
	w, problems := s.ClassWeight.read(l)
	d = append(d, problems...)
	if w != nil && len(d) == 0 {
		r.weight = slices.Clone(r.weight)
		if r.weight == nil {
			r.weight = slices.Repeat([]float64{1}, l.Len())
		}
		for i, y := range l.Y {
			r.weight[i] *= w[int(y)]
		}
	}
	return r, d
}

func checkWeights(c *dataset.Column) []fault.Detail {
	if c.Kind != dataset.Numeric {
		return []fault.Detail{{Field: c.Name, Code: model.CodeWrongType, Got: "text such as " + c.Text(0), Expected: "weights: numbers >= 0"}}
	}
	sum := 0.0
	for i, v := range c.Float {
		if !(v >= 0 && v <= 1e12) {
			return []fault.Detail{{Field: c.Name, Code: "out_of_range", Got: c.Text(i), Expected: "weights from 0 to 1e12", Row: fault.Row(i + 1)}}
		}
		sum += v
	}
	if sum == 0 {
		return []fault.Detail{{Field: c.Name, Code: "out_of_range", Got: "0 in every row", Expected: "at least one weight above 0"}}
	}
	return nil
}

// read gives the weight of each class.
func (w ClassWeight) read(l dataset.Labels) (weights []float64, d []fault.Detail) {
	if len(w) == 0 {
		return nil, nil
	}
	if len(l.Classes) == 0 {
		return nil, []fault.Detail{{Field: "class_weight", Code: "wrong_task", Expected: "no class weights, since the task is regression"}}
	}
	weights = slices.Repeat([]float64{1}, len(l.Classes))
	if _, ok := w[Balanced]; ok && len(w) == 1 {
		for k, n := range l.Counts() {
			weights[k] = float64(l.Len()) / float64(len(l.Classes)*max(1, n))
		}
		return weights, nil
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		k := slices.Index(l.Classes, name)
		if k < 0 {
			d = append(d, fault.Detail{Field: "class_weight", Code: "unknown", Got: name, Expected: "one of " + strings.Join(l.Classes[:min(len(l.Classes), 20)], ", ")})
			continue
		}
		if !(w[name] > 0 && w[name] <= 1e12) {
			d = append(d, fault.Detail{Field: "class_weight", Code: "out_of_range", Got: fmt.Sprintf("%s: %g", name, w[name]), Expected: "more than 0, at most 1e12"})
		}
		weights[k] = w[name]
	}
	return weights, d
}

// numbered gives equal values equal numbers, by the order in which they first occur. A row without a value is a group of its own: nothing says that it
// belongs to another, as a request that was answered does not say whose it was.
func numbered(c *dataset.Column) []int {
	number, out := map[string]int{}, make([]int, c.Len())
	for i := range out {
		text := c.Text(i)
		if c.Missing(i) {
			text = fmt.Sprintf("\x00%d", i)
		}
		if _, ok := number[text]; !ok {
			number[text] = len(number)
		}
		out[i] = number[text]
	}
	return out
}

// layouts are the ways in which a text may tell a time.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02", "2006/01/02", "2006-01", "20060102"}

// clock reads a time column: numbers as they are, texts as times, all by one layout, in seconds since 1970.
func clock(c *dataset.Column) ([]float64, *fault.Detail) {
	if c.Kind == dataset.Numeric {
		return c.Float, nil
	}
	for _, layout := range layouts {
		at := make([]float64, len(c.Levels))
		ok := true
		for k, level := range c.Levels {
			t, err := time.Parse(layout, strings.TrimSpace(level))
			if err != nil {
				ok = false
				break
			}
			at[k] = float64(t.Unix()) + float64(t.Nanosecond())/1e9
		}
		if ok {
			out := make([]float64, c.Len())
			for i, k := range c.Code {
				out[i] = at[k]
			}
			return out, nil
		}
	}
	return nil, &fault.Detail{Field: c.Name, Code: model.CodeWrongType, Got: "text such as " + shorten(c.Text(0)), Expected: "numbers, or times that are all written alike: 2006-01-02, 2006-01-02T15:04:05Z, 2006-01-02 15:04:05"}
}
