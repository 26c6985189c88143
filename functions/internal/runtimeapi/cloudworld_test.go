package runtimeapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mlops/shared/event"
	"mlops/shared/platform/aws"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
	"mlops/shared/topology"
)

// cloudWorld is a deployment whose events travel: what one function published, the others are woken by, late, out of order, and some of it
// twice.
type cloudWorld struct {
	*deployment
	rng          *rand.Rand
	waiting      []delivery
	store        *store.Store
	data, models *aws.Blobs
	types        map[event.Type]int
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

func newCloud(t *testing.T) *cloudWorld {
	t.Helper()
	d := deploy(t)
	w := &cloudWorld{deployment: d, rng: rand.New(rand.NewPCG(5, 5)), types: map[event.Type]int{}}
	account := d.cloud.Account(t)
	w.store, w.data, w.models = store.New(account.Table(d.cloud.Tables, time.Now), time.Now), account.Blobs(d.cloud.DataBucket), account.Blobs(d.cloud.ModelBucket)
	return w
}

// carry takes what was published since and brings it to whom the deployed rules name, until there is nothing more.
func (w *cloudWorld) carry() {
	w.Helper()
	for {
		for _, e := range w.cloud.Published() {
			w.types[event.Type(e.DetailType)]++
			w.publish(e)
		}
		if len(w.waiting) == 0 {
			return
		}
		i := w.rng.IntN(len(w.waiting))
		d := w.waiting[i]
		w.waiting = slices.Delete(w.waiting, i, i+1)
		if _, err := w.sandbox(d.to).Invoke(background, d.payload); err != nil {
			if d.tries++; d.tries == maxTries {
				w.Fatalf("%s is not handled by %s: %v\n%s", d.what, d.to, err, w.logs[d.to])
			}
			w.waiting = append(w.waiting, d)
		}
	}
}

func (w *cloudWorld) send(d delivery) {
	w.waiting = append(w.waiting, d)
	if w.rng.Float64() < twice {
		w.waiting = append(w.waiting, d)
	}
}

// tick lets a schedule of the template publish.
func (w *cloudWorld) tick(name string, in time.Duration) {
	w.Helper()
	w.publish(w.deployment.tick(name, scheduledTime(in)))
}

// publish brings an event to whom the deployed rules name, some of it twice.
func (w *cloudWorld) publish(e awstest.Entry) {
	w.Helper()
	for _, f := range w.wakes(e) {
		w.send(delivery{to: f, payload: w.envelope(e), what: e.DetailType})
	}
}

func (w *cloudWorld) configure(name, yaml string) {
	w.cloud.Put(w.T, w.cloud.DataBucket, "config/"+name+".yaml", []byte(yaml), nil)
}

// put lays the file into the bucket by hand, with metadata for options, and S3 says so twice. Nothing can be published while the file is
// taken in: the event waits in the outbox, and the agent's next sweep lets it out.
func (w *cloudWorld) put(file string, table []byte, options url.Values) {
	w.Helper()
	metadata := map[string]string{}
	for k := range options {
		metadata[k] = options.Get(k)
	}
	key := "raw/heart/" + file
	w.cloud.Put(w.T, w.cloud.DataBucket, key, table, metadata)
	w.cloud.Spoil(func(_ int, call string) awstest.Outcome {
		if call == "AWSEvents.PutEvents" {
			return awstest.Forbid
		}
		return awstest.Pass
	})
	laid := w.keys("") // by hand, now and before
	w.created(key)
	w.carry()
	w.cloud.Spoil(nil)
	if n := w.cloud.Count(w.T, w.cloud.Tables.Control, store.Outbox); n != 1 || len(w.types) != 0 {
		w.Fatalf("%d events wait, %v were published; want one that waits", n, w.types)
	}
	w.tick("sweep", 0)
	w.carry()
	for _, made := range w.keys("") { // S3 also tells of what the functions put: nothing of that is a file to be taken in
		if !slices.Contains(laid, made) {
			w.created(made)
		}
	}
	w.carry()
}

// created is S3 telling of an object, twice, whom the template's rules name.
func (w *cloudWorld) created(key string) {
	w.Helper()
	notice, err := os.ReadFile("../../../events/validate-object-created.json")
	if err != nil {
		w.Fatal(err)
	}
	notice = []byte(strings.NewReplacer(`"mlops-data"`, fmt.Sprintf("%q", w.cloud.DataBucket), "raw/heart/heart.csv", key).Replace(string(notice)))
	var told struct {
		Type   string `json:"detail-type"`
		Source string
		Detail json.RawMessage
	}
	if err := json.Unmarshal(notice, &told); err != nil {
		w.Fatal(err)
	}
	for _, f := range w.targets(told.Type, told.Source, told.Detail) {
		d := delivery{to: f, payload: notice, what: "the object " + key}
		w.waiting = append(w.waiting, d, d)
	}
}

func (w *cloudWorld) call(method, path string, body any) (int, map[string]any) {
	w.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	r, err := http.NewRequest(method, w.api.URL+"/live"+path, bytes.NewReader(b))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("X-Api-Key", clientKey)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(said, &out); err != nil {
		w.Fatalf("%s %s: %d %s", method, path, res.StatusCode, said)
	}
	return res.StatusCode, out
}

// operate is an operator's request, as IAM lets it through, or a person's with a link.
func (w *cloudWorld) operate(method, path string, form url.Values) (int, string) {
	w.Helper()
	in := events.APIGatewayProxyRequest{HTTPMethod: method, Path: path}
	if at, query, ok := strings.Cut(path, "?"); ok {
		q, err := url.ParseQuery(query)
		if err != nil {
			w.Fatal(err)
		}
		in.Path, in.MultiValueQueryStringParameters = at, q
	}
	if form != nil {
		in.Body, in.Headers = form.Encode(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	}
	f := topology.Dashboard
	if in.RequestContext.Identity.SourceIP = client; strings.HasPrefix(path, "/approvals/") {
		f = topology.Approve
	} else {
		in.RequestContext.Identity.UserArn = "arn:aws:sts::123456789012:assumed-role/operator/alice"
	}
	a := w.ask(f, in)
	return a.StatusCode, a.Body
}

func (w *cloudWorld) letters() []letter {
	var out []letter
	for _, m := range w.cloud.Mails() {
		to := m.Attributes["approver"]
		if m.Topic == w.cloud.Alerts {
			to = m.Attributes["owner"]
		}
		out = append(out, letter{to, m.Subject, m.Message})
	}
	return out
}

func (w *cloudWorld) controls() *store.Store { return w.store }

func (w *cloudWorld) keys(prefix string) []string { return keysOf(w.T, w.data, prefix) }

func (w *cloudWorld) said() string {
	var out strings.Builder
	for name, log := range w.logs {
		for line := range strings.Lines(log.String()) {
			if !strings.Contains(line, `"_aws"`) {
				fmt.Fprintf(&out, "%s: %s", name, line)
			}
		}
	}
	return out.String()
}

// left leaves out two things that only a cloud has: the file as it was laid into the bucket by hand (the platform's own copy, named by its
// digest, is there beside it), and the markers by which a mail goes out once (one machine has the mails themselves, see mails/).
func (w *cloudWorld) left() []thing {
	w.Helper()
	var out []thing
	for bucket, blobs := range map[string]*aws.Blobs{"data/": w.data, "models/": w.models} {
		for _, key := range keysOf(w.T, blobs, "") {
			if key != "raw/heart/north.csv" {
				out = append(out, thing{bucket + key, contentOf(w.T, blobs, key)})
			}
		}
	}
	mails := 0
	for _, table := range []string{w.cloud.Tables.Control, w.cloud.Tables.Audit, w.cloud.Tables.Idempotency} {
		for _, item := range w.cloud.Items(w.T, table) {
			if item.Partition == "op" && strings.HasPrefix(item.Sort, "mail/") {
				mails++
				continue
			}
			out = append(out, thing{"table/" + item.Partition + "/" + item.Sort, []byte(item.Body)})
		}
	}
	if mails != 2 {
		w.Errorf("%d mails are marked as sent; want alice's and the owner's", mails)
	}
	return out
}
