package expect

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// domain is what a map expectation looks at, row by row: one column, a pair, or several.
type domain struct {
	names []string
	cells []*series
	shape shape
	skip  func(i int) bool // rows passed over as missing; nil = none is, and the result tells nothing of missing values
}

// shape says how the result tells an unexpected row: a value, a pair of them, or an object by column.
type shape uint8

const (
	single shape = iota
	pair
	several
)

// columnMap makes an expectation about the present values of one column from a function that makes the predicate of an expected row.
func columnMap(f func(s *series, k *kwargs) (func(i int) bool, error)) func(*check) (outcome, error) {
	return func(c *check) (outcome, error) {
		d, err := c.domain(single, c.text("column"))
		if err != nil {
			return outcome{}, err
		}
		expected, err := f(d.cells[0], &c.kwargs)
		if err != nil {
			return outcome{}, err
		}
		d.skip = d.cells[0].Missing
		return c.judge(d, expected)
	}
}

// domain resolves column names. All that are not there are named at once.
func (c *check) domain(s shape, names ...string) (*domain, error) {
	d := &domain{shape: s, names: names}
	for _, name := range names {
		column, err := c.series(name)
		if err != nil {
			c.problems = append(c.problems, err.Error())
		}
		d.cells = append(d.cells, column)
	}
	return d, c.err()
}

// judge asks expected about every row of the table that is not passed over.
//
//	success = (considered - unexpected) / considered >= mostly, true when no row is considered
func (c *check) judge(d *domain, expected func(i int) bool) (outcome, error) {
	mostly := c.share("mostly", 1)
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	if c.fold != nil {
		c.fold.add(c, d, expected, mostly)
		return outcome{}, nil
	}
	elements := c.height()
	considered := elements
	var bad []int
	for i := range elements {
		if d.skip != nil && d.skip(i) {
			considered--
		} else if !expected(i) {
			bad = append(bad, i)
		}
	}
	return c.conclude(d, mostly, elements, considered, len(bad), bad)
}

// conclude is the outcome of a map expectation. Of the unexpected rows there are at least as many in bad as the format tells.
func (c *check) conclude(d *domain, mostly float64, elements, considered, unexpected int, bad []int) (outcome, error) {
	success := considered == 0 || float64(considered-unexpected)/float64(considered) >= mostly
	if c.format.level == BooleanOnly {
		return outcome{success: success, rows: bad}, nil
	}
	detail, err := c.mapDetail(d, elements, considered, unexpected, bad)
	return outcome{success, detail, bad}, err
}

// mapDetail is the result by format. The order of the arithmetic, x/n*100, decides the last digit and is Great Expectations' own.
func (c *check) mapDetail(d *domain, elements, considered, unexpected int, bad []int) (map[string]any, error) {
	percent := func(n, of int) any {
		if of == 0 {
			return nil
		}
		return float64(n) / float64(of) * 100
	}
	first := bad[:min(len(bad), c.format.partial)]
	r := map[string]any{"element_count": elements, "unexpected_count": unexpected, "unexpected_percent": percent(unexpected, considered)}
	if !c.format.exclude {
		r["partial_unexpected_list"] = d.values(first)
	}
	if d.skip != nil {
		r["missing_count"] = elements - considered
		r["missing_percent"] = percent(elements-considered, elements)
		r["unexpected_percent_total"] = percent(unexpected, elements)
		r["unexpected_percent_nonmissing"] = percent(unexpected, considered)
	}
	var index func(rows []int) []any
	var err error
	if index, err = c.index(d); err != nil {
		return nil, err
	}
	told := first
	if c.format.level == Complete {
		told = bad
	}
	if c.format.columns != nil {
		r["unexpected_index_column_names"] = c.format.columns
	}
	if c.format.rows {
		r["unexpected_rows"] = c.records(told)
	}
	if c.format.level == Basic {
		return r, nil
	}
	if c.format.partial > 0 {
		if counts, ok := d.partialCounts(told, c.format.partial); ok && !c.format.exclude {
			r["partial_unexpected_counts"] = counts
		}
		r["partial_unexpected_index_list"] = index(first)
	}
	if c.format.level == Summary {
		return r, nil
	}
	if !c.format.exclude {
		r["unexpected_list"] = d.values(bad)
	}
	r["unexpected_index_list"] = index(bad)
	if c.format.query {
		r["unexpected_index_query"] = c.query(bad)
	}
	return r, nil
}

// index names rows: by number, or by the values of the columns asked for beside those of the domain.
func (c *check) index(d *domain) (func(rows []int) []any, error) {
	if len(c.format.columns) == 0 {
		return func(rows []int) []any {
			out := make([]any, len(rows))
			for i, row := range rows {
				out[i] = c.label(row)
			}
			return out
		}, nil
	}
	by, err := c.domain(several, append(slices.Clone(d.names), c.format.columns...)...)
	if err != nil {
		return nil, err
	}
	return by.values, nil
}

// query is the pandas expression that selects the rows.
func (c *check) query(rows []int) string {
	text := make([]string, len(rows))
	for i, row := range rows {
		text[i] = strconv.Itoa(c.label(row))
	}
	return "df.filter(items=[" + strings.Join(text, ", ") + "], axis=0)"
}

// records are whole rows of the frame as objects.
func (c *check) records(rows []int) []any {
	out := make([]any, len(rows))
	for i, row := range rows {
		record := map[string]any{}
		for _, name := range c.frame.Names() {
			if s, err := c.base(name); err == nil {
				record[name] = s.told(s.value(c.row(row)))
			}
		}
		out[i] = record
	}
	return out
}

// told is the cell of a row as the result carries it.
func (d *domain) told(cell, row int) any { return d.cells[cell].told(d.cells[cell].value(row)) }

// values tells rows in the domain's shape.
func (d *domain) values(rows []int) []any {
	out := make([]any, len(rows))
	for n, i := range rows {
		switch d.shape {
		case single:
			out[n] = d.told(0, i)
		case pair:
			out[n] = []any{d.told(0, i), d.told(1, i)}
		default:
			record := make(map[string]any, len(d.cells))
			for j := range d.cells {
				record[d.names[j]] = d.told(j, i)
			}
			out[n] = record
		}
	}
	return out
}

// tally is one distinct unexpected row, as Python's Counter has it.
type tally struct {
	cells []any // as Python objects: a gap of a number column is NaN, unequal to itself; of a text column, one None-like object
	count int
}

// partialCounts are the most frequent rows, at most limit: Counter.most_common, then sorted by (-count, value). It is false when the
// values cannot be sorted because texts meet numbers; Great Expectations then leaves the key out.
func (d *domain) partialCounts(rows []int, limit int) ([]any, bool) {
	var all []tally
	seen := map[string]int{}
	var id []byte
	for _, i := range rows {
		id = id[:0]
		cells := make([]any, len(d.cells))
		for j, s := range d.cells {
			v := s.value(i)
			if v == nil && s.numeric() && s.truth == nil {
				v = math.NaN()
			}
			cells[j] = v
			switch x := key(v).(type) {
			case nil:
				id = append(id, 'n')
			case float64:
				if math.IsNaN(x) {
					id = strconv.AppendInt(append(id, 'u'), int64(i), 10) // equal to nothing
				} else {
					id = binary.BigEndian.AppendUint64(append(id, 'f'), math.Float64bits(x+0)) // -0 is 0
				}
			case time.Time:
				id = strconv.AppendInt(append(id, 'd'), x.UnixNano(), 10)
			case string:
				id = append(strconv.AppendInt(append(id, 's'), int64(len(x)), 10), ':')
				id = append(id, x...)
			}
		}
		if n, ok := seen[string(id)]; ok {
			all[n].count++
			continue
		}
		seen[string(id)] = len(all)
		all = append(all, tally{cells, 1})
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].count > all[b].count })
	all = all[:min(len(all), limit)]
	if err := pythonSort(all, tallyLess); err != nil {
		return nil, false
	}
	out := make([]any, len(all))
	for i, t := range all {
		value := d.cells[0].told(t.cells[0])
		if d.shape != single {
			tuple := make([]any, len(t.cells))
			for j, v := range t.cells {
				tuple[j] = d.cells[j].told(v)
			}
			value = tuple
		}
		out[i] = map[string]any{"value": value, "count": t.count}
	}
	return out, true
}

// tallyLess compares as Python compares (-count, value): by the first cells that differ.
func tallyLess(a, b tally) (bool, error) {
	if a.count != b.count {
		return a.count > b.count, nil
	}
	for j, x := range a.cells {
		y := b.cells[j]
		if key(x) == key(y) {
			continue
		}
		if x == nil {
			x = math.NaN()
		}
		if y == nil {
			y = math.NaN()
		}
		less, _, err := compare(x, y)
		return less, err
	}
	return false, nil
}

// pythonSort sorts as list.sort does for fewer than 64 items, by binary insertion behind a first run: with NaN among the items the
// outcome depends on the algorithm, and this one is Great Expectations'. Longer lists are sorted stably.
func pythonSort(v []tally, less func(a, b tally) (bool, error)) error {
	var failed error
	lt := func(a, b tally) bool {
		l, err := less(a, b)
		if err != nil {
			failed = err
		}
		return l
	}
	if len(v) >= 64 {
		sort.SliceStable(v, func(a, b int) bool { return lt(v[a], v[b]) })
		return failed
	}
	run := 1
	if len(v) > 1 {
		down := lt(v[1], v[0])
		for run = 2; run < len(v) && lt(v[run], v[run-1]) == down; run++ {
		}
		if down {
			slices.Reverse(v[:run])
		}
	}
	for ; run < len(v); run++ {
		pivot, lo, hi := v[run], 0, run
		for lo < hi {
			if mid := (lo + hi) / 2; lt(pivot, v[mid]) {
				hi = mid
			} else {
				lo = mid + 1
			}
		}
		copy(v[lo+1:run+1], v[lo:run])
		v[lo] = pivot
	}
	if failed != nil {
		return fmt.Errorf("sort unexpected values: %w", failed)
	}
	return nil
}
