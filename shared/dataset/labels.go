package dataset

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"mlops/shared/fault"
)

// Task is what kind of answer a model gives.
type Task string

// The tasks.
const (
	Binary     Task = "binary"
	Multiclass Task = "multiclass"
	Regression Task = "regression"
)

// maxClasses bounds a multiclass target: beyond it the column names rows rather than groups them.
const maxClasses = 1000

// Labels are the answers of a set of rows, none missing.
type Labels struct {
	Name    string    `json:"name"` // the target as written: "num>0"
	Task    Task      `json:"task"`
	Classes []string  `json:"classes,omitempty"` // binary: [negative, positive]; multiclass: ascending; regression: nil
	Y       []float64 `json:"y"`                 // index into Classes, or the value itself
}

// Len is the number of rows.
func (l Labels) Len() int { return len(l.Y) }

// Take are the labels of the given rows, in that order.
func (l Labels) Take(rows []int) Labels {
	y := make([]float64, len(rows))
	for i, r := range rows {
		y[i] = l.Y[r]
	}
	l.Y = y
	return l
}

// Thin takes about n of the rows, evenly spaced within each class so that none is lost; all of them where they are no more than n.
func (l Labels) Thin(rows []int, n int) []int {
	if len(rows) <= n {
		return rows
	}
	step := float64(len(rows)) / float64(n)
	seen := make([]int, max(1, len(l.Classes)))
	next := make([]float64, len(seen))
	var kept []int
	for _, row := range rows {
		class := 0
		if l.Task != Regression {
			class = int(l.Y[row])
		}
		if float64(seen[class]) >= next[class] {
			kept = append(kept, row)
			next[class] += step
		}
		seen[class]++
	}
	return kept
}

// Counts are the rows of each class; nil for regression.
func (l Labels) Counts() []int {
	if l.Task == Regression {
		return nil
	}
	n := make([]int, len(l.Classes))
	for _, y := range l.Y {
		n[int(y)]++
	}
	return n
}

// Present are the rows of f whose target is not missing, ascending; nil when f has no such column.
func (t Target) Present(f *Frame) []int {
	c := f.Column(t.resolve(f).Column)
	if c == nil {
		return nil
	}
	rows := make([]int, 0, c.Len())
	for i := range c.Len() {
		if !c.Missing(i) {
			rows = append(rows, i)
		}
	}
	return rows
}

// Labels reads the target off f.
//
// task "" is inferred: two different values, or a comparison, are binary; text, or whole numbers of at most 10 different values, are
// multiclass; other numbers are regression. The positive class is the greater value (numbers by size, texts by bytes), or the one
// that positive names; a comparison's classes are "0" (false) and "1" (true).
//
// The error names everything that is wrong: a column that is absent, all missing, or missing in some rows (Present gives the others),
// one value only, a class with a single row, a positive that does not occur, text or an infinity where a number is needed.
func (t Target) Labels(f *Frame, task Task, positive string) (Labels, error) {
	t = t.resolve(f)
	p := problems{what: fmt.Sprintf("read the target %s", t)}
	c := f.Column(t.Column)
	if c == nil {
		p.add(fault.Detail{Field: t.Column, Code: "missing", Expected: "one of " + shortList(f.Names())})
		return Labels{}, p.fault()
	}
	if !slices.Contains([]Task{"", Binary, Multiclass, Regression}, task) {
		p.add(fault.Detail{Field: "task", Code: "unknown_task", Got: string(task), Expected: "binary, multiclass or regression"})
	}
	checkPresent(c, &p)
	if !p.none() {
		return Labels{}, p.fault()
	}
	if task == "" {
		task = inferTask(c, t.Op != "")
	}
	if task == Regression {
		return regression(c, t, positive, &p)
	}
	y, classes := t.classes(c, &p)
	if !p.none() {
		return Labels{}, p.fault()
	}
	l := Labels{Name: t.String(), Task: task, Classes: classes, Y: y}
	l.check(c, t, positive, &p)
	if !p.none() {
		return Labels{}, p.fault()
	}
	if positive != "" && l.class(positive) == 0 {
		l.Classes = []string{l.Classes[1], l.Classes[0]}
		for i, y := range l.Y {
			l.Y[i] = 1 - y
		}
	}
	return l, nil
}

// inferTask is the task that the values suggest; none is missing.
func inferTask(c *Column, comparison bool) Task {
	if comparison {
		return Binary
	}
	distinct := 0
	if c.Kind == Categorical {
		distinct = c.Distinct()
	} else {
		distinct = distinctUpTo(c.Float, 11)
	}
	switch {
	case distinct == 2:
		return Binary
	case c.Kind == Categorical || c.Integer && distinct <= 10:
		return Multiclass
	}
	return Regression
}

// distinctUpTo counts the different values of v, and stops at most.
func distinctUpTo(v []float64, most int) int {
	var seen []float64
	for _, x := range v {
		if !slices.Contains(seen, x) {
			if seen = append(seen, x); len(seen) == most {
				break
			}
		}
	}
	return len(seen)
}

// checkPresent complains about rows without a target: all at once, naming the first ones.
func checkPresent(c *Column, p *problems) {
	n := c.MissingCount()
	switch {
	case c.Len() == 0:
		p.add(fault.Detail{Field: c.Name, Code: "empty", Expected: "at least two rows"})
	case n == c.Len():
		p.add(fault.Detail{Field: c.Name, Code: "all_missing", Got: n, Expected: "a target in every row"})
	case n > 0:
		var first []int
		for i := 0; i < c.Len() && len(first) < 5; i++ {
			if c.Missing(i) {
				first = append(first, i+1)
			}
		}
		p.add(fault.Detail{Field: c.Name, Code: "missing_target", Got: fmt.Sprintf("%d of %d rows without one, first rows %v", n, c.Len(), first),
			Expected: "a target in every row: drop or complete these", Row: fault.Row(first[0])})
	}
}

// classes gives each row's class index among the sorted classes that occur. A comparison has the classes "0" and "1".
func (t Target) classes(c *Column, p *problems) (y []float64, classes []string) {
	y = make([]float64, c.Len())
	if t.Op != "" {
		holds := t.test(c, p)
		if holds == nil {
			return nil, nil
		}
		for i := range y {
			if holds(i) {
				y[i] = 1
			}
		}
		return y, []string{"0", "1"}
	}
	if c.Kind == Categorical {
		levels, code := c.usedLevels()
		for i, k := range c.Code {
			y[i] = float64(code[k])
		}
		return y, levels
	}
	values := slices.Clone(c.Float)
	slices.Sort(values)
	values = slices.Compact(values)
	for i, v := range c.Float {
		y[i] = float64(sort.SearchFloat64s(values, v))
	}
	classes = make([]string, len(values))
	for i, v := range values {
		classes[i] = string(appendFloat(nil, v))
	}
	return y, classes
}

// regression are the labels of a column of numbers.
func regression(c *Column, t Target, positive string, p *problems) (Labels, error) {
	if t.Op != "" {
		p.add(fault.Detail{Field: "task", Code: "wrong_task", Got: string(Regression), Expected: "binary, since the target is a comparison"})
	} else if c.Kind == Categorical {
		p.add(fault.Detail{Field: c.Name, Code: "wrong_type", Got: "text such as " + c.Text(0), Expected: "numbers, since the task is regression", Row: fault.Row(1)})
	}
	if positive != "" {
		p.add(fault.Detail{Field: "positive", Code: "wrong_task", Got: positive, Expected: "no positive class, since the task is regression"})
	}
	for i, v := range c.Float {
		if math.IsInf(v, 0) {
			p.add(fault.Detail{Field: c.Name, Code: "non_finite", Got: c.Text(i), Expected: "a finite number", Row: fault.Row(i + 1)})
		}
	}
	if c.Kind == Numeric && distinctUpTo(c.Float, 2) == 1 {
		p.add(fault.Detail{Field: c.Name, Code: "constant", Got: c.Text(0), Expected: "at least two different values"})
	}
	if !p.none() {
		return Labels{}, p.fault()
	}
	return Labels{Name: t.String(), Task: Regression, Y: slices.Clone(c.Float)}, nil
}

// mostSingle is how many classes of one row are named each.
const mostSingle = 10

// check complains about a target that no classifier can learn.
func (l Labels) check(c *Column, t Target, positive string, p *problems) {
	counts := l.Counts()
	occurring, enough := 0, "at least two rows of every class"
	if c.Kind == Numeric && t.Op == "" {
		enough += ", or task regression"
	}
	var single []string
	for k, n := range counts {
		if n > 0 {
			occurring++
		}
		if n == 1 {
			single = append(single, l.Classes[k])
		}
	}
	if len(single) > mostSingle { // an id, or a measurement: its values say no more by name
		p.add(fault.Detail{Field: c.Name, Code: "single_row", Got: fmt.Sprintf("%d of %d classes with one row, such as %s", len(single), occurring, single[0]), Expected: enough})
	} else {
		for _, class := range single {
			p.add(fault.Detail{Field: c.Name, Code: "single_row", Got: class, Expected: enough})
		}
	}
	switch {
	case occurring == 1:
		p.add(fault.Detail{Field: c.Name, Code: "constant", Got: c.Text(0), Expected: fmt.Sprintf("at least two different values of %s", t)})
	case l.Task == Binary && occurring > 2:
		p.add(fault.Detail{Field: c.Name, Code: "wrong_task", Got: fmt.Sprintf("%d classes: %s", occurring, shortList(l.Classes)),
			Expected: "two classes; a comparison such as " + c.Name + "==" + l.Classes[0] + " makes two"})
	case occurring > maxClasses:
		p.add(fault.Detail{Field: c.Name, Code: "too_many_classes", Got: occurring, Expected: fmt.Sprintf("at most %d classes", maxClasses)})
	}
	switch {
	case positive == "":
	case l.Task != Binary:
		p.add(fault.Detail{Field: "positive", Code: "wrong_task", Got: positive, Expected: "no positive class, since the task is " + string(l.Task)})
	case l.class(positive) < 0:
		p.add(fault.Detail{Field: "positive", Code: "unknown_class", Got: positive, Expected: "one of " + shortList(l.Classes)})
	}
}

// class is the index of the class that name means, as text or as the same number ("1.0" means "1"); -1 when there is none.
func (l Labels) class(name string) int {
	if i := slices.Index(l.Classes, name); i >= 0 {
		return i
	}
	v, err := strconv.ParseFloat(name, 64)
	if err != nil {
		return -1
	}
	return slices.Index(l.Classes, string(appendFloat(nil, v)))
}
