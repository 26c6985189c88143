package drift

import (
	"math"
	"math/big"
)

// sum adds finite float64s without any rounding until value is asked for, so that neither the order of the rows nor the way a window
// was cut into parts can change a mean in its last digit. It is a fixed-point number with one digit for each exponent a float64 can
// have; a digit keeps the significand's upper 27 and lower 26 bits apart, which leaves room for 2^36 additions. The idea is the small
// superaccumulator of R. M. Neal, Fast exact summation using small and large superaccumulators (2015), arXiv:1505.05571.
type sum struct {
	first    int        // exponent of digits[0], biased
	digits   [][2]int64 // of upper and lower halves
	overflow bool       // an infinity was added
}

// add adds x, which is not NaN.
func (s *sum) add(x float64) {
	b := math.Float64bits(x)
	exponent, m := int(b>>52&0x7ff), int64(b&(1<<52-1))
	switch exponent {
	case 0:
		exponent = 1 // subnormal: no hidden bit, the exponent of the smallest normal
	case 0x7ff:
		s.overflow = true
		return
	default:
		m |= 1 << 52
	}
	if b>>63 != 0 {
		m = -m
	}
	if i := exponent - s.first; i < 0 || i >= len(s.digits) {
		s.first, s.digits = reach(s.first, s.digits, exponent)
	}
	d := &s.digits[exponent-s.first]
	d[0] += m >> 26
	d[1] += m & (1<<26 - 1)
}

// merge adds what o has added.
func (s *sum) merge(o *sum) {
	s.overflow = s.overflow || o.overflow
	if len(o.digits) == 0 {
		return
	}
	s.first, s.digits = reach(s.first, s.digits, o.first)
	s.first, s.digits = reach(s.first, s.digits, o.first+len(o.digits)-1)
	for i, d := range o.digits {
		at := &s.digits[o.first+i-s.first]
		at[0] += d[0]
		at[1] += d[1]
	}
}

// value is the float64 nearest to the exact sum; +Inf after an overflow.
func (s *sum) value() float64 {
	if s.overflow {
		return math.Inf(1)
	}
	v, _ := s.exact().Float64()
	return v
}

// mean is the sum over n > 0, also where the sum itself is too great for a float64.
func (s *sum) mean(n int) float64 {
	v := s.value()
	if s.overflow || !math.IsInf(v, 0) {
		return v / float64(n)
	}
	exact := s.exact()
	v, _ = exact.Quo(exact, new(big.Float).SetInt64(int64(n))).Float64()
	return v
}

func (s *sum) exact() *big.Float {
	total, part := new(big.Int), new(big.Int)
	for i, d := range s.digits {
		part.SetInt64(d[0])
		part.Lsh(part, 26)
		part.Add(part, big.NewInt(d[1]))
		total.Add(total, part.Lsh(part, uint(i)))
	}
	f := new(big.Float).SetInt(total) // exact: its precision is that of the integer
	return f.SetMantExp(f, s.first-1075)
}

// reach grows v, whose first element stands for the index first, until it holds index k; by half as much again, so that growing stays
// rare.
func reach[T any](first int, v []T, k int) (int, []T) {
	switch spare := len(v) / 2; {
	case len(v) == 0:
		return k, make([]T, 1, 16)
	case k < first:
		spare = min(spare, k)
		grown := make([]T, first-k+spare+len(v))
		copy(grown[first-k+spare:], v)
		return k - spare, grown
	case k >= first+len(v):
		return first, append(v, make([]T, k-first-len(v)+1+spare)...)
	}
	return first, v
}
