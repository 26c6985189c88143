package train

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"mlops/functions/internal/table"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/training"
)

// How a training uses its time: what is left after it is for the profile and for storing, and fits are kept once it has lasted.
const (
	afterwards = 45 * time.Second // profile, golden rows and storing of a table of 1,000,000 rows take about half of it
	keepAfter  = 20 * time.Second
)

// spec is what is asked for, completed by what is configured for the dataset, with the limit on its time.
func (h *Handler) spec(ctx context.Context, v event.Validated) (training.Spec, time.Duration, error) {
	spec, limit, err := tuned(v.Asked)
	if err != nil {
		return spec, 0, err
	}
	if spec.Shape.Group+spec.Shape.Time == "" { // of the two there can be one: what is asked for stands instead of what was declared
		spec.Shape.Group, spec.Shape.Time = v.Group, v.Time
	}
	spec.Shape.Weight = cmp.Or(spec.Shape.Weight, v.Weight)
	spec.Algorithm, spec.Params, spec.Seed, spec.Threads = v.Algorithm, v.Params, v.Seed, h.Threads
	if spec.Folds == 0 {
		spec.Folds = h.Folds
	}
	if spec.Recipe, err = h.recipe(ctx, v.Dataset); err != nil || h.Models == nil {
		return spec, limit, err
	}
	c, err := h.Models(ctx)
	if err != nil {
		return spec, limit, err
	}
	c.Fill(&spec, v.Dataset)
	return spec, limit, nil
}

// tuned reads what was asked for; the error names everything that cannot be.
func tuned(t event.Tuning) (training.Spec, time.Duration, error) {
	spec := training.Spec{Folds: t.Folds, Budget: t.Budget, Costs: training.Costs{FalsePositive: t.CostFP, FalseNegative: t.CostFN}, Shape: training.Shape{Group: t.Group, Time: t.Time, Weight: t.Weight}}
	var d []fault.Detail
	weights, err := training.ParseClassWeight(t.ClassWeight)
	spec.Shape.ClassWeight = weights
	d = append(d, fault.Details(err)...)
	for _, v := range []struct {
		field string
		bad   bool
		got   any
	}{{"cost_fp", t.CostFP < 0, t.CostFP}, {"cost_fn", t.CostFN < 0, t.CostFN}, {"folds", t.Folds < 0, t.Folds}, {"budget", t.Budget < 0, t.Budget}} {
		if v.bad {
			d = append(d, fault.Detail{Field: v.field, Code: "out_of_range", Got: v.got, Expected: "more than 0"})
		}
	}
	var limit time.Duration
	if t.TimeLimit != "" {
		if limit, err = time.ParseDuration(t.TimeLimit); err != nil || limit <= 0 {
			d = append(d, fault.Detail{Field: "time_limit", Code: "wrong_value", Got: t.TimeLimit, Expected: "a duration such as 90s or 5m"})
		}
	}
	if len(d) > 0 {
		return spec, 0, fault.Invalidf("the training cannot be had as it is asked for").With(d...)
	}
	return spec, limit, nil
}

// named refuses columns that the data version lacks, before a job begins.
func named(m table.Manifest, t event.Tuning) error {
	var names []string
	for _, f := range m.Schema.Fields {
		names = append(names, f.Name)
	}
	var d []fault.Detail
	for _, use := range [][2]string{{"group", t.Group}, {"time", t.Time}, {"weight", t.Weight}} {
		if use[1] == "" || slices.Contains(names, use[1]) {
			continue
		}
		expected := "a column of " + m.Dataset
		if near := model.Nearest(use[1], names); near != "" {
			expected = "perhaps " + near
		}
		d = append(d, fault.Detail{Field: use[0], Code: "missing", Got: use[1], Expected: expected})
	}
	if len(d) > 0 {
		return fault.Invalidf("the training asks for columns that %s lacks", m.Dataset).With(d...)
	}
	return nil
}

// deadline is when the search must be done: in time for what comes after it, and no later than was asked for; zero = never.
func deadline(ctx context.Context, start time.Time, limit time.Duration) time.Time {
	var at time.Time
	if limit > 0 {
		at = start.Add(limit)
	}
	if end, ok := ctx.Deadline(); ok {
		reserve := min(afterwards, end.Sub(start)/4)
		if end = end.Add(-reserve); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at
}

// enough refuses a data version that does not fit the memory, before it is read.
func (h *Handler) enough(m table.Manifest, spec training.Spec) error {
	rows, text := m.Rows["train"]+m.Rows["val"], int64(0)
	for _, part := range []string{"train.csv", "val.csv"} {
		text += m.Files[part].Bytes
	}
	candidates := 4
	if spec.Config != nil {
		candidates += len(spec.Config.Candidates)
	}
	need := training.MemoryNeeded(rows, len(m.Schema.Fields), len(m.Classes), candidates, text)
	return training.CheckMemory(need, h.MemoryMB, fmt.Sprintf("%d rows of %d columns of %s", rows, len(m.Schema.Fields), m.Dataset),
		"raise the memory of the function train (Memory in shared/topology/functions.go; Lambda gives up to 10240 MB), or upload fewer rows")
}

// record stores a run once; a second delivery of the same event finds it there.
func (h *Handler) record(ctx context.Context, name string, run Run) error {
	body, err := marshal(run)
	if err != nil {
		return err
	}
	if err := h.Artefacts.Create(ctx, path.Join("models", name, "runs", run.Info.RunID, "run.json"), body); err != nil && !fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, "store the record of run %s of %s", run.Info.RunID, name)
	}
	return nil
}

// take leaves what the model reads: what it does not read is neither profiled nor asked for.
func (d *data) take(r training.Result) {
	d.frame = d.frame.Drop(append(Dropped(r.Leaks), r.Spec.Shape.Columns()...)...)
}

// rows are some rows of d.
func (d *data) rows(rows []int) *data {
	out := &data{frame: d.frame.Take(rows), labels: d.labels.Take(rows), test: d.test, truth: d.truth, groups: map[string][]string{}}
	for name, values := range d.groups {
		for _, i := range rows {
			out.groups[name] = append(out.groups[name], values[i])
		}
	}
	return out
}
