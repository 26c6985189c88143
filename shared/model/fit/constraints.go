package fit

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// loss is the loss by its name, nil if there is none.
func (b *Boosting) loss() *loss {
	at := slices.IndexFunc(losses, func(l loss) bool { return l.name == b.Loss })
	if at < 0 {
		return nil
	}
	return &losses[at]
}

// lossNames are the losses of a task, all for "".
func lossNames(task dataset.Task) (names []string) {
	for _, l := range losses {
		if task == "" || l.task == task {
			names = append(names, l.name)
		}
	}
	return names
}

// usualLoss is the one that a task has unless another is asked for.
func usualLoss(task dataset.Task) string {
	if names := lossNames(task); len(names) > 0 {
		return names[0]
	}
	return ""
}

// Check reports every parameter that cannot be, or does not suit the task, the features and the labels of d.
func (b Boosting) Check(d *Data) error {
	b = b.resolve(d.Labels.Task, d.Rows)
	problems := set(b.params(), b.Params()) // ranges: an estimator that Parse did not make is checked all the same
	problems = append(problems, b.checkLoss(d.Labels)...)
	problems = append(problems, b.checkFeatures(d)...)
	if d.check() == nil {
		_, err := b.ClassWeight.apply(d)
		named := fault.Details(err)
		if err != nil && len(named) == 0 {
			named = []fault.Detail{{Field: "class_weight", Code: "wrong_task", Got: b.ClassWeight.value(), Expected: err.Error()}}
		}
		problems = append(problems, named...)
	}
	if b.ValidationShare != 0 && b.EarlyStopping == 0 {
		problems = append(problems, fault.Detail{Field: "validation_share", Code: "unexpected", Got: b.ValidationShare, Expected: "early_stopping beside it: without it no rows are held out"})
	}
	if len(problems) > 0 {
		return fault.Invalidf("the parameters of boosting do not suit the data").With(problems...)
	}
	return nil
}

// checkLoss reports a loss that does not fit the task or the labels.
func (b *Boosting) checkLoss(l dataset.Labels) []fault.Detail {
	loss := b.loss()
	switch {
	case loss == nil:
		return nil // Parse said so
	case loss.task != l.Task:
		return []fault.Detail{{Field: "loss", Code: "wrong_task", Got: b.Loss, Expected: fmt.Sprintf("one of %q for %s", lossNames(l.Task), l.Task)}}
	case b.Alpha != 0 && loss.alpha == 0:
		return []fault.Detail{{Field: "alpha", Code: "unexpected", Got: b.Alpha, Expected: fmt.Sprintf("none with %s loss: huber and quantile take one", b.Loss)}}
	}
	var d []fault.Detail
	if loss.link == model.Log {
		for i, y := range l.Y {
			if (y < 0 || y > greatestCount) && len(d) < mostNamed {
				d = append(d, fault.Detail{Field: l.Name, Code: "out_of_range", Got: fmt.Sprint(y), Expected: "a number in [0, 1e30]: " + b.Loss + " loss is for counts", Row: fault.Row(i + 1)})
			}
		}
	}
	return d
}

// checkFeatures reports constraints on what is no feature, or cannot be constrained.
func (b *Boosting) checkFeatures(d *Data) (problems []fault.Detail) {
	names := make([]string, len(d.Features))
	for j, f := range d.Features {
		names[j] = f.Name
	}
	unknown := func(field, name string) {
		p := fault.Detail{Field: field, Code: "unknown", Got: name, Expected: fmt.Sprintf("the name of one of the %d features", len(names))}
		if near := model.Nearest(name, names); near != "" {
			p.Expected = "perhaps " + near
		}
		problems = append(problems, p)
	}
	if len(b.Monotone) > 0 && d.Labels.Task == dataset.Multiclass {
		problems = append(problems, fault.Detail{Field: "monotone", Code: "wrong_task", Got: string(d.Labels.Task), Expected: "two classes or a value: of more classes none can rise without another's falling"})
	}
	for _, name := range slices.Sorted(maps.Keys(b.Monotone)) {
		switch j := slices.Index(names, name); {
		case j < 0:
			unknown("monotone", name)
		case d.Features[j].Kind != dataset.Numeric:
			problems = append(problems, fault.Detail{Field: "monotone", Code: model.CodeWrongType, Got: name, Expected: "a numeric feature: categories have no order"})
		}
	}
	for _, group := range b.Interactions {
		for _, name := range group {
			if !slices.Contains(names, name) {
				unknown("interactions", name)
			}
		}
	}
	return problems
}

// rules are the parameters as trees take them.
func (b *Boosting) rules(features []model.Feature) tree.Rules {
	r := tree.Rules{Leaves: b.Leaves, Depth: b.Depth, L1: max(b.L1, 0), L2: max(b.L2, 0), MinLeaf: b.MinLeaf, MinHessian: b.MinHessian}
	if len(b.Monotone) > 0 {
		r.Monotone = make([]int8, len(features))
		for j, f := range features {
			r.Monotone[j] = int8(b.Monotone[f.Name])
		}
	}
	if len(b.Interactions) > 0 {
		rest := make([]bool, len(features))
		for j := range rest {
			rest[j] = true
		}
		for _, names := range b.Interactions {
			group := make([]bool, len(features))
			for j, f := range features {
				if slices.Contains(names, f.Name) {
					group[j], rest[j] = true, false
				}
			}
			r.Groups = append(r.Groups, group)
		}
		if slices.Contains(rest, true) {
			r.Groups = append(r.Groups, rest)
		}
	}
	return r
}

// hold chooses the rows of positive weight that are held out for early stopping, ascending; none from a table so small that one of the two parts
// would be empty.
func (b *Boosting) hold(d *Data, seed uint64) []int32 {
	if b.EarlyStopping == 0 {
		return nil
	}
	var held []int32
	for _, r := range heldOut(d, b.ValidationShare, seed) {
		if d.weight(r) > 0 {
			held = append(held, int32(r))
		}
	}
	counting := 0
	for i := range d.Rows {
		if d.weight(i) > 0 {
			counting++
		}
	}
	if len(held) == counting {
		return nil
	}
	return held
}

// heldOut are about a share of the rows, ascending: the last ones of data ordered by time, else drawn by class or value, all rows of a group or
// none.
func heldOut(d *Data, share float64, seed uint64) []int {
	if d.Timed {
		first := d.Rows - int(math.Round(share*float64(d.Rows)))
		for first > 0 && first < d.Rows && d.Group != nil && d.Group[first] == d.Group[first-1] {
			first++
		}
		rows := make([]int, 0, d.Rows-first)
		for i := first; i < d.Rows; i++ {
			rows = append(rows, i)
		}
		return rows
	}
	if d.Group == nil {
		_, rows, _ := dataset.Split(d.Labels, 1-share, share, seed)
		return rows
	}
	first := map[int32]int{} // of each group its first row, which stands for it
	var heads []int
	for i, g := range d.Group {
		if _, seen := first[g]; !seen {
			first[g] = len(heads)
			heads = append(heads, i)
		}
	}
	_, chosen, _ := dataset.Split(d.Labels.Take(heads), 1-share, share, seed)
	taken := make([]bool, len(heads))
	for _, k := range chosen {
		taken[k] = true
	}
	var rows []int
	for i, g := range d.Group {
		if taken[first[g]] {
			rows = append(rows, i)
		}
	}
	return rows
}
