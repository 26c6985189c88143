package remedy

import (
	"fmt"
	"math"
	"slices"
	"time"

	"mlops/shared/number"
)

// Decide says what to do about an observation: the first rule that applies proposes, then the guards hold back what must not be done now.
// It is pure: the same observation and policy give the same decision, in every byte. It never promotes what the gate refused, never
// retrains without the labels the policy asks for, and never lets an action through against the kill switch or a dry run; the one
// exception is the first promotion of all, which a dry run lets through, since without it there would be nothing to watch.
func Decide(o Observation, p Policy) Decision {
	f := read(o, p)
	f.diag = diagnose(f)
	d := Decision{
		ID: o.Digest(), Model: o.Model, Action: None, Cause: f.diag.Cause(), Policy: p.Digest(), Diagnosis: f.diag,
		Reasons: []Reason{}, Alternatives: []Alternative{},
	}
	if f.Open != nil {
		d.Incident, d.Stage = f.Open.ID, f.stage()
		if (o.Trigger == TriggerApproval || o.Trigger == TriggerGate || o.Trigger == TriggerSweep) && len(f.Open.Causes) > 0 {
			d.Cause = f.Open.Causes[len(f.Open.Causes)-1]
		}
	}
	for _, r := range rules {
		if (r.on == "" || r.on == o.Trigger) && r.when(f) {
			d.Reasons = append(d.Reasons, Reason{Rule: r.id})
			r.then(f, &d)
			break
		}
	}
	if d.Action == Resolve && f.Open != nil && len(f.Open.Causes) > 0 {
		d.Cause = f.Open.Causes[len(f.Open.Causes)-1] // what ends is the incident, not what this window would be put down to
	}
	for _, g := range guards {
		if g.when(f, &d) {
			g.then(f, &d)
		}
	}
	f.complete(&d)
	return d
}

// act proposes an action of the agent's own.
func (d *Decision) act(action string, target *VersionFacts) {
	d.Action = action
	if target != nil {
		d.Target, d.TargetSHA256 = target.Number, target.SHA256
	}
}

// tell proposes something said and nothing done; stage is the incident's afterwards.
func (d *Decision) tell(action, stage string) { d.Action, d.Stage = action, stage }

// because fills in the deciding reason, which carries the rule's id already, or adds a further one under the same rule.
func (d *Decision) because(r Reason) {
	last := &d.Reasons[len(d.Reasons)-1]
	if r.Rule == "" {
		r.Rule = last.Rule
	}
	if last.Text == "" {
		*last = r
		return
	}
	d.Reasons = append(d.Reasons, r)
}

// say is because without a figure.
func (d *Decision) say(format string, args ...any) {
	d.because(Reason{Text: fmt.Sprintf(format, args...)})
}

// complete derives everything about the decision that follows from its action.
func (f *facts) complete(d *Decision) {
	if Acts(d.Action) {
		d.RequiresApproval = f.mustAsk(d)
		switch {
		case d.Stage == "" && f.Trigger == TriggerGate: // a version made by a person's upload: no incident is behind it
		case d.Blocked != "":
			d.Stage = StageProposed
		case d.RequiresApproval:
			d.Stage = StageAwaiting
		default:
			d.Stage = StageExecuting
		}
	}
	if f.unasked() && f.busy() && (d.Blocked != "" || d.Stage == StageOpen || d.Stage == StageEscalated && f.stage() != StageVerifying) {
		d.Stage = f.stage() // what is said or proposed meanwhile does not end what is under way
	}
	if f.Open != nil && f.Open.Stage == StageResolved && d.Action != Fold && (d.Stage == "" || !slices.Contains(f.Open.Causes, d.Cause)) {
		d.Incident = "" // what was resolved stays so: this is another matter
	}
	d.Risk = risk(d.Action)
	f.forecast(d)
	f.estimateCost(d)
	d.Alternatives = append(append([]Alternative{}, d.Alternatives...), f.alternatives(d)...)
	d.Otherwise = f.otherwise(d)
	d.Summary = f.summary(d)
	if Acts(d.Action) {
		d.PlanSHA256 = f.plan(d)
	}
	clean(d)
}

// mustAsk reports whether people are asked before the action. An action the policy does not name is asked for.
func (f *facts) mustAsk(d *Decision) bool {
	if f.Trigger == TriggerApproval {
		return false // they just were
	}
	if d.Action == Promote && f.Gate != nil && (f.Gate.First || f.Gate.Approved) {
		return false
	}
	return f.policy.Approval.Needed[d.Action] != Auto
}

// risk is what can go wrong by acting: an earlier version is known, a retraining changes nothing until it passes the gate, a promotion does.
func risk(action string) string {
	switch action {
	case Promote:
		return "medium"
	case Retrain, Rollback, Undo:
		return "low"
	}
	return ""
}

// plan is the digest an approval is bound to: were any of it different, it would be another plan.
func (f *facts) plan(d *Decision) string {
	type version struct {
		Number int
		SHA256 string
	}
	var champion version
	if f.Champion != nil {
		champion = version{f.Champion.Number, f.Champion.SHA256}
	}
	return digest(struct {
		Observation, Model, Action, Policy string
		Champion, Target                   version
	}{d.ID, d.Model, d.Action, d.Policy, champion, version{d.Target, d.TargetSHA256}})
}

// forecast says what the action should bring. A retraining lies between what is and what was in training, where the middle is all that can
// be said beforehand; a rollback brings what the earlier version shows on the same rows, or showed when it was trained; a promotion what
// the gate measured.
func (f *facts) forecast(d *Decision) {
	nan := number.Float(math.NaN())
	d.Expected = Effect{Value: nan, Low: nan, High: nan}
	switch {
	case d.Action == Retrain && f.loss.known && f.loss.from.Reference.Finite() && f.loss.from.Value.Finite():
		now, was := f.loss.from.Value, f.loss.from.Reference
		d.Expected = Effect{Metric: f.loss.from.Metric, Value: (now + was) / 2, Low: min(now, was), High: max(now, was)}
	case (d.Action == Rollback || d.Action == Undo) && f.PreviousCompared != nil && f.Previous != nil && d.Target == f.Previous.Number:
		d.Expected = Effect{Metric: f.PreviousCompared.Metric, Value: f.PreviousCompared.Previous, Low: nan, High: nan}
	case d.Action == Rollback || d.Action == Undo:
		if v := f.version(d.Target); v != nil && v.Metric != "" {
			d.Expected = Effect{Metric: v.Metric, Value: v.CV, Low: nan, High: nan}
		}
	case d.Action == Promote && f.Gate != nil && f.Gate.Metric != "":
		d.Expected = Effect{Metric: f.Gate.Metric + " difference", Value: f.Gate.Diff, Low: f.Gate.Low, High: f.Gate.High}
	}
}

// estimateCost says how long the action takes and what it costs: seconds x GB x price.
func (f *facts) estimateCost(d *Decision) {
	c := f.policy.Cost
	switch d.Action {
	case Retrain:
		s := float64(f.TrainSeconds)
		if !(s > 0) || math.IsInf(s, 0) {
			s = c.TrainBaseSeconds
			if c.TrainRowsPerSec > 0 {
				s += float64(max(f.TrainRows, f.FreshLabels, 0)) / c.TrainRowsPerSec
			}
		}
		d.ETASeconds, d.CostUSD = number.Float(s), number.Float(s*c.TrainMemoryGB*c.GBSecondUSD)
	case Rollback, Promote, Undo:
		d.ETASeconds, d.CostUSD = number.Float(c.PointerMoveSeconds), number.Float(c.PointerMoveSeconds*c.PointerMemoryGB*c.GBSecondUSD)
	}
}

// lastDone is when the action was done last.
func (f *facts) lastDone(action string) (time.Time, bool) {
	for _, a := range slices.Backward(f.Actions) {
		if a.Action == action {
			return a.At, true
		}
	}
	return time.Time{}, false
}

// clean makes every sentence one line, whatever names came from outside.
func clean(d *Decision) {
	for i := range d.Reasons {
		d.Reasons[i].Text = oneLine(d.Reasons[i].Text)
	}
	for i := range d.Alternatives {
		d.Alternatives[i].WhyNot = oneLine(d.Alternatives[i].WhyNot)
	}
	for _, h := range d.Diagnosis.Hypotheses {
		for i := range h.For {
			h.For[i] = oneLine(h.For[i])
		}
		for i := range h.Against {
			h.Against[i] = oneLine(h.Against[i])
		}
	}
	d.Summary, d.Advice, d.Otherwise = oneLine(d.Summary), oneLine(d.Advice), oneLine(d.Otherwise)
}
