package remedy

import (
	"math"
	"slices"
	"sort"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// Diagnose weighs every cause against the evidence. It never fails: with nothing to go by, the answer is that nothing is known to be wrong.
func Diagnose(o Observation, p Policy) Diagnosis { return diagnose(read(o, p)) }

func diagnose(f *facts) Diagnosis {
	d := Diagnosis{Insufficient: f.Trigger == TriggerDrift && !f.enough}
	if d.Insufficient {
		d.Hypotheses = []Hypothesis{nothing(f, "a window this small says nothing")}
		return d
	}
	for _, c := range causes {
		s := &scale{}
		c.weigh(f, s)
		if len(s.pro) > 0 {
			d.Hypotheses = append(d.Hypotheses, s.hypothesis(c.cause))
		}
	}
	sort.SliceStable(d.Hypotheses, func(i, j int) bool { return d.Hypotheses[i].Score > d.Hypotheses[j].Score })
	if len(d.Hypotheses) == 0 || d.Hypotheses[0].Score < doubt {
		d.Hypotheses = append([]Hypothesis{nothing(f, "no cause has evidence enough")}, d.Hypotheses...)
		if !f.loss.serious && len(f.loud) == 0 {
			return d
		}
	}
	d.Hypotheses = append(d.Hypotheses, f.ruledOut(d.Hypotheses)...)
	d.Kind = kindByCause[d.Cause()]
	if d.Cause() == CauseNone {
		d.Kind = f.unexplained()
	}
	d.Severity = f.severity(d.Cause())
	return d
}

// kindByCause is the kind of incident each cause makes.
var kindByCause = map[string]string{
	CauseDuplicate: KindDataQuality, CauseColumn: KindDataQuality, CauseUnit: KindDataQuality, CauseData: KindDataQuality,
	CauseRelease: KindRelease, CauseErrors: KindErrors, CauseLatency: KindLatency,
	CauseSeason: KindDrift, CauseCategory: KindDrift, CauseCovariate: KindDrift,
	CauseConcept: KindPerformance, CauseLabels: KindPerformance,
}

// unexplained is the kind of a condition without a cause: what the alert says it is, else performance.
func (f *facts) unexplained() string {
	for _, a := range f.loud {
		if k := f.kindOf(a); k != "" {
			return k
		}
	}
	return KindPerformance
}

// severity is the policy's for the cause: low while nothing is lost by a drift, one higher when much is.
func (f *facts) severity(cause string) string {
	levels := []string{"low", "medium", "high", "critical"}
	at := slices.Index(levels, f.policy.Severity[cause])
	if at < 0 {
		at = slices.Index(levels, "medium")
	}
	if kindByCause[cause] == KindDrift && !f.loss.serious {
		at = 0
	}
	if f.loss.serious && f.loss.ratio >= f.policy.Evidence.SevereFactor {
		at = min(at+1, len(levels)-1)
	}
	return levels[at]
}

// doubt is the weight of evidence below which a cause is not named.
const doubt = 0.3

func nothing(f *facts, why string) Hypothesis {
	h := Hypothesis{Cause: CauseNone, Score: 1, For: []string{}, Against: []string{}}
	switch {
	case f.Trigger == TriggerDrift && !f.enough:
		h.For = append(h.For, why)
	case f.loss.serious || len(f.loud) > 0:
		h.Score = doubt
		h.For = append(h.For, why)
	case f.loss.known:
		h.For = append(h.For, "no loss that matters: "+measured(f.loss.from))
	default:
		h.For = append(h.For, "nothing was observed that speaks for a fault")
	}
	return h
}

// scale collects evidence. Weights are judgement, not measurement: they order causes, and the scenarios in testdata prove the order.
type scale struct {
	score    float64
	pro, con []string
}

func (s *scale) weighs(w float64, text string)  { s.score += w; s.pro = append(s.pro, text) }
func (s *scale) against(w float64, text string) { s.score -= w; s.con = append(s.con, text) }

// finds weighs findings of one sort: the first carries the weight, two more are named.
func (s *scale) finds(w float64, findings []drift.Finding) {
	for i, g := range findings[:min(3, len(findings))] {
		if i > 0 {
			w = 0
		}
		s.weighs(w, said(g))
	}
}

func (s *scale) hypothesis(cause string) Hypothesis {
	h := Hypothesis{Cause: cause, Score: number.Float(math.Round(100*min(max(s.score, 0), 1)) / 100), For: []string{}, Against: []string{}}
	h.For = append(h.For, s.pro...)
	h.Against = append(h.Against, s.con...)
	return h
}
