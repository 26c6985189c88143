package drift

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
	"mlops/shared/fault"
)

// Tally is a window counted on the bins of one profile: all that Compare needs of it. Its size does not grow with the window, but for the
// predictions and the labels, of which every value is kept.
type Tally struct {
	profile      *Profile
	rows         int
	start, end   time.Time
	features     []*counts // in the profile's order
	prediction   *counts   // nil without predictions
	predictions  []float64 // rows with a valid prediction, row-major
	labels       []float64 // of those rows, NaN = not known
	season       *Tally    // the same rows on the bins of the season's profile; nil without one
	seasonName   string
	target       *counts        // the labels; nil where there are none, or no profile of them
	segments     []segmentTally // in the profile's order
	duplicates   *duplicates
	faults       map[string]int // rows of predictions that are none, by what is wrong with them
	delays       []float64      // days, of the labels whose delay is known
	unmatched    int            // labels without a row
	otherClasses map[string]int // labels that are no class
	usual        []int          // rows of the windows before
	joint        *joint.Sums    // nil where the profile has no reconstruction
	domain       *joint.Separation
	losses       *losses // regression: the errors that are expected; nil without an error model or predictions
}

// Tally counts a window. Columns that the profile does not know are ignored; one it lacks is counted as absent. The error, Invalid,
// names every length that does not fit and labels that are no answer of the task.
func (p *Profile) Tally(w Window) (*Tally, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	rows, err := p.check(w)
	if err != nil {
		return nil, err
	}
	t := &Tally{profile: p, rows: rows, start: w.Start, end: w.End, features: make([]*counts, len(p.Features)), domain: w.Domain}
	at := map[string]*dataset.Column{}
	if w.Frame != nil {
		for i := range w.Frame.Columns {
			at[w.Frame.Columns[i].Name] = &w.Frame.Columns[i]
		}
	}
	each(len(p.Features), func(i int) {
		t.features[i] = p.Features[i].count(at[p.Features[i].Name], rows)
	})
	if p.Joint != nil {
		t.joint = p.Joint.Sum(w.Frame)
	}
	t.target, t.segments = p.countTarget(w), p.countSegments(w, rows)
	if p.Repeated != nil {
		t.duplicates = p.countDuplicates(w.Frame)
	}
	t.note(w)
	if w.Season != nil {
		t.seasonName = w.Season.Name
		if t.season, err = p.seasonTally(w); err != nil {
			return nil, err
		}
	}
	if p.Prediction == nil || w.Predictions == nil {
		return t, nil
	}
	if p.Performance != nil && p.Performance.Error != nil {
		t.losses = new(losses)
		if err := t.losses.count(p, p.Performance.Error, w); err != nil {
			return nil, fault.Wrap(err, "expect the errors of %d rows of %q", rows, p.Model)
		}
	}
	answers := p.answers(w.Predictions)
	t.prediction = p.Prediction.count(&answers, rows)
	n := width(p.Task, len(p.Classes))
	t.predictions = make([]float64, 0, len(w.Predictions))
	for i := range rows {
		row := w.Predictions[i*n : i*n+n]
		if !p.valid(row) {
			if reason := p.fault(row); reason != "" {
				t.faults[reason]++
			}
			continue
		}
		t.predictions = append(t.predictions, row...)
		label := math.NaN()
		if w.Labels != nil {
			label = w.Labels[i]
		}
		t.labels = append(t.labels, label)
	}
	return t, nil
}

// note takes over what a window says of its labels and of the windows before.
func (t *Tally) note(w Window) {
	t.faults, t.otherClasses, t.unmatched, t.usual = map[string]int{}, map[string]int{}, w.Unmatched, w.Usual
	for i, days := range w.Delays {
		if !math.IsNaN(days) && (w.Labels == nil || !math.IsNaN(w.Labels[i])) {
			t.delays = append(t.delays, days)
		}
	}
	for class, n := range w.OtherClasses {
		t.otherClasses[class] += n
	}
}

// check gives the number of rows, or all that does not fit.
func (p *Profile) check(w Window) (rows int, err error) {
	if w.Frame != nil {
		rows = w.Frame.Rows()
	}
	var d []fault.Detail
	if n := width(p.Task, len(p.Classes)); w.Predictions != nil && p.Prediction != nil && len(w.Predictions) != rows*n {
		d = append(d, fault.Detail{Field: "predictions", Code: "wrong_length", Got: len(w.Predictions), Expected: fmt.Sprintf("%d = %d rows x %d", rows*n, rows, n)})
	}
	if w.Labels != nil && len(w.Labels) != rows {
		d = append(d, fault.Detail{Field: "labels", Code: "wrong_length", Got: len(w.Labels), Expected: fmt.Sprintf("%d rows", rows)})
	}
	if w.Delays != nil && len(w.Delays) != rows {
		d = append(d, fault.Detail{Field: "delays", Code: "wrong_length", Got: len(w.Delays), Expected: fmt.Sprintf("%d rows", rows)})
	}
	d = append(d, checkSegments(w.Segments, rows)...)
	for i, y := range w.Labels {
		if math.IsNaN(y) || p.Task == "" || p.Task == dataset.Regression && !math.IsInf(y, 0) {
			continue
		}
		if k := int(y); float64(k) != y || k < 0 || k >= len(p.Classes) {
			d = append(d, fault.Detail{Field: "labels", Code: "out_of_range", Got: fmt.Sprint(y), Expected: fmt.Sprintf("NaN, or an answer of a %s task with %d classes", p.Task, len(p.Classes)), Row: fault.Row(i)})
			break
		}
	}
	if d != nil {
		return 0, fault.Invalidf("measure a window of %d rows against the profile of %q", rows, p.Model).With(d...)
	}
	return rows, nil
}

// Merge adds another part of the same window, tallied against the same profile. Parts in any order give the report of the whole to the
// last bit.
func (t *Tally) Merge(o *Tally) error {
	if t.profile != o.profile {
		return fault.Invalidf("merge tallies of two profiles: %q v%d and %q v%d", t.profile.Model, t.profile.Version, o.profile.Model, o.profile.Version)
	}
	if t.prediction == nil != (o.prediction == nil) && t.rows > 0 && o.rows > 0 {
		return fault.Invalidf("merge a tally with predictions and one without")
	}
	if t.season == nil != (o.season == nil) {
		return fault.Invalidf("merge a tally with a season and one without")
	}
	if t.season != nil {
		if err := t.season.Merge(o.season); err != nil {
			return err
		}
	}
	t.rows += o.rows
	if t.start.IsZero() || !o.start.IsZero() && o.start.Before(t.start) {
		t.start = o.start
	}
	if o.end.After(t.end) {
		t.end = o.end
	}
	for i, c := range o.features {
		t.features[i].merge(c)
	}
	switch {
	case o.prediction == nil:
	case t.prediction == nil:
		t.prediction = t.profile.Prediction.newCounts()
		fallthrough
	default:
		t.prediction.merge(o.prediction)
	}
	if t.joint != nil {
		t.joint.Merge(o.joint)
	}
	if t.domain == nil {
		t.domain = o.domain
	}
	t.mergeRest(o)
	t.predictions = append(t.predictions, o.predictions...)
	t.labels = append(t.labels, o.labels...)
	return nil
}

// mergeRest adds what a part says beside its features.
func (t *Tally) mergeRest(o *Tally) {
	switch {
	case o.target == nil:
	case t.target == nil:
		t.target = o.target
	default:
		t.target.merge(o.target)
	}
	for i := range t.segments {
		t.segments[i].merge(&o.segments[i])
	}
	if t.duplicates != nil {
		t.duplicates.merge(o.duplicates)
	}
	for reason, n := range o.faults {
		t.faults[reason] += n
	}
	for class, n := range o.otherClasses {
		t.otherClasses[class] += n
	}
	t.delays, t.unmatched = append(t.delays, o.delays...), t.unmatched+o.unmatched
	if len(t.usual) == 0 {
		t.usual = o.usual
	}
	switch {
	case o.losses == nil:
	case t.losses == nil:
		t.losses = new(losses)
		fallthrough
	default:
		t.losses.merge(o.losses)
	}
}

// each calls f with 0 to n-1 on as many processors as there are; f touches nothing but what its number names.
func each(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}
