package dataset

import (
	"io"
	"io/fs"
	"sync/atomic"
)

// Source is a table that can be read again from its start, so that it need not be held: a file, an object in a store, bytes.
type Source struct {
	Name   string // says the format, as for Read
	Open   func() (io.ReadCloser, error)
	Codecs []Codec // of formats that it may be in beside those of Read
}

// SourceAt is a source of size bytes at r.
func SourceAt(name string, r io.ReaderAt, size int64) Source {
	return Source{Name: name, Open: func() (io.ReadCloser, error) { return section{io.NewSectionReader(r, 0, size)}, nil }}
}

// section is a part of something that is open, and stays so.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }

// SourceIn is a file of a file system.
func SourceIn(system fs.FS, file string) Source {
	return Source{Name: file, Open: func() (io.ReadCloser, error) { return system.Open(file) }}
}

// Heading is what is known of a table but for its values: the columns' names and kinds, and when it was read to its end the number of rows (of Parquet from the beginning).
type Heading struct {
	Names []string
	Kinds []Kind
	Rows  int

	notation map[string]notation // of the columns of numbers, where they come from texts
	keys     []string            // of JSON Lines, in the order of their first coming, also of columns that are not kept
}

// Options are o with the kinds of h, so that the next pass over the same table reads it as this one did.
func (h Heading) Options(o Options) Options {
	o.Numeric, o.Categorical, o.notation, o.keys = nil, nil, h.notation, h.keys
	for i, name := range h.Names {
		if h.Kinds[i] == Numeric {
			o.Numeric = append(o.Numeric, name)
		} else {
			o.Categorical = append(o.Categorical, name)
		}
	}
	return o
}

// Batch is a run of rows, on loan: whoever takes it keeps neither its columns' slices nor the frame.
type Batch struct {
	Frame *Frame
	First int // how many rows of the table come before
}

// Begin is what Scan tells the columns of a table and how many takers of batches there shall be, and that gives them.
type Begin func(h Heading, takers int) (take []func(Batch) error, err error)

// Scan reads a table a batch of rows at a time, in memory that does not grow with their number, on as many processors as there are. Its
// syntax, kinds, limits and errors are those of Read, with which the batches, put in order, agree.
//
// The takers that begin gives are called at the same time; each has one batch at a time, in the order of the table; together they get every row once. Which batch goes to whom changes from run to run, so that what they make of them must not depend on it.
//
// The kind of a column is that which its first rows have, unless Options say. Where a text comes later, the table is read
// again from its start; begin is then called once more, and what the first takers got is void. So is a table in JSON Lines where a key comes that
// the first objects lack; one scanner reads it.
//
// An error of begin or of a taker ends the scan and is returned as it is.
func Scan(s Source, o Options, begin Begin) (Heading, error) {
	return scanIn(pieceBytes, s, o, begin)
}

func scanIn(piece int, s Source, o Options, begin Begin) (Heading, error) {
	for {
		h, again, err := scanOnce(piece, s, &o, begin)
		if err != nil || !again {
			return h, err
		}
	}
}

func scanOnce(piece int, s Source, o *Options, begin Begin) (h Heading, again bool, err error) {
	r, err := s.Open()
	if err != nil {
		return h, false, err
	}
	defer r.Close()
	err = unpack(r, s.Name, s.Codecs, func(t content) error {
		switch {
		case t.codec != nil:
			at, size, err := t.random(*o)
			if err == nil {
				h, err = t.codec.Scan(at, size, *o, begin)
			}
			return err
		case t.jsonLines:
			h, again, err = scanJSONL(t.r, o, begin, mostBatch)
		default:
			h, again, err = scanCSV(t.r, o, begin, piece)
		}
		return err
	})
	return h, again, err
}

// csvScan is a scan of separated values.
type csvScan struct {
	*csvPass
	kinds []Kind
	take  []func(Batch) error
	whole []*builder // what all rows say of a column, without the values
	found []evidence
	void  atomic.Bool // a column is not of the kind that the takers were told
}

// scanCSV is one pass. It is to be made again if a kind was wrong, which is then among o's categories.
func scanCSV(r io.Reader, o *Options, begin Begin, piece int) (h Heading, again bool, err error) {
	p, err := newCSVPass(r, *o, piece)
	if err != nil {
		return h, false, err
	}
	p.plain = true
	s := &csvScan{csvPass: p, whole: p.builders(), found: make([]evidence, len(p.names))}
	for _, b := range s.whole {
		kind := Numeric
		if b.text {
			kind = Categorical
		}
		s.kinds = append(s.kinds, kind)
		if !b.unwanted {
			h.Names, h.Kinds = append(h.Names, b.name), append(h.Kinds, kind)
		}
	}
	if s.take, err = begin(h, p.scanners); err != nil {
		return h, false, err
	}
	p.run(s.inOrder, s.each)
	if err := p.failure(); err != nil {
		return h, false, err
	}
	verdicts := p.judge(s.found)
	for i, b := range s.whole {
		v := verdicts[i]
		if v.doubt {
			s.found[i].doubtful(b.name, &p.problems)
		}
		b.settle(&p.problems)
		text := v.text || b.text && v.notation == b.notation
		again = again || text != (s.kinds[i] == Categorical) || v.notation != b.notation
	}
	if !p.none() {
		return h, false, p.fault()
	}
	p.take(verdicts, s.whole)
	o.notation, o.texts = p.options.notation, p.options.texts
	h.Rows, h.notation = p.rows, p.options.notation
	return h, again, nil
}

// each gives a batch to its scanner's taker, unless it is known that there will be another pass, or an error.
func (s *csvScan) each(p part) error {
	if s.void.Load() {
		return nil
	}
	f := &Frame{Columns: make([]Column, 0, len(p.columns))}
	for _, b := range p.columns {
		if !b.unwanted {
			f.Columns = append(f.Columns, b.batch())
		}
	}
	return s.take[p.scanner](Batch{f, p.first})
}

// inOrder notes what decides about kinds.
func (s *csvScan) inOrder(columns []*builder) {
	for i, b := range columns {
		w := s.whole[i]
		w.text = w.text || b.text
		s.found[i].add(b.all())
		w.present += b.present
		w.infinite += b.infinite
		if b.text != (s.kinds[i] == Categorical) || b.infinite > 0 {
			s.void.Store(true)
		}
		if w.firstInf == 0 && b.firstInf > 0 {
			w.firstInf = s.rows + b.firstInf
		}
	}
}
