package story

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/local"
)

var update = flag.Bool("update", false, "write testdata/loop.golden anew")

const (
	root   = "../../../"
	golden = root + "testdata/loop.golden"
)

// What differs from telling to telling, since it is random or measured on the wall clock: ids, links, digests that name them, durations.
var differs = []struct {
	form *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`\b01[0-9A-HJKMNP-TV-Z]{24}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "DIGEST"},
	{regexp.MustCompile(`about [0-9.]+ (?:ms|s|min|h), \$[0-9.e-]+`), "about DURATION, PRICE"},
}

// normalise makes a transcript comparable. The stamps at the beginning of lines are the story's own clock and stay.
func normalise(text []byte) string {
	lines := strings.Split(string(text), "\n")
	for i, l := range lines {
		stamp := l[:min(len(l), 13)]
		rest := l[len(stamp):]
		for _, d := range differs {
			rest = d.form.ReplaceAllString(rest, d.to)
		}
		lines[i] = strings.TrimRight(stamp+rest, " ")
	}
	return strings.Join(lines, "\n")
}

// folder is in memory where the machine has such a place: the story waits for the disk thousands of times.
func folder(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "mlops-story-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// TestGolden tells the whole story and compares it with the transcript that is kept, on one processor and on two.
func TestGolden(t *testing.T) {
	processors(t, 2)
	var out bytes.Buffer
	err := Tell(context.Background(), Options{Data: root + "testdata/datasets/heart.csv", ShiftBy: "site", Dir: folder(t), Out: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if *update {
		if err := os.WriteFile(golden, []byte(normalise(out.Bytes())), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	same(t, out.Bytes())
}

// processors runs the rest of the test on n of them.
func processors(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// same compares a transcript with the one that is kept, line by line.
func same(t *testing.T, out []byte) {
	t.Helper()
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v: go test ./functions/internal/story -update writes it", err)
	}
	got, want := strings.Split(normalise(out), "\n"), strings.Split(string(b), "\n")
	for i := range max(len(got), len(want)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("line %d of the story is\n%s\nnot\n%s\n(go test ./functions/internal/story -update writes %s anew, where the change is meant)", i+1, g, w, filepath.Base(golden))
		}
	}
}

var everyEvent = []event.Type{event.DatasetUploaded, event.DatasetValidated, event.DatasetRejected, event.TrainRequested, event.ModelTrained, event.ModelGated, event.TrainingFailed, event.AliasMoved,
	event.DriftRequested, event.DriftMeasured, event.AlertReceived, event.OwnerAlerted, event.ApprovalRequested, event.ApprovalDecided, event.RetrainRequested, event.RetrainDue, event.ReportRequested, event.SweepRequested}

// TestGoldenTwice tells the story on one processor with every event delivered twice: it is the same story to the letter, so nothing happened
// twice. Then all events come once more, from the last to the first, and change nothing.
func TestGoldenTwice(t *testing.T) {
	if *update {
		t.Skip("the transcript is being written")
	}
	if testing.Short() {
		t.Skip("the ordinary run plays it again")
	}
	processors(t, 1)
	var out bytes.Buffer
	s := newStory(context.Background(), Options{Data: root + "testdata/datasets/heart.csv", ShiftBy: "site", Out: &out})
	if err := s.read(); err != nil {
		t.Fatal(err)
	}
	if err := s.open(folder(t)); err != nil {
		t.Fatal(err)
	}
	defer s.host.Close()
	s.host.State.Bus.OnFailure = func(f local.Failure) {
		t.Errorf("%s did not take %s %s: %v", f.Function, f.Event.Type, f.Event.ID, f.Err)
	}
	var seen []event.Event
	known := map[string]bool{}
	if err := s.host.State.Bus.Subscribe(local.Subscriber{Function: "again", Types: everyEvent, Handle: func(ctx context.Context, e event.Event) error {
		if known[e.ID] {
			return nil
		}
		known[e.ID] = true
		seen = append(seen, e)
		return s.host.State.Store.Commit(ctx, control.Change{Events: []event.Event{e}})
	}}); err != nil {
		t.Fatal(err)
	}
	if err := s.tell(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	same(t, out.Bytes())
	moves, mails := s.moves(t), s.mailed(t)
	for to, n := range mails {
		if n != 1 {
			t.Errorf("%d mails: %s", n, to)
		}
	}

	before := s.everything(t)
	for _, e := range slices.Backward(seen) {
		if e.Type == event.DatasetValidated || e.Type == event.TrainRequested {
			continue // was trained twice already: once more takes long and shows no more
		}
		if err := s.host.State.Store.Commit(s.ctx, control.Change{Events: []event.Event{e}}); err != nil {
			t.Fatal(err)
		}
		if err := s.settle(); err != nil {
			t.Fatal(err)
		}
	}
	if after := s.everything(t); after != before {
		t.Errorf("a replay from the last event to the first changed\n%s\nto\n%s", before, after)
	}
	if again := s.moves(t); fmt.Sprint(again) != fmt.Sprint(moves) || len(moves) != 4 {
		t.Errorf("the alias moved %v, after the replay %v", moves, again)
	}
}

// moves is how the alias moved, by the ledger.
func (s *Story) moves(t *testing.T) []string {
	t.Helper()
	entries, err := s.ledger()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Kind == audit.AliasPromoted || e.Kind == audit.AliasRolledBack {
			out = append(out, fmt.Sprintf("%s %d->%d", e.Kind, e.From, e.To))
		}
	}
	return out
}

// mailed counts mails by person and subject.
func (s *Story) mailed(t *testing.T) map[string]int {
	t.Helper()
	all, err := s.host.State.Mails.List(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, m := range all {
		out[m.To+": "+m.Subject]++
	}
	return out
}

// everything is what a delivery could have changed.
func (s *Story) everything(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, partition := range []string{"model", "approval", "dataset", "job", "drift", "incident#" + s.model} {
		docs, err := s.host.State.Store.List(s.ctx, partition, "", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			fmt.Fprintf(&b, "%s %s\n", d.Key, d.Body)
		}
	}
	entries, err := s.ledger()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fmt.Fprintln(&b, e.Seq, e.Kind, e.Hash)
	}
	fmt.Fprintln(&b, s.mailed(t))
	return b.String()
}
