package joint

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/number"
)

// Separation is how well a classifier tells a window's rows from the reference's: package domain makes it, Judge says what it means.
type Separation struct {
	AUC       number.Float   `json:"auc"`      // cross-validated; 0.5: it cannot tell them apart
	AUCLow    number.Float   `json:"auc_low"`  // 95 % interval of AUC (DeLong)
	AUCHigh   number.Float   `json:"auc_high"` //
	Low       number.Float   `json:"low"`      // AUC lies below High unless it drifted; Low is as far below 0.5
	High      number.Float   `json:"high"`     //
	P         number.Float   `json:"p_value"`  // of as great an AUC when nothing changed; NaN where nothing was measured
	PAdjusted number.Float   `json:"p_adjusted"`
	Drifted   bool           `json:"drifted"`
	Features  []string       `json:"features"` // that tell the rows apart, the greatest share first; empty unless it drifted
	Shares    []number.Float `json:"shares"`   // of each: of the distance between the two kinds of rows, in the classifier's log-odds

	N          int    `json:"n"`           // rows of the window that were shown to it
	NReference int    `json:"n_reference"` // rows of the reference
	Columns    int    `json:"columns"`     // that take part
	Reason     string `json:"reason"`      // why it is or is not drift, in a sentence

	noise float64 // standard deviation of AUC when nothing changed
}

// NewSeparation is a measurement to be judged. noise is the standard deviation of auc when nothing changed.
func NewSeparation(auc, low, high, noise float64, n, nReference, columns int, features []string, shares []number.Float) *Separation {
	return &Separation{AUC: number.Float(auc), AUCLow: number.Float(low), AUCHigh: number.Float(high), N: n, NReference: nReference, Columns: columns,
		Features: features, Shares: shares, noise: noise}
}

// NotSeparated is a measurement that was not made, with the reason.
func NotSeparated(format string, args ...any) *Separation {
	nan := number.Float(math.NaN())
	return &Separation{AUC: nan, AUCLow: nan, AUCHigh: nan, Low: nan, High: nan, P: nan, PAdjusted: nan, Features: []string{}, Shares: []number.Float{},
		Reason: "not measured: " + fmt.Sprintf(format, args...)}
}

// Judge says whether the rows can be told apart beyond chance, and well enough to matter: p, of a normal of the AUC's deviation when nothing
// changed, is below Share Alpha, and AUC exceeds 0.5 by more than Least. An AUC below 0.5 tells nothing apart.
func (s *Separation) Judge(rule Rule) *Separation {
	if !s.AUC.Finite() {
		return s
	}
	j := *s
	chance := max(rule.Least, s.noise*distuv.UnitNormal.Quantile(1-rule.Alpha*rule.Share))
	j.Low, j.High = number.Float(0.5-chance), number.Float(0.5+chance)
	p := distuv.UnitNormal.Survival((float64(s.AUC) - 0.5) / s.noise)
	j.P, j.PAdjusted = number.Float(p), number.Float(rule.adjust(p))
	j.Drifted = j.AUC > j.High
	what := fmt.Sprintf("auc %.3f [%.3f, %.3f] on %d against %d rows (by chance up to %.3f)", float64(s.AUC), float64(s.AUCLow), float64(s.AUCHigh), s.N, s.NReference, float64(j.High))
	switch {
	case j.Drifted:
		j.Reason = fmt.Sprintf("a classifier tells the window's rows from the reference's: %s, %s; %s", what, pText(j.PAdjusted), carried(s.Features, s.Shares))
		return &j
	case p < rule.Alpha*rule.Share:
		j.Reason = fmt.Sprintf("a classifier tells the window's rows from the reference's, but too badly to matter: %s, %s", what, pText(j.PAdjusted))
	default:
		j.Reason = fmt.Sprintf("a classifier cannot tell the window's rows from the reference's: %s, %s", what, pText(j.PAdjusted))
	}
	j.Features, j.Shares = []string{}, []number.Float{}
	return &j
}
