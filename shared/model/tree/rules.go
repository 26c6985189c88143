package tree

import (
	"math"

	"mlops/shared/model"
)

// Rules are what a tree must keep.
type Rules struct {
	Leaves     int     // at most, in [1, 65,534]
	Depth      int     // splits above a leaf, at most; 0 = model.MaxDepth
	L1         float64 // penalty on the magnitude of leaf values, >= 0
	L2         float64 // penalty on their squares, >= 0
	MinLeaf    int     // rows on each side of a split, at least; estimated from second derivatives as LightGBM does
	MinHessian float64 // sum of second derivatives on each side, at least; > 0

	// Monotone says of each feature whether the tree must not fall (1) or not rise (-1) as it grows; 0 = either. nil = all 0. Of a categorical
	// feature it must be 0.
	Monotone []int8
	// Groups are sets of features, one truth value a feature: the features asked on the way to a leaf lie in one of them together. nil = no such rule.
	Groups [][]bool
}

// bounds are where a leaf's step must lie.
type bounds struct{ low, high float64 }

var unbounded = bounds{math.Inf(-1), math.Inf(1)}

func (b bounds) clip(v float64) float64 { return min(max(v, b.low), b.high) }

// deepest is how many splits may lie above a leaf.
func (r *Rules) deepest() int {
	if r.Depth == 0 {
		return model.MaxDepth
	}
	return r.Depth
}

// sign is how feature j is constrained.
func (r *Rules) sign(j int) int8 {
	if r.Monotone == nil {
		return 0
	}
	return r.Monotone[j]
}

// soft is g with its magnitude lessened by L1, but not below 0.
func (r *Rules) soft(g float64) float64 {
	return math.Copysign(max(math.Abs(g)-r.L1, 0), g)
}

// step is the value w within bounds that minimises g w + (h+l2)/2 w*w + L1 |w|.
func (r *Rules) step(b bounds, g, h, l2 float64) float64 {
	if h+l2 <= 0 {
		return b.clip(0)
	}
	return b.clip(-r.soft(g) / (h + l2))
}

// worth is twice what the step w takes off that sum.
func (r *Rules) worth(w, g, h, l2 float64) float64 {
	return -(float64(2*g*w) + float64((h+l2)*w*w) + float64(2*r.L1*math.Abs(w)))
}

// restrict passes down to the children a and b of l what its split means for them. Where it asks a constrained feature, no leaf of the lower side
// exceeds the middle between the children's steps, and no leaf of the other side falls below it: so the order holds however they are split
// further (LightGBM's "basic" method, also scikit-learn's). Of the groups those without the feature fall away.
func (t *Grower) restrict(l, a, b *leaf) {
	s := &l.best
	if sign := t.sign(s.feature); sign != 0 && s.ordered(&t.features[s.feature]) {
		middle(sign, t.step(a.bounds, a.g, a.hs, t.L2), t.step(b.bounds, b.g, b.hs, t.L2), &a.bounds, &b.bounds)
	}
	if t.Groups != nil {
		var left []int
		for _, k := range l.groups {
			if t.Groups[k][s.feature] {
				left = append(left, k)
			}
		}
		a.groups, b.groups = left, left
	}
}

// middle bounds two sides of a split on a feature of that sign by the middle of their values v and w.
func middle(sign int8, v, w float64, a, b *bounds) {
	m := v + float64((w-v)/2)
	if sign > 0 {
		a.high, b.low = min(a.high, m), max(b.low, m)
	} else {
		a.low, b.high = max(a.low, m), min(b.high, m)
	}
}

// ordered reports whether a split tells greater numbers from smaller ones, rather than missing values from numbers, or categories.
func (s *split) ordered(b *binning) bool { return !b.categorical && s.bin < b.bins-1 }

// everyGroup is where a root starts from.
func (t *Grower) everyGroup() []int {
	var all []int
	for k := range t.Groups {
		all = append(all, k)
	}
	return all
}

// allow marks the features that a leaf may ask.
func (t *Grower) allow(l *leaf) {
	for j := range t.allowed {
		ok := t.Groups == nil
		for _, k := range l.groups {
			ok = ok || t.Groups[k][j]
		}
		t.allowed[j] = ok && (t.Use == nil || t.Use[j])
	}
}
