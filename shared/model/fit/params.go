package fit

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// Algorithms are the names that Parse knows, the simplest first.
var Algorithms = []string{"baseline", "linear", "boosting", "forest", "extra_trees", "vote"}

// param is one parameter: its name, its range, and the field it sets.
type param struct {
	name      string
	low, high float64
	open      bool // low itself is not allowed
	under     bool // high itself is not allowed
	count     *int
	real      *float64
	form      form // of what is no number
}

// params are the parameters of a boosting, bound to its fields.
func (b *Boosting) params() []param {
	return []param{
		{name: "trees", low: 1, high: 10_000, count: &b.Trees},
		{name: "leaves", low: 2, high: 4_096, count: &b.Leaves},
		{name: "max_depth", low: 1, high: model.MaxDepth, count: &b.Depth},
		{name: "learning_rate", low: 0, open: true, high: 1, real: &b.LearningRate},
		{name: "l1", low: 0, high: 1e6, real: &b.L1},
		{name: "l2", low: 0, high: 1e6, real: &b.L2},
		{name: "min_leaf", low: 1, high: 1e6, count: &b.MinLeaf},
		{name: "min_hessian", low: 0, open: true, high: 1e6, real: &b.MinHessian},
		{name: "bins", low: 2, high: tree.MostBins, count: &b.Bins},
		{name: "subsample", low: 0, open: true, high: 1, real: &b.Subsample},
		{name: "feature_share", low: 0, open: true, high: 1, real: &b.FeatureShare},
		{name: "loss", form: choice{&b.Loss, lossNames("")}},
		{name: "alpha", low: 0, open: true, high: 1, under: true, real: &b.Alpha},
		{name: "monotone", form: signs{&b.Monotone}},
		{name: "interactions", form: groups{&b.Interactions}},
		{name: "class_weight", form: weighing{&b.ClassWeight}},
		{name: "early_stopping", low: 0, high: 10_000, count: &b.EarlyStopping},
		{name: "validation_share", low: 0, open: true, high: 0.5, real: &b.ValidationShare},
	}
}

// params are the parameters of a forest.
func (f *Forest) params() []param {
	p := []param{
		{name: "trees", low: 1, high: 2_000, count: &f.Trees},
		{name: "min_leaf", low: 1, high: 1e6, count: &f.MinLeaf},
		{name: "feature_share", low: 0, open: true, high: 1, real: &f.FeatureShare},
		{name: "max_depth", low: 1, high: model.MaxDepth, count: &f.MaxDepth},
		{name: "bins", low: 2, high: tree.MostBins, count: &f.Bins},
		{name: "out_of_bag", form: toggle{&f.OutOfBag}},
		{name: "balanced_bootstrap", form: toggle{&f.Balanced}},
		{name: "class_weight", form: weighing{&f.ClassWeight}},
	}
	if f.Extra {
		p = append(p, param{name: "bootstrap", form: toggle{&f.Bootstrap}})
	}
	return p
}

// faults are what is wrong with the parameters together.
func (f Forest) faults() []fault.Detail {
	if f.OutOfBag && !f.sampled() {
		return []fault.Detail{{Field: "out_of_bag", Code: "not_used", Expected: "only with bootstrap: true, since else every tree sees every row"}}
	}
	return nil
}

// params are the parameters of a linear model.
func (l *Linear) params() []param {
	return []param{
		{name: "C", low: leastC, high: greatestC, real: &l.C},
		{name: "l1_ratio", low: 0, high: 1, real: &l.L1Ratio},
		{name: "class_weight", form: weighing{&l.ClassWeight}},
	}
}

// Params has the fields that are set.
func (b Boosting) Params() map[string]any { return values(b.params()) }

// Params has the fields that are set.
func (f Forest) Params() map[string]any { return values(f.params()) }

// values are the fields that are not left open.
func values(params []param) map[string]any {
	out := map[string]any{}
	for _, p := range params {
		switch {
		case p.count != nil && *p.count != 0:
			out[p.name] = *p.count
		case p.real != nil && *p.real != 0:
			out[p.name] = *p.real
			if p.name == "l2" {
				out[p.name] = max(*p.real, 0) // a negative penalty means none
			}
		case p.form != nil && p.form.value() != nil:
			out[p.name] = p.form.value()
		}
	}
	return out
}

// Parse makes an estimator of an algorithm's name and parameters as JSON gives them. The error names every parameter that is unknown,
// with the one that was probably meant, of the wrong type, or out of its range.
func Parse(algorithm string, params map[string]any) (Estimator, error) {
	var b Boosting
	var f Forest
	var l Linear
	var known []param
	switch algorithm {
	case "baseline":
	case "vote":
		return parseVote(params)
	case "linear":
		known = l.params()
	case "boosting":
		known = b.params()
	case "forest", "extra_trees":
		f.Extra = algorithm == "extra_trees"
		known = f.params()
	default:
		d := fault.Detail{Field: "algorithm", Code: "unknown", Got: algorithm, Expected: fmt.Sprintf("one of %q", Algorithms)}
		if near := model.Nearest(algorithm, Algorithms); near != "" {
			d.Expected = "perhaps " + near
		}
		return nil, fault.Invalidf("there is no algorithm %.64q", algorithm).With(d)
	}
	if problems := append(set(known, params), f.faults()...); len(problems) > 0 {
		return nil, fault.Invalidf("the parameters of %s cannot be used", algorithm).With(problems...)
	}
	switch algorithm {
	case "linear":
		return l, nil
	case "boosting":
		if v, given := params["l2"]; given && b.L2 == 0 && v != nil {
			b.L2 = -1 // 0 would leave it to the table's size
		}
		return b, nil
	case "forest", "extra_trees":
		return f, nil
	}
	return Baseline{}, nil
}

// set stores values in the fields of known parameters and names every problem, by parameter.
func set(known []param, values map[string]any) (problems []fault.Detail) {
	var names []string
	for _, p := range known {
		names = append(names, p.name)
	}
	for name, v := range values {
		at := slices.Index(names, name)
		if at < 0 {
			d := fault.Detail{Field: name, Code: "unknown", Expected: fmt.Sprintf("one of %q", names)}
			if near := model.Nearest(name, names); near != "" {
				d.Expected = "perhaps " + near
			}
			if len(names) == 0 {
				d.Expected = "no parameters"
			}
			problems = append(problems, d)
			continue
		}
		problems = append(problems, known[at].set(v)...)
	}
	sort.SliceStable(problems, func(i, j int) bool { return problems[i].Field < problems[j].Field })
	return problems
}

// set stores v, or says what is wrong with it.
func (p param) set(v any) []fault.Detail {
	if p.form != nil {
		return p.form.read(p.name, v)
	}
	d := fault.Detail{Field: p.name, Code: model.CodeWrongType, Got: v, Expected: p.expected()}
	x, ok := asNumber(v)
	if !ok || p.count != nil && x != math.Trunc(x) {
		return []fault.Detail{d}
	}
	if !(x >= p.low && x <= p.high) || p.open && x == p.low || p.under && x == p.high {
		d.Code, d.Got = "out_of_range", fmt.Sprint(x)
		return []fault.Detail{d}
	}
	if p.count != nil {
		*p.count = int(x)
	} else {
		*p.real = x
	}
	return nil
}

// expected is the parameter's range in words.
func (p param) expected() string {
	if p.form != nil {
		return p.form.expected()
	}
	kind := "a number"
	if p.count != nil {
		kind = "a whole number"
	}
	bracket := "["
	if p.open {
		bracket = "("
	}
	if p.under {
		return fmt.Sprintf("%s in %s%g, %g)", kind, bracket, p.low, p.high)
	}
	return fmt.Sprintf("%s in %s%g, %g]", kind, bracket, p.low, p.high)
}

// Resolve decides what an estimator leaves to the task and the size of the table, so that folds of a table, and the whole of it, are
// fitted alike and Params says what was done. An estimator that leaves nothing open is returned as it is.
func Resolve(e Estimator, d *Data) Estimator {
	return resolve(e, d.Labels.Task, d.Rows, len(d.Features), d.outputs())
}

// resolve is Resolve for a table of so many rows, features and raw scores.
func resolve(e Estimator, task dataset.Task, rows, features, scores int) Estimator {
	switch e := e.(type) {
	case Boosting:
		return e.resolve(task, rows)
	case Forest:
		return e.resolve(task, rows, features, scores)
	case Linear:
		e.C = e.c()
		return e
	case Vote:
		return e.resolve(task, rows, features, scores)
	case Engineered:
		return Engineered{Recipe: e.Recipe, Inner: resolve(e.Inner, task, rows, features, scores)}
	}
	return e
}

// Check reports, before anything is fitted, why e cannot be fitted to d, as far as that can be known; parameters of an Engineered estimator that speak
// of engineered features are seen only when it is fitted.
func Check(e Estimator, d *Data) error {
	if c, ok := e.(interface{ Check(*Data) error }); ok {
		return c.Check(d)
	}
	return nil
}

// asNumber is a number as JSON or YAML gives it.
func asNumber(v any) (float64, bool) {
	switch t := v.(type) {
	case float64:
		return t, true
	case int:
		return float64(t), true
	case int64:
		return float64(t), true
	case uint64:
		return float64(t), true
	case json.Number:
		n, err := t.Float64()
		return n, err == nil
	}
	return 0, false
}
