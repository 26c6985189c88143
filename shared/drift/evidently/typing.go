package evidently

import (
	"math"
	"slices"
)

// Type is Evidently's type of a column.
type Type string

// The types that drift is measured of.
const (
	Numerical   Type = "num"
	Categorical Type = "cat"
	FreeText    Type = "text"
	unknown     Type = "unknown"
)

// planned is a column to be compared, and as what.
type planned struct {
	name string
	kind Type
}

// LeftOut is a column of the files that Evidently does not compare.
type LeftOut struct {
	Column string `json:"column"`
	Reason string `json:"reason"`
}

// manyIntegers is the number of distinct values above which a whole-number column is numerical (INTEGER_CARDINALITY_LIMIT).
const manyIntegers = 10

// infer is the type that a Dataset of 0.7 gives a column for which nothing was said.
func (c *Column) infer() Type {
	switch c.DType {
	case Float:
		return Numerical
	case Int:
		if c.moreThan(manyIntegers) {
			return Numerical
		}
		return Categorical
	case Bool:
		return Categorical
	case Text:
		if c.moreThan(c.present() / 2) { // distinct > present / 2 also where present is odd
			return FreeText
		}
		return Categorical
	}
	return unknown
}

// plan says which columns a 0.7 report compares, as what, in its order: numerical, categorical, text, each in the order of the current
// file or of the list that was given. A given list is all of that type, as in Evidently's DataDefinition: what it does not name is not
// compared as that type.
func (o *Config) plan(ref, cur *Table) (todo []planned, left []LeftOut) {
	lists := map[Type][]string{Numerical: o.Numerical, Categorical: o.Categorical, FreeText: o.Text}
	given := func(name string) bool {
		return slices.Contains(o.Numerical, name) || slices.Contains(o.Categorical, name) || slices.Contains(o.Text, name)
	}
	inferred := map[Type][]string{}
	for i := range cur.Columns {
		c := &cur.Columns[i]
		if given(c.Name) {
			continue
		}
		kind := c.infer()
		switch {
		case kind == unknown:
			left = append(left, LeftOut{c.Name, "Evidently gives a column of True, False and gaps no type and does not compare it"})
		case lists[kind] != nil:
			left = append(left, LeftOut{c.Name, "it would be " + string(kind) + ", and the given list of that type does not name it"})
		default:
			inferred[kind] = append(inferred[kind], c.Name)
		}
	}
	for i := range ref.Columns {
		if name := ref.Columns[i].Name; cur.column(name) == nil && !given(name) && !slices.Contains(o.Columns, name) {
			left = append(left, LeftOut{name, "the current file has no such column, and Evidently looks at the current file's columns only"})
		}
	}
	for _, kind := range []Type{Numerical, Categorical, FreeText} {
		names := lists[kind]
		if names == nil {
			names = inferred[kind]
		}
		for _, name := range names {
			todo = append(todo, planned{name, kind})
		}
	}
	return o.restrict(todo, left)
}

// restrict keeps what Columns names, in its order, where it is given.
func (o *Config) restrict(todo []planned, left []LeftOut) ([]planned, []LeftOut) {
	if o.Columns == nil {
		return todo, left
	}
	var kept []planned
	for _, name := range o.Columns {
		at := slices.IndexFunc(todo, func(p planned) bool { return p.name == name })
		if at < 0 {
			kept = append(kept, planned{name, unknown})
			left = slices.DeleteFunc(left, func(l LeftOut) bool { return l.Column == name })
			continue
		}
		kept = append(kept, todo[at])
	}
	for _, p := range todo {
		if !slices.Contains(o.Columns, p.name) {
			left = append(left, LeftOut{p.name, "columns does not name it"})
		}
	}
	return kept, left
}

// fewValuesOfTarget is the number of distinct values from which a numeric target makes a regression (legacy recognize_task).
const fewValuesOfTarget = 5

// planLegacy says the same of a report of Evidently before 0.7 (evidently.legacy): target, prediction, then numerical columns sorted by name,
// then the others sorted by name unless they were listed. Numbers of the reference are numerical, however few they are.
func (o *Config) planLegacy(ref, cur *Table) (todo []planned, left []LeftOut) {
	target, prediction := o.role(o.Target, "target", ref), o.role(o.Prediction, "prediction", ref)
	task := o.Task
	if task == "" && target != "" {
		task = "classification"
		if c := ref.column(target); c.numbers() && c.moreThan(fewValuesOfTarget-1) {
			task = "regression"
		}
	}
	if target != "" {
		todo = append(todo, planned{target, legacyTarget(ref, cur, target, task)})
	}
	if prediction != "" {
		todo = append(todo, planned{prediction, legacyPrediction(ref, cur, prediction, task)})
	}
	var num, cat []string
	for i := range ref.Columns {
		c := &ref.Columns[i]
		other := slices.Contains(o.Categorical, c.Name) || slices.Contains(o.Text, c.Name)
		switch {
		case c.Name == target || c.Name == prediction:
		case o.Numerical != nil && slices.Contains(o.Numerical, c.Name), o.Numerical == nil && c.numbers() && !other:
			num = append(num, c.Name)
		case o.Categorical == nil && !c.numbers() && !slices.Contains(o.Text, c.Name):
			cat = append(cat, c.Name)
		case !other:
			left = append(left, LeftOut{c.Name, "no list of columns names it"})
		}
	}
	slices.Sort(num)
	slices.Sort(cat)
	num = append(num, absent(o.Numerical, ref)...)
	if o.Categorical != nil {
		cat = o.Categorical
	}
	for i, names := range [][]string{num, cat, o.Text} {
		for _, name := range names {
			todo = append(todo, planned{name, []Type{Numerical, Categorical, FreeText}[i]})
		}
	}
	for i := range cur.Columns {
		if name := cur.Columns[i].Name; ref.column(name) == nil && !slices.ContainsFunc(todo, func(p planned) bool { return p.name == name }) {
			left = append(left, LeftOut{name, "the reference has no such column, and Evidently looked at the reference's columns only"})
		}
	}
	return o.restrict(todo, left)
}

// role is the column that plays a part: the one that was named, else the one of that name if there is one.
func (o *Config) role(named *string, usual string, ref *Table) string {
	if named != nil {
		usual = *named
	}
	if ref.column(usual) == nil {
		return ""
	}
	return usual
}

// absent are the names that t has no column of.
func absent(names []string, t *Table) (none []string) {
	for _, name := range names {
		if t.column(name) == nil {
			none = append(none, name)
		}
	}
	return none
}

// legacyTarget is the type of the target: numerical in a regression, or where nothing says what the task is and it has more than five numbers.
func legacyTarget(ref, cur *Table, name, task string) Type {
	if task == "regression" || task != "classification" && manyNumbers(ref, cur, name) {
		return Numerical
	}
	return Categorical
}

// legacyPrediction is the type of the prediction: as the target, and numerical also where it looks like a probability.
func legacyPrediction(ref, cur *Table, name, task string) Type {
	if legacyTarget(ref, cur, name, task) == Numerical {
		return Numerical
	}
	whole, low, high := true, math.Inf(1), math.Inf(-1)
	for _, t := range []*Table{ref, cur} {
		c := t.column(name)
		if c == nil {
			continue
		}
		if !c.numbers() {
			return Categorical
		}
		whole = whole && c.DType == Int
		for _, piece := range c.Values {
			for _, v := range piece {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if !whole && low >= 0 && high <= 1 {
		return Numerical
	}
	return Categorical
}

// manyNumbers reports whether both files' columns of that name are numbers, more than five distinct ones together.
func manyNumbers(ref, cur *Table, name string) bool {
	both := Column{Name: name}
	for _, t := range []*Table{ref, cur} {
		if c := t.column(name); c != nil {
			if !c.numbers() {
				return false
			}
			both.Values = append(both.Values, c.Values...)
		}
	}
	return both.moreThan(5)
}
