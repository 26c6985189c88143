package fit

import "math"

// weightedQuantile is the value v with share alpha of the weights below it, the minimiser of the sum of w_i (alpha - [v_i < v])(v_i - v): the least v_i
// at which the weights of all v_j <= v_i reach alpha of their sum, or the middle between it and the next greater one where they are just
// that. A weight of two is the same as the row twice. v and w, of equal length, are put into another order; w's sum is not 0.
func weightedQuantile(v, w []float64, alpha float64) float64 {
	var sum float64
	for _, x := range w {
		sum += x
	}
	goal, dust := float64(alpha*sum), float64(1e-12*sum)
	below := 0.0 // the weights of values that were found to be too small
	low, high := 0, len(v)
	for draw := uint64(len(v)); ; { // a pivot drawn anywhere: no order of the rows makes the search slow
		draw = draw*6364136223846793005 + 1442695040888963407
		pivot := v[low+int(draw>>33%uint64(high-low))]
		less, greater, lighter, equal := divide(v[low:high], w[low:high], pivot)
		switch {
		case below+lighter >= goal-dust && less > 0:
			high = low + less
		case below+lighter+equal >= goal-dust || greater == high-low:
			if reached := below + lighter + equal; reached > goal+dust {
				return pivot
			}
			return pivot + float64((next(v, w, pivot)-pivot)/2)
		default:
			below += lighter + equal
			low += greater
		}
	}
}

// divide moves values below the pivot to the front and those above it to the end. The former are the first less, the latter begin at greater; lighter
// and equal are the weights of those below and of those that are the pivot.
func divide(v, w []float64, pivot float64) (less, greater int, lighter, equal float64) {
	greater = len(v)
	for i := 0; i < greater; {
		switch {
		case v[i] < pivot:
			lighter += w[i]
			v[i], v[less], w[i], w[less] = v[less], v[i], w[less], w[i]
			less++
			i++
		case v[i] > pivot:
			greater--
			v[i], v[greater], w[i], w[greater] = v[greater], v[i], w[greater], w[i]
		default:
			equal += w[i]
			i++
		}
	}
	return less, greater, lighter, equal
}

// next is the least value above x that has a weight; x if there is none.
func next(v, w []float64, x float64) float64 {
	out := math.Inf(1)
	for i, y := range v {
		if y > x && w[i] > 0 {
			out = min(out, y)
		}
	}
	if math.IsInf(out, 1) {
		return x
	}
	return out
}
