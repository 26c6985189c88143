package drift

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"mlops/shared/dataset"
)

// preset reads the scores (the squared probability, rounded to six digits) and targets of the oracle's table.
func preset(t *testing.T, name string) (score, target []float64) {
	t.Helper()
	oracle(t, "presets/"+name, nil)
	f, err := os.Open(oraclePath("presets/" + name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, h := range rows[0] {
		at[h] = i
	}
	for _, row := range rows[1:] {
		p, _ := strconv.ParseFloat(row[at["proba"]], 64)
		y, _ := strconv.ParseFloat(row[at["target"]], 64)
		score, target = append(score, math.Round(p*p*1e6)/1e6), append(target, y)
	}
	return score, target
}

// NannyML 0.13.1, cbpe.json: the calibration's knots and every estimated metric, on the reference and on another table.
func TestExpectedAgainstNannyML(t *testing.T) {
	var want struct {
		Needs bool `json:"needs_calibration"`
		Sets  map[string]struct{ Estimated map[string]float64 }
		Knots struct{ X, Y []float64 } `json:"isotonic_knots"`
	}
	oracle(t, "cbpe.json", &want)
	score, target := preset(t, "ref.csv")
	c := calibrate(score, target)
	if want.Needs != (len(c.X) > 0) {
		t.Fatalf("needs calibration = %v, want %v", len(c.X) > 0, want.Needs)
	}
	if len(c.X) != len(want.Knots.X) {
		t.Fatalf("%d knots, want %d", len(c.X), len(want.Knots.X))
	}
	for i := range c.X {
		near(t, "knot x", float64(c.X[i]), want.Knots.X[i], 1e-12)
		near(t, "knot y", float64(c.Y[i]), want.Knots.Y[i], 1e-12)
	}
	p := &Profile{Task: dataset.Binary, Classes: []string{"0", "1"}, Threshold: 0.25}
	for set, file := range map[string]string{"reference": "ref.csv", "current": "cur.csv"} {
		score, _ := preset(t, file)
		var predictions []float64
		for _, s := range score {
			predictions = append(predictions, 1-s, s)
		}
		all := p.expected([]Calibration{c}, predictions).all
		for name, value := range want.Sets[set].Estimated {
			if name == "roc_auc" {
				name = "auc" // NannyML rounds counts to five digits: that is what the tolerance is for
			}
			near(t, set+" "+name, float64(all[name]), value, 2e-7)
		}
	}
}

// reference has calibrated predictions of the task, features that say nothing, and labels.
func (w world) reference(task dataset.Task, n int) Reference {
	r := Reference{Model: "m", Frame: &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", w.numbers(n, w.NormFloat64))}}}
	r.Predictions, r.Labels = w.task(task, n, 2, 0)
	return r
}

// task draws predictions and labels: sharpness is how much the rows differ, and flipped the share of labels that are not what the prediction says.
func (w world) task(task dataset.Task, n int, sharpness, flipped float64) ([]float64, dataset.Labels) {
	l := dataset.Labels{Name: "y", Task: task}
	var predictions []float64
	switch task {
	case dataset.Binary:
		l.Classes = []string{"no", "yes"}
		predictions, l.Y = w.answers(n, sharpness)
	case dataset.Multiclass:
		l.Classes = []string{"c", "a", "b"}
		for range n {
			p, total := make([]float64, 3), 0.0
			for k := range p {
				p[k] = math.Exp(sharpness * w.NormFloat64())
				total += p[k]
			}
			u, y := w.Float64(), -1
			for k := range p {
				if p[k] /= total; y < 0 && u < p[k] {
					y = k
				}
				u -= p[k]
			}
			predictions, l.Y = append(predictions, p...), append(l.Y, float64(max(y, 0)))
		}
	default:
		for range n {
			x := 10 * w.NormFloat64()
			predictions, l.Y = append(predictions, x), append(l.Y, x+w.NormFloat64()*(1+flipped))
		}
	}
	for i := range l.Y {
		if task != dataset.Regression && w.Float64() < flipped {
			l.Y[i] = math.Mod(l.Y[i]+1, float64(len(l.Classes)))
		}
	}
	return predictions, l
}

// Loss with and without labels, of every task: rows that get harder are seen by both, labels that lose their meaning by labels only.
func TestPerformance(t *testing.T) {
	for _, c := range []struct {
		name                string
		task                dataset.Task
		sharpness, flipped  float64
		estimated, realised bool // significant loss
	}{
		{"binary, as it was", dataset.Binary, 2, 0, false, false},
		{"binary, harder rows", dataset.Binary, 1, 0, true, true},
		{"binary, easier rows", dataset.Binary, 3, 0, false, false},
		{"binary, another world", dataset.Binary, 2, 0.2, false, true},
		{"multiclass, as it was", dataset.Multiclass, 2, 0, false, false},
		{"multiclass, harder rows", dataset.Multiclass, 1, 0, true, true},
		{"multiclass, another world", dataset.Multiclass, 2, 0.2, false, true},
		{"regression, as it was", dataset.Regression, 0, 0, false, false},
		{"regression, more noise", dataset.Regression, 0, 0.3, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(21)
			p, err := NewProfile(w.reference(c.task, 3000))
			if err != nil {
				t.Fatal(err)
			}
			predictions, l := w.task(c.task, 2000, c.sharpness, c.flipped)
			window := Window{Frame: &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", w.numbers(2000, w.NormFloat64))}}, Predictions: predictions}

			without := measure(t, p, window)
			if without.Estimated == nil || (without.NoEstimate == "") != (without.Estimated != nil) || without.Realised != nil {
				t.Fatalf("estimate %+v (%s), realised %+v", without.Estimated, without.NoEstimate, without.Realised)
			}
			if without.PerformanceLoss != c.estimated {
				t.Errorf("without labels: %+v", without.Estimated)
			}
			window.Labels = l.Y
			with := measure(t, p, window)
			if with.Realised == nil || with.PerformanceLoss != c.realised || c.realised != (with.Verdict == Alert) {
				t.Fatalf("with labels: %+v (%s), %s %v", with.Realised, with.NoRealised, with.Verdict, with.Reasons)
			}
			r := with.Realised
			if !(r.Low <= r.Value && r.Value <= r.High && r.ReferenceLow < r.Reference && r.Reference < r.ReferenceHigh) || r.N != 2000 {
				t.Errorf("%+v", r)
			}
			if e := with.Estimated; e != nil {
				if e.Assumption == "" || !(e.Low <= e.Value && e.Value <= e.High) {
					t.Errorf("%+v", e)
				}
				if c.flipped == 0 && math.Abs(float64(r.Value-e.Value)) > 1.6*float64(e.High-e.Value) { // three standard errors
					t.Errorf("labels show %v, expected %v to %v", r.Value, e.Low, e.High)
				}
			}
			t.Log(with.Reasons)
		})
	}
}

// With few labels the realised performance is silent and the estimate speaks.
func TestFewLabels(t *testing.T) {
	w := newWorld(22)
	p, err := NewProfile(w.reference(dataset.Binary, 3000))
	if err != nil {
		t.Fatal(err)
	}
	predictions, l := w.task(dataset.Binary, 1000, 1, 0)
	for i := range l.Y {
		if i >= 49 {
			l.Y[i] = math.NaN()
		}
	}
	window := Window{Frame: &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", w.numbers(1000, w.NormFloat64))}}, Predictions: predictions, Labels: l.Y}
	if r := measure(t, p, window); r.Realised != nil || !r.PerformanceLoss || r.NoRealised != "49 labelled rows, it takes 50" {
		t.Errorf("%+v %s %v", r.Realised, r.NoRealised, r.Reasons)
	}
	for i := range l.Y {
		if l.Y[i] = 0; i >= 100 {
			l.Y[i] = math.NaN()
		}
	}
	if r := measure(t, p, window); r.Realised != nil || !r.PerformanceLoss || r.NoRealised != "0 labelled rows of the rarer class, it takes 10" {
		t.Errorf("%+v %s %v", r.Realised, r.NoRealised, r.Reasons)
	}
}

// When nothing changed at most one window in a hundred shows a loss, also where the reference is small and the window is not: what is then uncertain is what the
// model was worth before.
func TestLossAlarmRates(t *testing.T) {
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass} {
		for _, size := range [][2]int{{100, 1000}, {100, 3000}, {300, 3000}}[:fewer(3, 1)] {
			draws := simulations(60, 1000)
			estimated, realised := make([]int, draws), make([]int, draws)
			each(draws, func(i int) {
				w := newWorld(uint64(1000*size[0] + 10_000_000*size[1] + i))
				p := profiled(t, w.reference(task, size[0]))
				for range 3 {
					predictions, l := w.task(task, size[1], 2, 0)
					r := measure(t, p, Window{Frame: w.plain(size[1]), Predictions: predictions, Labels: l.Y})
					if r.Estimated == nil || r.Realised == nil {
						t.Errorf("no performance: %s; %s", r.NoEstimate, r.NoRealised)
						return
					}
					estimated[i], realised[i] = estimated[i]+one(r.Estimated.Significant), realised[i]+one(r.Realised.Significant)
				}
			})
			e, r, n := sum1(estimated), sum1(realised), 3*draws
			t.Logf("nothing changed, %-10s %5d reference rows, windows of %5d: loss by estimate in %s, by labels in %s", task, size[0], size[1], rate(e, n), rate(r, n))
			if tail(e, n, 0.01) < 1e-3 || tail(r, n, 0.01) < 1e-3 {
				t.Errorf("%s: %d losses by estimate and %d by labels in %d windows in which nothing changed", task, e, r, n)
			}
		}
	}
}

// Neither figure cries wolf when nothing changed, and the estimate's band is the noise it has.
func TestPerformanceFalseAlarms(t *testing.T) {
	w, alarms, spread, total := newWorld(23), 0, 0.0, 150
	for range total {
		p, err := NewProfile(w.reference(dataset.Binary, 500))
		if err != nil {
			t.Fatal(err)
		}
		predictions, l := w.task(dataset.Binary, 300, 2, 0)
		r := measure(t, p, Window{Frame: &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", w.numbers(300, w.NormFloat64))}}, Predictions: predictions, Labels: l.Y})
		if r.Estimated.Significant || r.Realised.Significant {
			alarms++
		}
		z := float64(r.Estimated.Loss) / float64(r.Estimated.ReferenceHigh-r.Estimated.Reference) * DefaultPolicy().band()
		spread += z * z
	}
	if alarms > 2 {
		t.Errorf("%d alarms in %d windows", alarms, total)
	}
	if sd := math.Sqrt(spread / float64(total)); sd < 0.8 || sd > 1.25 {
		t.Errorf("the estimate varies %.2f times as much as its band says", sd)
	}
}
