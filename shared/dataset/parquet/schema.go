package parquet

import (
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// column is one flat column of the file.
type column struct {
	name     string
	leaf     int // its place among the chunks of a row group
	optional bool
	physical format.Type
	width    int // bytes of a value, 0 = varies
	put      func(f *dataset.Filler, raw []byte)
	numeric  bool // its values are numbers
	float    bool // numbers of a type that has fractions
	text     bool // its values are texts as they stand
	instant  bool // its values are dates, or dates with times
}

// widths of the physical types; a boolean is a byte here.
var widths = map[format.Type]int{format.Boolean: 1, format.Int32: 4, format.Int64: 8, format.Int96: 12, format.Float: 4, format.Double: 8}

// columnsOf are the columns that o asks for, in the file's order, the names of all, and the number of leaves. What is nested or of no known type is a problem if it is asked for.
func columnsOf(schema []format.SchemaElement, o dataset.Options, p *dataset.Problems) (columns []column, names []string, leaves int, err error) {
	if len(schema) == 0 || !schema[0].NumChildren.Valid {
		return nil, nil, 0, errSchema
	}
	seen := map[string]bool{}
	at := 1
	for range schema[0].NumChildren.V {
		if at >= len(schema) {
			return nil, nil, 0, errSchema
		}
		e := &schema[at]
		first := leaves
		if at, leaves, err = subtree(schema, at, leaves, 0); err != nil {
			return nil, nil, 0, err
		}
		names = append(names, e.Name)
		if o.Columns != nil && !slices.Contains(o.Columns, e.Name) {
			continue
		}
		c, what := columnOf(e)
		switch {
		case e.Name == "":
			p.Add(fault.Detail{Field: fmt.Sprintf("column %d", len(seen)+1), Code: "empty_name", Expected: "a name"})
		case seen[e.Name]:
			p.Add(fault.Detail{Field: e.Name, Code: "duplicate_name", Expected: "distinct column names"})
		case what != "":
			code := "unsupported_type"
			if e.NumChildren.Valid || e.RepetitionType.V == format.Repeated {
				code = "nested"
			}
			p.Add(fault.Detail{Field: e.Name, Code: code, Got: what, Expected: "a number, a text, a boolean, a date or a time in every row; write what is inside as columns of their own, or leave the column out"})
		}
		seen[e.Name] = true
		c.leaf = first
		columns = append(columns, c)
	}
	return columns, names, leaves, nil
}

var errSchema = fmt.Errorf("a damaged schema")

// subtree steps over the element at and what is below it.
func subtree(schema []format.SchemaElement, at, leaves, depth int) (int, int, error) {
	if at >= len(schema) || depth > 64 {
		return 0, 0, errSchema
	}
	e := &schema[at]
	if at++; !e.NumChildren.Valid || e.Type.Valid {
		return at, leaves + 1, nil
	}
	var err error
	for range e.NumChildren.V {
		if at, leaves, err = subtree(schema, at, leaves, depth+1); err != nil {
			return 0, 0, err
		}
	}
	return at, leaves, nil
}

// columnOf is a column as its element describes it; what says why it cannot be one.
func columnOf(e *format.SchemaElement) (c column, what string) {
	c = column{name: e.Name, optional: e.RepetitionType.V == format.Optional, physical: e.Type.V}
	switch {
	case e.NumChildren.Valid && !e.Type.Valid:
		switch e.LogicalType.Value.(type) {
		case *format.ListType:
			return c, "a list"
		case *format.MapType:
			return c, "a map"
		case *format.VariantType:
			return c, "a variant"
		}
		if e.ConvertedType.Valid && e.ConvertedType.V == deprecated.List {
			return c, "a list"
		}
		return c, "a group of columns"
	case e.RepetitionType.V == format.Repeated:
		return c, "a list"
	case !e.Type.Valid:
		return c, "no type"
	}
	c.width = widths[c.physical]
	if c.physical == format.FixedLenByteArray {
		if c.width = int(e.TypeLength.V); c.width <= 0 || c.width > 1<<20 {
			return c, fmt.Sprintf("values of %d bytes", e.TypeLength.V)
		}
	}
	if c.put = c.logical(e); c.put == nil {
		c.put = c.converted(e)
	}
	if c.put == nil {
		return c, describe(e)
	}
	return c, ""
}

// describe names the type of an element for people.
func describe(e *format.SchemaElement) string {
	if e.LogicalType.Value != nil {
		return fmt.Sprintf("%v of %v", e.LogicalType.Value, e.Type.V)
	}
	if e.ConvertedType.Valid {
		return fmt.Sprintf("the converted type %d of %v", e.ConvertedType.V, e.Type.V)
	}
	return e.Type.V.String()
}

// logical says how the values of a logical type are read; nil where there is none that is read here.
func (c *column) logical(e *format.SchemaElement) func(*dataset.Filler, []byte) {
	bytes := c.physical == format.ByteArray || c.physical == format.FixedLenByteArray
	whole := c.physical == format.Int32 || c.physical == format.Int64
	switch t := e.LogicalType.Value.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		if bytes {
			return c.texts()
		}
	case *format.UUIDType:
		if c.width == 16 {
			return putUUID
		}
	case *format.Float16Type:
		if c.width == 2 {
			return c.floats(putHalf)
		}
	case *format.DecimalType:
		if bytes || whole {
			return c.decimal(t.Scale)
		}
	case *format.IntType:
		if whole {
			return c.integer(t.IsSigned)
		}
	case *format.DateType:
		if c.physical == format.Int32 {
			return c.instants(putDate)
		}
	case *format.TimeType:
		if u := t.Unit.Value; whole && u != nil {
			return putTime(u.Duration())
		}
	case *format.TimestampType:
		if u := t.Unit.Value; c.physical == format.Int64 && u != nil {
			return c.instants(putTimestamp(u.Duration(), t.IsAdjustedToUTC))
		}
	case *format.NullType:
		return func(f *dataset.Filler, _ []byte) { f.None(1) }
	}
	return nil
}

// converted is logical for the older annotations, and for none.
func (c *column) converted(e *format.SchemaElement) func(*dataset.Filler, []byte) {
	if e.LogicalType.Value != nil {
		return nil
	}
	bytes := c.physical == format.ByteArray || c.physical == format.FixedLenByteArray
	whole := c.physical == format.Int32 || c.physical == format.Int64
	t := e.ConvertedType.V
	switch {
	case !e.ConvertedType.Valid:
		return c.plain()
	case bytes && (t == deprecated.UTF8 || t == deprecated.Enum || t == deprecated.Json):
		return c.texts()
	case t == deprecated.Decimal && (bytes || whole):
		return c.decimal(e.Scale.V)
	case t == deprecated.Date && c.physical == format.Int32:
		return c.instants(putDate)
	case t == deprecated.TimeMillis && whole:
		return putTime(milli)
	case t == deprecated.TimeMicros && whole:
		return putTime(micro)
	case t == deprecated.TimestampMillis && c.physical == format.Int64:
		return c.instants(putTimestamp(milli, true))
	case t == deprecated.TimestampMicros && c.physical == format.Int64:
		return c.instants(putTimestamp(micro, true))
	case t >= deprecated.Uint8 && t <= deprecated.Uint64 && whole:
		return c.integer(false)
	case t >= deprecated.Int8 && t <= deprecated.Int64 && whole:
		return c.integer(true)
	case t == deprecated.Interval && c.width == 12:
		return putInterval
	}
	return nil
}

// plain is how a physical type is read that says nothing more.
func (c *column) plain() func(*dataset.Filler, []byte) {
	switch c.physical {
	case format.Boolean:
		return putBoolean
	case format.Int32, format.Int64:
		return c.integer(true)
	case format.Int96:
		return c.instants(putInt96)
	case format.Float:
		return c.floats(putFloat)
	case format.Double:
		return c.floats(putDouble)
	}
	return c.texts()
}

func (c *column) texts() func(*dataset.Filler, []byte) {
	c.text = true
	return func(f *dataset.Filler, raw []byte) { f.String(raw) }
}

func (c *column) floats(put func(*dataset.Filler, []byte)) func(*dataset.Filler, []byte) {
	c.float = true
	return c.numbers(put)
}

func (c *column) numbers(put func(*dataset.Filler, []byte)) func(*dataset.Filler, []byte) {
	c.numeric = true
	return put
}

func (c *column) instants(put func(*dataset.Filler, []byte)) func(*dataset.Filler, []byte) {
	c.instant = true
	return put
}
