package remedy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// causes are tried in this order; on equal evidence the earlier wins, because what falsifies the window comes before what it shows.
var causes = []struct {
	cause string
	weigh func(*facts, *scale)
}{
	{CauseDuplicate, duplicateBatch},
	{CauseColumn, upstreamColumn},
	{CauseUnit, unitChange},
	{CauseData, dataQuality},
	{CauseRelease, badRelease},
	{CauseErrors, failing},
	{CauseLatency, slow},
	{CauseSeason, season},
	{CauseCategory, newCategory},
	{CauseConcept, conceptDrift},
	{CauseCovariate, covariateShift},
	{CauseLabels, staleLabels},
}

func duplicateBatch(f *facts, s *scale) {
	if f.duplicated() {
		s.weighs(0.98, fmt.Sprintf("%s of %s repeat earlier rows exactly", number.Grouped(float64(f.DuplicateRows)), counted(f.Rows, "row")))
	}
}

func upstreamColumn(f *facts, s *scale) {
	s.finds(0.97, f.faults(drift.MissingColumn, drift.AllNull, drift.WrongType, drift.NonFinite))
	s.finds(0.8, f.faults(drift.Constant))
}

func unitChange(f *facts, s *scale) {
	s.finds(0.96, f.faults(drift.UnitChange))
}

func dataQuality(f *facts, s *scale) {
	s.finds(0.9, f.faults(drift.MissingRate))
	if a := f.alerting[KindDataQuality]; len(a) > 0 {
		s.weighs(0.4, firingText(a))
	}
}

func badRelease(f *facts, s *scale) {
	failing := f.alerting[KindErrors]
	if !f.loss.serious && len(failing) == 0 {
		return
	}
	switch {
	case f.loss.serious && f.loss.realised:
		s.weighs(0.35, "realised "+measured(f.loss.from))
	case f.loss.serious:
		s.weighs(0.2, "estimated "+measured(f.loss.from))
	}
	if len(failing) > 0 {
		s.weighs(0.35, firingText(failing))
	}
	age, known := f.sincePromotion()
	switch {
	case f.first() && f.recent():
		s.against(0.6, "it is the first version: nothing was released over it")
	case !known:
		s.against(0.2, "when the version went live is not known")
	case f.returned():
		s.against(0.6, fmt.Sprintf("v%d is no release: it serves because of a rollback %s before", f.Champion.Number, ago(age)))
	case f.recent():
		s.weighs(0.3, fmt.Sprintf("v%d went live %s before", f.Champion.Number, ago(age)))
	default:
		s.against(0.6, fmt.Sprintf("no release for %s", ago(age)))
	}
	if f.Champion != nil && f.Champion.Forced && f.recent() {
		s.weighs(0.15, fmt.Sprintf("v%d was forced past the gate", f.Champion.Number))
	}
	if ratio, compared := f.previousBetter(); compared {
		if ratio >= f.policy.Release.MinGain {
			s.weighs(0.2, f.comparison())
		} else {
			s.against(0.6, f.comparison())
		}
	}
	if f.Drift != nil && f.Drift.DatasetDrift {
		s.against(0.25, "the inputs moved as well")
	}
	if f.dataFault() {
		s.against(0.3, "the data itself is at fault")
	}
}

// comparison is both versions on the same labelled rows.
func (f *facts) comparison() string {
	c := f.PreviousCompared
	return fmt.Sprintf("on the same %s v%d has %s %s, v%d %s", counted(c.N, "labelled row"), f.Previous.Number, metricName(c.Metric), figure(float64(c.Previous)),
		f.Champion.Number, figure(float64(c.Champion)))
}

func failing(f *facts, s *scale) {
	if a := f.alerting[KindErrors]; len(a) > 0 {
		s.weighs(0.6, firingText(a))
		if f.recent() {
			s.against(0.1, "a release lies so near that it explains them")
		}
	}
}

func slow(f *facts, s *scale) {
	a := f.alerting[KindLatency]
	if len(a) == 0 {
		return
	}
	s.weighs(0.6, firingText(a))
	if e := f.alerting[KindErrors]; len(e) > 0 {
		s.against(0.1, "there are errors, too: "+names(e))
	}
}

func season(f *facts, s *scale) {
	if !f.seasonal() {
		return
	}
	s.weighs(0.85, fmt.Sprintf("no drift against the same season from %s, n = %s", f.Season.From.Format("2006-01-02"), number.Grouped(float64(f.Season.N))))
	if f.loss.serious {
		s.against(0.4, "last year's season cost nothing, this one does: "+measured(f.loss.from))
	}
}

func newCategory(f *facts, s *scale) {
	s.finds(0.5, f.findings[drift.NewCategory])
	if others := f.movedElsewhere(); len(s.pro) > 0 && len(others) > 0 {
		s.against(0.1*float64(len(others)), "other features moved as well: "+listed(others))
	}
}

func conceptDrift(f *facts, s *scale) {
	if f.loss.serious && f.loss.realised {
		s.weighs(0.6, "realised "+measured(f.loss.from))
		if moved, _ := f.moved(); len(moved) == 0 {
			s.weighs(0.2, "the inputs are as they were")
		} else {
			s.against(0.25, "the inputs moved, which explains part of it: "+listed(moved))
		}
		if text, off := f.estimateOff(); off {
			s.weighs(0.1, text)
		}
	} else if a := f.alerting[KindPerformance]; len(a) > 0 {
		s.weighs(0.25, firingText(a)) // a name alone does not make a cause
	}
	f.againstModelFault(s)
}

func covariateShift(f *facts, s *scale) {
	if f.Drift == nil {
		if a := f.alerting[KindDrift]; len(a) > 0 {
			s.weighs(0.25, firingText(a))
		}
		return
	}
	moved, importance := f.moved()
	if f.Drift.DatasetDrift {
		s.weighs(0.35, f.movedText(moved, importance))
	}
	s.finds(0.15, f.findings[drift.Covariate])
	if importance >= f.policy.Evidence.ImportantFeatures {
		s.weighs(0.1, fmt.Sprintf("the model leans on what moved: importance %s", figure(importance)))
	}
	s.finds(0.1, f.findings[drift.Prediction])
	if f.loss.serious && len(s.pro) > 0 {
		text := "estimated "
		if f.loss.realised {
			text = "realised "
		}
		s.weighs(0.15, fmt.Sprintf("%s%s, in %d of %s", text, measured(f.loss.from), f.bad, counted(min(f.policy.Evidence.OfWindows, max(len(f.History), 1)), "window")))
	}
	if f.seasonal() {
		s.against(0.2, "every year at this season")
	}
	if len(f.findings[drift.NewCategory]) > 0 && len(f.movedElsewhere()) == 0 {
		s.against(0.3, "only features with values never seen before moved")
	}
	f.againstModelFault(s)
}

// againstModelFault holds against a change of the world what is better explained by data or by a release.
func (f *facts) againstModelFault(s *scale) {
	if f.dataFault() {
		s.against(0.4, "the data itself is at fault")
	}
	if _, compared := f.previousBetter(); f.loss.serious && f.recent() && !f.first() && (!compared || f.target != nil) {
		s.against(0.3, fmt.Sprintf("v%d is new", f.Champion.Number))
	}
}

func staleLabels(f *facts, s *scale) {
	if f.loss.realised && f.loss.serious && float64(f.LabelDelayDays) >= f.policy.Evidence.StaleLabelsDays {
		s.weighs(0.35, fmt.Sprintf("labels come %s days after the prediction: they tell of that time", figure(float64(f.LabelDelayDays))))
		s.against(0.05, fmt.Sprintf("%s show the loss all the same", counted(f.loss.from.N, "labelled row")))
	}
}

// estimateOff reports whether the estimate without labels differs from what labels showed by more than the policy tolerates.
func (f *facts) estimateOff() (string, bool) {
	if f.Drift == nil || f.Drift.Estimated == nil || !f.loss.realised || !f.Drift.Estimated.Value.Finite() {
		return "", false
	}
	off := math.Abs(float64(f.Drift.Estimated.Value - f.loss.from.Value))
	return fmt.Sprintf("the estimate without labels was %s, %s off what the labels show", figure(float64(f.Drift.Estimated.Value)), figure(off)), off > f.policy.Evidence.EstimateTolerance
}

// ruledOut adds the explanations somebody would ask about and that have no evidence, with what speaks against them.
func (f *facts) ruledOut(given []Hypothesis) []Hypothesis {
	named := func(causes ...string) bool {
		return slices.ContainsFunc(given, func(h Hypothesis) bool { return slices.Contains(causes, h.Cause) })
	}
	var out []Hypothesis
	if f.Drift != nil && !named(CauseColumn, CauseUnit, CauseData, CauseDuplicate) {
		s := &scale{}
		s.against(1, "no missing-rate change, units agree, every column is there")
		if f.DuplicateRows == 0 {
			s.against(0, "no batch came twice")
		}
		out = append(out, s.hypothesis(CauseData))
	}
	if age, known := f.sincePromotion(); known && !named(CauseRelease) {
		s := &scale{}
		if f.recent() {
			s.against(0, fmt.Sprintf("v%d went live %s before, and nothing is lost since", f.Champion.Number, ago(age)))
		} else {
			s.against(1, "no release for "+ago(age))
		}
		out = append(out, s.hypothesis(CauseRelease))
	}
	return out
}

func (f *facts) movedText(moved []string, importance float64) string {
	if len(moved) == 0 {
		return fmt.Sprintf("the window as a whole differs from training, n = %s", number.Grouped(float64(f.Rows)))
	}
	text := fmt.Sprintf("%s moved (%s)", counted(len(moved), "feature"), listed(moved))
	if importance > 0 {
		text = fmt.Sprintf("%s of importance %s moved (%s)", counted(len(moved), "feature"), figure(importance), listed(moved))
	}
	return text + ", n = " + number.Grouped(float64(f.Rows))
}

// said is the finding in drift's own words, or plainly named where it has none.
func said(g drift.Finding) string {
	if g.Text != "" {
		return g.Text
	}
	return fmt.Sprintf("%s of %s, n = %s", strings.ReplaceAll(g.Kind, "_", " "), g.Feature, number.Grouped(float64(g.N)))
}

// names lists the alerts' names, each once.
func names(alerts []Alert) string {
	var out []string
	for _, a := range alerts {
		if !slices.Contains(out, a.Name) {
			out = append(out, a.Name)
		}
	}
	return listed(out)
}

func firingText(alerts []Alert) string {
	return fmt.Sprintf("%s firing: %s", counted(len(alerts), "alert"), names(alerts))
}
