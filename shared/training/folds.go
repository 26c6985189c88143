package training

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
)

// The numbers of folds.
const (
	defaultFolds = 5       // Kohavi, IJCAI 1995: five or ten; five costs half
	manyRows     = 100_000 // from here on three folds leave less noise than any choice needs
	fewerFolds   = 3
	leastFolds   = 2
	mostFolds    = 50
)

// deal gives each row its fold, as the shape declares it: stratified, whole groups, or windows in time.
func deal(l dataset.Labels, r rows, k int, seed uint64) []int {
	switch {
	case r.group != nil:
		return groupFolds(l, r.group, k, seed)
	case r.time != nil:
		return timeFolds(r.time, k)
	}
	return dataset.Folds(l, k, seed)
}

// settleFolds chooses the number of folds, or says why the one asked for cannot be had: every fold needs a row of every class, or
// nothing can be measured on it.
func (s *Spec) settleFolds(l dataset.Labels, r rows) []fault.Detail {
	most, why := l.Len()/2, fmt.Sprintf("half of the %d rows", l.Len())
	for k, n := range l.Counts() {
		if n < most {
			most, why = n, fmt.Sprintf("the %d rows of class %q", n, l.Classes[k])
		}
	}
	refuse := func(field, code string, got any, expected string) []fault.Detail {
		return []fault.Detail{{Field: field, Code: code, Got: got, Expected: expected}}
	}
	asked := s.Folds != 0
	switch {
	case most < leastFolds:
		return refuse("labels", "too_few_rows", why, "at least two rows of every class, and four in all: bring more, or merge or leave out the class")
	case !asked && l.Len() >= manyRows:
		s.Folds = min(fewerFolds, most)
	case !asked:
		s.Folds = min(defaultFolds, most)
	case s.Folds < leastFolds || s.Folds > mostFolds:
		return refuse("folds", "out_of_range", s.Folds, fmt.Sprintf("%d to %d", leastFolds, mostFolds))
	case s.Folds > most:
		return refuse("folds", "out_of_range", s.Folds, fmt.Sprintf("at most %d, %s: ask for fewer folds, or bring more rows", most, why))
	}
	if r.group == nil && r.time == nil {
		return nil
	}
	for {
		d := lacking(l, deal(l, r, s.Folds, s.Seed), s.Folds, r.time != nil)
		if len(d) == 0 || asked || s.Folds == leastFolds {
			return d
		}
		s.Folds--
	}
}

// lacking names every fold that nothing can be measured on, or learnt for, with the class that it lacks.
func lacking(l dataset.Labels, fold []int, k int, inTime bool) (d []fault.Detail) {
	classes := max(1, len(l.Classes))
	held, rest := make([][]int, k), make([][]int, k)
	for j := range k {
		held[j], rest[j] = make([]int, classes), make([]int, classes)
	}
	for i, at := range fold {
		class := 0
		if len(l.Classes) > 0 {
			class = int(l.Y[i])
		}
		for j := range k {
			if at == j {
				held[j][class]++
			} else if !inTime || at < j {
				rest[j][class]++
			}
		}
	}
	for j := range k {
		for _, part := range []struct {
			what  string
			count []int
		}{{"the rows of it", held[j]}, {"the rows that it is trained on", rest[j]}} {
			if n, least := sum(part.count), 2; n < least {
				d = append(d, fault.Detail{Field: fmt.Sprintf("fold %d", j+1), Code: "too_few_rows", Got: fmt.Sprintf("%d in %s", n, part.what), Expected: "at least two: fewer folds, or more groups or times"})
				continue
			}
			if lack := slices.Index(part.count, 0); lack >= 0 && (classes == 2 || occurring(part.count) < 2) {
				d = append(d, fault.Detail{Field: fmt.Sprintf("fold %d", j+1), Code: "class_absent", Got: fmt.Sprintf("no row of class %q in %s", l.Classes[lack], part.what), Expected: "both classes in each: fewer folds, or more rows of the class"})
			}
		}
	}
	return d
}

func sum(v []int) (n int) {
	for _, x := range v {
		n += x
	}
	return n
}

func occurring(v []int) (n int) {
	for _, x := range v {
		if x > 0 {
			n++
		}
	}
	return n
}

// split lists the rows in each fold, and those it is trained on: all others, or with windows in time those before it. Rows that are twins stay
// together where nothing else is declared.
func (r *run) split() {
	r.fold = deal(r.data.Labels, r.rows, r.spec.Folds, r.spec.Seed)
	if r.rows.group == nil && r.rows.time == nil {
		together(r.data, r.fold)
	}
	r.held, r.rest = make([][]int, r.spec.Folds), make([][]int, r.spec.Folds)
	for i, at := range r.fold {
		if at >= 0 {
			r.covered = append(r.covered, i)
		}
		for k := range r.held {
			if k == at {
				r.held[k] = append(r.held[k], i)
			} else if r.rows.time == nil || at < k {
				r.rest[k] = append(r.rest[k], i)
			}
		}
	}
}

// Split parts the rows into a share train, a share val and the rest, each ascending, as the shape declares: whole groups into each part, the latest rows
// last and equal times together, or stratified as dataset.Split is. The same arguments always give the same rows. The error, Invalid, names what is
// wrong with the shape's columns.
func (s Shape) Split(f *dataset.Frame, l dataset.Labels, train, val float64, seed uint64) (trainRows, valRows, testRows []int, err error) {
	r, d := s.read(f, l)
	if len(d) > 0 {
		return nil, nil, nil, fault.Invalidf("part the rows by group, time or weight").With(d...)
	}
	var part []int
	switch {
	case r.group != nil: // twentieths, dealt alike, add up to the shares
		part = groupFolds(l, r.group, splitParts, seed)
	case r.time != nil:
		part = timeFolds(r.time, splitParts-1)
		for i := range part {
			part[i]++
		}
	default:
		trainRows, valRows, testRows = dataset.Split(l, train, val, seed)
		return trainRows, valRows, testRows, nil
	}
	first, second := int(math.Round(train*splitParts)), int(math.Round((train+val)*splitParts))
	for i, at := range part {
		switch {
		case at < first:
			trainRows = append(trainRows, i)
		case at < second:
			valRows = append(valRows, i)
		default:
			testRows = append(testRows, i)
		}
	}
	return trainRows, valRows, testRows, nil
}

// splitParts is how finely Split parts rows that hang together.
const splitParts = 20

// shuffled are the numbers below n in an order that seed decides.
func shuffled(n int, seed uint64) []int {
	return rand.New(rand.NewPCG(seed, 0x67726f757073)).Perm(n) // the second word is arbitrary and fixed
}

// groupFolds deals whole groups into k folds, the largest first, each to the fold that it leaves most alike in the rows of every class (for values: in
// rows); of equals the one with fewer rows. It is the greedy rule of scikit-learn's StratifiedGroupKFold. Equal groups come in an order that seed decides.
func groupFolds(l dataset.Labels, group []int, k int, seed uint64) []int {
	groups := 1 + slices.Max(group)
	classes := max(1, len(l.Classes))
	count := make([][]float64, groups)
	total := make([]float64, classes)
	for g := range count {
		count[g] = make([]float64, classes+1)
	}
	for i, g := range group {
		class := 0
		if len(l.Classes) > 0 {
			class = int(l.Y[i])
		}
		count[g][class]++
		count[g][classes]++
		total[class]++
	}
	order := shuffled(groups, seed)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(count[b][classes], count[a][classes]) })
	have := make([][]float64, k)
	for f := range have {
		have[f] = make([]float64, classes+1)
	}
	fold := make([]int, groups)
	for _, g := range order {
		best, least := 0, math.Inf(1)
		for f := range k {
			var uneven float64 // the sum of squares grows by this much, each class by its share
			for c := range classes {
				if total[c] > 0 {
					uneven += (float64(2*have[f][c]*count[g][c]) + float64(count[g][c]*count[g][c])) / float64(total[c]*total[c])
				}
			}
			if uneven < least || uneven == least && have[f][classes] < have[best][classes] {
				best, least = f, uneven
			}
		}
		fold[g] = best
		for c := range have[best] {
			have[best][c] += count[g][c]
		}
	}
	out := make([]int, len(group))
	for i, g := range group {
		out[i] = fold[g]
	}
	return out
}

// timeFolds parts the rows into k+1 windows of about as many rows in the order of time; equal times stay together. Rows of the first window have fold
// -1: nothing came before them. Fold j is window j+1, trained on all windows before it (Hyndman & Athanasopoulos, Forecasting, 5.10: a rolling origin).
func timeFolds(at []float64, k int) []int {
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	fold := make([]int, len(at))
	window := 0
	for n, i := range order {
		if n > 0 && at[i] != at[order[n-1]] { // a window may begin here only
			window = max(window, min(k, n*(k+1)/len(at)))
		}
		fold[i] = window - 1
	}
	return fold
}

// together moves rows with the same features into the fold of the first of them: a patient who came twice must not be tested on a model
// that learnt from the other visit. Folds stay as they are where that would leave one empty of a class.
func together(d *fit.Data, fold []int) {
	moved := slices.Clone(fold)
	for i, first := range d.Twins() {
		moved[i] = moved[first]
	}
	if whole(d.Labels, moved, fold) {
		copy(fold, moved)
	}
}

// whole reports whether every fold that had a row of a class still has one.
func whole(l dataset.Labels, moved, fold []int) bool {
	type cell struct {
		fold  int
		class float64
	}
	had := map[cell]bool{}
	for i, k := range fold {
		c := cell{fold: k}
		if l.Task != dataset.Regression {
			c.class = l.Y[i]
		}
		had[c] = true
	}
	for i, k := range moved {
		c := cell{fold: k}
		if l.Task != dataset.Regression {
			c.class = l.Y[i]
		}
		delete(had, c)
	}
	return len(had) == 0
}
