package expect

import (
	"maps"
	"math"
	"slices"

	"mlops/shared/dataset"
)

// maxLevels is how many distinct values of a column a survey counts.
const maxLevels = 1 << 17

// survey is what one reading of a table tells of a column, in memory that does not grow with the rows.
type survey struct {
	name          string
	kind          dataset.Kind
	rows, present int
	keep          int   // how many row numbers are kept of what is kept by row
	gaps          []int // the first rows without a value
	dtype         dtype
	boolean       bool

	// of numbers
	fractional   bool // some value is not whole
	low, high    float64
	sum, squares twofold
	values       map[float64]int // how often each value comes; nil = not asked for, or too many
	order        order

	// of texts
	coder  coder
	levels []level // by code of the coder
	lost   bool    // there are more than maxLevels distinct values, which are then not kept

	stretched         bool
	lowText, highText string // once lost
	counted           bool   // a census told
	distinct          int
}

// level is a distinct text of a column.
type level struct {
	count int
	first []int // the first rows that have it
}

// coder gives the texts of a column codes of its own, since every batch has its own.
type coder struct {
	index map[string]int32
	texts []string
	last  []string // the levels that rank is of
	rank  []int32  // code by code of the batch
}

// use makes rank fit the levels of a batch. Scanners give the same slice as long as no level is new.
func (d *coder) use(levels []string) {
	if len(levels) == len(d.last) && (len(levels) == 0 || &levels[0] == &d.last[0]) {
		return
	}
	if d.index == nil {
		d.index = map[string]int32{}
	}
	d.last, d.rank = levels, slices.Grow(d.rank[:0], len(levels))[:len(levels)]
	for i, text := range levels {
		d.rank[i] = d.code(text)
	}
}

func (d *coder) code(text string) int32 {
	k, ok := d.index[text]
	if !ok {
		k = int32(len(d.texts))
		d.index[text] = k
		d.texts = append(d.texts, text)
	}
	return k
}

func newSurvey(name string, kind dataset.Kind, keep int, counting bool) *survey {
	w := &survey{name: name, kind: kind, keep: keep, low: math.Inf(1), high: math.Inf(-1)}
	if kind == dataset.Numeric && counting {
		w.values = map[float64]int{}
	}
	return w
}

// add takes the rows of a batch, of which first come before.
func (w *survey) add(c *dataset.Column, first int) {
	w.rows += c.Len()
	if w.kind == dataset.Numeric {
		w.addNumbers(c, first)
	} else {
		w.addTexts(c, first)
	}
}

func (w *survey) addNumbers(c *dataset.Column, first int) {
	n, low, high := 0, w.low, w.high
	for i, v := range c.Float {
		if v != v {
			if len(w.gaps) < w.keep {
				w.gaps = append(w.gaps, first+i)
			}
			continue
		}
		n++
		low, high = min(low, v), max(high, v)
		w.sum.add(v)
		w.squares.addSquare(v)
	}
	w.present, w.low, w.high = w.present+n, low, high
	w.fractional = w.fractional || n > 0 && !c.Integer
	if w.values != nil {
		for _, v := range c.Float {
			if v == v {
				w.values[v]++
			}
		}
		if len(w.values) > maxLevels {
			w.values, w.lost = nil, true
		}
	}
}

func (w *survey) addTexts(c *dataset.Column, first int) {
	if !w.lost {
		w.coder.use(c.Levels)
		w.levels = slices.Grow(w.levels, len(w.coder.texts)-len(w.levels))[:len(w.coder.texts)]
		if len(w.levels) > maxLevels {
			w.lose()
		}
	}
	for i, k := range c.Code {
		if k < 0 {
			if len(w.gaps) < w.keep {
				w.gaps = append(w.gaps, first+i)
			}
			continue
		}
		w.present++
		if w.lost {
			w.stretch(c.Levels[k], c.Levels[k])
			continue
		}
		l := &w.levels[w.coder.rank[k]]
		if l.count++; len(l.first) < w.keep {
			l.first = append(l.first, first+i)
		}
	}
}

// merge adds what another reader of the same column learnt.
func (w *survey) merge(b *survey) {
	w.rows, w.present = w.rows+b.rows, w.present+b.present
	w.gaps = firstRows(w.gaps, b.gaps, w.keep)
	w.fractional, w.low, w.high = w.fractional || b.fractional, min(w.low, b.low), max(w.high, b.high)
	w.sum.merge(b.sum)
	w.squares.merge(b.squares)
	if b.lost && !w.lost {
		w.lose()
	}
	if w.lost && w.kind == dataset.Categorical {
		for k, l := range b.levels {
			if l.count > 0 {
				w.stretch(b.coder.texts[k], b.coder.texts[k])
			}
		}
		if b.stretched {
			w.stretch(b.lowText, b.highText)
		}
	}
	for v, n := range b.values {
		if w.values != nil {
			w.values[v] += n
		}
	}
	for k, text := range b.coder.texts {
		if w.lost || b.levels[k].count == 0 {
			continue
		}
		if w.coder.index == nil {
			w.coder.index = map[string]int32{}
		}
		at := w.coder.code(text)
		if int(at) == len(w.levels) {
			w.levels = append(w.levels, level{})
		}
		l := &w.levels[at]
		l.count, l.first = l.count+b.levels[k].count, firstRows(l.first, b.levels[k].first, w.keep)
	}
	if len(w.values) > maxLevels || len(w.levels) > maxLevels {
		w.lose()
	}
}

// lose gives up the distinct values, but for the least and the greatest text.
func (w *survey) lose() {
	for k, l := range w.levels {
		if l.count > 0 {
			w.stretch(w.coder.texts[k], w.coder.texts[k])
		}
	}
	w.values, w.levels, w.coder, w.lost = nil, nil, coder{}, true
}

// stretch takes texts into account for the least and the greatest one.
func (w *survey) stretch(low, high string) {
	if !w.stretched || low < w.lowText {
		w.lowText = low
	}
	if !w.stretched || high > w.highText {
		w.highText = high
	}
	w.stretched = true
}

func (w *survey) extremeText(greatest bool) any {
	if greatest {
		return w.highText
	}
	return w.lowText
}

// firstRows are the first of two ascending lists of rows.
func firstRows(a, b []int, most int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return all[:min(len(all), most)]
}

// settle sorts the levels, leaves out those that never came, and says what the column is to pandas.
func (w *survey) settle() {
	if w.lost {
		w.values, w.levels, w.coder = nil, nil, coder{}
	}
	texts := slices.Clone(w.coder.texts)
	slices.Sort(texts)
	sorted := coder{}
	levels := []level{}
	for _, text := range texts {
		if l := w.levels[w.coder.index[text]]; l.count > 0 {
			sorted.texts, levels = append(sorted.texts, text), append(levels, l)
		}
	}
	w.coder, w.levels = sorted, levels
	switch {
	case w.kind == dataset.Numeric && w.present == w.rows && w.present > 0 && !w.fractional:
		w.dtype = int64Type
	case w.kind == dataset.Numeric:
		w.dtype = float64Type
	default:
		w.dtype = objectType
		if w.boolean = truths(&dataset.Column{Levels: texts}) != nil; w.boolean && w.present == w.rows {
			w.dtype = boolType
		}
	}
}

// series is a part of the column as expectations see it.
func (w *survey) series(c *dataset.Column) *series {
	s := &series{Column: *c, dtype: w.dtype, whole: w}
	if w.boolean {
		if s.truth = truths(c); s.truth == nil {
			s.truth = []bool{}
		}
	}
	return s
}

// counts are the distinct values, ascending.
func (w *survey) counts() []counted {
	var out []counted
	if w.kind == dataset.Numeric {
		for _, v := range slices.Sorted(maps.Keys(w.values)) {
			out = append(out, counted{v, w.values[v]})
		}
		return out
	}
	if !w.boolean {
		for k, l := range w.levels {
			out = append(out, counted{w.coder.texts[k], l.count})
		}
		return out
	}
	for i, n := range w.falseTrue() {
		if n > 0 {
			out = append(out, counted{i == 1, n})
		}
	}
	return out
}

// falseTrue counts both values of a column of booleans, which may be spelt in several ways.
func (w *survey) falseTrue() (n [2]int) {
	for k, t := range truths(&dataset.Column{Levels: w.coder.texts}) {
		if t {
			n[1] += w.levels[k].count
		} else {
			n[0] += w.levels[k].count
		}
	}
	return n
}

// extreme is the least or the greatest number, nil when there is none.
func (w *survey) extreme(greatest bool) any {
	switch {
	case w.present == 0:
		return nil
	case greatest:
		return w.high
	}
	return w.low
}

// sums are those of the values and of their squares.
func (w *survey) sums() (sum, squares twofold) {
	if w.boolean {
		n := twofold{high: float64(w.falseTrue()[1])}
		return n, n
	}
	return w.sum, w.squares
}

func (w *survey) total() float64 {
	sum, _ := w.sums()
	return sum.value()
}

func (w *survey) mean() float64 { return w.total() / float64(w.present) }

// deviation is sqrt((sum of squares - sum^2/n)/(n-1)), where the difference is taken of sums of 106 bits.
func (w *survey) deviation() float64 {
	if w.present < 2 {
		return math.NaN()
	}
	sum, squares := w.sums()
	n := float64(w.present)
	return math.Sqrt(max(0, squares.minus(sum.squared().over(n)).value()) / (n - 1))
}

func (w *survey) median() float64 {
	if w.present == 0 {
		return math.NaN()
	}
	m := w.present / 2
	if w.present%2 == 0 {
		return (w.at(m-1) + w.at(m)) / 2
	}
	return w.at(m)
}

// at is the value of a rank.
func (w *survey) at(rank int) float64 {
	if w.boolean {
		if rank < w.falseTrue()[0] {
			return 0
		}
		return 1
	}
	return w.order.at(rank)
}
