package document

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mlops/shared/approval"
	"mlops/shared/document/figure"
	"mlops/shared/event"
	"mlops/shared/remedy"
)

const (
	mailWidth   = 78 // columns, as RFC 5322, 2.1.1 asks
	labelWidth  = 19 // columns of the headings
	maxSubject  = 99 // characters: SNS takes fewer than 100, ASCII, on one line
	maxMailList = 12 // sentences of one heading
)

// ApprovalMail asks one approver about a decision: subject and plain text. The text follows STORY's order (what happened, does it matter,
// what I would do, why not else, if you do nothing, look and decide) in at most 78 columns, the link apart, which stands whole on a line of
// its own. Names from outside are shortened, kept on one line, and cannot make a link of their own.
func ApprovalMail(r approval.Request, d remedy.Decision, link string) (subject, body string) {
	subject = r.Subject
	if subject == "" {
		subject = fmt.Sprintf("[mlops] Approve %s of %s?", r.Kind, r.Model)
	}
	var m mail
	for _, s := range argument(d, &r) {
		m.section(s)
	}
	m.section(section{"Who decides", []string{
		fmt.Sprintf("%d of %s; asked by %s. Nobody else can, and each of them once.", r.Quorum, figure.Listed(r.Approvers, 8), figure.Line(r.Requester, figure.MaxName))}})
	m.section(section{"Look and decide", []string{"Opening the page changes nothing; to decide, one types six characters that it shows. The link is yours alone: do not pass it on."}})
	return header(subject), m.String() + strings.Join(strings.Fields(link), "") + "\n"
}

// AlertMail tells the owner of a model about an incident that nobody is asked to approve anything about, with the alert rules that the same
// window set off.
func AlertMail(model string, i IncidentLine, d remedy.Decision, rules ...event.Told) (subject, body string) {
	subject = fmt.Sprintf("[mlops] %s: %s", model, figure.Words(i.Kind))
	if i.ID != "" {
		subject = fmt.Sprintf("[mlops] %s: %s (%s, %s)", model, figure.Words(i.Kind), i.ID, i.Severity)
	}
	var m mail
	for _, s := range argument(d, nil) {
		m.section(s)
	}
	if i.Folded > 0 {
		m.section(section{"Since then", []string{figure.Counted(i.Folded, "further alert") + " of the same incident: told this once."}})
	}
	m.section(section{"Alert rules", sentences(rules)})
	m.section(section{"Look", []string{"The dashboard has it as " + figure.Line(i.ID, figure.MaxName) + " of " + figure.Line(model, figure.MaxName) + "."}})
	return header(subject), m.String()
}

// DataMail tells the owner of a dataset that rows of an upload, or all of it, were not taken, and where they are listed so that they can be mended.
func DataMail(v event.Validated) (subject, body string) {
	what := fmt.Sprintf("%s of an upload set aside", figure.Counted(v.Rejected, "row"))
	happened := []string{fmt.Sprintf("Of an upload of %s, %s went on and %s did not.", figure.Line(v.Dataset, figure.MaxName), figure.Counted(v.Rows, "row"), figure.Counted(v.Rejected, "row"))}
	if !v.Passed {
		what = "an upload was refused"
		happened = []string{fmt.Sprintf("An upload of %s was refused: nothing is trained on it.", figure.Line(v.Dataset, figure.MaxName)), figure.Sentence(v.Problems)}
	}
	var m mail
	m.section(section{"What happened", happened})
	if v.Rejections != "" {
		list := []string{fmt.Sprintf("%s in %s: row, column, rule, what was expected and what stands there. A spreadsheet opens it.", figure.Counted(v.Listed, "line"), figure.Line(v.Rejections, figure.MaxText))}
		for _, r := range v.Shown[:min(len(v.Shown), 5)] {
			list = append(list, fmt.Sprintf("Row %d, %s: %s (%s).", r.Row, figure.Line(r.Column, figure.MaxName), figure.Words(strings.TrimPrefix(r.Rule, "expect_")), figure.Line(r.Severity, figure.MaxName)))
		}
		m.section(section{"Rows to mend", list})
	}
	if v.Report != "" {
		m.section(section{"Look", []string{"The validation report has every expectation: " + figure.Line(v.Report, figure.MaxText) + "."}})
	}
	return header(fmt.Sprintf("[mlops] %s: %s", v.Dataset, what)), m.String()
}

// RuleMail tells an owner which alert rules began or ceased to fire; there is at least one.
func RuleMail(model string, rules []event.Told) (subject, body string) {
	r := rules[0]
	subject = fmt.Sprintf("[mlops] %s: %s %s (%s)", model, figure.Words(r.Rule), r.Status, r.Severity)
	if n := len(rules); n > 1 {
		subject = fmt.Sprintf("[mlops] %s: %d alerts, %s %s", model, n, figure.Words(r.Rule), r.Status)
	}
	var m mail
	m.section(section{"What happened", sentences(rules)})
	m.section(section{"Is it urgent", []string{"The agent has seen the same window and decides about it by itself; if it asks or acts, that is a mail of its own. These rules only tell."}})
	m.section(section{"Look", []string{"The dashboard has it on the page Drift analysis of " + figure.Line(model, figure.MaxName) + ". Rules and silences stand in config/alerts.yaml."}})
	return header(subject), m.String()
}

// sentences are what rules say, one line each.
func sentences(rules []event.Told) (out []string) {
	for _, r := range rules {
		out = append(out, figure.Sentence(fmt.Sprintf("%s, %s: %s", r.Severity, r.Status, r.Text)))
	}
	return out
}

// header makes a mail's subject: ASCII, one line, fewer than 100 characters.
func header(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.TrimSuffix(figure.Line(s, maxSubject), "…"))
	return s[:min(len(s), maxSubject)]
}

// mail is a plain text with headings at the left and their text beside them.
type mail struct{ strings.Builder }

func (m *mail) section(s section) {
	label := s.Title
	for i, t := range s.Text {
		if i == maxMailList {
			t = "And " + figure.Grouped(len(s.Text)-i) + " more."
		}
		for _, l := range wrap(defang(figure.Line(t, maxEvidence*figure.MaxText)), mailWidth-labelWidth) {
			fmt.Fprintf(m, "%-*s%s\n", labelWidth, label, l)
			label = ""
		}
		if i == maxMailList {
			break
		}
	}
	if len(s.Text) > 0 {
		m.WriteByte('\n')
	}
}

// defang keeps text from outside from becoming a link: mail programs make one of whatever begins like an address of the web. What is not
// known is said in a word.
func defang(s string) string {
	return strings.NewReplacer("://", "[:]//", "www.", "www[.]", "WWW.", "WWW[.]", "mailto:", "mailto[:]", figure.Unknown, "unknown").Replace(s)
}

// wrap breaks s into lines of at most width characters, between words where it can.
func wrap(s string, width int) []string {
	const tied = "\x00%" // 62 % stays together
	var lines []string
	var l string
	for _, w := range strings.Fields(strings.ReplaceAll(s, " %", tied)) {
		w = strings.ReplaceAll(w, tied, " %")
		if l != "" && utf8.RuneCountInString(l)+1+utf8.RuneCountInString(w) > width {
			lines, l = append(lines, l), ""
		}
		for utf8.RuneCountInString(w) > width {
			r := []rune(w)
			lines, w = append(lines, string(r[:width])), string(r[width:])
		}
		if l != "" {
			l += " "
		}
		l += w
	}
	if l != "" {
		lines = append(lines, l)
	}
	return lines
}
