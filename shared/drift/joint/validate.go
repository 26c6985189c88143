package joint

import (
	"fmt"
	"math"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Problems names everything in a stored reconstruction that contradicts itself, so that one that was damaged is refused and not believed.
func (r *Reconstruction) Problems() []fault.Detail {
	var d []fault.Detail
	add := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: "joint." + field, Code: code, Got: got, Expected: expected})
	}
	if r.Format != format {
		add("format", "unsupported", r.Format, fmt.Sprint(format))
	}
	p, k := len(r.Columns), len(r.Components)
	if p < 2 || p > maxColumns || k < 1 || k >= p {
		add("columns", "out_of_range", fmt.Sprintf("%d columns, %d components", p, k), fmt.Sprintf("2 to %d columns and fewer components", maxColumns))
		return d
	}
	if r.Fitted < 2 || r.Held < 2 || r.Fitted > maxRows || r.Held > maxRows || r.Omitted < 0 {
		add("held", "out_of_range", r.Held, fmt.Sprintf("2 to %d rows", maxRows))
	}
	if !finite(0, 1e6, r.Mean, r.MeanFitted, r.SD) || !finite(-1e6, 1e6, r.Skewness) || !finite(0, 1, r.Explained-1e-9) || !finite(0, 1e12, r.Effect) || r.Effect > 1 && r.Stretches < 2 {
		add("mean", "out_of_range", r.Mean.String(), "a finite error that is not negative, with its deviation and skewness")
	}
	if len(r.Residuals) != p || len(r.Spreads) != p || !finite(0, 1e6, r.Residuals...) || !finite(0, 1e6, r.Spreads...) {
		add("residuals", "wrong_length", len(r.Residuals), fmt.Sprintf("%d finite numbers that are not negative", p))
	}
	for i, c := range r.Components {
		norm := 0.0
		for _, x := range c {
			norm += float64(x * x)
		}
		if len(c) != p || !(math.Abs(norm-1) < 1e-6) {
			add("components", "out_of_range", i, fmt.Sprintf("a unit vector of %d numbers", p))
			break
		}
	}
	seen := map[string]bool{}
	for i := range r.Columns {
		c := &r.Columns[i]
		if seen[c.Name] || !c.sound() {
			add(c.Name, "contradiction", i, "a column of its own name, with fences or levels in order, and frequencies in [0, 1]")
		}
		seen[c.Name] = true
	}
	return d
}

// sound reports whether a column can have been learnt.
func (c *Column) sound() bool {
	if c.Kind != dataset.Numeric && c.Kind != dataset.Categorical || !finite(-2*greatest, 2*greatest, c.Mean, c.Fill) || !finite(0, 2*greatest, c.SD) || c.SD == 0 {
		return false
	}
	if c.Kind == dataset.Numeric {
		return finite(-20*greatest, 20*greatest, c.Low, c.High) && c.Low < c.High && c.Levels == nil && c.Frequency == nil
	}
	if len(c.Levels) != len(c.Frequency) || len(c.Levels) < 1 || len(c.Levels) > maxLevels || !finite(0, 1, c.Frequency...) {
		return false
	}
	for i := 1; i < len(c.Levels); i++ {
		if c.Levels[i-1] >= c.Levels[i] {
			return false
		}
	}
	return true
}

// finite reports whether all of v lie within low and high.
func finite(low, high float64, v ...number.Float) bool {
	for _, x := range v {
		if !(float64(x) >= low && float64(x) <= high) {
			return false
		}
	}
	return true
}
