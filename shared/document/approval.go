package document

import (
	"fmt"
	"strings"

	"mlops/shared/approval"
	"mlops/shared/document/figure"
	"mlops/shared/remedy"
)

// Approval is what the page of one approver shows.
type Approval struct {
	Request  approval.Request
	Decision remedy.Decision // what the request is about: Request.Summary, decoded
	Token    string          // of the link it was opened by; the form carries it in its body, never in an address
	Approver string          // who is reading
	Problem  string          // why the form just sent was not recorded, "" when none was
	Reason   string          // what had been typed, kept
}

// question is what a request asks, as a heading.
func question(r approval.Request) string {
	model := figure.Line(r.Model, figure.MaxName)
	switch r.Kind {
	case approval.KindRetrain:
		return "Retrain " + model + "?"
	case approval.KindPromote:
		return fmt.Sprintf("Serve %s of %s?", figure.Version(r.To), model)
	case approval.KindRollback:
		return fmt.Sprintf("Roll %s back to %s?", model, figure.Version(r.To))
	}
	return "Approve " + figure.Words(r.Kind) + " of " + model + "?"
}

// ApprovalPage shows what is to be decided with all its evidence, and a form. The form posts to the page's own path without the query, so
// that the token leaves the address; neither choice is made beforehand, and the six characters to type stand as text only.
func ApprovalPage(a Approval) []byte {
	a.Problem, a.Reason = figure.Sentence(a.Problem), string([]rune(a.Reason)[:min(len([]rune(a.Reason)), approval.MaxReason)])
	view := struct {
		Approval
		Title, Expected, Quorum, Typed string
		Argument                       []section
	}{a, question(a.Request), "", quorum(a.Request), a.Request.Typed(), argument(a.Decision, &a.Request)}
	if e := a.Decision.Expected; e.Metric != "" && figure.Finite(e.Value) {
		view.Expected = expected(e)
	}
	return mustDraw("approval", page{Title: view.Title, Body: view})
}

// quorum is "1 of 2 needed approvals".
func quorum(r approval.Request) string {
	n := 0
	for _, v := range r.Votes {
		if v.Decision == approval.Approve {
			n++
		}
	}
	return fmt.Sprintf("%d of the %s needed, from %s", n, figure.Counted(r.Quorum, "approval"), figure.Listed(r.Approvers, 8))
}

// outcome is a page that says what became of a vote or a link.
type outcome struct {
	Over, Title, Lead string
	Request           *approval.Request
}

// ApprovalOutcome confirms a vote: whose it was, and whether the request is decided by it or waits for others.
func ApprovalOutcome(r approval.Request, approver string) []byte {
	title := "Recorded"
	for _, v := range r.Votes {
		if v.Approver == approver {
			title = fmt.Sprintf("Recorded: %s by %s", strings.ToLower(figure.Words(string(v.Decision))), figure.Line(approver, figure.MaxName))
		}
	}
	lead := "Decided; the agent goes on from here. The dashboard and the ledger tell what follows."
	switch r.Status {
	case approval.Pending:
		lead = "Not decided yet: " + quorum(r) + ". It waits for the others until " + figure.Stamp(r.ExpiresAt) + "."
	case approval.Rejected:
		lead = "Decided: nothing is done. One rejection is final."
	}
	return mustDraw("outcome", page{Title: title, Body: outcome{Title: title, Lead: lead, Request: &r}})
}

// ApprovalProblem says why a link or a form does nothing: text is the explanation, request what is known, nil unless the link was good. Who
// decided, what, when and why stands there when somebody has.
func ApprovalProblem(status int, text string, request *approval.Request) []byte {
	title := heading(status)
	if request != nil && status == 409 && request.Status == approval.Pending {
		title = "You have voted already"
	}
	return mustDraw("outcome", page{Title: title, Body: outcome{Over: fmt.Sprintf("%d", status), Title: title, Lead: figure.Sentence(text), Request: request}})
}

// heading says in a few words what an HTTP status means to somebody who opened a page.
func heading(status int) string {
	switch status {
	case 400:
		return "That could not be read"
	case 401:
		return "Please sign in"
	case 403:
		return "This link opens nothing"
	case 404:
		return "There is nothing here"
	case 405:
		return "This page cannot do that"
	case 409:
		return "Already decided"
	case 410:
		return "Too late"
	case 413:
		return "That was too large"
	case 415:
		return "That was no form"
	case 429:
		return "Too many attempts"
	case 503:
		return "Please try again in a minute"
	}
	if status >= 500 {
		return "Something failed here"
	}
	return "That did not work"
}
