package tree

import (
	"math"
	"slices"
)

// digits sorts numbers, reusing its memory.
type digits struct{ keys, spare []uint64 }

// sort puts numbers, none of them NaN, into ascending order. Many are sorted digit by digit, the least significant first, which costs as
// many passes as there are digits and no comparison.
func (d *digits) sort(v []float64) {
	const digit, few = 11, 1 << 12
	if len(v) < few {
		slices.Sort(v)
		return
	}
	d.keys, d.spare = slices.Grow(d.keys[:0], len(v)), slices.Grow(d.spare[:0], len(v))
	keys, spare := d.keys[:len(v)], d.spare[:len(v)]
	for i, x := range v {
		b := math.Float64bits(x)
		keys[i] = b ^ (uint64(int64(b)>>63) | 1<<63) // as whole numbers these are in the order of the floats
	}
	for shift := 0; shift < 64; shift += digit {
		var at [1 << digit]int
		for _, k := range keys {
			at[k>>shift&(1<<digit-1)]++
		}
		if at[keys[0]>>shift&(1<<digit-1)] == len(keys) {
			continue
		}
		sum := 0
		for d, n := range at {
			at[d] = sum
			sum += n
		}
		for _, k := range keys {
			d := k >> shift & (1<<digit - 1)
			spare[at[d]] = k
			at[d]++
		}
		keys, spare = spare, keys
	}
	for i, k := range keys {
		v[i] = math.Float64frombits(k ^ (uint64(int64(^k)>>63) | 1<<63))
	}
}
