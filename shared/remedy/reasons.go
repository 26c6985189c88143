package remedy

import (
	"fmt"
	"math"
	"strings"
	"time"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// lossReason is the loss against what matters.
func (f *facts) lossReason() Reason {
	l := f.loss
	r := Reason{Measured: number.Float(l.size), Threshold: number.Float(l.matters), Unit: l.unit, N: l.from.N}
	kind := "estimated"
	if l.realised {
		kind = "realised"
	}
	switch {
	case l.serious:
		r.Text = fmt.Sprintf("%s %s: a loss of %s, %s matters", kind, measured(l.from), figure(l.size), figure(l.matters))
	case l.ratio >= 1:
		r.Text = fmt.Sprintf("%s %s: within the noise of so few rows", kind, measured(l.from))
	default:
		r.Text = fmt.Sprintf("%s %s: no loss that matters (%s)", kind, measured(l.from), figure(l.matters))
	}
	return r
}

// gainReason is the performance now against before the action.
func (f *facts) gainReason(format string) Reason {
	r := Reason{Text: fmt.Sprintf(format, f.Open.Action), Measured: number.Float(math.NaN()), Threshold: number.Float(f.policy.Verify.MinGain * f.policy.Evidence.MinLoss)}
	if f.loss.known {
		r.Measured, r.Threshold, r.Unit, r.N = number.Float(f.gain()*f.loss.matters), number.Float(f.policy.Verify.MinGain*f.loss.matters), f.loss.unit, f.loss.from.N
		kind := "estimated"
		if f.loss.realised {
			kind = "realised"
		}
		r.Text += ": " + kind + " " + measured(f.loss.from)
		if f.Open.Before != nil && f.Open.Before.Value.Finite() {
			r.Text += ", before the action " + figure(float64(f.Open.Before.Value))
		}
	}
	return r
}

// labelsReason adds how many fresh labels there are against how many a retraining needs.
func (f *facts) labelsReason(d *Decision) {
	need := f.policy.Retrain
	text := fmt.Sprintf("%s, %d needed", counted(f.FreshLabels, "fresh labelled row"), need.MinLabels)
	if f.FreshRarerClass >= 0 {
		text += fmt.Sprintf("; %d of the rarer class, %d needed", f.FreshRarerClass, need.MinRarer)
	}
	d.because(Reason{Text: text, Measured: number.Float(f.FreshLabels), Threshold: number.Float(need.MinLabels), Unit: "labelled rows", N: f.FreshLabels})
}

func (f *facts) labelsAdvice() string {
	missing := max(f.policy.Retrain.MinLabels-f.FreshLabels, 0)
	text := fmt.Sprintf("Send %s more (POST /feedback)", counted(missing, "label"))
	if rarer := f.policy.Retrain.MinRarer - f.FreshRarerClass; f.FreshRarerClass >= 0 && rarer > 0 {
		text += fmt.Sprintf(", at least %d of them of the rarer class", rarer)
	}
	return text + ": then a retraining is worth it."
}

// driftReason adds what moved.
func (f *facts) driftReason(d *Decision) {
	moved, importance := f.moved()
	r := Reason{Text: f.movedText(moved, importance), Measured: number.Float(len(moved)), Unit: "drifted features", N: f.Rows}
	if len(moved) == 0 && len(f.Drift.Findings) > 0 {
		g := f.Drift.Findings[0]
		r = Reason{Text: said(g), Measured: g.Effect, Threshold: g.Threshold, Unit: g.Unit, N: g.N}
	}
	d.because(r)
}

// faultReasons adds each finding that makes the rows untrustworthy, the plainest first.
func (f *facts) faultReasons(d *Decision) {
	for _, g := range f.faults(faultKinds...) {
		m := g.Effect
		if g.Kind == drift.UnitChange {
			m = g.Factor
		}
		d.because(Reason{Text: said(g), Measured: m, Threshold: g.Threshold, Unit: g.Unit, N: g.N})
	}
	if f.duplicated() {
		f.duplicateReason(d)
	}
}

func (f *facts) duplicateReason(d *Decision) {
	d.because(Reason{Text: fmt.Sprintf("%s of %s are repeats: a batch was sent twice; they count once", number.Grouped(float64(f.DuplicateRows)), counted(f.Rows, "row")),
		Measured: number.Float(float64(f.DuplicateRows) / float64(f.Rows)), Threshold: number.Float(f.policy.Evidence.DuplicateShare), Unit: "share of rows", N: f.Rows})
}

func (f *facts) faultAdvice() string {
	since := ""
	if f.Drift != nil && !f.Drift.Window.Start.IsZero() {
		since = " since " + f.Drift.Window.Start.UTC().Format("2006-01-02 15:04") + " UTC"
	}
	if g := f.faults(drift.MissingColumn); len(g) > 0 {
		return fmt.Sprintf("Ask the sender about %s, missing or renamed%s. Rows without it are refused with the code missing; nothing is guessed.", g[0].Feature, since)
	}
	if g := f.faults(drift.UnitChange); len(g) > 0 {
		return fmt.Sprintf("Ask the sender about the unit of %s, %s times what it was%s. If it changed for good, convert before sending.", g[0].Feature, figure(float64(g[0].Factor)), since)
	}
	var names []string
	for _, g := range f.faults(faultKinds...) {
		names = append(names, g.Feature)
	}
	if len(names) == 0 {
		return "Ask the sender what changed" + since + "."
	}
	return fmt.Sprintf("Ask the sender about %s%s.", listed(names), since)
}

// releaseReasons adds what speaks against the version that is served.
func (f *facts) releaseReasons(d *Decision) {
	if f.loss.serious {
		d.because(f.lossReason())
	}
	if a := f.alerting[KindErrors]; len(a) > 0 {
		d.because(Reason{Text: firingText(a), Measured: number.Float(len(a)), Unit: "alerts"})
	}
	if age, known := f.sincePromotion(); known {
		text := fmt.Sprintf("v%d went live %s before", f.Champion.Number, ago(age))
		if f.Champion.Forced {
			text += ", forced past the gate"
		}
		d.because(Reason{Text: text, Measured: number.Float(math.Round(age.Hours()*100) / 100), Threshold: number.Float(f.policy.Release.HorizonHours), Unit: "hours"})
	}
	if _, known := f.previousBetter(); known {
		c := f.PreviousCompared
		d.because(Reason{Text: f.comparison(), Measured: c.Previous - c.Champion, Unit: c.Metric, N: c.N})
	}
	if f.target != nil && f.Previous != nil && f.target.Number != f.Previous.Number {
		d.say("v%d is skipped (%s); v%d is the next good version", f.Previous.Number, f.previousFault(), f.target.Number)
	}
}

func (f *facts) previousFault() string {
	if f.PreviousProblem != "" {
		return f.PreviousProblem
	}
	if f.returned() {
		return "it was left by a rollback"
	}
	return "its artefact is not verified"
}

// noTarget says why there is nowhere to go back to.
func (f *facts) noTarget() string {
	if f.Champion == nil {
		return "nothing is served yet"
	}
	if ratio, known := f.previousBetter(); known && ratio < f.policy.Release.MinGain {
		return "the earlier version is no better: " + f.comparison()
	}
	if f.Previous == nil {
		return "there is no earlier version"
	}
	return fmt.Sprintf("v%d cannot be served (%s) and there is no older good version", f.Previous.Number, f.previousFault())
}

// alternatives are the great moves that were not chosen, and why not.
func (f *facts) alternatives(d *Decision) []Alternative {
	var out []Alternative
	add := func(action, why string) {
		if action != d.Action && why != "" {
			out = append(out, Alternative{Action: action, WhyNot: why})
		}
	}
	switch f.Trigger {
	case TriggerGate:
		if d.Action == Promote {
			add(KeepChampion, "the new version is better on the same rows")
		} else {
			add(Promote, "the gate did not let it through")
		}
	case TriggerDrift, TriggerAlert:
		add(Retrain, f.whyNotRetrain())
		add(Rollback, f.whyNotRollback())
		if Acts(d.Action) {
			add(None, f.whyNotHold())
		}
	}
	return out
}

func (f *facts) whyNotRetrain() string {
	switch cause := f.diag.Cause(); {
	case f.Trigger == TriggerDrift && !f.enough:
		return "nothing can be said of so few rows"
	case f.dataFault() && f.duplicated():
		return "it would count the same rows twice"
	case f.dataFault() || cause == CauseData:
		return "it would learn the fault"
	case cause == CauseRelease:
		return "the version is at fault, not the data it learnt from"
	case cause == CauseLatency || cause == CauseErrors:
		return "the service is at fault, not what was learnt"
	case cause == CauseSeason:
		return "the season passes, and the model has seen it"
	case f.stage() == StageVerifying:
		return fmt.Sprintf("%s is being verified", f.Open.Action)
	case !f.loss.serious && f.loss.known:
		return fmt.Sprintf("no loss above %s", figure(f.loss.matters))
	case !f.loss.serious:
		return "no loss was measured"
	case !f.persistent():
		return fmt.Sprintf("seen in %d of %d windows", f.bad, f.policy.Evidence.BadWindows)
	case !f.learnable():
		return fmt.Sprintf("%s, %d needed", counted(f.FreshLabels, "fresh labelled row"), f.policy.Retrain.MinLabels)
	case f.failed() >= f.policy.Retrain.MaxRefused:
		return fmt.Sprintf("the gate refused %d already", f.failed())
	}
	return ""
}

func (f *facts) whyNotRollback() string {
	switch age, known := f.sincePromotion(); {
	case f.target == nil:
		return f.noTarget()
	case !f.loss.serious && len(f.alerting[KindErrors]) == 0:
		return "nothing is lost under the version that is served"
	case f.dataFault():
		return "an earlier version would get the same faulty rows"
	case known && !f.recent():
		return fmt.Sprintf("v%d has served well for %s: it did not change, its inputs did", f.Champion.Number, ago(age))
	case !known:
		return "no release is known to lie near"
	case f.stage() == StageVerifying:
		return fmt.Sprintf("%s is being verified", f.Open.Action)
	}
	return fmt.Sprintf("the evidence points to %s rather than to the version", causeName(f.diag.Cause()))
}

func (f *facts) whyNotHold() string {
	switch {
	case f.loss.serious:
		return fmt.Sprintf("the loss of %s is above %s", figure(f.loss.size), figure(f.loss.matters))
	case len(f.alerting[KindErrors]) > 0:
		return "requests fail meanwhile"
	}
	return ""
}

// otherwise says what happens when nobody decides.
func (f *facts) otherwise(d *Decision) string {
	if d.Action == Promote && f.Champion == nil && d.Blocked != "" {
		return "Nothing is served."
	}
	if f.Champion == nil || !Acts(d.Action) || d.Blocked == "" && !d.RequiresApproval {
		return ""
	}
	s := fmt.Sprintf("v%d keeps serving", f.Champion.Number)
	if f.loss.serious {
		s += fmt.Sprintf("; asked again when the loss grows by another %s", figure(f.loss.matters))
	}
	return s + "."
}

// summary is the decision in one line.
func (f *facts) summary(d *Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", f.Model)
	if d.Cause != CauseNone && d.Cause != "" {
		b.WriteString(causeName(d.Cause))
		if kindByCause[d.Cause] == KindDrift && f.loss.serious {
			b.WriteString(" with loss")
		}
		b.WriteString("; ")
	}
	switch d.Action {
	case Retrain:
		fmt.Fprintf(&b, "retrain (about %s s, $%s)", figure(float64(d.ETASeconds)), figure(float64(d.CostUSD)))
	case Rollback, Undo, Promote:
		fmt.Fprintf(&b, "%s to v%d", map[string]string{Rollback: "roll back", Undo: "undo: back", Promote: "promote"}[d.Action], d.Target)
		if d.Action == Promote {
			b.Reset()
			fmt.Fprintf(&b, "%s: promote v%d", f.Model, d.Target)
		}
	default:
		b.WriteString(map[string]string{None: "nothing to do", Inform: "noted", Raise: "the owner is told", RequestLabels: "labels are asked for", KeepChampion: "the champion stays",
			Resolve: "resolved", Escalate: "a person must look", Fold: "belongs to the open incident"}[d.Action])
	}
	switch {
	case d.Blocked != "":
		b.WriteString("; proposed only (" + strings.ReplaceAll(d.Blocked, "_", " ") + ")")
	case d.RequiresApproval:
		fmt.Fprintf(&b, "; approval asked for %s", ago(time.Duration(f.policy.Approval.Hours)*time.Hour))
	}
	if d.Reasons[0].Text != "" {
		b.WriteString(": " + d.Reasons[0].Text)
	}
	return b.String()
}
