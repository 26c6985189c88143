package store

import (
	"context"
	"time"

	"mlops/shared/fault"
)

// Each note has a partition of its own: a client may keep answers of hundreds of kilobytes as fast as it likes, and must not thereby use up what
// DynamoDB writes into one partition, where the once-only markers of every commit lie.
const (
	notePrefix = "request#" // + name
	noteSort   = "answer"
)

// Note reads what was kept under name, with the version to keep the next one by. The read is consistent. NotFound when there is none, or it
// has expired.
func (s *Store) Note(ctx context.Context, name string) (body []byte, version int64, err error) {
	var item Item
	err = s.retry(ctx, func() (err error) {
		item, err = s.table.Get(ctx, notePrefix+name, noteSort, true)
		return err
	})
	return item.Body, item.Version, fault.Wrap(err, "read the note %s", shorten(name))
}

// KeepNote keeps body under name until expires, in place of the version expect (0 = there must be none, after which it is version 1, and one
// more with each that follows). Conflict when the note is at another version; Unavailable when it may or may not have been kept.
func (s *Store) KeepNote(ctx context.Context, name string, expect int64, body []byte, expires time.Time) error {
	token := newToken()
	op := Op{Kind: Put, Partition: notePrefix + name, Sort: noteSort, Expect: expect, Body: body, Expires: expires}
	return fault.Wrap(s.retry(ctx, func() error { return s.table.Write(ctx, token, []Op{op}) }), "keep the note %s", shorten(name))
}
