package agent

import (
	"cmp"
	"encoding/json"
	"slices"

	"mlops/shared/event"
)

// judged are the figures of alert rules that the agent's own decision about the same window rests on: with an incident open they tell its owner
// nothing new.
var judged = []string{"performance_loss", "realised_loss", "estimated_loss", "estimate_error", "dataset_drift", "drift_share", "verdict", "drift_score", "drift_effect", "missing_increase", "finding", "broken_data"}

// say tells of the alert rules that began or ceased to fire with this window. What the agent is to decide about goes to it as an outside
// monitor's alerts do, and the owner hears of that as of any incident. The rest is mailed to its owner: with the mail about the incident where this
// very decision sends one, else folded into an open incident that already says it, else by itself.
func (x *deed) say(rules []event.Told) {
	var alerts []event.SingleAlert
	mails := map[string][]event.Told{}
	for _, r := range rules {
		known := x.s.open != nil && !x.s.open.Ended() && slices.Contains(judged, r.What)
		switch {
		case r.Silent:
		case r.Agent:
			alerts = append(alerts, event.SingleAlert{Fingerprint: r.Fingerprint, Status: r.Status, Labels: labels(x.s.model, r)})
		case r.Status == "firing" && known && !x.alerting():
			x.s.open.Folded++
			x.s.open.Updated = x.s.at
			x.folded = true
		default:
			mails[r.Owner] = append(mails[r.Owner], r)
		}
	}
	if alerts != nil {
		x.publish(event.AlertReceived, event.Alert{Alerts: alerts})
	}
	owners := make([]string, 0, len(mails))
	for owner := range mails {
		owners = append(owners, owner)
	}
	slices.Sort(owners)
	for _, owner := range owners {
		if cmp.Or(owner, x.h.Owner) != x.h.Owner || !x.join(mails[owner]) {
			x.publish(event.OwnerAlerted, event.Asked{Rules: mails[owner], Owner: owner})
		}
	}
}

func labels(model string, r event.Told) map[string]string {
	l := map[string]string{"alertname": r.Rule, "severity": r.Severity, "model": model, "source": "driftcheck"}
	if r.Feature != "" {
		l["feature"] = r.Feature
	}
	return l
}

// alerting reports whether this decision tells the owner of its incident.
func (x *deed) alerting() bool {
	return slices.ContainsFunc(x.change.Events, func(e event.Event) bool { return e.Type == event.OwnerAlerted })
}

// join adds rules to the mail that this decision sends about its incident; false when it sends none.
func (x *deed) join(rules []event.Told) bool {
	for i, e := range x.change.Events {
		if e.Type != event.OwnerAlerted {
			continue
		}
		var a event.Asked
		if err := e.Decode(&a); err != nil {
			x.problem = err
			return true
		}
		a.Rules = append(a.Rules, rules...)
		if x.change.Events[i].Detail, x.problem = json.Marshal(a); x.problem != nil {
			return true
		}
		return true
	}
	return false
}

// withRules says what the alert rules have to say once the decision is made.
func withRules(rules []event.Told) option { return func(x *deed) { x.rules = rules } }
