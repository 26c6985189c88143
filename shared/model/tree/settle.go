package tree

import (
	"math"
	"sync"
)

// mostLeaves is how many leaves a tree has at most: what the note of each row's leaf can count.
const mostLeaves = math.MaxUint16 - 1

// settle gives the leaves their values, and the rows the tree was grown on what that does to their scores. With Job.Value and constrained features
// the bounds of steps say nothing: they are found anew from the values of all nodes.
func (t *Grower) settle(leaves []*leaf) {
	for _, l := range leaves {
		t.release(l)
	}
	t.house(leaves)
	t.renew(leaves)
	if t.Value != nil && t.Monotone != nil {
		t.bound()
	}
	value := make([]float64, len(leaves)+1) // of the rows that are not in the tree: 0
	Parallel(len(leaves), t.threads, 4*t.rows, func(from, to int) {
		for k, l := range leaves[from:to] {
			n := &t.nodes[l.node]
			n.value, n.rows = t.value(l), l.to-l.from
			value[from+k+1] = n.value
		}
	})
	if t.Scores == nil {
		return
	}
	Parallel(t.rows, t.threads, t.rows, func(from, to int) { // in the order of the rows: a pass along memory costs less than one along each leaf
		scores := t.Scores[from:to]
		for i, k := range t.home[from:to] {
			scores[i] += value[k]
		}
	})
}

// house notes each row's leaf.
func (t *Grower) house(leaves []*leaf) {
	if t.Rows != nil {
		clear(t.home)
	}
	Parallel(len(leaves), t.threads, t.rows, func(from, to int) {
		for k := from; k < to; k++ {
			for _, r := range t.order[leaves[k].from:leaves[k].to] {
				t.home[r] = uint16(k + 1)
			}
		}
	})
}

// renew sums the leaves' gradients and second derivatives anew, with 30 bits more than the histograms have.
func (t *Grower) renew(leaves []*leaf) {
	type pair struct{ g, h int64 }
	total := make([]pair, len(leaves)+1)
	toG, toH := t.toG*(1<<30), t.toH*(1<<30)
	var joining sync.Mutex
	Parallel(t.rows, t.threads, 2*t.rows, func(from, to int) {
		part := make([]pair, len(total))
		sums := t.Sums[from:to]
		for i, k := range t.home[from:to] {
			p, s := &part[k], &sums[i]
			p.g += int64(float64(s[0]) * toG)
			p.h += int64(float64(s[1]) * toH)
		}
		joining.Lock()
		for k, p := range part {
			total[k].g += p.g
			total[k].h += p.h
		}
		joining.Unlock()
	})
	for k, l := range leaves {
		l.g, l.hs = float64(total[k+1].g)/toG, float64(total[k+1].h)/toH
	}
}
