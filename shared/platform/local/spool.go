package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// Spooled are bytes that came as a stream: on the disk, and in no place yet. Keep or Discard ends it; what is left after a crash is removed when
// the folder is opened again.
type Spooled struct {
	Digest string // SHA-256, hex
	Size   int64
	Head   []byte // the first bytes, at most 512

	files *folder
	tmp   string
}

// Spool writes a stream to the disk without holding it. More than limit bytes are Invalid, code too_large, and nothing of them is left.
func (b *Blobs) Spool(ctx context.Context, r io.Reader, limit int64) (s *Spooled, err error) {
	s = &Spooled{files: b.files, tmp: path.Join(tmpDir, rand.Text())}
	file, err := b.files.root.OpenFile(s.tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, diskFault(err, "store", "an upload")
	}
	defer func() {
		if err != nil {
			s.Discard()
		}
	}()
	hash, head := sha256.New(), &first{}
	source := &faulty{r: r, ctx: ctx}
	s.Size, err = io.Copy(io.MultiWriter(file, hash, head), io.LimitReader(source, limit+1))
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	switch {
	case source.err != nil:
		return s, fault.Invalidf("the upload broke off after %d bytes", s.Size).Because(source.err)
	case err != nil:
		return s, diskFault(err, "store", "an upload")
	case s.Size > limit:
		return s, fault.Invalidf("the upload has more than the %d bytes that are taken", limit).WithCode(fault.CodeTooLarge)
	}
	s.Digest, s.Head = hex.EncodeToString(hash.Sum(nil)), head.b
	return s, nil
}

// Keep puts the bytes in their place, durable, under a key that names their content, and ends the spooling. Bytes that are there already are the
// same.
func (s *Spooled) Keep(key string) error {
	defer s.Discard()
	if err := store.CheckCreate(key, nil); err != nil {
		return err
	}
	dir := path.Dir(key)
	if err := s.files.makeDir(dir); err != nil {
		return diskFault(err, "store", key)
	}
	if err := s.files.link(s.tmp, key); err != nil && !errors.Is(err, errExists) {
		return diskFault(err, "store", key)
	}
	return nil
}

// Discard removes the bytes.
func (s *Spooled) Discard() { s.files.root.Remove(s.tmp) } // a rest is removed at the next opening

// first keeps the first bytes of what is written to it.
type first struct{ b []byte }

func (f *first) Write(p []byte) (int, error) {
	f.b = append(f.b, p[:min(len(p), 512-len(f.b))]...)
	return len(p), nil
}

// faulty tells a reader's own error from those of the disk.
type faulty struct {
	r   io.Reader
	ctx context.Context
	err error
}

func (f *faulty) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		f.err = err
		return 0, err
	}
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
