package expect

import (
	"math"
	"sort"

	"mlops/shared/dataset"
)

const boundsArgs = "column! min_value max_value strict_min strict_max parse_strings_as_datetimes output_strftime_format"

// aggregates are about one number of a column, taken over its present values.
var aggregates = []record{
	{"expect_column_min_to_be_between", boundsArgs, aggregate(extreme(false))},
	{"expect_column_max_to_be_between", boundsArgs, aggregate(extreme(true))},
	{"expect_column_mean_to_be_between", boundsArgs, aggregate(ofNumbers("the mean", average, (*survey).mean))},
	{"expect_column_median_to_be_between", boundsArgs, aggregate(ofNumbers("the median", median, (*survey).median))},
	{"expect_column_stdev_to_be_between", boundsArgs, aggregate(ofNumbers("the standard deviation", deviation, (*survey).deviation))},
	{"expect_column_sum_to_be_between", boundsArgs, aggregate(total)},
	{"expect_column_unique_value_count_to_be_between", boundsArgs, aggregate(distinct)},
	{"expect_column_proportion_of_unique_values_to_be_between", boundsArgs, aggregate(distinctShare)},
	{"expect_column_proportion_of_non_null_values_to_be_between", boundsArgs, aggregate(presentShare)},
}

// aggregate makes an expectation about an observed value from the function that observes it. A value that is nil or NaN fails.
func aggregate(observe func(s *series) (any, error)) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		s, err := c.series(c.text("column"))
		if err != nil {
			return outcome{}, err
		}
		b := c.bounds()
		if err := c.err(); err != nil {
			return outcome{}, err
		}
		if err := b.ordered(); err != nil {
			return outcome{}, err
		}
		if s.dtype == dateType {
			b = b.dates()
		}
		v, err := observe(s)
		if err != nil {
			return outcome{}, err
		}
		return b.judge(v)
	}
}

// judge is the outcome of an observed value within bounds.
func (b bounds) judge(v any) (outcome, error) {
	x := scalar(v)
	if f, ok := x.(float64); v == nil || ok && math.IsNaN(f) {
		return outcome{detail: map[string]any{"observed_value": nil}}, nil
	}
	ok, err := b.contains(x)
	if err != nil {
		return outcome{}, err
	}
	return outcome{success: ok, detail: map[string]any{"observed_value": output(v)}}, nil
}

// ofNumbers applies f to the present values of a numeric column, or asks known of one that is not held.
func ofNumbers(what string, f func([]float64) float64, known func(*survey) float64) func(*series) (any, error) {
	return func(s *series) (any, error) {
		if !s.numeric() {
			return nil, notNumeric(what, s)
		}
		if s.whole != nil {
			return known(s.whole), nil
		}
		return f(s.present()), nil
	}
}

// total is the sum, a whole number of whole numbers.
func total(s *series) (any, error) {
	v, err := ofNumbers("the sum", pairwiseSum, (*survey).total)(s)
	if s.dtype == float64Type || err != nil {
		return v, err
	}
	return whole64(v), nil
}

// extreme is the greatest or the least value, of texts by code point; nil when there is none.
func extreme(greatest bool) func(*series) (any, error) {
	return func(s *series) (any, error) {
		if s.whole != nil && s.Kind == dataset.Numeric {
			return s.native(s.whole.extreme(greatest)), nil
		}
		if s.whole != nil && s.whole.lost {
			return s.whole.extremeText(greatest), nil
		}
		all := s.counts()
		switch {
		case len(all) == 0:
			return nil, nil
		case greatest:
			return s.native(all[len(all)-1].value), nil
		}
		return s.native(all[0].value), nil
	}
}

// distinct is the number of distinct values.
func distinct(s *series) (any, error) { return s.distinct(), nil }

// distinctShare is distinct values / present values, 0 when none is present.
func distinctShare(s *series) (any, error) {
	_, n := s.size()
	if n == 0 {
		return 0, nil
	}
	return float64(s.distinct()) / float64(n), nil
}

// presentShare is present values / rows; nil without rows.
func presentShare(s *series) (any, error) {
	rows, present := s.size()
	if rows == 0 {
		return nil, nil
	}
	return float64(present) / float64(rows), nil
}

// pairwiseSum adds as numpy does: in blocks of at most 128 with eight running sums, halving above. The order decides the last digits.
func pairwiseSum(v []float64) float64 {
	n := len(v)
	switch {
	case n < 8:
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		return sum
	case n <= 128:
		var r [8]float64
		copy(r[:], v)
		i := 8
		for ; i+8 <= n; i += 8 {
			for j := range r {
				r[j] += v[i+j]
			}
		}
		sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		for ; i < n; i++ {
			sum += v[i]
		}
		return sum
	}
	half := n / 2
	half -= half % 8
	return pairwiseSum(v[:half]) + pairwiseSum(v[half:])
}

// average is the arithmetic mean, NaN of nothing.
func average(v []float64) float64 { return pairwiseSum(v) / float64(len(v)) }

// deviation is the sample standard deviation, with n-1; NaN of fewer than two.
func deviation(v []float64) float64 {
	if len(v) < 2 {
		return math.NaN()
	}
	mean := average(v)
	squares := make([]float64, len(v))
	for i, x := range v {
		squares[i] = (mean - x) * (mean - x)
	}
	return math.Sqrt(pairwiseSum(squares) / float64(len(v)-1))
}

// median is the middle value, or the mean of the two middle ones; NaN of nothing.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	sort.Float64s(v)
	if m := len(v) / 2; len(v)%2 == 0 {
		return (v[m-1] + v[m]) / 2
	}
	return v[len(v)/2]
}
