package fit

import (
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/model"
)

// known are a column's values without the missing ones, ascending.
func (c *made) known() []float64 {
	out := make([]float64, 0, len(c.values))
	for _, v := range c.values {
		if v == v {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// quantile is the q-quantile of ascending values by linear interpolation (type 7 of Hyndman & Fan, The American Statistician 50, 1996).
func quantile(v []float64, q float64) float64 {
	at := float64(q * float64(len(v)-1))
	low := int(at)
	if low+1 >= len(v) {
		return v[len(v)-1]
	}
	t := at - float64(low)
	return v[low] + float64(t*(v[low+1]-v[low]))
}

// average is the mean and the standard deviation (divided by n) of values.
func average(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += float64((x-mean)*(x-mean)) / float64(len(v))
	}
	return mean, math.Sqrt(sd)
}

// impute fills missing values in. A column without a single value is left as it is, unless a constant was given.
func (b *bench) impute(s RecipeStep, c *made) {
	if s.Flag {
		b.add(c.name+" is missing", model.OpMissing, c, nil)
	}
	if c.kind == dataset.Categorical {
		b.imputeLevel(s, c)
		return
	}
	v := c.known()
	fill, given := constant(s.Value)
	switch {
	case given:
	case len(v) == 0:
		return
	case s.How == "mean":
		fill, _ = average(v)
	case s.How == "median":
		fill = quantile(v, 0.5)
	default:
		fill = mode(v)
	}
	b.replace(c, model.OpImpute, fill)
}

// mode is the most frequent of ascending values, the least of equals.
func mode(v []float64) float64 {
	best, most := v[0], 0
	for i := 0; i < len(v); {
		j := i
		for j < len(v) && v[j] == v[i] {
			j++
		}
		if j-i > most {
			best, most = v[i], j-i
		}
		i = j
	}
	return best
}

// imputeLevel gives missing values of a category the most frequent level, the first of equals, or a constant one, which may be new.
func (b *bench) imputeLevel(s RecipeStep, c *made) {
	if text, given := s.Value.(string); given {
		at, there := slices.BinarySearch(c.levels, text)
		if !there { // codes are positions in the sorted list: those behind the new level move up
			recode := []float64{-1}
			for k := range c.levels {
				if k >= at {
					k++
				}
				recode = append(recode, float64(k))
			}
			c.levels = slices.Insert(slices.Clone(c.levels), at, text)
			b.replace(c, model.OpRecode, recode...)
		}
		b.replace(c, model.OpImpute, float64(at))
		return
	}
	var known []float64
	for _, v := range c.known() {
		if v >= 0 {
			known = append(known, v)
		}
	}
	if len(known) > 0 {
		b.replace(c, model.OpImpute, mode(known))
	}
}

// clip bounds a column by quantiles of its values.
func (b *bench) clip(s RecipeStep, c *made) {
	if v := c.known(); len(v) > 0 {
		low, high := s.quantiles()
		b.replace(c, model.OpClip, quantile(v, low), quantile(v, high))
	}
}

// scale moves and stretches a column; one that is constant is only moved.
func (b *bench) scale(s RecipeStep, c *made) {
	v := c.known()
	if len(v) == 0 {
		return
	}
	var centre, spread float64
	switch s.How {
	case "standard":
		centre, spread = average(v)
	case "min_max":
		centre, spread = v[0], v[len(v)-1]-v[0]
	default:
		centre, spread = quantile(v, 0.5), quantile(v, 0.75)-quantile(v, 0.25)
	}
	if !(spread > 1e-12*math.Abs(centre)) || spread > model.MaxValue {
		spread = 1
	}
	b.replace(c, model.OpScale, centre, spread)
}

// transform bends a column.
func (b *bench) transform(s RecipeStep, c *made) {
	switch s.How {
	case "log":
		b.replace(c, model.OpLog)
	case "log1p":
		b.replace(c, model.OpLog1p)
	default:
		b.replace(c, model.OpYeoJohnson, yeoJohnson(c.known()))
	}
}

// yeoJohnson is the lambda in [-5, 5] at which the transformed values are most likely normal:
//
//	-n/2 ln(variance) + (lambda-1) sum sign(x) ln(1+|x|)
//
// by golden-section search; 1, the identity, where there is no variance.
func yeoJohnson(v []float64) float64 {
	if len(v) == 0 || v[0] == v[len(v)-1] {
		return 1
	}
	var bend float64
	for _, x := range v {
		bend += math.Copysign(elementary.Log1p(math.Abs(x)), x)
	}
	y := make([]float64, len(v))
	loss := func(lambda float64) float64 {
		for i, x := range v {
			y[i] = model.YeoJohnson(x, lambda)
		}
		_, sd := average(y)
		if l := float64(float64(len(v))*elementary.Log(sd)) - float64((lambda-1)*bend); l == l {
			return l
		}
		return math.Inf(1)
	}
	const golden = 0.6180339887498949
	low, high := -5.0, 5.0
	a, b := high-float64(golden*(high-low)), low+float64(golden*(high-low))
	fa, fb := loss(a), loss(b)
	for high-low > 1e-9 {
		if fa <= fb {
			high, b, fb = b, a, fa
			a = high - float64(golden*(high-low))
			fa = loss(a)
		} else {
			low, a, fa = a, b, fb
			b = low + float64(golden*(high-low))
			fb = loss(b)
		}
	}
	return (low + high) / 2
}

// bin turns a column into the number of its bin, from 0; edges that coincide count once.
func (b *bench) bin(s RecipeStep, c *made) {
	v := c.known()
	if len(v) == 0 {
		return
	}
	n := s.Bins
	if n == 0 {
		n = defaultBins
	}
	var edges []float64
	for k := 1; k < n; k++ {
		share := float64(k) / float64(n)
		edge := quantile(v, share)
		if s.How == "uniform" {
			edge = v[0] + float64(share*(v[len(v)-1]-v[0]))
		}
		if edge > v[0] && (len(edges) == 0 || edge > edges[len(edges)-1]) {
			edges = append(edges, edge)
		}
	}
	if len(edges) == 0 { // a constant column: everything is in one bin
		edges = []float64{v[0]}
	}
	b.replace(c, model.OpBin, edges...)
}

// combine makes a new column of two.
func (b *bench) combine(s RecipeStep, x, y *made) {
	op, sign := model.OpProduct, "*"
	switch s.How {
	case "ratio":
		op, sign = model.OpRatio, "/"
	case "difference":
		op, sign = model.OpDifference, "-"
	}
	name := s.Name
	if name == "" {
		name = x.name + sign + y.name
	} else if b.free(name) != name {
		b.wrong(b.at+".name", "taken", shorten(name), "a name that no column has")
		return
	}
	b.add(name, op, x, y)
}
