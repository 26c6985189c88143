package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go/format"

	"mlops/shared/dataset"
)

const (
	milli, micro = time.Millisecond, time.Microsecond
	day          = 24 * time.Hour
)

var little = binary.LittleEndian

func putBoolean(f *dataset.Filler, raw []byte) { f.String(strconv.AppendBool(nil, raw[0] != 0)) }

func putDouble(f *dataset.Filler, raw []byte) { f.Number(math.Float64frombits(little.Uint64(raw))) }

// putFloat takes the number that the shortest decimal of a float32 spells, as a CSV file would hold it: 0.1 and not 0.10000000149011612.
func putFloat(f *dataset.Filler, raw []byte) {
	f.Number(decimalOf(math.Float32frombits(little.Uint32(raw))))
}

func decimalOf(v float32) float64 {
	if w := float64(v); w == math.Trunc(w) && math.Abs(w) < 1<<24 || w-w != 0 { // its digits are the shortest, or it has none
		return w
	}
	w, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64) // what was just formatted parses
	return w
}

// putHalf takes a float16 (IEEE 754 binary16): 1 bit of sign, 5 of exponent, 10 of fraction.
func putHalf(f *dataset.Filler, raw []byte) {
	h := little.Uint16(raw)
	exponent, fraction := int(h>>10&31), float64(h&1023)
	var v float64
	switch {
	case exponent == 31 && fraction != 0:
		v = math.NaN()
	case exponent == 31:
		v = math.Inf(1)
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 == 1 {
		v = -v
	}
	f.Number(v)
}

// whole is a little-endian integer of 4 or 8 bytes.
func whole(raw []byte) int64 {
	if len(raw) == 4 {
		return int64(int32(little.Uint32(raw)))
	}
	return int64(little.Uint64(raw))
}

// integer puts integers. Beyond 2^53 they are rounded to the nearest float64, as those of a CSV file are; in a column of categories they are
// texts of all their digits.
func (c *column) integer(signed bool) func(*dataset.Filler, []byte) {
	return c.numbers(func(f *dataset.Filler, raw []byte) {
		v := whole(raw)
		if signed || v >= 0 {
			if f.Text() {
				f.String(strconv.AppendInt(nil, v, 10))
			} else {
				f.Number(float64(v))
			}
			return
		}
		u := uint64(v)
		if len(raw) == 4 {
			u = uint64(uint32(v))
		}
		if f.Text() {
			f.String(strconv.AppendUint(nil, u, 10))
		} else {
			f.Number(float64(u))
		}
	})
}

// decimal puts decimals with so many digits behind the point: the float64 nearest to each, as those of a CSV file.
func (c *column) decimal(scale int32) func(*dataset.Filler, []byte) {
	if scale < 0 || scale > 1000 {
		return nil
	}
	bytes := c.physical == format.ByteArray || c.physical == format.FixedLenByteArray
	c.float = scale > 0
	return c.numbers(func(f *dataset.Filler, raw []byte) {
		var digits []byte
		switch {
		case !bytes:
			digits = strconv.AppendInt(nil, whole(raw), 10)
		case len(raw) > 1024:
			f.Problem("too_long", "a decimal of "+strconv.Itoa(len(raw))+" bytes", "at most 1024 bytes")
			f.None(1)
			return
		default:
			digits = bigEndian(raw).Append(nil, 10)
		}
		text := point(digits, int(scale))
		if f.Text() {
			f.String(text)
			return
		}
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil { // out of range: v is infinite
			v = math.Copysign(math.Inf(1), v)
		}
		f.Number(v)
	})
}

// bigEndian is a two's complement number, its first byte the highest.
func bigEndian(raw []byte) *big.Int {
	v := new(big.Int).SetBytes(raw)
	if len(raw) > 0 && raw[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	return v
}

// point sets the decimal point of an integer's digits.
func point(digits []byte, scale int) []byte {
	if scale == 0 {
		return digits
	}
	var text []byte
	if digits[0] == '-' {
		text, digits = append(text, '-'), digits[1:]
	}
	for len(digits) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	text = append(append(text, digits[:len(digits)-scale]...), '.')
	return append(text, digits[len(digits)-scale:]...)
}

func putUUID(f *dataset.Filler, raw []byte) {
	text := make([]byte, 0, 36)
	for i, n := range [...]int{4, 2, 2, 2, 6} {
		if i > 0 {
			text = append(text, '-')
		}
		text, raw = hex.AppendEncode(text, raw[:n]), raw[n:]
	}
	f.String(text)
}

// Dates and times are texts in the forms of ISO 8601, with as many digits of a second as it has.
const (
	dateForm  = "2006-01-02"
	clockForm = "15:04:05.999999999"

	firstSecond, lastSecond = -62_135_596_800, 253_402_300_799 // of the years 1 and 9999
)

func putDate(f *dataset.Filler, raw []byte) {
	instant(f, whole(raw)*86400, 0, dateForm)
}

// instant puts the instant so many seconds and nanoseconds after 1970 began.
func instant(f *dataset.Filler, seconds, nanos int64, form string) {
	t := time.Unix(seconds, nanos).UTC()
	if seconds < firstSecond || seconds > lastSecond {
		f.Problem("out_of_range", strconv.FormatInt(seconds, 10)+" seconds since 1970", "an instant in the years 1 to 9999")
		f.None(1)
		return
	}
	f.String(t.AppendFormat(nil, form))
}

// putTime puts times of day, counted in units since midnight.
func putTime(unit time.Duration) func(*dataset.Filler, []byte) {
	return func(f *dataset.Filler, raw []byte) {
		v := whole(raw)
		if v < 0 || v >= int64(day/unit) {
			f.Problem("out_of_range", strconv.FormatInt(v, 10), "a time of day")
			f.None(1)
			return
		}
		f.String(time.Unix(0, v*int64(unit)).UTC().AppendFormat(nil, clockForm))
	}
}

// putTimestamp puts instants, counted in units since 1970; one that is in UTC says so by a Z, one of no known zone does not.
func putTimestamp(unit time.Duration, utc bool) func(*dataset.Filler, []byte) {
	form := dateForm + "T" + clockForm
	if utc {
		form += "Z"
	}
	perSecond := int64(time.Second / unit)
	return func(f *dataset.Filler, raw []byte) {
		v := whole(raw)
		instant(f, v/perSecond, v%perSecond*int64(unit), form)
	}
}

// putInt96 puts the timestamps of older writers: nanoseconds of the day in 8 bytes and the Julian day in 4, without a word on the zone.
func putInt96(f *dataset.Filler, raw []byte) {
	const julian1970 = 2_440_588
	days, nanos := int64(little.Uint32(raw[8:]))-julian1970, int64(little.Uint64(raw))
	if nanos < 0 || nanos >= int64(day) {
		f.Problem("out_of_range", strconv.FormatInt(nanos, 10)+" nanoseconds", "a time of day")
		f.None(1)
		return
	}
	instant(f, days*86400, nanos, dateForm+"T"+clockForm)
}

// putInterval puts months, days and milliseconds as an ISO 8601 duration.
func putInterval(f *dataset.Filler, raw []byte) {
	text := strconv.AppendUint([]byte("P"), uint64(little.Uint32(raw)), 10)
	text = strconv.AppendUint(append(text, 'M'), uint64(little.Uint32(raw[4:])), 10)
	seconds := float64(little.Uint32(raw[8:])) / 1000
	text = strconv.AppendFloat(append(text, "DT"...), seconds, 'f', -1, 64)
	f.String(append(text, 'S'))
}
