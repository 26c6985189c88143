package dataset

import (
	"math"
	"slices"

	"mlops/shared/fault"
)

// Filler is a column in the making, for codecs outside this package whose columns have a type of their own. Its rules are those of the
// codecs here: a text that means "no value" is missing, NaN is, an infinity is an error unless Options.Infinite says otherwise, and a column without a present value is numeric.
type Filler struct {
	b      *builder
	p      problems
	epoch  int
	float  bool
	number []byte
}

// NewFiller makes an empty column for about n rows. typed says that its values are numbers by type, so that all infinities do not make it one of texts.
func NewFiller(name string, o Options, typed bool, n int) *Filler {
	b := newBuilder(name, o, missingSet(o))
	b.plain = true // no number ever becomes a text: a column has one type
	b.mustNumber = b.mustNumber || typed && !b.text
	b.reserve(n)
	return &Filler{b: b, p: problems{part: true}}
}

// Float says that the type is one of fractions, as Column.Decimal.
func (f *Filler) Float() { f.float = true }

// Text reports whether the column is one of texts so far.
func (f *Filler) Text() bool { return f.b.text }

// None adds n rows without a value.
func (f *Filler) None(n int) { f.b.none(n) }

// Number adds a number; to a column of texts, as Column.Text writes it.
func (f *Filler) Number(v float64) {
	b := f.b
	if math.IsNaN(v) {
		b.none(1)
		return
	}
	if b.text || b.careful || math.IsInf(v, 0) {
		f.number = appendFloat(f.number[:0], v)
		switch {
		case b.text:
			b.string(f.number, &f.p)
			return
		case b.missing(f.number):
			b.none(1)
			return
		case math.IsInf(v, 0):
			b.infinity(f.number)
			return
		}
	}
	b.number(v, 0, nil)
}

// String adds a text: to a column that must be numeric as the number that it spells, which is else a problem.
func (f *Filler) String(raw []byte) {
	if f.b.mustNumber {
		f.b.field(raw, &f.p)
	} else {
		f.b.string(raw, &f.p)
	}
}

// Code is the code by which Coded adds raw again and again, -1 when it means "no value". ok is false when there is none: where the column must be numeric.
func (f *Filler) Code(raw []byte) (code int32, ok bool) {
	b := f.b
	if b.mustNumber {
		return 0, false
	}
	if !b.text {
		if b.missing(trim(raw)) {
			return -1, true
		}
		b.toText()
	}
	code, what := b.dict.find(raw)
	if what != "" {
		f.p.addText(string(raw), fault.Detail{Field: b.name, Code: what, Got: shorten(raw), Expected: textFaultExpected[what], Row: fault.Row(b.rows() + 1)})
	}
	return code, true
}

// Coded adds a row with a code of Code.
func (f *Filler) Coded(code int32) {
	if code < 0 {
		f.b.none(1)
	} else {
		f.b.code.add(code)
	}
}

// Problem adds what is wrong with the next row's value.
func (f *Filler) Problem(code, got, expected string) {
	f.p.add(fault.Detail{Field: f.b.name, Code: code, Got: shorten([]byte(got)), Expected: expected, Row: fault.Row(f.b.rows() + 1)})
}

// Rows is how many rows the column has.
func (f *Filler) Rows() int { return f.b.rows() }

// Column ends the column.
func (f *Filler) Column() Column {
	p := problems{}
	c := f.b.column(&p)
	c.Decimal = c.Kind == Numeric && f.float
	f.p.found = append(f.p.found, p.found...)
	return c
}

// Batch is the column of the rows since the last Clear, valid until the next; levels may be some that no row has.
func (f *Filler) Batch() Column {
	if f.b.infinite > 0 {
		p := problems{}
		f.b.settle(&p)
		f.p.found = append(f.p.found, p.found...)
	}
	c := f.b.batch()
	c.Decimal = c.Kind == Numeric && f.float
	return c
}

// Clear takes the rows out. Codes last while Epoch does not change.
func (f *Filler) Clear() {
	dict := f.b.dict
	if f.b.clear(); f.b.dict != dict {
		f.epoch++
	}
}

// Levels is how many different texts it knows.
func (f *Filler) Levels() int {
	if f.b.dict == nil {
		return 0
	}
	return len(f.b.dict.levels) + f.epoch
}

// Epoch changes when codes that Code gave are void.
func (f *Filler) Epoch() int { return f.epoch }

// Problems collects what fillers found, in an error like those of the readers here.
type Problems struct {
	p    problems
	told map[[2]string]bool
}

// NewProblems names the attempt, such as "read Parquet".
func NewProblems(what string) *Problems { return &Problems{problems{what: what}, map[[2]string]bool{}} }

// Add adds one problem.
func (p *Problems) Add(d fault.Detail) { p.p.add(d) }

// Merge adds the problems of f, whose first row comes after rows others, and takes them from f.
func (p *Problems) Merge(f *Filler, rows int) {
	p.p.merge(&f.p, rows, math.MaxInt, p.told)
	f.p = problems{part: true}
}

// Append adds the problems of q, if there is one, behind those of p.
func (p *Problems) Append(q *Problems) {
	if q == nil {
		return
	}
	for _, d := range q.p.found {
		p.p.add(d)
	}
	p.p.unnamed += q.p.unnamed
}

// CheckNamed adds every column that o names and names has not.
func (p *Problems) CheckNamed(o Options, names []string) {
	checkNamed(o, func(name string) bool { return slices.Contains(names, name) }, names, &p.p)
}

// Err is everything that was found as one error, nil when there is nothing.
func (p *Problems) Err() error { return p.p.fault() }
