package fit

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// peerLosses are testdata/oracle/boosting.json: held-out losses that boosting.py measured of scikit-learn and XGBoost.
func peerLosses(t *testing.T) (out struct{ Made, Public map[string]float64 }) {
	t.Helper()
	b, err := os.ReadFile("../../../testdata/oracle/boosting.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// madeUp is the table of boosting.py: the first half to train on, the other held out. full puts 0.5 where a value is missing.
func madeUp(t *testing.T, full bool, label func(y, count float64) float64, l dataset.Labels) (train, test *Data) {
	t.Helper()
	const rows = 8000
	state := uint64(12345)
	var column [4][]float64
	for range rows {
		var u [8]float64
		for k := range u {
			state = (1103515245*state + 12345) % (1 << 31)
			u[k] = float64(state) / (1 << 31)
		}
		a, b, c, d := u[0], u[1], u[2], u[3]
		y := 3*a + 8*(b-0.5)*(b-0.5) - 2*c*d + (0.5+a)*(u[4]+u[5]+u[6]-1.5)
		count := math.Floor(max(0, y) * max(0, y) * u[6])
		switch {
		case u[7] < 0.1 && full:
			c = 0.5
		case u[7] < 0.1:
			c = math.NaN()
		}
		for k, v := range []float64{a, b, c, d} {
			column[k] = append(column[k], v)
		}
		l.Y = append(l.Y, label(y, count))
	}
	f := &dataset.Frame{}
	for k, v := range column {
		f.Columns = append(f.Columns, dataset.NumericColumn(string(rune('a'+k)), v))
	}
	l.Name = "y"
	data, err := NewData(f, l)
	if err != nil {
		t.Fatal(err)
	}
	at := make([]int, rows)
	for i := range at {
		at[i] = i
	}
	return data.Take(at[:rows/2]), data.Take(at[rows/2:])
}

// measures are the losses of predictions p of labels y, as scikit-learn defines them.
var measures = map[string]func(y, p []float64) float64{
	"rmse": func(y, p []float64) float64 {
		return math.Sqrt(meanOf(y, p, func(y, p float64) float64 { return (y - p) * (y - p) }))
	},
	"mae": func(y, p []float64) float64 {
		return meanOf(y, p, func(y, p float64) float64 { return math.Abs(y - p) })
	},
	"pinball 0.9": func(y, p []float64) float64 { return meanOf(y, p, pinball(0.9)) },
	"pinball 0.1": func(y, p []float64) float64 { return meanOf(y, p, pinball(0.1)) },
	"deviance": func(y, p []float64) float64 {
		return meanOf(y, p, func(y, p float64) float64 {
			if y == 0 {
				return 2 * p
			}
			return 2 * (y*math.Log(y/p) - y + p)
		})
	},
	"log loss": func(y, p []float64) float64 {
		w, sum := len(p)/len(y), 0.0
		for i, v := range y {
			sum -= math.Log(p[i*w+int(v)]) / float64(len(y))
		}
		return sum
	},
	"auc": func(y, p []float64) float64 {
		s := make([]float64, len(y))
		for i := range s {
			s[i] = p[2*i+1]
		}
		return auc(y, s)
	},
}

func meanOf(y, p []float64, of func(y, p float64) float64) (mean float64) {
	for i, v := range y {
		mean += of(v, p[i]) / float64(len(y))
	}
	return mean
}

func pinball(alpha float64) func(y, p float64) float64 {
	return func(y, p float64) float64 { return max(alpha*(y-p), (alpha-1)*(y-p)) }
}

// held is the mean measure of a test part over fits with three numbers of bins, as boosting.py has it: between these alone losses differ by 1 %.
func held(t *testing.T, e Boosting, train, test *Data, measure string) (mean float64) {
	t.Helper()
	for _, e.Bins = range []int{255, 240, 200} {
		p, err := e.Fit(train, Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		mean += measures[measure](test.Labels.Y, test.Predict(p)) / 3
	}
	return mean
}

// near asks for a loss at most 1 % above the peer's, or an AUC at most 0.003 below it.
func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	t.Logf("%-28s %.4f, the peer %.4f", name, got, want)
	if want == 0 || strings.HasSuffix(name, "auc") && got < want-0.003 || !strings.HasSuffix(name, "auc") && got > 1.01*want {
		t.Errorf("%s: %.5f, the peer has %.5f", name, got, want)
	}
}

// TestBoostingNearPeers holds every loss and constraint to what peers with the same parameters reach on the same rows.
func TestBoostingNearPeers(t *testing.T) {
	value := dataset.Labels{Task: dataset.Regression}
	binary := dataset.Labels{Task: dataset.Binary, Classes: []string{"no", "yes"}}
	three := dataset.Labels{Task: dataset.Multiclass, Classes: []string{"low", "middle", "high"}}
	y := func(y, _ float64) float64 { return y }
	above := func(cut float64) func(y, _ float64) float64 {
		return func(y, _ float64) float64 {
			if y > cut {
				return 1
			}
			return 0
		}
	}
	level := func(y, _ float64) float64 { return above(1)(y, 0) + above(2)(y, 0) }
	peers := peerLosses(t).Made
	for _, c := range []struct {
		name    string
		measure string
		e       Boosting
		label   func(y, count float64) float64
		labels  dataset.Labels
	}{
		{"squared", "rmse", Boosting{}, y, value},
		{"absolute", "mae", Boosting{Loss: "absolute"}, y, value},
		{"quantile 0.9", "pinball 0.9", Boosting{Loss: "quantile", Alpha: 0.9}, y, value},
		{"quantile 0.1", "pinball 0.1", Boosting{Loss: "quantile", Alpha: 0.1}, y, value},
		{"huber", "mae", Boosting{Loss: "huber", Alpha: 0.9}, y, value},
		{"poisson", "deviance", Boosting{Loss: "poisson"}, func(_, count float64) float64 { return count }, value},
		{"logistic", "log loss", Boosting{}, above(1.5), binary},
		{"logistic auc", "auc", Boosting{}, above(1.5), binary},
		{"softmax", "log loss", Boosting{}, level, three},
		{"balanced", "log loss", Boosting{ClassWeight: "balanced"}, above(3), binary},
		{"monotone", "rmse", Boosting{Monotone: map[string]int{"a": 1, "c": -1, "d": -1}}, y, value},
		{"interactions", "rmse", Boosting{Interactions: [][]string{{"a", "b"}, {"b", "c"}}}, y, value},
		{"depth 3, l2 10", "rmse", Boosting{Depth: 3, L2: 10}, y, value},
		{"l1 20", "rmse", Boosting{L1: 20}, y, value},
		{"logistic, l1 5, hessian 1", "log loss", Boosting{L1: 5, MinHessian: 1, MinLeaf: 1}, above(1.5), binary},
	} {
		c.e.Trees, c.e.Leaves, c.e.LearningRate = 100, 31, 0.1
		fill(&c.e.MinLeaf, 20)
		fill(&c.e.L2, -1)
		train, test := madeUp(t, c.name == "huber", c.label, c.labels)
		near(t, c.name, held(t, c.e, train, test, c.measure), peers[c.name])
	}
}

// TestBoostingNearPeersWithWeights: rows whose first column is above a half count ten times, in training as in the loss.
func TestBoostingNearPeersWithWeights(t *testing.T) {
	train, test := madeUp(t, false, func(y, _ float64) float64 { return y }, dataset.Labels{Task: dataset.Regression})
	weigh := func(d *Data) []float64 {
		w := make([]float64, d.Rows)
		for i, a := range d.Column(0) {
			if w[i] = 1; a > 0.5 {
				w[i] = 10
			}
		}
		return w
	}
	train.Weight = weigh(train)
	measures["weighted rmse"] = func(y, p []float64) float64 {
		var sum, weight float64
		for i, w := range weigh(test) {
			sum += w * (p[i] - y[i]) * (p[i] - y[i])
			weight += w
		}
		return math.Sqrt(sum / weight)
	}
	near(t, "weights", held(t, Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: -1}, train, test, "weighted rmse"), peerLosses(t).Made["weights"])
}

// TestBoostingNearPeersOnPublicData does the same on sets that lie outside this repository.
func TestBoostingNearPeersOnPublicData(t *testing.T) {
	if testing.Short() {
		t.Skip("figures, which the ordinary run has")
	}
	peers := peerLosses(t).Public
	for set, cases := range map[string]map[string][2]string{
		"adult":      {"logistic": {"", "log loss"}, "auc": {"", "auc"}},
		"bank":       {"logistic": {"", "log loss"}, "auc": {"", "auc"}},
		"california": {"squared": {"", "rmse"}, "absolute": {"absolute", "mae"}, "quantile 0.9": {"quantile", "pinball 0.9"}, "quantile 0.1": {"quantile", "pinball 0.1"}, "poisson": {"poisson", "deviance"}},
	} {
		t.Run(set, func(t *testing.T) {
			b := load(t, set, false)
			for name, c := range cases {
				e := Boosting{Trees: 100, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: -1, Loss: c[0]}
				if c[0] == "quantile" {
					e.Alpha = map[string]float64{"pinball 0.9": 0.9, "pinball 0.1": 0.1}[c[1]]
				}
				near(t, set+" "+name, held(t, e, b.data.Take(b.fits[0].Train), b.data.Take(b.fits[0].Test), c[1]), peers[set+" "+name])
			}
		})
	}
}
