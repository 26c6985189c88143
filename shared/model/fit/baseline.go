package fit

import (
	"mlops/shared/dataset"
	"mlops/shared/model"
)

// Baseline fits the predictor that ignores every feature: shares of the classes, or the mean.
type Baseline struct{}

// Algorithm is "baseline".
func (Baseline) Algorithm() string { return "baseline" }

// Params has none.
func (Baseline) Params() map[string]any { return map[string]any{} }

// Complexity is the least.
func (Baseline) Complexity() int { return 0 }

// Fit measures the shares or the mean.
func (Baseline) Fit(d *Data, _ Options) (model.Predictor, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if d.Labels.Task == dataset.Regression {
		mean, _ := d.moments()
		return &model.Baseline{Task: d.Labels.Task, P: []float64{mean}}, nil
	}
	return &model.Baseline{Task: d.Labels.Task, P: d.shares()}, nil
}
