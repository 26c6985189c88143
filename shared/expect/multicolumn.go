package expect

import (
	"fmt"
	"math"
)

// multicolumns are about several columns, row by row.
var multicolumns = []record{
	{"expect_compound_columns_to_be_unique", "column_list! ignore_row_if", multicolumnMap(compoundUnique)},
	{"expect_select_column_values_to_be_unique_within_record", "column_list! ignore_row_if", multicolumnMap(uniqueWithinRecord)},
	{"expect_multicolumn_values_to_be_unique", "column_list! ignore_row_if", multicolumnMap(uniqueWithinRecord)}, // its name before 0.13
	{"expect_multicolumn_sum_to_equal", "column_list! sum_total! ignore_row_if", multicolumnMap(sumEquals)},
}

// multicolumnMap makes an expectation about the rows that ignore_row_if leaves: those where not all values are missing (the default),
// those where none is, or all ("never").
func multicolumnMap(f func(d *domain, n int, k *kwargs) (func(i int) bool, error)) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		names, _ := c.texts("column_list")
		if len(names) == 0 {
			c.wrong("column_list must name columns")
		}
		if err := c.err(); err != nil {
			return outcome{}, err
		}
		d, err := c.domain(several, names...)
		if err != nil {
			return outcome{}, err
		}
		d.skip = skipping(c.choice("ignore_row_if", "all_values_are_missing", "any_value_is_missing", "never"), d.cells)
		expected, err := f(d, c.height(), &c.kwargs)
		if err != nil {
			return outcome{}, err
		}
		return c.judge(d, expected)
	}
}

// skipping are the rows that ignore_row_if passes over.
func skipping(ignore string, cells []*series) func(i int) bool {
	missing := func(i int) (n int) {
		for _, s := range cells {
			if s.Missing(i) {
				n++
			}
		}
		return n
	}
	switch ignore {
	case "all_values_are_missing":
		return func(i int) bool { return missing(i) == len(cells) }
	case "any_value_is_missing":
		return func(i int) bool { return missing(i) > 0 }
	}
	return never
}

// compoundUnique expects a combination of values to come once among the rows considered; every member of a group of equals is
// unexpected, and a missing value equals a missing value.
func compoundUnique(d *domain, n int, _ *kwargs) (func(int) bool, error) {
	if d.cells[0].whole != nil { // of a table that is not held: a census tells
		return never, nil
	}
	groups := map[string]int32{}
	size := []int32{}
	group := make([]int32, n)
	var id []byte
	for i := range n {
		if d.skip(i) {
			continue
		}
		id = id[:0]
		for _, s := range d.cells {
			id = s.appendIdentity(id, i)
		}
		g, seen := groups[string(id)]
		if !seen {
			g = int32(len(size))
			groups[string(id)] = g
			size = append(size, 0)
		}
		group[i] = g
		size[g]++
	}
	return func(i int) bool { return size[group[i]] == 1 }, nil
}

// appendIdentity writes bytes that are equal for equal values of this column and different for others; missing is one value.
func (s *series) appendIdentity(dst []byte, i int) []byte {
	var bits uint64
	if s.numeric() {
		v := s.number(i)
		bits = math.Float64bits(v + 0) // -0 is 0
		if math.IsNaN(v) {
			bits = math.MaxUint64
		}
	} else {
		bits = uint64(int64(s.Code[i]))
	}
	for shift := 0; shift < 64; shift += 8 {
		dst = append(dst, byte(bits>>shift))
	}
	return dst
}

// uniqueWithinRecord expects the values of a row to differ from each other; missing is one value.
func uniqueWithinRecord(d *domain, _ int, _ *kwargs) (func(int) bool, error) {
	return func(i int) bool {
		for a := range d.cells {
			for b := range a {
				if key(d.cells[a].value(i)) == key(d.cells[b].value(i)) {
					return false
				}
			}
		}
		return true
	}, nil
}

// sumEquals expects the values of a row to add up to sum_total; with a missing value they do not.
func sumEquals(d *domain, _ int, k *kwargs) (func(int) bool, error) {
	total, _ := k.number("sum_total")
	for _, s := range d.cells {
		if !s.numeric() && s.MissingCount() < s.Len() {
			return nil, fmt.Errorf("the sum of a row: %w", notNumeric("values", s))
		}
	}
	return func(i int) bool {
		sum := 0.0
		for _, s := range d.cells {
			sum += s.number(i)
		}
		return sum == total
	}, k.err()
}
