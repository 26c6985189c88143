package local

import (
	"context"
	"slices"
	"sync"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Run delivers events, and publishes those of the schedules, until ctx ends, and then waits for the handlers that are at work. Whoever
// commits wakes it; besides it looks every five seconds. Trouble with the table is told to OnFailure and tried again. It returns nil, or
// Conflict when the bus is running already.
func (b *Bus) Run(ctx context.Context) error {
	if !b.running.TryLock() {
		return fault.Conflictf("the bus is running already")
	}
	defer b.running.Unlock()
	var feeders sync.WaitGroup
	defer feeders.Wait()
	for _, s := range b.subscribers {
		feeders.Go(func() { b.feed(ctx, s) })
	}
	ticker := time.NewTicker(safetyTick)
	defer ticker.Stop()
	for ctx.Err() == nil {
		b.trouble(ctx, b.Tick(ctx, b.now()))
		_, err := b.route(ctx)
		b.trouble(ctx, err)
		for _, s := range b.subscribers { // also when nothing was routed: the clock may have moved
			poke(s.wake)
		}
		select {
		case <-b.wake:
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// feed hands the due deliveries of one function to its handlers, oldest first.
func (b *Bus) feed(ctx context.Context, s *subscriber) {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	slots := make(chan struct{}, s.Concurrency)
	failed := make(chan struct{}, 1) // the table refused to take down a result: do not hurry
	for ctx.Err() == nil {
		ready, next, err := b.due(ctx, s)
		b.trouble(ctx, err)
		for _, d := range ready {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			s.mu.Lock()
			s.inFlight[d.Event.ID] = true
			s.mu.Unlock()
			handlers.Go(func() {
				defer func() { <-slots }()
				err := b.deliver(ctx, s, d)
				s.mu.Lock()
				delete(s.inFlight, d.Event.ID)
				s.mu.Unlock()
				if b.trouble(ctx, err); err != nil {
					poke(failed)
				}
				poke(s.wake) // it may be due again, at a time that only the next look knows
			})
		}
		wait := safetyTick
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(b.now()), time.Millisecond))
		}
		wake := s.wake
		select {
		case <-failed:
			wake = nil
		default:
		}
		timer := time.NewTimer(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// trouble tells of the bus's own trouble.
func (b *Bus) trouble(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && b.OnFailure != nil {
		b.OnFailure(Failure{Err: err})
	}
}

// Drain delivers everything that is deliverable at the bus's time, also what the handlers put into the outbox meanwhile, one after the other
// and in an order that depends on nothing but the events: in rounds, each by the event's time, its id, and the order of subscription. It
// returns when nothing is due; deliveries that failed and wait for a later time are left. Schedules are not looked at (see Tick).
//
// Its error is trouble with the table or the end of ctx; a handler's failures go to OnFailure. Conflict when the bus is running, Internal
// when it does not come to an end.
func (b *Bus) Drain(ctx context.Context) error {
	if !b.running.TryLock() {
		return fault.Conflictf("the bus is running already")
	}
	defer b.running.Unlock()
	type errand struct {
		delivery
		to *subscriber
	}
	for delivered := 0; ; {
		if err := store.Alive(ctx); err != nil {
			return err
		}
		if _, err := b.route(ctx); err != nil {
			return fault.Wrap(err, "empty the outbox")
		}
		var round []errand
		for _, s := range b.subscribers {
			ready, _, err := b.due(ctx, s)
			if err != nil {
				return err
			}
			for _, d := range ready {
				round = append(round, errand{d, s})
			}
		}
		if len(round) == 0 {
			return nil
		}
		slices.SortStableFunc(round, func(a, b errand) int { return byAge(a.delivery, b.delivery) })
		for _, e := range round {
			if err := store.Alive(ctx); err != nil {
				return err
			}
			if delivered++; delivered > b.maxDrain {
				return fault.New(fault.Internal, "the bus does not come to rest: event %s for %s would be delivery %d", e.Event.Type, e.to.Function, delivered)
			}
			if err := b.deliver(ctx, e.to, e.delivery); err != nil {
				return fault.Wrap(err, "write down how event %s went", e.Event.ID)
			}
		}
	}
}
