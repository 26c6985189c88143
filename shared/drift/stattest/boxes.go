package stattest

import "math"

// boxOrder is the number of Chebyshev polynomials that stand for the kernel within a box: they err by less than 1e-13 of it.
const boxOrder = 14

// boxReach is how many boxes away the kernel is below exp(-40).
const boxReach = 10

// moment is the sum of the Chebyshev polynomials over values of a box.
type moment [boxOrder]float64

// boxes are values in boxes as wide as the kernel's s: a fast Gauss transform. Between the values of two boxes the kernel is a short sum
// of products of polynomials, so that the sum over all pairs of their values needs the moments of both boxes only. Greengard and
// Strain, SIAM Journal on Scientific and Statistical Computing 12 (1991); Chebyshev polynomials take the place of their Hermite ones.
type boxes struct {
	place   []float64 // of each value within its box, in [-1, 1]
	first   []bool    // whether the value is of the first sample
	to      []int     // where the values of each box end
	number  []int     // of each box; as many as stand between two tell how far they are apart
	kernels [boxReach + 1][boxOrder][boxOrder]float64
}

// newBoxes sorts both samples into boxes of width sigma. Values apart by more than the kernel's reach start a new row of boxes, so that
// places keep their digits however far the values stray.
func newBoxes(a, b []float64, sigma float64) *boxes {
	x := &boxes{place: make([]float64, 0, len(a)+len(b)), first: make([]bool, 0, len(a)+len(b))}
	origin, last, start, number := math.Inf(-1), math.Inf(-1), 0, -1
	add := func(value float64, first bool, times int) {
		if value/2-last/2 > boxReach*(sigma/2) {
			origin, start = value, number+boxReach+2
		}
		last = value
		from := (value/2 - origin/2) / (sigma / 2)
		box := math.Floor(from)
		if k := start + int(box); k != number || len(x.to) == 0 {
			number = k
			x.number, x.to = append(x.number, k), append(x.to, len(x.place))
		}
		for range times {
			x.place, x.first = append(x.place, 2*(from-box)-1), append(x.first, first)
		}
		x.to[len(x.to)-1] = len(x.place)
	}
	i, j := 0, 0
	for w := (pooled{a: a, b: b}); w.next(); i, j = w.i, w.j {
		if w.i > i {
			add(w.value, true, w.i-i)
		}
		if w.j > j {
			add(w.value, false, w.j-j)
		}
	}
	for k := range x.kernels {
		x.kernels[k] = chebyshevKernel(float64(k))
	}
	return x
}

// moments are those of the values that in picks; it is asked once for each, in order.
func (x *boxes) moments(in func(i int) bool) []moment {
	moments := make([]moment, len(x.to))
	i := 0
	for box, to := range x.to {
		m := &moments[box]
		for ; i < to; i++ {
			if !in(i) {
				continue
			}
			t := x.place[i]
			before, now := 1.0, t
			m[0]++
			for k := 1; k < boxOrder; k++ {
				m[k] += now
				before, now = now, float64(2*t*now)-before
			}
		}
	}
	return moments
}

// form is the sum of the kernel over all pairs of a value of u and one of v.
func (x *boxes) form(u, v []moment) float64 {
	total := 0.0
	for i := range u {
		for j := i; j < len(u) && x.number[j]-x.number[i] <= boxReach; j++ {
			k := &x.kernels[x.number[j]-x.number[i]]
			if total += bilinear(&u[i], k, &v[j]); j > i {
				total += bilinear(&v[i], k, &u[j])
			}
		}
	}
	return total
}

func bilinear(u *moment, k *[boxOrder][boxOrder]float64, v *moment) float64 {
	total := 0.0
	for i := range k {
		row := 0.0
		for j, c := range &k[i] {
			row += float64(c * v[j])
		}
		total += float64(u[i] * row)
	}
	return total
}

// chebyshevKernel are the coefficients of exp(-(distance + (y - x)/2)^2 / 2) in T_i(x) T_j(y), by interpolation in the Chebyshev nodes.
func chebyshevKernel(distance float64) (c [boxOrder][boxOrder]float64) {
	var basis [boxOrder][boxOrder]float64 // the weight of node k in the coefficient of T_i
	var node [boxOrder]float64
	for k := range node {
		angle := math.Pi * (float64(k) + 0.5) / boxOrder
		node[k] = math.Cos(angle)
		for i := range boxOrder {
			if basis[i][k] = 2. / boxOrder * math.Cos(float64(i)*angle); i == 0 {
				basis[i][k] = 1. / boxOrder
			}
		}
	}
	for k, s := range node {
		for l, t := range node {
			d := distance + (t-s)/2
			value := math.Exp(-d * d / 2)
			for i := range boxOrder {
				for j := range boxOrder {
					c[i][j] += float64(basis[i][k] * value * basis[j][l])
				}
			}
		}
	}
	return c
}
