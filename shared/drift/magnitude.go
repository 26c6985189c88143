package drift

import "math"

// bucketShift leaves the exponent and eight bits of the significand of a float64: buckets 0.2 to 0.4 % wide.
const bucketShift = 52 - 8

// magnitudes counts positive finite numbers in buckets of constant relative width. Counts of parts add up, and any quantile is found
// within the width of a bucket, wherever the numbers lie: what bins fixed by the reference cannot do when a unit changes. The idea is
// DDSketch's: Masson, Rim & Lee, VLDB 2019. Bits of positive floats ascend as the floats do, so a bucket's number is a shift away.
type magnitudes struct {
	first int // bucket of n[0]
	n     []int
	total int
}

func (m *magnitudes) add(x float64, count int) {
	k := int(math.Float64bits(x) >> bucketShift)
	if i := k - m.first; i < 0 || i >= len(m.n) {
		m.first, m.n = reach(m.first, m.n, k)
	}
	m.n[k-m.first] += count
	m.total += count
}

func (m *magnitudes) merge(o *magnitudes) {
	for i, n := range o.n {
		if n > 0 {
			m.add(lowerEnd(o.first+i), n)
		}
	}
}

// most is the lower end of the greatest bucket that holds something; 0 of nothing.
func (m *magnitudes) most() float64 {
	for i := len(m.n) - 1; i >= 0; i-- {
		if m.n[i] > 0 {
			return lowerEnd(m.first + i)
		}
	}
	return 0
}

func lowerEnd(bucket int) float64 { return math.Float64frombits(uint64(bucket) << bucketShift) }

// upTo is the number of values <= v > 0, of those in v's bucket the given part; NaN: as many as if they were spread evenly over it.
func (m *magnitudes) upTo(v, part float64) float64 {
	k := int(math.Float64bits(v)>>bucketShift) - m.first
	var n int
	for i := 0; i < min(k, len(m.n)); i++ {
		n += m.n[i]
	}
	if k < 0 || k >= len(m.n) {
		return float64(n)
	}
	if low, high := lowerEnd(k+m.first), lowerEnd(k+m.first+1); math.IsNaN(part) {
		part = (v - low) / (high - low)
	}
	return float64(n) + float64(part*float64(m.n[k]))
}

// sizes are finite numbers of either sign, by magnitude.
type sizes struct {
	negative, positive magnitudes
	zeros              int
}

func (s *sizes) add(x float64) {
	switch {
	case x > 0:
		s.positive.add(x, 1)
	case x < 0:
		s.negative.add(-x, 1)
	default:
		s.zeros++
	}
}

func (s *sizes) merge(o *sizes) {
	s.negative.merge(&o.negative)
	s.positive.merge(&o.positive)
	s.zeros += o.zeros
}

func (s *sizes) nonzero() int { return s.negative.total + s.positive.total }

// upTo is the number of values <= v, zeros left out. Values that come in atoms lie where v does if they share its bucket; others are
// spread over it.
func (s *sizes) upTo(v float64, atoms bool) float64 {
	none, all := math.NaN(), math.NaN()
	if atoms {
		none, all = 0, 1
	}
	n := float64(s.negative.total)
	switch {
	case v < 0:
		return n - s.negative.upTo(-v, none)
	case v > 0:
		return n + s.positive.upTo(v, all)
	}
	return n
}

// median is the lower median, rounded toward zero by at most 0.4 %; NaN of nothing.
func (s *sizes) median() float64 {
	total := s.nonzero() + s.zeros
	if total == 0 {
		return math.NaN()
	}
	rank := (total - 1) / 2 // values below it
	if rank < s.negative.total {
		for i := len(s.negative.n) - 1; i >= 0; i-- {
			if rank -= s.negative.n[i]; rank < 0 {
				return -lowerEnd(s.negative.first + i)
			}
		}
	}
	if rank -= s.negative.total + s.zeros; rank < 0 {
		return 0
	}
	for i, n := range s.positive.n {
		if rank -= n; rank < 0 {
			return lowerEnd(s.positive.first + i)
		}
	}
	return math.NaN()
}

// sd is the standard deviation of two values or more, by their magnitudes to within 0.4 %, also where squares are too great for a float64: all are scaled by a power of
// two, the greatest to about one. The greatest float64 stands for a greater one.
func (s *sizes) sd() float64 {
	_, scale := math.Frexp(max(s.negative.most(), s.positive.most()))
	n := float64(s.nonzero() + s.zeros)
	mean, square := 0.0, 0.0
	for sign, m := range map[float64]*magnitudes{-1: &s.negative, 1: &s.positive} {
		for i, k := range m.n {
			if k > 0 {
				v := sign * math.Ldexp(lowerEnd(m.first+i), -scale)
				mean += float64(v * float64(k))
				square += float64(v * v * float64(k))
			}
		}
	}
	mean /= n
	return min(math.MaxFloat64, math.Ldexp(math.Sqrt(max(0, square-float64(n*mean*mean))/(n-1)), scale))
}
