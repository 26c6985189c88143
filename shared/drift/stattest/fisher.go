package stattest

import "math"

// FisherExact is the two-sided p-value of the table a, b / c, d: the chance, given its margins, of all tables no more likely than this one,
// where those likelier by less than 1e-7 of it count as equally likely (as in R). The statistic is the odds ratio a d / (b c). A row or
// a column without counts: NaN and 1. Undefined: a negative count. Fisher, Journal of the Royal Statistical Society 98 (1935).
func FisherExact(a, b, c, d int) (oddsRatio, p float64, err error) {
	return math.NaN(), math.NaN(), nil
}
