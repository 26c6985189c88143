package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// State is everything that one server keeps, in one directory:
//
//	control.db   control state, audit ledgers, outbox and deliveries
//	data/        the data bucket, same keys
//	models/      the model bucket, same keys
//	mails/       mails that would have been sent, one file each
//	config/      the operator's overrides, <name>.yaml
//	keys/        secrets made here, one file each
//	lock         who holds the state
//
// Directories made here have mode 0700 and files 0600.
type State struct {
	Dir    string
	IDs    *store.IDs // ULIDs of the state's clock; replace it to make a run repeatable
	Table  *Table
	Store  *store.Store // on Table; its commits wake Bus
	Data   *Blobs
	Models *Blobs
	Mails  *Mails
	Bus    *Bus

	lock *lock
	keys *folder
}

// Open opens the state in dir, made when absent, and holds it until Close: a second Open, by this process or another, fails with *Held.
// What a crash left unfinished is finished or removed. now is the state's clock.
func Open(dir string, now func() time.Time) (s *State, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, diskFault(err, "make", dir)
	}
	s = &State{Dir: dir, IDs: store.NewIDs(now, nil)}
	if s.lock, err = hold(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := os.MkdirAll(filepath.Join(dir, "config"), 0o700); err != nil {
		return nil, diskFault(err, "make", filepath.Join(dir, "config"))
	}
	if s.keys, err = openFolder(filepath.Join(dir, "keys")); err == nil {
		err = os.Chmod(filepath.Join(dir, "keys"), 0o700) // whoever unpacked a copy of the state may have been careless
	}
	if err != nil {
		return nil, diskFault(err, "open", filepath.Join(dir, "keys"))
	}
	if s.Data, err = OpenBlobs(filepath.Join(dir, "data")); err != nil {
		return nil, err
	}
	if s.Models, err = OpenBlobs(filepath.Join(dir, "models")); err != nil {
		return nil, err
	}
	if s.Mails, err = openMails(filepath.Join(dir, "mails"), now); err != nil {
		return nil, err
	}
	if s.Table, err = OpenTable(filepath.Join(dir, "control.db"), now); err != nil {
		return nil, err
	}
	for _, d := range []string{dir, filepath.Dir(filepath.Clean(dir))} { // what was made above is to stay
		if err := syncDir(d); err != nil {
			return nil, diskFault(err, "sync", d)
		}
	}
	s.Store = store.New(s.Table, now)
	s.Bus = NewBus(s.Table, now)
	s.Store.OnEvents = s.Bus.Wake
	return s, nil
}

// Close releases the state. A Bus that runs must have returned before.
func (s *State) Close() error {
	var errs []error
	if s.Table != nil {
		errs = append(errs, s.Table.Close())
	}
	for _, b := range []*Blobs{s.Data, s.Models} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	if s.Mails != nil {
		errs = append(errs, s.Mails.files.close())
	}
	if s.keys != nil {
		errs = append(errs, s.keys.close())
	}
	return errors.Join(append(errs, s.lock.release())...) // last: until here the state is ours
}

// Announce tells whoever finds the state held under which address its server answers.
func (s *State) Announce(addr string) error {
	return fault.Wrap(s.lock.write(addr), "write who holds %s", s.Dir)
}

// maxConfig is the longest override that is read, in bytes.
const maxConfig = 1 << 20

// Config reads the operator's override config/<name>.yaml. NotFound when there is none.
func (s *State) Config(name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Join(s.Dir, "config"))
	if err != nil {
		return nil, diskFault(err, "open", filepath.Join(s.Dir, "config"))
	}
	defer root.Close()
	file := name + ".yaml"
	body, size, err := (&folder{root: root}).read(file, maxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.NotFoundf("there is no %s", filepath.Join(s.Dir, "config", file))
	case err != nil:
		return nil, diskFault(err, "read", filepath.Join(s.Dir, "config", file))
	case size > maxConfig:
		return nil, store.TooLarge(filepath.Join(s.Dir, "config", file), size, maxConfig)
	}
	return body, nil
}
