package parquet

import (
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
)

// Scan reads a table a batch of rows at a time, as dataset.Scan does, in the memory of a page and a dictionary for every column and
// processor. The kinds of columns come from their types; where one of texts turns out to have no value at all it is numeric, and the
// table is read again.
func Scan(r io.ReaderAt, size int64, o dataset.Options, begin dataset.Begin) (dataset.Heading, error) {
	f, err := open(r, size, o)
	if err != nil {
		return dataset.Heading{}, blame(err)
	}
	for {
		s := &scan{file: f, options: o, units: f.units(runtime.GOMAXPROCS(0))}
		h, err := s.run(begin)
		if err != nil || len(s.void()) == 0 {
			return h, blame(err)
		}
		o.Numeric = slices.Concat(o.Numeric, s.void())
	}
}

// unit is a run of rows that one scanner reads.
type unit struct {
	group *format.RowGroup
	from  int64 // of the group's rows
	rows  int64
	first int // of the table's
}

const leastUnit = 64 << 10

// units are the row groups, and parts of large ones. A part reads the page that it begins in the middle of once more, so that there are no more
// than twice as many as scanners.
func (f *file) units(scanners int) (units []unit) {
	first := 0
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		size := max(leastUnit, g.NumRows/int64(2*scanners)+1)
		for from := int64(0); from < g.NumRows; from += size {
			n := min(size, g.NumRows-from)
			units = append(units, unit{g, from, n, first})
			first += int(n)
		}
	}
	return units
}

// scan is one reading.
type scan struct {
	*file
	options dataset.Options
	units   []unit

	mu       sync.Mutex
	next     int
	problems []*dataset.Problems // by unit
	failed   int                 // the first unit that could not be read
	err      error
	present  []bool // columns that have a value or need none
}

func (s *scan) run(begin dataset.Begin) (h dataset.Heading, err error) {
	s.present = make([]bool, len(s.columns))
	for i := range s.columns {
		c := &s.columns[i]
		h.Names = append(h.Names, c.name)
		kind := s.kind(c)
		h.Kinds = append(h.Kinds, kind)
		if kind == dataset.Categorical && !slices.Contains(s.options.Categorical, c.name) {
			s.options.Categorical = append(slices.Clip(s.options.Categorical), c.name)
		} else {
			s.present[i] = true
		}
	}
	s.problems = make([]*dataset.Problems, len(s.units))
	scanners := min(runtime.GOMAXPROCS(0), len(s.units))
	for _, u := range s.units {
		h.Rows += int(u.rows) // the footer says it
	}
	take, err := begin(h, scanners)
	if err != nil {
		return h, err
	}
	var wait sync.WaitGroup
	for i := range scanners {
		wait.Go(func() { s.work(take[i]) })
	}
	wait.Wait()
	if s.err != nil {
		return h, s.err
	}
	p := dataset.NewProblems("read Parquet")
	for _, found := range s.problems {
		p.Append(found)
	}
	h.Rows = int(s.rows)
	return h, p.Err()
}

// kind is what a column is taken for.
func (s *scan) kind(c *column) dataset.Kind {
	switch {
	case slices.Contains(s.options.Categorical, c.name):
		return dataset.Categorical
	case c.numeric || slices.Contains(s.options.Numeric, c.name):
		return dataset.Numeric
	}
	for i := range s.meta.RowGroups {
		if !c.empty(&s.meta.RowGroups[i]) {
			return dataset.Categorical
		}
	}
	return dataset.Numeric
}

// void are the columns that were taken for texts and have none.
func (s *scan) void() (names []string) {
	for i := range s.columns {
		if !s.present[i] {
			names = append(names, s.columns[i].name)
		}
	}
	return names
}

// work is that of one scanner.
func (s *scan) work(take func(dataset.Batch) error) {
	fillers := make([]*dataset.Filler, len(s.columns))
	rows := min(max(256, (1<<20)/len(s.columns)), 8192)
	for i := range s.columns {
		fillers[i] = s.columns[i].filler(s.options, rows)
	}
	u := new(unpacker)
	for {
		s.mu.Lock()
		k := s.next
		if s.next++; k >= len(s.units) || s.err != nil {
			for i, f := range fillers {
				s.present[i] = s.present[i] || f.Levels() > 0
			}
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		p := dataset.NewProblems("")
		s.problems[k] = p
		if err := s.unit(&s.units[k], fillers, rows, u, p, take); err != nil {
			s.mu.Lock()
			if s.err == nil || k < s.failed {
				s.err, s.failed = err, k
			}
			s.mu.Unlock()
		}
	}
}

// unit reads the rows of one unit.
func (s *scan) unit(unit *unit, fillers []*dataset.Filler, rows int, u *unpacker, p *dataset.Problems, take func(dataset.Batch) error) error {
	cursors := make([]*cursor, len(s.columns)) // nil = no row has a value
	for i := range s.columns {
		c := &s.columns[i]
		if c.empty(unit.group) {
			continue
		}
		at, err := s.cursor(c, unit.group, u)
		if err == nil {
			err = at.skip(unit.from)
		}
		if err != nil {
			return err
		}
		cursors[i] = at
	}
	frame := &dataset.Frame{Columns: make([]dataset.Column, len(s.columns))}
	for done := 0; done < int(unit.rows); {
		n := min(rows, int(unit.rows)-done)
		for i, f := range fillers {
			if cursors[i] == nil {
				f.None(n)
			} else if err := cursors[i].fill(f, n); err != nil {
				return err
			}
			frame.Columns[i] = f.Batch()
			p.Merge(f, unit.first+done)
		}
		if err := take(dataset.Batch{Frame: frame, First: unit.first + done}); err != nil {
			return err
		}
		for _, f := range fillers {
			f.Clear()
		}
		done += n
	}
	return nil
}
