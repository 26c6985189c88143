package evaluate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"mlops/shared/fault"
)

// Policy is what a challenger must show before it may replace a champion. Each figure of DefaultPolicy names its source there.
type Policy struct {
	MinRows          int     `json:"min_rows" yaml:"min_rows"`                     // labelled rows; fewer is insufficient_data
	MinRarerClass    int     `json:"min_rarer_class" yaml:"min_rarer_class"`       // rows of the rarest class; fewer is insufficient_data
	Margin           float64 `json:"margin" yaml:"margin"`                         // primary metric's tolerated loss, at the interval's low end; rmse: a share
	NonInferior      bool    `json:"non_inferior" yaml:"non_inferior"`             // true: the point estimate need not be above zero
	Resamples        int     `json:"resamples" yaml:"resamples"`                   // of the paired bootstrap
	Seed             uint64  `json:"seed" yaml:"seed"`                             // of the paired bootstrap
	BrierTolerance   float64 `json:"brier_tolerance" yaml:"brier_tolerance"`       // how much worse the Brier score may be, beyond sampling noise
	ECETolerance     float64 `json:"ece_tolerance" yaml:"ece_tolerance"`           // the same of the expected calibration error
	SegmentMinRows   int     `json:"segment_min_rows" yaml:"segment_min_rows"`     // a smaller segment is not judged
	SegmentMinClass  int     `json:"segment_min_class" yaml:"segment_min_class"`   // nor one with fewer rows of its rarest class
	SegmentMargin    float64 `json:"segment_margin" yaml:"segment_margin"`         // as Margin, within one segment
	ScorePSIMax      float64 `json:"score_psi_max" yaml:"score_psi_max"`           // PSI of the challenger's scores against the champion's
	RefuseScoreShift bool    `json:"refuse_score_shift" yaml:"refuse_score_shift"` // a classifier's PSI above ScorePSIMax refuses it, rather than warns
}

// DefaultPolicy is used where nothing else is configured.
func DefaultPolicy() Policy {
	return Policy{
		MinRows:          200,   // github.com/Nimish1106/self-healing-mlops, its first gate: half an AUC interval is then 0.05 (Hanley & McNeil 1982)
		MinRarerClass:    20,    // ours: with fewer, an interval is itself too noisy (ten to twenty events, Peduzzi et al., J. Clin. Epidemiol. 49, 1996)
		Margin:           0.005, // ours: about the seed-to-seed noise of one cross-validated AUC on under 1,000 rows
		NonInferior:      false, // ours: a change that gains nothing is not worth its risk
		Resamples:        2000,  // Efron & Tibshirani, An Introduction to the Bootstrap (1993), 13.3: at least 1,000 for percentile intervals
		Seed:             1,     // any fixed figure: the same rows always get the same verdict
		BrierTolerance:   0.01,  // github.com/Nimish1106/self-healing-mlops, its calibration gate
		ECETolerance:     0.01,  // as the Brier score's
		SegmentMinRows:   50,    // github.com/Nimish1106/self-healing-mlops, its segment gate
		SegmentMinClass:  10,    // ours: fewer give an interval wider than any margin (Peduzzi et al. 1996)
		SegmentMargin:    0.05,  // aws-samples/sample-mlops-bestpractices: an AUC drop of 0.05 is its model drift alarm
		ScorePSIMax:      0.2,   // the usual "significant shift" of credit scoring: Siddiqi, Credit Risk Scorecards (2006)
		RefuseScoreShift: false, // ours: a model retrained after a shift is expected to score differently
	}
}

// Limits of a policy's figures. They keep a typing error from opening the gate, or from making it run for hours.
const (
	minResamples = 200
	maxResamples = 50_000
)

// Validate names every figure that is out of its range.
func (p Policy) Validate() error {
	var d []fault.Detail
	check := func(field string, v, least, greatest float64) {
		if !(v >= least && v <= greatest) { // also true of NaN
			d = append(d, fault.Detail{Field: field, Code: "out_of_range", Got: fmt.Sprint(v), Expected: fmt.Sprintf("%g to %g", least, greatest)})
		}
	}
	check("min_rows", float64(p.MinRows), 2, math.MaxInt32)
	check("min_rarer_class", float64(p.MinRarerClass), 2, math.MaxInt32)
	check("margin", p.Margin, 0, 1)
	check("resamples", float64(p.Resamples), minResamples, maxResamples)
	check("brier_tolerance", p.BrierTolerance, 0, 2)
	check("ece_tolerance", p.ECETolerance, 0, 1)
	check("segment_min_rows", float64(p.SegmentMinRows), 2, math.MaxInt32)
	check("segment_min_class", float64(p.SegmentMinClass), 2, math.MaxInt32)
	check("segment_margin", p.SegmentMargin, 0, 1)
	check("score_psi_max", p.ScorePSIMax, 0, 100)
	if len(d) > 0 {
		return fault.Invalidf("read the gate's policy").With(d...)
	}
	return nil
}

// Digest is the lower hex SHA-256 of the policy's canonical JSON: it goes into every report made under it.
func (p Policy) Digest() string { return digest(p) }

func digest(v any) string {
	sum := sha256.Sum256(canonical(v))
	return hex.EncodeToString(sum[:])
}
