// Package loopback is the cloud of a function that runs on this machine: S3, DynamoDB and what else functions call, in this process, over a
// copy of a platform's local state. It says in AWS's protocols what the local store holds, as far as our functions ask: it is no emulator of AWS,
// and knows neither schedules nor deliveries. What a function changes is gone with it.
package loopback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mlops/shared/config"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
	"mlops/shared/platform/store"
)

// The names by which functions find the two buckets.
const dataBucket, modelBucket = "mlops-data", "mlops-models"

// Cloud answers on a port of the loopback interface until it is closed.
type Cloud struct {
	*local.State // the copy

	URL    string
	server *http.Server
	dir    string
}

// Open makes a Cloud over a copy of the state in dir; where nothing is there, over an empty one. A state that a server holds is refused with
// *local.Held. Other errors are those of the disk.
func Open(dir string, now func() time.Time) (_ *Cloud, err error) {
	c := &Cloud{}
	if c.dir, err = os.MkdirTemp("", "mlops-loopback-"); err != nil {
		return nil, fault.Unavailablef("make a folder for the copy of a state").Because(err)
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	at := filepath.Join(c.dir, "state")
	if err = clone(dir, at, now); err != nil {
		return nil, err
	}
	if c.State, err = local.Open(at, now); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.Unavailablef("listen on loopback").Because(err)
	}
	c.URL, c.server = "http://"+listener.Addr().String(), &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	go func() { _ = c.server.Serve(listener) }() // ends with Close
	return c, nil
}

// clone copies a state that nobody holds.
func clone(from, to string, now func() time.Time) error {
	if _, err := os.Stat(filepath.Join(from, "control.db")); from == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	held, err := local.Open(from, now) // finishes what a crash left
	if err != nil {
		return err
	}
	held.Close()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fault.Unavailablef("copy the state %s", from).Because(err)
	}
	return filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error { // a copy has wider modes than the state insists on
		if err != nil {
			return err
		}
		return os.Chmod(path, map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()])
	})
}

// Close ends the server and removes the copy.
func (c *Cloud) Close() {
	if c.server != nil {
		_ = c.server.Close()
	}
	if c.State != nil {
		c.State.Close()
	}
	_ = os.RemoveAll(c.dir) // in the machine's place for what is temporary
}

// ServeHTTP answers a call.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Amzn-Requestid", "FAKE")
	w.Header().Set("X-Amz-Request-Id", "FAKE")
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		c.object(w, r, body)
		return
	}
	_, operation, _ := strings.Cut(target, ".")
	var in request
	var out any
	refusal := "SerializationException"
	if json.Unmarshal(body, &in) == nil {
		out, refusal = c.call(r.Context(), operation, in)
	}
	if refusal != "" {
		out = map[string]any{"__type": refusal, "CancellationReasons": []any{map[string]string{"Code": "ConditionalCheckFailed"}}}
	}
	answer, err := json.Marshal(out)
	if err != nil { // strings, numbers and bytes: it cannot fail
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer)), 10)) // DynamoDB's clients look for it
	if refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write(answer) // the function may be gone
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

func (c *Cloud) call(ctx context.Context, operation string, in request) (out any, refusal string) {
	switch operation {
	case "GetItem":
		got, err := c.Table.Get(ctx, in.Key["pk"].S, in.Key["sk"].S, true)
		if err != nil {
			return struct{}{}, ""
		}
		return map[string]any{"Item": itemOf(got)}, ""
	case "Query":
		return c.query(ctx, in)
	case "TransactWriteItems":
		var ops []store.Op
		for _, i := range in.TransactItems {
			for kind, one := range map[store.OpKind]*change{store.Put: i.Put, store.Delete: i.Delete, store.Check: i.ConditionCheck} {
				if one != nil {
					ops = append(ops, one.op(kind))
				}
			}
		}
		switch err := c.Table.Write(ctx, in.ClientRequestToken, ops); {
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

func (c *Cloud) query(ctx context.Context, in request) (any, string) {
	v := in.ExpressionAttributeValues
	found, err := c.Table.Query(ctx, v[":pk"].S, store.Query{Prefix: v[":prefix"].S, After: in.ExclusiveStartKey["sk"].S, Descending: in.ScanIndexForward != nil && !*in.ScanIndexForward})
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
func (c *Cloud) object(w http.ResponseWriter, r *http.Request, body []byte) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	blobs := map[string]*local.Blobs{dataBucket: c.Data, modelBucket: c.Models}[bucket]
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

// Environ is what the stack would tell the functions, all of it to each, with this for the cloud. The people in it have no mailboxes (RFC 2606).
func (c *Cloud) Environ() map[string]string {
	p := config.Platform{Stage: "local", DataBucket: dataBucket, ModelBucket: modelBucket, ControlTable: "control", AuditTable: "audit", IdempotencyTable: "idempotency", EventBus: "default"}
	const topic = "arn:aws:sns:eu-west-1:123456789012:"
	out := config.Environ(config.Agent{Platform: p, ApprovalsTopic: topic + "approvals", AlertsTopic: topic + "alerts", ApprovalKey: "alias/approval",
		PublicURL: "https://approvals.example", PredictURL: c.URL, ProbeKey: "/mlops/probe-key", Owner: "owner@mlops.invalid"})
	maps.Copy(out, config.Environ(config.DriftCheck{Platform: p, Window: time.Hour}))
	maps.Copy(out, map[string]string{"AWS_ENDPOINT_URL": c.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "loopback", "AWS_SECRET_ACCESS_KEY": "loopback", "AWS_EC2_METADATA_DISABLED": "true"})
	return out
}
