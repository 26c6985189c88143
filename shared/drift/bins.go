package drift

import "math"

// maxBins is how many bins the values of a number are cut into. Twenty keep 99 % of what a normal's values tell about a shift, and see a
// change of 1/20 of the rows anywhere; where a sample is small, rare bins are pooled before a test.
const maxBins = 20

// cut gives the edges of the reference's bins from its finite values, ascending. Bins hold about as many rows each; a value so frequent
// that it fills a bin by itself gets one (a spike at zero does not blur the rest), and with at most maxBins different values each
// has its own. Before such a bin lies an empty one, and one lies outside either end: a value that the reference never had shows.
func cut(sorted []float64) (edges []float64) {
	if len(sorted) == 0 {
		return nil
	}
	discrete := distinct(sorted) <= maxBins
	rows, bins := len(sorted), maxBins // not yet in a closed bin
	held, single := 0, true            // rows of the open bin; whether they all have one value
	gap := func(edge float64) {        // the bin that follows begins at edge itself
		below := math.Nextafter(edge, math.Inf(-1))
		if !math.IsInf(below, 0) && (len(edges) == 0 || below > edges[len(edges)-1]) {
			edges = append(edges, below)
		}
	}
	shut := func(edge float64) {
		if single {
			gap(edge)
		}
		edges = append(edges, edge)
		rows, bins, held, single = rows-held, bins-1, 0, true
	}
	gap(sorted[0])
	for i := 0; i < len(sorted); {
		end := i
		for end < len(sorted) && sorted[end] == sorted[i] {
			end++
		}
		run := end - i
		target := float64(rows) / float64(max(bins, 1))
		if held > 0 && bins > 1 && float64(held+run)-target > target-float64(held) {
			shut(sorted[i-1])
			target = float64(rows) / float64(bins)
		}
		single = held == 0
		held += run
		if discrete || bins > 1 && float64(held) >= target || end == len(sorted) {
			shut(sorted[i])
		}
		i = end
	}
	return edges
}

// distinct is the number of different values in sorted.
func distinct(sorted []float64) int {
	n := 0
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			n++
		}
	}
	return n
}

// bin is the number of edges below x: the bin that holds it.
func bin(edges []float64, x float64) int {
	low, high := 0, len(edges)
	for low < high {
		if mid := int(uint(low+high) >> 1); edges[mid] < x {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
