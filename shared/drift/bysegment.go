package drift

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// segmentTally is a window's part in one segment.
type segmentTally struct {
	column *counts     // a declared column's; nil for a feature, or where the window does not have it
	rows   []int       // by group
	code   []int32     // of the rows with a valid prediction
	within [][]*counts // by group and watched feature
}

// newSegmentTallies are those of nothing.
func (p *Profile) newSegmentTallies() []segmentTally {
	tallies := make([]segmentTally, len(p.Segments))
	for i := range tallies {
		groups := p.Segments[i].Groups
		tallies[i] = segmentTally{rows: make([]int, len(groups)), within: make([][]*counts, len(groups))}
		for k := range groups {
			for j := range groups[k].Within {
				c := p.feature(groups[k].Within[j].Name).newCounts()
				c.absent = true
				tallies[i].within[k] = append(tallies[i].within[k], c)
			}
		}
	}
	return tallies
}

// addSegments counts a part of a window in every segment of the profile.
func (t *Tally) addSegments(w Window, rows int) {
	p := t.profile
	each(len(p.Segments), func(i int) {
		s, t := &p.Segments[i], &t.segments[i]
		if values, given := w.Segments[s.Name]; s.Column != nil && given {
			c := dataset.CategoricalColumn(s.Name, values, func(v string) bool { return v == "" })
			t.column = t.column.with(s.Column.count(&c, rows), s.Column)
		}
		code := p.codes(s, w, rows)
		for _, k := range code {
			if k >= 0 {
				t.rows[k]++
			}
		}
		t.addWithin(p, s, w.Frame, code)
		n := width(p.Task, len(p.Classes))
		for r := 0; p.Prediction != nil && w.Predictions != nil && r < rows; r++ {
			if p.valid(w.Predictions[r*n : r*n+n]) {
				t.code = append(t.code, code[r])
			}
		}
	})
}

// addWithin counts the features that are watched within groups.
func (t *segmentTally) addWithin(p *Profile, s *SegmentProfile, f *dataset.Frame, code []int32) {
	if !slices.ContainsFunc(s.Groups, func(g GroupProfile) bool { return len(g.Within) > 0 }) {
		return
	}
	groups := rowsOf(s, code)
	for k, g := range s.Groups {
		for j := range g.Within {
			feature := p.feature(g.Within[j].Name)
			var part *dataset.Column
			if f != nil {
				if c := f.Column(feature.Name); c != nil {
					sub := c.Take(groups[k])
					part = &sub
				}
			}
			t.within[k][j].add(feature, part, len(groups[k]))
		}
	}
}

func (t *segmentTally) merge(o *segmentTally, s *SegmentProfile) {
	t.column = t.column.with(o.column, s.Column)
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
				r.NoRealised = fmt.Sprintf("%s, it takes %d", counted(len(rows[k]), "labelled row"), pol.MinLabels)
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
