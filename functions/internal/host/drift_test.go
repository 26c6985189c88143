package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/job"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
	"mlops/shared/registry"
)

// people sends n rows of people to the model "loan" as one request and gives their ids; change makes others of them.
func (w *world) people(n int, seed uint64, change func(row map[string]any), model ...string) []string {
	w.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	samples := make([]any, n)
	for i := range samples {
		row := map[string]any{"age": 20 + rng.IntN(50), "income": 1000 + 4000*rng.Float64(), "city": []string{"Bern", "Oslo", "Rome"}[rng.IntN(3)]}
		if rng.IntN(12) == 0 {
			row["income"] = nil
		}
		if change != nil {
			change(row)
		}
		samples[i] = row
	}
	var out struct {
		Predictions []struct {
			ID string `json:"inference_id"`
		}
	}
	body := map[string]any{"samples": samples}
	if model != nil {
		body["model"] = model[0]
	}
	w.post("/predict/batch", body).is(http.StatusOK).into(&out)
	ids := make([]string, len(out.Predictions))
	for i, p := range out.Predictions {
		ids[i] = p.ID
	}
	return ids
}

// measure asks for a check and gives what it measured.
func (w *world) measure(body string) *incident.Measured {
	w.Helper()
	j := w.finish(w.post("/drift/check", body).is(http.StatusAccepted))
	if j.Status != job.Succeeded {
		w.Fatalf("%+v", j)
	}
	return w.measured(j.Result["report"])
}

func (w *world) measured(key string) *incident.Measured {
	w.Helper()
	b, err := w.State.Data.Get(background, key, 64<<20)
	if err != nil {
		w.Fatal(err)
	}
	var m incident.Measured
	if err := json.Unmarshal(b, &m); err != nil {
		w.Fatal(err)
	}
	return &m
}

func (w *world) keys(prefix string) (out []string) {
	w.Helper()
	objects, err := w.State.Data.List(background, prefix, "", 1000)
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range objects {
		out = append(out, o.Key)
	}
	return out
}

// page is a page of the dashboard, signed in.
func (w *world) page(path string) []byte {
	w.Helper()
	cookie, _, _ := strings.Cut(w.send("GET", w.Edge.SignIn(w.State.IDs.Next()), "", nil).is(http.StatusSeeOther).header.Get("Set-Cookie"), ";")
	return w.send("GET", path, "", nil, "Cookie: "+cookie).is(http.StatusOK).body
}

func (w *world) configure(name, yaml string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "config", name+".yaml"), []byte(yaml), 0o600); err != nil {
		w.Fatal(err)
	}
}

// TestWindows: by time, by count, on demand, as configured for one model; each looks at the rows it says.
func TestWindows(t *testing.T) {
	w := loans(t)
	for hour := range 6 {
		w.people(100, uint64(hour), nil)
		w.clock.add(time.Hour)
	}
	for name, c := range map[string]struct {
		body, kind string
		rows       int
	}{
		"as the platform has it": {`{"model":"loan"}`, "time", 600}, "by time": {`{"model":"loan","window":"150m"}`, "time", 200}, "by count": {`{"model":"loan","rows":250}`, "count", 250},
		"by count, of a time": {`{"model":"loan","rows":250,"window":"90m"}`, "count", 100}, "more than there is": {`{"model":"loan","rows":5000}`, "count", 600},
	} {
		m := w.measure(c.body)
		if m.Rows != c.rows || m.Kind != c.kind || m.Report.NCurrent != c.rows || m.Duplicates > 10 || m.Input.Notes != nil {
			t.Errorf("%s: %s of %d rows, %d duplicates, %v", name, m.Kind, m.Rows, m.Duplicates, m.Input.Notes)
		}
		if s := m.Report.Window; !s.Start.Before(s.End) || c.kind == "count" && c.rows == 250 && s.End.Sub(s.Start) > 3*time.Hour+time.Minute {
			t.Errorf("%s: %v", name, s)
		}
	}
	w.configure("drift", "min_effect: 0.06\nmodels:\n  loan: {rows: 120, window: 3h}\n  other: {window: 700h}\n")
	if m := w.measure(`{"model":"loan"}`); m.Rows != 120 || m.Report.Policy.MinEffect != 0.06 || m.Report.Policy.Alpha != drift.DefaultPolicy().Alpha {
		t.Errorf("as configured: %d rows by %+v", m.Rows, m.Report.Policy)
	}
	if m := w.measure(`{"model":"loan","rows":200}`); m.Rows != 200 {
		t.Errorf("what is asked for goes before what is configured: %d rows", m.Rows)
	}
	problems(t, w.post("/drift/check", `{"model":"loan","window":"soon","rows":-1}`).is(http.StatusBadRequest), "ValidationError", "window wrong_type", "rows out_of_range")
	problems(t, w.post("/drift/check", `{"window":"99999h"}`).is(http.StatusBadRequest), "ValidationError", "window out_of_range")
	w.configure("drift", "min_effect: 7\nmodels:\n  loan: {rows: -5, window: 1s}\nemit_metrics: perhaps\n")
	w.Close()
	_, err := Open(w.options)
	var fields []string
	for _, d := range fault.Details(err) {
		fields = append(fields, d.Field)
	}
	if want := []string{"min_effect", "models.loan.window", "models.loan.rows", "emit_metrics"}; !slices.Equal(fields, want) {
		t.Errorf("%v names %v, want %v", err, fields, want)
	}
}

// TestBatchesAreWindows: what a batch scored is measured by itself, whatever else came that hour; sent again, all of its rows are repeats.
func TestBatchesAreWindows(t *testing.T) {
	w := loans(t)
	w.people(300, 1, nil)
	batch := func(seed uint64) *incident.Measured {
		before := w.keys("reports/drift/")
		body := bytes.Replace(people(200, seed), []byte(",default\n"), []byte(",answer\n"), 1)
		lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
		for i := range lines {
			lines[i] = lines[i][:bytes.LastIndexByte(lines[i], ',')] // without the target
		}
		if j := w.finish(w.send("POST", "/batch?model=loan", w.Keys.Operate, bytes.NewReader(bytes.Join(lines, []byte("\n"))), "Content-Type: text/csv").is(http.StatusAccepted)); j.Status != job.Succeeded {
			t.Fatalf("%+v", j)
		}
		for _, k := range w.keys("reports/drift/") {
			if !slices.Contains(before, k) && strings.Count(k, "/") == 5 && strings.HasSuffix(k, ".json") {
				return w.measured(k)
			}
		}
		t.Fatal("no window was measured")
		return nil
	}
	first := batch(2)
	if first.Rows != 200 || first.Kind != "batch" || first.Duplicates > 10 || first.Report.NCurrent != 200 {
		t.Errorf("the batch's own window has %d rows, %d duplicates", first.Rows, first.Duplicates)
	}
	w.clock.add(time.Minute)
	if again := batch(2); again.Rows != 200 || again.Duplicates != 200 {
		t.Errorf("sent again: %d rows, %d duplicates", again.Rows, again.Duplicates)
	}
	if m := w.measure(`{"model":"loan"}`); m.Rows != 700 || m.Duplicates < 200 || m.Duplicates > 215 {
		t.Errorf("all of it: %d rows, %d duplicates", m.Rows, m.Duplicates)
	}
}

// TestHoursAreCountedOnce: an hour that is over is counted once and kept; a window of kept hours is the window of their lines to the last bit,
// a label that comes later counts, and kept counts that are damaged are made again.
func TestHoursAreCountedOnce(t *testing.T) {
	w := loans(t)
	var ids []string
	for hour := range 5 {
		ids = append(ids, w.people(80, uint64(hour), nil)...)
		w.clock.add(time.Hour)
	}
	report := func() string {
		m := w.measure(`{"model":"loan","window":"24h"}`)
		m.Report.Window = drift.Span{}
		b, err := json.Marshal(m.Report)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(m.Rows, m.Labelled, m.Duplicates, m.Input, string(b))
	}
	first := report()
	kept := w.keys("reports/tallies/")
	if len(kept) < 4 || len(kept) > 5 {
		t.Fatalf("%v", kept)
	}
	if again := report(); again != first || len(w.keys("reports/tallies/")) != len(kept) {
		t.Errorf("of kept hours:\n%s\nof lines:\n%s", again, first)
	}
	var labels []any
	for _, id := range ids[:100] {
		labels = append(labels, map[string]any{"inference_id": id, "label": 1})
	}
	w.post("/feedback", map[string]any{"feedback": labels}).is(http.StatusOK)
	if m := w.measure(`{"model":"loan","window":"24h"}`); m.Labelled != 100 || m.DelayDays <= 0 || m.Rows != 400 {
		t.Errorf("%d of %d rows have a label", m.Labelled, m.Rows)
	}
	after := w.keys("reports/tallies/")
	if len(after) != len(kept)+1 { // the 100 labels are of the first hour, which the release cuts, and of the second
		t.Errorf("%d kept before the labels, %d after", len(kept), len(after))
	}
	labelled := report()
	for _, k := range after {
		if err := os.WriteFile(filepath.Join(w.dir, "data", k), []byte("not what it was"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if again := report(); again != labelled {
		t.Errorf("of damaged hours:\n%s\nbefore:\n%s", again, labelled)
	}
}

// TestInputThatIsWrong: lines that cannot be read, ids that come twice, clocks that went wrong and labels of nobody's are counted and named, and
// the rest is measured.
func TestInputThatIsWrong(t *testing.T) {
	w := loans(t)
	ids := w.people(200, 1, nil)
	data := bucket{w.State.Data}
	at := w.clock.now()
	dir := "capture/loan/champion/" + at.UTC().Format("2006/01/02/15")
	whole, err := w.State.Data.Get(background, w.keys(dir)[0], 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.SplitAfter(whole, []byte("\n"))
	put := func(key string, body ...[]byte) {
		if err := w.State.Data.Create(background, key, bytes.Join(body, nil)); err != nil {
			t.Fatal(err)
		}
	}
	put(dir+"/a-broken.jsonl", []byte("{\"captureData\":\n\nnot JSON at all\n{}\n"), line[0])
	put(dir+"/b-again.jsonl", line[1], line[2])
	stray := bytes.ReplaceAll(bytes.ReplaceAll(line[3], []byte(at.UTC().Format("2006-01-02T")), []byte("2026-01-01T")), []byte(ids[3]), []byte("01AAAAAAAAAAAAAAAAAAAAAAAA"))
	put(dir+"/c-stray.jsonl", stray)
	put("capture/loan/champion/"+at.Add(3*time.Hour).UTC().Format("2006/01/02/15")+"/d.jsonl", line[4])
	put("groundtruth/loan/"+at.UTC().Format("2006/01/02/15")+"/e.jsonl", []byte("label\n"))
	err = capture.WriteLabels(background, data, "loan", "f", at, []capture.Label{{Inference: ids[5], Value: "perhaps", At: at}, {Inference: ids[6], Value: "1", At: at.Add(-90 * 24 * time.Hour)},
		{Inference: "nobody", Value: "1", At: at}, {Inference: strings.Replace(ids[7], ids[7][20:], "ZZZZZZ", 1), Value: "0", At: at}})
	if err != nil {
		t.Fatal(err)
	}
	m := w.measure(`{"model":"loan"}`)
	got := map[string]int{}
	for _, n := range m.Input.Notes {
		if got[n.Kind] = n.Count; n.Text == "" {
			t.Errorf("%+v says nothing", n)
		}
	}
	want := map[string]int{"broken_lines": 4, "repeated_ids": 3, "clock": 1, "ahead": 1, "unknown_labels": 2, "bad_labels": 1, "early_labels": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("named %v, want %v: %+v", got, want, m.Input)
	}
	if m.Rows != 200 || m.Labelled != 1 || m.Report.Verdict == drift.Insufficient || len(m.Input.BrokenAt) != 4 || m.Input.BrokenAt[0].Key == "" || m.Input.BrokenAt[0].Line == 0 {
		t.Errorf("%d rows, %d labels: %s; %+v", m.Rows, m.Labelled, m.Report.Verdict, m.Input.BrokenAt)
	}
	html := string(w.page("/dashboard/drift/loan"))
	for _, must := range []string{"What could not be read as it should", "4 lines cannot be read", "broken lines", "unknown labels"} {
		if !strings.Contains(html, must) {
			t.Errorf("the page does not say %q", must)
		}
	}
	w.get("/reports").is(http.StatusOK)
	if j := w.finish(w.post("/reports", `{"kind":"weekly"}`).is(http.StatusAccepted)); j.Status != job.Succeeded {
		t.Errorf("the weekly report: %+v", j)
	}
}

// TestOneModelsTroubleIsItsOwn: a model whose reference is damaged is said to be, and the others are measured.
func TestOneModelsTroubleIsItsOwn(t *testing.T) {
	w := loans(t)
	if j := w.upload("another", "target=default", people(320, 9)); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	w.people(60, 1, func(row map[string]any) {}, "loan")
	profile := filepath.Join(w.dir, "data", "reference", "another", "1", "profile.json")
	if err := os.WriteFile(profile, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	failures := 0
	w.State.Bus.OnFailure = func(f local.Failure) {
		if failures++; !strings.Contains(f.Err.Error(), "another") {
			t.Errorf("%v", f.Err)
		}
	}
	w.post("/drift/check", ``).is(http.StatusAccepted)
	w.drain()
	var h incident.History
	if _, err := w.State.Store.Get(background, control.Drift("loan"), &h); err != nil || len(h.Windows) != 1 {
		t.Errorf("loan was measured %d times: %v", len(h.Windows), err)
	}
	if failures == 0 {
		t.Error("nothing says that another's reference is damaged")
	}
	if v, _, ok := w.state("another").At(registry.Champion); !ok || v.Number != 1 {
		t.Error("another no longer serves")
	}
}
