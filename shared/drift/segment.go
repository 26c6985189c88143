package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

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
func (p *Profile) newSegments(r Reference, inTime bool) {
	for _, name := range sortedKeys(r.Segments) {
		c := dataset.CategoricalColumn(name, r.Segments[name], func(s string) bool { return s == "" })
		f := newFeature(&c, p.Rows, math.NaN(), inTime)
		p.Segments = append(p.Segments, SegmentProfile{Name: name, Column: &f, Groups: groupsOf(&f)})
	}
	var automatic []*FeatureProfile
	for i := range p.Features {
		if f := &p.Features[i]; f.Kind == dataset.Categorical && f.Distinct >= 2 && f.Distinct <= maxGroups && (p.Performance != nil || f.known() > 0) {
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
		if g.Watched != nil && p.Performance == nil {
			add(s.Name, "contradiction", g.Level, "a group's performance only beside that of the whole")
		}
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
