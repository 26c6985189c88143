package expect

const setArgs = "column! value_set parse_strings_as_datetimes"

// sets are about the distinct present values of a column as a whole.
var sets = []record{
	{"expect_column_distinct_values_to_be_in_set", setArgs, distinctSet(func(observed, wanted map[any]bool) bool { return len(wanted) == 0 || subset(observed, wanted) })},
	{"expect_column_distinct_values_to_contain_set", setArgs, distinctSet(func(observed, wanted map[any]bool) bool { return subset(wanted, observed) })},
	{"expect_column_distinct_values_to_equal_set", setArgs, distinctSet(func(observed, wanted map[any]bool) bool { return subset(wanted, observed) && subset(observed, wanted) })},
	{"expect_column_most_common_value_to_be_in_set", "column! value_set ties_okay", mostCommon},
}

func subset(a, b map[any]bool) bool {
	for v := range a {
		if !b[v] {
			return false
		}
	}
	return true
}

// wanted is value_set as a set of keys; absent, it is empty.
func (c *check) wanted() map[any]bool {
	values, _ := c.scalars("value_set")
	set := make(map[any]bool, len(values))
	for _, v := range values {
		set[key(v)] = true
	}
	return set
}

// distinctSet makes an expectation from a relation between the distinct values and value_set.
func distinctSet(holds func(observed, wanted map[any]bool) bool) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		s, err := c.series(c.text("column"))
		if err != nil {
			return outcome{}, err
		}
		wanted := c.wanted()
		observed := map[any]bool{}
		values, counts := []any{}, []any{}
		for _, v := range s.counts() {
			observed[key(v.value)] = true
			values = append(values, s.told(v.value))
			counts = append(counts, map[string]any{"value": s.told(v.value), "count": v.count})
		}
		detail := map[string]any{"observed_value": values, "details": map[string]any{"value_counts": counts}}
		return outcome{success: holds(observed, wanted), detail: detail}, c.err()
	}
}

// mostCommon expects the mode to be in value_set; without ties_okay there must be one mode only, with it any of them will do.
func mostCommon(c *check) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	wanted, ties := c.wanted(), c.flag("ties_okay")
	all := s.counts()
	most := 0
	for _, v := range all {
		most = max(most, v.count)
	}
	modes, found := []any{}, false
	for _, v := range all {
		if v.count == most {
			found = found || wanted[key(v.value)]
			modes = append(modes, s.told(v.value))
		}
	}
	return outcome{success: found && (ties || len(modes) == 1), detail: map[string]any{"observed_value": modes}}, c.err()
}
