package stattest

import "math"

// square is a k x k matrix by rows, times 2^exponent.
type square struct {
	k        int
	cells    []float64
	exponent int
}

// times is the product of two matrices, scaled so that its middle cell stays far from overflow.
func (x square) times(y square) square {
	z := square{x.k, make([]float64, x.k*x.k), x.exponent + y.exponent}
	for i := range x.k {
		row := z.cells[i*x.k : (i+1)*x.k]
		for j := range x.k {
			c := x.cells[i*x.k+j]
			if c == 0 {
				continue
			}
			for l, v := range y.cells[j*x.k : (j+1)*x.k] {
				row[l] += float64(c * v)
			}
		}
	}
	if middle := z.cells[x.k/2*(x.k+1)]; middle > 0x1p128 {
		for i := range z.cells {
			z.cells[i] *= 0x1p-128
		}
		z.exponent += 128
	}
	return z
}

// durbin is the chance that the distribution function of n values stays within x of the true one: Durbin's matrix of size 2k - 1 to the
// power n, for n x = k - h, 0 <= h < 1. Marsaglia, Tsang and Wang, Journal of Statistical Software 8 (2003).
func durbin(n int, x float64) float64 {
	t := float64(n) * x
	k := int(math.Ceil(t))
	base := durbinMatrix(2*k-1, float64(k)-t)
	power := square{k: base.k, cells: make([]float64, len(base.cells))}
	for i := range power.k {
		power.cells[i*(power.k+1)] = 1
	}
	for e := n; ; base = base.times(base) {
		if e&1 == 1 {
			power = power.times(base)
		}
		if e >>= 1; e == 0 {
			break
		}
	}
	p, exponent := power.cells[(k-1)*(power.k+1)], power.exponent
	for i := 1; i <= n; i++ { // times n! / n^n
		if p = p * float64(i) / float64(n); p < 0x1p-128 {
			p, exponent = p*0x1p128, exponent-128
		}
	}
	return math.Ldexp(p, exponent)
}

// durbinMatrix has 1/(i-j+1)! where that is defined, less h^i/i! in the first column and, mirrored, in the last row; both in the corner.
func durbinMatrix(m int, h float64) square {
	x := square{k: m, cells: make([]float64, m*m)}
	inverse := make([]float64, m+1) // of factorials
	inverse[0] = 1
	for i := 1; i <= m; i++ {
		inverse[i] = inverse[i-1] / float64(i)
	}
	for i := range m {
		for j := 0; j <= min(i+1, m-1); j++ {
			x.cells[i*m+j] = inverse[i-j+1]
		}
	}
	for i := range m {
		edge := math.Pow(h, float64(i+1))
		x.cells[i*m] -= edge * inverse[i+1]
		x.cells[(m-1)*m+m-1-i] -= edge * inverse[i+1]
	}
	if h > 0.5 {
		x.cells[(m-1)*m] += math.Pow(2*h-1, float64(m)) * inverse[m]
	}
	return x
}
