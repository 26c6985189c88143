package storetest_test

import (
	"testing"
	"time"

	"mlops/shared/platform/store"
	"mlops/shared/platform/storetest"
)

func TestMemoryTable(t *testing.T) {
	storetest.Table(t, func(*testing.T) store.Table { return storetest.NewMemoryTable(time.Now) })
}

func TestMemoryBlobs(t *testing.T) {
	storetest.Blobs(t, func(*testing.T) store.Blobs { return storetest.NewMemoryBlobs(time.Now) })
}

func TestHealthyFaults(t *testing.T) {
	f := storetest.NewFaults(nil)
	storetest.Table(t, func(*testing.T) store.Table { return f.Table(storetest.NewMemoryTable(time.Now)) })
	storetest.Blobs(t, func(*testing.T) store.Blobs { return f.Blobs(storetest.NewMemoryBlobs(time.Now)) })
	if f.Calls() == 0 {
		t.Error("no call was counted")
	}
}

func TestMemoryStore(t *testing.T) {
	storetest.Store(t, func(*testing.T) store.Table { return storetest.NewMemoryTable(time.Now) })
}
