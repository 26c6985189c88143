package model

import (
	"math"
	"math/rand/v2"
)

// Shapley takes raw scores apart into Shapley values: a feature's part is what its value changes the score by, in the mean over all orders in
// which the features could have become known (L. Shapley, 1953). The parts of a row and the base add up to its raw score.
//
// What "not known" means is set by a background, some rows of training. For trees it is path dependent: at a question about a feature
// that is not known, both ways are taken in the shares in which the background took them (S. Lundberg, G. Erion & S.-I. Lee, "Consistent
// individualized feature attribution for tree ensembles", arXiv:1802.03888, algorithm 2). For a linear model it is each feature's mean, which is
// exact where features are independent. For any other predictor it is a value from another row of the background, by drawing orders at random.
//
// A Shapley is for one goroutine at a time.
type Shapley struct {
	predictor Explainer
	method    string
	explain   func(dst, x []float64)
}

// NewShapley prepares to take the scores of p apart against a background of rows rows, at least one; row writes row i to x, one number a feature.
func NewShapley(p Explainer, features, rows int, row func(i int, x []float64)) *Shapley {
	s := &Shapley{predictor: p}
	switch p := p.(type) {
	case *Trees:
		s.method, s.explain = "Shapley values, path dependent (TreeSHAP)", newTreeShapley(p, p.cover(rows, row)).explain
	case *Linear:
		s.method, s.explain = "Shapley values of a linear model, features taken as independent", p.Explain
	case *Baseline:
		s.method, s.explain = "no feature has a part in a constant", p.Explain
	case *Pipeline:
		raw := make([]float64, p.inputs)
		inner := NewShapley(p.explainer(), len(p.selected), rows, func(i int, x []float64) {
			row(i, raw)
			p.Engineer(x, raw)
		})
		s.method = inner.method + ", on engineered features: one made of several columns is divided equally among them"
		s.explain = func(dst, x []float64) { p.divide(dst, x, inner.explain) }
	case *Vote:
		members := make([]*Shapley, len(p.Members))
		for i, m := range p.Members {
			members[i] = NewShapley(m.(Explainer), features, rows, row)
		}
		s.method = "mean of the members' Shapley values, carried over to the prediction along the straight line from each member's base"
		s.explain = func(dst, x []float64) {
			p.divide(dst, x, func(i int, parts, x []float64) { members[i].explain(parts, x) })
		}
	case *Calibrated:
		inner := NewShapley(p.Inner.(Explainer), features, rows, row)
		s.method, s.explain = inner.method+", before calibration", inner.explain
	default:
		s.method, s.explain = "Shapley values by sampling orders of the features", newDrawnShapley(p, features, rows, row).explain
	}
	return s
}

// Method names how the values are found, for whoever shows them.
func (s *Shapley) Method() string { return s.method }

// Explain writes, for every raw score, the Shapley value of each feature of x and last the base: Outputs() rows of len(x)+1 numbers, as Explainer's does.
func (s *Shapley) Explain(dst, x []float64) { s.explain(dst, x) }

// Cost is about how many steps, of a nanosecond or so, one Explain takes.
func (s *Shapley) Cost() int { return shapleyCost(s.predictor) }

func shapleyCost(p Predictor) (steps int) {
	switch p := p.(type) {
	case *Trees:
		return p.shapleyCost()
	case *Pipeline:
		return shapleyCost(p.Inner())
	case *Calibrated:
		return shapleyCost(p.Inner)
	case *Vote:
		for _, m := range p.Members {
			steps += shapleyCost(m)
		}
		return steps
	}
	return 1_000
}

// shapleyCost follows from TreeSHAP's O(leaves x depth^2).
func (t *Trees) shapleyCost() (steps int) {
	for i, depth := range t.depth {
		end := len(t.nodes)
		if i+1 < len(t.roots) {
			end = int(t.roots[i+1])
		}
		typical := 1 + math.Log2(float64(end-int(t.roots[i])+1)) // deep trees are lopsided: most leaves lie far above the deepest
		d := min(float64(depth), 2*typical)
		steps += int(float64(end-int(t.roots[i])) / 2 * d * d * 4)
	}
	return steps
}

// cover counts the background's rows in every node.
func (t *Trees) cover(rows int, row func(i int, x []float64)) []float64 {
	cover := make([]float64, len(t.nodes))
	x := make([]float64, len(t.levels))
	for i := range rows {
		row(i, x)
		for _, at := range t.roots {
			for {
				cover[at]++
				n := &t.nodes[at]
				if n.flags&isLeaf != 0 {
					break
				}
				at = n.child + t.side(n, x[n.feature])
			}
		}
	}
	return cover
}

// treeShapley is TreeSHAP on one ensemble with the cover of its nodes.
type treeShapley struct {
	*Trees
	cover    []float64
	expected []float64 // of each raw score over the background
	paths    [][]known // scratch: the path to each depth
	x, to    []float64
}

// known is one feature on a path: how much of the background follows the path when the feature is not known, whether x follows it, and the weight of
// the sets of as many known features as stand before it.
type known struct {
	feature           int
	zero, one, weight float64
}

func newTreeShapley(t *Trees, cover []float64) *treeShapley {
	s := &treeShapley{Trees: t, cover: cover, expected: append([]float64(nil), t.base...)}
	deepest := int32(0)
	for i, at := range t.roots {
		s.expected[i%len(t.base)] += s.mean(at)
		deepest = max(deepest, t.depth[i])
	}
	s.paths = make([][]known, deepest+2)
	for i := range s.paths {
		s.paths[i] = make([]known, 0, i+2)
	}
	return s
}

// shares are the parts of the background at node n that go left and right; one half each where there is none.
func (s *treeShapley) shares(n *node) (left, right float64) {
	l, r := s.cover[n.child], s.cover[n.child+1]
	if l+r == 0 {
		return 0.5, 0.5
	}
	return l / (l + r), r / (l + r)
}

// mean is the expected value below a node when nothing is known.
func (s *treeShapley) mean(at int32) float64 {
	n := &s.nodes[at]
	if n.flags&isLeaf != 0 {
		return s.value[at]
	}
	left, right := s.shares(n)
	return float64(left*s.mean(n.child)) + float64(right*s.mean(n.child+1))
}

func (s *treeShapley) explain(dst, x []float64) {
	n, k := len(s.levels), len(s.base)
	clear(dst[:k*(n+1)])
	s.x = x
	for i, at := range s.roots {
		s.to = dst[i%k*(n+1):][:n+1]
		s.walk(at, 0, nil, known{feature: -1, zero: 1, one: 1})
	}
	for o, e := range s.expected {
		dst[o*(n+1)+n] = e
	}
}

// walk goes down from a node that the step last leads to, at the end of path.
func (s *treeShapley) walk(at int32, depth int, path []known, last known) {
	path = extend(append(s.paths[depth][:0], path...), last)
	n := &s.nodes[at]
	if n.flags&isLeaf != 0 {
		for i := 1; i < len(path); i++ {
			k := &path[i]
			s.to[k.feature] += float64(unwound(path, i) * (k.one - k.zero) * s.value[at])
		}
		return
	}
	zero, one, feature := 1.0, 1.0, int(n.feature)
	for i := 1; i < len(path); i++ {
		if path[i].feature == feature { // asked before on this path: its two questions count as one
			zero, one = path[i].zero, path[i].one
			path = unwind(path, i)
			break
		}
	}
	share := [2]float64{}
	share[0], share[1] = s.shares(n)
	way := s.side(n, s.x[feature])
	for side := range int32(2) {
		step := known{feature: feature, zero: zero * share[side]}
		if side == way {
			step.one = one
		}
		if step.zero != 0 || step.one != 0 { // else nothing ever comes this way
			s.walk(n.child+side, depth+1, path, step)
		}
	}
}

// extend appends a step and works its two ways into the weights: EXTEND of the paper.
func extend(path []known, step known) []known {
	step.weight = 0
	if len(path) == 0 {
		step.weight = 1
	}
	path = append(path, step)
	l := len(path) - 1
	for i := l - 1; i >= 0; i-- {
		path[i+1].weight += step.one * path[i].weight * float64(i+1) / float64(l+1)
		path[i].weight = step.zero * path[i].weight * float64(l-i) / float64(l+1)
	}
	return path
}

// unwind takes step i out again: UNWIND of the paper.
func unwind(path []known, i int) []known {
	l := len(path) - 1
	next, zero, one := path[l].weight, path[i].zero, path[i].one
	for j := l - 1; j >= 0; j-- {
		if one != 0 {
			was := path[j].weight
			path[j].weight = next * float64(l+1) / (float64(j+1) * one)
			next = was - path[j].weight*zero*float64(l-j)/float64(l+1)
		} else {
			path[j].weight = path[j].weight * float64(l+1) / (zero * float64(l-j))
		}
	}
	for j := i; j < l; j++ {
		path[j].feature, path[j].zero, path[j].one = path[j+1].feature, path[j+1].zero, path[j+1].one
	}
	return path[:l]
}

// unwound is the sum of the weights that unwind would leave.
func unwound(path []known, i int) (sum float64) {
	l := len(path) - 1
	next, zero, one := path[l].weight, path[i].zero, path[i].one
	for j := l - 1; j >= 0; j-- {
		if one != 0 {
			w := next * float64(l+1) / (float64(j+1) * one)
			sum += w
			next = path[j].weight - w*zero*float64(l-j)/float64(l+1)
		} else {
			sum += path[j].weight * float64(l+1) / (zero * float64(l-j))
		}
	}
	return sum
}

// drawnOrders is how many orders of the features are drawn, each also taken backwards, which halves the noise.
const drawnOrders = 16

// drawnShapley samples orders (E. Strumbelj & I. Kononenko, "Explaining prediction models and individual predictions with feature
// contributions", 2014).
type drawnShapley struct {
	p          Explainer
	background [][]float64
	base       []float64
}

func newDrawnShapley(p Explainer, features, rows int, row func(i int, x []float64)) *drawnShapley {
	s := &drawnShapley{p: p, base: make([]float64, p.Outputs())}
	stride := max(1, rows/drawnOrders)
	for i := 0; i < rows && len(s.background) < drawnOrders; i += stride {
		x := make([]float64, features)
		row(i, x)
		s.background = append(s.background, x)
	}
	raw := make([]float64, p.Outputs())
	for _, x := range s.background {
		p.Raw(raw, x)
		for o, v := range raw {
			s.base[o] += v / float64(len(s.background))
		}
	}
	return s
}

func (s *drawnShapley) explain(dst, x []float64) {
	n, k := len(x), s.p.Outputs()
	clear(dst[:k*(n+1)])
	random := rand.New(rand.NewPCG(1, 0x73686170)) // fixed: the same row is always explained alike
	at, before, after := make([]float64, n), make([]float64, k), make([]float64, k)
	share := 1 / float64(2*len(s.background))
	for _, b := range s.background {
		order := random.Perm(n)
		for range 2 {
			copy(at, b)
			s.p.Raw(before, at)
			for _, j := range order {
				at[j] = x[j]
				s.p.Raw(after, at)
				for o := range k {
					dst[o*(n+1)+j] += float64((after[o] - before[o]) * share)
				}
				before, after = after, before
			}
			for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
				order[i], order[j] = order[j], order[i]
			}
		}
	}
	for o, v := range s.base {
		dst[o*(n+1)+n] = v
	}
}
