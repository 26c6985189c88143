package remedy

import (
	"fmt"
	"slices"
	"time"

	"mlops/shared/number"
)

// guards stand between a proposal and its execution, whatever rule made it. All are tried, in this order; of those that hold an action
// back the first gives its name to Decision.Blocked, and each adds its reason.
var guards = []struct {
	id   string
	when func(*facts, *Decision) bool
	then func(*facts, *Decision)
}{
	{"guard.kill_switch",
		func(f *facts, d *Decision) bool { return Acts(d.Action) && f.KillSwitch },
		func(f *facts, d *Decision) {
			d.block(BlockedKillSwitch, Reason{Rule: "guard.kill_switch", Text: "the kill switch is on: proposed only"})
		}},
	{"guard.lease",
		func(f *facts, d *Decision) bool { return Acts(d.Action) && f.unasked() && f.underWay() },
		func(f *facts, d *Decision) {
			d.block(BlockedLease, Reason{Rule: "guard.lease", Text: fmt.Sprintf("%s of %s is under way: one action on a model at a time", f.Open.Action, f.Open.ID)})
		}},
	{"guard.cooldown",
		func(f *facts, d *Decision) bool { return Acts(d.Action) && f.unasked() && f.cooling(d.Action) > 0 },
		func(f *facts, d *Decision) {
			at, _ := f.lastDone(d.Action)
			wait := f.cooldown(d.Action)
			text := fmt.Sprintf("the last %s was %s before, %s must lie between", d.Action, ago(f.At.Sub(at)), ago(wait))
			if n := f.failed(); n > 0 && d.Action == Retrain {
				text += fmt.Sprintf(" after %s by the gate", counted(n, "refusal"))
			}
			d.block(BlockedCooldown, Reason{Rule: "guard.cooldown", Text: text, Measured: number.Float(f.At.Sub(at).Minutes()), Threshold: number.Float(wait.Minutes()), Unit: "minutes"})
		}},
	{"guard.budget",
		func(f *facts, d *Decision) bool {
			return (d.Action == Retrain || d.Action == Rollback) && f.unasked() && f.actionsToday() >= f.policy.Limits.ActionsPerDay
		},
		func(f *facts, d *Decision) {
			n := f.actionsToday()
			d.block(BlockedBudget, Reason{Rule: "guard.budget", Text: fmt.Sprintf("%s in 24 hours: the daily budget is spent", counted(n, "action")),
				Measured: number.Float(n), Threshold: number.Float(f.policy.Limits.ActionsPerDay), Unit: "actions"})
		}},
	{"guard.dry_run",
		func(f *facts, d *Decision) bool {
			first := d.Action == Promote && f.Gate != nil && f.Gate.First && f.Champion == nil
			return Acts(d.Action) && (f.DryRun || f.policy.DryRun) && !first
		},
		func(f *facts, d *Decision) {
			d.block(BlockedDryRun, Reason{Rule: "guard.dry_run", Text: "dry run: this is what would be done, and nothing is"})
		}},
	{"guard.fold", (*facts).sameAgain, (*facts).fold},
}

func (d *Decision) block(by string, r Reason) {
	if d.Blocked == "" {
		d.Blocked = by
	}
	d.Reasons = append(d.Reasons, r)
}

// unasked reports whether the agent acts on its own motion: what people approved, and what a gate ends, is the end of an action and not a new one.
func (f *facts) unasked() bool { return f.Trigger == TriggerDrift || f.Trigger == TriggerAlert }

// underWay reports whether an action on this model has begun and has not ended.
func (f *facts) underWay() bool { return f.stage() == StageApproved || f.stage() == StageExecuting }

// busy reports whether something of the open incident is still to come to its end.
func (f *facts) busy() bool {
	return f.underWay() || f.stage() == StageAwaiting || f.stage() == StageVerifying
}

// cooldown is the time that must lie between two actions of the kind: doubled for every retraining the gate refused, for 30 days at most.
func (f *facts) cooldown(action string) time.Duration {
	wait := time.Duration(f.policy.Limits.CooldownMinutes[action]) * time.Minute
	const longest = 30 * 24 * time.Hour
	if action == Retrain {
		for range f.failed() {
			if wait *= 2; wait >= longest {
				return longest
			}
		}
	}
	return wait
}

// cooling is how much of the cooldown is left.
func (f *facts) cooling(action string) time.Duration {
	at, ever := f.lastDone(action)
	if !ever {
		return 0
	}
	return f.cooldown(action) - f.At.Sub(at)
}

// actionsToday counts what was done to this model in the 24 hours before.
func (f *facts) actionsToday() int {
	n := 0
	for _, a := range f.Actions {
		if (a.Action == Retrain || a.Action == Rollback || a.Action == Undo) && f.At.Sub(a.At) < 24*time.Hour {
			n++
		}
	}
	return n
}

// sameAgain reports whether the open incident says this already, so that nobody needs to hear it again.
func (f *facts) sameAgain(d *Decision) bool {
	if !f.unasked() || f.stage() == "" || d.Action == None || d.Action == Fold || d.Action == Resolve || d.Action == Undo {
		return false
	}
	same := slices.Contains(f.Open.Causes, d.Cause)
	switch f.stage() {
	case StageApproved, StageExecuting:
		return same
	case StageEscalated, StageUndone, StageFailed:
		return same // a person has it
	case StageVerifying:
		return same && f.Trigger == TriggerAlert // it takes a moment until monitors see the effect
	case StageAwaiting:
		return same && (d.Action == f.Open.Action || !Acts(d.Action))
	case StageRejected, StageExpired:
		return same && d.Action == f.Open.Action && !f.worseThanBefore()
	case StageProposed:
		return same && d.Action == f.Open.Action && d.Blocked != ""
	}
	return same && d.Action == f.Open.Action && !Acts(d.Action)
}

// worseThanBefore reports whether the loss has grown by another one that matters since the action was proposed.
func (f *facts) worseThanBefore() bool {
	if f.Open.Before == nil || !f.Open.Before.Loss.Finite() || !f.loss.serious {
		return false
	}
	return f.loss.ratio >= f.measure(f.Open.Before).ratio+1
}

// fold puts the observation into the open incident.
func (f *facts) fold(d *Decision) {
	text := fmt.Sprintf("%s is %s for the same: counted there, nobody is told again", f.Open.ID, plainStage(f.stage()))
	if f.stage() == StageRejected || f.stage() == StageExpired {
		text = fmt.Sprintf("%s was %s: asked again when the loss grows by another %s", f.Open.Action, f.stage(), figure(f.policy.Evidence.MinLoss))
	}
	would := d.Action
	*d = Decision{ID: d.ID, Model: d.Model, Action: Fold, Incident: f.Open.ID, Stage: f.stage(), Cause: d.Cause, Policy: d.Policy, Diagnosis: d.Diagnosis,
		Reasons: append([]Reason{{Rule: "guard.fold", Text: text}}, d.Reasons...)}
	if would != f.Open.Action {
		d.Alternatives = []Alternative{{Action: would, WhyNot: "the open incident comes first"}}
	}
}

func plainStage(stage string) string {
	switch stage {
	case StageAwaiting:
		return "waiting for approval"
	case StageEscalated:
		return "with a person"
	}
	return stage
}
