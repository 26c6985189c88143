// Package tree grows decision trees on histograms: the inner loop of boosting and of forests. A tree depends on the data, the rules and
// the random source alone, not on the number of threads.
package tree

import (
	"sort"
)

// MostBins is how many bins a feature has at most, the one for missing values apart: together they fit a byte.
const MostBins = 255

// cutSample is how many rows the cuts of a numeric feature are chosen from; more would not move them noticeably (LightGBM's
// bin_construct_sample_cnt).
const cutSample = 200_000

// Column is one feature to be binned.
type Column struct {
	Values []float64 // as model.Predictor reads them: numbers, or level codes with -1 for an unknown level; NaN = missing
	Levels int       // number of level codes; -1 for a numeric feature
}

// Source gives a column when it is asked for. It may write the values to buffer, which has a place for each row and is the caller's again
// when the column is binned.
type Source func(buffer []float64) Column

// Table is a table with every value replaced by the number of its bin, a byte, so that a split is looked for among a few hundred bins
// instead of all values.
type Table struct {
	rows     int
	features []binning
	bins     [][]uint8 // of each feature, one a row
	cells    int       // cells of a histogram: a sum over features of their bins
}

// binning is how one feature became bins.
type binning struct {
	categorical bool
	cuts        []float64 // numeric: bin b holds x <= cuts[b], the last bin the rest
	level       []int32   // categorical: the level codes that have rows, ascending
	place       []uint8   // categorical: the bin of each of these
	rare        bool      // categorical: the last bin is shared by the rarest levels, the others have one each
	levels      int       // categorical: number of level codes
	bins        int       // without the bin of missing values, which follows them
	missing     bool      // whether that bin has rows
	at          int       // first cell in a histogram
}

// size is how many cells the feature has in a histogram.
func (b *binning) size() int {
	if b.missing {
		return b.bins + 1
	}
	return b.bins
}

// Bin bins columns of equally many rows into at most most bins each, which lies in [2, MostBins]. A bin that is not a single value holds
// about three rows or more (LightGBM's min_data_in_bin): a cut between any two rows of a small table would be noise. Each column is asked
// for once, when its turn comes, by one of the threads: no more of them need exist at a time.
func Bin(columns []Source, rows, most, threads int) *Table {
	n := len(columns)
	most = min(most, max(2, rows/3))
	t := &Table{rows: rows, features: make([]binning, n), bins: make([][]uint8, n)}
	Parallel(n, threads, 8*rows*n, func(from, to int) {
		buffer, cutter := make([]float64, rows), cutter{}
		for j := from; j < to; j++ {
			c := columns[j](buffer)
			if c.Levels < 0 {
				t.features[j] = cutter.numericBins(c.Values, most)
			} else {
				t.features[j] = categoricalBins(c.Values, c.Levels, most)
			}
			t.bins[j] = make([]uint8, rows)
			t.features[j].assign(c.Values, t.bins[j])
		}
	})
	for j := range t.features {
		t.features[j].at = t.cells
		t.cells += t.features[j].size()
	}
	return t
}

// HistogramBytes is what one histogram of t takes; a tree grown leaf-wise holds one a leaf.
func (t *Table) HistogramBytes() int { return 8 * t.cells }

// cutter chooses the cuts of one column after the other.
type cutter struct {
	sample []float64
	counts []int
	digits digits
}

// numericBins chooses cuts between distinct values, one bin a value while they last, else bins of about equally many rows. Each cut lies
// half-way between two neighbouring values.
func (c *cutter) numericBins(v []float64, most int) binning {
	sample := c.sample[:0]
	stride := (len(v) + cutSample - 1) / cutSample
	for i := 0; i < len(v); i += stride {
		if v[i] == v[i] {
			sample = append(sample, v[i])
		}
	}
	c.sample = sample
	c.digits.sort(sample)
	values, counts := sample[:0], c.counts[:0] // a distinct value is written where it or an earlier one was read
	for i, x := range sample {
		if i == 0 || x != values[len(values)-1] {
			values, counts = append(values, x), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	c.counts = counts
	var b binning
	left, inBin := len(sample), 0
	for i := 0; i+1 < len(values); i++ {
		inBin += counts[i]
		free := most - len(b.cuts) // bins that may still be opened, this one included
		if len(values) <= most || free > 1 && inBin*free >= left {
			low, high := values[i], values[i+1]
			cut := low + float64((high-low)/2)
			if !(cut < high) {
				cut = low
			}
			b.cuts = append(b.cuts, cut)
			left -= inBin
			inBin = 0
		}
	}
	b.bins = len(b.cuts) + 1
	return b
}

// categoricalBins gives the levels that have rows a bin each. If they are too many, all but the most frequent ones share one.
func categoricalBins(v []float64, levels, most int) binning {
	count := make([]int, levels)
	for _, x := range v {
		if x >= 0 {
			count[int(x)]++
		}
	}
	b := binning{categorical: true, levels: levels}
	for k, n := range count {
		if n > 0 {
			b.level = append(b.level, int32(k))
		}
	}
	b.bins, b.rare = min(len(b.level), most), len(b.level) > most
	b.place = make([]uint8, len(b.level))
	order := make([]int, len(b.level))
	for i := range order {
		order[i] = i
	}
	if b.rare {
		sort.SliceStable(order, func(i, j int) bool { return count[b.level[order[i]]] > count[b.level[order[j]]] })
	}
	for at, i := range order {
		b.place[i] = uint8(min(at, b.bins-1))
	}
	return b
}
