package tree

import (
	"math"
	"sync"
)

// fixed is how gradients become whole numbers (Y. Shi et al., "Quantized training of gradient boosting decision trees", 2022, but with as
// many bits as the sums leave room for, which is thousands of steps and not a handful). Pair (g, h) is g*toG in the upper and h*toH in the
// lower half of an int64, so that one addition sums both; sums of whole numbers are exact in any order, on any number of threads.
// The scales are powers of two: what is dequantised is exact.
type fixed struct{ toG, toH, fromG, fromH float64 }

// sumBits bound the sums of a histogram: |sum of g| < 2^31, sum of h < 2^32.
const sumBits = 31

// scaleOf is the greatest power of two by which values of which n have the sum of magnitudes total may be multiplied and rounded either
// way without their sum's leaving 31 bits.
func scaleOf(total float64, n int) float64 {
	room := float64(1<<sumBits) - 1 - float64(n)
	if !(total > 0) || math.IsInf(total, 0) {
		return 1
	}
	_, e := math.Frexp(room / total)
	return math.Ldexp(1, min(max(e-1, -900), 900))
}

// sum is the pair that a packed sum stands for.
func (f *fixed) sum(packed int64) cell {
	return cell{float64(packed>>32) * f.fromG, float64(packed&math.MaxUint32) * f.fromH}
}

// totalBlock is how many rows are summed at a time for the scales, so that rounding does not depend on the number of threads.
const totalBlock = 1 << 13

// quantise writes the packed pair of every row of the tree and returns their sum. A row's value is rounded up with a probability of its
// fraction, by a hash of its number and the tree's, so that rounding errors are neither of one sign nor the same in every tree.
func (t *Grower) quantise(rows []int32) (total int64) {
	sums := t.magnitudes(rows)
	t.toG, t.toH = scaleOf(sums.g, len(rows)), scaleOf(sums.h, len(rows))
	t.fromG, t.fromH = 1/t.toG, 1/t.toH
	t.trees++
	salt := t.trees << 32
	var mu sync.Mutex
	Parallel(len(rows), t.threads, 4*len(rows), func(from, to int) {
		part := int64(0)
		for _, r := range rows[from:to] {
			s := &t.Sums[r]
			z := (salt + uint64(r)) * 0x9e3779b97f4a7c15
			z = (z ^ z>>32) * 0xd6e8feb86659fd93
			v := round(float64(float64(s[0])*t.toG), z>>40)<<32 + round(float64(float64(s[1])*t.toH), z>>8&0xffffff)
			t.packed[r] = v
			part += v
		}
		mu.Lock()
		total += part
		mu.Unlock()
	})
	return total
}

// round rounds x, |x| < 2^31, down, or up where its fraction and dice, 24 random bits, make one.
func round(x float64, dice uint64) int64 {
	const lift = 1 << 31 // conversion cuts towards zero
	return int64(x+float64(float64(dice)*0x1p-24)+lift) - lift
}

// magnitudes are the sums of |g| and h.
func (t *Grower) magnitudes(rows []int32) cell {
	parts := make([]cell, (len(rows)+totalBlock-1)/totalBlock)
	Parallel(len(parts), t.threads, 2*len(rows), func(from, to int) {
		for b := from; b < to; b++ {
			var g, h float64
			for _, r := range rows[b*totalBlock : min((b+1)*totalBlock, len(rows))] {
				g += math.Abs(float64(t.Sums[r][0]))
				h += float64(t.Sums[r][1])
			}
			parts[b] = cell{g, h}
		}
	})
	var total cell
	for _, p := range parts {
		total.g += p.g
		total.h += p.h
	}
	return total
}
