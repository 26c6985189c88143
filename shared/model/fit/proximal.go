package fit

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

const (
	mostSweeps      = 1000   // of coordinate descent in one step
	mostAccelerated = 10_000 // steps without a matrix
)

// soft is the number nearest to zero within t of v (soft thresholding).
func soft(v, t float64) float64 {
	switch {
	case v > t:
		return v - t
	case v < -t:
		return v + t
	}
	return 0
}

// violation is how far w, at which the smooth part has gradient g, is from meeting the conditions of a minimum: Euclidean norm.
func (p *objective) violation(g, w []float64) float64 {
	var sum float64
	for i, v := range g {
		switch t := p.lasso(i); {
		case w[i] > 0:
			v += t
		case w[i] < 0:
			v -= t
		default:
			v = soft(v, t)
		}
		sum += float64(v * v)
	}
	return math.Sqrt(sum)
}

// proximal minimises an objective with an L1 part by proximal Newton steps: each minimises the quadratic model of the smooth part plus the L1
// part by coordinate descent, then looks along the line to there (J. Lee, Y. Sun, M. Saunders, SIAM J. Optimization 24, 2014; glmnet's
// way, J. Friedman, T. Hastie, R. Tibshirani, J. Statistical Software 33, 2010).
func (p *objective) proximal(o Options) ([]float64, end, error) {
	n := p.k * p.x.width
	w, g, d, next := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	value := p.scores(w)
	p.gradient(g, w)
	start := p.violation(g, w)
	for step := range newtonMost {
		if p.violation(g, w) <= leastGradient*start {
			return w, end{step, true}, nil
		}
		if o.stopped() {
			return nil, end{}, ErrStopped
		}
		p.descend(d, g, w, p.hessian())
		p.level(d)
		floats.AddTo(next, w, d)
		slope := dot(g, d) + p.lassos(next) - p.lassos(w)
		length, moved := 1.0, false
		for range 30 {
			for i := range w {
				next[i] = w[i] + float64(length*d[i])
				if length == 1 && w[i] == -d[i] {
					next[i] = 0
				}
			}
			if v := p.scores(next) + p.lassos(next); v <= value+1e-4*length*slope {
				value, moved = v, v < value
				break
			}
			length /= 2
		}
		if !moved {
			return w, end{step, true}, nil
		}
		w, next = next, w
		p.gradient(g, w)
	}
	return w, end{newtonMost, false}, nil
}

// descend minimises g'd + d'Hd/2 + the L1 part of w+d by going through the coordinates. After a full sweep it stays with those whose weight
// is not 0 until they have settled.
func (p *objective) descend(d, g, w []float64, h *mat.SymDense) {
	clear(d)
	slope := append([]float64(nil), g...) // gradient of the quadratic model at d
	a := h.RawSymmetric()
	size := len(d)
	for i := range size { // in full, so that a row is in one piece
		for j := range i {
			a.Data[i*size+j] = a.Data[j*size+i]
		}
	}
	all := true
	var first float64
	for range mostSweeps {
		var most float64 // greatest decrease of the model by one coordinate
		for i := range d {
			bend := a.Data[i*size+i]
			if !all && w[i]+d[i] == 0 || bend <= 0 { // without bend: a level without rows
				continue
			}
			now := w[i] + d[i]
			to := soft(float64(bend*now)-slope[i], p.lasso(i)) / bend
			if move := to - now; move != 0 {
				d[i] = to - w[i]
				floats.AddScaled(slope, move, a.Data[i*size:i*size+size])
				most = max(most, bend*move*move)
			}
		}
		if first == 0 {
			first = most
		}
		settled := most <= 1e-18*first
		if settled && all {
			return
		}
		all = settled
	}
}

// accelerated minimises an objective with an L1 part, of so many weights that no matrix is made, by accelerated proximal gradient steps, each
// weight scaled by its own second derivative (A. Beck, M. Teboulle, SIAM J. Imaging Sciences 2, 2009), starting anew where momentum leads
// uphill (B. O'Donoghue, E. Candes, Foundations of Computational Mathematics 15, 2015).
func (p *objective) accelerated(o Options) ([]float64, end, error) {
	n := p.k * p.x.width
	w, g, scale := make([]float64, n), make([]float64, n), make([]float64, n)
	ahead, next := make([]float64, n), make([]float64, n)
	value := p.scores(ahead)
	p.gradient(g, ahead)
	start := p.violation(g, ahead)
	p.diagonal(scale)
	size, momentum := 1.0, 1.0 // size: what scale is multiplied by so that the quadratic model lies above the objective
	for step := range mostAccelerated {
		if o.stopped() {
			return nil, end{}, ErrStopped
		}
		for {
			var rise float64
			for i, v := range ahead {
				s := size * scale[i]
				if s <= 0 { // a level without rows
					continue
				}
				next[i] = soft(v-g[i]/s, p.lasso(i)/s)
				move := next[i] - v
				rise += float64(g[i]*move) + float64(s*move*move/2)
			}
			p.level(next)
			if at := p.scores(next); at <= value+rise+1e-12*math.Abs(value) {
				break
			}
			size *= 2
		}
		p.gradient(g, next)
		if p.violation(g, next) <= leastGradient*start {
			return next, end{step + 1, true}, nil
		}
		var uphill float64
		for i, v := range next {
			uphill += float64((ahead[i] - v) * (v - w[i]))
		}
		later := (1 + math.Sqrt(1+4*momentum*momentum)) / 2
		push := (momentum - 1) / later
		if momentum = later; uphill > 0 {
			momentum, push = 1, 0
		}
		for i, v := range next {
			ahead[i] = v + float64(push*(v-w[i]))
		}
		w, next = next, w
		value = p.scores(ahead)
		p.gradient(g, ahead)
	}
	return w, end{mostAccelerated, false}, nil
}
