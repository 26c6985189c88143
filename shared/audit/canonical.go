package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// layout is RFC 3339 in UTC with exactly three decimals: one spelling per instant.
const layout = "2006-01-02T15:04:05.000Z"

// Canonical is the one spelling of e that is hashed: its JSON without "hash", by the JSON Canonicalization Scheme (RFC 8785): no white
// space, keys sorted by their UTF-16 code units, strings escaped only where JSON demands it. Numbers are whole (schema, seq, from, to), so
// the scheme's rule for floats is never needed; measures in Inputs are decimal text. All fields are present, nil Inputs are {}, At is
// RFC 3339 in UTC with milliseconds. A byte that is not UTF-8 becomes U+FFFD, as it would in encoding/json.
func Canonical(e Entry) []byte { return appendEntry(make([]byte, 0, 768), &e, false) }

// MarshalJSON writes the canonical form with "hash" in its sorted place: the form that is stored and exported. (Inside json.Marshal the
// characters <, >, &, U+2028 and U+2029 are escaped on top of it, which reads back equal.)
func (e Entry) MarshalJSON() ([]byte, error) { return appendEntry(make([]byte, 0, 896), &e, true), nil }

// appendEntry writes e with or without its hash. The keys stand here in their sorted order.
func appendEntry(b []byte, e *Entry, hash bool) []byte {
	b = appendString(append(b, `{"actor":{"id":`...), e.Actor.ID)
	b = appendString(append(b, `,"type":`...), e.Actor.Type)
	b = e.At.UTC().AppendFormat(append(b, `},"at":"`...), layout)
	b = strconv.AppendInt(append(b, `","from":`...), int64(e.From), 10)
	if hash {
		b = appendString(append(b, `,"hash":`...), e.Hash)
	}
	b = append(b, `,"inputs":{`...)
	for i, k := range sortedKeys(e.Inputs) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = appendString(append(b, ':'), e.Inputs[k])
	}
	b = appendString(append(b, `},"kind":`...), string(e.Kind))
	b = appendString(append(b, `,"model":`...), e.Model)
	b = appendString(append(b, `,"op":`...), e.Op)
	b = appendString(append(b, `,"policy":{"name":`...), e.Policy.Name)
	b = appendString(append(b, `,"rule":`...), e.Policy.Rule)
	b = appendString(append(b, `,"version":`...), e.Policy.Version)
	b = appendString(append(b, `},"prev":`...), e.Prev)
	b = appendString(append(b, `,"reason":`...), e.Reason)
	b = appendString(append(b, `,"request_id":`...), e.RequestID)
	b = strconv.AppendInt(append(b, `,"schema":`...), int64(e.Schema), 10)
	b = strconv.AppendInt(append(b, `,"seq":`...), e.Seq, 10)
	b = appendString(append(b, `,"sha256":`...), e.SHA256)
	b = strconv.AppendInt(append(b, `,"to":`...), int64(e.To), 10)
	return append(b, '}')
}

// appendString writes s as RFC 8785 section 3.2.2.2 has it: the two-character escapes for \b \t \n \f \r " \, \u00xx in lower case for
// the other controls below U+0020, everything else as it is.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0 // of the text not copied yet
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// sortedKeys gives m's keys in the order of their UTF-16 code units.
func sortedKeys(m map[string]string) []string { return slices.SortedFunc(maps.Keys(m), compareUTF16) }

// compareUTF16 orders by UTF-16 code units. UTF-8's byte order is the same unless a character beyond U+FFFF, which UTF-16 spells with
// surrogates (0xD800..0xDFFF), meets one of U+E000..U+FFFF.
func compareUTF16(a, b string) int {
	if beyondBMP(a) || beyondBMP(b) {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	}
	return strings.Compare(a, b)
}

// beyondBMP reports whether s may hold a character beyond U+FFFF: only those begin with a byte from 0xF0 on.
func beyondBMP(s string) bool {
	for i := range len(s) {
		if s[i] >= 0xF0 {
			return true
		}
	}
	return false
}
