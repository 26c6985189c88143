package remedy

import (
	"math"
	"slices"
	"sort"
	"time"

	"mlops/shared/drift"
	"mlops/shared/evaluate"
)

// facts is what the rules and hypotheses speak of: the observation, read once against the policy.
type facts struct {
	Observation
	policy Policy
	diag   Diagnosis

	enough   bool // the window has rows enough to say anything
	loss     loss
	bad      int              // windows with a loss among the last Evidence.OfWindows, this one included
	drifts   []drift.Sighting // of drift, window by window, this one last
	firing   []Alert
	loud     []Alert                    // of them, those that are more than informative
	alerting map[string][]Alert         // the loud ones by kind, "" = a kind the policy does not know
	findings map[string][]drift.Finding // by kind, most telling first
	target   *VersionFacts              // where a rollback would go, nil = nowhere
}

// loss is how much worse the model is than its reference, in units of the loss that matters.
type loss struct {
	known    bool
	realised bool               // measured on labels, not estimated
	from     *drift.Performance //
	size     float64            // in the metric's unit, or as a share of the reference; > 0 is worse
	matters  float64            // the policy's minimum in the same unit
	unit     string             //
	ratio    float64            // size / matters
	serious  bool               // significant and at least what matters
}

// read derives the facts. It never fails: what is absent is not known.
func read(o Observation, p Policy) *facts {
	f := &facts{Observation: o, policy: p, findings: map[string][]drift.Finding{}}
	if r := o.Drift; r != nil {
		if f.Rows == 0 {
			f.Rows = r.NCurrent
		}
		f.enough = r.Verdict != drift.Insufficient && f.Rows >= p.Evidence.MinRows
		for _, g := range r.Findings {
			f.findings[g.Kind] = append(f.findings[g.Kind], g)
		}
		for _, g := range f.findings {
			sort.SliceStable(g, func(i, j int) bool { return f.weight(g[i]) > f.weight(g[j]) })
		}
		f.loss = f.lossOf(r)
	}
	f.bad = f.badWindows()
	for _, w := range f.earlier() {
		f.drifts = append(f.drifts, drift.Sighted(w.Verdict, w.DatasetDrift))
	}
	f.drifts = append(f.drifts, drift.Sighting{Known: f.enough, Bad: f.Drift != nil && f.Drift.News()})
	f.listen()
	f.target = f.rollbackTarget()
	return f
}

// weight orders findings: by the feature's importance, then by size.
func (f *facts) weight(g drift.Finding) float64 {
	size := math.Abs(float64(g.Effect))
	if math.IsNaN(size) || size > 1 {
		size = 1
	}
	return f.importance(g.Feature) + size/1e3
}

// importance is the feature's share of the model's skill, 0 when not known.
func (f *facts) importance(feature string) float64 {
	if c := f.Drift.Columns[feature]; c != nil && c.Importance.Finite() {
		return float64(c.Importance)
	}
	return 0
}

// lossOf reads the performance: the realised one as soon as it rests on labels enough, else the estimate.
func (f *facts) lossOf(r *drift.Report) loss {
	from, realised := r.Estimated, false
	if r.Realised != nil && r.Realised.N >= f.policy.Evidence.MinLabels && r.Realised.Loss.Finite() {
		from, realised = r.Realised, true
	}
	if from == nil || !from.Loss.Finite() {
		return loss{}
	}
	l := f.measure(from)
	l.realised = realised
	l.serious = from.Significant && l.ratio >= 1
	return l
}

// measure puts a performance's loss into units of what matters.
func (f *facts) measure(from *drift.Performance) loss {
	l := loss{known: true, from: from, size: float64(from.Loss), matters: f.policy.Evidence.MinLoss, unit: from.Metric}
	if !bounded(from.Metric) {
		l.matters, l.unit = f.policy.Evidence.MinRelativeLoss, "share of the reference's "+metricName(from.Metric)
		l.size /= math.Abs(float64(from.Reference))
	}
	l.ratio = l.size / l.matters
	if math.IsNaN(l.ratio) || math.IsInf(l.ratio, 0) {
		return loss{}
	}
	return l
}

// bounded reports whether the metric lies in [0, 1], so that a difference means the same everywhere.
func bounded(metric string) bool {
	return evaluate.Greater(metric) || metric == evaluate.NameBrier || metric == evaluate.NameECE
}

// badWindows counts the windows with a loss among the last n that said anything: this one as measured here, the earlier ones as remembered.
func (f *facts) badWindows() int {
	var seen []drift.Sighting
	for _, w := range f.earlier() {
		seen = append(seen, drift.Sighted(w.Verdict, w.PerformanceLoss))
	}
	bad, _ := f.persistence().Count(append(seen, drift.Sighting{Known: true, Bad: f.loss.serious}))
	return bad
}

// earlier are the windows before this one.
func (f *facts) earlier() []WindowFacts { return f.History[:max(0, len(f.History)-1)] }

// persistence is how often a loss or a drift must be seen.
func (f *facts) persistence() drift.Persistence {
	return drift.Persistence{Bad: f.policy.Evidence.BadWindows, Of: f.policy.Evidence.OfWindows}
}

// persistent reports whether the loss is there to stay: seen in k of n windows, or too large to wait for.
func (f *facts) persistent() bool {
	return f.loss.serious && (f.bad >= f.policy.Evidence.BadWindows || f.clear())
}

func (f *facts) clear() bool { return f.loss.serious && f.loss.ratio >= f.policy.Evidence.ClearFactor }

// healthy counts the windows at the end of the history in which nothing of the incident's kind was wrong, this one included.
func (f *facts) healthy(kind string) int {
	if !f.enough || f.wrong(kind) {
		return 0
	}
	n := 1
	for i := len(f.History) - 2; i >= 0; i-- {
		w := f.History[i]
		if w.Verdict == drift.Insufficient {
			continue
		}
		if w.PerformanceLoss && kind != KindDataQuality || len(w.DataQuality) > 0 && kind == KindDataQuality {
			break
		}
		n++
	}
	return n
}

// wrong reports whether this window still shows what an incident of that kind is about.
func (f *facts) wrong(kind string) bool {
	if kind == KindDataQuality {
		return f.dataFault()
	}
	return f.loss.serious || f.dataFault()
}

// dataFault reports whether the window shows rows that nothing should be learnt from.
func (f *facts) dataFault() bool {
	return len(f.faults(faultKinds...)) > 0 || f.duplicated()
}

// faultKinds are the findings of which nothing should be learnt, the plainest first.
var faultKinds = []string{drift.MissingColumn, drift.AllNull, drift.WrongType, drift.NonFinite, drift.Constant, drift.UnitChange, drift.MissingRate}

// faults are the findings of the kinds that are loud enough to be one; a missing rate that falls is a change, not a fault.
func (f *facts) faults(kinds ...string) []drift.Finding {
	var out []drift.Finding
	for _, k := range kinds {
		for _, g := range f.findings[k] {
			if g.Severity != drift.SeverityWarn && !(k == drift.MissingRate && g.Effect < 0) {
				out = append(out, g)
			}
		}
	}
	return out
}

func (f *facts) duplicated() bool {
	return f.Rows > 0 && f.DuplicateRows > 0 && float64(f.DuplicateRows) >= float64(f.policy.Evidence.DuplicateShare*float64(f.Rows))
}

// seasonal reports whether the window differs from the training data but not from the same season of an earlier year.
func (f *facts) seasonal() bool {
	return f.Season != nil && !f.Season.DatasetDrift && f.Drift != nil && f.Drift.DatasetDrift
}

// moved are the features that drifted, most important first, and their joint importance.
func (f *facts) moved() (names []string, importance float64) {
	for _, g := range f.findings[drift.Covariate] {
		names = append(names, g.Feature)
		importance += f.importance(g.Feature)
	}
	return names, importance
}

// movedElsewhere are those of them that did not move by values never seen before.
func (f *facts) movedElsewhere() []string {
	names, _ := f.moved()
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(f.findings[drift.NewCategory], func(g drift.Finding) bool { return g.Feature == name })
	})
}

// first reports whether the champion is the only version that ever served.
func (f *facts) first() bool { return f.Previous == nil && len(f.Older) == 0 }

// sincePromotion is how long the champion has been one, and whether that is known.
func (f *facts) sincePromotion() (time.Duration, bool) {
	if f.Champion == nil || f.Champion.PromotedAt.IsZero() || f.At.Before(f.Champion.PromotedAt) {
		return 0, false
	}
	return f.At.Sub(f.Champion.PromotedAt), true
}

// recent reports whether the champion is new enough to be suspected: within the horizon, or a little longer if no window under it was good.
func (f *facts) recent() bool {
	age, known := f.sincePromotion()
	if !known || f.returned() {
		return false
	}
	r := f.policy.Release
	if age <= time.Duration(r.HorizonHours)*time.Hour {
		return true
	}
	return age <= time.Duration(r.SinceDays)*24*time.Hour && f.neverGood()
}

// returned reports whether the champion serves because the agent went back to it: then it is neither new nor a release.
func (f *facts) returned() bool {
	for _, a := range slices.Backward(f.Actions) {
		switch a.Action {
		case Promote:
			return false
		case Rollback, Undo:
			return f.Champion != nil && !f.Champion.PromotedAt.After(a.At.Add(time.Minute))
		}
	}
	return false
}

// neverGood reports whether every earlier window under this champion showed a loss, and there was one.
func (f *facts) neverGood() bool {
	n := 0
	for i := 0; i < len(f.History)-1; i++ {
		w := f.History[i]
		if !w.At.After(f.Champion.PromotedAt) || w.Verdict == drift.Insufficient {
			continue
		}
		if !w.PerformanceLoss {
			return false
		}
		n++
	}
	return n > 0
}

// previousBetter compares champion and previous on the same labelled rows: by how many times the loss that matters the previous is better.
func (f *facts) previousBetter() (ratio float64, known bool) {
	c := f.PreviousCompared
	if c == nil || f.Champion == nil || f.Previous == nil || c.N < f.policy.Evidence.MinLabels || !c.Champion.Finite() || !c.Previous.Finite() {
		return 0, false
	}
	gain := float64(c.Champion - c.Previous)
	if evaluate.Greater(c.Metric) {
		gain = -gain
	}
	matters := f.policy.Evidence.MinLoss
	if !bounded(c.Metric) {
		matters = float64(f.policy.Evidence.MinRelativeLoss * math.Abs(float64(c.Champion)))
	}
	if matters <= 0 {
		return 0, false
	}
	return gain / matters, true
}

// rollbackTarget is the version to go back to: the previous one when its artefact is good and nothing shows that it is as bad, else the
// best older one. When the previous one was compared and found as bad, the version is not what is wrong, and older ones are no remedy.
// A previous version that was left by a rollback was left for a reason: going back and forth is no remedy either.
func (f *facts) rollbackTarget() *VersionFacts {
	if f.Champion == nil {
		return nil
	}
	if ratio, known := f.previousBetter(); known && ratio < f.policy.Release.MinGain {
		return nil
	}
	if f.Previous != nil && f.PreviousGood && f.Previous.Number != f.Champion.Number && !f.returned() {
		return f.Previous
	}
	for i := range f.Older {
		if f.Older[i].Number != f.Champion.Number && (f.Previous == nil || f.Older[i].Number != f.Previous.Number) {
			return &f.Older[i]
		}
	}
	return nil
}

// version finds a verified version that may be rolled back to.
func (f *facts) version(n int) *VersionFacts {
	if f.Previous != nil && f.Previous.Number == n && f.PreviousGood {
		return f.Previous
	}
	for i := range f.Older {
		if f.Older[i].Number == n {
			return &f.Older[i]
		}
	}
	return nil
}

// learnable reports whether there are fresh labels enough to train on.
func (f *facts) learnable() bool {
	r := f.policy.Retrain
	return f.FreshLabels >= r.MinLabels && (f.FreshRarerClass < 0 || f.FreshRarerClass >= r.MinRarer)
}

// failed is how many retrainings of the open incident the gate refused.
func (f *facts) failed() int {
	if f.Open == nil {
		return 0
	}
	return f.Open.FailedRetrains
}

// stage is the open incident's, "" when none is open.
func (f *facts) stage() string {
	if f.Open == nil || f.Open.Stage == StageResolved {
		return ""
	}
	return f.Open.Stage
}
