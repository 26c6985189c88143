// Package wire writes and reads the little-endian values that a model artefact is made of. A Reader never panics, never allocates more
// than a small multiple of the bytes it was given, and takes only what a Writer would have written.
package wire

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"mlops/shared/fault"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal frames body: magic and a format version before it, the CRC-32C of all of it behind.
func Seal(magic string, version uint16, body []byte) []byte {
	w := Writer{Bytes: append(make([]byte, 0, len(magic)+2+len(body)+4), magic...)}
	w.Uint16(version)
	w.Bytes = append(w.Bytes, body...)
	w.Uint32(crc32.Checksum(w.Bytes, castagnoli))
	return w.Bytes
}

// Open reads the body of what Seal framed, and refuses another magic, another version, and any damage.
func Open(magic string, version uint16, b []byte) (*Reader, error) {
	if len(b) < len(magic)+2+4 || string(b[:len(magic)]) != magic {
		return nil, fault.Invalidf("it does not begin with %q", magic)
	}
	if v := NewReader(b[len(magic):]).Uint16(); v != version {
		return nil, fault.Invalidf("its format version is %d, this program reads %d", v, version)
	}
	end := len(b) - 4
	if NewReader(b[end:]).Uint32() != crc32.Checksum(b[:end], castagnoli) {
		return nil, fault.Invalidf("it is damaged: its checksum differs")
	}
	return NewReader(b[len(magic)+2 : end]), nil
}

// Writer appends values to Bytes. A string or list is a uint32 count and its items.
type Writer struct{ Bytes []byte }

// Uint8 appends one byte.
func (w *Writer) Uint8(v uint8) { w.Bytes = append(w.Bytes, v) }

// Uint16 appends two bytes.
func (w *Writer) Uint16(v uint16) { w.Bytes = binary.LittleEndian.AppendUint16(w.Bytes, v) }

// Uint32 appends four bytes.
func (w *Writer) Uint32(v uint32) { w.Bytes = binary.LittleEndian.AppendUint32(w.Bytes, v) }

// Uint64 appends eight bytes.
func (w *Writer) Uint64(v uint64) { w.Bytes = binary.LittleEndian.AppendUint64(w.Bytes, v) }

// Float appends the bits of v, which must be finite to be read again.
func (w *Writer) Float(v float64) { w.Uint64(math.Float64bits(v)) }

// Bool appends 0 or 1.
func (w *Writer) Bool(v bool) {
	if v {
		w.Uint8(1)
	} else {
		w.Uint8(0)
	}
}

// String appends a text.
func (w *Writer) String(s string) {
	w.Uint32(uint32(len(s)))
	w.Bytes = append(w.Bytes, s...)
}

// Strings appends a list of texts.
func (w *Writer) Strings(s []string) {
	w.Uint32(uint32(len(s)))
	for _, v := range s {
		w.String(v)
	}
}

// Floats appends a list of numbers.
func (w *Writer) Floats(s []float64) {
	w.Uint32(uint32(len(s)))
	for _, v := range s {
		w.Float(v)
	}
}

// Section appends what write appends, with its length in bytes before it.
func (w *Writer) Section(write func(*Writer)) {
	at := len(w.Bytes)
	w.Uint32(0)
	write(w)
	binary.LittleEndian.PutUint32(w.Bytes[at:], uint32(len(w.Bytes)-at-4))
}

// Reader takes values off the front of some bytes. After the first failure it gives zeros, and Err says what was wrong.
type Reader struct {
	bytes []byte
	err   error
}

// NewReader reads b.
func NewReader(b []byte) *Reader { return &Reader{bytes: b} }

// Err is the first failure, nil while there is none.
func (r *Reader) Err() error { return r.err }

// Fail records a failure, unless there is one.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Has reports, and fails unless, n more bytes are there.
func (r *Reader) Has(n int) bool {
	if r.err == nil && len(r.bytes) < n {
		r.Fail(fault.Invalidf("it ends %d bytes early", n-len(r.bytes)))
	}
	return r.err == nil
}

// take gives the next n <= 8 bytes, zeros after a failure.
func (r *Reader) take(n int) []byte {
	if !r.Has(n) {
		return make([]byte, 8)[:n]
	}
	b := r.bytes[:n]
	r.bytes = r.bytes[n:]
	return b
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 { return r.take(1)[0] }

// Uint16 reads two bytes.
func (r *Reader) Uint16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }

// Uint32 reads four bytes.
func (r *Reader) Uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

// Uint64 reads eight bytes.
func (r *Reader) Uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

// Float reads a number and fails if it is not finite.
func (r *Reader) Float() float64 {
	v := math.Float64frombits(r.Uint64())
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail(fault.Invalidf("a number in it is not finite"))
		return 0
	}
	return v
}

// Bool reads a truth value and fails if it is neither 0 nor 1.
func (r *Reader) Bool() bool {
	v := r.Uint8()
	if v > 1 {
		r.Fail(fault.Invalidf("a truth value in it is %d", v))
	}
	return v == 1
}

// Count reads the length of a list. It fails, and is 0, when that is more than most, or more than the bytes left can hold if an item
// takes at least each bytes.
func (r *Reader) Count(most, each int) int {
	n := int64(r.Uint32())
	if n > int64(most) || n*int64(each) > int64(len(r.bytes)) {
		r.Fail(fault.Invalidf("a list of %d items does not fit", n))
		return 0
	}
	return int(n)
}

// String reads a text of at most most bytes.
func (r *Reader) String(most int) string {
	n := r.Count(most, 1)
	s := string(r.bytes[:n])
	r.bytes = r.bytes[n:]
	return s
}

// Strings reads a list of at most most texts of at most longest bytes; nil when it is empty.
func (r *Reader) Strings(most, longest int) []string {
	var s []string
	for range r.Count(most, 4) {
		s = append(s, r.String(longest))
	}
	return s
}

// Floats reads a list of finite numbers.
func (r *Reader) Floats() []float64 {
	s := make([]float64, r.Count(math.MaxInt32, 8))
	for i := range s {
		s[i] = r.Float()
	}
	return s
}

// Section reads one section, all of it.
func (r *Reader) Section(read func(*Reader)) {
	n := int(r.Uint32())
	if !r.Has(n) {
		return
	}
	s := NewReader(r.bytes[:n])
	r.bytes = r.bytes[n:]
	read(s)
	s.End()
	r.err = s.err
}

// End fails unless everything was read.
func (r *Reader) End() {
	if len(r.bytes) > 0 {
		r.Fail(fault.Invalidf("%d bytes too many", len(r.bytes)))
	}
}
