package expect

import (
	"hash/maphash"
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
// Memory does not grow with the rows, but for what Complete tells, and for the few expectations that need columns as a whole: which distinct values
// there are where they are more than 131,072, Cramer's phi and the Kolmogorov-Smirnov tests, an order with a row condition, and whatever raises an
// error because of a value. Of those the columns they name are held. Options.Notice is told of that before it happens. Uniqueness takes more readings
// of a large table, see census.
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
	}, plenty, s, o)
}

// reading reads the table once more; h is what the reading before told, empty at first.
type reading func(h dataset.Heading, begin dataset.Begin) (dataset.Heading, error)

// stream is a validation of a table that is not held.
type stream struct {
	validator
	name    string
	read    reading
	options Options
	room    room
	hasher  hasher
	heading dataset.Heading
	surveys []*survey // of all rows
	scopes  []*scope  // that of all rows first
	jobs    []*job

	censuses []*census
	result   *Result
}

// plenty is the room for a table of any size: 32 MB of cells or of sieve, two bits a slot, about 40 MB of counts, 8 MB of the others.
var plenty = room{rows: smallRows, cells: 1 << 22, slots: 1 << 27, keys: 1 << 20, repeated: 1 << 17, witnesses: 1 << 12}

// room is how much is held at once.
type room struct {
	rows        int // of a table that is simply held
	cells       int // of columns whose uniqueness is asked: more are counted by a census
	slots, keys int // of censuses: of a sieve, and identities to count
	repeated    int // identities that are remembered to come more than once
	witnesses   int // rows that are remembered
}

// job is an expectation of the suite and how far it is.
type job struct {
	at     int
	record record
	check  *check
	form   form
	scope  *scope
	fold   *fold
	census *census
	done   bool
}

func validateStream(name string, read reading, space room, s *Suite, o Options) (*Result, error) {
	if s == nil {
		s = &Suite{}
	}
	t := &stream{name: name, read: read, options: o, validator: validator{suite: s, format: o.Format, now: o.Now},
		hasher: hasher{maphash.MakeSeed(), maphash.MakeSeed()}, room: space,
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
	for more := true; more; {
		t.decide()
		if more, err = t.again(); err != nil {
			return nil, err
		}
	}
	for i := range t.result.Results {
		t.result.Success = t.result.Success && t.result.Results[i].Success
	}
	return t.result, nil
}

// plan makes the jobs when the columns are known. What is wrong with an expectation before any row is seen is told at once.
func (t *stream) plan(h dataset.Heading) {
	t.heading, t.jobs, t.scopes = h, nil, []*scope{{}}
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
		j.form, j.scope = formOf(j.check, t.suite.Expectations[i].Type, h), t.scopes[0]
		v := &validator{suite: t.suite, now: t.now, whole: table{frame: hollow(h), made: map[string]*series{}, part: &part{surveys: empty}}, chosen: map[string][]int{}}
		switch j.form {
		case byRow, bySeam, byKey:
			j.fold = newFold(j.record, j.check, h.Names)
			trial := *j.fold
			trial.run(v)
			if err = trial.err; j.record.name == zScoreName { // the moments are those of the rows it asks
				j.scope = t.scope(j)
			}
		case bySize, byMoment, byRank, byCount:
			j.scope = t.scope(j)
			_, err = v.choose(&j.check.kwargs)
		}
		switch {
		case err == nil:
		case slices.Contains(kindsIn(j.check.values, h), dataset.Categorical): // texts may turn out to be booleans, which are numbers
			j.form, j.scope = byFrame, t.scopes[0]
		default:
			t.tell(j, outcome{}, err)
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
		keep := t.keep()
		counting, ranking := t.asked(t.scopes[0])
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			samples[i] = newSample(ranking)
			holders[i] = newHolder(slices.Repeat([]bool{true}, len(h.Names)), min(t.room.rows, smallCells/max(1, len(h.Names))), &rows)
			for c, name := range h.Names {
				all[i] = append(all[i], newSurvey(name, h.Kinds[c], keep, counting[c]))
			}
			take[i] = func(b dataset.Batch) error {
				for c, w := range all[i] {
					w.add(&b.Frame.Columns[c], b.First)
				}
				samples[i].add(b, nil)
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
	t.scopes[0].rows, t.scopes[0].surveys, t.scopes[0].surveyed = h.Rows, t.surveys, true
	t.ask(t.scopes[0], samples[0])
	return nil, nil
}

// keep is how many rows are kept of each level.
func (t *stream) keep() (most int) {
	for _, j := range t.jobs {
		if !j.done {
			most = max(most, j.check.format.partial)
		}
	}
	return most
}

// ask lets the expectations about ranks and bins say which, and chooses the ranges to look for them.
func (t *stream) ask(of *scope, s *sample) {
	for _, j := range t.jobs {
		if c := t.columnOf(j, byRank); c >= 0 && j.scope == of {
			of.surveys[c].order.asking = true
			_, _ = t.standing(j)
		}
	}
	var sorting sync.WaitGroup
	for i, c := range s.columns {
		sorting.Go(func() { of.surveys[c].order.bracket(s.values[i], of.surveys[c]) })
	}
	sorting.Wait()
}
