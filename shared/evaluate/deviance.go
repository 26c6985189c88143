package evaluate

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Names of the losses of regression that depend on what is predicted: a quantile, or a count.
const (
	NameQuantileLoss    = "quantile_loss"    // mean pinball loss, in the target's unit
	NamePoissonDeviance = "poisson_deviance" // mean unit deviance of counts
)

// quantileLosses are each row's pinball loss.
func quantileLosses(y, p []float64, alpha float64) []float64 {
	loss := make([]float64, len(y))
	for i := range y {
		d := y[i] - p[i]
		loss[i] = max(float64(alpha*d), float64((alpha-1)*d))
	}
	return loss
}

// QuantileLoss is the mean pinball loss of predictions of the alpha-quantile, 0 < alpha < 1: half the absolute error for the median.
//
//	1/n sum max(alpha (y - p), (alpha - 1)(y - p))
//
// y and p have one length. It is scikit-learn's mean_pinball_loss. Koenker & Bassett, Econometrica 46 (1978).
func QuantileLoss(y, p []float64, alpha float64) float64 { return mean(quantileLosses(y, p, alpha)) }

// poissonDeviances are each row's unit deviance; infinite where a count was given a mean of zero or less.
func poissonDeviances(y, p []float64) []float64 {
	loss := make([]float64, len(y))
	for i := range y {
		switch {
		case p[i] <= 0:
			loss[i] = math.Inf(1)
		case y[i] == 0:
			loss[i] = 2 * p[i]
		default:
			loss[i] = 2 * (y[i]*math.Log(y[i]/p[i]) - y[i] + p[i])
		}
	}
	return loss
}

// PoissonDeviance is the mean deviance of counts y >= 0 from predicted means p > 0; +Inf where a mean is not positive.
//
//	2/n sum (y log(y/p) - y + p), y log y = 0 at 0
//
// It is scikit-learn's mean_poisson_deviance. McCullagh & Nelder, Generalized Linear Models (1989), 2.3.
func PoissonDeviance(y, p []float64) float64 { return mean(poissonDeviances(y, p)) }

// Quantile is QuantileLoss with its 95 % interval by the delta method. The error is QuantileLosses'.
func Quantile(l dataset.Labels, p []float64, alpha float64) (Estimate, error) {
	return lossOf(QuantileLosses(l, p, alpha))
}

// QuantileLosses is each row's part of QuantileLoss, of which that is the mean. The error is Measure's, and Invalid for an alpha that is no quantile.
func QuantileLosses(l dataset.Labels, p []float64, alpha float64) ([]float64, error) {
	if !(alpha > 0 && alpha < 1) {
		return nil, fault.Invalidf("measure predictions of %q as the quantile %g: it lies between 0 and 1", l.Name, alpha)
	}
	if err := checkValues(l, p); err != nil {
		return nil, err
	}
	return quantileLosses(l.Y, p, alpha), nil
}

// Poisson is PoissonDeviance with its 95 % interval by the delta method. The error is PoissonDeviances'.
func Poisson(l dataset.Labels, p []float64) (Estimate, error) { return lossOf(PoissonDeviances(l, p)) }

// PoissonDeviances is each row's part of PoissonDeviance, of which that is the mean. The error is Measure's, and Invalid for a negative count.
func PoissonDeviances(l dataset.Labels, p []float64) ([]float64, error) {
	negative := offenders(nil, "labels", "out_of_range", "a count of zero or more in every row", l.Len(), func(i int) bool { return l.Y[i] < 0 })
	if len(negative) > 0 {
		return nil, fault.Invalidf("measure predictions of the counts %q", l.Name).With(negative...)
	}
	if err := checkValues(l, p); err != nil {
		return nil, err
	}
	return poissonDeviances(l.Y, p), nil
}

// checkValues is what is wrong with predictions of a regression.
func checkValues(l dataset.Labels, p []float64) error {
	problems := append(checkLabels(l), checkPredictions("predictions", l, p)...)
	problems = append(problems, checkMetric(NameRMSE, l.Task)...)
	if len(problems) > 0 {
		return fault.Invalidf("measure %d predictions of %q", l.Len(), l.Name).With(problems...)
	}
	return nil
}

// lossOf is the mean of rows' losses.
func lossOf(losses []float64, err error) (Estimate, error) {
	if err != nil {
		return Estimate{}, err
	}
	return wald(meanInfluence(losses), 0, math.Inf(1)), nil
}
