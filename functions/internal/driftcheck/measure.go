package driftcheck

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/reference"
	"mlops/functions/internal/serving"
	"mlops/shared/control"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// parallel is how many hours are read and counted at once.
const parallel = 4

// window is the traffic that one check looks at, with what it is held against.
type window struct {
	h         *Handler
	name      string
	at        time.Time // of the check
	kind      string    // time, count or batch
	version   registry.Version
	served    *serving.Served
	profile   *drift.Profile
	reference string // digest of the profile
	knows     map[string]bool
	policy    drift.Policy
	season    *drift.Season // the same of an earlier year, nil = none
	seasonSum string        // digest of its profile
	usual     []int         // rows of the weeks before

	start, end        time.Time
	rows              int       // kind count: the newest so many
	first, last       string    // kind batch: ids
	notFirst, notLast string    // ids left out: a batch's own, where it is set against what came before
	except            time.Time // the hour they lie in
	back              time.Duration

	truths map[string]capture.Label
	labels map[time.Time][]capture.Label // by the hour that the id names

	counted []*part      // what was measured
	total   *drift.Tally // of all of it
}

// window settles what a check looks at; false when nothing is served that could be measured.
func (h *Handler) window(ctx context.Context, e event.Event, d event.Drift, name string, s Settings) (*window, bool, error) {
	if e.Type == event.BatchScored && d.First == "" {
		return nil, false, nil // a batch of which no row was answered
	}
	var state registry.State
	if _, err := h.Control.Get(ctx, control.State(name), &state); err != nil {
		return nil, false, err
	}
	v, pointer, ok := state.At(registry.Champion)
	if !ok {
		return nil, false, nil
	}
	want, err := asked(d)
	if err != nil {
		return nil, false, err
	}
	want = want.over(s.Models[name]).over(h.Span)
	w := &window{h: h, name: name, at: e.Time.UTC(), kind: "time", version: v, policy: s.Policy, end: e.Time.UTC(), rows: want.Rows, back: want.Window}
	w.start = w.end.Add(-want.Window)
	if pointer.Since.After(w.start) {
		w.start = pointer.Since
	}
	if w.rows > 0 {
		w.kind = "count"
	}
	if d.First != "" {
		if err := w.batch(ctx, d, state); err != nil {
			return nil, false, err
		}
	}
	return w, true, nil
}

// batch narrows the window to a batch's own rows, and to the version that answered them.
func (w *window) batch(ctx context.Context, d event.Drift, state registry.State) error {
	id, err := ulid.ParseStrict(d.First)
	if err != nil {
		return fault.Invalidf("the batch begins with %.40q, which is no id", d.First)
	}
	at := ulid.Time(id.Time()).UTC()
	w.kind, w.rows, w.first, w.last = "batch", 0, d.First, d.Last
	w.start, w.end = at, at.Add(time.Second)
	partitions, _, err := capture.Partitions(ctx, w.h.Blobs, path.Join("capture", w.name, "champion"), at, at)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		one := w.own(p)
		one.Keys = one.Keys[:min(1, len(one.Keys))]
		err := one.Each(ctx, w.h.Blobs, "champion", func(r capture.Record) error {
			if v, known := state.Version(r.Version); known {
				w.version = v
			}
			return nil
		}, func(capture.Broken) {})
		if err != nil {
			return err
		}
	}
	return nil
}

// own are a batch's objects among those of an hour: each is named by its first record.
func (w *window) own(p capture.Partition) capture.Partition {
	if w.first == "" {
		return p
	}
	p.Keys = slices.DeleteFunc(slices.Clone(p.Keys), func(k string) bool {
		name := path.Base(k)
		id := name[:min(len(name), len(w.first))]
		return id < w.first || id > w.last
	})
	return p
}

// load reads what the traffic is held against.
func (w *window) load(ctx context.Context) (err error) {
	if w.served, err = w.h.Loader.Version(ctx, w.name, w.version); err != nil {
		return err
	}
	b, err := w.h.Blobs.Get(ctx, path.Join(reference.Dir(w.name, w.version.Number), "profile.json"), 256<<20)
	if err != nil {
		return fault.Wrap(err, "read the reference profile of version %d", w.version.Number)
	}
	w.profile = &drift.Profile{}
	if err := json.Unmarshal(b, w.profile); err != nil {
		return fault.New(fault.Internal, "the reference profile of version %d is not JSON", w.version.Number).Because(err)
	}
	sum := sha256.Sum256(b)
	w.reference = hex.EncodeToString(sum[:])
	w.knows = map[string]bool{}
	for _, f := range w.profile.Features {
		w.knows[f.Name] = true
	}
	for _, name := range append(slices.Clone(w.served.Ignored), w.served.Target) {
		w.knows[name] = true
	}
	return nil
}

// learn reads the labels that have come for the window's time.
func (w *window) learn(ctx context.Context) ([]capture.Broken, error) {
	truths, broken, err := capture.Truths(ctx, w.h.Blobs, w.name, w.start, w.at)
	if err != nil {
		return nil, err
	}
	w.truths, w.labels = truths, map[time.Time][]capture.Label{}
	for _, id := range slices.Sorted(maps.Keys(truths)) {
		hour := time.Time{} // of ids that are not ours
		if parsed, err := ulid.ParseStrict(id); err == nil {
			hour = ulid.Time(parsed.Time()).UTC().Truncate(time.Hour)
		}
		w.labels[hour] = append(w.labels[hour], truths[id])
	}
	return broken, nil
}

// measure reads the window hour by hour, adds the hours up, and compares.
func (w *window) measure(ctx context.Context) (*incident.Measured, error) {
	broken, err := w.learn(ctx)
	if err != nil {
		return nil, err
	}
	partitions, ahead, err := capture.Partitions(ctx, w.h.Blobs, path.Join("capture", w.name, "champion"), w.start, w.end)
	if err != nil {
		return nil, err
	}
	parts, err := w.parts(ctx, partitions)
	if err != nil {
		return nil, err
	}
	w.counted = parts
	m := &incident.Measured{Model: w.name, Version: w.version.Number, SHA256: w.version.SHA256, At: w.at, Kind: w.kind}
	m.Input.UnknownLabels, m.Input.UnknownLabel = w.unknown(partitions, parts)
	total, err := w.profile.Tally(drift.Window{Unmatched: m.Input.UnknownLabels, Usual: w.usual})
	if err != nil {
		return nil, err
	}
	seen, err := w.before(ctx)
	if err != nil {
		return nil, err
	}
	var delays []float64
	for _, p := range parts {
		if err := total.Merge(p.tally); err != nil {
			return nil, err
		}
		m.Input.Add(p.Input)
		delays = append(delays, p.Delays...)
		for _, d := range p.digests {
			if _, again := seen[d]; again {
				m.Duplicates++
			}
			seen[d] = struct{}{}
		}
		if w.kind == "count" && m.Rows == 0 && !p.Oldest.IsZero() {
			w.start = p.Oldest
		}
		m.Rows += p.tally.Rows()
	}
	w.total = total
	if m.Report, err = w.profile.Compare(total, w.policy); err != nil {
		return nil, err
	}
	m.Report.Window = drift.Span{Start: w.start, End: w.end}
	for _, b := range broken {
		m.Input.Break(b)
	}
	if w.kind != "batch" {
		m.Input.Ahead = ahead
	}
	m.Input.Unanswered = total.Unanswered()
	m.Input.Note(m)
	if m.Labelled = len(delays); m.Labelled > 0 {
		slices.Sort(delays)
		m.DelayDays = delays[len(delays)/2]
	}
	return m, nil
}

// parts are the window's hours, oldest first. Of a window by count the newest hours that have as many rows, the oldest of them cut.
func (w *window) parts(ctx context.Context, partitions []capture.Partition) ([]*part, error) {
	var out []*part
	rows := 0
	for len(partitions) > 0 {
		n := max(0, len(partitions)-parallel)
		chunk, err := w.some(ctx, partitions[n:])
		if err != nil {
			return nil, err
		}
		for i := len(chunk) - 1; i >= 0; i-- {
			if have := chunk[i].tally.Rows(); w.rows > 0 && rows+have > w.rows {
				if chunk[i], err = w.part(ctx, w.own(partitions[n+i]), w.rows-rows); err != nil {
					return nil, err
				}
			}
			if rows += chunk[i].tally.Rows(); rows > capture.MaxRows {
				return nil, w.tooMany()
			}
			out = append(out, chunk[i])
			if w.rows > 0 && rows >= w.rows {
				slices.Reverse(out)
				return out, nil
			}
		}
		partitions = partitions[:n]
	}
	slices.Reverse(out)
	return out, nil
}

// some counts hours at the same time.
func (w *window) some(ctx context.Context, partitions []capture.Partition) ([]*part, error) {
	out, errs := make([]*part, len(partitions)), make([]error, len(partitions))
	var wait sync.WaitGroup
	for i, p := range partitions {
		wait.Go(func() { out[i], errs[i] = w.part(ctx, w.own(p), 0) })
	}
	wait.Wait()
	return out, cmp.Or(errs...)
}

// before are the digests of the rows that came before a batch, within the time that a check looks back: a batch that is sent again repeats them.
func (w *window) before(ctx context.Context) (map[uint64]struct{}, error) {
	seen := map[uint64]struct{}{}
	if w.kind != "batch" {
		return seen, nil
	}
	earlier := *w
	earlier.kind, earlier.first, earlier.last, earlier.notFirst, earlier.notLast = "time", "", "", w.first, w.last
	earlier.start, earlier.except, earlier.rows = w.end.Add(-w.back), w.start.Truncate(time.Hour), capture.MaxRows
	if _, err := earlier.learn(ctx); err != nil { // with their labels, hours have the counts that other checks keep
		return nil, err
	}
	partitions, _, err := capture.Partitions(ctx, w.h.Blobs, path.Join("capture", w.name, "champion"), earlier.start, earlier.end)
	if err != nil {
		return nil, err
	}
	parts, err := earlier.parts(ctx, partitions)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		for _, d := range p.digests {
			seen[d] = struct{}{}
		}
	}
	return seen, nil
}

// unknown counts labels of the window's hours that no line has, and names one.
func (w *window) unknown(partitions []capture.Partition, parts []*part) (n int, one string) {
	if w.kind != "time" {
		return 0, "" // of a part of the traffic the other labels say nothing
	}
	spilled := map[string]bool{}
	read := map[time.Time]bool{}
	for i, p := range parts {
		read[partitions[i].Hour] = true
		for _, id := range p.Spilled {
			spilled[id] = true
		}
	}
	count := func(id string) {
		if !spilled[id] {
			n++
			one = cmp.Or(one, id)
		}
	}
	for _, p := range parts {
		for _, id := range p.Unmatched {
			count(id)
		}
	}
	for _, hour := range slices.SortedFunc(maps.Keys(w.labels), time.Time.Compare) {
		if read[hour] || !hour.IsZero() && (hour.Before(w.start) || hour.After(w.end)) {
			continue
		}
		for _, l := range w.labels[hour] { // hours without a line, and ids that are not ours
			count(l.Inference)
		}
	}
	return n, one
}
