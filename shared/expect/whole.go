package expect

import (
	"fmt"
	"slices"
)

// tables are about the table as a whole.
var tables = []record{
	{"expect_table_row_count_to_be_between", "min_value max_value strict_min strict_max", countBetween((*check).height)},
	{"expect_table_row_count_to_equal", "value!", countEquals((*check).height)},
	{"expect_table_row_count_to_equal_other_table", "other_table_name!", rowsEqualOther},
	{"expect_table_column_count_to_be_between", "min_value max_value strict_min strict_max", countBetween((*check).width)},
	{"expect_table_column_count_to_equal", "value!", countEquals((*check).width)},
	{"expect_column_to_exist", "column! column_index", columnExists},
	{"expect_table_columns_to_match_set", "column_set exact_match", columnsMatchSet},
	{"expect_table_columns_to_match_ordered_list", "column_list", columnsMatchList},
}

func (c *check) width() int { return len(c.frame.Columns) }

// OtherTables are the names of the tables that the suite compares with, sorted: whoever validates tells their rows in Options.Tables.
func (s *Suite) OtherTables() []string {
	var names []string
	for i := range s.Expectations {
		if name := textOf(s.Expectations[i].Kwargs["other_table_name"]); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rowsEqualOther expects as many rows as another table has, see Options.Tables.
func rowsEqualOther(c *check) (outcome, error) {
	name := c.text("other_table_name")
	other, known := c.others[name]
	if !known && c.err() == nil {
		return outcome{}, fmt.Errorf("other_table_name %q: the number of its rows is not known here: on a platform it is a dataset with a data version, of mlops validate a --table name=file", brief(name))
	}
	n := c.height()
	return outcome{success: n == other, detail: map[string]any{"observed_value": map[string]any{"self": n, "other": other}}}, c.err()
}

// countBetween expects a count of the table within whole bounds, of which either or both may be absent.
func countBetween(count func(*check) int) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		b := c.wholeBounds()
		if err := c.err(); err != nil {
			return outcome{}, err
		}
		if err := b.ordered(); err != nil {
			return outcome{}, err
		}
		n := count(c)
		ok, err := b.contains(float64(n))
		return outcome{success: ok, detail: map[string]any{"observed_value": n}}, err
	}
}

// countEquals expects a count of the table to be value.
func countEquals(count func(*check) int) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		want, _ := c.whole("value")
		n := count(c)
		return outcome{success: float64(n) == want, detail: map[string]any{"observed_value": n}}, c.err()
	}
}

// columnExists expects a column, at column_index if that is given. Position 0 is never checked: to Great Expectations 0 is false, and
// suites that rely on it exist.
func columnExists(c *check) (outcome, error) {
	at, _ := c.whole("column_index")
	found := c.frame.Index(c.text("column"))
	return outcome{success: found >= 0 && (at == 0 || float64(found) == at)}, c.err()
}

// columnsMatchSet expects exactly the columns of column_set, or at least those when exact_match is false; null expects nothing.
func columnsMatchSet(c *check) (outcome, error) {
	wanted, there := c.texts("column_set")
	exact := c.flagOr("exact_match", true)
	names := slices.Sorted(slices.Values(c.frame.Names()))
	unexpected, missing := []any{}, []any{}
	for _, n := range names {
		if !slices.Contains(wanted, n) {
			unexpected = append(unexpected, n)
		}
	}
	for _, n := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		if !slices.Contains(names, n) {
			missing = append(missing, n)
		}
	}
	detail := map[string]any{"observed_value": names}
	if !there || len(unexpected)+len(missing) == 0 {
		return outcome{success: true, detail: detail}, c.err()
	}
	mismatched := map[string]any{}
	if len(unexpected) > 0 {
		mismatched["unexpected"] = unexpected
	}
	if len(missing) > 0 {
		mismatched["missing"] = missing
	}
	detail["details"] = map[string]any{"mismatched": mismatched}
	return outcome{success: len(missing) == 0 && (!exact || len(unexpected) == 0), detail: detail}, c.err()
}

// columnsMatchList expects exactly these columns in this order; null expects nothing.
func columnsMatchList(c *check) (outcome, error) {
	wanted, there := c.texts("column_list")
	names := c.frame.Names()
	detail := map[string]any{"observed_value": names}
	if !there || slices.Equal(wanted, names) {
		return outcome{success: true, detail: detail}, c.err()
	}
	at := func(list []string, i int) any {
		if i < len(list) {
			return list[i]
		}
		return nil
	}
	mismatched := []any{}
	for i := range max(len(wanted), len(names)) {
		if w, n := at(wanted, i), at(names, i); w != n {
			mismatched = append(mismatched, map[string]any{"Expected Column Position": i, "Expected": w, "Found": n})
		}
	}
	detail["details"] = map[string]any{"mismatched": mismatched}
	return outcome{success: false, detail: detail}, c.err()
}
