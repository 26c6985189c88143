package runtimeapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/host"
	"mlops/shared/config"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
	"mlops/shared/platform/store"
)

// fake is S3, DynamoDB and what else the functions call, in this process, over the state of a platform on one machine: it says in AWS's
// protocols what the local store holds, as far as our functions ask. It answers in microseconds, so what is timed is the function.
type fake struct {
	*local.State
	*httptest.Server
}

// Its names of things.
const dataBucket, modelBucket = "mlops-data", "mlops-models"

// heart is the state of a platform that trained on the shipped dataset and serves the champion, made once; each fake has a copy.
func heart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	h, err := host.Open(host.Options{Dir: dir, Now: time.Now, PublicURL: "https://mlops.example", Window: time.Hour, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	body, err := os.ReadFile("../../../testdata/datasets/heart.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ingest.Accept(background, event.Upload{Dataset: "heart", Actor: "operator"}, ".csv", body); err != nil {
		t.Fatal(err)
	}
	if err := h.State.Bus.Drain(background); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Loader.Champion(background, "heart"); err != nil {
		t.Fatalf("nothing serves: %v", err)
	}
	return dir
}

// newFake opens a copy of a state, in memory where the machine has such a place.
func newFake(t *testing.T, state string) *fake {
	t.Helper()
	place := "/dev/shm"
	if _, err := os.Stat(place); err != nil {
		place = ""
	}
	dir, err := os.MkdirTemp(place, "mlops-fake-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.CopyFS(filepath.Join(dir, "state"), os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error { // a copy has wider modes than the state insists on
		if err != nil {
			return err
		}
		return os.Chmod(path, map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()])
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{}
	if f.State, err = local.Open(filepath.Join(dir, "state"), time.Now); err != nil {
		t.Fatal(err)
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.close)
	return f
}

func (f *fake) close() {
	f.Server.Close()
	f.State.Close()
}

// ServeHTTP answers a call.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Amzn-Requestid", "FAKE")
	w.Header().Set("X-Amz-Request-Id", "FAKE")
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		f.object(w, r, body)
		return
	}
	_, operation, _ := strings.Cut(target, ".")
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		panic(err)
	}
	out, refusal := f.call(r.Context(), operation, in)
	if refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": refusal, "CancellationReasons": []any{map[string]string{"Code": "ConditionalCheckFailed"}}}
	}
	_ = json.NewEncoder(w).Encode(out) // the function may be gone
}

// attribute is a value in DynamoDB's JSON.
type attribute struct {
	S string `json:",omitempty"`
	N string `json:",omitempty"`
	B []byte `json:",omitempty"`
}

type item map[string]attribute

// change is one of a transaction.
type change struct {
	Item, Key                           item
	ConditionExpression                 *string
	ExpressionAttributeValues           item
	ReturnValuesOnConditionCheckFailure string
}

// request has the fields of every operation that is answered here.
type request struct {
	Key                       item
	ExpressionAttributeValues item
	ExclusiveStartKey         item
	ScanIndexForward          *bool
	Limit                     int
	ClientRequestToken        string
	TransactItems             []struct{ Put, Delete, ConditionCheck *change }
	Entries                   []json.RawMessage
}

func (f *fake) call(ctx context.Context, operation string, in request) (out any, refusal string) {
	switch operation {
	case "GetItem":
		got, err := f.Table.Get(ctx, in.Key["pk"].S, in.Key["sk"].S, true)
		if err != nil {
			return struct{}{}, ""
		}
		return map[string]any{"Item": itemOf(got)}, ""
	case "Query":
		return f.query(ctx, in)
	case "TransactWriteItems":
		var ops []store.Op
		for _, i := range in.TransactItems {
			for kind, c := range map[store.OpKind]*change{store.Put: i.Put, store.Delete: i.Delete, store.Check: i.ConditionCheck} {
				if c != nil {
					ops = append(ops, c.op(kind))
				}
			}
		}
		switch err := f.Table.Write(ctx, in.ClientRequestToken, ops); {
		case fault.Is(err, fault.Conflict):
			return nil, "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
		case err != nil:
			return nil, "com.amazonaws.dynamodb.v20120810#ValidationException"
		}
		return struct{}{}, ""
	case "PutEvents":
		entries := make([]map[string]string, len(in.Entries))
		for i := range entries {
			entries[i] = map[string]string{"EventId": strconv.Itoa(i)}
		}
		return map[string]any{"FailedEntryCount": 0, "Entries": entries}, ""
	case "VerifyMac": // no token here was made by this key
		return nil, "KMSInvalidMacException"
	}
	return nil, "UnknownOperationException"
}

func (f *fake) query(ctx context.Context, in request) (any, string) {
	v := in.ExpressionAttributeValues
	found, err := f.Table.Query(ctx, v[":pk"].S, store.Query{Prefix: v[":prefix"].S, After: in.ExclusiveStartKey["sk"].S, Descending: in.ScanIndexForward != nil && !*in.ScanIndexForward})
	if err != nil {
		return nil, "com.amazonaws.dynamodb.v20120810#ValidationException"
	}
	var items []item
	out := map[string]any{}
	for _, i := range found {
		if low, bounded := v[":low"]; bounded && i.Sort < low.S {
			continue
		}
		if high, bounded := v[":high"]; bounded && i.Sort > high.S {
			continue
		}
		if len(items) == in.Limit {
			last := items[len(items)-1]
			out["LastEvaluatedKey"] = item{"pk": last["pk"], "sk": last["sk"]}
			break
		}
		items = append(items, itemOf(i))
	}
	out["Items"] = items
	return out, ""
}

// itemOf says an item as platform/aws writes it.
func itemOf(i store.Item) item {
	out := item{"pk": {S: i.Partition}, "sk": {S: i.Sort}, "version": {N: strconv.FormatInt(i.Version, 10)}, "body": {S: string(i.Body)}}
	if s := store.Seconds(i.Expires); s != 0 {
		out["expires"] = attribute{N: strconv.FormatInt(s, 10)}
	}
	return out
}

// op reads a change: its condition is that nothing is there, that a version is, or none.
func (c *change) op(kind store.OpKind) store.Op {
	at := c.Key
	if kind == store.Put {
		at = c.Item
	}
	op := store.Op{Kind: kind, Partition: at["pk"].S, Sort: at["sk"].S}
	switch version, ok := c.ExpressionAttributeValues[":version"]; {
	case c.ConditionExpression == nil, c.ReturnValuesOnConditionCheckFailure != "":
		op.Expect = store.Any
	case ok:
		op.Expect, _ = strconv.ParseInt(version.N, 10, 64) // what platform/aws wrote
	}
	if kind == store.Put {
		op.Body = []byte(c.Item["body"].S + string(c.Item["body"].B))
		if s, err := strconv.ParseInt(c.Item["expires"].N, 10, 64); err == nil {
			op.Expires = time.Unix(s, 0)
		}
	}
	return op
}

// object is S3, with the bucket's name in the path.
func (f *fake) object(w http.ResponseWriter, r *http.Request, body []byte) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	blobs := map[string]*local.Blobs{dataBucket: f.Data, modelBucket: f.Models}[bucket]
	refuse := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
	}
	switch {
	case blobs == nil:
		refuse(http.StatusNotFound, "NoSuchBucket")
	case r.URL.Query().Has("list-type"):
		limit, _ := strconv.Atoi(r.URL.Query().Get("max-keys")) // 0 = the store's own
		objects, err := blobs.List(r.Context(), r.URL.Query().Get("prefix"), r.URL.Query().Get("start-after"), limit)
		if err != nil {
			refuse(http.StatusBadRequest, "InvalidArgument")
			return
		}
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
		for _, o := range objects {
			fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", o.Key, o.Size)
		}
		fmt.Fprint(w, "</ListBucketResult>")
	case r.Method == http.MethodPut:
		if err := blobs.Create(r.Context(), key, body); err != nil {
			refuse(http.StatusPreconditionFailed, "PreconditionFailed")
		}
	default:
		b, err := blobs.Get(r.Context(), key, store.MaxBlobBytes)
		if err != nil {
			refuse(http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b) // the function may be gone
	}
}

// environ is what the stack would tell the functions, all of it to each, with this fake for the cloud.
func (f *fake) environ() map[string]string {
	p := config.Platform{Stage: "test", DataBucket: dataBucket, ModelBucket: modelBucket, ControlTable: "control", AuditTable: "audit", IdempotencyTable: "idempotency", EventBus: "default"}
	out := config.Environ(config.Agent{Platform: p, ApprovalsTopic: "arn:aws:sns:eu-west-1:123456789012:approvals", AlertsTopic: "arn:aws:sns:eu-west-1:123456789012:alerts", ApprovalKey: "alias/approval",
		PublicURL: "https://approvals.example/test", PredictURL: "https://api.example/test", ProbeKey: "/mlops/probe-key", Owner: "owner@example.com"})
	maps.Copy(out, config.Environ(config.DriftCheck{Platform: p, Window: time.Hour}))
	maps.Copy(out, map[string]string{"AWS_ENDPOINT_URL": f.Server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"})
	return out
}
