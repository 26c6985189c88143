package expect

import (
	"slices"
	"strings"

	"mlops/shared/dataset"
)

// form says how an expectation is evaluated over a table that is not held.
type form uint8

const (
	byFrame  form = iota // not at all: its columns are held. So is whatever has no other form
	byRow                // a map expectation that looks at one row at a time: a fold over batches
	byLevel              // one that needs to look at the distinct values only, where these are texts and not too many
	bySeam               // one that looks at a row and the one before: a fold over batches, and over where they meet
	bySize               // from the names of the columns, the number of rows and of present values
	byMoment             // from sums and extremes
	byRank               // from values of known rank, or from how many lie in bins
	byCount              // from the distinct values and how often each comes, where these are not too many
	byKey                // from which rows, or how many, are like no other: a census
)

// Expectations whose form depends on their arguments.
const (
	klName       = "expect_column_kl_divergence_to_be_less_than"
	zScoreName   = "expect_column_value_z_scores_to_be_less_than"
	compoundName = "expect_compound_columns_to_be_unique"
)

// forms are the expectations that have one.
var forms = map[string]form{
	"expect_column_values_to_not_be_null": byRow, "expect_column_values_to_be_null": byRow,
	"expect_column_values_to_be_between": byRow, "expect_column_values_to_be_in_set": byRow, "expect_column_values_to_not_be_in_set": byRow,
	zScoreName: byRow,
	"expect_column_value_lengths_to_be_between": byRow, "expect_column_value_lengths_to_equal": byRow,
	"expect_column_values_to_match_regex": byRow, "expect_column_values_to_not_match_regex": byRow,
	"expect_column_values_to_match_regex_list": byRow, "expect_column_values_to_not_match_regex_list": byRow,
	"expect_column_values_to_match_like_pattern": byRow, "expect_column_values_to_not_match_like_pattern": byRow,
	"expect_column_values_to_match_like_pattern_list": byRow, "expect_column_values_to_not_match_like_pattern_list": byRow,
	"expect_column_values_to_match_strftime_format": byRow, "expect_column_values_to_be_dateutil_parseable": byRow,
	"expect_column_values_to_be_json_parseable": byRow, "expect_column_values_to_match_json_schema": byRow,
	"expect_column_pair_values_a_to_be_greater_than_b": byRow, "expect_column_pair_values_to_be_equal": byRow, "expect_column_pair_values_to_be_in_set": byRow,
	"expect_select_column_values_to_be_unique_within_record": byRow, "expect_multicolumn_sum_to_equal": byRow,
	"expect_column_values_to_be_increasing": bySeam, "expect_column_values_to_be_decreasing": bySeam,
	"expect_column_values_to_be_unique": byLevel, compoundName: byKey, "expect_multicolumn_values_to_be_unique": byRow,
	"expect_column_type_to_be":           bySize,
	"expect_column_values_to_be_of_type": byLevel, "expect_column_values_to_be_in_type_list": byLevel,
	"expect_table_row_count_to_be_between": bySize, "expect_table_row_count_to_equal": bySize,
	"expect_table_column_count_to_be_between": bySize, "expect_table_column_count_to_equal": bySize,
	"expect_column_to_exist": bySize, "expect_table_columns_to_match_set": bySize, "expect_table_columns_to_match_ordered_list": bySize,
	"expect_column_proportion_of_non_null_values_to_be_between": bySize,
	"expect_column_mean_to_be_between":                          byMoment, "expect_column_stdev_to_be_between": byMoment, "expect_column_sum_to_be_between": byMoment,
	"expect_column_min_to_be_between": byMoment, "expect_column_max_to_be_between": byMoment,
	"expect_column_median_to_be_between": byRank, "expect_column_quantile_values_to_be_between": byRank,
	"expect_column_unique_value_count_to_be_between": byCount, "expect_column_proportion_of_unique_values_to_be_between": byCount,
	"expect_column_distinct_values_to_be_in_set": byCount, "expect_column_distinct_values_to_contain_set": byCount,
	"expect_column_distinct_values_to_equal_set": byCount, "expect_column_most_common_value_to_be_in_set": byCount,
	"expect_column_chisquare_test_p_value_to_be_greater_than": byCount, klName: byRank,
}

// formOf is the form of an expectation over these columns, as far as it is known before they are read.
func formOf(c *check, name string, h dataset.Heading) form {
	f := forms[name]
	condition := c.values["row_condition"] != nil && c.values["row_condition"] != ""
	column := slices.Index(h.Names, textOf(c.values["column"]))
	text := column >= 0 && h.Kinds[column] == dataset.Categorical
	switch f {
	case bySeam:
		if condition || c.format.columns != nil || c.format.rows {
			return byFrame
		}
		return f
	case byRank:
		partition, _ := c.values["partition_object"].(map[string]any)
		switch {
		case name == klName && c.values["partition_object"] == nil: // it is made of the column
			return byFrame
		case text || partition["values"] != nil:
			return byCount
		}
		return f
	case byMoment:
		if text { // the least text, and sums of booleans
			return byCount
		}
		return f
	case byFrame, bySize, byCount, byKey:
		return f
	}
	plain := !condition && c.format.level != Complete && c.format.columns == nil && !c.format.rows
	null := name == "expect_column_values_to_not_be_null"
	if plain && column >= 0 && (text || null) {
		return byLevel
	}
	if name == "expect_column_values_to_be_unique" {
		return byKey
	}
	if f == byLevel && !text {
		return bySize // the type of numbers
	}
	if mixed(c, h) { // whether a text meets a number anywhere is not seen from one batch
		return byFrame
	}
	return byRow
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// mixed reports whether a pair is of columns of both kinds.
func mixed(c *check, h dataset.Heading) bool {
	kinds := kindsIn([]any{c.values["column_A"], c.values["column_B"]}, h)
	return slices.Contains(kinds, dataset.Numeric) && slices.Contains(kinds, dataset.Categorical)
}

// needsCounts reports whether a job cannot do without the distinct values of a text column and their counts.
func (j *job) needsCounts() bool {
	partition, _ := j.check.values["partition_object"].(map[string]any)
	return forms[j.record.name] == byCount || partition["values"] != nil
}

// countsDistinct are the expectations for which it is enough to know how many distinct values there are.
var countsDistinct = map[string]bool{"expect_column_unique_value_count_to_be_between": true, "expect_column_proportion_of_unique_values_to_be_between": true}

// kindsIn are the kinds of the columns that an argument speaks of.
func kindsIn(v any, h dataset.Heading) []dataset.Kind {
	var kinds []dataset.Kind
	for i, named := range columnsIn(v, h.Names) {
		if named {
			kinds = append(kinds, h.Kinds[i])
		}
	}
	return kinds
}

// columnsIn are the columns whose names some text in v contains: at least those that an argument of that value can speak of.
func columnsIn(v any, names []string) []bool {
	found := make([]bool, len(names))
	var visit func(v any)
	visit = func(v any) {
		switch x := v.(type) {
		case string:
			for i, name := range names {
				found[i] = found[i] || strings.Contains(x, name)
			}
		case map[string]any:
			for _, inner := range x {
				visit(inner)
			}
		default:
			if l, ok := list(x); ok {
				for _, inner := range l {
					visit(inner)
				}
			}
		}
	}
	visit(v)
	return found
}
