package aws_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/aws"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
)

// noon is the time of everything that happens here.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// change is a change of every kind.
func change(id string, revision int64) control.Change {
	e, err := event.New(id, event.ModelTrained, noon, "heart", event.Trained{Version: 1})
	if err != nil {
		panic(err)
	}
	doc, err := control.Put(control.State("heart"), revision, map[string]string{"change": id})
	if err != nil {
		panic(err)
	}
	return control.Change{Model: "heart", Op: "op/" + id, Put: []control.Doc{doc}, Events: []event.Event{e},
		Entries: []audit.Entry{{Kind: audit.TrainDone, At: noon, Actor: audit.Actor{Type: "agent", ID: "agent"}, Reason: id}}}
}

// TestThreeTables: a change lies where the roles expect it, and an audit entry can only be added.
func TestThreeTables(t *testing.T) {
	c := awstest.Open(t, awstest.DynamoDB)
	table := c.Account(t).Table(c.Tables, time.Now)
	if err := store.New(table, time.Now).Commit(background, change("one", 0)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := store.New(table, time.Now).KeepNote(background, name, 0, []byte("answer"), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		table, prefix string
		items         int
	}{
		{c.Tables.Control, "model", 1}, {c.Tables.Control, store.Outbox, 1}, {c.Tables.Control, "", 2},
		{c.Tables.Audit, "audit#heart", 1}, {c.Tables.Audit, "audithead", 1}, {c.Tables.Audit, "", 2},
		{c.Tables.Idempotency, "op", 1}, {c.Tables.Idempotency, "request#a", 1}, {c.Tables.Idempotency, "request#b", 1}, {c.Tables.Idempotency, "", 3},
	} {
		if got := c.Count(t, want.table, want.prefix); got != want.items {
			t.Errorf("%s: %d items in partitions %q; want %d", want.table, got, want.prefix, want.items)
		}
	}
	entry := store.Op{Kind: store.Put, Partition: "audit#heart", Sort: fmt.Sprintf("%020d", 1), Body: []byte("{}")}
	for name, spoil := range map[string]func(*store.Op){
		"over an entry":   func(o *store.Op) { o.Expect = 1 },
		"whatever":        func(o *store.Op) { o.Expect = store.Any },
		"delete":          func(o *store.Op) { o.Kind, o.Expect = store.Delete, 1 },
		"delete whatever": func(o *store.Op) { o.Kind, o.Expect = store.Delete, store.Any },
	} {
		op := entry
		spoil(&op)
		if err := table.Write(background, "t", []store.Op{op}); !fault.Is(err, fault.Invalid) || fault.Details(err)[0].Code != "append_only" {
			t.Errorf("%s: %v; want Invalid, append only", name, err)
		}
	}
	if err := table.Write(background, "t", []store.Op{entry}); !fault.Is(err, fault.Conflict) {
		t.Errorf("an entry where one is: %v", err)
	}
}

// TestTroubleOnTheWay commits, stores and publishes while a third of the requests are dropped, throttled or lose their reply: everything
// happens once, and what is published twice is the same event.
func TestTroubleOnTheWay(t *testing.T) {
	c := awstest.Open(t, awstest.DynamoDB, awstest.S3, awstest.EventBridge)
	a := c.Account(t)
	table := a.Table(c.Tables, time.Now)
	s, blobs, outbox := store.New(table, time.Now), a.Blobs(c.DataBucket), a.Outbox(table, "default")
	s.OnEvents = outbox.Wake
	c.Spoil(spoilt(3, 0.33))
	until := func(what string, call func() error) {
		t.Helper()
		for try := 1; ; try++ {
			err := call()
			if err == nil {
				return
			}
			if !fault.Is(err, fault.Unavailable) || try == 50 {
				t.Fatalf("%s: try %d: %v", what, try, err)
			}
		}
	}
	const changes = 12
	for i := range changes {
		id := fmt.Sprintf("change-%02d", i)
		until(id, func() error { return s.Commit(background, change(id, int64(i))) })
		until(id, func() error { return blobs.Create(background, "raw/heart/"+id, []byte(id)) })
	}
	if !outbox.Waiting() {
		t.Error("nothing waits in the outbox")
	}
	published := map[string]int{}
	until("drain", func() error {
		_, err := outbox.Drain(background)
		return err
	})
	c.Spoil(nil)
	if outbox.Waiting() || c.Count(t, c.Tables.Control, store.Outbox) != 0 {
		t.Error("something is left in the outbox")
	}
	for _, e := range c.Published() {
		var in event.Event
		if err := json.Unmarshal([]byte(e.Detail), &in); err != nil || e.Source != "mlops" || e.DetailType != "ModelTrained" || e.Bus != "default" || !in.Time.Equal(noon) || in.Model != "heart" {
			t.Errorf("published %+v, error %v", e, err)
		}
		published[in.ID]++
	}
	head, err := s.Verify(background, "heart")
	if err != nil || head.Seq != changes {
		t.Errorf("the ledger ends at %d, error %v; want %d", head.Seq, err, changes)
	}
	for i := range changes {
		id := fmt.Sprintf("change-%02d", i)
		if b, err := blobs.Get(background, "raw/heart/"+id, 100); err != nil || string(b) != id || published[id] == 0 {
			t.Errorf("%s: %q, error %v, published %d times", id, b, err, published[id])
		}
	}
}

// TestRefusals: what AWS refuses for good is Internal and says what was refused; what may pass is Unavailable.
func TestRefusals(t *testing.T) {
	c := awstest.Open(t, awstest.DynamoDB, awstest.S3, awstest.KMS, awstest.SSM, awstest.SNS)
	a := c.Account(t)
	table, blobs := a.Table(c.Tables, time.Now), a.Blobs(c.DataBucket)
	calls := map[string]func() error{
		"get": func() error { _, err := table.Get(background, "p", "s", true); return err },
		"query": func() error {
			_, err := table.Query(background, "p", store.Query{})
			return err
		},
		"write": func() error {
			return table.Write(background, "t", []store.Op{{Kind: store.Put, Partition: "p", Sort: "s"}})
		},
		"create": func() error { return blobs.Create(background, "raw/a", nil) },
		"read":   func() error { _, err := blobs.Get(background, "raw/a", 1); return err },
		"list":   func() error { _, err := blobs.List(background, "raw", "", 1); return err },
		"sign":   func() error { _, err := a.Key(c.MacKey, "k1").Mint([]byte("x")); return err },
		"verify": func() error { return a.Key(c.MacKey, "k1").Verify("k1", []byte("x"), []byte("y")) },
		"secret": func() error { _, err := a.Secret(c.ProbeParameter, time.Now).Value(background); return err },
		"mail":   func() error { return a.Topic(c.Approvals, "approver").Send(background, "a@example.com", "s", "m") },
	}
	missing := map[string]string{"get": "dynamodb:GetItem", "query": "dynamodb:Query", "write": "dynamodb:PutItem, dynamodb:DeleteItem and dynamodb:ConditionCheckItem", "create": "s3:PutObject",
		"read": "s3:GetObject", "list": "s3:ListBucket", "sign": "kms:GenerateMac", "verify": "kms:VerifyMac", "secret": "ssm:GetParameter", "mail": "sns:ListSubscriptionsByTopic"}
	for o, want := range map[awstest.Outcome]fault.Kind{awstest.Forbid: fault.Internal, awstest.Throttle: fault.Unavailable, awstest.Drop: fault.Unavailable} {
		c.Spoil(func(int, string) awstest.Outcome { return o })
		for name, call := range calls {
			if err := call(); !fault.Is(err, want) {
				t.Errorf("%s, outcome %d: %v; want %s", name, o, err, want)
			} else if want := "may not do that"; o == awstest.Forbid && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "grant it "+missing[name])) {
				t.Errorf("%s: %v does not say that the role may not, and needs %s", name, err, missing[name])
			}
		}
	}
	c.Spoil(nil)
	gone := a.Table(aws.Tables{Control: "no-such-table", Audit: "x", Idempotency: "x"}, time.Now)
	if _, err := gone.Get(background, "p", "s", true); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "no-such-table") {
		t.Errorf("a missing table: %v", err)
	}
	if err := a.Blobs("no-such-bucket-here").Create(background, "raw/a", nil); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "no-such-bucket-here") {
		t.Errorf("a missing bucket: %v", err)
	}
}

func TestOutboxCarriesMany(t *testing.T) {
	c := awstest.Open(t, awstest.DynamoDB, awstest.EventBridge)
	table := c.Account(t).Table(c.Tables, time.Now)
	outbox := c.Account(t).Outbox(table, "default")
	var ops []store.Op
	put := func(id, body string) {
		ops = append(ops, store.Op{Kind: store.Put, Partition: store.Outbox, Sort: id, Expect: store.Any, Body: []byte(body)})
	}
	for i := range 23 {
		e, err := event.New(fmt.Sprintf("e-%02d", i), event.AliasMoved, noon, "heart", map[string]string{"pad": strings.Repeat("x", 40<<10)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		put(e.ID, string(b))
	}
	put("broken", "no event")
	if err := table.Write(background, "many", ops); err != nil {
		t.Fatal(err)
	}
	n, err := outbox.Drain(background)
	if n != 23 || !fault.Is(err, fault.Internal) && err == nil || !outbox.Waiting() {
		t.Errorf("published %d, error %v; want 23, and the broken one told", n, err)
	}
	if got := c.Published(); len(got) != 23 {
		t.Errorf("%d entries arrived", len(got))
	}
	if left := c.Count(t, c.Tables.Control, store.Outbox); left != 1 {
		t.Errorf("%d items are left; want the broken one", left)
	}
}

func TestMail(t *testing.T) {
	c := awstest.Open(t, awstest.SNS)
	topic := c.Account(t).Topic(c.Approvals, "approver")
	if err := topic.Send(background, "a@example.com", "s", "m"); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("to nobody: %v", err)
	}
	if len(c.Mails()) != 0 {
		t.Error("a mail went to nobody")
	}
	c.Subscribe(t, c.Approvals, "a@example.com")
	long := "Zürich\r\nBcc: x " + strings.Repeat("s", 200)
	for _, to := range []string{"a@example.com", "b@example.com"} {
		if err := topic.Send(background, to, long, "body of "+to); err != nil {
			t.Fatal(err)
		}
	}
	mails := c.Mails()
	if len(mails) != 2 {
		t.Fatalf("%d mails", len(mails))
	}
	for i, to := range []string{"a@example.com", "b@example.com"} {
		m := mails[i]
		if m.Topic != c.Approvals || m.Attributes["approver"] != to || m.Message != "body of "+to || len(m.Subject) != 99 || !strings.HasPrefix(m.Subject, "Z?rich  Bcc") {
			t.Errorf("got %+v", m)
		}
	}
	if err := topic.Send(background, "a@example.com", "s", strings.Repeat("x", 256<<10+1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a long mail: %v", err)
	}
}

func TestKey(t *testing.T) {
	c := awstest.Open(t, awstest.KMS)
	key := c.Account(t).Key(c.MacKey, "k1")
	message := []byte("v1.k1.payload")
	mac, err := key.Mint(message)
	if err != nil || len(mac) < 16 {
		t.Fatalf("%d bytes, error %v", len(mac), err)
	}
	if err := key.Verify("k1", message, mac); err != nil {
		t.Error(err)
	}
	flipped := bytes.Clone(mac)
	flipped[rand.IntN(len(mac))] ^= 1
	for name, err := range map[string]error{
		"another message": key.Verify("k1", []byte("v1.k1.other"), mac), "another code": key.Verify("k1", message, flipped), "another key": key.Verify("k2", message, mac), "no code": key.Verify("k1", message, nil),
	} {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v; want Denied", name, err)
		}
	}
}

func TestSecret(t *testing.T) {
	c := awstest.Open(t, awstest.SSM)
	now := noon
	secret := c.Account(t).Secret(c.ProbeParameter, func() time.Time { return now })
	c.Spoil(func(int, string) awstest.Outcome { return awstest.Pass })
	for range 3 {
		if v, err := secret.Value(background); err != nil || v != c.ProbeKey {
			t.Fatalf("%q, error %v", v, err)
		}
	}
	if n := c.Calls(); n != 1 {
		t.Errorf("%d calls for one secret", n)
	}
	now = now.Add(time.Hour)
	c.Spoil(func(int, string) awstest.Outcome { return awstest.Forbid })
	if v, err := secret.Value(background); err != nil || v != c.ProbeKey {
		t.Errorf("%q, error %v; want the last one known", v, err)
	}
}

// TestSignedUpload: somebody without credentials puts a file to the signed address, with words beside it.
func TestSignedUpload(t *testing.T) {
	c := awstest.Open(t, awstest.S3)
	blobs := c.Account(t).Blobs(c.DataBucket)
	address, headers, err := blobs.Sign(background, "uploads/heart/01JD7Z", map[string]string{"target": "num>0", "job": "upload-01JD7Z"}, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(headers) != 2 || headers["x-amz-meta-target"] != "num>0" || headers["x-amz-meta-job"] != "upload-01JD7Z" || !strings.Contains(address, "x-amz-meta-target") {
		t.Errorf("headers %v are to be sent with %s", headers, address)
	}
	for _, want := range []string{"X-Amz-Signature=", "X-Amz-Expires=900", "/uploads/heart/01JD7Z"} {
		if !strings.Contains(address, want) {
			t.Errorf("%s has no %s", address, want)
		}
	}
	req, err := http.NewRequest(http.MethodPut, address, strings.NewReader("a,b\n1,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if m, err := blobs.Metadata(background, "uploads/heart/01JD7Z"); err != nil || m["target"] != "num>0" || m["job"] != "upload-01JD7Z" {
		t.Errorf("metadata %v, error %v", m, err)
	}
	if got, err := blobs.Get(background, "uploads/heart/01JD7Z", 100); res.StatusCode != 200 || err != nil || string(got) != "a,b\n1,2\n" {
		t.Errorf("%d %s: %q, error %v", res.StatusCode, said, got, err)
	}
	c.Put(t, c.DataBucket, "raw/heart/x.csv", []byte("x"), map[string]string{"target": "num>0"})
	if m, err := blobs.Metadata(background, "raw/heart/x.csv"); err != nil || m["target"] != "num>0" {
		t.Errorf("metadata %v, error %v", m, err)
	}
	if _, err := blobs.Metadata(background, "raw/heart/absent"); !fault.Is(err, fault.NotFound) {
		t.Errorf("metadata of nothing: %v", err)
	}
	if _, _, err := blobs.Sign(background, "../x", nil, time.Minute); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad key: %v", err)
	}
}
