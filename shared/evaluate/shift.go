package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// flips counts the rows on which exactly one of the two is right (for regression: on which either is nearer) and tests whether the
// champion wins more of them than chance explains. McNemar, Psychometrika 12 (1947), in its exact form.
func flips(in Input) Check {
	better, worse := 0, 0 // rows the challenger wins, and loses
	sign := make([]float64, in.Labels.Len())
	win := func(i int, by float64) {
		switch {
		case by > 0:
			better, sign[i] = better+1, 1
		case by < 0:
			worse, sign[i] = worse+1, -1
		}
	}
	check := Check{Name: CheckFlips, N: len(sign), Advisory: true, Rule: "the champion does not win significantly more of the differing rows (p >= 0.05)"}
	test := "McNemar's exact test"
	if in.Labels.Task == dataset.Regression {
		test = "sign test"
		before, after := absoluteErrors(in.Labels.Y, in.Champion), absoluteErrors(in.Labels.Y, in.Challenger)
		for i := range sign {
			win(i, before[i]-after[i])
		}
		check.Champion, check.Challenger = number.Float(float64(worse)/float64(len(sign))), number.Float(float64(better)/float64(len(sign)))
	} else {
		width := len(in.Labels.Classes)
		before, after := indicators(rights(in.Labels.Y, in.Champion, width)), indicators(rights(in.Labels.Y, in.Challenger, width))
		for i := range sign {
			win(i, after[i]-before[i])
		}
		check.Champion, check.Challenger = number.Float(mean(before)), number.Float(mean(after))
	}
	e := wald(meanInfluence(sign), -1, 1)
	check.Diff, check.CI95 = e.Value, [2]number.Float{e.Low, e.High}
	probability := signTest(better, worse)
	check.Passed = probability >= 0.05 || better > worse
	check.Note = fmt.Sprintf("challenger better on %d rows, worse on %d; %s p = %.3g", better, worse, test, probability)
	return check
}

// signTest is the two-sided exact probability of a split at least as uneven as a : b where both sides are equally likely.
func signTest(a, b int) float64 {
	n := a + b
	all, _ := math.Lgamma(float64(n + 1))
	var sum float64
	for k := range min(a, b) + 1 {
		chosen, _ := math.Lgamma(float64(k + 1))
		left, _ := math.Lgamma(float64(n - k + 1))
		sum += math.Exp(all - chosen - left - float64(n)*math.Ln2)
	}
	return min(1, 2*sum)
}

// scoreBins is the number of the champion's quantile bins in which scores are counted.
const scoreBins = 10

// scoreShift is the population stability index of the challenger's scores against the champion's on the same rows: of the positive
// class's probability, of the predicted class for more than two classes, of the value for regression.
//
//	PSI = sum over bins of (q - p) ln(q / p), each count raised by one half so that an empty bin costs no infinity
//
// Siddiqi, Credit Risk Scorecards (2006).
func (p Policy) scoreShift(in Input) Check {
	check := bare(CheckScoreShift, in.Labels.Len(), fmt.Sprintf("PSI <= %g", p.ScorePSIMax), true)
	check.Advisory = in.First || in.Labels.Task == dataset.Regression || !p.RefuseScoreShift
	if in.First {
		check.Note = "not applicable: there is no champion yet"
		return check
	}
	var before, after []float64
	var bin func(v float64) int
	bins := 0
	if width := len(in.Labels.Classes); width > 2 {
		before, after = classesOf(in.Champion, width), classesOf(in.Challenger, width)
		bins, bin = width, func(v float64) int { return int(v) }
		check.Note = "of the predicted classes"
	} else {
		before, after = in.Champion, in.Challenger
		if width == 2 {
			before, after = column(before, 2, 1), column(after, 2, 1)
		}
		check.Champion, check.Challenger = number.Float(mean(before)), number.Float(mean(after))
		edges := quantileEdges(before)
		bins, bin = len(edges)+1, func(v float64) int { return sort.SearchFloat64s(edges, v) }
		check.Note = "mean score of either; diff is the PSI"
	}
	psi := stabilityIndex(before, after, bins, bin)
	check.Diff, check.Passed = number.Float(psi), psi <= p.ScorePSIMax
	return check
}

func classesOf(p []float64, width int) []float64 {
	c := make([]float64, len(p)/width)
	for i := range c {
		c[i] = float64(predicted(p[i*width : (i+1)*width]))
	}
	return c
}

// quantileEdges are the distinct inner deciles; a value equal to an edge lies below it.
func quantileEdges(v []float64) []float64 {
	sorted := slices.Sorted(slices.Values(v))
	var edges []float64
	for k := 1; k < scoreBins; k++ {
		edges = append(edges, quantile(sorted, float64(k)/scoreBins))
	}
	return slices.Compact(edges)
}

func stabilityIndex(before, after []float64, bins int, bin func(float64) int) float64 {
	expected, actual := make([]float64, bins), make([]float64, bins)
	for i := range expected {
		expected[i], actual[i] = 0.5, 0.5
	}
	for i := range before {
		expected[bin(before[i])]++
		actual[bin(after[i])]++
	}
	total := float64(len(before)) + float64(bins)/2
	var psi float64
	for i := range expected {
		psi += float64((actual[i] - expected[i]) / total * math.Log(actual[i]/expected[i]))
	}
	return psi
}

// shownDisagreements is how many of the largest disagreements a report lists.
const shownDisagreements = 10

// disagreements are the rows on which the two differ most in the probability of the actual class, or in value; equal ones by row. There
// are none to show against the naive baseline, which says the same of every row.
func disagreements(in Input) []Disagreement {
	if in.First {
		return nil
	}
	width := len(in.Champion) / in.Labels.Len()
	all := make([]Disagreement, 0, in.Labels.Len())
	for i, y := range in.Labels.Y {
		at := i * width
		if in.Labels.Task != dataset.Regression {
			at += int(y)
		}
		if in.Champion[at] != in.Challenger[at] {
			d := Disagreement{Row: i, Actual: number.Float(y), Champion: number.Float(in.Champion[at]), Challenger: number.Float(in.Challenger[at])}
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b Disagreement) int {
		return cmp.Compare(math.Abs(float64(b.Challenger-b.Champion)), math.Abs(float64(a.Challenger-a.Champion)))
	})
	return slices.Clone(all[:min(len(all), shownDisagreements)])
}
