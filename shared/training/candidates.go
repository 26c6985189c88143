package training

import (
	"fmt"
	"math"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// Auto searches over all algorithms.
const Auto = "auto"

// table is what is tried, in this order: a good one of each kind first, so that a stopped training has something to show and a hopeless
// one is dropped early. Weak penalties and many leaves win on large tables; on tables of a few hundred rows strong penalties and few
// leaves do, by 0.01 to 0.03 AUC and up to half the log loss. Forests wait to be asked for: on five public tables, 15 outer folds each,
// one in the table was chosen once of 75 times.
var table = []fit.Estimator{
	fit.Baseline{},
	fit.Linear{C: 1},
	fit.Boosting{Trees: 100, Leaves: 7, LearningRate: 0.05, MinLeaf: 10, L2: 1},
	fit.Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: 1},
	fit.Linear{C: 0.1},
	fit.Linear{C: 0.03},
	fit.Linear{C: 0.3},
	fit.Linear{C: 3},
	fit.Boosting{Trees: 200, Leaves: 4, LearningRate: 0.05, MinLeaf: 10, L2: 1},
	fit.Boosting{Trees: 150, Leaves: 15, LearningRate: 0.07, MinLeaf: 20, L2: 1},
	fit.Boosting{Trees: 300, Leaves: 31, LearningRate: 0.07, MinLeaf: 20, L2: 1},
	fit.Boosting{Trees: 400, Leaves: 63, LearningRate: 0.05, MinLeaf: 10, L2: 1, Subsample: 0.8, FeatureShare: 0.8},
}

// entry is an estimator of the search.
type entry struct {
	estimator fit.Estimator
	eligible  bool // false: fitted for comparison only
	note      string
}

// search is the list of what to try: always the naive baseline first, then one estimator where parameters are given, else the
// table's.
func search(s Spec) ([]entry, error) {
	list := []entry{{estimator: fit.Baseline{}, eligible: s.Algorithm == Auto || s.Algorithm == fit.Baseline{}.Algorithm()}}
	if !list[0].eligible {
		list[0].note = "for comparison only: " + s.Algorithm + " was asked for"
	}
	var one fit.Estimator
	if s.Algorithm != Auto {
		var err error
		if one, err = fit.Parse(s.Algorithm, s.Params); err != nil {
			return nil, err
		}
	}
	for _, e := range table[1:] {
		if s.Algorithm == Auto || s.Algorithm == e.Algorithm() && len(s.Params) == 0 {
			list = append(list, entry{estimator: e, eligible: true})
		}
	}
	if len(list) == 1 && !list[0].eligible { // with parameters, or of an algorithm that the table does not try
		list = append(list, entry{estimator: one, eligible: true})
	}
	return list, nil
}

// The numbers of folds.
const (
	defaultFolds = 5       // Kohavi, IJCAI 1995: five or ten; five costs half
	manyRows     = 100_000 // from here on three folds leave less noise than any choice needs
	fewerFolds   = 3
	leastFolds   = 2
	mostFolds    = 50
)

// maxThreads keeps a typing error from starting a million goroutines.
const maxThreads = 1024

// prepare checks everything that can be wrong before the first fit, fills in what s leaves open, codes the table, and looks for leaks.
func prepare(f *dataset.Frame, l dataset.Labels, s *Spec) ([]entry, *fit.Data, []Leak, error) {
	var d []fault.Detail
	bad := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if f == nil {
		f = &dataset.Frame{}
	}
	if s.Algorithm == "" {
		s.Algorithm = Auto
	}
	if s.Threads < 0 || s.Threads > maxThreads {
		bad("threads", "out_of_range", s.Threads, fmt.Sprintf("0 to %d", maxThreads))
	}
	if s.Algorithm == Auto && len(s.Params) > 0 {
		bad("params", "unexpected", len(s.Params), "none with auto: name the algorithm they belong to")
	}
	list, err := search(*s)
	if err != nil {
		d = append(d, nameAlgorithm(s.Algorithm, fault.Details(err))...)
	}
	d = append(d, fault.Details(s.Recipe.Validate())...)
	d = append(d, checkTable(f, l)...)
	if len(d) == 0 {
		d = append(d, s.settleFolds(l)...)
	}
	if len(d) > 0 {
		return nil, nil, nil, fault.Invalidf("train on %d rows and %d columns to predict %q", f.Rows(), len(f.Columns), l.Name).With(d...)
	}
	data, leaks, err := code(f, l, s)
	if err != nil {
		return nil, nil, nil, fault.Wrap(err, "train to predict %q", l.Name)
	}
	for i := range list { // by the whole table, so that every fold is fitted as the winner will be
		if _, naive := list[i].estimator.(fit.Baseline); !naive && len(s.Recipe.Steps) > 0 {
			list[i].estimator = fit.Engineered{Recipe: s.Recipe, Inner: list[i].estimator}
		}
		list[i].estimator = fit.Resolve(list[i].estimator, data)
		if err := fit.Check(list[i].estimator, data); err != nil {
			return nil, nil, nil, fault.Wrap(err, "train to predict %q", l.Name)
		}
	}
	return list, data, leaks, nil
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

// settleFolds chooses the number of folds, or says why the one asked for cannot be had: every fold needs a row of every class, or
// nothing can be measured on it.
func (s *Spec) settleFolds(l dataset.Labels) []fault.Detail {
	most, why := l.Len()/2, fmt.Sprintf("half of the %d rows", l.Len())
	for k, n := range l.Counts() {
		if n < most {
			most, why = n, fmt.Sprintf("the %d rows of class %q", n, l.Classes[k])
		}
	}
	refuse := func(field, code string, got any, expected string) []fault.Detail {
		return []fault.Detail{{Field: field, Code: code, Got: got, Expected: expected}}
	}
	switch {
	case most < leastFolds:
		return refuse("labels", "too_few_rows", why, "at least two rows of every class, and four in all: bring more, or merge or leave out the class")
	case s.Folds == 0 && l.Len() >= manyRows:
		s.Folds = min(fewerFolds, most)
	case s.Folds == 0:
		s.Folds = min(defaultFolds, most)
	case s.Folds < leastFolds || s.Folds > mostFolds:
		return refuse("folds", "out_of_range", s.Folds, fmt.Sprintf("%d to %d", leastFolds, mostFolds))
	case s.Folds > most:
		return refuse("folds", "out_of_range", s.Folds, fmt.Sprintf("at most %d, %s: ask for fewer folds, or bring more rows", most, why))
	}
	return nil
}
