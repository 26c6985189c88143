package evaluate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// sumTolerance is how far a row of probabilities may be from one: captured predictions are often rounded to three decimals.
const sumTolerance = 0.005

// Measure is every metric of the task, on predictions p of the rows of l: row-major, one column a class in the order of l.Classes
// (binary: [p0, p1]), or one value a row for regression.
//
//	binary      auc log_loss brier ece accuracy f1
//	multiclass  auc (mean of one against the rest) log_loss brier ece accuracy f1 (macro)
//	regression  rmse mae r2
//
// The 95 % intervals: auc from DeLong's variance on the log-odds scale (exact binomial when the classes are perfectly separated);
// accuracy and binary f1 Wilson's; rmse the delta method on the log scale; the others the delta method. No interval is bootstrapped, so
// none needs a seed. Rows are taken to be independent.
//
// The auc is NaN where one of the classes does not occur. The error, Invalid, names everything that is wrong with the input.
func Measure(l dataset.Labels, p []float64) (Metrics, error) {
	problems := append(checkLabels(l), checkPredictions("predictions", l, p)...)
	if len(problems) > 0 {
		return nil, fault.Invalidf("measure %d predictions of %q", l.Len(), l.Name).With(problems...)
	}
	m := Metrics{}
	if l.Task == dataset.Regression {
		m[NameRMSE] = logWald(rmseInfluence(l.Y, p))
		m[NameMAE] = wald(meanInfluence(absoluteErrors(l.Y, p)), 0, math.Inf(1))
		m[NameR2] = wald(r2Influence(l.Y, p), math.Inf(-1), 1)
		if l.Len() < 2 {
			m[NameR2] = undefined(l.Len())
		}
		return m, nil
	}
	width := len(l.Classes)
	m[NameAUC] = areaEstimate(l, p)
	m[NameLogLoss] = wald(meanInfluence(logLosses(l.Y, p, width)), 0, math.Inf(1))
	m[NameBrier] = wald(meanInfluence(brierLosses(l.Y, p, width)), 0, math.Min(2, float64(width)-1))
	m[NameECE] = wald(newReliability(l.Y, p, width).influence(), 0, 1)
	m[NameAccuracy] = accuracyEstimate(l.Y, p, width)
	m[NameF1] = f1Estimate(l.Y, p, width)
	return m, nil
}

// of are the metrics of a task.
func of(task dataset.Task) []string {
	if task == dataset.Regression {
		return []string{NameRMSE, NameMAE, NameR2}
	}
	return []string{NameAUC, NameLogLoss, NameBrier, NameECE, NameAccuracy, NameF1}
}

// statistic is a metric of the task as one figure with each row's part in it.
func statistic(metric string, l dataset.Labels, p []float64) influence {
	width := len(l.Classes)
	switch metric {
	case NameAUC:
		return area(l, p)
	case NameLogLoss:
		return meanInfluence(logLosses(l.Y, p, width))
	case NameBrier:
		return meanInfluence(brierLosses(l.Y, p, width))
	case NameECE:
		return newReliability(l.Y, p, width).influence()
	case NameAccuracy:
		return meanInfluence(indicators(rights(l.Y, p, width)))
	case NameF1:
		return f1Influence(l.Y, p, width)
	case NameMAE:
		return meanInfluence(absoluteErrors(l.Y, p))
	case NameR2:
		return r2Influence(l.Y, p)
	}
	return rmseInfluence(l.Y, p)
}

func indicators(b []bool) []float64 {
	v := make([]float64, len(b))
	for i, yes := range b {
		if yes {
			v[i] = 1
		}
	}
	return v
}

// Score is one metric of the task alone, without an interval: what a search over many models compares.
func Score(metric string, l dataset.Labels, p []float64) (float64, error) {
	problems := append(checkLabels(l), checkPredictions("predictions", l, p)...)
	problems = append(problems, checkMetric(metric, l.Task)...)
	if len(problems) > 0 {
		return 0, fault.Invalidf("score predictions of %q", l.Name).With(problems...)
	}
	return statistic(metric, l, p).value, nil
}

func checkMetric(metric string, task dataset.Task) []fault.Detail {
	if slices.Contains(of(task), metric) {
		return nil
	}
	return []fault.Detail{{Field: "metric", Code: "unknown_metric", Got: metric, Expected: "one of " + strings.Join(of(task), ", ")}}
}

// Difference is by how much predictions b are better than predictions a of the same rows in one metric: above zero is better,
// whichever way the metric runs. Its standard error is that of the paired difference (delta method; DeLong's for the auc), so
// it is far smaller than either figure's own where the two err on the same rows.
func Difference(metric string, l dataset.Labels, a, b []float64) (Estimate, error) {
	problems := checkLabels(l)
	problems = append(problems, checkPredictions("a", l, a)...)
	problems = append(problems, checkPredictions("b", l, b)...)
	problems = append(problems, checkMetric(metric, l.Task)...)
	if len(problems) > 0 {
		return Estimate{}, fault.Invalidf("compare two sets of predictions of %q", l.Name).With(problems...)
	}
	return wald(improvement(metric, l, a, b), math.Inf(-1), math.Inf(1)), nil
}

// improvement is Difference's figure, of valid input.
func improvement(metric string, l dataset.Labels, a, b []float64) influence {
	worse, better := statistic(metric, l, a), statistic(metric, l, b)
	if !Greater(metric) {
		worse, better = better, worse
	}
	return better.minus(worse)
}

// area is the AUC of the positive class, or the mean of those of all classes.
func area(l dataset.Labels, p []float64) influence {
	if len(l.Classes) == 2 {
		return areaInfluence(l.Y, column(p, 2, 1), []int{1})
	}
	classes := make([]int, len(l.Classes))
	for k := range classes {
		classes[k] = k
	}
	return areaInfluence(l.Y, p, classes)
}

func areaEstimate(l dataset.Labels, p []float64) Estimate {
	counts := l.Counts()
	rarest := slices.Min(counts)
	if rarest == 0 {
		return undefined(l.Len())
	}
	return logitWald(area(l, p), rarest)
}

func accuracyEstimate(y, p []float64, width int) Estimate {
	k := 0
	for _, right := range rights(y, p, width) {
		if right {
			k++
		}
	}
	low, high := wilson(k, len(y))
	a := float64(k) / float64(len(y))
	return estimate(a, low, high, math.Sqrt(a*(1-a)/float64(len(y))), len(y))
}

func f1Estimate(y, p []float64, width int) Estimate {
	in := f1Influence(y, p, width)
	c := confusions(y, p, width)
	if width == 2 {
		low, high := c[1].interval()
		return estimate(in.value, low, high, in.se(), len(y))
	}
	if in.value > 0 && in.value < 1 {
		return wald(in, 0, 1)
	}
	// All right or all wrong: the delta method sees no noise, so the mean of the classes' own bounds.
	var low, high, n float64
	for _, k := range c {
		if k.hit+k.miss > 0 {
			l, h := k.interval()
			low, high, n = low+l, high+h, n+1
		}
	}
	return estimate(in.value, low/n, high/n, in.se(), len(y))
}

func column(p []float64, width, k int) []float64 {
	c := make([]float64, len(p)/width)
	for i := range c {
		c[i] = p[i*width+k]
	}
	return c
}

// checkLabels finds labels that nothing can be measured against.
func checkLabels(l dataset.Labels) (d []fault.Detail) {
	classes := len(l.Classes)
	switch {
	case l.Task != dataset.Binary && l.Task != dataset.Multiclass && l.Task != dataset.Regression:
		return []fault.Detail{{Field: "task", Code: "unknown_task", Got: string(l.Task), Expected: "binary, multiclass or regression"}}
	case l.Task == dataset.Binary && classes != 2, l.Task == dataset.Multiclass && classes < 2:
		return []fault.Detail{{Field: "classes", Code: "out_of_range", Got: classes, Expected: "2 for a binary task, at least 2 for a multiclass one"}}
	case l.Len() == 0:
		return []fault.Detail{{Field: "labels", Code: "empty", Expected: "at least one labelled row"}}
	}
	if l.Task == dataset.Regression {
		return offenders(d, "labels", "non_finite", "a finite value in every row", l.Len(), func(i int) bool { return !finite(l.Y[i]) })
	}
	expected := fmt.Sprintf("a class index from 0 to %d in every row", classes-1)
	return offenders(d, "labels", "out_of_range", expected, l.Len(), func(i int) bool {
		k := int(l.Y[i])
		return !finite(l.Y[i]) || float64(k) != l.Y[i] || k < 0 || k >= classes
	})
}

// checkPredictions finds predictions that do not fit the labels or are no predictions.
func checkPredictions(field string, l dataset.Labels, p []float64) (d []fault.Detail) {
	width := max(1, len(l.Classes))
	if l.Task == dataset.Regression {
		width = 1
	}
	if len(p) != l.Len()*width {
		return []fault.Detail{{Field: field, Code: "wrong_length", Got: len(p), Expected: fmt.Sprintf("%d = %d rows x %d", l.Len()*width, l.Len(), width)}}
	}
	d = offenders(d, field, "non_finite", "finite numbers", l.Len(), func(i int) bool {
		return !allOf(p[i*width:(i+1)*width], finite)
	})
	if len(d) > 0 || l.Task == dataset.Regression {
		return d
	}
	d = offenders(d, field, "out_of_range", "probabilities in [0, 1]", l.Len(), func(i int) bool {
		return !allOf(p[i*width:(i+1)*width], func(v float64) bool { return v >= 0 && v <= 1 })
	})
	return offenders(d, field, "not_a_distribution", "probabilities that sum to one in every row", l.Len(), func(i int) bool {
		var sum float64
		for _, v := range p[i*width : (i+1)*width] {
			sum += v
		}
		return math.Abs(sum-1) > sumTolerance*float64(width)
	})
}

// offenders adds one problem when any row is bad: how many are, and the first.
func offenders(d []fault.Detail, field, code, expected string, n int, bad func(int) bool) []fault.Detail {
	count, first := 0, 0
	for i := range n {
		if bad(i) {
			if count == 0 {
				first = i
			}
			count++
		}
	}
	if count == 0 {
		return d
	}
	return append(d, fault.Detail{Field: field, Code: code, Got: fmt.Sprintf("%d of %d rows", count, n), Expected: expected, Row: fault.Row(first)})
}

func allOf(v []float64, ok func(float64) bool) bool {
	for _, x := range v {
		if !ok(x) {
			return false
		}
	}
	return true
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
