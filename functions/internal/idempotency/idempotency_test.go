package idempotency

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlops/functions/internal/door"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
	"mlops/shared/topology"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// counted are notes that count how often they were asked for, and fail when told to.
type counted struct {
	Notes
	calls  atomic.Int64
	refuse func(call int64) error
}

func (c *counted) call() error {
	n := c.calls.Add(1)
	if c.refuse == nil {
		return nil
	}
	return c.refuse(n)
}

func (c *counted) Note(ctx context.Context, name string) ([]byte, int64, error) {
	if err := c.call(); err != nil {
		return nil, 0, err
	}
	return c.Notes.Note(ctx, name)
}

func (c *counted) KeepNote(ctx context.Context, name string, expect int64, body []byte, expires time.Time) error {
	if err := c.call(); err != nil {
		return err
	}
	return c.Notes.KeepNote(ctx, name, expect, body, expires)
}

// world is one route behind a keeper, whose effect is a number that grows.
type world struct {
	*testing.T
	notes   *counted
	now     atomic.Int64 // Unix milliseconds
	effects atomic.Int64
	do      http.HandlerFunc // what the handler does after its effect; nil = 202 with the effect's number
	routes  map[string]http.Handler
}

func newWorld(t *testing.T, wrap func(store.Table) store.Table) *world {
	w := &world{T: t, routes: map[string]http.Handler{}}
	w.now.Store(epoch.UnixMilli())
	var table store.Table = storetest.NewMemoryTable(w.clock)
	if wrap != nil {
		table = wrap(table)
	}
	s := store.New(table, w.clock)
	s.Wait = func(context.Context, time.Duration) error { return nil }
	w.notes = &counted{Notes: s}
	k := &Keeper{Notes: w.notes, Now: w.clock, Log: slog.New(slog.DiscardHandler)}
	for _, spec := range topology.Functions {
		for _, route := range spec.Routes {
			w.routes[route.Method+" "+route.Path] = k.Guard(spec, route, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				n := w.effects.Add(1)
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if w.do != nil {
					w.do(rw, r)
					return
				}
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(http.StatusAccepted)
				fmt.Fprintf(rw, `{"n":%d,"got":%q}`, n, body)
			}))
		}
	}
	return w
}

func (w *world) clock() time.Time           { return time.UnixMilli(w.now.Load()).UTC() }
func (w *world) pass(d time.Duration)       { w.now.Add(d.Milliseconds()) }
func (w *world) handles(h http.HandlerFunc) { w.do = h }

// send posts a body with a key to a route, as a caller.
func (w *world) send(caller, path, key, body string) *door.Recorder {
	r, err := http.NewRequestWithContext(door.WithCaller(context.Background(), door.Caller{ID: caller}), http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if key != "" {
		r.Header.Set(Header, key)
	}
	path, _, _ = strings.Cut(path, "?")
	a := &door.Recorder{}
	w.routes["POST "+path].ServeHTTP(a, r)
	return a
}

// want demands an answer: its status, whether it is a replay, and how often the effect has happened by now.
func (w *world) want(a *door.Recorder, status int, replayed bool, effects int64) *door.Recorder {
	w.Helper()
	if got := a.Header().Get(Replayed) == "true"; a.Status() != status || got != replayed || w.effects.Load() != effects {
		w.Errorf("answered %d, replayed %v, %d effects: %.300s; want %d, %v, %d", a.Status(), got, w.effects.Load(), a.Body.String(), status, replayed, effects)
	}
	return a
}

const key = "order-0001"

// TestSameAnswer: the same key and request have one effect and one answer, to the byte; another caller, route or key is another request.
func TestSameAnswer(t *testing.T) {
	w := newWorld(t, nil)
	first := w.want(w.send("anna", "/train", key, `{"a":1}`), http.StatusAccepted, false, 1)
	again := w.want(w.send("anna", "/train", key, `{"a":1}`), http.StatusAccepted, true, 1)
	if again.Body.String() != first.Body.String() || again.Header().Get("Content-Type") != "application/json" || first.Header().Get(Stored) != "" {
		t.Errorf("%v %s; first %v %s", again.Header(), again.Body.String(), first.Header(), first.Body.String())
	}
	w.want(w.send("ben", "/train", key, `{"a":1}`), http.StatusAccepted, false, 2)
	w.want(w.send("anna", "/reports", key, `{"a":1}`), http.StatusAccepted, false, 3)
	w.want(w.send("anna", "/train", key+"x", `{"a":1}`), http.StatusAccepted, false, 4)

	w.want(w.send("anna", "/train", key, `{"a":2}`), http.StatusUnprocessableEntity, false, 4)
	w.want(w.send("anna", "/train?model=b", key, `{"a":1}`), http.StatusUnprocessableEntity, false, 4)
	w.want(w.send("anna", "/train", key, `{"a":1}`), http.StatusAccepted, true, 4)
	w.pass(Life - time.Second)
	w.want(w.send("anna", "/train", key, `{"a":1}`), http.StatusAccepted, true, 4)
	w.pass(2 * time.Second)
	w.want(w.send("anna", "/train", key, `{"a":2}`), http.StatusAccepted, false, 5)
}

// TestCostsNothingWithout: without the header, and on a route that takes none, nothing is asked of the store; the routes that take one are
// those of the documentation.
func TestCostsNothingWithout(t *testing.T) {
	w := newWorld(t, nil)
	for range 3 {
		w.send("anna", "/predict", "", `{}`)
		w.send("anna", "/alerts", key, `{}`)
	}
	if w.effects.Load() != 6 || w.notes.calls.Load() != 0 {
		t.Errorf("%d effects, %d calls of the store", w.effects.Load(), w.notes.calls.Load())
	}
	n := 0
	for _, spec := range topology.Functions {
		for _, route := range spec.Routes {
			if route.Keyed() {
				n++
			}
		}
	}
	if n != 10 {
		t.Errorf("%d routes take a key; want 10", n)
	}
}

// TestBadKeys: what is no key is named, and nothing happens.
func TestBadKeys(t *testing.T) {
	w := newWorld(t, nil)
	for _, bad := range []string{"short", strings.Repeat("a", 129), "with space", "naïve-key", "order/0001", `"order-0001"`} {
		if a := w.want(w.send("anna", "/train", bad, `{}`), http.StatusBadRequest, false, 0); !strings.Contains(a.Body.String(), Header) {
			t.Errorf("%q: %s", bad, a.Body.String())
		}
	}
	r, err := http.NewRequest(http.MethodPost, "/train", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header[http.CanonicalHeaderKey(Header)] = []string{key, key}
	a := &door.Recorder{}
	w.routes["POST /train"].ServeHTTP(a, r)
	w.want(a, http.StatusBadRequest, false, 0)
	w.want(w.send("anna", "/train", strings.Repeat("A-_9", 32), `{}`), http.StatusAccepted, false, 1)
}

// TestRefusalFreesTheKey: nothing came of a request that was refused, so its key may bring the mended one.
func TestRefusalFreesTheKey(t *testing.T) {
	w := newWorld(t, nil)
	for i, status := range []int{400, 404, 409, 429, 500, 503} {
		w.handles(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) })
		w.want(w.send("anna", "/train", key, strconv.Itoa(i)), status, false, int64(i+1))
	}
	w.handles(nil)
	w.want(w.send("anna", "/train", key, "good"), http.StatusAccepted, false, 7)
	w.want(w.send("anna", "/train", key, "good"), http.StatusAccepted, true, 7)
}

// TestTooLargeToKeep: an answer beyond the bound is given and said not to be kept, one at the bound is kept.
func TestTooLargeToKeep(t *testing.T) {
	w := newWorld(t, nil)
	size := MaxAnswer
	w.handles(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(make([]byte, size)) })
	w.want(w.send("anna", "/predict/batch", key, "a"), http.StatusOK, false, 1)
	if a := w.want(w.send("anna", "/predict/batch", key, "a"), http.StatusOK, true, 1); a.Body.Len() != size {
		t.Errorf("%d bytes", a.Body.Len())
	}
	size++
	for effects := range int64(2) {
		if a := w.want(w.send("anna", "/predict/batch", key+"2", "a"), http.StatusOK, false, effects+2); a.Body.Len() != size || a.Header().Get(Stored) != "false" {
			t.Errorf("%d bytes, %v", a.Body.Len(), a.Header())
		}
	}
	w.want(w.send("anna", "/predict", key, strings.Repeat("x", 256<<10+1)), http.StatusRequestEntityTooLarge, false, 3)
}

// TestInProgress: while the first request runs a second one is told to wait, and how long at most.
func TestInProgress(t *testing.T) {
	w := newWorld(t, nil)
	w.handles(func(rw http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("the handler has no deadline")
		}
		w.pass(10 * time.Second)
		a := w.want(w.send("anna", "/predict", key, "a"), http.StatusConflict, false, 1)
		if s, err := strconv.Atoi(a.Header().Get("Retry-After")); err != nil || s < 14 || s > 15 { // predict has 25 seconds
			t.Errorf("Retry-After: %q", a.Header().Get("Retry-After"))
		}
		w.want(w.send("anna", "/predict", key, "b"), http.StatusUnprocessableEntity, false, 1)
	})
	w.want(w.send("anna", "/predict", key, "a"), http.StatusOK, false, 1)
	w.want(w.send("anna", "/predict", key, "a"), http.StatusOK, true, 1)
}

// TestCrash: a process that dies between effect and note leaves a note that ends; then the request runs again. One that was only slow does
// not overwrite what the second one kept.
func TestCrash(t *testing.T) {
	w := newWorld(t, nil)
	w.handles(func(http.ResponseWriter, *http.Request) { panic("power cut") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		w.send("anna", "/train", key, "a")
	}()
	w.handles(nil)
	w.want(w.send("anna", "/train", key, "a"), http.StatusConflict, false, 1)
	w.pass(MaxRun)
	w.want(w.send("anna", "/train", key, "b"), http.StatusUnprocessableEntity, false, 1) // it may have happened: the key stays its own
	w.want(w.send("anna", "/train", key, "a"), http.StatusAccepted, false, 2)
	w.want(w.send("anna", "/train", key, "a"), http.StatusAccepted, true, 2)

	w.handles(func(rw http.ResponseWriter, _ *http.Request) { // slower than its note lives
		w.handles(nil)
		w.pass(MaxRun + time.Second)
		w.want(w.send("anna", "/reports", key, "a"), http.StatusAccepted, false, 4)
		_, _ = rw.Write([]byte("slow"))
	})
	if a := w.send("anna", "/reports", key, "a"); a.Body.String() != "slow" || a.Header().Get(Stored) != "false" {
		t.Errorf("%v %s", a.Header(), a.Body.String())
	}
	if a := w.want(w.send("anna", "/reports", key, "a"), http.StatusAccepted, true, 4); !strings.Contains(a.Body.String(), `"n":4`) {
		t.Errorf("%s", a.Body.String())
	}
}

// TestStoreDown: without the store nothing with a key happens; an answer that cannot be kept is given.
func TestStoreDown(t *testing.T) {
	w := newWorld(t, nil)
	w.notes.refuse = func(int64) error { return fault.Unavailablef("down") }
	w.want(w.send("anna", "/train", key, "a"), http.StatusServiceUnavailable, false, 0)
	w.notes.calls.Store(0)
	w.notes.refuse = func(call int64) error {
		if call == 2 {
			return fault.Unavailablef("down")
		}
		return nil
	}
	if a := w.want(w.send("anna", "/train", key, "a"), http.StatusAccepted, false, 1); a.Header().Get(Stored) != "false" {
		t.Errorf("%v", a.Header())
	}
	w.want(w.send("anna", "/train", key, "a"), http.StatusConflict, false, 1)
}

// TestConcurrent: of many requests at once one has its effect, before and after a crash; the others wait or get its answer.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, nil)
	storm := func(effects int64) {
		t.Helper()
		var all sync.WaitGroup
		bodies := make([]string, 32)
		for i := range bodies {
			all.Go(func() {
				a := w.send("anna", "/train", key, "a")
				switch a.Status() {
				case http.StatusAccepted:
					bodies[i] = a.Body.String()
				case http.StatusConflict:
				default:
					t.Errorf("answered %d %s", a.Status(), a.Body.String())
				}
			})
		}
		all.Wait()
		answers := map[string]bool{}
		for _, b := range bodies {
			answers[b] = true
		}
		delete(answers, "")
		if w.effects.Load() != effects || len(answers) != 1 {
			t.Errorf("%d effects, answers %v", w.effects.Load(), answers)
		}
	}
	storm(1)
	storm(1)
	w.handles(func(http.ResponseWriter, *http.Request) { panic("power cut") })
	w.pass(Life)
	func() {
		defer func() { _ = recover() }()
		w.send("anna", "/train", key, "a")
	}()
	w.handles(nil)
	w.pass(MaxRun)
	storm(3)
}

// TestFlakyStore: whatever replies are lost, as long as no note ends the effect happens at most once and every answer is the same.
func TestFlakyStore(t *testing.T) {
	happened := 0
	for seed := range uint64(200) {
		w := newWorld(t, func(table store.Table) store.Table { return storetest.Faulty(table, storetest.Random(seed, 0.4)) })
		answers := map[string]bool{}
		for range 8 {
			switch a := w.send("anna", "/train", key, "a"); a.Status() {
			case http.StatusAccepted:
				answers[a.Body.String()] = true
			case http.StatusConflict, http.StatusServiceUnavailable, http.StatusTooManyRequests:
			default:
				t.Errorf("seed %d: %d %s", seed, a.Status(), a.Body.String())
			}
		}
		if w.effects.Load() > 1 || len(answers) > 1 {
			t.Errorf("seed %d: %d effects, answers %v", seed, w.effects.Load(), answers)
		}
		happened += int(w.effects.Load())
	}
	if happened < 100 {
		t.Errorf("only %d of 200 requests came through: the faults hide the case", happened)
	}
}
