package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Table judges a backend by the contract of store.Table. It calls open once; the clock of the table is the real one, and partitions have
// random names, so that the table may be shared and need not be empty.
func Table(t *testing.T, open func(t *testing.T) store.Table) {
	table := open(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, bench)
	}{
		{"read what was written", readBack},
		{"conditions", conditions},
		{"all or none", allOrNone},
		{"limits", limits},
		{"order and paging", order},
		{"tokens", tokens},
		{"expiry", expiry},
		{"bodies are copies", copies},
		{"given up", givenUp},
		{"two writers, one wins", twoWriters},
		{"eight counters lose nothing", counters},
		{"random writes agree with the memory table", randomWrites},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, bench{t, table, "t-" + rand.Text()}) })
	}
}

// bench is a table under test and a partition of its own.
type bench struct {
	*testing.T
	table store.Table
	part  string
}

var background = context.Background()

func token() string { return rand.Text() }

func (b bench) put(sort string, expect int64, body string) store.Op {
	return store.Op{Kind: store.Put, Partition: b.part, Sort: sort, Expect: expect, Body: []byte(body)}
}

func (b bench) op(kind store.OpKind, sort string, expect int64) store.Op {
	return store.Op{Kind: kind, Partition: b.part, Sort: sort, Expect: expect}
}

func (b bench) write(ops ...store.Op) error { return b.table.Write(background, token(), ops) }

func (b bench) must(ops ...store.Op) {
	b.Helper()
	if err := b.write(ops...); err != nil {
		b.Fatalf("write: %v", err)
	}
}

// is checks the item's version and body; version 0 = absent.
func (b bench) is(sort string, version int64, body string) {
	b.Helper()
	item, err := b.table.Get(background, b.part, sort, true)
	if version == 0 {
		if !fault.Is(err, fault.NotFound) {
			b.Fatalf("get %q: got version %d, error %v; want NotFound", sort, item.Version, err)
		}
		return
	}
	if err != nil {
		b.Fatalf("get %q: %v", sort, err)
	}
	if item.Partition != b.part || item.Sort != sort || item.Version != version || string(item.Body) != body {
		b.Fatalf("get %q: got %s/%s version %d body %.40q; want version %d body %.40q", sort, item.Partition, item.Sort, item.Version, item.Body, version, body)
	}
}

func (b bench) refused(err error, failed ...int) {
	b.Helper()
	var c *store.ConditionFailed
	if !errors.As(err, &c) || !slices.Equal(c.Failed, failed) || !fault.Is(err, fault.Conflict) {
		b.Fatalf("got error %v; want the conditions %v to have failed", err, failed)
	}
}

func (b bench) kind(err error, k fault.Kind) {
	b.Helper()
	if !fault.Is(err, k) {
		b.Fatalf("got error %v; want it %v", err, k)
	}
}

func readBack(t *testing.T, b bench) {
	b.is("absent", 0, "")
	if items, err := b.table.Query(background, b.part, store.Query{Consistent: true}); err != nil || len(items) != 0 {
		t.Fatalf("query of an empty partition: %d items, error %v", len(items), err)
	}
	keys := []string{"plain", "with space", "per%cent_", "star*[a-z]?", "quote'\"`;--", "a/b#c", "äöü日本", "\U0001F600", strings.Repeat("k", store.MaxKeyBytes)}
	for i, key := range keys {
		body := fmt.Sprintf("body %d \x00\xff", i)
		b.must(b.put(key, 0, body))
		b.is(key, 1, body)
	}
	b.must(b.put("plain", 1, ""))
	b.is("plain", 2, "")
	if _, err := b.table.Get(background, b.part+"x", "plain", true); !fault.Is(err, fault.NotFound) {
		t.Fatalf("another partition has the item: %v", err)
	}
	if item, err := b.table.Get(background, b.part, "plain", false); err == nil && item.Version != 2 && item.Version != 1 {
		t.Fatalf("a stale read gave version %d", item.Version)
	} else if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatalf("a stale read: %v", err)
	}
}

// conditions tries every kind of operation with every expectation on an absent item and on one of version 2.
func conditions(t *testing.T, b bench) {
	const gone, refused = 0, -7
	cases := []struct {
		name     string
		kind     store.OpKind
		expect   int64
		absent   int64 // version afterwards if it was absent
		existing int64 // version afterwards if it had version 2
	}{
		{"put new", store.Put, 0, 1, refused},
		{"put over version 2", store.Put, 2, refused, 3},
		{"put over version 1", store.Put, 1, refused, refused},
		{"put over version 3", store.Put, 3, refused, refused},
		{"put any", store.Put, store.Any, 1, 3},
		{"delete version 2", store.Delete, 2, refused, gone},
		{"delete version 1", store.Delete, 1, refused, refused},
		{"delete any", store.Delete, store.Any, gone, gone},
		{"delete none", store.Delete, 0, gone, refused},
		{"check version 2", store.Check, 2, refused, 2},
		{"check version 1", store.Check, 1, refused, refused},
		{"check none", store.Check, 0, gone, refused},
	}
	for i, c := range cases {
		for _, before := range []int64{0, 2} {
			key, want := fmt.Sprintf("%d/%d", i, before), c.absent
			if before == 2 {
				b.must(b.put(key, 0, "one"))
				b.must(b.put(key, 1, "two"))
				want = c.existing
			}
			op := b.op(c.kind, key, c.expect)
			if c.kind == store.Put {
				op.Body = []byte("new")
			}
			err := b.write(op)
			if want == refused {
				b.refused(err, 0)
				b.is(key, before, "two")
				continue
			}
			if err != nil {
				t.Fatalf("%s on version %d: %v", c.name, before, err)
			}
			body := "new"
			if c.kind == store.Check {
				body = "two"
			}
			b.is(key, want, body)
		}
	}
	b.must(b.op(store.Delete, "1/2", 3))
	b.must(b.put("1/2", 0, "again"))
	b.is("1/2", 1, "again") // a deleted item forgets its version
}

func allOrNone(t *testing.T, b bench) {
	b.must(b.put("a", 0, "a"), b.put("b", 0, "b"), b.put("c", 0, "c"))
	err := b.write(b.put("a", 1, "A"), b.put("b", 7, "B"), b.op(store.Delete, "c", 1), b.op(store.Check, "d", 1), b.put("e", 0, "E"))
	b.refused(err, 1, 3)
	b.is("a", 1, "a")
	b.is("b", 1, "b")
	b.is("c", 1, "c")
	b.is("e", 0, "")
	b.must(b.put("a", 1, "A"), b.op(store.Delete, "b", 1), b.op(store.Check, "c", 1), b.op(store.Check, "d", 0), b.put("e", 0, "E"))
	b.is("a", 2, "A")
	b.is("b", 0, "")
	b.is("e", 1, "E")
}

func limits(t *testing.T, b bench) {
	full := strings.Repeat("x", store.MaxItemBytes-store.Item{Partition: b.part, Sort: "k"}.Size())
	many := func(n int) (ops []store.Op) {
		for i := range n {
			ops = append(ops, b.put(fmt.Sprintf("m%03d", i), store.Any, "m"))
		}
		return ops
	}
	large := func(n int) (ops []store.Op) {
		for i := range n {
			ops = append(ops, b.put(strconv.Itoa(i), store.Any, full))
		}
		return ops
	}
	b.must(many(store.MaxOps)...)
	b.must(b.put("k", 0, full))
	b.is("k", 1, full)
	b.must(large(10)...)
	key := func(k string) []store.Op { return []store.Op{b.put("fine", 0, ""), b.put(k, 0, "")} }
	for _, c := range []struct {
		name  string
		token string
		ops   []store.Op
	}{
		{"no operation", token(), nil},
		{"too many operations", token(), many(store.MaxOps + 1)},
		{"too large an item", token(), []store.Op{b.put("fine", 0, ""), b.put("k", 1, full+"x")}},
		{"too large in all", token(), append(large(11), b.put("fine", 0, ""))},
		{"put twice", token(), []store.Op{b.put("fine", 0, ""), b.put("k", 1, ""), b.put("k", 1, "")}},
		{"put and check", token(), []store.Op{b.put("fine", 0, ""), b.put("k", 1, ""), b.op(store.Check, "k", 1)}},
		{"put and delete", token(), []store.Op{b.put("fine", 0, ""), b.put("k", 1, ""), b.op(store.Delete, "k", 1)}},
		{"check of nothing", token(), []store.Op{b.put("fine", 0, ""), b.op(store.Check, "k", store.Any)}},
		{"negative version", token(), []store.Op{b.put("fine", 0, ""), b.put("k", -2, "")}},
		{"no kind", token(), []store.Op{b.put("fine", 0, ""), b.op(0, "k", 1)}},
		{"unknown kind", token(), []store.Op{b.put("fine", 0, ""), b.op(9, "k", 1)}},
		{"no token", "", []store.Op{b.put("fine", 0, "")}},
		{"long token", strings.Repeat("t", store.MaxToken+1), []store.Op{b.put("fine", 0, "")}},
		{"empty key", token(), key("")},
		{"long key", token(), key(strings.Repeat("k", store.MaxKeyBytes+1))},
		{"control character", token(), key("a\nb")},
		{"zero byte", token(), key("a\x00b")},
		{"not UTF-8", token(), key("a\xff")},
		{"last character", token(), key("a\U0010FFFF")},
	} {
		if err := b.table.Write(background, c.token, c.ops); !fault.Is(err, fault.Invalid) {
			t.Fatalf("%s: got error %v; want Invalid", c.name, err)
		}
		b.is("fine", 0, "")
		b.is("k", 1, full)
	}
	_, err := b.table.Get(background, b.part, "", true)
	b.kind(err, fault.Invalid)
	for _, q := range []store.Query{{Limit: -1}, {Limit: store.MaxQuery + 1}, {Prefix: "\xff"}, {After: "\n"}} {
		_, err = b.table.Query(background, b.part, q)
		b.kind(err, fault.Invalid)
	}
}

// order compares paged reads in both directions with the sorted list of keys.
func order(t *testing.T, b bench) {
	keys := []string{"A", "a", "a!", "a-b", "a.b", "a/b", "a/b/c", "a0", "aa", "ab", "b", "%", "_", "a%", "a_", "Z", "é", "éa", "日", "\U0001F600", "~", "0", "00", "1", "10", "2"}
	var ops []store.Op
	for i := range 60 {
		keys = append(keys, fmt.Sprintf("n/%020d", i*i))
	}
	for _, k := range keys {
		ops = append(ops, b.put(k, 0, k))
	}
	b.must(ops...)
	other := b
	other.part += "-more" // a partition whose name begins with ours
	other.must(other.put("a", 0, "elsewhere"))
	slices.Sort(keys)
	for _, prefix := range []string{"", "a", "a/", "é", "n/", "%", "_", "nothing", "n/00000000000000000", "\U0001F600"} {
		for _, after := range []string{"", "a", "a/a", "n/", "m", "zz", "0", "n/00000000000000000100"} {
			for _, limit := range []int{0, 1, 7} {
				for _, descending := range []bool{false, true} {
					want := slices.Clone(keys)
					if descending {
						slices.Reverse(want)
					}
					want = slices.DeleteFunc(want, func(k string) bool {
						return !strings.HasPrefix(k, prefix) || after != "" && (k == after || (k > after) == descending)
					})
					q := store.Query{Prefix: prefix, After: after, Limit: limit, Descending: descending, Consistent: true}
					var got []string
					for {
						items, err := b.table.Query(background, b.part, q)
						if err != nil {
							t.Fatalf("query %+v: %v", q, err)
						}
						for _, item := range items {
							if string(item.Body) != item.Sort || item.Version != 1 || item.Partition != b.part {
								t.Fatalf("query %+v: wrong item %+v", q, item)
							}
							got = append(got, item.Sort)
						}
						if limit == 0 || len(items) < limit {
							break
						}
						q.After = got[len(got)-1]
					}
					if !slices.Equal(got, want) {
						t.Fatalf("prefix %q after %q limit %d descending %t:\n got %q\nwant %q", prefix, after, limit, descending, got, want)
					}
				}
			}
		}
	}
}

func tokens(t *testing.T, b bench) {
	first, ops := token(), []store.Op{b.put("a", store.Any, "one")}
	for range 3 { // the second and third do nothing
		if err := b.table.Write(background, first, ops); err != nil {
			t.Fatal(err)
		}
		b.is("a", 1, "one")
	}
	b.must(b.put("a", 1, "two"))
	if err := b.table.Write(background, first, ops); err != nil { // also not when the world has moved on
		t.Fatal(err)
	}
	b.is("a", 2, "two")
	other := [][]store.Op{{b.put("a", store.Any, "three")}, {b.put("a", 2, "one")}, {b.put("b", store.Any, "one")}, {b.op(store.Delete, "a", store.Any)},
		{b.put("a", store.Any, "one"), b.put("b", 0, "")}}
	for _, ops := range other {
		err := b.table.Write(background, first, ops)
		var c *store.ConditionFailed
		if b.kind(err, fault.Conflict); errors.As(err, &c) {
			t.Fatalf("a token used twice is reported as the failed condition %v", err)
		}
	}
	b.is("a", 2, "two")
	b.is("b", 0, "")
	second := token() // a write that was not applied leaves its token free
	b.refused(b.table.Write(background, second, []store.Op{b.put("c", 1, "c")}), 0)
	if err := b.table.Write(background, second, []store.Op{b.put("c", 0, "other")}); err != nil {
		t.Fatal(err)
	}
	b.is("c", 1, "other")
}

func expiry(t *testing.T, b bench) {
	timed := func(sort string, expect int64, at time.Time) store.Op {
		op := b.put(sort, expect, "timed")
		op.Expires = at
		return op
	}
	later := time.Now().Add(time.Hour).Truncate(time.Second).Add(300 * time.Millisecond)
	b.must(timed("past", 0, time.Now().Add(-time.Hour)), timed("later", 0, later), b.put("never", 0, ""))
	b.is("past", 0, "")
	b.is("later", 1, "timed")
	item, err := b.table.Get(background, b.part, "later", true)
	if want := later.Truncate(time.Second).Add(time.Second); err != nil || !item.Expires.Equal(want) {
		t.Fatalf("expires %v, error %v; want %v", item.Expires, err, want)
	}
	items, err := b.table.Query(background, b.part, store.Query{Consistent: true})
	if err != nil || len(items) != 2 || items[0].Sort != "later" || items[1].Sort != "never" || !items[1].Expires.IsZero() || !items[0].Expires.Equal(item.Expires) {
		t.Fatalf("query gave %+v, error %v", items, err)
	}
	b.refused(b.write(b.op(store.Check, "past", 1)), 0)
	b.refused(b.write(b.put("past", 1, "")), 0)
	b.must(b.op(store.Check, "past", 0))
	b.must(b.put("past", 0, "back"))
	b.is("past", 1, "back")
	b.must(timed("later", 1, time.Now().Add(-time.Second))) // a Put also sets the end anew
	b.is("later", 0, "")
	b.must(timed("never", 1, later))
	b.must(b.put("never", 2, "again")) // or takes it away
	if item, err := b.table.Get(background, b.part, "never", true); err != nil || !item.Expires.IsZero() {
		t.Fatalf("expires %v, error %v; want never", item.Expires, err)
	}
}

func copies(t *testing.T, b bench) {
	body := []byte("body")
	if err := b.write(store.Op{Kind: store.Put, Partition: b.part, Sort: "a", Body: body}); err != nil {
		t.Fatal(err)
	}
	copy(body, "XXXX")
	b.is("a", 1, "body")
	item, err := b.table.Get(background, b.part, "a", true)
	if err != nil {
		t.Fatal(err)
	}
	copy(item.Body, "YYYY")
	items, err := b.table.Query(background, b.part, store.Query{Consistent: true})
	if err != nil || !bytes.Equal(items[0].Body, []byte("body")) {
		t.Fatalf("got %q, error %v", items[0].Body, err)
	}
	copy(items[0].Body, "ZZZZ")
	b.is("a", 1, "body")
}
