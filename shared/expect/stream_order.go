package expect

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
)

// order finds values of a column by their rank, exactly, without the column being held: a sample of the rows says between which bounds a
// rank lies, and another reading counts what is below these and keeps what is within. Whole numbers of a narrow span are counted by place.
type order struct {
	asking  bool
	asked   []int
	ranges  []bracket
	places  []int // how often low, low+1, .. come; nil = ranges are kept
	low     float64
	bins    []*binning
	settled bool
	missed  bool // a rank was asked for that lies in no range
}

// bracket is a closed interval of values.
type bracket struct {
	low, high float64
	before    int // values between the bracket before and this one; once joined, all below
	kept      []float64
}

// A sample of n rows has n^(2/3) of them within these limits, and at most twice as many: a greater one narrows the ranges that are kept afterwards,
// by n/sqrt(size), less than it takes itself.
const (
	leastSample = 1 << 12
	mostSample  = 1 << 16
)

// sampleSize is the least that a sample of so many rows has.
func sampleSize(rows int) int {
	return min(max(int(math.Pow(float64(rows), 2.0/3)), leastSample), mostSample)
}

// sample is a choice of rows that depends on nothing but their numbers, so that parts of it make one.
type sample struct {
	columns []int // of the frame
	rows    int
	limit   uint64
	hashes  []uint64
	values  [][]float64 // by column, as many as hashes
}

func newSample(columns []int) *sample {
	return &sample{columns: columns, limit: math.MaxUint64, values: make([][]float64, len(columns))}
}

// add takes the rows of a batch, nil = all.
func (s *sample) add(b dataset.Batch, rows []int) {
	if len(s.columns) == 0 {
		return
	}
	n := len(rows)
	if rows == nil {
		n = b.Frame.Rows()
	}
	s.rows += n
	for i := range n {
		if rows != nil {
			i = rows[i]
		}
		h := mix(uint64(b.First + i))
		if h > s.limit {
			continue
		}
		s.hashes = append(s.hashes, h)
		for j, column := range s.columns {
			s.values[j] = append(s.values[j], b.Frame.Columns[column].Float[i])
		}
	}
	for len(s.hashes) > 2*sampleSize(s.rows) {
		s.cut(s.limit / 2)
	}
}

// cut leaves the rows whose hash is at most limit.
func (s *sample) cut(limit uint64) {
	s.limit = min(s.limit, limit)
	n := 0
	for i, h := range s.hashes {
		if h > s.limit {
			continue
		}
		s.hashes[n] = h
		for j := range s.values {
			s.values[j][n] = s.values[j][i]
		}
		n++
	}
	s.hashes = s.hashes[:n]
	for j := range s.values {
		s.values[j] = s.values[j][:n]
	}
}

func (s *sample) merge(b *sample) {
	s.rows += b.rows
	s.cut(b.limit)
	b.cut(s.limit)
	s.hashes = append(s.hashes, b.hashes...)
	for j := range s.values {
		s.values[j] = append(s.values[j], b.values[j]...)
	}
}

// mix spreads row numbers evenly (the finaliser of SplitMix64, https://prng.di.unimi.it/splitmix64.c).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// bracket chooses the ranges of the ranks asked for, by a sample of a column with n values. A rank lies outside with a probability
// of 1 in 16,000, and is then told as missed.
func (o *order) bracket(values []float64, w *survey) {
	o.asking = false
	if len(o.asked) == 0 || w.present == 0 {
		return
	}
	if o.low = w.low; !w.fractional && w.high-w.low < 1<<16 {
		o.places = make([]int, int(w.high-w.low)+1)
		return
	}
	values = slices.DeleteFunc(values, math.IsNaN)
	slices.Sort(values)
	for _, rank := range o.asked {
		q := (float64(rank) + 0.5) / float64(w.present)
		m := float64(len(values))
		off := 4*math.Sqrt(m*q*(1-q)) + 4
		b := bracket{low: math.Inf(-1), high: math.Inf(1)}
		if at := int(math.Floor(q*m - off)); at >= 0 && at < len(values) {
			b.low = values[at]
		}
		if at := int(math.Ceil(q*m + off)); at >= 0 && at < len(values) {
			b.high = values[at]
		}
		o.ranges = append(o.ranges, b)
	}
	slices.SortFunc(o.ranges, func(a, b bracket) int { return cmp.Compare(a.low, b.low) })
	n := 0
	for _, b := range o.ranges[1:] {
		if last := &o.ranges[n]; b.low <= last.high {
			last.high = max(last.high, b.high)
			continue
		}
		n++
		o.ranges[n] = b
	}
	o.ranges = append(o.ranges[:n+1], bracket{low: math.Inf(1), high: math.Inf(1)}) // the last takes what is above all
}

// pending reports whether ranks were asked for that no reading looked for yet.
func (o *order) pending() bool {
	return !o.settled && (o.places != nil || o.ranges != nil || o.bins != nil)
}

// empty is a copy for another reader.
func (o *order) empty() *order {
	e := &order{low: o.low, ranges: slices.Clone(o.ranges)}
	if o.places != nil {
		e.places = make([]int, len(o.places))
	}
	for _, b := range o.bins {
		e.bins = append(e.bins, newBinning(b.edges))
	}
	return e
}

func (o *order) add(values []float64) {
	for _, b := range o.bins {
		for _, v := range values {
			if v == v {
				b.add(v, 1)
			}
		}
	}
	if o.places != nil {
		for _, v := range values {
			if v == v {
				o.places[int(v-o.low)]++
			}
		}
		return
	}
	for _, v := range values {
		if v != v || o.ranges == nil {
			continue
		}
		i := 0
		for v > o.ranges[i].high {
			i++
		}
		if b := &o.ranges[i]; v < b.low {
			b.before++
		} else {
			b.kept = append(b.kept, v)
		}
	}
}

func (o *order) merge(b *order) {
	for i, n := range b.places {
		o.places[i] += n
	}
	for i := range b.bins {
		o.bins[i].merge(b.bins[i])
	}
	for i := range b.ranges {
		o.ranges[i].before += b.ranges[i].before
		o.ranges[i].kept = append(o.ranges[i].kept, b.ranges[i].kept...)
		b.ranges[i].kept = nil
	}
}

// settle sorts, and counts what lies below each range.
func (o *order) settle() {
	o.settled = true
	below := 0
	for i := range o.ranges {
		b := &o.ranges[i]
		slices.Sort(b.kept)
		b.before += below
		below = b.before + len(b.kept)
	}
}

// at is the value of a rank, from 0.
func (o *order) at(rank int) float64 {
	if o.asking {
		o.asked = append(o.asked, rank)
		return 0
	}
	for i, n := range o.places {
		if rank -= n; rank < 0 {
			return o.low + float64(i)
		}
	}
	for _, b := range o.ranges {
		if b.before <= rank && rank < b.before+len(b.kept) {
			return b.kept[rank-b.before]
		}
	}
	o.missed = true
	return math.NaN()
}
