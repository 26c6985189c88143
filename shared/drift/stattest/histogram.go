package stattest

import (
	"math"
	"sort"
)

// Edges are the edges of equally wide bins over the range of both samples, Sturges' number of them: NumPy's histogram_bin_edges(.., "sturges").
//
//	bins = ceil(range / (range / (log2 N + 1))), N = len(a) + len(b)
//
// Samples of one value get one bin of width 1 about it. nil where both are empty. Sturges, Journal of the American Statistical Association 21 (1926).
func Edges(a, b []float64) []float64 {
	return sturges(a, b, len(a)+len(b))
}

// EdgesOfDistinct are the edges where N counts the distinct values of both samples: what Evidently's Hellinger distance cuts numbers at.
func EdgesOfDistinct(a, b []float64) []float64 {
	return sturges(a, b, Distinct(a, b))
}

func sturges(a, b []float64, n int) []float64 {
	if len(a)+len(b) == 0 {
		return nil
	}
	low, high := kth(a, b, 0), kth(a, b, len(a)+len(b)-1)
	bins := 1
	if low == high {
		low, high = low-0.5, high+0.5
	} else if width := (high - low) / (math.Log2(float64(n)) + 1); width > 0 && !math.IsInf(width, 0) {
		bins = int(math.Ceil((high - low) / width))
	}
	edges := make([]float64, bins+1)
	step := (high - low) / float64(bins)
	for i := range edges {
		edges[i] = float64(float64(i)*step) + low
	}
	edges[bins] = high
	return edges
}

// Histogram counts an ascending sample in the bins between edges, which ascend; the last bin is closed above. Values outside are not counted.
func Histogram(x, edges []float64) []int {
	if len(edges) < 2 {
		return nil
	}
	counts := make([]int, len(edges)-1)
	from := sort.SearchFloat64s(x, edges[0])
	for i := range counts {
		to := from + sort.Search(len(x)-from, func(k int) bool { return x[from+k] >= edges[i+1] })
		if i == len(counts)-1 {
			to = from + sort.Search(len(x)-from, func(k int) bool { return x[from+k] > edges[i+1] })
		}
		counts[i], from = to-from, to
	}
	return counts
}

// Distinct is the number of distinct values of two ascending samples together.
func Distinct(a, b []float64) int {
	n := 0
	for p := (pooled{a: a, b: b}); p.next(); n++ {
	}
	return n
}

// Levels counts the distinct values of two ascending samples, which it lists in ascending order.
func Levels(a, b []float64) (levels []float64, ref, cur []int) {
	i, j := 0, 0
	for p := (pooled{a: a, b: b}); p.next(); i, j = p.i, p.j {
		levels, ref, cur = append(levels, p.value), append(ref, p.i-i), append(cur, p.j-j)
	}
	return levels, ref, cur
}

// manyValues is the number of distinct reference values above which Evidently cuts numbers into bins.
const manyValues = 20

// Bins counts both samples as Evidently does before a divergence: in the bins between Edges where the reference a has more than 20
// distinct values, each value by itself otherwise.
func Bins(a, b []float64) (ref, cur []int) {
	if !manyDistinct(a) {
		_, ref, cur = Levels(a, b)
		return ref, cur
	}
	edges := Edges(a, b)
	return Histogram(a, edges), Histogram(b, edges)
}

// manyDistinct reports whether an ascending sample has more than manyValues distinct values.
func manyDistinct(a []float64) bool {
	n := 0
	for p := (pooled{a: a}); n <= manyValues && p.next(); n++ {
	}
	return n > manyValues
}

// Shares are counts divided by their total; all 0 where that is 0.
func Shares(counts []int) []float64 {
	total := sum(counts)
	shares := make([]float64, len(counts))
	for i, c := range counts {
		if total > 0 {
			shares[i] = float64(c) / float64(total)
		}
	}
	return shares
}

func sum(counts []int) (total int) {
	for _, c := range counts {
		total += c
	}
	return total
}

// FillZeros is shares with each 0 replaced as Evidently does before PSI and KL: by 0.0001, or by a millionth of the least share above 0
// where that is 0.0001 or less. The sum is not brought back to 1. Shares that are all 0 become 0.0001.
func FillZeros(shares []float64) []float64 {
	least := math.Inf(1)
	for _, s := range shares {
		if s != 0 {
			least = math.Min(least, s)
		}
	}
	fill := 0.0001
	if least <= 0.0001 {
		fill = least / 1e6
	}
	filled := make([]float64, len(shares))
	for i, s := range shares {
		if filled[i] = s; s == 0 {
			filled[i] = fill
		}
	}
	return filled
}
