package runtimeapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/capture"
	"mlops/shared/approval"
	"mlops/shared/control"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// clocks: AWS's clock is an hour from ours. The SDK learns the difference from the first refusal, and signs by AWS's time from then on.
func (x *trouble) clocks() {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		there := skewed(x.t, x.cloud.URL, skew)
		x.restart(topology.Predict, map[string]string{"AWS_ENDPOINT_URL": there.URL})
		_, rows, _ := site(x.t, "south")
		status, answer := x.call("POST", "/predict", rows[1])
		if status != http.StatusOK || there.refused == 0 {
			x.t.Errorf("%s ahead of us: %d %v; %d requests were refused\n%s", skew, status, answer, there.refused, x.logs[topology.Predict])
		}
		n := there.refused
		if status, _ = x.call("POST", "/predict", rows[2]); status != http.StatusOK || there.refused != n {
			x.t.Errorf("%s ahead of us, the second time: %d, %d more refused", skew, status, there.refused-n)
		}
	}
	x.logged(topology.Predict)
}

// skewedCloud is a cloud whose clock differs from ours. It refuses what was not signed within a quarter of an hour of its own time, as S3 does
// (RequestTimeTooSkewed) and DynamoDB (InvalidSignatureException).
type skewedCloud struct {
	URL     string
	refused int
}

func skewed(t *testing.T, behind string, skew time.Duration) *skewedCloud {
	t.Helper()
	c := &skewedCloud{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(skew).UTC()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if off := now.Sub(signed); err != nil || off > 15*time.Minute || off < -15*time.Minute {
			c.refused++
			if r.Header.Get("X-Amz-Target") != "" {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature not yet current"}`)
				return
			}
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message></Error>")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		on, err := http.NewRequestWithContext(r.Context(), r.Method, behind+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		on.Header, on.Host = r.Header.Clone(), r.Host
		res, err := http.DefaultTransport.RoundTrip(on)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer res.Body.Close()
		for k, v := range res.Header {
			if k != "Date" {
				w.Header()[k] = v
			}
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body) // whoever asked may be gone
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// links: the clock of who asks is an hour from the clock of who takes votes.
func (x *trouble) links() {
	now := time.Now().UTC().Truncate(time.Second)
	for name, c := range map[string]struct {
		made   time.Time
		life   time.Duration
		status int
		words  string
	}{
		"an hour ahead":                    {now.Add(time.Hour), 72 * time.Hour, http.StatusConflict, "one of the two clocks is wrong"},
		"a minute ahead":                   {now.Add(time.Minute), 72 * time.Hour, http.StatusOK, "heart"},
		"an hour behind":                   {now.Add(-time.Hour), 72 * time.Hour, http.StatusOK, "heart"},
		"an hour behind, and over by that": {now.Add(-time.Hour), 59 * time.Minute, http.StatusGone, "ended at"},
	} {
		r, token, form := x.question(c.made, c.life)
		if status, page := x.operate("GET", "/approvals/"+r.ID+"?t="+url.QueryEscape(token), nil); status != c.status || !strings.Contains(page, c.words) {
			x.t.Errorf("%s: the page answers %d: %s", name, status, page)
		}
		before := len(x.entries())
		status, page := x.operate("POST", "/approvals/"+r.ID, form)
		var after approval.Request
		if _, err := x.store.Get(background, control.Approval(r.ID), &after); err != nil {
			x.t.Fatal(err)
		}
		voted := status == http.StatusOK && after.Status == approval.Approved && len(x.entries()) == before+2
		kept := after.Status == approval.Pending && after.Attempts == 0 && len(x.entries()) == before && strings.Contains(page, c.words)
		if status != c.status || c.status == http.StatusOK && !voted || c.status != http.StatusOK && !kept {
			x.t.Errorf("%s: the vote answers %d; the request is %s: %s", name, status, after.Status, page)
		}
	}
	x.cloud.Published() // the approved plans are nobody's
}

// windows: a schedule's time is an hour from the clock of who captured. Rows that are not in the window yet, or no more, are in another one.
func (x *trouble) windows() {
	for _, in := range []time.Duration{-time.Hour, time.Second, time.Hour} { // the first is from before the model served
		x.tick("drift", in)
	}
	x.carry()
	rows := map[int]int{}
	for _, key := range x.keys("reports/drift/") {
		var m struct{ Rows int }
		if strings.HasSuffix(key, ".json") && strings.Count(key, "/") == 5 { // deeper lie SageMaker's files of each
			if err := json.Unmarshal(contentOf(x.t, x.data, key), &m); err != nil {
				x.t.Fatal(err)
			}
			rows[m.Rows]++
		}
	}
	_, pointer, _ := x.state().At(registry.Champion)
	served := 0
	for _, key := range x.keys("capture/heart/champion/") {
		for line := range bytes.Lines(contentOf(x.t, x.data, key)) {
			r, err := capture.Decode(line)
			if err != nil {
				x.t.Fatal(err)
			}
			if !r.At.Before(pointer.Since) {
				served++
			}
		}
	}
	if served < 5 || rows[0] != 1 || rows[served] != 2 {
		x.t.Errorf("%d rows were served by the champion; windows by rows: %v", served, rows)
	}
}
