package tree

import (
	"mlops/shared/model"
)

// leaf is a range of the grower's rows that may be split further.
type leaf struct {
	from, to int
	h        histogram // nil when the leaf will not be split, or draws its features
	g, hs    float64   // sums of gradients and second derivatives
	bounds             // of its value
	groups   []int     // the groups of Rules.Groups that hold all features on the way to it
	best     split
	node     int // its place in the tree
	depth    int
}

// Grower grows trees on one table, one after the other, reusing its memory.
type Grower struct {
	*Table
	Rules
	Job
	threads int

	order   []int32 // the rows, those of each leaf together and in ascending order
	spare   []int32
	found   []split // of each feature, of the leaf that is searched
	allowed []bool  // the features that it may ask
	nodes   []grown
	open    []*leaf // leaves with a split that is worth its while
	done    []*leaf // the others

	fixed
	packed  []int64     // of each row, see fixed
	trees   uint64      // grown so far, this one included
	lines   []lines     // the table once more, row after row
	pool    []histogram // not in use
	benches benches     // to sum in
	home    []uint16    // of each row: 1 + the position of its leaf, at the end; 0 = the tree does not see it
	finders []finder
}

// Job is what one tree is grown from.
type Job struct {
	Sums   Sums      // gradient and second derivative of every row
	Rows   []int32   // the rows that the tree sees, ascending; nil = all
	Rest   []int32   // the other rows whose scores are wanted
	Use    []bool    // the features that it may ask; nil = all
	Scale  float64   // of leaf values
	Scores []float64 // of Rows and Rest: get their leaf's value added; nil = not wanted
	Value  Value     // of a leaf; nil = Scale times its step
}

// NewGrower sets memory aside for trees on t.
func NewGrower(t *Table, r Rules, threads int) *Grower {
	g := &Grower{Table: t, Rules: r, threads: max(1, threads), order: make([]int32, t.rows), spare: make([]int32, t.rows), found: make([]split, len(t.features)),
		allowed: make([]bool, len(t.features)), packed: make([]int64, t.rows), lines: t.rowMajor(threads), home: make([]uint16, t.rows), finders: make([]finder, len(t.features))}
	g.Leaves = min(g.Leaves, mostLeaves)
	return g
}

// grown is a node of the tree as it comes to be; left and right are 0 in a leaf, since the root is nobody's child.
type grown struct {
	split       split
	left, right int
	leaf        *leaf // what it was before it was split
	value       float64
	rows        int
}

// Grow makes a tree leaf-wise: of all leaves, the one whose split gains most is split, until there are enough. A leaf's value is Scale
// times the step -g/(h+L2) that minimises the loss there. The nodes are as model.Trees takes them.
func (t *Grower) Grow(j Job) []model.Node {
	t.Job, t.nodes, t.open, t.done = j, append(t.nodes[:0], grown{}), t.open[:0], t.done[:0]
	root := &leaf{to: copy(t.order, j.Rows), bounds: unbounded, groups: t.everyGroup()}
	t.nodes[0].leaf = root
	if j.Rows == nil {
		root.to = t.rows
		for i := range t.order {
			t.order[i] = int32(i)
		}
	}
	total := t.sum(t.quantise(t.order[:root.to]))
	root.g, root.hs = total.g, total.h
	if t.splittable(root) {
		root.h = t.histogram()
		t.build(root.h, t.order[:root.to])
	}
	t.consider(root)
	for len(t.open) > 0 && len(t.open)+len(t.done) < t.Leaves {
		l := t.next()
		a, b := t.divide(l)
		t.descend(l, a, b)
	}
	t.settle(append(t.done, t.open...))
	t.score(root.to)
	return t.finish(t.nodes)
}

// next takes the leaf whose split gains most.
func (t *Grower) next() *leaf {
	at := len(t.open) - 1
	for i, l := range t.open {
		if l.best.gain > t.open[at].best.gain {
			at = i
		}
	}
	l := t.open[at]
	t.open = append(t.open[:at], t.open[at+1:]...)
	return l
}

// consider looks for a leaf's split and files the leaf under open or done.
func (t *Grower) consider(l *leaf) {
	l.best = split{feature: -1}
	if l.h != nil && t.splittable(l) {
		t.search(l)
	}
	if l.best.feature >= 0 {
		t.open = append(t.open, l)
		return
	}
	t.release(l)
	t.done = append(t.done, l)
}

// splittable reports whether a leaf is large and shallow enough to be split.
func (t *Grower) splittable(l *leaf) bool {
	return l.to-l.from >= 2*t.MinLeaf && l.hs >= 2*t.MinHessian && l.depth < t.deepest()
}

// divide carries out a leaf's best split.
func (t *Grower) divide(l *leaf) (a, b *leaf) {
	s := &l.best
	mid := l.from + t.partition(l.from, l.to, s)
	n := len(t.nodes)
	a = &leaf{from: l.from, to: mid, g: s.g, hs: s.h, bounds: l.bounds, groups: l.groups, node: n, depth: l.depth + 1}
	b = &leaf{from: mid, to: l.to, g: l.g - s.g, hs: l.hs - s.h, bounds: l.bounds, groups: l.groups, node: n + 1, depth: l.depth + 1}
	t.restrict(l, a, b)
	t.nodes[l.node].split, t.nodes[l.node].left, t.nodes[l.node].right = *s, n, n+1
	t.nodes = append(t.nodes, grown{leaf: a}, grown{leaf: b})
	return a, b
}

// descend gives the children their histograms and best splits: the smaller one's is built, the greater one's is what is left of their
// parent's. None is made that nobody will need.
func (t *Grower) descend(l, a, b *leaf) {
	small, great := a, b
	if b.to-b.from < a.to-a.from {
		small, great = b, a
	}
	full := len(t.open)+len(t.done)+2 == t.Leaves
	if full || l.h != nil && !t.splittable(great) && !t.splittable(small) {
		t.release(l)
		t.done = append(t.done, a, b)
		return
	}
	if l.h != nil {
		small.h = t.histogram()
		t.build(small.h, t.order[small.from:small.to])
		great.h, l.h = l.h, nil
		great.h.subtract(small.h)
	}
	t.consider(a)
	t.consider(b)
}

// search finds a leaf's best split among all features; of equals the first feature's.
func (t *Grower) search(l *leaf) {
	t.allow(l)
	Parallel(len(t.features), t.threads, 8*t.cells, func(from, to int) {
		w := t.benches.take()
		for j := from; j < to; j++ {
			t.found[j] = split{feature: -1}
			if b := &t.features[j]; t.allowed[j] {
				t.found[j] = t.finder(l, j).find(b, j, w.dequantise(&t.fixed, l.h[b.at:b.at+b.size()]))
			}
		}
		t.benches.give(w)
	})
	for _, s := range t.found {
		if s.feature >= 0 && (l.best.feature < 0 || s.gain > l.best.gain) {
			l.best = s
		}
	}
}

// finder is feature j's, set to leaf l.
func (t *Grower) finder(l *leaf, j int) *finder {
	f := &t.finders[j]
	f.Rules, f.bounds, f.g, f.h, f.rows = t.Rules, l.bounds, l.g, l.hs, float64(l.to-l.from)/l.hs
	f.sign, f.plain = t.sign(j), t.L1 == 0 && t.Monotone == nil
	f.parent = f.gain(f.g, f.h, f.L2)
	return f
}

func (t *Grower) histogram() histogram {
	if n := len(t.pool); n > 0 {
		h := t.pool[n-1]
		t.pool = t.pool[:n-1]
		return h
	}
	return make(histogram, t.cells)
}

func (t *Grower) release(l *leaf) {
	if l.h != nil {
		t.pool = append(t.pool, l.h)
		l.h = nil
	}
}

// finish puts the tree into the form that model.Trees takes: breadth-first, with the mean value of the rows below in each inner node.
func (t *Table) finish(nodes []grown) []model.Node {
	for i := len(nodes) - 1; i >= 0; i-- { // children come after their parents
		if n := &nodes[i]; n.left > 0 {
			a, b := &nodes[n.left], &nodes[n.right]
			n.rows = a.rows + b.rows
			n.value = (float64(a.value*float64(a.rows)) + float64(b.value*float64(b.rows))) / float64(n.rows)
		}
	}
	list := make([]model.Node, 0, len(nodes))
	queue := make([]int, 1, len(nodes))
	for head := 0; head < len(queue); head++ {
		n := &nodes[queue[head]]
		m := model.Node{Feature: -1, Value: n.value}
		if n.left > 0 {
			b := &t.features[n.split.feature]
			m.Feature, m.MissingRight = n.split.feature, n.split.missingRight
			if b.categorical {
				m.Left = n.split.levels(b)
			} else {
				m.Threshold = n.split.threshold(b)
			}
			queue = append(queue, n.left, n.right)
		}
		list = append(list, m)
	}
	return list
}
