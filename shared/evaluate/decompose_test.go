package evaluate

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
)

func TestBrierPartsEqualThePapers(t *testing.T) {
	for i, c := range readOracle(t).Murphy {
		b, err := DecomposeBrier(labels(dataset.Binary, 2, c.Y), probabilities(c.P))
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]float64{"reliability": {float64(b.Reliability), c.Reliability}, "resolution": {float64(b.Resolution), c.Resolution},
			"uncertainty": {float64(b.Uncertainty), c.Uncertainty}, "within": {float64(b.Within), c.Within}} {
			if !near(pair[0], pair[1]) {
				t.Errorf("case %d: %s = %v, by the papers %v", i, name, pair[0], pair[1])
			}
		}
	}
}

func TestBrierPartsSumToTheScore(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		classes := 2 + random.IntN(3)
		task := dataset.Multiclass
		if classes == 2 {
			task = dataset.Binary
		}
		n := 1 + random.IntN(80)
		y, p := make([]float64, n), make([]float64, 0, n*classes)
		for i := range y {
			y[i] = float64(random.IntN(classes))
			sum, row := 0.0, make([]float64, classes)
			for k := range row {
				row[k] = random.ExpFloat64()
				sum += row[k]
			}
			for _, v := range row {
				p = append(p, v/sum)
			}
		}
		b, err := DecomposeBrier(labels(task, classes, y), p)
		if err != nil {
			t.Fatal(err)
		}
		if sum := b.Reliability - b.Resolution + b.Uncertainty + b.Within; math.Abs(float64(sum-b.Brier)) > 1e-12 {
			t.Errorf("the parts of %d rows and %d classes sum to %v, the score is %v", n, classes, sum, b.Brier)
		}
	}
	if _, err := DecomposeBrier(labels(dataset.Regression, 0, []float64{1}), []float64{1}); err == nil {
		t.Error("a regression has a Brier score")
	}
}

func TestLossesOfRegressionEqualScikitLearn(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.Quantile {
		e, err := Quantile(labels(dataset.Regression, 0, c.Y), c.P, c.Alpha)
		if err != nil || !near(float64(e.Value), c.Loss) || !(e.Low < e.Value && e.Value < e.High) {
			t.Errorf("quantile loss at %v = %v (%v), scikit-learn has %v", c.Alpha, e, err, c.Loss)
		}
	}
	e, err := Poisson(labels(dataset.Regression, 0, o.Poisson.Y), o.Poisson.P)
	if err != nil || !near(float64(e.Value), o.Poisson.Deviance) || !(e.Low < e.Value && e.Value < e.High) {
		t.Errorf("Poisson deviance = %v (%v), scikit-learn has %v", e, err, o.Poisson.Deviance)
	}
	if _, err := Quantile(labels(dataset.Regression, 0, []float64{1}), []float64{1}, 1); err == nil {
		t.Error("a quantile of 1 was measured")
	}
	if _, err := Poisson(labels(dataset.Regression, 0, []float64{-1}), []float64{1}); err == nil {
		t.Error("a negative count was measured")
	}
}
