// Package evaluate measures predictions against labels and judges a challenger against a champion on the same rows. Every figure
// carries a 95 % interval, because a difference without its noise decides nothing.
//
// Definitions are those of scikit-learn (ties, clipping, absent classes); testdata/oracle/metrics.json holds its numbers.
package evaluate

import (
	"mlops/shared/dataset"
	"mlops/shared/number"
)

// Names of the metrics, as they are spelt in JSON.
const (
	NameAUC      = "auc"      // area under the ROC curve; multiclass: unweighted mean of one class against the rest
	NameLogLoss  = "log_loss" // mean negative log-likelihood, natural logarithm
	NameBrier    = "brier"    // mean squared error of the probabilities
	NameECE      = "ece"      // expected calibration error, ten bins
	NameAccuracy = "accuracy" // share of right classes
	NameF1       = "f1"       // harmonic mean of precision and recall; multiclass: unweighted mean over the classes
	NameRMSE     = "rmse"     // root mean squared error, in the target's unit
	NameMAE      = "mae"      // mean absolute error, in the target's unit
	NameR2       = "r2"       // coefficient of determination
)

// Estimate is a figure with its 95 % interval. What a figure is not defined for (an AUC where one class is absent) is NaN throughout.
type Estimate struct {
	Value number.Float `json:"value"`
	Low   number.Float `json:"low"`
	High  number.Float `json:"high"`
	SE    number.Float `json:"se"` // standard error of Value
	N     int          `json:"n"`  // rows it was measured on
}

// Metrics are estimates by name.
type Metrics map[string]Estimate

// Primary is the metric that selects a model and decides its promotion: auc for two classes (it does not depend on a threshold or
// on the class balance), log_loss for more, rmse for a number.
func Primary(task dataset.Task) string {
	switch task {
	case dataset.Binary:
		return NameAUC
	case dataset.Multiclass:
		return NameLogLoss
	}
	return NameRMSE
}

// Greater reports whether a greater value of the metric is better.
func Greater(metric string) bool {
	switch metric {
	case NameAUC, NameAccuracy, NameF1, NameR2, NameAveragePrecision, NamePrecision, NameRecall, NameSpecificity, NameMCC:
		return true
	}
	return false
}
