package story

import (
	"encoding/json"
	"fmt"
	"strings"

	"mlops/functions/internal/incident"
	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// What the story checks, it reads from where the platform keeps it, never from what it expects.

func (s *Story) state() (registry.State, error) {
	var st registry.State
	_, err := s.host.State.Store.Get(s.ctx, control.State(s.model), &st)
	return st, err
}

// champion is the version that serves, 0 when none does.
func (s *Story) champion() int {
	st, err := s.state()
	if err != nil {
		return 0
	}
	v, _, _ := st.At(registry.Champion)
	return v.Number
}

func (s *Story) memory() incident.Memory {
	var m incident.Memory
	if _, err := s.host.State.Store.Get(s.ctx, control.Memory(s.model), &m); err != nil && !fault.Is(err, fault.NotFound) {
		s.verify(false, "the agent's memory cannot be read: %v", err)
	}
	return m
}

func (s *Story) incident(id string) (incident.Incident, error) {
	var i incident.Incident
	_, err := s.host.State.Store.Get(s.ctx, control.Incident(s.model, id), &i)
	return i, err
}

// newest is the incident opened last, or one without an ID.
func (s *Story) newest() incident.Incident {
	m := s.memory()
	if m.Incidents == 0 {
		return incident.Incident{}
	}
	i, err := s.incident(incident.Number(m.Incidents))
	s.verify(err == nil, "incident %d can be read", m.Incidents)
	return i
}

// measured is the window that was measured last.
func (s *Story) measured() (*incident.Measured, error) {
	var h incident.History
	if _, err := s.host.State.Store.Get(s.ctx, control.Drift(s.model), &h); err != nil {
		return nil, err
	}
	b, err := s.host.State.Data.Get(s.ctx, h.Latest, 64<<20)
	if err != nil {
		return nil, err
	}
	var m incident.Measured
	return &m, json.Unmarshal(b, &m)
}

func (s *Story) ledger() ([]audit.Entry, error) {
	var all []audit.Entry
	for from := int64(1); ; from = all[len(all)-1].Seq + 1 {
		page, err := s.host.State.Store.Entries(s.ctx, s.model, from, 500)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < 500 {
			return all, nil
		}
	}
}

// last is the newest ledger entry of a kind.
func (s *Story) last(kind audit.Kind) (audit.Entry, bool) {
	all, err := s.ledger()
	if err != nil {
		s.verify(false, "the ledger cannot be read: %v", err)
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Kind == kind {
			return all[i], true
		}
	}
	return audit.Entry{}, false
}

func (s *Story) request1(id string) (approval.Request, error) {
	var r approval.Request
	_, err := s.host.State.Store.Get(s.ctx, control.Approval(id), &r)
	return r, err
}

// performance in words: estimated while labels are missing, realised once they are there.
func performanceText(r *drift.Report) string {
	word := func(kind string, p *drift.Performance) string {
		name := strings.ToUpper(p.Metric)
		return fmt.Sprintf("%s %s %.3f [%.3f, %.3f] on %d rows, was %.3f", kind, name, float64(p.Value), float64(p.Low), float64(p.High), p.N, float64(p.Reference))
	}
	var parts []string
	if r.Estimated != nil {
		parts = append(parts, word("estimated", r.Estimated))
	}
	if r.Realised != nil {
		parts = append(parts, word("realised", r.Realised))
	}
	return strings.Join(parts, "; ")
}

// driftText is what moved most, in a few words.
func driftText(r *drift.Report, most int) string {
	var parts []string
	for _, f := range r.Findings {
		if len(parts) == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(r.Findings)-most))
			break
		}
		c := r.Columns[f.Feature]
		switch {
		case f.Kind == drift.Covariate && c != nil:
			parts = append(parts, fmt.Sprintf("%s %+.1f sd (adjusted p %.0e)", f.Feature, float64(c.Effect), float64(f.PAdjusted)))
		case f.Kind == drift.MissingRate && c != nil:
			parts = append(parts, fmt.Sprintf("%s missing %.0f %% -> %.0f %%", f.Feature, 100*float64(c.MissingReference), 100*float64(c.MissingCurrent)))
		default:
			parts = append(parts, f.Text)
		}
	}
	return strings.Join(parts, ", ")
}

// explain prints a decision as the agent made it: evidence for and against, what it would do, and why nothing else.
func (s *Story) explain(id string, d remedy.Decision) {
	h := d.Diagnosis.Hypotheses
	if len(h) > 0 && len(h[0].For) > 0 {
		s.say("agent", "%s %s. For: %s", id, strings.ReplaceAll(d.Cause, "_", " "), strings.Join(first(h[0].For, 3), "; "))
	}
	for _, other := range h[min(1, len(h)):] {
		if len(other.Against) > 0 {
			s.say("agent", "against %s: %s", strings.ReplaceAll(other.Cause, "_", " "), strings.Join(first(other.Against, 2), "; "))
		}
	}
	s.say("agent", "decides %s: %s", d.Action, d.Summary)
	for _, a := range first(d.Alternatives, 3) {
		s.say("agent", "not %s: %s", a.Action, a.WhyNot)
	}
}

func first[T any](v []T, n int) []T { return v[:min(n, len(v))] }

func latest(i incident.Incident) remedy.Decision {
	if len(i.Decisions) == 0 {
		return remedy.Decision{}
	}
	return i.Decisions[len(i.Decisions)-1]
}
