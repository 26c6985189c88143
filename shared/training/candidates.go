package training

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// Auto searches over all algorithms.
const Auto = "auto"

// entry is an estimator of the search.
type entry struct {
	estimator fit.Estimator
	eligible  bool // false: fitted for comparison only
	note      string
}

// search is the list of what to try: always the naive baseline first, then one estimator where parameters are given, else the
// configuration's candidates.
func search(s Spec, task dataset.Task, rows int) ([]entry, error) {
	list := []entry{{estimator: fit.Baseline{}, eligible: s.Algorithm == Auto || s.Algorithm == fit.Baseline{}.Algorithm()}}
	if !list[0].eligible {
		list[0].note = "for comparison only: " + s.Algorithm + " was asked for"
	}
	var c Config
	if s.Config != nil {
		c = *s.Config
	}
	if s.Algorithm != Auto {
		one, err := fit.Parse(s.Algorithm, s.Params)
		if err != nil {
			return nil, err
		}
		if _, naive := one.(fit.Baseline); naive {
			return list, nil
		}
		if len(s.Params) > 0 {
			if one, err = fit.Parse(s.Algorithm, c.params(s.Algorithm, s.Params)); err != nil {
				return nil, err
			}
			return append(list, entry{estimator: one, eligible: true}), nil
		}
	}
	tried, err := c.estimators(s.Algorithm, task, rows, s.Seed)
	if err != nil {
		return nil, err
	}
	tried = append(tried, s.named()...)
	for _, e := range tried {
		if _, naive := e.(fit.Baseline); !naive {
			list = append(list, entry{estimator: e, eligible: true})
		}
	}
	if len(list) > 1 {
		return list, nil
	}
	if s.Algorithm == Auto {
		return nil, fault.Invalidf("the model configuration has no candidate for this table").With(
			fault.Detail{Field: "candidates", Code: "missing", Expected: fmt.Sprintf("at least one for %s on %d rows, or name an algorithm", task, rows)})
	}
	one, err := fit.Parse(s.Algorithm, c.params(s.Algorithm, nil)) // an algorithm that the configuration does not try
	return append(list, entry{estimator: one, eligible: true}), err
}

// maxThreads keeps a typing error from starting a million goroutines.
const maxThreads = 1024

// prepare checks everything that can be wrong before the first fit, fills in what s leaves open, codes the table, and looks for leaks.
func prepare(f *dataset.Frame, l dataset.Labels, s *Spec) (*run, error) {
	if f == nil {
		f = &dataset.Frame{}
	}
	if s.Algorithm == "" {
		s.Algorithm = Auto
	}
	d := s.check()
	list, err := search(*s, l.Task, l.Len())
	if err != nil {
		d = append(d, nameAlgorithm(s.Algorithm, fault.Details(err))...)
	}
	d = append(d, fault.Details(s.Recipe.Validate())...)
	d = append(d, s.Costs.check(l.Task)...)
	problems := checkTable(f, l)
	var shape rows
	if len(problems) == 0 {
		shape, problems = s.Shape.read(f, l)
	}
	features := f.Drop(s.Shape.Columns()...)
	if len(problems) == 0 && len(features.Columns) == 0 {
		problems = append(problems, fault.Detail{Field: "table", Code: "empty", Got: "columns of the shape only", Expected: "at least one feature"})
	}
	if d = append(d, problems...); len(d) == 0 {
		d = append(d, s.settleFolds(l, shape)...)
	}
	if len(d) > 0 {
		return nil, fault.Invalidf("train on %d rows and %d columns to predict %q", f.Rows(), len(f.Columns), l.Name).With(d...)
	}
	data, leaks, err := code(features, l, s)
	if err != nil {
		return nil, fault.Wrap(err, "train to predict %q", l.Name)
	}
	data.Weight = shape.weight
	for _, g := range shape.group {
		data.Group = append(data.Group, int32(g))
	}
	data.Timed = shape.time != nil && slices.IsSorted(shape.time) // what stops early is judged by the latest rows, if rows stand in their order
	r := &run{spec: *s, rows: shape, leaks: leaks, data: data, metric: evaluate.Primary(l.Task), criterion: criterion(l.Task)}
	for _, e := range list { // by the whole table, so that every fold is fitted as the winner will be
		if _, naive := e.estimator.(fit.Baseline); !naive && len(s.Recipe.Steps) > 0 {
			e.estimator = fit.Engineered{Recipe: s.Recipe, Inner: e.estimator}
		}
		e.estimator = fit.Resolve(e.estimator, data)
		if err := fit.Check(e.estimator, data); err != nil {
			return nil, fault.Wrap(err, "train to predict %q", l.Name)
		}
		if !slices.ContainsFunc(r.trials, func(t *trial) bool { return reflect.DeepEqual(t.estimator, e.estimator) }) { // on this table two may come to the same
			r.trials = append(r.trials, &trial{estimator: e.estimator, eligible: e.eligible, note: e.note})
		}
	}
	r.settleCriterion()
	if r.rungs, err = plan(s.Budget, len(r.trials)-1, s.Folds); err != nil {
		return nil, err
	}
	r.total = len(r.trials)*s.Folds + 1
	if r.rungs != nil {
		r.total = s.Folds + cost(r.rungs) + 1
	}
	r.split()
	return r, nil
}

// check names what is wrong with the figures of the spec itself.
func (s Spec) check() (d []fault.Detail) {
	bad := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if s.Threads < 0 || s.Threads > maxThreads {
		bad("threads", "out_of_range", s.Threads, fmt.Sprintf("0 to %d", maxThreads))
	}
	if s.Budget < 0 || s.Budget > mostBudget {
		bad("budget", "out_of_range", s.Budget, fmt.Sprintf("0 to %d fits, 0 being as many as it takes", mostBudget))
	}
	if s.Algorithm == Auto && len(s.Params) > 0 {
		bad("params", "unexpected", len(s.Params), "none with auto: name the algorithm they belong to")
	}
	return d
}

// code is the table ready to be fitted, without the leaks that are to be dropped, once it is known that the recipe suits it.
func code(f *dataset.Frame, l dataset.Labels, s *Spec) (*fit.Data, []Leak, error) {
	data, err := fit.NewData(f, l)
	if err != nil {
		return nil, nil, err
	}
	kept, leaks, err := settleLeaks(s.Recipe.Leaks, f, data, s.Seed)
	if err != nil {
		return nil, nil, err
	}
	if kept != f {
		if data, err = fit.NewData(kept, l); err != nil {
			return nil, nil, err
		}
	}
	if len(s.Recipe.Steps) > 0 { // its columns must be there: said once, not by every candidate
		if _, err := s.Recipe.Engineer(data, fit.Options{Seed: s.Seed}); err != nil {
			return nil, nil, err
		}
	}
	return data, leaks, nil
}

// nameAlgorithm completes the answer to an unknown algorithm with the one that only training knows.
func nameAlgorithm(algorithm string, d []fault.Detail) []fault.Detail {
	known := append([]string{Auto}, fit.Algorithms...)
	for i := range d {
		if d[i].Field != "algorithm" {
			continue
		}
		d[i].Expected = "one of " + strings.Join(known, ", ")
		if near := model.Nearest(algorithm, known); near != "" {
			d[i].Expected = "perhaps " + near + "; " + d[i].Expected
		}
	}
	return d
}

func checkTable(f *dataset.Frame, l dataset.Labels) (d []fault.Detail) {
	bad := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if f.Rows() == 0 || len(f.Columns) == 0 {
		bad("table", "empty", fmt.Sprintf("%d rows, %d columns", f.Rows(), len(f.Columns)), "rows with at least one feature")
		return d
	}
	if l.Len() != f.Rows() {
		bad("labels", "wrong_length", l.Len(), fmt.Sprintf("%d, one a row", f.Rows()))
	}
	if t, err := dataset.ParseTarget(l.Name); err == nil {
		for _, name := range []string{l.Name, t.Column} {
			if f.Index(name) >= 0 {
				bad(name, "target_among_features", nil, "a table without the column that is to be predicted: drop it")
				break
			}
		}
	}
	classes := len(l.Classes)
	switch {
	case l.Task == dataset.Binary && classes == 2, l.Task == dataset.Multiclass && classes >= 2, l.Task == dataset.Regression && classes == 0:
	default:
		bad("task", "wrong_task", fmt.Sprintf("%q with %d classes", l.Task, classes), "binary with 2, multiclass with at least 2, or regression with none")
		return d
	}
	for i, y := range l.Y {
		whole := y == math.Trunc(y) && y >= 0 && y < float64(classes)
		if math.IsNaN(y) || math.IsInf(y, 0) || l.Task != dataset.Regression && !whole {
			expected := "a finite value or a class index in every row"
			return append(d, fault.Detail{Field: "labels", Code: "out_of_range", Got: fmt.Sprint(y), Expected: expected, Row: fault.Row(i)})
		}
	}
	return d
}

// named are those of the estimators given in s that its algorithm means.
func (s Spec) named() []fit.Estimator {
	return slices.DeleteFunc(slices.Clone(s.tried), func(e fit.Estimator) bool { return s.Algorithm != Auto && e.Algorithm() != s.Algorithm })
}
