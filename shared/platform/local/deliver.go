package local

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// deliver tries one delivery and writes down how it went. Its error is trouble with the table: then the delivery stays as it was, and
// will be tried again. A handler that fails because ctx ended has not failed: the attempt is not counted.
func (b *Bus) deliver(ctx context.Context, s *subscriber, d delivery) error {
	failure := call(ctx, s, d.Event)
	key := store.Op{Kind: store.Delete, Partition: deliveries + s.Function, Sort: d.Event.ID, Expect: d.version}
	save := context.WithoutCancel(ctx) // what was done is to be written down, also while shutting down
	if failure == nil {
		return b.write(save, []store.Op{key})
	}
	if ctx.Err() != nil {
		return nil
	}
	d.Attempts++
	d.Error = clip(failure.Error())
	d.Due = b.now().UTC().Add(b.Backoff(d.Attempts))
	dead := d.Attempts >= s.Attempts
	if b.OnFailure != nil {
		b.OnFailure(Failure{Function: s.Function, Event: d.Event, Attempt: d.Attempts, Dead: dead, Err: failure})
	}
	body, err := json.Marshal(d)
	if err != nil {
		return fault.New(fault.Internal, "cannot write delivery %s of %s", d.Event.ID, s.Function).Because(err)
	}
	if dead {
		return b.write(save, []store.Op{key, {Kind: store.Put, Partition: deadLetters, Sort: s.Function + "/" + d.Event.ID, Expect: store.Any, Body: body}})
	}
	key.Kind, key.Body = store.Put, body
	return b.write(save, []store.Op{key})
}

// call runs the handler; a panic is an error that tells where.
func call(ctx context.Context, s *subscriber, e event.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Timeout)
		defer cancel()
	}
	return s.Handle(ctx, e)
}

func clip(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxError)], "\uFFFD")
}

// DeadLetter is an event that a function failed to handle too often.
type DeadLetter struct {
	Function string      `json:"function"` // "" = what lay in the outbox was no event
	Event    event.Event `json:"event"`
	Attempts int         `json:"attempts"`
	Error    string      `json:"error"` // of the last attempt
}

// DeadLetters lists the dead letters, by function and event id; at most the first store.MaxQuery.
func (b *Bus) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	items, err := b.table.Query(ctx, deadLetters, store.Query{Consistent: true})
	if err != nil {
		return nil, fault.Wrap(err, "list the dead letters")
	}
	var letters []DeadLetter
	for _, item := range items {
		var d delivery
		if err := json.Unmarshal(item.Body, &d); err != nil {
			return nil, fault.New(fault.Internal, "the dead letter %s is damaged", item.Sort).Because(err)
		}
		function, _, _ := strings.Cut(item.Sort, "/")
		letters = append(letters, DeadLetter{Function: function, Event: d.Event, Attempts: d.Attempts, Error: d.Error})
	}
	return letters, nil
}

// Redrive makes a dead letter a delivery again, due at once, with all its attempts before it. NotFound when there is no such dead letter.
// A letter that was no event cannot be redriven: Invalid.
func (b *Bus) Redrive(ctx context.Context, function, eventID string) error {
	if function == "" {
		return fault.Invalidf("cannot redrive %.80q: it is no event", eventID)
	}
	item, err := b.table.Get(ctx, deadLetters, function+"/"+eventID, true)
	if err != nil {
		return fault.Wrap(err, "redrive event %.80s to %s", eventID, function)
	}
	var d delivery
	if err := json.Unmarshal(item.Body, &d); err != nil {
		return fault.New(fault.Internal, "the dead letter %s is damaged", item.Sort).Because(err)
	}
	body, err := json.Marshal(delivery{Event: d.Event, Due: b.now().UTC()})
	if err != nil {
		return fault.New(fault.Internal, "cannot redrive event %.80s to %s", eventID, function).Because(err)
	}
	err = b.write(ctx, []store.Op{
		{Kind: store.Delete, Partition: deadLetters, Sort: item.Sort, Expect: item.Version},
		{Kind: store.Put, Partition: deliveries + function, Sort: d.Event.ID, Expect: store.Any, Body: body},
	})
	b.Wake()
	return fault.Wrap(err, "redrive event %.80s to %s", eventID, function)
}
