package tree

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"

	"mlops/shared/model"
)

// Deep grows the trees of a forest on one table: depth first, until leaves are small or pure, each leaf looking for its split among a few
// features drawn at random. What a split gains is the decrease of the weighted variance of y, which for y in {0, 1} is that of Gini's
// impurity. Sums are of integers and therefore exact: neither the order of rows nor the processor has a part in a tree.
type Deep struct {
	*Table
	DeepRules
	job DeepJob

	rows, spareRows []int32 // the rows of the sample, those of each leaf together and in ascending order
	sums, spareSums []Sum   // theirs
	out, spareOut   []int32 // the rows out of the sample, where they are wanted
	few             [256]pile
	piles           []pile
	ranks           [][]float64 // of each categorical feature: the mean of y by bin in the tree's sample
	draw            []int       // the features, in the order in which the last leaf drew them
	nodes           []grown
	open            []patch
}

// rankPull is how many rows of weight 1 the rank of a level in the whole sample counts beside its rows in a leaf, where with few rows a level
// there is always an order that looks good (M. Wright, I. Koenig, PeerJ 7:e6339, 2019, order levels once only). 0 to 30 differ by 0.001 AUC.
const rankPull = 30

// DeepRules are what a tree of a forest must keep.
type DeepRules struct {
	Ask      int     // features that each leaf draws; when none of them can be split it draws on until one can
	MinLeaf  int     // rows on each side of a split, at least; a row drawn twice is one
	MaxDepth int     // splits above a leaf, at most; 0 = model.MaxDepth
	Random   bool    // one cut a feature, at random, instead of the best
	Pull     float64 // a leaf's value is drawn towards that of the root's as if so many rows of weight 1 had it
	Unit     float64 // what a row of weight 1 counts in Sum.Weight
}

// Sum is the weight of a row, and its weight times y, both in the same small unit; see DeepRules.Unit.
type Sum struct{ Y, Weight int64 }

// DeepJob is what one tree is grown from.
type DeepJob struct {
	Sums   []Sum                         // of every row; those of weight 0 are not in the sample
	Random *rand.Rand                    // for everything that is drawn
	Base   float64                       // y that leaf values are relative to
	Scale  float64                       // of leaf values
	Out    func(row int32, step float64) // called with the leaf value, unscaled, of each row that is not in the sample; nil = not wanted
}

// pile sums the rows of a leaf that share a bin.
type pile struct {
	Sum
	rows, bin int
	rank      float64 // of a level among the others
}

// patch is a leaf that may be split further: ranges of the grower's rows and of the rows out of the sample.
type patch struct {
	from, to, outFrom, outTo int
	sum                      Sum
	node, depth              int
}

// NewDeep sets memory aside for trees on t.
func NewDeep(t *Table, r DeepRules) *Deep {
	d := &Deep{Table: t, DeepRules: r, draw: make([]int, len(t.features)), ranks: make([][]float64, len(t.features)), spareRows: make([]int32, t.rows), spareSums: make([]Sum, t.rows)}
	for j := range t.features {
		if t.features[j].categorical {
			d.ranks[j] = make([]float64, t.features[j].bins+1)
		}
	}
	if d.MaxDepth == 0 || d.MaxDepth > model.MaxDepth {
		d.MaxDepth = model.MaxDepth
	}
	return d
}

// Grow makes a tree. A leaf's value is Scale times its step, which is
//
//	(sum of weight y - Base sum of weight) / (sum of weight + Pull)
//
// The nodes are as model.Trees takes them.
func (d *Deep) Grow(j DeepJob) []model.Node {
	d.job, d.nodes = j, append(d.nodes[:0], grown{})
	d.rows, d.sums, d.out = d.rows[:0], d.sums[:0], d.out[:0]
	root := patch{}
	for i, s := range j.Sums {
		if s.Weight > 0 {
			d.rows, d.sums = append(d.rows, int32(i)), append(d.sums, s)
			root.sum.Y += s.Y
			root.sum.Weight += s.Weight
		} else if j.Out != nil {
			d.out = append(d.out, int32(i))
		}
	}
	if len(d.spareOut) < len(d.out) {
		d.spareOut = make([]int32, d.Table.rows)
	}
	for i := range d.draw {
		d.draw[i] = i
	}
	root.to, root.outTo = len(d.rows), len(d.out)
	d.rank(&root)
	d.open = append(d.open[:0], root)
	for len(d.open) > 0 {
		p := d.open[len(d.open)-1]
		d.open = d.open[:len(d.open)-1]
		if s, ok := d.search(&p); ok {
			d.divide(&p, &s)
		} else {
			d.settle(&p)
		}
	}
	return d.finish(d.nodes)
}

// rank finds the mean of y of every level of a category in the sample, drawn towards that of all rows by a row's weight.
func (d *Deep) rank(root *patch) {
	if d.Random || root.to == 0 {
		return
	}
	unit := d.Unit
	mean := float64(root.sum.Y) / float64(root.sum.Weight)
	for j := range d.features {
		if !d.features[j].categorical {
			continue
		}
		d.collect(j, root)
		clear(d.ranks[j])
		for _, c := range d.piles {
			d.ranks[j][c.bin] = (float64(c.Y) + float64(mean*unit)) / (float64(c.Weight) + unit)
		}
	}
}

// search finds a leaf's split; of equals that of the feature drawn first.
func (d *Deep) search(p *patch) (best split, ok bool) {
	if p.to-p.from < 2*d.MinLeaf || p.depth >= d.MaxDepth || d.pure(p) {
		return best, false
	}
	best.gain = leastGain * float64(p.sum.Weight)
	for i := range d.draw {
		if i >= d.Ask && ok {
			break
		}
		to := i + d.job.Random.IntN(len(d.draw)-i)
		d.draw[i], d.draw[to] = d.draw[to], d.draw[i]
		if b := &d.features[d.draw[i]]; b.size() > 1 && d.collect(d.draw[i], p) {
			ok = d.question(b, d.draw[i], p, &best) || ok
		}
	}
	return best, ok
}

// pure reports whether all rows of a leaf have the same y.
func (d *Deep) pure(p *patch) bool {
	first := float64(d.sums[p.from].Y) / float64(d.sums[p.from].Weight)
	for _, s := range d.sums[p.from+1 : p.to] {
		if float64(s.Y)/float64(s.Weight) != first {
			return false
		}
	}
	return true
}

// collect heaps a leaf's rows up by their bin of feature j, in ascending order of bins; false when all are in one.
func (d *Deep) collect(j int, p *patch) bool {
	bins := d.bins[j]
	var touched [4]uint64
	sums := d.sums[p.from:p.to]
	for i, r := range d.rows[p.from:p.to] {
		bin := bins[r]
		c := &d.few[bin]
		c.Y += sums[i].Y
		c.Weight += sums[i].Weight
		c.rows++
		touched[bin>>6] |= 1 << (bin & 63)
	}
	d.piles = d.piles[:0]
	for w, set := range touched {
		for ; set != 0; set &= set - 1 {
			bin := 64*w + bits.TrailingZeros64(set)
			d.few[bin].bin = bin
			d.piles = append(d.piles, d.few[bin])
			d.few[bin] = pile{}
		}
	}
	return len(d.piles) > 1
}

// question improves best by what feature j, whose piles were collected, can ask; false when it cannot.
func (d *Deep) question(b *binning, j int, p *patch, best *split) (found bool) {
	missing := d.piles[len(d.piles)-1].bin == b.bins
	switch {
	case b.categorical && d.Random:
		d.job.Random.Shuffle(len(d.piles), func(a, c int) { d.piles[a], d.piles[c] = d.piles[c], d.piles[a] })
	case b.categorical:
		rank, pull := d.ranks[j], float64(rankPull*d.Unit)
		for i, c := range d.piles {
			d.piles[i].rank = (float64(c.Y) + float64(rank[c.bin]*pull)) / (float64(c.Weight) + pull)
		}
		slices.SortFunc(d.piles, func(a, c pile) int { return cmp.Or(cmp.Compare(a.rank, c.rank), cmp.Compare(a.bin, c.bin)) })
	case d.Random && missing && d.job.Random.IntN(2) == 0, !d.Random && missing:
		last := len(d.piles) - 1
		d.piles = slices.Insert(d.piles[:last], 0, d.piles[last])
		found = d.scan(b, j, p, best)
		d.piles = append(d.piles[1:], d.piles[0])
		if d.Random {
			return found
		}
	}
	return d.scan(b, j, p, best) || found
}

// scan tries the cuts between the piles as they lie, or one of them.
func (d *Deep) scan(b *binning, j int, p *patch, best *split) (found bool) {
	only := -1
	if d.Random {
		only = d.any(b)
	}
	var left pile
	for i, c := range d.piles[:len(d.piles)-1] {
		left.Y += c.Y
		left.Weight += c.Weight
		left.rows += c.rows
		if only >= 0 && i != only || left.rows < d.MinLeaf || p.to-p.from-left.rows < d.MinLeaf {
			continue
		}
		wl, wr := float64(left.Weight), float64(p.sum.Weight-left.Weight)
		gap := float64(left.Y)/wl - float64(p.sum.Y-left.Y)/wr
		if gain := wl * wr / (wl + wr) * gap * gap; gain > best.gain {
			*best, found = split{gain: gain, feature: j, missingRight: wr > wl}, true
			d.describe(b, best, i)
		}
	}
	return found
}

// any draws the place of a cut: of a category any, the order being one that was drawn; of a number one that leaves a bin drawn between the
// least and the greatest on the right.
func (d *Deep) any(b *binning) int {
	if b.categorical {
		return d.job.Random.IntN(len(d.piles) - 1)
	}
	first, last := 0, len(d.piles)-1
	if d.piles[first].bin == b.bins {
		first++
	}
	if d.piles[last].bin == b.bins {
		last--
	}
	if first == last { // one bin, and the missing
		return 0
	}
	cut := d.piles[first].bin + d.job.Random.IntN(d.piles[last].bin-d.piles[first].bin)
	at := first
	for d.piles[at+1].bin <= cut {
		at++
	}
	return at
}

// describe writes down the question whose answer sends the piles up to i to the left.
func (d *Deep) describe(b *binning, s *split, i int) {
	if !b.categorical {
		first, last := d.piles[0].bin, d.piles[len(d.piles)-1].bin
		if first == b.bins || last == b.bins {
			s.missingRight = last == b.bins
		}
		low, high := d.piles[i].bin, d.piles[i+1].bin
		switch {
		case low == b.bins: // the missing alone: said the other way round, since no threshold is below every number
			s.bin, s.missingRight = b.bins-1, true
		case high == b.bins:
			s.bin = b.bins - 1
		default:
			s.bin = (low + high - 1) / 2 // in the middle of the bins without rows
		}
		return
	}
	for at, c := range d.piles {
		if c.bin == b.bins {
			s.missingRight = at > i
		}
	}
	if !s.missingRight { // bins without rows go the way of the missing
		s.left = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	}
	for at, c := range d.piles {
		if at <= i {
			s.left[c.bin/64] |= 1 << (c.bin % 64)
		} else {
			s.left[c.bin/64] &^= 1 << (c.bin % 64)
		}
	}
}

// divide carries out a split.
func (d *Deep) divide(p *patch, s *split) {
	right := s.sides(&d.features[s.feature])
	bins := d.bins[s.feature]
	n := len(d.nodes)
	a := patch{from: p.from, outFrom: p.outFrom, node: n, depth: p.depth + 1}
	rows, sums := d.rows[p.from:p.to], d.sums[p.from:p.to]
	left, away := 0, 0
	for i, r := range rows { // written to both places: only the place that is right moves on, and no branch is mispredicted
		c := int(right[bins[r]])
		v := sums[i]
		rows[left], sums[left] = r, v
		d.spareRows[away], d.spareSums[away] = r, v
		a.sum.Y += v.Y & int64(c-1)
		a.sum.Weight += v.Weight & int64(c-1)
		left += 1 - c
		away += c
	}
	copy(rows[left:], d.spareRows[:away])
	copy(sums[left:], d.spareSums[:away])
	a.to = p.from + left
	out := d.out[p.outFrom:p.outTo]
	left, away = 0, 0
	for _, r := range out {
		c := int(right[bins[r]])
		out[left], d.spareOut[away] = r, r
		left += 1 - c
		away += c
	}
	copy(out[left:], d.spareOut[:away])
	a.outTo = p.outFrom + left
	b := patch{from: a.to, to: p.to, outFrom: a.outTo, outTo: p.outTo, node: n + 1, depth: p.depth + 1,
		sum: Sum{p.sum.Y - a.sum.Y, p.sum.Weight - a.sum.Weight}}
	d.nodes[p.node].split, d.nodes[p.node].left, d.nodes[p.node].right = *s, n, n+1
	d.nodes = append(d.nodes, grown{}, grown{})
	d.open = append(d.open, b, a)
}

// settle gives a leaf its value.
func (d *Deep) settle(p *patch) {
	weight, unit := float64(p.sum.Weight), d.Unit
	step := 0.0 // of a sample without weight, too
	if weight > 0 {
		step = (float64(p.sum.Y) - float64(d.job.Base*weight)) / (weight + float64(d.Pull*unit))
	}
	d.nodes[p.node].value, d.nodes[p.node].rows = d.job.Scale*step, p.to-p.from
	for _, r := range d.out[p.outFrom:p.outTo] {
		d.job.Out(r, step)
	}
}
