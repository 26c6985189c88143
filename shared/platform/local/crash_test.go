package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// The tests of this file kill a real process with SIGKILL, at a moment that chance chooses. The process is this test binary again, which
// then does what childEnv says on the state in dirEnv, for ever, and tells on stdout what was acknowledged.
const (
	childEnv = "MLOPS_TEST_CHILD"
	dirEnv   = "MLOPS_TEST_DIR"
	linesEnv = "MLOPS_TEST_LINES" // after how many lines it is to be killed
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "commits":
		fatal(commitForEver(os.Getenv(dirEnv)))
	case "deliveries":
		fatal(deliverForEver(os.Getenv(dirEnv)))
	}
}

func fatal(err error) {
	fmt.Println("error", err)
	os.Exit(1)
}

// killAfter starts a child and kills it when it has told so many lines, all of which it returns.
func killAfter(t *testing.T, task, dir string, lines int) []string {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+task, dirEnv+"="+dir, linesEnv+"="+strconv.Itoa(lines))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var told []string
	scanner := bufio.NewScanner(out)
	for scanner.Scan() { // to the end: what it told before it died counts
		if told = append(told, scanner.Text()); len(told) == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(scanner.Text(), "error") {
			t.Error(scanner.Text())
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the child was not killed: %v", err)
	}
	return told
}

// counter is the document that the child counts upwards.
type counter struct {
	N int64 `json:"n"`
}

var counterKey = control.Key{Partition: "test", Sort: "counter"}

// commitForEver stores a blob and commits a change that names it, with all that a change can have, and tells each.
func commitForEver(dir string) error {
	s, err := Open(dir, time.Now)
	if err != nil {
		return err
	}
	for {
		var c counter
		revision, err := s.Store.Get(background, counterKey, &c)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		c.N++
		op := fmt.Sprint("op-", c.N)
		if err := s.Data.Create(background, "blobs/"+op, []byte(strings.Repeat(op, 1000))); err != nil {
			return err
		}
		doc, err := control.Put(counterKey, revision, c)
		if err != nil {
			return err
		}
		e, err := event.New(op, event.DriftMeasured, time.Now(), "heart", nil)
		if err != nil {
			return err
		}
		entry := audit.Entry{At: time.Now(), Kind: audit.DriftChecked, Actor: audit.Actor{Type: audit.Agent, ID: "child"}, Reason: op}
		err = s.Store.Commit(background, control.Change{Model: "heart", Op: op, Put: []control.Doc{doc}, Entries: []audit.Entry{entry, entry}, Events: []event.Event{e}})
		if err != nil {
			return err
		}
		fmt.Println(c.N)
	}
}

// TestKillWhileCommitting: what was acknowledged is there, and nothing is there by half.
func TestKillWhileCommitting(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range 6 {
		told := killAfter(t, "commits", dir, 1+rng.IntN(40))
		acknowledged, err := strconv.ParseInt(told[len(told)-1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, time.Now)
		if err != nil {
			t.Fatalf("open after the kill: %v", err)
		}
		var c counter
		revision, err := s.Store.Get(background, counterKey, &c)
		if err != nil || c.N != revision || c.N < acknowledged || c.N > acknowledged+1 {
			t.Fatalf("counter %d, revision %d, error %v; acknowledged %d", c.N, revision, err, acknowledged)
		}
		if end, err := s.Store.Verify(background, "heart"); err != nil || end.Seq != 2*c.N {
			t.Fatalf("the ledger ends at %d, error %v; want %d", end.Seq, err, 2*c.N)
		}
		waiting, err := s.Store.List(background, store.Outbox, "", "", 0)
		if err != nil || int64(len(waiting)) != c.N {
			t.Fatalf("%d events wait, error %v; want %d", len(waiting), err, c.N)
		}
		for n := int64(1); n <= c.N; n++ {
			op := fmt.Sprint("op-", n)
			if done, err := s.Store.Done(background, op); !done || err != nil {
				t.Fatalf("%s is not done, error %v", op, err)
			}
			if body, err := s.Data.Get(background, "blobs/"+op, 1<<20); err != nil || string(body) != strings.Repeat(op, 1000) {
				t.Fatalf("blob of %s: %d bytes, error %v", op, len(body), err)
			}
		}
		if rest, err := os.ReadDir(filepath.Join(dir, "data", tmpDir)); err != nil || len(rest) != 0 {
			t.Fatalf("%d unfinished files, error %v", len(rest), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

const crashEvents, crashKills, crashLines = 150, 4, 50

// deliverForEver runs a bus whose handlers tell what they get.
func deliverForEver(dir string) error {
	s, err := Open(dir, time.Now)
	if err != nil {
		return err
	}
	lines, err := strconv.Atoi(os.Getenv(linesEnv))
	if err != nil {
		return err
	}
	var told atomic.Int64
	s.Bus.Backoff = func(int) time.Duration { return time.Millisecond }
	for _, function := range []string{"agent", "report"} {
		err := s.Bus.Subscribe(Subscriber{Function: function, Concurrency: 2, Attempts: 1000, Types: []event.Type{event.DriftMeasured}, Handle: func(_ context.Context, e event.Event) error {
			if rand.IntN(4) == 0 {
				panic("by chance")
			}
			if told.Add(1) > int64(lines)+10 { // leave something for the next child, should the kill be slow
				select {}
			}
			fmt.Println(function, e.ID)
			return nil
		}})
		if err != nil {
			return err
		}
	}
	return s.Bus.Run(background)
}

// TestKillWhileDelivering: every event reaches every function, however often the bus dies; one that was told and written down as handled
// does not come back for ever.
func TestKillWhileDelivering(t *testing.T) {
	dir := t.TempDir()
	s := openState(t, dir, time.Now)
	for i := range crashEvents {
		e, err := event.New(fmt.Sprint("e", i), event.DriftMeasured, time.Now(), "heart", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, uint64(time.Now().UnixNano())))
	got := map[string]int{}
	for range crashKills {
		for _, line := range killAfter(t, "deliveries", dir, 1+rng.IntN(crashLines)) {
			got[line]++
		}
	}
	s = openState(t, dir, time.Now)
	for _, function := range []string{"agent", "report"} {
		err := s.Bus.Subscribe(Subscriber{Function: function, Types: []event.Type{event.DriftMeasured}, Handle: func(_ context.Context, e event.Event) error {
			got[function+" "+e.ID]++
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Bus.now = func() time.Time { return time.Now().Add(time.Minute) } // what failed last is due
	if err := s.Bus.Drain(background); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, function := range []string{"agent", "report"} {
		for i := range crashEvents {
			n := got[fmt.Sprintf("%s e%d", function, i)]
			if total += n; n == 0 {
				t.Errorf("event e%d never reached %s", i, function)
			}
		}
	}
	if twice := total - 2*crashEvents; twice > crashKills*2*2 { // a kill can repeat no more than was in flight: kills x functions x concurrency
		t.Errorf("%d deliveries came twice", twice)
	}
}
