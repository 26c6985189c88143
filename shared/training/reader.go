package training

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// reader walks a document as YAML or JSON gives it, and gathers what is wrong by the path at which it stands.
type reader struct {
	path     string
	value    any
	problems *[]fault.Detail
}

func (r reader) bad(code string, got any, expected string) {
	*r.problems = append(*r.problems, fault.Detail{Field: strings.TrimPrefix(r.path, "."), Code: code, Got: got, Expected: expected})
}

// at is what stands under a key; a value of nil where there is nothing.
func (r reader) at(key string) reader {
	m, _ := r.value.(map[string]any)
	return reader{r.path + "." + key, m[key], r.problems}
}

// fields is the map that r holds, its unknown keys named with the one that was probably meant. No keys known: any will do.
func (r reader) fields(known ...string) map[string]any {
	if r.value == nil {
		return nil
	}
	m, ok := r.value.(map[string]any)
	if !ok {
		r.bad(model.CodeWrongType, shorten(r.value), "keys with values")
		return nil
	}
	for _, key := range sorted(m) {
		if len(known) == 0 || slices.Contains(known, key) {
			continue
		}
		r.at(key).unknown(key, known)
	}
	return m
}

func (r reader) unknown(name string, known []string) {
	expected := "one of " + strings.Join(known, ", ")
	if near := model.Nearest(name, known); near != "" {
		expected = "perhaps " + near
	}
	r.bad("unknown", nil, expected)
}

func (r reader) list() []reader {
	if r.value == nil {
		return nil
	}
	l, ok := r.value.([]any)
	if !ok {
		r.bad(model.CodeWrongType, shorten(r.value), "a list")
	}
	out := make([]reader, len(l))
	for i, v := range l {
		out[i] = reader{fmt.Sprintf("%s[%d]", r.path, i), v, r.problems}
	}
	return out
}

// text is a text, one of known where any are given; "" where there is nothing.
func (r reader) text(known ...string) string {
	if r.value == nil {
		return ""
	}
	s, ok := r.value.(string)
	switch {
	case !ok:
		r.bad(model.CodeWrongType, shorten(r.value), "a text")
	case len(known) > 0 && !slices.Contains(known, s):
		expected := "one of " + strings.Join(known, ", ")
		if near := model.Nearest(s, known); near != "" {
			expected = "perhaps " + near
		}
		r.bad("unknown", shorten(s), expected)
	default:
		return s
	}
	return ""
}

// number sets a number within [low, high] where there is one.
func (r reader) number(into *float64, low, high float64) {
	if r.value == nil {
		return
	}
	v, ok := fit.Number(r.value)
	switch {
	case !ok:
		r.bad(model.CodeWrongType, shorten(r.value), fmt.Sprintf("a number in [%g, %g]", low, high))
	case !(v >= low && v <= high):
		r.bad("out_of_range", fmt.Sprint(v), fmt.Sprintf("%g to %g", low, high))
	default:
		*into = v
	}
}

// count sets a whole number within [low, high] where there is one.
func (r reader) count(into *int, low, high int) {
	if r.value == nil {
		return
	}
	v, ok := fit.Number(r.value)
	switch {
	case !ok || v != math.Trunc(v):
		r.bad(model.CodeWrongType, shorten(r.value), fmt.Sprintf("a whole number, %d to %d", low, high))
	case v < float64(low) || v > float64(high):
		r.bad("out_of_range", fmt.Sprint(v), fmt.Sprintf("%d to %d", low, high))
	default:
		*into = int(v)
	}
}

func (r reader) flag(into *bool) {
	if r.value == nil {
		return
	}
	if v, ok := r.value.(bool); ok {
		*into = v
		return
	}
	r.bad(model.CodeWrongType, shorten(r.value), "true or false")
}

func shorten(v any) string { return fmt.Sprintf("%.60s", fmt.Sprint(v)) }

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
