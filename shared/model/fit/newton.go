package fit

import (
	"math"

	"mlops/shared/dataset"
)

// objective is the penalised loss of a linear model with k scores, of which it gives value, gradient and curvature.
type objective struct {
	x       *design
	k       int
	task    dataset.Task
	y       []float64 // class indices, or the standardised target
	weight  []float64
	penalty float64 // 1/C

	mean, sd float64 // what the target was standardised by; 0 and 1 for classes

	z, p, r []float64 // by score, then row: raw scores, probabilities, residuals or whatever is to be multiplied by X'
}

func newObjective(x *design, d *Data, penalty float64) *objective {
	p := &objective{x: x, k: d.outputs(), task: d.Labels.Task, y: d.Labels.Y, weight: d.Weight, penalty: penalty, sd: 1}
	if p.weight == nil {
		p.weight = make([]float64, d.Rows)
		for i := range p.weight {
			p.weight[i] = 1
		}
	}
	if p.task == dataset.Regression {
		p.mean, p.sd = d.moments()
		p.y = make([]float64, d.Rows)
		for i, y := range d.Labels.Y {
			p.y[i] = (y - p.mean) / p.sd
		}
	}
	n := d.Rows * p.k
	p.z, p.p, p.r = make([]float64, n), make([]float64, n), make([]float64, n)
	return p
}

// pull is the strength of the penalty on weight i of a score.
func (p *objective) pull(i int) float64 {
	if i == p.x.width-1 {
		return freePull
	}
	return p.penalty
}

// scores computes z, and from it p and r, and returns the objective's value at w.
func (p *objective) scores(w []float64) float64 {
	n, m := p.x.rows, p.x.width
	for o := range p.k {
		p.x.forward(p.z[o*n:(o+1)*n], w[o*m:(o+1)*m])
	}
	var loss float64
	for i, y := range p.y {
		switch p.task {
		case dataset.Regression:
			p.r[i] = p.weight[i] * (p.z[i] - y)
			loss += p.r[i] * (p.z[i] - y) / 2
		case dataset.Binary:
			z := p.z[i]
			p.p[i] = 1 / (1 + math.Exp(-z))
			p.r[i] = p.weight[i] * (p.p[i] - y)
			if y == 0 {
				z = -z
			}
			loss += p.weight[i] * (max(-z, 0) + math.Log1p(math.Exp(-math.Abs(z))))
		default:
			loss += p.weight[i] * p.softmax(i, int(y))
		}
	}
	for o := range p.k {
		for i, v := range w[o*m : (o+1)*m] {
			loss += p.pull(i) * v * v / 2
		}
	}
	return loss
}

// softmax computes probabilities and residuals of row i and returns -log p(y).
func (p *objective) softmax(i, y int) float64 {
	n, top := p.x.rows, math.Inf(-1)
	for o := range p.k {
		top = max(top, p.z[o*n+i])
	}
	var sum float64
	for o := range p.k {
		p.p[o*n+i] = math.Exp(p.z[o*n+i] - top)
		sum += p.p[o*n+i]
	}
	for o := range p.k {
		p.p[o*n+i] /= sum
		p.r[o*n+i] = p.weight[i] * p.p[o*n+i]
	}
	p.r[y*n+i] -= p.weight[i]
	return math.Log(sum) + top - p.z[y*n+i]
}

// gradient writes X' r + pull w to g; scores must have been called with w.
func (p *objective) gradient(g, w []float64) {
	n, m := p.x.rows, p.x.width
	for o := range p.k {
		p.x.backward(g[o*m:(o+1)*m], p.r[o*n:(o+1)*n], false)
		for i := range m {
			g[o*m+i] += float64(p.pull(i) * w[o*m+i])
		}
	}
}

// curvature writes H v to h, H being the matrix of second derivatives at the w of the last scores. It overwrites z and r.
func (p *objective) curvature(h, v []float64) {
	n, m := p.x.rows, p.x.width
	for o := range p.k {
		p.x.forward(p.z[o*n:(o+1)*n], v[o*m:(o+1)*m])
	}
	for i := range n {
		switch p.task {
		case dataset.Regression:
			p.r[i] = p.weight[i] * p.z[i]
		case dataset.Binary:
			p.r[i] = p.weight[i] * p.p[i] * (1 - p.p[i]) * p.z[i]
		default:
			var mean float64
			for o := range p.k {
				mean += float64(p.p[o*n+i] * p.z[o*n+i])
			}
			for o := range p.k {
				p.r[o*n+i] = p.weight[i] * p.p[o*n+i] * (p.z[o*n+i] - mean)
			}
		}
	}
	p.gradient(h, v)
}

// diagonal writes the diagonal of H, which scales the conjugate gradients. It overwrites r.
func (p *objective) diagonal(h []float64) {
	n, m := p.x.rows, p.x.width
	for o := range p.k {
		for i := range n {
			c := p.weight[i]
			if p.task != dataset.Regression {
				c *= p.p[o*n+i] * (1 - p.p[o*n+i])
			}
			p.r[o*n+i] = c
		}
		p.x.backward(h[o*m:(o+1)*m], p.r[o*n:(o+1)*n], true)
		for i := range m {
			h[o*m+i] += p.pull(i)
		}
	}
}

// newton minimises p by truncated Newton steps: each direction solves H d = -g by conjugate gradients, only as exactly as the distance
// from the minimum deserves, so near it convergence is quadratic (J. Nocedal, S. Wright, "Numerical Optimization", 2nd ed., chapter 7.1;
// it is scikit-learn's "newton-cg"). It needs no matrix, so many levels cost little, and no random choice.
func newton(p *objective, o Options) ([]float64, error) {
	n := p.k * p.x.width
	w, g, d, next := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	cg := conjugate{p: p, diag: make([]float64, n), r: make([]float64, n), s: make([]float64, n), h: make([]float64, n)}
	value := p.scores(w)
	p.gradient(g, w)
	goal := 1e-8 * norm(g)
	for range newtonMost {
		if norm(g) <= goal {
			break
		}
		if o.stopped() {
			return nil, ErrStopped
		}
		cg.solve(d, g)
		slope := dot(g, d)
		step, moved := 1.0, false
		for range 30 {
			for i := range w {
				next[i] = w[i] + float64(step*d[i])
			}
			if v := p.scores(next); v <= value+1e-4*step*slope {
				value, moved = v, v < value
				break
			}
			step /= 2
		}
		if !moved { // the value no longer changes in its last digit: this is the minimum as far as numbers go
			break
		}
		w, next = next, w
		p.gradient(g, w)
	}
	return w, nil
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
