package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
)

// station is a bus on a strict table in memory, with a log of what its handlers got.
type station struct {
	*testing.T
	clock *clock
	table store.Table
	store *store.Store
	bus   *Bus
	log   []string
}

func newStation(t *testing.T, table store.Table) *station {
	s := &station{T: t, clock: newClock(), table: table}
	if s.table == nil {
		s.table = storetest.NewMemoryTable(s.clock.now)
	}
	s.store = store.New(s.table, s.clock.now)
	s.bus = NewBus(s.table, s.clock.now)
	return s
}

// takes subscribes a function that logs what it gets and then does what f says.
func (s *station) takes(function string, f func(e event.Event) error, types ...event.Type) {
	s.Helper()
	err := s.bus.Subscribe(Subscriber{Function: function, Types: types, Handle: func(_ context.Context, e event.Event) error {
		s.log = append(s.log, function+" "+e.ID)
		if f == nil {
			return nil
		}
		return f(e)
	}})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *station) event(id string, t event.Type) event.Event {
	e, err := event.New(id, t, s.clock.now(), "heart", event.Drift{Job: id})
	if err != nil {
		s.Fatal(err)
	}
	return e
}

func (s *station) commit(events ...event.Event) {
	s.Helper()
	if err := s.store.Commit(background, control.Change{Events: events}); err != nil {
		s.Fatal(err)
	}
}

func (s *station) drain() {
	s.Helper()
	if err := s.bus.Drain(background); err != nil {
		s.Fatal(err)
	}
}

// logged checks and empties the log.
func (s *station) logged(want ...string) {
	s.Helper()
	if !slices.Equal(s.log, want) {
		s.Fatalf("handled\n %q; want\n %q", s.log, want)
	}
	s.log = nil
}

// atRest checks that nothing is on its way.
func (s *station) atRest() {
	s.Helper()
	for _, p := range append([]string{store.Outbox}, s.partitions()...) {
		items, err := s.table.Query(background, p, store.Query{Consistent: true})
		if err != nil || len(items) != 0 {
			s.Fatalf("%d items in %s, error %v", len(items), p, err)
		}
	}
}

func (s *station) partitions() (all []string) {
	for _, sub := range s.bus.subscribers {
		all = append(all, deliveries+sub.Function)
	}
	return all
}

func TestDrainDeliversInOneOrder(t *testing.T) {
	s := newStation(t, nil)
	s.takes("train", func(e event.Event) error {
		s.commit(s.event("trained-"+e.ID, event.ModelTrained))
		return nil
	}, event.DatasetValidated)
	s.takes("agent", nil, event.ModelTrained, event.DatasetValidated)
	s.takes("report", nil, event.ModelTrained)
	s.clock.advance(time.Second)
	late := s.event("a", event.DatasetValidated)
	s.clock.advance(-time.Second)
	s.commit(late, s.event("c", event.DatasetValidated), s.event("b", event.DatasetValidated), s.event("nobody", event.ReportRequested))
	s.drain()
	s.logged("train b", "agent b", "train c", "agent c", "train a", "agent a",
		"agent trained-a", "report trained-a", "agent trained-b", "report trained-b", "agent trained-c", "report trained-c")
	s.atRest()
	s.drain()
	s.logged()
}

func TestEventArrivesWhole(t *testing.T) {
	s := newStation(t, nil)
	want := s.event("id", event.DriftRequested)
	s.takes("driftcheck", func(e event.Event) error {
		var d event.Drift
		if err := e.Decode(&d); err != nil || d.Job != "id" || e.Model != "heart" || !e.Time.Equal(want.Time) || e.Type != want.Type {
			t.Errorf("got %+v with %+v, error %v", e, d, err)
		}
		return nil
	}, event.DriftRequested)
	s.commit(want)
	s.drain()
	s.logged("driftcheck id")
}

func TestFailuresBackOffAndDie(t *testing.T) {
	s := newStation(t, nil)
	var failures []string
	s.bus.OnFailure = func(f Failure) {
		failures = append(failures, fmt.Sprintf("%s %s %d %t %.9s", f.Function, f.Event.ID, f.Attempt, f.Dead, f.Err))
	}
	healthy := false
	s.takes("agent", func(e event.Event) error {
		switch {
		case healthy || e.ID == "good":
			return nil
		case len(failures) == 1:
			panic("worse luck")
		}
		return errors.New("bad luck")
	}, event.DriftMeasured)
	s.commit(s.event("bad", event.DriftMeasured), s.event("good", event.DriftMeasured))
	s.drain()
	s.logged("agent bad", "agent good")
	s.drain() // not due yet
	s.logged()
	for _, pause := range []time.Duration{time.Second, 4 * time.Second, 16 * time.Second, 64 * time.Second} {
		s.clock.advance(pause - time.Nanosecond)
		s.drain()
		s.logged()
		s.clock.advance(time.Nanosecond)
		s.drain()
		s.logged("agent bad")
	}
	if want := []string{"agent bad 1 false bad luck", "agent bad 2 false panic: wo", "agent bad 3 false bad luck", "agent bad 4 false bad luck", "agent bad 5 true bad luck"}; !slices.Equal(failures, want) {
		t.Errorf("failures\n %q; want\n %q", failures, want)
	}
	s.atRest()
	letters, err := s.bus.DeadLetters(background)
	if err != nil || len(letters) != 1 || letters[0].Function != "agent" || letters[0].Event.ID != "bad" || letters[0].Attempts != 5 || letters[0].Error != "bad luck" {
		t.Fatalf("dead letters %+v, error %v", letters, err)
	}
	for _, l := range [][2]string{{"agent", "good"}, {"train", "bad"}} {
		if err := s.bus.Redrive(background, l[0], l[1]); !fault.Is(err, fault.NotFound) {
			t.Errorf("redrive of %v: %v; want NotFound", l, err)
		}
	}
	healthy = true
	if err := s.bus.Redrive(background, "agent", "bad"); err != nil {
		t.Fatal(err)
	}
	s.drain()
	s.logged("agent bad")
	s.atRest()
	if letters, err := s.bus.DeadLetters(background); err != nil || len(letters) != 0 {
		t.Errorf("dead letters %+v, error %v", letters, err)
	}
}

// TestSameEventAgainWhileHandled: the second sending of an event is not swallowed by the end of the first.
func TestSameEventAgainWhileHandled(t *testing.T) {
	s := newStation(t, nil)
	s.takes("agent", func(e event.Event) error {
		if len(s.log) > 1 {
			return nil
		}
		s.commit(e)
		_, err := s.bus.route(background)
		return err
	}, event.DriftMeasured)
	s.commit(s.event("a", event.DriftMeasured))
	s.drain()
	s.logged("agent a", "agent a")
	s.atRest()
}

func TestPoisonInTheOutbox(t *testing.T) {
	s := newStation(t, nil)
	s.takes("agent", nil, event.DriftMeasured)
	err := s.table.Write(background, "token", []store.Op{{Kind: store.Put, Partition: store.Outbox, Sort: "a-poison", Body: []byte("{")}})
	if err != nil {
		t.Fatal(err)
	}
	s.commit(s.event("good", event.DriftMeasured))
	s.drain()
	s.logged("agent good")
	s.atRest()
	letters, err := s.bus.DeadLetters(background)
	if err != nil || len(letters) != 1 || letters[0].Event.ID != "a-poison" || !strings.Contains(letters[0].Error, "not an event") {
		t.Errorf("dead letters %+v, error %v", letters, err)
	}
	if err := s.bus.Redrive(background, "", "a-poison"); !fault.Is(err, fault.Invalid) {
		t.Errorf("redrive: %v; want Invalid", err)
	}
}

func TestDrainEnds(t *testing.T) {
	s := newStation(t, nil)
	s.bus.maxDrain = 50
	s.takes("agent", func(e event.Event) error {
		s.commit(s.event(e.ID+"x", event.DriftMeasured))
		return nil
	}, event.DriftMeasured)
	s.commit(s.event("x", event.DriftMeasured))
	if err := s.bus.Drain(background); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v; want Internal", err)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	s := newStation(t, nil)
	handle := func(context.Context, event.Event) error { return nil }
	s.takes("agent", nil)
	for name, c := range map[string]struct {
		sub  Subscriber
		want fault.Kind
	}{
		"no name":     {Subscriber{Handle: handle}, fault.Invalid},
		"bad name":    {Subscriber{Function: "a/b", Handle: handle}, fault.Invalid},
		"no handler":  {Subscriber{Function: "a"}, fault.Invalid},
		"negative":    {Subscriber{Function: "a", Handle: handle, Attempts: -1}, fault.Invalid},
		"known there": {Subscriber{Function: "agent", Handle: handle}, fault.Conflict},
	} {
		if err := s.bus.Subscribe(c.sub); !fault.Is(err, c.want) {
			t.Errorf("%s: got %v; want %v", name, err, c.want)
		}
	}
}

// TestBusCrashes kills the bus at each of its calls: whatever happened, every event reaches every function afterwards, at most twice.
func TestBusCrashes(t *testing.T) {
	storetest.CrashPoints(t, func(t *testing.T, f *storetest.Faults) (func() error, func()) {
		s := newStation(t, nil)
		s.commit(s.event("a", event.DriftMeasured), s.event("b", event.DriftMeasured))
		got := map[string]int{}
		failed := false
		return func() error {
				bus := NewBus(f.Table(s.table), s.clock.now)
				for _, function := range []string{"agent", "report"} {
					err := bus.Subscribe(Subscriber{Function: function, Types: []event.Type{event.DriftMeasured}, Handle: func(_ context.Context, e event.Event) error {
						if e.ID == "b" && function == "agent" && !failed { // the way of a failure is crashed, too
							failed = true
							return errors.New("once")
						}
						got[function+" "+e.ID]++
						return nil
					}})
					if err != nil {
						t.Fatal(err)
					}
				}
				if err := bus.Drain(background); err != nil {
					return err
				}
				s.clock.advance(time.Second)
				return bus.Drain(background)
			}, func() {
				s.bus.subscribers = []*subscriber{{Subscriber: Subscriber{Function: "agent"}}, {Subscriber: Subscriber{Function: "report"}}}
				s.atRest()
				for _, k := range []string{"agent a", "agent b", "report a", "report b"} {
					if got[k] < 1 || got[k] > 2 {
						t.Errorf("%s was handled %d times", k, got[k])
					}
				}
			}
	})
}

func TestRunDeliversWhenWoken(t *testing.T) {
	const events, concurrency = 40, 3
	state := openState(t, t.TempDir(), time.Now)
	var mu sync.Mutex
	got := map[string]int{}
	all := make(chan struct{})
	var busy, most atomic.Int32
	gate := make(chan struct{}) // closed when as many handlers are at work as may be
	err := state.Bus.Subscribe(Subscriber{Function: "agent", Concurrency: concurrency, Types: []event.Type{event.DriftMeasured}, Handle: func(_ context.Context, e event.Event) error {
		if n := busy.Add(1); n > most.Load() {
			if most.Store(n); n == concurrency {
				close(gate)
			}
		}
		defer busy.Add(-1)
		<-gate
		mu.Lock()
		defer mu.Unlock()
		if got[e.ID]++; len(got) == events {
			close(all)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	done := make(chan error)
	go func() { done <- state.Bus.Run(ctx) }()
	for i := range events {
		e, err := event.New(fmt.Sprint(i), event.DriftMeasured, time.Now(), "heart", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := state.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
			t.Fatal(err)
		}
	}
	<-all
	if err := state.Bus.Drain(background); !fault.Is(err, fault.Conflict) {
		t.Errorf("drain while it runs: %v; want Conflict", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("event %s was handled %d times", id, n)
		}
	}
	if most.Load() != concurrency {
		t.Errorf("%d handlers at a time; want %d", most.Load(), concurrency)
	}
	if items, err := state.Table.Query(background, deliveries+"agent", store.Query{}); err != nil || len(items) != 0 {
		t.Errorf("%d deliveries are left, error %v", len(items), err)
	}
}

func TestShutdownIsNoFailure(t *testing.T) {
	s := newStation(t, nil)
	s.bus.OnFailure = func(f Failure) { t.Errorf("failure %+v", f) }
	started := make(chan struct{})
	err := s.bus.Subscribe(Subscriber{Function: "train", Types: []event.Type{event.DatasetValidated}, Handle: func(ctx context.Context, _ event.Event) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.commit(s.event("a", event.DatasetValidated))
	ctx, cancel := context.WithCancel(background)
	done := make(chan error)
	go func() { done <- s.bus.Run(ctx) }()
	<-started
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	item, err := s.table.Get(background, deliveries+"train", "a", true)
	if err != nil {
		t.Fatal(err)
	}
	var d delivery
	if err := json.Unmarshal(item.Body, &d); err != nil || d.Attempts != 0 {
		t.Errorf("delivery %+v, error %v; want no attempt counted", d, err)
	}
}

func TestRunRetriesByItself(t *testing.T) {
	state := openState(t, t.TempDir(), time.Now)
	state.Bus.Backoff = func(int) time.Duration { return time.Millisecond }
	calls, done := 0, make(chan struct{})
	err := state.Bus.Subscribe(Subscriber{Function: "agent", Timeout: time.Millisecond, Types: []event.Type{event.DriftMeasured}, Handle: func(ctx context.Context, _ event.Event) error {
		if calls++; calls < 4 {
			<-ctx.Done() // its time is up
			return ctx.Err()
		}
		close(done)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.New("a", event.DriftMeasured, time.Now(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	ran := make(chan error)
	go func() { ran <- state.Bus.Run(ctx) }()
	<-done
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
}
