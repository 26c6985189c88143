package stattest

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// The characteristic functions are compared at two places, in real and imaginary part.
var eppsPlaces = [2]float64{0.4, 0.8}

const eppsParts = 2 * len(eppsPlaces)

// EppsSingleton compares the empirical characteristic functions at 0.4 and 0.8 of the semi-interquartile range of all values: SciPy's
// epps_singleton_2samp.
//
//	W = N d' S+ d, d the difference of the means of (cos, sin)(t x), S = N/n C_a + N/m C_b, p from chi-square with rank(S) degrees of freedom
//
// Small samples (fewer than 25 values of each) are corrected. Samples whose transforms do not vary at all (two constants): W is infinite
// and p 0 where they differ, 0 and NaN where not. Undefined: fewer than five values of either, interquartile range 0 or beyond
// the numbers there are. Epps and Singleton, Journal of Statistical Computation and Simulation 26 (1986).
func EppsSingleton(a, b []float64) (w, p float64, err error) {
	const test = "Epps-Singleton test"
	if err := atLeastEach(test, 5, len(a), len(b)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	sigma := (quantile(a, b, 0.75) - quantile(a, b, 0.25)) / 2
	if sigma == 0 {
		return math.NaN(), math.NaN(), &Undefined{test, "the interquartile range of all values is 0"}
	}
	ca, cb := characteristic(a, sigma), characteristic(b, sigma)
	n, m, total := float64(len(a)), float64(len(b)), float64(len(a)+len(b))
	s := mat.NewSymDense(eppsParts, nil)
	difference := mat.NewVecDense(eppsParts, nil)
	for i := range eppsParts {
		difference.SetVec(i, ca.mean[i]-cb.mean[i])
		for j := i; j < eppsParts; j++ {
			s.SetSym(i, j, total/n*ca.products[i][j]/n+total/m*cb.products[i][j]/m)
		}
	}
	if f := mat.Sum(s) + mat.Sum(difference); math.IsNaN(f) || math.IsInf(f, 0) {
		return math.NaN(), math.NaN(), &Undefined{test, "the values are too large beside their interquartile range"}
	}
	w, rank := mahalanobis(s, difference)
	if rank == 0 {
		if mat.Norm(difference, 2) > 0 {
			return math.Inf(1), 0, nil
		}
		return 0, math.NaN(), nil
	}
	if w *= total; max(len(a), len(b)) < 25 {
		w /= 1 + math.Pow(total, -0.45) + 10.1*(math.Pow(n, -1.7)+math.Pow(m, -1.7))
	}
	return w, chiSquareTail(w, rank), nil
}

// mahalanobis is d' S+ d, S+ the pseudo-inverse of S, without the directions whose variance is below 1e-15 of the greatest, and how
// many are left: NumPy's pinv and matrix_rank.
func mahalanobis(s *mat.SymDense, d *mat.VecDense) (w float64, rank int) {
	var eigen mat.EigenSym
	if !eigen.Factorize(s, true) {
		return math.NaN(), 0
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	greatest := values[len(values)-1]
	for i, v := range values {
		if v > 1e-15*greatest {
			along := mat.Dot(d, vectors.ColView(i))
			w += along * along / v
			rank++
		}
	}
	return w, rank
}

// transform is the mean of (cos t1 x, cos t2 x, sin t1 x, sin t2 x) over n values and the products of the deviations, summed.
type transform struct {
	n        float64
	mean     [eppsParts]float64
	products [eppsParts][eppsParts]float64
}

// characteristic transforms block by block, which keeps the digits of two passes without keeping the transforms.
func characteristic(x []float64, sigma float64) (all transform) {
	const block = 256
	var parts [block][eppsParts]float64
	for len(x) > 0 {
		k := min(block, len(x))
		for i, v := range x[:k] {
			if i > 0 && v == x[i-1] {
				parts[i] = parts[i-1]
				continue
			}
			for t, place := range eppsPlaces {
				parts[i][t+len(eppsPlaces)], parts[i][t] = math.Sincos(place / sigma * v)
			}
		}
		all.join(transformOf(parts[:k]))
		x = x[k:]
	}
	return all
}

func transformOf(parts [][eppsParts]float64) transform {
	t := transform{n: float64(len(parts))}
	first := parts[0]
	for i := range first {
		for _, p := range parts {
			t.mean[i] += p[i] - first[i]
		}
		t.mean[i] = first[i] + t.mean[i]/t.n
	}
	for _, p := range parts {
		for i := range p {
			for j := i; j < eppsParts; j++ {
				t.products[i][j] += float64((p[i] - t.mean[i]) * (p[j] - t.mean[j]))
			}
		}
	}
	return t
}

// join adds another block. Chan, Golub and LeVeque, The American Statistician 37 (1983).
func (t *transform) join(o transform) {
	n := t.n + o.n
	var d [eppsParts]float64
	for i := range d {
		d[i] = o.mean[i] - t.mean[i]
	}
	for i := range d {
		for j := i; j < eppsParts; j++ {
			t.products[i][j] += o.products[i][j] + float64(d[i]*d[j])*(t.n*o.n/n)
		}
	}
	for i := range d {
		t.mean[i] += d[i] * (o.n / n)
	}
	t.n = n
}
