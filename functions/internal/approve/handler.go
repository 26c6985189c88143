// Package approve is the handler of the approve function: a page that shows what is to be decided, and a form that records one vote. Opening
// the page writes nothing, whoever opens it; a vote changes the request and announces the outcome, and nothing else: acting on it is the
// agent's.
package approve

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"mlops/functions/internal/door"
	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/document"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/remedy"
)

// Handler shows and records.
type Handler struct {
	Control interface {
		Get(ctx context.Context, key control.Key, into any) (int64, error)
		Commit(ctx context.Context, c control.Change) error
	}
	Verify func(kid string, msg, mac []byte) error
	Now    func() time.Time
	NewID  func() string
	Log    *slog.Logger
}

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /approvals/{id}", h.show)
	mux.HandleFunc("POST /approvals/{id}", h.vote)
	return mux
}

// protect sets what keeps the page and its token from leaking: nothing is cached, no address is passed on, no script runs.
func protect(w http.ResponseWriter) {
	for k, v := range map[string]string{
		"Cache-Control":           "no-store",
		"Referrer-Policy":         "no-referrer",
		"X-Robots-Tag":            "noindex",
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + document.StyleHash + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	} {
		w.Header().Set(k, v)
	}
}

// opened is a request whose link was checked.
type opened struct {
	request  approval.Request
	revision int64
	claims   approval.Claims
	token    string
}

func (h *Handler) open(ctx context.Context, id, token string) (*opened, error) {
	claims, err := approval.Parse(token, h.Verify)
	if err != nil {
		return nil, err
	}
	o := &opened{claims: claims, token: token}
	if o.revision, err = h.Control.Get(ctx, control.Approval(id), &o.request); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil, fault.Deniedf("this link does not belong to a request that is known here")
		}
		return nil, err
	}
	return o, nil
}

// show answers GET and HEAD. It reads, and writes nothing.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	protect(w)
	o, err := h.open(r.Context(), r.PathValue("id"), r.URL.Query().Get("t"))
	if err == nil {
		err = o.request.Check(o.claims, o.token, h.Now())
	}
	if err != nil {
		h.explain(w, r, o, err)
		return
	}
	h.page(w, r, o, http.StatusOK, "", "")
}

func (h *Handler) page(w http.ResponseWriter, r *http.Request, o *opened, status int, problem, reason string) {
	var d remedy.Decision
	if err := json.Unmarshal(o.request.Summary, &d); err != nil {
		h.Log.ErrorContext(r.Context(), "the decision of an approval is not JSON", "approval", o.request.ID, "error", err)
	}
	door.Bytes(w, status, "text/html; charset=utf-8", document.ApprovalPage(document.Approval{Request: o.request, Decision: d, Token: o.token, Approver: o.claims.Approver, Problem: problem, Reason: reason}))
}

// vote answers the form.
func (h *Handler) vote(w http.ResponseWriter, r *http.Request) {
	protect(w)
	ctx := r.Context()
	form, err := readForm(r)
	if err != nil {
		h.explain(w, r, nil, err)
		return
	}
	var o *opened
	for range 5 { // two approvers may vote at once: then one reads again
		if o, err = h.open(ctx, r.PathValue("id"), form.Get("token")); err != nil {
			break
		}
		if err = h.cast(ctx, r, o, form); !retry(err) {
			break
		}
	}
	if err == nil {
		door.Bytes(w, http.StatusOK, "text/html; charset=utf-8", document.ApprovalOutcome(o.request, o.claims.Approver))
		return
	}
	if o != nil && fault.Is(err, fault.Invalid) && o.request.Status == approval.Pending {
		h.page(w, r, o, door.Status(err), err.Error(), form.Get("reason"))
		return
	}
	h.explain(w, r, o, err)
}

// lost marks a commit that met another one: the vote is cast again on what stands now.
type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

func retry(err error) bool { _, ok := err.(lost); return ok }

// cast records one vote, or a wrong typed value, which counts too.
func (h *Handler) cast(ctx context.Context, r *http.Request, o *opened, form url.Values) error {
	now := h.Now().UTC()
	before := o.request
	next, voteErr := o.request.Cast(o.claims, o.token, approval.Decision(form.Get("decision")), form.Get("reason"), form.Get("typed"), clientIP(r), r.UserAgent(), now)
	if voteErr != nil && next.Attempts == before.Attempts {
		return voteErr
	}
	doc, err := control.Put(control.Approval(before.ID), o.revision, next)
	if err != nil {
		return err
	}
	entry := audit.Entry{Kind: audit.ApprovalVoted, Model: before.Model, At: now, Actor: audit.Actor{Type: "human", ID: o.claims.Approver}, SHA256: before.SubjectSHA256, RequestID: door.RequestOf(ctx),
		Reason: form.Get("decision") + ": " + form.Get("reason"), Inputs: map[string]string{"approval": before.ID, "plan": before.PlanSHA256}}
	change := control.Change{Model: before.Model, Put: []control.Doc{doc}}
	if voteErr != nil {
		entry.Kind, entry.Reason = audit.ApprovalRefused, voteErr.Error()
	}
	change.Entries = []audit.Entry{entry}
	if voteErr == nil && next.Status != approval.Pending {
		e, err := event.New(h.NewID(), event.ApprovalDecided, now, before.Model, event.Asked{Approval: before.ID, Incident: before.Incident, Status: string(next.Status), By: o.claims.Approver, Reason: form.Get("reason")})
		if err != nil {
			return err
		}
		change.Events = []event.Event{e}
		entry.Kind, entry.Reason = audit.ApprovalDecided, string(next.Status)
		change.Entries = append(change.Entries, entry)
	}
	if err := h.Control.Commit(ctx, change); err != nil {
		if fault.Is(err, fault.Conflict) {
			return lost{err}
		}
		return err
	}
	o.request = next
	return voteErr
}

// maxForm bounds the form: a token, a reason, and little else.
const maxForm = 16 << 10

func readForm(r *http.Request) (url.Values, error) {
	if s := r.Header.Get("Sec-Fetch-Site"); s == "cross-site" {
		return nil, fault.Deniedf("the form was sent from another site")
	}
	b, err := door.Body(r, maxForm)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return nil, fault.Invalidf("the form cannot be read").Because(err)
	}
	for k, v := range form {
		if len(v) > 1 {
			return nil, fault.Invalidf("the form has %.40q more than once", k)
		}
	}
	return form, nil
}

// explain is a page for people that says what became of their link. Nobody without a valid link learns whether a request exists.
func (h *Handler) explain(w http.ResponseWriter, r *http.Request, o *opened, err error) {
	status := door.Status(err)
	text := err.Error()
	if status >= 500 || status == http.StatusTooManyRequests {
		h.Log.ErrorContext(r.Context(), "approval failed", "request_id", door.RequestOf(r.Context()), "error", err)
		text = "Something failed here. Nothing was decided; please open the link again later."
	}
	var request *approval.Request
	if o != nil && status != http.StatusForbidden {
		request = &o.request
	}
	door.Bytes(w, status, "text/html; charset=utf-8", document.ApprovalProblem(status, text, request))
}

func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
