package document

import (
	"time"
	"fmt"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/event"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

var StyleHash = ""

func ApprovalMail(r approval.Request, d remedy.Decision, link string) (subject, body string) {
	return r.Subject, d.Summary + "\n" + link + "\n"
}

type Approval struct {
	Request                          approval.Request
	Decision                         remedy.Decision
	Token, Approver, Problem, Reason string
}

func ApprovalPage(a Approval) []byte                                               { return []byte(fmt.Sprintf("%s %s", a.Decision.Summary, a.Request.Typed())) }
func ApprovalOutcome(r approval.Request, approver string) []byte                   { return nil }
func ApprovalProblem(status int, text string, r *approval.Request) []byte          { return []byte(text) }
func AlertMail(model string, i IncidentLine, d remedy.Decision) (string, string)   { return d.Summary, d.Summary }
func ValidationReport(v event.Validated, b []byte) (title string, html []byte, err error) { return "v", []byte("x"), nil }
func DriftReport(b []byte) (title string, html []byte, err error)                  { return "d", []byte("x"), nil }
func GateReport(b []byte) (title string, html []byte, err error)                   { return "g", []byte("x"), nil }

type Weekly struct {
	Model               string
	Start, End          time.Time
	State               registry.State
	Predictions, Labels int
	ByVersion           map[int]int
	CostUSD             float64
	Incidents           []IncidentLine
	Windows             []remedy.WindowFacts
	Entries             []audit.Entry
	LedgerEntries       int
	LedgerProblem       string
}

func WeeklyReport(w Weekly) (title string, html []byte, err error) { return "w", []byte("x"), nil }

type IncidentLine struct {
	ID, Model, Kind, Severity, Stage, Cause string
	Opened, Resolved                        time.Time
	Action                                  string
	Folded                                  int
	Summary                                 string
}
type HomeModel struct {
	State   registry.State
	Windows []remedy.WindowFacts
	Head    audit.Head
}
type ReportLine struct {
	ID, Kind, Model, Title string
	At                     time.Time
}
type MailLine struct {
	ID, To, Subject string
	At              time.Time
}
type Home struct {
	At        time.Time
	Models    []HomeModel
	Incidents []IncidentLine
	Approvals []approval.Request
	Reports   []ReportLine
	Mails     []MailLine
}

func HomePage(h Home) []byte                                         { return nil }
func IncidentPage(i IncidentLine, d []remedy.Decision) []byte        { return nil }

type ModelDetail struct {
	State   registry.State
	Windows []remedy.WindowFacts
	Entries []audit.Entry
}

func ModelPage(m ModelDetail) []byte            { return nil }
func MailPage(m MailLine, body string) []byte   { return nil }
func ProblemPage(status int, text string) []byte { return []byte(text) }
