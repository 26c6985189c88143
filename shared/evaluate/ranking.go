package evaluate

import (
	"cmp"
	"math"
	"slices"
)

// ranking is a score's order, made once: an AUC under any row weights is then one pass over it.
type ranking struct {
	order    []int32 // rows by ascending score
	last     []bool  // order[k] closes a group of tied scores
	positive []bool  // by row
}

func newRanking(positive []bool, score []float64) ranking {
	r := ranking{order: make([]int32, len(score)), last: make([]bool, len(score)), positive: positive}
	for i := range r.order {
		r.order[i] = int32(i)
	}
	slices.SortStableFunc(r.order, func(a, b int32) int { return cmp.Compare(score[a], score[b]) })
	for k := range r.order {
		r.last[k] = k+1 == len(r.order) || score[r.order[k+1]] != score[r.order[k]]
	}
	return r
}

// auc is the Mann-Whitney form of the area, counted in whole numbers and so exact up to its one division: the share of pairs of a
// positive and a negative in which the positive scores higher, a tie counting one half. w[i] is how often row i occurs (nil: once).
// NaN when a class is absent.
func (r ranking) auc(w []int32) float64 {
	var twice, below, above int64 // twice: two for a won pair, one for a tie
	var negatives, positives int64
	for k, row := range r.order {
		times := int64(1)
		if w != nil {
			times = int64(w[row])
		}
		if r.positive[row] {
			positives += times
		} else {
			negatives += times
		}
		if r.last[k] {
			twice += positives * (2*below + negatives)
			below, above = below+negatives, above+positives
			positives, negatives = 0, 0
		}
	}
	if below == 0 || above == 0 {
		return math.NaN()
	}
	return float64(twice) / (2 * float64(below) * float64(above))
}

// placements are DeLong's structural components, from midranks: for a positive row the share of negatives that it outranks, for a
// negative row the share of positives that outrank it, ties counting one half. Their mean over either class is the AUC.
func (r ranking) placements() (v []float64, positives, negatives int) {
	v = make([]float64, len(r.order))
	for _, p := range r.positive {
		if p {
			positives++
		}
	}
	negatives = len(r.order) - positives
	var below, above, start int // of each class, in the groups passed so far
	for k := range r.order {
		if !r.last[k] {
			continue
		}
		group := r.order[start : k+1]
		tied := 0
		for _, row := range group {
			if r.positive[row] {
				tied++
			}
		}
		for _, row := range group {
			if r.positive[row] {
				v[row] = (float64(below) + float64(len(group)-tied)/2) / float64(negatives)
			} else {
				v[row] = (float64(positives-above-tied) + float64(tied)/2) / float64(positives)
			}
		}
		below, above, start = below+len(group)-tied, above+tied, k+1
	}
	return v, positives, negatives
}

func isClass(y []float64, class int) []bool {
	b := make([]bool, len(y))
	for i, v := range y {
		b[i] = int(v) == class
	}
	return b
}

// AUC is the area under the ROC curve of scores s for labels y (1 positive, 0 negative): the chance that a positive row scores higher
// than a negative one, a tie counting one half.
//
//	AUC = sum over pairs of ([s+ > s-] + [s+ = s-]/2) / (positives x negatives)
//
// y and s have one length and no NaN. NaN when a class is absent. Hanley & McNeil, Radiology 143 (1982).
func AUC(y, s []float64) float64 { return newRanking(isClass(y, 1), s).auc(nil) }

// DeLong is the AUC with the variance of its estimate, in O(n log n) by midranks.
//
//	Var = s10/positives + s01/negatives, s the sample variances of the placements of either class
//
// The variance is NaN with fewer than two rows of a class, and zero for perfectly separated scores. DeLong, DeLong & Clarke-Pearson,
// Biometrics 44 (1988); Sun & Xu, IEEE Signal Processing Letters 21 (2014).
func DeLong(y, s []float64) (auc, variance float64) {
	i := areaInfluence(y, s, []int{1})
	return i.value, i.variance()
}

// areaInfluence is the mean, over the given classes, of the area of column k of the class against the rest. s holds either one score a
// row (classes = {1}) or width = len(classes) probabilities a row.
func areaInfluence(y, s []float64, classes []int) influence {
	in := influence{row: make([]float64, len(y)), stratum: strata(y)}
	width := len(classes)
	column := make([]float64, len(y))
	for k, class := range classes {
		for i := range column {
			column[i] = s[i*width+k]
		}
		r := newRanking(isClass(y, class), column)
		area := r.auc(nil)
		in.value += area / float64(width)
		v, positives, negatives := r.placements()
		for i := range v {
			size := negatives
			if r.positive[i] {
				size = positives
			}
			in.row[i] += v[i] / float64(size) / float64(width)
		}
	}
	return in
}
