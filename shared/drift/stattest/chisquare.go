package stattest

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// ChiSquare is Evidently's "chisquare": Pearson's goodness of fit of cur to the shares of ref, taken as if they were known without error.
//
//	X2 = sum of (cur - e)^2 / e, e = ref n_cur / n_ref, k - 1 degrees of freedom
//
// Levels that neither sample has do not count. A level that only cur has: X2 is infinite, p 0. One level only: 0 and NaN, as SciPy has no
// p-value for 0 degrees of freedom. Undefined: an empty sample. Pearson, Philosophical Magazine 50 (1900).
func ChiSquare(ref, cur []int) (x2, p float64, err error) {
	n, m := sum(ref), sum(cur)
	if err := atLeastEach("chi-square", 1, n, m); err != nil {
		return math.NaN(), math.NaN(), err
	}
	scale, levels := float64(m)/float64(n), 0
	for i := range ref {
		if ref[i]+cur[i] == 0 {
			continue
		}
		levels++
		expected := float64(ref[i]) * scale
		d := float64(cur[i]) - expected
		x2 += float64(d*d) / expected
	}
	return x2, chiSquareTail(x2, levels-1), nil
}

// G is Evidently's "g_test": the likelihood ratio 2 sum of cur ln(cur / ref), k - 1 degrees of freedom, ref as it is, not scaled to the size
// of cur. A level that only cur has: infinite, p 0. One level only: 0 and NaN. Undefined: an empty sample, and samples of different
// sizes (by more than 1e-8 of the smaller), for which SciPy raises. Woolf, Annals of Human Genetics 21 (1957).
func G(ref, cur []int) (g, p float64, err error) {
	n, m := sum(ref), sum(cur)
	if err := atLeastEach("G test", 1, n, m); err != nil {
		return math.NaN(), math.NaN(), err
	}
	if math.Abs(float64(n-m))/float64(min(n, m)) > 1e-8 {
		return math.NaN(), math.NaN(), &Undefined{"G test", fmt.Sprintf("the counts are compared without scaling, so both need the same total, not %d and %d", n, m)}
	}
	levels := 0
	for i := range ref {
		if ref[i]+cur[i] == 0 {
			continue
		}
		levels++
		if cur[i] > 0 {
			g += float64(2 * float64(cur[i]) * math.Log(float64(cur[i])/float64(ref[i])))
		}
	}
	return g, chiSquareTail(g, levels-1), nil
}

// chiSquareTail is the chance that a chi-square variable exceeds x; NaN without degrees of freedom.
func chiSquareTail(x float64, df int) float64 {
	switch {
	case df < 1 || math.IsNaN(x):
		return math.NaN()
	case x <= 0:
		return 1
	case math.IsInf(x, 1):
		return 0
	}
	return mathext.GammaIncRegComp(float64(df)/2, x/2)
}
