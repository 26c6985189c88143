package remedy

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"mlops/shared/drift"
	"mlops/shared/number"
)

var now = time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)

// Words that come from outside: names with everything in them that a line must not have.
var word = rapid.SampledFrom([]string{"age", "thalach", "PredictErrorRate", "p95", "drift", "", "a\nb", "x\x00\u2028y", "\xff\xfe", strings.Repeat("w", 900)})

var anyFloat = rapid.OneOf(rapid.Float64Range(-2, 2), rapid.SampledFrom([]float64{0, 0.03, 0.5, 1, 100, 1e300, math.NaN(), math.Inf(1), math.Inf(-1)}))

func drawFloat(t *rapid.T, name string) number.Float { return number.Float(anyFloat.Draw(t, name)) }

func drawTime(t *rapid.T, name string) time.Time {
	return now.Add(-time.Duration(rapid.IntRange(-60, 60*24*40).Draw(t, name)) * time.Minute)
}

func optional[T any](t *rapid.T, name string, draw func() T) *T {
	if !rapid.Bool().Draw(t, "has "+name) {
		return nil
	}
	v := draw()
	return &v
}

func drawPerformance(t *rapid.T) drift.Performance {
	return drift.Performance{
		Metric: rapid.SampledFrom([]string{"auc", "accuracy", "rmse", "log_loss"}).Draw(t, "metric"), Value: drawFloat(t, "value"), Low: drawFloat(t, "low"), High: drawFloat(t, "high"),
		N: rapid.IntRange(0, 5000).Draw(t, "n"), Reference: drawFloat(t, "reference"), Loss: drawFloat(t, "loss"), Significant: rapid.Bool().Draw(t, "significant"),
	}
}

func drawReport(t *rapid.T) drift.Report {
	r := drift.Report{
		DatasetDrift: rapid.Bool().Draw(t, "dataset drift"), NCurrent: rapid.SampledFrom([]int{0, 49, 50, 800, 2410, 2410}).Draw(t, "rows"),
		Verdict: rapid.SampledFrom([]string{drift.OK, drift.Warn, drift.Alert, drift.Alert, drift.Insufficient}).Draw(t, "verdict"),
		Columns: map[string]*drift.ColumnDrift{"age": {Importance: drawFloat(t, "importance")}, "thalach": nil},
	}
	for range rapid.IntRange(0, 4).Draw(t, "findings") {
		r.Findings = append(r.Findings, drift.Finding{
			Kind: rapid.SampledFrom([]string{drift.Covariate, drift.Prediction, drift.MissingRate, drift.AllNull, drift.NewCategory, drift.VanishedCategory, drift.UnitChange,
				drift.Constant, drift.NonFinite, drift.WrongType, drift.MissingColumn}).Draw(t, "kind"),
			Severity: rapid.SampledFrom([]string{drift.SeverityWarn, drift.SeverityAlert}).Draw(t, "severity"), Feature: word.Draw(t, "feature"), Text: word.Draw(t, "text"),
			Effect: drawFloat(t, "effect"), Factor: drawFloat(t, "factor"), N: rapid.IntRange(0, 3000).Draw(t, "n"),
		})
	}
	r.Estimated = optional(t, "estimate", func() drift.Performance { return drawPerformance(t) })
	r.Realised = optional(t, "realised", func() drift.Performance { return drawPerformance(t) })
	return r
}

func drawVersion(t *rapid.T, n int) VersionFacts {
	return VersionFacts{Number: n, SHA256: "ab", PromotedAt: drawTime(t, "promoted"), Forced: rapid.Bool().Draw(t, "forced"), Metric: "auc", CV: drawFloat(t, "cv")}
}

// observation draws any observation there could be, and many that there could not.
func observation(t *rapid.T) Observation {
	o := Observation{
		Model: "heart", At: now, Trigger: rapid.SampledFrom([]string{TriggerDrift, TriggerDrift, TriggerDrift, TriggerAlert, TriggerGate, TriggerApproval, TriggerSweep, "", "new"}).Draw(t, "trigger"),
		PreviousGood: rapid.Bool().Draw(t, "previous good"), PreviousProblem: word.Draw(t, "problem"), DuplicateRows: rapid.IntRange(0, 900).Draw(t, "duplicates"),
		LabelDelayDays: drawFloat(t, "delay"), FreshLabels: rapid.SampledFrom([]int{0, 199, 200, 5000}).Draw(t, "fresh"), FreshRarerClass: rapid.SampledFrom([]int{-1, 0, 19, 20, 900}).Draw(t, "rarer"),
		TrainRows: rapid.IntRange(-1, 1e6).Draw(t, "train rows"), TrainSeconds: drawFloat(t, "train seconds"), KillSwitch: rapid.Bool().Draw(t, "kill"), DryRun: rapid.Bool().Draw(t, "dry"),
	}
	o.Champion = optional(t, "champion", func() VersionFacts { return drawVersion(t, 3) })
	o.Previous = optional(t, "previous", func() VersionFacts { return drawVersion(t, rapid.IntRange(1, 3).Draw(t, "previous")) })
	for range rapid.IntRange(0, 2).Draw(t, "older") {
		o.Older = append(o.Older, drawVersion(t, rapid.IntRange(1, 3).Draw(t, "older")))
	}
	o.PreviousCompared = optional(t, "compared", func() Compared {
		return Compared{Metric: rapid.SampledFrom([]string{"auc", "rmse"}).Draw(t, "metric"), Champion: drawFloat(t, "a"), Previous: drawFloat(t, "b"), N: rapid.IntRange(0, 300).Draw(t, "n")}
	})
	o.Drift = optional(t, "drift", func() drift.Report { return drawReport(t) })
	for range rapid.IntRange(0, 4).Draw(t, "history") {
		o.History = append(o.History, WindowFacts{At: drawTime(t, "at"), Verdict: rapid.SampledFrom([]string{drift.OK, drift.Alert, drift.Insufficient}).Draw(t, "verdict"), PerformanceLoss: rapid.Bool().Draw(t, "loss")})
	}
	o.Season = optional(t, "season", func() SeasonFacts {
		return SeasonFacts{From: drawTime(t, "from"), DatasetDrift: rapid.Bool().Draw(t, "drift"), N: 10}
	})
	for range rapid.IntRange(0, 5).Draw(t, "alerts") {
		o.Alerts = append(o.Alerts, Alert{Fingerprint: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "fp"), Name: word.Draw(t, "name"), Severity: rapid.SampledFrom([]string{"", "info", "critical"}).Draw(t, "severity"),
			Status: rapid.SampledFrom([]string{"firing", "resolved"}).Draw(t, "status"), At: drawTime(t, "at")})
	}
	o.Gate = optional(t, "gate", func() GateFacts {
		return GateFacts{Version: rapid.IntRange(1, 5).Draw(t, "version"), SHA256: "cd", Passed: rapid.Bool().Draw(t, "passed"), Verdict: rapid.SampledFrom([]string{"passed", "failed", "insufficient_data", ""}).Draw(t, "verdict"),
			Metric: "auc", Diff: drawFloat(t, "diff"), Failed: []string{word.Draw(t, "check")}, First: rapid.Bool().Draw(t, "first"), Approved: rapid.Bool().Draw(t, "approved")}
	})
	o.Open = optional(t, "open", func() IncidentFacts {
		return IncidentFacts{ID: "INC-1", Kind: rapid.SampledFrom([]string{KindDrift, KindErrors, KindLatency, KindDataQuality}).Draw(t, "kind"),
			Stage:  rapid.SampledFrom([]string{StageOpen, StageProposed, StageAwaiting, StageApproved, StageRejected, StageExpired, StageExecuting, StageVerifying, StageResolved, StageUndone, StageEscalated, StageFailed}).Draw(t, "stage"),
			Causes: []string{rapid.SampledFrom([]string{CauseCovariate, CauseRelease, CauseErrors, CauseData}).Draw(t, "cause")}, Action: rapid.SampledFrom([]string{Retrain, Rollback, Promote, Raise, RequestLabels}).Draw(t, "action"),
			Windows: rapid.IntRange(0, 8).Draw(t, "windows"), FailedRetrains: rapid.IntRange(0, 4).Draw(t, "failed"), Before: optional(t, "before", func() drift.Performance { return drawPerformance(t) })}
	})
	o.Approval = optional(t, "approval", func() ApprovalFacts {
		return ApprovalFacts{ID: "01JD", Status: rapid.SampledFrom([]string{"Pending", "Approved", "Rejected", "Expired", ""}).Draw(t, "status"), Kind: rapid.SampledFrom([]string{Retrain, Rollback, Promote, ""}).Draw(t, "kind"),
			From: rapid.SampledFrom([]int{0, 3, 2}).Draw(t, "from"), Target: rapid.IntRange(0, 5).Draw(t, "target"), Views: rapid.IntRange(0, 50).Draw(t, "views"), Why: word.Draw(t, "why")}
	})
	for range rapid.IntRange(0, 6).Draw(t, "actions") {
		o.Actions = append(o.Actions, ActionFacts{Action: rapid.SampledFrom([]string{Retrain, Rollback, Promote, Undo}).Draw(t, "did"), At: drawTime(t, "did at")})
	}
	return o
}

func policy(t *rapid.T) Policy {
	p := DefaultPolicy()
	p.DryRun = rapid.Bool().Draw(t, "policy's dry run")
	p.Approval.Needed[Rollback] = rapid.SampledFrom([]string{Ask, Auto}).Draw(t, "rollback")
	p.Retrain.MinLabels = rapid.SampledFrom([]int{20, 200, 1000}).Draw(t, "min labels")
	p.Limits.ActionsPerDay = rapid.IntRange(0, 5).Draw(t, "budget")
	if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
		p = Policy{} // not valid, and still nothing may panic
	}
	return p
}

// What holds for every observation whatever.
func TestDecideKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, p := observation(t), policy(t)
		d := Decide(o, p)

		if again := Decide(o, p); !reflect.DeepEqual(encode(t, d), encode(t, again)) {
			t.Fatal("the same facts decided differently")
		}
		if d.ID != o.Digest() || d.Policy != p.Digest() {
			t.Fatal("the decision does not carry the digests of what made it")
		}
		first := d.Action == Promote && o.Gate != nil && o.Gate.First && o.Champion == nil
		if Acts(d.Action) && d.Blocked == "" {
			if o.KillSwitch {
				t.Fatalf("%s with the kill switch on", d.Action)
			}
			if (o.DryRun || p.DryRun) && !first {
				t.Fatalf("%s in a dry run", d.Action)
			}
			if o.Open != nil && (o.Open.Stage == StageExecuting || o.Open.Stage == StageApproved) && (o.Trigger == TriggerDrift || o.Trigger == TriggerAlert) {
				t.Fatalf("%s while another action is under way", d.Action)
			}
		}
		if !Acts(d.Action) && d.Blocked != "" {
			t.Fatalf("%s is held back by %s: there is nothing to hold back", d.Action, d.Blocked)
		}
		if d.Action == Promote && (o.Gate == nil || !o.Gate.Passed || o.Gate.Verdict != "passed" || d.Target != o.Gate.Version || d.TargetSHA256 != o.Gate.SHA256) {
			t.Fatalf("promotes v%d against the gate %+v", d.Target, o.Gate)
		}
		if d.Action == Retrain && (o.FreshLabels < p.Retrain.MinLabels || o.FreshRarerClass >= 0 && o.FreshRarerClass < p.Retrain.MinRarer) {
			t.Fatalf("retrains on %d fresh labels, %d of the rarer class", o.FreshLabels, o.FreshRarerClass)
		}
		if d.Action == Retrain && d.Diagnosis.Kind == KindDataQuality {
			t.Fatal("retrains on faulty data")
		}
		if (d.Action == Rollback || d.Action == Undo) && (o.Champion == nil || d.Target == 0 || d.Target == o.Champion.Number) {
			t.Fatalf("%s to v%d, champion %+v", d.Action, d.Target, o.Champion)
		}
		if o.Trigger == TriggerDrift && (o.Drift == nil || o.Drift.Verdict == drift.Insufficient) && d.Action != None {
			t.Fatalf("%s on insufficient data", d.Action)
		}
		if (d.Action == Resolve || d.Action == Fold) && (o.Open == nil || d.Incident != o.Open.ID) {
			t.Fatalf("%s of no incident", d.Action)
		}
		if Acts(d.Action) != (d.PlanSHA256 != "") {
			t.Fatalf("%s has plan %q", d.Action, d.PlanSHA256)
		}
		if o.Open != nil && (o.Trigger == TriggerDrift || o.Trigger == TriggerAlert) && (d.Blocked != "" || !Acts(d.Action)) && d.Action != Resolve {
			if s := o.Open.Stage; (s == StageAwaiting || s == StageApproved || s == StageExecuting) && d.Stage != s {
				t.Fatalf("%s turned the open incident's stage from %s to %s", d.Action, s, d.Stage)
			}
		}
		if len(d.Reasons) == 0 || d.Reasons[0].Text == "" || d.Reasons[0].Rule == "" || d.Summary == "" || len(d.Diagnosis.Hypotheses) == 0 {
			t.Fatalf("a decision without a reason, a summary or a hypothesis: %+v", d)
		}
		for _, line := range sentences(d) {
			if len([]rune(line)) > maxText || strings.ContainsFunc(line, unicode.IsControl) || strings.Contains(line, "\u2028") {
				t.Fatalf("not one short line: %q", line)
			}
		}
	})
}

// A view of the page, however often, is no vote.
func TestViewsDecideNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := observation(t)
		o.Trigger = TriggerApproval
		o.Approval = &ApprovalFacts{ID: "01JD", Status: "Pending", Kind: Retrain, Views: rapid.IntRange(0, 1000).Draw(t, "views")}
		if d := Decide(o, policy(t)); d.Action != None {
			t.Fatalf("%s", d.Action)
		}
	})
}

// A restart must not make one condition two incidents: what is decided again within the open incident is folded, or acts for it.
func TestOneConditionOneIncident(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, p := observation(t), policy(t)
		o.Open = nil
		d := Decide(o, p)
		if d.Stage == "" || o.Trigger != TriggerDrift && o.Trigger != TriggerAlert {
			return
		}
		o.Open = &IncidentFacts{ID: "INC-9", Kind: d.Diagnosis.Kind, Stage: d.Stage, OpenedAt: o.At, Causes: []string{d.Cause}, Action: d.Action, Target: d.Target}
		again := Decide(o, p)
		if again.Incident != "INC-9" {
			t.Fatalf("%s opened a second incident (%s after %s)", again.Action, again.Stage, d.Stage)
		}
		if again.Action == d.Action {
			t.Fatalf("%s twice for one condition (%s)", d.Action, again.Reasons[0].Rule)
		}
	})
}

func encode(t *rapid.T, d Decision) string {
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatalf("a decision that is no JSON: %v", err)
	}
	return string(b)
}

func sentences(d Decision) []string {
	all := []string{d.Summary, d.Advice, d.Otherwise}
	for _, r := range d.Reasons {
		all = append(all, r.Text)
	}
	for _, a := range d.Alternatives {
		all = append(all, a.WhyNot)
	}
	for _, h := range d.Diagnosis.Hypotheses {
		all = append(append(all, h.For...), h.Against...)
	}
	return all
}
