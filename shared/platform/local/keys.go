package local

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"mlops/shared/fault"
)

// maxKey is the longest key, in bytes.
const maxKey = 1024

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func checkName(name string) error {
	if !nameForm.MatchString(name) {
		return fault.Invalidf("%.80q is no name for a file of the state: it must match %s", name, nameForm)
	}
	return nil
}

// Key is the secret of this name, of size random bytes: made at the first call, the same ever after. It lies in keys/<name>, mode 0600, as
// lower-case hex, so that a key given to people is hex.EncodeToString of it and the file can be read with cat. Whether an environment
// variable overrides it is the caller's business. Conflict when the file holds something else than a key of this size.
func (s *State) Key(name string, size int) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if size < 1 || size > maxKey {
		return nil, fault.Invalidf("a key of %d bytes is not made here: 1 to %d", size, maxKey)
	}
	path := filepath.Join(s.Dir, "keys", name)
	for {
		text, _, err := s.keys.read(name, 2*maxKey+2)
		if err == nil {
			key, err := hex.DecodeString(strings.TrimSpace(string(text)))
			if err != nil || len(key) != size {
				return nil, fault.Conflictf("%s does not hold a key of %d bytes in hex: restore it, or remove it to have a new one made", path, size)
			}
			return key, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, diskFault(err, "read", path)
		}
		key := make([]byte, size)
		rand.Read(key) // never fails
		if err := s.keys.create(name, []byte(hex.EncodeToString(key)+"\n")); err != nil && !errors.Is(err, errExists) {
			return nil, diskFault(err, "make", path)
		}
	}
}
