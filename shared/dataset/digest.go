package dataset

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
)

// Digest names the content of f: lower-case hex SHA-256 over its columns in order, each with name, kind and values. It does not depend
// on the format the table came in, on quoting, on how numbers were spelled (1, 1.0 and 1e0 are one, so are 0 and -0), nor on levels
// that no row has. It does depend on the order of rows and of columns.
func Digest(f *Frame) string {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 32<<10) // a hash never fails to be written to
	var scratch [binary.MaxVarintLen64]byte
	number := func(n uint64) { w.Write(scratch[:binary.PutUvarint(scratch[:], n)]) }
	text := func(s string) { number(uint64(len(s))); w.WriteString(s) }
	text("mlops dataset 1")
	number(uint64(len(f.Columns)))
	number(uint64(f.Rows()))
	for i := range f.Columns {
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
