package local

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
)

var background = context.Background()

// clock is a time that tests move.
type clock struct{ t time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func openState(t testing.TB, dir string, now func() time.Time) *State {
	t.Helper()
	s, err := Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openTable(t *testing.T) store.Table {
	t.Helper()
	table, err := OpenTable(filepath.Join(t.TempDir(), "odd name %41?#.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

func TestTable(t *testing.T) { storetest.Table(t, openTable) }

func TestStore(t *testing.T) { storetest.Store(t, openTable) }

func TestFaultyTable(t *testing.T) {
	storetest.Table(t, func(t *testing.T) store.Table { return storetest.Faulty(openTable(t), nil) })
}

func TestBlobs(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs { return openState(t, t.TempDir(), time.Now).Data })
}

func TestTokenIsForgottenAfterTenMinutes(t *testing.T) {
	c := newClock()
	s := openState(t, t.TempDir(), c.now)
	ops := []store.Op{{Kind: store.Put, Partition: "p", Sort: "s", Expect: store.Any}}
	for i, step := range []struct {
		after time.Duration
		want  int64
	}{{0, 1}, {time.Minute, 1}, {store.TokenMemory - time.Minute - time.Millisecond, 1}, {time.Millisecond, 2}} {
		c.advance(step.after)
		if err := s.Table.Write(background, "token", ops); err != nil {
			t.Fatal(err)
		}
		if item, err := s.Table.Get(background, "p", "s", true); err != nil || item.Version != step.want {
			t.Fatalf("step %d: version %d, error %v; want %d", i, item.Version, err, step.want)
		}
	}
}

func TestExpiryFollowsTheClock(t *testing.T) {
	c := newClock()
	s := openState(t, t.TempDir(), c.now)
	op := store.Op{Kind: store.Put, Partition: "p", Sort: "s", Expires: c.now().Add(time.Minute)}
	if err := s.Table.Write(background, "one", []store.Op{op}); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute - time.Nanosecond)
	if _, err := s.Table.Get(background, "p", "s", true); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Nanosecond)
	if _, err := s.Table.Get(background, "p", "s", true); !fault.Is(err, fault.NotFound) {
		t.Fatalf("got %v; want NotFound", err)
	}
}

func TestTokensOutliveARestart(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	ops := []store.Op{{Kind: store.Put, Partition: "p", Sort: "s", Expect: store.Any}}
	for range 2 {
		s := openState(t, dir, c.now)
		if err := s.Table.Write(background, "token", ops); err != nil {
			t.Fatal(err)
		}
		if item, err := s.Table.Get(background, "p", "s", true); err != nil || item.Version != 1 {
			t.Fatalf("version %d, error %v; want 1", item.Version, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTableOfALaterProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "control.db")
	table, err := OpenTable(file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.writer.ExecContext(background, "PRAGMA user_version = 2"); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("closing left the log: %v", err)
	}
	if _, err := OpenTable(file, time.Now); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v; want Conflict", err)
	}
	if err := os.WriteFile(file, bytes.Repeat([]byte("not SQLite"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTable(file, time.Now); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v; want Internal", err)
	}
}

func TestSettingsOfTheDatabase(t *testing.T) {
	s := openState(t, t.TempDir(), time.Now)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000"} {
		var got string
		if err := s.Table.writer.QueryRowContext(background, "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, error %v; want %s", pragma, got, err, want)
		}
	}
}

func TestLayoutAndModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "state")
	s := openState(t, dir, time.Now)
	if _, err := s.Key("hmac", 32); err != nil {
		t.Fatal(err)
	}
	if err := s.Data.Create(background, "raw/heart/a.csv", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Mails.Send(background, Mail{To: "anna@example.com", Subject: "s", ID: "1"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"control.db", "data", "models", "mails", "config", "keys", "lock", "keys/hmac", "data/raw/heart/a.csv", "mails/1-anna@example.com.txt"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := openState(t, dir, time.Now)
	check := func(addr string, says ...string) {
		t.Helper()
		_, err := Open(dir, time.Now)
		var held *Held
		if !errors.As(err, &held) || !fault.Is(err, fault.Conflict) || held.PID != os.Getpid() || held.Addr != addr {
			t.Fatalf("got %v; want it held by this process on %q", err, addr)
		}
		for _, part := range append(says, dir, fmt.Sprint(os.Getpid())) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	check("")
	if err := s.Announce("127.0.0.1:8080"); err != nil {
		t.Fatal(err)
	}
	check("127.0.0.1:8080", "--url http://127.0.0.1:8080")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openState(t, dir, time.Now)
	check("")
}

func TestUnfinishedFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	s := openState(t, dir, time.Now)
	for range 2 {
		if err := s.Data.Create(background, "a/b", []byte("kept")); err != nil {
			t.Fatal(err)
		}
	}
	if rest, err := os.ReadDir(filepath.Join(dir, "data", tmpDir)); err != nil || len(rest) != 0 {
		t.Errorf("storing left %d temporary files, error %v", len(rest), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rest := filepath.Join(dir, "data", tmpDir, "rest")
	if err := os.WriteFile(rest, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = openState(t, dir, time.Now)
	if _, err := os.Stat(rest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the rest is still there: %v", err)
	}
	objects, err := s.Data.List(background, "", "", 0)
	if err != nil || len(objects) != 1 || objects[0].Key != "a/b" {
		t.Errorf("objects %+v, error %v", objects, err)
	}
}

func TestBlobsStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	s := openState(t, dir, time.Now)
	if err := os.Symlink("../keys", filepath.Join(dir, "data", "link")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if _, err := s.Key("secret", 16); err != nil {
		t.Fatal(err)
	}
	if body, err := s.Data.Get(background, "link/secret", 1000); err == nil {
		t.Errorf("read a key through a link: %q", body)
	}
	if err := s.Data.Create(background, "link/new", []byte("x")); err == nil {
		t.Error("wrote through a link")
	}
}

func TestBlobAndFolderOfOneName(t *testing.T) {
	s := openState(t, t.TempDir(), time.Now)
	for _, key := range []string{"a/b", "c"} {
		if err := s.Data.Create(background, key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "c/d"} {
		if err := s.Data.Create(background, key, []byte("x")); !fault.Is(err, fault.Conflict) {
			t.Errorf("create %s: %v; want Conflict", key, err)
		}
		if _, err := s.Data.Get(background, key, 10); !fault.Is(err, fault.NotFound) {
			t.Errorf("get %s: %v; want NotFound", key, err)
		}
		if objects, err := s.Data.List(background, key+"/", "", 0); err != nil || len(objects) > 1 {
			t.Errorf("list %s: %v, error %v", key, objects, err)
		}
	}
}

func TestKey(t *testing.T) {
	dir := t.TempDir()
	s := openState(t, dir, time.Now)
	first, err := s.Key("approval.hmac", 32)
	if err != nil || len(first) != 32 || bytes.Equal(first, make([]byte, 32)) {
		t.Fatalf("got %x, error %v", first, err)
	}
	other, err := s.Key("api", 32)
	if err != nil || bytes.Equal(first, other) {
		t.Fatalf("two keys are equal, error %v", err)
	}
	s.Close()
	s = openState(t, dir, time.Now)
	again, err := s.Key("approval.hmac", 32)
	if err != nil || !bytes.Equal(first, again) {
		t.Fatalf("after a restart: %x, error %v; want %x", again, err, first)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "keys", "api")); err != nil || string(text) != hex.EncodeToString(other)+"\n" {
		t.Errorf("the file holds %q, error %v", text, err)
	}
	if _, err := s.Key("api", 16); !fault.Is(err, fault.Conflict) {
		t.Errorf("another size: %v; want Conflict", err)
	}
	for _, name := range []string{"", "../api", "a/b", ".tmp", "Api"} {
		if _, err := s.Key(name, 16); !fault.Is(err, fault.Invalid) {
			t.Errorf("name %q: %v; want Invalid", name, err)
		}
	}
	for _, size := range []int{-1, 0, 1025} {
		if _, err := s.Key("size", size); !fault.Is(err, fault.Invalid) {
			t.Errorf("size %d: %v; want Invalid", size, err)
		}
	}
}

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	s := openState(t, dir, time.Now)
	if _, err := s.Config("gate"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v; want NotFound", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config", "gate.yaml"), []byte("min_rows: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if body, err := s.Config("gate"); err != nil || string(body) != "min_rows: 3\n" {
		t.Errorf("got %q, error %v", body, err)
	}
	if _, err := s.Config("../keys/api"); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v; want Invalid", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config", "big.yaml"), make([]byte, maxConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Config("big"); fault.CodeOf(err) != fault.CodeTooLarge {
		t.Errorf("got %v; want too large", err)
	}
}

func TestMails(t *testing.T) {
	c := newClock()
	s := openState(t, t.TempDir(), c.now)
	sent := []Mail{
		{To: "ben@example.com", Subject: "[mlops] Approve retraining of heart?", Body: "What happened\n\nIt drifted.\n", ID: "01JD-anna"},
		{To: "anna@example.com", Subject: "ü", Body: "", ID: "01JD-anna"},
		{To: "anna@example.com", Subject: "second", Body: "later", ID: "00"},
	}
	for i := range sent {
		if err := s.Mails.Send(background, sent[i]); err != nil {
			t.Fatal(err)
		}
		sent[i].At = c.now()
		c.advance(time.Second)
	}
	again := sent[0]
	again.Body, again.Subject = "another token", "another subject"
	if err := s.Mails.Send(background, again); err != nil {
		t.Fatal(err)
	}
	got, err := s.Mails.List(background)
	if err != nil || len(got) != len(sent) {
		t.Fatalf("%d mails, error %v; want %d", len(got), err, len(sent))
	}
	for i := range sent {
		if got[i] != sent[i] {
			t.Errorf("mail %d:\n got %+v\nwant %+v", i, got[i], sent[i])
		}
	}
	if err := s.Mails.Send(background, Mail{To: "anna-anna@example.com", Subject: "s", ID: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Mails.Send(background, Mail{To: "anna@example.com", Subject: "s", ID: "x-anna"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("two mails of one file name: %v; want Conflict", err)
	}
	for name, bad := range map[string]Mail{
		"header injection":  {To: "a@b.c", Subject: "s\nBcc: x@y.z", ID: "1"},
		"address injection": {To: "a@b.c\nBcc: x@y.z", Subject: "s", ID: "1"},
		"path in address":   {To: "../a@b.c", Subject: "s", ID: "1"},
		"path in id":        {To: "a@b.c", Subject: "s", ID: "../1"},
		"no id":             {To: "a@b.c", Subject: "s"},
		"no subject":        {To: "a@b.c", ID: "1"},
		"long subject":      {To: "a@b.c", Subject: strings.Repeat("s", 101), ID: "1"},
		"long body":         {To: "a@b.c", Subject: "s", ID: "1", Body: strings.Repeat("b", maxMailBody+1)},
	} {
		if err := s.Mails.Send(background, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v; want Invalid", name, err)
		}
	}
}

// TestExpire: what is older goes, with the folders that are empty then; what is younger, or lies elsewhere, stays; and where something was, something can be stored.
func TestExpire(t *testing.T) {
	s := openState(t, t.TempDir(), time.Now)
	put := func(key string, days time.Duration) {
		t.Helper()
		if err := s.Data.Create(background, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-days * 24 * time.Hour)
		if err := os.Chtimes(filepath.Join(s.Dir, "data", key), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1100 { // more than a page
		put(fmt.Sprintf("kept/m/2026/01/%02d/%d", i/50, i), 11)
	}
	put("kept/m/2026/02/01/young", 9)
	put("kept/m2/old", 11)
	put("other/old", 11)
	for range 2 {
		if err := s.Data.Expire(background, "kept/m/", 10*24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	left, err := s.Data.List(background, "", "", 0)
	if err != nil || len(left) != 3 || left[0].Key != "kept/m/2026/02/01/young" || left[1].Key != "kept/m2/old" || left[2].Key != "other/old" {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "data", "kept/m/2026/01")); !os.IsNotExist(err) {
		t.Errorf("an empty folder stays: %v", err)
	}
	put("kept/m/2026/01/05/250", 0)
	if b, err := s.Data.Get(background, "kept/m/2026/01/05/250", 100); err != nil || string(b) != "kept/m/2026/01/05/250" {
		t.Errorf("%s, %v", b, err)
	}
	if err := s.Data.Expire(background, "nothing/", 0); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(background)
	cancel()
	if err := s.Data.Expire(ended, "kept/", 0); err == nil {
		t.Error("given up, it goes on")
	}
}
