package approval

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mlops/shared/fault"
)

// Typed is what an approver must type to vote: the last six hex digits of the subject's digest, which the page shows as text and no link
// carries in the clear. "" when the subject has no digest: then nothing typed is right.
func (r Request) Typed() string {
	if !validHex(r.SubjectSHA256, 64) {
		return ""
	}
	return r.SubjectSHA256[58:]
}

// Check says whether the bearer of a link may vote now; it changes nothing, and a page is shown after it. The claims are those Parse gave
// for token. Errors: fault.Denied when the link is about another request, person, plan or artefact, when the person asked for the approval
// in the first place, or, with CodeLocked, when the typed value was wrong too often; fault.Conflict when the request was decided (the
// message says by whom, what and when) or this person or link voted before; fault.Conflict with fault.CodeExpired when it is too late, and
// with CodeSkew when the link was made more than MaxSkew after now: a vote must not stand in the ledger before its question, nor count
// against an end that a wrong clock has set. A clock that is behind needs no rule: such a request only ends early, and says when.
// fault.Invalid when the request itself is malformed.
func (r Request) Check(c Claims, token string, now time.Time) error {
	if err := r.Validate(); err != nil {
		return err
	}
	switch {
	case c.Request != r.ID || c.Model != r.Model || !slices.Contains(r.Approvers, c.Approver):
		return fault.Deniedf("this link does not belong to request %s: use the one in your own mail about it", r.ID)
	case c.PlanSHA256 != r.PlanSHA256 || c.SubjectSHA256 != r.SubjectSHA256 || c.From != r.From || c.To != r.To:
		return fault.Deniedf("what is asked in request %s has changed since this link was sent; nothing was decided: use the link of the newest mail", r.ID)
	case strings.EqualFold(c.Approver, r.Requester):
		return fault.Deniedf("%s asked for this approval and cannot give it: somebody else among the approvers must", c.Approver)
	case r.Status == Expired:
		return fault.Conflictf("%s", r.Outcome()).WithCode(fault.CodeExpired)
	case r.Status != Pending:
		return fault.Conflictf("%s", r.Outcome())
	case c.IssuedAt.Sub(now) > MaxSkew:
		return fault.Conflictf("this link was made at %s, and here it is %s: one of the two clocks is wrong; nothing was decided: open the link again after that time, or have the clocks set",
			stamp(c.IssuedAt), stamp(now)).WithCode(CodeSkew)
	case !now.Before(r.ExpiresAt):
		return fault.Conflictf("the time to decide on request %s ended at %s: nothing was done", r.ID, stamp(r.ExpiresAt)).WithCode(fault.CodeExpired)
	case !now.Before(c.ExpiresAt):
		return fault.Conflictf("this link ended at %s: use the one in the newest mail about request %s", stamp(c.ExpiresAt), r.ID).WithCode(fault.CodeExpired)
	}
	digest := Digest(token)
	for _, v := range r.Votes {
		if v.Approver == c.Approver || v.Token == digest {
			return fault.Conflictf("%s voted %s at %s, and votes once; request %s has %d of %d approvals", v.Approver, v.Decision, stamp(v.At), r.ID,
				r.approvals(), r.Quorum)
		}
	}
	if r.Attempts >= MaxTries {
		return r.locked()
	}
	return nil
}

// Cast counts one vote. Beyond what Check asks, it needs a decision, a reason of 1 to MaxReason characters, and the typed value (case and
// surrounding space do not matter). One Reject is final; Quorum approvals are. The returned request is to be stored even with an error:
// a wrong typed value gives fault.Denied AND the request with one more attempt; after MaxTries of them it is locked for everybody, and
// waits for its end. Every other error leaves the request as it was: those of Check, and fault.Invalid naming every problem of decision
// and reason.
func (r Request) Cast(c Claims, token string, d Decision, reason, typed, ip, ua string, now time.Time) (Request, error) {
	if err := r.Check(c, token, now); err != nil {
		return r, err
	}
	reason = strings.TrimSpace(reason)
	var bad problems
	bad.check(d == Approve || d == Reject, "decision", "unknown", string(d), "Approved or Rejected")
	bad.check(reason != "", "reason", "missing", nil, "why, in a few words")
	bad.check(utf8.RuneCountInString(reason) <= MaxReason, "reason", fault.CodeTooLarge, utf8.RuneCountInString(reason), fmt.Sprintf("at most %d characters", MaxReason))
	bad.check(utf8.ValidString(reason) && !strings.ContainsFunc(reason, control), "reason", "invalid_text", reason, "text without control characters")
	if err := bad.err("the vote of %s on request %s cannot be counted", c.Approver, r.ID); err != nil {
		return r, err
	}
	r = r.clone()
	if subtle.ConstantTimeCompare([]byte(strings.ToLower(strings.TrimSpace(typed))), []byte(r.Typed())) == 0 {
		r.Attempts++
		if r.Attempts >= MaxTries {
			return r, r.locked()
		}
		return r, fault.Deniedf("the digits typed are not those shown on the page; nothing was decided, tries left: %d", MaxTries-r.Attempts)
	}
	now = now.UTC().Round(0)
	r.Votes = append(r.Votes, Vote{c.Approver, d, reason, now, Digest(token), cut(ip, maxAgent), cut(ua, maxAgent)})
	switch {
	case d == Reject:
		r.Status, r.DecidedAt = Rejected, now
	case r.approvals() >= r.Quorum:
		r.Status, r.DecidedAt = Approved, now
	}
	return r, nil
}

// Expire ends a request whose time is over without a decision, and reports whether it did. It is true once: a replay changes nothing.
func (r Request) Expire(now time.Time) (Request, bool) {
	if r.Status != Pending || now.Before(r.ExpiresAt) {
		return r, false
	}
	r = r.clone()
	r.Status, r.DecidedAt = Expired, now.UTC().Round(0)
	return r, true
}

// Outcome tells where the request stands: who decided what, when and why.
func (r Request) Outcome() string {
	switch r.Status {
	case Pending:
		return fmt.Sprintf("request %s waits for approval until %s: %d of %d so far", r.ID, stamp(r.ExpiresAt), r.approvals(), r.Quorum)
	case Expired:
		return fmt.Sprintf("request %s expired at %s with %d of %d approvals: nothing was done", r.ID, stamp(r.DecidedAt), r.approvals(), r.Quorum)
	}
	var by []string
	for _, v := range r.Votes {
		if string(v.Decision) == string(r.Status) {
			by = append(by, fmt.Sprintf("%s at %s (%q)", v.Approver, stamp(v.At), v.Reason))
		}
	}
	return fmt.Sprintf("request %s was %s already by %s", r.ID, strings.ToLower(string(r.Status)), strings.Join(by, " and "))
}

// approvals counts the votes for it; Check has made sure that they are of different people.
func (r Request) approvals() int {
	n := 0
	for _, v := range r.Votes {
		if v.Decision == Approve {
			n++
		}
	}
	return n
}

// locked is the answer once the typed value was wrong too often.
func (r Request) locked() error {
	return fault.Deniedf("request %s is locked after %d wrong tries and ends at %s: nothing was decided, and a new request is needed", r.ID, r.Attempts,
		stamp(r.ExpiresAt)).WithCode(CodeLocked)
}

// clone copies r so that nothing is shared.
func (r Request) clone() Request {
	r.Approvers, r.Votes, r.Summary = slices.Clone(r.Approvers), slices.Clone(r.Votes), slices.Clone(r.Summary)
	return r
}

// control reports a character that could disturb a log, a mail or a page; a reason may have line breaks and tabs.
func control(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\r' && c != '\t' }

// stamp is a time as people are told it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
