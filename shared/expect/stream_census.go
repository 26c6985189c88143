package expect

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// How much a census may hold at once, unless a test says less.
const (
	sieveSlots  = 1 << 27 // two bits each: 32 MB
	countedKeys = 1 << 20 // about 40 MB
)

// identity stands for the values of a row. Of one number it is the number itself; of anything else it is 128 bits of two seeded hashes, in
// which two rows of ten million that differ agree with a probability below 1e-24.
type identity [2]uint64

// hasher makes identities, the same in every reading of one stream.
type hasher struct{ first, second maphash.Seed }

func (h hasher) identity(cells []*series, i int, buf []byte) (identity, []byte) {
	if len(cells) == 1 && cells[0].numeric() {
		return identity{mix(math.Float64bits(cells[0].number(i) + 0))}, buf // -0 is 0
	}
	buf = buf[:0]
	for _, s := range cells {
		switch {
		case s.Missing(i):
			buf = append(buf, 'm')
		case s.numeric():
			buf = binary.BigEndian.AppendUint64(append(buf, 'n'), math.Float64bits(s.number(i)+0))
		default:
			text := s.Levels[s.Code[i]]
			buf = append(binary.AppendUvarint(append(buf, 't'), uint64(len(text))), text...)
		}
	}
	return identity{maphash.Bytes(h.first, buf), maphash.Bytes(h.second, buf)}, buf
}

// sieve remembers of every slot whether identities fell into it never, once or more often. Readers add at the same time.
type sieve struct {
	once, more []uint64
	shift      int
}

func newSieve(slots int) *sieve {
	slots = max(64, slots)
	return &sieve{once: make([]uint64, slots/64), more: make([]uint64, slots/64), shift: 64 - bits.Len(uint(slots-1))}
}

func (s *sieve) add(k identity) {
	at := k[0] >> s.shift
	bit := uint64(1) << (at & 63)
	if atomic.OrUint64(&s.once[at>>6], bit)&bit != 0 {
		atomic.OrUint64(&s.more[at>>6], bit)
	}
}

// alone reports whether no other row fell into the slot of k.
func (s *sieve) alone(k identity) bool {
	at := k[0] >> s.shift
	return s.more[at>>6]>>(at&63)&1 == 0
}

func (s *sieve) alones() (n int) {
	for i, word := range s.once {
		n += bits.OnesCount64(word &^ s.more[i])
	}
	return n
}

// shards keep readers of a census from waiting for each other.
const shards = 32

// tally of identities, by shard.
type counts [shards]struct {
	sync.Mutex
	of map[identity]uint32
}

// phase is what the next reading does for a census.
type phase uint8

const (
	waiting  phase = iota
	sieving        // every row into the sieve: which are alone in their slot come once
	counting       // of the other rows, a part: how often each identity comes
	telling        // rows of that part that do not come once
	finished
)

// census finds out, exactly and in bounded memory, which of many rows come once and how many distinct ones there are, in as many readings
// of the table as that takes: one to sieve, and two for every countedKeys rows that shared a slot of the sieve, as equal ones do.
type census struct {
	id      string
	names   []string // columns
	ignore  string   // which rows are passed over: as ignore_row_if of several columns
	of      *check   // whose row_condition it is
	jobs    []*job
	phase   phase
	sieve   *sieve
	counts  *counts
	rows    atomic.Int64 // considered
	parts   int
	part    int
	most    int // identities to count at once
	repeats int // rows that do not come once, as far as counted
	singles int // distinct rows
	err     atomic.Pointer[error]
	hasher  hasher
}

// census is the one that answers a job; jobs that ask the same share it.
func (t *stream) census(j *job) *census {
	c := &census{names: []string{textOf(j.check.values["column"])}, ignore: "any_value_is_missing", of: j.check, hasher: t.hasher}
	if j.record.name == compoundName {
		c.names, _ = j.check.texts("column_list")
		c.ignore = j.check.choice("ignore_row_if", "all_values_are_missing", "any_value_is_missing", "never")
	}
	c.id = fmt.Sprintf("%q %s %s", c.names, c.ignore, conditionOf(&j.check.kwargs))
	i := slices.IndexFunc(t.censuses, func(o *census) bool { return o.id == c.id && o.phase == waiting })
	if i < 0 {
		i, t.censuses = len(t.censuses), append(t.censuses, c)
	}
	c = t.censuses[i]
	c.jobs = append(c.jobs, j)
	return c
}

const compoundName = "expect_compound_columns_to_be_unique"

// prepareCensuses begins as many as there is room for when none is under way.
func (t *stream) prepareCensuses() (active []*census) {
	room := t.room.slots
	for _, c := range t.censuses {
		if c.phase != waiting && c.phase != finished {
			active = append(active, c)
		}
	}
	if active != nil {
		return active
	}
	for _, c := range t.censuses {
		slots := min(t.room.slots, 1<<bits.Len(uint(8*t.heading.Rows)))
		if c.phase == waiting && slots <= room {
			room -= slots
			c.phase, c.sieve = sieving, newSieve(slots)
			active = append(active, c)
		}
	}
	for _, c := range active {
		c.most = max(1, t.room.keys/len(active))
	}
	return active
}

// add takes the rows of a batch.
func (c *census) add(v *validator) {
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
		if k, buf = c.hasher.identity(cells, i, buf); c.phase == sieving {
			c.sieve.add(k)
		} else if c.mine(k) {
			shard := &c.counts[k[0]%shards]
			shard.Lock()
			shard.of[k]++
			shard.Unlock()
		}
	}
	if c.phase == sieving {
		c.rows.Add(int64(n))
	}
}

// mine reports whether a row is to be counted in the present part.
func (c *census) mine(k identity) bool {
	return !c.sieve.alone(k) && int(k[0]&math.MaxUint32*uint64(c.parts)>>32) == c.part
}

// expected are the rows that come once, as far as the present part knows.
func (c *census) expected(cells []*series) func(int) bool {
	var buf []byte
	return func(i int) bool {
		if c.phase != telling {
			return true
		}
		var k identity
		k, buf = c.hasher.identity(cells, i, buf)
		return !c.mine(k) || c.counts[k[0]%shards].of[k] == 0
	}
}

// next goes on after a reading.
func (c *census) next() {
	switch c.phase {
	case sieving:
		c.singles = c.sieve.alones()
		c.parts = (int(c.rows.Load()) - c.singles + c.most - 1) / c.most
		c.part = -1
		c.begin()
	case counting:
		repeated := 0
		for i := range c.counts {
			of := c.counts[i].of
			c.singles += len(of)
			for k, n := range of {
				if n == 1 {
					delete(of, k)
				} else {
					repeated += int(n)
				}
			}
		}
		c.repeats += repeated
		if c.phase = telling; repeated == 0 || !slices.ContainsFunc(c.jobs, func(j *job) bool { return j.fold != nil && j.fold.limit > 0 }) {
			c.begin()
		}
	case telling:
		c.begin()
	}
	if c.err.Load() != nil || c.phase == finished {
		c.phase, c.sieve, c.counts = finished, nil, nil
	}
}

// begin begins the next part, if there is one.
func (c *census) begin() {
	c.part++
	if c.phase = finished; c.part < c.parts {
		c.phase, c.counts = counting, &counts{}
		for i := range c.counts {
			c.counts[i].of = map[identity]uint32{}
		}
	}
}
