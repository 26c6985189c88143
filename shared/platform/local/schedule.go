package local

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// schedulePartition remembers what was published; sort: name; body: period.
const schedulePartition = "schedule"

// Schedule publishes an event once in every period. Periods are counted from 1970-01-01 00:00 UTC plus Offset, so that they do not depend
// on when the server was started.
type Schedule struct {
	Name    string        // unique on the bus
	Every   time.Duration // at least a second, in whole seconds
	Offset  time.Duration // shifts the periods, e.g. by 4 days for weeks that begin on Monday
	Type    event.Type
	Model   string
	Payload any
}

// period is the last one whose event was published.
type period struct {
	Start time.Time `json:"start"`
}

// Schedule adds a schedule. Call it before Run and Tick. Invalid when it is unusable, Conflict when its name is there.
func (b *Bus) Schedule(s Schedule) error {
	switch {
	case !nameForm.MatchString(s.Name) || s.Type == "" || s.Every < time.Second || s.Every%time.Second != 0:
		return fault.Invalidf("cannot schedule %.80q: a schedule has a name that matches %s, a type, and a period of whole seconds", s.Name, nameForm)
	case slices.ContainsFunc(b.schedules, func(o Schedule) bool { return o.Name == s.Name }):
		return fault.Conflictf("cannot schedule %s twice", s.Name)
	}
	if _, err := json.Marshal(s.Payload); err != nil {
		return fault.Invalidf("cannot schedule %s: its payload is not JSON", s.Name).Because(err)
	}
	b.schedules = append(b.schedules, s)
	return nil
}

// Tick publishes the event of each schedule whose current period, the one that now lies in, has had none, and notes that in the same
// transaction: once per period, whatever crashes. Periods that passed while nobody ticked are not made up for. The events' time is now,
// their id names schedule and period.
func (b *Bus) Tick(ctx context.Context, now time.Time) error {
	for _, s := range b.schedules {
		if err := b.tick(ctx, s, now); err != nil {
			return fault.Wrap(err, "publish what is scheduled as %s", s.Name)
		}
	}
	return nil
}

func (b *Bus) tick(ctx context.Context, s Schedule, now time.Time) error {
	start := startOf(s, now)
	item, err := b.table.Get(ctx, schedulePartition, s.Name, true)
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return err
	default:
		var last period
		if err := json.Unmarshal(item.Body, &last); err != nil {
			return fault.New(fault.Internal, "the note of schedule %s is damaged", s.Name).Because(err)
		}
		if !start.After(last.Start) {
			return nil
		}
	}
	e, err := event.New(fmt.Sprintf("schedule-%s-%s", s.Name, start.Format(time.RFC3339)), s.Type, now, s.Model, s.Payload)
	if err != nil {
		return err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	note, err := json.Marshal(period{start})
	if err != nil {
		return err
	}
	err = b.write(ctx, []store.Op{
		{Kind: store.Put, Partition: schedulePartition, Sort: s.Name, Expect: item.Version, Body: note},
		{Kind: store.Put, Partition: store.Outbox, Sort: e.ID, Expect: store.Any, Body: body},
	})
	if err == nil {
		b.Wake()
	}
	return err
}

// startOf is the start of the period that now lies in.
func startOf(s Schedule, now time.Time) time.Time {
	every := int64(s.Every / time.Second)
	offset := int64(s.Offset / time.Second)
	since := now.Unix() - offset
	if since %= every; since < 0 {
		since += every
	}
	return time.Unix(now.Unix()-since, 0).UTC()
}
