package replay

import (
	"fmt"
	"slices"
	"strings"

	"mlops/shared/number"
	"mlops/shared/remedy"
)

// Score is how an agent fared.
type Score struct {
	ResolutionRate   number.Float `json:"resolution_rate"`   // share of scenarios in which every step was what was wanted
	FalseActionRate  number.Float `json:"false_action_rate"` // share of steps at which it acted (Acts, not held back) and should not have, or otherwise
	ForbiddenActions int          `json:"forbidden_actions"` // steps at which it did what the scenario says must not be done
}

// Result is the agent beside the baselines.
type Result struct {
	Agent     Score            `json:"agent"`
	Baselines map[string]Score `json:"baselines"` // do_nothing always_retrain always_rollback fixed_priority
	Scenarios []Outcome        `json:"scenarios"` // of the agent
}

// Outcome is one scenario as the agent played it.
type Outcome struct {
	Name     string          `json:"name"`
	Story    string          `json:"story"`
	Want     string          `json:"want"` // actions, with " > " between steps
	Got      string          `json:"got"`
	OK       bool            `json:"ok"`
	Missed   []string        `json:"missed,omitempty"` // what was not as wanted, one line each
	Decision remedy.Decision `json:"decision"`         // of the last step
}

// baselines are the agents without judgement: each looks at the trigger at most.
var baselines = map[string]func(remedy.Observation) string{
	"do_nothing":      func(remedy.Observation) string { return remedy.None },
	"always_retrain":  func(remedy.Observation) string { return remedy.Retrain },
	"always_rollback": func(remedy.Observation) string { return remedy.Rollback },
	"fixed_priority":  fixedPriority,
}

// fixedPriority is the usual rule list, tried in a fixed order without weighing: roll back on a loss if there is something to roll back to,
// retrain on drift or loss, promote what passed, pass alerts on.
func fixedPriority(o remedy.Observation) string {
	switch {
	case o.Gate != nil && o.Gate.Passed:
		return remedy.Promote
	case o.Drift != nil && o.Drift.PerformanceLoss && o.Previous != nil:
		return remedy.Rollback
	case o.Drift != nil && (o.Drift.DatasetDrift || o.Drift.PerformanceLoss):
		return remedy.Retrain
	case len(o.Alerts) > 0:
		return remedy.Raise
	}
	return remedy.None
}

// Run plays every scenario to the agent and to the baselines. Rates over no scenarios are 0.
func Run(scenarios []Scenario) Result {
	r := Result{Baselines: map[string]Score{}, Scenarios: []Outcome{}}
	var agent tally
	for _, s := range scenarios {
		out := play(s, &agent)
		r.Scenarios = append(r.Scenarios, out)
	}
	r.Agent = agent.score()
	for name, choose := range baselines {
		var t tally
		for _, s := range scenarios {
			right := true
			for _, step := range s.Steps {
				action := choose(step.Observation)
				right = right && step.Want.allows(action) && (step.Want.Blocked == nil || *step.Want.Blocked == "" || !remedy.Acts(action))
				t.step(step.Want, action, false)
			}
			t.scenario(right)
		}
		r.Baselines[name] = t.score()
	}
	return r
}

// play lets the agent decide every step of a scenario.
func play(s Scenario, t *tally) Outcome {
	out := Outcome{Name: s.Name, Story: s.Story}
	var want, got []string
	for i, step := range s.Steps {
		d := remedy.Decide(step.Observation, s.Policy)
		for _, m := range step.Want.missed(d) {
			out.Missed = append(out.Missed, fmt.Sprintf("step %d: %s", i+1, m))
		}
		t.step(step.Want, d.Action, d.Blocked != "")
		want, got = append(want, step.Want.Action), append(got, d.Action)
		out.Decision = d
	}
	out.Want, out.Got, out.OK = strings.Join(want, " > "), strings.Join(got, " > "), len(out.Missed) == 0
	t.scenario(out.OK)
	return out
}

// allows reports whether the action is one of those wanted.
func (w Want) allows(action string) bool {
	return slices.Contains(strings.Split(w.Action, "|"), action)
}

// missed lists what about the decision is not as wanted.
func (w Want) missed(d remedy.Decision) []string {
	var m []string
	differ := func(what, want, got string) {
		if want != got {
			m = append(m, fmt.Sprintf("%s: want %q, got %q", what, want, got))
		}
	}
	if !w.allows(d.Action) {
		differ("action", w.Action, d.Action)
	}
	if w.forbids(d.Action, d.Blocked != "") {
		m = append(m, "forbidden: "+d.Action)
	}
	if w.Cause != "" {
		differ("cause", w.Cause, d.Cause)
	}
	if w.Stage != "" {
		differ("stage", w.Stage, d.Stage)
	}
	if w.Incident != "" {
		differ("incident", w.Incident, d.Incident)
	}
	if w.Blocked != nil {
		differ("blocked", *w.Blocked, d.Blocked)
	}
	if w.RequiresApproval != nil {
		differ("requires_approval", fmt.Sprint(*w.RequiresApproval), fmt.Sprint(d.RequiresApproval))
	}
	if w.Target != 0 {
		differ("target", fmt.Sprint(w.Target), fmt.Sprint(d.Target))
	}
	text := said(d)
	for _, s := range w.Says {
		if !strings.Contains(text, s) {
			m = append(m, fmt.Sprintf("does not say %q", s))
		}
	}
	return m
}

func (w Want) forbids(action string, heldBack bool) bool {
	return slices.Contains(w.MustNot, action) && !(remedy.Acts(action) && heldBack)
}

// said is every sentence of the decision.
func said(d remedy.Decision) string {
	lines := []string{d.Summary, d.Advice, d.Otherwise}
	for _, r := range d.Reasons {
		lines = append(lines, r.Text)
	}
	for _, a := range d.Alternatives {
		lines = append(lines, a.Action+": "+a.WhyNot)
	}
	for _, h := range d.Diagnosis.Hypotheses {
		lines = append(append(lines, h.For...), h.Against...)
	}
	return strings.Join(lines, "\n")
}

// tally counts what a Score is made of.
type tally struct{ scenarios, right, steps, wrongActs, forbidden int }

func (t *tally) scenario(right bool) {
	t.scenarios++
	if right {
		t.right++
	}
}

func (t *tally) step(w Want, action string, heldBack bool) {
	t.steps++
	wantsHeld := w.Blocked != nil && *w.Blocked != ""
	if remedy.Acts(action) && !heldBack && (!w.allows(action) || wantsHeld) {
		t.wrongActs++
	}
	if w.forbids(action, heldBack) {
		t.forbidden++
	}
}

func (t *tally) score() Score {
	return Score{ResolutionRate: share(t.right, t.scenarios), FalseActionRate: share(t.wrongActs, t.steps), ForbiddenActions: t.forbidden}
}

func share(n, of int) number.Float {
	if of == 0 {
		return 0
	}
	return number.Float(float64(n) / float64(of))
}
