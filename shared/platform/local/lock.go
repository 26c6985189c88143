package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"mlops/shared/fault"
)

// Held says that somebody else holds the state. Its kind is fault.Conflict.
type Held struct {
	Dir  string `json:"-"`
	PID  int    `json:"pid"`            // 0 = the holder has not said yet
	Addr string `json:"addr,omitempty"` // where its server answers; "" = it has not said, or is none
}

func (e *Held) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	if e.Addr != "" {
		return fmt.Sprintf("the state %s is held by %s, whose server answers on %s: speak to it there (--url http://%s), or stop it first", e.Dir, who, e.Addr, e.Addr)
	}
	return fmt.Sprintf("the state %s is held by %s: wait for it, or stop it first", e.Dir, who)
}

// Unwrap classifies the error.
func (e *Held) Unwrap() error { return fault.Conflictf("the state is held") }

// lock is an exclusive lock on the file "lock" of a state. It is the kernel's (flock), so that it ends with its process however that ends,
// and the file is never removed: removing it would let two processes lock two files of one name.
type lock struct{ file *os.File }

func hold(dir string) (*lock, error) {
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskFault(err, "open", path)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, diskFault(err, "lock", path)
		}
		held := &Held{}
		if text, err := io.ReadAll(io.LimitReader(file, 4096)); err == nil {
			// What cannot be read is not known; that it is held is.
			if json.NewDecoder(bytes.NewReader(text)).Decode(held) != nil {
				held = &Held{}
			}
		}
		held.Dir = dir
		return nil, held
	}
	l := &lock{file}
	if err := l.write(""); err != nil {
		file.Close()
		return nil, err
	}
	return l, nil
}

// write tells who holds the state.
func (l *lock) write(addr string) error {
	text, err := json.Marshal(Held{PID: os.Getpid(), Addr: addr})
	if err == nil {
		err = l.file.Truncate(0)
	}
	if err == nil {
		_, err = l.file.WriteAt(append(text, '\n'), 0)
	}
	if err != nil {
		return diskFault(err, "write", l.file.Name())
	}
	return nil
}

func (l *lock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close()) // closing ends the lock
}
