package dataset

import (
	"compress/gzip"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"mlops/shared/fault"
)

// compressions are those that are looked through.
var compressions = []struct{ magic, extension string }{{"\x1F\x8B", ".gz"}, {"\x28\xB5\x2F\xFD", ".zst"}}

// maxWindow is how far back zstd data may refer, and so the memory they take; `zstd --long` asks for 128 MiB.
const maxWindow = 128 << 20

// Data may unpack to maxRatio times their size, beyond what costs nothing to find out. Tables of text come to 30; the most that deflate can is 1032
// (D. Fifield, A better zip bomb, USENIX WOOT 2019).
const (
	maxRatio  = 250
	freeBytes = 16 << 20
)

// unpack has visit called with what r holds, decompressed.
func unpack(r io.Reader, name string, codecs []Codec, visit func(content) error) error {
	format := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	file := &source{r: r}
	head := peek(file, sizeOf(r))
	compression := path.Ext(format)
	if compression != ".gz" && compression != ".zst" {
		compression = ""
	}
	format = strings.TrimSuffix(format, compression)
	if name == "" {
		format = ""
	}
	for _, c := range compressions {
		if strings.HasPrefix(string(head.head), c.magic) {
			compression = c.extension
		}
	}
	d := &decompressor{source: file, name: name}
	switch compression {
	case "":
		t, err := recognise(head, format, codecs)
		if err != nil {
			return err
		}
		t.whole = r
		return visit(t)
	case ".gz":
		z, err := gzip.NewReader(head)
		if err != nil {
			return file.blame(err, name)
		}
		d.Reader = z
	default:
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return file.blame(err, name)
		}
		defer z.Close()
		d.Reader = z
	}
	t, err := recognise(peek(d, 0), format, codecs)
	if err != nil {
		return err
	}
	return visit(t)
}

// peeked is a reader whose first bytes are known.
type peeked struct {
	head []byte
	at   int
	err  error // what came after the first bytes
	r    io.Reader
	size int64 // of the whole, 0 = unknown
}

const headBytes = 512

// peek reads the first bytes of r, which is of so many bytes, 0 = unknown.
func peek(r io.Reader, size int64) *peeked {
	p := &peeked{head: make([]byte, headBytes), r: r, size: size}
	n, err := io.ReadFull(r, p.head)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	p.head, p.err = p.head[:n], err
	return p
}

func (p *peeked) Read(b []byte) (int, error) {
	if p.at < len(p.head) {
		n := copy(b, p.head[p.at:])
		p.at += n
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.r.Read(b)
}

// source counts what is read, and remembers that reading itself failed, which is not the fault of the data.
type source struct {
	r    io.Reader
	read int64
	err  error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// blame tells data that cannot be decompressed from a source that cannot be read.
func (s *source) blame(err error, name string) error {
	if s.err != nil {
		return s.err
	}
	if name == "" {
		name = "the data"
	}
	return fault.Invalidf("%s does not decompress; it is damaged, cut off, has something behind its end, or is not what its name says", name).Because(err)
}

type decompressor struct {
	io.Reader
	source  *source
	name    string
	written int64
}

func (d *decompressor) Read(b []byte) (int, error) {
	n, err := d.Reader.Read(b)
	if d.written += int64(n); d.written > freeBytes && d.written > maxRatio*d.source.read {
		return n, fault.Invalidf("%s unpacks to more than %d times its size; that is no table: compress the parts of one that is that repetitive by themselves, or not at all", d.name, maxRatio).
			WithCode(fault.CodeTooLarge)
	}
	if err != nil && err != io.EOF {
		err = d.source.blame(err, d.name)
	}
	return n, err
}
