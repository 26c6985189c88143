package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Partitions of the bus; package store keeps documents out of them.
const (
	deliveries  = "delivery#"  // + function; sort: event id; body: delivery
	deadLetters = "deadletter" // sort: function/event id; body: delivery
)

// The defaults of a Subscriber.
const (
	defaultAttempts = 5
	safetyTick      = 5 * time.Second // how often Run looks although nobody woke it
	maxSubscribers  = 50              // so that one event's deliveries fit one transaction with room to spare
	maxError        = 2000            // bytes kept of a handler's error
)

// Subscriber is a function and the events it takes.
type Subscriber struct {
	Function    string       // its name, unique on the bus
	Types       []event.Type // the events it takes
	Handle      func(ctx context.Context, e event.Event) error
	Concurrency int           // handlers at a time; 0 = 1
	Attempts    int           // failed attempts after which an event becomes a dead letter; 0 = 5
	Timeout     time.Duration // of the handler's ctx; 0 = none
}

// Failure is one failed attempt to handle an event, or, with Function "", trouble of the bus itself.
type Failure struct {
	Function string
	Event    event.Event
	Attempt  int  // 1 = the first
	Dead     bool // it was the last: the event is a dead letter now
	Err      error
}

// delivery is an event on its way to one function.
type delivery struct {
	Event    event.Event `json:"event"`
	Attempts int         `json:"attempts,omitempty"` // failed so far
	Due      time.Time   `json:"due"`                // not to be tried before
	Error    string      `json:"error,omitempty"`    // of the last attempt
	version  int64
}

// Bus delivers events from the outbox to the subscribed functions of this process, at least once: an event may come twice or out of order,
// and is never lost. Each step is one transaction, so that a crash at any point is before it or after it:
//
//	outbox item          -> one delivery for each subscriber of its type (none: the event is over)
//	delivery, handled    -> gone
//	delivery, failed     -> the same one, due later: after 1 s, 4 s, 16 s, ..
//	delivery, given up   -> dead letter, until Redrive
//
// A crash after a handler returned and before its delivery went is why an event may come twice. A panic in a handler is a failed attempt.
//
// Subscribe every function of the platform before Run or Drain: an event is over when all subscribers known at that time have it. Only one
// process may run a bus on a table; the state's lock sees to it.
type Bus struct {
	table store.Table
	now   func() time.Time

	// OnFailure is told of each failure, to log it. Set it before Run or Drain; it may be called by several goroutines.
	OnFailure func(Failure)
	// Backoff is the pause after failed attempt n (1 = the first). Set it before Run or Drain.
	Backoff func(n int) time.Duration

	subscribers []*subscriber
	schedules   []Schedule
	wake        chan struct{}
	running     sync.Mutex
	maxDrain    int // deliveries after which Drain concludes that functions wake each other in a circle
}

type subscriber struct {
	Subscriber
	wake chan struct{} // deliveries may have become due

	mu       sync.Mutex
	inFlight map[string]bool // event ids being handled
}

// NewBus makes a Bus on table with the clock now.
func NewBus(table store.Table, now func() time.Time) *Bus {
	return &Bus{table: table, now: now, wake: make(chan struct{}, 1), maxDrain: 100_000, Backoff: func(n int) time.Duration {
		return time.Second << min(2*(n-1), 12) // at most 4,096 s
	}}
}

// Subscribe adds a function. Call it before Run and Drain. Invalid when the subscriber is unusable, Conflict when its function is there.
func (b *Bus) Subscribe(s Subscriber) error {
	switch {
	case !nameForm.MatchString(s.Function) || s.Handle == nil || s.Concurrency < 0 || s.Attempts < 0 || s.Timeout < 0:
		return fault.Invalidf("cannot subscribe %.80q: a subscriber has a name that matches %s, a handler, and no negative number", s.Function, nameForm)
	case len(b.subscribers) == maxSubscribers:
		return fault.Invalidf("cannot subscribe %s: at most %d functions", s.Function, maxSubscribers)
	case slices.ContainsFunc(b.subscribers, func(o *subscriber) bool { return o.Function == s.Function }):
		return fault.Conflictf("cannot subscribe %s twice", s.Function)
	}
	if s.Concurrency == 0 {
		s.Concurrency = 1
	}
	if s.Attempts == 0 {
		s.Attempts = defaultAttempts
	}
	b.subscribers = append(b.subscribers, &subscriber{Subscriber: s, wake: make(chan struct{}, 1), inFlight: map[string]bool{}})
	return nil
}

// Wake tells a running bus that the outbox or the clock has changed. It never blocks.
func (b *Bus) Wake() { poke(b.wake) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a wake is pending already, and will see what this one would
	}
}

// route turns every outbox item into deliveries and tells how many items there were.
func (b *Bus) route(ctx context.Context) (routed int, err error) {
	err = b.each(ctx, store.Outbox, func(item store.Item) error {
		routed++
		return b.routeOne(ctx, item)
	})
	return routed, err
}

func (b *Bus) routeOne(ctx context.Context, item store.Item) error {
	ops := []store.Op{{Kind: store.Delete, Partition: item.Partition, Sort: item.Sort, Expect: item.Version}}
	var e event.Event
	if err := json.Unmarshal(item.Body, &e); err != nil { // nobody can handle it: keep it where people look
		body, err := json.Marshal(delivery{Event: event.Event{ID: item.Sort}, Due: b.now(), Error: fmt.Sprintf("not an event: %v: %.1000q", err, item.Body)})
		if err != nil {
			return fault.New(fault.Internal, "cannot set aside outbox item %s", item.Sort).Because(err)
		}
		ops = append(ops, store.Op{Kind: store.Put, Partition: deadLetters, Sort: "/" + item.Sort, Expect: store.Any, Body: body})
		return b.write(ctx, ops)
	}
	body, err := json.Marshal(delivery{Event: e, Due: b.now().UTC()})
	if err != nil {
		return fault.New(fault.Internal, "cannot route event %s", item.Sort).Because(err)
	}
	for _, s := range b.subscribers {
		if slices.Contains(s.Types, e.Type) {
			ops = append(ops, store.Op{Kind: store.Put, Partition: deliveries + s.Function, Sort: item.Sort, Expect: store.Any, Body: body})
		}
	}
	return b.write(ctx, ops)
}

// write writes ops. A refused condition means that somebody changed the item since it was read, e.g. put the same event into the outbox
// again; it is left for the next look.
func (b *Bus) write(ctx context.Context, ops []store.Op) error {
	token := rand.Text()
	err := b.table.Write(ctx, token, ops)
	if fault.Is(err, fault.Unavailable) {
		err = b.table.Write(ctx, token, ops) // the same request, so at most once
	}
	var refused *store.ConditionFailed
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// each calls f with every item of a partition, in order.
func (b *Bus) each(ctx context.Context, partition string, f func(store.Item) error) error {
	for after := ""; ; {
		items, err := b.table.Query(ctx, partition, store.Query{After: after, Consistent: true})
		if err != nil {
			return fault.Wrap(err, "look into %s", partition)
		}
		for _, item := range items {
			if err := f(item); err != nil {
				return err
			}
			after = item.Sort
		}
		if len(items) < store.MaxQuery {
			return nil
		}
	}
}

// due lists the deliveries of s that may be tried now and are not being tried, oldest event first, and when the next one will be due
// (zero = none waits).
func (b *Bus) due(ctx context.Context, s *subscriber) (ready []delivery, next time.Time, err error) {
	// First what is in flight, then what there is: one that ends in between is in the first and left out, though it may be in the second.
	s.mu.Lock()
	busy := make(map[string]bool, len(s.inFlight))
	for id := range s.inFlight {
		busy[id] = true
	}
	s.mu.Unlock()
	now := b.now()
	err = b.each(ctx, deliveries+s.Function, func(item store.Item) error {
		var d delivery
		if err := json.Unmarshal(item.Body, &d); err != nil {
			return fault.New(fault.Internal, "the delivery %s of %s is damaged", item.Sort, s.Function).Because(err)
		}
		switch d.version = item.Version; {
		case busy[item.Sort]:
		case d.Due.After(now):
			if next.IsZero() || d.Due.Before(next) {
				next = d.Due
			}
		default:
			ready = append(ready, d)
		}
		return nil
	})
	slices.SortFunc(ready, byAge)
	return ready, next, err
}

// byAge orders deliveries by their event's time, then id.
func byAge(a, b delivery) int {
	if c := a.Event.Time.Compare(b.Event.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Event.ID, b.Event.ID)
}
