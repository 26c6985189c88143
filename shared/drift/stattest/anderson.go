package stattest

import "math"

// The table of Scholz and Stephens for two samples: the critical values b0 + b1 + b2 of the standardised statistic at the levels, and the
// parabola through (critical value, ln level) by least squares, highest power first.
var (
	andersonCritical = [...]float64{0.325, 1.226, 1.961, 2.718, 3.752, 4.592, 6.546}
	andersonLevel    = [...]float64{0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001}
	andersonParabola = parabola(andersonCritical[:], andersonLevel[:])
)

// AndersonDarling is the k-sample Anderson-Darling test for two samples, with midranks: SciPy's anderson_ksamp. The statistic is
// standardised; p is interpolated between tabled levels, and never below 0.001 or above 0.25. Undefined: an empty sample, one
// distinct value only, two values in all; of three, NaN and NaN. Scholz and Stephens, Journal of the American Statistical Association 82 (1987).
func AndersonDarling(a, b []float64) (a2, p float64, err error) {
	const test = "Anderson-Darling test"
	err = atLeastEach(test, 1, len(a), len(b))
	switch total := len(a) + len(b); {
	case err != nil:
	case kth(a, b, 0) == kth(a, b, total-1):
		err = &Undefined{test, "all values are equal: more than one distinct value is needed"}
	case total < 3:
		err = &Undefined{test, "the statistic of two values has no variance"}
	}
	if err != nil {
		return math.NaN(), math.NaN(), err
	}
	a2 = (midrankAnderson(a, b) - 1) / math.Sqrt(andersonVariance(len(a), len(b)))
	last := len(andersonLevel) - 1
	switch {
	case a2 < andersonCritical[0]:
		p = andersonLevel[0]
	case a2 > andersonCritical[last]:
		p = andersonLevel[last]
	default:
		c := andersonParabola
		p = math.Exp((c[0]*a2+c[1])*a2 + c[2])
	}
	return a2, p, nil
}

// midrankAnderson is equation 7 of Scholz and Stephens.
func midrankAnderson(a, b []float64) float64 {
	n, m := float64(len(a)), float64(len(b))
	total := n + m
	var ofA, ofB float64
	i, j := 0, 0
	for w := (pooled{a: a, b: b}); w.next(); i, j = w.i, w.j {
		fa, fb := float64(w.i-i), float64(w.j-j)
		l := fa + fb
		rank := float64(i+j) + l/2
		weight := l / total / (float64(rank*(total-rank)) - float64(total*l)/4)
		da := float64(total*(float64(w.i)-fa/2)) - float64(rank*n)
		db := float64(total*(float64(w.j)-fb/2)) - float64(rank*m)
		ofA, ofB = ofA+float64(weight*float64(da*da)), ofB+float64(weight*float64(db*db))
	}
	return (ofA/n + ofB/m) * (total - 1) / total
}

// andersonVariance is the variance of the statistic of two samples where nothing changed: equation 4.
func andersonVariance(n, m int) float64 {
	total := float64(n + m)
	var h, g float64 // h = sum of 1/i, g = sum over i < j of 1/((N - i) j)
	for i := 1; i < n+m-1; i++ {
		h += 1 / (total - float64(i))
		g += h / float64(i+1)
	}
	h++
	inverse := 1/float64(n) + 1/float64(m)
	a := 4*g - 6 + (10-6*g)*inverse
	b := 4*(2*g-4) + 16*h + (2*g-14*h-4)*inverse - 8*h + 4*g - 6
	c := 4*(6*h+2*g-2) + 2*(4*h-4*g+6) + (2*h-6)*inverse + 4*h
	d := 4*(2*h+6) - 8*h
	return (((a*total+b)*total+c)*total + d) / ((total - 1) * (total - 2) * (total - 3))
}

// parabola is the least-squares fit of ln y = c0 x^2 + c1 x + c2, by the normal equations about the mean of x.
func parabola(x, y []float64) (c [3]float64) {
	n, mean := float64(len(x)), total(x)/float64(len(x))
	var s2, s3, s4, t0, t1, t2 float64
	for i := range x {
		d, l := x[i]-mean, math.Log(y[i])
		s2, s3, s4 = s2+d*d, s3+d*d*d, s4+d*d*d*d
		t0, t1, t2 = t0+l, t1+d*l, t2+d*d*l
	}
	// c0 and c1 of the centred parabola from two equations, once its constant is eliminated
	a, b, e := s4-s2*s2/n, s3, t2-s2*t0/n
	c0 := (e*s2 - b*t1) / (a*s2 - b*b)
	c1 := (t1 - b*c0) / s2
	c2 := (t0 - s2*c0) / n
	return [3]float64{c0, c1 - 2*c0*mean, c2 - c1*mean + c0*mean*mean}
}
