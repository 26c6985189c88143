package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/model"
	"mlops/shared/registry"
)

// clock is a platform's time in a test: a millisecond passes at every look.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a platform in a folder of its own.
type world struct {
	*testing.T
	*Host
	clock *clock
	dir   string
}

var background = context.Background()

// epoch is when the life of every world begins.
var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// policies let a platform act: a new one only proposes.
const actingPolicy = "name: test\ndry_run: false\napproval: {approvers: [anna@example.com, ben@example.com], quorum: 1, hours: 72}\n"

// quickModels is a search of two candidates, for a table of a hundred rows or a thousand: what these tests are about is the platform.
const quickModels = "extends: nothing\nvote: 0\nnested: 0\ncalibrate: false\ncandidates:\n  - {algorithm: linear, params: {C: 1}}\n  - {algorithm: boosting, params: {trees: 50, leaves: 7, learning_rate: 0.1, min_leaf: 10, l2: 1}}\n"

// folder is a folder of a test, in memory where the machine has such a place: the platform waits for the disk at every step.
func folder(t testing.TB) string {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		if dir, err := os.MkdirTemp(memory, "mlops-test-"); err == nil {
			t.Cleanup(func() { os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

// open opens a platform on dir.
func open(t *testing.T, dir string, c *clock) *world {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "config"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config", "policy.yaml"), []byte(actingPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	if models := filepath.Join(dir, "config", "model_config.yaml"); !exists(models) {
		if err := os.WriteFile(models, []byte(quickModels), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, err := Open(Options{Dir: dir, Now: c.now, PublicURL: "https://mlops.example", Window: 48 * time.Hour, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return &world{t, h, c, dir}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// empty is a platform that has seen nothing.
func empty(t *testing.T) *world {
	return open(t, folder(t), &clock{t: epoch})
}

// The template is a platform that has trained and serves one model, made once and copied for each test.
var template struct {
	once sync.Once
	dir  string
	at   time.Time
}

func TestMain(m *testing.M) {
	code := m.Run()
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

// loans is a platform whose model "loan", trained on people(320, 1), is champion.
func loans(t *testing.T) *world {
	t.Helper()
	template.once.Do(func() {
		dir, err := os.MkdirTemp("", "mlops-template-")
		if err != nil {
			t.Fatal(err)
		}
		c := &clock{t: epoch}
		w := open(t, dir, c)
		w.Ingest.NewID = w.State.IDs.Next
		if j := w.upload("loan", "target=default", people(320, 1)); j.Status != job.Succeeded {
			t.Fatalf("the template was not trained: %+v", j)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		template.dir, template.at = dir, c.t
	})
	if template.dir == "" {
		t.Fatal("there is no template")
	}
	dir := folder(t)
	if err := os.CopyFS(filepath.Join(dir, "state"), os.DirFS(template.dir)); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // a copy has wider modes than the state insists on
		if err == nil {
			mode := fs.FileMode(0o600)
			if d.IsDir() {
				mode = 0o700
			}
			err = os.Chmod(path, mode)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return open(t, filepath.Join(dir, "state"), &clock{t: template.at})
}

// people is a small table: a number, one with gaps, a category, and whether a loan defaulted.
func people(rows int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	var b bytes.Buffer
	b.WriteString("age,income,city,default\n")
	for range rows {
		age := 20 + rng.IntN(50)
		income := 1000 + math.Floor(4000*rng.Float64())
		city := []string{"Bern", "Oslo", "Rome"}[rng.IntN(3)]
		z := 0.08*float64(age-45) - 0.0012*(income-3000)
		if city == "Rome" {
			z += 1.2
		}
		y := 0
		if rng.Float64() < 1/(1+math.Exp(-z)) {
			y = 1
		}
		text := fmt.Sprintf("%g", income)
		if rng.IntN(12) == 0 {
			text = ""
		}
		fmt.Fprintf(&b, "%d,%s,%s,%d\n", age, text, city, y)
	}
	return b.Bytes()
}

// answer is what came back.
type answer struct {
	*testing.T
	status int
	header http.Header
	body   []byte
}

// send makes one request. headers are "Name: value"; a key named twice is set by the later one.
func (w *world) send(method, path, key string, body io.Reader, headers ...string) answer {
	w.Helper()
	r, err := http.NewRequestWithContext(background, method, path, body)
	if err != nil {
		w.Fatal(err)
	}
	r.RemoteAddr = "203.0.113.7:40000"
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := &door.Recorder{}
	w.HTTP.ServeHTTP(rec, r)
	return answer{w.T, rec.Status(), rec.Header(), rec.Body.Bytes()}
}

func (w *world) get(path string) answer {
	w.Helper()
	return w.send("GET", path, w.Keys.Operate, http.NoBody)
}

// post sends JSON, or text as it is.
func (w *world) post(path string, body any, headers ...string) answer {
	w.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			w.Fatal(err)
		}
		text = string(b)
	}
	return w.send("POST", path, w.Keys.Operate, strings.NewReader(text), append([]string{"Content-Type: application/json"}, headers...)...)
}

// is demands a status.
func (a answer) is(status int) answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("answered %d, not %d: %.700s", a.status, status, a.body)
	}
	return a
}

// tree reads the answer as JSON.
func (a answer) tree() map[string]any {
	a.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.Fatalf("not a JSON object: %v: %.300s", err, a.body)
	}
	return v
}

func (a answer) into(v any) {
	a.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.Fatalf("%v: %.300s", err, a.body)
	}
}

// has demands keys, and nothing but them when exact.
func has(t *testing.T, what string, v map[string]any, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if _, ok := v[k]; !ok {
			t.Errorf("%s has no %q: %v", what, k, v)
		}
	}
}

// only demands these keys and no others.
func only(t *testing.T, what string, v map[string]any, keys ...string) {
	t.Helper()
	has(t, what, v, keys...)
	if len(v) != len(keys) {
		t.Errorf("%s has %d keys, not only %v: %v", what, len(v), keys, v)
	}
}

// drain lets everything that is under way arrive.
func (w *world) drain() {
	w.Helper()
	if err := w.State.Bus.Drain(background); err != nil {
		w.Fatal(err)
	}
}

// upload sends a table and gives the job that came of it.
func (w *world) upload(name, query string, body []byte) job.Job {
	w.Helper()
	a := w.send("POST", "/datasets/"+name+"?"+query, w.Keys.Operate, bytes.NewReader(body), "Content-Type: text/csv").is(http.StatusAccepted)
	only(w.T, "the answer", a.tree(), "job_id")
	return w.finish(a)
}

// finish drains, and gives the job that an answer promised.
func (w *world) finish(a answer) job.Job {
	w.Helper()
	var started struct {
		Job string `json:"job_id"`
	}
	a.into(&started)
	w.drain()
	var j job.Job
	w.get("/jobs/" + started.Job).is(http.StatusOK).into(&j)
	return j
}

func (w *world) state(name string) registry.State {
	w.Helper()
	var s registry.State
	if _, err := w.State.Store.Get(background, control.State(name), &s); err != nil {
		w.Fatal(err)
	}
	return s
}

// entries is a model's whole ledger.
func (w *world) entries(name string) []audit.Entry {
	w.Helper()
	var all []audit.Entry
	for {
		page, err := w.State.Store.Entries(background, name, int64(len(all))+1, 500)
		if err != nil {
			w.Fatal(err)
		}
		if all = append(all, page...); len(page) < 500 {
			return all
		}
	}
}

func count(entries []audit.Entry, kinds ...audit.Kind) int {
	n := 0
	for _, e := range entries {
		for _, k := range kinds {
			if e.Kind == k {
				n++
			}
		}
	}
	return n
}

// sound checks what must hold at every moment: the ledger verifies, the alias is where the ledger's last move left it, and the bytes that
// the champion was registered with are there.
func (w *world) sound(name string) {
	w.Helper()
	if _, err := w.State.Store.Verify(background, name); err != nil {
		w.Errorf("the ledger of %s: %v", name, err)
	}
	moved := 0
	for _, e := range w.entries(name) {
		if e.Kind == audit.AliasPromoted || e.Kind == audit.AliasRolledBack {
			if e.From != moved {
				w.Errorf("ledger #%d moves from %d, but %d served", e.Seq, e.From, moved)
			}
			moved = e.To
		}
	}
	v, _, ok := w.state(name).At(registry.Champion)
	if v.Number != moved {
		w.Errorf("version %d is champion, the ledger says %d", v.Number, moved)
	}
	if !ok {
		return
	}
	b, err := w.State.Models.Get(background, "models/"+name+"/sha256/"+v.SHA256+"/model.bin", 1<<30)
	if err != nil {
		w.Errorf("the champion's artefact: %v", err)
	} else if got := model.Digest(b); got != v.SHA256 {
		w.Errorf("the champion's bytes are %s, registered as %s", got, v.SHA256)
	}
}

// ana is a row of people as a client sends it.
func ana() map[string]any { return map[string]any{"age": 31, "income": 2500, "city": "Rome"} }
