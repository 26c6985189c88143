package tree

// Value gives the value of a leaf from its rows, and from the step that the sums of their derivatives ask for. It must not keep rows, and is called from
// several goroutines.
type Value func(rows []int32, step float64) float64

// value is a leaf's.
func (t *Grower) value(l *leaf) float64 {
	if l.hs <= 0 {
		return 0
	}
	if t.Value == nil {
		return t.Scale * t.step(l.bounds, l.g, l.hs, t.L2)
	}
	if t.Monotone != nil {
		return l.clip(t.Value(t.order[l.from:l.to], t.step(unbounded, l.g, l.hs, t.L2)))
	}
	return t.Value(t.order[l.from:l.to], t.step(l.bounds, l.g, l.hs, t.L2))
}

// bound finds the bounds of all nodes from their values, the root's first.
func (t *Grower) bound() {
	t.nodes[0].leaf.bounds = unbounded
	for i := range t.nodes { // parents come before their children
		n := &t.nodes[i]
		if n.left == 0 {
			continue
		}
		a, b := t.nodes[n.left].leaf, t.nodes[n.right].leaf
		a.bounds, b.bounds = n.leaf.bounds, n.leaf.bounds
		if sign := t.sign(n.split.feature); sign != 0 && n.split.ordered(&t.features[n.split.feature]) {
			middle(sign, t.value(a), t.value(b), &a.bounds, &b.bounds)
		}
	}
}

// add adds v to the scores of rows.
func (t *Grower) add(rows []int32, v float64) {
	if t.Scores == nil {
		return
	}
	for _, r := range rows {
		t.Scores[r] += v
	}
}

// score sends Job.Rest down the tree, whose own rows are the first n in order.
func (t *Grower) score(n int) {
	if len(t.Rest) == 0 || t.Scores == nil {
		return
	}
	from, to := make([]int, len(t.nodes)), make([]int, len(t.nodes))
	from[0], to[0] = n, n+copy(t.order[n:], t.Rest)
	for i := range t.nodes {
		m, a, b := &t.nodes[i], from[i], to[i]
		if m.left == 0 {
			t.add(t.order[a:b], m.value)
			continue
		}
		mid := a + t.partition(a, b, &m.split)
		from[m.left], to[m.left] = a, mid
		from[m.right], to[m.right] = mid, b
	}
}
