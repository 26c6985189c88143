package quality

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// Policy says when a value is an anomaly: config/quality.yaml.
type Policy struct {
	MinPoints int             `json:"min_points" yaml:"min_points"` // values before which nothing is said
	Alpha     float64         `json:"alpha" yaml:"alpha"`           // false alarms of a series per batch, two-sided
	Season    int             `json:"season" yaml:"season"`         // batches in a season of traffic that is followed by the day; 0 = none
	Accept    int             `json:"accept" yaml:"accept"`         // so many anomalies in a row are the new level
	MinShare  float64         `json:"min_share" yaml:"min_share"`   // a share has to change by this much to matter
	MinRatio  float64         `json:"min_ratio" yaml:"min_ratio"`   // rows and hours have to change by this factor to matter
	Series    map[string]Rule `json:"series" yaml:"series"`         // by a series' whole name (completeness/age) or its family (completeness)
}

// Rule chooses another strategy for a series. Min and Max are its bounds (simple_threshold, absolute_change, relative_rate_of_change) or how
// many standard deviations below and above are allowed (batch_normal, online_normal; holt_winters: Max).
type Rule struct {
	Strategy string   `json:"strategy" yaml:"strategy"` // one of Strategies
	Min      *float64 `json:"min,omitempty" yaml:"min"`
	Max      *float64 `json:"max,omitempty" yaml:"max"`
	Order    int      `json:"order,omitempty" yaml:"order"`
	Period   int      `json:"period,omitempty" yaml:"period"`
}

// The strategies by name. "off" follows a series and never calls anything in it an anomaly.
const (
	nameThreshold = "simple_threshold"
	nameAbsolute  = "absolute_change"
	nameRelative  = "relative_rate_of_change"
	nameBatch     = "batch_normal"
	nameOnline    = "online_normal"
	nameHolt      = "holt_winters"
	nameOff       = "off"
)

// Strategies are the names a Rule may have.
var Strategies = []string{nameThreshold, nameAbsolute, nameRelative, nameBatch, nameOnline, nameHolt, nameOff}

// DefaultPolicy is what a new installation runs on.
func DefaultPolicy() Policy {
	return Policy{
		// Two weeks of days: with fewer the interval is so wide that it finds nothing but ruins.
		MinPoints: 14,
		// One false alarm in 1,000 batches of a series, a tenth of what is promised: shares are not normal (docs/VALIDATION.md has the simulation).
		Alpha: 0.001, Season: 7,
		// A week of days at another level is the level.
		Accept:   7,
		MinShare: 0.01, MinRatio: 1.2,
		Series: map[string]Rule{},
	}
}

// Digest is the SHA-256 of the policy as JSON.
func (p Policy) Digest() string {
	b, err := json.Marshal(p)
	if err != nil { // Validate has refused what is not finite
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Validate names everything that is wrong.
func (p Policy) Validate() error {
	var problems []fault.Detail
	wrong := func(ok bool, field string, got any, expected string) {
		if !ok {
			problems = append(problems, fault.Detail{Field: field, Code: "out_of_range", Got: fmt.Sprint(got), Expected: expected})
		}
	}
	wrong(p.MinPoints >= 4 && p.MinPoints <= MaxPoints/2, "min_points", p.MinPoints, fmt.Sprintf("4 to %d", MaxPoints/2))
	wrong(p.Alpha > 0 && p.Alpha < 0.5, "alpha", p.Alpha, "above 0 and below 0.5")
	wrong(p.Season == 0 || p.Season >= 2 && p.Season <= MaxPoints/4, "season", p.Season, fmt.Sprintf("0, or 2 to %d", MaxPoints/4))
	wrong(p.Accept >= 2 && p.Accept <= MaxPoints/2, "accept", p.Accept, fmt.Sprintf("2 to %d", MaxPoints/2))
	wrong(p.MinShare >= 0 && p.MinShare < 1, "min_share", p.MinShare, "0 or more, below 1")
	wrong(p.MinRatio >= 1 && !math.IsInf(p.MinRatio, 0), "min_ratio", p.MinRatio, "1 or more")
	for _, name := range slices.Sorted(maps.Keys(p.Series)) {
		family, _, _ := strings.Cut(name, "/")
		wrong(slices.Contains(Families, family), "series."+name, name, "one of "+strings.Join(Families, ", ")+", or one of a column: completeness/age")
		if problem := p.Series[name].problem(); problem != "" {
			problems = append(problems, fault.Detail{Field: "series." + name, Code: "wrong_strategy", Got: p.Series[name].Strategy, Expected: problem})
		}
	}
	if len(problems) > 0 {
		return fault.Invalidf("the policy of data quality is wrong").With(problems...)
	}
	return nil
}

// problem is what a rule should be instead, "" when it is right.
func (r Rule) problem() string {
	finite := func(p *float64) bool { return p == nil || !math.IsNaN(*p) && !math.IsInf(*p, 0) }
	switch {
	case !slices.Contains(Strategies, r.Strategy):
		return "one of " + strings.Join(Strategies, ", ")
	case !finite(r.Min) || !finite(r.Max):
		return "bounds that are finite"
	case slices.Contains([]string{nameThreshold, nameAbsolute, nameRelative}, r.Strategy) && r.Min == nil && r.Max == nil:
		return "min or max, or both"
	case r.Min != nil && r.Max != nil && *r.Min > *r.Max && r.Strategy != nameBatch && r.Strategy != nameOnline:
		return "a min that is not above max"
	case r.Order < 0 || r.Order > 10:
		return "an order of 1 to 10"
	case r.Strategy == nameHolt && (r.Period < 2 || r.Period > MaxPoints/4):
		return fmt.Sprintf("a period of 2 to %d", MaxPoints/4)
	}
	return ""
}

// strategy is what the rule chooses.
func (r Rule) strategy() Strategy {
	at := func(p *float64, missing float64) float64 {
		if p == nil {
			return missing
		}
		return *p
	}
	low, high := at(r.Min, math.Inf(-1)), at(r.Max, math.Inf(1))
	switch r.Strategy {
	case nameThreshold:
		return SimpleThreshold{low, high}
	case nameAbsolute:
		return AbsoluteChange{low, high, r.Order}
	case nameRelative:
		return RelativeRateOfChange{low, high, r.Order}
	case nameBatch:
		return BatchNormal{at(r.Min, 3), at(r.Max, 3)}
	case nameOnline:
		return OnlineNormal{at(r.Min, 3), at(r.Max, 3), 0}
	case nameHolt:
		return HoltWinters{Period: r.Period, Factor: at(r.Max, 1.96)}
	}
	return nil
}
