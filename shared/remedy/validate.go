package remedy

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// Validate names every fault of the policy at once, by the field's path in policy.yaml; nil when there is none.
func (p Policy) Validate() error {
	var c checker
	c.check("name", p.Name != "" && len(p.Name) <= 64, p.Name, "1 to 64 characters")

	e := p.Evidence
	within(&c, "evidence.min_rows", e.MinRows, 10, 1_000_000)
	within(&c, "evidence.min_labels", e.MinLabels, 10, 1_000_000)
	within(&c, "evidence.min_loss", e.MinLoss, 0.001, 0.5)
	within(&c, "evidence.min_relative_loss", e.MinRelativeLoss, 0.001, 10)
	within(&c, "evidence.clear_factor", e.ClearFactor, 1, 100)
	within(&c, "evidence.severe_factor", e.SevereFactor, 1, 100)
	within(&c, "evidence.of_windows", e.OfWindows, 1, 50)
	within(&c, "evidence.bad_windows", e.BadWindows, 1, max(1, e.OfWindows))
	within(&c, "evidence.duplicate_share", e.DuplicateShare, 0.01, 1)
	within(&c, "evidence.new_category_share", e.NewCategoryShare, 0, 1)
	within(&c, "evidence.important_features", e.ImportantFeatures, 0, 100)
	within(&c, "evidence.stale_labels_days", e.StaleLabelsDays, 0.01, 3650)
	within(&c, "evidence.estimate_tolerance", e.EstimateTolerance, 0, 1)
	within(&c, "evidence.healthy_windows", e.HealthyWindows, 1, 50)

	within(&c, "release.horizon_hours", p.Release.HorizonHours, 0, 24*30)
	within(&c, "release.since_days", p.Release.SinceDays, 0, 90)
	within(&c, "release.min_gain", p.Release.MinGain, 0, 10)

	within(&c, "retrain.min_labels", p.Retrain.MinLabels, 20, 10_000_000)
	within(&c, "retrain.min_rarer", p.Retrain.MinRarer, 2, 1_000_000)
	within(&c, "retrain.max_refused", p.Retrain.MaxRefused, 1, 20)

	within(&c, "verify.windows", p.Verify.Windows, 1, 50)
	within(&c, "verify.max_windows", p.Verify.MaxWindows, max(1, p.Verify.Windows), 200)
	within(&c, "verify.min_gain", p.Verify.MinGain, 0, 10)

	kinds := []string{KindDrift, KindPerformance, KindDataQuality, KindLatency, KindErrors}
	for i, k := range p.Alerts.Kinds {
		c.check(fmt.Sprintf("alerts.kinds[%d].contains", i), k.Contains != "", k.Contains, "a part of an alert's name")
		c.oneOf(fmt.Sprintf("alerts.kinds[%d].kind", i), k.Kind, kinds)
	}
	within(&c, "alerts.flap_changes", p.Alerts.FlapChanges, 2, 100)
	within(&c, "alerts.flap_minutes", p.Alerts.FlapMinutes, 1, 24*60)
	within(&c, "alerts.reopen_minutes", p.Alerts.ReopenMinutes, 0, 7*24*60)

	acts := []string{Retrain, Rollback, Promote, Undo}
	for _, action := range slices.Sorted(maps.Keys(p.Limits.CooldownMinutes)) {
		c.oneOf("limits.cooldown_minutes", action, acts)
		within(&c, "limits.cooldown_minutes."+action, p.Limits.CooldownMinutes[action], 0, 90*24*60)
	}
	within(&c, "limits.actions_per_day", p.Limits.ActionsPerDay, 0, 1000)

	a := p.Approval
	for _, action := range slices.Sorted(maps.Keys(a.Needed)) {
		c.oneOf("approval.needed", action, acts)
		c.oneOf("approval.needed."+action, a.Needed[action], []string{Ask, Auto})
	}
	seen := map[string]bool{}
	for i, who := range a.Approvers {
		name, host, found := strings.Cut(who, "@")
		c.check(fmt.Sprintf("approval.approvers[%d]", i), found && name != "" && host != "" && len(who) <= 254 && !strings.ContainsAny(host, "@ ") && oneLine(who) == who, who, "a mail address")
		c.check(fmt.Sprintf("approval.approvers[%d]", i), !seen[strings.ToLower(who)], who, "each approver once")
		seen[strings.ToLower(who)] = true
	}
	within(&c, "approval.quorum", a.Quorum, 1, max(1, len(a.Approvers)))
	within(&c, "approval.hours", a.Hours, 1, 60*24) // CodePipeline's longest, 60 days

	levels := []string{"low", "medium", "high", "critical"}
	for _, cause := range slices.Sorted(maps.Keys(p.Severity)) {
		_, known := kindByCause[cause]
		c.check("severity."+cause, known, cause, "a known cause")
		c.oneOf("severity."+cause, p.Severity[cause], levels)
	}

	within(&c, "cost.gb_second_usd", p.Cost.GBSecondUSD, 0, 1)
	within(&c, "cost.train_memory_gb", p.Cost.TrainMemoryGB, 0, 1024)
	within(&c, "cost.train_base_seconds", p.Cost.TrainBaseSeconds, 0, 1e6)
	within(&c, "cost.train_rows_per_sec", p.Cost.TrainRowsPerSec, 0, 1e9)
	within(&c, "cost.pointer_memory_gb", p.Cost.PointerMemoryGB, 0, 1024)
	within(&c, "cost.pointer_move_seconds", p.Cost.PointerMoveSeconds, 0, 1e6)

	if len(c.faults) > 0 {
		return fault.Invalidf("the agent's policy %q has %s", p.Name, counted(len(c.faults), "fault")).With(c.faults...)
	}
	return nil
}

// checker collects faults.
type checker struct{ faults []fault.Detail }

func (c *checker) check(field string, ok bool, got any, expected string) {
	if !ok {
		c.faults = append(c.faults, fault.Detail{Field: field, Code: "out_of_range", Got: got, Expected: expected})
	}
}

func (c *checker) oneOf(field, got string, known []string) {
	if !slices.Contains(known, got) {
		c.faults = append(c.faults, fault.Detail{Field: field, Code: "unknown_value", Got: got, Expected: strings.Join(known, ", ")})
	}
}

// within demands low <= v <= high; NaN is never within.
func within[T cmp.Ordered](c *checker, field string, v, low, high T) {
	nan := false
	if f, is := any(v).(float64); is {
		nan = math.IsNaN(f)
	}
	c.check(field, !nan && v >= low && v <= high, fmt.Sprint(v), fmt.Sprintf("%v to %v", low, high))
}
