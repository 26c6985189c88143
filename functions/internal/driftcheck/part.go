package driftcheck

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/incident"
	"mlops/functions/internal/table"
	"mlops/shared/drift"
	"mlops/shared/fault"
)

// part is what one hour of a version's traffic says: counts that add up to those of any window, and no row of it.
type part struct {
	at      time.Time // the hour
	tally   *drift.Tally
	digests []uint64 // of each row, so that rows that come again are seen across hours
	read
}

// read is what was noticed while an hour was read.
type read struct {
	Input     incident.Input `json:"input"`
	Delays    []float64      `json:"delays,omitempty"`    // days from each labelled prediction to its label
	Unmatched []string       `json:"unmatched,omitempty"` // ids of labels of this hour that no line of it has
	Spilled   []string       `json:"spilled,omitempty"`   // ids of the next hour that this hour's objects have: a request that took its time
	Oldest    time.Time      `json:"oldest,omitzero"`
	Answers   map[int]int    `json:"answers,omitempty"` // predictions of the hour's objects by the version that gave them
}

// storedPart is a part as an object.
type storedPart struct {
	Tally   json.RawMessage `json:"tally"`
	Digests []byte          `json:"digests"`
	Read    read            `json:"read"`
}

// maxPart is the largest stored part that is read back, bytes.
const maxPart = 64 << 20

// partFormat is the version of what a stored part holds.
const partFormat = 2

// part gives an hour: counted before, where its objects and labels are still those, else counted now, and kept if the hour is whole and over.
func (w *window) part(ctx context.Context, p capture.Partition, newest int) (*part, error) {
	whole := newest == 0 && w.first == "" && !p.Hour.Equal(w.except) && !p.Hour.Before(w.start) && !p.Hour.Add(time.Hour).After(w.end)
	if !whole {
		return w.count(ctx, p, newest, false)
	}
	key := w.partKey(p)
	if b, err := w.h.Blobs.Get(ctx, key, maxPart); err == nil {
		if stored, err := w.decode(b); err == nil {
			stored.at = p.Hour
			return stored, nil
		}
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	counted, err := w.count(ctx, p, 0, true)
	if err != nil {
		return nil, err
	}
	b, err := counted.encode()
	if err != nil {
		return nil, err
	}
	if err := w.h.Blobs.Create(ctx, key, b); err != nil && !fault.Is(err, fault.Conflict) {
		return nil, fault.Wrap(err, "keep the counts of %s", p.Hour.Format(time.RFC3339))
	}
	return counted, nil
}

// partKey names the counts of an hour by everything they depend on: objects are written once, so their keys are their content.
func (w *window) partKey(p capture.Partition) string {
	sum := sha256.New()
	fmt.Fprintln(sum, partFormat, w.reference, w.version.SHA256, w.seasonSum)
	for _, k := range p.Keys {
		fmt.Fprintln(sum, k)
	}
	for _, l := range w.labelsOf(p.Hour) {
		fmt.Fprintf(sum, "%q %q %d\n", l.Inference, l.Value, l.At.UnixNano())
	}
	return path.Join(talliesDir, w.name, strconv.Itoa(w.version.Number), p.Hour.Format("2006/01/02/15")+"-"+hex.EncodeToString(sum.Sum(nil)[:8])+".json.gz")
}

// labelsOf are the labels that may belong to an hour's objects: of its own ids and of the next hour's, by id.
func (w *window) labelsOf(hour time.Time) []capture.Label {
	all := slices.Concat(w.labels[hour], w.labels[hour.Add(time.Hour)])
	slices.SortFunc(all, func(a, b capture.Label) int { return cmp.Compare(a.Inference, b.Inference) })
	return all
}

// count reads an hour's lines; with newest > 0 only the newest so many rows count. Of a whole hour every line belongs to it, whatever the
// clock that wrote it said; of an hour that the window cuts, those whose time lies inside.
func (w *window) count(ctx context.Context, p capture.Partition, newest int, whole bool) (*part, error) {
	out := &part{at: p.Hour}
	out.Answers = map[int]int{}
	in := &out.Input
	records := map[string]capture.Record{}
	ids := map[string]bool{} // of every version: a label for another one's prediction is not unknown
	keep := func(r capture.Record) error {
		in.Lines++
		if r.At.Before(p.Hour.Add(-skew)) || !r.At.Before(p.Hour.Add(time.Hour+skew)) {
			in.Clock++
			in.ClockAt = append(in.ClockAt[:len(in.ClockAt):len(in.ClockAt)], fmt.Sprintf("%s says %s and lies in the hour %s", r.ID, r.At.UTC().Format(time.RFC3339), p.Hour.Format(time.RFC3339)))
			in.ClockAt = in.ClockAt[:min(len(in.ClockAt), incident.MaxNamed)]
		}
		if ids[r.ID] && r.ID != "" {
			in.Repeated++
			return nil
		}
		ids[r.ID] = true
		out.Answers[r.Version]++
		if r.Version != w.version.Number || !whole && (r.At.Before(w.start) || !r.At.Before(w.end)) {
			return nil
		}
		if w.first != "" && (r.ID < w.first || r.ID > w.last) || w.notFirst != "" && r.ID >= w.notFirst && r.ID <= w.notLast {
			return nil
		}
		records[r.ID] = r
		if len(records) > capture.MaxRows {
			return w.tooMany()
		}
		return nil
	}
	if err := p.Each(ctx, w.h.Blobs, "champion", keep, in.Break); err != nil {
		return nil, err
	}
	rows := make([]capture.Record, 0, len(records))
	for _, r := range records {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b capture.Record) int { return cmp.Compare(a.ID, b.ID) })
	if newest > 0 {
		rows = rows[max(0, len(rows)-newest):]
	}
	w.match(p.Hour, rows, ids, out)
	return out, w.tally(rows, out)
}

// skew is how far a clock may be off before it is a finding.
const skew = 5 * time.Minute

func (w *window) tooMany() error {
	return fault.Invalidf("the window %s to %s of %s holds more than %d predictions: choose a shorter one, or a number of rows", w.start.Format(time.RFC3339), w.end.Format(time.RFC3339), w.name, capture.MaxRows)
}

// match sets labels against the lines they are for.
func (w *window) match(hour time.Time, rows []capture.Record, ids map[string]bool, out *part) {
	for _, l := range w.labels[hour] {
		if !ids[l.Inference] {
			out.Unmatched = append(out.Unmatched, l.Inference)
		}
	}
	for _, l := range w.labels[hour.Add(time.Hour)] {
		if ids[l.Inference] {
			out.Spilled = append(out.Spilled, l.Inference)
		}
	}
	for _, r := range rows {
		if out.Oldest.IsZero() || r.At.Before(out.Oldest) {
			out.Oldest = r.At
		}
		l, ok := w.truths[r.ID]
		if !ok {
			continue
		}
		if math.IsNaN(table.Label(l.Value, w.served.Classes)) {
			out.Input.BadLabels++
			out.Input.BadLabel = cmp.Or(out.Input.BadLabel, fmt.Sprintf("%.40q for %s", l.Value, r.ID))
			continue
		}
		if l.At.Before(r.At.Add(-skew)) {
			out.Input.Early++
		}
		out.Delays = append(out.Delays, max(0, l.At.Sub(r.At).Hours()/24))
	}
}

// tally counts the rows on the profile's bins.
func (w *window) tally(rows []capture.Record, out *part) error {
	frame, err := table.OfRecords(rows, w.served.Features)
	if err != nil {
		return err
	}
	window := drift.Window{Start: w.start, End: w.end, Frame: frame, Predictions: table.Predictions(rows, w.served.Width()), Segments: segments(w.profile, rows), Season: w.season}
	label(&window, rows, w.truths, w.served.Model)
	if out.tally, err = w.profile.Tally(window); err != nil {
		return err
	}
	for _, d := range table.RowDigests(frame, frame.Names()) {
		n, err := strconv.ParseUint(d, 16, 64)
		if err != nil {
			return fault.New(fault.Internal, "the digest %.20q of a row is not hexadecimal", d).Because(err)
		}
		out.digests = append(out.digests, n)
	}
	for _, r := range rows {
		for name := range r.Features {
			if !w.knows[name] {
				out.Input.Extra(name)
			}
		}
	}
	return nil
}

func (p *part) encode() ([]byte, error) {
	t, err := json.Marshal(p.tally)
	if err != nil {
		return nil, err
	}
	s := storedPart{Tally: t, Read: p.read}
	for _, d := range p.digests {
		s.Digests = binary.LittleEndian.AppendUint64(s.Digests, d)
	}
	b, _, err := pack(s)
	return b, err
}

func (w *window) decode(b []byte) (*part, error) {
	b, err := unpack(b, 8*maxPart)
	if err != nil {
		return nil, err
	}
	var s storedPart
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	p := &part{read: s.Read}
	if p.tally, err = w.profile.ReadTally(s.Tally, w.season); err != nil {
		return nil, err
	}
	for d := range slices.Chunk(s.Digests, 8) {
		if len(d) == 8 {
			p.digests = append(p.digests, binary.LittleEndian.Uint64(d))
		}
	}
	if len(p.digests) != p.tally.Rows() {
		return nil, fault.Invalidf("the counts of an hour have %d rows and %d digests", p.tally.Rows(), len(p.digests))
	}
	return p, nil
}
