package drift

import (
	"math"
	"slices"
)

// corrections are the ways to answer for many tests, by the name a policy gives.
var corrections = map[string]func(p []float64) []float64{
	"benjamini_hochberg": BenjaminiHochberg,
	"bonferroni":         Bonferroni,
	"holm":               Holm,
}

// BenjaminiHochberg adjusts p-values so that rejecting those below a keeps the expected share of false ones among the rejected at most
// a; if nothing at all changed, the chance of any rejection is at most a, too.
//
//	adjusted of the i-th smallest of m = min over j >= i of min(1, p_j m / j)
//
// NaN marks a test that was not made: it stays NaN and does not count. Valid for independent and for positively dependent tests.
// Benjamini & Hochberg, J. R. Stat. Soc. B 57 (1995); Benjamini & Yekutieli, Ann. Stat. 29 (2001).
func BenjaminiHochberg(p []float64) []float64 {
	order, adjusted := ascending(p)
	m, least := float64(len(order)), 1.0
	for i := len(order) - 1; i >= 0; i-- {
		least = min(least, p[order[i]]*m/float64(i+1))
		adjusted[order[i]] = least
	}
	return adjusted
}

// Holm adjusts p-values so that the chance of any false rejection below a is at most a, under any dependence.
//
//	adjusted of the i-th smallest of m = max over j <= i of min(1, p_j (m - j + 1))
//
// NaN as in BenjaminiHochberg. Holm, Scand. J. Stat. 6 (1979).
func Holm(p []float64) []float64 {
	order, adjusted := ascending(p)
	greatest := 0.0
	for i, k := range order {
		greatest = max(greatest, min(1, p[k]*float64(len(order)-i)))
		adjusted[k] = greatest
	}
	return adjusted
}

// Bonferroni adjusts p-values as Holm does, less powerfully: min(1, p m). NaN as in BenjaminiHochberg.
func Bonferroni(p []float64) []float64 {
	order, adjusted := ascending(p)
	for _, k := range order {
		adjusted[k] = min(1, p[k]*float64(len(order)))
	}
	return adjusted
}

// ascending gives the tests that were made in order of p, and room for the answer with NaN for the others.
func ascending(p []float64) (order []int, adjusted []float64) {
	adjusted = make([]float64, len(p))
	for i, v := range p {
		if adjusted[i] = v; !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	return order, adjusted
}
