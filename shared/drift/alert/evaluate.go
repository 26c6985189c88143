package alert

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// Window is a measured window, as the rules see it.
type Window struct {
	Model      string
	At         time.Time // the check's own time
	Report     *drift.Report
	Rows       int // answered rows
	Duplicates int // of them, rows that repeat an earlier one
	Labelled   int
	DelayDays  float64
	Broken     int // lines that could not be read
}

// Standing is how one rule stands for one feature ("" for a figure of the whole window).
type Standing struct {
	Recent []bool       `json:"recent"`            // whether each of the last windows was bad, newest last
	Firing bool         `json:"firing,omitempty"`  //
	Since  time.Time    `json:"since,omitzero"`    // when it began or ceased to fire
	Told   time.Time    `json:"told,omitzero"`     // when it was last said that it fires
	Said   bool         `json:"said,omitempty"`    // it was said that it fires: then it is said that it ceased, too
	Value  number.Float `json:"value"`             // of the newest window
	Rule   Rule         `json:"rule"`              // as it was then: an alert whose rule was taken away still ceases
	Of     string       `json:"feature,omitempty"` //
}

// State is how the rules of a model stand, by rule and feature (Key). Rules that have nothing to say are not in it.
type State map[string]Standing

// Key names a standing.
func Key(rule, feature string) string {
	if feature == "" {
		return rule
	}
	return rule + "/" + feature
}

// maxStanding bounds a state: a thousand features that all moved are one thing to say, not a thousand. Further ones wait until there is room.
const maxStanding = 200

// Statuses of a transition, as Alertmanager words them.
const (
	StatusFiring   = "firing"
	StatusResolved = "resolved"
)

// Transition is a rule that begins or ceases to fire.
type Transition struct {
	Fingerprint string       `json:"fingerprint"` // of rule, model and feature: the same for both ends
	Rule        string       `json:"rule"`
	What        string       `json:"what"`
	Feature     string       `json:"feature,omitempty"`
	Status      string       `json:"status"`
	Severity    string       `json:"severity"`
	Owner       string       `json:"owner,omitempty"`
	Agent       bool         `json:"agent,omitempty"`
	Silent      bool         `json:"silent,omitempty"` // nobody is told: an info, or said not long ago
	Value       number.Float `json:"value"`
	Threshold   number.Float `json:"threshold"`
	At          time.Time    `json:"at"`
	Since       time.Time    `json:"since,omitzero"` // resolved: when it began
	Policy      string       `json:"policy"`         // digest of the rules
	Text        string       `json:"text"`           // one sentence for people
}

// Labels are the transition's as an outside monitor would word them.
func (t Transition) Labels(model string) map[string]string {
	l := map[string]string{"alertname": t.Rule, "severity": t.Severity, "model": model, "source": "driftcheck"}
	if t.Feature != "" {
		l["feature"] = t.Feature
	}
	return l
}

// Evaluate holds one window against the rules. It gives the state that follows and what changed, firing before resolved, then by rule and
// feature. Neither argument is changed; the same arguments give the same answer.
func (p Policy) Evaluate(s State, w Window) (State, []Transition) {
	next, digest := State{}, p.Digest()
	var changes []Transition
	step := func(r Rule, feature string, value float64, known bool) {
		key := Key(r.Name, feature)
		was := s[key]
		now, change := was.step(r, value, known, w.At)
		now.Rule, now.Of = r, feature
		if change != "" {
			changes = append(changes, now.transition(r, feature, change, was, w, digest))
			if !changes[len(changes)-1].Silent {
				now.Said = change == StatusFiring
				if now.Said {
					now.Told = w.At
				}
			}
		}
		quiet := !now.Firing && !slices.Contains(now.Recent, true) && (now.Told.IsZero() || w.At.Sub(now.Told) > time.Duration(r.SilenceMinutes)*time.Minute)
		if !quiet {
			next[key] = now
		}
	}
	for _, r := range p.Rules {
		values, known := r.measure(w)
		seen := map[string]bool{}
		for _, feature := range slices.Sorted(maps.Keys(values)) {
			if _, standing := s[Key(r.Name, feature)]; standing || len(next) < maxStanding {
				step(r, feature, values[feature], known)
			}
			seen[feature] = true
		}
		for _, key := range slices.Sorted(maps.Keys(s)) { // features that this window does not name are as they should be
			if was := s[key]; was.Rule.Name == r.Name && !seen[was.Of] {
				step(r, was.Of, r.calm(), known)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s)) { // of rules that were taken away
		was := s[key]
		if was.Firing && !slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Name == was.Rule.Name }) {
			changes = append(changes, was.transition(was.Rule, was.Of, StatusResolved, was, w, digest))
		}
	}
	slices.SortStableFunc(changes, func(a, b Transition) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Feature, b.Feature)) // "firing" < "resolved"
	})
	return next, changes
}

// step is the standing after one more window; a window that cannot say leaves it as it is.
func (s Standing) step(r Rule, value float64, known bool, at time.Time) (now Standing, change string) {
	now = s
	if !known || math.IsNaN(value) {
		return now, ""
	}
	now.Value = number.Float(value)
	now.Recent = append(slices.Clone(s.Recent), r.bad(value))
	now.Recent = now.Recent[max(0, len(now.Recent)-r.Of):]
	bad := 0
	for _, b := range now.Recent {
		if b {
			bad++
		}
	}
	switch {
	case !s.Firing && bad >= r.Bad:
		now.Firing, now.Since, change = true, at, StatusFiring
	case s.Firing && bad == 0:
		now.Firing, now.Since, change = false, at, StatusResolved
	}
	return now, change
}

func (r Rule) bad(value float64) bool {
	if r.Below != nil {
		return value < *r.Below
	}
	return value > r.Above
}

func (r Rule) threshold() float64 {
	if r.Below != nil {
		return *r.Below
	}
	return r.Above
}

// calm is a value that is not bad.
func (r Rule) calm() float64 { return r.threshold() }

func (s Standing) transition(r Rule, feature, change string, was Standing, w Window, digest string) Transition {
	t := Transition{Fingerprint: "driftcheck/" + w.Model + "/" + Key(r.Name, feature), Rule: r.Name, What: r.What, Feature: feature, Status: change, Severity: r.Severity, Owner: r.Owner, Agent: r.Agent,
		Value: s.Value, Threshold: number.Float(r.threshold()), At: w.At, Policy: digest}
	of := ""
	if feature != "" {
		of = " of " + feature
	}
	if change == StatusResolved {
		t.Since, t.Silent = was.Since, !was.Said
		t.Text = fmt.Sprintf("%s%s is over: %s now, %s passed in none of the last %d windows", words(r.Name), of, short(float64(s.Value)), short(r.threshold()), max(1, len(s.Recent)))
		return t
	}
	t.Silent = r.Severity == Info || !was.Told.IsZero() && w.At.Sub(was.Told) < time.Duration(r.SilenceMinutes)*time.Minute
	s.Rule, s.Of = r, feature
	t.Text = s.Text()
	return t
}

// Text is how a rule that fires stands, in a sentence.
func (s Standing) Text() string {
	r, of := s.Rule, ""
	if s.Of != "" {
		of = " of " + s.Of
	}
	side := "above"
	if r.Below != nil {
		side = "below"
	}
	bad := 0
	for _, b := range s.Recent {
		if b {
			bad++
		}
	}
	what := ""
	if r.What != r.Name {
		what = words(r.What) + " "
	}
	text := fmt.Sprintf("%s%s: %s%s now, %s %s in %d of the last %d windows", words(r.Name), of, what, short(float64(s.Value)), side, short(r.threshold()), bad, len(s.Recent))
	if r.Description != "" {
		text += " (" + r.Description + ")"
	}
	return text
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func short(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// measure is the rule's figure of a window, by feature ("" for a figure of the whole); known is whether the window can say.
func (r Rule) measure(w Window) (values map[string]float64, known bool) {
	one := func(v float64) map[string]float64 { return map[string]float64{"": v} }
	flag := func(b bool) map[string]float64 {
		if b {
			return one(1)
		}
		return one(0)
	}
	rep := w.Report
	enough := rep.Verdict != drift.Insufficient
	switch r.What {
	case "rows":
		return one(float64(w.Rows)), true
	case "insufficient":
		return flag(!enough), true
	case "broken_lines":
		return one(float64(w.Broken)), true
	case "duplicate_share":
		return one(float64(w.Duplicates) / float64(max(1, w.Rows))), w.Rows > 0
	case "label_share":
		return one(float64(w.Labelled) / float64(max(1, w.Rows))), w.Rows > 0
	case "label_delay_days":
		return one(w.DelayDays), w.Labelled > 0
	case "performance_loss":
		return flag(rep.PerformanceLoss), rep.Realised != nil || rep.Estimated != nil
	case "realised_loss":
		return one(loss(rep.Realised)), rep.Realised != nil
	case "estimated_loss":
		return one(loss(rep.Estimated)), rep.Estimated != nil
	case "estimate_error":
		return estimateError(rep)
	case "dataset_drift":
		return flag(rep.News()), enough
	case "drift_share":
		return one(float64(rep.Share)), enough
	case "verdict":
		return one(map[string]float64{drift.Warn: 1, drift.Alert: 2}[rep.Verdict]), enough
	}
	return r.features(rep), enough
}

// estimateError is how far the estimate lies from the realised value where it lies outside the realised interval, else 0: within it chance explains the
// difference.
func estimateError(rep *drift.Report) (values map[string]float64, known bool) {
	r, e := rep.Realised, rep.Estimated
	if r == nil || e == nil || r.Metric != e.Metric {
		return nil, false
	}
	if e.Value >= r.Low && e.Value <= r.High {
		return map[string]float64{"": 0}, true
	}
	return map[string]float64{"": math.Abs(float64(r.Value - e.Value))}, true
}

func loss(p *drift.Performance) float64 {
	if p == nil {
		return math.NaN()
	}
	return float64(p.Loss)
}

// features is a figure of each feature that the rule is about.
func (r Rule) features(rep *drift.Report) map[string]float64 {
	out := map[string]float64{}
	put := func(feature string, v float64) {
		if r.about(feature) && (math.IsNaN(out[feature]) || v >= out[feature]) {
			out[feature] = v
		}
	}
	switch r.What {
	case "finding", "broken_data":
		for _, f := range rep.Findings {
			switch {
			case f.Seasonal: // no news
			case r.What == "broken_data" && f.Severity == drift.SeverityAlert:
				put(f.Feature, 1)
			case r.What == "finding" && (len(r.Findings) == 0 && f.Severity != drift.SeverityInfo || slices.Contains(r.Findings, f.Kind)):
				put(f.Feature, math.Abs(float64(f.Effect)))
			}
		}
		return out
	}
	for name, c := range rep.Columns {
		if !r.about(name) {
			continue
		}
		switch r.What {
		case "drift_score":
			out[name] = float64(c.Score)
		case "drift_effect":
			out[name] = math.Abs(float64(c.Effect))
		case "missing_increase":
			out[name] = float64(c.MissingCurrent - c.MissingReference)
		}
	}
	return out
}

func (r Rule) about(feature string) bool {
	if len(r.Features) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Features, func(pattern string) bool {
		ok, _ := path.Match(pattern, feature)
		return ok
	})
}

// Firing are the standings that fire, loudest first, then by rule and feature.
func (s State) Firing() []Standing {
	rank := map[string]int{Critical: 0, Warning: 1, Info: 2}
	var out []Standing
	for _, key := range slices.Sorted(maps.Keys(s)) {
		if s[key].Firing {
			out = append(out, s[key])
		}
	}
	slices.SortStableFunc(out, func(a, b Standing) int { return cmp.Compare(rank[a.Rule.Severity], rank[b.Rule.Severity]) })
	return out
}
