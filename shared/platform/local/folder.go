package local

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"

	"mlops/shared/fault"
)

// tmpDir holds files that are not yet whole, in the folder itself so that linking them to their place crosses no file system. No key
// begins with a dot.
const tmpDir = ".tmp"

// folder is a directory of write-once files that no name can leave (os.Root), and whose files are whole and durable or not there.
type folder struct {
	root *os.Root

	mu      sync.Mutex
	durable map[string]bool // directories whose own entry this process has seen synced, up to the root
}

// openFolder opens the directory, made when absent, and removes what a crash left unfinished in it.
func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err = root.RemoveAll(tmpDir); err == nil {
		err = root.Mkdir(tmpDir, 0o700)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &folder{root: root, durable: map[string]bool{}}, nil
}

func (f *folder) close() error { return f.root.Close() }

// errExists says that a file of this name is there already.
var errExists = errors.New("exists")

// create makes the file whole and durable, or returns errExists if one of this name is there, which then is durable too. The order is:
// bytes to a temporary file and to the disk; a link under the name, which never replaces; the directory to the disk. A crash before the
// link leaves a temporary file, which the next opening removes; one after it leaves the whole file.
func (f *folder) create(name string, body []byte) (err error) {
	dir := path.Dir(name)
	if err := f.makeDir(dir); err != nil {
		return err
	}
	tmp := path.Join(tmpDir, rand.Text())
	if err := f.writeFile(tmp, body); err != nil {
		f.root.Remove(tmp) // the write's own error is the one to tell; a rest is removed at the next opening
		return err
	}
	defer f.root.Remove(tmp)
	return f.link(tmp, name)
}

// link gives a whole file its name, durably, or returns errExists if one of this name is there, which then is durable too.
func (f *folder) link(tmp, name string) error {
	err := f.root.Link(tmp, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		err = errExists
	case err != nil:
		return err
	}
	if syncErr := f.sync(path.Dir(name)); syncErr != nil {
		return syncErr
	}
	return err
}

func (f *folder) writeFile(name string, body []byte) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// makeDir makes dir and its parents, and their entries durable. A directory that is already there may be one whose maker died before
// syncing it, so that only those which this process has synced itself are taken on trust.
func (f *folder) makeDir(dir string) error {
	f.mu.Lock()
	known := dir == "." || f.durable[dir]
	f.mu.Unlock()
	if known {
		return nil
	}
	if err := f.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	if err := f.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := f.sync(path.Dir(dir)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.durable) >= 10_000 { // a cache, bounded: forgetting costs a sync
		clear(f.durable)
	}
	f.durable[dir] = true
	return nil
}

func (f *folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// read gives the file's bytes and size, and no bytes when there are more than limit. An absent file is fs.ErrNotExist.
func (f *folder) read(name string, limit int64) (body []byte, size int64, err error) {
	file, err := f.root.Open(name)
	if err != nil {
		if errors.Is(err, syscall.ENOTDIR) { // a parent is a file
			err = fs.ErrNotExist
		}
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fs.ErrNotExist
	case info.Size() > limit:
		return nil, info.Size(), nil
	}
	body = make([]byte, info.Size())
	_, err = io.ReadFull(file, body)
	return body, info.Size(), err
}

// remove removes a file that nobody needs any more, and the folders that it leaves empty. It is not made durable: after a crash it may be there again.
func (f *folder) remove(name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		f.mu.Lock()
		delete(f.durable, dir) // whoever writes there next makes it anew
		err := f.root.Remove(dir)
		f.mu.Unlock()
		if err != nil { // not empty
			return nil
		}
	}
	return nil
}

// holds reports whether the file has exactly these bytes.
func (f *folder) holds(name string, body []byte) (bool, error) {
	got, size, err := f.read(name, int64(len(body)))
	if errors.Is(err, fs.ErrNotExist) { // a directory of this name
		return false, nil
	}
	return err == nil && size == int64(len(body)) && bytes.Equal(got, body), err
}

// names lists the directory's visible entries, directories with a trailing slash, bytewise. Ordered so, and walked depth first, they give
// paths in bytewise order: "a-b" < "a/c" < "a0". An absent directory has none.
func (f *folder) names(dir string) ([]string, error) {
	d, err := f.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		if errors.Is(err, syscall.ENOTDIR) {
			return nil, nil
		}
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			names = append(names, e.Name()+"/")
		case e.Type().IsRegular():
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// syncDir makes the entries of a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// diskFault classifies what a file system answers: the disk may have room, or the mount be back, when the call is repeated.
func diskFault(err error, attempt string, name string) error {
	return fault.Unavailablef("cannot %s %s", attempt, name).Because(err)
}
