package local

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Blobs is a store.Blobs on a folder: a key is the path of a file below it.
type Blobs struct{ files *folder }

var _ store.Blobs = (*Blobs)(nil)

// OpenBlobs opens the folder, made when absent, and removes what a crash left unfinished. Only one process may have it open.
func OpenBlobs(dir string) (*Blobs, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, diskFault(err, "open", dir)
	}
	return &Blobs{f}, nil
}

// Close releases the folder.
func (b *Blobs) Close() error { return b.files.close() }

// Create implements store.Blobs.
func (b *Blobs) Create(ctx context.Context, key string, body []byte) error {
	if err := store.CheckCreate(key, body); err != nil {
		return err
	}
	if err := store.Alive(ctx); err != nil {
		return err
	}
	err := b.files.create(key, body)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return fault.Conflictf("cannot store %s: a part of its path is a blob", key)
	case !errors.Is(err, errExists):
		return diskFault(err, "store", key)
	}
	same, err := b.files.holds(key, body)
	if err != nil {
		return diskFault(err, "compare", key)
	}
	return store.Taken(key, same)
}

// Get implements store.Blobs.
func (b *Blobs) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if err := store.CheckRead(key, limit); err != nil {
		return nil, err
	}
	if err := store.Alive(ctx); err != nil {
		return nil, err
	}
	body, size, err := b.files.read(key, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.NotFoundf("there is no %s", key)
	case err != nil:
		return nil, diskFault(err, "read", key)
	case size > limit:
		return nil, store.TooLarge(key, size, limit)
	}
	return body, nil
}

// List implements store.Blobs.
func (b *Blobs) List(ctx context.Context, prefix, after string, limit int) ([]store.Object, error) {
	limit, err := store.CheckList(prefix, after, limit)
	if err == nil {
		err = store.Alive(ctx)
	}
	if err != nil {
		return nil, err
	}
	w := walk{files: b.files, prefix: prefix, after: after, limit: limit}
	dir := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 { // nothing above the prefix's own folder can match
		dir = prefix[:i+1]
	}
	if err := w.dir(ctx, dir); err != nil {
		return nil, err
	}
	return w.found, nil
}

// Expire removes the blobs whose key begins with prefix and that were stored longer ago than age, by the clock of the machine, which wrote that time too; and the
// folders that are empty then. It is what a lifecycle rule is to a bucket: for what its writer can do without or make again. A folder may be
// removed while a blob is stored in it: then that Create is Unavailable, and may be repeated.
func (b *Blobs) Expire(ctx context.Context, prefix string, age time.Duration) error {
	after := ""
	for {
		page, err := b.List(ctx, prefix, after, store.MaxList)
		if err != nil {
			return err
		}
		for _, o := range page {
			if after = o.Key; time.Since(o.ModTime) <= age {
				continue
			}
			if err := b.files.remove(o.Key); err != nil {
				return diskFault(err, "remove", o.Key)
			}
		}
		if len(page) < store.MaxList {
			return nil
		}
	}
}

// walk collects the keys with a prefix beyond after, in bytewise order.
type walk struct {
	files         *folder
	prefix, after string
	limit         int
	found         []store.Object
}

// dir walks a directory, "" or with a trailing slash.
func (w *walk) dir(ctx context.Context, dir string) error {
	if err := store.Alive(ctx); err != nil {
		return err
	}
	names, err := w.files.names(path.Clean(dir))
	if err != nil {
		return diskFault(err, "list", dir)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(w.found) == w.limit {
			return nil
		}
		key := dir + name
		if strings.HasSuffix(key, "/") {
			inside := strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)
			if inside && (key > w.after || strings.HasPrefix(w.after, key)) { // else all of its keys are before after
				if err := w.dir(ctx, key); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(key, w.prefix) || key <= w.after {
			continue
		}
		info, err := w.files.root.Stat(key)
		if err != nil {
			return diskFault(err, "list", key)
		}
		w.found = append(w.found, store.Object{Key: key, Size: info.Size(), ModTime: info.ModTime()})
	}
	return nil
}
