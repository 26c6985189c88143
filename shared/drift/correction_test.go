package drift

import (
	"math"
	"testing"
)

// statsmodels.stats.multitest.multipletests.
func TestCorrectionsAgainstStatsmodels(t *testing.T) {
	type answer struct {
		Reject   []bool
		Adjusted []float64
	}
	var named struct {
		Pvalues    []float64
		Alpha      float64
		Bonferroni answer `json:"bonferroni"`
		Holm       answer `json:"holm"`
		BH         answer `json:"fdr_bh"`
	}
	oracle(t, "multiple_testing.json", &named)
	for name, a := range map[string]answer{"bonferroni": named.Bonferroni, "holm": named.Holm, "benjamini_hochberg": named.BH} {
		if len(a.Adjusted) == 0 {
			t.Fatalf("%s: the oracle has no values", name)
		}
		got := corrections[name](named.Pvalues)
		for i := range got {
			near(t, name, got[i], a.Adjusted[i], 1e-12)
			if got[i] <= named.Alpha != a.Reject[i] {
				t.Errorf("%s %d: reject %v", name, i, a.Reject[i])
			}
		}
	}
}

func TestCorrectionsLeaveOutWhatWasNotTested(t *testing.T) {
	for name, correct := range corrections {
		with, without := correct([]float64{0.02, math.NaN(), 0.4, 0.01}), correct([]float64{0.02, 0.4, 0.01})
		if !math.IsNaN(with[1]) || with[0] != without[0] || with[2] != without[1] || with[3] != without[2] {
			t.Errorf("%s: %v and %v", name, with, without)
		}
		if got := correct(nil); len(got) != 0 {
			t.Errorf("%s of nothing: %v", name, got)
		}
	}
}
