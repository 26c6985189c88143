package host

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/incident"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/local"
)

// TestAlertRules: a rule that fires is mailed to its owner once, shown, and said to be over; harmless ones tell nobody; nothing opens a second
// incident; a rule that is for the agent reaches it as a monitor's alert does.
func TestAlertRules(t *testing.T) {
	w := loans(t)
	w.configure("alerts", `rules:
  - {name: many_rows, what: rows, above: 150, bad: 1, of: 1, severity: warning, owner: carl@example.com, description: more than usual}
  - {name: any_rows, what: rows, above: 0, bad: 1, of: 1, severity: info}
  - {name: rows_missing, what: rows, above: 250, bad: 1, of: 1, severity: critical, agent: true}
`)
	defer func() { // a file that is wrong is said at start-up, all of it at once
		w.configure("alerts", "rules:\n  - {name: 1, what: rain, bad: 3, of: 2, severity: warning}\n")
		w.Close()
		_, err := Open(w.options)
		var fields []string
		for _, d := range fault.Details(err) {
			fields = append(fields, d.Field)
		}
		if want := []string{"rules[0].name", "rules[0].what", "rules[0].bad"}; !slices.Equal(fields, want) {
			t.Errorf("%v names %v, want %v", err, fields, want)
		}
	}()
	rules := func(mails []local.Mail) (out []string) {
		for _, m := range mails {
			out = append(out, m.To+" "+m.Subject)
		}
		return out
	}
	check := func(rows int, seed uint64) {
		t.Helper()
		w.people(rows, seed, nil)
		w.measure(`{"model":"loan","window":"1m"}`)
		w.clock.add(time.Hour)
	}
	for i, rows := range []int{100, 200, 200, 100} {
		check(rows, uint64(i))
	}
	mails, err := w.State.Mails.List(background)
	if err != nil {
		t.Fatal(err)
	}
	got := rules(mails)
	slices.Sort(got)
	want := []string{"carl@example.com [mlops] loan: many rows firing (warning)", "carl@example.com [mlops] loan: many rows resolved (warning)"}
	if !slices.Equal(got, want) || len(w.incidents()) != 0 {
		t.Errorf("mails %q, want %q; %d incidents", got, want, len(w.incidents()))
	}
	var a incident.Alerts
	if _, err := w.State.Store.Get(background, control.Alerts("loan"), &a); err != nil || len(a.Changes) != 3 || len(a.State.Firing()) != 1 || a.Policy == "" {
		t.Errorf("%+v, %v", a, err)
	}
	page := string(w.page("/dashboard/trends/loan"))
	for _, must := range []string{"any rows", "many rows", "nobody was told", "resolved"} {
		if !strings.Contains(page, must) {
			t.Errorf("the page does not say %q", must)
		}
	}
	check(300, 9)
	check(300, 10)
	if list := w.incidents(); len(list) != 1 || list[0].(map[string]any)["type"] != "data_quality" {
		t.Errorf("the agent made of its rule %v", list)
	}
	w.sound("loan")
}

// TestOutputs: what a check writes, key by key as other programs read it, once.
func TestOutputs(t *testing.T) {
	w := loans(t)
	w.people(400, 3, func(row map[string]any) {
		if row["age"] = 60 + row["age"].(int)/10; row["age"].(int)%2 == 0 {
			row["income"] = nil
		}
	})
	j := w.finish(w.post("/drift/check", `{"model":"loan"}`).is(http.StatusAccepted))
	key := j.Result["report"]
	read := func(key string) map[string]any {
		t.Helper()
		b, err := w.State.Data.Get(background, key, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		return answer{T: t, body: b}.tree()
	}
	r := read(key)["report"].(map[string]any)
	has(t, "the report", r, "dataset_drift", "share_of_drifted_columns", "number_of_columns", "number_of_drifted_columns", "drift_by_columns", "n_reference", "n_current", "window", "verdict", "reasons")
	has(t, "a column", r["drift_by_columns"].(map[string]any)["age"].(map[string]any), "column_type", "stattest_name", "stattest_threshold", "drift_score", "p_value", "p_adjusted", "drift_detected")
	has(t, "the window", r["window"].(map[string]any), "start", "end")
	base := strings.TrimSuffix(key, ".json")
	violations := read(base + "/constraint_violations.json")
	only(t, "the violations", violations, "violations")
	checks := map[string]string{}
	for _, v := range violations["violations"].([]any) {
		v := v.(map[string]any)
		only(t, "a violation", v, "feature_name", "constraint_check_type", "description")
		checks[v["feature_name"].(string)+" "+v["constraint_check_type"].(string)] = v["description"].(string)
	}
	if checks["age baseline_drift_check"] == "" || checks["income completeness_check"] == "" {
		t.Errorf("%v", checks)
	}
	for _, file := range []string{base + "/statistics.json", "reference/loan/1/statistics.json"} {
		s := read(file)
		only(t, file, s, "version", "dataset", "features")
		for _, f := range s["features"].([]any) {
			f := f.(map[string]any)
			has(t, file, f, "name", "inferred_type")
			if f["numerical_statistics"] == nil == (f["string_statistics"] == nil) {
				t.Errorf("%s: %v", file, f)
			}
		}
	}
	c := read("reference/loan/1/constraints.json")
	only(t, "the constraints", c, "version", "features", "monitoring_config")
	only(t, "the monitoring", c["monitoring_config"].(map[string]any), "evaluate_constraints", "emit_metrics", "datatype_check_threshold", "domain_content_threshold", "distribution_constraints")
	for _, html := range []string{base + ".html"} {
		b, err := w.State.Data.Get(background, html, 64<<20)
		if err != nil || !bytes.Contains(b, []byte("Distributions that moved")) {
			t.Errorf("%s: %v", html, err)
		}
	}
	before := len(w.keys("reports/drift/"))
	e, err := event.New("again", event.DriftRequested, w.clock.now(), "loan", event.Drift{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // one event delivered twice
		if err := w.State.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
			t.Fatal(err)
		}
		w.drain()
	}
	if after := len(w.keys("reports/drift/")); after != before+4 {
		t.Errorf("%d files before, %d after one more check: report, page, violations, statistics", before, after)
	}
}
