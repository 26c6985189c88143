package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"mlops/shared/fault"
)

// builder is a column in the making. It is numeric until a text comes that is no number and does not mean "no value"; then the
// numbers so far become texts again, as they were written, and the column is categorical.
//
// An infinity ("inf", "-Infinity", 1e999) is not data, unless Options.Infinite says so: among numbers it is an error that names the row;
// among texts it is a text.
type builder struct {
	name       string
	text       bool // categorical from here on
	mustNumber bool
	missing    func([]byte) bool
	plain      bool // how numbers were written is not kept: if a text comes nobody wants the rows before it
	unwanted   bool // no value is kept
	careful    bool // a number is not what it seems to be: some number, such as -9, means "no value", or the notation is not the plain one

	notation notation // how numbers are written
	evidence          // of the numbers; that of texts is dict's

	float    chunks[float64]
	written  chunks[byte] // how each number was written, see decimal.go; irregular also for missing texts
	odd      [][]byte     // the texts of irregular ones in order, each behind its length, in blocks
	present  int
	decimal  bool // some number was written with a point or an exponent
	keepInf  bool // an infinity is a value
	infinite int
	firstInf int // row of the first infinity, 1-based

	code chunks[int32]
	dict *dictionary
	same []int32 // the code of each of dict's levels in the column that absorbs this one

	sorted []string // dict's levels, sorted
	rank   []int32  // the place of each of dict's levels there
}

func newBuilder(name string, o Options, missing func([]byte) bool) *builder {
	b := &builder{name: name, missing: missing, mustNumber: slices.Contains(o.Numeric, name), keepInf: o.Infinite}
	b.careful = slices.ContainsFunc(o.Missing, func(t string) bool { _, number := parseNumber([]byte(t)); return number })
	if b.notation = o.notation[name]; b.notation != plain {
		b.careful = true
	}
	if slices.Contains(o.Categorical, name) || slices.Contains(o.texts, name) && !b.mustNumber {
		b.toText()
	}
	return b
}

// reserve says that about n rows will come.
func (b *builder) reserve(n int) {
	b.float.reserve(n)
	b.written.reserve(n)
	b.code.reserve(n)
}

// rows is how many rows the column has so far.
func (b *builder) rows() int {
	if b.text {
		return b.code.size()
	}
	return b.float.size()
}

// none adds n rows without a value.
func (b *builder) none(n int) {
	for range n {
		if b.text {
			b.code.add(-1)
		} else {
			b.float.add(math.NaN())
			if !b.plain {
				b.written.add(notDecimal)
			}
		}
	}
}

// number adds a number; raw is what was written.
func (b *builder) number(v float64, written byte, raw []byte) {
	if written != 0 && (written != irregular || bytes.ContainsAny(raw, ".eEnN")) { // n: inf, which only a float holds
		b.decimal = true
		if !b.has(fraction) { // which says all
			b.traits |= pointTraits(v, written, raw)
		}
	}
	b.add(v, written, raw)
}

// add adds a number of which all else is known.
func (b *builder) add(v float64, written byte, raw []byte) {
	b.float.add(v)
	b.present++
	if b.plain {
		return
	}
	b.written.add(written)
	if written == irregular {
		b.keep(raw)
	}
}

// keep stores the text of an irregular number.
func (b *builder) keep(raw []byte) {
	last, size := len(b.odd)-1, leastChunk
	if last >= 0 {
		size = min(2*cap(b.odd[last]), greatestChunk)
	}
	need := binary.MaxVarintLen64 + len(raw)
	if last < 0 || len(b.odd[last])+need > cap(b.odd[last]) {
		b.odd = append(b.odd, make([]byte, 0, max(size, need)))
		last++
	}
	b.odd[last] = append(binary.AppendUvarint(b.odd[last], uint64(len(raw))), raw...)
}

// field adds a field of a CSV file, whatever it holds.
func (b *builder) field(raw []byte, p *problems) {
	if !b.text {
		t := trim(raw)
		if b.missing(t) {
			b.none(1)
			return
		}
		v, written, end := scanDecimal(t)
		switch {
		case b.notation != plain && b.renotated(t, raw):
			return
		case b.notation != plain: // in that notation it is a text
		case written != notDecimal && end == len(t) && !math.IsInf(v, 0):
			if len(t) != len(raw) {
				written = irregular
			}
			b.number(v, written, raw)
			return
		case written != notDecimal && end == len(t) || isInfinity(t):
			b.infinity(raw)
			return
		}
	}
	b.string(raw, p)
}

// string adds a text that is not to be taken for a number.
func (b *builder) string(raw []byte, p *problems) {
	if !b.text {
		if b.missing(trim(raw)) {
			b.none(1)
			return
		}
		if b.mustNumber {
			p.addAlike(fault.Detail{Field: b.name, Code: "wrong_type", Got: shorten(raw), Expected: "a number", Row: fault.Row(b.rows() + 1)}, 1, shorten(raw))
			b.none(1)
			return
		}
		b.toText()
	}
	code, what := b.dict.find(raw)
	b.level(code, what, raw, p)
}

// short is string for a column that is categorical, and a text of at most 7 bytes, which are the lowest of word.
func (b *builder) short(raw []byte, word uint64, p *problems) {
	code, what := b.dict.findShort(word, raw)
	b.level(code, what, raw, p)
}

// level adds a text that has a code, and what is wrong with it if it is new.
func (b *builder) level(code int32, what string, raw []byte, p *problems) {
	if what != "" {
		p.addText(string(raw), fault.Detail{Field: b.name, Code: what, Got: shorten(raw), Expected: textFaultExpected[what], Row: fault.Row(b.rows() + 1)})
	}
	b.code.add(code)
}

// infinity adds an infinite number to a column that is numeric so far.
func (b *builder) infinity(raw []byte) {
	if b.keepInf {
		sign := 1
		if bytes.HasPrefix(trim(raw), []byte("-")) {
			sign = -1
		}
		b.number(math.Inf(sign), irregular, raw)
		return
	}
	b.infinite++
	if b.firstInf == 0 {
		b.firstInf = b.rows() + 1
	}
	b.number(math.Inf(1), irregular, raw)
}

// toText turns the numbers so far into the texts that they were.
func (b *builder) toText() {
	b.text = true
	b.dict = newDictionary(func(t []byte) bool { return b.missing(trim(t)) })
	b.respell(b)
	b.float, b.written, b.odd = chunks[float64]{}, chunks[byte]{}, nil
}

// respell adds b's numbers to the texts of t, letter by letter as they were written.
func (b *builder) respell(t *builder) {
	if b.plain {
		t.code.extend(slices.Repeat([]int32{-1}, b.float.size()))
		return
	}
	odd := b.odd
	var scratch, block []byte
	float, written := b.float.all(), b.written.all()
	for i, v := range float {
		var text []byte
		switch written[i] {
		case notDecimal:
			t.code.add(-1)
			continue
		case irregular:
			for len(block) == 0 {
				block, odd = odd[0], odd[1:]
			}
			length, n := binary.Uvarint(block)
			text, block = block[n:n+int(length)], block[n+int(length):]
		default:
			scratch = strconv.AppendFloat(scratch[:0], v, 'f', int(written[i]), 64)
			text = scratch
		}
		code, _ := t.dict.find(text) // a number is no text at fault
		t.code.add(code)
	}
}

// absorb adds the rows of part, another column of the same name and options.
func (b *builder) absorb(part *builder) {
	if part.text && !b.text {
		b.toText()
	}
	b.evidence.add(part.all())
	if !b.text {
		if part.firstInf > 0 && b.firstInf == 0 {
			b.firstInf = b.rows() + part.firstInf
		}
		b.float.extend(part.float.all())
		b.written.extend(part.written.all())
		b.odd = append(b.odd, part.odd...)
		part.odd = nil // b's now
		b.present += part.present
		b.infinite += part.infinite
		b.decimal = b.decimal || part.decimal
		return
	}
	if !part.text {
		part.respell(b)
		return
	}
	for code := len(part.same); code < len(part.dict.levels); code++ {
		same, _ := b.dict.find([]byte(part.dict.levels[code]))
		part.same = append(part.same, same)
	}
	for _, code := range part.code.all() {
		if code >= 0 {
			code = part.same[code]
		}
		b.code.add(code)
	}
}

// most levels that a part keeps from batch to batch: more of them are looked up anew, so that many different texts take no memory.
const mostKept = 4096

// clear takes the rows out. What is text stays text.
func (b *builder) clear() {
	b.float.clear()
	b.written.clear()
	b.code.clear()
	b.odd, b.present, b.infinite, b.firstInf, b.decimal = nil, 0, 0, 0, false
	if b.text && len(b.dict.known) > mostKept {
		b.dict, b.same, b.sorted = newDictionary(b.dict.missing), b.same[:0], nil
	}
}

// column is the finished column.
func (b *builder) column(p *problems) Column {
	if b.settle(p); !b.text {
		b.written, b.odd = chunks[byte]{}, nil
		c := NumericColumn(b.name, b.float.join())
		c.Decimal = b.decimal
		return c
	}
	code := b.code.join()
	return Column{Name: b.name, Kind: Categorical, Code: code, Levels: sortLevels(b.dict.levels, code)}
}

// settle decides what infinities are when all rows are known: texts where there is no other number, else a problem.
func (b *builder) settle(p *problems) {
	if b.text || b.infinite == 0 {
		return
	}
	if b.infinite == b.present && !b.mustNumber {
		b.toText()
	} else {
		p.add(fault.Detail{Field: b.name, Code: "non_finite", Got: fmt.Sprintf("%d infinite or too large numbers", b.infinite), Row: fault.Row(b.firstInf),
			Expected: "finite numbers; leave the field empty where there is no value"})
	}
}

// batch is the column of the rows since the last clear, with levels that rows before had; it is valid until the next.
func (b *builder) batch() Column {
	if !b.text {
		c := NumericColumn(b.name, b.float.all())
		c.Decimal = b.decimal
		return c
	}
	if len(b.sorted) != len(b.dict.levels) {
		b.sorted = slices.Sorted(slices.Values(b.dict.levels))
		b.rank = make([]int32, len(b.sorted))
		for i, level := range b.dict.levels {
			at, _ := slices.BinarySearch(b.sorted, level)
			b.rank[i] = int32(at)
		}
	}
	code := b.code.all()
	for i, k := range code {
		if k >= 0 {
			code[i] = b.rank[k]
		}
	}
	return Column{Name: b.name, Kind: Categorical, Code: code, Levels: b.sorted}
}

// isInfinity reports whether t spells an infinity as R, Python, Java or JavaScript do.
func isInfinity(t []byte) bool {
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		t = t[1:]
	}
	return bytes.EqualFold(t, []byte("inf")) || bytes.EqualFold(t, []byte("infinity"))
}

// missingSet is the test for "no value" that o asks for. The empty text never has one.
func missingSet(o Options) func([]byte) bool {
	texts := o.Missing
	if texts == nil {
		texts = DefaultMissing
	}
	set := make(map[string]bool, len(texts))
	for _, t := range texts {
		set[t] = true
	}
	return func(t []byte) bool { return len(t) == 0 || set[string(t)] }
}

// checkNamed complains about columns that o names and the table does not have, or that o wants to be both.
func checkNamed(o Options, has func(string) bool, names []string, p *problems) {
	for _, list := range [...][]string{o.Categorical, o.Numeric} {
		for _, name := range list {
			if !has(name) {
				p.add(fault.Detail{Field: name, Code: "missing", Expected: "one of " + shortList(names)})
			}
		}
	}
	for _, name := range o.Numeric {
		if slices.Contains(o.Categorical, name) {
			p.add(fault.Detail{Field: name, Code: "contradiction", Got: "numeric and categorical", Expected: "one of the two"})
		}
	}
}
