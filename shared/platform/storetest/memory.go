package storetest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// MemoryTable is a store.Table in memory that is no kinder than the contract: every other inconsistent read answers as if the last
// write had not happened yet, and bodies are copied in and out.
type MemoryTable struct {
	now func() time.Time

	mu     sync.Mutex
	items  map[[2]string]store.Item
	before map[[2]string]*store.Item // what the last write replaced; nil = there was nothing
	tokens map[string]request
	stale  bool // whether the next inconsistent read answers from the past
}

// request is an applied write, as its token remembers it.
type request struct {
	at  time.Time
	ops []store.Op
}

var _ store.Table = (*MemoryTable)(nil)

// NewMemoryTable makes an empty table whose time is now.
func NewMemoryTable(now func() time.Time) *MemoryTable {
	return &MemoryTable{now: now, items: map[[2]string]store.Item{}, before: map[[2]string]*store.Item{}, tokens: map[string]request{}}
}

// Get implements store.Table.
func (m *MemoryTable) Get(ctx context.Context, partition, sort string, consistent bool) (store.Item, error) {
	if err := store.CheckGet(partition, sort); err != nil {
		return store.Item{}, err
	}
	if err := store.Alive(ctx); err != nil {
		return store.Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if item, ok := m.view(consistent)[[2]string{partition, sort}]; ok && !item.Gone(m.now()) {
		return copied(item), nil
	}
	return store.Item{}, fault.NotFoundf("there is no %s/%s", partition, sort)
}

// Query implements store.Table.
func (m *MemoryTable) Query(ctx context.Context, partition string, q store.Query) ([]store.Item, error) {
	q, err := store.CheckQuery(partition, q)
	if err == nil {
		err = store.Alive(ctx)
	}
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []store.Item
	for _, item := range m.view(q.Consistent) {
		beyond := q.After == "" || (item.Sort > q.After) != q.Descending && item.Sort != q.After
		if item.Partition == partition && strings.HasPrefix(item.Sort, q.Prefix) && beyond && !item.Gone(m.now()) {
			found = append(found, copied(item))
		}
	}
	slices.SortFunc(found, func(a, b store.Item) int {
		if q.Descending {
			a, b = b, a
		}
		return strings.Compare(a.Sort, b.Sort)
	})
	return found[:min(q.Limit, len(found))], nil
}

// Write implements store.Table.
func (m *MemoryTable) Write(ctx context.Context, token string, ops []store.Op) error {
	if err := store.CheckWrite(token, ops); err != nil {
		return err
	}
	if err := store.Alive(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if earlier, ok := m.tokens[token]; ok && now.Before(earlier.at.Add(store.TokenMemory)) {
		if !slices.EqualFunc(earlier.ops, ops, sameOp) {
			return fault.Conflictf("the write's token %s was used for another write", token)
		}
		return nil
	}
	var failed []int
	live := make([]int64, len(ops)) // version of the live item; 0 = none
	for i, op := range ops {
		if item, ok := m.items[[2]string{op.Partition, op.Sort}]; ok && !item.Gone(now) {
			live[i] = item.Version
		}
		if op.Expect != store.Any && op.Expect != live[i] {
			failed = append(failed, i)
		}
	}
	if failed != nil {
		return &store.ConditionFailed{Failed: failed}
	}
	m.before = map[[2]string]*store.Item{}
	kept := make([]store.Op, len(ops))
	for i, op := range ops {
		op.Body = bytes.Clone(op.Body)
		kept[i] = op
		key := [2]string{op.Partition, op.Sort}
		if op.Kind == store.Check {
			continue
		}
		m.before[key] = nil
		if item, ok := m.items[key]; ok {
			m.before[key] = &item
		}
		if op.Kind == store.Delete {
			delete(m.items, key)
			continue
		}
		item := store.Item{Partition: op.Partition, Sort: op.Sort, Version: live[i] + 1, Body: op.Body}
		if s := store.Seconds(op.Expires); s != 0 {
			item.Expires = time.Unix(s, 0).UTC()
		}
		m.items[key] = item
	}
	m.tokens[token] = request{now, kept}
	return nil
}

// view is what a read sees: all of it, or for every other inconsistent read, what was there before the last write.
func (m *MemoryTable) view(consistent bool) map[[2]string]store.Item {
	if consistent {
		return m.items
	}
	if m.stale = !m.stale; !m.stale {
		return m.items
	}
	past := make(map[[2]string]store.Item, len(m.items))
	for key, item := range m.items {
		past[key] = item
	}
	for key, item := range m.before {
		if delete(past, key); item != nil {
			past[key] = *item
		}
	}
	return past
}

func copied(i store.Item) store.Item {
	i.Body = bytes.Clone(i.Body)
	return i
}

func sameOp(a, b store.Op) bool {
	return a.Kind == b.Kind && a.Partition == b.Partition && a.Sort == b.Sort && a.Expect == b.Expect && bytes.Equal(a.Body, b.Body) &&
		store.Seconds(a.Expires) == store.Seconds(b.Expires)
}

// MemoryBlobs is a store.Blobs in memory.
type MemoryBlobs struct {
	now func() time.Time

	mu    sync.Mutex
	blobs map[string]blob
}

type blob struct {
	body []byte
	at   time.Time
}

var _ store.Blobs = (*MemoryBlobs)(nil)

// NewMemoryBlobs makes an empty store whose time is now.
func NewMemoryBlobs(now func() time.Time) *MemoryBlobs {
	return &MemoryBlobs{now: now, blobs: map[string]blob{}}
}

// Create implements store.Blobs.
func (m *MemoryBlobs) Create(ctx context.Context, key string, body []byte) error {
	if err := store.CheckCreate(key, body); err != nil {
		return err
	}
	if err := store.Alive(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if there, ok := m.blobs[key]; ok {
		return store.Taken(key, bytes.Equal(there.body, body))
	}
	m.blobs[key] = blob{bytes.Clone(body), m.now()}
	return nil
}

// Get implements store.Blobs.
func (m *MemoryBlobs) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if err := store.CheckRead(key, limit); err != nil {
		return nil, err
	}
	if err := store.Alive(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	there, ok := m.blobs[key]
	if !ok {
		return nil, fault.NotFoundf("there is no %s", key)
	}
	if size := int64(len(there.body)); size > limit {
		return nil, store.TooLarge(key, size, limit)
	}
	return bytes.Clone(there.body), nil
}

// List implements store.Blobs.
func (m *MemoryBlobs) List(ctx context.Context, prefix, after string, limit int) ([]store.Object, error) {
	limit, err := store.CheckList(prefix, after, limit)
	if err == nil {
		err = store.Alive(ctx)
	}
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []store.Object
	for key, b := range m.blobs {
		if strings.HasPrefix(key, prefix) && key > after {
			found = append(found, store.Object{Key: key, Size: int64(len(b.body)), ModTime: b.at})
		}
	}
	slices.SortFunc(found, func(a, b store.Object) int { return strings.Compare(a.Key, b.Key) })
	return found[:min(limit, len(found))], nil
}
