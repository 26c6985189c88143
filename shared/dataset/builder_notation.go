package dataset

import (
	"math"

	"mlops/shared/fault"
)

// renotated adds a number in the column's notation, and reports whether t is one; raw is what was written.
func (b *builder) renotated(t, raw []byte) bool {
	v, ok := b.notation.parse(t)
	if !ok {
		return false
	}
	b.note(t, traitsOf(t))
	b.decimal = b.decimal || b.notation.decimal(t)
	b.add(v, irregular, raw)
	return true
}

// all is the evidence of the column's numbers and texts.
func (b *builder) all() evidence {
	e := b.evidence
	if b.dict != nil {
		e.add(b.dict.evidence)
	}
	return e
}

// doubtful complains about a column of texts that are numbers, if one knew in which notation. It would else become a category of as many levels as there
// are numbers, or numbers that are wrong by a factor of a thousand.
func (e evidence) doubtful(name string, p *problems) {
	d := fault.Detail{Field: name, Code: "decimal_comma", Got: shorten([]byte(e.sample)), Expected: "one notation in the whole column, with a decimal comma or with a decimal point, 1.5 best"}
	if !e.has(onlyComma) {
		d.Code, d.Expected = "ambiguous_number", "numbers that cannot be taken for others a thousand times as great: 1234 or 1.234"
	}
	p.add(d)
}

// reread takes the column's values for numbers in notation n, however they were taken before. It is for columns whose evidence fits n.
func (b *builder) reread(n notation) {
	if !b.text {
		b.toText()
	}
	value := make([]float64, len(b.dict.levels))
	decimal := make([]bool, len(value))
	for i, level := range b.dict.levels {
		value[i], _ = n.parse([]byte(level)) // the evidence is that of all levels
		decimal[i] = n.decimal(trim([]byte(level)))
	}
	b.text, b.decimal, b.notation, b.present = false, false, n, 0
	for _, code := range b.code.join() {
		if code < 0 {
			b.float.add(math.NaN())
			continue
		}
		b.float.add(value[code])
		b.present++
		b.decimal = b.decimal || decimal[code]
	}
}
