package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"mlops/shared/fault"
)

// Limits on an export that is read. One model's chain grows by decisions, not by predictions: a million entries is decades.
const (
	MaxLine    = 64 << 10  // bytes of one entry
	MaxEntries = 1_000_000 // entries of one export
)

// WriteExport writes entries as JSON Lines: one entry's canonical JSON a line, each ended by a line feed.
func WriteExport(w io.Writer, entries []Entry) error {
	b := bufio.NewWriterSize(w, MaxLine)
	for i := range entries {
		line := appendEntry(b.AvailableBuffer(), &entries[i], true)
		if _, err := b.Write(append(line, '\n')); err != nil {
			return fault.Wrap(err, "write entry %d of the ledger", entries[i].Seq)
		}
	}
	return fault.Wrap(b.Flush(), "write the end of the ledger")
}

// ScanExport reads an export line by line in constant memory and hands each entry to yield; an error of yield ends the scan and is
// returned as it is. A line must be to the byte what WriteExport writes: white space, another order of keys, a repeated or unknown key,
// another spelling of a number, or a missing last line feed are all signs of a hand, and are refused as fault.Invalid with the line's
// number. Whether the entries form a chain is Verify's question.
func ScanExport(r io.Reader, yield func(Entry) error) error {
	refused, err := scan(r, MaxEntries, yield)
	if refused != nil {
		return refused
	}
	return err
}

// scan reads at most limit entries and tells a refused line apart from an error of r or of yield.
func scan(r io.Reader, limit int, yield func(Entry) error) (refused *fault.Error, _ error) {
	lines := bufio.NewReaderSize(r, MaxLine)
	var canonical []byte // used again for every line
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, nil
		case n > limit:
			return refuse(n, fault.CodeTooLarge, "at most a million entries: verify the ledger in parts").WithCode(fault.CodeTooLarge), nil
		case errors.Is(err, io.EOF):
			return refuse(n, "cut_off", "a line that ends with a line feed"), nil
		case errors.Is(err, bufio.ErrBufferFull):
			return refuse(n, fault.CodeTooLarge, "an entry within 64 KiB").WithCode(fault.CodeTooLarge), nil
		case err != nil:
			return nil, fault.Wrap(err, "read line %d of the export", n)
		}
		line = line[:len(line)-1]
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return refuse(n, "malformed", "an entry of the ledger as JSON").Because(err), nil
		}
		if canonical = appendEntry(canonical[:0], &e, true); !bytes.Equal(line, canonical) {
			return refuse(n, "not_canonical", "the entry's canonical JSON, to the byte"), nil
		}
		if err := yield(e); err != nil {
			return nil, err
		}
	}
}

// refuse makes the error for line n.
func refuse(n int, code, expected string) *fault.Error {
	return fault.Invalidf("line %d of the export is not an entry as it was written", n).
		With(fault.Detail{Code: code, Expected: expected, Row: fault.Row(n)})
}

// ReadExport reads a whole export; see ScanExport for what is refused. The entries before the refused line come with the error.
func ReadExport(r io.Reader) ([]Entry, error) {
	var all []Entry
	err := ScanExport(r, func(e Entry) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// VerifyExport proves an export from its first entry in constant memory and gives the head of what was proved. A line that WriteExport
// did not write breaks the chain like any other change: the error is a *Broken that names the first bad entry. Only a failing r gives
// another error. A tail cut off at a line's end shows only against a known head: see Head.Meets.
func VerifyExport(r io.Reader) (Head, error) {
	var v Verifier
	refused, err := scan(r, MaxEntries, v.Next)
	if refused != nil {
		err = &Broken{Seq: v.head.Seq + 1, Reason: refused.Error()}
	}
	return v.head, err
}
