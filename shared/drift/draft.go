package drift

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// Limits of a draft.
const (
	maxSample = 1 << 16 // rows whose values are kept
	leastKept = 1 << 12 // of them where there are many columns
	maxCells  = 1 << 23 // values kept of all columns together
	maxTexts  = 1 << 17 // levels of a category that are counted one by one
)

// draft is what one reading of a reference tells of its columns, in memory that does not grow with the rows: all of a profile but the
// counts in bins, which are not known before the end. Drafts of parts, of whatever rows in whatever order, merge to that of the
// whole: counts, sums and extremes to the last bit, and the sample too, because a row's number decides whether it is in.
//
// Bins are cut at the quantiles of the sample. Up to 65,536 rows it is all of them, and the bins are those of NewProfile. Of more it is
// 32,768 or more, drawn evenly: a quantile lies within 1.1 % of the rows of its rank (four standard errors, at the median; 0.5 % at
// the 5th and 95th percentiles) where there are no more than 128 columns. With 1,000 it is 4,194 rows or more, and three times that.
type draft struct {
	columns []draftColumn
	rows    int
	sample  *sample
}

type draftColumn struct {
	name   string
	kind   dataset.Kind
	many   distinctCounter
	course course

	total       sum // of the finite numbers
	least, most float64
	finite      int
	zeros       int
	broken      bool // a number is not whole

	times map[string]int // rows by level; nil when there are more than maxTexts
}

func newDraft(h dataset.Heading) *draft {
	d := &draft{columns: make([]draftColumn, len(h.Names)), sample: newSample(h, min(max(leastKept, maxCells/len(h.Names)), maxSample))}
	for i, name := range h.Names {
		d.columns[i] = draftColumn{name: name, kind: h.Kinds[i], least: math.Inf(1), most: math.Inf(-1), course: newCourse(h.Kinds[i])}
		if h.Kinds[i] == dataset.Categorical {
			d.columns[i].times = map[string]int{}
		}
	}
	return d
}

// add reads a batch of the columns that the draft was made for.
func (d *draft) add(b dataset.Batch) error {
	d.rows += b.Frame.Rows()
	for i := range d.columns {
		if c := &b.Frame.Columns[i]; c.Kind == dataset.Numeric {
			d.columns[i].numbers(c.Float)
		} else {
			d.columns[i].levels(c)
		}
		d.columns[i].course.add(&b.Frame.Columns[i], b.First)
	}
	d.sample.add(b)
	return nil
}

// merge adds the draft of other rows of the same table; it takes what o has.
func (d *draft) merge(o *draft) {
	d.rows += o.rows
	d.sample.merge(o.sample)
	for i := range d.columns {
		d.columns[i].merge(&o.columns[i])
	}
}

func (c *draftColumn) merge(o *draftColumn) {
	c.many.merge(&o.many)
	c.course.merge(&o.course)
	c.total.merge(&o.total)
	c.least, c.most = min(c.least, o.least), max(c.most, o.most)
	c.finite += o.finite
	c.zeros += o.zeros
	c.broken = c.broken || o.broken
	if o.times == nil {
		c.times = nil
	}
	for text, n := range o.times {
		c.count(text, n)
	}
}

func (c *draftColumn) numbers(v []float64) {
	for _, x := range v {
		if math.IsNaN(x) {
			continue
		}
		if math.IsInf(x, 0) {
			c.broken = true
			continue
		}
		c.finite++
		c.total.add(x)
		c.least, c.most = min(c.least, x), max(c.most, x)
		if x == 0 {
			c.zeros++
			x = 0 // not -0
		}
		c.broken = c.broken || x != math.Trunc(x)
		c.many.add(mixed(math.Float64bits(x)))
	}
}

func (c *draftColumn) levels(column *dataset.Column) {
	times := make([]int, len(column.Levels))
	for _, code := range column.Code {
		if code >= 0 {
			times[code]++
		}
	}
	for i, n := range times {
		if n > 0 {
			c.many.add(hashed(column.Levels[i]))
			c.count(column.Levels[i], n)
		}
	}
}

// count adds rows of a level, as long as there are not too many levels.
func (c *draftColumn) count(text string, n int) {
	if c.times == nil {
		return
	}
	if c.times[text] += n; len(c.times) > maxTexts {
		c.times = nil
	}
}

// profile is the reference's but for what a second reading counts.
func (d *draft) profile() *Profile {
	p := &Profile{Format: format, Rows: d.rows, Threshold: 0.5, Features: make([]FeatureProfile, len(d.columns)), Repeated: &Duplication{}}
	each(len(p.Features), func(i int) {
		c, f, drawn := &d.columns[i], &p.Features[i], &d.sample.columns[i]
		*f = emptyFeature(c.name, c.kind)
		f.Rows = d.rows
		if c.kind == dataset.Categorical {
			f.Levels, f.Distinct = c.frequent(drawn.texts)
			f.Counts = make([]int, len(f.Levels))
			return
		}
		f.Integer, f.Zeros = c.finite > 0 && !c.broken, c.zeros
		f.cut(c.sorted(drawn.numbers, d.sample.halved == 0), &c.total, c.finite)
		if d.sample.halved > 0 {
			f.Distinct = max(f.Distinct, c.many.estimate())
		}
	})
	return p
}

// sorted are the finite numbers of the sample, with the extremes of all of them.
func (c *draftColumn) sorted(sampled []float64, whole bool) []float64 {
	s := slices.DeleteFunc(slices.Clone(sampled), func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
	slices.Sort(s)
	if whole || c.finite == 0 {
		return s
	}
	if len(s) == 0 || s[0] > c.least {
		s = slices.Insert(s, 0, c.least)
	}
	if s[len(s)-1] < c.most {
		s = append(s, c.most)
	}
	return s
}

// frequent are the levels that a profile keeps, sorted, and how many there are. Where there were too many to count, the sample says which
// are frequent, and their number is an estimate.
func (c *draftColumn) frequent(sampled []string) (levels []string, distinct int) {
	times := c.times
	if times == nil {
		times = map[string]int{}
		for _, text := range sampled {
			if text != "" {
				times[text]++
			}
		}
	}
	distinct = len(times)
	if c.times == nil {
		distinct = max(distinct, c.many.estimate())
	}
	levels = sortedKeys(times)
	if len(levels) > maxLevels {
		slices.SortStableFunc(levels, func(a, b string) int { return cmp.Compare(times[b], times[a]) })
		levels = levels[:maxLevels]
		slices.Sort(levels)
	}
	return levels, distinct
}

// emptyFeature is a column of which nothing is known.
func emptyFeature(name string, kind dataset.Kind) FeatureProfile {
	return FeatureProfile{Name: name, Kind: kind, Importance: nan, Mean: nan, SD: nan, Min: nan, Q1: nan, Median: nan, Q3: nan, Max: nan}
}

// fill takes over what was counted on the bins.
func (f *FeatureProfile) fill(c *counts) {
	f.Rows, f.Missing, f.Infinite, f.Counts, f.Other = c.rows, c.missing, c.infinite, c.bins, c.novel
	if c.sum != nil && c.present() > 0 {
		f.SD = number.Float(c.sd())
	}
}
