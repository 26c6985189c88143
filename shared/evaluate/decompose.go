package evaluate

import (
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// BrierParts take the Brier score apart (A. Murphy, "A new vector partition of the probability score", 1973), with ten bins of equal width, and what
// bins leave out (D. Stephenson, C. Coelho & I. Jolliffe, "Two extra components in the Brier score decomposition", 2008), so that exactly
//
//	Brier = Reliability - Resolution + Uncertainty + Within
//
// For two classes of the positive one; for more the sums over the classes, each against the rest.
type BrierParts struct {
	Brier       number.Float `json:"brier"`
	Reliability number.Float `json:"reliability"` // how far outcomes lie from the probabilities given for them: 0 is calibrated
	Resolution  number.Float `json:"resolution"`  // how far outcomes differ between bins: greater is better
	Uncertainty number.Float `json:"uncertainty"` // of the outcomes themselves: p(1-p), the score of always saying p
	Within      number.Float `json:"within"`      // of probabilities that differ within a bin: their variance less twice their covariance with the outcomes
}

// DecomposeBrier takes the Brier score of predictions apart. Shapes and errors as Measure; a regression has none, Invalid.
func DecomposeBrier(l dataset.Labels, p []float64) (BrierParts, error) {
	problems := append(checkLabels(l), checkPredictions("predictions", l, p)...)
	if len(problems) == 0 {
		problems = checkMetric(NameBrier, l.Task)
	}
	if len(problems) > 0 {
		return BrierParts{}, fault.Invalidf("take the Brier score of %q apart", l.Name).With(problems...)
	}
	width := len(l.Classes)
	parts := BrierParts{Brier: number.Float(Brier(l.Y, p, width))}
	for k := range width {
		if width > 2 || k == 1 {
			parts.add(isClass(l.Y, k), column(p, width, k))
		}
	}
	return parts, nil
}

// add adds the parts of one class against the rest.
func (b *BrierParts) add(happened []bool, given []float64) {
	type bin struct{ n, outcomes, given float64 }
	var bins [calibrationBins]bin
	n, positives := float64(len(given)), 0.0
	for i, q := range given {
		at := &bins[calibrationBin(q)]
		at.n++
		at.given += q
		if happened[i] {
			at.outcomes++
			positives++
		}
	}
	base := positives / n
	for _, at := range bins {
		if at.n > 0 {
			gap, lift := at.given/at.n-at.outcomes/at.n, at.outcomes/at.n-base
			b.Reliability += number.Float(at.n * gap * gap / n)
			b.Resolution += number.Float(at.n * lift * lift / n)
		}
	}
	b.Uncertainty += number.Float(base * (1 - base))
	for i, q := range given {
		at := &bins[calibrationBin(q)]
		d, outcome := q-at.given/at.n, 0.0
		if happened[i] {
			outcome = 1
		}
		b.Within += number.Float((d*d - 2*d*(outcome-at.outcomes/at.n)) / n)
	}
}
