package aws

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// The limits of one PutEvents (Amazon EventBridge API reference, PutEvents).
const (
	maxEntries      = 10
	maxEntriesBytes = 256 << 10
	entryOverhead   = 64 // bytes that an entry counts beside its texts
)

// Outbox carries committed events to EventBridge: what a transaction laid into the outbox is published, and deleted afterwards. A process
// that dies in between leaves it to the next Drain, so an event may be published twice and is never lost.
type Outbox struct {
	client  busCalls
	table   store.Table
	bus     string
	waiting atomic.Bool
}

// busCalls are the calls of EventBridge that are made here; aws.go says why not the client.
type busCalls struct {
	PutEvents func(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Outbox makes an Outbox that publishes on the bus (a name or an ARN).
func (a Account) Outbox(table store.Table, bus string) *Outbox {
	c := eventbridge.NewFromConfig(a.config)
	return &Outbox{client: busCalls{c.PutEvents}, table: table, bus: bus}
}

// Wake notes that events were committed; see store.Store.OnEvents.
func (o *Outbox) Wake() { o.waiting.Store(true) }

// Waiting reports whether events were committed since the last Drain that left none.
func (o *Outbox) Waiting() bool { return o.waiting.Load() }

// Drain publishes everything that lies in the outbox, oldest first, and tells how many events left. What EventBridge refuses stays and is
// told in the error; the rest goes on.
func (o *Outbox) Drain(ctx context.Context) (published int, err error) {
	o.waiting.Store(false)
	defer func() {
		if err != nil {
			o.waiting.Store(true)
		}
	}()
	var refused []error
	for after := ""; ; {
		items, err := o.table.Query(ctx, store.Outbox, store.Query{After: after, Limit: 100, Consistent: true})
		if err != nil {
			return published, fault.Wrap(err, "look into the outbox")
		}
		for rest := items; len(rest) > 0; {
			n := batchOf(rest)
			sent, err := o.publish(ctx, rest[:n])
			published += sent
			if err != nil {
				refused = append(refused, err)
			}
			rest = rest[n:]
		}
		if len(items) < 100 {
			return published, errors.Join(refused...)
		}
		after = items[len(items)-1].Sort
	}
}

// batchOf is how many of items fit one request; at least one.
func batchOf(items []store.Item) int {
	bytes := 0
	for n, item := range items {
		if bytes += len(item.Body) + entryOverhead; n == maxEntries || n > 0 && bytes > maxEntriesBytes {
			return n
		}
	}
	return len(items)
}

// publish sends items in one request, and deletes those that were taken.
func (o *Outbox) publish(ctx context.Context, items []store.Item) (int, error) {
	var entries []types.PutEventsRequestEntry
	var sent []store.Item
	var refused []error
	for _, item := range items {
		var e event.Event
		if err := json.Unmarshal(item.Body, &e); err != nil || e.Type == "" {
			refused = append(refused, fault.New(fault.Internal, "outbox item %s is no event", item.Sort).Because(err))
			continue
		}
		entries = append(entries, types.PutEventsRequestEntry{EventBusName: &o.bus, Source: aws.String(event.Source), DetailType: aws.String(string(e.Type)),
			Detail: aws.String(string(item.Body)), Time: aws.Time(e.Time)})
		sent = append(sent, item)
	}
	if len(entries) == 0 {
		return 0, errors.Join(refused...)
	}
	out, err := o.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return 0, errors.Join(append(refused, classify(err, "publish %d events on bus %s", len(entries), o.bus))...)
	}
	var done []store.Op
	for i, item := range sent {
		if i < len(out.Entries) && aws.ToString(out.Entries[i].ErrorCode) == "" {
			done = append(done, store.Op{Kind: store.Delete, Partition: store.Outbox, Sort: item.Sort, Expect: store.Any})
			continue
		}
		why := "no answer"
		if i < len(out.Entries) {
			why = aws.ToString(out.Entries[i].ErrorCode) + ": " + aws.ToString(out.Entries[i].ErrorMessage)
		}
		refused = append(refused, fault.Unavailablef("publish event %s on bus %s: %s", item.Sort, o.bus, why))
	}
	if len(done) > 0 {
		if err := o.table.Write(ctx, rand.Text(), done); err != nil {
			refused = append(refused, fault.Wrap(err, "take %d published events out of the outbox", len(done)))
		}
	}
	return len(done), errors.Join(refused...)
}
