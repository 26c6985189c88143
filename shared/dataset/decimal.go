package dataset

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// How a number was written, so that a column that turns out to be text can have its earlier numbers back letter by letter. A value
// below irregular is the number of digits after the point of a plain decimal of at most 15 significant digits: strconv with that
// precision gives it back exactly, because a float64 keeps 15 decimal digits.
const (
	irregular  = 254 // a number in another spelling (+5, .5, 007, 1e5, 17 digits): the text itself must be kept
	notDecimal = 255 // no number
)

// The powers of ten up to the 19 digits that a uint64 always holds; a float64 holds them exactly up to 10^22.
var (
	tens  = [20]uint64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}
	pow10 = [20]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}
)

// scanDecimal reads the number that b begins with: [+-] digits [. digits] [e [+-] digits], with a digit on at least one side of the
// point. It returns the value, how it was written, and the index of the first byte that is no part of it. Values are rounded to the
// nearest float64, ties to even, as strconv.ParseFloat does; too large a number is an infinity, in the spelling irregular.
//
// A mantissa below 2^53 is divided or multiplied in one exactly rounded float64 operation (W. D. Clinger, How to Read Floating Point Numbers
// Accurately, PLDI 1990, section 3); up to 19 digits, one 128-bit integer division does; the rest is strconv's.
func scanDecimal(b []byte) (v float64, written byte, end int) {
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		i = 1
	}
	var m uint64
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0') // overflow is noticed below by the number of digits
		i++
	}
	digits, places := i-start, 0
	regular := digits == 1 || digits > 1 && b[start] != '0'
	if i < len(b) && b[i] == '.' {
		point := i
		i++
		if i+8 <= len(b) {
			v, n := eightDigits(binary.LittleEndian.Uint64(b[i:]))
			m = m*tens[n] + v
			i += n
		}
		for i < len(b) && b[i]-'0' <= 9 {
			m = m*10 + uint64(b[i]-'0')
			i++
		}
		places = i - point - 1
		digits += places
		regular = regular && places > 0
	}
	if digits == 0 {
		return 0, notDecimal, 0
	}
	if start == 1 && b[0] == '+' {
		regular = false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		exponent, e := scanExponent(b, i)
		regular = regular && e == i
		places -= exponent
		i = e
	}
	switch {
	case digits > 19: // m may have overflowed
		return parseSlow(b[:i]), irregular, i
	case places == 0:
		v = float64(m)
	case m < 1<<53 && places > 0 && places < len(pow10):
		v = float64(int64(m)) / pow10[places]
	case m < 1<<53 && places < 0 && -places < len(pow10):
		v = float64(int64(m)) * pow10[-places]
	case places > 0 && places < len(tens):
		v = divide(m, places)
	default:
		return parseSlow(b[:i]), irregular, i
	}
	if negative {
		v = -v
	}
	if !regular || m >= 1e15 {
		return v, irregular, i
	}
	return v, byte(places), i
}

// eightDigits is the number that the digits at the beginning of word make, the first in its lowest byte, and how many they are. With every
// byte's '0' taken off, adding 0x76 sets the top bit of what is no digit; neighbours are then joined to pairs, those to fours, and these to
// eight by multiplications that do two at a time (D. Lemire, Quickly parsing eight digits, 2018).
func eightDigits(word uint64) (v uint64, n int) {
	const zeros, nine, tops = 0x3030303030303030, 0x7676767676767676, 0x8080808080808080
	word ^= zeros
	n = bits.TrailingZeros64((word+nine|word)&tops) / 8
	word <<= uint(64 - 8*n) // by 64 to 0 when there is none
	word = word*10 + word>>8
	const pairs = 0x000000FF000000FF
	return (word&pairs*(100+1000000<<32) + word>>16&pairs*(1+10000<<32)) >> 32, n
}

// scanExponent reads the exponent that begins at b[i]: its value, cut at 9999, and where it ends; 0 and i when there is none.
func scanExponent(b []byte, i int) (value, end int) {
	e, negative := i+1, false
	if e < len(b) && (b[e] == '-' || b[e] == '+') {
		negative = b[e] == '-'
		e++
	}
	digits := e
	for e < len(b) && b[e]-'0' <= 9 {
		value = min(value*10+int(b[e]-'0'), 9999)
		e++
	}
	if e == digits {
		return 0, i
	}
	if negative {
		value = -value
	}
	return value, e
}

// divide is m / 10^places, rounded to nearest, ties to even; 0 < m, 0 < places <= 19. Both are shifted until their top bit is set,
// so that the 64 bits of the quotient begin with a one; the 11 that a float64 lacks, and the remainder, decide the rounding.
func divide(m uint64, places int) float64 {
	d := tens[places]
	shiftM, shiftD := bits.LeadingZeros64(m), bits.LeadingZeros64(d)
	m, d = m<<shiftM, d<<shiftD
	exponent := shiftD - shiftM - 64
	hi, lo := m, uint64(0)
	if m >= d {
		hi, lo = m>>1, m<<63
		exponent++
	}
	q, r := bits.Div64(hi, lo, d)
	const lost, half = 11, 1 << 10
	kept, rest := q>>lost, q&(1<<lost-1)
	if rest > half || rest == half && (r != 0 || kept&1 == 1) {
		kept++
	}
	const bias, fraction = 1023, 52
	return float64(kept) * math.Float64frombits(uint64(exponent+lost+bias)<<fraction) // by a power of two: exact
}

func parseSlow(b []byte) float64 {
	v, _ := strconv.ParseFloat(string(b), 64) // the grammar is checked, the only error left is too large, with v infinite
	return v
}

// parseNumber is the value of b when all of it is one finite decimal number, spaces around it aside.
func parseNumber(b []byte) (v float64, ok bool) {
	b = trim(b)
	v, written, end := scanDecimal(b)
	return v, written != notDecimal && end == len(b) && !math.IsInf(v, 0)
}

// trim takes spaces and tabs off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
