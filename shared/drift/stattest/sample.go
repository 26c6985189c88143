package stattest

import "math"

// pooled walks over the distinct values of two ascending samples in ascending order.
type pooled struct {
	a, b  []float64
	i, j  int     // values of a and of b up to and including value
	value float64 // where it stands
}

// next goes to the next distinct value; false at the end.
func (p *pooled) next() bool {
	i, j := p.i, p.j
	switch {
	case i < len(p.a) && (j == len(p.b) || p.a[i] <= p.b[j]):
		p.value = p.a[i]
	case j < len(p.b):
		p.value = p.b[j]
	default:
		return false
	}
	for i < len(p.a) && p.a[i] == p.value {
		i++
	}
	for j < len(p.b) && p.b[j] == p.value {
		j++
	}
	p.i, p.j = i, j
	return true
}

// moments are the mean of x and the sum of its squared deviations, in two passes. A constant sample deviates by exactly 0.
func moments(x []float64) (mean, squares float64) {
	n := float64(len(x))
	first, sum := x[0], 0.0
	for _, v := range x {
		sum += v - first
	}
	shift := sum / n
	var rest float64
	for _, v := range x {
		d := v - first - shift
		squares += float64(d * d)
		rest += d
	}
	return first + shift, max(0, squares-float64(rest*rest)/n)
}

// kth is the value of rank k, from 0, of two ascending samples joined.
func kth(a, b []float64, k int) float64 {
	low, high := max(0, k-len(b)), min(k, len(a)) // how many of a lie before it
	for low < high {
		mid := int(uint(low+high) >> 1)
		if a[mid] < b[k-mid-1] {
			low = mid + 1
		} else {
			high = mid
		}
	}
	switch j := k - low; {
	case low == len(a):
		return b[j]
	case j == len(b):
		return a[low]
	default:
		return math.Min(a[low], b[j])
	}
}

// quantile is the quantile q of two ascending samples joined, linear between two ranks.
func quantile(a, b []float64, q float64) float64 {
	at := float64(len(a)+len(b)-1) * q
	k := int(at)
	low, t := kth(a, b, k), at-math.Floor(at)
	if t == 0 {
		return low
	}
	return low + float64((kth(a, b, k+1)-low)*t)
}
