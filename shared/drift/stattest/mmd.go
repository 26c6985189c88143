package stattest

import (
	"math"
	"math/rand/v2"
	"sort"
)

// MMD is Evidently's "empirical_mmd": the squared maximum mean discrepancy with a Gaussian kernel,
//
//	MMD = sum K_aa / (n (n-1)) + sum K_bb / (m (m-1)) - 2 mean K_ab, K(x, y) = exp(-(x - y)^2 / (2 s^2)), s^2 half the median of (x - y)^2 over a,
//
// without the diagonal, and the share of permutations of the values between both samples whose discrepancy is at least as great. It draws
// `permutations` of them (Evidently: 100) from seed. Time and memory are linear in the number of values: see boxes. s^2 is 1/2
// where the median is 0. Undefined: fewer than two values of either, no permutations. Gretton et al., Journal of Machine Learning
// Research 13 (2012).
func MMD(a, b []float64, permutations int, seed uint64) (mmd, p float64, err error) {
	const test = "maximum mean discrepancy"
	err = atLeastEach(test, 2, len(a), len(b))
	if err == nil && permutations < 1 {
		err = &Undefined{test, "at least one permutation is needed"}
	}
	if err != nil {
		return math.NaN(), math.NaN(), err
	}
	sigma := medianDistance(a) * math.Sqrt(0.5)
	if sigma == 0 {
		sigma = math.Sqrt(0.5)
	}
	d := discrepancy{boxes: newBoxes(a, b, math.Max(sigma, 0x1p-1000)), n: len(a), m: len(b)}
	d.every = d.boxes.moments(func(int) bool { return true })
	d.total = d.boxes.form(d.every, d.every)
	mmd = d.of(func(i int) bool { return d.boxes.first[i] })
	random := rand.New(rand.NewPCG(seed, 0))
	reached := 0
	for range permutations {
		take, left := d.n, d.n+d.m
		pick := func(int) bool { // each value in turn, so that n are taken in the end
			taken := random.Float64()*float64(left) < float64(take)
			if left--; taken {
				take--
			}
			return taken
		}
		if d.of(pick) >= mmd-1e-11 { // equal but for rounding
			reached++
		}
	}
	return mmd, float64(reached) / float64(permutations), nil
}

// discrepancy computes MMD of any division of the values.
type discrepancy struct {
	boxes *boxes
	every []moment // of all values
	total float64  // sum of the kernel over all pairs
	n, m  int
}

// of is MMD where in says of each value whether it is in the first sample.
func (d *discrepancy) of(in func(i int) bool) float64 {
	n, m := float64(d.n), float64(d.m)
	first := d.boxes.moments(in)
	within, with := d.boxes.form(first, first), d.boxes.form(first, d.every)
	return (within-n)/(n*(n-1)) + (d.total-2*with+within-m)/(m*(m-1)) - 2*(with-within)/(n*m)
}

// medianDistance is the median of |x - y| over all pairs of x, each with itself, too; of an even number the one of even rank. The rank of a
// distance is counted in one pass; the distance is found bit by bit.
func medianDistance(x []float64) float64 {
	n := len(x)
	rank := n * n / 2 // pairs that lie below
	notAbove := func(half float64) int {
		i, pairs := 0, 0
		for j := range x {
			for x[j]/2-x[i]/2 > half {
				i++
			}
			pairs += j - i
		}
		return 2*pairs + n
	}
	greatest := math.Float64bits(x[n-1]/2 - x[0]/2)
	return 2 * math.Float64frombits(uint64(sort.Search(int(greatest), func(bits int) bool {
		return notAbove(math.Float64frombits(uint64(bits))) > rank
	})))
}
