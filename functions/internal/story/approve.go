package story

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"mlops/functions/internal/incident"
	"mlops/shared/approval"
	"mlops/shared/audit"
)

var linkForm = regexp.MustCompile(`https?://[^\s]+/approvals/[^\s]+`)

// approve plays the mail: who is asked, what a scanner does to the link, and how a person decides.
func (s *Story) approve(i incident.Incident) error {
	r, err := s.request1(i.Approval)
	if err != nil {
		return err
	}
	s.say("approval", "%s: asks %s (%d of %d needed) until %s, bound to plan %.12s", r.Subject, strings.Join(r.Approvers, " and "), r.Quorum, len(r.Approvers), r.ExpiresAt.Format("Jan 2 15:04"), r.PlanSHA256)
	mails, err := s.host.State.Mails.List(s.ctx)
	if err != nil {
		return err
	}
	links := map[string]string{}
	for _, m := range mails {
		if strings.HasPrefix(m.ID, r.ID) {
			links[m.To] = linkForm.FindString(m.Body)
		}
	}
	anna, ben := links["anna@example.com"], links["ben@example.com"]
	if !s.verify(anna != "" && ben != "" && anna != ben, "each approver has a mail with a link of their own") {
		return nil
	}
	if err := s.scan(r, anna); err != nil {
		return err
	}
	s.clock.set(9, 17, 5)
	u, err := url.Parse(anna)
	if err != nil {
		return err
	}
	form := url.Values{"token": {u.Query().Get("t")}, "decision": {"Approved"}, "reason": {"new hospital joined"}, "typed": {"000000"}}
	if r.Typed() == "000000" {
		form.Set("typed", "111111")
	}
	status, _, err := s.call(http.MethodPost, u.Path, "", form)
	if err != nil {
		return err
	}
	after, err := s.request1(r.ID)
	if err != nil {
		return err
	}
	if s.verify(status >= 400 && after.Status == approval.Pending && after.Attempts == 1, "a POST without the typed digits decides nothing (%d)", status) {
		s.say("scanner", "even its POST of the form, without the six digits shown on the page: %d, counted, nothing decided", status)
	}
	form.Set("typed", r.Typed())
	if status, _, err = s.call(http.MethodPost, u.Path, "", form); err != nil {
		return err
	}
	after, err = s.request1(r.ID)
	if err != nil {
		return err
	}
	e, ok := s.last(audit.ApprovalDecided)
	if !s.verify(status == http.StatusOK && after.Status == approval.Approved && ok, "anna's POST approves (%d, %s)", status, after.Status) {
		return nil
	}
	s.say("approval", "anna@example.com approved: %q   ledger #%d", after.Votes[0].Reason, e.Seq)
	b, err := url.Parse(ben)
	if err != nil {
		return err
	}
	late := url.Values{"token": {b.Query().Get("t")}, "decision": {"Rejected"}, "reason": {"too late"}, "typed": {r.Typed()}}
	if status, _, err = s.call(http.MethodPost, b.Path, "", late); err != nil {
		return err
	}
	if s.verify(status == http.StatusConflict, "ben's later vote is told that it is decided (%d)", status) {
		s.say("approval", "ben@example.com, a minute later: told who decided, and when (409)")
	}
	s.clock.set(9, 17, 6)
	return s.settle()
}

// scan opens the link as mail scanners do, and compares everything that is kept before and after.
func (s *Story) scan(r approval.Request, link string) error {
	s.clock.set(9, 17, 2)
	u, err := url.Parse(link)
	if err != nil {
		return err
	}
	entries, err := s.ledger()
	if err != nil {
		return err
	}
	shown := true
	for range 50 {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			status, _, err := s.call(method, u.RequestURI(), "", nil)
			if err != nil {
				return err
			}
			shown = shown && status == http.StatusOK
		}
	}
	after, err := s.request1(r.ID)
	if err != nil {
		return err
	}
	now, err := s.ledger()
	if err != nil {
		return err
	}
	same := after.Status == approval.Pending && len(after.Votes) == 0 && after.Attempts == 0 && len(now) == len(entries) && s.champion() == 1
	if s.verify(shown && same, "opening the link 100 times changes nothing") {
		s.say("scanner", "GET and HEAD x 50 of the link in anna's mail: nothing changed")
	}
	return nil
}
