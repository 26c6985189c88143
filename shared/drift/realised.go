package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// labelled are the rows whose label is known, of those with a valid prediction.
func (t *Tally) labelled() (rows []int) {
	for i, y := range t.labels {
		if !math.IsNaN(y) {
			rows = append(rows, i)
		}
	}
	return rows
}

// realised is the performance on the window's labels, and every metric of the task.
func (t *Tally) realised(pol Policy) (perf *Performance, all evaluate.Metrics, why string) {
	if t.profile.Performance == nil {
		return nil, nil, "the profile has no performance reference: it was made without labels or predictions"
	}
	ref := t.profile.Performance.Metrics[t.profile.Performance.Metric]
	return t.performanceOf(t.labelled(), ref, pol.band(), pol)
}

// performanceOf is the performance on the given labelled rows against a reference.
func (t *Tally) performanceOf(rows []int, ref evaluate.Estimate, band float64, pol Policy) (perf *Performance, all evaluate.Metrics, why string) {
	p := t.profile
	if len(rows) < pol.MinLabels {
		return nil, nil, fmt.Sprintf("%s, it takes %d", counted(len(rows), "labelled row"), pol.MinLabels)
	}
	l, predictions := t.answersOf(rows)
	if p.Task == dataset.Binary {
		if rarer := slices.Min(l.Counts()); rarer < pol.MinRarer {
			return nil, nil, fmt.Sprintf("%s of the rarer class, it takes %d", counted(rarer, "labelled row"), pol.MinRarer)
		}
	}
	all, err := evaluate.Detail(l, predictions, p.Threshold)
	if err != nil {
		return nil, nil, err.Error()
	}
	got := all[p.Performance.Metric]
	noise := math.Hypot(atPooled(p.Performance.Metric, ref, got), uncertainty(got))
	return judge(p.Performance.Metric, float64(got.Value), float64(got.Low), float64(got.High), len(rows), float64(ref.Value), noise, band, pol), all, ""
}

// answersOf are labels and predictions of rows, sorted so that the order of the rows cannot change a sum.
func (t *Tally) answersOf(rows []int) (dataset.Labels, []float64) {
	p := t.profile
	w := width(p.Task, len(p.Classes))
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b int) int {
		if c := slices.Compare(t.predictions[a*w:a*w+w], t.predictions[b*w:b*w+w]); c != 0 {
			return c
		}
		return cmp.Compare(t.labels[a], t.labels[b])
	})
	l := dataset.Labels{Name: p.Model, Task: p.Task, Classes: p.Classes, Y: make([]float64, len(rows))}
	predictions := make([]float64, 0, len(rows)*w)
	for i, r := range rows {
		l.Y[i] = t.labels[r]
		predictions = append(predictions, t.predictions[r*w:r*w+w]...)
	}
	return l, predictions
}

// Labelling is how far the labels have come.
type Labelling struct {
	Labels       int          `json:"labels"`            // of rows with a valid prediction
	Share        number.Float `json:"share"`             // of such rows; NaN of none
	MedianDelay  number.Float `json:"median_delay_days"` // between question and label; NaN where no delay is known
	DelaysKnown  int          `json:"delays_known"`
	Unmatched    int          `json:"unmatched"`               // labels that belong to no row of the window
	OtherClasses []string     `json:"other_classes,omitempty"` // labels that are no class of the model, most frequent first, at most ten
	Basis        string       `json:"basis"`                   // realised once there are labels enough, else estimated; "" while neither is known
}

// What Labelling.Basis says.
const (
	BasisRealised  = "realised"
	BasisEstimated = "estimated"
)

// labelling sums the labels up.
func (t *Tally) labelling(r *Report) *Labelling {
	if t.prediction == nil {
		return nil
	}
	n := len(t.labelled())
	l := &Labelling{Labels: n, Share: nan, MedianDelay: nan, DelaysKnown: len(t.delays), Unmatched: t.unmatched, OtherClasses: mostFrequent(t.otherClasses)}
	if len(t.labels) > 0 {
		l.Share = number.Float(share(n, len(t.labels)))
	}
	if k := len(t.delays); k > 0 {
		days := slices.Sorted(slices.Values(t.delays))
		l.MedianDelay = number.Float((days[(k-1)/2] + days[k/2]) / 2)
	}
	switch {
	case r.Realised != nil:
		l.Basis = BasisRealised
	case r.Estimated != nil:
		l.Basis = BasisEstimated
	}
	return l
}
