package selection

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"mlops/shared/fault"
)

// Policy is the rule, as selection.yaml holds it. DefaultPolicy says where each default comes from.
type Policy struct {
	Order          []string `json:"order" yaml:"order"`                     // criteria, the first decides first: drift, score, freshness, rows, positives, warnings; one left out decides nothing
	MinRows        int      `json:"min_rows" yaml:"min_rows"`               // fewer rows: refused
	MinPositives   int      `json:"min_positives" yaml:"min_positives"`     // fewer of the rarest class: refused
	MaxAgeDays     float64  `json:"max_age_days" yaml:"max_age_days"`       // older: refused; 0 = of any age
	SameFeatures   bool     `json:"same_features" yaml:"same_features"`     // refuse other features than the version that serves
	DriftTolerance float64  `json:"drift_tolerance" yaml:"drift_tolerance"` // difference in the share of drifted features that does not count
	ScoreErrors    float64  `json:"score_errors" yaml:"score_errors"`       // standard errors of the difference of two scores that do not count
	FreshDays      float64  `json:"fresh_days" yaml:"fresh_days"`           // difference in age that does not count; the label delay where that is longer
	CountTolerance float64  `json:"count_tolerance" yaml:"count_tolerance"` // difference in rows, as a share of the most, that does not count
	TrafficDays    int      `json:"traffic_days" yaml:"traffic_days"`       // how far back live traffic is looked at
	TrafficRows    int      `json:"traffic_rows" yaml:"traffic_rows"`       // and how many rows of it at least make a measure; the newest 20,000 count
	Candidates     int      `json:"candidates" yaml:"candidates"`           // how many versions are looked at, the newest; a pinned one always
}

// DefaultPolicy is used where nothing else is configured.
func DefaultPolicy() Policy {
	return Policy{
		Order:          []string{"drift", "score", "freshness", "rows", "positives", "warnings"}, // ours: first what the model will meet, then how well it can be learnt, then how new it is
		MinRows:        50,                                                                       // the least that the drift of this platform tells anything by (drift.Policy.MinRows)
		MinPositives:   10,                                                                       // ten events a coefficient: Peduzzi et al., J. Clin. Epidemiol. 49 (1996)
		MaxAgeDays:     0,                                                                        // ours: age alone is no fault where nothing newer is better
		SameFeatures:   true,                                                                     // clients send the features of the version that serves
		DriftTolerance: 0.1,                                                                      // ours: one feature in ten
		ScoreErrors:    2,                                                                        // of the difference of two means on different rows: 95 % of the differences that are none (one, as for candidates on the same rows, would pass over one newer upload in six by chance)
		FreshDays:      7,                                                                        // the period of the scheduled retraining
		CountTolerance: 0.1,                                                                      // ours: a tenth more rows narrows an interval by a twentieth
		TrafficDays:    7,                                                                        // a week, so that each weekday is in it
		TrafficRows:    50,                                                                       // as MinRows
		Candidates:     20,                                                                       // ours: their manifests and profiles are read within one request
	}
}

// Validate names every figure that is out of its range, and every criterion that is not known or stands twice.
func (p Policy) Validate() error {
	var d []fault.Detail
	bound := func(field string, v, low, high float64) {
		if math.IsNaN(v) || v < low || v > high {
			d = append(d, fault.Detail{Field: field, Code: "out_of_range", Got: fmt.Sprint(v), Expected: fmt.Sprintf("%g to %g", low, high)})
		}
	}
	for i, name := range p.Order {
		if _, ok := criteria[name]; !ok {
			d = append(d, fault.Detail{Field: "order", Code: "unknown_value", Got: fmt.Sprintf("%.40s", name), Expected: "drift, score, freshness, rows, positives or warnings"})
		} else if slices.Contains(p.Order[:i], name) {
			d = append(d, fault.Detail{Field: "order", Code: "duplicate", Got: name, Expected: "each criterion once"})
		}
	}
	bound("min_rows", float64(p.MinRows), 2, 1e9)
	bound("min_positives", float64(p.MinPositives), 0, 1e9)
	bound("max_age_days", p.MaxAgeDays, 0, 36500)
	bound("drift_tolerance", p.DriftTolerance, 0, 1)
	bound("score_errors", p.ScoreErrors, 0, 100)
	bound("fresh_days", p.FreshDays, 0, 36500)
	bound("count_tolerance", p.CountTolerance, 0, 1)
	bound("traffic_days", float64(p.TrafficDays), 1, 60)
	bound("traffic_rows", float64(p.TrafficRows), 10, 20_000)
	bound("candidates", float64(p.Candidates), 1, 100)
	if d != nil {
		return fault.Invalidf("read the rule of selection").With(d...)
	}
	return nil
}

// Digest is the SHA-256 of the rule's JSON: it goes into every choice made by it.
func (p Policy) Digest() string {
	b, err := json.Marshal(p)
	if err != nil { // finite figures and texts always have JSON
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
