package fit

import (
	"math"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"mlops/bench/sets"
	"mlops/shared/dataset"
)

// folder finds the data sets and splits that other software was measured on, and skips the test where they are not.
func folder(t testing.TB) string {
	t.Helper()
	for _, root := range []string{os.Getenv("MLOPS_SHARED"), "../../../../shared"} {
		if _, err := os.Stat(filepath.Join(root, "data", "splits")); root != "" && err == nil {
			return filepath.Join(root, "data")
		}
	}
	t.Skip("the data sets are not here: set MLOPS_SHARED to the directory that holds data/")
	return ""
}

// benchmark is one of the encoded sets: its rows, and which are held out in which fit.
type benchmark struct {
	data *Data
	fits []sets.Fit
}

func load(t testing.TB, name string, categories bool) benchmark {
	t.Helper()
	s, err := sets.Load(folder(t), name, categories)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewData(s.Frame, s.Labels)
	if err != nil {
		t.Fatal(err)
	}
	return benchmark{d, s.Fits}
}

// auc is the share of pairs of a positive and a negative row that the score orders rightly, ties counting half.
func auc(y, score []float64) float64 {
	at := make([]int, len(y))
	for i := range at {
		at[i] = i
	}
	sort.Slice(at, func(a, b int) bool { return score[at[a]] < score[at[b]] })
	var ranks, positive float64
	for i := 0; i < len(at); {
		j := i
		for j < len(at) && score[at[j]] == score[at[i]] {
			j++
		}
		for _, r := range at[i:j] {
			if y[r] == 1 {
				ranks += float64(i+j+1) / 2
				positive++
			}
		}
		i = j
	}
	return (ranks - positive*(positive+1)/2) / (positive * (float64(len(y)) - positive))
}

// score is the mean over all fits of a set: AUC and log loss, or root mean squared error.
func (b benchmark) score(t testing.TB, e Estimator) (main, second float64) {
	t.Helper()
	for _, rows := range b.fits {
		train, test := b.data.Take(rows.Train), b.data.Take(rows.Test)
		p, err := e.Fit(train, Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		out := test.Predict(p)
		y := test.Labels.Y
		if p.Width() == 1 {
			var sum float64
			for i, v := range out {
				sum += (v - y[i]) * (v - y[i])
			}
			main += math.Sqrt(sum / float64(len(y)))
			continue
		}
		s := make([]float64, len(y))
		for i := range s {
			s[i] = out[2*i+1]
			second -= math.Log(out[2*i+int(y[i])]) / float64(len(y))
		}
		main += auc(y, s)
	}
	n := float64(len(b.fits))
	return main / n, second / n
}

// TestQuality holds the estimators to what scikit-learn 1.2.1 and LightGBM 4.6.0 reach on the same rows of public data sets: mean AUC (or
// root mean squared error) over 15 fits, or on the official test rows. Anchors are theirs; the slack is about the standard error of the
// difference. Same algorithm and settings in each line: scikit-learn's LogisticRegression(C=1) and Ridge(1) on standardised and one-hot
// columns; LightGBM with 7 leaves, rate 0.05, min leaf 10, L2 1, or with its defaults, on category codes; RandomForestClassifier(100,
// min_samples_leaf=5) for classes, with single rows for wine; ExtraTreesClassifier(100).
func TestQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("figures, which the ordinary run has: the race detector would look at them for minutes")
	}
	small := Boosting{Trees: 100, Leaves: 7, LearningRate: 0.05, MinLeaf: 10, L2: 1}
	usual := Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: -1}
	for _, c := range []struct {
		set        string
		categories bool
		estimator  Estimator
		auc, slack float64 // slack to the worse side for regression
		logLoss    float64 // at most; 0 = not asked
	}{
		{"heart", true, Linear{}, 0.907, 0.005, 0.397},
		{"heart4", true, Linear{}, 0.906, 0.005, 0.394},
		{"wdbc", true, Linear{}, 0.9956, 0.001, 0.080},
		{"pima", true, Linear{}, 0.831, 0.003, 0.488},
		{"german", true, Linear{}, 0.787, 0.003, 0.508},
		{"wine", true, Linear{}, 0.734, 0.003, 0},
		{"heart", true, small, 0.893, 0.008, 0.430},
		{"heart4", false, small, 0.900, 0.005, 0.402},
		{"wdbc", false, small, 0.992, 0.002, 0.115},
		{"pima", false, small, 0.829, 0.005, 0.491},
		{"german", false, small, 0.796, 0.005, 0.494},
		{"adult", false, usual, 0.9272, 0.002, 0.280},
		{"heart", false, Forest{}, 0.906, 0.006, 0.415},
		{"german", false, Forest{}, 0.800, 0.006, 0.504},
		{"pima", false, Forest{}, 0.831, 0.006, 0.490},
		{"wine", false, Forest{}, 0.608, 0, 0},
		{"bank", true, Forest{}, 0.9268, 0.001, 0.209},
		{"heart", true, Forest{Extra: true}, 0.901, 0.003, 0.438},
		{"german", true, Forest{Extra: true}, 0.792, 0.003, 0.501},
		{"pima", true, Forest{Extra: true}, 0.822, 0.003, 0.491},
	} {
		t.Run(c.set+"/"+c.estimator.Algorithm(), func(t *testing.T) {
			b := load(t, c.set, c.categories)
			got, logLoss := b.score(t, c.estimator)
			worse := c.auc - got
			if b.data.Labels.Task == dataset.Regression {
				worse = -worse
			}
			if worse > c.slack || c.logLoss > 0 && logLoss > c.logLoss {
				t.Errorf("%.4f, log loss %.4f; the anchor is %.4f within %g, log loss at most %.3f", got, logLoss, c.auc, c.slack, c.logLoss)
			}
			t.Logf("%.4f (anchor %.4f), log loss %.4f", got, c.auc, logLoss)
		})
	}
}
