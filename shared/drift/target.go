package drift

import (
	"fmt"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// TargetColumn is the labels' key in Report.Columns (with parentheses around it if a feature has that name).
const TargetColumn = "target"

// labelColumn are the labels that are known as one column: the class, or the value.
func (p *Profile) labelColumn(y []float64) dataset.Column {
	known := slices.DeleteFunc(slices.Clone(y), math.IsNaN)
	if p.Task == dataset.Regression {
		return dataset.NumericColumn(TargetColumn, known)
	}
	texts := make([]string, len(known))
	for i, v := range known {
		texts[i] = p.Classes[int(v)]
	}
	return dataset.CategoricalColumn(TargetColumn, texts, nil)
}

// newTarget is the profile of the labels.
func (p *Profile) newTarget(y []float64, inTime bool) *FeatureProfile {
	c := p.labelColumn(y)
	f := newFeature(&c, c.Len(), math.NaN(), inTime)
	return &f
}

// addTarget counts the labels of a part of a window that are known.
func (t *Tally) addTarget(w Window) {
	if f := t.profile.Target; f != nil && w.Labels != nil {
		c := t.profile.labelColumn(w.Labels)
		t.target = t.target.with(f.count(&c, c.Len()), f)
	}
}

// targetKey is the labels' name among the columns.
func (p *Profile) targetKey() string {
	if p.feature(TargetColumn) != nil {
		return "(" + TargetColumn + ")"
	}
	return TargetColumn
}

// targetFacts are findings about labels that need no test.
func (t *Tally) targetFacts(pol Policy) (findings []Finding) {
	known := 0
	if t.target != nil {
		known = t.target.rows
	}
	add := func(kind string, n, of int, text string) {
		severity := SeverityWarn
		if share(n, of) >= pol.MinMissing {
			severity = SeverityAlert
		}
		findings = append(findings, Finding{Kind: kind, Severity: severity, Feature: t.profile.targetKey(), Effect: number.Float(share(n, of)), Unit: "share of labels",
			Threshold: number.Float(pol.MinMissing), N: of, Text: text})
	}
	other := 0
	for _, n := range t.otherClasses {
		other += n
	}
	if other > 0 {
		names := mostFrequent(t.otherClasses)
		add(UnknownClass, other, other+known, fmt.Sprintf("%s of %s are no class of the model: %s", grouped(other), counted(other+known, "label"), listed(names)))
		findings[len(findings)-1].Levels = names
	}
	if f := t.profile.Target; f != nil && t.target != nil && f.Kind == dataset.Numeric && f.Min >= 0 {
		if n := t.target.sizes.negative.total; n > 0 {
			add(NegativeTarget, n, known, fmt.Sprintf("%s of %s are negative (least %s), in the reference none is", grouped(n), counted(known, "label"), figure(t.target.least)))
		}
	}
	if t.unmatched > 0 && share(t.unmatched, t.unmatched+known+other) >= pol.MinMissing {
		add(UnmatchedLabel, t.unmatched, t.unmatched+known+other, fmt.Sprintf("%s of %s belong to no row of the window", grouped(t.unmatched), counted(t.unmatched+known+other, "label")))
		findings[len(findings)-1].Severity = SeverityWarn // they may belong to a neighbouring window
	}
	return findings
}
