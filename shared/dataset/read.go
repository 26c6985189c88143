package dataset

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// Codec is a format that this package does not read itself: package parquet below it has one. Whoever wants it read gives it to a Source.
type Codec struct {
	Name      string // for people: "Parquet"
	Magic     string // the bytes that every file begins with
	Extension string // what a name ends in
	Read      func(r io.ReaderAt, size int64, o Options) (*Frame, error)
	Scan      func(r io.ReaderAt, size int64, o Options, begin Begin) (Heading, error)
}

// Read reads a table in the format that name's extension says: .csv .tsv .txt (ReadCSV), .jsonl .ndjson .json (ReadJSONL); where it has
// none, a text that begins with { or [ is JSON. gzip and zstd data are known by their first bytes, whatever the name; one that ends
// in .gz or .zst must have such. Options.Limits.Bytes counts after decompression, and data that unpack to hundreds of times their size are
// refused long before.
func Read(r io.Reader, name string, o Options) (*Frame, error) { return read(r, name, nil, o) }

// ReadSource is Read of a source, which may also be in a format that it has a codec for.
func ReadSource(s Source, o Options) (*Frame, error) {
	r, err := s.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return read(r, s.Name, s.Codecs, o)
}

func read(r io.Reader, name string, codecs []Codec, o Options) (f *Frame, err error) {
	err = unpack(r, name, codecs, func(t content) error {
		switch {
		case t.codec != nil:
			at, size, err := t.random(o)
			if err == nil {
				f, err = t.codec.Read(at, size, o)
			}
			return err
		case t.jsonLines:
			f, err = ReadJSONL(t.r, o)
		default:
			f, err = ReadCSV(t.r, o)
		}
		return err
	})
	return f, err
}

// content is that of a file, decompressed, and its format: separated values if neither of the two.
type content struct {
	r         io.Reader
	jsonLines bool
	codec     *Codec
	whole     io.Reader // the file itself, where r reads nothing but that
}

// random gives the table for reading here and there: from where it is, or, where that is a stream, from memory.
func (t content) random(o Options) (io.ReaderAt, int64, error) {
	if at, ok := t.whole.(io.ReaderAt); ok {
		if size := sizeOf(t.whole); size > 0 {
			return at, size, nil
		}
	}
	limit := o.Limits.OrDefault().Bytes
	b, err := io.ReadAll(io.LimitReader(t.r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fault.Invalidf("read %s: more than %d bytes", t.codec.Name, limit).WithCode(fault.CodeTooLarge)
	}
	return bytes.NewReader(b), int64(len(b)), err
}

var textExtensions, jsonExtensions = []string{".csv", ".tsv", ".txt"}, []string{".jsonl", ".ndjson", ".json"}

// Extension is what the name of a file with these first bytes ends in, where nothing else says its format: .parquet, .jsonl or else .csv,
// with .gz or .zst behind it where they are compressed.
func Extension(head []byte) string {
	compression, format := "", textExtensions[0]
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			compression = c.extension
		}
	}
	err := unpack(bytes.NewReader(head), "", []Codec{{Name: "Parquet", Magic: "PAR1", Extension: ".parquet"}}, func(t content) error {
		if t.codec != nil {
			format = t.codec.Extension
		} else if t.jsonLines {
			format = jsonExtensions[0]
		}
		return nil
	})
	if err != nil {
		return textExtensions[0] + compression // who reads it will say what is wrong
	}
	return format + compression
}

// recognise is the format of what r, a file's decompressed content, begins with.
func recognise(r *peeked, name string, codecs []Codec) (t content, err error) {
	t.r = r
	extension := path.Ext(name)
	for i, c := range codecs {
		if bytes.HasPrefix(r.head, []byte(c.Magic)) {
			t.codec = &codecs[i]
			return t, nil
		}
		if extension == c.Extension {
			return t, fault.Invalidf("read %s: this is no %s file: it does not begin with %s", name, c.Name, c.Magic)
		}
	}
	switch {
	case slices.Contains(textExtensions, extension):
	case slices.Contains(jsonExtensions, extension):
		t.jsonLines = true
	case extension == "":
		first := bytes.TrimLeft(bytes.TrimPrefix(r.head, byteOrderMark), " \t\r\n")
		t.jsonLines = len(first) > 0 && (first[0] == '{' || first[0] == '[')
	default:
		known := slices.Concat(textExtensions, jsonExtensions)
		for _, c := range codecs {
			known = append(known, c.Extension)
		}
		return t, fault.Invalidf("read %s: the name must end in %s or %s, with .gz or .zst behind it if compressed", name, strings.Join(known[:len(known)-1], ", "), known[len(known)-1]).
			WithCode(fault.CodeUnsupported)
	}
	return t, nil
}
