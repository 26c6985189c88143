package expect

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"

	"mlops/shared/dataset"
)

// phase is what the next reading does for a census.
type phase uint8

const (
	waiting  phase = iota
	sieving        // every row into the sieve: which are alone in their slot come once
	counting       // of the other rows, a part: how often each identity comes
	telling        // rows that do not come once
	finished
)

// census finds out, exactly and in bounded memory, which of many rows come once and how many distinct ones there are, in as many readings
// of the table as that takes: one to sieve, one for every room.keys distinct rows that shared a slot of the sieve, as equal ones do, and
// one to tell the first that are not alone. To tell all of them is one more for every part. Numbers on a grid are sieved without any two sharing a
// slot, which leaves nothing to count.
type census struct {
	id     string
	names  []string // columns
	ignore string   // which rows are passed over: as ignore_row_if of several columns
	of     *check   // whose row_condition it is
	jobs   []*job
	hasher hasher
	phase  phase
	sieve  *sieve
	grid   *grid        // nil = slots are shared
	stray  atomic.Bool  // a number lay beside the grid: all is done again without
	rows   atomic.Int64 // considered
	err    atomic.Pointer[error]

	room        room
	most        int // identities to count at once
	parts, part int // into how many parts they fall, and the present one
	counts      *tallies
	repeats     int // rows that do not come once, as far as counted
	distinct    int // as far as counted
	every       bool
	repeated    repeated
	witnesses   witnesses
}

// census is the one that answers a job; jobs that ask the same share it.
func (t *stream) census(j *job) *census {
	c := &census{names: []string{textOf(j.check.values["column"])}, ignore: "any_value_is_missing", of: j.check, hasher: t.hasher, room: t.room}
	if j.record.name == compoundName {
		c.names, _ = j.check.texts("column_list")
		c.ignore = j.check.choice("ignore_row_if", "all_values_are_missing", "any_value_is_missing", "never")
	}
	c.id = fmt.Sprintf("%q %s %s", c.names, c.ignore, conditionOf(&j.check.kwargs))
	i := slices.IndexFunc(t.censuses, func(o *census) bool { return o.id == c.id && o.phase == waiting && !o.stray.Load() })
	if i < 0 {
		i, t.censuses = len(t.censuses), append(t.censuses, c)
	}
	c = t.censuses[i]
	c.jobs = append(c.jobs, j)
	return c
}

// prepareCensuses begins as many as there is room for when none is under way.
func (t *stream) prepareCensuses() (active []*census) {
	room := t.room.slots * 3 / 2
	for _, c := range t.censuses {
		if c.phase != waiting && c.phase != finished {
			active = append(active, c)
		}
	}
	if active != nil {
		return active
	}
	hashed := 0
	for _, c := range t.censuses {
		if c.phase != waiting {
			continue
		}
		grid, slots := t.grid(c), min(t.room.slots, 1<<bits.Len(uint(8*t.heading.Rows)))
		taken := slots * 3 / 2 // what is counted takes at least half as much again
		if grid != nil {
			slots, taken = grid.slots, grid.slots
		}
		if taken > room {
			continue
		}
		room -= taken
		c.phase, c.sieve, c.grid = sieving, newSieve(slots), grid
		if active = append(active, c); grid == nil {
			hashed++
		}
	}
	for _, c := range active {
		c.most = max(1, t.room.keys/max(1, hashed))
	}
	return active
}

// grid is that of a census of numbers, if they fit one.
func (t *stream) grid(c *census) *grid {
	i := slices.Index(t.heading.Names, c.names[0])
	if len(c.names) > 1 || i < 0 || t.surveys[i].kind != dataset.Numeric || c.stray.Load() {
		return nil
	}
	return newGrid(t.surveys[i].low, t.surveys[i].high, t.room.slots*3/2)
}

// identity is that of a row: on a grid it leads to the place there.
func (c *census) identity(cells []*series, i int, buf []byte) (identity, []byte) {
	if c.grid == nil {
		return c.hasher.identity(cells, i, buf)
	}
	at, ok := c.grid.place(cells[0].number(i))
	if !ok && !c.stray.Load() {
		c.stray.Store(true)
	}
	return identity{at << c.sieve.shift}, buf
}

// add takes the rows of a batch.
func (c *census) add(v *validator, first int) {
	if c.phase == telling {
		return
	}
	t := v.whole
	rows, err := v.choose(&c.of.kwargs)
	t.rows = rows
	var cells []*series
	for _, name := range c.names {
		s, missing := t.series(name)
		if err == nil {
			err = missing
		}
		cells = append(cells, s)
	}
	if err != nil {
		c.err.Store(&err)
		return
	}
	skip := skipping(c.ignore, cells)
	n, buf := 0, []byte(nil)
	for i := range t.height() {
		if skip(i) {
			continue
		}
		n++
		var k identity
		if k, buf = c.identity(cells, i, buf); c.phase == sieving {
			c.sieve.add(k)
			continue
		}
		if c.sieve.alone(k) {
			continue
		}
		if c.part == 0 {
			c.witnesses.add(first+t.row(i), k, c.room.witnesses)
		}
		if c.mine(k) {
			c.counts.add(k)
		}
	}
	if c.phase == sieving {
		c.rows.Add(int64(n))
	}
}

// mine reports whether an identity is of the present part.
func (c *census) mine(k identity) bool {
	return int((k[0]&math.MaxUint32)*uint64(c.parts)>>32) == c.part
}

// expected are the rows that come once, as far as it is known.
func (c *census) expected(cells []*series) func(int) bool {
	var buf []byte
	return func(i int) bool {
		if c.phase != telling {
			return true
		}
		var k identity
		if k, buf = c.identity(cells, i, buf); c.every {
			return c.sieve.alone(k) || c.grid == nil && (!c.mine(k) || c.counts.of(k) < 2)
		}
		return !c.repeated.of[k]
	}
}

// limit is how many rows are to be told.
func (c *census) limit() (most int) {
	for _, j := range c.jobs {
		if j.fold != nil {
			most = max(most, j.fold.limit)
		}
	}
	return most
}

// next goes on after a reading.
func (c *census) next() {
	switch c.phase {
	case sieving:
		if c.grid != nil {
			c.sifted()
			break
		}
		alone, distinct := c.sieve.found()
		shared := min(float64(int(c.rows.Load())-alone), 1.05*max(0, distinct-float64(alone))+8)
		c.parts = int(math.Ceil(shared / float64(c.most)))
		c.every = c.limit() > c.room.witnesses
		c.begin(alone)
	case counting:
		distinct, repeats := c.counts.settle()
		c.distinct, c.repeats = c.distinct+distinct, c.repeats+repeats
		c.witnesses.cut(c.room.witnesses)
		c.repeated.take(c.counts, c.witnesses.list, c.room.repeated)
		if c.every && repeats > 0 {
			c.phase = telling
			break
		}
		c.nextPart()
	case telling:
		if c.every && c.grid == nil {
			c.nextPart()
		} else {
			c.phase = finished
		}
	}
	if c.err.Load() != nil || c.phase == finished {
		c.phase, c.sieve, c.counts, c.repeated, c.witnesses.list = finished, nil, nil, repeated{}, nil
	}
}

// first reports whether the reading at its end was the first that told something.
func (c *census) first() bool { return c.phase == sieving && (c.grid == nil || !c.stray.Load()) }

// sifted ends the sieving on a grid, which told all but the rows.
func (c *census) sifted() {
	if c.stray.Load() {
		c.phase, c.sieve, c.grid = waiting, nil, nil
		c.rows.Store(0)
		return
	}
	alone, distinct := c.sieve.taken()
	c.distinct, c.repeats, c.every = distinct, int(c.rows.Load())-alone, true
	if c.phase = telling; c.limit() == 0 || c.repeats == 0 {
		c.phase = finished
	}
}

// begin begins to count, where alone rows are known to be.
func (c *census) begin(alone int) {
	c.distinct, c.repeats, c.part, c.repeated = alone, 0, -1, repeated{of: map[identity]bool{}}
	c.nextPart()
}

// nextPart begins the next part, or ends the counting.
func (c *census) nextPart() {
	if c.part++; c.part < c.parts {
		c.phase, c.counts = counting, newTallies()
		return
	}
	limit := min(c.limit(), c.repeats)
	switch {
	case c.every || limit == 0:
		c.phase = finished
	case !c.repeated.many || c.repeated.rows(c.witnesses.list) >= limit:
		c.phase, c.counts = telling, nil
	default: // the first rows are like no other, as it happens
		c.every = true
		alone, _ := c.sieve.found()
		c.begin(alone)
	}
}
