package fit

import (
	"fmt"
	"maps"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// ClassWeight says how much the rows of each class count, beside their own weights. The zero value: as they are.
type ClassWeight struct {
	// Balanced makes all classes count alike: a row of class c counts rows / (classes * rows of c), whatever the rows' own weights (scikit-learn's
	// class_weight="balanced").
	Balanced bool
	// By is how much rows of a class count, in (0, 1e6]; a class that it does not name counts 1.
	By map[string]float64
}

// mostClassWeight is the greatest weight of a class.
const mostClassWeight = 1e6

// check reports classes that the labels do not have.
func (c ClassWeight) check(l dataset.Labels) (d []fault.Detail) {
	if (c.Balanced || len(c.By) > 0) && l.Task == dataset.Regression {
		return []fault.Detail{{Field: "class_weight", Code: "wrong_task", Got: string(l.Task), Expected: "classes: a value has none"}}
	}
	for _, name := range slices.Sorted(maps.Keys(c.By)) {
		if slices.Contains(l.Classes, name) {
			continue
		}
		p := fault.Detail{Field: "class_weight", Code: "unknown", Got: name, Expected: fmt.Sprintf("one of %q", l.Classes[:min(len(l.Classes), mostNamed)])}
		if near := model.Nearest(name, l.Classes); near != "" {
			p.Expected = "perhaps " + near
		}
		d = append(d, p)
	}
	return d
}

// apply is the weights of d's rows with those of their classes; d's own where classes count as they are.
func (c ClassWeight) apply(d *Data) []float64 {
	if !c.Balanced && len(c.By) == 0 {
		return d.Weight
	}
	by := make([]float64, len(d.Labels.Classes))
	for k, name := range d.Labels.Classes {
		by[k] = 1
		if v, ok := c.By[name]; ok {
			by[k] = v
		}
	}
	if c.Balanced {
		for k, n := range d.Labels.Counts() {
			by[k] = float64(d.Rows) / float64(len(by)*max(n, 1))
		}
	}
	out := make([]float64, d.Rows)
	for i, y := range d.Labels.Y {
		out[i] = d.weight(i) * by[int(y)]
	}
	return out
}

// read takes "balanced", or a map of classes to weights.
func (c *ClassWeight) read(field string, v any) (d []fault.Detail) {
	if v == "balanced" {
		*c = ClassWeight{Balanced: true}
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return []fault.Detail{{Field: field, Code: model.CodeWrongType, Got: v, Expected: c.expected()}}
	}
	by := map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		w, ok := asNumber(m[name])
		if !ok || !(w > 0 && w <= mostClassWeight) {
			d = append(d, fault.Detail{Field: field + "." + name, Code: "out_of_range", Got: m[name], Expected: fmt.Sprintf("a number in (0, %g]", mostClassWeight)})
		}
		by[name] = w
	}
	if len(d) == 0 && len(by) > 0 {
		*c = ClassWeight{By: by}
	}
	return d
}

func (c *ClassWeight) value() any {
	if c.Balanced {
		return "balanced"
	}
	if len(c.By) == 0 {
		return nil
	}
	m := map[string]any{}
	for name, w := range c.By {
		m[name] = w
	}
	return m
}

func (*ClassWeight) expected() string { return "balanced, or a map of classes to weights" }
