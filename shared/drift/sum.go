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
	digits   [2048][2]int64 // by biased exponent: of upper and lower halves
	overflow bool           // an infinity was added
}

// add adds x, which is not NaN.
func (s *sum) add(x float64) {
	b := math.Float64bits(x)
	exponent, m := b>>52&0x7ff, int64(b&(1<<52-1))
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
	d := &s.digits[exponent]
	d[0] += m >> 26
	d[1] += m & (1<<26 - 1)
}

// merge adds what o has added.
func (s *sum) merge(o *sum) {
	for e := range s.digits {
		s.digits[e][0] += o.digits[e][0]
		s.digits[e][1] += o.digits[e][1]
	}
	s.overflow = s.overflow || o.overflow
}

// value is the float64 nearest to the exact sum; +Inf after an overflow.
func (s *sum) value() float64 {
	if s.overflow {
		return math.Inf(1)
	}
	total, part := new(big.Int), new(big.Int)
	for e, d := range s.digits {
		if d == [2]int64{} {
			continue
		}
		part.SetInt64(d[0])
		part.Lsh(part, 26)
		part.Add(part, big.NewInt(d[1]))
		total.Add(total, part.Lsh(part, uint(e)))
	}
	f := new(big.Float).SetInt(total) // exact: its precision is that of the integer
	v, _ := f.SetMantExp(f, -1075).Float64()
	return v
}
