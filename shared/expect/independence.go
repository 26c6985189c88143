package expect

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/dataset"
)

// maxCells bounds the table of two columns.
const maxCells = 1 << 20

// cramersPhi expects two columns to depend on each other no more than threshold (0.1 unless told) by Cramer's V of their table of counts,
// numbers in bins:
//
//	V = sqrt(X2 / rows / (min(height, width) - 1)), within [0, 1]
//
// X2 is Pearson's, of a 2 x 2 table with Yates' correction; missing values are a row or a column of their own. A table of one row or
// one column has no V, which fails. Cramer, Mathematical Methods of Statistics (1946), 21.9.
func cramersPhi(c *check) (outcome, error) {
	d, err := c.domain(pair, c.text("column_A"), c.text("column_B"))
	if err != nil {
		return outcome{}, err
	}
	threshold, there := c.number("threshold")
	if !there {
		threshold = 0.1
	}
	a, b := c.binned(d.cells[0], "A"), c.binned(d.cells[1], "B")
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	if len(a.labels) > maxCells/max(1, len(b.labels)) {
		return outcome{}, fmt.Errorf("the table of %q and %q has %d x %d cells, at most %d are counted: give bins_A and bins_B", d.names[0], d.names[1], len(a.labels), len(b.labels), maxCells)
	}
	counts := make([][]float64, len(a.labels))
	for i := range counts {
		counts[i] = make([]float64, len(b.labels))
	}
	for i := range a.code {
		counts[a.code[i]][b.code[i]]++
	}
	v := math.NaN()
	if least := min(len(a.labels), len(b.labels)); least > 1 {
		v = math.Min(1, math.Sqrt(pearson(counts)/float64(len(a.code))/float64(least-1)))
	}
	cells := make([]any, len(counts))
	for i := range counts {
		cells[i] = outputs(counts[i])
	}
	return outcome{success: v <= threshold, detail: map[string]any{
		"observed_value": output(v), "details": map[string]any{"crosstab": map[string]any{"rows": a.labels, "columns": b.labels, "counts": cells}},
	}}, nil
}

// bins are the labels of a column's rows: only labels that occur.
type bins struct {
	labels []string
	code   []int
}

// newBins leaves out of the labels those that no row has.
func newBins(labels []string, code []int) bins {
	used, at := make([]bool, len(labels)), make([]int, len(labels))
	for _, k := range code {
		used[k] = true
	}
	b := bins{labels: []string{}, code: make([]int, len(code))}
	for k, l := range labels {
		if at[k] = len(b.labels); used[k] {
			b.labels = append(b.labels, l)
		}
	}
	for i, k := range code {
		b.code[i] = at[k]
	}
	return b
}

// pearson is the chi-square of a table against independence, corrected by Yates for a table of 2 x 2, as scipy.stats.chi2_contingency.
func pearson(counts [][]float64) float64 {
	total, x2 := 0.0, 0.0
	rows, columns := make([]float64, len(counts)), make([]float64, len(counts[0]))
	for i, row := range counts {
		for j, n := range row {
			rows[i], columns[j], total = rows[i]+n, columns[j]+n, total+n
		}
	}
	for i, row := range counts {
		for j, n := range row {
			expected := rows[i] * columns[j] / total
			d := math.Abs(n - expected)
			if len(rows) == 2 && len(columns) == 2 {
				d -= math.Min(0.5, d)
			}
			x2 += d * d / expected
		}
	}
	return x2
}

const missingLabel = "(missing)"

// binned puts the rows of a column into bins: numbers into bins_X, widened to hold all, or n_bins_X equal ones (10 unless told); other
// values into the lists of bins_X, or each into its own, where beyond the n_bins_X most frequent all are "(other)".
func (c *check) binned(s *series, side string) bins {
	n := c.atLeastOne("n_bins_"+side, 10)
	if len(c.problems) > 0 {
		return bins{}
	}
	if s.Kind != dataset.Numeric {
		return c.grouped(s, "bins_"+side, n)
	}
	edges := c.edges(s, "bins_"+side, min(n, maxCells))
	if len(c.problems) > 0 {
		return bins{}
	}
	last := len(edges) - 1
	labels := make([]string, 0, len(edges))
	for k := range last {
		labels = append(labels, fmt.Sprintf("[%g, %g)", edges[k], edges[k+1]))
	}
	labels = append(labels, missingLabel)
	code := make([]int, s.Len())
	for i := range code {
		if code[i] = len(labels) - 1; !s.Missing(i) {
			k, found := slices.BinarySearch(edges, s.Float[i])
			if !found {
				k--
			}
			code[i] = min(k, last-1) // the last bin is closed
		}
	}
	return newBins(labels, code)
}

// edges of the bins of a column of numbers, ascending, from the least to the greatest value at least; none of an empty column.
func (c *check) edges(s *series, name string, n int) []float64 {
	v := s.present()
	told, any := c.numbersIn(c.values, name)
	if len(v) == 0 || len(c.problems) > 0 {
		return []float64{0}
	}
	low, high := slices.Min(v), slices.Max(v)
	told = slices.Compact(slices.Sorted(slices.Values(told)))
	switch {
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		c.wrong("column %q holds infinities, which have no bins", s.Name)
	case any && (len(told) == 0 || slices.ContainsFunc(told, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })):
		c.wrong("%s must be finite numbers, and at least one", name)
	case any:
		if low < told[0] {
			told = slices.Insert(told, 0, low)
		}
		if high > told[len(told)-1] || len(told) == 1 {
			told = append(told, math.Max(high, math.Nextafter(told[len(told)-1], math.Inf(1))))
		}
		return told
	case low == high:
		return []float64{low - 0.5, high + 0.5}
	}
	edges := make([]float64, n+1)
	for i := range edges {
		edges[i] = float64(i)*((high-low)/float64(n)) + low
	}
	edges[n] = high
	return edges
}

// grouped puts values that are not numbers into bins.
func (c *check) grouped(s *series, name string, n int) bins {
	rename := map[string]string{}
	if groups, told := list(c.values[name]); told {
		for i := range groups {
			k := kwargs{values: map[string]any{name: groups[i]}}
			group, _ := k.texts(name)
			c.problems = append(c.problems, k.problems...)
			for _, v := range group {
				rename[v] = strings.Join(group, ", ")
			}
		}
	} else if all := s.counts(); len(all) > n {
		slices.SortStableFunc(all, func(a, b counted) int { return b.count - a.count })
		for _, v := range all[n:] {
			rename[fmt.Sprint(v.value)] = "(other)"
		}
	}
	labels, at, code := []string{}, map[string]int{}, make([]int, s.Len())
	for i := range code {
		label := missingLabel
		if !s.Missing(i) {
			label = s.text(i)
			if group, ok := rename[label]; ok {
				label = group
			}
		}
		k, seen := at[label]
		if !seen {
			k = len(labels)
			labels, at[label] = append(labels, label), k
		}
		code[i] = k
	}
	return newBins(labels, code)
}
