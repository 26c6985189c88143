package drift

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Measure compares a window with the profile of what the model was trained on. One rule decides for every column and every size: a
// change counts if it is certain (its p-value, corrected over all tests of the report, is below Policy.Alpha) and if it is large
// enough to matter (its size exceeds both the policy's minimum and what chance alone gives at these sizes). Whatever a window holds
// (infinities, empty or absent columns, texts for numbers) is a finding, never an error.
//
// Errors, Invalid: a profile or a policy that contradicts itself, predictions or labels that do not fit the rows.
func Measure(p *Profile, w Window, pol Policy) (*Report, error) {
	t, err := p.Tally(w)
	if err != nil {
		return nil, err
	}
	return p.Compare(t, pol)
}

// column is one column of a report in the making.
type column struct {
	key        string // in Report.Columns
	prediction bool
	as         string // the kind of its finding; "" for a feature
	where      string // how a feature within a group is called
	f          *FeatureProfile
	c          *counts
	tests      []*detector
	evidence   []evidence // one for each test
	findings   []Finding
}

// Compare is Measure of a window that has been tallied, whole or in parts.
func (p *Profile) Compare(t *Tally, pol Policy) (*Report, error) {
	if err := pol.Validate(); err != nil {
		return nil, err
	}
	if t.profile != p {
		return nil, fault.Invalidf("compare with the profile of %q v%d a tally of another", p.Model, p.Version)
	}
	r := &Report{Model: p.Model, Version: p.Version, NReference: p.Rows, NCurrent: t.rows, Window: Span{t.start, t.end}, Policy: pol,
		Columns: map[string]*ColumnDrift{}, ImportanceShare: nan, Findings: []Finding{}}
	columns := t.columns()
	var spent float64
	r.Multivariate, spent = t.multivariate(pol)
	repeats, now, usual := t.repeats(pol)
	volume, typical := t.volume()
	enough := p.Rows >= pol.MinRows && t.rows >= pol.MinRows
	if enough {
		n := len(columns)
		all := append(columns, t.withinColumns()...)
		tests := judgeAll(all, pol, spent, &repeats, &volume)
		for i := range all {
			all[i].conclude(pol)
		}
		columns = all[:n:n]
		t.addFacts(columns, pol)
		adopt(columns, all[n:])
		r.Season = t.excuse(columns, pol)
		r.Findings = append(r.Findings, append(t.duplicated(repeats, now, usual, pol), t.rowCount(volume, typical, pol)...)...)
		var x expectation
		r.Estimated, x, r.NoEstimate = t.estimate(pol)
		if r.Expected = x.all; len(x.all) > 0 {
			r.ExpectedBands = p.Performance.bands(x, len(t.labels))
		}
		r.Realised, r.RealisedMetrics, r.NoRealised = t.realised(pol)
		r.Labelling = t.labelling(r)
		segments, lost := t.bySegment(r.Realised, pol)
		r.Segments, r.Findings = segments, append(r.Findings, lost...)
		r.collect(columns)
		switch {
		case r.Realised != nil:
			r.PerformanceLoss = r.Realised.Significant
		case r.Estimated != nil:
			r.PerformanceLoss = r.Estimated.Significant
		}
		r.decide(columns, tests)
		r.Findings = append(r.Findings, t.shapeFindings()...)
	} else {
		r.insufficient(columns)
		r.Findings = append(r.Findings, t.rowCount(volume, typical, pol)...)
	}
	if t.duplicates != nil && t.rows > 0 {
		rows, repeated := t.duplicates.counts()
		r.Repeated = &Duplication{rows, repeated}
	}
	for i := range columns {
		r.Columns[columns[i].key] = columns[i].drift(pol, enough)
	}
	return r, nil
}

// addFacts adds what needs no test to the columns of predictions and labels.
func (t *Tally) addFacts(columns []column, pol Policy) {
	for i := range columns {
		col := &columns[i]
		var facts []Finding
		switch {
		case col.prediction:
			facts = t.badPredictions(pol)
		case col.as == Target:
			facts = t.targetFacts(pol)
		}
		for k := range facts {
			facts[k].Feature = col.key
		}
		col.findings = append(facts, col.findings...)
	}
}

// columns are the profile's, then the prediction, the labels and the declared segments.
func (t *Tally) columns() []column {
	var columns []column
	for i := range t.features {
		f := &t.profile.Features[i]
		columns = append(columns, column{key: f.Name, f: f, c: t.features[i]})
	}
	if t.prediction != nil {
		columns = append(columns, column{key: t.profile.predictionKey(), prediction: true, as: Prediction, f: t.profile.Prediction, c: t.prediction})
	}
	if t.target != nil && (t.target.rows > 0 || len(t.otherClasses) > 0 || t.unmatched > 0) {
		columns = append(columns, column{key: t.profile.targetKey(), as: Target, f: t.profile.Target, c: t.target})
	}
	return append(columns, t.segmentColumns()...)
}

// judgeAll makes every test and corrects for their number, which it returns, and for the share of Alpha that other tests have spent.
func judgeAll(columns []column, pol Policy, spent float64, others ...*evidence) (tests int) {
	each(len(columns), func(i int) {
		col := &columns[i]
		for k := range detectors {
			d := &detectors[k]
			if col.skips(d) {
				continue
			}
			col.tests, col.evidence = append(col.tests, d), append(col.evidence, d.test(col.f, col.c, pol))
		}
	})
	var p []float64
	for i := range columns {
		for _, e := range columns[i].evidence {
			p = append(p, e.p)
			if !math.IsNaN(e.p) {
				tests++
			}
		}
	}
	for _, e := range others {
		p = append(p, e.p)
		if !math.IsNaN(e.p) {
			tests++
		}
	}
	adjusted := corrections[pol.Correction](p)
	for i := range columns {
		for k := range columns[i].evidence {
			columns[i].evidence[k].adjusted, adjusted = min(1, adjusted[0]/(1-spent)), adjusted[1:]
		}
	}
	for i, e := range others {
		e.adjusted = min(1, adjusted[i]/(1-spent))
	}
	return tests
}

// skips reports whether a detector has nothing to ask of the column: labels are never missing from those that came, a declared segment is no input to which a
// level could be new, and of a group's features only the distribution is watched.
func (col *column) skips(d *detector) bool {
	return col.c.absent || !slices.Contains(d.kinds, col.f.Kind) || col.prediction && !d.prediction ||
		col.as != "" && !col.prediction && d.name != "distribution"
}

// conclude turns facts and evidence into findings.
func (col *column) conclude(pol Policy) {
	if col.as == "" || col.prediction {
		col.findings = col.facts(pol)
	}
	for i, d := range col.tests {
		if e := col.evidence[i]; e.counts(pol) {
			col.findings = append(col.findings, d.find(col, e, pol)...)
		}
	}
	for i := range col.findings {
		col.findings[i].Feature = col.key
	}
}

// of is the evidence of a detector on this column.
func (col *column) of(name string) evidence {
	for i, d := range col.tests {
		if d.name == name {
			return col.evidence[i]
		}
	}
	e := tooFew
	e.adjusted = math.NaN()
	return e
}

// collect fills in what the findings of the columns say of the whole.
func (r *Report) collect(columns []column) {
	importance := map[string]float64{}
	for i := range columns {
		col := &columns[i]
		if col.as != SegmentShare { // who asks is not what is asked: it informs, and is no drift of the data
			r.NumberOfColumns++
			if col.drifted(r.Policy) {
				r.NumberOfDrifted++
			}
		}
		r.Findings = append(r.Findings, col.findings...)
		if importance[col.key] = -1; col.f.Importance.Finite() {
			importance[col.key] = float64(col.f.Importance)
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)), cmp.Compare(importance[b.Feature], importance[a.Feature]))
	})
	together := r.Multivariate.findings(r.Policy)
	r.Season.together(r, together)
	r.Findings = append(r.Findings, together...)
	r.ImportanceShare = number.Float(importanceOf(columns, func(col *column) bool { return col.drifted(r.Policy) }))
	r.Share = number.Float(share(r.NumberOfDrifted, r.NumberOfColumns))
	r.DatasetDrift = (r.NumberOfDrifted > 0 || len(together) > 0) && float64(r.Share) >= r.Policy.DriftShare
}

// severities from the loudest.
var severities = []string{SeverityAlert, SeverityWarn, SeverityInfo}

// strays are the findings that one row makes.
var strays = []string{NonFinite, EmptyReference, WrongType, BadPrediction, UnknownClass, NegativeTarget}

// drifted reports whether any finding says that the column is not what it was; a stray value that cannot be read does not.
func (col *column) drifted(pol Policy) bool {
	return slices.ContainsFunc(col.findings, func(f Finding) bool {
		return f.Severity != SeverityInfo && f.Kind != UnmatchedLabel && (!slices.Contains(strays, f.Kind) || float64(f.Effect) >= pol.MinMissing)
	})
}

// drift is the column's part of the report.
func (col *column) drift(pol Policy, enough bool) *ColumnDrift {
	f, c, e := col.f, col.c, col.of("distribution")
	d := &ColumnDrift{
		Type: "cat", StatTest: "total_variation", Threshold: number.Float(e.threshold), Score: number.Float(e.size), Statistic: number.Float(e.statistic), DF: e.df,
		P: number.Float(e.p), PAdjusted: number.Float(e.adjusted), Drifted: enough && col.drifted(pol), Effect: number.Float(e.size),
		NReference: f.Rows - f.Missing - f.Infinite, NCurrent: c.present(),
		MissingReference: number.Float(share(f.Missing, f.Rows)), MissingCurrent: number.Float(c.missingShare()),
		MeanReference: nan, MeanCurrent: nan, MedianReference: nan, MedianCurrent: nan, Importance: f.Importance, Histogram: col.histogram(),
	}
	if f.Kind == dataset.Numeric {
		d.Type, d.Effect = "num", number.Float(col.shift())
		d.MeanReference, d.MeanCurrent = f.Mean, number.Float(c.mean())
		d.MedianReference, d.MedianCurrent = f.Median, number.Float(c.sizes.median())
	} else {
		d.NewLevels = mostFrequent(c.unseen)
	}
	if d.Reason = "too few rows to say anything"; enough {
		d.Reason = col.reason(e, pol)
	}
	return d
}

// shift is how far the mean moved, in standard deviations of the reference; infinite where those are zero.
func (col *column) shift() float64 {
	now, before, sd := col.c.mean(), float64(col.f.Mean), float64(col.f.SD)
	if now == before {
		return 0
	}
	if difference := now - before; !math.IsInf(difference, 0) {
		return difference / sd
	}
	return now/sd - before/sd
}

// histogram is the column before and now. Bins empty in both are joined to the next; of levels the twenty most frequent are shown.
func (col *column) histogram() *Histogram {
	f, c, h := col.f, col.c, &Histogram{}
	n, m := f.Rows-f.Missing-f.Infinite, c.present()
	add := func(ref, cur int) {
		h.Reference, h.Current = append(h.Reference, number.Float(share(ref, n))), append(h.Current, number.Float(share(cur, m)))
	}
	if f.Kind == dataset.Numeric {
		last := len(f.Counts) - 1
		for i, ref := range f.Counts {
			if ref+c.bins[i] == 0 {
				if i == last && len(h.Edges) > 0 {
					h.Edges = h.Edges[:len(h.Edges)-1]
				}
				continue
			}
			if add(ref, c.bins[i]); i < last {
				h.Edges = append(h.Edges, f.Edges[i])
			}
		}
		return h
	}
	at := make([]int, len(f.Levels))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(f.Counts[b]+c.bins[b], f.Counts[a]+c.bins[a]) })
	ref, cur := f.Other, c.novel
	for rank, i := range at {
		if rank < maxBins {
			h.Labels = append(h.Labels, f.Levels[i])
			add(f.Counts[i], c.bins[i])
		} else {
			ref, cur = ref+f.Counts[i], cur+c.bins[i]
		}
	}
	if ref+cur > 0 {
		h.Labels = append(h.Labels, "(other)")
		add(ref, cur)
	}
	return h
}
