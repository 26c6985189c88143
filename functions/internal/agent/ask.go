package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"mlops/functions/internal/incident"
	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/document"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/remedy"
)

// subjectOf is the subject line of an approval's mail.
func subjectOf(r approval.Request) string {
	what := map[string]string{approval.KindRetrain: "retraining", approval.KindPromote: "promotion", approval.KindRollback: "rollback"}[r.Kind]
	about := ""
	if r.Incident != "" {
		about = r.Incident + ", "
	}
	return fmt.Sprintf("[mlops] Approve %s of %s? (%sexpires %s)", what, r.Model, about, r.ExpiresAt.UTC().Format("Mon 15:04 UTC"))
}

// asked handles the event that somebody is to be asked.
func (h *Handler) asked(ctx context.Context, e event.Event) error {
	var a event.Asked
	if err := e.Decode(&a); err != nil {
		return err
	}
	var r approval.Request
	if _, err := h.Control.Get(ctx, control.Approval(a.Approval), &r); err != nil {
		return err
	}
	if r.Status != approval.Pending {
		return nil
	}
	return h.ask(ctx, e, r)
}

// ask mails each approver a link of their own. The entry "approval.requested" was the intention; this is the deed, which the event and, once
// that was given up, every sweep repeats until the entry "approval.sent" stands. Nobody is mailed twice: a mail has the request's id.
func (h *Handler) ask(ctx context.Context, e event.Event, r approval.Request) error {
	var d remedy.Decision
	if err := json.Unmarshal(r.Summary, &d); err != nil {
		return fault.New(fault.Internal, "the decision of approval %s is not JSON", r.ID).Because(err)
	}
	var failed error // one who cannot be reached does not keep the others from being asked
	for _, person := range r.Approvers {
		link, err := h.link(r, person)
		if err != nil {
			return err
		}
		subject, body := document.ApprovalMail(r, d, link)
		if err := h.Send(ctx, Mail{ID: r.ID, To: person, Subject: subject, Body: body}); err != nil && failed == nil {
			failed = fault.Wrap(err, "mail approval %s to %s", r.ID, person)
		}
	}
	if failed != nil {
		return failed
	}
	entry := audit.Entry{Kind: audit.ApprovalSent, Model: r.Model, At: e.Time, Actor: self, Op: e.ID, SHA256: r.SubjectSHA256,
		Reason: fmt.Sprintf("asked %s", strings.Join(r.Approvers, " and ")), Inputs: map[string]string{"approval": r.ID, "approvers": strconv.Itoa(len(r.Approvers))}}
	return h.Control.Commit(ctx, control.Change{Model: r.Model, Op: sentOp(r), Entries: []audit.Entry{entry}})
}

// sentOp names the change that says that everybody was asked.
func sentOp(r approval.Request) string { return "sent/" + r.ID }

// tell mails the owner what an incident is about, or which alert rules began or ceased to fire. The event's id is the mail's, so that a second delivery sends nothing.
func (h *Handler) tell(ctx context.Context, e event.Event) error {
	var a event.Asked
	if err := e.Decode(&a); err != nil {
		return err
	}
	if a.Incident == "" {
		if len(a.Rules) == 0 {
			return nil
		}
		to := cmp.Or(a.Owner, h.Owner)
		subject, body := document.RuleMail(e.Model, a.Rules)
		return fault.Wrap(h.Alert(ctx, Mail{ID: e.ID, To: to, Subject: subject, Body: body}), "tell %s of %d alerts of %s", to, len(a.Rules), e.Model)
	}
	var i incident.Incident
	if _, err := h.Control.Get(ctx, control.Incident(e.Model, a.Incident), &i); err != nil {
		return err
	}
	if len(i.Decisions) == 0 {
		return nil
	}
	d := i.Decisions[len(i.Decisions)-1]
	line := document.IncidentLine{ID: i.ID, Model: i.Model, Kind: i.Kind, Severity: i.Severity, Stage: i.Stage, Cause: i.Cause, Opened: i.Opened, Action: i.Action, Folded: i.Folded, Summary: d.Summary}
	subject, body := document.AlertMail(e.Model, line, d, a.Rules...)
	return fault.Wrap(h.Alert(ctx, Mail{ID: e.ID, To: h.Owner, Subject: subject, Body: body}), "tell %s of %s", h.Owner, i.ID)
}

// link is the address that one approver gets. It is relative where no PUBLIC_URL is known.
func (h *Handler) link(r approval.Request, person string) (string, error) {
	nonce, err := h.Nonce()
	if err != nil {
		return "", err
	}
	token, err := approval.Mint(approval.Claims{Request: r.ID, Approver: person, Model: r.Model, From: r.From, To: r.To, SubjectSHA256: r.SubjectSHA256, PlanSHA256: r.PlanSHA256,
		IssuedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, Nonce: nonce}, "k1", h.Mint)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(h.Base, "/") + "/approvals/" + r.ID + "?t=" + url.QueryEscape(token), nil
}

// decided goes on with what people decided.
func (h *Handler) decided(ctx context.Context, e event.Event) error {
	var a event.Asked
	if err := e.Decode(&a); err != nil {
		return err
	}
	var r approval.Request
	if _, err := h.Control.Get(ctx, control.Approval(a.Approval), &r); err != nil {
		return err
	}
	s, err := h.look(ctx, e.Model, e.Time, remedy.TriggerApproval)
	if err != nil {
		return err
	}
	s.seen.Approval = approvalFacts(r)
	if err := h.traffic(ctx, s); err != nil {
		return err
	}
	return h.perform(ctx, e, s, "")
}

func approvalFacts(r approval.Request) *remedy.ApprovalFacts {
	f := &remedy.ApprovalFacts{ID: r.ID, Status: string(r.Status), Kind: r.Kind, Target: r.To}
	if n := len(r.Votes); n > 0 {
		f.By, f.Why = r.Votes[n-1].Approver, r.Votes[n-1].Reason
	}
	return f
}

// sweep ends what nobody decided in time, and asks again where asking failed. Requests live at most approval.MaxLife, and their ids begin with their time, so older ones are
// not looked at; one that fails does not keep the others waiting.
func (h *Handler) sweep(ctx context.Context, e event.Event) error {
	after, err := oldest(e.Time.Add(-approval.MaxLife - 24*time.Hour))
	if err != nil {
		return err
	}
	var failed error
	for {
		docs, err := h.Control.List(ctx, control.Approval("").Partition, "", after, sweepPage)
		if err != nil {
			return err
		}
		for _, d := range docs {
			var r approval.Request
			if err = json.Unmarshal(d.Body, &r); err != nil {
				err = fault.New(fault.Internal, "approval %s is not JSON", d.Key.Sort).Because(err)
			} else if r.Status == approval.Pending {
				err = h.expireOrAsk(ctx, e, d, r)
			}
			if err != nil && failed == nil {
				failed = err
			}
			after = d.Key.Sort
		}
		if len(docs) < sweepPage {
			return failed
		}
	}
}

const sweepPage = 500

// oldest is the least id that something made at t can have.
func oldest(t time.Time) (string, error) {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(t)); err != nil {
		return "", fault.New(fault.Internal, "the sweep's clock is at %s", t).Because(err)
	}
	return id.String(), nil
}

func (h *Handler) expireOrAsk(ctx context.Context, e event.Event, d control.Doc, r approval.Request) error {
	next, expired := r.Expire(e.Time)
	if expired {
		return h.expire(ctx, e, d, next)
	}
	sent, err := h.Control.Done(ctx, sentOp(r))
	if err != nil || sent {
		return err
	}
	return h.ask(ctx, e, r)
}

// expire writes down that r ended without a decision.
func (h *Handler) expire(ctx context.Context, e event.Event, d control.Doc, r approval.Request) error {
	doc, err := control.Put(d.Key, d.Revision, r)
	if err != nil {
		return err
	}
	out, err := event.New(h.NewID(), event.ApprovalDecided, e.Time, r.Model, event.Asked{Approval: r.ID, Incident: r.Incident, Status: string(r.Status)})
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: audit.ApprovalExpired, Model: r.Model, At: e.Time, Actor: self, SHA256: r.SubjectSHA256, Reason: "nobody decided by " + r.ExpiresAt.Format(time.RFC3339), Inputs: map[string]string{"approval": r.ID}}
	return h.Control.Commit(ctx, control.Change{Model: r.Model, Op: "expire/" + r.ID, Put: []control.Doc{doc}, Entries: []audit.Entry{entry}, Events: []event.Event{out}})
}

// dataRejected tells the owner of data that was not taken, whole or in part, where it can be mended. The data of a retraining has no owner but its
// incident.
func (h *Handler) dataRejected(ctx context.Context, e event.Event) error {
	var v event.Validated
	if err := e.Decode(&v); err != nil {
		return err
	}
	if v.Incident != "" {
		if v.Passed {
			return nil
		}
		return h.trainingFailed(ctx, e)
	}
	if v.Passed && v.Rejected == 0 || v.Fresh > 0 {
		return nil
	}
	subject, body := document.DataMail(v)
	return fault.Wrap(h.Alert(ctx, Mail{ID: e.ID, To: h.Owner, Subject: subject, Body: body}), "tell %s of the rejected data of %s", h.Owner, v.Dataset)
}

// trainingFailed tells the incident that its retraining made nothing.
func (h *Handler) trainingFailed(ctx context.Context, e event.Event) error {
	var t struct { // what event.Trained and event.Validated have in common
		Incident string `json:"incident"`
	}
	if err := e.Decode(&t); err != nil {
		return err
	}
	if t.Incident == "" {
		return nil // an upload: its job says what failed
	}
	s, err := h.look(ctx, e.Model, e.Time, remedy.TriggerGate)
	if err != nil {
		return err
	}
	s.seen.Gate = &remedy.GateFacts{Passed: false, Verdict: "failed", Failed: []string{"training"}}
	return h.perform(ctx, e, s, "")
}
