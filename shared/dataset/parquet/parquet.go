// Package parquet reads tables from Apache Parquet (github.com/apache/parquet-format). It lies apart from package dataset because not
// every function wants its libraries.
//
// The format's structs and their decoder are parquet-go's, as is the writing in package writer below this one. Pages are taken apart here: what a file says of itself is checked before any
// room is made for it, a run of equal values is never spread out, and texts that the file has in a dictionary become codes without being looked at twice.
//
// Types: integers, floats and decimals make numeric columns, as their decimals in a CSV file would: the nearest float64, so that the
// float32 0.1 is 0.1, and an integer beyond 2^53 is rounded. Texts, enumerations, JSON and bytes that are UTF-8, UUIDs, booleans ("true",
// "false"), dates (2006-01-02), times of day (15:04:05.9), instants (2006-01-02T15:04:05.9, with Z where they are in UTC) and intervals
// (P1M2DT3S) make categorical ones. A null is missing, and so are NaN and the texts that Options.Missing has; a column without a value is
// numeric. What is nested is refused by name.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// magic is what a file begins and ends with.
const magic = "PAR1"

// Codec lets a dataset.Source be Parquet.
var Codec = dataset.Codec{Name: "Parquet", Magic: magic, Extension: ".parquet", Read: Read, Scan: Scan}

// file is an open file.
type file struct {
	r       io.ReaderAt
	size    int64
	limits  dataset.Limits
	meta    format.FileMetaData
	columns []column
	rows    int64
}

// unread is a failure to read the file, which is not its own fault.
type unread struct{ error }

func (f *file) readAt(b []byte, at int64) error {
	n, err := f.r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF:
		return errors.New("it is cut off")
	}
	return &unread{err}
}

// blame makes the error of a reader.
func blame(err error) error {
	var told *fault.Error
	var u *unread
	switch {
	case err == nil || errors.As(err, &told):
		return err
	case errors.As(err, &u):
		return fault.Wrap(u.error, "read Parquet")
	}
	return fault.Invalidf("read Parquet: the file is damaged or cut off: %v", err)
}

// open reads and checks what the file says of itself. The columns are those that o asks for.
func open(r io.ReaderAt, size int64, o dataset.Options) (*file, error) {
	f := &file{r: r, size: size, limits: o.Limits.OrDefault()}
	if err := f.footer(); err != nil {
		return nil, err
	}
	p := dataset.NewProblems("read Parquet")
	columns, names, leaves, err := columnsOf(f.meta.Schema, o, p)
	if err != nil {
		return nil, err
	}
	if len(columns) > f.limits.Columns {
		return nil, fault.Invalidf("read Parquet: more than %d columns", f.limits.Columns).WithCode(fault.CodeTooLarge)
	}
	p.CheckNamed(o, names)
	if err := p.Err(); err != nil {
		return nil, err
	}
	f.columns = columns
	if err := f.groups(leaves); err != nil {
		return nil, err
	}
	switch {
	case len(columns) == 0:
		return nil, fault.Invalidf("read Parquet: there is none of the columns asked for: %.200q", o.Columns)
	case f.rows == 0:
		return nil, fault.Invalidf("read Parquet: there are %d columns and no row", len(columns))
	}
	return f, nil
}

// footer reads the metadata at the file's end.
func (f *file) footer() error {
	var head [4]byte
	var tail [8]byte
	if f.size < int64(len(head)+len(tail)) {
		return errors.New("it is too short")
	}
	if err := f.readAt(head[:], 0); err != nil {
		return err
	}
	if err := f.readAt(tail[:], f.size-int64(len(tail))); err != nil {
		return err
	}
	switch {
	case string(tail[4:]) == "PARE" || string(head[:]) == "PARE":
		return fault.Invalidf("read Parquet: the file is encrypted; write it without encryption")
	case string(head[:]) != magic || string(tail[4:]) != magic:
		return fmt.Errorf("it begins with %q and ends with %q instead of %s", head, tail[4:], magic)
	}
	n := int64(little.Uint32(tail[:]))
	if n > f.size-int64(len(head)+len(tail)) {
		return fmt.Errorf("metadata of %d bytes in a file of %d", n, f.size)
	}
	b := make([]byte, n)
	if err := f.readAt(b, f.size-int64(len(tail))-n); err != nil {
		return err
	}
	_, err := decode(b, &f.meta)
	return err
}

// groups checks the row groups against the schema and the limits.
func (f *file) groups(leaves int) error {
	var bytes int64
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if len(g.Columns) != leaves || g.NumRows < 0 {
			return fmt.Errorf("row group %d has %d columns and %d rows where the schema has %d columns", i+1, len(g.Columns), g.NumRows, leaves)
		}
		if f.rows += min(g.NumRows, 1<<60); f.rows > int64(f.limits.Rows) {
			return fault.Invalidf("read Parquet: more than %d rows", f.limits.Rows).WithCode(fault.CodeTooLarge)
		}
		for k := range f.columns {
			c := &f.columns[k]
			chunk := &g.Columns[c.leaf]
			m := &chunk.MetaData
			switch {
			case chunk.CryptoMetadata.Value != nil || chunk.EncryptedColumnMetadata != nil:
				return fault.Invalidf("read Parquet: column %s is encrypted; write it without encryption", c.name)
			case chunk.FilePath != "":
				return fault.Invalidf("read Parquet: column %s lies in another file, %.80q; write the table as one", c.name, chunk.FilePath)
			case m.Type != c.physical || m.NumValues != g.NumRows || m.TotalUncompressedSize < 0:
				return fmt.Errorf("column %s has %d values of %v in row group %d of %d rows, and is of %v", c.name, m.NumValues, m.Type, i+1, g.NumRows, c.physical)
			}
			bytes = min(bytes+m.TotalUncompressedSize, 1<<60)
		}
	}
	// A value takes a byte at least, as it would in a CSV file, however short the run that it comes in.
	if cells := f.rows * int64(len(f.columns)); max(bytes, cells) > f.limits.Bytes {
		return fault.Invalidf("read Parquet: %d rows of %d columns, %d bytes when unpacked, are more than %d", f.rows, len(f.columns), bytes, f.limits.Bytes).WithCode(fault.CodeTooLarge)
	}
	return nil
}

// empty reports whether the statistics say that no row of a group has a value in c. Then none is read.
func (c *column) empty(g *format.RowGroup) bool {
	return c.optional && g.NumRows > 0 && g.Columns[c.leaf].MetaData.Statistics.NullCount == g.NumRows
}

// Read reads a whole table, its columns side by side on as many processors as there are. The error is fault.Invalid and names every
// column that cannot be read, and the first problems with values by their rows, as those of dataset.ReadCSV do; or it is that of r.
func Read(r io.ReaderAt, size int64, o dataset.Options) (*dataset.Frame, error) {
	f, err := open(r, size, o)
	if err != nil {
		return nil, blame(err)
	}
	var wait sync.WaitGroup
	var next, failed atomic.Int64
	fillers, columns, errs := make([]*dataset.Filler, len(f.columns)), make([]dataset.Column, len(f.columns)), make([]error, len(f.columns))
	for range min(runtime.GOMAXPROCS(0), len(f.columns)) {
		wait.Go(func() {
			u := new(unpacker)
			for i := int(next.Add(1)) - 1; i < len(f.columns) && failed.Load() == 0; i = int(next.Add(1)) - 1 {
				if fillers[i], errs[i] = f.fill(&f.columns[i], o, u); errs[i] != nil {
					failed.Store(1)
					return
				}
				columns[i] = fillers[i].Column()
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, blame(err)
		}
	}
	p := dataset.NewProblems("read Parquet")
	for _, f := range fillers {
		p.Merge(f, 0)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &dataset.Frame{Columns: columns}, nil
}

// filler is an empty column for about n rows.
func (c *column) filler(o dataset.Options, n int) *dataset.Filler {
	f := dataset.NewFiller(c.name, o, c.numeric, n)
	if c.float {
		f.Float()
	}
	return f
}

// reserved is for how many rows room is made before they come: what a file says of itself costs nothing.
const reserved = 1 << 20

// fill reads a column.
func (f *file) fill(c *column, o dataset.Options, u *unpacker) (*dataset.Filler, error) {
	filler := c.filler(o, int(min(f.rows, reserved)))
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if c.empty(g) {
			filler.None(int(g.NumRows))
			continue
		}
		at, err := f.cursor(c, g, u)
		if err == nil {
			err = at.fill(filler, int(g.NumRows))
		}
		if err != nil {
			return nil, err
		}
	}
	return filler, nil
}
