package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Outcome is what becomes of one call to a backend.
type Outcome uint8

// The outcomes that the contracts allow. The last three are all fault.Unavailable to the caller.
const (
	OK         Outcome = iota
	FailBefore         // nothing happened
	LoseReply          // it happened, and the caller is told that it failed
	Throttle           // nothing happened, too many calls
)

func (o Outcome) String() string {
	return [...]string{"ok", "fail before", "lose reply", "throttle"}[o]
}

// Plan says what becomes of the call with this number; the first is 1.
type Plan func(call int) Outcome

// Once spoils only call k.
func Once(k int, o Outcome) Plan {
	return func(call int) Outcome {
		if call == k {
			return o
		}
		return OK
	}
}

// Crash spoils call k, and every later call fails before it does anything: to the backend the caller is dead.
func Crash(k int, o Outcome) Plan {
	return func(call int) Outcome {
		switch {
		case call < k:
			return OK
		case call == k:
			return o
		}
		return FailBefore
	}
}

// Random spoils the given share of calls, with each outcome alike, by seed.
func Random(seed uint64, share float64) Plan {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(int) Outcome {
		if rng.Float64() >= share {
			return OK
		}
		return FailBefore + Outcome(rng.IntN(3))
	}
}

// Faults numbers the calls to the backends it wraps, all together, and does to each what its plan says. Safe for concurrent use.
type Faults struct {
	mu    sync.Mutex
	plan  Plan
	calls int
}

// NewFaults makes Faults that follow plan; nil = every call is well.
func NewFaults(plan Plan) *Faults { return &Faults{plan: plan} }

// Calls is how many calls there were.
func (f *Faults) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Heal makes all further calls well.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = nil
}

// Table wraps t.
func (f *Faults) Table(t store.Table) store.Table { return faultyTable{f, t} }

// Blobs wraps b.
func (f *Faults) Blobs(b store.Blobs) store.Blobs { return faultyBlobs{f, b} }

// Faulty wraps one table with faults of its own.
func Faulty(t store.Table, plan Plan) store.Table { return NewFaults(plan).Table(t) }

// do runs one call as the plan says.
func (f *Faults) do(name string, call func() error) error {
	f.mu.Lock()
	f.calls++
	n, o := f.calls, OK
	if f.plan != nil {
		o = f.plan(n)
	}
	f.mu.Unlock()
	switch o {
	case FailBefore:
		return fault.Unavailablef("call %d (%s) failed before it did anything", n, name)
	case Throttle:
		return fault.Unavailablef("call %d (%s) was throttled", n, name).WithCode(fault.CodeThrottled)
	case LoseReply:
		_ = call() // whatever it was, the caller does not learn it
		return fault.Unavailablef("the reply of call %d (%s) was lost", n, name)
	}
	return call()
}

type faultyTable struct {
	f *Faults
	t store.Table
}

func (w faultyTable) Get(ctx context.Context, partition, sort string, consistent bool) (item store.Item, err error) {
	err = w.f.do("get", func() error {
		item, err = w.t.Get(ctx, partition, sort, consistent)
		return err
	})
	return item, err
}

func (w faultyTable) Query(ctx context.Context, partition string, q store.Query) (items []store.Item, err error) {
	err = w.f.do("query", func() error {
		items, err = w.t.Query(ctx, partition, q)
		return err
	})
	return items, err
}

func (w faultyTable) Write(ctx context.Context, token string, ops []store.Op) error {
	return w.f.do("write", func() error { return w.t.Write(ctx, token, ops) })
}

type faultyBlobs struct {
	f *Faults
	b store.Blobs
}

func (w faultyBlobs) Create(ctx context.Context, key string, body []byte) error {
	return w.f.do("create", func() error { return w.b.Create(ctx, key, body) })
}

func (w faultyBlobs) Get(ctx context.Context, key string, limit int64) (body []byte, err error) {
	err = w.f.do("get blob", func() error {
		body, err = w.b.Get(ctx, key, limit)
		return err
	})
	return body, err
}

func (w faultyBlobs) List(ctx context.Context, prefix, after string, limit int) (objects []store.Object, err error) {
	err = w.f.do("list blobs", func() error {
		objects, err = w.b.List(ctx, prefix, after, limit)
		return err
	})
	return objects, err
}

// Scenario builds a fresh world whose backends are wrapped by f, and returns what is to be done in it, as often as it takes, and what
// must hold after that.
type Scenario func(t *testing.T, f *Faults) (act func() error, judge func())

// CrashPoints plays the scenario once for every backend call that it makes: the actor dies at that call, either before it or with its
// reply lost; then the actor comes back, acts again in peace, and must succeed; then the judge looks.
func CrashPoints(t *testing.T, s Scenario) {
	t.Helper()
	for _, o := range []Outcome{FailBefore, LoseReply} {
		for k, reached := 1, true; reached; k++ {
			t.Run(fmt.Sprintf("%s %d", o, k), func(t *testing.T) {
				f := NewFaults(Crash(k, o))
				act, judge := s(t, f)
				err := act()
				if reached = f.Calls() >= k; reached && err == nil && o == FailBefore {
					t.Fatalf("acting succeeded although it died at call %d", k)
				}
				f.Heal()
				if err := act(); err != nil {
					t.Fatalf("acting again after the crash: %v", err)
				}
				judge()
			})
			if t.Failed() {
				return
			}
		}
	}
}
