package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/platform/store"
	"mlops/shared/remedy"
)

// asked is a world with one open request, and a link to it for each approver.
type asked struct {
	*world
	request approval.Request
	mint    func(r approval.Request, person string) string
}

func question(t *testing.T) asked {
	t.Helper()
	w := loans(t)
	key, err := w.State.Key("approval", 32)
	if err != nil {
		t.Fatal(err)
	}
	mac, _ := approval.HMAC(key)
	a := asked{world: w, mint: func(r approval.Request, person string) string {
		t.Helper()
		token, err := approval.Mint(approval.Claims{Request: r.ID, Approver: person, Model: r.Model, From: r.From, To: r.To, SubjectSHA256: r.SubjectSHA256, PlanSHA256: r.PlanSHA256,
			IssuedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, Nonce: "0123456789abcdef0123456789abcdef"}, "k1", mac)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}}
	a.request = a.put(1)
	return a
}

// put stores a request with a quorum.
func (a asked) put(quorum int) approval.Request {
	a.Helper()
	now := a.clock.now()
	summary, err := json.Marshal(remedy.Decision{Model: "loan", Action: remedy.Retrain, Summary: `loan: <script>alert("x")</script>`})
	if err != nil {
		a.Fatal(err)
	}
	r := approval.Request{ID: a.State.IDs.Next(), Model: "loan", Kind: approval.KindRetrain, PlanSHA256: strings.Repeat("ab", 32), SubjectSHA256: strings.Repeat("cd", 32), From: 1,
		Approvers: []string{"anna@example.com", "ben@example.com"}, Quorum: quorum, Requester: "agent", CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour), Status: approval.Pending,
		Summary: summary, Subject: "[mlops] Approve?"}
	if err := r.Validate(); err != nil {
		a.Fatal(err)
	}
	doc, err := control.Put(control.Approval(r.ID), 0, r)
	if err == nil {
		err = a.State.Store.Commit(background, control.Change{Put: []control.Doc{doc}})
	}
	if err != nil {
		a.Fatal(err)
	}
	return r
}

func (a asked) read(id string) approval.Request {
	a.Helper()
	var r approval.Request
	if _, err := a.State.Store.Get(background, control.Approval(id), &r); err != nil {
		a.Fatal(err)
	}
	return r
}

func (a asked) vote(r approval.Request, person string, change map[string]string) answer {
	a.Helper()
	form := url.Values{"token": {a.mint(r, person)}, "decision": {"Approved"}, "reason": {"looks right"}, "typed": {r.Typed()}}
	for k, v := range change {
		form.Set(k, v)
	}
	return a.send("POST", "/approvals/"+r.ID, "", strings.NewReader(form.Encode()), "Content-Type: application/x-www-form-urlencoded")
}

// everything is the whole of the control table, as SQLite holds it.
func everything(t *testing.T, w *world) string {
	t.Helper()
	var b strings.Builder
	for _, partition := range []string{"approval", "job", "model", "agent", "audithead", "audit#loan", "outbox", "op", "deadletter", "dataset", "report", "drift", "label#loan", "incident#loan", "schedule"} {
		items, err := w.State.Table.Query(background, partition, store.Query{Consistent: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			fmt.Fprintf(&b, "%s/%s %d %s\n", i.Partition, i.Sort, i.Version, i.Body)
		}
	}
	return b.String()
}

// page demands what every answer of these pages has, whatever it says.
func page(t *testing.T, a answer) {
	t.Helper()
	csp := a.header.Get("Content-Security-Policy")
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("CSP %q lacks %s", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
		t.Errorf("CSP %q", csp)
	}
	if bytes.Contains(bytes.ToLower(a.body), []byte("<script")) || regexp.MustCompile(`(?i)\son[a-z]+=|javascript:|<(img|iframe|link)|\ssrc=`).Match(a.body) {
		t.Errorf("the page could run or load something: %s", a.body)
	}
}

func TestApprovalPageChangesNothing(t *testing.T) {
	a := question(t)
	path := "/approvals/" + a.request.ID + "?t=" + url.QueryEscape(a.mint(a.request, "anna@example.com"))
	before := everything(t, a.world)
	if !strings.Contains(before, a.request.ID) {
		t.Fatal("the request is not in what is compared")
	}
	for range 50 {
		for _, method := range []string{"GET", "HEAD"} {
			got := a.send(method, path, "", nil, "User-Agent: scanner").is(http.StatusOK)
			page(t, got)
			if method == "GET" && !bytes.Contains(got.body, []byte(a.request.Typed())) {
				t.Fatal("the page does not show what to type")
			}
		}
	}
	for _, bad := range []string{"/approvals/" + a.request.ID, "/approvals/" + a.request.ID + "?t=x", "/approvals/none?t=" + url.QueryEscape(a.mint(a.request, "anna@example.com"))} {
		page(t, a.send("GET", bad, "", nil).is(http.StatusForbidden))
	}
	if after := everything(t, a.world); after != before {
		t.Errorf("opening the link wrote something:\n%s\nnot\n%s", after, before)
	}
	if mails, err := filepath.Glob(filepath.Join(a.dir, "mails", "*.txt")); err != nil || len(mails) != 0 {
		t.Errorf("%v, %v", mails, err)
	}
}

func TestApprovalVote(t *testing.T) {
	a := question(t)
	done := a.vote(a.request, "anna@example.com", nil).is(http.StatusOK)
	page(t, done)
	r := a.read(a.request.ID)
	if r.Status != approval.Approved || len(r.Votes) != 1 || r.Votes[0].Approver != "anna@example.com" || r.Votes[0].IP != "203.0.113.7" {
		t.Errorf("%+v", r)
	}
	for _, person := range []string{"anna@example.com", "ben@example.com"} { // again, and by the other one
		late := a.vote(a.request, person, map[string]string{"decision": "Rejected"}).is(http.StatusConflict)
		page(t, late)
		if !bytes.Contains(late.body, []byte("anna@example.com")) {
			t.Errorf("who decided is not said: %s", late.body)
		}
		page(t, a.send("GET", "/approvals/"+a.request.ID+"?t="+url.QueryEscape(a.mint(a.request, person)), "", nil).is(http.StatusConflict))
	}
	if again := a.read(a.request.ID); fmt.Sprint(again) != fmt.Sprint(r) {
		t.Errorf("%+v after %+v", again, r)
	}
	entries := a.entries("loan")
	if count(entries, audit.ApprovalVoted) != 1 || count(entries, audit.ApprovalDecided) != 1 {
		t.Errorf("%+v", entries)
	}

	two := a.put(2)
	a.vote(two, "anna@example.com", nil).is(http.StatusOK)
	if r := a.read(two.ID); r.Status != approval.Pending {
		t.Errorf("one of two decided: %+v", r)
	}
	a.vote(two, "anna@example.com", nil).is(http.StatusConflict) // one person, one vote
	if r := a.read(two.ID); r.Status != approval.Pending || len(r.Votes) != 1 {
		t.Errorf("%+v", r)
	}
	a.vote(two, "ben@example.com", nil).is(http.StatusOK)
	if r := a.read(two.ID); r.Status != approval.Approved {
		t.Errorf("%+v", r)
	}
	no := a.put(2)
	a.vote(no, "ben@example.com", map[string]string{"decision": "Rejected", "reason": "not now"}).is(http.StatusOK)
	if r := a.read(no.ID); r.Status != approval.Rejected {
		t.Errorf("%+v", r)
	}
	a.sound("loan")
}

func TestApprovalRefuses(t *testing.T) {
	a := question(t)
	other := a.put(1)
	changed := a.request
	changed.PlanSHA256 = strings.Repeat("ef", 32)
	token := a.mint(a.request, "anna@example.com")
	flip := func(i int) string {
		b := []byte(token)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		return string(b)
	}
	before := everything(t, a.world)
	for name, c := range map[string]struct {
		change  map[string]string
		headers []string
		status  int
	}{
		"no token":               {map[string]string{"token": ""}, nil, 403},
		"garbage":                {map[string]string{"token": "v1.x.y.z"}, nil, 403},
		"forged payload":         {map[string]string{"token": flip(len(token) / 2)}, nil, 403},
		"forged MAC":             {map[string]string{"token": flip(len(token) - 5)}, nil, 403},
		"of another request":     {map[string]string{"token": a.mint(other, "anna@example.com")}, nil, 403},
		"of a changed plan":      {map[string]string{"token": a.mint(changed, "anna@example.com")}, nil, 403},
		"of a stranger":          {map[string]string{"token": a.mint(a.request, "eve@example.com")}, nil, 403},
		"no decision":            {map[string]string{"decision": ""}, nil, 400},
		"another decision":       {map[string]string{"decision": "Perhaps"}, nil, 400},
		"no reason":              {map[string]string{"reason": "  "}, nil, 400},
		"too long a reason":      {map[string]string{"reason": strings.Repeat("x", 1001)}, nil, 400},
		"from another site":      {nil, []string{"Sec-Fetch-Site: cross-site"}, 403},
		"a body beyond the form": {map[string]string{"reason": strings.Repeat("x", 20<<10)}, nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"token": {token}, "decision": {"Approved"}, "reason": {"fine"}, "typed": {a.request.Typed()}}
			for k, v := range c.change {
				form.Set(k, v)
			}
			got := a.send("POST", "/approvals/"+a.request.ID, "", strings.NewReader(form.Encode()), append([]string{"Content-Type: application/x-www-form-urlencoded"}, c.headers...)...)
			got.T = t
			got.is(c.status)
			if c.status != 413 { // which the edge says
				page(t, got)
			}
			if bytes.Contains(got.body, []byte(`<script>alert`)) {
				t.Error("what the decision says is not escaped")
			}
		})
	}
	twice := "token=" + url.QueryEscape(token) + "&decision=Rejected&decision=Approved&reason=x&typed=" + a.request.Typed()
	a.send("POST", "/approvals/"+a.request.ID, "", strings.NewReader(twice)).is(http.StatusBadRequest)
	if after := everything(t, a.world); after != before {
		t.Errorf("a refused vote wrote something:\n%s\nnot\n%s", after, before)
	}
}

func TestApprovalLocks(t *testing.T) {
	a := question(t)
	wrong := "000000"
	if a.request.Typed() == wrong {
		wrong = "111111"
	}
	for i := range approval.MaxTries {
		got := a.vote(a.request, "anna@example.com", map[string]string{"typed": wrong})
		page(t, got)
		if r := a.read(a.request.ID); got.status < 400 || got.status >= 500 || r.Attempts != i+1 || r.Status != approval.Pending || len(r.Votes) != 0 {
			t.Errorf("try %d: %d, %+v", i+1, got.status, r)
		}
	}
	for _, person := range []string{"anna@example.com", "ben@example.com"} {
		page(t, a.vote(a.request, person, nil).is(http.StatusForbidden))
	}
	if r := a.read(a.request.ID); r.Status != approval.Pending || len(r.Votes) != 0 || r.Attempts != approval.MaxTries {
		t.Errorf("%+v", r)
	}
	if n := count(a.entries("loan"), audit.ApprovalRefused); n != approval.MaxTries {
		t.Errorf("%d refusals in the ledger", n)
	}
}

func TestApprovalExpires(t *testing.T) {
	a := question(t)
	a.clock.add(24 * time.Hour)
	link := "/approvals/" + a.request.ID + "?t=" + url.QueryEscape(a.mint(a.request, "anna@example.com"))
	page(t, a.send("GET", link, "", nil).is(http.StatusGone))
	page(t, a.vote(a.request, "anna@example.com", nil).is(http.StatusGone))
	if r := a.read(a.request.ID); r.Status != approval.Pending || len(r.Votes) != 0 {
		t.Errorf("%+v", r)
	}
	if err := a.State.Bus.Tick(background, a.clock.now()); err != nil {
		t.Fatal(err)
	}
	a.drain()
	a.clock.add(time.Hour)
	if err := a.State.Bus.Tick(background, a.clock.now()); err != nil {
		t.Fatal(err)
	}
	a.drain()
	if r := a.read(a.request.ID); r.Status != approval.Expired {
		t.Errorf("the sweep did not end it: %+v", r)
	}
	if n := count(a.entries("loan"), audit.ApprovalExpired); n != 1 {
		t.Errorf("%d expiries in the ledger", n)
	}
	page(t, a.send("GET", link, "", nil).is(http.StatusGone))
	a.sound("loan")
}

// TestSweepAsksAgain: a question that could not be put to everybody is put by the sweep, until it was; nobody is asked twice, and one who cannot
// be reached does not keep the others from being asked.
func TestSweepAsksAgain(t *testing.T) {
	a := question(t)
	r := a.request
	r.ID, r.Approvers = a.State.IDs.Next(), []string{"nobody in particular", "ben@example.com"}
	doc, err := control.Put(control.Approval(r.ID), 0, r)
	if err == nil {
		err = a.State.Store.Commit(background, control.Change{Put: []control.Doc{doc}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		a.clock.add(15 * time.Minute)
		if err := a.State.Bus.Tick(background, a.clock.now()); err != nil {
			t.Fatal(err)
		}
		a.drain()
	}
	mails, err := a.State.Mails.List(background)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, m := range mails {
		if strings.Contains(m.Body, "/approvals/"+m.ID+"?t=") {
			got[m.ID+" "+m.To]++
		}
	}
	if len(got) != 3 || got[a.request.ID+" anna@example.com"] != 1 || got[a.request.ID+" ben@example.com"] != 1 || got[r.ID+" ben@example.com"] != 1 {
		t.Errorf("the mails: %v", got)
	}
	if n := count(a.entries("loan"), audit.ApprovalSent); n != 1 { // the other one was not put to everybody yet
		t.Errorf("%d questions count as put", n)
	}
	a.sound("loan")
}
