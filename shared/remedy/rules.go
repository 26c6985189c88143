package remedy

import (
	"fmt"
	"strings"

	"mlops/shared/number"
)

// rule is one line of the table: when it applies, and what it proposes. on is the trigger it is for.
type rule struct {
	id   string
	on   string
	when func(*facts) bool
	then func(*facts, *Decision)
}

// rules are tried from the top; the first that applies decides. The last of each trigger always applies.
var rules = concat(approvalRules, gateRules, alertRules, verifyRules, windowRules, []rule{
	{"sweep.quiet", TriggerSweep, always, func(f *facts, d *Decision) { d.say("nothing is due") }},
	{"trigger.unknown", "", always, func(f *facts, d *Decision) { d.say("nothing is known to do about %q", f.Trigger) }},
})

func concat(groups ...[]rule) (all []rule) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

func always(*facts) bool { return true }

// What people decided. An approval lets an action through that was proposed; it does not make a refused version pass, nor labels appear.
var approvalRules = []rule{
	{"approval.undecided", "",
		func(f *facts) bool { return f.decided() && f.Approval.Status == "Pending" },
		func(f *facts, d *Decision) {
			d.because(Reason{Text: fmt.Sprintf("request %s waits; its page was opened %s, which decides nothing", f.Approval.ID, times(f.Approval.Views)),
				Measured: number.Float(f.Approval.Views), Unit: "views"})
		}},
	{"approval.rejected", "",
		func(f *facts) bool { return f.decided() && f.Approval.Status == "Rejected" },
		func(f *facts, d *Decision) {
			d.tell(None, StageRejected)
			d.say("%s of request %s was rejected%s", f.Approval.Kind, f.Approval.ID, f.byWhom())
		}},
	{"approval.expired", "",
		func(f *facts) bool { return f.decided() && f.Approval.Status == "Expired" },
		func(f *facts, d *Decision) {
			d.tell(None, StageExpired)
			d.say("request %s was not decided in time: nothing is executed", f.Approval.ID)
		}},
	{"approval.overtaken", TriggerApproval,
		func(f *facts) bool {
			return f.decided() && f.Approval.Status == "Approved" && f.Approval.From != 0 && (f.Champion == nil || f.Champion.Number != f.Approval.From)
		},
		func(f *facts, d *Decision) {
			d.tell(None, StageExpired)
			d.say("request %s was about v%d, which does not serve any more: nothing is executed", f.Approval.ID, f.Approval.From)
		}},
	{"approval.retrain_on_fault", TriggerApproval,
		func(f *facts) bool { return f.approved(Retrain) && f.dataFault() },
		func(f *facts, d *Decision) {
			d.tell(Raise, StageOpen)
			d.say("retraining approved%s, but the latest window is at fault: it would learn that", f.byWhom())
			f.faultReasons(d)
			d.Advice = f.faultAdvice()
		}},
	{"approval.retrain", TriggerApproval,
		func(f *facts) bool { return f.approved(Retrain) && f.learnable() },
		func(f *facts, d *Decision) {
			d.act(Retrain, nil)
			d.say("retraining approved%s", f.byWhom())
			f.labelsReason(d)
		}},
	{"approval.retrain_without_labels", TriggerApproval,
		func(f *facts) bool { return f.approved(Retrain) },
		func(f *facts, d *Decision) {
			d.tell(RequestLabels, StageOpen)
			f.labelsReason(d)
		}},
	{"approval.rollback", TriggerApproval,
		func(f *facts) bool { return f.approved(Rollback) && f.approvedTarget() != nil },
		func(f *facts, d *Decision) {
			d.act(Rollback, f.approvedTarget())
			d.say("rollback to v%d approved%s", d.Target, f.byWhom())
		}},
	{"approval.rollback_without_target", TriggerApproval,
		func(f *facts) bool { return f.approved(Rollback) },
		func(f *facts, d *Decision) {
			d.tell(Escalate, StageEscalated)
			d.say("rollback approved, but %s", f.noTarget())
		}},
	{"approval.promote", TriggerApproval,
		func(f *facts) bool {
			return f.approved(Promote) && f.passed() && (f.Approval.Target == 0 || f.Approval.Target == f.Gate.Version)
		},
		func(f *facts, d *Decision) {
			d.act(Promote, &VersionFacts{Number: f.Gate.Version, SHA256: f.Gate.SHA256})
			d.say("promotion of v%d approved%s", d.Target, f.byWhom())
			d.because(f.gateReason())
		}},
	{"approval.promote_unpassed", TriggerApproval,
		func(f *facts) bool { return f.approved(Promote) },
		func(f *facts, d *Decision) {
			d.tell(KeepChampion, d.Stage)
			d.say("promotion approved, but the version has not passed the gate: an approval does not replace it")
		}},
	{"approval.nothing", TriggerApproval, always,
		func(f *facts, d *Decision) { d.say("no request of this model was decided") }},
}

// What the gate said of a new version.
var gateRules = []rule{
	{"gate.absent", TriggerGate,
		func(f *facts) bool { return f.Gate == nil },
		func(f *facts, d *Decision) { d.tell(KeepChampion, d.Stage); d.say("there is no gate report") }},
	{"gate.served", TriggerGate,
		func(f *facts) bool { return f.Champion != nil && f.Champion.Number == f.Gate.Version },
		func(f *facts, d *Decision) { d.say("v%d is the champion already", f.Gate.Version) }},
	{"gate.first", TriggerGate,
		func(f *facts) bool { return f.passed() && f.Gate.First && f.Champion == nil },
		func(f *facts, d *Decision) {
			d.act(Promote, &VersionFacts{Number: f.Gate.Version, SHA256: f.Gate.SHA256})
			r := f.gateReason()
			r.Text = "first version; " + r.Text
			d.because(r)
		}},
	{"gate.passed", TriggerGate, (*facts).passed,
		func(f *facts, d *Decision) {
			d.act(Promote, &VersionFacts{Number: f.Gate.Version, SHA256: f.Gate.SHA256})
			d.because(f.gateReason())
			if f.Gate.Approved {
				d.say("people approved the training that made it")
			}
		}},
	{"gate.refused_again", TriggerGate,
		func(f *facts) bool { return f.Open != nil && f.failed()+1 >= f.policy.Retrain.MaxRefused },
		func(f *facts, d *Decision) {
			d.tell(Escalate, StageEscalated)
			d.because(Reason{Text: fmt.Sprintf("%s of this incident refused by the gate: more of the same will not help; the champion stays", counted(f.failed()+1, "retraining")),
				Measured: number.Float(f.failed() + 1), Threshold: number.Float(f.policy.Retrain.MaxRefused), Unit: "retrainings"})
			d.because(f.gateReason())
			d.Advice = "Look at what the retrainings have in common: the labels, the features, or whether the target still means the same."
		}},
	{"gate.refused", TriggerGate, always,
		func(f *facts, d *Decision) {
			stage := ""
			if f.Open != nil {
				stage = StageOpen
			}
			d.tell(KeepChampion, stage)
			d.because(f.gateReason())
		}},
}

// What outside monitors say.
var alertRules = []rule{
	{"alert.flapping", TriggerAlert,
		func(f *facts) bool { return f.Open != nil && f.flapping() >= f.policy.Alerts.FlapChanges },
		func(f *facts, d *Decision) {
			stage := f.stage()
			if stage == "" {
				stage = StageOpen
			}
			d.tell(Fold, stage)
			n := f.flapping()
			d.because(Reason{Text: fmt.Sprintf("the alert changed %s in %d min: flapping; one thread, no new action", times(n), f.policy.Alerts.FlapMinutes),
				Measured: number.Float(n), Threshold: number.Float(f.policy.Alerts.FlapChanges), Unit: "changes"})
		}},
	{"alert.over", TriggerAlert,
		func(f *facts) bool {
			return len(f.firing) == 0 && (f.stage() == StageOpen || f.stage() == StageEscalated || f.stage() == StageProposed) &&
				(f.Open.Kind == KindLatency || f.Open.Kind == KindErrors)
		},
		func(f *facts, d *Decision) { d.tell(Resolve, StageResolved); d.say("the monitor reports it over") }},
	{"alert.quiet", TriggerAlert,
		func(f *facts) bool { return len(f.firing) == 0 },
		func(f *facts, d *Decision) {
			d.say("no alert fires; what is open is closed by measuring, not by silence")
		}},
	{"alert.informative", TriggerAlert,
		func(f *facts) bool { return len(f.loud) == 0 },
		func(f *facts, d *Decision) {
			d.tell(Inform, d.Stage)
			d.say("%s of severity %s", firingText(f.firing), strings.Join(f.policy.Alerts.Ignore, " or "))
		}},
	{"alert.returned", TriggerAlert,
		func(f *facts) bool {
			return f.Open != nil && f.Open.Stage == StageResolved && f.Open.Kind == f.diag.Kind
		},
		func(f *facts, d *Decision) {
			d.tell(Fold, StageOpen)
			d.say("%s came back soon: %s is open again", firingText(f.loud), f.Open.ID)
		}},
	{"alert.release", TriggerAlert,
		func(f *facts) bool { return f.diag.Cause() == CauseRelease && f.target != nil },
		rollBack},
	{"alert.release_without_target", TriggerAlert,
		func(f *facts) bool { return f.diag.Cause() == CauseRelease },
		stuck},
	{"alert.latency", TriggerAlert,
		func(f *facts) bool { return f.diag.Cause() == CauseLatency },
		func(f *facts, d *Decision) {
			d.tell(Raise, StageOpen)
			d.say("%s, and no errors: the answers are right, only late", firingText(f.loud))
			d.Advice = "Give predict more memory or concurrency (docs/MONITORING); if a process serves from a stale cache, end it. No version is at fault, so none is changed."
		}},
	{"alert.other", TriggerAlert, always,
		func(f *facts, d *Decision) {
			d.tell(Raise, StageOpen)
			d.say("%s", firingText(f.loud))
			d.Advice = "Measure a window now (mlops drift, or POST /drift/check): the agent acts on what it has measured itself."
			if d.Cause == CauseErrors {
				d.Advice = "Look at the log of predict: no release lies near enough to explain the errors."
			}
		}},
}

func (f *facts) decided() bool {
	return f.Approval != nil && (f.Trigger == TriggerApproval || f.Trigger == TriggerSweep)
}

func (f *facts) approved(kind string) bool {
	return f.Approval != nil && f.Approval.Status == "Approved" && f.Approval.Kind == kind
}

// approvedTarget is the version people agreed to go back to, if it is still good.
func (f *facts) approvedTarget() *VersionFacts {
	v := f.target
	if f.Approval.Target != 0 {
		v = f.version(f.Approval.Target)
	}
	if v == nil || f.Champion == nil || v.Number == f.Champion.Number {
		return nil
	}
	return v
}

// passed reports whether the gate let the version through: its flag and its verdict must agree.
func (f *facts) passed() bool { return f.Gate != nil && f.Gate.Passed && f.Gate.Verdict == "passed" }

func (f *facts) byWhom() string {
	s := ""
	if f.Approval.By != "" {
		s += " by " + f.Approval.By
	}
	if f.Approval.Why != "" {
		s += fmt.Sprintf(": %q", f.Approval.Why)
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// gateReason is the gate's verdict in one line: the difference with its interval, or what failed.
func (f *facts) gateReason() Reason {
	g := f.Gate
	r := Reason{Measured: g.Diff, Unit: g.Metric, N: g.N}
	base := "the naive baseline"
	if !g.First && f.Champion != nil {
		base = fmt.Sprintf("v%d", f.Champion.Number)
	}
	diff := ""
	if g.Metric != "" && g.Diff.Finite() {
		diff = fmt.Sprintf(": %s %s [%s, %s] better", metricName(g.Metric), signed(float64(g.Diff)), signed(float64(g.Low)), signed(float64(g.High)))
	}
	on := ""
	if g.N > 0 {
		on = " on " + counted(g.N, "row")
	}
	switch {
	case f.passed():
		r.Text = fmt.Sprintf("v%d passed the gate against %s%s%s", g.Version, base, on, diff)
	case g.Verdict == "insufficient_data":
		r.Text = fmt.Sprintf("v%d cannot be judged against %s: too few labelled rows%s", g.Version, base, strings.Replace(on, " on ", ", ", 1))
	default:
		r.Text = fmt.Sprintf("v%d was refused by the gate against %s%s%s", g.Version, base, on, diff)
		if len(g.Failed) > 0 {
			r.Text += "; failed: " + listed(g.Failed)
		}
	}
	return r
}

func signed(v float64) string {
	if v > 0 {
		return "+" + figure(v)
	}
	return figure(v)
}
