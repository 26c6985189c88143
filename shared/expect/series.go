package expect

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"mlops/shared/dataset"
)

// dtype is the type that pandas would give a column it read from CSV; expectations about types speak of it.
type dtype string

const (
	int64Type   dtype = "int64"
	float64Type dtype = "float64"
	boolType    dtype = "bool_"
	objectType  dtype = "object_" // texts, booleans with gaps, or values of several types
	dateType    dtype = "datetime64"
)

// series is a column as an expectation sees it.
type series struct {
	dataset.Column
	dtype dtype
	truth []bool // when the column holds booleans: what each level means; else nil
	typed []any  // when it holds values of several types, or dates: what each level stands for, see Options.Typed; else nil

	whole  *survey // of a table that is not held: what its readings told of the column; these rows are some of it, or stand for it
	weight []int   // where rows stand for the levels of a column: how often each level comes
}

// newSeries infers the dtype as pandas.read_csv does: whole numbers without gaps are int64, with gaps float64; a column of nothing but
// True and False is bool, with gaps object.
func newSeries(c *dataset.Column, typed []any) *series {
	s := &series{Column: *c}
	if c.Kind == dataset.Categorical && len(typed) == len(c.Levels) && len(typed) > 0 {
		s.dtype, s.typed = objectType, typed
		if !slices.ContainsFunc(typed, func(v any) bool { _, date := v.(time.Time); return !date }) {
			s.dtype = dateType
		}
		return s
	}
	gaps := c.MissingCount()
	switch {
	case c.Kind == dataset.Numeric && c.Integer && gaps == 0:
		s.dtype = int64Type
	case c.Kind == dataset.Numeric:
		s.dtype = float64Type
	default:
		s.dtype = objectType
		if s.truth = truths(c); s.truth != nil && gaps == 0 {
			s.dtype = boolType
		}
	}
	return s
}

// truths are the booleans that the levels of a column spell, or nil when some level that occurs spells none.
func truths(c *dataset.Column) []bool {
	if len(c.Levels) == 0 || len(c.Levels) > 6 {
		return nil
	}
	t := make([]bool, len(c.Levels))
	for i, l := range c.Levels {
		switch l {
		case "True", "TRUE", "true":
			t[i] = true
		case "False", "FALSE", "false":
		default:
			return nil
		}
	}
	return t
}

// take is the series of the given rows; its dtype stays, as that of a filtered pandas column does.
func (s *series) take(rows []int) *series {
	return &series{Column: s.Column.Take(rows), dtype: s.dtype, truth: s.truth, typed: s.typed, whole: s.whole}
}

// numeric reports whether the values are numbers or booleans, which Python adds and compares as 0 and 1.
func (s *series) numeric() bool { return s.Kind == dataset.Numeric || s.truth != nil }

// number is row i of a numeric series, NaN when missing.
func (s *series) number(i int) float64 {
	if s.Kind == dataset.Numeric {
		return s.Float[i]
	}
	if k := s.Code[i]; k >= 0 {
		return key(s.truth[k]).(float64)
	}
	return math.NaN()
}

// ordinal is row i as a number that orders a column of numbers, or of dates: seconds since 1970. NaN when missing.
func (s *series) ordinal(i int) float64 {
	if s.dtype != dateType {
		return s.number(i)
	}
	if s.Missing(i) {
		return math.NaN()
	}
	t := s.typed[s.Code[i]].(time.Time)
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// value is row i as nil, bool, float64, string or time.Time.
func (s *series) value(i int) any {
	if s.Kind == dataset.Categorical && s.Code[i] >= 0 {
		return s.levelValue(int(s.Code[i]))
	}
	return s.Value(i)
}

// levelValue is what a level stands for.
func (s *series) levelValue(k int) any {
	switch {
	case s.typed != nil:
		return s.typed[k]
	case s.truth != nil:
		return s.truth[k]
	}
	return s.Levels[k]
}

// text is str() of row i's value in Python.
func (s *series) text(i int) string {
	if s.Kind == dataset.Numeric {
		return pythonText(s.Float[i], s.dtype == int64Type)
	}
	return s.levelText(s.Code[i])
}

func (s *series) levelText(k int32) string {
	if s.typed != nil {
		return typedText(s.typed[k])
	}
	if s.truth == nil {
		return s.Levels[k]
	}
	if s.truth[k] {
		return "True"
	}
	return "False"
}

// test makes a predicate over present rows from one over numbers and one over texts. A text column asks once per level, not per row.
// Booleans are numbers.
func (s *series) test(number func(float64) bool, text func(string) bool) func(i int) bool {
	if s.Kind == dataset.Numeric {
		return func(i int) bool { return number(s.Float[i]) }
	}
	answer := make([]bool, len(s.Levels))
	for k, n := range s.tally() {
		switch {
		case n == 0: // a row condition may have left a level without rows, and it must not be judged
		case s.truth != nil:
			answer[k] = number(key(s.truth[k]).(float64))
		case s.typed != nil:
			switch v := key(s.typed[k]).(type) {
			case float64:
				answer[k] = number(v)
			case string:
				answer[k] = text(v)
			}
		default:
			answer[k] = text(s.Levels[k])
		}
	}
	return func(i int) bool { return answer[s.Code[i]] }
}

// tally counts the rows of each level of a text column.
func (s *series) tally() []int {
	if s.weight != nil {
		return s.weight
	}
	n := make([]int, len(s.Levels))
	for _, k := range s.Code {
		if k >= 0 {
			n[k]++
		}
	}
	return n
}

// testValue makes a predicate over present rows from one over typed values.
func (s *series) testValue(test func(any) bool) func(i int) bool {
	answer := make([]bool, len(s.Levels))
	for k, n := range s.tally() {
		answer[k] = n > 0 && test(s.typed[k])
	}
	return func(i int) bool { return answer[s.Code[i]] }
}

// testText makes a predicate over present rows from one over str() of their values.
func (s *series) testText(test func(string) bool) func(i int) bool {
	if s.Kind == dataset.Numeric {
		return func(i int) bool { return test(s.text(i)) }
	}
	answer := make([]bool, len(s.Levels))
	for k, n := range s.tally() {
		answer[k] = n > 0 && test(s.levelText(int32(k)))
	}
	return func(i int) bool { return answer[s.Code[i]] }
}

// present are the numbers of a numeric series that are not missing, in order, in a new slice.
func (s *series) present() []float64 {
	v := make([]float64, 0, s.Len())
	for i := range s.Len() {
		if x := s.number(i); !math.IsNaN(x) {
			v = append(v, x)
		}
	}
	return v
}

// size is the number of rows of the column, and of those that have a value.
func (s *series) size() (rows, present int) {
	if s.whole != nil {
		return s.whole.rows, s.whole.present
	}
	return s.Len(), s.Len() - s.MissingCount()
}

// empty reports whether no row of the column has a value.
func (s *series) empty() bool {
	_, present := s.size()
	return present == 0
}

// distinct is how many distinct values there are.
func (s *series) distinct() int {
	if s.whole != nil && s.whole.counted {
		return s.whole.distinct
	}
	return len(s.counts())
}

// moments are the mean and the sample standard deviation of the column.
func (s *series) moments() (mean, sd float64) {
	if s.whole != nil {
		return s.whole.mean(), s.whole.deviation()
	}
	v := s.present()
	return average(v), deviation(v)
}

// order is the number of present values and what gives the one of a rank, from 0, ascending.
func (s *series) order() (n int, at func(rank int) float64) {
	if s.whole != nil {
		return s.whole.present, s.whole.at
	}
	v := s.present()
	sort.Float64s(v)
	return len(v), func(rank int) float64 { return v[rank] }
}

// counted is a value and how often it came.
type counted struct {
	value any
	count int
}

// counts are the distinct present values with their counts, ascending.
func (s *series) counts() []counted {
	if s.whole != nil {
		return s.whole.counts()
	}
	var out []counted
	if s.numeric() {
		v := s.present()
		sort.Float64s(v)
		for i, j := 0, 0; i < len(v); i = j {
			for j = i; j < len(v) && v[j] == v[i]; j++ {
			}
			var x any = v[i]
			if s.truth != nil {
				x = v[i] == 1
			}
			out = append(out, counted{x, j - i})
		}
		return out
	}
	for k, count := range s.tally() {
		switch {
		case count == 0:
		case s.typed != nil:
			out = append(out, counted{s.typed[k], count})
		default:
			out = append(out, counted{s.Levels[k], count})
		}
	}
	if s.typed != nil {
		slices.SortStableFunc(out, func(a, b counted) int {
			if less, equal, err := compare(a.value, b.value); err != nil || equal {
				return 0
			} else if less {
				return -1
			}
			return 1
		})
	}
	return out
}

// table is the frame under validation, or the part of it that a row condition chose.
type table struct {
	frame  *dataset.Frame
	typed  map[string][]any   // Options.Typed
	others map[string]int     // Options.Tables
	rows   []int              // nil = all rows of the frame
	made   map[string]*series // of the whole frame, made when first asked for

	part *part // the frame is part of a table that is not held, or stands for it; else nil
}

func (t *table) height() int {
	switch {
	case t.rows != nil:
		return len(t.rows)
	case t.part != nil && t.part.rows >= 0:
		return t.part.rows
	}
	return t.frame.Rows()
}

// row is the frame's number of row i of the table.
func (t *table) row(i int) int {
	if t.rows != nil {
		return t.rows[i]
	}
	return i
}

// label is the number by which row i of the table is told.
func (t *table) label(i int) int {
	if t.part != nil && t.part.labels != nil {
		return t.part.labels[i]
	}
	return t.row(i)
}

// base is a column of the whole frame. Its error begins as Great Expectations' does and names the nearest column.
func (t *table) base(name string) (*series, error) {
	if s := t.made[name]; s != nil {
		return s, nil
	}
	c := t.frame.Column(name)
	if c == nil {
		names := t.frame.Names()
		err := fmt.Errorf("Error: The column %q in BatchData does not exist.", brief(name))
		if near := nearest(name, slices.Values(names)); near != "" {
			err = fmt.Errorf("%w The nearest name is %q.", err, near)
		}
		return nil, err
	}
	var s *series
	if t.part != nil {
		s = t.part.surveys[t.frame.Index(name)].series(c)
	} else {
		s = newSeries(c, t.typed[name])
	}
	t.made[name] = s
	return s, nil
}

// series is a column of the table.
func (t *table) series(name string) (*series, error) {
	s, err := t.base(name)
	if err != nil || t.rows == nil {
		return s, err
	}
	return s.take(t.rows), nil
}
