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

// smallRows and smallCells bound the tables that are simply held: their answer is Validate's to the last bit.
const (
	smallRows  = 1 << 16
	smallCells = 1 << 21
)

// ValidateSource is Validate for a table that is read as often as needed, twice as a rule, and not held. The answers are Validate's, with two
// differences for tables of more than 65,536 rows or 2,097,152 cells: means, sums and standard deviations are added with twice the digits, so that the last one
// may be another than numpy's; and UnexpectedRows are never told, since they are as many as the rows (Complete tells them in the result).
//
// Memory does not grow with the rows, but for what Complete tells, and for expectations that look at a column as a whole (order, uniqueness of
// numbers, divergence, distinct values beyond 131,072, and any aggregate with a row condition): of those the columns they name are held. Options.Notice is
// told of that before it happens.
//
// Errors are those of the source, as dataset.Scan gives them, and a source that changes between readings.
func ValidateSource(source dataset.Source, read dataset.Options, s *Suite, o Options) (*Result, error) {
	first := true
	return validateStream(source.Name, func(h dataset.Heading, begin dataset.Begin) (dataset.Heading, error) {
		options := read
		if !first {
			options = h.Options(read)
		}
		first = false
		return dataset.Scan(source, options, begin)
	}, smallRows, s, o)
}

// reading reads the table once more; h is what the reading before told, empty at first.
type reading func(h dataset.Heading, begin dataset.Begin) (dataset.Heading, error)

// stream is a validation of a table that is not held.
type stream struct {
	validator
	name    string
	read    reading
	options Options
	small   int
	heading dataset.Heading
	surveys []*survey
	jobs    []*job
	result  *Result
}

// job is an expectation of the suite and how far it is.
type job struct {
	at     int
	record record
	check  *check
	form   form
	fold   *fold
	done   bool
}

func validateStream(name string, read reading, small int, s *Suite, o Options) (*Result, error) {
	if s == nil {
		s = &Suite{}
	}
	t := &stream{name: name, read: read, options: o, small: small, validator: validator{suite: s, format: o.Format},
		result: &Result{Suite: s, Success: true, Now: o.Now, Results: make([]ExpectationResult, len(s.Expectations))}}
	frame, err := t.survey()
	if err != nil {
		return nil, err
	}
	if frame != nil {
		r := Validate(frame, s, o)
		for i := range r.Results {
			r.Results[i].UnexpectedRows = nil
		}
		return r, nil
	}
	t.decide()
	if err := t.again(); err != nil {
		return nil, err
	}
	t.decide()
	if err := t.hold(); err != nil {
		return nil, err
	}
	for i := range t.result.Results {
		t.result.Success = t.result.Success && t.result.Results[i].Success
	}
	return t.result, nil
}

// plan makes the jobs when the columns are known. What is wrong with an expectation before any row is seen is told at once.
func (t *stream) plan(h dataset.Heading) {
	t.heading, t.jobs = h, nil
	empty := make([]*survey, len(h.Names))
	for i, name := range h.Names {
		empty[i] = newSurvey(name, h.Kinds[i], 0, false)
		empty[i].settle()
		empty[i].order.asking = true
	}
	for i := range t.suite.Expectations {
		j := &job{at: i}
		t.jobs = append(t.jobs, j)
		var err error
		if j.record, j.check, err = t.prepare(&t.suite.Expectations[i]); err != nil {
			t.tell(j, outcome{}, err)
			continue
		}
		if j.form = formOf(j.check, t.suite.Expectations[i].Type, h); j.form == byRow || j.form == bySeam {
			j.fold = newFold(j.record, j.check, h.Names)
			trial := *j.fold
			trial.run(&validator{suite: t.suite, whole: table{frame: hollow(h), made: map[string]*series{}, part: &part{surveys: empty}}, chosen: map[string][]int{}})
			switch {
			case trial.err == nil:
			case slices.Contains(kindsIn(j.check.values, h), dataset.Categorical): // texts may turn out to be booleans, which are numbers
				j.form = byFrame
			default:
				t.tell(j, outcome{}, trial.err)
			}
		}
	}
}

// tell sets the result of a job.
func (t *stream) tell(j *job, out outcome, err error) {
	out.rows = nil
	boolean := j.check != nil && j.check.format.level == BooleanOnly
	t.result.Results[j.at], j.done = t.suite.Expectations[j.at].result(out, boolean, err), true
}

// column is the position of the column that a job is about.
func (t *stream) column(j *job) int {
	return slices.Index(t.heading.Names, textOf(j.check.values["column"]))
}

// survey is the first reading. It gives the table as a whole if that is small.
func (t *stream) survey() (*dataset.Frame, error) {
	var rows atomic.Int64
	var all [][]*survey
	var samples []*sample
	var holders []*holder
	h, err := t.read(dataset.Heading{}, func(h dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		t.plan(h)
		rows.Store(0)
		all, samples, holders = make([][]*survey, takers), make([]*sample, takers), make([]*holder, takers)
		keep, counting, ranking := t.needs()
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			samples[i] = newSample(ranking)
			holders[i] = newHolder(slices.Repeat([]bool{true}, len(h.Names)), min(t.small, smallCells/max(1, len(h.Names))), &rows)
			for c, name := range h.Names {
				all[i] = append(all[i], newSurvey(name, h.Kinds[c], keep, counting[c]))
			}
			take[i] = func(b dataset.Batch) error {
				for c, w := range all[i] {
					w.add(&b.Frame.Columns[c], b.First)
				}
				samples[i].add(b)
				holders[i].add(b)
				return nil
			}
		}
		return take, nil
	})
	if err != nil {
		return nil, err
	}
	t.heading = h
	if rows.Load() <= int64(holders[0].most) {
		return held(h, holders), nil
	}
	t.surveys = all[0]
	for i := range all[1:] {
		for c, w := range t.surveys {
			w.merge(all[i+1][c])
		}
		samples[0].merge(samples[i+1])
	}
	for _, w := range t.surveys {
		w.settle()
	}
	t.ask(samples[0])
	return nil, nil
}

// needs are how many rows are kept of each level, whose values are counted, and of which columns values are asked by rank.
func (t *stream) needs() (keep int, counting []bool, ranking []int) {
	counting, ranked := make([]bool, len(t.heading.Names)), make([]bool, len(t.heading.Names))
	for _, j := range t.jobs {
		if j.done {
			continue
		}
		keep = max(keep, j.check.format.partial)
		if c := t.column(j); c >= 0 {
			counting[c] = counting[c] || j.form == byCount
			ranked[c] = ranked[c] || j.form == byRank
		}
	}
	for c, yes := range ranked {
		if yes {
			ranking = append(ranking, c)
		}
	}
	return keep, counting, ranking
}

// ask lets the expectations about ranks say which, and chooses the ranges to look for them.
func (t *stream) ask(s *sample) {
	for _, j := range t.jobs {
		if c := t.columnOf(j, byRank); c >= 0 {
			t.surveys[c].order.asking = true
			_, _ = t.standing(j)
		}
	}
	var sorting sync.WaitGroup
	for i, c := range s.columns {
		sorting.Go(func() { t.surveys[c].order.bracket(s.values[i], t.surveys[c]) })
	}
	sorting.Wait()
}

// columnOf is the column of a job of that form that is not done, else -1.
func (t *stream) columnOf(j *job, f form) int {
	if j.done || j.form != f {
		return -1
	}
	return t.column(j)
}

// standIn is the table without its rows, of which the surveys know.
func (t *stream) standIn() table {
	return table{frame: hollow(t.heading), made: map[string]*series{}, part: &part{surveys: t.surveys, rows: t.heading.Rows}}
}

// standing evaluates a job over the stand-in.
func (t *stream) standing(j *job) (outcome, error) {
	c := *j.check
	c.problems = nil
	c.table = t.standIn()
	return t.perform(j.record, &c)
}

// decide tells the results that can be told now, and finds out which need the columns.
func (t *stream) decide() {
	for _, j := range t.jobs {
		if j.done {
			continue
		}
		c := t.column(j)
		switch j.form {
		case bySize, byMoment, byCount:
			if j.form == byCount && c >= 0 && t.surveys[c].lost && forms[j.record.name] != byRank { // ranks of texts are an error, which needs no values
				j.form = byFrame
				continue
			}
			out, err := t.standing(j)
			t.tell(j, out, err)
		case byRank:
			t.decideRank(j, c)
		case byLevel:
			t.decideLevel(j, c)
		case byRow, bySeam:
			if j.fold.started && j.fold.err == nil {
				out, err := j.fold.outcome(t.heading, t.surveys)
				t.tell(j, out, err)
			} else if j.fold.err != nil {
				j.form = byFrame
			}
		}
	}
}

// decideRank waits for the second reading, and gives up on ranks that lie in no range.
func (t *stream) decideRank(j *job, c int) {
	if c >= 0 && t.surveys[c].order.pending() {
		return
	}
	out, err := t.standing(j)
	if c >= 0 && t.surveys[c].order.missed {
		j.form = byFrame
		return
	}
	t.tell(j, out, err)
}

// decideLevel asks about the distinct values of a column; where they are too many, about its rows.
func (t *stream) decideLevel(j *job, c int) {
	w := t.surveys[c]
	if w.lost && j.record.name == "expect_column_values_to_be_unique" {
		j.form = byFrame
		return
	}
	if w.lost {
		j.form, j.fold = byRow, newFold(j.record, j.check, t.heading.Names)
		return
	}
	whole := table{frame: hollow(t.heading), made: map[string]*series{}, part: &part{surveys: t.surveys, rows: t.heading.Rows}}
	column := &whole.frame.Columns[c]
	p := *whole.part
	p.levels = append(slices.Clone(w.levels), level{w.rows - w.present, w.gaps})
	var weight []int
	if w.kind == dataset.Numeric { // asked only whether it is there
		column.Float = []float64{0, math.NaN()}
		p.levels = []level{{count: w.present}, p.levels[len(p.levels)-1]}
	} else {
		column.Levels = w.coder.texts
		for k := range w.levels {
			column.Code = append(column.Code, int32(k))
			weight = append(weight, w.levels[k].count)
		}
		column.Code = append(column.Code, -1)
	}
	p.rows, whole.part = len(p.levels), &p
	s := w.series(column)
	s.weight = weight
	whole.made[column.Name] = s
	f := newFold(j.record, j.check, t.heading.Names)
	check := *j.check
	check.table, check.problems, check.fold = whole, nil, f
	out, err := t.perform(j.record, &check)
	if err == nil && f.started {
		out, err = f.outcome(t.heading, t.surveys)
	}
	t.tell(j, out, err)
}

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

// hold reads once more for what turned out to need its columns.
func (t *stream) hold() error {
	wanted, needed := t.wanted()
	if !needed {
		return nil
	}
	var holders []*holder
	var rows atomic.Int64
	err := t.reread(func(takers int) []func(dataset.Batch) error {
		holders = make([]*holder, takers)
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			holders[i] = newHolder(wanted, math.MaxInt, &rows)
			take[i] = func(b dataset.Batch) error { holders[i].add(b); return nil }
		}
		return take
	})
	if err != nil {
		return err
	}
	t.evaluateHeld(held(t.heading, holders))
	return nil
}

func (t *stream) evaluateHeld(f *dataset.Frame) {
	v := validator{suite: t.suite, format: t.format, whole: table{frame: f, made: map[string]*series{}}, chosen: map[string][]int{}}
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
