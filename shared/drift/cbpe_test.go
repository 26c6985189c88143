package drift

import (
	"math"
	"testing"

	"mlops/shared/dataset"
)

// flowers draws a task of three classes: rows lie about one of three centres, mixture gives the classes' shares and spread how far rows scatter. The score is
// the true chance of each class under equal shares and spread 1, sharpened, so that it is not calibrated: what CBPE has to find out.
func (w world) flowers(n int, hard float64, sharpened float64) ([]float64, dataset.Labels) {
	l := dataset.Labels{Name: "kind", Task: dataset.Multiclass, Classes: []string{"a", "b", "c"}}
	centres := [3][2]float64{{0, 1.2}, {-1, -0.6}, {1, -0.6}}
	var predictions []float64
	for range n {
		// Covariate shift: where rows lie changes with hard, what they are given where they lie does not.
		at := centres[w.IntN(3)]
		x, y := at[0]*(1-hard)+w.NormFloat64(), at[1]*(1-hard)+w.NormFloat64()
		var chance, score [3]float64
		var total, sharp float64
		for k, c := range centres {
			chance[k] = math.Exp(-((x-c[0])*(x-c[0]) + (y-c[1])*(y-c[1])) / 2)
			total += chance[k]
		}
		u, label := w.Float64(), -1
		for k := range chance {
			if chance[k] /= total; label < 0 && u < chance[k] {
				label = k
			}
			u -= chance[k]
			score[k] = math.Pow(chance[k], sharpened)
			sharp += score[k]
		}
		for k := range score {
			predictions = append(predictions, score[k]/sharp)
		}
		l.Y = append(l.Y, float64(max(label, 0)))
	}
	return predictions, l
}

// plain is a frame of one column that says nothing.
func (w world) plain(n int) *dataset.Frame {
	return &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("x", w.numbers(n, w.NormFloat64))}}
}

// Multiclass CBPE under covariate shift: every expected metric is near what labels show on a large window, and its interval holds what they show in 95 % of
// windows, for scores that are calibrated and for such that are not.
func TestMulticlassEstimateUnderCovariateShift(t *testing.T) {
	for name, sharpened := range map[string]float64{"calibrated scores": 1, "overconfident scores": 2} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(51)
			near, total, hit, off := references(4), 0, map[string]int{}, map[string]float64{}
			for range near {
				predictions, l := w.flowers(3000, 0, sharpened)
				p, err := NewProfile(Reference{Model: "m", Frame: w.plain(3000), Labels: l, Predictions: predictions})
				if err != nil {
					t.Fatal(err)
				}
				for k := range 12 {
					n := 500
					if k == 0 {
						n = 20000
					}
					predictions, l := w.flowers(n, 0.1*float64(k%6), sharpened)
					r := measure(t, p, Window{Frame: w.plain(n), Predictions: predictions, Labels: l.Y})
					for metric, v := range r.Expected {
						got, band := r.RealisedMetrics[metric].Value, r.ExpectedBands[metric]
						if band[0] <= got && got <= band[1] {
							hit[metric]++
						}
						if k == 0 {
							off[metric] += float64(v-got) / float64(near)
						}
					}
					if e, got := r.Estimated, r.Realised.Value; e.Low <= got && got <= e.High {
						hit["the watched one"]++
					}
					total++
				}
			}
			for metric, n := range hit {
				held(t, metric, n, total)
			}
			for _, metric := range []string{"accuracy", "auc", "log_loss", "f1", "precision", "recall", "specificity", "brier", "average_precision"} {
				if d, known := off[metric]; !known || math.Abs(d) > 0.015*float64(fewer(1, 3)) {
					t.Errorf("%s is off by %.4f on large windows", metric, d)
				}
			}
			t.Log(off)
		})
	}
}

// The same of two classes.
func TestBinaryEstimateCoverage(t *testing.T) {
	w, total, hit := newWorld(52), 0, map[string]int{}
	for range references(8) {
		predictions, l := w.task(dataset.Binary, 2000, 2, 0)
		p, err := NewProfile(Reference{Model: "m", Frame: w.plain(2000), Labels: l, Predictions: predictions})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 12 {
			predictions, l := w.task(dataset.Binary, 400, 1+0.25*float64(k%6), 0)
			r := measure(t, p, Window{Frame: w.plain(400), Predictions: predictions, Labels: l.Y})
			for metric := range r.Expected {
				if got, band := r.RealisedMetrics[metric].Value, r.ExpectedBands[metric]; band[0] <= got && got <= band[1] {
					hit[metric]++
				}
			}
			if e, got := r.Estimated, r.Realised.Value; e.Low <= got && got <= e.High {
				hit["the watched one"]++
			}
			total++
		}
	}
	for metric, n := range hit {
		held(t, metric, n, total)
	}
}
