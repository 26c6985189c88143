// Package domain asks a classifier to tell a window's rows from the reference's. What it can tell apart has changed, in one column or in
// how columns go together; what it cannot has not, as far as trees can see. It needs rows of the reference, which a profile does not keep.
package domain

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
	"mlops/shared/evaluate"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

// Options say how much is done.
type Options struct {
	Rows    int    // of either table, at most; 0 = 10,000
	Seed    uint64 // of the rows drawn and of the folds
	Threads int    // 0 = 1; the result does not depend on it
}

// Rows is how many rows of either table with so many columns are looked at, at most.
func Rows(columns int) int {
	return min(mostRows, max(2*leastRows, mostCells/max(1, columns)))
}

// Limits.
const (
	mostRows   = 10_000
	folds      = 5
	leastRows  = 50
	mostCells  = 600_000 // of either table: wide ones show fewer rows, so that they take no longer
	mostFolded = 2       // variance of the mean over folds, against that of independent ones; see Classify
)

// classifier is small and quick: what it is asked is whether there is a difference, not to be right about every row.
var classifier = fit.Boosting{Trees: 40, Leaves: 12, LearningRate: 0.15, MinLeaf: 20, L2: 1, Bins: 32}

// Classify measures how well boosted trees tell the rows of window from those of reference by the columns that both have in one kind:
// the mean, over five folds, of the AUC on rows that the fold's trees have not seen. Of either table at most Rows rows are drawn.
//
// When nothing changed, the AUC of one fold is that of a Mann-Whitney test, with variance (m+n+1)/(12 m n), whatever the trees are. Folds
// learn from each other's rows, so their AUCs are correlated, for a rule that weighs pairs of rows symmetrically by 1/4: the variance
// of the mean is then twice that of five independent ones, which is what is assumed here.
//
// A feature's share is what it adds to the distance between the mean log-odds of both kinds of rows, measured on rows not seen; features
// that are no help add nothing on average. What stands in the way of a measurement is said in the result.
func Classify(reference, window *dataset.Frame, o Options) *joint.Separation {
	if reference == nil || window == nil || reference.Rows() < leastRows || window.Rows() < leastRows {
		return joint.NotSeparated("it takes %d rows of the reference and of the window", leastRows)
	}
	names := common(reference, window)
	if len(names) < 2 {
		return joint.NotSeparated("the tables have %d columns of one name and kind in common, it takes two to go together", len(names))
	}
	most := Rows(len(names))
	if o.Rows > 0 {
		most = min(most, o.Rows)
	}
	n, m := min(most, reference.Rows()), min(most, window.Rows())
	random := rand.New(rand.NewPCG(o.Seed, 0x646f6d61696e))
	frame, err := stack(names, reference, joint.Draw(random, reference.Rows(), n), window, joint.Draw(random, window.Rows(), m))
	if err != nil {
		return joint.NotSeparated("%v", err)
	}
	labels := dataset.Labels{Name: "window", Task: dataset.Binary, Classes: []string{"reference", "window"}, Y: make([]float64, n+m)}
	for i := n; i < n+m; i++ {
		labels.Y[i] = 1
	}
	data, err := fit.NewData(frame, labels)
	if err != nil {
		return joint.NotSeparated("%v", err)
	}

	results := make([]result, folds)
	fold := dataset.Folds(labels, folds, o.Seed)
	var wait sync.WaitGroup
	turn := make(chan struct{}, max(1, o.Threads))
	for k := range folds {
		wait.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			results[k] = one(data, fold, k, o.Seed)
		})
	}
	wait.Wait()
	var auc, variance, noise float64
	gain := make([]float64, len(names))
	for _, r := range results {
		if r.err != nil {
			return joint.NotSeparated("%v", r.err)
		}
		auc += r.auc / folds
		variance += r.variance / (folds * folds)
		noise += r.noise / (folds * folds)
		for j, g := range r.gain {
			gain[j] += g
		}
	}
	total := 0.0
	for j := range gain {
		gain[j] = max(0, gain[j])
		total += gain[j]
	}
	features, shares := joint.Carriers(names, gain, total)
	half := 1.959963984540054 * math.Sqrt(variance)
	return joint.NewSeparation(auc, max(0, auc-half), min(1, auc+half), math.Sqrt(mostFolded*noise), m, n, len(names), features, shares)
}

// result is what one fold says.
type result struct {
	auc      float64
	variance float64   // of auc (DeLong)
	noise    float64   // of auc, when nothing changed
	gain     []float64 // by feature: mean contribution to the log-odds of the window's rows less that of the reference's
	err      error
}

// one fits on all folds but k and measures on k.
func one(d *fit.Data, fold []int, k int, seed uint64) (r result) {
	var train, held []int
	for i, f := range fold {
		if f == k {
			held = append(held, i)
		} else {
			train = append(train, i)
		}
	}
	p, err := classifier.Fit(d.Take(train), fit.Options{Seed: seed + uint64(k)})
	if err != nil {
		return result{err: err}
	}
	trees := p.(model.Explainer)
	x, parts, score := make([]float64, len(d.Features)), make([]float64, len(d.Features)+1), make([]float64, len(held))
	r.gain = make([]float64, len(d.Features))
	y := d.Labels.Take(held)
	sizes := y.Counts()
	for i, row := range held {
		d.Row(row, x)
		trees.Explain(parts, x)
		weight := 1 / float64(sizes[int(y.Y[i])])
		if y.Y[i] == 0 {
			weight = -weight
		}
		for j, v := range parts {
			score[i] += v
			if j < len(r.gain) {
				r.gain[j] += float64(weight * v)
			}
		}
	}
	r.auc, r.variance = evaluate.DeLong(y.Y, score)
	a, b := float64(sizes[0]), float64(sizes[1])
	r.noise = (a + b + 1) / (12 * a * b)
	return r
}

// common are the columns of one name and kind, in the reference's order.
func common(reference, window *dataset.Frame) (names []string) {
	for i := range reference.Columns {
		c := &reference.Columns[i]
		if other := window.Column(c.Name); other != nil && other.Kind == c.Kind && len(names) < model.MaxFeatures {
			names = append(names, c.Name)
		}
	}
	return names
}

// stack puts rows of both tables below each other; infinities count as the greatest numbers.
func stack(names []string, a *dataset.Frame, rowsA []int, b *dataset.Frame, rowsB []int) (*dataset.Frame, error) {
	top, err := a.Select(names...)
	if err != nil {
		return nil, err
	}
	bottom, err := b.Select(names...)
	if err != nil {
		return nil, err
	}
	f, err := dataset.Concat(top.Take(rowsA), bottom.Take(rowsB))
	if err != nil {
		return nil, err
	}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Kind == dataset.Categorical {
			*c = ranked(c)
		}
		for i, v := range c.Float { // its values are f's own
			if math.Abs(v) > model.MaxValue {
				c.Float[i] = math.Copysign(model.MaxValue, v)
			}
		}
	}
	return f, nil
}

// ranked numbers the levels of a column by their frequency in both tables together, which tells nothing about whose rows they are. As
// categories, levels could be divided in any way, and of a hundred levels some way always fits chance so well that no tree would look
// at the columns that matter.
func ranked(c *dataset.Column) dataset.Column {
	times, rank := make([]int, len(c.Levels)), make([]float64, len(c.Levels))
	order := make([]int, len(c.Levels))
	for k := range order {
		order[k] = k
	}
	for _, k := range c.Code {
		if k >= 0 {
			times[k]++
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return times[b] - times[a] })
	for to, k := range order {
		rank[k] = float64(to)
	}
	values := make([]float64, len(c.Code))
	for i, k := range c.Code {
		if values[i] = math.NaN(); k >= 0 {
			values[i] = rank[k]
		}
	}
	return dataset.NumericColumn(c.Name, values)
}
