package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/aws"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
)

const (
	traceID  = "1-5759e988-bd862e3fe1be46a994272793"
	parentID = "53995c3f42cd8ad8"
	header   = "Root=" + traceID + ";Parent=" + parentID + ";Sampled=1;Lineage=1:a87bd80c:0"
)

// invoked is the context of an invocation that came with a trace header, as Lambda's library makes it.
func invoked(header string) context.Context {
	//lint:ignore SA1029 the library's own key is a string
	return context.WithValue(background, "x-amzn-trace-id", header)
}

// daemon is an X-Ray daemon of ours on a port of its own.
type daemon struct {
	*net.UDPConn
	t testing.TB
}

func newDaemon(t testing.TB) daemon {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("AWS_XRAY_DAEMON_ADDRESS", c.LocalAddr().String())
	return daemon{c, t}
}

// received are the subsegments sent until now, each checked: the test sends a last datagram of its own, which on loopback arrives after them.
func (d daemon) received() []map[string]any {
	d.t.Helper()
	c, err := net.Dial("udp", d.LocalAddr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("end")); err != nil {
		d.t.Fatal(err)
	}
	var out []map[string]any
	for b := make([]byte, 1<<17); ; {
		n, _, err := d.ReadFrom(b)
		if err != nil {
			d.t.Fatal(err)
		}
		if string(b[:n]) == "end" {
			return out
		}
		out = append(out, subsegment(d.t, b[:n]))
	}
}

var (
	hex16     = regexp.MustCompile(`^[0-9a-f]{16}$`)
	traceRule = regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
	nameRule  = regexp.MustCompile(`^[\p{L}\p{N}\s_.:/%&#=+\\\-@]{1,200}$`)
	keyRule   = regexp.MustCompile(`^[A-Za-z0-9_]{1,500}$`)
)

// subsegment reads a datagram and holds it against the daemon's protocol and the rules of segment documents
// (docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html, xray-api-segmentdocuments.html).
func subsegment(t testing.TB, datagram []byte) map[string]any {
	t.Helper()
	head, body, ok := strings.Cut(string(datagram), "\n")
	var s map[string]any
	if !ok || head != `{"format":"json","version":1}` || len(body) > 64<<10 || json.Unmarshal([]byte(body), &s) != nil {
		t.Fatalf("no datagram of the daemon's protocol: %.300q", datagram)
	}
	bad := func(what string) { t.Errorf("%s: %s", what, body) }
	text := func(k string) string { v, _ := s[k].(string); return v }
	for _, k := range []string{"id", "parent_id"} {
		if !hex16.MatchString(text(k)) {
			bad(k)
		}
	}
	if text("type") != "subsegment" || !traceRule.MatchString(text("trace_id")) || !nameRule.MatchString(text("name")) {
		bad("type, trace or name")
	}
	begin, _ := s["start_time"].(float64)
	end, _ := s["end_time"].(float64)
	if now := float64(time.Now().Add(time.Second).Unix()); begin > end || begin < now-3600 || end > now+1 {
		bad("times")
	}
	if ns := text("namespace"); ns != "" && ns != "aws" && ns != "remote" {
		bad("namespace")
	}
	known := []string{"id", "parent_id", "type", "trace_id", "name", "start_time", "end_time", "namespace", "error", "throttle", "fault", "cause", "http", "aws", "annotations"}
	for k := range s {
		if !slices.Contains(known, k) {
			bad("unknown field " + k)
		}
	}
	for _, k := range []string{"error", "throttle", "fault"} {
		if v, there := s[k]; there && v != true {
			bad(k)
		}
	}
	annotations, _ := s["annotations"].(map[string]any)
	if len(annotations) > 50 {
		bad("annotations")
	}
	for k, v := range annotations {
		switch v := v.(type) {
		case string:
			if len([]rune(v)) > 1000 {
				bad("value of " + k)
			}
		case float64, bool:
		default:
			bad("value of " + k)
		}
		if !keyRule.MatchString(k) {
			bad("key " + k)
		}
	}
	if c, there := s["cause"].(map[string]any); there {
		for _, e := range c["exceptions"].([]any) {
			if e := e.(map[string]any); !hex16.MatchString(e["id"].(string)) || e["type"] == "" || e["message"] != nil {
				bad("cause")
			}
		}
	}
	return s
}

// service is a service of AWS that answers as the test says, and keeps the trace headers it was given.
type service struct {
	mu      sync.Mutex
	answer  http.HandlerFunc
	headers []string
}

// given are the trace headers it was given.
func (s *service) given() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.headers)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headers = append(s.headers, r.Header.Get("X-Amzn-Trace-Id"))
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Amzn-Requestid", "REQUEST1")
	w.Header().Set("X-Amz-Request-Id", "REQUEST1")
	s.answer(w, r)
}

// open is an account whose services all are s.
func open(t testing.TB, s *service) aws.Account {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDSECRET", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(k, v)
	}
	a, err := aws.Open(background)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// empty answers with nothing in particular.
var empty = says(200, "{}")

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE([]byte(body)))) // DynamoDB's
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestCallsAreDrawn: each call is a subsegment that says what was called, on what, and how it came out.
func TestCallsAreDrawn(t *testing.T) {
	names := aws.Tables{Control: "control", Audit: "audit", Idempotency: "idempotency"}
	get := func(ctx context.Context, a aws.Account) { _, _ = a.Table(names, time.Now).Get(ctx, "p", "s", true) }
	read := func(ctx context.Context, a aws.Account) { _, _ = a.Blobs("data").Get(ctx, "raw/x", 10) }
	type facts map[string]any
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		call   func(ctx context.Context, a aws.Account)
		aws    facts
		status float64
		flags  []string
		cause  string
	}{
		"an item":      {empty, get, facts{"operation": "GetItem", "table_name": "control", "retries": 0.0, "request_id": "REQUEST1"}, 200, nil, ""},
		"an object":    {empty, read, facts{"operation": "GetObject", "bucket_name": "data", "retries": 0.0, "request_id": "REQUEST1"}, 200, nil, ""},
		"no object":    {says(404, "<Error><Code>NoSuchKey</Code></Error>"), read, facts{"operation": "GetObject", "bucket_name": "data", "request_id": "REQUEST1", "retries": 0.0}, 404, []string{"error"}, "NoSuchKey"},
		"not allowed":  {says(400, `{"__type":"x#AccessDeniedException","message":"secret"}`), get, facts{"operation": "GetItem", "table_name": "control", "request_id": "REQUEST1", "retries": 0.0}, 400, []string{"error"}, "AccessDeniedException"},
		"throttled":    {says(400, `{"__type":"x#ThrottlingException"}`), get, facts{"operation": "GetItem", "table_name": "control", "request_id": "REQUEST1", "retries": 2.0}, 400, []string{"error", "throttle"}, "ThrottlingException"},
		"slow down":    {says(503, "<Error><Code>SlowDown</Code></Error>"), read, facts{"operation": "GetObject", "bucket_name": "data", "request_id": "REQUEST1", "retries": 2.0}, 503, []string{"error", "fault", "throttle"}, "SlowDown"},
		"out of order": {says(500, `{"__type":"x#InternalServerError"}`), get, facts{"operation": "GetItem", "table_name": "control", "request_id": "REQUEST1", "retries": 2.0}, 500, []string{"fault"}, "InternalServerError"},
		"no answer":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, get, facts{"operation": "GetItem", "table_name": "control", "retries": 2.0}, 0, []string{"fault"}, "no answer"},
		"a transaction": {empty, func(ctx context.Context, a aws.Account) {
			_ = a.Table(names, time.Now).Write(ctx, "t", []store.Op{{Kind: store.Put, Partition: "audit#m", Sort: "1", Body: []byte("SECRET")}, {Kind: store.Put, Partition: "p", Sort: "1", Body: []byte("SECRET")}, {Kind: store.Check, Partition: "p", Sort: "2", Expect: 1}})
		}, facts{"operation": "TransactWriteItems", "table_names": []any{"audit", "control"}, "request_id": "REQUEST1", "retries": 0.0}, 200, nil, ""},
	} {
		d, s := newDaemon(t), &service{answer: c.answer}
		a := open(t, s)
		c.call(invoked(header), a)
		got := d.received()
		if len(got) != 1 {
			t.Errorf("%s: %d subsegments", name, len(got))
			continue
		}
		g := got[0]
		c.aws["region"] = "eu-west-1"
		service := map[bool]string{true: "S3", false: "DynamoDB"}[c.aws["bucket_name"] != nil]
		if g["trace_id"] != traceID || g["parent_id"] != parentID || g["namespace"] != "aws" || g["name"] != service || fmt.Sprint(g["aws"]) != fmt.Sprint(map[string]any(c.aws)) {
			t.Errorf("%s: got %v; want aws %v", name, g, c.aws)
		}
		var flags []string
		for _, f := range []string{"error", "fault", "throttle"} {
			if g[f] == true {
				flags = append(flags, f)
			}
		}
		var status any
		if h, ok := g["http"].(map[string]any); ok {
			status = h["response"].(map[string]any)["status"]
		}
		if !slices.Equal(flags, c.flags) || fmt.Sprint(g["cause"] != nil) != fmt.Sprint(c.cause != "") || c.cause != "" && !strings.Contains(fmt.Sprint(g["cause"]), "type:"+c.cause+"]") || status != nil && status != c.status || status == nil && c.status != 0 {
			t.Errorf("%s: got %v; want status %v, flags %v, cause %q", name, g, c.status, c.flags, c.cause)
		}
		if all := fmt.Sprint(got); strings.Contains(strings.ToLower(all), "secret") {
			t.Errorf("%s: more is told than should be: %s", name, all)
		}
		for _, h := range s.given() {
			if want := strings.Replace(header, parentID, fmt.Sprint(g["id"]), 1); h != want {
				t.Errorf("%s: the service was given %s; want %s", name, h, want)
			}
		}
	}
}

// TestInvocationIsDrawn: calls lie below the invocation they belong to, many at a time, and it says how it came out.
func TestInvocationIsDrawn(t *testing.T) {
	d, s := newDaemon(t), &service{answer: empty}
	a := open(t, s)
	tracer := a.Tracer()
	blobs := a.Blobs("data")
	const invocations, calls = 4, 5
	var all sync.WaitGroup
	for i := range invocations {
		all.Go(func() {
			ctx := tracer.Begin(invoked(fmt.Sprintf("Root=1-5759e988-%024d;Parent=%016d;Sampled=1", i, i)), "invocation")
			var inner sync.WaitGroup
			for j := range calls {
				inner.Go(func() {
					tracer.Annotate(ctx, fmt.Sprintf("n%d", j), j)
					_, _ = blobs.Get(ctx, "raw/x", 10)
				})
			}
			inner.Wait()
			tracer.End(ctx, []error{nil, fault.Invalidf("SECRET"), fault.Unavailablef("SECRET"), io.EOF}[i])
		})
	}
	all.Wait()
	got := d.received()
	if len(got) != invocations*(calls+1) {
		t.Fatalf("%d subsegments", len(got))
	}
	parents, ids := map[string]map[string]any{}, map[any]bool{}
	for _, g := range got {
		ids[g["id"]] = true
		if g["name"] == "invocation" {
			parents[g["id"].(string)] = g
		}
	}
	if len(ids) != len(got) || len(parents) != invocations {
		t.Fatalf("%d ids and %d invocations of %d", len(ids), len(parents), len(got))
	}
	below := map[string]int{}
	for _, g := range got {
		if g["name"] == "invocation" {
			i := int(g["trace_id"].(string)[34] - '0')
			if g["parent_id"] != fmt.Sprintf("%016d", i) || len(g["annotations"].(map[string]any)) != calls || (g["fault"] == true) != (i >= 2) || (g["error"] == true) != (i == 1) || strings.Contains(fmt.Sprint(g), "SECRET") {
				t.Errorf("invocation %d: %v", i, g)
			}
			continue
		}
		p := parents[g["parent_id"].(string)]
		if p == nil || p["trace_id"] != g["trace_id"] || p["start_time"].(float64) > g["start_time"].(float64) || p["end_time"].(float64) < g["end_time"].(float64) {
			t.Fatalf("%v lies below %v", g, p)
		}
		below[g["parent_id"].(string)]++
	}
	for n := range maps.Values(below) {
		if n != calls {
			t.Errorf("calls below the invocations: %v", below)
		}
	}
}

// TestNothingIsDrawn: where there is no trace to draw into, or nobody to send it to, the work goes on and nothing is sent.
func TestNothingIsDrawn(t *testing.T) {
	use := func(t *testing.T, ctx context.Context) (given []string) {
		t.Helper()
		s := &service{answer: empty}
		a := open(t, s)
		ctx = a.Tracer().Begin(ctx, "invocation")
		a.Tracer().Annotate(ctx, "k", "v")
		if _, err := a.Blobs("data").Get(ctx, "raw/x", 10); err != nil {
			t.Error(err)
		}
		if _, _, err := a.Blobs("data").Sign(ctx, "raw/x", nil, time.Minute); err != nil {
			t.Error(err)
		}
		a.Tracer().End(ctx, nil)
		return s.given()
	}
	for name, h := range map[string]string{
		"not sampled": strings.Replace(header, "Sampled=1", "Sampled=0", 1), "not decided": "Root=" + traceID + ";Parent=" + parentID, "asked": "Root=" + traceID + ";Parent=" + parentID + ";Sampled=?",
		"nothing": "", "no words": ";;=;==", "no root": "Parent=" + parentID + ";Sampled=1", "no parent": "Root=" + traceID + ";Sampled=1", "short root": "Root=1-5759e988-bd;Parent=" + parentID + ";Sampled=1",
		"root in capitals": strings.Replace(header, "bd862e", "BD862E", 1), "other version": strings.Replace(header, "Root=1-", "Root=2-", 1), "parent of words": strings.Replace(header, parentID, "zzzzzzzzzzzzzzzz", 1),
		"long": header[:30] + strings.Repeat("x", 1<<20),
	} {
		d := newDaemon(t)
		given := use(t, invoked(h))
		if got := d.received(); len(got) != 0 || given[0] != "" {
			t.Errorf("%s: %v, and the service was given %q", name, got, given)
		}
	}
	closed := newDaemon(t)
	closed.Close()
	for _, address := range []string{"", "nowhere", "xray.example:2000", "127.0.0.1", "127.0.0.1:99999", closed.LocalAddr().String()} {
		t.Setenv("AWS_XRAY_DAEMON_ADDRESS", address)
		for range 3 { // a refusal comes back with the next datagram
			use(t, invoked(header))
		}
	}
	d := newDaemon(t)
	if _, _, err := open(t, &service{answer: empty}).Blobs("data").Sign(invoked(header), "raw/x", nil, time.Minute); err != nil || len(d.received()) != 0 {
		t.Errorf("an address that was only signed is drawn as a call; error %v", err)
	}
}

// TestNamesAndLimits: what X-Ray would refuse is mended or left out, so that the rest is kept.
func TestNamesAndLimits(t *testing.T) {
	d := newDaemon(t)
	tracer := open(t, &service{answer: empty}).Tracer()
	for _, name := range []string{"a<b>\n\x00\xff", strings.Repeat("ä", 300), "(", "Größe 1/2"} {
		ctx := tracer.Begin(invoked(header), name)
		for i := range 80 {
			tracer.Annotate(ctx, fmt.Sprintf("k%d", i), strings.Repeat("ü", 300))
		}
		tracer.Annotate(ctx, "k0", strings.Repeat("é", 5000))
		tracer.End(ctx, nil)
	}
	if got := d.received(); len(got) != 4 || got[0]["name"] != "a_b____" || got[3]["name"] != "Größe 1/2" {
		t.Errorf("got %d: %.300v", len(got), got)
	}
	ctx := tracer.Begin(invoked(header), "large")
	for i := range 50 {
		tracer.Annotate(ctx, fmt.Sprintf("k%d", i), strings.Repeat("€", 1000)) // 150 kB
	}
	tracer.End(ctx, nil)
	if got := d.received(); len(got) != 0 {
		t.Errorf("a document of more than 64 KB was sent")
	}
}

// TestWithoutContext: a call that knows no invocation is drawn by the header that Lambda's library leaves in the environment.
func TestWithoutContext(t *testing.T) {
	d := newDaemon(t)
	a := open(t, &service{answer: says(200, `{"Mac":"bWFj","KeyId":"k"}`)})
	if _, err := a.Key("key-1", "k1").Mint([]byte("m")); err != nil || len(d.received()) != 0 {
		t.Errorf("outside of an invocation something is drawn; error %v", err)
	}
	t.Setenv("_X_AMZN_TRACE_ID", header)
	if _, err := a.Key("key-1", "k1").Mint([]byte("SECRET")); err != nil {
		t.Fatal(err)
	}
	got := d.received()
	if len(got) != 1 || got[0]["name"] != "KMS" || got[0]["parent_id"] != parentID || got[0]["aws"].(map[string]any)["key_id"] != "key-1" || strings.Contains(fmt.Sprint(got), "SECRET") {
		t.Errorf("got %v", got)
	}
}

// TestTraceIsTaken: an X-Ray that others wrote takes what is sent, of calls that an AWS that others wrote answered.
func TestTraceIsTaken(t *testing.T) {
	c := awstest.Open(t, awstest.DynamoDB, awstest.S3, awstest.SSM, awstest.SNS)
	d := newDaemon(t)
	a := c.Account(t)
	tracer := a.Tracer()
	ctx := tracer.Begin(invoked(header), "invocation")
	table := a.Table(c.Tables, time.Now)
	if err := table.Write(ctx, "t", []store.Op{{Kind: store.Put, Partition: "p", Sort: "s", Body: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Get(ctx, "p", "s", true); err != nil {
		t.Fatal(err)
	}
	if err := a.Blobs(c.DataBucket).Create(ctx, "raw/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Secret(c.ProbeParameter, time.Now).Value(ctx); err != nil {
		t.Fatal(err)
	}
	_ = a.Topic(c.Alerts, "to").Send(ctx, "a@example.com", "s", "m") // nobody is subscribed
	tracer.End(ctx, nil)
	var documents, told []string
	for _, g := range d.received() {
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(b))
		about, _ := g["aws"].(map[string]any)
		told = append(told, fmt.Sprint(g["name"], " ", about["operation"]))
		if g["namespace"] == "aws" && (about["request_id"] == nil && g["name"] != "S3" || // moto gives none there
			about["region"] != awstest.Region || g["http"] == nil) {
			t.Errorf("little is known of %s", b)
		}
	}
	if want := []string{"DynamoDB TransactWriteItems", "DynamoDB GetItem", "S3 PutObject", "SSM GetParameter", "SNS ListSubscriptionsByTopic", "invocation <nil>"}; !slices.Equal(told, want) {
		t.Errorf("got %q; want %q", told, want)
	}
	ask := func(path string, in any) string {
		t.Helper()
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(http.MethodPost, c.URL+path, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+awstest.Region+"/xray/aws4_request, SignedHeaders=host, Signature=00") // by which moto finds the service
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		said, _ := io.ReadAll(res.Body)
		if res.StatusCode == http.StatusNotImplemented || res.StatusCode == http.StatusNotFound {
			t.Skipf("the emulator has no X-Ray: %d %.200s", res.StatusCode, said)
		}
		return string(said)
	}
	if said := ask("/TraceSegments", map[string]any{"TraceSegmentDocuments": documents}); !strings.Contains(said, `"UnprocessedTraceSegments": []`) && !strings.Contains(said, `"UnprocessedTraceSegments":[]`) {
		t.Errorf("refused: %s", said)
	}
	if said := ask("/Traces", map[string]any{"TraceIds": []string{traceID}}); strings.Count(said, `"Document"`) != len(documents) {
		t.Errorf("the trace as it is kept: %s", said)
	}
}

func BenchmarkTracedCall(b *testing.B) {
	s := &service{answer: empty}
	for name, h := range map[string]string{"sampled": header, "not sampled": ""} {
		b.Run(name, func(b *testing.B) {
			newDaemon(b)
			tracer := open(b, s).Tracer()
			for b.Loop() {
				ctx := tracer.Begin(invoked(h), "invocation")
				tracer.Annotate(ctx, "service", "predict")
				tracer.End(ctx, nil)
			}
		})
	}
}
