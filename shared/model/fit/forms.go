package fit

import (
	"fmt"
	"maps"
	"slices"

	"mlops/shared/fault"
	"mlops/shared/model"
)

// form is a parameter that is no number.
type form interface {
	read(field string, v any) []fault.Detail // stores v, or says everything that is wrong with it
	value() any                              // as read takes it and JSON writes it; nil = left open
	expected() string
}

// choice is one of a few words.
type choice struct {
	word  *string
	words []string
}

func (c choice) read(field string, v any) []fault.Detail {
	word, ok := v.(string)
	if ok && slices.Contains(c.words, word) {
		*c.word = word
		return nil
	}
	d := fault.Detail{Field: field, Code: "unknown", Got: v, Expected: c.expected()}
	if !ok {
		d.Code = model.CodeWrongType
	} else if near := model.Nearest(word, c.words); near != "" {
		d.Expected = "perhaps " + near
	}
	return []fault.Detail{d}
}

func (c choice) value() any {
	if *c.word == "" {
		return nil
	}
	return *c.word
}

func (c choice) expected() string { return fmt.Sprintf("one of %q", c.words) }

// signs are directions by name.
type signs struct{ by *map[string]int }

func (s signs) read(field string, v any) (d []fault.Detail) {
	m, ok := v.(map[string]any)
	if !ok {
		return []fault.Detail{{Field: field, Code: model.CodeWrongType, Got: v, Expected: s.expected()}}
	}
	by := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		x, ok := asNumber(m[name])
		if !ok || x != 1 && x != -1 && x != 0 {
			d = append(d, fault.Detail{Field: field + "." + name, Code: "out_of_range", Got: m[name], Expected: "1, -1 or 0"})
		}
		if x != 0 {
			by[name] = int(x)
		}
	}
	if len(d) == 0 && len(by) > 0 {
		*s.by = by
	}
	return d
}

func (s signs) value() any {
	if len(*s.by) == 0 {
		return nil
	}
	m := map[string]any{}
	for name, x := range *s.by {
		m[name] = x
	}
	return m
}

func (signs) expected() string { return "a map of feature names to 1 (rises) or -1 (falls)" }

// groups are lists of names.
type groups struct{ of *[][]string }

func (g groups) read(field string, v any) (d []fault.Detail) {
	list, ok := v.([]any)
	if !ok {
		return []fault.Detail{{Field: field, Code: model.CodeWrongType, Got: v, Expected: g.expected()}}
	}
	var all [][]string
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		names, ok := item.([]any)
		if !ok || len(names) == 0 {
			d = append(d, fault.Detail{Field: at, Code: model.CodeWrongType, Got: item, Expected: "a list of feature names"})
			continue
		}
		var group []string
		for _, n := range names {
			name, ok := n.(string)
			if !ok {
				d = append(d, fault.Detail{Field: at, Code: model.CodeWrongType, Got: n, Expected: "the name of a feature"})
			}
			group = append(group, name)
		}
		all = append(all, group)
	}
	if len(d) == 0 {
		*g.of = all
	}
	return d
}

func (g groups) value() any {
	if len(*g.of) == 0 {
		return nil
	}
	var out []any
	for _, group := range *g.of {
		var names []any
		for _, n := range group {
			names = append(names, n)
		}
		out = append(out, names)
	}
	return out
}

func (groups) expected() string { return "a list of lists of feature names" }

// weighing is how much classes count.
type weighing struct{ of *ClassWeight }

func (w weighing) read(field string, v any) []fault.Detail {
	c, ok := parseClassWeight(v)
	if !ok {
		return []fault.Detail{{Field: field, Code: model.CodeWrongType, Got: v, Expected: w.expected()}}
	}
	*w.of = c
	return nil
}

func (w weighing) value() any {
	if *w.of == "" {
		return nil
	}
	return w.of.value()
}

func (weighing) expected() string { return classWeightExpected }

// toggle is something that is done or not.
type toggle struct{ on *bool }

func (t toggle) read(field string, v any) []fault.Detail {
	on, ok := v.(bool)
	if !ok {
		return []fault.Detail{{Field: field, Code: model.CodeWrongType, Got: v, Expected: t.expected()}}
	}
	*t.on = on
	return nil
}

func (t toggle) value() any {
	if !*t.on {
		return nil
	}
	return true
}

func (toggle) expected() string { return "true or false" }
