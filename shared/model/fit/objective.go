package fit

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"mlops/shared/dataset"
	"mlops/shared/model/tree"
)

// objective is the penalised loss of a linear model with k scores, of which it gives value, gradient and curvature.
type objective struct {
	x      *design
	k      int
	task   dataset.Task
	y      []float64 // class indices, or the standardised target
	weight []float64
	l2, l1 float64 // strengths of the penalties on weights

	mean, sd float64 // what the target was standardised by; 0 and 1 for classes

	z, p, r []float64 // by score, then row: raw scores, probabilities, residuals or whatever is to be multiplied by X'
}

func newObjective(x *design, d *Data, l Linear) *objective {
	p := &objective{x: x, k: d.outputs(), task: d.Labels.Task, y: d.Labels.Y, weight: d.Weight, l2: (1 - l.L1Ratio) / l.c(), l1: l.L1Ratio / l.c(), sd: 1}
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

// pull is the strength of the L2 penalty on weight i of a score.
func (p *objective) pull(i int) float64 {
	if i == p.x.width-1 {
		return freePull
	}
	return p.l2
}

// lasso is the strength of the L1 penalty on weight i of all.
func (p *objective) lasso(i int) float64 {
	if (i+1)%p.x.width == 0 {
		return 0
	}
	return p.l1
}

// lassos is the whole L1 penalty.
func (p *objective) lassos(w []float64) (sum float64) {
	for i, v := range w {
		sum += float64(p.lasso(i) * math.Abs(v))
	}
	return sum
}

// chunk is how many rows are summed at once: always the same ones, so that sums do not depend on the number of threads.
const chunk = 4096

// scores computes z, and from it p and r, and returns the objective's value at w, without its L1 part.
func (p *objective) scores(w []float64) float64 {
	n, m := p.x.rows, p.x.width
	for o := range p.k {
		p.x.forward(p.z[o*n:(o+1)*n], w[o*m:(o+1)*m])
	}
	part := make([]float64, (n+chunk-1)/chunk)
	tree.Parallel(len(part), p.x.threads, 32*n*p.k, func(from, to int) {
		for c := from; c < to; c++ {
			for i := c * chunk; i < min(n, (c+1)*chunk); i++ {
				part[c] += p.row(i)
			}
		}
	})
	loss := floats.Sum(part)
	for o := range p.k {
		for i, v := range w[o*m : (o+1)*m] {
			loss += float64(p.pull(i) * v * v / 2)
		}
	}
	return loss
}

// row computes probabilities and residuals of row i from its scores and returns its loss.
func (p *objective) row(i int) float64 {
	y := p.y[i]
	switch p.task {
	case dataset.Regression:
		p.r[i] = p.weight[i] * (p.z[i] - y)
		return float64(p.r[i] * (p.z[i] - y) / 2)
	case dataset.Binary:
		z := p.z[i]
		e := math.Exp(-math.Abs(z)) // of both probabilities and the loss
		p.p[i] = 1 / (1 + e)
		if z < 0 {
			p.p[i] = e / (1 + e)
		}
		p.r[i] = p.weight[i] * (p.p[i] - y)
		if y == 0 {
			z = -z
		}
		return float64(p.weight[i] * (max(-z, 0) + math.Log1p(e)))
	}
	return float64(p.weight[i] * p.softmax(i, int(y)))
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

// bend is the second derivative of the loss of row i by scores a and b.
func (p *objective) bend(i, a, b int) float64 {
	n := p.x.rows
	switch {
	case p.task == dataset.Regression:
		return p.weight[i]
	case a == b:
		return p.weight[i] * p.p[a*n+i] * (1 - p.p[a*n+i])
	}
	return -p.weight[i] * p.p[a*n+i] * p.p[b*n+i]
}

// hessian is H, in full. It overwrites r. The L2 penalty is a part of it.
func (p *objective) hessian() *mat.SymDense {
	n, m := p.x.rows, p.x.width
	size := p.k * m
	h := make([]float64, size*size)
	for a := range p.k {
		for b := a; b < p.k; b++ {
			for i := range n {
				p.r[i] = p.bend(i, a, b)
			}
			block := h[a*m*size+b*m:]
			p.x.gram(block, size, p.r[:n])
			for i := range m {
				if a == b {
					block[i*size+i] += p.pull(i)
				}
				for j := i + 1; j < m; j++ { // a block off the diagonal is needed in full
					block[j*size+i] = block[i*size+j]
				}
			}
		}
	}
	return mat.NewSymDense(size, h)
}

// diagonal writes the diagonal of H, which scales the conjugate gradients. It overwrites r.
func (p *objective) diagonal(h []float64) {
	n, m := p.x.rows, p.x.width
	for o := range p.k {
		for i := range n {
			p.r[o*n+i] = p.bend(i, o, o)
		}
		p.x.backward(h[o*m:(o+1)*m], p.r[o*n:(o+1)*n], true)
		for i := range m {
			h[o*m+i] += p.pull(i)
		}
	}
}
