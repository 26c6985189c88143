package parquet

import (
	"fmt"

	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
)

// plainDictionary is what older files, which are many, call indexes into a dictionary, and its own encoding.
const plainDictionary format.Encoding = 2

// dictionary are the values that a chunk's indexes point at.
type dictionary struct {
	read    bool
	entries [][]byte
	codes   []int32 // of a column of texts, by entry; unknown = not yet asked for
	epoch   int     // of the filler that gave them
}

const unknown = -2

// learn reads the dictionary.
func (c *cursor) learn(h *format.PageHeader) error {
	d := &h.DictionaryPageHeader.V
	n := int(d.NumValues)
	if d.Encoding != format.Plain && d.Encoding != plainDictionary {
		return fmt.Errorf("a dictionary in the encoding %v", d.Encoding)
	}
	if least := max(c.column.width, 1); n < 0 || n > len(c.page)/least && c.column.physical != format.Boolean {
		return fmt.Errorf("a dictionary of %d values in %d bytes", n, len(c.page))
	}
	next, page := c.plain(c.page), c.page
	c.dictionary = dictionary{read: true, entries: make([][]byte, 0, min(n, len(page)))}
	for range n {
		v, err := next()
		if err != nil {
			return err
		}
		if len(v) > c.file.limits.FieldBytes {
			return fmt.Errorf("a value of %d bytes", len(v))
		}
		if c.column.physical == format.Boolean {
			v = []byte{v[0]}
		}
		c.entries = append(c.entries, v)
	}
	c.page = nil // the entries lie in it
	if c.column.text {
		c.codes = make([]int32, n)
		c.forget(0)
	}
	return nil
}

// entry adds the i-th value of the dictionary.
func (c *cursor) entry(f *dataset.Filler, i uint32) error {
	if uint64(i) >= uint64(len(c.entries)) {
		return fmt.Errorf("an index of %d into a dictionary of %d values", i, len(c.entries))
	}
	if !c.column.text {
		c.column.put(f, c.entries[i])
		return nil
	}
	if c.codes[i] == unknown {
		code, ok := f.Code(c.entries[i])
		if !ok {
			f.String(c.entries[i])
			return nil
		}
		c.codes[i] = code
	}
	f.Coded(c.codes[i])
	return nil
}

// forget takes it that no text has a code.
func (c *cursor) forget(epoch int) {
	c.epoch = epoch
	for i := range c.codes {
		c.codes[i] = unknown
	}
}
