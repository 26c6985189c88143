package dataset

import (
	"bytes"
	"math"
	"net/netip"
	"unicode/utf8"
)

// notation is how the numbers of a column are written.
type notation byte

// The notations. Digits before the mark may stand in groups of three, parted by the other of point and comma, by a space (also one that does
// not break) or an apostrophe, the same throughout a number.
const (
	plain   notation = iota // as programs write them: 1234.5
	pointed                 // 1,234.5
	comma                   // 1.234,5
)

// mark is what stands before the fraction.
func (n notation) mark() byte {
	if n == comma {
		return ','
	}
	return '.'
}

// rewrite appends b, a number in notation n, to dst as a plain one; ok is false when it is none. A number is [+-] digits [mark digits] [e [+-] digits]; without
// digits in groups there may be none before the mark. No group begins with 0 and none has a + before: 030 123 456 and +49 123 456 are called, not counted.
func (n notation) rewrite(dst, b []byte) (out []byte, ok bool) {
	plus := bytes.HasPrefix(b, []byte("+"))
	if plus || bytes.HasPrefix(b, []byte("-")) {
		dst, b = append(dst, b[0]), b[1:]
	}
	whole := digits(b)
	dst, b = append(dst, b[:whole]...), b[whole:]
	if g := n.separator(b); g > 0 && whole > 0 && whole <= 3 && !plus && dst[len(dst)-whole] != '0' {
		for by := b[:g]; bytes.HasPrefix(b, by); {
			if b = b[g:]; digits(b) != 3 {
				return dst, false
			}
			dst, b = append(dst, b[:3]...), b[3:]
		}
	}
	if len(b) > 0 && b[0] == n.mark() {
		fraction := digits(b[1:])
		if fraction == 0 {
			return dst, false
		}
		dst, b = append(append(dst, '.'), b[1:1+fraction]...), b[1+fraction:]
	} else if whole == 0 {
		return dst, false
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		_, end := scanExponent(b, 0)
		dst, b = append(dst, b[:end]...), b[end:]
	}
	return dst, len(b) == 0
}

// separator is how many bytes the separator of groups has that b begins with; 0 = there is none.
func (n notation) separator(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch r, size := utf8.DecodeRune(b); {
	case r == '.' && n == comma, r == ',' && n == pointed, r == ' ', r == '\'', r == '\u00A0', r == '\u202F', r == '\u2019':
		return size
	}
	return 0
}

// digits is how many b begins with.
func digits(b []byte) (n int) {
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	return n
}

// parse is the value of b when all of it is one finite number in notation n, spaces around it aside.
func (n notation) parse(b []byte) (v float64, ok bool) {
	if v, ok = parseNumber(b); n == plain || n == pointed && ok {
		return v, ok
	}
	var room [40]byte
	b, ok = n.rewrite(room[:0], trim(b))
	if !ok {
		return 0, false
	}
	return parseNumber(b)
}

// decimal reports whether a number in notation n has a fraction or an exponent.
func (n notation) decimal(b []byte) bool {
	return bytes.IndexByte(b, n.mark()) >= 0 || bytes.ContainsAny(b, "eE")
}

// traits say which notations the texts of a column fit.
type traits byte

const (
	onlyComma   traits = 1 << iota // 1,5 or 1.234,5 or 1.234.567
	onlyPointed                    // 1,234.5 or 1,234,567
	eitherMark                     // 1,234
	spaced                         // 1 234 or 1'234
	fraction                       // 1.5: no number with a decimal comma
	thousand                       // 1.234: that of 1234, or a fraction
	noNumber                       // in no notation
	address                        // 192.168.100.101, which is 192168100101 only where others in the column are numbers with a decimal comma
)

// isAddress reports whether b may be one of the Internet Protocol, version 4.
func isAddress(b []byte) bool {
	_, err := netip.ParseAddr(string(b))
	return err == nil && bytes.Count(b, []byte(".")) == 3
}

// traitsOf looks at one text.
func traitsOf(b []byte) traits {
	b = trim(b)
	v, isPlain := parseNumber(b)
	p, isPointed := pointed.parse(b)
	c, isComma := comma.parse(b)
	switch {
	case isPlain && isComma && c == v:
		return 0
	case isPlain && isComma:
		return thousand
	case isPlain:
		return fraction
	case isPointed && isComma && p == c:
		return spaced
	case isPointed && isComma:
		return eitherMark
	case isComma && isAddress(b):
		return address
	case isComma:
		return onlyComma
	case isPointed && bytes.IndexByte(b, ',') < 0: // 1 234.5
		return spaced | fraction
	case isPointed:
		return onlyPointed
	}
	return noNumber
}

// pointTraits are those of a plain number that is written with a point or an exponent.
func pointTraits(v float64, written byte, raw []byte) traits {
	v = math.Abs(v)
	if written == irregular && !math.IsInf(v, 0) {
		return traitsOf(raw)
	}
	if written == 3 && v >= 1 && v < 1000 {
		return thousand
	}
	return fraction
}

// evidence is what the values of a column say about their notation.
type evidence struct {
	traits
	sample string // the first text that is no plain number but one in another notation
}

// note adds a text of these traits.
func (e *evidence) note(b []byte, t traits) {
	if e.traits |= t; e.sample == "" && t&(onlyComma|onlyPointed|eitherMark|spaced) != 0 {
		e.sample = string(b)
	}
}

// add adds what later values say.
func (e *evidence) add(o evidence) {
	if e.traits |= o.traits; e.sample == "" {
		e.sample = o.sample
	}
}

// has reports whether some value has one of these traits.
func (e evidence) has(t traits) bool { return e.traits&t != 0 }

// fits reports whether every value is a number in notation n.
func (e evidence) fits(n notation) bool {
	switch n {
	case comma:
		return !e.has(noNumber | fraction | onlyPointed)
	case pointed:
		return !e.has(noNumber | onlyComma | address)
	}
	return !e.has(noNumber | onlyComma | onlyPointed | eitherMark | spaced | address)
}

// custom is the notation of a whole file, plain where nothing tells. Commas that separate the values speak for a decimal point, since whoever writes
// decimal commas separates by something else; else a column that fits one notation only speaks for all, unless others contradict.
func custom(separator byte, columns []evidence) notation {
	if separator == ',' {
		return pointed
	}
	found := plain
	for _, e := range columns {
		n := plain
		switch {
		case e.has(onlyComma) && e.fits(comma):
			n = comma
		case (e.has(onlyPointed) || e.has(eitherMark|spaced) && e.has(fraction)) && e.fits(pointed):
			n = pointed
		}
		if n != plain && found != plain && n != found {
			return plain
		}
		found = max(found, n)
	}
	return found
}

// verdict is how a column is to be read by what its values say. With doubt, nobody but the owner can tell: a wrong guess would be one by a factor of
// a thousand, or make texts of numbers.
type verdict struct {
	notation    notation
	text, doubt bool
}

// verdict judges a column of a file with this separator, whose notation is file's.
func (e evidence) verdict(separator byte, file notation) verdict {
	marks := e.traits & (onlyComma | onlyPointed | eitherMark | spaced)
	switch {
	case e.has(noNumber), e.has(address) && !e.has(onlyComma):
		return verdict{text: true}
	case marks == 0 && !(e.has(thousand) && file == comma && e.fits(comma)):
		return verdict{}
	case e.has(onlyComma) && separator == ',': // a list in quotes more likely than a number
		return verdict{text: true}
	case e.has(onlyComma) && e.fits(comma):
		return verdict{notation: comma}
	case e.has(onlyComma):
		return verdict{text: true, doubt: true}
	case e.has(onlyPointed | fraction):
		return verdict{notation: pointed}
	case marks == spaced && separator == ',', file == plain || !e.fits(file): // 555 123 may be a number of a telephone
		return verdict{text: true, doubt: e.has(eitherMark)}
	}
	return verdict{notation: file}
}
