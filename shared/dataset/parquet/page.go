package parquet

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
)

// Limits on one page beside those of the table: writers aim at 1 MiB, and at most at a row group of one page.
const (
	maxPage   = 512 << 20
	maxHeader = 16 << 20 // of a page, whose statistics may hold the least and the greatest text
	forgotten = 100      // bytes by which some old writers say too little: they did not count the head of the dictionary
	skipRows  = 8192     // rows that are stepped over at a time
)

// cursor walks over the values of one column in one row group. What it holds is one page and the dictionary.
type cursor struct {
	file   *file
	column *column
	codec  format.CompressionCodec
	at     int64 // of the next page
	end    int64 // of what may be pages
	said   int64 // the end as the file says it
	left   int64 // values in the pages that were not begun

	rows   int     // left in the page
	levels *hybrid // whether a row has a value; nil = all have
	next   values  // nil = the page has indexes
	index  *hybrid // into the dictionary

	unpack    *unpacker
	raw, page []byte // compressed and not, for the next page to be read into
	dictionary
}

// cursor begins the column c of a row group.
func (f *file) cursor(c *column, group *format.RowGroup, u *unpacker) (*cursor, error) {
	m := &group.Columns[c.leaf].MetaData
	r := &cursor{file: f, column: c, codec: m.Codec, at: m.DataPageOffset, left: m.NumValues, unpack: u}
	if d := m.DictionaryPageOffset; d > 0 && d < r.at {
		r.at = d
	}
	r.end = r.at + m.TotalCompressedSize
	if r.at < 4 || m.TotalCompressedSize < 0 || r.end > f.size {
		return nil, r.fault(fmt.Errorf("its values are said to lie at bytes %d to %d of a file of %d", r.at, r.end, f.size))
	}
	r.end, r.said = min(r.end+forgotten, f.size), r.end
	return r, nil
}

func (c *cursor) fault(err error) error { return fmt.Errorf("column %s: %w", c.column.name, err) }

// fill adds the next n rows to f.
func (c *cursor) fill(f *dataset.Filler, n int) error {
	for n > 0 {
		if c.rows == 0 {
			if err := c.turn(0); err != nil {
				return c.fault(err)
			}
		}
		k := min(n, c.rows)
		if err := c.some(f, k); err != nil {
			return c.fault(err)
		}
		n, c.rows = n-k, c.rows-k
	}
	return nil
}

// some adds k rows of the page to f.
func (c *cursor) some(f *dataset.Filler, k int) error {
	if c.index != nil && c.epoch != f.Epoch() {
		c.forget(f.Epoch())
	}
	for range k {
		if c.levels != nil {
			level, err := c.levels.next()
			if err != nil {
				return err
			}
			if level == 0 {
				f.None(1)
				continue
			}
		}
		if c.index != nil {
			i, err := c.index.next()
			if err != nil {
				return err
			}
			if err := c.entry(f, i); err != nil {
				return err
			}
			continue
		}
		raw, err := c.next()
		if err != nil {
			return err
		}
		if w := c.column.width; w > 0 && len(raw) != w || len(raw) > c.file.limits.FieldBytes {
			return fmt.Errorf("a value of %d bytes", len(raw))
		}
		c.column.put(f, raw)
	}
	return nil
}

// skip goes on by n rows; pages that lie in them whole are not even decompressed.
func (c *cursor) skip(n int64) error {
	scratch := c.column.filler(dataset.Options{}, skipRows)
	for n > 0 {
		if c.rows == 0 {
			if err := c.turn(n); err != nil {
				return c.fault(err)
			}
			if c.rows < 0 { // a page was stepped over
				n += int64(c.rows)
				c.rows = 0
				continue
			}
		}
		k := int(min(n, int64(c.rows), skipRows))
		if err := c.fill(scratch, k); err != nil {
			return err
		}
		scratch.Clear()
		n -= int64(k)
	}
	c.epoch = -1 // codes of the scratch are nobody's
	return nil
}

// turn reads the next page that has rows. One of at most skip rows is stepped over; rows is then minus their number.
func (c *cursor) turn(skip int64) error {
	for {
		h, err := c.header()
		if err != nil {
			return err
		}
		size := int64(h.CompressedPageSize)
		if size < 0 || h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPage || size > c.end-c.at {
			return fmt.Errorf("a page of %d bytes that unpack to %d, where %d are left in the file and %d may come", size, h.UncompressedPageSize, c.end-c.at, maxPage)
		}
		rows := int64(0)
		switch {
		case h.Type == format.DataPage && h.DataPageHeader.Valid:
			rows = int64(h.DataPageHeader.V.NumValues)
		case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
			rows = int64(h.DataPageHeaderV2.V.NumValues)
		case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid && !c.read:
			if err := c.body(h); err != nil {
				return err
			}
			if err := c.learn(h); err != nil {
				return err
			}
			continue
		default:
			c.at += size
			continue
		}
		if rows < 0 || rows > c.left {
			return fmt.Errorf("a page of %d rows where %d are left", rows, c.left)
		}
		c.left -= rows
		switch {
		case rows == 0:
			c.at += size
			continue
		case rows <= skip:
			c.at += size
			c.rows = -int(rows)
			return nil
		}
		if err := c.body(h); err != nil {
			return err
		}
		c.rows = int(rows)
		if h.Type == format.DataPage {
			return c.first(&h.DataPageHeader.V)
		}
		return c.second(h)
	}
}

// header reads the next page's head and steps over it.
func (c *cursor) header() (*format.PageHeader, error) {
	for room := int64(512); ; room *= 16 {
		if c.at >= c.end {
			return nil, c.early()
		}
		b := make([]byte, min(room, c.end-c.at))
		if err := c.file.readAt(b, c.at); err != nil {
			return nil, err
		}
		h := new(format.PageHeader)
		n, err := decode(b, h)
		if errors.Is(err, errShort) && room < maxHeader && c.at+room < c.end {
			continue
		}
		if err != nil && c.at >= c.said {
			err = c.early()
		}
		c.at += int64(n)
		return h, err
	}
}

// early is the error of a column that ends too soon.
func (c *cursor) early() error { return fmt.Errorf("its values end with %d rows left", c.left) }

// body reads the page's bytes and unpacks them into c.page, all but the levels of a page of version 2, which are not compressed.
func (c *cursor) body(h *format.PageHeader) error {
	if n := int(h.CompressedPageSize); cap(c.raw) < n {
		c.raw = make([]byte, n)
	}
	c.raw = c.raw[:h.CompressedPageSize]
	if err := c.file.readAt(c.raw, c.at); err != nil {
		return err
	}
	c.at += int64(len(c.raw))
	if h.CRC != 0 && crc32.ChecksumIEEE(c.raw) != uint32(h.CRC) {
		return errors.New("a page whose checksum is wrong")
	}
	levels, compressed := 0, true
	if h.Type == format.DataPageV2 {
		v := &h.DataPageHeaderV2.V
		repeated, defined := int64(v.RepetitionLevelsByteLength), int64(v.DefinitionLevelsByteLength)
		if repeated < 0 || defined < 0 || repeated+defined > int64(len(c.raw)) || repeated+defined > int64(h.UncompressedPageSize) {
			return errPage
		}
		levels = int(repeated + defined)
		compressed = !v.IsCompressed.Valid || v.IsCompressed.V
	}
	codec := c.codec
	if !compressed {
		codec = format.Uncompressed
	}
	var err error
	c.page, err = c.unpack.decompress(codec, c.page[:0], c.raw[levels:], int(h.UncompressedPageSize)-levels)
	return err
}

// first begins a page of version 1: the levels behind their length, then the values.
func (c *cursor) first(h *format.DataPageHeader) error {
	b := c.page
	c.levels = nil
	if c.column.optional {
		if h.DefinitionLevelEncoding != format.RLE {
			return fmt.Errorf("levels in the encoding %v", h.DefinitionLevelEncoding)
		}
		if len(b) < 4 || uint64(little.Uint32(b)) > uint64(len(b)-4) {
			return errPage
		}
		n := 4 + int(little.Uint32(b))
		c.levels = &hybrid{b: b[4:n], width: 1}
		b = b[n:]
	}
	return c.open(b, h.Encoding)
}

// second begins a page of version 2: the levels come before what is compressed.
func (c *cursor) second(h *format.PageHeader) error {
	v := &h.DataPageHeaderV2.V
	c.levels = nil
	if c.column.optional {
		from := int(v.RepetitionLevelsByteLength)
		c.levels = &hybrid{b: c.raw[from : from+int(v.DefinitionLevelsByteLength)], width: 1}
	}
	return c.open(c.page, v.Encoding)
}

// open begins the values of a page.
func (c *cursor) open(b []byte, e format.Encoding) (err error) {
	c.next, c.index = nil, nil
	if len(b) == 0 { // no row has a value
		c.next = fixed(nil, 1)
		return nil
	}
	width, varies := c.column.width, c.column.physical == format.ByteArray
	switch e {
	case format.Plain:
		c.next = c.plain(b)
	case plainDictionary, format.RLEDictionary:
		if !c.read {
			return errors.New("indexes without a dictionary")
		}
		if b[0] > 32 {
			return errPage
		}
		c.index = &hybrid{b: b[1:], width: int(b[0])}
	case format.RLE:
		if c.column.physical != format.Boolean || len(b) < 4 {
			return errPage
		}
		c.next = booleans(&hybrid{b: b[4:], width: 1})
	case format.DeltaBinaryPacked:
		if width != 4 && width != 8 {
			return errPage
		}
		var d *delta
		if d, err = newDelta(b, c.rows); err == nil {
			c.next = integers(d, width)
		}
	case format.DeltaLengthByteArray:
		if !varies {
			return errPage
		}
		c.next, err = afterLengths(b, c.rows)
	case format.DeltaByteArray:
		c.next, err = prefixed(b, c.rows, c.file.limits.FieldBytes)
	case format.ByteStreamSplit:
		if varies || c.column.physical == format.Boolean {
			return errPage
		}
		c.next = split(b, width)
	default:
		return fmt.Errorf("values in the encoding %v", e)
	}
	return err
}

// plain are values in the plain encoding.
func (c *cursor) plain(b []byte) values {
	switch c.column.physical {
	case format.ByteArray:
		return lengths(b)
	case format.Boolean:
		return bits(b)
	}
	return fixed(b, c.column.width)
}
