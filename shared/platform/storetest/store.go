package storetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Store judges a store.Store on the backend that open makes: what Commit promises, also when calls fail or replies are lost. It calls open
// once; documents lie in partitions of random names.
func Store(t *testing.T, open func(t *testing.T) store.Table) {
	table := open(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, house)
	}{
		{"commit and read", commitAndRead},
		{"conflict names the documents", conflictNames},
		{"refused changes", refusedChanges},
		{"once-only change", onceOnly},
		{"eight writers of one ledger", eightWriters},
		{"eight racers for one operation", eightRacers},
		{"a busy head gives up without effect", busyHead},
		{"tampering is found", tampering},
		{"crash at every call", crashEverywhere},
		{"a spoilt call is made good", spoiltCall},
		{"throttled", throttled},
		{"notes", notes},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHouse(t, table)) })
	}
}

// house is a store under test with a model and partition of its own.
type house struct {
	*testing.T
	table store.Table
	store *store.Store
	model string
	part  string
}

func newHouse(t *testing.T, table store.Table) house {
	name := strings.ToLower(rand.Text())
	return house{t, table, open(table), "m-" + name, "p-" + name}
}

// open is a Store as another process would have it, which does not sleep between tries.
func open(table store.Table) *store.Store {
	s := store.New(table, time.Now)
	s.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return s
}

type note struct {
	Text string `json:"text"`
}

func (h house) doc(sort string, revision int64, text string) control.Doc {
	h.Helper()
	d, err := control.Put(control.Key{Partition: h.part, Sort: sort}, revision, note{text})
	if err != nil {
		h.Fatal(err)
	}
	return d
}

func (h house) entry(reason string) audit.Entry {
	return audit.Entry{At: time.Now(), Kind: audit.DecisionProposed, Actor: audit.Actor{Type: audit.Agent, ID: "test"}, Reason: reason}
}

func (h house) event(id string) event.Event {
	h.Helper()
	e, err := event.New(id, event.DriftRequested, time.Now(), h.model, event.Drift{Job: id})
	if err != nil {
		h.Fatal(err)
	}
	return e
}

func (h house) must(c control.Change) {
	h.Helper()
	if err := h.store.Commit(background, c); err != nil {
		h.Fatalf("commit: %v", err)
	}
}

// is checks a document; revision 0 = absent.
func (h house) is(sort string, revision int64, text string) {
	h.Helper()
	var n note
	got, err := h.store.Get(background, control.Key{Partition: h.part, Sort: sort}, &n)
	if revision == 0 && fault.Is(err, fault.NotFound) {
		return
	}
	if err != nil || got != revision || n.Text != text {
		h.Fatalf("document %s: revision %d %q, error %v; want revision %d %q", sort, got, n.Text, err, revision, text)
	}
}

// ledger verifies the chain and checks its reasons, in order.
func (h house) ledger(reasons ...string) {
	h.Helper()
	end, err := h.store.Verify(background, h.model)
	if err != nil || end.Seq != int64(len(reasons)) {
		h.Fatalf("the ledger ends at %+v, error %v; want %d entries", end, err, len(reasons))
	}
	entries, err := h.store.Entries(background, h.model, 0, 0)
	if err != nil {
		h.Fatal(err)
	}
	var got []string
	for i, e := range entries {
		if e.Seq != int64(i+1) || e.Model != h.model {
			h.Fatalf("entry %d has number %d and model %s", i+1, e.Seq, e.Model)
		}
		got = append(got, e.Reason)
	}
	if !slices.Equal(got, reasons) {
		h.Fatalf("the ledger tells %q; want %q", got, reasons)
	}
	if head, err := h.store.Head(background, h.model); err != nil || head != end {
		h.Fatalf("head %+v, error %v; want %+v", head, err, end)
	}
}

// outbox checks how many events of this house's model wait.
func (h house) outbox(ids ...string) {
	h.Helper()
	var got []string
	for after := ""; ; {
		docs, err := h.store.List(background, store.Outbox, "", after, 0)
		if err != nil {
			h.Fatal(err)
		}
		for _, d := range docs {
			var e event.Event
			if err := json.Unmarshal(d.Body, &e); err != nil {
				h.Fatal(err)
			}
			if after = d.Key.Sort; e.Model == h.model {
				got = append(got, e.ID)
			}
		}
		if len(docs) < store.MaxQuery {
			break
		}
	}
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		h.Fatalf("the outbox holds %q; want %q", got, ids)
	}
}

func commitAndRead(t *testing.T, h house) {
	h.ledger()
	h.must(control.Change{})
	if _, err := h.store.Get(background, control.Key{Partition: h.part, Sort: "a"}, nil); !fault.Is(err, fault.NotFound) {
		t.Fatalf("get of an absent document: %v", err)
	}
	woken := 0
	h.store.OnEvents = func() { woken++ }
	h.must(control.Change{Model: h.model, Put: []control.Doc{h.doc("a", 0, "one"), h.doc("b", 0, "one")}, Entries: []audit.Entry{h.entry("first")}})
	if woken != 0 {
		t.Error("woken without an event")
	}
	h.must(control.Change{Model: h.model, Put: []control.Doc{h.doc("a", 1, "two"), h.doc("c", 0, "one")}, Check: []control.Doc{h.doc("d", 0, "")},
		Delete: []control.Doc{h.doc("b", 1, "")}, Entries: []audit.Entry{h.entry("second"), h.entry("third")},
		Events: []event.Event{h.event(h.part + "-1"), h.event(h.part + "-2")}})
	h.is("a", 2, "two")
	h.is("b", 0, "")
	h.is("c", 1, "one")
	h.ledger("first", "second", "third")
	h.outbox(h.part+"-1", h.part+"-2")
	if woken != 1 {
		t.Errorf("woken %d times; want once", woken)
	}
	for _, c := range []struct {
		list func(context.Context, string, string, string, int) ([]control.Doc, error)
		want string
	}{{h.store.List, "a c"}, {h.store.ListRecent, "c a"}} {
		docs, err := c.list(background, h.part, "", "", 0)
		if err != nil || len(docs) != 2 || docs[0].Key.Sort+" "+docs[1].Key.Sort != c.want {
			t.Fatalf("list gave %+v, error %v; want %s", docs, err, c.want)
		}
		rest, err := c.list(background, h.part, "", docs[0].Key.Sort, 1)
		if err != nil || len(rest) != 1 || rest[0].Key != docs[1].Key || string(rest[0].Body) != string(docs[1].Body) || rest[0].Revision != docs[1].Revision {
			t.Fatalf("list after the first gave %+v, error %v", rest, err)
		}
	}
	entries, err := h.store.Entries(background, h.model, 2, 1)
	if err != nil || len(entries) != 1 || entries[0].Reason != "second" {
		t.Fatalf("entries from 2: %+v, error %v", entries, err)
	}
	d, err := control.Put(control.State(h.model), 0, note{"state"})
	if err != nil {
		t.Fatal(err)
	}
	h.must(control.Change{Put: []control.Doc{d}})
	if names, err := h.store.Models(background); err != nil || !slices.Contains(names, h.model) || !slices.IsSorted(names) {
		t.Fatalf("models %q, error %v", names, err)
	}
}

func conflictNames(t *testing.T, h house) {
	h.must(control.Change{Put: []control.Doc{h.doc("a", 0, "one"), h.doc("b", 0, "one"), h.doc("c", 0, "one")}})
	err := h.store.Commit(background, control.Change{Model: h.model, Op: h.part, Put: []control.Doc{h.doc("a", 1, "x"), h.doc("b", 0, "x")},
		Check: []control.Doc{h.doc("c", 3, "")}, Delete: []control.Doc{h.doc("d", 1, "")}, Entries: []audit.Entry{h.entry("x")}, Events: []event.Event{h.event(h.part)}})
	var got []string
	for _, d := range fault.Details(err) {
		got = append(got, d.Field+" "+d.Code)
	}
	want := []string{h.part + "/b exists", h.part + "/c changed", h.part + "/d changed"}
	if !fault.Is(err, fault.Conflict) || !slices.Equal(got, want) {
		t.Fatalf("got %v; want a conflict on %q", err, want)
	}
	h.is("a", 1, "one")
	h.ledger()
	h.outbox()
	if done, err := h.store.Done(background, h.part); done || err != nil {
		t.Fatalf("done %t, error %v", done, err)
	}
}

func refusedChanges(t *testing.T, h house) {
	at := func(partition string) control.Doc {
		return control.Doc{Key: control.Key{Partition: partition, Sort: "x"}, Body: []byte("{}")}
	}
	many := func(n int) (docs []control.Doc) {
		for i := range n {
			docs = append(docs, h.doc(fmt.Sprintf("%03d", i), 0, ""))
		}
		return docs
	}
	entries := func(n int) []audit.Entry { return slices.Repeat([]audit.Entry{h.entry("many")}, n) }
	wrong := h.entry("wrong")
	wrong.Model = h.model + "x"
	for name, c := range map[string]control.Change{
		"too many documents":     {Put: many(101)},
		"too many with the rest": {Model: h.model, Op: h.part, Put: many(96), Entries: entries(1), Events: []event.Event{h.event("a"), h.event("b")}},
		"too many entries":       {Model: h.model, Entries: entries(100)},
		"a document twice":       {Put: []control.Doc{h.doc("a", 0, ""), h.doc("a", 0, "")}},
		"put and checked":        {Put: []control.Doc{h.doc("a", 0, "")}, Check: []control.Doc{h.doc("a", 0, "")}},
		"an event twice":         {Events: []event.Event{h.event("a"), h.event("a")}},
		"an event without id":    {Events: []event.Event{h.event("")}},
		"unconditional":          {Put: []control.Doc{h.doc("a", store.Any, "")}},
		"not JSON":               {Put: []control.Doc{{Key: control.Key{Partition: h.part, Sort: "a"}, Body: []byte("{")}}},
		"too large a document":   {Put: []control.Doc{h.doc("a", 0, strings.Repeat("x", store.MaxDocBytes))}},
		"entries without model":  {Entries: entries(1)},
		"entry of another model": {Model: h.model, Entries: []audit.Entry{wrong}},
		"entry without a kind":   {Model: h.model, Entries: []audit.Entry{{At: time.Now(), Actor: audit.Actor{Type: audit.Agent}}}},
		"bad operation":          {Op: "a\nb", Put: many(1)},
		"ledger":                 {Put: []control.Doc{at("audit#" + h.model)}},
		"ledger's head":          {Delete: []control.Doc{at("audithead")}},
		"marker":                 {Put: []control.Doc{at("op")}},
		"note":                   {Put: []control.Doc{at("request#" + h.model)}},
		"outbox":                 {Put: []control.Doc{at("outbox")}},
		"delivery":               {Put: []control.Doc{at("delivery#agent")}},
	} {
		if err := h.store.Commit(background, c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v; want Invalid", name, err)
		}
	}
	h.is("a", 0, "")
	h.ledger()
	h.must(control.Change{Model: h.model, Op: h.part, Put: many(50), Entries: entries(48)}) // exactly 100 actions
}

func onceOnly(t *testing.T, h house) {
	change := control.Change{Model: h.model, Op: h.part, Put: []control.Doc{h.doc("a", 0, "one")}, Entries: []audit.Entry{h.entry("once")},
		Events: []event.Event{h.event(h.part)}}
	for range 3 {
		h.must(change)
	}
	h.must(control.Change{Model: h.model, Op: h.part, Put: []control.Doc{h.doc("b", 0, "whatever else it says")}})
	h.is("a", 1, "one")
	h.is("b", 0, "")
	h.ledger("once")
	h.outbox(h.part)
	if done, err := h.store.Done(background, h.part); !done || err != nil {
		t.Fatalf("done %t, error %v", done, err)
	}
}

// eightWriters append to one ledger, each through a Store of its own, as processes would.
func eightWriters(t *testing.T, h house) {
	const writers, each = 8, 6
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		s := store.New(h.table, time.Now) // with its real pauses: they are what lets the loser of a race win the next
		wg.Go(func() {
			for i := range each {
				c := control.Change{Model: h.model, Put: []control.Doc{h.doc(fmt.Sprintf("%d-%d", w, i), 0, "x")},
					Entries: []audit.Entry{h.entry(fmt.Sprint(w)), h.entry(fmt.Sprint(w))}}
				if errs[w] = repeat(func() error { return s.Commit(background, c) }); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	end, err := h.store.Verify(background, h.model)
	if err != nil || end.Seq != 2*writers*each {
		t.Fatalf("the ledger ends at %d, error %v; want %d", end.Seq, err, 2*writers*each)
	}
	entries, err := h.store.Entries(background, h.model, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(entries); i += 2 {
		if entries[i].Reason != entries[i+1].Reason {
			t.Fatalf("entries %d and %d of one commit were parted", i+1, i+2)
		}
	}
	if docs, err := h.store.List(background, h.part, "", "", 0); err != nil || len(docs) != writers*each {
		t.Fatalf("%d documents, error %v; want %d", len(docs), err, writers*each)
	}
}

// eightRacers commit the same once-only change: all are told that it is done, and it is done once.
func eightRacers(t *testing.T, h house) {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for w := range errs {
		s := open(h.table)
		wg.Go(func() {
			c := control.Change{Model: h.model, Op: h.part, Put: []control.Doc{h.doc("a", 0, "x")}, Entries: []audit.Entry{h.entry("once")},
				Events: []event.Event{h.event(fmt.Sprintf("%s-%d", h.part, w))}}
			errs[w] = repeat(func() error { return s.Commit(background, c) })
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	h.is("a", 1, "x")
	h.ledger("once")
	docs, err := h.store.List(background, store.Outbox, h.part, "", 0)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%d events, error %v; want one", len(docs), err)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
