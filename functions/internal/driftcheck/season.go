package driftcheck

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"mlops/shared/drift"
	"mlops/shared/fault"
)

// keep stores a profile under a name made of what it says.
func (h *Handler) keep(ctx context.Context, name string, x drift.Past, profile *drift.Profile) (key string, err error) {
	b, sum, err := pack(profile)
	if err != nil {
		return "", err
	}
	key = path.Join(seasonsDir, name, strconv.Itoa(x.Version), x.Start.Format("2006/01/02")+"-"+sum+".json.gz")
	return key, fault.Wrap(h.Blobs.Create(ctx, key, b), "keep the profile of %s to %s", x.Start.Format(time.RFC3339), x.End.Format(time.RFC3339))
}

// sum adds the profiles of periods up, some at the same time; nil where none can be read.
func (h *Handler) sum(ctx context.Context, periods []drift.Past) (*drift.Profile, error) {
	chunks := slices.Collect(slices.Chunk(periods, max(1, (len(periods)+parallel-1)/parallel)))
	parts, errs := make([]*drift.Profile, len(chunks)), make([]error, len(chunks))
	var wait sync.WaitGroup
	for i, chunk := range chunks {
		wait.Go(func() { parts[i], errs[i] = h.fold(ctx, chunk) })
	}
	wait.Wait()
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	if parts = slices.DeleteFunc(parts, func(p *drift.Profile) bool { return p == nil }); len(parts) == 0 {
		return nil, nil
	}
	return drift.MergeProfiles(parts...)
}

// fold is sum, one after the other. A profile that is gone or damaged is named in the log, and the others stand for it.
func (h *Handler) fold(ctx context.Context, periods []drift.Past) (whole *drift.Profile, err error) {
	for _, x := range periods {
		one, err := h.profile(ctx, x.Key)
		if err == nil && whole != nil {
			one, err = drift.MergeProfiles(whole, one)
		}
		switch {
		case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid):
			h.Log.WarnContext(ctx, "a profile of the past cannot be used", "key", x.Key, "error", err)
		case err != nil:
			return nil, err
		default:
			whole = one
		}
	}
	return whole, nil
}

func (h *Handler) profile(ctx context.Context, key string) (*drift.Profile, error) {
	b, err := h.Blobs.Get(ctx, key, drift.MaxProfile)
	if err == nil {
		b, err = unpack(b, drift.MaxProfile)
	}
	if err != nil {
		return nil, err
	}
	return drift.ReadProfile(b)
}

// recall reads what the window is held against beside the training data: the same season of an earlier year, and the rows of the weeks before. A season that cannot be
// added up is none.
func (w *window) recall(ctx context.Context, p *past) error {
	if w.kind == "time" { // of the newest so many rows there are always as many, and how large batches are is followed with their quality
		w.usual = p.usual(w.start, w.end)
	}
	at := drift.Span{Start: w.start, End: w.end}
	if w.kind == "count" { // they are the newest
		at.Start = w.end.Add(-min(oneDay, w.end.Sub(w.start)))
	}
	name, found := drift.FindSeason(at, p.Periods)
	if len(found) == 0 {
		return nil
	}
	profile, err := w.h.sum(ctx, found)
	if fault.Is(err, fault.Invalid) {
		w.h.Log.WarnContext(ctx, "the season of an earlier year cannot be added up", "model", w.name, "season", name, "error", err)
		return nil
	}
	if err != nil || profile == nil {
		return err
	}
	b, err := json.Marshal(profile)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(b)
	w.season, w.seasonSum = &drift.Season{Name: name, From: found[0].Start, Profile: profile}, hex.EncodeToString(digest[:])
	return nil
}
