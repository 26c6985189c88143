package drift

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
)

// course is how a column's values follow one another, as far as it matters for Reference.order: whether each of a few has one run, and whether
// numbers ascend or descend. It is put together from stretches of rows in any order.
type course struct {
	grouped, ordered bool // may be, by the rows so far
	spans            []span
}

// span is a batch of rows.
type span struct {
	first      int
	runs       []run // of one value each, as long as the column may be grouped
	up, down   bool
	head, tail float64
}

type run struct {
	value value
	rows  int
}

// value of a row; a text that is missing is empty, and a number that is missing is like no other, as NaN is.
type value struct {
	text   string
	number float64
}

func newCourse(kind dataset.Kind) course {
	return course{grouped: true, ordered: kind == dataset.Numeric}
}

func (o *course) add(c *dataset.Column, first int) {
	if !o.grouped && !o.ordered || c.Len() == 0 {
		return
	}
	s := span{first: first}
	if o.grouped {
		s.runs, o.grouped = runs(c)
	}
	if v := c.Float; o.ordered {
		s.up, s.down, s.head, s.tail = true, true, v[0], v[len(v)-1]
		for i := 1; i < len(v) && (s.up || s.down); i++ {
			s.up, s.down = s.up && v[i] >= v[i-1], s.down && v[i] <= v[i-1]
		}
		o.ordered = s.up || s.down
	}
	o.spans = append(o.spans, s)
}

func (o *course) merge(p *course) {
	o.grouped, o.ordered = o.grouped && p.grouped, o.ordered && p.ordered
	o.spans = append(o.spans, p.spans...)
}

// runs are those of a column, if each value has one and there are no more than a sorted column may have.
func runs(c *dataset.Column) (all []run, few bool) {
	at := func(i int) value {
		if c.Kind == dataset.Numeric {
			return value{number: c.Float[i]}
		}
		if k := c.Code[i]; k >= 0 {
			return value{text: c.Levels[k]}
		}
		return value{}
	}
	for i := range c.Len() {
		if all = appendRun(all, run{at(i), 1}); len(all) > sortedLevels {
			return nil, false
		}
	}
	return all, alone(all)
}

// appendRun joins r to the last run if that has its value.
func appendRun(all []run, r run) []run {
	if n := len(all); n > 0 && (all[n-1].value == r.value || all[n-1].value != all[n-1].value && r.value != r.value) {
		all[n-1].rows += r.rows
		return all
	}
	return append(all, r)
}

// alone reports whether no value has two runs.
func alone(all []run) bool {
	seen := map[value]bool{}
	for _, r := range all {
		if seen[r.value] {
			return false
		}
		seen[r.value] = true
	}
	return true
}

// settle puts the spans in order and decides: grouped is what grouped1 says of all rows; ordered numbers ascend or descend, from first to
// last, and whether they do so evenly takes another look.
func (o *course) settle(rows int) {
	slices.SortFunc(o.spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var all []run
	up, down := o.ordered, o.ordered
	for i, s := range o.spans {
		for k := 0; k < len(s.runs) && o.grouped; k++ {
			all = appendRun(all, s.runs[k])
			o.grouped = len(all) <= sortedLevels
		}
		up, down = up && s.up, down && s.down
		if i > 0 {
			up, down = up && s.head >= o.spans[i-1].tail, down && s.head <= o.spans[i-1].tail
		}
	}
	frequent := 0
	for _, r := range all {
		if r.rows >= max(1, rows/20) {
			frequent++
		}
	}
	o.grouped = o.grouped && alone(all) && len(all) > 1 && frequent > 1
	if o.ordered = up || down; o.ordered {
		first, last := o.ends()
		o.ordered = first != last
	}
}

func (o *course) ends() (first, last float64) { return o.spans[0].head, o.spans[len(o.spans)-1].tail }

// stretch is what the second reading of a reference sees of its rows' order.
type stretch struct {
	profile *Profile
	courses []course
	uneven  []bool   // by column: an ordered one strays from a straight line
	parts   [][]part // by column
}

// newStretch is of courses that have settled.
func (p *Profile) newStretch(courses []course) *stretch {
	w := &stretch{profile: p, courses: courses, uneven: make([]bool, len(courses)), parts: make([][]part, len(courses))}
	for i := range w.parts {
		w.parts[i] = p.Features[i].newParts(p.Rows)
	}
	return w
}

// newParts are 64 stretches of the rows, or 32, 16 or 8 where there are fewer than 1,600; none below 200.
func (f *FeatureProfile) newParts(rows int) []part {
	n := mostParts
	for n >= leastParts && rows/n < leastPart {
		n /= 2
	}
	if n < leastParts {
		return nil
	}
	parts := make([]part, n)
	for k := range parts {
		parts[k].cells = make([]int, len(f.Counts))
	}
	return parts
}

// countParts counts a stretch of the column, that begins with row first of all the rows, in the parts that it falls into.
func (f *FeatureProfile) countParts(parts []part, c *dataset.Column, first, rows int) {
	cell := f.placer(c)
	for k := range parts {
		p, n := &parts[k], len(parts)
		for i := max(k*rows/n-first, 0); i < min((k+1)*rows/n-first, c.Len()); i++ {
			p.rows++
			switch at := cell(i); {
			case at >= 0:
				p.cells[at]++
			case at == isMissing:
				p.missing++
			}
		}
	}
}

func (w *stretch) add(b dataset.Batch) {
	for i := range w.courses {
		c := &b.Frame.Columns[i]
		w.profile.Features[i].countParts(w.parts[i], c, b.First, w.profile.Rows)
		if !w.courses[i].ordered || w.uneven[i] {
			continue
		}
		first, last := w.courses[i].ends()
		for k, x := range c.Float {
			if at := float64(b.First+k) / float64(w.profile.Rows-1); math.Abs((x-first)/(last-first)-at) > counterWander {
				w.uneven[i] = true
				break
			}
		}
	}
}

func (w *stretch) merge(o *stretch) {
	for i := range w.parts {
		w.uneven[i] = w.uneven[i] || o.uneven[i]
		for k := range w.parts[i] {
			a, b := &w.parts[i][k], &o.parts[i][k]
			a.rows += b.rows
			a.missing += b.missing
			for j, n := range b.cells {
				a.cells[j] += n
			}
		}
	}
}

// learnOrder notes the column that the rows are sorted by, or, if there is none, what their stretches tell of windows. It reports whether rows are taken to be
// in the order of time; an order that is told is believed.
func (p *Profile) learnOrder(w *stretch, order string) (inTime bool) {
	if order == OrderNone {
		return false
	}
	for i := range w.courses {
		if order == "" && (w.courses[i].grouped || w.courses[i].ordered && w.uneven[i]) {
			p.Sorted = p.Features[i].Name
			return false
		}
	}
	each(len(p.Features), func(i int) { p.Features[i].learnNoise(w.parts[i]) })
	return true
}
