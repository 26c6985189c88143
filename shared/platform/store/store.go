package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"mlops/shared/control"
	"mlops/shared/fault"
)

// Partitions of the table that the Store keeps for itself; no document of a control.Change may lie there.
const (
	Outbox = "outbox" // sort: event id; body: event.Event. Whoever delivers an event deletes it, afterwards.

	ledgerPrefix = "audit#" // + model; sort: %020d of the sequence number; body: audit.Entry
	ledgerHead   = "audithead"
	opPartition  = "op"
	modelsOf     = "model" // control.State
)

var reserved = map[string]bool{Outbox: true, ledgerHead: true, opPartition: true, "deadletter": true, "schedule": true}
var reservedPrefixes = []string{ledgerPrefix, notePrefix, "delivery#"}

// How often a call is tried: an Unavailable one, and a commit that lost the race for its ledger's head.
const (
	unavailableTries = 3
	headTries        = 8
	firstPause       = 2 * time.Millisecond
)

// Store keeps control documents, the audit ledgers and the outbox on a Table. Safe for concurrent use; several Stores, in several
// processes, may share one Table.
type Store struct {
	table Table
	now   func() time.Time

	// Wait pauses between tries; nil = a timer. Set it before use.
	Wait func(ctx context.Context, d time.Duration) error
	// OnEvents is called after a commit that put events into the outbox, to wake whoever delivers them. Set it before use.
	OnEvents func()

	// ledger lets commits with entries of this process queue instead of racing for the head, which only one of them can win.
	ledger sync.Mutex
}

// New makes a Store on table; now stamps the once-only markers.
func New(table Table, now func() time.Time) *Store { return &Store{table: table, now: now} }

// Get reads the document under key into the value that into points to (nil = only its revision). The read is consistent.
// NotFound when there is none; Internal when it is not JSON for into.
func (s *Store) Get(ctx context.Context, key control.Key, into any) (revision int64, err error) {
	var item Item
	err = s.retry(ctx, func() (err error) {
		item, err = s.table.Get(ctx, key.Partition, key.Sort, true)
		return err
	})
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return 0, fault.NotFoundf("there is no %s", shorten(key.String()))
		}
		return 0, fault.Wrap(err, "read %s", shorten(key.String()))
	}
	if into != nil {
		if err := json.Unmarshal(item.Body, into); err != nil {
			return 0, fault.New(fault.Internal, "document %s is damaged", shorten(key.String())).Because(err)
		}
	}
	return item.Version, nil
}

// List reads the documents of partition whose Sort begins with prefix and is greater than after, ascending; at most limit (0 = MaxQuery).
// Fewer than limit means that there are no more. The read is consistent.
func (s *Store) List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error) {
	return s.list(ctx, partition, Query{Prefix: prefix, After: after, Limit: limit, Consistent: true})
}

// ListRecent is List from the greatest Sort downwards: those less than after ("" = from the last).
func (s *Store) ListRecent(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error) {
	return s.list(ctx, partition, Query{Prefix: prefix, After: after, Limit: limit, Consistent: true, Descending: true})
}

func (s *Store) list(ctx context.Context, partition string, q Query) ([]control.Doc, error) {
	items, err := s.query(ctx, partition, q)
	if err != nil {
		return nil, err
	}
	docs := make([]control.Doc, len(items))
	for i, item := range items {
		docs[i] = control.Doc{Key: control.Key{Partition: item.Partition, Sort: item.Sort}, Revision: item.Version, Body: item.Body}
	}
	return docs, nil
}

// Models is the sorted names of all models that have a registry state.
func (s *Store) Models(ctx context.Context) ([]string, error) {
	var names []string
	for after := ""; ; {
		items, err := s.query(ctx, modelsOf, Query{After: after, Consistent: true})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			names = append(names, item.Sort)
		}
		if len(items) < MaxQuery {
			return names, nil
		}
		after = names[len(names)-1]
	}
}

// Done reports whether a change with this Op was committed.
func (s *Store) Done(ctx context.Context, op string) (bool, error) {
	_, err := s.Get(ctx, control.Key{Partition: opPartition, Sort: op}, nil)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) query(ctx context.Context, partition string, q Query) (items []Item, err error) {
	err = s.retry(ctx, func() (err error) {
		items, err = s.table.Query(ctx, partition, q)
		return err
	})
	return items, fault.Wrap(err, "list %s", shorten(partition))
}

// retry repeats an Unavailable call. Repeating is safe: reads have no effect, and a write carries its token.
func (s *Store) retry(ctx context.Context, call func() error) error {
	for try := 1; ; try++ {
		err := call()
		if !fault.Is(err, fault.Unavailable) || try == unavailableTries {
			return err
		}
		if wait := s.pause(ctx, try); wait != nil {
			return errors.Join(err, wait)
		}
	}
}

// pause waits before the next try: full jitter below a bound that doubles (Brooker, "Exponential Backoff And Jitter", AWS Architecture
// Blog, 2015).
func (s *Store) pause(ctx context.Context, try int) error {
	bound := firstPause << try
	d := bound/8 + mathrand.N(bound)
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Unavailablef("gave up waiting").Because(ctx.Err())
	}
}

// newToken is a fresh name for one write: 130 random bits.
func newToken() string { return rand.Text() }
