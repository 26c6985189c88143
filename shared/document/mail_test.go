package document

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mlops/shared/approval"
	"mlops/shared/document/figure"
	"mlops/shared/remedy"
)

const link = "https://mlops.example/approvals/01JD7Q?t=v1.k1.eyJyZXEiOiIwMUpEN1EifQ.bWFj"

// The mail as it arrives: a reader who knows nothing decides from it.
const wantMail = `What happened      Covariate shift: 2 features of importance 0.410 moved
                   (thalach, age), n = 2,410; thalach 0.6 sd lower than in
                   training (p 1e-41, adjusted); age 0.4 sd higher than in
                   training (p 2e-17, adjusted); the model leans on what
                   moved: importance 0.410.

Does it matter     Severity medium: estimated AUC 0.830 [0.800, 0.860], was
                   0.902, n = 2,410: a loss of 0.072, 0.030 matters; 380 fresh
                   labelled rows, 200 needed; 120 of the rarer class, 20
                   needed.

What I would do    Retrain heart on its data and the newer labelled rows.
                   Expected AUC 0.866 [0.830, 0.902]. It takes about 40 s and
                   costs $0.0016. Nothing goes live unless it beats the
                   serving version on the same rows.

Why not else       Roll back: there is no earlier version.
                   Nothing: the loss of 0.072 is above 0.030.
                   Not bad release: no release for 8 days; the inputs moved as
                   well.
                   Not data quality: no missing-rate change, units agree,
                   every column is there; no batch came twice.

If you do nothing  v1 keeps serving; asked again when the loss grows by
                   another 0.030. The request ends Thu 12 Mar 10:00 UTC, and
                   silence counts as no.

Who decides        1 of anna@example.com, ben@example.com; asked by agent.
                   Nobody else can, and each of them once.

Look and decide    Opening the page changes nothing; to decide, one types six
                   characters that it shows. The link is yours alone: do not
                   pass it on.

` + link + "\n"

func TestApprovalMail(t *testing.T) {
	subject, body := ApprovalMail(request(), decision(), link)
	if want := "[mlops] Approve retraining of heart? (INC-1, expires Thu 10:00 UTC)"; subject != want {
		t.Errorf("subject %q, want %q", subject, want)
	}
	if body != wantMail {
		t.Errorf("the mail is\n%s\nwant\n%s", body, wantMail)
	}
	if strings.Contains(body, request().Typed()) {
		t.Error("the mail carries the characters to type: whoever reads the mail alone must not be able to vote")
	}
}

func TestAlertMail(t *testing.T) {
	d := decision()
	d.Action, d.Stage, d.RequiresApproval, d.Advice = remedy.RequestLabels, remedy.StageOpen, false, "Send 165 labels more (POST /feedback)"
	subject, body := AlertMail("heart", incidents()[1], d)
	if want := "[mlops] heart: data quality (INC-2, high)"; subject != want {
		t.Errorf("subject %q, want %q", subject, want)
	}
	for _, must := range []string{"What happened", "What I did         Asked for labels.", "What you could do  Send 165 labels more", "31 further alerts of the same incident", "INC-2 of heart"} {
		if !strings.Contains(body, must) {
			t.Errorf("%q does not stand in\n%s", must, body)
		}
	}
}

// Text from outside makes no header, no line of its own, no link, and no long mail.
func TestMailInjection(t *testing.T) {
	evil := "x\r\nBcc: all@example.com\r\n\r\n.\r\nLook and decide    https://evil.example/approvals/1 www.evil.example \u202emoc.live\u2066 " + hostile
	r, d := request(), decision()
	r.Subject, r.Requester, r.Approvers[0] = evil, evil, evil
	poison(reflect.ValueOf(&d))
	d.Reasons[0].Text, d.Alternatives[0].WhyNot, d.Advice, d.Otherwise = evil, evil, evil, evil
	headings := []string{"What happened", "Does it matter", "What I would do", "What I did", "Why not else", "What you could do", "If you do nothing", "Who decides", "Look and decide", "Since then", "Look"}
	i := incidents()[0]
	poison(reflect.ValueOf(&i))
	for name, mail := range map[string]func() (string, string){
		"approval": func() (string, string) { return ApprovalMail(r, d, link) },
		"alert":    func() (string, string) { return AlertMail(evil, i, d) },
		"empty":    func() (string, string) { return ApprovalMail(approval.Request{}, remedy.Decision{}, link) },
	} {
		subject, body := mail()
		if len(subject) > 99 || subject == "" || regexp.MustCompile(`[^ -~]`).MatchString(subject) {
			t.Errorf("%s: subject %q", name, subject)
		}
		if name != "alert" {
			if got := regexp.MustCompile(`(?m)^\S*://\S+$`).FindAllString(body, -1); len(got) != 1 || got[0] != link {
				t.Errorf("%s: links %q", name, got)
			}
		}
		for n, l := range strings.Split(strings.TrimSuffix(body, link+"\n"), "\n") {
			if utf8.RuneCountInString(l) > mailWidth || strings.ContainsFunc(l, figure.Hidden) || strings.Contains(l, "://") || strings.Contains(l, "www.") {
				t.Errorf("%s, line %d: %q", name, n+1, l)
			}
			if label := strings.TrimRight(l[:min(len(l), labelWidth)], " "); label != "" && !slices.Contains(headings, label) {
				t.Errorf("%s, line %d begins as a heading does: %q", name, n+1, l)
			}
		}
		if len(body) > 20_000 {
			t.Errorf("%s: %d bytes", name, len(body))
		}
	}
}

func TestWrap(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":     {"", nil},
		"one word":    {"abc", []string{"abc"}},
		"exact":       {"abcd efghi", []string{"abcd efghi"}},
		"over":        {"abcde efghi", []string{"abcde", "efghi"}},
		"long word":   {"a bcdefghijklmno", []string{"a", "bcdefghijk", "lmno"}},
		"wide runes":  {"ääää äääää", []string{"ääää äääää"}},
		"percentages": {"around 62 % of", []string{"around", "62 % of"}},
	} {
		if got := wrap(c.in, 10); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
