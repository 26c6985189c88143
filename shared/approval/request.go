// Package approval is a question put to people and their answers: a request bound to one plan and one artefact, links that name one
// approver each, votes, a quorum, and an end. Opening a link decides nothing (mail scanners open links, and some press buttons); a vote
// needs a value that only a reader of the page can type, and it counts once.
package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mlops/shared/fault"
)

// Status is where a request stands. All but Pending are final.
type Status string

// The statuses. Expired counts as no: silence never acts.
const (
	Pending  Status = "Pending"
	Approved Status = "Approved"
	Rejected Status = "Rejected"
	Expired  Status = "Expired"
)

// Decision is what one approver says, in the words of CodePipeline's PutApprovalResult.
type Decision string

// The decisions.
const (
	Approve Decision = "Approved"
	Reject  Decision = "Rejected"
)

// The kinds of action that are asked about.
const (
	KindRetrain  = "retrain"
	KindPromote  = "promote"
	KindRollback = "rollback"
)

// Limits on a request and its votes.
const (
	MaxApprovers = 50                  // people asked
	MaxReason    = 1000                // characters of a vote's reason
	MaxTries     = 5                   // wrong typed values until the request is locked
	MaxLife      = 60 * 24 * time.Hour // from creation to expiry, as CodePipeline has it
	MaxSkew      = 5 * time.Minute     // by which the clock that asks may be ahead of the one that takes votes; Kerberos' limit (RFC 4120, section 8.2)
	maxName      = 64                  // bytes of an id, a model's name, a key's id
	maxPerson    = 254                 // bytes: the longest mail address (RFC 5321, erratum 1690)
	maxSubject   = 99                  // characters of a mail's subject (SNS: fewer than 100, ASCII)
	maxSummary   = 128 << 10           // bytes
	maxAgent     = 256                 // bytes of a user agent, or of an address, that are kept
)

// CodeLocked refines Denied: the typed value was wrong too often, and the request now only expires.
const CodeLocked = "locked"

// CodeSkew refines Conflict: the link was made in the future, so one of two clocks is wrong.
const CodeSkew = "clock_skew"

// Request is one question: may the plan be carried out. It is a value: methods return a changed copy.
type Request struct {
	ID            string          `json:"id"`
	Model         string          `json:"model"`
	Kind          string          `json:"kind"` // KindRetrain, KindPromote, KindRollback
	Incident      string          `json:"incident,omitempty"`
	PlanSHA256    string          `json:"plan_sha256"`    // of the plan that is approved: another plan needs another request
	SubjectSHA256 string          `json:"subject_sha256"` // of the artefact that would serve; for a retraining, the plan's again
	From          int             `json:"from"`           // the champion's version when it was asked
	To            int             `json:"to"`             // the version that would serve; 0 for a retraining
	Approvers     []string        `json:"approvers"`      // who is asked, by mail address or name
	Quorum        int             `json:"quorum"`         // how many of them must approve
	Requester     string          `json:"requester"`      // who asks: never counts as an approver
	CreatedAt     time.Time       `json:"created_at"`
	ExpiresAt     time.Time       `json:"expires_at"` // the first instant at which a vote comes too late
	Status        Status          `json:"status"`
	Votes         []Vote          `json:"votes,omitempty"`     // in the order they came
	Attempts      int             `json:"attempts"`            // wrong typed values so far; MaxTries = locked
	Summary       json.RawMessage `json:"summary,omitempty"`   // the decision to show
	DecidedAt     time.Time       `json:"decided_at,omitzero"` // when the status became final
	Subject       string          `json:"subject"`             // of the mail
}

// Vote is one approver's word.
type Vote struct {
	Approver  string    `json:"approver"`
	Decision  Decision  `json:"decision"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Token     string    `json:"token"` // SHA-256 of the token used; the token itself is never stored
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// Validate checks a request that is about to be put, and again whenever somebody votes on it: ids, names and digests well formed, a quorum
// that can be reached by approvers who are different people and not the requester (addresses that differ only in case are one person), an
// end after its beginning and within MaxLife, a subject that fits a mail's header. The error is fault.Invalid and names every problem.
func (r Request) Validate() error {
	var bad problems
	bad.check(validName(r.ID), "id", "invalid_name", r.ID, nameRule)
	bad.check(validName(r.Model), "model", "invalid_name", r.Model, nameRule)
	bad.check(r.Incident == "" || validName(r.Incident), "incident", "invalid_name", r.Incident, nameRule)
	bad.check(r.Kind == KindRetrain || r.Kind == KindPromote || r.Kind == KindRollback, "kind", "unknown", r.Kind, "retrain, promote or rollback")
	bad.check(validHex(r.PlanSHA256, 64), "plan_sha256", "invalid_digest", r.PlanSHA256, "64 lower-case hex digits")
	bad.check(validHex(r.SubjectSHA256, 64), "subject_sha256", "invalid_digest", r.SubjectSHA256, "64 lower-case hex digits")
	bad.check(r.From >= 0, "from", "out_of_range", r.From, "a version, or 0 for none")
	bad.check(r.To >= 1 || r.To == 0 && r.Kind == KindRetrain, "to", "out_of_range", r.To, "a version")
	bad.check(validPerson(r.Requester), "requester", "invalid_text", r.Requester, personRule)
	bad.check(len(r.Approvers) <= MaxApprovers, "approvers", fault.CodeTooLarge, len(r.Approvers), fmt.Sprintf("at most %d", MaxApprovers))
	eligible := 0
	for i, a := range r.Approvers {
		bad.check(validPerson(a), "approvers", "invalid_text", a, personRule)
		again := slices.ContainsFunc(r.Approvers[:i], func(b string) bool { return strings.EqualFold(a, b) })
		bad.check(!again, "approvers", "duplicate", a, "each person once")
		if !again && !strings.EqualFold(a, r.Requester) {
			eligible++
		}
	}
	bad.check(r.Quorum >= 1 && r.Quorum <= eligible, "quorum", "out_of_range", r.Quorum,
		fmt.Sprintf("1 to %d, the approvers other than the requester", eligible))
	life := r.ExpiresAt.Sub(r.CreatedAt)
	bad.check(!r.CreatedAt.IsZero() && life > 0 && life <= MaxLife, "expires_at", "out_of_range", r.ExpiresAt.UTC().Format(time.RFC3339),
		"after created_at, by at most 60 days")
	bad.check(len(r.Subject) <= maxSubject && !strings.ContainsFunc(r.Subject, func(c rune) bool { return c < ' ' || c > '~' }),
		"subject", "invalid_text", r.Subject, fmt.Sprintf("at most %d printable ASCII characters", maxSubject))
	bad.check(len(r.Summary) <= maxSummary && (len(r.Summary) == 0 || json.Valid(r.Summary)), "summary", "invalid_json", len(r.Summary),
		"JSON of at most 128 KiB")
	return bad.err("the approval request %q cannot be put to anybody", cut(r.ID, maxName))
}

const (
	nameRule   = "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"
	personRule = "a mail address or name of 1 to 254 printable bytes without a space at an end"
)

// problems collects what is wrong.
type problems []fault.Detail

// check notes a problem unless ok.
func (p *problems) check(ok bool, field, code string, got any, expected string) {
	if ok {
		return
	}
	if s, isText := got.(string); isText {
		got = cut(s, maxName)
	}
	*p = append(*p, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
}

// err is nil when nothing is wrong.
func (p problems) err(format string, args ...any) error {
	if p == nil {
		return nil
	}
	return fault.Invalidf(format, args...).With(p...)
}

// validName reports whether s may stand in a link, a path and a mail without quoting.
func validName(s string) bool {
	if len(s) < 1 || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// validHex reports whether s is n lower-case hex digits.
func validHex(s string, n int) bool {
	return len(s) == n && !strings.ContainsFunc(s, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}

// validPerson reports whether s can name a person in a mail and on a page.
func validPerson(s string) bool {
	return s != "" && len(s) <= maxPerson && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

// cut keeps at most n bytes of s, all of them UTF-8.
func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
