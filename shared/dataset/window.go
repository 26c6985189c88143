package dataset

import (
	"bytes"
	"errors"
	"io"
	"io/fs"

	"mlops/shared/fault"
)

// window is the part of an input that is in memory: buf[pos:end], from the first byte that is still wanted. Scanners count from pos,
// so that nothing changes for them when more moves the rest to the front. It is filled as far as it goes, however little the reader
// gives at a time, so that scanning a field again after more was read stays linear in all.
type window struct {
	r        io.Reader
	buf      []byte
	pos, end int
	eof      bool
	size     int64 // bytes of the whole input, 0 = unknown
	left     int64 // bytes that may still be read
	limit    int64
	err      error // reading failed or a limit was passed; eof is then true and nothing is left
}

const windowBytes = 64 << 10

func newWindow(r io.Reader, limit int64) *window {
	w := &window{r: r, buf: make([]byte, windowBytes), size: min(sizeOf(r), limit), left: limit, limit: limit}
	w.more()
	return w
}

// sizeOf is how many bytes r still gives, or 0 when it does not say.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case *peeked:
		return r.size
	case interface{ Size() int64 }: // io.SectionReader, from its start
		return r.Size()
	case interface{ Len() int }: // bytes.Reader, strings.Reader
		return int64(r.Len())
	case fs.File:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// rest is what was read and not yet given up.
func (w *window) rest() []byte { return w.buf[w.pos:w.end] }

// more moves the rest to the front and reads on, into twice the room if there is none. It reports whether anything came.
func (w *window) more() bool {
	if w.eof {
		return false
	}
	w.pos, w.end = 0, copy(w.buf, w.rest())
	if w.end == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n := w.fill(w.buf[w.end:])
	if w.err == nil {
		w.end += n
	}
	return n > 0 && w.err == nil
}

// fill reads until b is full or the input ends, whatever the reader gives at a time, and returns how many bytes came.
func (w *window) fill(b []byte) (n int) {
	for idle := 0; n < len(b) && !w.eof; idle++ {
		k, err := w.r.Read(b[n:])
		n += k
		w.left -= int64(k)
		if k > 0 {
			idle = 0
		}
		switch {
		case w.left < 0:
			w.stop("more than %d bytes (after decompression)", w.limit)
		case err == io.EOF:
			w.eof = true
		case err != nil:
			w.fail(err)
		case idle == 100:
			w.fail(io.ErrNoProgress)
		}
	}
	return n
}

// stop ends the reading because a limit was passed.
func (w *window) stop(format string, args ...any) {
	w.fail(fault.Invalidf(format, args...).WithCode(fault.CodeTooLarge))
}

func (w *window) fail(err error) {
	w.err, w.eof, w.pos, w.end = err, true, 0, 0
}

// magic are the first bytes of files that are no text, and what they are.
var magic = []struct{ bytes, what string }{
	{"\x1F\x8B", "gzip data, compressed twice or where none is read; unpack it first"},
	{"\x28\xB5\x2F\xFD", "zstd data, compressed twice or where none is read; unpack it first"},
	{"BZh91AY&SY", "bzip2 data; compress it by gzip or zstd"},
	{"\xFD7zXZ\x00", "xz data; compress it by gzip or zstd"},
	{"PK\x03\x04", "a ZIP archive or an Excel workbook; save the sheet as CSV (UTF-8)"},
	{"\xD0\xCF\x11\xE0", "an old Excel workbook; save the sheet as CSV (UTF-8)"},
	{"PAR1", "a Parquet file, which is not read here; save it as CSV"},
	{"ARROW1\x00", "an Arrow or Feather file; save it as Parquet or CSV"},
	{"Obj\x01", "an Avro file; save it as Parquet or CSV"},
	{"\x89HDF", "an HDF5 file; save it as Parquet or CSV"},
	{"SQLite format 3\x00", "an SQLite file; export the table as CSV"},
	{"\xFF\xFE", "UTF-16 text; save it as UTF-8"},
	{"\xFE\xFF", "UTF-16 text; save it as UTF-8"},
}

// begin steps over a byte order mark; an error says that the input is empty or no text at all.
func (w *window) begin(what string) error {
	if w.err != nil {
		return w.failure(&problems{what: what})
	}
	for _, m := range magic {
		if bytes.HasPrefix(w.rest(), []byte(m.bytes)) {
			return fault.Invalidf("%s: this is not text but %s", what, m.what)
		}
	}
	if bytes.HasPrefix(w.rest(), byteOrderMark) {
		w.pos += len(byteOrderMark)
	}
	if len(bytes.TrimSpace(w.rest())) == 0 && w.eof {
		return fault.Invalidf("%s: the input is empty", what)
	}
	return nil
}

// failure is why the reading could not go on, if so, with the problems found until then; nil when there is neither.
func (w *window) failure(p *problems) error {
	if w.err == nil {
		return p.fault()
	}
	var e *fault.Error
	if errors.As(w.err, &e) && e.Kind == fault.Invalid {
		return fault.Invalidf("%s: %s", p.what, e.Message).WithCode(e.Code).With(e.Detail...).With(p.found...).Because(e.Err)
	}
	return fault.Wrap(w.err, "%s", p.what)
}
