package store

import (
	"context"
	"encoding/json"
	"fmt"

	"mlops/shared/audit"
	"mlops/shared/fault"
)

// seal joins entries to the chain of model as it ends now: operations that put them, and one that moves the head from where it was read,
// so that of two writers only one lands and no number is skipped or taken twice.
func (s *Store) seal(ctx context.Context, model string, entries []audit.Entry) ([]Op, error) {
	head, version, err := s.head(ctx, model)
	if err != nil {
		return nil, err
	}
	ops := make([]Op, 0, len(entries)+1)
	for _, e := range entries {
		e.Model = model
		e, head = audit.Seal(head, e)
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fault.New(fault.Internal, "cannot write entry %d of the ledger of %s", e.Seq, shorten(model)).Because(err)
		}
		ops = append(ops, Op{Kind: Put, Partition: ledgerPrefix + model, Sort: entryKey(e.Seq), Body: body})
	}
	body, err := json.Marshal(head)
	if err != nil {
		return nil, fault.New(fault.Internal, "cannot write the head of the ledger of %s", shorten(model)).Because(err)
	}
	return append(ops, Op{Kind: Put, Partition: ledgerHead, Sort: model, Expect: version, Body: body}), nil
}

// Head is the end of the model's audit chain; the zero Head when nothing was recorded yet. The read is consistent.
func (s *Store) Head(ctx context.Context, model string) (audit.Head, error) {
	head, _, err := s.head(ctx, model)
	return head, err
}

func (s *Store) head(ctx context.Context, model string) (head audit.Head, version int64, err error) {
	var item Item
	err = s.retry(ctx, func() (err error) {
		item, err = s.table.Get(ctx, ledgerHead, model, true)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return audit.Head{}, 0, nil
	case err != nil:
		return audit.Head{}, 0, fault.Wrap(err, "read the head of the ledger of %s", shorten(model))
	}
	if err := json.Unmarshal(item.Body, &head); err != nil {
		return audit.Head{}, 0, fault.New(fault.Internal, "the head of the ledger of %s is damaged", shorten(model)).Because(err)
	}
	return head, item.Version, nil
}

// Entries reads the model's audit chain from sequence number from (below 1 = 1) upwards, at most limit entries (0 = MaxQuery). Fewer than
// limit means that there are no more. The read is consistent; the chain is not verified (see Verify).
func (s *Store) Entries(ctx context.Context, model string, from int64, limit int) ([]audit.Entry, error) {
	items, err := s.query(ctx, ledgerPrefix+model, Query{After: entryKey(max(from, 1) - 1), Limit: limit, Consistent: true})
	if err != nil {
		return nil, err
	}
	entries := make([]audit.Entry, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item.Body, &entries[i]); err != nil {
			return nil, fault.New(fault.Internal, "entry %s of the ledger of %s is damaged", item.Sort, shorten(model)).Because(err)
		}
	}
	return entries, nil
}

// Verify walks the model's whole audit chain and returns where it ends. The error is the *audit.Broken of the first bad entry: besides a
// break within the chain, a tail cut off, rewritten or added past the head that was recorded for it.
func (s *Store) Verify(ctx context.Context, model string) (audit.Head, error) {
	recorded, err := s.Head(ctx, model) // first: entries that join while we walk only make the chain longer
	if err != nil {
		return audit.Head{}, err
	}
	var chain audit.Verifier
	for more := true; more; {
		entries, err := s.Entries(ctx, model, chain.Head().Seq+1, 0)
		if err != nil {
			return chain.Head(), err
		}
		for _, e := range entries {
			if err := chain.Next(e); err != nil {
				return chain.Head(), err
			}
			if e.Seq == recorded.Seq {
				if err := chain.Head().Meets(recorded); err != nil {
					return chain.Head(), err
				}
			}
		}
		more = len(entries) == MaxQuery
	}
	end := chain.Head()
	switch {
	case end.Seq < recorded.Seq:
		return end, end.Meets(recorded)
	case end.Seq > recorded.Seq: // they must have joined meanwhile, and moved the head with them
		if recorded, err = s.Head(ctx, model); err == nil && end.Seq > recorded.Seq {
			err = end.Meets(recorded)
		}
		return end, err
	}
	return end, nil
}

// entryKey sorts bytewise as seq does numerically.
func entryKey(seq int64) string { return fmt.Sprintf("%020d", seq) }
