package expect

import (
	"cmp"
	"slices"

	"mlops/shared/dataset"
)

// seam is the first and the last number of a batch: what an expectation about neighbours has to see again where batches meet.
type seam struct {
	first, last float64
	row         int // of the first
}

// seamOf is that of a batch's column, none when it has no value.
func seamOf(c *dataset.Column, before int) []seam {
	s, found := seam{}, false
	for i, v := range c.Float {
		if v == v {
			s, found = seam{first: v, row: before + i}, true
			break
		}
	}
	for i := len(c.Float) - 1; i >= 0 && found; i-- {
		if v := c.Float[i]; v == v {
			s.last = v
			return []seam{s}
		}
	}
	return nil
}

// sew asks, wherever two batches meet, about the second's first value behind the first's last: a table of two rows.
func (f *fold) sew(t *stream) {
	slices.SortFunc(f.seams, func(a, b seam) int { return cmp.Compare(a.row, b.row) })
	for i := 1; i < len(f.seams) && f.err == nil; i++ {
		g := newFold(f.record, f.check, t.heading.Names)
		two := hollow(t.heading)
		two.Column(textOf(f.check.values["column"])).Float = []float64{f.seams[i-1].last, f.seams[i].first}
		g.run(&validator{suite: t.suite, chosen: map[string][]int{},
			whole: table{frame: two, made: map[string]*series{}, part: &part{surveys: t.surveys, rows: 2, first: f.seams[i].row - 1}}})
		f.unexpected += g.unexpected
		f.kept = append(f.kept, g.kept...)
		f.err = g.err
	}
	f.seams = nil
}
