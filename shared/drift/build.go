package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// format is the version of a profile's JSON.
const format = 1

// Limits of a profile.
const (
	maxLevels   = 1000 // levels kept of a category: the rest are counted together
	maxFeatures = 5000 //
	maxClasses  = 1000 //
	maxCount    = 1e12 // rows
)

// NewProfile makes the profile of a reference. Numbers are cut at their own quantiles; of a category the 1,000 most frequent levels are
// kept; performance is kept when there are labels and predictions. The error, Invalid, names every input that does not fit.
func NewProfile(r Reference) (*Profile, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := &Profile{Format: format, Model: r.Model, Version: r.Version, Rows: r.Frame.Rows(), Task: r.Labels.Task, Classes: r.Labels.Classes, Threshold: r.Threshold}
	if p.Threshold == 0 {
		p.Threshold = 0.5
	}
	inTime := r.Order == OrderTime
	if r.Order == "" {
		p.Sorted = r.order()
		inTime = p.Sorted == ""
	}
	p.Features = make([]FeatureProfile, len(r.Frame.Columns))
	each(len(p.Features), func(i int) {
		importance, known := r.Importance[r.Frame.Columns[i].Name]
		if !known {
			importance = math.NaN()
		}
		p.Features[i] = newFeature(&r.Frame.Columns[i], p.Rows, importance, inTime)
	})
	p.Joint = joint.New(r.Frame, r.Importance, inTime)
	rows, repeated := p.countDuplicates(r.Frame).counts()
	p.Repeated = &Duplication{rows, repeated}
	if p.Task != "" {
		p.Target = p.newTarget(r.Labels.Y, inTime)
	}
	if r.Predictions == nil || p.Task == "" {
		p.newSegments(r, inTime)
		return p, nil
	}
	answers := p.answers(r.Predictions)
	prediction := newFeature(&answers, p.Rows, math.NaN(), inTime)
	p.Prediction = &prediction
	performance, err := p.newPerformance(r)
	if err != nil {
		return nil, fault.Wrap(err, "profile the performance of %s", r.Model)
	}
	p.Performance = performance
	p.newSegments(r, inTime)
	return p, nil
}

// check finds what does not fit together.
func (r *Reference) check() error {
	var d []fault.Detail
	rows := 0
	if r.Frame == nil || len(r.Frame.Columns) == 0 || r.Frame.Rows() == 0 {
		d = append(d, fault.Detail{Field: "frame", Code: "empty", Expected: "at least one row and one column"})
	} else {
		rows = r.Frame.Rows()
		if n := len(r.Frame.Columns); n > maxFeatures {
			d = append(d, fault.Detail{Field: "frame", Code: "too_many", Got: n, Expected: fmt.Sprintf("at most %d columns", maxFeatures)})
		}
	}
	if n := r.Labels.Len(); r.Labels.Task != "" && n != rows {
		d = append(d, fault.Detail{Field: "labels", Code: "wrong_length", Got: n, Expected: fmt.Sprintf("%d rows", rows)})
	}
	if r.Predictions != nil {
		if r.Labels.Task == "" {
			d = append(d, fault.Detail{Field: "labels", Code: "missing", Expected: "labels, which say what the predictions mean"})
		} else if want := rows * width(r.Labels.Task, len(r.Labels.Classes)); len(r.Predictions) != want {
			d = append(d, fault.Detail{Field: "predictions", Code: "wrong_length", Got: len(r.Predictions), Expected: fmt.Sprint(want)})
		}
	}
	d = append(d, checkSegments(r.Segments, rows)...)
	if !(r.Threshold >= 0 && r.Threshold <= 1) {
		d = append(d, fault.Detail{Field: "threshold", Code: "out_of_range", Got: r.Threshold, Expected: "0 to 1"})
	}
	d = append(d, checkOrder(r.Order)...)
	if d != nil {
		return fault.Invalidf("profile the reference of %q", r.Model).With(d...)
	}
	return nil
}

// width is the number of predictions a row.
func width(task dataset.Task, classes int) int {
	if task == dataset.Regression {
		return 1
	}
	return classes
}

// answers are the predictions as one column, as people would look at them: the score of the positive class, the class, the value.
// A row without a valid prediction is missing.
func (p *Profile) answers(predictions []float64) dataset.Column {
	w := width(p.Task, len(p.Classes))
	rows := len(predictions) / w
	if p.Task == dataset.Multiclass {
		codes, at := make([]int32, rows), make([]int32, w)
		levels := slices.Clone(p.Classes)
		slices.Sort(levels)
		for k, class := range p.Classes {
			at[k] = int32(slices.Index(levels, class))
		}
		for i := range codes {
			codes[i] = -1
			if row := predictions[i*w : i*w+w]; p.valid(row) {
				codes[i] = at[argmax(row)]
			}
		}
		return dataset.Column{Name: PredictionColumn, Kind: dataset.Categorical, Code: codes, Levels: levels}
	}
	v := make([]float64, rows)
	for i := range v {
		v[i] = math.NaN()
		if row := predictions[i*w : i*w+w]; p.valid(row) {
			v[i] = row[w-1]
		}
	}
	return dataset.NumericColumn(PredictionColumn, v)
}

// valid reports whether a row of predictions is one: finite, and of a classifier probabilities that sum to one.
func (p *Profile) valid(row []float64) bool { return !math.IsNaN(row[0]) && p.fault(row) == "" }

func argmax(row []float64) int {
	best := 0
	for k, v := range row {
		if v > row[best] {
			best = k
		}
	}
	return best
}

// newFeature fixes a column's bins and counts the column on them, in the same way as every window's will be; where the rows came in time,
// it learns from their stretches what windows are like.
func newFeature(c *dataset.Column, rows int, importance float64, inTime bool) FeatureProfile {
	f := emptyFeature(c.Name, c.Kind)
	f.Integer, f.Importance = c.Integer, number.Float(importance)
	if c.Kind == dataset.Numeric {
		f.cutNumbers(c.Float)
	} else {
		f.cutLevels(c)
	}
	f.fill(f.count(c, rows))
	if inTime {
		f.learnNoise(f.cutParts(c, rows))
	}
	return f
}

func (f *FeatureProfile) cutNumbers(values []float64) {
	var total sum
	sorted := make([]float64, 0, len(values))
	for _, x := range values {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			sorted = append(sorted, x)
			total.add(x)
			if x == 0 {
				f.Zeros++
			}
		}
	}
	slices.Sort(sorted)
	f.cut(sorted, &total, len(sorted))
}

// cut fixes the bins and the quantiles by sorted values, all or a sample; total is the sum of all n of them.
func (f *FeatureProfile) cut(sorted []float64, total *sum, n int) {
	for _, e := range cut(sorted) {
		f.Edges = append(f.Edges, number.Float(e))
	}
	f.Counts = make([]int, len(f.Edges)+1)
	if f.Distinct = distinct(sorted); n == 0 {
		return
	}
	f.Mean = number.Float(total.mean(n))
	f.Min, f.Max = number.Float(sorted[0]), number.Float(sorted[len(sorted)-1])
	f.Q1, f.Median, f.Q3 = quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)
}

// quantile interpolates between order statistics (Hyndman & Fan's type 7, the default of R and numpy).
func quantile(sorted []float64, q float64) number.Float {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return number.Float(sorted[len(sorted)-1])
	}
	part := at - float64(i)
	return number.Float(float64(sorted[i]*(1-part)) + float64(sorted[i+1]*part))
}

// cutLevels keeps the most frequent levels, ties by text.
func (f *FeatureProfile) cutLevels(c *dataset.Column) {
	times := make([]int, len(c.Levels))
	for _, code := range c.Code {
		if code >= 0 {
			times[code]++
		}
	}
	var kept []int
	for i, n := range times {
		if n > 0 {
			kept = append(kept, i)
		}
	}
	f.Distinct = len(kept)
	if len(kept) > maxLevels {
		slices.SortStableFunc(kept, func(a, b int) int { return cmp.Compare(times[b], times[a]) })
		kept = kept[:maxLevels]
		slices.Sort(kept)
	}
	for _, i := range kept {
		f.Levels = append(f.Levels, c.Levels[i])
	}
	f.Counts = make([]int, len(f.Levels))
}

// checkOrder names an order that is none.
func checkOrder(order string) []fault.Detail {
	switch order {
	case "", OrderTime, OrderNone:
		return nil
	}
	return []fault.Detail{{Field: "order", Code: "unknown", Got: order, Expected: "time, none or nothing"}}
}
