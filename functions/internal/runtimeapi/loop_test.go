package runtimeapi_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/aws"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// loop is a deployment whose events travel: what one function published, the others are woken by, late, out of order, and some of it twice.
type loop struct {
	*deployment
	rng     *rand.Rand
	waiting []delivery
	store   *store.Store
	data    *aws.Blobs
	types   map[event.Type]int
}

type delivery struct {
	to      topology.Function
	payload []byte
	what    string
	tries   int
}

const (
	twice    = 0.3 // the share of deliveries that come a second time
	maxTries = 6
)

// carry takes what was published since and brings it to whom the deployed rules name, until there is nothing more.
func (l *loop) carry() {
	l.Helper()
	for {
		for _, e := range l.cloud.Published() {
			l.types[event.Type(e.DetailType)]++
			for _, f := range l.wakes(e) {
				l.send(delivery{to: f, payload: l.envelope(e), what: e.DetailType})
			}
		}
		if len(l.waiting) == 0 {
			return
		}
		i := l.rng.IntN(len(l.waiting))
		d := l.waiting[i]
		l.waiting = slices.Delete(l.waiting, i, i+1)
		if _, err := l.sandbox(d.to).Invoke(background, d.payload); err != nil {
			if d.tries++; d.tries == maxTries {
				l.Fatalf("%s is not handled by %s: %v\n%s", d.what, d.to, err, l.logs[d.to])
			}
			l.waiting = append(l.waiting, d)
		}
	}
}

func (l *loop) send(d delivery) {
	l.waiting = append(l.waiting, d)
	if l.rng.Float64() < twice {
		l.waiting = append(l.waiting, d)
	}
}

// scheduled is what a schedule sends at a time from now.
func (l *loop) scheduled(to topology.Function, name string, in time.Duration) delivery {
	e := l.tick(name, time.Now().Add(in))
	if !slices.Contains(l.wakes(e), to) {
		l.Fatalf("the schedule %s does not wake %s", name, to)
	}
	return delivery{to: to, what: "the schedule " + name, payload: l.envelope(e)}
}

// call is a client's request to the predict API.
func (l *loop) call(method, path string, body any) (int, map[string]any) {
	l.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		l.Fatal(err)
	}
	r, err := http.NewRequest(method, l.api.URL+"/test"+path, bytes.NewReader(b))
	if err != nil {
		l.Fatal(err)
	}
	r.Header.Set("X-Api-Key", "client")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		l.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(said, &out); err != nil {
		l.Fatalf("%s %s: %d %s", method, path, res.StatusCode, said)
	}
	return res.StatusCode, out
}

// operate is an operator's request, as IAM lets it through.
func (l *loop) operate(f topology.Function, method, path string, form url.Values) (int, string) {
	l.Helper()
	in := events.APIGatewayProxyRequest{HTTPMethod: method, Path: path}
	if at, query, ok := strings.Cut(path, "?"); ok {
		q, err := url.ParseQuery(query)
		if err != nil {
			l.Fatal(err)
		}
		in.Path, in.MultiValueQueryStringParameters = at, q
	}
	if form != nil {
		in.Body, in.Headers = form.Encode(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	}
	if topology.Of(f).Name != topology.Approve {
		in.RequestContext.Identity.UserArn = "arn:aws:sts::123456789012:assumed-role/operator/alice"
	}
	a := l.ask(f, in)
	return a.StatusCode, a.Body
}

func (l *loop) state() registry.State {
	l.Helper()
	var s registry.State
	if _, err := l.store.Get(background, control.State("heart"), &s); err != nil {
		l.Fatal(err)
	}
	return s
}

func (l *loop) keys(prefix string) []string {
	l.Helper()
	objects, err := l.data.List(background, prefix, "", 0)
	if err != nil {
		l.Fatal(err)
	}
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

func (l *loop) entries() []audit.Entry {
	l.Helper()
	entries, err := l.store.Entries(background, "heart", 0, 0)
	if err != nil {
		l.Fatal(err)
	}
	return entries
}

// must fails the story at the first chapter that did not come out, with what the functions had to say about it.
func (l *loop) must(ok bool, format string, args ...any) {
	l.Helper()
	if ok {
		return
	}
	for _, e := range l.entries() {
		l.Logf("ledger #%d %s %d->%d: %s", e.Seq, e.Kind, e.From, e.To, e.Reason)
	}
	for name, log := range l.logs {
		for line := range strings.Lines(log.String()) {
			if !strings.Contains(line, `"_aws"`) {
				l.Logf("%s: %s", name, line)
			}
		}
	}
	l.Fatalf(format, args...)
}

func count(entries []audit.Entry, kind audit.Kind) int {
	n := 0
	for _, e := range entries {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// site is the rows of one site of the shipped dataset, as CSV and as requests with their labels.
func site(t *testing.T, name string) (table []byte, rows []map[string]any, labels []string) {
	t.Helper()
	f, err := os.Open("../../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(all[0]) // into memory
	for _, record := range all[1:] {
		if record[0] != name {
			continue
		}
		_ = w.Write(record)
		row := map[string]any{}
		for i, column := range all[0][:len(all[0])-1] {
			if record[i] == "" || record[i] == "?" {
				row[column] = nil
			} else if row[column] = any(json.Number(record[i])); i == 0 {
				row[column] = record[i]
			}
		}
		rows, labels = append(rows, row), append(labels, record[len(record)-1])
	}
	w.Flush()
	return out.Bytes(), rows, labels
}

var link = regexp.MustCompile(`https://[a-z0-9]+\.execute-api\.[a-z0-9.-]+/live(/approvals/\S+)`)

// TestLoop is a model's life on the emulated cloud, with the executables that are deployed: a file laid into the bucket is validated, trained
// on, gated and served; traffic of other patients comes with its labels; drift is measured, diagnosed, and a person asked by mail; the person
// approves, the model is retrained on what came, gated, promoted, and verified through the serving path.
func TestLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it builds and runs every function; make test runs it")
	}
	d := deploy(t)
	l := &loop{deployment: d, rng: rand.New(rand.NewPCG(5, 5)), types: map[event.Type]int{}}
	account := d.cloud.Account(t)
	l.store, l.data = store.New(account.Table(d.cloud.Tables, time.Now), time.Now), account.Blobs(d.cloud.DataBucket)
	d.cloud.Put(t, d.cloud.DataBucket, "config/policy.yaml", []byte("name: test\ndry_run: false\nevidence: {min_labels: 100, bad_windows: 2, of_windows: 3}\n"), nil)
	d.cloud.Put(t, d.cloud.DataBucket, "config/gate.yaml", []byte("min_rows: 150\nmin_rarer_class: 20\n"), nil)

	// Birth: a file is laid into the bucket, and S3 says so twice.
	table, _, _ := site(t, "north")
	d.cloud.Put(t, d.cloud.DataBucket, "raw/heart/north.csv", table, map[string]string{"target": "target", "segment": "site"})
	notice, err := os.ReadFile("../../../events/validate-object-created.json")
	if err != nil {
		t.Fatal(err)
	}
	notice = []byte(strings.NewReplacer(`"mlops-data"`, fmt.Sprintf("%q", d.cloud.DataBucket), "raw/heart/heart.csv", "raw/heart/north.csv").Replace(string(notice)))
	d.cloud.Spoil(func(_ int, call string) awstest.Outcome { // nothing can be published while the file is taken in
		if call == "AWSEvents.PutEvents" {
			return awstest.Forbid
		}
		return awstest.Pass
	})
	for range 2 {
		l.waiting = append(l.waiting, delivery{to: topology.Validate, payload: notice, what: "the file"})
	}
	l.carry()
	d.cloud.Spoil(nil)
	if n := d.cloud.Count(t, d.cloud.Tables.Control, store.Outbox); n != 1 || len(l.types) != 0 {
		t.Fatalf("%d events wait, %v were published; want one that waits", n, l.types)
	}
	l.send(l.scheduled(topology.Agent, "sweep", 0)) // the agent's next sweep lets it out
	l.carry()
	s := l.state()
	champion, _, serves := s.At(registry.Champion)
	l.must(serves && champion.Number == 1 && len(s.Versions) == 1, "no version 1 serves: %+v", s.Aliases)
	l.must(count(l.entries(), audit.PromotionVerified) == 1, "the promotion is not verified through the serving path")
	for prefix, n := range map[string]int{"raw/heart/": 2, "processed/heart/": 4, "reference/heart/1/": 2, "reports/": 2} {
		l.must(len(l.keys(prefix)) >= n, "%s holds %v; want %d objects", prefix, l.keys(prefix), n)
	}
	artefacts, err := account.Blobs(d.cloud.ModelBucket).List(background, "models/heart/sha256/"+champion.SHA256+"/", "", 0)
	l.must(err == nil && len(artefacts) == 3, "the model's folder holds %v, error %v", artefacts, err)

	// Traffic of other patients, with what became of them.
	_, rows, labels := site(t, "south")
	status, answer := l.call("POST", "/predict/batch", map[string]any{"samples": rows})
	predictions, _ := answer["predictions"].([]any)
	l.must(status == 200 && len(predictions) == len(rows), "the batch answered %d: %.500v", status, answer)
	var feedback []map[string]any
	for i, p := range predictions {
		label := labels[i]
		if rows[i]["exang"] == json.Number("1") { // the other hospital calls something else a disease
			label = map[string]string{"0": "1", "1": "0"}[label]
		}
		feedback = append(feedback, map[string]any{"inference_id": p.(map[string]any)["inference_id"], "label": json.Number(label)})
	}
	for range 2 {
		status, answer = l.call("POST", "/feedback", map[string]any{"feedback": feedback})
	}
	l.must(status == 200, "the labels answered %d: %.500v", status, answer)
	l.must(len(l.keys("capture/heart/champion/")) == 1, "captured: %v", l.keys("capture/"))
	l.must(strings.Contains(d.logs[topology.Predict].String(), fmt.Sprintf(`"PredictionCount":%d`, len(rows))), "predict's metrics do not count %d predictions", len(rows))

	// The schedule measures, twice, and a person is asked.
	for i := range 2 {
		l.send(l.scheduled(topology.DriftCheck, "drift", time.Duration(i+1)*time.Second))
		l.carry()
		time.Sleep(2 * time.Second) // the windows end at different times
	}
	l.must(l.types[event.DriftMeasured] >= 2 && len(l.keys("reports/drift/")) >= 2, "drift was measured %d times", l.types[event.DriftMeasured])
	mails := d.cloud.Mails()
	told := 0
	var asked string
	for _, m := range mails {
		if m.Topic == d.cloud.Approvals && m.Attributes["approver"] == "alice@example.com" {
			l.must(asked == "", "alice was asked twice: %s", m.Subject)
			if found := link.FindStringSubmatch(m.Message); found != nil {
				asked = html.UnescapeString(found[1])
			}
		}
		if m.Topic == d.cloud.Alerts && m.Attributes["owner"] == "owner@example.com" {
			told++
		}
	}
	l.must(asked != "" && told == l.types[event.OwnerAlerted], "alice was asked %q, the owner told %d times: %+v", asked, told, mails)

	// A scanner opens the link; alice decides.
	before := len(l.entries())
	for range 3 {
		status, page := l.operate(topology.Approve, "GET", asked, nil)
		l.must(status == 200 && strings.Contains(page, "heart"), "the page answers %d: %.300s", status, page)
	}
	l.must(len(l.entries()) == before, "opening the link wrote to the ledger")
	at, err := url.Parse(asked)
	if err != nil {
		t.Fatal(err)
	}
	var request approval.Request
	if _, err := l.store.Get(background, control.Approval(strings.TrimPrefix(at.Path, "/approvals/")), &request); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"token": {at.Query().Get("t")}, "decision": {"Approved"}, "reason": {"a new hospital joined"}, "typed": {request.Typed()}}
	forged := url.Values{"token": {at.Query().Get("t")[:40] + "A" + at.Query().Get("t")[41:]}, "decision": {"Approved"}, "reason": {"x"}, "typed": {request.Typed()}}
	if status, page := l.operate(topology.Approve, "POST", at.Path, forged); status != 403 {
		t.Errorf("a forged token: %d %.200s", status, page)
	}
	status, page := l.operate(topology.Approve, "POST", at.Path, form)
	l.must(status == 200, "the vote answers %d: %.500s", status, page)
	l.carry()

	// The model was retrained on what came, and judged; whatever serves now is verified and explained.
	s = l.state()
	champion, _, _ = s.At(registry.Champion)
	l.must(len(s.Versions) == 2 && champion.Number == 2, "after the retraining version %d serves of %+v", champion.Number, s.Versions)
	entries := l.entries()
	for _, kind := range []audit.Kind{audit.GatePassed, audit.AliasPromoted, audit.PromotionVerified} {
		l.must(count(entries, kind) == 2, "the ledger has %s %d times", kind, count(entries, kind))
	}
	if _, err := l.store.Verify(background, "heart"); err != nil {
		t.Error(err)
	}
	status, answer = l.call("POST", "/predict", rows[0])
	l.must(status == 200 && answer["model_version"] == fmt.Sprint(champion.Number), "predict answers %d %v; want version %d", status, answer, champion.Number)

	// Reports, history, and a quiet end.
	l.send(l.scheduled(topology.Report, "weekly", 0))
	l.send(l.scheduled(topology.Agent, "sweep", 0))
	l.carry()
	l.must(len(l.keys("reports/weekly/")) == 2, "the weekly report is %v", l.keys("reports/weekly/"))
	status, page = l.operate(topology.Dashboard, "GET", "/models/heart/history", nil)
	l.must(status == 200 && strings.Contains(page, champion.SHA256[:12]), "the history answers %d: %.500s", status, page)
	if n := d.cloud.Count(t, d.cloud.Tables.Control, store.Outbox); n != 0 {
		t.Errorf("%d events are left in the outbox", n)
	}
	if n := d.cloud.Count(t, d.cloud.Tables.Audit, "audit#heart"); n != len(l.entries()) {
		t.Errorf("the audit table holds %d entries of %d", n, len(l.entries()))
	}
	for f, log := range d.logs {
		if strings.Contains(log.String(), `"Panic"`) || strings.Contains(log.String(), "panicked") {
			t.Errorf("%s panicked: %s", f, log)
		}
	}
	t.Logf("version %d serves after %d ledger entries; events: %v", champion.Number, len(l.entries()), l.types)
}
