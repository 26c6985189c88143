package remedy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mlops/shared/drift"
)

// live is the default policy without its dry run, which would hold everything back.
func live() Policy {
	p := DefaultPolicy()
	p.DryRun = false
	return p
}

func auc(value, loss float64, n int) *drift.Performance {
	p := &drift.Performance{Metric: "auc", Reference: 0.9, N: n, Significant: loss > 0.03}
	p.Value, p.Loss = p.Reference-numberOf(loss), numberOf(loss)
	if value != 0 {
		p.Value = numberOf(value)
	}
	p.Low, p.High = p.Value-0.03, p.Value+0.03
	return p
}

func moved(loss float64) *drift.Report {
	return &drift.Report{DatasetDrift: true, NCurrent: 2410, Verdict: drift.Warn, Estimated: auc(0, loss, 2410), PerformanceLoss: loss > 0.03,
		Columns:  map[string]*drift.ColumnDrift{"age": {Importance: 0.2}},
		Findings: []drift.Finding{{Kind: drift.Covariate, Severity: drift.SeverityWarn, Feature: "age", Effect: 0.4, Unit: "sd", N: 2410, Text: "age +0.4 sd"}}}
}

func found(kind, severity string, effect float64) *drift.Report {
	r := moved(0.08)
	r.Findings = append([]drift.Finding{{Kind: kind, Severity: severity, Feature: "chol", Effect: numberOf(effect), Factor: 100, N: 2410, Unit: "share of rows"}}, r.Findings...)
	return r
}

func quiet() *drift.Report {
	return &drift.Report{NCurrent: 2410, Verdict: drift.OK, Estimated: auc(0, 0.001, 2410)}
}

// window is a day's observation: v2 has served for eight days, v1 is there to go back to, labels abound.
func window(r *drift.Report, change ...func(*Observation)) Observation {
	o := Observation{
		Model: "heart", At: now, Trigger: TriggerDrift, Drift: r, FreshLabels: 400, FreshRarerClass: 100, PreviousGood: true,
		Champion: &VersionFacts{Number: 2, SHA256: "51c37be0", PromotedAt: now.Add(-8 * 24 * time.Hour), Metric: "auc", CV: 0.9},
		Previous: &VersionFacts{Number: 1, SHA256: "3f9c2a71", PromotedAt: now.Add(-30 * 24 * time.Hour), Metric: "auc", CV: 0.88},
	}
	for i := 2; i >= 0; i-- {
		o.History = append(o.History, WindowFacts{At: now.Add(-time.Duration(i) * 24 * time.Hour), Verdict: drift.OK, N: 2410})
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func on(trigger string) func(*Observation) { return func(o *Observation) { o.Trigger = trigger } }

// released makes the champion two hours old.
func released(o *Observation) { o.Champion.PromotedAt = now.Add(-2 * time.Hour) }

func noPrevious(o *Observation) { o.Previous, o.PreviousGood = nil, false }

func realised(loss float64) func(*Observation) {
	return func(o *Observation) { o.Drift.Realised = auc(0, loss, 240) }
}

func open(stage, cause, action string, change ...func(*IncidentFacts)) func(*Observation) {
	return func(o *Observation) {
		o.Open = &IncidentFacts{ID: "INC-1", Kind: kindByCause[cause], Stage: stage, OpenedAt: now.Add(-48 * time.Hour), Causes: []string{cause}, Action: action, Before: auc(0, 0.08, 2410)}
		for _, c := range change {
			c(o.Open)
		}
	}
}

func after(windows int) func(*IncidentFacts) { return func(i *IncidentFacts) { i.Windows = windows } }

func refused(n int) func(*IncidentFacts) { return func(i *IncidentFacts) { i.FailedRetrains = n } }

func did(action string, before time.Duration) func(*Observation) {
	return func(o *Observation) { o.Actions = append(o.Actions, ActionFacts{Action: action, At: now.Add(-before)}) }
}

func asked(status, kind string, change ...func(*ApprovalFacts)) func(*Observation) {
	return func(o *Observation) {
		o.Trigger = TriggerApproval
		o.Approval = &ApprovalFacts{ID: "01JD", Status: status, Kind: kind, By: "anna@example.org", Why: "new hospital"}
		for _, c := range change {
			c(o.Approval)
		}
	}
}

func gate(passed bool, change ...func(*GateFacts)) func(*Observation) {
	return func(o *Observation) {
		o.Gate = &GateFacts{Version: 3, SHA256: "9ad04e55", Passed: passed, Verdict: "failed", Metric: "auc", Diff: 0.046, Low: 0.021, High: 0.071, N: 380}
		if passed {
			o.Gate.Verdict = "passed"
		}
		for _, c := range change {
			c(o.Gate)
		}
	}
}

func alerts(names ...string) func(*Observation) {
	return func(o *Observation) {
		o.Trigger = TriggerAlert
		for i, n := range names {
			o.Alerts = append(o.Alerts, Alert{Fingerprint: fmt.Sprint(i), Name: n, Severity: "warning", Status: "firing", At: now.Add(-time.Minute)})
		}
	}
}

func resolved(o *Observation) {
	for i := range o.Alerts {
		o.Alerts[i].Status = "resolved"
	}
}

// Every rule and every guard, each by a case that needs it: what it decides, and that nothing before it in the table catches the case.
func TestRules(t *testing.T) {
	cases := []struct {
		rule, action, stage, blocked string
		asks                         bool
		o                            Observation
	}{
		{"approval.undecided", None, StageAwaiting, "", false, window(nil, asked("Pending", Retrain), open(StageAwaiting, CauseCovariate, Retrain))},
		{"approval.rejected", None, StageRejected, "", false, window(nil, asked("Rejected", Retrain), open(StageAwaiting, CauseCovariate, Retrain))},
		{"approval.expired", None, StageExpired, "", false, window(nil, asked("Expired", Retrain), on(TriggerSweep), open(StageAwaiting, CauseCovariate, Retrain))},
		{"approval.overtaken", None, StageExpired, "", false, window(nil, asked("Approved", Retrain, func(a *ApprovalFacts) { a.From = 1 }))},
		{"approval.retrain_on_fault", Raise, StageOpen, "", false, window(found(drift.MissingRate, drift.SeverityAlert, 0.6), asked("Approved", Retrain))},
		{"approval.retrain", Retrain, StageExecuting, "", false, window(nil, asked("Approved", Retrain), open(StageAwaiting, CauseCovariate, Retrain))},
		{"approval.retrain_without_labels", RequestLabels, StageOpen, "", false, window(nil, asked("Approved", Retrain), func(o *Observation) { o.FreshLabels = 12 })},
		{"approval.rollback", Rollback, StageExecuting, "", false, window(nil, asked("Approved", Rollback, func(a *ApprovalFacts) { a.Target = 1 }))},
		{"approval.rollback_without_target", Escalate, StageEscalated, "", false, window(nil, asked("Approved", Rollback), func(o *Observation) { o.PreviousGood = false })},
		{"approval.promote", Promote, StageExecuting, "", false, window(nil, asked("Approved", Promote), gate(true))},
		{"approval.promote_unpassed", KeepChampion, "", "", false, window(nil, asked("Approved", Promote), gate(false))},
		{"approval.nothing", None, "", "", false, window(nil, on(TriggerApproval))},

		{"gate.absent", KeepChampion, "", "", false, window(nil, on(TriggerGate))},
		{"gate.served", None, "", "", false, window(nil, on(TriggerGate), gate(true, func(g *GateFacts) { g.Version = 2 }))},
		{"gate.first", Promote, "", "", false, window(nil, on(TriggerGate), noPrevious, func(o *Observation) { o.Champion, o.DryRun = nil, true }, gate(true, func(g *GateFacts) { g.First = true }))},
		{"gate.passed", Promote, "", "", true, window(nil, on(TriggerGate), gate(true))},
		{"gate.passed", Promote, StageExecuting, "", false, window(nil, on(TriggerGate), open(StageExecuting, CauseCovariate, Retrain), gate(true, func(g *GateFacts) { g.Approved = true }))},
		{"gate.refused_again", Escalate, StageEscalated, "", false, window(nil, on(TriggerGate), gate(false), open(StageExecuting, CauseCovariate, Retrain, refused(2)))},
		{"gate.refused", KeepChampion, StageOpen, "", false, window(nil, on(TriggerGate), gate(false), open(StageExecuting, CauseCovariate, Retrain))},
		{"gate.refused", KeepChampion, "", "", false, window(nil, on(TriggerGate), gate(true, func(g *GateFacts) { g.Verdict = "insufficient_data" }))},

		{"alert.flapping", Fold, StageOpen, "", false, window(nil, alerts("p95", "p95", "p95", "p95"), open(StageOpen, CauseLatency, Raise), func(o *Observation) {
			for i := range o.Alerts {
				o.Alerts[i].Fingerprint, o.Alerts[i].Status = "f", []string{"firing", "resolved"}[i%2]
			}
		})},
		{"alert.over", Resolve, StageResolved, "", false, window(nil, alerts("p95"), resolved, open(StageOpen, CauseLatency, Raise))},
		{"alert.quiet", None, StageOpen, "", false, window(nil, alerts("drift"), resolved, open(StageOpen, CauseCovariate, RequestLabels))},
		{"alert.informative", Inform, "", "", false, window(nil, alerts("p95"), func(o *Observation) { o.Alerts[0].Severity = "info" })},
		{"alert.returned", Fold, StageOpen, "", false, window(nil, alerts("p95"), open(StageResolved, CauseLatency, Raise))},
		{"alert.release", Rollback, StageExecuting, "", false, window(nil, alerts("PredictErrorRate"), released)},
		{"alert.release_without_target", Escalate, StageEscalated, "", false, window(nil, alerts("PredictErrorRate"), released, func(o *Observation) { o.PreviousGood = false })},
		{"alert.latency", Raise, StageOpen, "", false, window(nil, alerts("p95"))},
		{"alert.other", Raise, StageOpen, "", false, window(nil, alerts("SomethingElse"))},

		{"window.insufficient", None, "", "", false, window(&drift.Report{NCurrent: 35, Verdict: drift.Insufficient, DatasetDrift: true})},
		{"window.insufficient", None, "", "", false, window(nil)},
		{"verify.clouded", Raise, StageVerifying, "", false, window(found(drift.UnitChange, drift.SeverityAlert, 100), open(StageVerifying, CauseCovariate, Promote, after(2)))},
		{"verify.harm", Undo, StageExecuting, "", false, window(moved(0.2), open(StageVerifying, CauseCovariate, Promote, after(1)))},
		{"verify.wait", None, StageVerifying, "", false, window(moved(0.08), open(StageVerifying, CauseCovariate, Promote, after(1)))},
		{"verify.unknown", None, StageVerifying, "", false, window(&drift.Report{NCurrent: 2410}, open(StageVerifying, CauseCovariate, Promote, after(2)))},
		{"verify.recovered", Resolve, StageResolved, "", false, window(moved(0.01), open(StageVerifying, CauseCovariate, Promote, after(2)))},
		{"verify.better", None, StageVerifying, "", false, window(moved(0.05), open(StageVerifying, CauseCovariate, Promote, after(2)))},
		{"verify.undo", Undo, StageExecuting, "", false, window(moved(0.08), open(StageVerifying, CauseCovariate, Promote, after(2)))},
		{"verify.failed", Escalate, StageEscalated, "", false, window(moved(0.08), open(StageVerifying, CauseRelease, Rollback, after(2)))},
		{"verify.failed", Escalate, StageEscalated, "", false, window(moved(0.05), open(StageVerifying, CauseCovariate, Promote, after(6)), noPrevious)},

		{"data.duplicate", Inform, "", "", false, window(moved(0.08), func(o *Observation) { o.DuplicateRows = 1000 })},
		{"data.fault", Raise, StageOpen, "", false, window(found(drift.MissingRate, drift.SeverityAlert, 0.6))},
		{"data.fault", Raise, StageOpen, "", false, window(found(drift.UnitChange, drift.SeverityAlert, 40))},
		{"data.fault", Raise, StageOpen, "", false, window(found(drift.MissingColumn, drift.SeverityAlert, 1), released, realised(0.2))},
		{"release.rollback", Rollback, StageExecuting, "", false, window(quiet(), released, realised(0.2))},
		{"release.without_target", Escalate, StageEscalated, "", false, window(quiet(), released, realised(0.2), func(o *Observation) { o.PreviousGood = false })},
		{"incident.healthy", Resolve, StageResolved, "", false, window(moved(0), open(StageRejected, CauseCovariate, Retrain))},
		{"season.known", Inform, "", "", false, window(moved(0), func(o *Observation) { o.Season = &SeasonFacts{From: now.AddDate(-1, 0, 0), N: 2000} })},
		{"loss.exhausted", Escalate, StageEscalated, "", false, window(moved(0.08), open(StageOpen, CauseCovariate, KeepChampion, refused(3)))},
		{"category.new", Raise, StageOpen, "", false, window(func() *drift.Report {
			r := found(drift.NewCategory, drift.SeverityWarn, 0.02)
			r.Findings = r.Findings[:1]
			r.DatasetDrift = false
			return r
		}())},
		{"loss.watch", Inform, "", "", false, window(moved(0.04))},
		{"loss.retrain", Retrain, StageAwaiting, "", true, window(moved(0.08))},
		{"loss.retrain", Retrain, StageAwaiting, "", true, window(moved(0.04), func(o *Observation) { o.History[1].PerformanceLoss = true })},
		{"loss.labels", RequestLabels, StageOpen, "", false, window(moved(0.08), func(o *Observation) { o.FreshRarerClass = 3 })},
		{"drift.watch", Inform, "", "", false, window(&drift.Report{NCurrent: 2410, Verdict: drift.Alert, DatasetDrift: true})},
		{"drift.unmeasured", RequestLabels, StageOpen, "", false, window(&drift.Report{NCurrent: 2410, Verdict: drift.Alert, DatasetDrift: true}, func(o *Observation) { o.History[1].DatasetDrift = true })},
		{"drift.harmless", Inform, "", "", false, window(moved(0.01))},
		{"drift.harmless", Inform, "", "", false, window(found(drift.MissingRate, drift.SeverityWarn, 0.03), func(o *Observation) { o.Drift.Estimated = nil })},
		{"window.quiet", None, "", "", false, window(quiet())},

		{"sweep.quiet", None, "", "", false, window(nil, on(TriggerSweep))},
		{"trigger.unknown", None, "", "", false, window(nil, on("telegram"))},

		{"guard.kill_switch", Retrain, StageProposed, BlockedKillSwitch, true, window(moved(0.08), func(o *Observation) { o.KillSwitch, o.DryRun = true, true })},
		{"guard.kill_switch", Promote, "", BlockedKillSwitch, false, window(nil, on(TriggerGate), noPrevious, func(o *Observation) { o.Champion, o.KillSwitch = nil, true }, gate(true, func(g *GateFacts) { g.First = true }))},
		{"guard.lease", Rollback, StageExecuting, BlockedLease, false, window(quiet(), released, realised(0.2), open(StageExecuting, CauseCovariate, Retrain))},
		{"guard.cooldown", Retrain, StageProposed, BlockedCooldown, true, window(moved(0.08), did(Retrain, 23*time.Hour))},
		{"guard.cooldown", Retrain, StageProposed, BlockedCooldown, true, window(moved(0.08), did(Retrain, 47*time.Hour), open(StageOpen, CauseCovariate, KeepChampion, refused(1)))},
		{"guard.budget", Retrain, StageProposed, BlockedBudget, true, window(moved(0.08), did(Rollback, 2*time.Hour), did(Rollback, 3*time.Hour), did(Undo, 4*time.Hour), did(Rollback, 5*time.Hour))},
		{"guard.dry_run", Retrain, StageProposed, BlockedDryRun, true, window(moved(0.08), func(o *Observation) { o.DryRun = true })},
		{"guard.fold", Fold, StageAwaiting, "", false, window(moved(0.08), open(StageAwaiting, CauseCovariate, Retrain))},
		{"guard.fold", Fold, StageProposed, "", false, window(moved(0.08), open(StageProposed, CauseCovariate, Retrain), func(o *Observation) { o.DryRun = true })},
		{"guard.fold", Fold, StageVerifying, "", false, window(nil, alerts("PredictErrorRate"), open(StageVerifying, CauseErrors, Rollback))},
	}
	reached := map[string]bool{}
	for i, c := range cases {
		d := Decide(c.o, live())
		if !hasRule(d, c.rule) {
			t.Errorf("case %d: rule %s did not apply, %s did: %s", i, c.rule, d.Reasons[0].Rule, d.Summary)
			continue
		}
		reached[c.rule] = true
		if d.Action != c.action || d.Stage != c.stage || d.Blocked != c.blocked || d.RequiresApproval != c.asks {
			t.Errorf("case %d, %s: %s stage %q blocked %q asks %v, want %s %q %q %v", i, c.rule, d.Action, d.Stage, d.Blocked, d.RequiresApproval, c.action, c.stage, c.blocked, c.asks)
		}
	}
	for _, r := range rules {
		if !reached[r.id] {
			t.Errorf("no case reaches rule %s", r.id)
		}
	}
	for _, g := range guards {
		if !reached[g.id] {
			t.Errorf("no case reaches %s", g.id)
		}
	}
}

func hasRule(d Decision, id string) bool {
	if d.Reasons[0].Rule == id {
		return true
	}
	if !strings.HasPrefix(id, "guard.") {
		return false
	}
	for _, r := range d.Reasons {
		if r.Rule == id {
			return true
		}
	}
	return false
}

// What the agent went back from, it does not go back to.
func TestNoPingPong(t *testing.T) {
	back := func(o *Observation) {
		o.Champion.PromotedAt = now.Add(-3 * time.Hour)
		did(Promote, 10*time.Hour)(o)
		did(Rollback, 3*time.Hour)(o)
	}
	if d := Decide(window(quiet(), back, realised(0.2)), live()); d.Action == Rollback {
		t.Errorf("after a rollback: %s to v%d", d.Action, d.Target)
	}
	// A person released again since: that is a release like any other.
	again := func(o *Observation) { o.Champion.PromotedAt = now.Add(-time.Hour) }
	if d := Decide(window(quiet(), back, again, realised(0.2)), live()); d.Action != Rollback {
		t.Errorf("after a new release: %s, want a rollback", d.Action)
	}
}

// The first version was released over nothing: a loss under it is no regression.
func TestFirstVersionIsNoRegression(t *testing.T) {
	d := Decide(window(moved(0.08), released, noPrevious), live())
	if d.Action != Retrain || d.Cause != CauseCovariate {
		t.Errorf("%s for %s, want a retraining for drift", d.Action, d.Cause)
	}
	d = Decide(window(quiet(), released, noPrevious, realised(0.1)), live())
	if d.Action != Retrain || d.Cause != CauseConcept {
		t.Errorf("%s for %s, want a retraining for concept drift", d.Action, d.Cause)
	}
}

// Labels beat the estimate in both directions, once there are enough of them.
func TestRealisedBeatsEstimate(t *testing.T) {
	if d := Decide(window(moved(0.2), realised(0.01)), live()); d.Action != Inform {
		t.Errorf("estimate lost, labels did not: %s", d.Action)
	}
	few := func(o *Observation) { o.Drift.Realised.N = 12 }
	if d := Decide(window(moved(0.2), realised(0.01), few), live()); d.Action != Retrain {
		t.Errorf("12 labels outweigh the estimate: %s", d.Action)
	}
}

// An RMSE in pounds says nothing by itself: the loss is read against the reference.
func TestRelativeLoss(t *testing.T) {
	house := func(rmse float64) *drift.Report {
		r := moved(0)
		r.Estimated = nil
		r.Realised = &drift.Performance{Metric: "rmse", Value: numberOf(rmse), Reference: 50_000, Loss: numberOf(rmse - 50_000), N: 300, Significant: true}
		return r
	}
	regression := func(o *Observation) { o.FreshRarerClass = -1 }
	if d := Decide(window(house(54_000), regression), live()); d.Action != Inform {
		t.Errorf("8 %% worse: %s", d.Action)
	}
	d := Decide(window(house(61_000), regression), live())
	if d.Action != Retrain || d.Reasons[0].Measured != 0.22 || d.Reasons[0].Threshold != 0.1 {
		t.Errorf("22 %% worse: %s, %+v", d.Action, d.Reasons[0])
	}
}

// A replay is a no-op because the same facts have the same name, and different facts another.
func TestDigest(t *testing.T) {
	o := window(moved(0.08))
	same := o
	same.ID, same.At = "x", o.At.In(time.FixedZone("CET", 3600))
	if o.Digest() != same.Digest() {
		t.Error("the same facts have two names")
	}
	other := o
	other.FreshLabels++
	if o.Digest() == other.Digest() {
		t.Error("two observations have one name")
	}
	nan := o
	nan.LabelDelayDays = numberOf(0) / numberOf(0)
	if d := nan.Digest(); len(d) != 64 || d == o.Digest() {
		t.Errorf("digest of an observation with NaN: %s", d)
	}
	if a, b := Decide(o, live()), Decide(o, live()); a.PlanSHA256 != b.PlanSHA256 || a.PlanSHA256 == "" {
		t.Error("the plan has no lasting name")
	}
	if a, b := Decide(o, live()), Decide(o, Policy(func() Policy { p := live(); p.Name = "strict"; return p }())); a.PlanSHA256 == b.PlanSHA256 {
		t.Error("another policy makes the same plan")
	}
}

func BenchmarkDecide(b *testing.B) {
	o, p := window(moved(0.08)), live()
	b.ReportAllocs()
	for b.Loop() {
		Decide(o, p)
	}
}

// A storm of thousands of alerts is one decision, quickly.
func BenchmarkDecideStorm(b *testing.B) {
	o, p := window(nil, alerts(make([]string, 5000)...)), live()
	for b.Loop() {
		Decide(o, p)
	}
}

// The edges of the policy's figures, each on both sides.
func TestEdges(t *testing.T) {
	old := func(days int) func(*Observation) {
		return func(o *Observation) { o.Champion.PromotedAt = now.Add(-time.Duration(days) * 24 * time.Hour) }
	}
	lost := func(days ...int) func(*Observation) {
		return func(o *Observation) {
			for _, d := range days {
				o.History[len(o.History)-1-d].PerformanceLoss = true
			}
		}
	}
	drifted := func(days ...int) func(*Observation) {
		return func(o *Observation) {
			for _, d := range days {
				o.History[len(o.History)-1-d].DatasetDrift = true
			}
		}
	}
	rarer := func(n int) func(*Observation) { return func(o *Observation) { o.FreshRarerClass = n } }
	twice := func(n int) func(*Observation) { return func(o *Observation) { o.Rows, o.DuplicateRows = 1000, n } }
	for _, c := range []struct {
		name, action, cause string
		o                   Observation
	}{
		{"19 of the rarer class", RequestLabels, CauseCovariate, window(moved(0.08), rarer(19))},
		{"20 of the rarer class", Retrain, CauseCovariate, window(moved(0.08), rarer(20))},
		{"a fifth came twice", Inform, CauseDuplicate, window(moved(0.08), twice(200))},
		{"less than a fifth came twice", Retrain, CauseCovariate, window(moved(0.08), twice(199))},
		{"values go missing", Raise, CauseData, window(found(drift.MissingRate, drift.SeverityAlert, 0.3))},
		{"values come back", Retrain, CauseCovariate, window(found(drift.MissingRate, drift.SeverityAlert, -0.3))},
		{"two days old and never good", Rollback, CauseRelease, window(quiet(), old(2), realised(0.2), lost(0, 1))},
		{"two days old and good at first", Retrain, CauseConcept, window(quiet(), old(2), realised(0.2), lost(0))},
		{"four days old and never good", Retrain, CauseConcept, window(quiet(), old(4), realised(0.2), lost(0, 1, 2))},
		{"healthy once", Inform, CauseCovariate, window(moved(0), open(StageRejected, CauseCovariate, Retrain), lost(1))},
		{"healthy twice", Resolve, CauseCovariate, window(moved(0), open(StageRejected, CauseCovariate, Retrain), lost(2))},
		{"one loss in three windows", Inform, CauseCovariate, window(moved(0.05), lost(0))},
		{"two losses in three windows", Retrain, CauseCovariate, window(moved(0.05), lost(0, 2))},
		{"one loss, and clear", Retrain, CauseCovariate, window(moved(0.061), lost(0))},
		{"49 rows", None, CauseNone, window(&drift.Report{NCurrent: 49, Verdict: drift.Alert, DatasetDrift: true})},
		{"50 rows", RequestLabels, CauseCovariate, window(&drift.Report{NCurrent: 50, Verdict: drift.Alert, DatasetDrift: true}, drifted(1))},
		{"drift in one window of three", Inform, CauseCovariate, window(&drift.Report{NCurrent: 2410, Verdict: drift.Alert, DatasetDrift: true})},
		{"drift in two windows, one between them", RequestLabels, CauseCovariate, window(&drift.Report{NCurrent: 2410, Verdict: drift.Alert, DatasetDrift: true}, drifted(2))},
	} {
		if d := Decide(c.o, live()); d.Action != c.action || d.Cause != c.cause {
			t.Errorf("%s: %s for %s, want %s for %s (%s)", c.name, d.Action, d.Cause, c.action, c.cause, d.Reasons[0].Text)
		}
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		o    Observation
		want string
	}{
		{window(moved(0)), "low"}, {window(moved(0.08)), "medium"}, {window(moved(0.12)), "high"}, {window(quiet()), ""},
		{window(found(drift.MissingColumn, drift.SeverityAlert, 1)), "critical"}, {window(found(drift.UnitChange, drift.SeverityAlert, 1)), "high"},
	} {
		if got := Diagnose(c.o, live()); got.Severity != c.want {
			t.Errorf("%s is %q, want %q", got.Cause(), got.Severity, c.want)
		}
	}
}

// The evidence is told on both sides, and what was ruled out is told, too.
func TestEvidence(t *testing.T) {
	hypothesis := func(d Diagnosis, cause string) Hypothesis {
		for _, h := range d.Hypotheses {
			if h.Cause == cause {
				return h
			}
		}
		t.Fatalf("no hypothesis %s in %+v", cause, d.Hypotheses)
		return Hypothesis{}
	}
	d := Diagnose(window(moved(0.08)), live())
	if h := hypothesis(d, CauseData); h.Score != 0 || h.Against[0] != "no missing-rate change, units agree, every column is there" {
		t.Errorf("data fault: %+v", h)
	}
	if h := hypothesis(d, CauseRelease); h.Score != 0 || h.Against[0] != "no release for 8 days" {
		t.Errorf("release: %+v", h)
	}
	d = Diagnose(window(quiet(), released, noPrevious, realised(0.2)), live())
	if h := hypothesis(d, CauseRelease); h.Score != 0 || h.Against[0] != "it is the first version: nothing was released over it" {
		t.Errorf("release of the first version: %+v", h)
	}
	for _, h := range d.Hypotheses {
		if h.For == nil || h.Against == nil {
			t.Errorf("%s has null for a list", h.Cause)
		}
	}
}

// An approved rollback does not lead back to the version that was left, unless that is what was approved.
func TestApprovedRollbackAfterRollback(t *testing.T) {
	back := func(o *Observation) {
		o.Champion.PromotedAt = now.Add(-3 * time.Hour)
		did(Rollback, 3*time.Hour)(o)
	}
	if d := Decide(window(nil, back, asked("Approved", Rollback)), live()); d.Action != Escalate {
		t.Errorf("%s to v%d, want an escalation", d.Action, d.Target)
	}
	if d := Decide(window(nil, back, asked("Approved", Rollback, func(a *ApprovalFacts) { a.Target = 1 })), live()); d.Action != Rollback || d.Target != 1 {
		t.Errorf("%s to v%d, want a rollback to v1", d.Action, d.Target)
	}
}

// What else moved the mind of a reader of the table: each case would go wrong by one slip of the pen.
func TestSlips(t *testing.T) {
	d := Decide(window(moved(0.08), open(StageResolved, CauseData, Raise)), live())
	if d.Action != Retrain || d.Incident != "" {
		t.Errorf("another cause after a resolved incident: %s of %q, want a new incident", d.Action, d.Incident)
	}
	d = Decide(window(moved(0.08), open(StageResolved, CauseCovariate, Retrain)), live())
	if d.Action != Retrain || d.Incident != "INC-1" {
		t.Errorf("the same cause soon after: %s of %q, want the incident reopened", d.Action, d.Incident)
	}
	spent := []func(*Observation){did(Rollback, 26*time.Hour), did(Rollback, 25*time.Hour), did(Rollback, 5*time.Hour), did(Rollback, 4*time.Hour)}
	if d = Decide(window(moved(0.08), spent...), live()); d.Blocked != "" {
		t.Errorf("yesterday's actions count today: %s", d.Blocked)
	}
	noise := window(moved(0.08))
	noise.Drift.Estimated.Significant = false
	if d = Decide(noise, live()); d.Action != Inform {
		t.Errorf("a loss within the noise: %s", d.Action)
	}
}
