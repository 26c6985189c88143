package dataset

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
)

// Digest names the content of f: lower-case hex SHA-256 over its columns, each with name, kind and values.
//
// It does not depend on the format the table came in, on quotes, separators and line ends, on how numbers were spelled (1, 1.0 and 1e0
// are one, so are 0 and -0), on how "no value" was, on levels that no row has, nor on the order of the columns: these are known by their
// names, and a JSON object has no order. It does depend on every value, on names and kinds (a text "1" is no number 1), and on the
// order of the rows, which may be that of time and by which a table is split.
//
// The bytes hashed: a tag, the numbers of columns and rows, then the columns in the bytewise order of their names. A text goes with its length before it, a
// count as an unsigned varint. A numeric column's values are float64 bits, little-endian, one NaN for all and 0 for -0; a
// categorical one's are the number of levels that occur, these sorted bytewise, and per row 0 for missing or 1 + the level's place.
func Digest(f *Frame) string {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 32<<10) // a hash never fails to be written to
	var scratch [binary.MaxVarintLen64]byte
	number := func(n uint64) { w.Write(scratch[:binary.PutUvarint(scratch[:], n)]) }
	text := func(s string) { number(uint64(len(s))); w.WriteString(s) }
	text("mlops dataset 2")
	number(uint64(len(f.Columns)))
	number(uint64(f.Rows()))
	for _, i := range f.byName() {
		c := &f.Columns[i]
		text(c.Name)
		text(c.Kind.String())
		if c.Kind == Numeric {
			for _, v := range c.Float {
				switch {
				case math.IsNaN(v):
					v = math.NaN() // one of the many
				case v == 0:
					v = 0 // not -0
				}
				binary.LittleEndian.PutUint64(scratch[:], math.Float64bits(v))
				w.Write(scratch[:8])
			}
			continue
		}
		levels, code := c.usedLevels()
		number(uint64(len(levels)))
		for _, l := range levels {
			text(l)
		}
		for _, k := range c.Code {
			if k < 0 {
				number(0)
			} else {
				number(1 + uint64(code[k]))
			}
		}
	}
	w.Flush()
	return hex.EncodeToString(h.Sum(nil))
}

// byName are the places of the columns in the order of their names.
func (f *Frame) byName() []int {
	order := make([]int, len(f.Columns))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(f.Columns[a].Name, f.Columns[b].Name) })
	return order
}
