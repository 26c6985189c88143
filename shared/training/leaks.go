package training

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
	"mlops/shared/number"
)

// Leak is a column that predicts the target alone, better than a feature that is known in time usually can: it was probably written after, or
// from, what is to be predicted.
type Leak struct {
	Column  string       `json:"column"`
	Measure string       `json:"measure"` // auc, accuracy (several classes) or r2
	Value   number.Float `json:"value"`
	Dropped bool         `json:"dropped,omitempty"` // the model was trained without it
}

// String says it in a sentence.
func (l Leak) String() string {
	does := "is used all the same: leave it out if it is not known when a prediction is asked for"
	if l.Dropped {
		does = "was left out"
	}
	return fmt.Sprintf("column %.64q alone predicts the target (%s %.4f), so it may come from it; it %s", l.Column, l.Measure, float64(l.Value), does)
}

// Words says leaks in a few sentences, the first of them in full; "" where there are none.
func Words(leaks []Leak) string {
	const most = 5
	var out []string
	for _, l := range leaks[:min(len(leaks), most)] {
		out = append(out, l.String())
	}
	if more := len(leaks) - most; more > 0 {
		out = append(out, fmt.Sprintf("and %d further columns", more))
	}
	return strings.Join(out, "; ")
}

// What it takes to call a column a leak.
const (
	leakAbove    = 0.99   // auc, accuracy, r2
	leakRows     = 20_000 // rows looked at
	leakLeast    = 50     // rows below which nothing is said
	leakRarest   = 10     // rows of each class below which nothing is said: two groups of ten are parted by chance in one of 92,378 columns
	leakFolds    = 5
	leakLevels   = 256       // distinct values of a number up to which each is taken as a level
	leakNearest  = 2         // neighbours on either side
	leakCells    = 2_000_000 // levels times classes up to which levels are counted: 100 MB; beyond, rows of a level are neighbours
	leakMajority = 0.99      // several classes: where one has this share, accuracy says nothing
)

// findLeaks measures each column alone: a category, and a number of few values, by what the target is in the rows of the same level in other
// folds; a number of many values by what it is in the rows next to it in its order, and by that order itself (binary: AUC; values: squared
// correlation). So an identifier, whose every level is one row, is no leak, and a number that tells by its value rather than its order is one.
func findLeaks(d *fit.Data, seed uint64) []Leak {
	rows := make([]int, d.Rows)
	for i := range rows {
		rows[i] = i
	}
	d = d.Take(d.Labels.Thin(rows, leakRows))
	counts := d.Labels.Counts()
	if d.Rows < leakLeast || len(counts) > 0 && slices.Min(counts) < leakRarest || len(counts) > 2 && float64(slices.Max(counts)) >= leakMajority*float64(d.Rows) {
		return nil
	}
	var out []Leak
	fold := dataset.Folds(d.Labels, leakFolds, seed)
	for j, f := range d.Features {
		values := d.Column(j)
		best := 0.0
		level, few := levelsOf(values, f.Kind)
		if few && (slices.Max(level)+1)*(len(counts)+1) <= leakCells {
			best = byLevel(d.Labels, level, fold)
		} else {
			best = byNeighbours(d.Labels, values)
		}
		if f.Kind == dataset.Numeric {
			best = max(best, byOrder(d.Labels, values))
		}
		if best > leakAbove {
			out = append(out, Leak{Column: f.Name, Measure: measureOf(d.Labels.Task), Value: number.Float(best)})
		}
	}
	return out
}

func measureOf(task dataset.Task) string {
	switch task {
	case dataset.Binary:
		return "auc"
	case dataset.Multiclass:
		return "accuracy"
	}
	return "r2"
}

// byOrder is what the order of a number says: the AUC in the better direction with missing values below or above all others, or the squared
// correlation of the rows that have a value; 0 for several classes, which have no order, and where it cannot be said.
func byOrder(l dataset.Labels, values []float64) float64 {
	switch l.Task {
	case dataset.Binary:
		best := 0.0
		for _, missing := range []float64{math.Inf(-1), math.Inf(1)} {
			s := slices.Clone(values)
			for i, v := range s {
				if v != v {
					s[i] = missing
				}
			}
			if a := evaluate.AUC(l.Y, s); a == a {
				best = max(best, a, 1-a)
			}
		}
		return best
	case dataset.Regression:
		return squaredCorrelation(values, l.Y)
	}
	return 0
}

// squaredCorrelation is that of the pairs in which x has a value, if at least half of them do; else 0.
func squaredCorrelation(x, y []float64) float64 {
	var n, mx, my, xx, yy, xy float64
	for i, v := range x {
		if v == v {
			n, mx, my = n+1, mx+v, my+y[i]
		}
	}
	if n < float64(len(x))/2 || n < 3 {
		return 0
	}
	mx, my = mx/n, my/n
	for i, v := range x {
		if v == v {
			xx += float64((v - mx) * (v - mx))
			yy += float64((y[i] - my) * (y[i] - my))
			xy += float64((v - mx) * (y[i] - my))
		}
	}
	if r := xy / xx * (xy / yy); r == r {
		return r
	}
	return 0
}

// levelsOf gives every row the index of its level: of a category, or of a number that has few values; missing and unseen are two more. few is
// false of a number that has many.
func levelsOf(values []float64, kind dataset.Kind) (level []int, few bool) {
	level = make([]int, len(values))
	var distinct []float64
	if kind == dataset.Numeric {
		distinct = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
		slices.Sort(distinct)
		if distinct = slices.Compact(distinct); len(distinct) > leakLevels {
			return nil, false
		}
	}
	for i, v := range values {
		switch {
		case v != v:
		case kind == dataset.Categorical && v < 0:
			level[i] = 1
		case kind == dataset.Categorical:
			level[i] = 2 + int(v)
		default:
			at, _ := slices.BinarySearch(distinct, v)
			level[i] = 2 + at
		}
	}
	return level, true
}

// byNeighbours predicts each row by the rows next to it in the order of the values, missing ones first.
func byNeighbours(l dataset.Labels, values []float64) float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	votes := newVotes(l)
	for at, row := range order {
		for k := max(0, at-leakNearest); k <= min(len(order)-1, at+leakNearest); k++ {
			if k != at {
				count(l.Task, votes.sums, l.Y[order[k]])
			}
		}
		votes.predict(row)
	}
	return votes.measure()
}

// votes predicts rows from others, and measures how well.
type votes struct {
	labels dataset.Labels
	width  int
	sums   []float64 // of each class, or of the values; last how many
	p      []float64 // of each row the share of the positive class, or the mean
	right  int       // rows whose class had most votes
}

func newVotes(l dataset.Labels) *votes {
	width := max(1, len(l.Classes))
	return &votes{labels: l, width: width, sums: make([]float64, width+1), p: make([]float64, l.Len())}
}

// count adds a row of the target y to sums.
func count(task dataset.Task, sums []float64, y float64) {
	if task == dataset.Regression {
		sums[0] += y
	} else {
		sums[int(y)]++
	}
	sums[len(sums)-1]++
}

// predict uses the votes for a row, and clears them.
func (v *votes) predict(row int) {
	best := 0
	for c := range v.width {
		if v.sums[c] > v.sums[best] {
			best = c
		}
	}
	v.p[row] = v.sums[min(1, v.width-1)] / v.sums[v.width]
	if float64(best) == v.labels.Y[row] {
		v.right++
	}
	clear(v.sums)
}

// measure is the AUC, the accuracy or R2 of the predictions; 0 where it cannot be said.
func (v *votes) measure() float64 {
	var m float64
	switch v.labels.Task {
	case dataset.Binary:
		m = evaluate.AUC(v.labels.Y, v.p)
	case dataset.Multiclass:
		m = float64(v.right) / float64(len(v.p))
	default:
		m = evaluate.R2(v.labels.Y, v.p)
	}
	if m != m {
		return 0
	}
	return m
}

// byLevel predicts each row by the rows of its level in the other folds, and by all rows where these have none: a mean of the other folds
// would be less where the row's own fold has more, and so tell.
func byLevel(l dataset.Labels, level, fold []int) float64 {
	n := max(1, len(l.Classes)) + 1
	all, overall, in := make([]float64, (slices.Max(level)+1)*n), make([]float64, n), make([][]float64, leakFolds)
	for k := range in {
		in[k] = make([]float64, len(all))
	}
	for i, y := range l.Y {
		at := level[i] * n
		for _, sums := range [][]float64{all[at : at+n], in[fold[i]][at : at+n], overall} {
			count(l.Task, sums, y)
		}
	}
	votes := newVotes(l)
	for i := range l.Y {
		at := level[i] * n
		for c := range n {
			votes.sums[c] = all[at+c] - in[fold[i]][at+c]
		}
		if votes.sums[n-1] == 0 {
			copy(votes.sums, overall)
		}
		votes.predict(i)
	}
	return votes.measure()
}

// settleLeaks does what the recipe says about columns that leak: it gives them, and the table without those to be dropped.
func settleLeaks(policy string, f *dataset.Frame, d *fit.Data, seed uint64) (*dataset.Frame, []Leak, error) {
	leaks := findLeaks(d, seed)
	if len(leaks) == 0 || policy == "" || policy == fit.LeaksWarn {
		return f, leaks, nil
	}
	names := make([]string, len(leaks))
	details := make([]fault.Detail, len(leaks))
	for i := range leaks {
		names[i] = leaks[i].Column
		details[i] = fault.Detail{Field: leaks[i].Column, Code: "leak", Got: fmt.Sprintf("%s %.4f", leaks[i].Measure, float64(leaks[i].Value)),
			Expected: fmt.Sprintf("at most %g alone: leave the column out, or set leaks: warn", leakAbove)}
		leaks[i].Dropped = policy == fit.LeaksDrop
	}
	if policy == fit.LeaksRefuse {
		return f, leaks, fault.Invalidf("train to predict %q: %s alone predicts it, and leaks are refused", d.Labels.Name, strings.Join(names[:min(3, len(names))], ", ")).With(details...)
	}
	if len(names) == len(f.Columns) {
		return f, leaks, fault.Invalidf("train to predict %q: every column alone predicts it, and leaks are dropped", d.Labels.Name).With(details...)
	}
	return f.Drop(names...), leaks, nil
}
