package expect

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// shards keep the readers of a census from waiting for each other.
const shards = 32

// tallies are how often identities come, by shard.
type tallies [shards]struct {
	sync.Mutex
	of map[identity]uint32
}

func newTallies() *tallies {
	t := &tallies{}
	for i := range t {
		t[i].of = map[identity]uint32{}
	}
	return t
}

func (t *tallies) add(k identity) {
	shard := &t[k[0]%shards]
	shard.Lock()
	shard.of[k]++
	shard.Unlock()
}

func (t *tallies) of(k identity) uint32 { return t[k[0]%shards].of[k] }

// settle leaves the identities that come more than once, and tells how many there were and how many rows those have that are left.
func (t *tallies) settle() (distinct, repeats int) {
	for i := range t {
		distinct += len(t[i].of)
		for k, n := range t[i].of {
			if n == 1 {
				delete(t[i].of, k)
			} else {
				repeats += int(n)
			}
		}
	}
	return distinct, repeats
}

// repeated are identities that come more than once: all of them, or where they are too many those of witnesses.
type repeated struct {
	of   map[identity]bool
	many bool
}

// take adds what was counted.
func (r *repeated) take(t *tallies, witnesses []witness, most int) {
	for i := range t {
		for k := range t[i].of {
			if !r.many {
				r.of[k] = true
			}
		}
		if len(r.of) > most && !r.many {
			r.many = true
			before := r.of
			r.of = map[identity]bool{}
			for _, w := range witnesses {
				if before[w.k] {
					r.of[w.k] = true
				}
			}
		}
	}
	for _, w := range witnesses {
		if t.of(w.k) > 1 {
			r.of[w.k] = true
		}
	}
}

// rows is how many witnesses are known to be repeated.
func (r *repeated) rows(witnesses []witness) (n int) {
	for _, w := range witnesses {
		if r.of[w.k] {
			n++
		}
	}
	return n
}

// witness is a row that shares its slot of the sieve.
type witness struct {
	row int
	k   identity
}

// witnesses are the first such rows. Readers add at the same time.
type witnesses struct {
	sync.Mutex
	bound atomic.Int64 // 1 + the row from which on none is needed; 0 = all are
	list  []witness
}

func (w *witnesses) add(row int, k identity, most int) {
	if bound := w.bound.Load(); bound > 0 && int64(row) >= bound-1 {
		return
	}
	w.Lock()
	defer w.Unlock()
	if w.list = append(w.list, witness{row, k}); len(w.list) == 2*most {
		w.cut(most)
		w.bound.Store(int64(w.list[most-1].row) + 2)
	}
}

// cut leaves the first most.
func (w *witnesses) cut(most int) {
	slices.SortFunc(w.list, func(a, b witness) int { return cmp.Compare(a.row, b.row) })
	w.list = w.list[:min(len(w.list), most)]
}
