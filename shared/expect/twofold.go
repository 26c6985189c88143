package expect

import "math"

// twofold is a number of about 106 bits, the unevaluated sum of two float64 (T. J. Dekker, A floating-point technique for extending the
// available precision, 1971). Sums of it do not depend on the order of what is added, to all digits of a float64.
type twofold struct{ high, low float64 }

// add adds v (Knuth's sum without error).
func (t *twofold) add(v float64) {
	s := t.high + v
	b := s - t.high
	t.low += (t.high - (s - b)) + (v - b)
	t.high = s
}

// addSquare adds v*v without rounding it.
func (t *twofold) addSquare(v float64) {
	p := v * v
	t.add(p)
	t.low += math.FMA(v, v, -p)
}

func (t *twofold) merge(b twofold) {
	t.add(b.high)
	t.low += b.low
}

func (t twofold) value() float64 {
	if v := t.high + t.low; !math.IsNaN(v) {
		return v
	}
	return t.high // infinite
}

func (t twofold) minus(b twofold) twofold {
	t.add(-b.high)
	t.low -= b.low
	return t
}

// normal moves what fits from the low part into the high one.
func (t twofold) normal() twofold {
	s := t.high + t.low
	return twofold{s, t.low - (s - t.high)}
}

func (t twofold) squared() twofold {
	t = t.normal()
	p := t.high * t.high
	return twofold{p, math.FMA(t.high, t.high, -p) + 2*t.high*t.low}
}

func (t twofold) over(n float64) twofold {
	t = t.normal()
	q := t.high / n
	return twofold{q, (math.FMA(-q, n, t.high) + t.low) / n}
}
