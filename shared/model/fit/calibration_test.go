package fit

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model"
)

// distorted are probabilities of a known distortion: the truth is drawn with log-odds s, and p says something else.
func distorted(n int, say func(s float64) float64) (dataset.Labels, []float64, []float64) {
	r := rand.New(rand.NewPCG(5, 6))
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: make([]float64, n)}
	p, truth := make([]float64, 2*n), make([]float64, n)
	for i := range n {
		s := 1.5 * r.NormFloat64()
		truth[i] = 1 / (1 + math.Exp(-s))
		if r.Float64() < truth[i] {
			l.Y[i] = 1
		}
		p[2*i+1] = say(s)
		p[2*i] = 1 - p[2*i+1]
	}
	return l, p, truth
}

// Each method recovers the truth from a distortion that it can describe: the mean error of the probabilities falls to what n rows leave.
func TestCalibrateRecoversTheTruth(t *testing.T) {
	sigmoid := func(s float64) float64 { return 1 / (1 + math.Exp(-s)) }
	for _, c := range []struct {
		method string
		say    func(float64) float64
		limit  float64
	}{
		{model.Platt, func(s float64) float64 { return sigmoid(3*s - 1) }, 0.01},
		{model.Beta, func(s float64) float64 { return sigmoid(3*s - 1) }, 0.01},
		{model.Beta, func(s float64) float64 { return math.Pow(sigmoid(s), 3) }, 0.02}, // ln p alone says it all
		{model.Isotonic, func(s float64) float64 { return math.Pow(sigmoid(s), 3) }, 0.02},
		{model.Isotonic, func(s float64) float64 { return math.Round(20*sigmoid(2*s)) / 20 }, 0.03},
	} {
		l, p, truth := distorted(20_000, c.say)
		by, err := Calibrate(c.method, l, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		var before, after float64
		for i := range truth {
			q := []float64{p[2*i], p[2*i+1]}
			before += math.Abs(q[1]-truth[i]) / float64(len(truth))
			by.Apply(q)
			after += math.Abs(q[1]-truth[i]) / float64(len(truth))
			if math.Abs(q[0]+q[1]-1) > 1e-12 {
				t.Fatalf("%s: %v", c.method, q)
			}
		}
		if after > c.limit || before < 3*c.limit {
			t.Errorf("%s: mean error %.4f before, %.4f after", c.method, before, after)
		}
	}
}

// A weight of two is the same as the row twice.
func TestCalibrationWeightsCount(t *testing.T) {
	l, p, _ := distorted(500, func(s float64) float64 { return 1 / (1 + math.Exp(-2*s)) })
	weight := make([]float64, 500)
	twice, rows := l, []int{}
	for i := range weight {
		weight[i] = float64(1 + i%2)
		for range 1 + i%2 {
			rows = append(rows, i)
		}
	}
	twice = l.Take(rows)
	var q []float64
	for _, i := range rows {
		q = append(q, p[2*i:2*i+2]...)
	}
	for _, method := range Calibrations(dataset.Binary) {
		a, err := Calibrate(method, l, p, weight)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Calibrate(method, twice, q, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []float64{0.01, 0.3, 0.5, 0.9} {
			x, y := []float64{1 - v, v}, []float64{1 - v, v}
			a.Apply(x)
			b.Apply(y)
			if math.Abs(x[1]-y[1]) > 1e-6 {
				t.Errorf("%s of %v: %v with weights, %v with rows", method, v, x[1], y[1])
			}
		}
	}
}

// The right power is found where probabilities were raised to another.
func TestTemperature(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	n := 20_000
	l := dataset.Labels{Name: "y", Task: dataset.Multiclass, Classes: []string{"a", "b", "c"}, Y: make([]float64, n)}
	p := make([]float64, 3*n)
	for i := range n {
		var sum, over float64
		q := []float64{math.Exp(r.NormFloat64()), math.Exp(r.NormFloat64()), math.Exp(r.NormFloat64())}
		for _, v := range q {
			sum += v
		}
		at := r.Float64() * sum
		for k, v := range q {
			if at -= v; at < 0 {
				l.Y[i] = float64(k)
				break
			}
		}
		for k, v := range q {
			p[3*i+k] = math.Pow(v, 4)
			over += p[3*i+k]
		}
		for k := range q {
			p[3*i+k] /= over
		}
	}
	c, err := Calibrate(model.Temperature, l, p, nil)
	if err != nil || math.Abs(c.A-0.25) > 0.01 {
		t.Errorf("%+v, %v: the power is 1/4", c, err)
	}
}
