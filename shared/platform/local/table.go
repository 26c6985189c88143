package local

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// schemaVersion is kept in SQLite's user_version; a file with a greater one was made by a later program.
const schemaVersion = 1

// schema: versions and bodies of items, and the tokens of applied writes. Times are Unix seconds (expires, 0 = never) and milliseconds (at).
const schema = `
CREATE TABLE item (
	partition TEXT NOT NULL,
	sort      TEXT NOT NULL,
	version   INTEGER NOT NULL,
	expires   INTEGER NOT NULL,
	body      BLOB NOT NULL,
	PRIMARY KEY (partition, sort)
) STRICT;
CREATE INDEX item_expires ON item (expires) WHERE expires <> 0;
CREATE TABLE token (
	token  TEXT PRIMARY KEY,
	digest BLOB NOT NULL,
	at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_at ON token (at);
PRAGMA user_version = 1;`

// Table is a store.Table in one SQLite file: write-ahead log, every commit synced, one writer, readers beside it. Every read is
// consistent, which is more than the contract promises: test against storetest.MemoryTable what must not rely on it.
type Table struct {
	now     func() time.Time
	writer  *sql.Conn
	turn    chan struct{} // held by whoever writes; a channel, so that waiting can be given up
	readers *sql.DB
	writers *sql.DB

	begin, commit, rollback  *sql.Stmt
	dropItems, dropTokens    *sql.Stmt
	findToken, addToken      *sql.Stmt
	version, put, delete     *sql.Stmt
	get, forwards, backwards *sql.Stmt
	statements               []*sql.Stmt // all of the above
	closed                   bool
}

var _ store.Table = (*Table)(nil)

// OpenTable opens the file, made when absent with mode 0600; now judges expiry and the age of tokens. Only one process may have it open.
// Conflict when a later program made it, Internal when it is damaged.
func OpenTable(file string, now func() time.Time) (*Table, error) {
	t := &Table{now: now, turn: make(chan struct{}, 1)}
	if err := t.open(file); err != nil {
		t.Close() // what is open of it; the error to tell is the first
		return nil, fault.Wrap(sqlFault(err), "open %s", file)
	}
	return t, nil
}

func (t *Table) open(file string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600) // SQLite itself would make it readable to all
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), syncDir(filepath.Dir(abs))); err != nil {
		return err
	}
	if t.writers, err = connect(abs, "synchronous(FULL)"); err != nil {
		return err
	}
	if t.writer, err = t.writers.Conn(context.Background()); err != nil {
		return err
	}
	if err := t.migrate(); err != nil {
		return err
	}
	if t.readers, err = connect(abs, "query_only(1)"); err != nil {
		return err
	}
	t.readers.SetMaxOpenConns(4)
	t.readers.SetMaxIdleConns(4)
	return t.prepare()
}

func connect(abs, pragma string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", pragma}}.Encode()}
	return sql.Open("sqlite", u.String())
}

func (t *Table) migrate() error {
	var have int
	if err := t.writer.QueryRowContext(context.Background(), "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	switch {
	case have > schemaVersion:
		return fault.Conflictf("its format is %d and this program knows up to %d: use the program that made it", have, schemaVersion)
	case have == schemaVersion:
		return nil
	}
	_, err := t.writer.ExecContext(context.Background(), "BEGIN IMMEDIATE;"+schema+"COMMIT;")
	return err
}

func (t *Table) prepare() error {
	const columns = "SELECT sort, version, expires, body FROM item WHERE partition = ?1 AND (expires = 0 OR expires > ?2) AND "
	prepareWriter := func(query string) (*sql.Stmt, error) { return t.writer.PrepareContext(context.Background(), query) }
	for _, s := range []struct {
		into    **sql.Stmt
		prepare func(string) (*sql.Stmt, error)
		query   string
	}{
		{&t.begin, prepareWriter, "BEGIN IMMEDIATE"},
		{&t.commit, prepareWriter, "COMMIT"},
		{&t.rollback, prepareWriter, "ROLLBACK"},
		{&t.dropItems, prepareWriter, "DELETE FROM item WHERE expires <> 0 AND expires <= ?"},
		{&t.dropTokens, prepareWriter, "DELETE FROM token WHERE at <= ?"},
		{&t.findToken, prepareWriter, "SELECT digest FROM token WHERE token = ?"},
		{&t.addToken, prepareWriter, "INSERT INTO token (token, digest, at) VALUES (?, ?, ?)"},
		{&t.version, prepareWriter, "SELECT version FROM item WHERE partition = ? AND sort = ?"},
		{&t.put, prepareWriter, "INSERT INTO item (partition, sort, version, expires, body) VALUES (?1, ?2, ?3, ?4, ?5)" +
			" ON CONFLICT (partition, sort) DO UPDATE SET version = ?3, expires = ?4, body = ?5"},
		{&t.delete, prepareWriter, "DELETE FROM item WHERE partition = ? AND sort = ?"},
		{&t.get, t.readers.Prepare, columns + "sort = ?3"},
		{&t.forwards, t.readers.Prepare, columns + "sort >= ?3 AND sort < ?4 AND sort > ?5 ORDER BY sort LIMIT ?6"},
		{&t.backwards, t.readers.Prepare, columns + "sort >= ?3 AND sort < ?4 AND sort < ?5 ORDER BY sort DESC LIMIT ?6"},
	} {
		stmt, err := s.prepare(s.query)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", s.query, err)
		}
		*s.into = stmt
		t.statements = append(t.statements, stmt)
	}
	return nil
}

// Close waits for a write under way, folds the log into the file and releases it.
func (t *Table) Close() error {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.closed {
		return nil
	}
	t.closed = true
	var errs []error
	for _, stmt := range t.statements { // a connection with statements left would stay open behind our back
		errs = append(errs, stmt.Close())
	}
	if t.readers != nil {
		errs = append(errs, t.readers.Close())
	}
	if t.writer != nil {
		errs = append(errs, t.writer.Close())
	}
	if t.writers != nil {
		errs = append(errs, t.writers.Close())
	}
	return errors.Join(errs...)
}

// Get implements store.Table.
func (t *Table) Get(ctx context.Context, partition, sort string, _ bool) (store.Item, error) {
	if err := store.CheckGet(partition, sort); err != nil {
		return store.Item{}, err
	}
	items, err := t.read(ctx, t.get, partition, sort)
	if err != nil {
		return store.Item{}, err
	}
	if len(items) == 0 {
		return store.Item{}, fault.NotFoundf("there is no %s/%s", partition, sort)
	}
	return items[0], nil
}

// Query implements store.Table.
func (t *Table) Query(ctx context.Context, partition string, q store.Query) ([]store.Item, error) {
	q, err := store.CheckQuery(partition, q)
	if err != nil {
		return nil, err
	}
	const beyond = string(utf8.MaxRune) // greater than every key, see store.CheckKey
	stmt, after := t.forwards, q.After
	if q.Descending {
		stmt = t.backwards
		if after == "" {
			after = beyond
		}
	}
	return t.read(ctx, stmt, partition, q.Prefix, q.Prefix+beyond, after, q.Limit)
}

// read runs a query whose first two parameters are the partition and now.
func (t *Table) read(ctx context.Context, stmt *sql.Stmt, partition string, args ...any) ([]store.Item, error) {
	if err := store.Alive(ctx); err != nil {
		return nil, err
	}
	// Without ctx: watching it costs the driver a goroutine a call, and a read takes microseconds.
	rows, err := stmt.Query(append([]any{partition, t.now().Unix()}, args...)...)
	if err != nil {
		return nil, sqlFault(err)
	}
	defer rows.Close()
	var items []store.Item
	for rows.Next() {
		item := store.Item{Partition: partition}
		var expires int64
		if err := rows.Scan(&item.Sort, &item.Version, &expires, &item.Body); err != nil {
			return nil, sqlFault(err)
		}
		if expires != 0 {
			item.Expires = time.Unix(expires, 0).UTC()
		}
		items = append(items, item)
	}
	if err := rows.Err(); err != nil {
		return nil, sqlFault(err)
	}
	return items, nil
}

// Write implements store.Table.
func (t *Table) Write(ctx context.Context, token string, ops []store.Op) (err error) {
	if err := store.CheckWrite(token, ops); err != nil {
		return err
	}
	if err := store.Alive(ctx); err != nil {
		return err
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return store.Alive(ctx)
	}
	// From here on ctx is not asked: a write takes about a millisecond, and one broken off would leave the caller to guess.
	if _, err := t.begin.Exec(); err != nil {
		return sqlFault(err)
	}
	if err = t.apply(token, ops); err == nil {
		_, err = t.commit.Exec()
	}
	if err != nil {
		t.rollback.Exec() // fails when COMMIT has already rolled back; either way the transaction is over
		return sqlFault(err)
	}
	return nil
}

// apply does the work of one transaction; on an error nothing of it is kept.
func (t *Table) apply(token string, ops []store.Op) error {
	now, digest := t.now(), digestOf(ops)
	if _, err := t.dropItems.Exec(now.Unix()); err != nil { // then an expired item truly does not exist
		return err
	}
	if _, err := t.dropTokens.Exec(now.Add(-store.TokenMemory).UnixMilli()); err != nil {
		return err
	}
	var earlier []byte
	switch err := t.findToken.QueryRow(token).Scan(&earlier); {
	case err == nil && string(earlier) != string(digest):
		return fault.Conflictf("the write's token %s was used for another write", token)
	case err == nil:
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	var failed []int
	versions := make([]int64, len(ops)) // of the live items; 0 = none
	for i, op := range ops {
		if err := t.version.QueryRow(op.Partition, op.Sort).Scan(&versions[i]); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if op.Expect != store.Any && op.Expect != versions[i] {
			failed = append(failed, i)
		}
	}
	if failed != nil {
		return &store.ConditionFailed{Failed: failed}
	}
	for i, op := range ops {
		var err error
		switch op.Kind {
		case store.Put:
			body := op.Body
			if body == nil {
				body = []byte{} // nil would be NULL
			}
			_, err = t.put.Exec(op.Partition, op.Sort, versions[i]+1, store.Seconds(op.Expires), body)
		case store.Delete:
			_, err = t.delete.Exec(op.Partition, op.Sort)
		}
		if err != nil {
			return err
		}
	}
	_, err := t.addToken.Exec(token, digest, now.UnixMilli())
	return err
}

// digestOf identifies a write's ops: SHA-256 of all fields, each with its length.
func digestOf(ops []store.Op) []byte {
	h := sha256.New()
	var n []byte
	field := func(b string) {
		n = binary.BigEndian.AppendUint64(n[:0], uint64(len(b)))
		h.Write(n)
		h.Write([]byte(b))
	}
	for _, op := range ops {
		field(fmt.Sprint(op.Kind, op.Expect, store.Seconds(op.Expires)))
		field(op.Partition)
		field(op.Sort)
		field(string(op.Body))
	}
	return h.Sum(nil)
}

// sqlFault classifies an error of SQLite. Damage is Internal; everything else (busy, disk full, disk failing, closed) may pass.
func sqlFault(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var code *sqlite.Error
	if errors.As(err, &code) && (code.Code()&0xff == sqlite3.SQLITE_CORRUPT || code.Code()&0xff == sqlite3.SQLITE_NOTADB) {
		return fault.New(fault.Internal, "the database is damaged").Because(err)
	}
	return fault.Unavailablef("the database did not answer").Because(err)
}
