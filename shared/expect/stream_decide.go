package expect

import (
	"maps"
	"math"
	"slices"

	"mlops/shared/dataset"
)

// columnOf is the column of a job of that form that is not done, else -1.
func (t *stream) columnOf(j *job, f form) int {
	if j.done || j.form != f {
		return -1
	}
	return t.column(j)
}

// standing evaluates a job over its scope without its rows, of which the surveys know.
func (t *stream) standing(j *job) (outcome, error) {
	c := *j.check
	c.problems = nil
	c.table = table{frame: hollow(t.heading), others: t.options.Tables, made: map[string]*series{}, part: &part{surveys: j.scope.surveys, rows: j.scope.rows}}
	if j.scope.of != nil {
		c.values = maps.Clone(c.values)
		delete(c.values, "row_condition")
	}
	return t.perform(j.record, &c)
}

// decide tells the results that can be told now, and finds out which need the columns.
func (t *stream) decide() {
	for _, j := range t.jobs {
		if j.done || !j.scope.surveyed {
			continue
		}
		if j.scope.err != nil {
			j.form, j.scope = byFrame, t.scopes[0]
		}
		c := t.column(j)
		switch j.form {
		case bySize, byMoment, byCount:
			if j.form == byCount && c >= 0 && j.scope.surveys[c].lost && j.needsCounts() && !j.scope.surveys[c].counted {
				if j.form = byFrame; countsDistinct[j.record.name] {
					j.form = byKey
				}
				continue
			}
			out, err := t.standing(j)
			t.tell(j, out, err)
		case byKey:
			t.decideKey(j, c)
		case byRank:
			t.decideRank(j, c)
		case byLevel:
			t.decideLevel(j, c)
		case byRow, bySeam:
			if j.form == bySeam && c >= 0 && t.surveys[c].kind == dataset.Categorical {
				t.decideText(j, t.surveys[c])
			} else if j.fold.started && j.fold.err == nil {
				out, err := j.fold.outcome(t.heading, t.surveys)
				t.tell(j, out, err)
			} else if j.fold.ran {
				j.form = byFrame
			}
		}
	}
	t.decideHeld()
}

// decideText asks about the order of a column of texts: booleans have one, and that of nothing is as that of numbers.
func (t *stream) decideText(j *job, w *survey) {
	switch {
	case w.boolean:
		j.form = byFrame
	case w.present == 0:
		j.form = byRow
	default:
		out, err := t.standing(j)
		t.tell(j, out, err)
	}
}

// decideKey waits for the census.
func (t *stream) decideKey(j *job, c int) {
	switch {
	case j.census == nil || j.census.phase != finished:
	case j.census.err.Load() != nil || j.fold != nil && (j.fold.err != nil || !j.fold.started):
		j.form = byFrame
	case j.fold != nil:
		j.fold.unexpected = j.census.repeats
		out, err := j.fold.outcome(t.heading, t.surveys)
		t.tell(j, out, err)
	default:
		j.scope.surveys[c].counted, j.scope.surveys[c].distinct = true, j.census.distinct
		out, err := t.standing(j)
		t.tell(j, out, err)
	}
}

// decideHeld begins a census for every job that needs one, unless they are few cells, which are sooner held.
func (t *stream) decideHeld() {
	var jobs []*job
	cells := 0
	for _, j := range t.jobs {
		if j.form == byKey && !j.done && j.census == nil {
			jobs = append(jobs, j)
			columns, _ := list(j.check.values["column_list"])
			cells += max(1, len(columns)) * t.heading.Rows
		}
	}
	for _, j := range jobs {
		if cells <= t.room.cells {
			j.form, j.scope = byFrame, t.scopes[0]
			continue
		}
		if j.census = t.census(j); j.fold != nil {
			j.fold.census = j.census
		}
	}
}

// decideRank waits for the second reading, and gives up on ranks that lie in no range.
func (t *stream) decideRank(j *job, c int) {
	if c >= 0 && j.scope.surveys[c].order.pending() {
		return
	}
	out, err := t.standing(j)
	if c >= 0 && j.scope.surveys[c].order.missed {
		j.form, j.scope = byFrame, t.scopes[0]
		return
	}
	t.tell(j, out, err)
}

// decideLevel asks about the distinct values of a column; where they are too many, about its rows.
func (t *stream) decideLevel(j *job, c int) {
	w := t.surveys[c]
	if w.lost && j.record.name == "expect_column_values_to_be_unique" {
		j.form, j.fold = byKey, newFold(j.record, j.check, t.heading.Names)
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
