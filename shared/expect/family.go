package expect

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mathext"
)

// family is a continuous distribution by SciPy's name: its shape parameters, which must be given and be positive, the names by which
// params may call its location and scale beside loc and scale, and its standard distribution function.
type family struct {
	shapes     []string
	loc, scale string
	cdf        func(x float64, shape []float64) float64
}

// distributions that Great Expectations names. Its uniform takes "min" and "max" and hands them to SciPy as location and scale, so that
// the interval is [min, min + max]; suites that pass rely on it.
var continuous = map[string]family{
	"norm":    {nil, "mean", "std_dev", func(x float64, _ []float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }},
	"uniform": {nil, "min", "max", func(x float64, _ []float64) float64 { return math.Max(0, math.Min(1, x)) }},
	"expon":   {nil, "loc", "scale", func(x float64, _ []float64) float64 { return -math.Expm1(-math.Max(0, x)) }},
	"gamma":   {[]string{"alpha"}, "loc", "scale", func(x float64, a []float64) float64 { return mathext.GammaIncReg(a[0], math.Max(0, x)) }},
	"chi2":    {[]string{"df"}, "loc", "scale", func(x float64, a []float64) float64 { return mathext.GammaIncReg(a[0]/2, math.Max(0, x)/2) }},
	"beta": {[]string{"alpha", "beta"}, "loc", "scale", func(x float64, a []float64) float64 {
		return mathext.RegIncBeta(a[0], a[1], math.Max(0, math.Min(1, x)))
	}},
}

// distribution reads params, an object or a list (shapes, location, scale; the latter two 0 and 1 when absent), for a distribution of
// that name, and gives its distribution function and its parameters in SciPy's order.
func (c *check) distribution(name string) (cdf func(float64) float64, args []any) {
	f, ok := continuous[name]
	if !ok {
		c.wrong("Unsupported distribution provided: %v, one of %s", brief(name), strings.Join(slices.Sorted(maps.Keys(continuous)), ", "))
		return nil, nil
	}
	needs := fmt.Sprintf("%s distributions require %d positive parameters %q and optionally %q, %q", name, len(f.shapes), f.shapes, f.loc, f.scale)
	var given []float64
	switch v := c.values["params"].(type) {
	case map[string]any:
		given = c.named(f, v)
	default:
		if _, isList := list(v); !isList {
			c.wrong("params must be a dict or list, not %s", kindOf(scalar(v)))
			return nil, nil
		}
		given, _ = c.numbersIn(c.values, "params")
	}
	n := len(f.shapes)
	switch {
	case len(c.problems) > 0:
		return nil, nil
	case len(given) < n:
		c.wrong("Missing required parameters: %s", needs)
		return nil, nil
	case len(given) > n+2:
		c.wrong("Too many parameters provided: %s", needs)
		return nil, nil
	}
	for i, v := range given {
		if math.IsInf(v, 0) || math.IsNaN(v) || i < n && v <= 0 {
			c.wrong("Invalid parameters: %s", needs)
			return nil, nil
		}
	}
	shape, loc, scale := given[:n], 0.0, 1.0
	if len(given) > n {
		loc = given[n]
	}
	if len(given) > n+1 {
		scale = given[n+1]
	}
	if scale <= 0 {
		c.wrong("std_dev and scale must be positive: %v", scale)
		return nil, nil
	}
	return func(x float64) float64 { return f.cdf((x-loc)/scale, shape) }, outputs(given)
}

// named brings the parameters of an object into SciPy's order. A shape that is absent is -1, which is then refused.
func (c *check) named(f family, object map[string]any) []float64 {
	k := kwargs{values: object}
	get := func(missing float64, names ...string) float64 {
		for _, name := range names {
			if v, ok := k.number(name); ok {
				return v
			}
		}
		return missing
	}
	var given []float64
	for _, s := range f.shapes {
		given = append(given, get(-1, s))
	}
	given = append(given, get(0, f.loc, "loc"), get(1, f.scale, "scale"))
	c.problems = append(c.problems, k.problems...)
	return given
}
