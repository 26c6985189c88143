package drift

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// Policy is when a change counts. Every figure is an argument; DefaultPolicy says where each default comes from.
type Policy struct {
	Alpha           float64 `json:"alpha" yaml:"alpha"`                         // chance of any drift finding, and of a significant loss, in a window in which nothing changed
	Correction      string  `json:"correction" yaml:"correction"`               // for many tests: benjamini_hochberg, holm, bonferroni
	MinRows         int     `json:"min_rows" yaml:"min_rows"`                   // fewer rows, or values of a column, say nothing
	MinEffect       float64 `json:"min_effect" yaml:"min_effect"`               // total variation distance below which a change does not matter
	MinMissing      float64 `json:"min_missing" yaml:"min_missing"`             // change of a missing rate (and share of infinite or unreadable values) below which it does not matter
	AlertMissing    float64 `json:"alert_missing" yaml:"alert_missing"`         // increase of a missing rate from which it is an alert
	MinNewCategory  float64 `json:"min_new_category" yaml:"min_new_category"`   // share of rows of unseen levels below which they do not matter
	DriftShare      float64 `json:"drift_share" yaml:"drift_share"`             // share of drifted columns that makes dataset drift; 0: one suffices
	AlertShare      float64 `json:"alert_share" yaml:"alert_share"`             // share of drifted columns that is an alert while nothing is known of the performance
	MinLabels       int     `json:"min_labels" yaml:"min_labels"`               // labelled rows from which the realised performance speaks
	MinRarer        int     `json:"min_rarer" yaml:"min_rarer"`                 // of the rarer class of two
	MinLoss         float64 `json:"min_loss" yaml:"min_loss"`                   // loss of AUC or accuracy below which it does not matter
	MinRelativeLoss float64 `json:"min_relative_loss" yaml:"min_relative_loss"` // loss of RMSE, as a share of the reference's, below which it does not matter
	JointShare      float64 `json:"joint_share" yaml:"joint_share"`             // share of Alpha that each multivariate test takes, the columns' tests having the rest; 0: none is made
	MinJoint        float64 `json:"min_joint" yaml:"min_joint"`                 // change of the reconstruction error, in standard deviations of a row's, below which it does not matter
	MinSeparation   float64 `json:"min_separation" yaml:"min_separation"`       // AUC above 0.5 of telling the rows apart, below which it does not matter
}

// DefaultPolicy is used where nothing else is configured.
func DefaultPolicy() Policy {
	return Policy{
		Alpha:           0.01,                 // one false alarm in a hundred windows or fewer; measured in the tests
		Correction:      "benjamini_hochberg", // Benjamini & Hochberg 1995; alibi-detect's TabularDrift offers it
		MinRows:         50,                   // below it the chi-square has hardly a cell of five; a 35-row window must not alarm
		MinEffect:       0.05,                 // a shift of 1/8 standard deviation; PSI 0.1 is 0.3, Evidently's Wasserstein 0.1 is 0.1
		MinMissing:      0.01,                 // one row in a hundred
		AlertMissing:    0.10,                 // SageMaker Model Monitor: completeness may differ by 0.1
		MinNewCategory:  0.005,                // one row in two hundred
		DriftShare:      0,                    // the correction already answers for many columns
		AlertShare:      0.5,                  // Evidently's drift_share
		MinLabels:       50,                   // the interval tells the rest
		MinRarer:        10,                   // Peduzzi et al. 1996: ten events
		MinLoss:         0.03,                 // half the 0.05 AUC of aws-samples/sample-mlops-bestpractices, rounded up
		MinRelativeLoss: 0.10,                 // Evidently's regression preset: +-10 % of the reference
		JointShare:      0.1,                  // 0.1 % of windows each; NannyML's band of 3 sd lets 0.27 % pass
		MinJoint:        0.05,                 // below the 1/8 sd of one column, as many columns dilute a change of two
		MinSeparation:   0.035,                // what a shift of 1/8 sd in one column gives: Phi(1/8 / sqrt 2) - 1/2
	}
}

// Validate names every figure that is out of range.
func (p Policy) Validate() error {
	if d := p.problems(); d != nil {
		return fault.Invalidf("the drift policy has %s", counted(len(d), "fault")).With(d...)
	}
	return nil
}

func (p Policy) problems() (d []fault.Detail) {
	bound := func(field string, v, low, high float64) {
		if math.IsNaN(v) || v < low || v > high {
			d = append(d, fault.Detail{Field: field, Code: "out_of_range", Got: v, Expected: fmt.Sprintf("%g to %g", low, high)})
		}
	}
	bound("alpha", p.Alpha, 1e-12, 0.5)
	bound("min_rows", float64(p.MinRows), 10, 1e9)
	bound("min_effect", p.MinEffect, 0, 1)
	bound("min_missing", p.MinMissing, 0, 1)
	bound("alert_missing", p.AlertMissing, 0, 1)
	bound("min_new_category", p.MinNewCategory, 0, 1)
	bound("drift_share", p.DriftShare, 0, 1)
	bound("alert_share", p.AlertShare, 0, 1)
	bound("min_labels", float64(p.MinLabels), 10, 1e9)
	bound("min_rarer", float64(p.MinRarer), 2, 1e9)
	bound("min_loss", p.MinLoss, 0, 1)
	bound("min_relative_loss", p.MinRelativeLoss, 0, 1e6)
	bound("joint_share", p.JointShare, 0, 0.4)
	bound("min_joint", p.MinJoint, 0, 1e6)
	bound("min_separation", p.MinSeparation, 0, 0.5)
	if names := sortedKeys(corrections); !slices.Contains(names, p.Correction) {
		d = append(d, fault.Detail{Field: "correction", Code: "unknown", Got: p.Correction, Expected: "one of " + strings.Join(names, ", ")})
	}
	return d
}
