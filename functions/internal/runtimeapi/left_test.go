package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/approval"
	"mlops/shared/audit"
)

// thing is an object or an item that a world keeps; its key says where: data/, models/ or table/<partition>/.
type thing struct {
	key  string
	body []byte
}

// rule replaces what has to differ between two plays of one story. Everything that no rule names has to be equal to the last byte.
type rule struct{ form, word, why string }

const (
	ulid      = `\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b`
	requestID = `"request_id": ?"[^"]*"`
)

var rules = []rule{
	{`\b(validation/\d{4}/\d{2}/\d{2}/[\w-]+)-[0-9a-f]{12}\b`, "$1-<report>", "the name of a validation's report ends with its digest, and the report says when the rows were looked at"},
	{`-\d{6}\.\d{9}\b`, "-<clock>", "the name of a gate's report ends with the time of day"},
	{ulid, "<id>", "ids are random; who shares one is compared by roles"},
	{`\bobject-[0-9a-f]{26}\b`, "<id>", "a job of a file laid into a bucket is named by the object, any other one by an id"},
	{`\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)`, "<time>", "times of events, entries, requests and votes"},
	{`\b\d{8}T\d{6}\.\d{6}Z`, "<time>", "Great Expectations' spelling of the same"},
	{`\b\d{4}/\d{2}/\d{2}(/\d{2})?/`, "<day>/", "keys hold the day, or the hour"},
	{`\b(label#[a-z]+#)\d{10}\b`, "$1<hour>", "labels lie in a partition for each hour"},
	{`\b\d{1,2} [A-Z][a-z]{2} \d{4}( \d{2}:\d{2} UTC)?`, "<time>", "times as people read them"},
	{`\b[A-Z][a-z]{2} (\d{1,2} [A-Z][a-z]{2} )?\d{2}:\d{2} UTC`, "<time>", "times as people read them in a mail"},
	{`"(label|median)_delay_days":[0-9.e+-]+`, `"${1}_delay_days":<measured>`, "how long the labels took to come is measured by the clock"},
	{requestID, `"request_id":<request>`, "API Gateway names requests otherwise than a machine does, and a file in a bucket comes without one"},
	{`"id": ?"(s3|operator)"`, `"id":<uploader>`, "S3 brings the file in the cloud, an operator's request on a machine"},
	{`"(start_time|end_time|timestamp|seconds)": ?[0-9.e+-]+`, `"$1":<measured>`, "how long a training took, and when, stands in its record"},
	{`("key": "[a-z_]*seconds",\s*"value":) ?[0-9.e+-]+`, "$1<measured>", "the same, as a metric of it"},
	{`("key": "mlops\.(threads|cpus|memory_mb)",\s*"value":) ?"[^"]*"|("([Tt]hreads|cpus|memory_mb)":) ?\d+`, "$1$3<machine>", "a function has as many threads as its memory buys, and what is trained does not depend on them"},
	{`<dd>(s3|operator)</dd>`, `<dd><uploader></dd>`, "the same, in the validation's report"},
	{links, "<address>", "a cloud has the address of its API, a machine the one its owner gave it"},
	{`\?t=v1\.k1\.[\w.-]+`, "?t=<token>", "a link holds times, a nonce and a code made by the world's own key"},
	{`\bowner@(localhost|example\.com)`, "<owner>", "a machine's owner has no address of their own"},
}

var compiled = func() (out []*regexp.Regexp) {
	for _, r := range rules {
		out = append(out, regexp.MustCompile(r.form))
	}
	return out
}()

// derived gives names to the digests of things with a time or an id in them: the hashes of the chain, what was observed, what was planned, and
// the tokens that were used. They are those that the ledger and the request say they are, in their order, and no others.
func (s *story) derived() *strings.Replacer {
	var pairs []string
	seen := map[string]bool{}
	name := func(kind, digest string) {
		if len(digest) == 64 && !seen[digest] {
			seen[digest] = true
			word := fmt.Sprintf("<%s %d>", kind, len(seen))
			pairs = append(pairs, digest, word, digest[:12], word) // pages show the beginning
		}
	}
	for _, x := range s.kept {
		var e audit.Entry
		if strings.HasPrefix(x.key, "table/audit#") && json.Unmarshal(x.body, &e) == nil {
			name("observation", e.Inputs["observation"])
			name("plan", e.Inputs["plan"])
			name("hash", e.Hash)
		}
		var r approval.Request
		if strings.HasPrefix(x.key, "table/approval/") && json.Unmarshal(x.body, &r) == nil {
			for _, v := range r.Votes {
				name("token", v.Token)
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// exact reports whether what lies at a key is compared as it is: the artefacts, and tables of people's data. The record of a training has an id and times.
func exact(key string) bool {
	return strings.HasPrefix(key, "models/") && !strings.HasSuffix(key, "/run.json") || strings.HasSuffix(key, ".csv")
}

func plain(text string, digests *strings.Replacer) string {
	text = digests.Replace(text)
	for i, r := range rules {
		text = compiled[i].ReplaceAllString(text, r.word)
	}
	return text
}

// plainly is what was kept, by key, with everything replaced that has to differ. Several things may come to share a key.
func (s *story) plainly() map[string][]string {
	out := map[string][]string{}
	digests := s.derived()
	for _, x := range s.kept {
		key, body := plain(x.key, digests), string(x.body)
		if !exact(x.key) {
			body = plain(body, digests)
		}
		out[key] = append(out[key], body)
	}
	for _, m := range s.mails {
		out["mails"] = append(out["mails"], plain(fmt.Sprintf("to %s: %s\n%s", m.to, m.subject, m.body), digests))
	}
	for _, bodies := range out {
		slices.Sort(bodies)
	}
	return out
}

var (
	identifier = regexp.MustCompile(ulid + `|\bobject-[0-9a-f]{26}\b`)
	requested  = regexp.MustCompile(requestID)
)

// roles tells for each id where it stands, without telling the id: two worlds agree when the same ids are shared by the same things.
func (s *story) roles() []string {
	at := map[string][]string{}
	digests := s.derived()
	for _, x := range s.kept {
		key := plain(x.key, digests)
		for _, id := range identifier.FindAllString(x.key, -1) {
			at[id] = append(at[id], "names "+key)
		}
		if exact(x.key) {
			continue
		}
		for _, id := range identifier.FindAllString(requested.ReplaceAllString(string(x.body), ""), -1) {
			at[id] = append(at[id], "in "+key)
		}
	}
	var out []string
	for _, places := range at {
		slices.Sort(places)
		out = append(out, strings.Join(places, ", "))
	}
	slices.Sort(out)
	return out
}

// compare holds what two worlds keep against each other.
func compare(t *testing.T, one, other *story) {
	a, b := one.plainly(), other.plainly()
	things := 0
	for key, bodies := range a {
		things += len(bodies)
		for _, gone := range []string{"table/outbox", "table/delivery#", "table/deadletter", "table/schedule"} {
			if strings.HasPrefix(key, gone) {
				t.Errorf("%s is left", key)
			}
		}
		if len(bodies) != len(b[key]) {
			t.Errorf("%s: %d on a machine, %d in the cloud", key, len(bodies), len(b[key]))
			continue
		}
		for i := range bodies {
			if why := difference(bodies[i], b[key][i]); why != "" {
				t.Errorf("%s, %d of %d: %s", key, i+1, len(bodies), why)
				break
			}
		}
	}
	for key := range b {
		if a[key] == nil {
			t.Errorf("%s: only in the cloud", key)
		}
	}
	ra, rb := one.roles(), other.roles()
	if why := difference(strings.Join(ra, "\n"), strings.Join(rb, "\n")); why != "" {
		t.Errorf("ids are shared otherwise: %s", why)
	}
	if things < 350 || len(ra) < 300 { // 290 captured rows with their labels, and what the platform made of them
		t.Errorf("only %d things with %d ids were compared", things, len(ra))
	}
	t.Logf("%d objects, items and mails under %d keys are the same; %d ids stand at the same places", things, len(a), len(ra))
}

// difference shows the first place where two texts differ.
func difference(a, b string) string {
	if a == b {
		return ""
	}
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	around := func(s string) string { return fmt.Sprintf("%q", s[max(0, i-80):min(len(s), i+120)]) }
	return fmt.Sprintf("at byte %d\n machine %s\n cloud   %s", i, around(a), around(b))
}

// TestRules: what the rules replace is what has to differ, and nothing that says what was measured, made or decided.
func TestRules(t *testing.T) {
	none := strings.NewReplacer()
	for _, r := range []string{"", "models/", ".csv"} {
		if exact("data/reports/x"+r) != (r == ".csv") {
			t.Errorf("exact(%q)", r)
		}
	}
	for _, same := range [][2]string{
		{`"at":"2026-03-02T09:00:00Z"`, `"at":"2027-03-02T09:00:00.123Z"`},
		{"capture/heart/champion/2026/03/02/09/01JD7ZQH3M6T7K9V4X2C8B5N1A.jsonl", "capture/heart/champion/2026/12/31/23/01M87KNT9XFCYF51V7CN30687S.jsonl"},
		{"expires Fri 20:24 UTC", "expires Sat 07:01 UTC"}, {"ends Fri 27 Nov 20:24 UTC", "ends Sat 5 Dec 07:01 UTC"}, {"24 Nov 2026 20:24 UTC", "1 Jan 2027 00:00 UTC"},
	} {
		if a, b := plain(same[0], none), plain(same[1], none); a != b {
			t.Errorf("%s and %s are told apart", a, b)
		}
	}
	digest := strings.Repeat("ab", 32)
	for _, text := range []string{`"auc":0.9018349`, `"diff":"0.046"`, `"rows":290`, `"sha256":"` + digest + `"`, "models/heart/sha256/" + digest + "/model.bin", "processed/heart/" + digest + "/train.csv",
		`"kind":"alias.promoted","from":1,"to":2`, `"reason":"version 2 passed: auc +0.046 [0.021, 0.071] on 380 rows"`, `"id":"alice@example.com"`, `"status":"Approved"`, `"severity":"high"`, "realised AUC 0.522 [0.456, 0.587], was 0.907, n = 290",
		"golden.json", "reference/heart/1/profile.json", `"days":7.5`, `"policy":"` + digest + `"`, "$0.0011", "2026 predictions"} {
		if got := plain(text, none); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	if time.Until(scheduledTime(3*time.Second)) <= time.Second {
		t.Error("a schedule's time is past")
	}
}
