package model

import "math"

// Width is the length of a prediction.
func (t *Trees) Width() int {
	if len(t.base) == 1 && (t.link == Logit || t.link == Share) {
		return 2
	}
	return len(t.base)
}

// Outputs is the number of raw scores.
func (t *Trees) Outputs() int { return len(t.base) }

// Attribution names the method of Explain.
func (t *Trees) Attribution() string {
	return "Saabas path attribution relative to the training mean (approximate: not Shapley values)"
}

// Predict scores one row.
func (t *Trees) Predict(dst, x []float64) {
	t.Raw(dst, x)
	t.link.Apply(dst, len(t.base))
}

// Raw writes the raw scores of one row.
func (t *Trees) Raw(dst, x []float64) {
	k := copy(dst, t.base)
	i := 0
	if t.plain && complete(x) {
		i = t.walkPlain(dst[:k], x)
	}
	for ; i < len(t.roots); i++ {
		dst[i%k] += t.value[t.leaf(t.roots[i], x)]
	}
}

// complete reports whether no value of x is missing.
func complete(x []float64) bool {
	for _, v := range x {
		if v != v {
			return false
		}
	}
	return true
}

// walkPlain adds the leaves of the trees that come in whole groups of four to dst and returns how many that are. The four walks are
// independent of each other and have no branches to mispredict: a comparison becomes the step to the right child.
func (t *Trees) walkPlain(dst, x []float64) int {
	nodes, value, k, i := t.nodes, t.value, len(dst), 0
	for ; i+4 <= len(t.roots); i += 4 {
		a, b, c, d := t.roots[i], t.roots[i+1], t.roots[i+2], t.roots[i+3]
		for range max(t.depth[i], t.depth[i+1], t.depth[i+2], t.depth[i+3]) {
			na, nb, nc, nd := &nodes[a], &nodes[b], &nodes[c], &nodes[d]
			a = na.child + exceeds(x[na.feature], na.threshold)
			b = nb.child + exceeds(x[nb.feature], nb.threshold)
			c = nc.child + exceeds(x[nc.feature], nc.threshold)
			d = nd.child + exceeds(x[nd.feature], nd.threshold)
		}
		dst[i%k] += value[a]
		dst[(i+1)%k] += value[b]
		dst[(i+2)%k] += value[c]
		dst[(i+3)%k] += value[d]
	}
	return i
}

// exceeds is 1 when v > threshold, else 0; it compiles to a flag, not a jump.
func exceeds(v, threshold float64) int32 {
	var right int32
	if v > threshold {
		right = 1
	}
	return right
}

// leaf is the position of the leaf that x reaches from a root, missing values and categories included.
func (t *Trees) leaf(at int32, x []float64) int32 {
	for {
		n := &t.nodes[at]
		if n.flags&isLeaf != 0 {
			return at
		}
		at = n.child + t.side(n, x[n.feature])
	}
}

// side is 0 when v goes left at n, 1 when it goes right.
func (t *Trees) side(n *node, v float64) int32 {
	if n.flags&isCategorical != 0 {
		if v >= 0 && v < float64(t.levels[n.feature]) {
			c := int(v)
			return 1 - int32(t.sets[int(n.threshold)+c>>6]>>(c&63)&1)
		}
	} else if !math.IsNaN(v) {
		return exceeds(v, n.threshold)
	}
	return int32(n.flags&missingRight) / int32(missingRight)
}

// Explain follows each tree's path and gives every feature asked on it the change of the expected score that its answer made
// (A. Saabas, "Interpreting random forests", 2014). The base is the mean score of training. Sums are exact up to rounding, but credit
// between features that interact depends on their order in the tree.
func (t *Trees) Explain(dst, x []float64) {
	n, k := len(t.levels), len(t.base)
	clear(dst[:k*(n+1)])
	for o, b := range t.base {
		dst[o*(n+1)+n] = b
	}
	for i, at := range t.roots {
		row := dst[i%k*(n+1):][:n+1]
		row[n] += t.value[at]
		for t.nodes[at].flags&isLeaf == 0 {
			p := &t.nodes[at]
			to := p.child + t.side(p, x[p.feature])
			row[p.feature] += t.value[to] - t.value[at]
			at = to
		}
	}
}
