package dataset

import "slices"

// chunks is a list that only grows. Unlike append it neither copies what it has nor leaves up to half of its room empty; join copies
// once, in the end, when the length is known.
type chunks[T any] struct {
	full  [][]T
	last  []T
	len   int // of the full ones together
	first int // room for the first chunk, if somebody knows
}

const leastChunk, greatestChunk = 512, 64 << 10

// reserve has room made for n values when the first comes. If no more come, join has nothing to copy.
func (c *chunks[T]) reserve(n int) { c.first = n }

func (c *chunks[T]) add(v T) {
	if len(c.last) == cap(c.last) {
		c.grow()
	}
	c.last = append(c.last, v)
}

func (c *chunks[T]) grow() {
	size := max(c.first, leastChunk)
	if len(c.last) > 0 {
		c.full = append(c.full, c.last)
		c.len += len(c.last)
		size = min(max(leastChunk, 2*len(c.last)), greatestChunk)
	}
	c.last = make([]T, 0, size)
}

// extend adds all of v.
func (c *chunks[T]) extend(v []T) {
	for len(v) > 0 {
		if len(c.last) == cap(c.last) {
			c.grow()
		}
		n := min(len(v), cap(c.last)-len(c.last))
		c.last = append(c.last, v[:n]...)
		v = v[n:]
	}
}

// clear takes the values out and keeps the room of the last chunk for others.
func (c *chunks[T]) clear() { c.full, c.last, c.len = nil, c.last[:0], 0 }

// all are the values, valid until the next clear; more than one chunk is joined for it.
func (c *chunks[T]) all() []T {
	if len(c.full) > 0 {
		c.full, c.last, c.len = nil, slices.Concat(append(c.full, c.last)...), 0
	}
	return c.last
}

// size is how many values there are.
func (c *chunks[T]) size() int { return c.len + len(c.last) }

// join gives all values in one slice and leaves none behind.
func (c *chunks[T]) join() []T {
	all := c.last
	if len(c.full) > 0 {
		all = slices.Concat(append(c.full, c.last)...)
	}
	*c = chunks[T]{}
	return all
}
