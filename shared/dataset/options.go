package dataset

import (
	"slices"

	"mlops/shared/fault"
)

// Limits bound what a reader accepts, so that a hostile or mistaken file ends in an error and not in a lack of memory.
type Limits struct {
	Rows       int   // data rows
	Columns    int   // columns
	FieldBytes int   // bytes of one field
	Bytes      int64 // bytes of the whole input, after decompression
}

// DefaultLimits fit a machine with a few GiB; callers with less to give say so.
var DefaultLimits = Limits{Rows: 20_000_000, Columns: 5_000, FieldBytes: 1 << 20, Bytes: 2 << 30}

// DefaultMissing are the texts that mean "no value": what R, pandas, SQL and UCI write.
var DefaultMissing = []string{"", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"}

// Options say how to read a table. The zero value reads as most people expect.
type Options struct {
	Missing     []string // texts that mean "no value", letter by letter but for spaces around; nil = DefaultMissing; "" always does
	Limits      Limits   // a zero field = its default
	Categorical []string // columns to read as categories even if every value is a number
	Numeric     []string // columns whose every present value must be a number
	Infinite    bool     // an infinity among numbers is a value, as pandas has it; else it is an error
	Columns     []string // the columns to keep, where the table has them, in the table's order; nil = all. Of a Parquet file no other is read

	notation map[string]notation // what an earlier reading found out about columns' numbers
	texts    []string            // columns that turned out to be texts
	keys     []string            // of JSON Lines
}

// given is what an earlier reading found out.
func (o *Options) given() map[string]verdict {
	known := make(map[string]verdict, len(o.notation)+len(o.texts))
	for name, n := range o.notation {
		known[name] = verdict{notation: n}
	}
	for _, name := range o.texts {
		known[name] = verdict{text: true}
	}
	return known
}

// wants reports whether the column called name is to be kept.
func (o *Options) wants(name string) bool {
	return o.Columns == nil || slices.Contains(o.Columns, name)
}

// noneWanted is the error of a table that has no column to keep.
func (o *Options) noneWanted(what string) error {
	return fault.Invalidf("%s: there is none of the columns asked for: %s", what, shortList(o.Columns))
}

// OrDefault is l with the default in the place of every zero.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits
	if l.Rows > 0 {
		d.Rows = l.Rows
	}
	if l.Columns > 0 {
		d.Columns = l.Columns
	}
	if l.FieldBytes > 0 {
		d.FieldBytes = l.FieldBytes
	}
	if l.Bytes > 0 {
		d.Bytes = l.Bytes
	}
	return d
}
