package fit

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

const (
	newtonMost    = 100  // steps; 5 to 15 are usual
	leastGradient = 1e-8 // share of the gradient at the start that counts as none
	mostDense     = 600  // weights up to which the matrix of second derivatives is made
	mostProducts  = 2e9  // row times pair of columns times pair of scores up to which it is
)

// end is how an optimisation ended.
type end struct {
	steps     int
	converged bool
}

// minimise finds the weights.
func (p *objective) minimise(o Options) (w []float64, e end, err error) {
	switch {
	case p.l1 == 0:
		w, e, err = p.newton(o)
	case p.dense():
		w, e, err = p.proximal(o)
	default:
		w, e, err = p.accelerated(o)
	}
	if err == nil {
		p.level(w)
	}
	return w, e, err
}

// level makes the intercepts of several classes sum to 0: all may shift alike, and freePull is too weak to settle by how much.
func (p *objective) level(w []float64) {
	if p.k == 1 {
		return
	}
	m := p.x.width
	var mean float64
	for o := range p.k {
		mean += w[o*m+m-1] / float64(p.k)
	}
	for o := range p.k {
		w[o*m+m-1] -= mean
	}
}

// dense reports whether the matrix of second derivatives is cheap enough to be made in every step.
func (p *objective) dense() bool { return p.affordable() && (p.k+1)*(len(p.x.columns)+1) <= 800 }

// affordable reports whether it may be made once.
func (p *objective) affordable() bool {
	c := float64(len(p.x.columns) + 1)
	return p.k*p.x.width <= mostDense && float64(p.x.rows)*c*c/2*float64(p.k*(p.k+1)/2) <= mostProducts
}

// newton minimises p by truncated Newton steps: each direction solves H d = -g by conjugate gradients, only as exactly as the distance
// from the minimum deserves, so near it convergence is quadratic (J. Nocedal, S. Wright, "Numerical Optimization", 2nd ed., chapter 7.1;
// it is scikit-learn's "newton-cg"). It needs no matrix, so many levels cost little, and no random choice. Where the matrix is small, its
// Cholesky factor solves the system at once.
func (p *objective) newton(o Options) ([]float64, end, error) {
	n := p.k * p.x.width
	w, g, d, next := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	solve := p.cholesky
	if !p.dense() {
		cg := conjugate{p: p, diag: make([]float64, n), r: make([]float64, n), s: make([]float64, n), h: make([]float64, n)}
		solve = cg.solve
	}
	value := p.scores(w)
	p.gradient(g, w)
	goal := leastGradient * norm(g)
	for step := range newtonMost {
		if norm(g) <= goal {
			return w, end{step, true}, nil
		}
		if o.stopped() {
			return nil, end{}, ErrStopped
		}
		solve(d, g)
		slope := dot(g, d)
		length, moved := 1.0, false
		for range 30 {
			for i := range w {
				next[i] = w[i] + float64(length*d[i])
			}
			if v := p.scores(next); v <= value+1e-4*length*slope {
				value, moved = v, v < value
				break
			}
			length /= 2
		}
		if !moved { // the value no longer changes in its last digit: this is the minimum as far as numbers go
			return w, end{step, true}, nil
		}
		w, next = next, w
		p.gradient(g, w)
	}
	return w, end{newtonMost, false}, nil
}

// cholesky solves H d = -g. Where rounding makes H singular its diagonal is raised until it no longer is.
func (p *objective) cholesky(d, g []float64) {
	h := p.hessian()
	var c mat.Cholesky
	for raise := 1e-12; !c.Factorize(h); raise *= 100 {
		for i := range g {
			h.SetSym(i, i, h.At(i, i)*(1+raise))
		}
	}
	to := mat.NewVecDense(len(d), d)
	if err := c.SolveVecTo(to, mat.NewVecDense(len(g), g)); err != nil {
		p.diagonal(d) // a system so badly conditioned that the solution is not to be trusted: a step by each weight alone
		for i := range d {
			d[i] = g[i] / d[i]
		}
	}
	floats.Scale(-1, d)
}

// conjugate solves H d = -g by conjugate gradients scaled by H's diagonal.
type conjugate struct {
	p             *objective
	diag, r, s, h []float64
}

func (c *conjugate) solve(d, g []float64) {
	c.p.diagonal(c.diag)
	clear(d)
	var rho float64
	for i, v := range g {
		c.r[i] = -v
		c.s[i] = -v / c.diag[i]
		rho += float64(c.r[i] * c.s[i])
	}
	size := norm(g)
	goal := size * min(0.1, math.Sqrt(size/(1+size)))
	for range 2*len(g) + 20 {
		c.p.curvature(c.h, c.s)
		bend := dot(c.s, c.h)
		if !(bend > 0) {
			return
		}
		a := rho / bend
		for i := range d {
			d[i] += float64(a * c.s[i])
			c.r[i] -= float64(a * c.h[i])
		}
		if norm(c.r) <= goal {
			return
		}
		before := rho
		rho = 0
		for i, v := range c.r {
			rho += v * v / c.diag[i]
		}
		for i, v := range c.r {
			c.s[i] = v/c.diag[i] + float64(rho/before*c.s[i])
		}
	}
}

func dot(a, b []float64) float64 {
	var s float64
	for i, v := range a {
		s += float64(v * b[i])
	}
	return s
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }
