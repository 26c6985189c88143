package drift

import (
	"mlops/shared/drift/joint"
	"mlops/shared/number"
)

// Multivariate is what changed in the columns together, which no test of one column can see.
type Multivariate struct {
	PCA    *joint.Measured   `json:"pca_reconstruction"`
	Domain *joint.Separation `json:"domain_classifier,omitempty"` // nil where the reference's rows were not at hand
}

// multivariate measures the columns together and gives the share of Alpha which that takes: of every measurement that was made,
// Policy.JointShare. The tests of single columns share the rest, so the chance of any finding when nothing changed stays within Alpha,
// however the tests depend on each other (Bonferroni, weighted).
func (t *Tally) multivariate(pol Policy) (m *Multivariate, spent float64) {
	if pol.JointShare == 0 {
		return nil, 0
	}
	rule := joint.Rule{Alpha: pol.Alpha, Share: pol.JointShare, Least: pol.MinJoint, MinRows: pol.MinRows}
	m = &Multivariate{}
	if r := t.profile.Joint; r == nil {
		m.PCA = joint.Unmeasured("the profile keeps no reconstruction; it takes a reference of %d rows with two columns that vary", joint.MinRows)
	} else if t.joint == nil {
		m.PCA = joint.Unmeasured("the window's rows were counted without looking at their columns together")
	} else {
		m.PCA = r.Measure(t.joint, rule)
	}
	if m.PCA.P.Finite() {
		spent += pol.JointShare
	}
	if t.domain == nil {
		return m, spent
	}
	rule.Least = pol.MinSeparation
	if m.Domain = t.domain.Judge(rule); t.rows < pol.MinRows || t.profile.Rows < pol.MinRows {
		m.Domain = joint.NotSeparated("%s against %s, it takes %d", counted(t.rows, "row"), grouped(t.profile.Rows), pol.MinRows)
	}
	if columns := t.profile.noisy(); m.Domain.P.Finite() && (len(columns) >= someNoisy || 2*len(columns) >= len(t.profile.Features)) {
		m.Domain = joint.NotSeparated("stretches of the reference's own rows can be told apart (%s), so any window could", listed(columns))
	}
	if m.Domain.P.Finite() {
		spent += pol.JointShare
	}
	return m, spent
}

// someNoisy is how many columns have noise of their own, or half of a table's, before a classifier is not believed: of independent rows a column in two
// hundred has by chance.
const someNoisy = 3

// noisy are the columns of which stretches of the reference differ beyond chance.
func (p *Profile) noisy() (columns []string) {
	for i := range p.Features {
		if len(p.Features[i].Noise) > 0 {
			columns = append(columns, p.Features[i].Name)
		}
	}
	return columns
}

// findings are those of the measurements that drifted.
func (m *Multivariate) findings(pol Policy) (found []Finding) {
	if m == nil {
		return nil
	}
	if p := m.PCA; p.Drifted {
		found = append(found, Finding{Kind: Joint, Effect: p.Effect, Unit: "sd of a row's error", Threshold: number.Float(pol.MinJoint), P: p.P, PAdjusted: p.PAdjusted, N: p.N, Text: p.Reason, Features: p.Features})
	}
	if d := m.Domain; d != nil && d.Drifted {
		found = append(found, Finding{Kind: Domain, Effect: d.AUC - 0.5, Unit: "auc above 0.5", Threshold: d.High - 0.5, P: d.P, PAdjusted: d.PAdjusted, N: d.N, Text: d.Reason, Features: d.Features})
	}
	for i := range found {
		found[i].Severity = SeverityWarn
		if len(found[i].Features) > 0 {
			found[i].Feature = found[i].Features[0]
		}
	}
	return found
}

// calm are the reasons of the measurements that found nothing.
func (m *Multivariate) calm() (reasons []string) {
	if m == nil {
		return nil
	}
	if !m.PCA.Drifted {
		reasons = append(reasons, m.PCA.Reason)
	}
	if m.Domain != nil && !m.Domain.Drifted {
		reasons = append(reasons, m.Domain.Reason)
	}
	return reasons
}
