package local

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/store"
)

// BenchmarkCommit is one whole decision: a document, a marker, an audit entry and its head, an event.
func BenchmarkCommit(b *testing.B) {
	s := openState(b, b.TempDir(), time.Now)
	body := bytes.Repeat([]byte("x"), 2000)
	entry := audit.Entry{At: time.Now(), Kind: audit.DriftChecked, Actor: audit.Actor{Type: audit.Agent, ID: "bench"}, Reason: "bench"}
	n := int64(0)
	for b.Loop() {
		doc, err := control.Put(control.Key{Partition: "bench", Sort: "doc"}, n, string(body))
		if err != nil {
			b.Fatal(err)
		}
		n++
		id := fmt.Sprint("op-", n)
		e, err := event.New(id, event.DriftMeasured, time.Now(), "heart", nil)
		if err != nil {
			b.Fatal(err)
		}
		err = s.Store.Commit(background, control.Change{Model: "heart", Op: id, Put: []control.Doc{doc}, Entries: []audit.Entry{entry}, Events: []event.Event{e}})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := openState(b, b.TempDir(), time.Now)
	key := control.Key{Partition: "bench", Sort: "doc"}
	doc, err := control.Put(key, 0, string(bytes.Repeat([]byte("x"), 2000)))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Store.Commit(background, control.Change{Put: []control.Doc{doc}}); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		var into string
		for pb.Next() {
			if _, err := s.Store.Get(background, key, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkQuery(b *testing.B) {
	s := openState(b, b.TempDir(), time.Now)
	for page := range 20 {
		var ops []store.Op
		for i := range 50 {
			ops = append(ops, store.Op{Kind: store.Put, Partition: "bench", Sort: fmt.Sprintf("%020d", page*50+i), Body: bytes.Repeat([]byte("x"), 500)})
		}
		if err := s.Table.Write(background, fmt.Sprint(page), ops); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if items, err := s.Table.Query(background, "bench", store.Query{}); err != nil || len(items) != 1000 {
			b.Fatal(len(items), err)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	s := openState(b, b.TempDir(), time.Now)
	body := bytes.Repeat([]byte("x"), 100<<10)
	b.SetBytes(int64(len(body)))
	n := 0
	for b.Loop() {
		n++
		if err := s.Data.Create(background, fmt.Sprintf("bench/%02d/%d", n%100, n), body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeliver is an event from the outbox to one function and away.
func BenchmarkDeliver(b *testing.B) {
	s := openState(b, b.TempDir(), time.Now)
	err := s.Bus.Subscribe(Subscriber{Function: "agent", Types: []event.Type{event.DriftMeasured}, Handle: func(context.Context, event.Event) error { return nil }})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		e, err := event.New(fmt.Sprint(n), event.DriftMeasured, time.Now(), "heart", nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Store.Commit(background, control.Change{Events: []event.Event{e}}); err != nil {
			b.Fatal(err)
		}
		if err := s.Bus.Drain(background); err != nil {
			b.Fatal(err)
		}
	}
}
