package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/host"
	"mlops/shared/event"
)

// served is a state in which two versions of people were uploaded, one after the other.
func served(t *testing.T, file func(string) string) (state string, versions []string) {
	t.Helper()
	state = filepath.Join(t.TempDir(), "state")
	h, err := host.Open(host.Options{Dir: state, Now: time.Now, Window: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"people.csv", "more.csv"} {
		b, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Ingest.Accept(t.Context(), event.Upload{Dataset: "people", Target: "default", Actor: "anna"}, ".csv", b); err != nil {
			t.Fatal(err)
		}
		if err := h.State.Bus.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Datasets []struct {
			Versions []struct{ Version string }
		}
	}
	out := mlops(t, "data", "log", "people", "--state", state, "--json").exits(0)
	if err := json.Unmarshal([]byte(out.out), &log); err != nil || len(log.Datasets) != 1 || len(log.Datasets[0].Versions) != 2 {
		t.Fatalf("%v: %s", err, out.out)
	}
	for _, v := range log.Datasets[0].Versions {
		versions = append(versions, v.Version)
	}
	return state, versions
}

// TestData plays the life of a dataset on the command line: what came in, what changed, the rows back, and which is trained on.
func TestData(t *testing.T) {
	file := files(t)
	more := append(people(320, 1, 0), "31,2500,Bern,1\n32,2600,Bern,0\n"...)
	if err := os.WriteFile(file("more.csv"), more, 0o600); err != nil {
		t.Fatal(err)
	}
	state, versions := served(t, file)
	says := func(r result, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(r.out, w) {
				t.Errorf("%q is not said: %s", w, r.out)
			}
		}
	}
	at := func(args ...string) result {
		t.Helper()
		return mlops(t, append(append([]string{"data"}, args...), "--state", state)...)
	}
	says(at("log").exits(0), "people@"+versions[0][:12], "322 rows", "320 rows", "passed", "people v1 (champion)")
	says(at("log", "people", "-n", "1").exits(0), "1 older versions")
	says(at("show", "people").exits(0), versions[0], "raw/people/", "stratified", "auc")
	says(at("show", "people^").exits(0), versions[1])
	says(at("show", "--model", "people@1").exits(0), versions[1], "people v1")
	says(at("diff", "people").exits(0), "320 -> 322: 2 added, 0 removed, 320 in both")
	says(at("diff", "people@"+versions[0][:8], "people^").exits(0), "322 -> 320: 0 added, 2 removed")
	says(at("diff", "people", file("more.csv"), "--exit-code").exits(0), "the same: 322 rows")
	says(at("select", "people", "--dry-run").exits(0), "chosen", "passed over", "alike by every criterion")
	says(at("pin", "people@"+versions[1][:6], "--reason", "audit").exits(0), "is pinned")
	says(at("log").exits(0), "PINNED")
	says(at("select", "people").exits(0), "pinned by")
	says(at("unpin", "people", "--reason", "done").exits(0), "the rule chooses")
	says(mlops(t, "history", "people", "--state", state).exits(0), "people@"+versions[1][:12])

	for _, c := range []struct {
		args []string
		file string
		rows float64
	}{{nil, "people.csv", 322}, {[]string{"--format", "jsonl"}, "people.jsonl", 322}, {[]string{"--format", "parquet"}, "people.parquet", 322}, {[]string{"--split", "train"}, "train.csv", 225}} {
		out := filepath.Join(t.TempDir(), "rows")
		got := at(append([]string{"checkout", "people", "--out", out, "--json"}, c.args...)...).exits(0).document()
		if got["rows"] != c.rows || got["file"] != filepath.Join(out, c.file) {
			t.Errorf("%v", got)
		}
		if c.rows == 322 {
			says(mlops(t, "data", "diff", file("more.csv"), filepath.Join(out, c.file)).exits(0), "the same: 322 rows")
		}
		if _, err := os.Stat(filepath.Join(out, "manifest.json")); err != nil {
			t.Error(err)
		}
	}

	d := mlops(t, "data", "diff", file("people.csv"), file("moved.csv"), "--json", "--exit-code").exits(1).document()
	if d["same"] != false || d["a"] != file("people.csv") || len(d["columns"].([]any)) == 0 {
		t.Errorf("%v", d)
	}
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		args []string
		word string
	}{
		{[]string{"show"}, "name a data version"}, {[]string{"show", "people", "--model", "people"}, "name a data version"}, {[]string{"show", "nobody"}, "nobody"}, {[]string{"show", "people@ff"}, "too short"},
		{[]string{"show", "people@ffffffff0"}, "no data version begins"}, {[]string{"show", "people^^"}, "1 versions before"}, {[]string{"show", "--model", "people@9"}, "no version 9"}, {[]string{"show", "--model", "people@x"}, "number"},
		{[]string{"show", "--model", "nobody"}, "no model"}, {[]string{"show", "people@"}, "names no data version"}, {[]string{"log", "nobody"}, "nobody"}, {[]string{"log", "-n", "0"}, "at least 1"},
		{[]string{"checkout", "people"}, "--out"}, {[]string{"checkout", "people", "--out", out, "--format", "xml"}, "csv, jsonl or parquet"}, {[]string{"checkout", "people", "--out", out, "--split", "all"}, "train, val or test"},
		{[]string{"diff", "people", "./none.csv"}, "no such file"}, {[]string{"diff", file("empty.csv"), file("people.csv")}, "empty"}, {[]string{"pin", "people", "--reason", "x"}, "name the version"},
		{[]string{"pin", "people@latest"}, "--reason"}, {[]string{"select", "nobody"}, "nobody"},
	} {
		at(c.args...).exits(2, c.word)
	}
	t.Setenv("MLOPS_API_KEY", key)
	s := serve(t, state) // the same over HTTP, to the server that holds the state
	says(at("log").exits(0), "people@"+versions[0][:12])
	says(at("diff", "people").exits(0), "2 added")
	says(mlops(t, "data", "checkout", "people@"+versions[1][:9], "--out", filepath.Join(t.TempDir(), "rows"), "--url", s.addr).exits(0), "320 rows")
	at("show", "people@ffffffff0").exits(2, "no data version begins")
	s.kill()

	train := filepath.Join(state, "data", "processed", "people", versions[0], "val.csv")
	b, err := os.ReadFile(train)
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(train, 0o600)
	if err := os.WriteFile(train, b[:len(b)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	at("checkout", "people", "--out", out).exits(2, "val.csv of data version "+versions[0][:12], "damaged")
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused checkout wrote something")
	}
}

// TestTrainOnVersion trains on a data version by its name: the bytes are those that the platform made of it, and the model says where it came from.
func TestTrainOnVersion(t *testing.T) {
	file := files(t)
	if err := os.WriteFile(file("more.csv"), append(people(320, 1, 0), "31,2500,Bern,1\n32,2600,Bern,0\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	state, versions := served(t, file)
	var shown struct {
		Models []struct{ SHA256 string }
	}
	out := mlops(t, "data", "show", "people^", "--state", state, "--json").exits(0)
	if err := json.Unmarshal([]byte(out.out), &shown); err != nil || len(shown.Models) != 1 {
		t.Fatalf("%v: %s", err, out.out)
	}
	for _, ref := range []string{"people^", "people@" + versions[1][:7]} {
		dir := filepath.Join(t.TempDir(), "model")
		got := mlops(t, "train", "--data", ref, "--out", dir, "--state", state, "--json").exits(0).document()
		if got["sha256"] != shown.Models[0].SHA256 || got["data_version"] != "people@"+versions[1] || got["metrics"].(map[string]any)["test"] == nil {
			t.Errorf("%s: %v", ref, got)
		}
		back := mlops(t, "data", "show", "--model", dir, "--state", state).exits(0)
		if !strings.Contains(back.out, "people@"+versions[1]) {
			t.Errorf("%s: the way back is lost: %s", ref, back.out)
		}
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--data", "people@" + versions[1][:7], "--target", "income"}, "another question"},
		{[]string{"--data", "people@" + versions[1][:7], "--categorical", "city"}, "which columns are categories"},
		{[]string{"--data", "people@" + versions[1][:7], "--ignore", "nothing"}, "columns to leave out are not there"},
		{[]string{"--data", "people@beef"}, "no data version begins with beef"},
		{[]string{"--data", "folk"}, "no file of that name"},
		{[]string{"--data", "folk.csv", "--target", "default"}, "folk.csv"},
		{[]string{"--data", "folk.csv"}, "--target"},
	} {
		mlops(t, append([]string{"train", "--out", t.TempDir(), "--state", state}, c.args...)...).exits(2, c.says)
	}
}
