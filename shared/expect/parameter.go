package expect

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// maxDepth bounds the nesting of arguments and of expressions.
const maxDepth = 100

// parameters are what {"$PARAMETER": ..} may speak of.
type parameters struct {
	suite map[string]any
	now   time.Time // zero = not known
}

// substitute replaces every {"$PARAMETER": expression, "$PARAMETER.name": value, ..} in kwargs by its value, see expression. kwargs is not
// changed. The error names every expression that has no value.
func substitute(kwargs map[string]any, suite parameters) (map[string]any, error) {
	r := replacer{parameters: suite}
	m, _ := r.replace(kwargs, 0).(map[string]any)
	if len(r.problems) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(r.problems, "; "))
	}
	return m, nil
}

type replacer struct {
	parameters
	problems []string
}

func (r *replacer) replace(v any, depth int) any {
	if depth > maxDepth {
		r.problems = append(r.problems, fmt.Sprintf("the arguments are nested deeper than %d", maxDepth))
		return nil
	}
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = r.replace(x[i], depth+1)
		}
		return out
	case map[string]any:
		if text, ok := x["$PARAMETER"].(string); ok && depth > 0 {
			value, err := parameter(text, x, r.parameters)
			if err != nil {
				r.problems = append(r.problems, err.Error())
			}
			return value
		}
		out := make(map[string]any, len(x))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			out[k] = r.replace(x[k], depth+1)
		}
		return out
	}
	return v
}

// parameter is the value of one expression; what stands beside it comes before what the suite says. A date is a time.Time.
func parameter(text string, beside map[string]any, suite parameters) (any, error) {
	lookup := func(name string) (any, bool) {
		if v, ok := beside["$PARAMETER."+name]; ok {
			return v, true
		}
		v, ok := suite.suite[name]
		return v, ok
	}
	if v, ok := lookup(strings.TrimSpace(text)); ok {
		return v, nil
	}
	if len(text) > 64<<10 {
		return nil, fmt.Errorf("$PARAMETER %q: it is %d bytes long, at most 64 KiB are read", brief(text), len(text))
	}
	e := expression{rest: text, lookup: lookup, now: suite.now}
	v := e.sum()
	if e.skip(); e.err == nil && e.rest != "" {
		e.fail("%q is not understood", brief(e.rest))
	}
	if e.err != nil {
		return nil, fmt.Errorf("$PARAMETER %q: %w", brief(text), e.err)
	}
	switch x := v.(type) {
	case time.Duration:
		return nil, fmt.Errorf("$PARAMETER %q is a span of time; add it to a date", brief(text))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("$PARAMETER %q is not a finite number", brief(text))
		}
	}
	return v, nil
}
