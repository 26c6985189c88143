package drift

import (
	"fmt"
	"math"
	"runtime"
	"slices"
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
	features     []*counts      // in the profile's order
	prediction   *counts        // nil without predictions
	predictions  []float64      // rows with a valid prediction, row-major
	labels       []float64      // of those rows, NaN = not known
	season       *Tally         // the same rows on the bins of the season's profile; nil without one
	then         *Season        // what it is
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
	shape        shape   // columns that the profile does not know, and the order of the others
	losses       *losses // regression: the errors that are expected; nil without an error model or predictions
}

// Tally counts a window. Columns that the profile does not know are named, and not compared; one it lacks is counted as absent. The error, Invalid,
// names every length that does not fit and labels that are no answer of the task.
func (p *Profile) Tally(w Window) (*Tally, error) {
	t, err := p.NewTally()
	if err != nil {
		return nil, err
	}
	if err := t.Add(w); err != nil {
		return nil, err
	}
	return t, nil
}

// NewTally is the tally of nothing, to which the parts of a window are added. The error, Invalid, says how the profile contradicts itself.
func (p *Profile) NewTally() (*Tally, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p.newTally(), nil
}

func (p *Profile) newTally() *Tally {
	t := &Tally{profile: p, features: make([]*counts, len(p.Features)), segments: p.newSegmentTallies(), faults: map[string]int{}, otherClasses: map[string]int{}}
	for i := range t.features {
		t.features[i] = p.Features[i].newCounts()
		t.features[i].absent = true
	}
	if p.Joint != nil {
		t.joint = &joint.Sums{}
	}
	if p.Repeated != nil {
		t.duplicates = newDuplicates()
	}
	return t
}

// Add counts another part of the window. Tallies of parts are that of the whole to the last bit, whichever way it was cut; but a column
// that some parts have as text makes it text in all. Errors are those of Profile.Tally, and leave the tally as it was.
func (t *Tally) Add(w Window) error {
	p := t.profile
	rows, err := p.check(w)
	if err != nil {
		return err
	}
	predicts := p.Prediction != nil && w.Predictions != nil
	if rows > 0 && t.rows > 0 && predicts != (t.prediction != nil) {
		return fault.Invalidf("add rows with predictions to a tally without, or the other way round")
	}
	var expected losses
	if predicts && p.Performance != nil && p.Performance.Error != nil {
		if err := expected.count(p, p.Performance.Error, w); err != nil {
			return fault.Wrap(err, "expect the errors of %d rows of %q", rows, p.Model)
		}
	}
	if err := t.addSeason(w, rows); err != nil {
		return err
	}
	t.rows += rows
	t.span(w.Start, w.End)
	at := p.columnsOf(w.Frame)
	each(len(at), func(i int) { t.features[i].add(&p.Features[i], at[i], rows) })
	t.addTogether(w.Frame, at, rows)
	t.addShape(w.Frame)
	t.addTarget(w)
	t.addSegments(w, rows)
	t.note(w)
	if predicts {
		t.addPredictions(w, rows, &expected)
	}
	return nil
}

// addTogether counts what no column says by itself: how they go together, and rows that came before.
func (t *Tally) addTogether(f *dataset.Frame, at []*dataset.Column, rows int) {
	if t.joint != nil && rows > 0 {
		t.joint.Merge(t.profile.Joint.Sum(f))
	}
	if t.duplicates != nil {
		t.duplicates.addRows(at, rows)
	}
}

// addPredictions keeps the rows that have a valid prediction, and their labels.
func (t *Tally) addPredictions(w Window, rows int, expected *losses) {
	p := t.profile
	if p.Performance != nil && p.Performance.Error != nil {
		if t.losses == nil {
			t.losses = new(losses)
		}
		t.losses.merge(expected)
	}
	answers := p.answers(w.Predictions)
	if t.prediction == nil {
		t.prediction = p.Prediction.newCounts()
	}
	t.prediction.add(p.Prediction, &answers, rows)
	n := width(p.Task, len(p.Classes))
	t.predictions = slices.Grow(t.predictions, len(w.Predictions))
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
}

// columnsOf are the columns of f in the profile's order; nil where f lacks one.
func (p *Profile) columnsOf(f *dataset.Frame) []*dataset.Column {
	at := map[string]*dataset.Column{}
	if f != nil {
		for i := range f.Columns {
			at[f.Columns[i].Name] = &f.Columns[i]
		}
	}
	columns := make([]*dataset.Column, len(p.Features))
	for i := range columns {
		columns[i] = at[p.Features[i].Name]
	}
	return columns
}

// batch is Add of a part, features only, that is one of many counted side by side.
func (t *Tally) batch(b dataset.Batch) {
	rows := b.Frame.Rows()
	t.rows += rows
	at := t.profile.columnsOf(b.Frame)
	for i, column := range at {
		t.features[i].add(&t.profile.Features[i], column, rows)
	}
	t.addTogether(b.Frame, at, rows)
	t.addShape(b.Frame)
	t.addSegments(Window{Frame: b.Frame}, rows)
}

// span widens the time that the tally covers.
func (t *Tally) span(start, end time.Time) {
	if t.start.IsZero() || !start.IsZero() && start.Before(t.start) {
		t.start = start
	}
	if end.After(t.end) {
		t.end = end
	}
}

// note takes over what a window says of its labels, of the windows before, and of its rows against the reference's.
func (t *Tally) note(w Window) {
	for i, days := range w.Delays {
		if !math.IsNaN(days) && (w.Labels == nil || !math.IsNaN(w.Labels[i])) {
			t.delays = append(t.delays, days)
		}
	}
	for class, n := range w.OtherClasses {
		t.otherClasses[class] += n
	}
	t.unmatched += w.Unmatched
	if len(t.usual) == 0 {
		t.usual = w.Usual
	}
	if t.domain == nil {
		t.domain = w.Domain
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
	if err := t.mergeSeason(o); err != nil {
		return err
	}
	t.rows += o.rows
	t.span(o.start, o.end)
	for i, c := range o.features {
		t.features[i].merge(c)
	}
	t.prediction = t.prediction.with(o.prediction, t.profile.Prediction)
	if t.joint != nil && o.joint != nil {
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
	t.target = t.target.with(o.target, t.profile.Target)
	for i := range t.segments {
		t.segments[i].merge(&o.segments[i], &t.profile.Segments[i])
	}
	if t.duplicates != nil && o.duplicates != nil {
		t.duplicates.merge(o.duplicates)
	}
	for reason, n := range o.faults {
		t.faults[reason] += n
	}
	for class, n := range o.otherClasses {
		t.otherClasses[class] += n
	}
	t.shape.merge(&o.shape)
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
