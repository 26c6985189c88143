package expect

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mlops/shared/dataset"
)

// SuggestOptions steer Suggest. Zero values mean the defaults named beside them.
type SuggestOptions struct {
	Name          string  // of the suite; "suggested"
	Target        string  // the column that is predicted: it must be there without gaps
	Tolerance     float64 // a range is widened on each side by this share of its width; 0.1, negative = not at all
	MaxCategories int     // texts with more distinct values than this are free text; 100
	NullSurge     float64 // missing values are critical when their share rises by this much, in [0, 1]; 0.2
	MinRows       float64 // fewer rows than this share of the data's are a warning; 0.1
}

func (o SuggestOptions) defaults() SuggestOptions {
	if o.Name == "" {
		o.Name = "suggested"
	}
	for _, d := range []struct {
		field *float64
		value float64
	}{{&o.Tolerance, 0.1}, {&o.NullSurge, 0.2}, {&o.MinRows, 0.1}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	o.Tolerance = max(o.Tolerance, 0)
	if o.MaxCategories == 0 {
		o.MaxCategories = 100
	}
	return o
}

// z is the normal quantile of the two-sided 95 % intervals below.
const z = 1.959963984540054

// Suggest proposes a suite that f itself satisfies, by rules in the manner of Deequ (completeness, type, range, categories,
// non-negativity, uniqueness; https://github.com/awslabs/deequ, Schelter et al., "Automating Large-Scale Data Quality Verification",
// VLDB 2018). The meta of every expectation says "rule" and, in "why", what was seen. Critical are the columns, their types, the
// target's presence, and gaps that become far more frequent; the rest warns.
func Suggest(f *dataset.Frame, o SuggestOptions) *Suite {
	s := suggestion{o: o.defaults(), frame: f}
	s.table()
	for i := range f.Columns {
		s.column(newSeries(&f.Columns[i], nil))
	}
	return &Suite{Name: s.o.Name, Expectations: s.list, Meta: map[string]any{
		"notes": fmt.Sprintf("proposed from %s and %s", count(f.Rows(), "row"), count(len(f.Columns), "column")),
	}}
}

type suggestion struct {
	o     SuggestOptions
	frame *dataset.Frame
	list  []Expectation
}

// add appends an expectation; kwargs alternate names and values.
func (s *suggestion) add(kind, severity, rule, why string, kwargs ...any) {
	e := Expectation{Type: kind, Severity: severity, Kwargs: map[string]any{}, Meta: map[string]any{"rule": rule, "why": why}}
	for i := 0; i < len(kwargs); i += 2 {
		e.Kwargs[kwargs[i].(string)] = kwargs[i+1]
	}
	s.list = append(s.list, e)
}

func (s *suggestion) table() {
	names := make([]any, 0, len(s.frame.Columns))
	for _, n := range s.frame.Names() {
		names = append(names, n)
	}
	s.add("expect_table_columns_to_match_set", Critical, "columns", fmt.Sprintf("the data has these %s; more do no harm, a lost one does", count(len(names), "column")),
		"column_set", names, "exact_match", false)
	s.add("expect_table_column_count_to_equal", Warning, "columns", fmt.Sprintf("the data has %s; another number means that a producer changed the table", count(len(names), "column")),
		"value", float64(len(names)))
	least := max(1, math.Floor(float64(s.frame.Rows())*s.o.MinRows))
	if s.frame.Rows() == 0 {
		least = 0
	}
	s.add("expect_table_row_count_to_be_between", Warning, "rows", fmt.Sprintf("the data has %s; with fewer than %s %% of that something was cut off", count(s.frame.Rows(), "row"), short(100*s.o.MinRows)),
		"min_value", least)
}

func (s *suggestion) column(c *series) {
	present := c.Len() - c.MissingCount()
	s.completeness(c, present)
	if present == 0 {
		return // nothing was seen, and so nothing is known
	}
	s.kind(c)
	all := c.counts()
	switch {
	case s.identifier(c, all, present):
		s.add("expect_column_values_to_be_unique", Warning, "unique", fmt.Sprintf("each of %s came once: rows are told apart by it", count(present, "value")), "column", c.Name)
	case c.Kind == dataset.Numeric && !coded(c, all, present):
		s.interval(c, all, present)
	case c.truth == nil:
		s.categories(c, all, present)
	}
}

// completeness expects gaps to be no more frequent than the data makes likely: as a warning by the lower end of the Wilson interval of
// the share present, critical when NullSurge below it. A column without gaps is expected to stay so.
func (s *suggestion) completeness(c *series, present int) {
	n := c.Len()
	switch {
	case n == 0:
		return
	case present == n && c.Name == s.o.Target:
		s.add("expect_column_values_to_not_be_null", Critical, "target", fmt.Sprintf("it is the target, and present in all of %s", count(n, "row")), "column", c.Name)
		return
	case present == 0:
		return
	}
	lower := wilson(present, n)
	why := fmt.Sprintf("present in %d of %s: the 95 %% interval of the share begins at %s %%", present, count(n, "row"), short(100*lower))
	if present == n {
		s.add("expect_column_values_to_not_be_null", Warning, "completeness", fmt.Sprintf("present in all of %s", count(n, "row")), "column", c.Name)
	} else {
		s.add("expect_column_values_to_not_be_null", Warning, "completeness", why, "column", c.Name, "mostly", lower)
	}
	if surge := down(lower - s.o.NullSurge); surge > 0 {
		s.add("expect_column_values_to_not_be_null", Critical, "null_surge", fmt.Sprintf("%s; %s points more gaps than that are a fault upstream", why, short(100*s.o.NullSurge)), "column", c.Name, "mostly", surge)
	}
}

// wilson is the lower end of the 95 % score interval of k successes among n, rounded down to four digits. E. B. Wilson, "Probable
// inference, the law of succession, and statistical inference", JASA 22 (1927).
func wilson(k, n int) float64 {
	p, m := float64(k)/float64(n), float64(n)
	center := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, down((center-half)/(1+z*z/m)))
}

// down rounds down to four digits.
func down(p float64) float64 { return math.Floor(p*1e4) / 1e4 }

// kind expects the type. Whole numbers may turn into fractions and back by a gap or by chance, so both are numbers.
func (s *suggestion) kind(c *series) {
	types, what := []any{"str"}, "texts"
	switch {
	case c.Kind == dataset.Numeric:
		types, what = []any{"int64", "float64"}, "numbers"
	case c.truth != nil:
		types, what = []any{"bool"}, "booleans"
	}
	s.add("expect_column_values_to_be_in_type_list", Critical, "type", fmt.Sprintf("all values are %s", what), "column", c.Name, "type_list", types)
}

// identifier reports whether a column tells rows apart: it has no gaps and no value twice in 30 rows or more, and is a text, or whole
// numbers that either are called an id or count the rows.
func (s *suggestion) identifier(c *series, all []counted, present int) bool {
	if present < 30 || present < c.Len() || len(all) < present || c.Name == s.o.Target {
		return false
	}
	if c.Kind == dataset.Categorical {
		return true
	}
	name := strings.ToLower(c.Name)
	called := name == "id" || name == "uuid" || name == "key" || strings.HasSuffix(name, "_id") || strings.HasSuffix(c.Name, "Id") || strings.HasSuffix(c.Name, "ID")
	return c.Integer && (called || all[present-1].value.(float64)-all[0].value.(float64) == float64(present-1))
}

// coded reports whether whole numbers look like the codes of classes: two of them, or at most ten that came often.
func coded(c *series, all []counted, present int) bool {
	return c.Integer && (len(all) <= 2 || len(all) <= 10 && present >= 20*len(all))
}

// interval expects numbers within the range seen, widened by the tolerance, and never below zero when none was.
func (s *suggestion) interval(c *series, all []counted, present int) {
	low, high := all[0].value.(float64), all[len(all)-1].value.(float64)
	if math.IsInf(low, 0) || math.IsInf(high, 0) {
		return
	}
	why := fmt.Sprintf("%s lay between %s and %s", count(present, "value"), short(low), short(high))
	from, to := low, high
	if pad := (high - low) * s.o.Tolerance; pad > 0 && !math.IsInf(pad, 0) {
		from, to = outward(low, -pad, c.Integer), outward(high, pad, c.Integer)
		why += fmt.Sprintf("; the range is widened by %s %% on each side", short(100*s.o.Tolerance))
	}
	if low >= 0 && from < 0 {
		from = 0
	}
	if low >= 0 {
		why += "; none was negative"
	}
	s.add("expect_column_values_to_be_between", Warning, "range", why, "column", c.Name, "min_value", from, "max_value", to)
}

// outward is v+pad rounded away from v: to a whole number, or to six digits.
func outward(v, pad float64, whole bool) float64 {
	to := v + pad
	if whole {
		if pad < 0 {
			return math.Floor(to)
		}
		return math.Ceil(to)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(to, 'g', 6, 64), 64)
	if err != nil || (rounded-v)*pad <= 0 { // the digits were too few to part it from v
		return to
	}
	return rounded
}

// categories expects the values seen. Where some came once only, a share of unseen ones is to be expected: that of the values that came
// once (Good and Turing), at the upper end of its 95 % interval. More than MaxCategories, or more than 20 with a tenth of them single, or
// half of all rows single, are free text.
func (s *suggestion) categories(c *series, all []counted, present int) {
	single := 0
	values := make([]any, len(all))
	for i, v := range all {
		values[i] = v.value
		if v.count == 1 {
			single++
		}
	}
	if len(all) > s.o.MaxCategories || len(all) > 20 && single*10 > len(all) || single*2 > present {
		return
	}
	why := fmt.Sprintf("%s took %s", count(present, "value"), count(len(all), "category"))
	if single == 0 {
		s.add("expect_column_values_to_be_in_set", Warning, "categories", why, "column", c.Name, "value_set", values)
		return
	}
	why += fmt.Sprintf("; %d came once, so unseen ones are likely", single)
	s.add("expect_column_values_to_be_in_set", Warning, "categories", why, "column", c.Name, "value_set", values, "mostly", wilson(present-single, present))
}

// count is a number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ie"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// short is a number for people.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
