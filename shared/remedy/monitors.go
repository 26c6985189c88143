package remedy

import (
	"slices"
	"strings"
	"time"
)

// firing are the alerts whose last word is that they fire, one for each fingerprint, in order of first appearance.
func firing(alerts []Alert) []Alert {
	last := map[string]int{}
	var order []string
	for i, a := range alerts {
		was, seen := last[a.key()]
		if !seen {
			order = append(order, a.key())
		}
		if !seen || !a.At.Before(alerts[was].At) {
			last[a.key()] = i
		}
	}
	var out []Alert
	for _, key := range order {
		if a := alerts[last[key]]; a.Status != "resolved" {
			out = append(out, a)
		}
	}
	return out
}

// key tells alerts apart: the fingerprint, or the name where a monitor sends none.
func (a Alert) key() string {
	if a.Fingerprint != "" {
		return a.Fingerprint
	}
	return "name " + a.Name
}

// flapping counts the changes of state of the least settled alert within the policy's time.
func (f *facts) flapping() (changes int) {
	state, count := map[string]string{}, map[string]int{}
	from := f.At.Add(-time.Duration(f.policy.Alerts.FlapMinutes) * time.Minute)
	for _, a := range f.Alerts {
		if was, seen := state[a.key()]; seen && was != a.Status && !a.At.Before(from) {
			count[a.key()]++
			changes = max(changes, count[a.key()])
		}
		state[a.key()] = a.Status
	}
	return changes
}

// kindOf is what the alert is about, by the policy's table; "" when the table does not know it.
func (f *facts) kindOf(a Alert) string {
	name := strings.ToLower(a.Name)
	for _, k := range f.policy.Alerts.Kinds {
		if strings.Contains(name, strings.ToLower(k.Contains)) {
			return k.Kind
		}
	}
	return ""
}

// listen sorts the alerts: which fire, which of these are more than informative, and what they are about.
func (f *facts) listen() {
	f.firing, f.alerting = firing(f.Alerts), map[string][]Alert{}
	for _, a := range f.firing {
		if !slices.Contains(f.policy.Alerts.Ignore, a.Severity) {
			f.loud = append(f.loud, a)
			kind := f.kindOf(a)
			f.alerting[kind] = append(f.alerting[kind], a)
		}
	}
}
