package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mlops/functions/internal/runtimeapi"
	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
	"mlops/shared/topology"
)

// TestWrongEnvironment: a function that is told too little, or nonsense, says everything that is wrong, at once, and ends.
func TestWrongEnvironment(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds the functions; make test runs it")
	}
	common := []string{"DATA_BUCKET", "MODEL_BUCKET", "CONTROL_TABLE", "AUDIT_TABLE", "IDEMPOTENCY_TABLE"}
	required := map[topology.Function][]string{topology.Approve: {"APPROVAL_KEY"},
		topology.Agent: {"APPROVALS_TOPIC_ARN", "ALERTS_TOPIC_ARN", "APPROVAL_KEY", "PUBLIC_URL", "PREDICT_URL", "PROBE_KEY_PARAMETER", "OWNER"}}
	optional := map[topology.Function][]string{topology.Predict: {"MODEL_TTL", "ACCEPT_UNSEEN", "DEFAULT_MODEL", "PROBE_KEY_ID"}, topology.Train: {"THREADS", "FOLDS"},
		topology.DriftCheck: {"WINDOW"}, topology.Agent: {"MODEL_TTL", "APPROVERS"}}
	for _, spec := range topology.Functions {
		must := slices.Concat(common, required[spec.Name])
		nonsense := map[string]string{"AWS_REGION": "eu-west-1", "STAGE": "no stage!", "EVENT_BUS": "no bus!"}
		for _, name := range slices.Concat(must, optional[spec.Name]) {
			nonsense[name] = "no! (" + strings.ToLower(name) + ")"
		}
		for how, c := range map[string]struct {
			env   map[string]string
			names []string
			code  string
		}{
			"missing": {map[string]string{"AWS_REGION": "eu-west-1"}, must, "missing"},
			"wrong":   {nonsense, slices.Concat(must, optional[spec.Name], []string{"STAGE", "EVENT_BUS"}), "wrong_value"},
		} {
			var out output
			_, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: built(t, spec.Name), Name: string(spec.Name), Env: c.env, Output: &out})
			f, ok := runtimeapi.IsFailure(err)
			if !ok || !f.Init || f.Type != "Invalid" {
				t.Errorf("%s, %s: got %v", spec.Name, how, err)
				continue
			}
			for _, name := range c.names {
				if want := name + ": " + c.code; !strings.Contains(f.Message, want) || !strings.Contains(out.String(), want) {
					t.Errorf("%s does not say %q: %s", spec.Name, want, f.Message)
				}
			}
		}
	}
}

// trouble is a cloud on which a model serves, and everything goes wrong once.
type trouble struct {
	*cloudWorld
	*story
	t *testing.T
}

// TestBadInput: whatever comes or fails, there is a clear error, nothing is lost, and it works when the cause is gone.
func TestBadInput(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds and runs every function; make test runs it")
	}
	w := newCloud(t)
	x := &trouble{cloudWorld: w, story: &story{T: t, world: w}, t: t}
	x.configure("policy", "name: test\ndry_run: false\napproval: {approvers: ["+alice+"], quorum: 1, hours: 72}\n")
	x.configure("gate", "min_rows: 150\nmin_rarer_class: 20\n")
	x.forbidden()
	x.birth()
	for _, chapter := range []struct {
		name string
		play func()
	}{{"wrong shapes", x.wrongShapes}, {"a throttled table", x.throttled}, {"models out of reach", x.unreachable}, {"another model's bytes", x.damaged}, {"clocks", x.clocks}, {"links from another hour", x.links},
		{"windows of another hour", x.windows}, {"nobody listens", x.unheard}} {
		if !t.Run(chapter.name, func(t *testing.T) {
			x.t = t
			chapter.play()
		}) {
			t.FailNow()
		}
	}
}

// fails hands an event to a function that must refuse it, with words.
func (x *trouble) fails(to topology.Function, payload []byte, kind string, words ...string) {
	x.t.Helper()
	_, err := x.sandbox(to).Invoke(background, payload)
	f, ok := runtimeapi.IsFailure(err)
	if !ok || f.Init || f.Type != kind {
		x.t.Fatalf("%s: got %v; want %s", to, err, kind)
	}
	for _, word := range words {
		if !strings.Contains(f.Message, word) {
			x.t.Errorf("%s does not say %q: %s", to, word, f.Message)
		}
	}
}

// logged ends a function's process, so that all it wrote is there, and gives that; the next call begins another process.
func (x *trouble) logged(name topology.Function) string {
	x.t.Helper()
	if s := x.running[name]; s != nil {
		_ = s.Close() // how it ends is looked at elsewhere
		delete(x.running, name)
	}
	return x.logs[name].String()
}

// own is an event of the platform, created the news of an object, as they are brought to a function.
func (x *trouble) own(t event.Type, detail []byte) []byte {
	return x.envelope(awstest.Entry{Source: event.Source, DetailType: string(t), Detail: string(detail)})
}

func (x *trouble) created(detail []byte) []byte {
	return x.envelope(awstest.Entry{Source: "aws.s3", DetailType: "Object Created", Detail: string(detail)})
}

// counts is how many items each table has.
func (x *trouble) counts() [3]int {
	var n [3]int
	for i, table := range []string{x.cloud.Tables.Control, x.cloud.Tables.Audit, x.cloud.Tables.Idempotency} {
		n[i] = x.cloud.Count(x.t, table, "")
	}
	return n
}

// shapes are payloads that no function can read, and words that tell what they were.
var shapes = map[string]string{
	`"hello"`: "cannot be read", `{}`: "unknown shape", `{"zebra":1}`: `"zebra"`, `{"version":"2.0","rawPath":"/","requestContext":{}}`: "format 2.0",
	`{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`:                                                                   "aws:sqs",
	`{"detail-type":"EC2 Instance State-change","source":"aws.ec2","detail":{}}`:                                            "aws.ec2",
	`{"detail-type":"ModelTrained","source":"mlops","detail":{"id":"1","type":"AliasMoved","time":"2026-01-01T00:00:00Z"}}`: "no event of ours",
	`{"schedule":"daily","time":"2026-01-01T00:00:00Z"}`:                                                                    "daily",
}

// wrongShapes: every function refuses what it cannot read, says what it was, and goes on.
func (x *trouble) wrongShapes() {
	before := x.counts()
	for _, spec := range topology.Functions {
		for payload, words := range shapes {
			x.fails(spec.Name, []byte(payload), "Invalid", words)
		}
		own := events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/no/such/route"}
		if a := x.ask(spec.Name, own); a.StatusCode != http.StatusNotFound || !strings.Contains(a.Body, "/no/such/route") {
			x.t.Errorf("%s answers a strange route %d: %s", spec.Name, a.StatusCode, a.Body)
		}
		if log := x.logged(spec.Name); strings.Count(log, `"Errors":1`) < len(shapes) || strings.Count(log, "the invocation failed") < len(shapes) { // the alarm on errors counts them
			x.t.Errorf("%s does not tell of %d errors: %s", spec.Name, len(shapes), log)
		}
	}
	// A known event with a strange inside.
	strange := x.own(event.ModelTrained, []byte(`{"id":"01JD7Z0000EEEEEEEEEEEEEEEE","type":"ModelTrained","time":"2026-01-01T00:00:00Z","model":"heart","detail":["x"]}`))
	x.fails(topology.Agent, strange, "Invalid", "ModelTrained")
	elsewhere := x.created([]byte(`{"bucket":{"name":"somebody-elses"},"object":{"key":"raw/heart/x.csv"}}`))
	x.fails(topology.Validate, elsewhere, "Invalid", "somebody-elses", "raw/heart/x.csv")
	if after := x.counts(); after != before {
		x.t.Errorf("the tables had %v items, and have %v", before, after)
	}
}

// forbidden: a role without permission on the data bucket. The notification fails and names what to grant; Lambda delivers it again, and with
// the permission the file is taken in as if nothing had been.
func (x *trouble) forbidden() {
	key := "raw/other/south.csv"
	table, _, _ := site(x.t, "south")
	x.cloud.Put(x.t, x.cloud.DataBucket, key, table, map[string]string{"target": "target", "ignore": "site"})
	notice := x.created(fmt.Appendf(nil, `{"bucket":{"name":%q},"object":{"key":%q,"etag":"e1","sequencer":"1"}}`, x.cloud.DataBucket, key))
	before := x.counts()
	for method, action := range map[string]string{"HEAD": "s3:GetObject", "GET": "s3:GetObject", "PUT": "s3:PutObject"} {
		x.cloud.Spoil(only(method, awstest.Forbid))
		x.fails(topology.Validate, notice, "Internal", x.cloud.DataBucket, "may not", action)
		x.cloud.Spoil(nil)
		if after := x.counts(); after != before {
			x.t.Fatalf("%s forbidden: the tables had %v items, and have %v", method, before, after)
		}
	}
	if _, err := x.sandbox(topology.Validate).Invoke(background, notice); err != nil {
		x.t.Fatalf("with the permission: %v", err)
	}
	if n := x.cloud.Count(x.t, x.cloud.Tables.Control, "job"); n != 1 {
		x.t.Errorf("%d jobs; want the one of the file", n)
	}
	for _, e := range x.cloud.Published() { // where it went is told elsewhere: here only that it went
		if event.Type(e.DetailType) != event.DatasetUploaded {
			x.t.Errorf("published %s", e.DetailType)
		}
	}
}

func only(call string, o awstest.Outcome) func(int, string) awstest.Outcome {
	return func(_ int, got string) awstest.Outcome {
		if strings.HasSuffix(got, call) {
			return o
		}
		return awstest.Pass
	}
}

// throttled: writes to the tables are throttled. A request is told to come again and leaves nothing half done; a short spell passes unseen.
func (x *trouble) throttled() {
	table, _, _ := site(x.t, "south")
	upload := events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/datasets/third", Body: string(table), Headers: map[string]string{"Content-Type": "text/csv"},
		MultiValueQueryStringParameters: url.Values{"target": {"target"}}}
	upload.RequestContext.Identity.UserArn = "arn:aws:sts::123456789012:assumed-role/operator/alice"
	before := x.counts()
	x.cloud.Spoil(only("TransactWriteItems", awstest.Throttle))
	a := x.ask(topology.Validate, upload)
	calls := x.cloud.Calls()
	x.cloud.Spoil(nil)
	if retry := a.MultiValueHeaders["Retry-After"]; a.StatusCode != http.StatusTooManyRequests || len(retry) != 1 || strings.Contains(a.Body, x.cloud.Tables.Control) {
		x.t.Errorf("a throttled upload is told %d %v %s", a.StatusCode, retry, a.Body)
	}
	if log := x.logged(topology.Validate); !strings.Contains(log, "throttled") || !strings.Contains(log, x.cloud.Tables.Control) {
		x.t.Error("the log does not say which table was throttled")
	}
	if calls < 4 || calls > 15 { // some patience, and no storm
		x.t.Errorf("%d calls of a request that is throttled", calls)
	}
	if after := x.counts(); after != before {
		x.t.Errorf("half done: the tables had %v items, and have %v", before, after)
	}
	x.cloud.Spoil(func(n int, call string) awstest.Outcome { // every second write
		if n%2 == 0 && strings.HasSuffix(call, "TransactWriteItems") {
			return awstest.Throttle
		}
		return awstest.Pass
	})
	a = x.ask(topology.Validate, upload)
	x.cloud.Spoil(nil)
	if after := x.counts(); a.StatusCode != http.StatusAccepted || after[0] != before[0]+1 {
		x.t.Errorf("a short spell: %d %s; the tables had %v items, and have %v", a.StatusCode, a.Body, before, after)
	}
	x.cloud.Published()
}

// commit changes the state behind the functions' back.
func (x *trouble) commit(c control.Change) {
	x.t.Helper()
	if err := x.store.Commit(background, c); err != nil {
		x.t.Fatal(err)
	}
}

// restart ends a function's process and begins another one, with changes to its environment.
func (x *trouble) restart(name topology.Function, env map[string]string) {
	x.t.Helper()
	x.logged(name)
	all := x.environ(name)
	maps.Copy(all, env)
	x.logs[name] = &output{}
	s, err := runtimeapi.Start(background, runtimeapi.Options{Bootstrap: built(x.t, name), Name: string(name), Env: all, Timeout: topology.Of(name).Timeout, Output: x.logs[name]})
	if err != nil {
		x.t.Fatalf("start %s: %v\n%s", name, err, x.logs[name])
	}
	x.running[name] = s
}

// question puts a question that was made at a time, and gives the link and the form of alice's answer.
func (x *trouble) question(made time.Time, life time.Duration) (approval.Request, string, url.Values) {
	x.t.Helper()
	r := approval.Request{ID: store.NewIDs(time.Now, nil).Next(), Model: "heart", Kind: approval.KindRetrain, PlanSHA256: strings.Repeat("ab", 32), SubjectSHA256: strings.Repeat("cd", 32), From: 1,
		Approvers: []string{alice}, Quorum: 1, Requester: "agent", CreatedAt: made, ExpiresAt: made.Add(life), Status: approval.Pending, Summary: json.RawMessage(`{"model":"heart","action":"retrain"}`), Subject: "[mlops] Approve?"}
	if err := r.Validate(); err != nil {
		x.t.Fatal(err)
	}
	doc, err := control.Put(control.Approval(r.ID), 0, r)
	if err != nil {
		x.t.Fatal(err)
	}
	x.commit(control.Change{Put: []control.Doc{doc}})
	token, err := approval.Mint(approval.Claims{Request: r.ID, Approver: alice, Model: r.Model, From: r.From, To: r.To, SubjectSHA256: r.SubjectSHA256, PlanSHA256: r.PlanSHA256, IssuedAt: r.CreatedAt,
		ExpiresAt: r.ExpiresAt, Nonce: strings.Repeat("0f", 16)}, "k1", x.cloud.Account(x.t).Key(x.cloud.MacKey, "k1").Mint)
	if err != nil {
		x.t.Fatal(err)
	}
	return r, token, url.Values{"token": {token}, "decision": {"Approved"}, "reason": {"fine"}, "typed": {r.Typed()}}
}

// unheard: nobody has confirmed a subscription to the approvals topic. The event fails, is tried again and in the end is given up; the question
// waits, and the first sweep after somebody subscribed puts it.
func (x *trouble) unheard() {
	x.cloud.Unsubscribe(x.t, x.cloud.Approvals)
	r, _, _ := x.question(time.Now().UTC(), 72*time.Hour)
	inside, err := event.New(store.NewIDs(time.Now, nil).Next(), event.ApprovalRequested, time.Now().UTC(), "heart", event.Asked{Approval: r.ID})
	if err != nil {
		x.t.Fatal(err)
	}
	detail, err := json.Marshal(inside)
	if err != nil {
		x.t.Fatal(err)
	}
	sent := func() int { return count(x.entries(), audit.ApprovalSent) }
	before := sent()
	for range 3 { // as often as Lambda tries
		x.fails(topology.Agent, x.own(event.ApprovalRequested, detail), "Unavailable", "nobody has confirmed a subscription", x.cloud.Approvals, alice)
	}
	sweep := func() error {
		_, err := x.sandbox(topology.Agent).Invoke(background, fmt.Appendf(nil, `{"schedule":"sweep","time":%q}`, time.Now().UTC().Format(time.RFC3339)))
		return err
	}
	if err := sweep(); err == nil || !strings.Contains(err.Error(), "nobody has confirmed") {
		x.t.Errorf("a sweep while nobody listens: %v", err)
	}
	if mails := x.letters(); len(mails) != 0 || sent() != before {
		x.t.Errorf("%+v went out; %d questions count as sent", mails, sent()-before)
	}
	var waits approval.Request
	if _, err := x.store.Get(background, control.Approval(r.ID), &waits); err != nil || waits.Status != approval.Pending {
		x.t.Errorf("the question is %s, error %v", waits.Status, err)
	}
	x.cloud.Subscribe(x.t, x.cloud.Approvals, alice)
	pending := 0
	docs, err := x.store.List(background, control.Approval("").Partition, "", "", 100)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, d := range docs {
		var other approval.Request
		if json.Unmarshal(d.Body, &other) == nil && other.Status == approval.Pending && other.ExpiresAt.After(time.Now()) {
			pending++
		}
	}
	for range 2 {
		if err := sweep(); err != nil {
			x.t.Errorf("a sweep: %v", err)
		}
	}
	mails := x.letters()
	mine := slices.ContainsFunc(mails, func(m letter) bool { return m.to == alice && strings.Contains(m.body, "/approvals/"+r.ID+"?t=") })
	if len(mails) != pending || !mine || sent() != before+pending {
		x.t.Errorf("%d questions waited; %d mails, %d counted as sent; this one's: %v", pending, len(mails), sent()-before, mine)
	}
}
