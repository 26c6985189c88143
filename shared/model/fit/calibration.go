package fit

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// Calibrations are the methods that Calibrate knows for a task, the one with the fewest parameters first.
func Calibrations(task dataset.Task) []string {
	switch task {
	case dataset.Binary:
		return []string{model.Platt, model.Beta, model.Isotonic}
	case dataset.Multiclass:
		return []string{model.Temperature}
	}
	return nil
}

// Calibrate fits a calibration to probabilities p, row-major, of rows that the predictor was not fitted to. weight (nil = one each) counts rows.
//
// Platt and beta minimise the log loss against Platt's targets, (n+1)/(n+2) and 1/(n+2) for n rows of the class, which keep them finite where the
// classes are apart; a weight of p that would be negative is set to 0. Isotonic is the pool of adjacent violators, its levels drawn in from 0 and 1
// as if each had seen half a row of either class more. Temperature minimises the log loss by its one parameter.
func Calibrate(method string, l dataset.Labels, p, weight []float64) (model.Calibration, error) {
	c := model.Calibration{Method: method}
	switch method {
	case model.Platt:
		w := logistic(l.Y, weight, [][]float64{mapped(p, func(v float64) float64 { return elementary.Log(v) - elementary.Log1p(-v) })})
		if c.A, c.B = w[0], w[1]; c.A < 0 { // it knows nothing: the share of the class says more
			c.A, c.B = 0, logistic(l.Y, weight, nil)[0]
		}
	case model.Beta:
		low := mapped(p, math.Log)
		high := mapped(p, func(v float64) float64 { return -elementary.Log1p(-v) })
		w := logistic(l.Y, weight, [][]float64{low, high})
		if c.A, c.B, c.C = w[0], w[1], w[2]; c.A < 0 {
			w = logistic(l.Y, weight, [][]float64{high})
			c.A, c.B, c.C = 0, max(w[0], 0), w[1]
		} else if c.B < 0 {
			w = logistic(l.Y, weight, [][]float64{low})
			c.A, c.B, c.C = max(w[0], 0), 0, w[1]
		}
	case model.Isotonic:
		c.X, c.Y = isotonic(l.Y, weight, p)
	case model.Temperature:
		c.A = temperature(l, weight, p)
	default:
		return c, fault.Invalidf("there is no calibration %.40q", method)
	}
	if err := c.Check(l.Task); err != nil {
		return c, fault.Wrap(err, "calibrate %d rows", l.Len())
	}
	return c, nil
}

// mapped is f of each row's probability of the positive class, kept away from 0 and 1.
func mapped(p []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(p)/2)
	for i := range out {
		out[i] = f(min(max(p[2*i+1], model.CertainAt), 1-model.CertainAt))
	}
	return out
}

func weightOf(weight []float64, i int) float64 {
	if weight == nil {
		return 1
	}
	return weight[i]
}

// logistic fits log-odds = w . x + w0 by Newton's method, steps halved while they do not descend; the last weight is w0. A trace of a penalty keeps
// columns that say the same apart.
func logistic(y, weight []float64, x [][]float64) []float64 {
	const steps, ridge = 50, 1e-9
	var up, down float64
	for i, v := range y {
		up += float64(weightOf(weight, i) * v)
		down += float64(weightOf(weight, i) * (1 - v))
	}
	high, low := (up+1)/(up+2), 1/(down+2)
	k := len(x) + 1
	at := func(i, j int) float64 {
		if j == k-1 {
			return 1
		}
		return x[j][i]
	}
	loss := func(w []float64) (sum float64, g []float64, h [][]float64) {
		g, h = make([]float64, k), make([][]float64, k)
		for j := range h {
			h[j] = make([]float64, k)
			h[j][j], g[j] = ridge, float64(ridge*w[j])
			sum += float64(ridge / 2 * w[j] * w[j])
		}
		for i, v := range y {
			t, c := low, weightOf(weight, i)
			if v == 1 {
				t = high
			}
			var s float64
			for j := range k {
				s += float64(w[j] * at(i, j))
			}
			q := 1 / (1 + elementary.Exp(-s))
			sum += float64(c * (elementary.Log1p(elementary.Exp(-math.Abs(s))) + max(s, 0) - float64(t*s)))
			for j := range k {
				g[j] += float64(c * (q - t) * at(i, j))
				for m := range j + 1 {
					h[j][m] += float64(c * q * (1 - q) * at(i, j) * at(i, m))
					h[m][j] = h[j][m]
				}
			}
		}
		return sum, g, h
	}
	w := make([]float64, k)
	for j := range len(x) {
		w[j] = 1 // the identity
	}
	now, g, h := loss(w)
	for range steps {
		step := solve(h, g)
		next, size := make([]float64, k), 1.0
		for {
			for j := range w {
				next[j] = w[j] - float64(size*step[j])
			}
			then, g2, h2 := loss(next)
			if then < now || size < 1e-6 {
				if !(now-then > 1e-12*(1+math.Abs(now))) {
					return w
				}
				w, now, g, h = next, then, g2, h2
				break
			}
			size /= 2
		}
	}
	return w
}

// solve is a^-1 b for a small positive definite matrix, by elimination; a and b are used up.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for j := range n {
		for i := j + 1; i < n; i++ {
			f := a[i][j] / a[j][j]
			for k := j; k < n; k++ {
				a[i][k] -= float64(f * a[j][k])
			}
			b[i] -= float64(f * b[j])
		}
	}
	for j := n - 1; j >= 0; j-- {
		for k := j + 1; k < n; k++ {
			b[j] -= float64(a[j][k] * b[k])
		}
		b[j] /= a[j][j]
	}
	return b
}

// isotonic pools adjacent violators (M. Ayer et al., 1955): the points of a line that does not descend, at most model.MaxPoints of them.
func isotonic(y, weight, p []float64) (xs, ys []float64) {
	type block struct{ low, high, sum, n float64 }
	rows := make([]int, len(y))
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(p[2*a+1], p[2*b+1]) })
	var blocks []block
	for _, i := range rows {
		v, w := p[2*i+1], weightOf(weight, i)
		if w == 0 {
			continue
		}
		if n := len(blocks); n > 0 && blocks[n-1].high == v {
			blocks[n-1].sum, blocks[n-1].n = blocks[n-1].sum+float64(w*y[i]), blocks[n-1].n+w
		} else {
			blocks = append(blocks, block{v, v, float64(w * y[i]), w})
		}
	}
	var pooled []block
	for _, b := range blocks {
		pooled = append(pooled, b)
		for n := len(pooled); n > 1 && pooled[n-2].sum*pooled[n-1].n >= pooled[n-1].sum*pooled[n-2].n; n = len(pooled) {
			last := pooled[n-1]
			pooled = pooled[:n-1]
			pooled[n-2].high, pooled[n-2].sum, pooled[n-2].n = last.high, pooled[n-2].sum+last.sum, pooled[n-2].n+last.n
		}
	}
	for len(pooled) > model.MaxPoints/2 { // neighbours that differ by next to nothing
		half := pooled[:0]
		for i := 0; i < len(pooled); i += 2 {
			b := pooled[i]
			if i+1 < len(pooled) {
				b.high, b.sum, b.n = pooled[i+1].high, b.sum+pooled[i+1].sum, b.n+pooled[i+1].n
			}
			half = append(half, b)
		}
		pooled = half
	}
	level := 0.0
	for _, b := range pooled {
		level = max(level, (b.sum+0.5)/(b.n+1)) // a level of few rows is drawn in more, which must not turn the order
		xs, ys = append(xs, b.low), append(ys, level)
		if b.high > b.low {
			xs, ys = append(xs, b.high), append(ys, level)
		}
	}
	return xs, ys
}

// temperature is the power that minimises the log loss of p_k^a / sum p^a: convex in a, found by Newton's steps within [1/20, 20].
func temperature(l dataset.Labels, weight, p []float64) float64 {
	k, a := len(l.Classes), 1.0
	q := make([]float64, k)
	for range 50 {
		var g, h float64
		for i, y := range l.Y {
			row := p[i*k : (i+1)*k]
			var top, sum, mean, square float64
			top = math.Inf(-1)
			for c, v := range row {
				q[c] = elementary.Log(max(v, model.CertainAt))
				top = max(top, float64(a*q[c]))
			}
			for _, s := range q {
				e := elementary.Exp(float64(a*s) - top)
				sum += e
				mean += float64(e * s)
				square += float64(e * s * s)
			}
			mean, square = mean/sum, square/sum
			w := weightOf(weight, i)
			g += float64(w * (mean - q[int(y)]))
			h += float64(w * (square - float64(mean*mean)))
		}
		if !(h > 0) {
			return a
		}
		next := min(max(a-g/h, a/2, 0.05), a*2, 20)
		if math.Abs(next-a) < 1e-10 {
			return next
		}
		a = next
	}
	return a
}
