package stattest

import "math"

// Wasserstein is the first Wasserstein distance, in the units of the values: the integral of |F_a - F_b|. Undefined: an empty sample.
func Wasserstein(a, b []float64) (float64, error) {
	if err := atLeastEach("Wasserstein distance", 1, len(a), len(b)); err != nil {
		return math.NaN(), err
	}
	distance := 0.0
	between(a, b, func(difference, width float64) { distance += float64(math.Abs(difference) * width) })
	return distance, nil
}

// leastSD is the standard deviation that WassersteinNormed divides by at least.
const leastSD = 0.001

// WassersteinNormed is Evidently's "wasserstein": the distance divided by the standard deviation of the reference a (of n, not n - 1), by 0.001
// where that is less. Undefined: an empty sample.
func WassersteinNormed(a, b []float64) (float64, error) {
	distance, err := Wasserstein(a, b)
	if err != nil {
		return distance, err
	}
	_, squares := moments(a)
	return distance / math.Max(math.Sqrt(squares/float64(len(a))), leastSD), nil
}

// Energy is the energy distance, in the root of the units of the values: sqrt(2 integral of (F_a - F_b)^2). Undefined: an empty sample.
// Szekely, Technical Report 02-16, Bowling Green State University (2002).
func Energy(a, b []float64) (float64, error) {
	if err := atLeastEach("energy distance", 1, len(a), len(b)); err != nil {
		return math.NaN(), err
	}
	integral := 0.0
	between(a, b, func(difference, width float64) { integral += float64(float64(difference*difference) * width) })
	return math.Sqrt(2 * integral), nil
}

// between calls f with F_a - F_b and the width of each gap between neighbouring distinct values.
func between(a, b []float64, f func(difference, width float64)) {
	n, m := float64(len(a)), float64(len(b))
	p := pooled{a: a, b: b}
	p.next()
	for last := p; p.next(); last = p {
		f(float64(last.i)/n-float64(last.j)/m, p.value-last.value)
	}
}
