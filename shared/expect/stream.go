package expect

import (
	"slices"
	"sync"
	"sync/atomic"

	"mlops/shared/dataset"
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
	t := &stream{name: name, read: read, options: o, small: small, validator: validator{suite: s, format: o.Format, now: o.Now},
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
	if err := t.again(); err != nil { // for what turned out to need its columns
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
			trial.run(&validator{suite: t.suite, now: t.now, whole: table{frame: hollow(h), made: map[string]*series{}, part: &part{surveys: empty}}, chosen: map[string][]int{}})
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
