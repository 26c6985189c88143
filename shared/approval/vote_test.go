package approval

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
)

// request asks anna, ben and cleo, of whom two must approve; the agent asks.
func request() Request {
	return Request{ID: "01JD-heart", Model: "heart", Kind: KindPromote, Incident: "INC-1", PlanSHA256: plan, SubjectSHA256: digest, From: 1, To: 2,
		Approvers: []string{"anna", "ben", "cleo"}, Quorum: 2, Requester: "agent", CreatedAt: day, ExpiresAt: day.Add(72 * time.Hour), Status: Pending,
		Summary: json.RawMessage(`{"action":"promote"}`), Subject: "[mlops] Approve promotion of heart v2?"}
}

// ballot is one call of Cast; its zero fields are filled with what is right.
type ballot struct {
	who    string // approver; the token is this one's
	says   Decision
	reason string
	typed  string
	after  time.Duration // since the request was made
	change func(*Claims)
	kind   fault.Kind
	code   string
	text   string // part of the error; "" = it counts
}

func (b ballot) cast(t testing.TB, r Request) (Request, error) {
	t.Helper()
	c := claims(b.who)
	if b.change != nil {
		b.change(&c)
	}
	token := Digest(b.who) // any text: Cast takes the claims as parsed
	if b.says == "" {
		b.says = Approve
	}
	if b.reason == "" {
		b.reason = "new hospital joined"
	}
	if b.typed == "" {
		b.typed = r.Typed()
	}
	return r.Cast(c, token, b.says, strings.TrimPrefix(b.reason, "-"), strings.TrimPrefix(b.typed, "-"), "192.0.2.7", "Mozilla/5.0", day.Add(b.after))
}

func TestIncidents(t *testing.T) {
	h := time.Hour
	wrong := func(text, code string) ballot {
		return ballot{who: "anna", typed: "000000", kind: fault.Denied, code: code, text: text}
	}
	for _, c := range []struct {
		name    string
		change  func(*Request)
		ballots []ballot
		status  Status
		votes   int
		tries   int
	}{
		{"quorum of two", nil, []ballot{{who: "anna"}, {who: "cleo", after: h}}, Approved, 2, 0},
		{"quorum of one", func(r *Request) { r.Quorum = 1 }, []ballot{{who: "ben"}}, Approved, 1, 0},
		{"one vote is not two", nil, []ballot{{who: "anna"}}, Pending, 1, 0},
		{"a rejection is final at once", nil, []ballot{{who: "anna"}, {who: "ben", says: Reject, reason: "not before Monday"},
			{who: "cleo", kind: fault.Conflict, text: `rejected already by ben at 2026-03-01 10:00:00 UTC ("not before Monday")`}}, Rejected, 2, 0},
		{"double click", nil, []ballot{{who: "anna"}, {who: "anna", kind: fault.Conflict, text: "anna voted Approved at 2026-03-01 10:00:00 UTC, and votes once; request 01JD-heart has 1 of 2"}}, Pending, 1, 0},
		{"second thoughts", nil, []ballot{{who: "anna"}, {who: "anna", says: Reject, kind: fault.Conflict, text: "votes once"}}, Pending, 1, 0},
		{"replay after the decision", nil, []ballot{{who: "anna"}, {who: "ben", after: h},
			{who: "anna", after: 2 * h, kind: fault.Conflict, text: `approved already by anna at 2026-03-01 10:00:00 UTC ("new hospital joined") and ben at 2026-03-01 11:00:00 UTC`}}, Approved, 2, 0},
		{"late third vote", nil, []ballot{{who: "anna"}, {who: "ben"}, {who: "cleo", says: Reject, kind: fault.Conflict, text: "approved already by anna"}}, Approved, 2, 0},
		{"decided stays decided after the time is over", nil, []ballot{{who: "anna"}, {who: "ben"}, {who: "cleo", after: 100 * h, kind: fault.Conflict, text: "approved already"}}, Approved, 2, 0},
		{"a minute too late", nil, []ballot{{who: "anna", after: 72*h - 1}, {who: "ben", after: 72 * h, kind: fault.Conflict, code: fault.CodeExpired, text: "ended at 2026-03-04 10:00:00 UTC"}}, Pending, 1, 0},
		{"the link ends before the request", nil, []ballot{{who: "ben", after: h, change: func(c *Claims) { c.ExpiresAt = day.Add(h) }, kind: fault.Conflict, code: fault.CodeExpired, text: "this link ended at 2026-03-01 11:00:00 UTC"}}, Pending, 0, 0},
		{"already expired", func(r *Request) { r.Status, r.DecidedAt = Expired, day }, []ballot{{who: "ben", kind: fault.Conflict, code: fault.CodeExpired, text: "expired at 2026-03-01 10:00:00 UTC with 0 of 2"}}, Expired, 0, 0},

		{"link of another request", nil, []ballot{{who: "ben", change: func(c *Claims) { c.Request = "01JD-other" }, kind: fault.Denied, text: "does not belong"}}, Pending, 0, 0},
		{"link of another model", nil, []ballot{{who: "ben", change: func(c *Claims) { c.Model = "loan" }, kind: fault.Denied, text: "does not belong"}}, Pending, 0, 0},
		{"somebody who was not asked", nil, []ballot{{who: "mallory", kind: fault.Denied, text: "does not belong"}}, Pending, 0, 0},
		{"an approver's name in another case", nil, []ballot{{who: "Anna", kind: fault.Denied, text: "does not belong"}}, Pending, 0, 0},
		{"the plan was edited after the mail", nil, []ballot{{who: "ben", change: func(c *Claims) { c.PlanSHA256 = digest }, kind: fault.Denied, text: "has changed since this link was sent"}}, Pending, 0, 0},
		{"the candidate was swapped after the mail", nil, []ballot{{who: "ben", change: func(c *Claims) { c.SubjectSHA256 = plan }, kind: fault.Denied, text: "has changed"}}, Pending, 0, 0},
		{"the champion moved on", nil, []ballot{{who: "ben", change: func(c *Claims) { c.From = 3 }, kind: fault.Denied, text: "has changed"}}, Pending, 0, 0},
		{"another version", nil, []ballot{{who: "ben", change: func(c *Claims) { c.To = 3 }, kind: fault.Denied, text: "has changed"}}, Pending, 0, 0},
		{"the requester approves what it asked for", func(r *Request) { r.Requester = "anna" }, []ballot{{who: "anna", kind: fault.Denied, text: "cannot give it"}, {who: "ben"}, {who: "cleo"}}, Approved, 2, 0},
		{"the requester in another case", func(r *Request) { r.Requester = "ANNA" }, []ballot{{who: "anna", kind: fault.Denied, text: "cannot give it"}}, Pending, 0, 0},

		{"a clock five minutes ahead asks", nil, []ballot{{who: "ben", after: -5 * time.Minute}}, Pending, 1, 0},
		{"a clock further ahead asks", nil, []ballot{{who: "ben", after: -5*time.Minute - time.Second, kind: fault.Conflict, code: CodeSkew, text: "made at 2026-03-01 10:00:00 UTC, and here it is 2026-03-01 09:54:59 UTC: one of the two clocks is wrong"},
			{who: "ben", after: -5 * time.Minute}}, Pending, 1, 0},
		{"a clock an hour behind asks", nil, []ballot{{who: "ben", after: h}}, Pending, 1, 0},

		{"scanner submits the form empty", nil, []ballot{{who: "anna", typed: "-", kind: fault.Denied, text: "tries left: 4"}}, Pending, 0, 1},
		{"typed in upper case with spaces", nil, []ballot{{who: "anna", typed: " 1DA1B2 "}}, Pending, 1, 0},
		{"typed the beginning of the digest", nil, []ballot{{who: "anna", typed: "0c1d0c", kind: fault.Denied, text: "tries left: 4"}, {who: "anna"}}, Pending, 1, 1},
		{"typed one digit more", nil, []ballot{{who: "anna", typed: "1da1b22", kind: fault.Denied, text: "tries left: 4"}}, Pending, 0, 1},
		{"a rejection needs the digits too", nil, []ballot{{who: "anna", says: Reject, typed: "000000", kind: fault.Denied, text: "tries left: 4"}}, Pending, 0, 1},
		{"guessing the digits", nil, []ballot{wrong("tries left: 4", ""), wrong("tries left: 3", ""), wrong("tries left: 2", ""), wrong("tries left: 1", ""),
			wrong("locked after 5 wrong tries", CodeLocked), {who: "anna", kind: fault.Denied, code: CodeLocked, text: "locked"},
			{who: "ben", kind: fault.Denied, code: CodeLocked, text: "locked"}}, Pending, 0, 5},

		{"no reason", nil, []ballot{{who: "anna", reason: "- \n", kind: fault.Invalid, text: "reason: missing"}}, Pending, 0, 0},
		{"a novel", nil, []ballot{{who: "anna", reason: strings.Repeat("é", 1001), kind: fault.Invalid, text: "too_large"}, {who: "anna", reason: strings.Repeat("é", 1000)}}, Pending, 1, 0},
		{"control characters", nil, []ballot{{who: "anna", reason: "ok\x1b[2J", kind: fault.Invalid, text: "invalid_text"}, {who: "anna", reason: "not UTF-8 \xff", kind: fault.Invalid, text: "invalid_text"},
			{who: "anna", reason: "two\r\nlines,\ta tab"}}, Pending, 1, 0},
		{"a third decision", nil, []ballot{{who: "anna", says: "approved", reason: "-", kind: fault.Invalid, text: "decision: unknown, got approved, expected Approved or Rejected; reason: missing"}}, Pending, 0, 0},
		{"a request that is no request", func(r *Request) { r.SubjectSHA256 = "" }, []ballot{{who: "anna", typed: "-", kind: fault.Invalid, text: "subject_sha256"}}, Pending, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request()
			if c.change != nil {
				c.change(&r)
			}
			for i, b := range c.ballots {
				before := encoded(t, r)
				got, err := b.cast(t, r)
				if encoded(t, r) != before {
					t.Fatalf("ballot %d changed the receiver", i)
				}
				if b.text == "" && err != nil {
					t.Fatalf("ballot %d: %v", i, err)
				}
				if b.text != "" && (!fault.Is(err, b.kind) || fault.CodeOf(err) != b.code || !strings.Contains(err.Error(), b.text)) {
					t.Fatalf("ballot %d: %v (%v, %q), want %v, %q and %q", i, err, fault.KindOf(err), fault.CodeOf(err), b.kind, b.code, b.text)
				}
				if err != nil {
					got.Attempts, before = 0, strings.Replace(before, `"attempts":`+string(rune('0'+r.Attempts)), `"attempts":0`, 1)
					if encoded(t, got) != before {
						t.Fatalf("ballot %d did not count, and yet changed more than the attempts:\n%s\n%s", i, encoded(t, got), before)
					}
					got, _ = b.cast(t, r)
				}
				r = got
			}
			if r.Status != c.status || len(r.Votes) != c.votes || r.Attempts != c.tries {
				t.Errorf("ended %s with %d votes and %d wrong tries, want %s, %d, %d", r.Status, len(r.Votes), r.Attempts, c.status, c.votes, c.tries)
			}
			if (r.Status == Pending) != r.DecidedAt.IsZero() {
				t.Errorf("%s, decided at %v", r.Status, r.DecidedAt)
			}
		})
	}
}

func TestVoteIsRecorded(t *testing.T) {
	r := request()
	r.Quorum = 1
	now := day.Add(time.Hour).In(time.FixedZone("", 7200))
	got, err := r.Cast(claims("anna"), "the token", Approve, " because ", "1DA1B2", strings.Repeat("9", 300), "é"+strings.Repeat("é", 300), now)
	if err != nil {
		t.Fatal(err)
	}
	want := []Vote{{Approver: "anna", Decision: Approve, Reason: "because", At: now.UTC(), Token: Digest("the token"), IP: strings.Repeat("9", 256),
		UserAgent: strings.Repeat("é", 128)}}
	if !reflect.DeepEqual(got.Votes, want) || got.DecidedAt != now.UTC() {
		t.Errorf("got %+v, want %+v", got.Votes, want)
	}
	if strings.Contains(encoded(t, got), "the token") {
		t.Error("the token is stored")
	}
	if d := Digest("abc"); d != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" { // FIPS 180-2, appendix B.1
		t.Errorf("digest %s", d)
	}
	got.Approvers[0], got.Votes[0].Approver = "x", "x"
	if r.Approvers[0] != "anna" {
		t.Error("the approvers are shared")
	}
}

// TestSameLinkOfAnother: a link counts once even when its vote stands under another name.
func TestSameLinkOfAnother(t *testing.T) {
	r := request()
	r.Votes = []Vote{{Approver: "ben", Decision: Approve, At: day, Token: Digest("t")}}
	if err := r.Check(claims("anna"), "t", day); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	if err := r.Check(claims("anna"), "u", day); err != nil {
		t.Error(err)
	}
}

func TestExpire(t *testing.T) {
	r := request()
	if got, ok := r.Expire(r.ExpiresAt.Add(-1)); ok || !reflect.DeepEqual(got, r) {
		t.Error("expired too early")
	}
	got, ok := r.Expire(r.ExpiresAt)
	if !ok || got.Status != Expired || got.DecidedAt != r.ExpiresAt || r.Status != Pending {
		t.Errorf("got %+v, %v", got, ok)
	}
	if again, ok := got.Expire(r.ExpiresAt.Add(time.Hour)); ok || !reflect.DeepEqual(again, got) {
		t.Error("expired twice")
	}
	if _, err := (ballot{who: "anna"}).cast(t, got); !fault.Is(err, fault.Conflict) || fault.CodeOf(err) != fault.CodeExpired {
		t.Errorf("a vote on an expired request: %v", err)
	}
}

func TestOutcome(t *testing.T) {
	r := request()
	if want := "request 01JD-heart waits for approval until 2026-03-04 10:00:00 UTC: 0 of 2 so far"; r.Outcome() != want {
		t.Errorf("got %q, want %q", r.Outcome(), want)
	}
	if got := (Request{SubjectSHA256: "123"}).Typed(); got != "" {
		t.Errorf("a subject without a digest is approved by typing %q", got)
	}
}

func TestValidate(t *testing.T) {
	for _, ok := range []func(*Request){
		func(r *Request) {},
		func(r *Request) {
			r.Kind, r.To, r.SubjectSHA256, r.Incident, r.Summary, r.Subject = KindRetrain, 0, plan, "", nil, ""
		},
		func(r *Request) { r.Kind, r.From = KindRollback, 0 },
		func(r *Request) { r.Requester = "Cleo" }, // two others are left
		func(r *Request) { r.To, r.From = 1, 0 },
		func(r *Request) { r.Approvers = crowd(50) },
		func(r *Request) { r.Subject = strings.Repeat("~", 99) },
		func(r *Request) { r.Subject = strings.Repeat(" ", 99) },
		func(r *Request) { r.Summary = json.RawMessage(`"` + strings.Repeat("x", 128<<10-2) + `"`) },
		func(r *Request) { r.ExpiresAt = r.CreatedAt.Add(MaxLife) },
	} {
		r := request()
		ok(&r)
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
	bad := Request{ID: "a/b", Incident: "é", Kind: "scale", From: -1, Approvers: []string{"anna", "ANNA", " ben"}, Subject: "Approve\r\nBcc: x", Summary: json.RawMessage("{")}
	var got []string
	for _, d := range fault.Details(bad.Validate()) {
		got = append(got, d.Field+" "+d.Code)
	}
	want := "id invalid_name, model invalid_name, incident invalid_name, kind unknown, plan_sha256 invalid_digest, subject_sha256 invalid_digest, from out_of_range, " +
		"to out_of_range, requester invalid_text, approvers duplicate, approvers invalid_text, quorum out_of_range, expires_at out_of_range, subject invalid_text, summary invalid_json"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	for name, c := range map[string]struct {
		change func(*Request)
		field  string
	}{
		"nobody is asked":               {func(r *Request) { r.Approvers, r.Quorum = nil, 0 }, "quorum"},
		"quorum of nobody":              {func(r *Request) { r.Quorum = 0 }, "quorum"},
		"quorum above the approvers":    {func(r *Request) { r.Quorum = 4 }, "quorum"},
		"quorum needs the requester":    {func(r *Request) { r.Quorum, r.Requester = 3, "anna" }, "quorum"},
		"only the requester is asked":   {func(r *Request) { r.Approvers, r.Quorum = []string{"agent"}, 1 }, "quorum"},
		"a crowd":                       {func(r *Request) { r.Approvers = crowd(51) }, "approvers"},
		"ends before it begins":         {func(r *Request) { r.ExpiresAt = r.CreatedAt }, "expires_at"},
		"open for ever":                 {func(r *Request) { r.ExpiresAt = r.CreatedAt.Add(MaxLife + 1) }, "expires_at"},
		"no beginning":                  {func(r *Request) { r.CreatedAt, r.ExpiresAt = time.Time{}, time.Time{}.Add(1) }, "expires_at"},
		"promotion of no version":       {func(r *Request) { r.To = 0 }, "to"},
		"retraining of a negative one":  {func(r *Request) { r.Kind, r.To = KindRetrain, -1 }, "to"},
		"subject beyond the mail's":     {func(r *Request) { r.Subject = strings.Repeat("x", 100) }, "subject"},
		"subject that is not ASCII":     {func(r *Request) { r.Subject = "Größe" }, "subject"},
		"a summary as large as a model": {func(r *Request) { r.Summary = json.RawMessage(`"` + strings.Repeat("x", 128<<10) + `"`) }, "summary"},
	} {
		r := request()
		c.change(&r)
		err := r.Validate()
		if d := fault.Details(err); !fault.Is(err, fault.Invalid) || len(d) != 1 || d[0].Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// crowd is n people.
func crowd(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("person ", i)
	}
	return all
}

func TestRequestReadsBack(t *testing.T) {
	r, _ := ballot{who: "anna"}.cast(t, request())
	var back Request
	if err := json.Unmarshal([]byte(encoded(t, r)), &back); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%v\n%+v\n%+v", err, back, r)
	}
}

func encoded(t testing.TB, r Request) string {
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
