package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// randomWrites does the same few hundred random writes, replays and reads to the backend and to a MemoryTable: every answer must agree.
func randomWrites(t *testing.T, b bench) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, seed))
	model := NewMemoryTable(time.Now)
	type past struct {
		token string
		ops   []store.Op
	}
	var history []past
	key := func() string { return string(rune('a' + rng.IntN(8))) }
	for step := range 400 {
		w := past{token: token()}
		if len(history) > 0 && rng.IntN(8) == 0 { // a replay, sometimes with another body
			w = history[rng.IntN(len(history))]
			if rng.IntN(3) == 0 {
				w.ops = append(slices.Clone(w.ops[1:]), b.put(w.ops[0].Sort, w.ops[0].Expect, "changed"))
			}
		} else {
			used := map[string]bool{}
			for range 1 + rng.IntN(3) {
				k := key()
				if used[k] {
					continue
				}
				used[k] = true
				op := b.op(store.OpKind(1+rng.IntN(3)), k, int64(rng.IntN(4))-1)
				if item, err := model.Get(background, b.part, k, true); err == nil && rng.IntN(2) == 0 {
					op.Expect = item.Version
				}
				if op.Kind == store.Check && op.Expect == store.Any {
					op.Expect = 0
				}
				if op.Kind == store.Put {
					op.Body = fmt.Appendf(nil, "step %d", step)
					if rng.IntN(6) == 0 {
						op.Expires = time.Now().Add(time.Duration(rng.IntN(2)*2-1) * time.Hour)
					}
				}
				w.ops = append(w.ops, op)
			}
		}
		got, want := b.table.Write(background, w.token, w.ops), model.Write(background, w.token, w.ops)
		if !alike(got, want) {
			t.Fatalf("seed %d step %d, write %+v:\n got %v\nwant %v", seed, step, w.ops, got, want)
		}
		if want == nil {
			history = append(history, w)
		}
		q := store.Query{Descending: rng.IntN(2) == 0, Limit: rng.IntN(5), Consistent: true}
		if rng.IntN(2) == 0 {
			q.After = key()
		}
		gotItems, gotErr := b.table.Query(background, b.part, q)
		wantItems, _ := model.Query(background, b.part, q)
		if gotErr != nil || !slices.EqualFunc(gotItems, wantItems, sameItem) {
			t.Fatalf("seed %d step %d, query %+v:\n got %+v, %v\nwant %+v", seed, step, q, gotItems, gotErr, wantItems)
		}
	}
}

func sameItem(a, b store.Item) bool {
	return a.Partition == b.Partition && a.Sort == b.Sort && a.Version == b.Version && string(a.Body) == string(b.Body) && a.Expires.Equal(b.Expires)
}

// alike compares what two backends answered: the kind of error, and the conditions that failed.
func alike(a, b error) bool {
	if (a == nil) != (b == nil) || fault.KindOf(a) != fault.KindOf(b) {
		return false
	}
	var ca, cb *store.ConditionFailed
	errors.As(a, &ca)
	errors.As(b, &cb)
	return reflect.DeepEqual(ca, cb)
}
