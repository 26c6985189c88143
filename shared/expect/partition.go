package expect

import (
	"fmt"
	"math"
)

// maxBins bounds a partition that is made of the data.
const maxBins = 1 << 16

// ownPartition is the partition of the column itself, for a partition_object that is null: its values, or where the data are to be put
// into bins the bins of numpy's rule "auto" between its extremes, the more of Sturges' and of Freedman's and Diaconis':
//
//	log2(n+1), (max - min) / (2 (q75 - q25) / n^(1/3))
func (d *kl) ownPartition() (map[string]any, error) {
	_, n := d.s.size()
	if !d.flagOr("bucketize_data", true) {
		values, weights := []any{}, []any{}
		for _, v := range d.s.counts() {
			values, weights = append(values, d.s.told(v.value)), append(weights, float64(v.count)/float64(n))
		}
		return map[string]any{"values": values, "weights": weights}, nil
	}
	if !d.s.numeric() || n == 0 {
		return nil, fmt.Errorf("Invalid partition_object provided: it is null, and column %q has no numbers to make bins of", d.s.Name)
	}
	rows, at := d.s.order()
	low, high := at(0), at(rows-1)
	count := math.Ceil(math.Log2(float64(n) + 1))
	if iqr := quantile(rows, at, 0.75, "nearest") - quantile(rows, at, 0.25, "nearest"); iqr >= 1e-10 {
		count = max(count, math.Ceil((high-low)/(2*iqr/math.Cbrt(float64(n)))))
	}
	if !(count <= maxBins) {
		return nil, fmt.Errorf("partition_object is null, and the rule for bins asks for %v of them in column %q, at most %d are made: give its bins", count, d.s.Name, maxBins)
	}
	bins := make([]float64, int(count)+1)
	for i := range bins {
		bins[i] = low + float64(i)*((high-low)/count)
	}
	bins[len(bins)-1] = high
	inner, _, _ := d.s.histogram(bins)
	tail := (1 - pairwiseSum(inner)) / 2
	return map[string]any{"bins": outputs(bins), "weights": outputs(inner), "tail_weights": []any{tail, tail}}, nil
}
