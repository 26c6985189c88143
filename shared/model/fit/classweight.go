package fit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// ClassWeight says how much the rows of each class count, on top of their own weights: "" = alike; "balanced" = each class as much as any
// other, n/(k n_c) a row of class c with n_c of the n rows, k being the number of classes that have rows; or a JSON object of a weight > 0 a
// class, 1 for those not named, as parseClassWeight writes it.
type ClassWeight string

const balanced ClassWeight = "balanced"

// mostClassWeight bounds a weight.
const mostClassWeight = 1e9

// parseClassWeight reads the parameter as JSON gives it: "balanced", or an object.
func parseClassWeight(v any) (ClassWeight, bool) {
	switch t := v.(type) {
	case string:
		return ClassWeight(t), t == "" || ClassWeight(t) == balanced
	case map[string]any:
		out := map[string]float64{}
		for class, v := range t {
			w, ok := asNumber(v)
			if !ok || !(w > 0 && w <= mostClassWeight) {
				return "", false
			}
			out[class] = w
		}
		b, err := json.Marshal(out)
		return ClassWeight(b), err == nil && len(out) > 0
	}
	return "", false
}

// value is the parameter as parseClassWeight takes it.
func (c ClassWeight) value() any {
	var out map[string]any
	if json.Unmarshal([]byte(c), &out) != nil {
		return string(c)
	}
	return out
}

// apply gives d's rows their weights; d itself where they count alike. The error names every class that the target does not have.
func (c ClassWeight) apply(d *Data) (*Data, error) {
	if c == "" {
		return d, nil
	}
	l := d.Labels
	if l.Task == dataset.Regression {
		return nil, fault.Invalidf("class_weight weighs classes: %s has values", l.Name)
	}
	weight := make([]float64, len(l.Classes))
	if c == balanced {
		weight = even(d)
	} else if problems := c.named(l.Classes, weight); len(problems) > 0 {
		return nil, fault.Invalidf("class_weight does not suit the classes of %s", l.Name).With(problems...)
	}
	out := *d
	out.Weight = make([]float64, d.Rows)
	for i, y := range l.Y {
		out.Weight[i] = d.weight(i) * weight[int(y)]
	}
	return &out, out.check()
}

// even are the weights that make classes count alike.
func even(d *Data) []float64 {
	weight := make([]float64, len(d.Labels.Classes))
	var all, classes float64
	for i, y := range d.Labels.Y {
		weight[int(y)] += d.weight(i)
		all += d.weight(i)
	}
	for _, w := range weight {
		if w > 0 {
			classes++
		}
	}
	for k, w := range weight {
		if w > 0 {
			weight[k] = all / (classes * w)
		}
	}
	return weight
}

// named writes the weights that c names and says which of its classes are not there.
func (c ClassWeight) named(classes []string, weight []float64) (problems []fault.Detail) {
	given := map[string]float64{}
	if err := json.Unmarshal([]byte(c), &given); err != nil {
		return []fault.Detail{{Field: "class_weight", Code: model.CodeWrongType, Got: shorten(string(c)), Expected: classWeightExpected}}
	}
	for k, class := range classes {
		weight[k] = 1
		if w, ok := given[class]; ok {
			weight[k] = w
			delete(given, class)
		}
	}
	for class := range given {
		d := fault.Detail{Field: "class_weight." + shorten(class), Code: "unknown", Expected: fmt.Sprintf("one of %.20q", classes[:min(len(classes), 20)])}
		if near := model.Nearest(class, classes); near != "" {
			d.Expected = "perhaps " + near
		}
		problems = append(problems, d)
	}
	slices.SortFunc(problems, func(a, b fault.Detail) int { return strings.Compare(a.Field, b.Field) })
	return problems
}

const classWeightExpected = `"balanced", or an object of a weight in (0, 1e9] a class`
