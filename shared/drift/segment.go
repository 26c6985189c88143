package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Limits of what is looked at by segment: so many tests join the report's corrected family, and so much is kept in a profile.
const (
	maxDeclared   = 10 // declared segment columns
	maxAutomatic  = 5  // categorical features of 2 to maxGroups levels, the most important first
	maxGroups     = 20 // groups of a segment: its levels, the most frequent
	minGroup      = 50 // rows of the reference that make a group
	maxWithin     = 8  // groups in which the features are watched, too: at most maxWithin x withinColumns tests
	withinColumns = 10 // features watched in them, the most important
	minWithin     = 200
)

// SegmentProfile is one way of cutting the reference's rows into groups: a declared segment column, or a feature of few levels.
type SegmentProfile struct {
	Name   string          `json:"name"`
	Column *FeatureProfile `json:"column,omitempty"` // a declared column's shares; nil where the segment is a feature, whose own they are
	Groups []GroupProfile  `json:"groups"`           // ascending by level
}

// GroupProfile is one group of a segment.
type GroupProfile struct {
	Level   string             `json:"level"`
	Rows    int                `json:"rows"`
	Watched *evaluate.Estimate `json:"watched,omitempty"` // the watched metric on its rows; nil where they are too few
	Within  []GroupColumn      `json:"within,omitempty"`  // what the most important features are in this group
}

// GroupColumn is a feature within a group, on the bins of the whole.
type GroupColumn struct {
	Name     string       `json:"name"`
	Counts   []int        `json:"counts"`
	Missing  int          `json:"missing"`
	Infinite int          `json:"infinite,omitempty"`
	Other    int          `json:"other,omitempty"`
	Mean     number.Float `json:"mean"`
	SD       number.Float `json:"sd"`
}

// of is the column as a profile.
func (g *GroupColumn) of(f FeatureProfile, rows int) *FeatureProfile {
	f.Rows, f.Counts, f.Missing, f.Infinite, f.Other, f.Mean, f.SD = rows, g.Counts, g.Missing, g.Infinite, g.Other, g.Mean, g.SD
	f.Zeros = 0 // not kept by group
	return &f
}

// newSegments finds the segments and measures the reference in each.
func (p *Profile) newSegments(r Reference) {
	for _, name := range sortedKeys(r.Segments) {
		c := dataset.CategoricalColumn(name, r.Segments[name], func(s string) bool { return s == "" })
		f := newFeature(&c, p.Rows, math.NaN())
		p.Segments = append(p.Segments, SegmentProfile{Name: name, Column: &f, Groups: groupsOf(&f)})
	}
	var automatic []*FeatureProfile
	for i := range p.Features {
		if f := &p.Features[i]; f.Kind == dataset.Categorical && f.Distinct >= 2 && f.Distinct <= maxGroups {
			automatic = append(automatic, f)
		}
	}
	slices.SortStableFunc(automatic, func(a, b *FeatureProfile) int { return cmp.Compare(b.known(), a.known()) })
	for _, f := range automatic[:min(len(automatic), maxAutomatic)] {
		p.Segments = append(p.Segments, SegmentProfile{Name: f.Name, Groups: groupsOf(f)})
	}
	left := maxWithin
	for i := range p.Segments {
		left -= p.fillGroups(&p.Segments[i], r, left)
	}
}

// known is an importance, 0 where it is not known.
func (f *FeatureProfile) known() float64 {
	if f.Importance.Finite() {
		return float64(f.Importance)
	}
	return 0
}

// groupsOf are the levels with rows enough, at most maxGroups, the most frequent.
func groupsOf(f *FeatureProfile) []GroupProfile {
	g := []GroupProfile{}
	for i, l := range f.Levels {
		if f.Counts[i] >= minGroup {
			g = append(g, GroupProfile{Level: l, Rows: f.Counts[i]})
		}
	}
	slices.SortStableFunc(g, func(a, b GroupProfile) int { return cmp.Compare(b.Rows, a.Rows) })
	g = g[:min(len(g), maxGroups)]
	slices.SortFunc(g, func(a, b GroupProfile) int { return cmp.Compare(a.Level, b.Level) })
	return g
}

// fillGroups measures the reference's performance in each group and, for segments that matter (declared, or of known importance), what the most important
// features are in the largest. It returns in how many groups.
func (p *Profile) fillGroups(s *SegmentProfile, r Reference, left int) (filled int) {
	rows := rowsOf(s, p.codes(s, Window{Frame: r.Frame, Segments: r.Segments}, p.Rows))
	matters := s.Column != nil || p.feature(s.Name).known() > 0
	names := p.watchedWithin(s.Name)
	order := seqOf(len(s.Groups))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Groups[b].Rows, s.Groups[a].Rows) })
	for _, k := range order {
		g := &s.Groups[k]
		if p.Performance != nil {
			g.Watched = p.watched(r, rows[k])
		}
		if !matters || filled == left || g.Rows < minWithin {
			continue
		}
		filled++
		for _, name := range names {
			f := p.feature(name)
			sub := r.Frame.Column(name).Take(rows[k])
			c := f.count(&sub, g.Rows)
			g.Within = append(g.Within, GroupColumn{Name: name, Counts: c.bins, Missing: c.missing, Infinite: c.infinite, Other: c.novel, Mean: number.Float(c.mean()), SD: number.Float(c.sd())})
		}
	}
	return filled
}

// watched is the watched metric on some rows of the reference; nil where they are too few or of one class.
func (p *Profile) watched(r Reference, rows []int) *evaluate.Estimate {
	w := width(p.Task, len(p.Classes))
	var predictions []float64
	for _, i := range rows {
		predictions = append(predictions, r.Predictions[i*w:i*w+w]...)
	}
	all, err := evaluate.Measure(r.Labels.Take(rows), predictions)
	if err != nil {
		return nil
	}
	if e := all[p.Performance.Metric]; e.Value.Finite() {
		return &e
	}
	return nil
}

func (p *Profile) feature(name string) *FeatureProfile {
	for i := range p.Features {
		if p.Features[i].Name == name {
			return &p.Features[i]
		}
	}
	return nil
}

// watchedWithin are the features watched within a segment's groups: all but the segment itself, the most important.
func (p *Profile) watchedWithin(segment string) []string {
	at := seqOf(len(p.Features))
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(p.Features[b].known(), p.Features[a].known()) })
	var names []string
	for _, i := range at {
		if len(names) < withinColumns && p.Features[i].Name != segment {
			names = append(names, p.Features[i].Name)
		}
	}
	return names
}

func seqOf(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

// codes are the group of each row, -1 for none.
func (p *Profile) codes(s *SegmentProfile, w Window, rows int) []int32 {
	code, group := make([]int32, rows), make(map[string]int32, len(s.Groups))
	for k, g := range s.Groups {
		group[g.Level] = int32(k)
	}
	find := func(text string) int32 {
		if k, known := group[text]; known {
			return k
		}
		return -1
	}
	for i := range code {
		code[i] = -1
	}
	if s.Column != nil {
		for i, text := range w.Segments[s.Name] {
			code[i] = find(text)
		}
		return code
	}
	if w.Frame == nil {
		return code
	}
	c := w.Frame.Column(s.Name)
	switch {
	case c == nil:
	case c.Kind == dataset.Categorical:
		level := make([]int32, len(c.Levels))
		for i, text := range c.Levels {
			level[i] = find(text)
		}
		for i, k := range c.Code {
			if k >= 0 {
				code[i] = level[k]
			}
		}
	default:
		for i := range code {
			code[i] = find(c.Text(i))
		}
	}
	return code
}

// rowsOf are the rows of each group.
func rowsOf(s *SegmentProfile, code []int32) [][]int {
	rows := make([][]int, len(s.Groups))
	for i, k := range code {
		if k >= 0 {
			rows[k] = append(rows[k], i)
		}
	}
	return rows
}

// segmentTally is a window's part in one segment.
type segmentTally struct {
	column *counts     // a declared column's; nil for a feature, or where the window does not have it
	rows   []int       // by group
	code   []int32     // of the rows with a valid prediction
	within [][]*counts // by group and watched feature
}

// countSegments counts a window in every segment of the profile.
func (p *Profile) countSegments(w Window, rows int) []segmentTally {
	tallies := make([]segmentTally, len(p.Segments))
	each(len(p.Segments), func(i int) {
		s, t := &p.Segments[i], &tallies[i]
		if values, given := w.Segments[s.Name]; s.Column != nil && given {
			c := dataset.CategoricalColumn(s.Name, values, func(v string) bool { return v == "" })
			t.column = s.Column.count(&c, rows)
		}
		code := p.codes(s, w, rows)
		groups := rowsOf(s, code)
		t.rows, t.within = make([]int, len(groups)), make([][]*counts, len(groups))
		for k, g := range s.Groups {
			t.rows[k] = len(groups[k])
			for j := range g.Within {
				f := p.feature(g.Within[j].Name)
				var part *dataset.Column
				if w.Frame != nil {
					if c := w.Frame.Column(f.Name); c != nil {
						sub := c.Take(groups[k])
						part = &sub
					}
				}
				t.within[k] = append(t.within[k], f.count(part, len(groups[k])))
			}
		}
		n := width(p.Task, len(p.Classes))
		for r := 0; p.Prediction != nil && w.Predictions != nil && r < rows; r++ {
			if p.valid(w.Predictions[r*n : r*n+n]) {
				t.code = append(t.code, code[r])
			}
		}
	})
	return tallies
}

func (t *segmentTally) merge(o *segmentTally) {
	switch {
	case o.column == nil:
	case t.column == nil:
		t.column = o.column
	default:
		t.column.merge(o.column)
	}
	t.code = append(t.code, o.code...)
	for k := range t.rows {
		t.rows[k] += o.rows[k]
		for j := range t.within[k] {
			t.within[k][j].merge(o.within[k][j])
		}
	}
}

// segmentColumns are the declared segments as columns: whether the shares of their groups moved.
func (t *Tally) segmentColumns() (columns []column) {
	for i := range t.segments {
		if s := &t.profile.Segments[i]; t.segments[i].column != nil {
			columns = append(columns, column{key: "segment " + s.Name, as: SegmentShare, f: s.Column, c: t.segments[i].column})
		}
	}
	return columns
}

// withinColumns are the watched features in the watched groups: what moved there may cancel out in the whole.
func (t *Tally) withinColumns() (columns []column) {
	p := t.profile
	for i := range t.segments {
		s := &p.Segments[i]
		for k := range s.Groups {
			g := &s.Groups[k]
			for j := range g.Within {
				f := p.feature(g.Within[j].Name)
				columns = append(columns, column{key: f.Name, as: SegmentDrift, where: fmt.Sprintf("%s where %s is %s", f.Name, s.Name, shortened(g.Level)),
					f: g.Within[j].of(*f, g.Rows), c: t.segments[i].within[k][j]})
			}
		}
	}
	return columns
}

// adopt gives each calm column what was found in its groups.
func adopt(columns, within []column) {
	at := map[string]*column{}
	for i := range columns {
		if columns[i].as == "" && len(columns[i].findings) == 0 {
			at[columns[i].key] = &columns[i]
		}
	}
	for i := range within {
		if whole := at[within[i].key]; whole != nil {
			whole.findings = append(whole.findings, within[i].findings...)
		}
	}
}

// SegmentReport is one group of a segment in the window.
type SegmentReport struct {
	Segment        string           `json:"segment"`
	Level          string           `json:"level"`
	Rows           int              `json:"rows"`
	ShareReference number.Float     `json:"share_reference"` // of rows
	ShareCurrent   number.Float     `json:"share_current"`
	Labels         int              `json:"labels"` // rows whose label is known
	Realised       *Performance     `json:"realised,omitempty"`
	NoRealised     string           `json:"no_realised,omitempty"`
	Metrics        evaluate.Metrics `json:"metrics,omitempty"` // every metric of the task on its labels
}

// bySegment is the realised performance in every group that has labels, each against the same group of the reference, and what got worse. The chance Alpha
// is shared out over the groups that are judged (Bonferroni), so that many groups do not make a false alarm. Where the whole got worse, a group is a finding
// if it lost more than the whole by as much again.
func (t *Tally) bySegment(whole *Performance, pol Policy) (reports []SegmentReport, findings []Finding) {
	type judged struct {
		at   int
		rows []int
		ref  evaluate.Estimate
	}
	var judge []judged
	for i := range t.segments {
		s, seg := &t.profile.Segments[i], &t.segments[i]
		rows := make([][]int, len(s.Groups))
		for row, k := range seg.code {
			if k >= 0 && t.labels[row] == t.labels[row] {
				rows[k] = append(rows[k], row)
			}
		}
		for k, g := range s.Groups {
			if s.Column == nil && len(rows[k]) == 0 {
				continue // a feature's shares are in its own column
			}
			r := SegmentReport{Segment: s.Name, Level: g.Level, Rows: seg.rows[k], Labels: len(rows[k]),
				ShareReference: number.Float(share(g.Rows, t.profile.Rows)), ShareCurrent: number.Float(share(seg.rows[k], t.rows))}
			switch {
			case g.Watched == nil:
				r.NoRealised = "the reference has too few labelled rows of this group, or of one class only"
			case len(rows[k]) < pol.MinLabels:
				r.NoRealised = fmt.Sprintf("%d labelled rows, it takes %d", len(rows[k]), pol.MinLabels)
			default:
				judge = append(judge, judged{len(reports), rows[k], *g.Watched})
			}
			reports = append(reports, r)
		}
	}
	band := distuv.UnitNormal.Quantile(1 - pol.Alpha/float64(max(1, len(judge))))
	var everywhere number.Float
	if whole != nil {
		everywhere = max(0, whole.Loss)
	}
	for _, j := range judge {
		r := &reports[j.at]
		r.Realised, r.Metrics, r.NoRealised = t.performanceOf(j.rows, j.ref, band, pol)
		if p := r.Realised; p != nil && p.Loss-everywhere > max((p.ReferenceHigh-p.ReferenceLow)/2, number.Float(pol.least(p.Metric, float64(p.Reference)))) {
			findings = append(findings, Finding{Kind: SegmentLoss, Severity: SeverityWarn, Feature: r.Segment, Effect: r.Realised.Loss, Unit: r.Realised.Metric, Threshold: number.Float(pol.least(r.Realised.Metric, float64(r.Realised.Reference))),
				P: nan, PAdjusted: nan, N: r.Labels, Levels: []string{r.Level}, Text: fmt.Sprintf("where %s is %s, %s", r.Segment, shortened(r.Level), r.Realised.text(pol))})
		}
	}
	return reports, findings
}

// checkSegments finds segment values that do not fit the rows.
func checkSegments(segments map[string][]string, rows int) (d []fault.Detail) {
	if len(segments) > maxDeclared {
		d = append(d, fault.Detail{Field: "segments", Code: "too_many", Got: len(segments), Expected: fmt.Sprintf("at most %d columns", maxDeclared)})
	}
	for _, name := range sortedKeys(segments) {
		if n := len(segments[name]); n != rows {
			d = append(d, fault.Detail{Field: "segment " + name, Code: "wrong_length", Got: n, Expected: fmt.Sprintf("%d, one value a row", rows)})
		}
	}
	return d
}

// check finds contradictions within a segment's profile.
func (s *SegmentProfile) check(p *Profile, add func(field, code string, got any, expected string)) {
	if s.Column != nil {
		s.Column.check(p.Rows, add)
	} else if f := p.feature(s.Name); f == nil || f.Kind != dataset.Categorical {
		add(s.Name, "unknown", "segment", "a declared column, or a categorical feature")
	}
	if len(s.Groups) > maxGroups {
		add(s.Name, "too_many", len(s.Groups), fmt.Sprintf("at most %d groups", maxGroups))
	}
	for _, g := range s.Groups {
		if g.Rows < 0 || g.Rows > p.Rows || len(g.Within) > withinColumns {
			add(s.Name, "out_of_range", g.Rows, "a group of the reference's rows, with few features")
		}
		for i := range g.Within {
			if f := p.feature(g.Within[i].Name); f == nil {
				add(g.Within[i].Name, "unknown", "segment "+s.Name, "a feature of the profile")
			} else {
				g.Within[i].of(*f, g.Rows).check(g.Rows, add)
			}
		}
	}
}
