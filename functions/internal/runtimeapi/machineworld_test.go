package runtimeapi_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/host"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/local"
	"mlops/shared/platform/store"
	"mlops/shared/topology"
)

// client is where every request of a story comes from.
const client = "203.0.113.7"

// machineWorld is the platform on one machine, in a folder of its own. Its clock is the real one, as in the cloud.
type machineWorld struct {
	*testing.T
	host *host.Host
	dir  string
	log  *output
	read int // mails
}

func newMachine(t *testing.T) *machineWorld {
	t.Helper()
	w := &machineWorld{T: t, dir: t.TempDir(), log: &output{}}
	var err error
	w.host, err = host.Open(host.Options{Dir: w.dir, Now: time.Now, PublicURL: "https://machine.execute-api.here/live", Window: window, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.host.Close() })
	return w
}

func (w *machineWorld) configure(name, yaml string) {
	if err := os.WriteFile(filepath.Join(w.dir, "config", name+".yaml"), []byte(yaml), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *machineWorld) request(method, path, key, contentType string, body []byte) (int, []byte) {
	r, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.RemoteAddr = client + ":40000"
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Api-Key", key)
	a := &door.Recorder{}
	w.host.HTTP.ServeHTTP(a, r)
	return a.Status(), a.Body.Bytes()
}

func (w *machineWorld) put(_ string, table []byte, options url.Values) {
	w.Helper()
	if status, said := w.request("POST", "/datasets/heart?"+options.Encode(), w.host.Keys.Operate, "text/csv", table); status != http.StatusAccepted {
		w.Fatalf("the upload answers %d: %s", status, said)
	}
	w.carry()
	w.tick("sweep", 0)
	w.carry()
}

func (w *machineWorld) call(method, path string, body any) (int, map[string]any) {
	w.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	status, said := w.request(method, path, w.host.Keys.Predict, "application/json", b)
	var out map[string]any
	if err := json.Unmarshal(said, &out); err != nil {
		w.Fatalf("%s %s: %d %s", method, path, status, said)
	}
	return status, out
}

func (w *machineWorld) operate(method, path string, form url.Values) (int, string) {
	w.Helper()
	status, said := w.request(method, path, w.host.Keys.Operate, "application/x-www-form-urlencoded", []byte(form.Encode()))
	return status, string(said)
}

// tick publishes what Bus.Tick publishes, for one schedule, at a time of the story's choice.
func (w *machineWorld) tick(name string, in time.Duration) {
	w.Helper()
	for _, s := range topology.Schedules() {
		if s.Name != name {
			continue
		}
		at := scheduledTime(in)
		e, err := event.New("schedule-"+name+"-"+at.Format(time.RFC3339), s.Event, at, "", s.Payload())
		if err == nil {
			err = w.host.State.Store.Commit(background, control.Change{Events: []event.Event{e}})
		}
		if err != nil {
			w.Fatal(err)
		}
	}
}

func (w *machineWorld) carry() {
	w.Helper()
	if err := w.host.State.Bus.Drain(background); err != nil {
		w.Fatal(err)
	}
}

func (w *machineWorld) letters() []letter {
	w.Helper()
	all, err := w.host.State.Mails.List(background)
	if err != nil {
		w.Fatal(err)
	}
	var out []letter
	for _, m := range all[w.read:] {
		out = append(out, letter{m.To, m.Subject, m.Body})
	}
	w.read = len(all)
	return out
}

func (w *machineWorld) controls() *store.Store { return w.host.State.Store }

func (w *machineWorld) keys(prefix string) []string { return keysOf(w.T, w.host.State.Data, prefix) }

func (w *machineWorld) said() string { return w.log.String() }

// left reads the folder and the database behind the platform's back. keys/, mails/ and lock are no part of what a cloud keeps in its buckets
// and tables; config/ lies in the data bucket there.
func (w *machineWorld) left() []thing {
	w.Helper()
	var out []thing
	for bucket, blobs := range map[string]*local.Blobs{"data/": w.host.State.Data, "models/": w.host.State.Models} {
		for _, key := range keysOf(w.T, blobs, "") {
			out = append(out, thing{bucket + key, contentOf(w.T, blobs, key)})
		}
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "config", "*"))
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, thing{"data/config/" + filepath.Base(f), b})
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "control.db")+"?mode=ro")
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(background, "SELECT partition, sort, body FROM item")
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var partition, sort string
		var body []byte
		if err := rows.Scan(&partition, &sort, &body); err != nil {
			w.Fatal(err)
		}
		out = append(out, thing{"table/" + partition + "/" + sort, body})
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return out
}

// lister is what both kinds of bucket have in common.
type lister interface {
	List(ctx context.Context, prefix, after string, limit int) ([]store.Object, error)
	Get(ctx context.Context, key string, limit int64) ([]byte, error)
}

func keysOf(t *testing.T, blobs lister, prefix string) []string {
	t.Helper()
	var keys []string
	for after := ""; ; after = keys[len(keys)-1] {
		objects, err := blobs.List(background, prefix, after, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			keys = append(keys, o.Key)
		}
		if len(objects) < 1000 {
			return keys
		}
	}
}

func contentOf(t *testing.T, blobs lister, key string) []byte {
	t.Helper()
	b, err := blobs.Get(background, key, 256<<20)
	if err != nil {
		t.Fatal(fmt.Errorf("read %s: %w", key, err))
	}
	return b
}
