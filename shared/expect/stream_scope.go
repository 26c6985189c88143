package expect

import (
	"fmt"
	"maps"
	"slices"

	"mlops/shared/dataset"
)

// scope is the rows that a row condition chooses, or all, and what readings told of them.
type scope struct {
	id       string
	of       *check // whose row_condition it is; nil = all rows
	rows     int
	surveys  []*survey // by column; of a condition only of those wanted, of the others that of all rows
	wanted   []bool
	ranking  []int // columns whose values are asked by rank
	surveyed bool
	err      error
}

// conditionOf tells conditions apart.
func conditionOf(k *kwargs) string {
	condition := k.values["row_condition"]
	if condition == nil || condition == "" {
		return ""
	}
	return fmt.Sprintf("%s %T %v", k.text("condition_parser"), condition, condition)
}

// scope is that of a job.
func (t *stream) scope(j *job) *scope {
	id := conditionOf(&j.check.kwargs)
	if i := slices.IndexFunc(t.scopes, func(s *scope) bool { return s.id == id }); i >= 0 {
		return t.scopes[i]
	}
	s := &scope{id: id, of: j.check, wanted: make([]bool, len(t.heading.Names))}
	t.scopes = append(t.scopes, s)
	return s
}

// tellScopes tells the scopes of conditions what is asked of them.
func (t *stream) tellScopes() (pending []*scope) {
	for _, s := range t.scopes {
		if s.surveyed {
			continue
		}
		if s.surveyed = !slices.ContainsFunc(t.jobs, func(j *job) bool { return !j.done && j.scope == s }); !s.surveyed {
			pending = append(pending, s)
		}
	}
	for _, s := range pending {
		s.surveys = make([]*survey, len(t.surveys))
		counting, ranked := t.asked(s)
		for c, w := range t.surveys {
			if s.surveys[c] = w; s.wanted[c] {
				s.surveys[c] = newSurvey(w.name, w.kind, 0, counting[c])
			}
		}
		s.ranking = ranked
	}
	return pending
}

// asked are the columns whose values are counted, and those whose values are asked by rank.
func (t *stream) asked(s *scope) (counting []bool, ranking []int) {
	counting, ranked := make([]bool, len(t.heading.Names)), map[int]bool{}
	for _, j := range t.jobs {
		if j.done || j.scope != s || t.column(j) < 0 {
			continue
		}
		c := t.column(j)
		counting[c] = counting[c] || j.form == byCount
		if s.wanted != nil {
			s.wanted[c] = true
		}
		if j.form == byRank {
			ranked[c] = true
		}
	}
	return counting, slices.Sorted(maps.Keys(ranked))
}

// scoped is what one reader learns of a scope.
type scoped struct {
	scope   *scope
	surveys []*survey
	sample  *sample
	rows    int
	err     error
}

func (s *scope) reader() *scoped {
	r := &scoped{scope: s, surveys: make([]*survey, len(s.surveys)), sample: newSample(s.ranking)}
	for c, w := range s.surveys {
		if s.wanted[c] {
			r.surveys[c] = newSurvey(w.name, w.kind, 0, w.values != nil)
		}
	}
	return r
}

func (r *scoped) add(v *validator, b dataset.Batch) {
	rows, err := v.choose(&r.scope.of.kwargs)
	if err != nil {
		r.err = err
		return
	}
	r.rows += len(rows)
	for c, w := range r.surveys {
		if w != nil {
			column := b.Frame.Columns[c].Take(rows)
			w.add(&column, 0)
		}
	}
	r.sample.add(b, rows)
}

// settle puts together what the readers learnt. The types are those of the whole columns, as of a filtered pandas column.
func (s *scope) settle(readers []*scoped, whole []*survey) *sample {
	all := newSample(s.ranking)
	for _, r := range readers {
		if s.rows += r.rows; r.err != nil {
			s.err = r.err
		}
		for c, w := range r.surveys {
			if w != nil {
				s.surveys[c].merge(w)
			}
		}
		all.merge(r.sample)
	}
	for c, w := range s.surveys {
		if s.wanted[c] {
			w.settle()
			w.dtype, w.boolean = whole[c].dtype, whole[c].boolean
		}
	}
	s.surveyed = true
	return all
}
