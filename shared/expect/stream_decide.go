package expect

import (
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

// standIn is the table without its rows, of which the surveys know.
func (t *stream) standIn() table {
	return table{frame: hollow(t.heading), others: t.options.Tables, made: map[string]*series{}, part: &part{surveys: t.surveys, rows: t.heading.Rows}}
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
