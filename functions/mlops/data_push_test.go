package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/host"
)

// noted writes a table of people with a long note each: 2000 of them are more than a request takes.
func noted(t *testing.T, file string, rows int) {
	t.Helper()
	var b strings.Builder
	lines := strings.Split(strings.TrimSpace(string(people(rows, 4, 0))), "\n")
	b.WriteString("note," + lines[0] + "\n")
	for _, l := range lines[1:] {
		fmt.Fprintf(&b, "%s,%s\n", strings.Repeat("n", 3000), l)
	}
	if big := b.Len() > 5<<20; big != (rows >= 2000) {
		t.Fatalf("%d rows have %d bytes", rows, b.Len())
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPushQualityCheckpoint pushes a small and a large table to a state that nobody serves, and to a server; asks how the data was; and checks a table against
// the dataset's checkpoint.
func TestPushQualityCheckpoint(t *testing.T) {
	file := files(t)
	noted(t, file("large.csv"), 2000)
	noted(t, file("small.csv"), 400)
	open := func(dir, public string) *host.Host {
		h, err := host.Open(host.Options{Dir: dir, Now: time.Now, PublicURL: public, Window: time.Hour, APIKey: "k", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	state := t.TempDir()
	quick(t, state)
	if err := open(state, "").Close(); err != nil {
		t.Fatal(err)
	}
	push := []string{"data", "push", "--dataset", "loan", "--target", "default", "--ignore", "note", "--state", state, "--json"}
	for _, name := range []string{"large.csv", "small.csv"} {
		if v := mlops(t, append(push, "--wait", file(name))...).exits(0).document(); v["job_id"] == "" || v["dataset"] != "loan" {
			t.Errorf("%s: %v", name, v)
		}
	}
	if v := mlops(t, "data", "quality", "loan", "--state", state, "--json").exits(0).document(); len(v["at"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	if out := mlops(t, "data", "quality", "loan", "--state", state).exits(0).out; !strings.Contains(out, "completeness/age") || !strings.Contains(out, "2 batches") {
		t.Error(out)
	}
	mlops(t, "validate", "--checkpoint", "loan", "--state", state).exits(exitOK).document()
	mlops(t, "validate", "--checkpoint", "loan", "--state", state, "--data", file("text.csv")).exits(exitNegative).document()
	rows := t.TempDir()
	mlops(t, "data", "checkout", "loan", "--state", state, "--out", rows, "--format", "parquet").exits(exitOK)
	mlops(t, "validate", "--checkpoint", "loan", "--state", state, "--data", filepath.Join(rows, "loan.parquet")).exits(exitOK).document()
	mlops(t, "validate", "--checkpoint", "nobody", "--state", state).exits(exitUsage, "nobody")
	mlops(t, "validate", "--checkpoint", "loan", "--suite", file("none.json")).exits(exitUsage, "--checkpoint and --suite")
	mlops(t, "data", "push", file("absent.csv"), "--state", state).exits(exitUsage)
	mlops(t, "data", "push", file("people.csv"), "--state", t.TempDir()).exits(exitUsage, "no state")

	server := httptest.NewUnstartedServer(nil)
	h := open(t.TempDir(), "http://"+server.Listener.Addr().String())
	defer h.Close()
	server.Config.Handler = h.HTTP
	server.Start()
	defer server.Close()
	t.Setenv("MLOPS_API_KEY", "k")
	for _, name := range []string{"large.csv", "small.csv"} {
		mlops(t, "data", "push", "--dataset", "loan", "--target", "default", "--ignore", "note", "--url", server.URL, file(name)).exits(0)
		if err := h.State.Bus.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	mlops(t, "data", "quality", "loan", "--url", server.URL).exits(0)
}
