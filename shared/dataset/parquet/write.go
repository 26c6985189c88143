package parquet

import (
	"io"
	"math"

	parquetgo "github.com/parquet-go/parquet-go"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// rowsOfGroup are the rows of a row group, and so what is held beside the table when one is written.
const rowsOfGroup = 128 << 10

// Write writes f as Parquet: whole numbers as INT64, others as DOUBLE, categories as texts by a dictionary, missing as null, compressed by
// snappy, with the statistics by which readers skip. Read gives f back but for what no row shows: levels that none has, and the
// kind of a column of categories without a value.
func Write(w io.Writer, f *dataset.Frame) error {
	fields := ordered{Group: parquetgo.Group{}}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Name == "" || fields.Group[c.Name] != nil {
			return fault.Invalidf("write Parquet: column %d has the name %q, which is empty or another column's", i+1, c.Name)
		}
		fields.Group[c.Name] = nodeOf(c)
		fields.names = append(fields.names, c.Name)
	}
	out := parquetgo.NewGenericWriter[any](w, parquetgo.NewSchema("table", fields), parquetgo.Compression(&parquetgo.Snappy), parquetgo.CreatedBy("mlops", "1", ""))
	if err := write(out, f); err != nil {
		return fault.Wrap(err, "write Parquet of %d rows", f.Rows())
	}
	return nil
}

func write(out *parquetgo.GenericWriter[any], f *dataset.Frame) error {
	columns := out.ColumnWriters()
	values := make([]parquetgo.Value, 0, 4096)
	for from := 0; from < f.Rows(); from += rowsOfGroup {
		to := min(from+rowsOfGroup, f.Rows())
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
func appendValues(values []parquetgo.Value, c *dataset.Column, k, from, to int) []parquetgo.Value {
	whole := integral(c)
	for r := from; r < to; r++ {
		var v parquetgo.Value
		switch {
		case c.Missing(r):
			values = append(values, parquetgo.NullValue().Level(0, 0, k))
			continue
		case c.Kind == dataset.Categorical:
			v = parquetgo.ByteArrayValue([]byte(c.Levels[c.Code[r]]))
		case whole:
			v = parquetgo.Int64Value(int64(c.Float[r]))
		default:
			v = parquetgo.DoubleValue(c.Float[r])
		}
		values = append(values, v.Level(0, 1, k))
	}
	return values
}

// integral reports whether all values of c are integers that a float64 has exactly.
func integral(c *dataset.Column) bool {
	if c.Kind != dataset.Numeric || !c.Integer {
		return false
	}
	for _, v := range c.Float {
		if math.Abs(v) > 1<<53 {
			return false
		}
	}
	return true
}

func nodeOf(c *dataset.Column) parquetgo.Node {
	node := parquetgo.Leaf(parquetgo.DoubleType)
	switch {
	case c.Kind == dataset.Categorical:
		node = parquetgo.Encoded(parquetgo.String(), &parquetgo.RLEDictionary)
	case integral(c):
		node = parquetgo.Leaf(parquetgo.Int64Type)
	}
	return parquetgo.Optional(node)
}

// ordered is a group of columns in the table's order rather than that of their names.
type ordered struct {
	parquetgo.Group
	names []string
}

// Fields are the columns in order.
func (o ordered) Fields() []parquetgo.Field {
	named := map[string]parquetgo.Field{}
	for _, f := range o.Group.Fields() {
		named[f.Name()] = f
	}
	fields := make([]parquetgo.Field, len(o.names))
	for i, name := range o.names {
		fields[i] = named[name]
	}
	return fields
}
