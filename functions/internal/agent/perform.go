package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// deed collects what one decision changes.
type deed struct {
	h        *Handler
	s        *situation
	e        event.Event
	d        remedy.Decision
	evidence string // key of the report it was decided on
	job      string
	rules    []event.Told // alert rules that began or ceased to fire with the window

	change  control.Change
	moved   bool // state differs from what was read
	folded  bool // the open incident took something in
	problem error
}

type option func(*deed)

func withJob(id string) option { return func(x *deed) { x.job = id } }

// perform decides on what was observed, and does it: one transaction with the documents, the ledger entries and the events.
func (h *Handler) perform(ctx context.Context, e event.Event, s *situation, evidence string, options ...option) error {
	d := remedy.Decide(s.seen, s.policies.Remedy)
	x := &deed{h: h, s: s, e: e, d: d, evidence: evidence}
	for _, o := range options {
		o(x)
	}
	x.change = control.Change{Model: s.model, Op: "agent/" + e.ID}
	x.gate()
	x.incident()
	x.act()
	x.say(x.rules)
	x.remember()
	x.finish(ctx)
	if x.problem != nil {
		return x.problem
	}
	if len(x.change.Put) == 0 && len(x.change.Entries) == 0 && len(x.change.Events) == 0 {
		return nil // nothing to say and nothing to keep: an ordinary window
	}
	return h.Control.Commit(ctx, x.change)
}

func (x *deed) entry(kind audit.Kind, rule, reason string) audit.Entry {
	return audit.Entry{Kind: kind, Model: x.s.model, At: x.s.at, Actor: self, Reason: reason, Op: x.e.ID,
		Policy: audit.Policy{Name: x.s.policies.Remedy.Name, Version: x.d.Policy, Rule: rule}}
}

func (x *deed) record(e audit.Entry) { x.change.Entries = append(x.change.Entries, e) }

func (x *deed) put(key control.Key, revision int64, v any) {
	doc, err := control.Put(key, revision, v)
	if err != nil {
		x.problem = err
		return
	}
	x.change.Put = append(x.change.Put, doc)
}

func (x *deed) publish(t event.Type, payload any) {
	e, err := event.New(x.h.NewID(), t, x.s.at, x.s.model, payload)
	if err != nil {
		x.problem = err
		return
	}
	x.change.Events = append(x.change.Events, e)
}

// rule is the id of the deciding rule.
func (x *deed) rule() string {
	if len(x.d.Reasons) == 0 {
		return ""
	}
	return x.d.Reasons[0].Rule
}

// gate writes the gate's verdict into the ledger.
func (x *deed) gate() {
	g := x.s.seen.Gate
	if g == nil || g.Version == 0 { // no gate, or a training that made no version
		return
	}
	x.moved = true
	kind, word := audit.GatePassed, "passed"
	if !g.Passed {
		kind, word = audit.GateFailed, "refused ("+g.Verdict+")"
	}
	e := x.entry(kind, "gate", fmt.Sprintf("version %d %s: %s %+.3f [%.3f, %.3f] on %d rows", g.Version, word, g.Metric, float64(g.Diff), float64(g.Low), float64(g.High), g.N))
	e.To, e.SHA256 = g.Version, g.SHA256
	e.Inputs = map[string]string{"report": g.Report, "rows": strconv.Itoa(g.N), "diff": decimal(float64(g.Diff)), "low": decimal(float64(g.Low)), "high": decimal(float64(g.High))}
	e.Policy = audit.Policy{Name: "gate", Version: x.s.policies.Gate.Digest(), Rule: g.Verdict}
	x.record(e)
	x.publish(event.ModelGated, event.Drift{Key: x.evidence, Verdict: g.Verdict, Job: x.job})
}

// incident opens, continues or ends the incident the decision belongs to.
func (x *deed) incident() {
	s, d := x.s, x.d
	if d.Stage == "" && s.open == nil {
		return
	}
	fresh := d.Stage != "" && s.seen.Gate == nil && (s.open == nil || d.Incident == "")
	if s.open == nil && !fresh {
		return
	}
	if fresh {
		s.memory.Incidents++
		s.open = &incident.Incident{ID: incident.Number(s.memory.Incidents), Model: s.model, Kind: d.Diagnosis.Kind, Opened: s.at, Evidence: x.evidence}
		s.openRev = 0
		s.memory.Open = s.open.ID
	}
	i := s.open
	quiet := d.Action == remedy.None || d.Action == remedy.Fold || d.Action == remedy.Inform
	if fresh || d.Stage != "" && (d.Stage != i.Stage || d.Action != i.Action && !quiet) {
		*i = i.Decide(d, s.at)
	}
	switch {
	case fresh:
		e := x.entry(audit.IncidentOpened, x.rule(), i.ID+" "+d.Cause+": "+d.Summary)
		e.Inputs = map[string]string{"incident": i.ID, "observation": d.ID, "severity": i.Severity, "evidence": x.evidence}
		x.record(e)
		x.publish(event.OwnerAlerted, event.Asked{Incident: i.ID})
	case d.Action == remedy.Escalate, d.Action == remedy.Undo, d.Action == remedy.Raise && i.Action != remedy.Raise:
		x.publish(event.OwnerAlerted, event.Asked{Incident: i.ID})
	case d.Action == remedy.Fold:
		i.Folded += len(s.seen.Alerts)
		i.Updated = s.at
	}
	for _, a := range s.seen.Alerts {
		if a.Fingerprint != "" && !slices.Contains(i.Prints, a.Fingerprint) && len(i.Prints) < 100 {
			i.Prints = append(i.Prints, a.Fingerprint)
		}
	}
	if !quiet {
		i.Action = d.Action
	}
	if remedy.Acts(d.Action) {
		i.Target, i.Windows = d.Target, 0
		if x.s.seen.Drift != nil && i.Before == nil {
			i.Before = measuredPerformance(x.s.seen.Drift)
		}
	}
	if g := s.seen.Gate; g != nil && !g.Passed && !g.First {
		i.Refused++
	}
}

// act does what the decision says.
func (x *deed) act() {
	d, s := x.d, x.s
	if d.Action != remedy.None && d.Action != remedy.Fold {
		e := x.entry(audit.DecisionProposed, x.rule(), d.Action+": "+d.Summary)
		e.Inputs = map[string]string{"observation": d.ID, "plan": d.PlanSHA256, "cause": d.Cause}
		if d.Blocked != "" {
			e.Inputs["blocked"] = d.Blocked
		}
		if s.open != nil {
			e.Inputs["incident"] = s.open.ID
		}
		x.record(e)
	}
	switch {
	case d.Blocked != "":
	case remedy.Acts(d.Action) && d.RequiresApproval:
		x.request()
	case d.Action == remedy.Retrain:
		x.retrain()
	case d.Action == remedy.Promote, d.Action == remedy.Rollback, d.Action == remedy.Undo:
		x.move()
	case d.Action == remedy.Resolve:
		s.open.Resolved = s.at
		e := x.entry(audit.IncidentResolved, x.rule(), s.open.ID+": "+d.Summary)
		e.Inputs = map[string]string{"incident": s.open.ID}
		x.record(e)
		s.memory = s.memory.Ended(d.Stage)
	case d.Action == remedy.Escalate:
		e := x.entry(audit.IncidentEscalated, x.rule(), d.Summary)
		x.record(e)
		s.memory = s.memory.Ended(d.Stage)
	case d.Action == remedy.KeepChampion:
		s.memory = s.memory.Ended(d.Stage)
	}
}

// request asks people.
func (x *deed) request() {
	d, s := x.d, x.s
	p := s.policies.Remedy.Approval
	summary, err := json.Marshal(d)
	if err != nil {
		x.problem = err
		return
	}
	kind, subject := d.Action, d.TargetSHA256
	if kind == remedy.Undo {
		kind = approval.KindRollback
	}
	if kind == remedy.Retrain || subject == "" {
		subject = d.PlanSHA256
	}
	from := 0
	if s.seen.Champion != nil {
		from = s.seen.Champion.Number
	}
	r := approval.Request{ID: x.h.NewID(), Model: s.model, Kind: kind, PlanSHA256: d.PlanSHA256, SubjectSHA256: subject, From: from, To: d.Target, Approvers: p.Approvers,
		Quorum: p.Quorum, Requester: "agent", CreatedAt: s.at, ExpiresAt: s.at.Add(time.Duration(p.Hours) * time.Hour), Status: approval.Pending, Summary: summary}
	id := ""
	if s.open != nil {
		r.Incident, id = s.open.ID, s.open.ID
		s.open.Approval = r.ID
	}
	r.Subject = subjectOf(r)
	if err := r.Validate(); err != nil { // a policy that asks nobody, say: better said now than when somebody votes
		x.problem = fault.Wrap(err, "ask people about %s", s.model)
		return
	}
	x.put(control.Approval(r.ID), 0, r)
	e := x.entry(audit.ApprovalRequested, x.rule(), fmt.Sprintf("%s of %s, %d of %d must agree by %s", kind, s.model, p.Quorum, len(p.Approvers), r.ExpiresAt.Format(time.RFC3339)))
	e.SHA256, e.Inputs = subject, map[string]string{"approval": r.ID, "plan": d.PlanSHA256, "incident": id}
	x.record(e)
	x.publish(event.ApprovalRequested, event.Asked{Approval: r.ID, Incident: id})
}

// retrain starts the way of new data.
func (x *deed) retrain() {
	s := x.s
	v, _, ok := s.state.At(registry.Champion)
	if !ok {
		return
	}
	id := ""
	if s.open != nil {
		id = s.open.ID
		s.open.Action = remedy.Retrain
	}
	j := job.Job{ID: x.h.NewID(), Kind: "retrain", Status: job.Queued, Stage: "asked", Model: s.model, Created: s.at, Updated: s.at, Result: map[string]string{"incident": id}}
	x.put(control.Job(j.ID), 0, j)
	e := x.entry(audit.RetrainIntended, x.rule(), x.d.Summary)
	e.Inputs = map[string]string{"incident": id, "base": v.DataVersion, "job": j.ID}
	x.record(e)
	approved := ""
	if s.open != nil {
		approved = s.open.Approval
	}
	x.publish(event.RetrainRequested, event.Retrain{Incident: id, Approval: approved, Base: v.DataVersion, Since: s.since(), Dataset: v.Dataset, Reason: x.d.Summary, Actor: "agent", Job: j.ID})
	s.memory = s.memory.Acted(remedy.Retrain, s.at)
}

// move promotes or rolls back. The state refuses what the decision did not expect to find, and then everything is decided again.
func (x *deed) move() {
	s, d := x.s, x.d
	expect := 0
	if s.seen.Champion != nil {
		expect = s.seen.Champion.Number
	}
	var move registry.Move
	var err error
	kind := audit.AliasPromoted
	if d.Action == remedy.Promote {
		s.state, move, err = s.state.Promote(d.Target, d.TargetSHA256, expect, false, s.at)
	} else {
		kind = audit.AliasRolledBack
		s.state, move, err = s.state.Rollback(d.Target, expect, s.at)
	}
	if err != nil {
		x.problem = err
		return
	}
	x.announce(kind, move, d.Summary)
	s.memory = s.memory.Acted(d.Action, s.at)
}

func (x *deed) announce(kind audit.Kind, move registry.Move, reason string) {
	x.moved = true
	e := x.entry(kind, x.rule(), reason)
	e.From, e.To, e.SHA256 = move.From, move.To, move.SHA256
	x.record(e)
	x.publish(event.AliasMoved, event.Moved{Alias: string(move.Alias), From: move.From, To: move.To, SHA256: move.SHA256, Kind: move.Kind, Forced: move.Forced, Actor: e.Actor.ID})
}

// remember puts the documents that changed.
func (x *deed) remember() {
	s := x.s
	if x.moved {
		x.put(control.State(s.model), s.stateRev, s.state)
	}
	if s.open != nil && (x.d.Stage != "" || x.d.Action == remedy.Fold || x.folded || s.openRev == 0 || s.open.Stage == remedy.StageVerifying) {
		x.put(control.Incident(s.model, s.open.ID), s.openRev, s.open)
	}
	if len(x.change.Put) > 0 || len(x.change.Entries) > 0 {
		s.memory.Decision = x.d.ID
		x.put(control.Memory(s.model), s.memRev, s.memory)
	}
}

// finish ends the job that led here.
func (x *deed) finish(ctx context.Context) {
	if x.job == "" || x.problem != nil {
		return
	}
	docs, err := job.Advance(ctx, x.h.Control, x.job, x.s.at, func(j *job.Job) {
		j.Status, j.Stage = job.Succeeded, x.d.Action
		j.Result["decision"] = x.d.Summary
		if x.evidence != "" {
			j.Result["gate_report"] = x.evidence
		}
	})
	if err != nil {
		x.problem = err
		return
	}
	x.change.Put = append(x.change.Put, docs...)
}

// measuredPerformance is what is known best: realised where labels suffice, else estimated.
func measuredPerformance(r *drift.Report) *drift.Performance {
	if r.Realised != nil {
		return r.Realised
	}
	return r.Estimated
}

func performance(m incident.Measured) *drift.Performance { return measuredPerformance(m.Report) }

func decimal(v float64) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	return strconv.FormatFloat(v, 'g', 12, 64)
}

func (h *Handler) closeJob(ctx context.Context, id string, at time.Time, note string, version int) error {
	docs, err := job.Advance(ctx, h.Control, id, at, func(j *job.Job) {
		if j.Ended() {
			return // a second delivery: what became of the first one stands
		}
		j.Status, j.Stage, j.Result["note"], j.Result["version"] = job.Succeeded, "unchanged", note, strconv.Itoa(version)
	})
	if err != nil || len(docs) == 0 {
		return err
	}
	return h.Control.Commit(ctx, control.Change{Put: docs})
}
