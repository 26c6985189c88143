package evaluate

import (
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Names of the metrics that Detail adds to those of Measure.
const (
	NameAveragePrecision = "average_precision" // area under the precision-recall steps; multiclass: unweighted mean of one class against the rest
	NamePrecision        = "precision"         // TP / (TP + FP); multiclass: macro
	NameRecall           = "recall"            // TP / (TP + FN); multiclass: macro
	NameSpecificity      = "specificity"       // TN / (TN + FP); multiclass: macro
	NameMCC              = "mcc"               // Matthews correlation coefficient, in [-1, 1]
	NameMAPE             = "mape"              // mean absolute percentage error, as a share: 0.1 is 10 %
	NameBias             = "bias"              // mean of prediction minus truth, in the target's unit
	NameMaxError         = "max_error"         // greatest absolute error, in the target's unit; it has no interval
)

// Detail is every metric of the task, those of Measure and
//
//	binary      average_precision precision recall specificity mcc
//	multiclass  the same, macro-averaged over the classes that occur or were predicted; mcc is Gorodkin's R_K
//	regression  mape bias max_error
//
// A row is called positive from the threshold on (binary; accuracy and f1 too; Measure always takes 0.5). A ratio whose denominator is
// zero is 0, as scikit-learn has it. The 95 % intervals: binary precision, recall and specificity Wilson's; average_precision the logit
// interval of Boyd, Eng & Page (ECML 2013) with as many trials as the rarer class has rows; mcc and the macro averages the jackknife and
// the delta method; mape and bias the delta method.
//
// mape divides by the magnitude of the truth, and leaves out rows whose truth is zero: its N says how many are left, and with none it is
// NaN. (Evidently divides by the signed truth, bounded below by 2^-52, so that one negative target makes 1e15 of it; scikit-learn keeps zeros at
// that bound.) The error is Measure's; the auc and the average precision of absent classes are NaN.
func Detail(l dataset.Labels, p []float64, threshold float64) (Metrics, error) {
	m, err := Measure(l, p)
	if err != nil {
		return nil, err
	}
	if l.Task == dataset.Regression {
		m[NameMAPE] = percentageEstimate(l.Y, p)
		m[NameBias] = wald(meanInfluence(differences(l.Y, p)), math.Inf(-1), math.Inf(1))
		most := undefined(l.Len())
		most.Value = estimate(slices.Max(absoluteErrors(l.Y, p)), 0, 0, 0, 0).Value
		m[NameMaxError] = most
		return m, nil
	}
	if !(threshold >= 0 && threshold <= 1) {
		return nil, fault.Invalidf("measure predictions of %q at the threshold %g: it is a probability, from 0 to 1", l.Name, threshold)
	}
	width := len(l.Classes)
	hard := decided(p, width, threshold)
	m[NameAccuracy], m[NameF1] = accuracyEstimate(l.Y, hard, width), f1Estimate(l.Y, hard, width)
	c := newCross(l.Y, hard, width)
	m[NamePrecision], m[NameRecall], m[NameSpecificity] = c.estimate(cross.precision), c.estimate(cross.recall), c.estimate(cross.specificity)
	m[NameMCC] = c.correlation()
	m[NameAveragePrecision] = averagePrecisionEstimate(l, p)
	return m, nil
}

// decided turns probabilities into certainties: of two classes by the threshold, of more the most probable.
func decided(p []float64, width int, threshold float64) []float64 {
	hard := make([]float64, len(p))
	for i := 0; i < len(p); i += width {
		k := argmax(p[i : i+width])
		if width == 2 {
			if k = 0; p[i+1] >= threshold {
				k = 1
			}
		}
		hard[i+k] = 1
	}
	return hard
}

// differences are predictions minus truths.
func differences(y, p []float64) []float64 {
	d := make([]float64, len(y))
	for i := range y {
		d[i] = p[i] - y[i]
	}
	return d
}

func percentageEstimate(y, p []float64) Estimate {
	var shares []float64
	for i, e := range absoluteErrors(y, p) {
		if y[i] != 0 {
			shares = append(shares, e/math.Abs(y[i]))
		}
	}
	if len(shares) == 0 {
		return undefined(0)
	}
	return wald(meanInfluence(shares), 0, math.Inf(1))
}

// AveragePrecision is the sum over distinct scores, from the greatest, of the gain in recall times the precision so far: y is 1 or 0, both of
// one length. NaN without a positive. It is scikit-learn's average_precision_score.
func AveragePrecision(y, score []float64) float64 {
	r := newRanking(isClass(y, 1), score)
	var total, hits, seen, found float64
	for _, positive := range r.positive {
		if positive {
			total++
		}
	}
	if total == 0 {
		return math.NaN()
	}
	var ap float64
	for k := len(r.order) - 1; k >= 0; k-- {
		if seen++; r.positive[r.order[k]] {
			hits++
		}
		if k == 0 || r.last[k-1] {
			ap += float64((hits - found) / total * (hits / seen))
			found = hits
		}
	}
	return ap
}

func averagePrecisionEstimate(l dataset.Labels, p []float64) Estimate {
	width, counts := len(l.Classes), l.Counts()
	if slices.Min(counts) == 0 {
		return undefined(l.Len())
	}
	classes, one := make([]int, 0, width), make([]float64, l.Len())
	for k := range width {
		if width > 2 || k == 1 {
			classes = append(classes, k)
		}
	}
	var value, variance float64
	for _, k := range classes {
		for i, y := range l.Y {
			if one[i] = 0; int(y) == k {
				one[i] = 1
			}
		}
		ap := AveragePrecision(one, column(p, width, k))
		value += ap / float64(len(classes))
		variance += ap * (1 - ap) / float64(counts[k]) / float64(len(classes)*len(classes))
	}
	return logitShare(value, math.Sqrt(variance), slices.Min(counts), l.Len())
}
