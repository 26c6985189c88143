package store_test

import (
	"bytes"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
)

func TestStoreOnAStrictTable(t *testing.T) {
	storetest.Store(t, func(*testing.T) store.Table { return storetest.NewMemoryTable(time.Now) })
}

// TestULIDAgainstTheSpecification uses the time of the README of ulid/javascript, ulid(1469918176385) = 01ARYZ6S41.., and the greatest
// ULID of the specification but for the highest random bit, which is ours to keep free.
func TestULIDAgainstTheSpecification(t *testing.T) {
	ids := store.NewIDs(func() time.Time { return time.UnixMilli(1469918176385) }, bytes.NewReader(bytes.Repeat([]byte{0}, 9)))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic without entropy")
			}
		}()
		ids.Next()
	}()
	for _, c := range []struct {
		millis int64
		random byte
		want   string
	}{
		{1469918176385, 0, "01ARYZ6S410000000000000000"},
		{1<<48 - 1, 0xff, "7ZZZZZZZZZFZZZZZZZZZZZZZZZ"},
		{-5, 1, "0000000000040G2081040G2081"},
	} {
		ids := store.NewIDs(func() time.Time { return time.UnixMilli(c.millis) }, bytes.NewReader(bytes.Repeat([]byte{c.random}, 10)))
		if got := ids.Next(); got != c.want {
			t.Errorf("at %d: got %s; want %s", c.millis, got, c.want)
		}
	}
}

func TestIDsIncrease(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	ids := store.NewIDs(func() time.Time { return now }, nil)
	var all []string
	for i := range 2000 {
		switch i % 500 {
		case 100:
			now = now.Add(time.Hour)
		case 300:
			now = now.Add(-2 * time.Hour) // a clock set back
		}
		all = append(all, ids.Next())
	}
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("ids are not strictly increasing")
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]bool{}
	for range 4 {
		wg.Go(func() {
			for range 500 {
				id := ids.Next()
				mu.Lock()
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 2000 {
		t.Errorf("%d ids of 2000 are distinct", len(seen))
	}
}

func TestSeconds(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want int64
	}{
		{time.Time{}, 0},
		{time.Unix(100, 0), 100},
		{time.Unix(100, 1), 101},
		{time.Unix(-100, 0), 1}, // long over, which 0 would not say
		{time.Unix(math.MaxInt32, 999_999_999), math.MaxInt32 + 1},
	} {
		if got := store.Seconds(c.at); got != c.want {
			t.Errorf("%v: got %d; want %d", c.at, got, c.want)
		}
	}
}

// FuzzBlobKey: a key that is accepted is a clean local path, whatever it holds.
func FuzzBlobKey(f *testing.F) {
	for _, key := range []string{"raw/heart/a.csv", "../a", "a/../b", "/a", "a//b", ".a", "a\\b", "a\x00", "\xff", "a/", "ä/日", strings.Repeat("a", 201)} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if store.CheckBlobKey(key) != "" {
			return
		}
		if !filepath.IsLocal(key) || path.Clean(key) != key || strings.ContainsAny(key, "\x00\n\\") || len(key) > store.MaxKeyBytes {
			t.Errorf("accepted %q", key)
		}
	})
}
