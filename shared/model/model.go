// Package model is what a training leaves behind and a serving process loads: a fitted predictor with the columns it reads, the
// classes it tells apart, and one binary form. It scores without allocating, explains a score cheaply, and links no training code.
package model

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Limits on what a model may hold. Decode refuses more, so that a hostile or damaged artefact cannot exhaust memory or time.
const (
	MaxBytes    = 64 << 20 // of one artefact
	MaxFeatures = 5_000    // columns read
	MaxLevels   = 65_536   // levels of one categorical column
	MaxClasses  = 1_000    // classes told apart
	MaxName     = 1 << 20  // bytes of one name or level
	MaxDepth    = 128      // splits between the root of a tree and a leaf
	MaxTrees    = 100_000  // trees of one ensemble
	MaxWeight   = 1e100    // magnitude of a weight: small enough that no score of clamped inputs overflows
	MaxValue    = 1e150    // magnitude of an input: greater ones, infinities too, count as this much
)

// Feature is one column that a model reads, as it was in training.
type Feature struct {
	Name       string       `json:"name"`
	Kind       dataset.Kind `json:"kind"`
	Integer    bool         `json:"integer,omitempty"` // numeric: every training value was whole
	Levels     []string     `json:"levels,omitempty"`  // categorical: sorted, distinct; a value's code is its index
	Min        float64      `json:"min"`               // numeric: least training value, 0 when all were missing
	Max        float64      `json:"max"`               // numeric: greatest training value, 0 when all were missing
	Missing    float64      `json:"missing"`           // share of training rows without a value, in [0, 1]
	Importance float64      `json:"importance"`        // loss of the primary metric when the column is permuted, >= 0
}

// Nullable reports whether training saw rows without a value, so that a record may leave the column out.
func (f Feature) Nullable() bool { return f.Missing > 0 }

// Predictor scores one row.
//
// x holds one number a feature, in the order of Model.Features: a numeric value, or the index of a categorical level; -1 is a level
// that training never saw, NaN a missing value. dst receives the probabilities of the classes in order (binary: [p0, p1]) or one
// value. Both have exactly the length agreed (Width for dst); a shorter one panics. Predict neither allocates nor writes to the
// predictor, so it may be called from many goroutines at once. Whatever x holds, probabilities are finite and sum to 1.
type Predictor interface {
	Predict(dst, x []float64)
	Width() int
}

// Explainer is a Predictor whose raw score is a sum over features.
//
// A raw score is what the link function turns into a probability: log-odds for binary, one score a class for multiclass (softmax),
// the value itself, or its logarithm, for regression.
type Explainer interface {
	Predictor
	Outputs() int         // number of raw scores: 1, or one a class
	Raw(dst, x []float64) // the raw scores of x; len(dst) = Outputs()
	// Explain writes Outputs() rows of len(x)+1 numbers: what each feature adds to that raw score, and last the base that a row
	// without peculiarities would get. Each row sums to the raw score, up to rounding.
	Explain(dst, x []float64)
	Attribution() string // the name of the method, for whoever shows the numbers
}

// Model is a fitted predictor with everything needed to feed and read it.
type Model struct {
	Task      dataset.Task
	Target    string   // the column, or comparison, that is predicted
	Classes   []string // binary: [negative, positive]; nil for regression
	Algorithm string   // linear, boosting, forest, vote, baseline
	Features  []Feature
	Predictor Predictor
	Threshold float64 // binary: positive when its probability is at least this; customarily 0.5
}

// Width is how many numbers Predict writes: one a class, or one value.
func (m *Model) Width() int { return width(m.Task, len(m.Classes)) }

// Predict scores one row; see Predictor.
func (m *Model) Predict(dst, x []float64) { m.Predictor.Predict(dst, x) }

// Class is the index of the class that a prediction means: for binary 1 when p[1] >= Threshold, for multiclass the most probable
// (the first of equals), for regression -1.
func (m *Model) Class(p []float64) int {
	switch m.Task {
	case dataset.Binary:
		if p[1] >= m.Threshold {
			return 1
		}
		return 0
	case dataset.Multiclass:
		best := 0
		for i, v := range p {
			if v > p[best] {
				best = i
			}
		}
		return best
	}
	return -1
}

// Contribution is what one feature adds to a raw score.
type Contribution struct {
	Feature string  `json:"feature"`
	Value   float64 `json:"value"` // in units of the raw score: log-odds, class score, or the target's own unit (of a Log link: its logarithm)
}

// Explanation is the raw score of one row, taken apart.
type Explanation struct {
	Method        string         `json:"method"`          // how the parts were found
	Class         string         `json:"class,omitempty"` // whose score it is; "" for regression
	Base          float64        `json:"base"`            // the score of a row that is average in every feature
	Score         float64        `json:"score"`           // base + sum of contributions
	Contributions []Contribution `json:"contributions"`   // greatest magnitude first
}

// Explain takes the score of one class apart (binary: always the positive class; regression: class is ignored). It is local and cheap,
// one pass over the predictor, and says what the model did, not what causes what. ok is false when the predictor cannot explain itself.
func (m *Model) Explain(x []float64, class int) (e Explanation, ok bool) {
	p, ok := m.Predictor.(Explainer)
	if !ok {
		return Explanation{}, false
	}
	switch {
	case m.Task == dataset.Binary:
		class = 1
		e.Class = m.Classes[1]
	case m.Task == dataset.Multiclass && (class < 0 || class >= len(m.Classes)):
		return Explanation{}, false
	case m.Task == dataset.Multiclass:
		e.Class = m.Classes[class]
	}
	n := len(m.Features)
	all := make([]float64, p.Outputs()*(n+1))
	p.Explain(all, x)
	row := all[:n+1]
	if m.Task == dataset.Multiclass {
		row = all[class*(n+1) : (class+1)*(n+1)]
	}
	e.Method, e.Base, e.Score = p.Attribution(), row[n], row[n]
	for i, f := range m.Features {
		e.Score += row[i]
		e.Contributions = append(e.Contributions, Contribution{Feature: f.Name, Value: row[i]})
	}
	slices.SortStableFunc(e.Contributions, func(a, b Contribution) int { return cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)) })
	return e, true
}

// width is the number of values a predictor of a task writes.
func width(task dataset.Task, classes int) int {
	if task == dataset.Regression {
		return 1
	}
	return classes
}

// outputs is the number of raw scores of a task.
func outputs(task dataset.Task, classes int) int {
	if task == dataset.Multiclass {
		return classes
	}
	return 1
}

// Check reports everything that makes a model unfit to be stored or used. Encode and Decode both call it.
func (m *Model) Check() error {
	var d []fault.Detail
	bad := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	switch k := len(m.Classes); {
	case m.Task == dataset.Binary && k != 2:
		bad("classes", "out_of_range", k, "2 classes for a binary task")
	case m.Task == dataset.Multiclass && (k < 2 || k > MaxClasses):
		bad("classes", "out_of_range", k, "2 to 1,000 classes for a multiclass task")
	case m.Task == dataset.Regression && k != 0:
		bad("classes", "out_of_range", k, "no classes for a regression task")
	case m.Task != dataset.Binary && m.Task != dataset.Multiclass && m.Task != dataset.Regression:
		bad("task", "unknown", string(m.Task), "binary, multiclass or regression")
	}
	if !(m.Threshold >= 0 && m.Threshold <= 1) {
		bad("threshold", "out_of_range", m.Threshold, "a number in [0, 1]")
	}
	if n := len(m.Features); n < 1 || n > MaxFeatures {
		bad("features", "out_of_range", n, "1 to 5,000 features")
	}
	names := make(map[string]bool, len(m.Features))
	for _, f := range m.Features {
		if f.Name == "" || len(f.Name) > MaxName || names[f.Name] {
			bad(f.Name, "bad_name", nil, "a name that no other feature has")
		}
		names[f.Name] = true
		f.check(bad)
	}
	if len(d) == 0 {
		if p, ok := m.Predictor.(interface{ check(*Model) error }); !ok {
			bad("predictor", "wrong_type", nil, "a predictor of this package")
		} else if err := p.check(m); err != nil {
			return err
		}
	}
	if len(d) > 0 {
		return fault.Invalidf("the model for %q is not well formed", m.Target).With(d...)
	}
	return nil
}

// check reports what is wrong with one feature.
func (f Feature) check(bad func(field, code string, got any, expected string)) {
	switch {
	case f.Kind != dataset.Numeric && f.Kind != dataset.Categorical:
		bad(f.Name, "wrong_type", f.Kind, "numeric or categorical")
	case f.Kind == dataset.Numeric && len(f.Levels) > 0:
		bad(f.Name, "out_of_range", len(f.Levels), "no levels in a numeric feature")
	case len(f.Levels) > MaxLevels:
		bad(f.Name, "out_of_range", len(f.Levels), "at most 65,536 levels")
	}
	for i := range f.Levels {
		if i > 0 && f.Levels[i-1] >= f.Levels[i] {
			bad(f.Name, "unsorted", f.Levels[i], "levels in ascending order, each once")
			break
		}
	}
	if !within(f.Min, MaxValue) || !within(f.Max, MaxValue) || !within(f.Importance, MaxValue) {
		bad(f.Name, "non_finite", nil, "a finite range and importance")
	}
	if !(f.Missing >= 0 && f.Missing <= 1) {
		bad(f.Name, "out_of_range", f.Missing, "a missing share in [0, 1]")
	}
}

// within reports whether v is a number of magnitude at most limit.
func within(v, limit float64) bool { return math.Abs(v) <= limit }

var _ = []Explainer{(*Linear)(nil), (*Trees)(nil), (*Baseline)(nil), (*Pipeline)(nil), (*Vote)(nil), (*Calibrated)(nil)}
