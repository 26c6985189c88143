package training

import (
	"math"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/model/fit"
)

// Models of the 0.9-quantile are compared by its loss. Where the spread grows with a feature and the mean does not, squared errors take one that is too
// flat to find it, since that stays nearer to the mean.
func TestQuantilesAreComparedByTheirLoss(t *testing.T) {
	quick(t)
	f, l := population(dataset.Regression, 600, 1, true)
	spreads, r := f.Column("second").Float, rand.New(rand.NewPCG(4, 4))
	for i := range l.Y {
		l.Y[i] = math.Exp(spreads[i]) * r.NormFloat64()
	}
	high := fit.Boosting{Loss: "quantile", Alpha: 0.9, Trees: 60, Leaves: 8, LearningRate: 0.1}
	flat := fit.Boosting{Loss: "quantile", Alpha: 0.9, Trees: 2, Leaves: 2, LearningRate: 0.01}
	withTable(t, fit.Baseline{}, high, flat)
	got := train(t, f, l, Spec{Algorithm: "boosting"})
	want, err := evaluate.Quantile(l, got.OutOfFold, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	if got.Criterion != evaluate.NameQuantileLoss || got.CV[evaluate.NameQuantileLoss] != want || chosen(got).Params["trees"] != 60 {
		t.Errorf("by %s, chose %s, %+v, want %+v", got.Criterion, chosen(got).Name(), got.CV[evaluate.NameQuantileLoss], want)
	}
	below := 0
	for i, y := range l.Y {
		if y <= got.OutOfFold[i] {
			below++
		}
	}
	if share := float64(below) / 600; math.Abs(share-0.9) > 0.06 {
		t.Errorf("%v of the rows are at or below their 0.9-quantile", share)
	}
	mean := float64(chosen(got).Loss)
	if math.Abs(mean-float64(want.Value)) > 0.02*mean {
		t.Errorf("mean loss of the folds %v, of all rows %v", mean, want.Value)
	}
	// Candidates of different quantiles, and auto, which may choose the naive baseline, have no loss in common.
	other := high
	other.Alpha = 0.5
	withTable(t, fit.Baseline{}, high, other)
	for _, algorithm := range []string{"boosting", Auto} {
		if r := train(t, f, l, Spec{Algorithm: algorithm}); r.Criterion != evaluate.NameRMSE {
			t.Errorf("%s is compared by %s", algorithm, r.Criterion)
		}
	}
}

func TestCountsAreComparedByTheirDeviance(t *testing.T) {
	quick(t)
	f, l := population(dataset.Regression, 400, 1, false)
	for i := range l.Y {
		l.Y[i] = math.Round(max(0, l.Y[i]-95) / 10)
	}
	r := train(t, f, l, Spec{Algorithm: "boosting", Params: map[string]any{"loss": "poisson", "trees": 40.0}})
	want, err := evaluate.Poisson(l, r.OutOfFold)
	if err != nil {
		t.Fatal(err)
	}
	if r.Criterion != evaluate.NamePoissonDeviance || r.CV[evaluate.NamePoissonDeviance] != want || math.IsInf(float64(want.Value), 0) {
		t.Errorf("by %s, %+v, want %+v", r.Criterion, r.CV[evaluate.NamePoissonDeviance], want)
	}
}
