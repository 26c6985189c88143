package drift

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// MaxProfile is the size in bytes beyond which a profile's JSON is not read: 5,000 features of 1,000 levels of ten bytes.
const MaxProfile = 64 << 20

// IsProfile reports whether b is, or may have been meant for, the JSON of a profile: one object with a format and a list of features.
func IsProfile(b []byte) bool {
	var p struct {
		Format   *int              `json:"format"`
		Features []json.RawMessage `json:"features"`
	}
	return json.Unmarshal(b, &p) == nil && p.Format != nil && p.Features != nil
}

// ReadProfile reads a profile's JSON (as encoding/json writes it) and checks it. The error, Invalid, names what is wrong with it.
func ReadProfile(b []byte) (*Profile, error) {
	if len(b) > MaxProfile {
		return nil, fault.Invalidf("read a drift profile of %d bytes: at most %d", len(b), MaxProfile).WithCode(fault.CodeTooLarge)
	}
	var p Profile
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fault.Invalidf("read a drift profile: it is not the JSON of one").Because(err)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Validate names everything in the profile that contradicts itself, so that a stored one can be trusted not to lead astray.
func (p *Profile) Validate() error {
	var d []fault.Detail
	add := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if p.Format != format {
		add("format", "unsupported", p.Format, fmt.Sprint(format))
	}
	if n := len(p.Features); n == 0 || n > maxFeatures {
		add("features", "out_of_range", n, fmt.Sprintf("1 to %d", maxFeatures))
	}
	if !(p.Threshold >= 0 && p.Threshold <= 1) {
		add("threshold", "out_of_range", p.Threshold, "0 to 1")
	}
	seen := map[string]bool{}
	for i := range p.Features {
		f := &p.Features[i]
		if f.Name == "" || seen[f.Name] {
			add(f.Name, "duplicate_name", i, "distinct, non-empty names")
		}
		seen[f.Name] = true
		f.check(p.Rows, add)
	}
	if p.Joint != nil {
		d = append(d, p.Joint.Problems()...)
	}
	w := width(p.Task, len(p.Classes))
	switch p.Task {
	case "", dataset.Regression:
	case dataset.Binary, dataset.Multiclass:
		if w < 2 || w > maxClasses || p.Task == dataset.Binary && w != 2 {
			add("classes", "out_of_range", w, "2 for a binary task, more for a multiclass one")
		}
	default:
		add("task", "unknown", p.Task, "binary, multiclass or regression")
	}
	if p.Prediction != nil {
		p.Prediction.check(p.Rows, add)
		if kind := p.Prediction.Kind; p.Task == "" || (kind == dataset.Categorical) != (p.Task == dataset.Multiclass) {
			add("prediction", "wrong_type", kind.String(), "what the task answers")
		}
	}
	if p.Target != nil {
		p.Target.check(p.Target.Rows, add)
		if kind := p.Target.Kind; p.Task == "" || (kind == dataset.Numeric) != (p.Task == dataset.Regression) {
			add("target", "wrong_type", kind.String(), "what the task answers")
		}
	}
	within := 0
	for i := range p.Segments {
		p.Segments[i].check(p, add)
		for _, g := range p.Segments[i].Groups {
			within += min(len(g.Within), 1)
		}
	}
	if len(p.Segments) > maxDeclared+maxAutomatic || within > maxWithin {
		add("segments", "too_many", len(p.Segments), fmt.Sprintf("at most %d, and features watched in %d groups", maxDeclared+maxAutomatic, maxWithin))
	}
	if d := p.Repeated; d != nil && (d.Repeated < 0 || d.Repeated > d.Rows || d.Rows > p.Rows) {
		add("repeated", "contradiction", d.Repeated, "at most as many as there are rows")
	}
	if q := p.Performance; q != nil {
		if p.Prediction == nil || q.Metric != metricOf(p.Task) || q.N < 1 || float64(q.N) > maxCount {
			add("performance", "contradiction", q.Metric, "the task's metric, on predictions")
		}
		if _, measured := q.Metrics[q.Metric]; !measured {
			add("performance", "missing", q.Metric, "the metric among the metrics")
		}
		if n := len(q.Calibration); p.Task == dataset.Binary && n != 1 || p.Task == dataset.Multiclass && n != w {
			add("performance", "wrong_length", n, "a calibration for each class, one for two")
		}
		if q.Error != nil {
			if err := q.Error.read(); err != nil || p.Task != dataset.Regression {
				add("performance", "contradiction", "error", fmt.Sprintf("a regression's model of its error, in its stored form (%v)", err))
			}
		}
		for _, name := range sortedKeys(q.Offsets) {
			if !q.Offsets[name].Finite() {
				add("performance", "non_finite", name, "finite offsets")
			}
		}
		for _, c := range q.Calibration {
			if len(c.X) != len(c.Y) || !ascends(c.X, true) || !ascends(c.Y, false) || slices.ContainsFunc(c.Y, func(v number.Float) bool { return v < 0 || v > 1 }) {
				add("performance", "out_of_order", len(c.X), "knots that ascend, within [0, 1]")
			}
		}
	}
	if d != nil {
		return fault.Invalidf("the drift profile of %q contradicts itself", p.Model).With(d...)
	}
	return nil
}

// check finds contradictions within one column's profile.
func (f *FeatureProfile) check(rows int, add func(field, code string, got any, expected string)) {
	cells := len(f.Levels)
	if f.Kind == dataset.Numeric {
		cells = len(f.Edges) + 1
		if !ascends(f.Edges, true) {
			add(f.Name, "out_of_order", len(f.Edges), "finite edges that ascend")
		}
		if n := f.Rows - f.Missing - f.Infinite; f.Zeros < 0 || f.Zeros > n {
			add(f.Name, "out_of_range", f.Zeros, "as many zeros as values, or fewer")
		}
		if !f.Mean.Finite() && len(f.Edges) > 0 {
			add(f.Name, "non_finite", f.Mean.String(), "a finite mean")
		}
	} else if f.Kind != dataset.Categorical {
		add(f.Name, "unknown", f.Kind.String(), "numeric or categorical")
	}
	for i, n := range f.Noise {
		fine := n.Rows > 0 && n.Parts >= leastParts && (i == 0 || n.Rows > f.Noise[i-1].Rows) && n.Novel >= 0 && n.Novel <= 1 && n.Absent >= 0 && n.Absent <= 1 && n.Far >= 0 && n.Far <= 1
		for _, v := range []number.Float{n.Shape, n.DF, n.Rank, n.Missing} {
			fine = fine && v.Finite() && v >= 1
		}
		if !fine {
			add(f.Name, "out_of_range", i, "noise of eight parts or more, by ascending rows, of finite effects of at least 1 and shares in [0, 1]")
			break
		}
	}
	for i := 1; i < len(f.Levels); i++ {
		if f.Levels[i-1] >= f.Levels[i] {
			add(f.Name, "out_of_order", f.Levels[i], "distinct levels in ascending order")
			break
		}
	}
	if len(f.Counts) != cells {
		add(f.Name, "wrong_length", len(f.Counts), fmt.Sprintf("%d counts", cells))
	}
	total, negative := f.Missing+f.Infinite+f.Other, f.Missing < 0 || f.Infinite < 0 || f.Other < 0
	for _, n := range f.Counts {
		total += n
		negative = negative || n < 0
	}
	if negative || total != f.Rows || f.Rows != rows || float64(rows) > maxCount {
		add(f.Name, "contradiction", total, fmt.Sprintf("counts that add up to %d rows", rows))
	}
}

// ascends reports whether v is finite and in order.
func ascends(v []number.Float, strictly bool) bool {
	for i, x := range v {
		if !x.Finite() || i > 0 && (x < v[i-1] || strictly && x == v[i-1]) {
			return false
		}
	}
	return true
}

// sortedKeys are the keys of m in ascending order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// nan is what a report says of a figure that does not exist.
var nan = number.Float(math.NaN())
