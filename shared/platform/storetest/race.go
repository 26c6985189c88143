package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

func givenUp(t *testing.T, b bench) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err := b.table.Get(ctx, b.part, "a", true)
	b.kind(err, fault.Unavailable)
	_, err = b.table.Query(ctx, b.part, store.Query{})
	b.kind(err, fault.Unavailable)
	b.kind(b.table.Write(ctx, token(), []store.Op{b.put("a", 0, "")}), fault.Unavailable)
}

// twoWriters lets two writers put the same new item, again and again: each time exactly one wins, and it is its body that stays.
func twoWriters(t *testing.T, b bench) {
	for round := range 20 {
		key, errs := fmt.Sprint(round), [2]error{}
		var wg sync.WaitGroup
		for w := range 2 {
			wg.Go(func() { errs[w] = repeat(func() error { return b.write(b.put(key, 0, fmt.Sprint(w))) }) })
		}
		wg.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if errs[winner] != nil {
			t.Fatalf("both lost: %v; %v", errs[0], errs[1])
		}
		b.refused(errs[1-winner], 0)
		b.is(key, 1, fmt.Sprint(winner))
	}
}

// counters lets eight goroutines count two items upwards together, by compare and swap: no step is lost, and the items never part.
func counters(t *testing.T, b bench) {
	const workers, steps = 8, 10
	b.must(b.put("a", 0, "0"), b.put("b", 0, "0"))
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			for done := 0; done < steps && errs[w] == nil; {
				item, err := b.table.Get(background, b.part, "a", true)
				if err != nil {
					errs[w] = err
					return
				}
				n, _ := strconv.Atoi(string(item.Body))
				next := strconv.Itoa(n + 1)
				switch err := repeat(func() error { return b.write(b.put("a", item.Version, next), b.put("b", item.Version, next)) }); {
				case err == nil:
					done++
				case !fault.Is(err, fault.Conflict):
					errs[w] = err
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	b.is("a", workers*steps+1, strconv.Itoa(workers*steps))
	b.is("b", workers*steps+1, strconv.Itoa(workers*steps))
}

// repeat makes a call again while the backend says that it did not happen because others are in its way. A backend that loses replies is
// for CrashPoints, not for these tests.
func repeat(call func() error) (err error) {
	for range 100 {
		if err = call(); !fault.Is(err, fault.Unavailable) {
			return err
		}
	}
	return err
}
