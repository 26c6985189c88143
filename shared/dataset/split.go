package dataset

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Folds gives every row a fold in [0, k), stratified: each class is spread over the folds as evenly as its size allows, and the folds
// differ by at most one row in all. For regression the strata are runs of k rows in the order of their values, so that every fold
// sees the whole range. The same labels, k and seed always give the same folds; k < 2 gives all zeros.
func Folds(l Labels, k int, seed uint64) []int {
	fold := make([]int, l.Len())
	if k < 2 {
		return fold
	}
	next := 0
	for _, stratum := range strata(l, k, seed) {
		for _, row := range stratum {
			fold[row] = next
			next = (next + 1) % k
		}
	}
	return fold
}

// Split parts the rows into a share train, a share val and the rest, stratified as Folds is, each ascending. The sizes are the shares
// of all rows, to within one row; shares are cut to [0,1] and to a sum of 1. The same arguments always give the same rows.
func Split(l Labels, train, val float64, seed uint64) (trainRows, valRows, testRows []int) {
	train = min(max(train, 0), 1)
	val = min(max(val, 0), 1-train)
	done := 0 // rows of the strata so far: rounding the running sums, not each stratum, keeps the whole right
	for _, stratum := range strata(l, 20, seed) {
		n := len(stratum)
		done += n
		a := int(math.Round(train*float64(done))) - len(trainRows)
		b := int(math.Round((train+val)*float64(done))) - len(trainRows) - len(valRows)
		a = min(max(a, 0), n)
		b = min(max(b, a), n)
		trainRows = append(trainRows, stratum[:a]...)
		valRows = append(valRows, stratum[a:b]...)
		testRows = append(testRows, stratum[b:]...)
	}
	slices.Sort(trainRows)
	slices.Sort(valRows)
	slices.Sort(testRows)
	return trainRows, valRows, testRows
}

// strata are the rows grouped by class, or for regression in runs of neighbouring values, each group shuffled.
func strata(l Labels, run int, seed uint64) [][]int {
	rows := make([]int, l.Len())
	for i := range rows {
		rows[i] = i
	}
	slices.SortFunc(rows, func(a, b int) int { return cmp.Or(cmp.Compare(l.Y[a], l.Y[b]), a-b) })
	var groups [][]int
	for from := 0; from < len(rows); {
		to := from + 1
		if l.Task == Regression {
			to = min(from+run, len(rows))
		}
		for l.Task != Regression && to < len(rows) && l.Y[rows[to]] == l.Y[rows[from]] {
			to++
		}
		groups = append(groups, rows[from:to])
		from = to
	}
	source := rand.NewPCG(seed, 0x9e3779b97f4a7c15)
	for _, g := range groups {
		shuffle(g, source)
	}
	return groups
}

// shuffle is Fisher and Yates's, written out so that a split never changes with the standard library's. The draw below i+1 is the
// high word of a product (D. Lemire, Fast Random Integer Generation in an Interval, 2019, without the rejection: for tables of less
// than 2^32 rows the bias is below 2^-32).
func shuffle(rows []int, source *rand.PCG) {
	for i := len(rows) - 1; i > 0; i-- {
		j, _ := bits.Mul64(source.Uint64(), uint64(i+1))
		rows[i], rows[j] = rows[j], rows[i]
	}
}
