package expect

import (
	"math"

	"mlops/shared/dataset"
)

// orderMaps are about a value among the others of its column.
var orderMaps = []record{
	{"expect_column_values_to_be_unique", "column! parse_strings_as_datetimes", columnMap(unique)},
	{"expect_column_values_to_be_increasing", "column! strictly parse_strings_as_datetimes", columnMap(monotone(1))},
	{"expect_column_values_to_be_decreasing", "column! strictly parse_strings_as_datetimes", columnMap(monotone(-1))},
}

// unique expects a value to come once; every member of a group of equals is unexpected.
func unique(s *series, _ *kwargs) (func(int) bool, error) {
	if s.whole != nil && s.weight == nil { // of a table that is not held: a census tells
		return never, nil
	}
	if s.Integer && s.Kind == dataset.Numeric {
		if f := uniqueWhole(s); f != nil {
			return f, nil
		}
	}
	if s.Kind == dataset.Numeric {
		n := make(map[float64]int32, len(s.Float))
		for _, v := range s.Float {
			n[v]++ // NaN is no key: each adds an entry that is never found, and gaps are passed over
		}
		return func(i int) bool { return n[s.Float[i]] == 1 }, nil
	}
	n := map[any]int{} // by value: True is written in several ways
	for k, rows := range s.tally() {
		if rows > 0 {
			n[key(s.levelValue(k))] += rows
		}
	}
	return func(i int) bool { return n[key(s.value(i))] == 1 }, nil
}

// uniqueWhole counts whole numbers by place, four times as fast as by hash; nil when they are spread too wide for it.
func uniqueWhole(s *series) func(int) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range s.Float {
		if v < low { // a comparison with NaN is false
			low = v
		}
		if v > high {
			high = v
		}
	}
	if span := high - low; !(span < 4*float64(len(s.Float))) || math.Abs(low) > 1<<53 {
		return nil
	}
	n := make([]int32, int(high-low)+1)
	for _, v := range s.Float {
		if v == v {
			n[int(v-low)]++
		}
	}
	return func(i int) bool { return n[int(s.Float[i]-low)] == 1 }
}

// monotone expects a value to be not less (sign 1) or not greater (sign -1) than the one before it, gaps left out; strictly, to differ
// as well. The first is always expected.
func monotone(sign float64) func(*series, *kwargs) (func(int) bool, error) {
	return func(s *series, k *kwargs) (func(int) bool, error) {
		strictly := k.flag("strictly")
		if !s.empty() && !s.numeric() && s.dtype != dateType {
			return nil, notNumeric("differences", s)
		}
		before := make([]float64, s.Len())
		last := math.NaN()
		for i := range before {
			before[i] = last
			if !s.Missing(i) {
				last = s.ordinal(i)
			}
		}
		return func(i int) bool {
			rise := sign * (s.ordinal(i) - before[i])
			return math.IsNaN(before[i]) || rise > 0 || rise == 0 && !strictly || math.IsNaN(rise)
		}, k.err()
	}
}
