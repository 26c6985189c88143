package training

import (
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/model/fit"
)

// A row that stands twice is never tested on a model that learnt from its twin.
func TestTwinsShareAFold(t *testing.T) {
	var x, y []float64
	for i := range 60 {
		x, y = append(x, float64(i%30)), append(y, float64(i%2))
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("x", x))
	if err != nil {
		t.Fatal(err)
	}
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: y}
	d, err := fit.NewData(f, l)
	if err != nil {
		t.Fatal(err)
	}
	fold := dataset.Folds(l, 5, 1)
	apart := 0
	for i := range 30 {
		if fold[i] != fold[i+30] {
			apart++
		}
	}
	if apart == 0 {
		t.Fatal("no twins stood apart before: the test shows nothing")
	}
	together(d, fold)
	for i := range 30 {
		if fold[i] != fold[i+30] {
			t.Errorf("rows %d and %d are equal and stand in folds %d and %d", i, i+30, fold[i], fold[i+30])
		}
	}
}

// Where moving twins would take a class out of a fold, the folds stay as they were.
func TestTwinsDoNotEmptyAFold(t *testing.T) {
	f, err := dataset.NewFrame(dataset.NumericColumn("x", make([]float64, 10)))
	if err != nil {
		t.Fatal(err)
	}
	l := dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: []float64{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}}
	d, err := fit.NewData(f, l)
	if err != nil {
		t.Fatal(err)
	}
	fold := dataset.Folds(l, 5, 1)
	before := append([]int{}, fold...)
	together(d, fold)
	for i := range fold {
		if fold[i] != before[i] {
			t.Fatalf("ten equal rows were moved from %v to %v", before, fold)
		}
	}
}
