package fit

import (
	"cmp"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// encode turns a column of categories into numbers.
func (b *bench) encode(s RecipeStep, c *made) {
	switch s.How {
	case "one_hot":
		b.oneHot(s, c)
	case "ordinal":
		b.ordinal(s, c)
	default:
		b.target(s, c)
	}
}

// oneHot gives each level, and a missing value if the rows have one, a column of its own; a level that training never saw has none.
func (b *bench) oneHot(s RecipeStep, c *made) {
	count, missing := make([]int, len(c.levels)), false
	for _, v := range c.values {
		if v != v {
			missing = true
		} else if v >= 0 {
			count[int(v)]++
		}
	}
	codes := make([]int, len(c.levels))
	for k := range codes {
		codes[k] = k
	}
	if s.Levels > 0 && s.Levels < len(codes) {
		slices.SortStableFunc(codes, func(x, y int) int { return cmp.Compare(count[y], count[x]) })
		codes = codes[:s.Levels]
		slices.Sort(codes)
	}
	if !b.room(len(codes) + 1) { // before the memory is taken
		return
	}
	for _, k := range codes {
		b.add(c.name+"="+c.levels[k], model.OpEquals, c, nil, float64(k))
	}
	if missing || len(codes) == 0 {
		b.add(c.name+" is missing", model.OpMissing, c, nil)
	}
	c.dropped = true
}

// ordinal gives each level its place, from 0: in the order given, where levels must all be named, or alphabetically. A level that training
// never saw is -1, and a missing value stays missing.
func (b *bench) ordinal(s RecipeStep, c *made) {
	table := []float64{-1}
	for k, level := range c.levels {
		if len(s.Order) > 0 {
			if k = slices.Index(s.Order, level); k < 0 {
				expected := "every level of " + c.name + " in its place"
				if near := model.Nearest(level, s.Order); near != "" {
					expected += ", perhaps it is " + near
				}
				b.problems = append(b.problems, fault.Detail{Field: b.at + ".order", Code: model.CodeMissing, Got: shorten(level), Expected: expected})
			}
		}
		table = append(table, float64(k))
	}
	b.replace(c, model.OpRecode, table...)
	c.kind, c.levels = dataset.Numeric, nil
}

// target gives each level the mean of the target in its rows, drawn towards the mean m of all rows as if s further rows had that:
//
//	(sum of y in the level + s m) / (rows in the level + s)
//
// (Micci-Barreca, SIGKDD Explorations 3, 2001). y is the value, or 1 for the positive class; of several classes each gets a column. A missing
// value is a level if the rows have one; else it, and a level never seen, gives m.
//
// The rows of the fit get encodings that other folds' rows gave: a level of one row would else show the learner that row's own target.
func (b *bench) target(s RecipeStep, c *made) {
	l := b.from.Labels
	if l.Task != dataset.Multiclass {
		y := l.Y
		held := b.crossFit(s, c, y)
		b.replace(c, model.OpLookup, b.means(s, c, y, nil, 0)...)
		c.values, c.kind, c.levels = held, dataset.Numeric, nil
		return
	}
	if !b.room(len(l.Classes)) {
		return
	}
	for k, class := range l.Classes {
		y := make([]float64, len(l.Y))
		for i, v := range l.Y {
			if int(v) == k {
				y[i] = 1
			}
		}
		n := b.add(c.name+" of "+class, model.OpLookup, c, nil, b.means(s, c, y, nil, 0)...)
		n.values = b.crossFit(s, c, y)
	}
	c.dropped = true
}

// means is the table of a model.OpLookup: the encodings of a missing value, of a level never seen, and of each level, from the rows that are not
// in fold except; nil = from all rows.
func (b *bench) means(s RecipeStep, c *made, y []float64, fold []int, except int) []float64 {
	sum, weight := make([]float64, len(c.levels)+2), make([]float64, len(c.levels)+2)
	var all, total float64
	for i, v := range c.values {
		if fold != nil && fold[i] == except {
			continue
		}
		w := b.from.weight(i)
		at := place(v, len(c.levels))
		sum[at] += float64(w * y[i])
		weight[at] += w
		all += float64(w * y[i])
		total += w
	}
	mean := 0.0
	if total > 0 {
		mean = all / total
	}
	smooth := s.smoothing()
	table := make([]float64, len(sum))
	for k := range table {
		table[k] = mean
		if n := weight[k] + smooth; k != 1 && weight[k] > 0 {
			table[k] = (sum[k] + float64(smooth*mean)) / n
		}
	}
	return table
}

// place is where a code stands in the table of a model.OpLookup.
func place(v float64, levels int) int {
	switch {
	case v != v:
		return 0
	case v >= 0 && v < float64(levels):
		return 2 + int(v)
	}
	return 1
}

// crossFit are the encodings of the rows of the fit, each from the folds that the row is not in.
func (b *bench) crossFit(s RecipeStep, c *made, y []float64) []float64 {
	k := s.Folds
	if k == 0 {
		k = defaultFolds
	}
	out := make([]float64, len(y))
	if k = min(k, len(y)); k < 2 { // a single row: nothing but the mean can be said of it
		for i := range out {
			out[i] = y[i]
		}
		return out
	}
	fold := dataset.Folds(b.from.Labels, k, b.options.Seed)
	for at := range k {
		table := b.means(s, c, y, fold, at)
		for i, v := range c.values {
			if fold[i] == at {
				out[i] = table[place(v, len(c.levels))]
			}
		}
	}
	return out
}
