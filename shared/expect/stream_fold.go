package expect

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
)

// part is a table whose rows are some of a table that is not held, or stand for it.
type part struct {
	surveys []*survey // by column
	rows    int       // how many the table is said to have; -1 = those of its frame
	first   int       // rows of the whole that come before
	labels  []int     // the rows' numbers in the whole; nil = they follow each other
	levels  []level   // when every row stands for a value: how often and where that comes
}

// fold is a map expectation on its way over the rows of a table.
type fold struct {
	record record
	check  *check
	limit  int      // unexpected rows to keep
	names  []string // columns to keep of them

	started                          bool
	shape                            shape
	domain                           []string
	skips                            bool
	mostly                           float64
	elements, considered, unexpected int
	kept                             []keptRow // in order, but for levels
	seams                            []seam
	census                           *census // tells which rows are expected; nil = the expectation itself does
	ran                              bool
	err                              error // of a batch; the table as a whole is then to be asked
}

// keptRow is an unexpected row and its cells by fold.names: a float64 of a number column, a text or nil of the others.
type keptRow struct {
	number int
	cells  []any
}

func newFold(rec record, c *check, all []string) *fold {
	f := &fold{record: rec, check: c, limit: c.format.partial}
	switch c.format.level {
	case BooleanOnly:
		f.limit = 0
	case Complete:
		f.limit = math.MaxInt
	}
	if f.names = slices.Clone(c.format.columns); c.format.rows {
		f.names = slices.Clone(all)
	}
	return f
}

// run asks about the rows of a table.
func (f *fold) run(v *validator) {
	if f.err != nil {
		return
	}
	c := *f.check
	c.table, c.problems, c.fold = v.whole, nil, f
	_, f.err = v.perform(f.record, &c)
}

// add takes rows, as check.judge takes all.
func (f *fold) add(c *check, d *domain, expected func(i int) bool, mostly float64) {
	if !f.started {
		f.started, f.shape, f.domain, f.skips, f.mostly = true, d.shape, d.names, d.skip != nil, mostly
		for _, name := range d.names {
			if !slices.Contains(f.names, name) {
				f.names = append(f.names, name)
			}
		}
	}
	if c.part.levels != nil {
		f.addLevels(c, d, expected)
		return
	}
	if f.census != nil {
		expected = f.census.expected(d.cells)
	}
	n := c.height()
	f.elements += n
	for i := range n {
		if d.skip != nil && d.skip(i) {
			continue
		}
		if f.considered++; expected(i) {
			continue
		}
		if f.unexpected++; len(f.kept) < f.limit {
			f.kept = append(f.kept, keptRow{c.part.first + c.row(i), f.cells(&c.table, c.row(i))})
		}
	}
}

func (f *fold) addLevels(c *check, d *domain, expected func(i int) bool) {
	for i, l := range c.part.levels {
		if f.elements += l.count; l.count == 0 || d.skip != nil && d.skip(i) {
			continue
		}
		if f.considered += l.count; expected(i) {
			continue
		}
		f.unexpected += l.count
		for _, row := range l.first {
			f.kept = append(f.kept, keptRow{row, f.cells(&c.table, i)})
		}
	}
}

// cells are those to keep of a row of the frame.
func (f *fold) cells(t *table, row int) []any {
	cells := make([]any, len(f.names))
	for j, name := range f.names {
		s, err := t.base(name)
		switch {
		case err != nil: // told by the result's own look at the columns
		case s.Kind == dataset.Numeric:
			cells[j] = s.Float[row]
		case s.Code[row] >= 0:
			cells[j] = s.Levels[s.Code[row]]
		}
	}
	return cells
}

// merge adds what another reader of the table found.
func (f *fold) merge(b *fold) {
	if !f.started {
		f.started, f.shape, f.domain, f.skips, f.mostly, f.names = b.started, b.shape, b.domain, b.skips, b.mostly, b.names
	}
	f.ran = true
	if f.census == nil || f.census.first() { // once is enough
		f.elements, f.considered, f.unexpected = f.elements+b.elements, f.considered+b.considered, f.unexpected+b.unexpected
	}
	f.kept, f.seams = append(f.kept, b.kept...), append(f.seams, b.seams...)
	if f.err == nil {
		f.err = b.err
	}
}

// outcome is told when all rows have come. It is made as for a table of the rows kept.
func (f *fold) outcome(h dataset.Heading, surveys []*survey) (outcome, error) {
	slices.SortFunc(f.kept, func(a, b keptRow) int { return cmp.Compare(a.number, b.number) })
	f.kept = f.kept[:min(len(f.kept), f.limit)]
	frame, p := hollow(h), &part{surveys: surveys, rows: len(f.kept), labels: make([]int, len(f.kept))}
	bad := make([]int, len(f.kept))
	for i, row := range f.kept {
		p.labels[i], bad[i] = row.number, i
	}
	for j, name := range f.names {
		if c := frame.Column(name); c != nil {
			f.column(c, j)
		}
	}
	c := *f.check
	c.table, c.problems = table{frame: frame, made: map[string]*series{}, part: p}, nil
	d, err := c.domain(f.shape, f.domain...)
	if err != nil {
		return outcome{}, err
	}
	if f.skips {
		d.skip = never
	}
	out, err := c.conclude(d, f.mostly, f.elements, f.considered, f.unexpected, bad)
	out.rows = nil
	return out, err
}

// column fills a column with the cells kept at j.
func (f *fold) column(c *dataset.Column, j int) {
	if c.Kind == dataset.Numeric {
		c.Float = make([]float64, len(f.kept))
		for i, row := range f.kept {
			c.Float[i] = row.cells[j].(float64)
		}
		return
	}
	var d coder
	c.Code = make([]int32, len(f.kept))
	d.index = map[string]int32{}
	for i, row := range f.kept {
		if c.Code[i] = -1; row.cells[j] != nil {
			c.Code[i] = d.code(row.cells[j].(string))
		}
	}
	c.Levels = d.texts
}

// hollow is a frame without rows.
func hollow(h dataset.Heading) *dataset.Frame {
	f := &dataset.Frame{Columns: make([]dataset.Column, len(h.Names))}
	for i, name := range h.Names {
		f.Columns[i] = dataset.Column{Name: name, Kind: h.Kinds[i]}
	}
	return f
}
