package dataset

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

// dictionary codes the texts of one column in the order of their first coming. It is an open-addressing hash table with linear
// probing, at most half full. The hash is seeded anew for every dictionary, so that nobody can prepare a file of collisions; the seed
// never shows, because the levels are sorted in the end.
type dictionary struct {
	seed     maphash.Seed
	missing  func([]byte) bool // texts that mean "no value"
	slot     []int32           // 1 + index into known, 0 = free; the length is a power of two
	known    []known
	levels   []string // by code
	evidence          // of the levels

	recent [256]recent // texts of at most 7 bytes that came before, by a hash of no secret: who has it slows down nothing but this
}

// recent is a short text and its code.
type recent struct {
	bytes  uint64 // the first is the lowest
	length int32  // + 1, so that an entry without a text is like none
	code   int32
}

// known is a text that came before. Its code is -1 when it means "no value".
type known struct {
	hash uint64
	text string
	code int32
}

func newDictionary(missing func([]byte) bool) *dictionary {
	return &dictionary{seed: maphash.MakeSeed(), missing: missing, slot: make([]int32, 16)}
}

// find is the code of b, which gets one if it is new. fault says why a new text is none, "" when it is fine.
func (d *dictionary) find(b []byte) (code int32, fault string) {
	h := maphash.Bytes(d.seed, b)
	mask := uint64(len(d.slot) - 1)
	at := h & mask
	for d.slot[at] != 0 {
		if k := &d.known[d.slot[at]-1]; k.hash == h && k.text == string(b) {
			return k.code, ""
		}
		at = (at + 1) & mask
	}
	k := known{h, string(b), -1}
	if !d.missing(b) {
		k.code = int32(len(d.levels))
		d.levels = append(d.levels, k.text)
		fault = textFault(b)
		d.look(b)
	}
	d.known = append(d.known, k)
	d.slot[at] = int32(len(d.known))
	if 2*len(d.known) > len(d.slot) {
		d.grow()
	}
	return k.code, fault
}

// look notes what kind of text a new level is.
func (d *dictionary) look(b []byte) {
	if !d.has(noNumber) {
		d.note(b, traitsOf(b))
	}
}

// findShort is find for a text b of at most 7 bytes, which are the lowest of word.
func (d *dictionary) findShort(word uint64, b []byte) (code int32, fault string) {
	word &= 1<<(8*len(b)) - 1
	r := &d.recent[word*0x9E3779B97F4A7C15>>56]
	if r.bytes == word && int(r.length) == len(b)+1 {
		return r.code, ""
	}
	code, fault = d.find(b)
	*r = recent{word, int32(len(b) + 1), code}
	return code, fault
}

func (d *dictionary) grow() {
	d.slot = make([]int32, 2*len(d.slot))
	mask := uint64(len(d.slot) - 1)
	for i, k := range d.known {
		at := k.hash & mask
		for d.slot[at] != 0 {
			at = (at + 1) & mask
		}
		d.slot[at] = int32(i + 1)
	}
}

// textFault is the code of what makes b no text, "" when it is one.
func textFault(b []byte) string {
	switch {
	case bytes.IndexByte(b, 0) >= 0:
		return "nul_byte"
	case !utf8.Valid(b):
		return "not_utf8"
	case bytes.Contains(b, byteOrderMark):
		return "byte_order_mark"
	}
	return ""
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// textFaultExpected says what to do about each.
var textFaultExpected = map[string]string{
	"nul_byte":        "text without NUL bytes; is this a binary or a UTF-16 file?",
	"not_utf8":        "UTF-8; save the file in that encoding",
	"byte_order_mark": "a byte order mark at the very start only; were two files joined?",
}
