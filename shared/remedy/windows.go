package remedy

import (
	"fmt"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// Did the action help? Asked while the open incident is verifying.
var verifyRules = []rule{
	{"window.insufficient", TriggerDrift,
		func(f *facts) bool { return !f.enough },
		func(f *facts, d *Decision) {
			d.because(Reason{Text: fmt.Sprintf("insufficient data: %s in the window, %d are needed to say anything", counted(f.Rows, "row"), f.policy.Evidence.MinRows),
				Measured: number.Float(f.Rows), Threshold: number.Float(f.policy.Evidence.MinRows), Unit: "rows", N: f.Rows})
		}},
	{"verify.clouded", TriggerDrift,
		func(f *facts) bool { return f.stage() == StageVerifying && f.dataFault() && !f.duplicated() },
		func(f *facts, d *Decision) {
			d.tell(Raise, StageVerifying)
			f.faultReasons(d)
			d.say("whether %s helped cannot be judged on such rows", f.Open.Action)
		}},
	{"verify.harm", TriggerDrift,
		func(f *facts) bool { return f.stage() == StageVerifying && f.clear() && f.gain() <= -1 && f.undoable() },
		func(f *facts, d *Decision) {
			d.act(Undo, f.target)
			d.because(f.gainReason("worse than before %s: not waited for"))
		}},
	{"verify.wait", TriggerDrift,
		func(f *facts) bool { return f.stage() == StageVerifying && f.Open.Windows < f.policy.Verify.Windows },
		func(f *facts, d *Decision) {
			d.because(Reason{Text: fmt.Sprintf("%d of %d windows since %s", f.Open.Windows, f.policy.Verify.Windows, f.Open.Action),
				Measured: number.Float(f.Open.Windows), Threshold: number.Float(f.policy.Verify.Windows), Unit: "windows"})
		}},
	{"verify.unknown", TriggerDrift,
		func(f *facts) bool {
			return f.stage() == StageVerifying && !f.loss.known && f.Open.Windows < f.policy.Verify.MaxWindows
		},
		func(f *facts, d *Decision) {
			d.say("the performance is not known in this window; whether %s helped stays open", f.Open.Action)
		}},
	{"verify.recovered", TriggerDrift,
		func(f *facts) bool { return f.stage() == StageVerifying && f.loss.known && !f.loss.serious },
		func(f *facts, d *Decision) {
			d.tell(Resolve, StageResolved)
			d.because(f.gainReason("back after %s"))
			d.say("verified over %s, not assumed", counted(f.Open.Windows, "window"))
		}},
	{"verify.better", TriggerDrift,
		func(f *facts) bool {
			return f.stage() == StageVerifying && f.gain() >= f.policy.Verify.MinGain && f.Open.Windows < f.policy.Verify.MaxWindows
		},
		func(f *facts, d *Decision) { d.because(f.gainReason("better since %s, and not yet well")) }},
	{"verify.undo", TriggerDrift,
		func(f *facts) bool {
			return f.stage() == StageVerifying && f.gain() < f.policy.Verify.MinGain && f.undoable()
		},
		func(f *facts, d *Decision) {
			d.act(Undo, f.target)
			d.because(f.gainReason("no better since %s"))
			d.say("undone after %s, and a person must look", counted(f.Open.Windows, "window"))
		}},
	{"verify.failed", TriggerDrift,
		func(f *facts) bool { return f.stage() == StageVerifying },
		func(f *facts, d *Decision) {
			d.tell(Escalate, StageEscalated)
			if f.loss.known {
				d.because(f.gainReason("not well since %s"))
			}
			d.say("%s after %s did not end it, and there is nothing better to go back to", f.Open.Action, counted(f.Open.Windows, "window"))
		}},
}

// What a measured window asks for.
var windowRules = []rule{
	{"data.duplicate", TriggerDrift, caused(CauseDuplicate),
		func(f *facts, d *Decision) {
			d.tell(Inform, d.Stage)
			f.duplicateReason(d)
		}},
	{"data.fault", TriggerDrift,
		func(f *facts) bool {
			c := f.diag.Cause()
			return c == CauseColumn || c == CauseUnit || c == CauseData
		},
		func(f *facts, d *Decision) {
			d.tell(Raise, StageOpen)
			f.faultReasons(d)
			d.Advice = f.faultAdvice()
		}},
	{"release.rollback", TriggerDrift,
		func(f *facts) bool { return f.diag.Cause() == CauseRelease && f.target != nil },
		rollBack},
	{"release.without_target", TriggerDrift, caused(CauseRelease), stuck},
	{"incident.healthy", TriggerDrift,
		func(f *facts) bool {
			return f.passive() && f.Open.Kind != KindLatency && f.Open.Kind != KindErrors && f.healthy(f.Open.Kind) >= f.policy.Evidence.HealthyWindows
		},
		func(f *facts, d *Decision) {
			n := f.healthy(f.Open.Kind)
			d.tell(Resolve, StageResolved)
			d.because(Reason{Text: fmt.Sprintf("nothing of it in the last %s", counted(n, "window")),
				Measured: number.Float(n), Threshold: number.Float(f.policy.Evidence.HealthyWindows), Unit: "windows", N: f.Rows})
		}},
	{"season.known", TriggerDrift, caused(CauseSeason),
		func(f *facts, d *Decision) {
			d.tell(Inform, d.Stage)
			d.because(Reason{Text: fmt.Sprintf("as every year: no drift against the same season from %s", f.Season.From.Format("2006-01-02")), Unit: "rows", Measured: number.Float(f.Season.N), N: f.Season.N})
		}},
	{"loss.exhausted", TriggerDrift,
		func(f *facts) bool { return f.persistent() && f.failed() >= f.policy.Retrain.MaxRefused },
		func(f *facts, d *Decision) {
			d.tell(Escalate, StageEscalated)
			d.because(f.lossReason())
			d.because(Reason{Text: fmt.Sprintf("%s refused by the gate", counted(f.failed(), "retraining")),
				Measured: number.Float(f.failed()), Threshold: number.Float(f.policy.Retrain.MaxRefused), Unit: "retrainings"})
		}},
	{"category.new", TriggerDrift,
		func(f *facts) bool {
			return f.diag.Cause() == CauseCategory && (!f.persistent() || f.newShare() < f.policy.Evidence.NewCategoryShare)
		},
		func(f *facts, d *Decision) {
			d.tell(Raise, StageOpen)
			g := f.findings[drift.NewCategory][0]
			d.because(Reason{Text: said(g), Measured: number.Float(f.newShare()),
				Threshold: number.Float(f.policy.Evidence.NewCategoryShare), Unit: "share of rows", N: f.Rows})
			d.say("retrained only when its share and the loss both exceed their limits")
			d.Advice = fmt.Sprintf("Is the value of %s right? If it is here to stay, labels for it are worth collecting.", g.Feature)
		}},
	{"loss.watch", TriggerDrift,
		func(f *facts) bool { return f.loss.serious && !f.persistent() },
		func(f *facts, d *Decision) {
			d.tell(Inform, d.Stage)
			d.because(Reason{Text: fmt.Sprintf("a loss in %d of the last %s, %d are needed before anything is done", f.bad, counted(f.policy.Evidence.OfWindows, "window"), f.policy.Evidence.BadWindows),
				Measured: number.Float(f.bad), Threshold: number.Float(f.policy.Evidence.BadWindows), Unit: "windows", N: f.Rows})
			d.because(f.lossReason())
		}},
	{"loss.retrain", TriggerDrift,
		func(f *facts) bool { return f.persistent() && f.learnable() && !f.dataFault() },
		func(f *facts, d *Decision) {
			d.act(Retrain, nil)
			d.because(f.lossReason())
			f.labelsReason(d)
		}},
	{"loss.labels", TriggerDrift, (*facts).persistent,
		func(f *facts, d *Decision) {
			d.tell(RequestLabels, StageOpen)
			d.because(f.lossReason())
			f.labelsReason(d)
			d.Advice = f.labelsAdvice()
		}},
	{"drift.watch", TriggerDrift,
		func(f *facts) bool {
			alarm, _ := f.persistence().Alarm(f.drifts)
			return f.Drift.Verdict == drift.Alert && !f.loss.known && f.Drift.DatasetDrift && !f.dataFault() && !alarm
		},
		func(f *facts, d *Decision) {
			d.tell(Inform, d.Stage)
			f.driftReason(d)
			_, why := f.persistence().Alarm(f.drifts)
			d.say("%s", why)
		}},
	{"drift.unmeasured", TriggerDrift,
		func(f *facts) bool { return f.Drift.Verdict == drift.Alert && !f.loss.known },
		func(f *facts, d *Decision) {
			d.tell(RequestLabels, StageOpen)
			f.driftReason(d)
			d.say("whether it matters is not known: no estimate, and too few labels")
			d.Advice = f.labelsAdvice()
		}},
	{"drift.harmless", TriggerDrift,
		func(f *facts) bool { return f.Drift.DatasetDrift || len(f.Drift.Findings) > 0 },
		func(f *facts, d *Decision) {
			d.tell(Inform, d.Stage)
			f.driftReason(d)
			if f.loss.known {
				d.because(f.lossReason())
			} else {
				d.say("whether it matters is not known: no estimate, and too few labels")
			}
		}},
	{"window.quiet", TriggerDrift, always,
		func(f *facts, d *Decision) {
			d.because(Reason{Text: fmt.Sprintf("nothing moved beyond chance, n = %s", number.Grouped(float64(f.Rows))), Measured: 0, Unit: "drifted features", N: f.Rows})
			if f.loss.known {
				d.because(f.lossReason())
			}
		}},
}

// caused applies when the diagnosis names the cause first.
func caused(cause string) func(*facts) bool {
	return func(f *facts) bool { return f.diag.Cause() == cause }
}

// passive reports whether an incident is open in which the agent has nothing under way.
func (f *facts) passive() bool {
	switch f.stage() {
	case StageOpen, StageProposed, StageAwaiting, StageRejected, StageExpired, StageEscalated, StageUndone, StageFailed:
		return true
	}
	return false
}

// gain is by how many times the loss that matters the model is better than before the action; 0 when either is not known.
func (f *facts) gain() float64 {
	if f.Open == nil || f.Open.Before == nil || !f.loss.known || !f.Open.Before.Loss.Finite() {
		return 0
	}
	return f.measure(f.Open.Before).ratio - f.loss.ratio
}

// undoable reports whether the action put a new version live and there is one to go back to. A rollback is not undone: it left a bad one.
func (f *facts) undoable() bool {
	return f.target != nil && (f.Open.Action == Retrain || f.Open.Action == Promote)
}

func (f *facts) newShare() float64 {
	share := 0.0
	for _, g := range f.findings[drift.NewCategory] {
		if e := float64(g.Effect); e > share {
			share = e
		}
	}
	return share
}

func rollBack(f *facts, d *Decision) {
	d.act(Rollback, f.target)
	f.releaseReasons(d)
}

func stuck(f *facts, d *Decision) {
	d.tell(Escalate, StageEscalated)
	f.releaseReasons(d)
	d.say("%s", f.noTarget())
	d.Advice = "Register a version known to be good, or force one live with mlops rollback."
}
