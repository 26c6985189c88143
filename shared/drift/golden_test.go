package drift

import (
	"os"
	"testing"

	"mlops/shared/dataset"
)

// Tables of the oracle through the whole of Measure. What Evidently's default test says of them is in golden.json; where we differ, the
// comment says why.
func TestGoldenPairs(t *testing.T) {
	table := func(t *testing.T, name string, o dataset.Options) *dataset.Frame {
		oracle(t, "golden.json", &struct{}{})
		f, err := os.Open(oraclePath(name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		frame, err := dataset.Read(f, name, o)
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	for _, c := range []struct {
		name    string
		verdict string
		kinds   []string
		df      int // of a chi-square that scipy gives, too
		chi2    float64
	}{
		{"01_num_identical", OK, nil, 0, 0},
		{"02_num_shift", Alert, []string{Covariate}, 0, 0}, // alert: the only column drifted, and nothing is known of a model
		{"04_num_heavytail", Alert, []string{Covariate}, 0, 0},
		{"06_num_discrete4", Alert, []string{Covariate}, 3, 39.18041429068789},
		{"09_num_constant_same", OK, nil, 0, 0},
		{"10_num_constant_diff", Alert, []string{Covariate}, 1, 600},
		{"11_cat_shift", Alert, []string{Covariate}, 3, 29.100114821607754},
		{"13_cat_binary", Alert, []string{Covariate}, 1, 9.259974548993188},
		{"14_num_missing", Alert, []string{MissingRate}, 0, 0}, // Evidently's p of 0.007 is of the values; here the missing ones are a finding, and the values' p is corrected for both
		{"16_num_small15", Insufficient, nil, 0, 0},            // 15 rows
		{"17_num_large100k", OK, nil, 0, 0},                    // 0.02 sd: certain, and nothing to anybody
		{"20_num_20distinct", Alert, []string{Covariate}, 19, 125.25943004627067},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o dataset.Options
			if c.name[3:6] == "num" {
				o.Numeric = []string{"x"}
			}
			p, err := NewProfile(Reference{Frame: table(t, c.name+".ref.csv.gz", o)})
			if err != nil {
				t.Fatal(err)
			}
			r := measure(t, p, Window{Frame: table(t, c.name+".cur.csv.gz", o)})
			if r.Verdict != c.verdict || len(r.Findings) != len(c.kinds) || len(r.Of(c.kinds...)) != len(c.kinds) {
				t.Errorf("%s %+v: %v", r.Verdict, r.Findings, r.Reasons)
			}
			if x := r.Columns["x"]; c.df > 0 {
				near(t, "chi-square", float64(x.Statistic), c.chi2, 1e-9)
				if x.DF != c.df {
					t.Errorf("df = %d, want %d", x.DF, c.df)
				}
			}
			t.Log(r.Reasons)
		})
	}
}
