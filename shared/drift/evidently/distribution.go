package evidently

import (
	"cmp"
	"slices"

	"mlops/shared/drift/stattest"
	"mlops/shared/number"
)

// distribution is the small chart of one side of a column, as legacy reports hold it: of numbers, the edges of ten bins and their densities; of
// categories, the values and their rows.
type distribution struct {
	X []any `json:"x"`
	Y []any `json:"y"`
}

const smallBins = 10

// distributions are the charts of both sides. Of categories both list the values of either, in the order of their texts.
func distributions(kind Type, ref, cur *Column) (a, b *distribution) {
	switch kind {
	case Numerical:
		return densities(finite(ref.sorted)), densities(finite(cur.sorted))
	case Categorical:
		return rowsOfValues(ref, cur)
	}
	return nil, nil
}

// densities are NumPy's histogram(bins=10, density=True) of ascending finite values.
func densities(sorted []float64) *distribution {
	if len(sorted) == 0 {
		return nil
	}
	low, high := sorted[0], sorted[len(sorted)-1]
	if low == high {
		low, high = low-0.5, high+0.5
	}
	edges := make([]float64, smallBins+1)
	step := (high - low) / smallBins
	for i := range edges {
		edges[i] = float64(float64(i)*step) + low
	}
	edges[smallBins] = high
	d := &distribution{}
	for _, e := range edges {
		d.X = append(d.X, number.Float(e))
	}
	for i, n := range stattest.Histogram(sorted, edges) {
		d.Y = append(d.Y, number.Float(float64(n)/(edges[i+1]-edges[i])/float64(len(sorted))))
	}
	return d
}

// rowsOfValues are the rows of each value on both sides.
func rowsOfValues(ref, cur *Column) (a, b *distribution) {
	p := pair{kind: Categorical, ref: newSample(ref, false), cur: newSample(cur, false)}
	counts, others := p.counts()
	values := p.values(ref.DType == Int && cur.DType == Int)
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i].text, values[j].text) })
	a, b = &distribution{X: []any{}, Y: []any{}}, &distribution{X: []any{}, Y: []any{}}
	for _, i := range order {
		a.X, a.Y = append(a.X, values[i].json), append(a.Y, counts[i])
		b.X, b.Y = append(b.X, values[i].json), append(b.Y, others[i])
	}
	return a, b
}

// value is a distinct value as JSON and as Python's str() writes it.
type value struct {
	json any
	text string
}

// values are the distinct values of both samples, in the order of counts.
func (p *pair) values(whole bool) (all []value) {
	ofNumbers := func(values []float64) (out []value) {
		for _, v := range values {
			text := number.Python(v)
			if whole {
				text = number.Float(v).String()
			}
			out = append(out, value{number.Float(v), text})
		}
		return out
	}
	ofTexts := func(levels []string, truths bool) (out []value) {
		for _, l := range levels {
			v := value{l, l}
			if truths {
				v.json = l == "True"
			}
			out = append(out, v)
		}
		return out
	}
	switch {
	case p.ref.numbers && p.cur.numbers:
		levels, _, _ := stattest.Levels(p.ref.values, p.cur.values)
		return ofNumbers(levels)
	case !p.mixed():
		levels, _, _ := p.texts()
		return ofTexts(levels, p.ref.truths && p.cur.truths)
	}
	for _, s := range []*sample{&p.ref, &p.cur} {
		if s.numbers {
			levels, _, _ := stattest.Levels(s.values, nil)
			all = append(all, ofNumbers(levels)...)
			continue
		}
		var levels []string
		for i, n := range s.counts {
			if n > 0 {
				levels = append(levels, s.levels[i])
			}
		}
		all = append(all, ofTexts(levels, s.truths)...)
	}
	return all
}
