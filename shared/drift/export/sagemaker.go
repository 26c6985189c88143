// Package export writes drift reports in the formats that other monitors of models write, so that what reads those reads these: SageMaker Model
// Monitor's constraints, violations and statistics, and its CloudWatch metrics.
package export

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/number"
)

// Constraints is SageMaker's constraints.json: what the reference promises of every feature
// (docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html).
type Constraints struct {
	Version    int                 `json:"version"`
	Features   []FeatureConstraint `json:"features"`
	Monitoring MonitoringConfig    `json:"monitoring_config"`
}

// FeatureConstraint is one feature's part.
type FeatureConstraint struct {
	Name         string             `json:"name"`
	Type         string             `json:"inferred_type"` // Integral, Fractional, String, Unknown
	Completeness number.Float       `json:"completeness"`  // share of rows with a value
	Numbers      *NumConstraints    `json:"num_constraints,omitempty"`
	Strings      *StringConstraints `json:"string_constraints,omitempty"`
}

// NumConstraints are those of a number.
type NumConstraints struct {
	NonNegative bool `json:"is_non_negative"`
}

// StringConstraints are those of a category: the levels that were seen.
type StringConstraints struct {
	Domains []string `json:"domains"`
}

// MonitoringConfig is how SageMaker would hold data against the constraints.
type MonitoringConfig struct {
	Evaluate     string       `json:"evaluate_constraints"`
	Emit         string       `json:"emit_metrics"`
	Datatype     number.Float `json:"datatype_check_threshold"`
	Domain       number.Float `json:"domain_content_threshold"`
	Distribution Distribution `json:"distribution_constraints"`
}

// Distribution is its comparison of distributions.
type Distribution struct {
	Perform     string       `json:"perform_comparison"`
	Threshold   number.Float `json:"comparison_threshold"`
	Method      string       `json:"comparison_method"`
	Categorical number.Float `json:"categorical_comparison_threshold"`
	CatMethod   string       `json:"categorical_drift_method"`
}

// NewConstraints are the constraints that a profile stands for, with the policy's thresholds where SageMaker has a place for them.
func NewConstraints(p *drift.Profile, pol drift.Policy) Constraints {
	threshold := number.Float(pol.MinEffect)
	c := Constraints{Features: []FeatureConstraint{}, Monitoring: MonitoringConfig{Evaluate: "Enabled", Emit: "Enabled", Datatype: number.Float(1 - pol.MinMissing), Domain: number.Float(1 - pol.MinNewCategory),
		Distribution: Distribution{Perform: "Enabled", Threshold: threshold, Method: "Robust", Categorical: threshold, CatMethod: "ChiSquared"}}}
	for _, f := range p.Features {
		one := FeatureConstraint{Name: f.Name, Type: typeOf(f), Completeness: share(f.Rows-f.Missing, f.Rows)}
		if f.Kind == dataset.Numeric {
			one.Numbers = &NumConstraints{NonNegative: f.Min.Finite() && f.Min >= 0}
		} else {
			one.Strings = &StringConstraints{Domains: f.Levels}
		}
		c.Features = append(c.Features, one)
	}
	return c
}

func typeOf(f drift.FeatureProfile) string {
	switch {
	case f.Rows == f.Missing:
		return "Unknown"
	case f.Kind == dataset.Categorical:
		return "String"
	case f.Integer:
		return "Integral"
	}
	return "Fractional"
}

func share(part, whole int) number.Float {
	if whole == 0 {
		return 0
	}
	return number.Float(float64(part) / float64(whole))
}

// Violations is SageMaker's constraint_violations.json
// (docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html).
type Violations struct {
	Violations []Violation `json:"violations"`
}

// Violation is one of them.
type Violation struct {
	Feature     string `json:"feature_name"`
	Check       string `json:"constraint_check_type"`
	Description string `json:"description"`
}

// checks are SageMaker's names of what our findings found. A change of unit, a constant and a change of the predictions have no name of their
// own there: they are changes of a distribution. An infinity is no number to SageMaker.
var checks = map[string]string{
	drift.Covariate: "baseline_drift_check", drift.Prediction: "baseline_drift_check", drift.UnitChange: "baseline_drift_check", drift.Constant: "baseline_drift_check",
	drift.VanishedCategory: "baseline_drift_check", drift.Joint: "baseline_drift_check", drift.Domain: "baseline_drift_check",
	drift.Target: "baseline_drift_check", drift.SegmentShare: "baseline_drift_check", drift.SegmentDrift: "baseline_drift_check", drift.SegmentLoss: "baseline_drift_check", drift.Duplicates: "baseline_drift_check",
	drift.RowCount: "baseline_drift_check", drift.UnmatchedLabel: "completeness_check", drift.OneClass: "categorical_values_check", drift.UnknownClass: "categorical_values_check",
	drift.NegativeTarget: "data_type_check", drift.BadPrediction: "data_type_check", drift.MissingRate: "completeness_check", drift.AllNull: "completeness_check", drift.NewCategory: "categorical_values_check",
	drift.WrongType: "data_type_check", drift.NonFinite: "data_type_check", drift.MissingColumn: "missing_column_check",
	drift.ExtraColumn: "extra_column_check", drift.ColumnType: "data_type_check", drift.EmptyReference: "completeness_check",
}

// NewViolations are the findings of a report, in its order, and columns that the model does not know, if any. A finding of a kind that is not
// known here counts as drift: nothing found is left out but the order of the columns.
func NewViolations(r *drift.Report, extra []string) Violations {
	v := Violations{Violations: []Violation{}}
	for _, f := range r.Findings {
		if f.Kind == drift.ColumnOrder {
			continue // nothing there goes by the order
		}
		check := checks[f.Kind]
		if check == "" {
			check = "baseline_drift_check"
		}
		v.Violations = append(v.Violations, Violation{f.Feature, check, f.Text})
	}
	for _, name := range extra {
		v.Violations = append(v.Violations, Violation{name, "extra_column_check", fmt.Sprintf("%s is sent and the model does not know it", name)})
	}
	return v
}

// Statistics is SageMaker's statistics.json. The distribution is what its kll element calls buckets; its sketch is left out.
type Statistics struct {
	Version int `json:"version"`
	Dataset struct {
		Items int `json:"item_count"`
	} `json:"dataset"`
	Features []FeatureStatistics `json:"features"`
}

// FeatureStatistics is one feature's part; one of the two is set.
type FeatureStatistics struct {
	Name    string         `json:"name"`
	Type    string         `json:"inferred_type"`
	Numbers *NumStatistics `json:"numerical_statistics,omitempty"`
	Strings *StrStatistics `json:"string_statistics,omitempty"`
}

// Common is how many values there are.
type Common struct {
	Present int `json:"num_present"`
	Missing int `json:"num_missing"`
}

// NumStatistics are those of a number. What a window's report does not know (deviation and extremes) is left out there.
type NumStatistics struct {
	Common       Common        `json:"common"`
	Mean         *number.Float `json:"mean,omitempty"`
	Sum          *number.Float `json:"sum,omitempty"`
	SD           *number.Float `json:"std_dev,omitempty"`
	Min          *number.Float `json:"min,omitempty"`
	Max          *number.Float `json:"max,omitempty"`
	Distribution struct {
		KLL struct {
			Buckets []Bucket `json:"buckets"`
		} `json:"kll"`
	} `json:"distribution"`
}

// Bucket is a range of numbers and how many lie in it.
type Bucket struct {
	Lower number.Float `json:"lower_bound"`
	Upper number.Float `json:"upper_bound"`
	Count int          `json:"count"`
}

// StrStatistics are those of a category.
type StrStatistics struct {
	Common       Common `json:"common"`
	Distinct     int    `json:"distinct_count"`
	Distribution struct {
		Categorical struct {
			Buckets []LevelCount `json:"buckets"`
		} `json:"categorical"`
	} `json:"distribution"`
}

// LevelCount is a level and how many rows have it.
type LevelCount struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// finite is v where it is a number: JSON of SageMaker has no other.
func finite(v number.Float) *number.Float {
	if !v.Finite() {
		return nil
	}
	return &v
}

// ReferenceStatistics are the statistics of what a model was trained on.
func ReferenceStatistics(p *drift.Profile) Statistics {
	s := Statistics{Features: []FeatureStatistics{}}
	s.Dataset.Items = p.Rows
	for _, f := range p.Features {
		common := Common{f.Rows - f.Missing, f.Missing}
		one := FeatureStatistics{Name: f.Name, Type: typeOf(f)}
		if f.Kind == dataset.Numeric {
			one.Numbers = &NumStatistics{Common: common, Mean: finite(f.Mean), Sum: finite(f.Mean * number.Float(common.Present-f.Infinite)), SD: finite(f.SD), Min: finite(f.Min), Max: finite(f.Max)}
			one.Numbers.Distribution.KLL.Buckets = buckets(f.Edges, f.Counts, f.Min, f.Max)
		} else {
			one.Strings = &StrStatistics{Common: common, Distinct: f.Distinct}
			for i, level := range f.Levels {
				one.Strings.Distribution.Categorical.Buckets = append(one.Strings.Distribution.Categorical.Buckets, LevelCount{level, f.Counts[i]})
			}
			if f.Other > 0 {
				one.Strings.Distribution.Categorical.Buckets = append(one.Strings.Distribution.Categorical.Buckets, LevelCount{"(other)", f.Other})
			}
		}
		s.Features = append(s.Features, one)
	}
	return s
}

// buckets are bins between edges; the two open ones end where the values do.
func buckets(edges []number.Float, counts []int, least, most number.Float) []Bucket {
	out := []Bucket{}
	for i, n := range counts {
		if n == 0 {
			continue
		}
		b := Bucket{Lower: least, Upper: most, Count: n}
		if i > 0 && i-1 < len(edges) {
			b.Lower = edges[i-1]
		}
		if i < len(edges) {
			b.Upper = edges[i]
		}
		if b.Lower.Finite() && b.Upper.Finite() {
			out = append(out, b)
		}
	}
	return out
}

// WindowStatistics are the statistics of a window, as far as its report knows them; the model's own answers are not among them.
func WindowStatistics(p *drift.Profile, r *drift.Report) Statistics {
	s := Statistics{Features: []FeatureStatistics{}}
	s.Dataset.Items = r.NCurrent
	for _, f := range p.Features {
		c := r.Columns[f.Name]
		if c == nil {
			continue
		}
		missing := 0
		if c.MissingCurrent.Finite() {
			missing = int(math.Round(float64(c.MissingCurrent) * float64(r.NCurrent)))
		}
		common := Common{r.NCurrent - missing, missing}
		one := FeatureStatistics{Name: f.Name, Type: typeOf(f)}
		if f.Kind == dataset.Numeric {
			one.Numbers = &NumStatistics{Common: common, Mean: finite(c.MeanCurrent), Sum: finite(c.MeanCurrent * number.Float(c.NCurrent))}
			if h := c.Histogram; h != nil {
				low, high := f.Min, f.Max // the open ends: the report knows no further
				one.Numbers.Distribution.KLL.Buckets = buckets(h.Edges, counted(h.Current, c.NCurrent), low, high)
			}
		} else {
			one.Strings = &StrStatistics{Common: common}
			if h := c.Histogram; h != nil {
				for i, n := range counted(h.Current, c.NCurrent) {
					if n > 0 && i < len(h.Labels) {
						one.Strings.Distinct++
						one.Strings.Distribution.Categorical.Buckets = append(one.Strings.Distribution.Categorical.Buckets, LevelCount{h.Labels[i], n})
					}
				}
			}
		}
		s.Features = append(s.Features, one)
	}
	return s
}

// counted turns shares of n values back into whole numbers.
func counted(shares []number.Float, n int) []int {
	out := make([]int, len(shares))
	for i, v := range shares {
		if v.Finite() {
			out[i] = int(math.Round(float64(v) * float64(n)))
		}
	}
	return out
}

// features are the names of a report's columns, ascending, the model's own answers apart.
func features(r *drift.Report) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.Columns)), func(name string) bool { return name == drift.PredictionColumn })
}
