package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mlops/shared/control"
	"mlops/shared/fault"
)

// MaxDocBytes is the longest body of a control document: it leaves room in an item, and in a reader's memory.
const MaxDocBytes = 300 << 10

// marker is the body of a once-only marker.
type marker struct {
	At    string `json:"at"`
	Model string `json:"model,omitempty"`
}

// Commit does everything c says in one conditional transaction, or nothing: documents, once-only marker, audit entries joined to the chain
// of c.Model, events into the outbox. An empty Change is a no-op.
//
// Order of facts: the transaction is the only effect, so there is no half-way state to repair. If this process dies before it, nothing
// happened; after it, everything did, and the events wait in the outbox for whoever delivers them.
//
// Errors: Invalid names every limit that c breaks (in all at most MaxOps actions: documents, entries and one for their head, the marker,
// events). Conflict names each document that is not at its Revision: read again and decide again. Unavailable means that it may or may
// not have happened; repeating c is safe if it has an Op, or a document whose Revision it moves (a repetition is then a Conflict).
// Internal: the ledger was written to by somebody else.
//
// A second commit with the same Op returns nil and does nothing, whatever else it says.
func (s *Store) Commit(ctx context.Context, c control.Change) error {
	ops, err := s.operations(c)
	if err != nil || len(ops)+len(c.Entries) == 0 {
		return err
	}
	for try := 1; ; try++ {
		err := s.attempt(ctx, c, ops)
		var refused *ConditionFailed
		switch {
		case err == nil:
			if len(c.Events) > 0 && s.OnEvents != nil {
				s.OnEvents()
			}
			return nil
		case !errors.As(err, &refused):
			return fault.Wrap(err, "commit a change of %s", nameOf(c))
		}
		conflict := conflictOf(c, refused)
		switch {
		case c.Op != "" && refused.Failed[0] == 0: // the marker exists: this change has happened
			return nil
		case conflict != nil:
			return conflict
		case !slices.Contains(refused.Failed, len(ops)+len(c.Entries)): // the head is where it was, so the entries' places must be free
			return fault.New(fault.Internal, "the ledger of %s holds entries past its head: verify it", nameOf(c))
		case try == headTries:
			return fault.Unavailablef("the audit ledger of %s is busy: lost the race for its head %d times", nameOf(c), try)
		}
		if err := s.pause(ctx, try); err != nil {
			return fault.Wrap(err, "commit a change of %s", nameOf(c))
		}
	}
}

// attempt seals the entries onto the head as it is now and tries the transaction.
func (s *Store) attempt(ctx context.Context, c control.Change, ops []Op) error {
	if len(c.Entries) > 0 {
		s.ledger.Lock()
		defer s.ledger.Unlock()
		sealed, err := s.seal(ctx, c.Model, c.Entries)
		if err != nil {
			return err
		}
		ops = append(ops[:len(ops):len(ops)], sealed...)
	}
	token := newToken()
	return s.retry(ctx, func() error { return s.table.Write(ctx, token, ops) })
}

// operations turns a Change into operations, all but those of the ledger: the marker first, then puts, checks and deletes in c's order
// (conflictOf counts on it), then events.
func (s *Store) operations(c control.Change) ([]Op, error) {
	var ops []Op
	var details []fault.Detail
	bad := func(field, code string, got any, want string) {
		details = append(details, fault.Detail{Field: field, Code: code, Got: got, Expected: want})
	}
	if c.Op != "" {
		body, err := json.Marshal(marker{At: s.now().UTC().Format("2006-01-02T15:04:05.000Z"), Model: c.Model})
		if err != nil {
			return nil, fault.Wrap(err, "write the marker of %s", c.Op)
		}
		ops = append(ops, Op{Kind: Put, Partition: opPartition, Sort: c.Op, Body: body})
	}
	for _, group := range []struct {
		kind OpKind
		docs []control.Doc
	}{{Put, c.Put}, {Check, c.Check}, {Delete, c.Delete}} {
		for _, d := range group.docs {
			name := shorten(d.Key.String())
			if isReserved(d.Key.Partition) {
				bad(name, "reserved", d.Key.Partition, "a partition that the store does not keep for itself")
			}
			if d.Revision < 0 {
				bad(name, "out_of_range", d.Revision, "the revision read, or 0")
			}
			op := Op{Kind: group.kind, Partition: d.Key.Partition, Sort: d.Key.Sort, Expect: d.Revision}
			if op.Kind == Put {
				op.Body = d.Body
				switch {
				case len(d.Body) > MaxDocBytes:
					bad(name, fault.CodeTooLarge, len(d.Body), fmt.Sprintf("at most %d bytes", MaxDocBytes))
				case !json.Valid(d.Body):
					bad(name, "not_json", shorten(string(d.Body)), "one JSON document")
				}
			}
			ops = append(ops, op)
		}
	}
	for _, e := range c.Events {
		body, err := json.Marshal(e)
		if err != nil {
			bad("event "+shorten(e.ID), "not_json", shorten(string(e.Detail)), "a JSON detail")
		}
		ops = append(ops, Op{Kind: Put, Partition: Outbox, Sort: e.ID, Expect: Any, Body: body})
	}
	actions := len(ops)
	if len(c.Entries) > 0 {
		actions += len(c.Entries) + 1
		if want := CheckKey(c.Model); want != "" {
			bad("model", "invalid_key", shorten(c.Model), want+": its ledger is the one to write to")
		}
	}
	for i, e := range c.Entries {
		if e.Model != "" && e.Model != c.Model {
			bad(fmt.Sprintf("entries[%d].model", i), "wrong_model", shorten(e.Model), "the model of the change, "+shorten(c.Model))
		}
		e.Model = c.Model
		for _, d := range fault.Details(e.Validate()) {
			d.Field = fmt.Sprintf("entries[%d].%s", i, d.Field)
			details = append(details, d)
		}
	}
	if actions > MaxOps {
		bad("change", fault.CodeTooLarge, actions, fmt.Sprintf("at most %d actions in all", MaxOps))
	}
	if len(details) > 0 {
		return nil, invalid("commit a change of "+nameOf(c), details)
	}
	if len(ops) > 0 {
		return ops, fault.Wrap(CheckWrite("x", ops), "commit a change of %s", nameOf(c))
	}
	return ops, nil
}

// conflictOf names the documents whose conditions failed; nil when it was only the ledger's head.
func conflictOf(c control.Change, refused *ConditionFailed) error {
	docs := make([]control.Doc, 0, len(c.Put)+len(c.Check)+len(c.Delete))
	docs = append(append(append(docs, c.Put...), c.Check...), c.Delete...)
	first := 0
	if c.Op != "" {
		first = 1
	}
	var err *fault.Error
	for _, i := range refused.Failed {
		if i < first || i >= first+len(docs) {
			continue
		}
		d := docs[i-first]
		detail := fault.Detail{Field: shorten(d.Key.String()), Code: "changed", Expected: fmt.Sprintf("revision %d", d.Revision)}
		if d.Revision == 0 {
			detail.Code, detail.Expected = "exists", "no such document yet"
		}
		if err == nil {
			err = fault.Conflictf("control state changed since it was read: read it again and decide again")
		}
		err.With(detail)
	}
	if err == nil {
		return nil
	}
	return err
}

func isReserved(partition string) bool {
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(partition, p) {
			return true
		}
	}
	return reserved[partition]
}

func nameOf(c control.Change) string {
	if c.Model != "" {
		return shorten(c.Model)
	}
	return "control state"
}
