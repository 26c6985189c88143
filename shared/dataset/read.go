package dataset

import (
	"compress/gzip"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"mlops/shared/fault"
)

// Read reads a table in the format that name's extension says: .csv .tsv .txt (ReadCSV), .jsonl .ndjson .json (ReadJSONL), each also
// compressed as .gz or .zst. Options.Limits.Bytes counts after decompression, so that a small file that unpacks to a huge one stops
// there. Parquet is read by the package parquet below this one.
func Read(r io.Reader, name string, o Options) (f *Frame, err error) {
	err = unpack(r, name, func(r io.Reader, jsonLines bool) error {
		if jsonLines {
			f, err = ReadJSONL(r, o)
		} else {
			f, err = ReadCSV(r, o)
		}
		return err
	})
	return f, err
}

// unpack has read called with what r holds, decompressed, and whether its name says that it is JSON Lines rather than separated values.
func unpack(r io.Reader, name string, read func(r io.Reader, jsonLines bool) error) error {
	format := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	source := &source{r: r}
	switch compression := path.Ext(format); compression {
	case ".gz":
		z, err := gzip.NewReader(source)
		if err != nil {
			return source.blame(err, name)
		}
		r, format = &decompressor{z, source, name}, strings.TrimSuffix(format, compression)
	case ".zst":
		z, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return source.blame(err, name)
		}
		defer z.Close()
		r, format = &decompressor{z, source, name}, strings.TrimSuffix(format, compression)
	}
	switch path.Ext(format) {
	case ".csv", ".tsv", ".txt":
		return read(r, false)
	case ".jsonl", ".ndjson", ".json":
		return read(r, true)
	}
	return fault.Invalidf("read %s: the name must end in .csv, .tsv, .txt, .jsonl, .ndjson or .json, with .gz or .zst behind it if compressed", name).
		WithCode(fault.CodeUnsupported)
}

// maxWindow is how far back zstd data may refer, and so the memory they take; `zstd --long` asks for 128 MiB.
const maxWindow = 128 << 20

// source remembers that reading itself failed, which is not the fault of the data.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
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
	return fault.Invalidf("%s does not decompress; it is damaged, cut off, or not what its name says", name).Because(err)
}

type decompressor struct {
	io.Reader
	source *source
	name   string
}

func (d *decompressor) Read(b []byte) (int, error) {
	n, err := d.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = d.source.blame(err, d.name)
	}
	return n, err
}
