package model

import (
	"math/bits"

	"mlops/shared/dataset"
)

// batcher is a Predictor that is faster on many rows together.
type batcher interface {
	predictBatch(dst, x []float64, rows int)
}

// PredictBatch scores rows rows of x, row-major, to dst, Width numbers a row: what Predict gives each, to the bit, but sooner where the predictor
// gains from many rows. It allocates little and writes nothing to the predictor.
func PredictBatch(p Predictor, dst, x []float64, rows int) {
	if rows == 0 {
		return
	}
	if b, ok := p.(batcher); ok {
		b.predictBatch(dst, x, rows)
		return
	}
	n, w := len(x)/rows, p.Width()
	for i := range rows {
		p.Predict(dst[i*w:(i+1)*w], x[i*n:(i+1)*n])
	}
}

// Steps is about how many nodes, or terms, one prediction looks at: what its time goes with. It is at least 1.
func Steps(p Predictor) (steps int) {
	switch p := p.(type) {
	case *Trees:
		for i, depth := range p.depth {
			nodes := len(p.nodes)
			if i+1 < len(p.roots) {
				nodes = int(p.roots[i+1])
			}
			nodes -= int(p.roots[i])
			steps += 1 + min(int(depth), 3*bits.Len(uint(nodes))/2) // deep trees are lopsided: most leaves lie far above the deepest
		}
	case *Linear:
		steps = len(p.Terms)
	case *Vote:
		for _, m := range p.Members {
			steps += Steps(m)
		}
	case *Calibrated:
		steps = Steps(p.Inner)
	case *Pipeline:
		steps = len(p.steps) + Steps(p.Inner())
	}
	return max(1, steps)
}

// batchRows is how many rows go through a tree together: few enough that they and the tree stay in the cache, many enough that the tree is
// fetched seldom.
const batchRows = 64

// predictBatch takes one tree after the other, and through it all rows of a block, four side by side: a deep tree is then read from memory once a
// block and not once a row. Every row's sums are taken in the order of Predict's.
func (t *Trees) predictBatch(dst, x []float64, rows int) {
	n, w, k := len(x)/rows, t.Width(), len(t.base)
	raw := make([]float64, batchRows*k)
	for from := 0; from < rows; from += batchRows {
		m := min(batchRows, rows-from)
		block := x[from*n : (from+m)*n]
		for i := range m {
			copy(raw[i*k:(i+1)*k], t.base)
		}
		plain := t.plain && complete(block)
		for at, root := range t.roots {
			o, i := at%k, 0
			if plain {
				for ; i+4 <= m; i += 4 {
					a, b, c, d := t.walkRows(root, block[i*n:(i+4)*n], n)
					raw[i*k+o] += t.value[a]
					raw[(i+1)*k+o] += t.value[b]
					raw[(i+2)*k+o] += t.value[c]
					raw[(i+3)*k+o] += t.value[d]
				}
			}
			for ; i < m; i++ {
				raw[i*k+o] += t.value[t.leaf(root, block[i*n:(i+1)*n])]
			}
		}
		for i := range m {
			row := dst[(from+i)*w : (from+i+1)*w]
			copy(row, raw[i*k:(i+1)*k])
			t.link.Apply(row, k)
		}
	}
}

// walkRows leads four complete rows of n numbers through one tree without categorical questions, until all have come to a leaf, which is its own child.
func (t *Trees) walkRows(root int32, x []float64, n int) (a, b, c, d int32) {
	nodes := t.nodes
	xa, xb, xc, xd := x[:n], x[n:2*n], x[2*n:3*n], x[3*n:4*n]
	a, b, c, d = root, root, root, root
	for {
		na, nb, nc, nd := &nodes[a], &nodes[b], &nodes[c], &nodes[d]
		if na.flags&nb.flags&nc.flags&nd.flags&isLeaf != 0 {
			return a, b, c, d
		}
		a = na.child + exceeds(xa[na.feature], na.threshold)
		b = nb.child + exceeds(xb[nb.feature], nb.threshold)
		c = nc.child + exceeds(xc[nc.feature], nc.threshold)
		d = nd.child + exceeds(xd[nd.feature], nd.threshold)
	}
}

// predictBatch averages what the members give the block.
func (v *Vote) predictBatch(dst, x []float64, rows int) {
	w := v.width
	one := make([]float64, rows*w)
	clear(dst[:rows*w])
	for _, m := range v.Members {
		PredictBatch(m, one, x, rows)
		for i, p := range one {
			dst[i] += p
		}
	}
	for i := range dst[:rows*w] {
		dst[i] /= float64(len(v.Members))
	}
	if v.Task == dataset.Binary {
		for i := range rows {
			dst[2*i] = 1 - dst[2*i+1]
		}
	}
}

// predictBatch engineers the rows and hands them on.
func (p *Pipeline) predictBatch(dst, x []float64, rows int) {
	n, m := len(x)/rows, len(p.selected)
	engineered := make([]float64, rows*m)
	for i := range rows {
		p.Engineer(engineered[i*m:(i+1)*m], x[i*n:(i+1)*n])
	}
	PredictBatch(p.inner.Predictor, dst, engineered, rows)
}

// predictBatch calibrates what the inner predictor gives the block.
func (c *Calibrated) predictBatch(dst, x []float64, rows int) {
	PredictBatch(c.Inner, dst, x, rows)
	w := c.Width()
	for i := range rows {
		c.By.Apply(dst[i*w : (i+1)*w])
	}
}
