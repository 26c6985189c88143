package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/functions/internal/trend"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/fault"
	"mlops/shared/quality"
)

// reconfigured writes a configuration, and suites into the data bucket, and opens the platform anew.
func (w *world) reconfigured(name, text string, suites map[string]string) *world {
	w.Helper()
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "config", name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	for file, suite := range suites {
		path := filepath.Join(w.dir, "data", "config", "suites", file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(suite), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	return open(w.T, w.dir, w.clock)
}

const loanSuite = `{"name": "loan-rules", "expectations": [
 {"type": "expect_column_values_to_be_between", "kwargs": {"column": "age", "min_value": 18, "max_value": 100}, "severity": "critical"},
 {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "city", "value_set": ["Bern", "Oslo", "Rome"]}, "severity": "warning"},
 {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "income", "mostly": 0.5}, "severity": "critical"}]}`

// rejected reads the one list of rows to mend.
func (w *world) rejected(key string) string {
	w.Helper()
	b, err := w.State.Data.Get(background, key, 1<<20)
	if err != nil {
		w.Fatal(err)
	}
	return string(b)
}

// TestCheckpoint: what fails at severity critical trains nothing; with another policy its rows are set aside; the list says where to mend, and the
// ledger by which checkpoints it was decided.
func TestCheckpoint(t *testing.T) {
	w := empty(t).reconfigured("checkpoints.yaml", "datasets: {loan: {suite: loan.json}}\n", map[string]string{"loan.json": loanSuite})
	body := append(people(320, 1), "7,2000,Rome,1\n45,2100,Paris,0\n"...)
	j := w.upload("loan", "target=default", body)
	if j.Status != job.Failed || j.Stage != "rejected" || !strings.Contains(j.Error, "severity critical") {
		t.Fatalf("%+v", j)
	}
	list := w.rejected(j.Result["rejected"])
	for _, line := range []string{"\n321,age,expect_column_values_to_be_between,", ",critical,7,the whole upload was refused\n", "\n322,city,expect_column_values_to_be_in_set,", ",warning,Paris,kept\n"} {
		if !strings.Contains(list, line) {
			t.Errorf("no %q in %s", line, list)
		}
	}
	if names, err := w.State.Store.Models(background); err != nil || count(w.entries("loan"), audit.TrainDone) != 0 {
		t.Errorf("trained: %v %v", names, err)
	}
	mails, err := w.State.Mails.List(background)
	if err != nil || len(mails) != 1 || !strings.Contains(mails[0].Subject, "loan: an upload was refused") || !strings.Contains(strings.Join(strings.Fields(mails[0].Body), ""), j.Result["rejected"]) {
		t.Errorf("%+v, %v", mails, err)
	}

	w = w.reconfigured("checkpoints.yaml", "datasets: {loan: {suite: loan.json, on_failure: {critical: reject}}}\n", nil)
	j = w.upload("loan", "target=default", body)
	if j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	list = w.rejected(j.Result["rejected"])
	if !strings.Contains(list, ",critical,7,set aside\n") || !strings.Contains(list, ",warning,Paris,kept\n") {
		t.Error(list)
	}
	var checkpoints []string
	for _, e := range w.entries("loan") {
		if e.Kind == audit.ValidatePassed || e.Kind == audit.ValidateFailed {
			checkpoints = append(checkpoints, e.Policy.Name+e.Policy.Version)
			if e.Kind == audit.ValidatePassed && (e.Inputs["rows"] != "321" || e.Inputs["rejected"] != "1") {
				t.Errorf("%+v", e.Inputs)
			}
		}
	}
	if len(checkpoints) != 2 || checkpoints[0] == checkpoints[1] || !strings.HasPrefix(checkpoints[0], "checkpoints") {
		t.Errorf("decided by %v", checkpoints)
	}
	report := w.get("/reports").is(http.StatusOK).tree()["reports"].([]any)
	shown := false
	for _, r := range report {
		m := r.(map[string]any)
		if m["kind"] == "validation" {
			shown = shown || bytes.Contains(w.get("/reports/"+m["id"].(string)).is(http.StatusOK).body, []byte("Rows to mend"))
		}
	}
	if !shown {
		t.Error("no report shows the rows to mend")
	}

	// On demand: a table, and without one the newest version.
	var r struct{ Success bool }
	w.send("POST", "/datasets/loan/validate", w.Keys.Operate, bytes.NewReader(body), "Content-Type: text/csv").is(http.StatusOK).into(&r)
	if r.Success {
		t.Error("the upload passes on demand")
	}
	a := w.send("POST", "/datasets/loan/validate?result_format=BOOLEAN_ONLY", w.Keys.Operate, http.NoBody).is(http.StatusOK)
	if a.into(&r); r.Success { // Paris is in it
		t.Errorf("%s", a.body)
	}
	w.sound("loan")
}

// TestCheckpointWithoutItsSuite: a suite that is not there refuses the upload and says where to put it; a configuration that is wrong is said at start-up.
func TestCheckpointWithoutItsSuite(t *testing.T) {
	w := empty(t).reconfigured("checkpoints.yaml", "datasets: {loan: {suite: absent.json}}\n", nil)
	if j := w.upload("loan", "target=default", people(320, 1)); j.Status != job.Failed || !strings.Contains(j.Error, "config/suites/absent.json") {
		t.Errorf("%+v", j)
	}
	if err := w.State.Data.Create(background, "config/suites/absent.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if j := w.upload("loan", "target=default", people(320, 2)); j.Status != job.Failed || !strings.Contains(j.Error, "read the suite config/suites/absent.json") {
		t.Errorf("%+v", j)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "config", "checkpoints.yaml"), []byte("datasets: {loan: {on_failure: {critical: warn}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: w.dir, Now: w.clock.now, Log: w.options.Log}); err == nil || !strings.Contains(err.Error(), "checkpoints") {
		t.Errorf("%v", err)
	}
}

// detailsOf are the problems that an answer names.
func detailsOf(a answer) []fault.Detail {
	a.Helper()
	var e struct{ Detail []fault.Detail }
	a.into(&e)
	return e.Detail
}

// TestOtherTables compares a dataset with another's newest version, reads the types of JSON Lines, and raises what must not be caught.
func TestOtherTables(t *testing.T) {
	w := loans(t)
	w = w.reconfigured("checkpoints.yaml", "datasets: {loan: {suite: loan.json}}\n", map[string]string{"loan.json": `{"expectations": [
 {"type": "expect_table_row_count_to_equal_other_table", "kwargs": {"other_table_name": "loan"}},
 {"type": "expect_table_row_count_to_equal_other_table", "kwargs": {"other_table_name": "nothing"}},
 {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "code", "type_": "str"}}]}`})
	var r struct {
		Results []struct {
			Result map[string]any
			Info   struct {
				Message string `json:"exception_message"`
			} `json:"exception_info"`
		}
	}
	w.send("POST", "/datasets/loan/validate", w.Keys.Operate, strings.NewReader("{\"code\": 1}\n{\"code\": \"a\"}\n"), "Content-Type: application/x-ndjson").is(http.StatusOK).into(&r)
	if len(r.Results) != 3 || !strings.Contains(r.Results[0].Info.Message, "nothing") || r.Results[2].Result["unexpected_count"] != 1.0 {
		t.Fatalf("%+v", r)
	}
	if other := r.Results[1].Result["observed_value"].(map[string]any); other["self"] != 2.0 || other["other"].(float64) < 300 {
		t.Errorf("%v", other)
	}
	w = w.reconfigured("checkpoints.yaml", "datasets: {loan: {suite: loan.json}}\n", map[string]string{"loan.json": `{"expectations": [
 {"type": "expect_column_min_to_be_between", "kwargs": {"column": "nowhere", "min_value": 1, "catch_exceptions": false}}]}`})
	a := w.send("POST", "/datasets/loan/validate", w.Keys.Operate, http.NoBody).is(http.StatusBadRequest)
	if !bytes.Contains(a.body, []byte("nowhere")) || !bytes.Contains(a.body, []byte("catch_exceptions")) {
		t.Errorf("%s", a.body)
	}
}

const loanRequests = `datasets:
  loan:
    requests:
      inline: {name: loan-requests, expectations: [
        {type: expect_column_values_to_be_between, kwargs: {column: age, min_value: 18, max_value: 65}, severity: critical},
        {type: expect_column_values_to_be_in_set, kwargs: {column: city, value_set: [Bern, Oslo]}, severity: critical},
        {type: expect_column_values_to_not_be_null, kwargs: {column: default}, severity: critical},
        {type: expect_column_values_to_be_between, kwargs: {column: income, min_value: 0, max_value: 3000}, severity: warning}]}
`

// TestRequestRules: every protocol refuses what the rules refuse in its own shape, and warns of what they warn of; without rules nothing changes.
func TestRequestRules(t *testing.T) {
	w := loans(t)
	fine := `{"age":66,"income":3500,"city":"Rome"}`
	w.post("/predict", fine).is(http.StatusOK)
	w = w.reconfigured("checkpoints.yaml", loanRequests, nil) // taken into use at start-up
	details := detailsOf(w.post("/predict", fine).is(http.StatusBadRequest))
	if len(details) != 2 || details[0].Field != "age" || details[0].Code != "out_of_range" || details[0].Expected != "18..65" || fmt.Sprint(details[0].Got) != "66" ||
		details[1].Field != "city" || details[1].Code != "not_in_set" || details[1].Expected != "one of Bern, Oslo" {
		t.Errorf("%+v", details)
	}
	details = detailsOf(w.post("/predict/batch", `{"samples":[{"age":40,"income":2000,"city":"Bern"},`+fine+`]}`).is(http.StatusBadRequest))
	if len(details) != 2 || details[0].Row == nil || *details[0].Row != 1 {
		t.Errorf("%+v", details)
	}
	warnings := w.post("/predict", `{"age":40,"income":3500,"city":"Bern"}`).is(http.StatusOK).tree()["warnings"]
	if b, _ := json.Marshal(warnings); !bytes.Contains(b, []byte(`"0..3000"`)) || bytes.Count(b, []byte("income")) != 1 {
		t.Errorf("%s", b)
	}
	for path, body := range map[string]string{
		"/v2/models/loan/infer":   `{"inputs":[{"name":"age","shape":[1],"datatype":"FP64","data":[66]},{"name":"income","shape":[1],"datatype":"FP64","data":[2000]},{"name":"city","shape":[1],"datatype":"BYTES","data":["Bern"]}]}`,
		"/v1/models/loan:predict": `{"instances":[{"age":66,"income":2000,"city":"Bern"}]}`,
		"/invocations":            `{"dataframe_records":[{"age":66,"income":2000,"city":"Bern"}]}`,
	} {
		a := w.post(path, body).is(http.StatusBadRequest)
		if !bytes.Contains(a.body, []byte("age")) || !bytes.Contains(a.body, []byte("18..65")) {
			t.Errorf("%s says %s", path, a.body)
		}
		want := "error"
		if path == "/invocations" {
			want = "error_code"
		}
		has(t, path, a.tree(), want)
		w.post(path, strings.ReplaceAll(body, "66", "40")).is(http.StatusOK)
	}
	// Taken back, as soon as the rules in memory are old.
	w = w.reconfigured("checkpoints.yaml", "datasets: {loan: {}}\n", nil)
	w.post("/predict", fine).is(http.StatusOK)
}

// TestQualityIncident: uploads that go on as they were are silent for weeks; one that lost half its incomes is one incident of the model, whatever else
// it is, and the next good one says that it is over.
func TestQualityIncident(t *testing.T) {
	w := loans(t)
	w = w.reconfigured("quality.yaml", "min_points: 8\n", nil)
	for i := range 13 {
		w.clock.add(24 * time.Hour)
		body := people(320, uint64(10+i))
		if i == 10 || i == 11 {
			lines := strings.Split(string(body), "\n")
			for k := 1; k < len(lines)-1; k += 3 {
				f := strings.Split(lines[k], ",")
				f[1] = ""
				lines[k] = strings.Join(f, ",")
			}
			body = []byte(strings.Join(lines, "\n"))
		}
		w.send("POST", "/datasets/loan?target=default", w.Keys.Operate, bytes.NewReader(body), "Content-Type: text/csv").is(http.StatusAccepted)
		w.drain()
		var m incident.Memory
		if _, err := w.State.Store.Get(background, control.Memory("loan"), &m); err != nil {
			t.Fatal(err)
		}
		if want := 0; i < 10 && m.Incidents != want || i >= 10 && m.Incidents != 1 {
			t.Fatalf("upload %d: %d incidents", i, m.Incidents)
		}
	}
	var i incident.Incident
	if _, err := w.State.Store.Get(background, control.Incident("loan", "INC-1"), &i); err != nil || i.Kind != "data_quality" {
		t.Errorf("%+v, %v", i, err)
	}
	var h quality.History
	if _, err := w.State.Store.Get(background, control.Quality(trend.Dataset("loan")), &h); err != nil || len(h.At) != 14 || len(h.Firing) != 0 || !h.Odd["completeness/income"][11] {
		t.Errorf("%d batches, firing %v, %v: %v", len(h.At), h.Firing, err, h.Odd)
	}
	v := w.get("/quality/dataset/loan").is(http.StatusOK).tree()
	only(t, "the answer", v, "subject", "at", "ids", "lines", "values")
	if page := w.page("/dashboard/trends/loan"); !bytes.Contains(page, []byte("Data quality over time")) || !bytes.Contains(page, []byte("completeness of income")) {
		t.Error("the page Historical trends does not show it")
	}
	w.get("/quality/colour/loan").is(http.StatusNotFound)
	w.get("/quality/traffic/nobody").is(http.StatusNotFound)
	w.sound("loan")
}

// TestStaleDataset: uploads came every day, then none does. The next scheduled check says so, once; uploads that come again end it.
func TestStaleDataset(t *testing.T) {
	w := loans(t)
	w = w.reconfigured("quality.yaml", "min_points: 8\n", nil)
	upload := func(i int) {
		w.clock.add(24 * time.Hour)
		w.send("POST", "/datasets/loan?target=default", w.Keys.Operate, bytes.NewReader(people(320, uint64(10+i))), "Content-Type: text/csv").is(http.StatusAccepted)
		w.drain()
	}
	for i := range 10 {
		upload(i)
	}
	check := func(want int) {
		t.Helper()
		w.finish(w.post("/drift/check", `{"model":"loan"}`).is(http.StatusAccepted))
		w.drain()
		if n := len(w.incidents()); n != want {
			t.Fatalf("%d incidents, not %d", n, want)
		}
	}
	check(0)
	w.clock.add(20 * time.Hour)
	check(0)
	w.clock.add(28 * time.Hour)
	check(1)
	check(1)
	var i incident.Incident
	if _, err := w.State.Store.Get(background, control.Incident("loan", "INC-1"), &i); err != nil || i.Kind != "data_quality" {
		t.Errorf("%+v, %v", i, err)
	}
	history := func() (h quality.History) {
		t.Helper()
		if _, err := w.State.Store.Get(background, control.Quality(trend.Dataset("loan")), &h); err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := history(); len(h.At) != 11 || h.Firing[quality.Freshness].IsZero() {
		t.Errorf("%d batches, firing %v", len(h.At), h.Firing)
	}
	upload(20)
	upload(21)
	if h := history(); len(h.Firing) != 0 {
		t.Errorf("firing %v after uploads in time", h.Firing)
	}
	w.sound("loan")
}

// TestQualityOfTraffic: each day that is over is one point, made once however often the traffic is measured.
func TestQualityOfTraffic(t *testing.T) {
	w := loans(t)
	for range 3 {
		for range 4 {
			w.post("/predict", `{"age":40,"income":2000,"city":"Bern"}`).is(http.StatusOK)
		}
		w.clock.add(24 * time.Hour)
		for range 2 {
			w.finish(w.post("/drift/check", `{"model":"loan"}`).is(http.StatusAccepted))
		}
	}
	var h quality.History
	if _, err := w.State.Store.Get(background, control.Quality(trend.Traffic("loan")), &h); err != nil || len(h.At) != 3 {
		t.Fatalf("%v, %v", h.At, err)
	}
	for i, n := range h.Values[quality.Rows] {
		if n != 4 || float64(h.Values[quality.Duplicates][i]) != 0.75 {
			t.Errorf("day %d: %v rows, %v", i, n, h.Values[quality.Duplicates][i])
		}
	}
}

// signed asks for the address of an upload.
func (w *world) signed(query string) (path string, headers []string, id string) {
	w.Helper()
	var s struct {
		URL, Method string
		Headers     map[string]string
		Job         string `json:"job_id"`
	}
	w.post("/datasets/loan/upload-url?"+query, `{}`).is(http.StatusOK).into(&s)
	for k, v := range s.Headers {
		headers = append(headers, k+": "+v)
	}
	if s.Method != "PUT" || !strings.HasPrefix(s.URL, "https://mlops.example/uploads/loan/") {
		w.Fatalf("%+v", s)
	}
	return strings.TrimPrefix(s.URL, "https://mlops.example"), headers, s.Job
}

// TestSignedUpload takes a file that no request would, once, without a key, and gives it the way of every upload.
func TestSignedUpload(t *testing.T) {
	w := empty(t)
	var big bytes.Buffer
	big.WriteString("note,")
	table := people(4000, 1)
	header, rows, _ := bytes.Cut(table, []byte("\n"))
	big.Write(append(header, '\n'))
	for line := range bytes.Lines(rows) {
		fmt.Fprintf(&big, "%s,%s", strings.Repeat("x", 1500), line)
	}
	if big.Len() < 5<<20 {
		t.Fatalf("only %d bytes", big.Len())
	}
	path, headers, id := w.signed("target=default&ignore=note")
	w.send("PUT", path, "", bytes.NewReader(big.Bytes()), headers...).is(http.StatusOK)
	w.drain()
	var j job.Job
	w.get("/jobs/" + id).is(http.StatusOK).into(&j)
	if j.Status != job.Succeeded || j.Stage != "promote" {
		t.Fatalf("%+v", j)
	}
	w.send("PUT", path, "", strings.NewReader("a,b\n1,2\n"), headers...).is(http.StatusConflict)
	if objects, err := os.ReadDir(filepath.Join(w.dir, "data", ".tmp")); err != nil || len(objects) != 0 {
		t.Errorf("left behind: %v, %v", objects, err)
	}
	w.sound("loan")
}

// TestSignedUploadRefused: a forged, changed, late, empty or broken upload leaves nothing behind.
func TestSignedUploadRefused(t *testing.T) {
	w := empty(t)
	path, headers, id := w.signed("target=default")
	body := func() *bytes.Reader { return bytes.NewReader(people(320, 1)) }
	w.send("PUT", strings.Replace(path, "signature=", "signature=00", 1), "", body(), headers...).is(http.StatusForbidden)
	w.send("PUT", strings.Replace(path, "/uploads/loan/", "/uploads/lean/", 1), "", body(), headers...).is(http.StatusForbidden)
	w.send("PUT", path, "", body(), append(headers, "x-amz-meta-target: age")...).is(http.StatusForbidden)
	w.send("PUT", path, "", body()).is(http.StatusForbidden)
	w.send("GET", path, "", http.NoBody).is(http.StatusMethodNotAllowed)
	w.send("PUT", path, "", http.NoBody, headers...).is(http.StatusBadRequest)
	w.clock.add(16 * time.Minute)
	w.send("PUT", path, "", body(), headers...).is(http.StatusGone)
	w.get("/jobs/" + id).is(http.StatusNotFound)
	problems(t, w.post("/datasets/loan/upload-url?colour=red", `{}`).is(http.StatusBadRequest), "ValidationError", "colour unknown_parameter")
	for _, dir := range []string{".tmp", "raw"} {
		if objects, err := os.ReadDir(filepath.Join(w.dir, "data", dir)); len(objects) != 0 {
			t.Errorf("%s: %v, %v", dir, objects, err)
		}
	}
}

// TestSignedUploadAtOnce: of many who use one address at the same time one succeeds.
func TestSignedUploadAtOnce(t *testing.T) {
	w := empty(t)
	path, headers, _ := w.signed("target=default")
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = w.send("PUT", path, "", bytes.NewReader(people(320, uint64(i))), headers...) })
	}
	all.Wait()
	taken := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			taken++
		} else {
			a.is(http.StatusConflict)
		}
	}
	if taken != 1 {
		t.Errorf("%d of %d were taken", taken, len(answers))
	}
	w.drain()
	if n := count(w.entries("loan"), audit.DatasetUploaded); n != 1 {
		t.Errorf("%d uploads", n)
	}
}
