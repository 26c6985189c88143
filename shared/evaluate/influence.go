package evaluate

import "math"

// influence is a figure together with each row's first-order contribution to it, so that
//
//	Var(value) = sum over strata of n_s x variance of the contributions within s
//
// Differences of contributions give the variance of a paired difference. This is the delta method (the infinitesimal jackknife) and,
// for the AUC, exactly DeLong's estimate. Hampel, J. Am. Stat. Assoc. 69 (1974).
type influence struct {
	value   float64
	row     []float64
	stratum []int // nil: all rows are one stratum
}

// variance is NaN when a stratum has a single row.
func (in influence) variance() float64 {
	stratum, k := in.stratum, 1
	if stratum == nil {
		stratum = make([]int, len(in.row))
	}
	for _, s := range stratum {
		k = max(k, s+1)
	}
	n, mean, square := make([]float64, k), make([]float64, k), make([]float64, k)
	for i, s := range stratum {
		n[s]++
		mean[s] += in.row[i]
	}
	for s := range mean {
		mean[s] /= n[s] // a stratum without rows stays unused
	}
	for i, s := range stratum {
		d := in.row[i] - mean[s]
		square[s] += float64(d * d)
	}
	var sum float64
	for s := range n {
		if n[s] > 0 {
			sum += n[s] / (n[s] - 1) * square[s]
		}
	}
	return sum
}

func (in influence) se() float64 { return math.Sqrt(in.variance()) }

// minus is the paired difference in - other on the same rows.
func (in influence) minus(other influence) influence {
	d := influence{value: in.value - other.value, row: make([]float64, len(in.row)), stratum: in.stratum}
	for i := range d.row {
		d.row[i] = in.row[i] - other.row[i]
	}
	return d
}

func strata(y []float64) []int {
	s := make([]int, len(y))
	for i, v := range y {
		s[i] = int(v)
	}
	return s
}

// meanInfluence is the mean of a loss that each row has by itself.
func meanInfluence(loss []float64) influence {
	in := influence{value: mean(loss), row: make([]float64, len(loss))}
	for i, v := range loss {
		in.row[i] = v / float64(len(loss))
	}
	return in
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
