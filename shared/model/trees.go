package model

import (
	"math"

	"mlops/shared/fault"
)

// Node is one node of a tree in building form. A tree is a list in breadth-first order in which the two children of an inner node lie
// side by side: the i-th inner node (from 0) has its children at 2i+1 and 2i+2. So the shape needs no pointers and cannot have a cycle.
type Node struct {
	Feature      int      // the feature asked, -1 in a leaf
	Threshold    float64  // numeric feature: x <= Threshold goes left
	Left         []uint64 // categorical feature: bit c of word c/64 is set when level c goes left; (levels+63)/64 words
	MissingRight bool     // where a missing value, and a level that training never saw, goes
	Value        float64  // leaf: what it adds to the raw score; inner node: mean of the leaves below, weighted by training rows
}

// Trees is an ensemble of decision trees: tree t adds its leaf's value to raw score t modulo the number of scores.
//
//	raw_o = base_o + sum over trees t with t mod k = o of leaf_t(x)
//
// Nodes are 16 bytes in one slice, four to a cache line, the hot upper levels of a tree together. A row without missing values in an
// ensemble without categorical splits is walked without branches, four trees at a time, so that their memory accesses overlap.
type Trees struct {
	link   Link
	base   []float64
	levels []int32 // of each feature; -1 for a numeric one
	nodes  []node
	value  []float64 // of each node, see Node.Value
	sets   []uint64  // the bit sets of all categorical splits
	roots  []int32
	depth  []int32
	plain  bool // no categorical split

	Report *Report // of the fit; nil after Decode
}

// node is Node packed. A leaf is its own child and is never left: no number exceeds its threshold of +Inf.
type node struct {
	threshold float64 // categorical split: position of its bit set in sets
	child     int32   // left child; the right one follows it
	feature   uint16
	flags     uint16
}

const (
	isLeaf uint16 = 1 << iota
	isCategorical
	missingRight
)

// maxNodes is how many nodes an ensemble may have: what int32 positions can address.
const maxNodes = math.MaxInt32

// NewTrees starts an ensemble over features with a base for each raw score; Add gives it its trees.
func NewTrees(link Link, features []Feature, base []float64) *Trees {
	t := &Trees{link: link, base: append([]float64(nil), base...), levels: make([]int32, len(features)), plain: true}
	for i, f := range features {
		t.levels[i] = int32(levelCount(f))
	}
	return t
}

// Add appends a tree, and refuses one that is malformed: wrong number of nodes, unknown feature, a bit set of the wrong length, a
// number that is not finite, or more than MaxDepth splits above a leaf. A refused tree leaves t as it was.
func (t *Trees) Add(tree []Node) error {
	if len(tree)%2 == 0 || len(t.roots) >= MaxTrees || len(t.nodes)+len(tree) > maxNodes {
		return fault.Invalidf("tree %d has %d nodes: a binary tree has an odd number, an ensemble at most %d trees", len(t.roots), len(tree), MaxTrees)
	}
	root := len(t.nodes)
	depth := make([]uint8, len(tree))
	nodes, value, sets, plain := t.nodes, t.value, t.sets, t.plain
	next, deepest := 1, uint8(0) // where the next inner node's children lie
	for i, n := range tree {
		if i >= next {
			return fault.Invalidf("tree %d: node %d has no parent", len(t.roots), i)
		}
		if !within(n.Value, MaxWeight) {
			return fault.Invalidf("tree %d: the value of node %d is not a number of magnitude at most %g", len(t.roots), i, float64(MaxWeight))
		}
		value = append(value, n.Value)
		deepest = max(deepest, depth[i])
		if n.Feature == -1 {
			nodes = append(nodes, node{threshold: math.Inf(1), child: int32(root + i), flags: isLeaf})
			continue
		}
		p, err := t.pack(n, len(sets))
		if err != nil {
			return fault.Wrap(err, "tree %d: node %d", len(t.roots), i)
		}
		if next+1 >= len(tree) || depth[i] == MaxDepth {
			return fault.Invalidf("tree %d: the children of node %d are absent or too deep", len(t.roots), i)
		}
		if p.flags&isCategorical != 0 {
			sets = append(sets, n.Left...)
			plain = false
		}
		p.child = int32(root + next)
		depth[next], depth[next+1] = depth[i]+1, depth[i]+1
		next += 2
		nodes = append(nodes, p)
	}
	if next != len(tree) {
		return fault.Invalidf("tree %d has %d nodes, its shape needs %d", len(t.roots), len(tree), next)
	}
	t.nodes, t.value, t.sets, t.plain = nodes, value, sets, plain
	t.roots, t.depth = append(t.roots, int32(root)), append(t.depth, int32(deepest))
	return nil
}

// Keep leaves only the first n trees.
func (t *Trees) Keep(n int) {
	if n >= len(t.roots) {
		return
	}
	for _, p := range t.nodes[t.roots[n]:] {
		if p.flags&isCategorical != 0 { // the first bit set that nobody asks any more
			t.sets = t.sets[:int(p.threshold)]
			break
		}
	}
	t.nodes, t.value = t.nodes[:t.roots[n]], t.value[:t.roots[n]]
	t.roots, t.depth, t.plain = t.roots[:n], t.depth[:n], len(t.sets) == 0
}

// Len is the number of trees.
func (t *Trees) Len() int { return len(t.roots) }

// pack checks an inner node and packs it, but for its child. at is where its bit set will lie.
func (t *Trees) pack(n Node, at int) (node, error) {
	if n.Feature < 0 || n.Feature >= len(t.levels) {
		return node{}, fault.Invalidf("asks feature %d of %d", n.Feature, len(t.levels))
	}
	p := node{threshold: n.Threshold, feature: uint16(n.Feature)}
	if n.MissingRight {
		p.flags |= missingRight
	}
	levels := int(t.levels[n.Feature])
	if levels < 0 {
		if len(n.Left) > 0 || math.IsNaN(n.Threshold) || math.IsInf(n.Threshold, 0) {
			return node{}, fault.Invalidf("splits the numeric feature %d by a set or by a threshold that is not finite", n.Feature)
		}
		return p, nil
	}
	if levels == 0 || len(n.Left) != words(levels) || n.Threshold != 0 {
		return node{}, fault.Invalidf("splits the categorical feature %d of %d levels by a set of %d words", n.Feature, levels, len(n.Left))
	}
	if rest := levels % 64; rest > 0 && n.Left[len(n.Left)-1]>>rest != 0 {
		return node{}, fault.Invalidf("sends a level beyond the %d of feature %d to the left", levels, n.Feature)
	}
	p.threshold = float64(at)
	p.flags |= isCategorical
	return p, nil
}

// words is the length of a bit set over levels.
func words(levels int) int { return (levels + 63) / 64 }

// tree gives tree i back in building form.
func (t *Trees) tree(i int) []Node {
	end := len(t.nodes)
	if i+1 < len(t.roots) {
		end = int(t.roots[i+1])
	}
	out := make([]Node, 0, end-int(t.roots[i]))
	for j := int(t.roots[i]); j < end; j++ {
		p := t.nodes[j]
		n := Node{Feature: int(p.feature), Threshold: p.threshold, MissingRight: p.flags&missingRight != 0, Value: t.value[j]}
		switch {
		case p.flags&isLeaf != 0:
			n.Feature, n.Threshold = -1, 0
		case p.flags&isCategorical != 0:
			at := int(p.threshold)
			n.Left, n.Threshold = t.sets[at:at+words(int(t.levels[p.feature]))], 0
		}
		out = append(out, n)
	}
	return out
}

// check reports whether t fits the model m. Its trees were checked when they were added.
func (t *Trees) check(m *Model) error {
	k := outputs(m.Task, len(m.Classes))
	ok := len(t.base) == k && allWithin(t.base) && len(t.levels) == len(m.Features) && len(t.roots)%k == 0
	ok = ok && t.link.fits(m.Task)
	for i := range t.levels {
		ok = ok && int(t.levels[i]) == levelCount(m.Features[i])
	}
	if !ok {
		return fault.Invalidf("the trees were grown for another task or other features than the model's: %d scores and %d features for %s", len(t.base), len(t.levels), m.Task)
	}
	return nil
}
