package awstest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Outcome is what becomes of a request on its way to the emulator.
type Outcome uint8

// The outcomes.
const (
	Pass      Outcome = iota
	Drop              // it never arrives
	LoseReply         // it is done, and the connection ends before the answer
	Throttle          // it is refused, as AWS refuses too many
	Forbid            // it is refused, as AWS refuses a role without the permission
	Lack              // it is refused, as an emulator refuses what it does not have
)

// Proxy stands between the SDK and the emulator. It spoils requests as it is told, keeps what was published and mailed, and lends moto what
// DynamoDB promises: transactions one after the other, and a request token that is applied once.
type Proxy struct {
	URL       string
	target    *url.URL
	transport http.RoundTripper
	mends     bool

	mu      sync.Mutex
	plan    func(n int, call string) Outcome
	calls   int
	applied map[string]reply
	entries []Entry
	mails   []Mail
	lacked  []string

	turn sync.Mutex
}

// Entry is one event as it was published.
type Entry struct {
	Source     string
	DetailType string
	Detail     string
	Bus        string `json:"EventBusName"`
}

// Mail is one message as it was published on a topic.
type Mail struct {
	Topic, Subject, Message string
	Attributes              map[string]string
}

type reply struct {
	status int
	header http.Header
	body   []byte
	asked  string
}

// Spoil sets what becomes of the requests from now on; the first is 1, and call names it, such as "DynamoDB_20120810.GetItem", "Publish" or "PUT". nil
// lets all pass.
func (p *Proxy) Spoil(plan func(n int, call string) Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.calls = plan, 0
}

// Calls is how many requests came since the last Spoil.
func (p *Proxy) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Lacked names the calls that the emulator answered with 501: it does not have them.
func (p *Proxy) Lacked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lacked)
}

// Published gives the events that were published since the last call.
func (p *Proxy) Published() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.entries
	p.entries = nil
	return out
}

// Mails gives the mails that were sent since the last call.
func (p *Proxy) Mails() []Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.mails
	p.mails = nil
	return out
}

// ServeHTTP carries one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	call := named(r, body)
	p.mu.Lock()
	p.calls++
	o := Pass
	if p.plan != nil {
		o = p.plan(p.calls, call)
	}
	p.mu.Unlock()
	switch o {
	case Drop:
		panic(http.ErrAbortHandler)
	case Throttle:
		refuse(w, r, http.StatusServiceUnavailable, "SlowDown", "ThrottlingException")
		return
	case Forbid:
		refuse(w, r, http.StatusForbidden, "AccessDenied", "AccessDeniedException")
		return
	case Lack:
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	answer, err := p.pass(r, call, body)
	if err != nil || o == LoseReply {
		panic(http.ErrAbortHandler)
	}
	for k, v := range answer.header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body)
}

// named is the name of a call, where its protocol gives it one; else the method.
func named(r *http.Request, body []byte) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target
	}
	if isForm(r.Header.Get("Content-Type")) {
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
			return form.Get("Action")
		}
	}
	return r.Method
}

// refuse answers in the words of the protocol that was asked in: S3's, the query protocol's of SNS, or JSON.
func refuse(w http.ResponseWriter, r *http.Request, code int, s3, json string) {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws#`+json+`","message":"refused"}`)
	case isForm(r.Header.Get("Content-Type")):
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "<ErrorResponse><Error><Type>Sender</Type><Code>"+json+"</Code><Message>refused</Message></Error><RequestId>0</RequestId></ErrorResponse>")
	default:
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "<Error><Code>"+s3+"</Code><Message>refused</Message></Error>")
	}
}

func isForm(contentType string) bool {
	return strings.HasPrefix(contentType, "application/x-www-form-urlencoded")
}

// pass does the request, and keeps what it says.
func (p *Proxy) pass(r *http.Request, call string, body []byte) (reply, error) {
	if p.mends { // its transactions would undo each other
		p.turn.Lock()
		defer p.turn.Unlock()
	}
	token := ""
	if p.mends && strings.HasSuffix(call, ".TransactWriteItems") {
		var in struct{ ClientRequestToken string }
		if json.Unmarshal(body, &in) == nil {
			token = in.ClientRequestToken
		}
		if earlier, ok := p.applied[token]; ok && token != "" {
			if earlier.asked != string(body) {
				return reply{status: http.StatusBadRequest, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
					body: []byte(`{"__type":"com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException","message":"another request"}`)}, nil
			}
			return earlier, nil
		}
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.target.String(), bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.URL.Path, req.URL.RawPath, req.URL.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	req.Header, req.Host = r.Header.Clone(), r.Host
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{res.StatusCode, res.Header, got, string(body)}
	if r.Method == http.MethodHead {
		out.body = nil
	}
	if res.StatusCode == http.StatusNotImplemented {
		p.lack(call, r)
	}
	if res.StatusCode == http.StatusOK {
		if token != "" {
			p.applied[token] = out
		}
		p.keep(call, body)
	}
	return out, nil
}

// lack remembers a call that the emulator does not have.
func (p *Proxy) lack(call string, r *http.Request) {
	if call == r.Method {
		call += " " + r.URL.Path
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.lacked, call) {
		p.lacked = append(p.lacked, call)
	}
}

// keep remembers what left the platform.
func (p *Proxy) keep(call string, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch call {
	case "AWSEvents.PutEvents":
		var in struct{ Entries []Entry }
		if json.Unmarshal(body, &in) == nil {
			p.entries = append(p.entries, in.Entries...)
		}
	case "Publish":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return
		}
		m := Mail{Topic: form.Get("TopicArn"), Subject: form.Get("Subject"), Message: form.Get("Message"), Attributes: map[string]string{}}
		for i := '1'; i <= '9'; i++ {
			at := "MessageAttributes.entry." + string(i)
			if name := form.Get(at + ".Name"); name != "" {
				m.Attributes[name] = form.Get(at + ".Value.StringValue")
			}
		}
		p.mails = append(p.mails, m)
	}
}
