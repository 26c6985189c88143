package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Seal joins e to the chain that ends at h and gives it with the chain's new head. It sets Schema, Seq, Prev and Hash, cuts At to the
// millisecond in UTC, and replaces bytes that are not UTF-8, so that what is sealed reads back equal; e's own map is not changed. Call
// Validate first: Seal judges nothing.
//
// The hash of entry n is
//
//	h_n = hex SHA-256(0x01 || h_{n-1} || Canonical(entry n))
//
// with h_{n-1} as its 64 hex digits, nothing for the first. The leading 0x01 keeps these hashes apart from digests of files. An auditor
// needs no program of ours: printf '\001%s%s' "$prev" "$canonical" | sha256sum.
func Seal(h Head, e Entry) (Entry, Head) {
	e.Schema, e.Seq, e.Prev = Schema, h.Seq+1, h.Hash
	e.At = e.At.UTC().Truncate(time.Millisecond)
	for _, s := range []*string{(*string)(&e.Kind), &e.Model, &e.SHA256, &e.Actor.Type, &e.Actor.ID, &e.Policy.Name, &e.Policy.Version,
		&e.Policy.Rule, &e.Reason, &e.Op, &e.RequestID} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	inputs := make(map[string]string, len(e.Inputs))
	for _, k := range sortedKeys(e.Inputs) {
		inputs[strings.ToValidUTF8(k, "\uFFFD")] = strings.ToValidUTF8(e.Inputs[k], "\uFFFD")
	}
	e.Inputs = inputs
	e.Hash = hash(&e)
	return e, Head{Seq: e.Seq, Hash: e.Hash}
}

// hash is h_n for an entry whose Prev is h_{n-1}.
func hash(e *Entry) string {
	b := make([]byte, 0, 1024)
	b = append(append(b, 0x01), e.Prev...)
	sum := sha256.Sum256(appendEntry(b, e, false))
	return hex.EncodeToString(sum[:])
}

// Broken says where a chain stops being provable.
type Broken struct {
	Seq    int64  // the first entry that cannot be proved: every entry before it is as it was written
	Reason string // what was found there
}

func (b *Broken) Error() string {
	return fmt.Sprintf("the ledger is broken at entry %d: %s", b.Seq, b.Reason)
}

// Verifier walks a chain entry by entry in constant memory. Its zero value starts at the beginning of a chain.
type Verifier struct{ head Head }

// After is a Verifier for the entries that follow a head one trusts, e.g. a published one.
func After(h Head) *Verifier { return &Verifier{head: h} }

// Head is the end of what was proved so far.
func (v *Verifier) Head() Head { return v.head }

// Next proves that e is the next entry of the chain, as it was sealed. The error is a *Broken that names the first bad entry, and the
// Verifier stays where it was. An entry changed together with its own hash shows at the entry after it, which still names the old hash;
// a whole tail rewritten shows only against a known head (VerifyTo).
func (v *Verifier) Next(e Entry) error {
	want := v.head.Seq + 1
	broken := func(format string, args ...any) error {
		return &Broken{Seq: want, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case e.Seq > want:
		return broken("missing: entry %d comes in its place", e.Seq)
	case e.Seq < want:
		return broken("entry %d comes in its place: it was inserted, repeated or moved", e.Seq)
	case e.Schema != Schema:
		return broken("its schema is %d, and only %d is known", e.Schema, Schema)
	case e.Prev != v.head.Hash:
		return broken("it follows an entry with hash %s, but the one before it has %s: one of the two was changed", name(e.Prev), name(v.head.Hash))
	}
	if h := hash(&e); e.Hash != h {
		return broken("its content has hash %s, but it was sealed with %s: it was changed", name(h), name(e.Hash))
	}
	v.head = Head{Seq: e.Seq, Hash: e.Hash}
	return nil
}

// name shortens a hash for a message.
func name(h string) string {
	if h == "" {
		return "none"
	}
	return shorten(h[:min(len(h), 12)])
}

// Verify proves a whole chain from its first entry and gives its head. The error is a *Broken; the head then is the end of the good part.
// A tail cut off at an entry's end leaves a good chain: see VerifyTo.
func Verify(entries []Entry) (Head, error) {
	var v Verifier
	for _, e := range entries {
		if err := v.Next(e); err != nil {
			return v.head, err
		}
	}
	return v.head, nil
}

// VerifyTo proves that entries are the whole chain that ends at head: besides what Verify finds, a tail cut off, added or rewritten. The
// head must come from elsewhere than the entries (the store's head item, a published anchor, an earlier report).
func VerifyTo(entries []Entry, head Head) error {
	got, err := Verify(entries)
	if err != nil {
		return err
	}
	return got.Meets(head)
}

// Meets reports, as a *Broken, that a proved chain which ends at h is not the chain known to end at want.
func (h Head) Meets(want Head) error {
	switch {
	case h.Seq < want.Seq:
		return &Broken{h.Seq + 1, fmt.Sprintf("missing: the chain is known to reach entry %d", want.Seq)}
	case h.Seq > want.Seq:
		return &Broken{want.Seq + 1, fmt.Sprintf("added: the chain is known to end at entry %d", want.Seq)}
	case h.Hash != want.Hash:
		return &Broken{h.Seq, fmt.Sprintf("its hash is %s, but the chain is known to end with %s: this entry, or some before it, were rewritten with their hashes",
			name(h.Hash), name(want.Hash))}
	}
	return nil
}
