package document

import (
	"strings"
	"testing"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/drift"
	"mlops/shared/remedy"
)

// says fails unless every text stands in the page, and none of those after "not:" does.
func says(t *testing.T, html []byte, texts ...string) {
	t.Helper()
	for _, text := range texts {
		never, negated := strings.CutPrefix(text, "not:")
		if negated && strings.Contains(string(html), never) {
			t.Errorf("%q stands there: %s", never, around(string(html), never))
		} else if !negated && !strings.Contains(string(html), text) {
			t.Errorf("%q does not stand there", text)
		}
	}
}

func TestApprovalPage(t *testing.T) {
	r := request()
	html := ApprovalPage(Approval{Request: r, Decision: decision(), Token: "v1.k1.cGF5bG9hZA.bWFj", Approver: "anna@example.com", Reason: "new <hospital>"})
	says(t, html, `method="post" action="./01JD7Q"`, `<input type="hidden" name="token" value="v1.k1.cGF5bG9hZA.bWFj">`, "Type these six characters", ">"+r.Typed()+"<", r.SubjectSHA256[:12],
		`name="decision" value="Approved" required`, `name="decision" value="Rejected" required`, "new &lt;hospital&gt;</textarea>", "anna@example.com, you are asked by agent about INC-1",
		"0 of the 1 approval needed, from anna@example.com, ben@example.com", "12 Mar 2026 10:00 UTC", "AUC 0.866 [0.830, 0.902]", "40 s, $0.0016", "there is no earlier version",
		"not: checked", "not:?t=", "not:Not recorded", "not:"+r.SubjectSHA256)
	says(t, ApprovalPage(Approval{Request: r, Problem: "reason: missing"}), "Not recorded.", "Reason: missing.")
}

func TestApprovalOutcome(t *testing.T) {
	r := request()
	r.Quorum = 2
	r.Votes = []approval.Vote{{Approver: "anna@example.com", Decision: approval.Approve, Reason: "new hospital joined", At: monday}}
	says(t, ApprovalOutcome(r, "anna@example.com"), "Recorded: approved by anna@example.com", "Not decided yet: 1 of the 2 approvals needed", "12 Mar 2026 10:00 UTC")
	r.Votes = append(r.Votes, approval.Vote{Approver: "ben@example.com", Decision: approval.Reject, Reason: "too early", At: monday})
	r.Status, r.DecidedAt = approval.Rejected, monday
	says(t, ApprovalOutcome(r, "ben@example.com"), "Recorded: rejected by ben@example.com", "nothing is done", "too early", "new hospital joined")
	says(t, ApprovalProblem(409, r.Outcome(), &r), "Already decided", "by ben@example.com", "too early", "since 9 Mar 2026 10:00 UTC")
	says(t, ApprovalProblem(403, "this link does not belong to a request that is known here", nil), "This link opens nothing", "This link does not belong", "not:Digest")
	r.Status = approval.Pending
	says(t, ApprovalProblem(409, "you vote once", &r), "You have voted already", "not:Already decided")
	for status, title := range map[int]string{400: "could not be read", 404: "nothing here", 410: "Too late", 413: "too large", 415: "no form", 429: "Too many", 500: "failed here", 502: "failed here", 503: "try again", 418: "did not work"} {
		says(t, ApprovalProblem(status, "x", nil), title)
	}
}

func TestReportTitles(t *testing.T) {
	title := func(got string, html []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		says(t, html, strings.NewReplacer("+", "&#43;", "<", "&lt;", ">", "&gt;").Replace(got))
		return got
	}
	broken := weekly()
	broken.LedgerProblem = "the ledger is broken at entry 22: it was changed"
	for name, c := range map[string]struct{ got, want string }{
		"weekly": {title(WeeklyReport(weekly())), "weekly: 2 incidents, 2 actions, 1 human decision, 1,204 predictions, $0.01; ledger of 41 entries verified"},
		"broken": {title(WeeklyReport(broken)), "weekly: 2 incidents, 2 actions, 1 human decision, 1,204 predictions, $0.01; ledger NOT verified: the ledger is broken at entry 22: it was changed"},
		"validation": {title(ValidationReport(validated(), []byte(validationJSON))),
			"validation: heart, 612 rows against suite heart/training (3 expectations): passed, 1 failure, 1 warning (could not be evaluated: no such expectation)"},
		"drift": {title(DriftReport(driftJSON(t))), "drift: heart v1, 2,410 rows: alert; thalach -0.6 sd, age +0.4 sd; estimated AUC 0.830 [0.800, 0.860], was 0.902"},
		"gate":  {title(GateReport(gateJSON(t))), "gate: heart v2 against v1, 380 rows: AUC +0.046 [+0.021, +0.071]: passed"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestReportsShowTheEvidence(t *testing.T) {
	_, html, _ := ValidationReport(validated(), []byte(validationJSON))
	says(t, html, "612 kept, 4 rejected", "failed, warning", "failed, critical", "could not be evaluated: no such expectation", "1.5 times the range of 612 rows", "values to be between: min 100, max 500")
	if s := string(html); !(strings.Index(s, "no such expectation") < strings.Index(s, "values to be between") && strings.Index(s, "values to be between") < strings.Index(s, "to exist")) {
		t.Error("failures do not come first, the worst before the others")
	}
	_, html, _ = DriftReport(driftJSON(t))
	says(t, html, "2 of 4 columns; enough to call it drift", "No labels came in yet.", "0.072 <small>matters", "0 % <small>now 0.4 %", "New: south", "1e-41", "3 of them repeats", `class="now"`, `class="then"`, "120", "140 to 160: 25 %, now 15 %")
	_, html, _ = GateReport(gateJSON(t))
	says(t, html, "380 newer labelled rows", "ci_low &gt;= -0.005 and diff &gt; 0", "120 rows of", "probability each gave", ">warning</span>")
	_, html, _ = WeeklyReport(weekly())
	says(t, html, "1,000", "83 %", "17 %", "v1 serves now", "31 further alerts folded in", "new hospital joined", "The ledger is verified", "<polyline")
	w := weekly()
	w.LedgerProblem, w.Readings = "the ledger is broken at entry 22", nil
	_, html, _ = WeeklyReport(w)
	says(t, html, "The ledger is NOT verified.", "not:The ledger is verified", "not:<polyline")
}

func TestHomePageBeginsWithWhatWaits(t *testing.T) {
	html := HomePage(home())
	says(t, html, "1 approval to decide, 1 open incident", "Retrain heart?", `href="/dashboard/incidents/heart/INC-1"`, `href="/dashboard/models/heart"`, `href="/dashboard/reports/r%201%2F2"`, `href="/dashboard/mails/m-anna@example.com"`,
		"v1 serves since 9 Mar 2026 10:00 UTC", "log loss —", "dry run", "4 windows", "a dot marks loss of performance (1)")
	if s := string(html); strings.Index(s, "Waiting for a person") > strings.Index(s, ">Models<") {
		t.Error("what waits does not come first")
	}
	h := home()
	h.Incidents, h.Approvals = h.Incidents[1:], nil
	says(t, HomePage(h), "Nothing waits for a person", "Closed incidents", "not:Open incidents")
}

func TestIncidentPageFoldsAStorm(t *testing.T) {
	first, fold := decision(), decision()
	fold.Action = remedy.Fold
	html := IncidentPage(incidents()[0], []remedy.Decision{first, fold, fold, fold, first})
	says(t, html, "Decision 1 of 5: retrain", "Decisions 2 to 4 of 5: counted it with the open incident", "Decision 5 of 5", "not:Decision 2 of", "For", "Against", "no release for 8 days", "labelled rows", "380", "loss.retrain")
}

func TestModelPage(t *testing.T) {
	html := ModelPage(ModelDetail{State: state(), Windows: windows(), Entries: entries()})
	says(t, html, "v1 serves since", ">champion<", "AUC 0.902", "What served when", "v1 to v2", "hotfix", "Approved: new hospital joined", entries()[3].Hash[:12])
	if s := string(html); strings.Index(s, "hotfix") > strings.Index(s, "first version") {
		t.Error("the ledger does not begin with the newest")
	}
}

func TestModelPageExplains(t *testing.T) {
	html := ModelPage(ModelDetail{State: state(), Explanation: explained()})
	wellFormed(t, html)
	says(t, html, "What v1 goes by", "over 300 rows of training, of target = 1", "TreeSHAP", "not what causes what", `width="25"`, "Prediction by thalach; 90: 0.700 [0.400, 0.900], 50 % of the rows; missing: 0.500", ">south<",
		"four fifths of the 250 rows", "not:broken")
	says(t, ModelPage(ModelDetail{State: state()}), "not:goes by")
}

func TestHeader(t *testing.T) {
	for in, want := range map[string]string{"ä\r\nBcc: x": "? Bcc: x", "[mlops] ok?": "[mlops] ok?", strings.Repeat("x", 200): strings.Repeat("x", 98), "": ""} {
		if got := header(in); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Every page is the same whenever it is drawn: maps are walked in order, and nothing looks at the clock.
func TestPagesAreDeterministic(t *testing.T) {
	first := pages(t, nil)
	for range 5 {
		for name, html := range pages(t, nil) {
			if string(html) != string(first[name]) {
				t.Errorf("%s differs from one drawing to the next", name)
			}
		}
	}
}

func TestToneNeverStandsAlone(t *testing.T) {
	for _, word := range []any{"ok", remedy.StageResolved, approval.Approved, drift.Alert, "nonsense", audit.Agent} {
		if c := tone(word); c != "" && c != "good" && c != "watch" && c != "bad" {
			t.Errorf("%v has tone %q", word, c)
		}
	}
}

func BenchmarkApprovalPage(b *testing.B) {
	a := Approval{Request: request(), Decision: decision(), Token: "t", Approver: "anna@example.com"}
	for b.Loop() {
		ApprovalPage(a)
	}
}

func BenchmarkDriftReport(b *testing.B) {
	in := driftJSON(b)
	for b.Loop() {
		if _, _, err := DriftReport(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApprovalMail(b *testing.B) {
	r, d := request(), decision()
	for b.Loop() {
		ApprovalMail(r, d, link)
	}
}
