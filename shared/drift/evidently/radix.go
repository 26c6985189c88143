package evidently

import (
	"math"
	"slices"
)

const (
	digitBits = 11
	digits    = (64 + digitBits - 1) / digitBits
	radix     = 1 << digitBits
	fewValues = 512 // below it comparing is faster
)

// sorter sorts numbers by radix, least significant digit first, in time linear in their count. It keeps its room for the next call.
type sorter struct {
	room   []float64
	sides  [2][]float64 // what joined gave last
	counts [digits][radix]int
}

// joined are the values of a column, sorted, in room that the next call for the same side takes over. The column lets go of them.
func (s *sorter) joined(side int, c *Column) []float64 {
	x := s.sides[side][:0]
	if n := c.numbersPresent(); cap(x) < n {
		x = make([]float64, 0, n)
	}
	for _, piece := range c.Values {
		x = append(x, piece...)
	}
	c.Values, s.sides[side] = nil, x
	s.sort(x)
	return x
}

// sort puts x, which holds no NaN, into ascending order; -0 comes before 0.
func (s *sorter) sort(x []float64) {
	if len(x) < fewValues {
		slices.Sort(x)
		return
	}
	if cap(s.room) < len(x) {
		s.room = make([]float64, len(x))
	}
	s.counts = [digits][radix]int{}
	for _, v := range x {
		k := key(v)
		for d := range digits {
			s.counts[d][k>>(d*digitBits)%radix]++
		}
	}
	from, to := x, s.room[:len(x)]
	for d := range digits {
		starts := &s.counts[d]
		if starts[key(x[0])>>(d*digitBits)%radix] == len(x) {
			continue // every value has this digit
		}
		at := 0
		for i, n := range starts {
			starts[i], at = at, at+n
		}
		for _, v := range from {
			i := key(v) >> (d * digitBits) % radix
			to[starts[i]] = v
			starts[i]++
		}
		from, to = to, from
	}
	if &from[0] != &x[0] {
		copy(x, from)
	}
}

// key orders like v as an unsigned number: the sign bit flipped, of negative numbers every bit.
func key(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}
