package model

import (
	"bytes"
	"math"
	"testing"

	"mlops/shared/dataset"
)

func nested(t *testing.T, by Calibration) *Model {
	t.Helper()
	plain := &Baseline{Task: dataset.Binary, P: []float64{0.3, 0.7}}
	features := []Feature{{Name: "x", Kind: dataset.Numeric}}
	step := []Step{}
	p, err := NewPipeline(dataset.Binary, []string{"n", "y"}, 1, step, []int{0}, features, NewVote(dataset.Binary, []Predictor{plain, plain}))
	if err != nil {
		t.Fatal(err)
	}
	return &Model{Task: dataset.Binary, Target: "t", Classes: []string{"n", "y"}, Algorithm: "vote", Features: features, Threshold: 0.5, Predictor: &Calibrated{Inner: p, By: by}}
}

// What is calibrated, engineered and voted survives the artefact, byte for byte, and a calibration that would turn the order is refused.
func TestCalibratedArtefact(t *testing.T) {
	for _, by := range []Calibration{{Method: Platt, A: 0.5, B: 0.1}, {Method: Beta, A: 1, B: 2, C: -0.5}, {Method: Isotonic, X: []float64{0.1, 0.6}, Y: []float64{0.2, 0.5}}} {
		m := nested(t, by)
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := back.Encode()
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s: other bytes, %v", by.Method, err)
		}
		p, q := make([]float64, 2), make([]float64, 2)
		m.Predict(p, []float64{1})
		back.Predict(q, []float64{1})
		if p[1] != q[1] || p[1] == 0.7 || math.Abs(p[0]+p[1]-1) > 1e-15 {
			t.Errorf("%s: %v and %v", by.Method, p, q)
		}
	}
	for _, by := range []Calibration{{Method: Platt, A: -1}, {Method: "none"}, {Method: Isotonic}, {Method: Isotonic, X: []float64{0.5, 0.4}, Y: []float64{0, 1}},
		{Method: Isotonic, X: []float64{0.1, 0.2}, Y: []float64{0.7, 0.3}}, {Method: Temperature, A: 1}, {Method: Beta, A: math.NaN()}} {
		if _, err := nested(t, by).Encode(); err == nil {
			t.Errorf("%+v is stored", by)
		}
	}
	twice := nested(t, Calibration{Method: Platt, A: 1})
	twice.Predictor = &Calibrated{Inner: twice.Predictor, By: Calibration{Method: Platt, A: 1}}
	if _, err := twice.Encode(); err == nil {
		t.Error("a calibration within a calibration is stored")
	}
}

func TestCalibrationKeepsTheOrder(t *testing.T) {
	for _, by := range []Calibration{{Method: Platt, A: 2, B: -1}, {Method: Beta, A: 0.2, B: 3, C: 1}, {Method: Isotonic, X: []float64{0, 0.4, 0.8}, Y: []float64{0.1, 0.1, 0.9}}} {
		last := -1.0
		for v := 0.0; v <= 1; v += 1.0 / 64 {
			p := []float64{1 - v, v}
			by.Apply(p)
			if p[1] < last || p[1] < 0 || p[1] > 1 {
				t.Errorf("%s of %v is %v after %v", by.Method, v, p[1], last)
			}
			last = p[1]
		}
	}
}
