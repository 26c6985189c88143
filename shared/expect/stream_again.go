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

// again is another reading: folds, scopes, ranks, bins, censuses, and the columns to hold. false: there was nothing to read for.
func (t *stream) again() (more bool, err error) {
	k := task{stream: t, scopes: t.tellScopes(), censuses: t.prepareCensuses()}
	for _, j := range t.jobs {
		if !j.done && j.scope.surveyed && (j.form == byRow || j.form == bySeam || j.form == byKey && j.fold != nil && slices.Contains(k.censuses, j.census) && j.census.phase != counting) {
			k.folds = append(k.folds, j)
		}
	}
	for _, s := range t.scopes {
		for c, w := range s.surveys {
			if (s.of == nil || s.wanted[c]) && w.order.pending() {
				k.ranked = append(k.ranked, place{s, c})
			}
		}
	}
	wanted, needed := t.wanted()
	if len(k.folds)+len(k.ranked)+len(k.scopes)+len(k.censuses) == 0 && !needed {
		return false, nil
	}
	var readers []*reader
	var holders []*holder
	var rows atomic.Int64
	err = t.reread(func(takers int) []func(dataset.Batch) error {
		readers, holders = make([]*reader, takers), make([]*holder, takers)
		rows.Store(0)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			readers[i] = k.reader()
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
		return false, err
	}
	k.settle(readers)
	if needed {
		t.evaluateHeld(held(t.heading, holders))
	}
	return true, nil
}

// task is what one reading is for.
type task struct {
	stream   *stream
	folds    []*job
	ranked   []place
	scopes   []*scope // to be surveyed
	censuses []*census
}

// place is a column of a scope.
type place struct {
	scope  *scope
	column int
}

// reader is what one taker gathers for a task.
type reader struct {
	*task
	folds  []*fold   // by job
	orders []*order  // by place
	scoped []*scoped // by scope
}

func (k *task) reader() *reader {
	r := &reader{task: k}
	for _, j := range k.folds {
		f := newFold(j.record, j.check, k.stream.heading.Names)
		f.census = j.fold.census
		r.folds = append(r.folds, f)
	}
	for _, p := range k.ranked {
		r.orders = append(r.orders, p.scope.surveys[p.column].order.empty())
	}
	for _, s := range k.scopes {
		r.scoped = append(r.scoped, s.reader())
	}
	return r
}

func (r *reader) add(b dataset.Batch) {
	t := r.stream
	v := &validator{suite: t.suite, chosen: map[string][]int{}, whole: table{frame: b.Frame, made: map[string]*series{}, part: &part{surveys: t.surveys, rows: -1, first: b.First}}}
	for i, p := range r.ranked {
		values := b.Frame.Columns[p.column].Float
		if p.scope.of != nil {
			rows, err := v.choose(&p.scope.of.kwargs)
			if err != nil { // the survey of the scope has told it
				continue
			}
			chosen := b.Frame.Columns[p.column].Take(rows)
			values = chosen.Float
		}
		r.orders[i].add(values)
	}
	for _, s := range r.scoped {
		s.add(v, b)
	}
	for _, c := range r.censuses {
		c.add(v, b.First)
	}
	for i, f := range r.folds {
		j := r.task.folds[i]
		if j.scope.of == nil {
			f.run(v)
		} else {
			f.run(&validator{suite: t.suite, chosen: v.chosen, whole: table{frame: b.Frame, made: map[string]*series{}, part: &part{surveys: j.scope.surveys, rows: -1, first: b.First}}})
		}
		if j.form == bySeam {
			f.seams = append(f.seams, seamOf(&b.Frame.Columns[t.column(j)], b.First)...)
		}
	}
}

// settle puts together what the readers gathered.
func (k *task) settle(readers []*reader) {
	t := k.stream
	var sorting sync.WaitGroup
	for i, j := range k.folds {
		for _, r := range readers {
			j.fold.merge(r.folds[i])
		}
		j.fold.sew(t)
	}
	for i, p := range k.ranked {
		o := &p.scope.surveys[p.column].order
		for _, r := range readers {
			o.merge(r.orders[i])
		}
		sorting.Go(o.settle)
	}
	sorting.Wait()
	for i, s := range k.scopes {
		var all []*scoped
		for _, r := range readers {
			all = append(all, r.scoped[i])
		}
		t.ask(s, s.settle(all, t.surveys))
	}
	for _, c := range k.censuses {
		c.next()
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
