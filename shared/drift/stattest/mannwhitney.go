package stattest

import "math"

// MannWhitney is the rank-sum test, SciPy's mannwhitneyu, method "auto"; Evidently's "mannw" is the alternative Less, which sees only that
// the current values b became greater. The statistic U counts the pairs in which a's value is the greater, ties by half. p is exact
// without ties where a sample has 8 values or fewer; otherwise normal with the variance corrected for ties and 0.5 for continuity.
// All values equal: p 1. Undefined: an empty sample. Mann and Whitney, Annals of Mathematical Statistics 18 (1947).
func MannWhitney(a, b []float64, alternative Alternative) (u, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}
