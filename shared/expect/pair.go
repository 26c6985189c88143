package expect

import "fmt"

// pairs are about two columns, row by row.
var pairs = []record{
	{"expect_column_pair_values_a_to_be_greater_than_b", "column_A! column_B! or_equal ignore_row_if parse_strings_as_datetimes allow_cross_type_comparisons", pairMap(greater)},
	{"expect_column_pair_values_to_be_equal", "column_A! column_B! ignore_row_if", pairMap(equal)},
	{"expect_column_pair_values_to_be_in_set", "column_A! column_B! value_pairs_set ignore_row_if", pairMap(pairInSet)},
}

// pairMap makes an expectation about the rows of two columns that ignore_row_if leaves: those where not both are missing (the default),
// those where neither is, or all ("neither").
func pairMap(f func(a, b *series, k *kwargs) (func(i int) bool, error)) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		d, err := c.domain(pair, c.text("column_A"), c.text("column_B"))
		if err != nil {
			return outcome{}, err
		}
		a, b := d.cells[0], d.cells[1]
		switch c.choice("ignore_row_if", "both_values_are_missing", "either_value_is_missing", "neither") {
		case "both_values_are_missing":
			d.skip = func(i int) bool { return a.Missing(i) && b.Missing(i) }
		case "either_value_is_missing":
			d.skip = func(i int) bool { return a.Missing(i) || b.Missing(i) }
		default:
			d.skip = func(int) bool { return false }
		}
		expected, err := f(a, b, &c.kwargs)
		if err != nil {
			return outcome{}, err
		}
		return c.judge(d, expected)
	}
}

// greater expects A > B, or A >= B with or_equal; a missing value is never expected. Texts compare by code point.
func greater(a, b *series, k *kwargs) (func(int) bool, error) {
	orEqual := k.flag("or_equal")
	if err := k.err(); err != nil {
		return nil, err
	}
	if a.numeric() && b.numeric() {
		return func(i int) bool {
			x, y := a.number(i), b.number(i)
			return x > y || orEqual && x == y
		}, nil
	}
	if (a.numeric() != b.numeric() || a.dtype != b.dtype && !a.numeric()) && a.MissingCount() < a.Len() && b.MissingCount() < b.Len() {
		return nil, fmt.Errorf("columns %q and %q cannot be ordered: they hold values of different types", a.Name, b.Name)
	}
	return func(i int) bool {
		less, same, err := compare(b.value(i), a.value(i))
		return err == nil && (less || orEqual && same)
	}, nil
}

// equal expects A = B by value; a missing value equals nothing, and no text a number.
func equal(a, b *series, _ *kwargs) (func(int) bool, error) {
	if a.numeric() && b.numeric() {
		return func(i int) bool { return a.number(i) == b.number(i) }, nil
	}
	return func(i int) bool {
		x := key(a.value(i))
		return x != nil && x == key(b.value(i))
	}, nil
}

// pairInSet expects the pair to be one of value_pairs_set, where null stands for a missing value; without a set everything is expected.
func pairInSet(a, b *series, k *kwargs) (func(int) bool, error) {
	if k.values["value_pairs_set"] == nil {
		return func(int) bool { return true }, nil
	}
	wanted := map[[2]any]bool{}
	all, ok := list(k.values["value_pairs_set"])
	if !ok {
		return nil, fmt.Errorf("value_pairs_set must be a list of pairs, not %s", kindOf(scalar(k.values["value_pairs_set"])))
	}
	for i, item := range all {
		p := kwargs{values: map[string]any{"pair": item}}
		two, _ := p.scalars("pair")
		if len(two) != 2 {
			return nil, fmt.Errorf("value_pairs_set[%d] must be a pair of values, not %v", i, brief(item))
		}
		wanted[[2]any{key(two[0]), key(two[1])}] = true
	}
	return func(i int) bool { return wanted[[2]any{key(a.value(i)), key(b.value(i))}] }, nil
}
