package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/registry"
)

// retrained is a world whose model has a second version that the gate has not promoted over the first.
func retrained(t *testing.T) *world {
	t.Helper()
	w := loans(t)
	if j := w.finish(w.post("/train", `{"dataset":"loan","algorithm":"baseline"}`).is(http.StatusAccepted)); j.Status != job.Succeeded || j.Result["version"] != "2" {
		t.Fatalf("%+v", j)
	}
	if v, _, _ := w.state("loan").At(registry.Champion); v.Number != 1 {
		t.Fatalf("the baseline is champion: %d", v.Number)
	}
	return w
}

func TestUploadAndJob(t *testing.T) {
	w := empty(t)
	a := w.send("POST", "/datasets/loan?target=default", w.Keys.Operate, bytes.NewReader(people(320, 1)), "Content-Type: text/csv").is(http.StatusAccepted)
	only(t, "the answer", a.tree(), "job_id")
	id := a.tree()["job_id"].(string)
	if j := w.get("/jobs/" + id).is(http.StatusOK).tree(); j["status"] != "queued" || j["stage"] != "uploaded" || j["kind"] != "ingest" {
		t.Errorf("%v", j)
	}
	w.drain()
	j := w.get("/jobs/" + id).is(http.StatusOK).tree()
	has(t, "a job", j, "job_id", "kind", "status", "stage", "model", "created_at", "updated_at", "result")
	if j["status"] != "succeeded" || j["stage"] != "promote" || j["model"] != "loan" {
		t.Errorf("%v", j)
	}
	has(t, "the result", j["result"].(map[string]any), "raw", "validation", "data_version", "version", "sha256", "algorithm", "decision", "gate_report")
	problems(t, w.get("/jobs/nothing").is(http.StatusNotFound), "NotFound")
	w.sound("loan")

	again := w.upload("loan", "target=default", people(320, 1))
	if again.Status != job.Succeeded || len(w.state("loan").Versions) != 1 {
		t.Errorf("the same bytes again: %+v, %d versions", again, len(w.state("loan").Versions))
	}
	jsonl := `{"age":30,"income":1,"city":"Rome","default":1}` + "\n"
	v := w.send("POST", "/datasets/loan/validate", w.Keys.Operate, strings.NewReader(jsonl), "Content-Type: application/x-ndjson").is(http.StatusOK).tree()
	has(t, "a validation result", v, "success", "results", "statistics", "meta")
	if v["success"] != false {
		t.Errorf("one row with an income of 1 passes: %v", v["statistics"])
	}
	versions := len(w.state("loan").Versions)
	for _, format := range []string{"BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE"} {
		w.send("POST", "/datasets/loan/validate?result_format="+format, w.Keys.Operate, bytes.NewReader(people(320, 1)), "Content-Type: text/csv").is(http.StatusOK)
	}
	problems(t, w.send("POST", "/datasets/loan/validate?result_format=LOUD", w.Keys.Operate, bytes.NewReader(people(320, 1)), "Content-Type: text/csv").is(http.StatusBadRequest), "ValidationError", "result_format unknown_value")
	problems(t, w.send("POST", "/datasets/none/validate", w.Keys.Operate, bytes.NewReader(people(20, 1)), "Content-Type: text/csv").is(http.StatusNotFound), "NotFound")
	if len(w.state("loan").Versions) != versions {
		t.Error("validating made a version")
	}
	only(t, "the answer", w.post("/datasets/loan/upload-url?target=default", `{}`).is(http.StatusOK).tree(), "url", "method", "key", "headers", "job_id", "expires_at", "max_bytes")
	problems(t, w.send("POST", "/datasets/loan?colour=red&task=guess", w.Keys.Operate, bytes.NewReader(people(20, 1))).is(http.StatusBadRequest), "ValidationError", "colour unknown_parameter", "task unknown_value")
	problems(t, w.send("POST", "/datasets/loan", w.Keys.Operate, bytes.NewReader(people(20, 1)), "Content-Type: image/png").is(http.StatusUnsupportedMediaType), "UnsupportedMediaType")
	problems(t, w.send("POST", "/datasets/Loan%20!", w.Keys.Operate, bytes.NewReader(people(20, 1))).is(http.StatusBadRequest), "ValidationError")
}

// TestSameBytesOtherMeaning uploads one file several times and means something else each time: what was misread before is no obstacle.
func TestSameBytesOtherMeaning(t *testing.T) {
	w := empty(t)
	body := people(320, 1)
	if j := w.upload("loan", "target=nothing", body); j.Status != job.Failed || !strings.Contains(j.Error, "nothing") {
		t.Fatalf("%+v", j)
	}
	if j := w.upload("loan", "target=default", body); j.Status != job.Succeeded {
		t.Fatalf("after a wrong target the right one: %+v", j)
	}
	for _, query := range []string{"target=default&ignore=income", "target=default&segment=city", "target=default&positive=0", "target=default&task=regression", "target=income", "target=age%3E40&positive="} {
		versions := len(w.state("loan").Versions)
		j := w.upload("loan", query, body)
		if query == "target=default&task=regression" || query == "target=income" || strings.HasPrefix(query, "target=age") { // it is another question than the champion's: whatever comes of it is said
			if j.Status != job.Succeeded && j.Status != job.Failed {
				t.Errorf("%s: %+v", query, j)
			}
			continue
		}
		if j.Status != job.Succeeded || len(w.state("loan").Versions) != versions+1 {
			t.Errorf("%s: %+v and %d versions", query, j, len(w.state("loan").Versions))
		}
	}
	w.sound("loan")
}

func TestTrainPromoteRollback(t *testing.T) {
	w := retrained(t)
	problems(t, w.post("/train", `{"dataset":"none"}`).is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/train", `{"dataset":"loan","algorithm":"magic"}`).is(http.StatusBadRequest), "ValidationError", "algorithm unknown")
	w.post("/train", `{"dataset":"loan","algorithm":"boosting","params":{"treees":10,"leaves":-1}}`).is(http.StatusBadRequest)
	w.post("/train", `{"dataset":"loan","version":"../../x"}`).is(http.StatusNotFound)
	w.post("/train", `{"dataset":"loan@beef"}`).is(http.StatusNotFound)
	problems(t, w.post("/train", `{"dataset":"loan@latest","version":"beef"}`).is(http.StatusBadRequest), "ValidationError", "version contradiction")
	if j := w.finish(w.post("/train", `{"dataset":"loan@latest","algorithm":"baseline"}`).is(http.StatusAccepted)); j.Status != job.Succeeded || j.Result["version"] != "2" {
		t.Errorf("the version behind the name is not trained on: %+v", j)
	}

	// The gate's no is final, and said as what it is, as often as it is asked.
	for range 2 {
		problems(t, w.post("/models/loan/promotions", `{"version":"2","reason":"try"}`).is(http.StatusConflict), "Conflict")
	}
	dry := w.post("/models/loan/promotions", `{"version":"2","reason":"try","dry_run":true,"strategy":{"type":"ALL_AT_ONCE"}}`).is(http.StatusAccepted).tree()
	has(t, "a promotion", dry, "promotion_id", "state", "gate_report")
	report := dry["gate_report"].(map[string]any)
	has(t, "a gate report", report, "passed", "checks", "sha256")
	if dry["state"] != "dry_run" || report["passed"] != false {
		t.Errorf("%v", dry)
	}
	for _, c := range report["checks"].([]any) {
		has(t, "a check", c.(map[string]any), "name", "champion", "challenger", "diff", "ci95", "rule", "passed")
	}
	if v, _, _ := w.state("loan").At(registry.Champion); v.Number != 1 {
		t.Fatal("a dry run moved the alias")
	}
	problems(t, w.post("/models/loan/promotions", `{"version":2,"reason":"x"}`).is(http.StatusBadRequest), "ValidationError", "version wrong_type")
	problems(t, w.post("/models/loan/promotions", `{"version":"two","strategy":{"type":"LOTTERY"}}`).is(http.StatusBadRequest), "ValidationError", "version wrong_type", "reason missing", "strategy.type unsupported")
	problems(t, w.post("/models/loan/promotions", `{"version":"7","reason":"x"}`).is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/models/none/promotions", `{"version":"1","reason":"x"}`).is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/models/loan/rollback", `{"to":"previous","reason":"nothing was before"}`).is(http.StatusConflict), "Conflict")

	before := w.clock.now()
	w.clock.add(time.Hour)
	forced := w.post("/models/loan/promotions", `{"version":"2","reason":"hotfix","force":true}`).is(http.StatusAccepted).tree()
	if forced["state"] != "promoted" || forced["forced"] != true || forced["from"] != "1" {
		t.Errorf("%v", forced)
	}
	w.drain()
	w.sound("loan")
	if p := w.post("/predict", ana()).is(http.StatusOK).tree(); p["model_version"] != "2" {
		t.Errorf("%v", p)
	}
	w.clock.add(time.Hour)
	problems(t, w.post("/models/loan/rollback", `{"to":"x"}`).is(http.StatusBadRequest), "ValidationError", "version wrong_type", "reason missing")
	problems(t, w.post("/models/none/rollback", `{"reason":"x"}`).is(http.StatusNotFound), "NotFound")
	back := w.post("/models/loan/rollback", `{"to":"previous","reason":"worse"}`).is(http.StatusOK).tree()
	has(t, "a rollback", back, "from", "to", "verified", "golden_rows_matched", "history_id")
	if back["from"] != "2" || back["to"] != "1" || back["verified"] != true || back["golden_rows_matched"] != 64.0 {
		t.Errorf("%v", back)
	}
	w.drain()
	w.sound("loan")
	if p := w.post("/predict", ana()).is(http.StatusOK).tree(); p["model_version"] != "1" {
		t.Errorf("%v", p)
	}

	h := w.get("/models/loan/history").is(http.StatusOK).tree()
	only(t, "a history", h, "model", "history")
	var got []string
	for _, m := range h["history"].([]any) {
		move := m.(map[string]any)
		has(t, "a move", move, "at", "from", "to", "sha256", "kind", "actor", "reason", "forced", "ledger_seq", "verified")
		got = append(got, fmt.Sprintf("%v %v->%v forced %v verified %v by %v", move["kind"], move["from"], move["to"], move["forced"], move["verified"], move["actor"].(map[string]any)["id"]))
	}
	want := "promote 0->1 forced false verified true by agent; promote 1->2 forced true verified true by operator; rollback 2->1 forced false verified true by operator"
	if strings.Join(got, "; ") != want {
		t.Errorf("history\n%s, not\n%s", strings.Join(got, "; "), want)
	}
	for at, version := range map[string]any{"2020-01-01": nil, before.Format(time.RFC3339Nano): 1.0, w.clock.now().Add(-30 * time.Minute).Format(time.RFC3339): 2.0, w.clock.now().Format(time.RFC3339Nano): 1.0} {
		v := w.get("/models/loan/history?at=" + url.QueryEscape(at)).is(http.StatusOK).tree()
		champion, _ := v["champion"].(map[string]any)
		if version == nil && champion != nil || version != nil && champion["to"] != version {
			t.Errorf("at %s: %v", at, v)
		}
	}
	problems(t, w.get("/models/loan/history?at=yesterday").is(http.StatusBadRequest), "ValidationError", "at wrong_type")
	problems(t, w.get("/models/none/history").is(http.StatusNotFound), "NotFound")
	problems(t, w.get("/models/none/audit").is(http.StatusNotFound), "NotFound")
	problems(t, w.get("/models/loan/audit?from=x").is(http.StatusBadRequest), "ValidationError")
	var chain struct {
		Entries []audit.Entry
		Head    audit.Head
	}
	w.get("/models/loan/audit").is(http.StatusOK).into(&chain)
	if err := audit.VerifyTo(chain.Entries, chain.Head); err != nil {
		t.Errorf("what a reader gets does not verify: %v", err)
	}
}

func TestSwitch(t *testing.T) {
	w := loans(t)
	if v := w.post("/models/loan/switch", `{"kill":true,"reason":"holiday"}`).is(http.StatusOK).tree(); v["kill"] != true || v["dry_run"] != false || !w.state("loan").KillSwitch {
		t.Errorf("%v", v)
	}
	if v := w.post("/models/loan/switch", `{"dry_run":true,"kill":false,"reason":"back"}`).is(http.StatusOK).tree(); v["kill"] != false || v["dry_run"] != true {
		t.Errorf("%v", v)
	}
	if n := count(w.entries("loan"), audit.ConfigChanged); n != 2 {
		t.Errorf("%d entries", n)
	}
	problems(t, w.post("/models/loan/switch", `{"reason":"what"}`).is(http.StatusBadRequest), "ValidationError")
	problems(t, w.post("/models/none/switch", `{"kill":true,"reason":"x"}`).is(http.StatusNotFound), "NotFound")
	w.sound("loan")
}

func TestAlerts(t *testing.T) {
	w := loans(t)
	alert := func(status string) string {
		return `{"version":"4","groupKey":"g","truncatedAlerts":0,"status":"` + status + `","receiver":"mlops","groupLabels":{},"commonLabels":{"model":"loan"},"commonAnnotations":{},"externalURL":"http://a",
		"alerts":[{"status":"` + status + `","labels":{"alertname":"HighErrorRate","severity":"critical"},"annotations":{},"startsAt":"2026-03-02T09:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"f1"}]}`
	}
	a := w.post("/alerts", alert("firing")).is(http.StatusAccepted).tree()
	only(t, "the answer", a, "accepted", "rejected")
	if list, ok := a["rejected"].([]any); a["accepted"] != 1.0 || !ok || len(list) != 0 {
		t.Errorf("%v", a)
	}
	w.drain()
	list := w.get("/incidents").is(http.StatusOK).tree()["incidents"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d incidents", len(list))
	}
	i := list[0].(map[string]any)
	has(t, "an incident", i, "incident_id", "model", "type", "severity", "stage", "cause", "opened_at", "decisions")
	for range 20 { // a storm is one incident and one mail
		w.post("/alerts", alert("firing")).is(http.StatusAccepted)
	}
	w.drain()
	one := w.get("/incidents/" + i["incident_id"].(string)).is(http.StatusOK).tree()
	if one["model"] != "loan" || len(w.get("/incidents").tree()["incidents"].([]any)) != 1 {
		t.Errorf("%v", one)
	}
	mails, err := w.State.Mails.List(background)
	if err != nil || len(mails) != 1 {
		t.Errorf("%d mails, %v", len(mails), err)
	}
	problems(t, w.get("/incidents/INC-99").is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/alerts", `{"version":"3","alerts":[]}`).is(http.StatusBadRequest), "ValidationError")
	problems(t, w.post("/alerts", `{"version":"4","alerts":[]}`).is(http.StatusBadRequest), "ValidationError")
	problems(t, w.post("/alerts", `{"version":"4","alerts":[{"status":"firing","labels":{"model":"none"}},{"status":"firing","labels":{"model":"other"}}]}`).is(http.StatusBadRequest), "ValidationError", "labels.model unknown_model 0", "labels.model unknown_model 1")
	mixed := w.post("/alerts", `{"version":"4","alerts":[{"status":"firing","labels":{"model":"none"}},{"status":"resolved","fingerprint":"f1","labels":{"model":"loan","Model":"two labels that differ in case are two"}}]}`).is(http.StatusAccepted).tree()
	if mixed["accepted"] != 1.0 || len(mixed["rejected"].([]any)) != 1 {
		t.Errorf("%v", mixed)
	}
	w.drain()
	w.sound("loan")
}

func TestReportsAndDrift(t *testing.T) {
	w := loans(t)
	for range 3 {
		w.post("/predict", ana()).is(http.StatusOK)
	}
	if j := w.finish(w.post("/drift/check", `{"model":"loan"}`).is(http.StatusAccepted)); j.Status != job.Succeeded || j.Result["verdict"] == "" {
		t.Errorf("%+v", j)
	}
	if j := w.finish(w.post("/drift/check", ``).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Errorf("all models: %+v", j)
	}
	if j := w.finish(w.post("/reports", `{"kind":"weekly","model":"loan"}`).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Errorf("%+v", j)
	}
	kinds := map[string]string{}
	for _, r := range w.get("/reports").is(http.StatusOK).tree()["reports"].([]any) {
		report := r.(map[string]any)
		has(t, "a report", report, "id", "kind", "model", "title", "at", "key")
		kinds[report["kind"].(string)] = report["id"].(string)
	}
	for _, kind := range []string{"validation", "gate", "drift", "weekly"} {
		if kinds[kind] == "" {
			t.Errorf("no %s report: %v", kind, kinds)
			continue
		}
		page := w.get("/reports/" + url.PathEscape(kinds[kind])).is(http.StatusOK)
		if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !bytes.Contains(bytes.ToLower(page.body), []byte("<!doctype html>")) || bytes.Contains(page.body, []byte("<script")) {
			t.Errorf("%s: %s %.100s", kind, page.header.Get("Content-Type"), page.body)
		}
		data := w.send("GET", "/reports/"+url.PathEscape(kinds[kind]), w.Keys.Operate, nil, "Accept: application/json").is(http.StatusOK)
		if !json.Valid(data.body) {
			t.Errorf("%s: %.100s", kind, data.body)
		}
	}
	problems(t, w.get("/reports/none").is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/reports", `{"kind":"daily"}`).is(http.StatusBadRequest), "ValidationError", "kind unknown_value")
	problems(t, w.post("/reports", `{"kind":"weekly","model":"none"}`).is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/drift/check", `{"model":"none"}`).is(http.StatusNotFound), "NotFound")
	problems(t, w.post("/drift/check", `{"mode":"loan"}`).is(http.StatusBadRequest), "ValidationError", "mode unknown_field")
	if v := w.get("/approvals").is(http.StatusOK).tree(); fmt.Sprint(v["approvals"]) != "[]" {
		t.Errorf("%v", v)
	}
	if v := w.get("/models").is(http.StatusOK).tree()["models"].([]any); len(v) != 1 {
		t.Errorf("%v", v)
	}
	none := empty(t)
	for path, body := range map[string]string{"/drift/check": `{}`, "/reports": `{"kind":"weekly"}`} {
		if j := none.finish(none.post(path, body).is(http.StatusAccepted)); j.Status != job.Succeeded {
			t.Errorf("%s where there is no model never ends: %+v", path, j)
		}
	}
}

func TestDashboard(t *testing.T) {
	w := loans(t)
	page := w.send("GET", "/dashboard/", "", nil).is(http.StatusUnauthorized)
	if !bytes.Contains(page.body, []byte("Sign in")) {
		t.Errorf("%.200s", page.body)
	}
	w.send("GET", "/dashboard/", w.Keys.Operate, nil).is(http.StatusUnauthorized) // a key is for programs
	link := w.Edge.SignIn("abcdefghijklmnop")
	in := w.send("GET", link, "", nil).is(http.StatusSeeOther)
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/dashboard/"} {
		if !strings.Contains(in.header.Get("Set-Cookie"), want) {
			t.Errorf("cookie %s", in.header.Get("Set-Cookie"))
		}
	}
	w.send("GET", link, "", nil).is(http.StatusUnauthorized) // once
	w.send("GET", "/dashboard/sign-in?code=guess", "", nil).is(http.StatusUnauthorized)
	for _, path := range []string{"/dashboard/", "/dashboard/models/loan"} {
		p := w.send("GET", path, "", nil, "Cookie: "+cookie).is(http.StatusOK)
		if bytes.Contains(p.body, []byte("<script")) || !strings.Contains(p.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, p.header)
		}
	}
	w.send("GET", "/dashboard/models/none", "", nil, "Cookie: "+cookie).is(http.StatusNotFound)
	name, value, _ := strings.Cut(cookie, "=")
	flipped := "A"
	if strings.HasSuffix(value, "A") {
		flipped = "E"
	}
	for _, forged := range []string{name + "=", name + "=9999999999.AAAA", name + "=" + value[:len(value)-1] + flipped + "x", name + "=9" + value} {
		w.send("GET", "/dashboard/", "", nil, "Cookie: "+forged).is(http.StatusUnauthorized)
	}
	w.clock.add(13 * time.Hour)
	w.send("GET", "/dashboard/", "", nil, "Cookie: "+cookie).is(http.StatusUnauthorized)
	old := w.Edge.SignIn("qrstuvwxyz")
	w.clock.add(25 * time.Hour)
	w.send("GET", old, "", nil).is(http.StatusUnauthorized)
	if r := w.send("GET", "/", "", nil).is(http.StatusFound); r.header.Get("Location") != "/dashboard/" {
		t.Errorf("%v", r.header)
	}
}
