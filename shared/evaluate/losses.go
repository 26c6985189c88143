package evaluate

import (
	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Losses is each row's own part of log_loss (nats) or rmse (squared error, in the target's unit squared): what is compared row by row where rows are
// weighted, or drawn again. Shapes as Measure; the error, Invalid, names what is wrong, or a metric that is no mean over rows.
func Losses(metric string, l dataset.Labels, p []float64) ([]float64, error) {
	problems := append(checkLabels(l), checkPredictions("predictions", l, p)...)
	problems = append(problems, checkMetric(metric, l.Task)...)
	switch {
	case len(problems) > 0:
	case metric == NameLogLoss:
		return logLosses(l.Y, p, len(l.Classes)), nil
	case metric == NameRMSE:
		return squaredErrors(l.Y, p), nil
	default:
		problems = append(problems, fault.Detail{Field: "metric", Code: "unknown_metric", Got: metric, Expected: NameLogLoss + " or " + NameRMSE})
	}
	return nil, fault.Invalidf("take the losses of %q row by row", l.Name).With(problems...)
}

// Of are the metrics that Measure gives for a task.
func Of(task dataset.Task) []string { return of(task) }
