package local

import (
	"context"
	"testing"
	"time"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
)

func TestScheduleOncePerPeriod(t *testing.T) {
	s := newStation(t, nil) // 2026-11-22 is a Sunday
	hourly := Schedule{Name: "drift", Every: time.Hour, Type: event.DriftRequested, Model: "heart", Payload: event.Drift{Job: "j"}}
	weekly := Schedule{Name: "weekly", Every: 7 * 24 * time.Hour, Offset: 4*24*time.Hour + 8*time.Hour, Type: event.ReportRequested, Payload: event.Report{Kind: "weekly"}}
	start := func() { // as after a restart
		s.bus = NewBus(s.table, s.clock.now)
		for _, sch := range []Schedule{hourly, weekly} {
			if err := s.bus.Schedule(sch); err != nil {
				t.Fatal(err)
			}
		}
		s.takes("all", func(e event.Event) error {
			if !e.Time.Equal(s.clock.now()) || e.Type == event.DriftRequested && e.Model != "heart" {
				t.Errorf("wrong event %+v", e)
			}
			return nil
		}, event.DriftRequested, event.ReportRequested)
	}
	start()
	tick := func(want ...string) {
		t.Helper()
		for range 2 {
			if err := s.bus.Tick(background, s.clock.now()); err != nil {
				t.Fatal(err)
			}
		}
		s.drain()
		s.logged(want...)
	}
	tick("all schedule-drift-2026-11-22T09:00:00Z", "all schedule-weekly-2026-11-16T08:00:00Z")
	s.clock.advance(59 * time.Minute)
	tick()
	start()
	tick()
	s.clock.advance(time.Minute)
	start()
	tick("all schedule-drift-2026-11-22T10:00:00Z")
	s.clock.advance(22 * time.Hour) // Monday 08:00; what was missed is not made up for
	tick("all schedule-drift-2026-11-23T08:00:00Z", "all schedule-weekly-2026-11-23T08:00:00Z")
	s.clock.advance(-time.Hour) // a clock set back publishes nothing twice
	tick()
}

func TestScheduleCrashes(t *testing.T) {
	storetest.CrashPoints(t, func(t *testing.T, f *storetest.Faults) (func() error, func()) {
		s := newStation(t, nil)
		return func() error {
				bus := NewBus(f.Table(s.table), s.clock.now)
				if err := bus.Schedule(Schedule{Name: "drift", Every: time.Hour, Type: event.DriftRequested}); err != nil {
					t.Fatal(err)
				}
				return bus.Tick(background, s.clock.now())
			}, func() {
				items, err := s.table.Query(background, store.Outbox, store.Query{Consistent: true})
				if err != nil || len(items) != 1 || items[0].Version != 1 {
					t.Errorf("outbox %+v, error %v; want one event, put once", items, err)
				}
			}
	})
}

// raced is a table on which somebody else acts once, just before our first write.
type raced struct {
	store.Table
	rival func()
}

func (r *raced) Write(ctx context.Context, token string, ops []store.Op) error {
	if act := r.rival; act != nil {
		r.rival = nil
		act()
	}
	return r.Table.Write(ctx, token, ops)
}

func TestScheduleTickedTwiceAtOnce(t *testing.T) {
	s := newStation(t, nil)
	sweep := Schedule{Name: "sweep", Every: time.Hour, Type: event.SweepRequested}
	if err := s.bus.Schedule(sweep); err != nil {
		t.Fatal(err)
	}
	other := NewBus(&raced{s.table, func() {
		if err := s.bus.Tick(background, s.clock.now()); err != nil {
			t.Fatal(err)
		}
	}}, s.clock.now)
	if err := other.Schedule(sweep); err != nil {
		t.Fatal(err)
	}
	if err := other.Tick(background, s.clock.now()); err != nil {
		t.Fatal(err)
	}
	items, err := s.table.Query(background, store.Outbox, store.Query{Consistent: true})
	if err != nil || len(items) != 1 || items[0].Version != 1 {
		t.Errorf("outbox %+v, error %v; want one event, put once", items, err)
	}
}

func TestScheduleRefuses(t *testing.T) {
	s := newStation(t, nil)
	good := Schedule{Name: "a", Every: time.Second, Type: event.SweepRequested}
	if err := s.bus.Schedule(good); err != nil {
		t.Fatal(err)
	}
	if err := s.bus.Schedule(good); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v; want Conflict", err)
	}
	for name, sch := range map[string]Schedule{
		"no name":     {Every: time.Second, Type: event.SweepRequested},
		"no type":     {Name: "b", Every: time.Second},
		"no period":   {Name: "b", Type: event.SweepRequested},
		"odd period":  {Name: "b", Every: 1500 * time.Millisecond, Type: event.SweepRequested},
		"bad payload": {Name: "b", Every: time.Second, Type: event.SweepRequested, Payload: func() {}},
	} {
		if err := s.bus.Schedule(sch); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v; want Invalid", name, err)
		}
	}
}

func TestStartOfPeriodBeforeTheEpoch(t *testing.T) {
	at := time.Date(1969, 12, 31, 23, 30, 0, 0, time.UTC)
	if got := startOf(Schedule{Every: time.Hour}, at); !got.Equal(at.Truncate(time.Hour)) {
		t.Errorf("got %v", got)
	}
}
