package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// ahead is a table on which somebody else appends to the ledger just before every write of ours.
type ahead struct {
	store.Table
	rival func()
	tried int
}

func (a *ahead) Write(ctx context.Context, token string, ops []store.Op) error {
	a.tried++
	a.rival()
	return a.Table.Write(ctx, token, ops)
}

func busyHead(t *testing.T, h house) {
	var reasons []string
	table := &ahead{Table: h.table, rival: func() {
		reasons = append(reasons, fmt.Sprint("rival ", len(reasons)))
		h.must(control.Change{Model: h.model, Entries: []audit.Entry{h.entry(reasons[len(reasons)-1])}})
	}}
	err := open(table).Commit(background, control.Change{Model: h.model, Put: []control.Doc{h.doc("a", 0, "x")}, Entries: []audit.Entry{h.entry("ours")}})
	if !fault.Is(err, fault.Unavailable) || table.tried != 8 {
		t.Fatalf("after %d tries: %v; want 8 and Unavailable", table.tried, err)
	}
	h.is("a", 0, "")
	h.ledger(reasons...)
	rival := table.rival
	table.rival = func() { // and when only three are faster, ours is the fourth
		if len(reasons) < 8+3 {
			rival()
		}
	}
	if err := open(table).Commit(background, control.Change{Model: h.model, Entries: []audit.Entry{h.entry("ours")}}); err != nil {
		t.Fatal(err)
	}
	h.ledger(append(reasons, "ours")...)
}

// tampering changes the ledger behind the store's back, in every way that one item allows.
func tampering(t *testing.T, h house) {
	b := bench{t, h.table, ""}
	at := func(house house, seq int) store.Op {
		return store.Op{Kind: store.Put, Partition: "audit#" + house.model, Sort: fmt.Sprintf("%020d", seq), Expect: store.Any}
	}
	for name, tamper := range map[string]func(h house, items []store.Item) []store.Op{
		"edited": func(h house, items []store.Item) []store.Op {
			op := at(h, 2)
			op.Body = []byte(strings.Replace(string(items[1].Body), "second", "sekond", 1))
			return []store.Op{op}
		},
		"deleted": func(h house, items []store.Item) []store.Op {
			op := at(h, 2)
			op.Kind = store.Delete
			return []store.Op{op}
		},
		"swapped": func(h house, items []store.Item) []store.Op {
			first, second := at(h, 1), at(h, 2)
			first.Body, second.Body = items[1].Body, items[0].Body
			return []store.Op{first, second}
		},
		"tail cut off": func(h house, items []store.Item) []store.Op {
			op := at(h, 3)
			op.Kind = store.Delete
			return []store.Op{op}
		},
		"forged after the head": func(h house, items []store.Item) []store.Op {
			head, err := h.store.Head(background, h.model)
			if err != nil {
				h.Fatal(err)
			}
			e := h.entry("forged")
			e.Model = h.model
			e, _ = audit.Seal(head, e)
			op := at(h, 4)
			op.Body = mustJSON(h.T, e)
			return []store.Op{op}
		},
		"last one sealed anew": func(h house, items []store.Item) []store.Op {
			entries, err := h.store.Entries(background, h.model, 2, 1)
			if err != nil {
				h.Fatal(err)
			}
			e := h.entry("forged")
			e.Model = h.model
			e, _ = audit.Seal(audit.Head{Seq: 2, Hash: entries[0].Hash}, e)
			op := at(h, 3)
			op.Body = mustJSON(h.T, e)
			return []store.Op{op}
		},
	} {
		h := newHouse(t, h.table)
		for _, reason := range []string{"first", "second", "third"} {
			h.must(control.Change{Model: h.model, Entries: []audit.Entry{h.entry(reason)}})
		}
		items, err := h.table.Query(background, "audit#"+h.model, store.Query{Consistent: true})
		if err != nil {
			t.Fatal(err)
		}
		b.must(tamper(h, items)...)
		var broken *audit.Broken
		if end, err := h.store.Verify(background, h.model); !errors.As(err, &broken) {
			t.Errorf("%s: the chain verifies up to %d, error %v", name, end.Seq, err)
		}
		if name == "forged after the head" { // and the store does not write over what it did not write
			if err := h.store.Commit(background, control.Change{Model: h.model, Entries: []audit.Entry{h.entry("fourth")}}); !fault.Is(err, fault.Internal) {
				t.Errorf("%s: commit: %v; want Internal", name, err)
			}
		}
	}
}

// whole is a change with something of every kind, on documents b and c that exist at revision 1.
func (h house) whole() control.Change {
	return control.Change{Model: h.model, Op: h.part, Put: []control.Doc{h.doc("a", 0, "new"), h.doc("b", 1, "new")}, Check: []control.Doc{h.doc("d", 0, "")},
		Delete: []control.Doc{h.doc("c", 1, "")}, Entries: []audit.Entry{h.entry("first"), h.entry("second")}, Events: []event.Event{h.event(h.part)}}
}

// prepare makes the world of whole.
func (h house) prepare() {
	h.must(control.Change{Put: []control.Doc{h.doc("b", 0, "old"), h.doc("c", 0, "old")}})
}

// happenedOnce checks that whole happened exactly once.
func (h house) happenedOnce() {
	h.Helper()
	h.is("a", 1, "new")
	h.is("b", 2, "new")
	h.is("c", 0, "")
	h.ledger("first", "second")
	h.outbox(h.part)
	if done, err := h.store.Done(background, h.part); !done || err != nil {
		h.Fatalf("done %t, error %v", done, err)
	}
}

// crashEverywhere kills the process that commits at each of its calls, before it or with the reply lost; the process that comes after it
// repeats the change, twice. The same without an Op: then the repetition may be a conflict, which is how the caller learns that it happened.
func crashEverywhere(t *testing.T, h house) {
	CrashPoints(t, func(t *testing.T, f *Faults) (func() error, func()) {
		h := newHouse(t, h.table)
		h.prepare()
		c := h.whole()
		return func() error { return open(f.Table(h.table)).Commit(background, c) }, func() {
			h.must(c)
			h.happenedOnce()
		}
	})
	CrashPoints(t, func(t *testing.T, f *Faults) (func() error, func()) {
		h := newHouse(t, h.table)
		h.prepare()
		c := h.whole()
		c.Op = ""
		crashed := false
		return func() error {
				err := open(f.Table(h.table)).Commit(background, c)
				if crashed && fault.Is(err, fault.Conflict) {
					return nil
				}
				crashed = true
				return err
			}, func() {
				h.is("a", 1, "new")
				h.is("b", 2, "new")
				h.ledger("first", "second")
				h.outbox(h.part)
			}
	})
}

// spoiltCall spoils one single call of a commit, each in turn: the commit itself makes it good.
func spoiltCall(t *testing.T, h house) {
	for _, o := range []Outcome{FailBefore, LoseReply, Throttle} {
		for k, reached := 1, true; reached; k++ {
			h := newHouse(t, h.table)
			h.prepare()
			f := NewFaults(Once(k, o))
			if err := open(f.Table(h.table)).Commit(background, h.whole()); err != nil {
				t.Fatalf("%s at call %d: %v", o, k, err)
			}
			h.happenedOnce()
			reached = f.Calls() >= k
		}
		for k, reached := 1, true; reached; k++ { // with nothing but the write's token to keep it from happening twice
			h := newHouse(t, h.table)
			f := NewFaults(Once(k, o))
			c := control.Change{Model: h.model, Entries: []audit.Entry{h.entry("once")}, Events: []event.Event{h.event(h.part)}}
			if err := open(f.Table(h.table)).Commit(background, c); err != nil {
				t.Fatalf("%s at call %d: %v", o, k, err)
			}
			h.ledger("once")
			h.outbox(h.part)
			reached = f.Calls() >= k
		}
	}
}

// throttled commits many changes while 30 % of the calls fail in one way or another: nothing is lost or done twice, and no more than three
// calls are made for each that a calm backend needs.
func throttled(t *testing.T, h house) {
	const changes, callsEach = 60, 2
	f := NewFaults(Random(7, 0.3))
	s := open(f.Table(h.table))
	var reasons, ids []string
	for i := range changes {
		id := fmt.Sprintf("%s-%03d", h.part, i)
		reasons, ids = append(reasons, id), append(ids, id)
		c := control.Change{Model: h.model, Op: id, Put: []control.Doc{h.doc("n", int64(i), id)}, Entries: []audit.Entry{h.entry(id)}, Events: []event.Event{h.event(id)}}
		if err := repeat(func() error { return s.Commit(background, c) }); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
	}
	if n := f.Calls(); n > 3*callsEach*changes {
		t.Errorf("%d calls for %d changes", n, changes)
	}
	h.is("n", changes, ids[changes-1])
	h.ledger(reasons...)
	h.outbox(ids...)
}
