package stattest

import (
	"math"
	"math/rand/v2"
)

// TotalVariation is Evidently's "TVD": half the sum of |ref/n - cur/m|, in [0, 1], and the share of permutations of the rows between both
// samples whose distance is at least as great. It draws `permutations` of them (Evidently: 1000) from seed; as only the counts matter, the
// counts are drawn, not the rows. Undefined: an empty sample, no permutations.
func TotalVariation(ref, cur []int, permutations int, seed uint64) (distance, p float64, err error) {
	n, m := sum(ref), sum(cur)
	err = atLeastEach("total variation test", 1, n, m)
	if err == nil && permutations < 1 {
		err = &Undefined{"total variation test", "at least one permutation is needed"}
	}
	if err != nil {
		return math.NaN(), math.NaN(), err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	drawn, rest := make([]int, len(ref)), make([]int, len(ref))
	observed, reached := crossed(ref, cur, n, m), 0
	for range permutations {
		left, take := n+m, n
		for i := range ref {
			level := ref[i] + cur[i]
			drawn[i] = hypergeometric{n: take, m: left - take, hits: level}.draw(random)
			rest[i], left, take = level-drawn[i], left-level, take-drawn[i]
		}
		if crossed(drawn, rest, n, m) >= observed {
			reached++
		}
	}
	return observed / (2 * float64(n) * float64(m)), float64(reached) / float64(permutations), nil
}

// crossed is the sum of |m ref - n cur|: whole numbers, so that equal distances are equal.
func crossed(ref, cur []int, n, m int) float64 {
	total := 0.0
	for i := range ref {
		total += math.Abs(float64(m)*float64(ref[i]) - float64(n)*float64(cur[i]))
	}
	return total
}

// fewHits is up to how many hits drawing one after the other is quicker than computing the mode's chance.
const fewHits = 24

// draw is a random value. Few hits are drawn one by one; of many, a uniform number is spent on the chances from the mode outward, the
// likelier neighbour first.
func (h hypergeometric) draw(random *rand.Rand) int {
	least, most := h.bounds()
	switch {
	case least == most:
		return least
	case h.hits <= fewHits:
		return h.drawEach(random)
	}
	low := h.mode()
	high := low
	atLow := math.Exp(h.log(low))
	atHigh := atLow
	for left := random.Float64() - atLow; left > 0; {
		var below, above float64
		if low > least {
			below = atLow / h.up(low-1)
		}
		if high < most {
			above = atHigh * h.up(high)
		}
		switch {
		case below == 0 && above == 0: // what is left is rounding
			return h.mode()
		case below >= above:
			low, atLow, left = low-1, below, left-below
			if left <= 0 {
				return low
			}
		default:
			high, atHigh, left = high+1, above, left-above
			if left <= 0 {
				return high
			}
		}
	}
	return low
}

// drawEach puts each hit into a random place of those that are left.
func (h hypergeometric) drawEach(random *rand.Rand) (drawn int) {
	for i := range h.hits {
		if random.Float64()*float64(h.n+h.m-i) < float64(h.n-drawn) {
			drawn++
		}
	}
	return drawn
}
