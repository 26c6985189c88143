// Package writer writes tables as Parquet. It lies apart from their reading because parquet-go's writer, and what it links, add 10 MB to a function
// that only reads.
package writer

import (
	"io"
	"math"

	"github.com/parquet-go/parquet-go"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// RowsOfGroup are the rows of a row group, and so what is held beside the table when one is written.
const RowsOfGroup = 128 << 10

// Write writes f as Parquet: whole numbers as INT64, others as DOUBLE, categories as texts by a dictionary, missing as null, compressed by
// snappy, with the statistics by which readers skip. parquet.Read gives f back but for what no row shows: levels that none has, and the
// kind of a column of categories without a value.
func Write(w io.Writer, f *dataset.Frame) error {
	fields := ordered{Group: parquet.Group{}}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Name == "" || fields.Group[c.Name] != nil {
			return fault.Invalidf("write Parquet: column %d has the name %q, which is empty or another column's", i+1, c.Name)
		}
		fields.Group[c.Name] = nodeOf(c)
		fields.names = append(fields.names, c.Name)
	}
	out := parquet.NewGenericWriter[any](w, parquet.NewSchema("table", fields), parquet.Compression(&parquet.Snappy), parquet.CreatedBy("mlops", "1", ""))
	if err := write(out, f); err != nil {
		return fault.Wrap(err, "write Parquet of %d rows", f.Rows())
	}
	return nil
}

func write(out *parquet.GenericWriter[any], f *dataset.Frame) error {
	columns := out.ColumnWriters()
	values := make([]parquet.Value, 0, 4096)
	for from := 0; from < f.Rows(); from += RowsOfGroup {
		to := min(from+RowsOfGroup, f.Rows())
		for k := range f.Columns {
			for at := from; at < to; at += cap(values) {
				values = appendValues(values[:0], &f.Columns[k], k, at, min(at+cap(values), to))
				if _, err := columns[k].WriteRowValues(values); err != nil {
					return err
				}
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return out.Close()
}

// appendValues adds the rows from..to of the k-th column.
func appendValues(values []parquet.Value, c *dataset.Column, k, from, to int) []parquet.Value {
	whole := integral(c)
	for r := from; r < to; r++ {
		var v parquet.Value
		switch {
		case c.Missing(r):
			values = append(values, parquet.NullValue().Level(0, 0, k))
			continue
		case c.Kind == dataset.Categorical:
			v = parquet.ByteArrayValue([]byte(c.Levels[c.Code[r]]))
		case whole:
			v = parquet.Int64Value(int64(c.Float[r]))
		default:
			v = parquet.DoubleValue(c.Float[r])
		}
		values = append(values, v.Level(0, 1, k))
	}
	return values
}

// integral reports whether all values of c are integers that a float64 has exactly, and none was written as a fraction.
func integral(c *dataset.Column) bool {
	if c.Kind != dataset.Numeric || !c.Integer || c.Decimal {
		return false
	}
	for _, v := range c.Float {
		if math.Abs(v) > 1<<53 {
			return false
		}
	}
	return true
}

func nodeOf(c *dataset.Column) parquet.Node {
	node := parquet.Leaf(parquet.DoubleType)
	switch {
	case c.Kind == dataset.Categorical:
		node = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	case integral(c):
		node = parquet.Leaf(parquet.Int64Type)
	}
	return parquet.Optional(node)
}

// ordered is a group of columns in the table's order rather than that of their names.
type ordered struct {
	parquet.Group
	names []string
}

// Fields are the columns in order.
func (o ordered) Fields() []parquet.Field {
	named := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		named[f.Name()] = f
	}
	fields := make([]parquet.Field, len(o.names))
	for i, name := range o.names {
		fields[i] = named[name]
	}
	return fields
}
