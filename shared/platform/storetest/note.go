package storetest

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mlops/shared/fault"
)

// notes: a note is replaced only by who knows its version, holds any bytes up to what an answer may have, and is gone when it has expired.
func notes(t *testing.T, h house) {
	name, later := h.model, time.Now().Add(time.Hour)
	is := func(version int64, body []byte) {
		t.Helper()
		got, v, err := h.store.Note(background, name)
		if err != nil || v != version || !bytes.Equal(got, body) {
			t.Fatalf("version %d, %d bytes, error %v; want version %d, %d bytes", v, len(got), err, version, len(body))
		}
	}
	if _, _, err := h.store.Note(background, name); !fault.Is(err, fault.NotFound) {
		t.Fatalf("read what was never kept: %v", err)
	}
	large := bytes.Repeat([]byte("a\xff\n\""), 75<<10)
	for i, body := range [][]byte{[]byte("one"), large, []byte(`{"three":3}`)} {
		if err := h.store.KeepNote(background, name, int64(i), body, later); err != nil {
			t.Fatal(err)
		}
		is(int64(i+1), body)
	}
	for _, expect := range []int64{0, 1, 2, 4} {
		if err := h.store.KeepNote(background, name, expect, []byte("late"), later); !fault.Is(err, fault.Conflict) {
			t.Errorf("kept in place of version %d: %v", expect, err)
		}
	}
	is(3, []byte(`{"three":3}`))
	if err := h.store.KeepNote(background, name, 3, []byte("old"), time.Now().Add(-2*time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.store.Note(background, name); !fault.Is(err, fault.NotFound) {
		t.Errorf("read what has expired: %v", err)
	}
	if err := h.store.KeepNote(background, name, 0, []byte("anew"), later); err != nil {
		t.Fatal(err)
	}
	is(1, []byte("anew"))

	var kept atomic.Int64
	var racers sync.WaitGroup
	for range 8 {
		racers.Go(func() {
			switch err := open(h.table).KeepNote(background, name, 1, []byte("mine"), later); {
			case err == nil:
				kept.Add(1)
			case !fault.Is(err, fault.Conflict):
				t.Errorf("a racer: %v", err)
			}
		})
	}
	racers.Wait()
	if kept.Load() != 1 {
		t.Errorf("%d of 8 racers kept theirs", kept.Load())
	}
	is(2, []byte("mine"))
	if done, err := h.store.Done(background, name); done || err != nil {
		t.Errorf("a note is taken for a once-only marker: %v, %v", done, err)
	}
}
