package expect

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// SuggestOptions steer Suggest. Zero values mean the defaults named beside them.
type SuggestOptions struct {
	Name          string  // of the suite; "suggested"
	Target        string  // the column that is predicted: it must be there without gaps
	Tolerance     float64 // a range is widened on each side by this share of its width; 0.1, negative = not at all
	MaxCategories int     // texts with more distinct values than this are free text; 100
	NullSurge     float64 // missing values are critical when their share rises by this much, in [0, 1]; 0.2
	MinRows       float64 // fewer rows than this share of the data's are a warning; 0.1
	Dialect       Dialect // in which the suite is written; 1.x

	Typed map[string][]any // as in Options
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

// falseFailures is how often a suite may fail, by chance alone, on as many other rows of the same kind as it was made of: the bounds of all its
// expectations together are as wide as that takes (Bonferroni).
const falseFailures = 0.02

// perColumn is how many chances to fail a column has at most: gaps, range or categories, length, mean, deviation.
const perColumn = 5

// Suggest proposes a suite that f itself satisfies, and that as many other rows of the same kind do as well, by the rules of Deequ: complete if
// complete, completeness, type, categories, fractional categories, non-negativity, uniqueness, range, length, mean and standard deviation
// (https://github.com/awslabs/deequ, Schelter et al., "Automating Large-Scale Data Quality Verification", VLDB 2018). The meta of every
// expectation says "rule" and, in "why", what was seen; its notes say it where Great Expectations shows it. Critical are the columns, their
// types, the target's presence, and gaps that become far more frequent; of the rest most warns, and what only tells is info.
func Suggest(f *dataset.Frame, o SuggestOptions) *Suite {
	s := suggestion{o: o.defaults(), frame: f}
	s.z = distuv.UnitNormal.Quantile(1 - falseFailures/float64(2*perColumn*max(1, len(f.Columns))))
	s.table()
	for i := range f.Columns {
		s.column(newSeries(&f.Columns[i], o.Typed[f.Columns[i].Name]))
	}
	return &Suite{Name: s.o.Name, Expectations: s.list, Dialect: s.o.Dialect, Meta: map[string]any{
		"notes": fmt.Sprintf("proposed from %s and %s", number.Count(f.Rows(), "row"), number.Count(len(f.Columns), "column")),
	}}
}

type suggestion struct {
	o     SuggestOptions
	frame *dataset.Frame
	list  []Expectation
	z     float64 // the normal quantile of every bound, see falseFailures
}

// add appends an expectation; kwargs alternate names and values. A 0.x suite keeps notes and severity in meta, a 1.x suite beside it.
func (s *suggestion) add(kind, severity, rule, why string, kwargs ...any) {
	e := Expectation{Type: kind, Severity: severity, Kwargs: map[string]any{}, Meta: map[string]any{"rule": rule, "why": why}}
	if s.o.Dialect == V0 {
		e.Severity, e.Meta["severity"] = "", severity
		e.Meta["notes"] = map[string]any{"format": "string", "content": []any{why}}
	} else {
		e.Extra = map[string]any{"notes": why}
	}
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
	s.add("expect_table_columns_to_match_set", Critical, "columns", fmt.Sprintf("the data has these %s; more do no harm, a lost one does", number.Count(len(names), "column")),
		"column_set", names, "exact_match", false)
	s.add("expect_table_column_count_to_equal", Warning, "columns", fmt.Sprintf("the data has %s; another number means that a producer changed the table", number.Count(len(names), "column")),
		"value", float64(len(names)))
	least := max(1, math.Floor(float64(s.frame.Rows())*s.o.MinRows))
	if s.frame.Rows() == 0 {
		least = 0
	}
	s.add("expect_table_row_count_to_be_between", Warning, "rows", fmt.Sprintf("the data has %s; with fewer than %s %% of that something was cut off", number.Count(s.frame.Rows(), "row"), short(100*s.o.MinRows)),
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
		s.add("expect_column_values_to_be_unique", Warning, "unique", fmt.Sprintf("each of %s came once: rows are told apart by it", number.Count(present, "value")), "column", c.Name)
		s.lengths(c, present)
	case c.Kind == dataset.Numeric && !coded(c, all, present):
		s.interval(c, all, present)
		s.moments(c, present)
	case c.truth == nil:
		if !s.categories(c, all, present) {
			s.lengths(c, present)
		}
	}
}

// completeness expects gaps to be no more frequent than the data makes likely: as a warning by the lower end of the interval of the share
// present, critical when NullSurge below it. A column without gaps is expected to stay so, and one gap is told; that many fail is a warning.
func (s *suggestion) completeness(c *series, present int) {
	n := c.Len()
	switch {
	case n == 0:
		return
	case present == n && c.Name == s.o.Target:
		s.add("expect_column_values_to_not_be_null", Critical, "target", fmt.Sprintf("it is the target, and present in all of %s", number.Count(n, "row")), "column", c.Name)
		return
	case present == 0:
		return
	}
	lower := s.lower(present, n)
	if present == n {
		lower = max(lower, down(1-s.few()/float64(n)))
	}
	why := fmt.Sprintf("present in %d of %s: by the Wilson bound as many other rows have it in %s %% at least", present, number.Count(n, "row"), short(100*lower))
	if present == n {
		s.add("expect_column_values_to_not_be_null", Info, "complete", fmt.Sprintf("present in all of %s", number.Count(n, "row")), "column", c.Name)
	}
	if lower > 0 {
		s.add("expect_column_values_to_not_be_null", Warning, "completeness", why, "column", c.Name, "mostly", lower)
	}
	if surge := down(lower - s.o.NullSurge); surge > 0 {
		s.add("expect_column_values_to_not_be_null", Critical, "null_surge", fmt.Sprintf("%s; %s points more gaps than that are a fault upstream", why, short(100*s.o.NullSurge)), "column", c.Name, "mostly", surge)
	}
}

// lower is the share of k of n that as many other rows will have at least: the lower end of the score interval of a share that is half as well
// known, since the other rows vary as much as these did.
func (s *suggestion) lower(k, n int) float64 {
	return min(wilson(float64(k)/2, float64(n)/2, s.z), down(float64(k)/float64(n)))
}

// wilson is the lower end of the score interval of k successes among n, rounded down to four digits:
//
//	(p + z^2/2n - z*sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
//
// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
func wilson(k, n, z float64) float64 {
	p := k / n
	center := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, down((center-half)/(1+z*z/n)))
}

// few is how many values of a kind that a sample has none of may be in another sample of its size: k values all belong to the second one with a
// chance of 2^-k at most. S. S. Wilks, "Determination of sample sizes for setting tolerance limits", Annals of Mathematical Statistics 12 (1941).
func (s *suggestion) few() float64 { return math.Ceil(-math.Log2(distuv.UnitNormal.Survival(s.z))) }

// beyond is the share of as many other values that will lie within what n values spanned: few lie on either side.
func (s *suggestion) beyond(n int) float64 { return max(0, down(1-2*s.few()/float64(n))) }

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
	case c.typed != nil:
		seen := map[string]bool{}
		for _, v := range c.typed {
			seen[pythonType(v)] = true
		}
		names := slices.Sorted(maps.Keys(seen))
		types, _ = list(names)
		what = strings.Join(names, " or ")
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

// interval expects numbers within the range seen, widened by the tolerance, but for the few that as many other rows may have beyond it; and none
// below zero when none was.
func (s *suggestion) interval(c *series, all []counted, present int) {
	low, high := all[0].value.(float64), all[len(all)-1].value.(float64)
	if math.IsInf(low, 0) || math.IsInf(high, 0) {
		return
	}
	why := fmt.Sprintf("%s lay between %s and %s", number.Count(present, "value"), short(low), short(high))
	from, to := low, high
	if pad := (high - low) * s.o.Tolerance; pad > 0 && !math.IsInf(pad, 0) {
		from, to = outward(low, -pad, c.Integer), outward(high, pad, c.Integer)
		why += fmt.Sprintf("; the range is widened by %s %% on each side", short(100*s.o.Tolerance))
	}
	if low >= 0 && from < 0 {
		from = 0
	}
	kwargs := []any{"column", c.Name, "min_value", from, "max_value", to}
	if mostly := s.beyond(present); mostly > 0 {
		kwargs = append(kwargs, "mostly", mostly)
		s.add("expect_column_values_to_be_between", Warning, "range", why, kwargs...)
	}
	if low >= 0 {
		s.add("expect_column_values_to_be_between", Warning, "non_negative", fmt.Sprintf("none of %s was negative", number.Count(present, "value")), "column", c.Name, "min_value", 0.0)
	}
}

// moments expect the mean and the standard deviation of as many other rows: z standard errors of a difference of two samples around what was seen,
// sqrt(2)*s/sqrt(n) for the mean, sqrt(2)*s/2*sqrt((k-1)/n) for the deviation, k being the kurtosis. Of a column with so heavy tails that a few
// values decide nothing is expected: a kurtosis of 3 is a normal distribution's, 6 and n/20 bound it. A deviation outside its bounds only tells, since half a sample
// knows little of its tails. H. Cramer, "Mathematical Methods of Statistics", Princeton 1946, sections 27.4 and 27.7.
func (s *suggestion) moments(c *series, present int) {
	if present < 50 {
		return
	}
	v := c.present()
	n, mean, sd := float64(present), average(v), deviation(v)
	fourth := 0.0
	for _, x := range v {
		d := (x - mean) / sd
		fourth += d * d * d * d / n
	}
	if !(sd > 0) || math.IsInf(sd, 0) || math.IsNaN(fourth) || fourth > min(6, n/20) {
		return
	}
	reach := s.z * math.Sqrt2 * sd / math.Sqrt(n)
	s.add("expect_column_mean_to_be_between", Warning, "mean", fmt.Sprintf("the mean of %s was %s; as many other rows lie within %s of it", number.Count(present, "value"), short(mean), short(reach)),
		"column", c.Name, "min_value", mean-reach, "max_value", mean+reach)
	reach = s.z * math.Sqrt2 * sd / 2 * math.Sqrt(max(0.1, fourth-1)/n)
	s.add("expect_column_stdev_to_be_between", Info, "standard_deviation", fmt.Sprintf("the standard deviation of %s was %s; as many other rows lie within %s of it", number.Count(present, "value"), short(sd), short(reach)),
		"column", c.Name, "min_value", max(0, sd-reach), "max_value", sd+reach)
}

// lengths expect texts as long as those seen, but for a few.
func (s *suggestion) lengths(c *series, present int) {
	mostly := s.beyond(present)
	if c.Kind != dataset.Categorical || mostly <= 0 {
		return
	}
	least, most := math.MaxInt, 0
	for k, n := range c.tally() {
		if n > 0 {
			length := utf8.RuneCountInString(c.levelText(int32(k)))
			least, most = min(least, length), max(most, length)
		}
	}
	s.add("expect_column_value_lengths_to_be_between", Warning, "length", fmt.Sprintf("%s had %d to %d characters", number.Count(present, "text"), least, most),
		"column", c.Name, "min_value", float64(least), "max_value", float64(most), "mostly", mostly)
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

// categories expects the values seen, and reports whether it could. Where some came once only, a share of unseen ones is to be expected: that of
// the values that came once (I. J. Good, "The population frequencies of species", Biometrika 40 (1953)), at the upper end of its interval. Of more
// than MaxCategories, or more than 20 with a tenth of them single, the frequent ones are expected where they make up 90 % (Deequ's fractional
// categorical range); else, or with half of all rows single, they are free text.
func (s *suggestion) categories(c *series, all []counted, present int) bool {
	single := 0
	for _, v := range all {
		if v.count == 1 {
			single++
		}
	}
	if single*2 > present {
		return false
	}
	if len(all) > s.o.MaxCategories || len(all) > 20 && single*10 > len(all) {
		return s.frequent(c, all, present)
	}
	values := make([]any, len(all))
	for i, v := range all {
		values[i] = v.value
	}
	why := fmt.Sprintf("%s took %s", number.Count(present, "value"), number.Count(len(all), "category"))
	if single == 0 {
		s.add("expect_column_values_to_be_in_set", Warning, "categories", why, "column", c.Name, "value_set", values)
		return true
	}
	if mostly := s.lower(present-single, present); mostly > 0 {
		s.add("expect_column_values_to_be_in_set", Warning, "categories", why+fmt.Sprintf("; %d came once, so unseen ones are likely", single), "column", c.Name, "value_set", values, "mostly", mostly)
	}
	return true
}

// frequent expects the most frequent categories, at most MaxCategories, that make up 90 % of the rows.
func (s *suggestion) frequent(c *series, all []counted, present int) bool {
	byCount := slices.Clone(all)
	slices.SortStableFunc(byCount, func(a, b counted) int { return b.count - a.count })
	var values []any
	covered := 0
	for _, v := range byCount {
		if len(values) == s.o.MaxCategories || float64(covered) >= 0.9*float64(present) {
			break
		}
		values, covered = append(values, v.value), covered+v.count
	}
	mostly := s.lower(covered, present)
	if float64(covered) < 0.9*float64(present) || len(values) == 0 || mostly <= 0 {
		return false
	}
	s.add("expect_column_values_to_be_in_set", Warning, "fractional_categories", fmt.Sprintf("%s of %s made up %d of %s", number.Count(len(values), "category"), number.Count(len(all), "category"), covered, number.Count(present, "value")),
		"column", c.Name, "value_set", values, "mostly", mostly)
	return true
}

// short is a number for people.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
