package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

var tight = dataset.Limits{Rows: 100_000, Columns: 100, FieldBytes: 10_000, Bytes: 16 << 20}

// attempt reads b whole and in batches: an error must be the input's fault, and memory bounded by the limits and what the input is.
func attempt(t *testing.T, b []byte) (err error) {
	t.Helper()
	var before, after runtime.MemStats
	o := dataset.Options{Limits: tight}
	runtime.ReadMemStats(&before)
	f, err := dataset.ReadSource(source("a.parquet", b), o)
	_, scanErr := dataset.Scan(source("a.parquet", b), o, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		take := make([]func(dataset.Batch) error, takers)
		for i := range take {
			take[i] = func(b dataset.Batch) error {
				_, err := dataset.NewFrame(b.Frame.Columns...)
				return fault.Wrap(err, "a batch")
			}
		}
		return take, nil
	})
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 600<<20+100*uint64(len(b)) {
		t.Errorf("%d bytes of memory for %d", grown, len(b))
	}
	if (err == nil) != (scanErr == nil) {
		t.Errorf("read: %v; scanned: %v", err, scanErr)
	}
	if err == nil {
		if _, err := dataset.NewFrame(f.Columns...); err != nil {
			t.Errorf("an inconsistent table: %v", err)
		}
		return nil
	}
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("not the input's fault: %v", err)
	}
	return err
}

// TestDamaged: a file that is cut off anywhere, and one with any byte changed.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"arrow-rs.snappy.parquet", "arrow-rs.v2.parquet", "arrow-rs.prefix.parquet"} {
		whole := contents(t, filepath.Join("testdata", name))
		for n := 0; n < len(whole); n += 97 {
			if err := attempt(t, whole[:n]); err == nil {
				t.Errorf("%s, cut off at %d: no error", name, n)
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 400 {
			b := bytes.Clone(whole)
			b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
			attempt(t, b)
		}
	}
}

// made is a file of one column whose pages are whatever is given.
func made(t testing.TB, rows int64, physical format.Type, codec format.CompressionCodec, change func(*format.FileMetaData), pages ...any) []byte {
	t.Helper()
	b := []byte(magic)
	for k := 0; k < len(pages); k += 2 {
		head, err := thrift.Marshal(&thrift.CompactProtocol{}, pages[k])
		if err != nil {
			t.Fatal(err)
		}
		b = append(append(b, head...), pages[k+1].([]byte)...)
	}
	m := format.FileMetaData{Version: 1, NumRows: rows, Schema: []format.SchemaElement{
		{Name: "root", NumChildren: thrift.New[int32](1)},
		{Name: "x", Type: thrift.New(physical), RepetitionType: thrift.New(format.Required)},
	}, RowGroups: []format.RowGroup{{NumRows: rows, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
		Type: physical, Codec: codec, NumValues: rows, TotalCompressedSize: int64(len(b) - 4), TotalUncompressedSize: 100, DataPageOffset: 4, PathInSchema: []string{"x"}, Encoding: []format.Encoding{format.Plain}}}}}}}
	if change != nil {
		change(&m)
	}
	foot, err := thrift.Marshal(&thrift.CompactProtocol{}, &m)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(binary.LittleEndian.AppendUint32(append(b, foot...), uint32(len(foot))), magic)
}

// page is the head of a page.
func page(values int32, e format.Encoding, compressed, uncompressed int) *format.PageHeader {
	return &format.PageHeader{Type: format.DataPage, CompressedPageSize: int32(compressed), UncompressedPageSize: int32(uncompressed),
		DataPageHeader: thrift.New(format.DataPageHeader{NumValues: values, Encoding: e, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})}
}

func words(v ...uint32) (b []byte) {
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// TestMade reads files made by hand: the good one shows that the others are refused for what they claim.
func TestMade(t *testing.T) {
	if err := attempt(t, made(t, 2, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 8, 8), words(1, 2))); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	huge := binary.AppendUvarint(nil, 1<<40)
	run := append(binary.AppendUvarint([]byte{0}, 1<<31<<1), 0) // a run of 2^31 indexes of no bits
	entries := &format.PageHeader{Type: format.DictionaryPage, CompressedPageSize: 4, UncompressedPageSize: 4, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 1, Encoding: format.Plain})}
	many := *entries
	many.DictionaryPageHeader.V.NumValues = 1 << 30
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"more bytes than there are":      {made(t, 2, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 1<<30, 1<<30), words(1, 2)), "a page of 1073741824 bytes"},
		"a page that unpacks to a lot":   {made(t, 2, format.Int32, format.Zstd, nil, page(2, format.Plain, 8, 1<<31-1), words(1, 2)), "unpack to 2147483647"},
		"a wrong size when unpacked":     {made(t, 2, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 8, 12), words(1, 2)), "unpacks to 8 bytes instead of 12"},
		"snappy that claims a gigabyte":  {made(t, 2, format.Int32, format.Snappy, nil, page(2, format.Plain, 6, 1<<28), append(binary.AppendUvarint(nil, 1<<28), 0)), "a damaged page"},
		"lz4 that claims a lot":          {made(t, 2, format.Int32, format.Lz4Raw, nil, page(2, format.Plain, 4, 1<<28), words(1)), "a damaged page"},
		"no gzip":                        {made(t, 2, format.Int32, format.Gzip, nil, page(2, format.Plain, 8, 8), words(1, 2)), "GZIP does not unpack"},
		"more rows than the group":       {made(t, 2, format.Int32, format.Uncompressed, nil, page(3, format.Plain, 12, 12), words(1, 2, 3)), "a page of 3 rows where 2 are left"},
		"fewer values than rows":         {made(t, 3, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 8, 8), words(1, 2)), "its values end with 1 rows left"},
		"fewer bytes than values":        {made(t, 2, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 4, 4), words(1)), "a damaged page"},
		"indexes without a dictionary":   {made(t, 2, format.Int32, format.Uncompressed, nil, page(2, format.RLEDictionary, len(run), len(run)), run), "indexes without a dictionary"},
		"an index beyond the dictionary": {made(t, 2, format.Int32, format.Uncompressed, nil, entries, words(7), page(2, format.RLEDictionary, 3, 3), []byte{8, 4, 9}), "an index of 9 into a dictionary of 1 values"},
		"a dictionary of a billion":      {made(t, 2, format.Int32, format.Uncompressed, nil, &many, words(7), page(2, format.RLEDictionary, 3, 3), []byte{8, 4, 0}), "a dictionary of 1073741824 values in 4 bytes"},
		"a delta of a trillion":          {made(t, 2, format.Int32, format.Uncompressed, nil, page(2, format.DeltaBinaryPacked, 10, 10), append(append([]byte{128, 1, 4}, huge...), 0)), "a damaged page"},
		"an unknown encoding":            {made(t, 2, format.Int32, format.Uncompressed, nil, page(2, 99, 8, 8), words(1, 2)), "values in the encoding"},
		"texts longer than the page":     {made(t, 1, format.ByteArray, format.Uncompressed, nil, page(1, format.Plain, 4, 4), words(1<<31)), "a damaged page"},
		"more rows than the limit":       {made(t, 1<<40, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 8, 8), words(1, 2)), "more than 100000 rows"},
		"a wrong checksum":               {made(t, 2, format.Int32, format.Uncompressed, nil, func() *format.PageHeader { p := page(2, format.Plain, 8, 8); p.CRC = 7; return p }(), words(1, 2)), "checksum is wrong"},
		"pages outside the file": {made(t, 2, format.Int32, format.Uncompressed, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 50 }, page(2, format.Plain, 8, 8), words(1, 2)),
			"are said to lie at bytes"},
		"a chunk of another type": {made(t, 2, format.Int32, format.Uncompressed, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Type = format.Double }, page(2, format.Plain, 8, 8), words(1, 2)),
			"values of DOUBLE"},
		"too much when unpacked": {made(t, 2, format.Int32, format.Uncompressed, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalUncompressedSize = 1 << 40 }, page(2, format.Plain, 8, 8), words(1, 2)),
			"1099511627776 bytes when unpacked, are more than"},
		"a schema without an end": {made(t, 2, format.Int32, format.Uncompressed, func(m *format.FileMetaData) { m.Schema[0].NumChildren.V = 1 << 30 }, page(2, format.Plain, 8, 8), words(1, 2)), "a damaged schema"},
		"another file": {made(t, 2, format.Int32, format.Uncompressed, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].FilePath = "/etc/passwd" }, page(2, format.Plain, 8, 8), words(1, 2)),
			"lies in another file"},
		"encrypted":              {append([]byte("PAR1 "), "....PARE"...), "the file is encrypted"},
		"only the magic":         {[]byte("PAR1"), "too short"},
		"metadata of gigabytes":  {append([]byte("PAR1...."), "\xff\xff\xff\x7fPAR1"...), "metadata of 2147483647 bytes"},
		"a list of a billion":    {footed(append([]byte{0x29, 0xFC}, binary.AppendUvarint(nil, 1<<30)...)), "metadata are cut off"},
		"a text of a gigabyte":   {footed(append([]byte{0x68}, binary.AppendUvarint(nil, 1<<30)...)), "metadata are cut off"},
		"structs without an end": {footed(bytes.Repeat([]byte{0x1C}, 5000)), "damaged metadata"},
	} {
		if err := attempt(t, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
}

// footed is a file of nothing but metadata.
func footed(foot []byte) []byte {
	return fmt.Appendf(binary.LittleEndian.AppendUint32(append([]byte(magic), foot...), uint32(len(foot))), magic)
}

// TestALongRun: a run of a value as long as the limits allow takes the room of its rows, once, and none while it is scanned.
func TestALongRun(t *testing.T) {
	const rows = 50_000
	one := &format.PageHeader{Type: format.DictionaryPage, CompressedPageSize: 4, UncompressedPageSize: 4, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 1, Encoding: format.Plain})}
	run := binary.AppendUvarint([]byte{0}, rows<<1)
	b := made(t, rows, format.Int32, format.Uncompressed, nil, one, words(7), page(rows, format.RLEDictionary, len(run), len(run)), run)
	f, err := dataset.ReadSource(source("a.parquet", b), dataset.Options{})
	if err != nil || f.Rows() != rows || f.Columns[0].Float[rows-1] != 7 || f.Columns[0].Distinct() != 1 {
		t.Errorf("%v", err)
	}
}

// gone is a file that cannot be read from some byte on.
type gone struct {
	io.ReaderAt
	from int64
}

var errGone = errors.New("the disk is gone")

func (g gone) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > g.from {
		return 0, errGone
	}
	return g.ReaderAt.ReadAt(b, at)
}

// TestUnread: a failure to read is not the file's fault.
func TestUnread(t *testing.T) {
	b := contents(t, "testdata/arrow-rs.snappy.parquet")
	for from := int64(1); from < int64(len(b))-8; from += 501 {
		_, err := Read(gone{bytes.NewReader(b), from}, int64(len(b)), dataset.Options{})
		if !errors.Is(err, errGone) || fault.KindOf(err) != fault.Internal {
			t.Errorf("from %d: %v", from, err)
		}
	}
}

func FuzzReadParquet(f *testing.F) {
	for _, name := range []string{"hyparquet.parquet", "arrow-rs.nested.parquet"} { // small ones, so that they can be made smaller soon
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	small, err := dataset.ReadCSV(strings.NewReader("a,b,c\n1,x,1.5\n2,y,\n,x,3\n"), dataset.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(written(f, small))
	f.Add(made(f, 2, format.Int32, format.Uncompressed, nil, page(2, format.Plain, 8, 8), words(1, 2)))
	f.Fuzz(func(t *testing.T, b []byte) { attempt(t, b) })
}
