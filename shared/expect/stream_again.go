package expect

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// again is the second reading: folds, ranges of values, and the columns to hold.
func (t *stream) again() error {
	var folds []*job
	var ranked []int
	for _, j := range t.jobs {
		if !j.done && (j.form == byRow || j.form == bySeam) {
			folds = append(folds, j)
		}
	}
	for c, w := range t.surveys {
		if w.order.pending() {
			ranked = append(ranked, c)
		}
	}
	wanted, needed := t.wanted()
	if len(folds)+len(ranked) == 0 && !needed {
		return nil
	}
	var readers []*reader
	var holders []*holder
	var rows atomic.Int64
	err := t.reread(func(takers int) []func(dataset.Batch) error {
		readers, holders = make([]*reader, takers), make([]*holder, takers)
		rows.Store(0)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			readers[i] = t.newReader(folds, ranked)
			if needed {
				holders[i] = newHolder(wanted, math.MaxInt, &rows)
			}
			take[i] = func(b dataset.Batch) error {
				readers[i].add(b)
				if needed {
					holders[i].add(b)
				}
				return nil
			}
		}
		return take
	})
	if err != nil {
		return err
	}
	for _, r := range readers {
		for i, f := range r.folds {
			folds[i].fold.merge(f)
		}
		for i, o := range r.orders {
			t.surveys[ranked[i]].order.merge(o)
		}
	}
	for _, j := range folds {
		j.fold.sew(t)
	}
	var sorting sync.WaitGroup
	for _, c := range ranked {
		sorting.Go(t.surveys[c].order.settle)
	}
	sorting.Wait()
	if needed {
		t.evaluateHeld(held(t.heading, holders))
	}
	return nil
}

// reader is what one taker of the second reading gathers.
type reader struct {
	stream *stream
	jobs   []*job
	folds  []*fold // by job
	ranked []int
	orders []*order
}

func (t *stream) newReader(jobs []*job, ranked []int) *reader {
	r := &reader{stream: t, jobs: jobs, ranked: ranked}
	for _, j := range jobs {
		r.folds = append(r.folds, newFold(j.record, j.check, t.heading.Names))
	}
	for _, c := range ranked {
		r.orders = append(r.orders, t.surveys[c].order.empty())
	}
	return r
}

func (r *reader) add(b dataset.Batch) {
	for i, c := range r.ranked {
		r.orders[i].add(b.Frame.Columns[c].Float)
	}
	v := &validator{suite: r.stream.suite, chosen: map[string][]int{},
		whole: table{frame: b.Frame, made: map[string]*series{}, part: &part{surveys: r.stream.surveys, rows: -1, first: b.First}}}
	for i, f := range r.folds {
		f.run(v)
		if j := r.jobs[i]; j.form == bySeam {
			f.seams = append(f.seams, seamOf(&b.Frame.Columns[r.stream.column(j)], b.First)...)
		}
	}
}

// wanted are the columns that jobs need to have held.
func (t *stream) wanted() (columns []bool, needed bool) {
	columns = make([]bool, len(t.heading.Names))
	var who []string
	for _, j := range t.jobs {
		if j.done || j.form != byFrame {
			continue
		}
		who = append(who, j.record.name)
		for c, yes := range columnsIn(j.check.values, t.heading.Names) {
			columns[c] = columns[c] || yes || j.check.format.rows
		}
	}
	if who == nil {
		return columns, false
	}
	if t.options.Notice != nil {
		slices.Sort(who)
		t.options.Notice(t.notice(slices.Compact(who), columns))
	}
	return columns, true
}

func (t *stream) notice(who []string, columns []bool) string {
	var names []string
	bytes := 0
	for c, yes := range columns {
		if yes {
			names = append(names, t.heading.Names[c])
			bytes += 8 - 4*int(t.heading.Kinds[c])
		}
	}
	return fmt.Sprintf("%s of %s needs whole columns: %d rows of %s are held in memory, %d MB beside their distinct texts", strings.Join(who, ", "), t.name, t.heading.Rows,
		brief(strings.Join(names, ", ")), (bytes*t.heading.Rows+999_999)/1_000_000)
}

func (t *stream) evaluateHeld(f *dataset.Frame) {
	v := validator{suite: t.suite, format: t.format, now: t.now, whole: table{frame: f, others: t.options.Tables, made: map[string]*series{}}, chosen: map[string][]int{}}
	for _, j := range t.jobs {
		if !j.done && j.form == byFrame {
			out, _, err := v.run(&t.suite.Expectations[j.at])
			t.tell(j, out, err)
		}
	}
}

// reread reads the table again, which must be the same.
func (t *stream) reread(begin func(takers int) []func(dataset.Batch) error) error {
	h, err := t.read(t.heading, func(h dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		if !slices.Equal(h.Names, t.heading.Names) || !slices.Equal(h.Kinds, t.heading.Kinds) {
			return nil, t.changed("its columns were others")
		}
		return begin(takers), nil
	})
	if err == nil && h.Rows != t.heading.Rows {
		err = t.changed(fmt.Sprintf("it had %d rows, then %d", t.heading.Rows, h.Rows))
	}
	return err
}

func (t *stream) changed(how string) error {
	return fault.Invalidf("validate %s: it changed between two readings (%s): validate a table that nobody writes to", t.name, how)
}
