package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Blobs judges a backend by the contract of store.Blobs. It calls open once; keys lie under a random prefix, so that the backend need not
// be empty.
func Blobs(t *testing.T, open func(t *testing.T) store.Blobs) {
	blobs := open(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, store.Blobs, string)
	}{
		{"written once", writtenOnce},
		{"limit", blobLimit},
		{"keys", blobKeys},
		{"order and paging", blobOrder},
		{"many writers, one wins", blobWriters},
		{"no reader sees a part", blobParts},
		{"given up", blobGivenUp},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, blobs, "t-"+rand.Text()) })
	}
}

func writtenOnce(t *testing.T, b store.Blobs, dir string) {
	for i, body := range [][]byte{nil, {}, []byte("text"), bytes.Repeat([]byte{0, 0xff}, 100_000)} {
		key := fmt.Sprintf("%s/deep/er/%d.bin", dir, i)
		if _, err := b.Get(background, key, 1<<20); !fault.Is(err, fault.NotFound) {
			t.Fatalf("get before create: %v; want NotFound", err)
		}
		for range 2 {
			if err := b.Create(background, key, body); err != nil {
				t.Fatalf("create %s: %v", key, err)
			}
		}
		for _, other := range [][]byte{append(bytes.Clone(body), 'x'), bytes.Repeat([]byte{'y'}, len(body)+1)} {
			if err := b.Create(background, key, other); !fault.Is(err, fault.Conflict) {
				t.Fatalf("create %s with other bytes: %v; want Conflict", key, err)
			}
		}
		if len(body) > 0 {
			if err := b.Create(background, key, body[:len(body)-1]); !fault.Is(err, fault.Conflict) {
				t.Fatalf("create %s with fewer bytes: %v; want Conflict", key, err)
			}
		}
		got, err := b.Get(background, key, 1<<20)
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("get %s: %d bytes, error %v; want %d", key, len(got), err, len(body))
		}
	}
}

func blobLimit(t *testing.T, b store.Blobs, dir string) {
	key := dir + "/ten"
	if err := b.Create(background, key, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	for limit, fits := range map[int64]bool{0: false, 9: false, 10: true, 11: true, 1 << 40: true} {
		got, err := b.Get(background, key, limit)
		if fits && (err != nil || string(got) != "0123456789") {
			t.Fatalf("limit %d: %q, error %v", limit, got, err)
		}
		if !fits && (!fault.Is(err, fault.Invalid) || fault.CodeOf(err) != fault.CodeTooLarge || got != nil) {
			t.Fatalf("limit %d: %q, error %v; want Invalid, too large", limit, got, err)
		}
	}
	if _, err := b.Get(background, key, -1); !fault.Is(err, fault.Invalid) {
		t.Fatalf("limit -1: %v; want Invalid", err)
	}
}

func blobKeys(t *testing.T, b store.Blobs, dir string) {
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a/./b", ".hidden", "a/.hidden", "a\x00b", "a\nb", "a\x7fb",
		`a\b`, `..\a`, "a\xff", strings.Repeat("s", store.MaxSegmentBytes+1), strings.Repeat("s/", store.MaxKeyBytes/2) + "s"} {
		if err := b.Create(background, key, []byte("x")); !fault.Is(err, fault.Invalid) {
			t.Errorf("create %q: %v; want Invalid", key, err)
		}
		if _, err := b.Get(background, key, 10); !fault.Is(err, fault.Invalid) {
			t.Errorf("get %q: %v; want Invalid", key, err)
		}
	}
	for _, prefix := range []string{"/", "..", "../", "a/../", "a//", "\x00"} {
		if _, err := b.List(background, prefix, "", 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("list %q: %v; want Invalid", prefix, err)
		}
	}
	for _, limit := range []int{-1, store.MaxList + 1} {
		if _, err := b.List(background, dir, "", limit); !fault.Is(err, fault.Invalid) {
			t.Errorf("list %d: %v; want Invalid", limit, err)
		}
	}
	long := dir + strings.Repeat("/"+strings.Repeat("l", store.MaxSegmentBytes), 4)
	for _, key := range []string{dir + "/with space", dir + "/per%20cent", dir + "/a..b", dir + "/-rf", dir + "/ä日\U0001F600", dir + "/$HOME;*?[a]'\"", long} {
		if err := b.Create(background, key, []byte(key)); err != nil {
			t.Errorf("create %q: %v", key, err)
		} else if got, err := b.Get(background, key, 2000); err != nil || string(got) != key {
			t.Errorf("get %q: %q, error %v", key, got, err)
		}
	}
}

// blobOrder compares paged listings with the sorted list of keys, among them those that a walk through folders would order wrongly.
func blobOrder(t *testing.T, b store.Blobs, dir string) {
	var keys []string
	for _, k := range []string{"a-b", "a.b", "a/b", "a/c/d", "a/c-d", "a/c0", "a0", "a!/z", "aa", "b", "b!", "Z", "é/x", "日", "n/1", "n/10", "n/2", "n/2x/1"} {
		keys = append(keys, dir+"/"+k)
	}
	for i := range 30 {
		keys = append(keys, fmt.Sprintf("%s/h/%02d/%02d", dir, i/7, i))
	}
	for _, k := range keys {
		if err := b.Create(background, k, []byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", "a", "a/", "a/c", "h/0", "h/01/", "nothing", "a0", "é", "n/2", "b"} {
		for _, after := range []string{"", "a", "a/", "a/b", "a/c/", "a-", "h/02/15", "h/02", "zzz", "\U0001F600"} {
			for _, limit := range []int{0, 1, 4} {
				from := after
				if from != "" {
					from = dir + "/" + after
				}
				want := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !strings.HasPrefix(k, dir+"/"+prefix) || k <= from })
				var got []string
				for next := from; ; {
					objects, err := b.List(background, dir+"/"+prefix, next, limit)
					if err != nil {
						t.Fatal(err)
					}
					for _, o := range objects {
						if o.Size != int64(len(o.Key)) || o.ModTime.IsZero() {
							t.Fatalf("wrong object %+v", o)
						}
						got = append(got, o.Key)
					}
					if limit == 0 || len(objects) < limit {
						break
					}
					next = got[len(got)-1]
				}
				if !slices.Equal(got, want) {
					t.Fatalf("prefix %q after %q limit %d:\n got %q\nwant %q", prefix, after, limit, got, want)
				}
			}
		}
	}
	if objects, err := b.List(background, dir, "", 1); err != nil || len(objects) != 1 || objects[0].Key != keys[0] { // a prefix may end within a segment
		t.Fatalf("list by half a segment: %+v, error %v", objects, err)
	}
}

func blobWriters(t *testing.T, b store.Blobs, dir string) {
	for round := range 5 {
		key, errs := fmt.Sprintf("%s/%d/x", dir, round), make([]error, 8)
		var wg sync.WaitGroup
		for w := range errs {
			wg.Go(func() { errs[w] = repeat(func() error { return b.Create(background, key, []byte{byte(w)}) }) })
		}
		wg.Wait()
		winner := slices.Index(errs, nil)
		for w, err := range errs {
			if w != winner && !fault.Is(err, fault.Conflict) {
				t.Fatalf("writer %d: %v; want Conflict, for writer %d won", w, err, winner)
			}
		}
		if got, err := b.Get(background, key, 1); err != nil || winner < 0 || got[0] != byte(winner) {
			t.Fatalf("got %v, error %v; writer %d won", got, err, winner)
		}
	}
}

func blobParts(t *testing.T, b store.Blobs, dir string) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	var wg sync.WaitGroup
	var werr error
	for i := range 5 {
		key := fmt.Sprintf("%s/%d", dir, i)
		wg.Go(func() {
			if err := b.Create(background, key, body); err != nil {
				werr = err
			}
		})
		for {
			got, err := b.Get(background, key, 1<<20)
			if err == nil {
				if !bytes.Equal(got, body) {
					t.Errorf("read %d of %d bytes", len(got), len(body))
				}
				break
			}
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("get: %v", err)
				break
			}
			objects, err := b.List(background, key, "", 2)
			if err != nil || len(objects) > 1 || len(objects) == 1 && objects[0].Size != int64(len(body)) {
				t.Errorf("list: %+v, error %v", objects, err)
				break
			}
		}
		wg.Wait()
	}
	if werr != nil {
		t.Fatal(werr)
	}
}

func blobGivenUp(t *testing.T, b store.Blobs, dir string) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, getErr := b.Get(ctx, dir+"/x", 1)
	_, listErr := b.List(ctx, dir, "", 1)
	for _, err := range []error{getErr, listErr, b.Create(ctx, dir+"/x", nil)} {
		if !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v; want Unavailable because of the context", err)
		}
	}
}
