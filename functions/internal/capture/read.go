package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"mlops/shared/fault"
)

// Limits of one window.
const (
	MaxRows  = 1_000_000 // records held at once
	MaxHours = 24 * 400  // the longest window, and the life of a capture object
	pageSize = 1000
)

// Window reads the records of a model's variant with start <= time < end, in order of their ids. At MaxRows it stops with an error: a
// verdict on a part that nobody chose would mislead. Lines that cannot be read are passed over here and in what follows: one foreign line
// must not stop a report or a decision, and the drift check, which reads every line, counts and names them (Partition.Each).
func Window(ctx context.Context, b Blobs, model, variant string, start, end time.Time) ([]Record, error) {
	var out []Record
	err := eachRecord(ctx, b, model, variant, start, end, func(r Record) error {
		if r.At.Before(start) || !r.At.Before(end) {
			return nil
		}
		if out = append(out, r); len(out) > MaxRows {
			return fault.Invalidf("the window %s to %s of %s holds more than %d predictions: choose a shorter one", start.Format(time.RFC3339), end.Format(time.RFC3339), model, MaxRows)
		}
		return nil
	})
	sort.SliceStable(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, err
}

// ByID reads the records with the given ids of ours, in order of their ids. An id carries its time, so only the hours that some id names
// are read: a few labels in a year of traffic cost a few hours.
func ByID(ctx context.Context, b Blobs, model, variant string, ids []string) ([]Record, error) {
	wanted := make(map[string]bool, len(ids))
	hours := map[time.Time]bool{}
	for _, id := range ids {
		parsed, err := ulid.ParseStrict(id)
		if err != nil {
			continue // not one of ours, so not recorded
		}
		wanted[id] = true
		hours[ulid.Time(parsed.Time()).UTC().Truncate(time.Hour)] = true
	}
	var out []Record
	for hour := range hours {
		err := eachRecord(ctx, b, model, variant, hour, hour, func(r Record) error {
			if wanted[r.ID] {
				out = append(out, r)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}

// Find reads the record with an id of ours, whose first part is its time. The objects of that hour are searched from the last one whose
// name is not after the id backwards, since an object is named by its first record.
func Find(ctx context.Context, b Blobs, model, variant, id string, at time.Time) (Record, error) {
	prefix := path.Join("capture", model, variant, hourPath(at)) + "/"
	keys, err := list(ctx, b, prefix)
	if err != nil {
		return Record{}, err
	}
	n := sort.Search(len(keys), func(i int) bool { return strings.TrimSuffix(path.Base(keys[i]), ".jsonl") > id })
	for i := n - 1; i >= 0; i-- {
		var found *Record
		err := readObject(ctx, b, keys[i], func(_ int, l []byte) error {
			if found != nil || !bytes.Contains(l, []byte(id)) {
				return nil
			}
			if r, err := Decode(l); err == nil && r.ID == id {
				r.Variant = variant
				found = &r
			}
			return nil
		})
		if err != nil {
			return Record{}, err
		}
		if found != nil {
			return *found, nil
		}
	}
	return Record{}, fault.NotFoundf("no prediction %s of model %s is recorded", id, model)
}

// IDs are the ids of all records of an hour.
func IDs(ctx context.Context, b Blobs, model, variant string, at time.Time) (map[string]bool, error) {
	hour := at.UTC().Truncate(time.Hour)
	out := map[string]bool{}
	err := eachRecord(ctx, b, model, variant, hour, hour.Add(time.Hour), func(r Record) error {
		out[r.ID] = true
		return nil
	})
	return out, err
}

// Label is one truth that arrived for an inference.
type Label struct {
	Inference string    // our id
	Value     string    // as sent, as text
	At        time.Time // when it was learned
	Source    string
}

type truth struct {
	GroundTruthData struct {
		Data     string `json:"data"`
		Encoding string `json:"encoding"`
	} `json:"groundTruthData"`
	EventMetadata struct {
		EventID   string    `json:"eventId"`
		LabeledAt time.Time `json:"labeledAt"`
		Source    string    `json:"source,omitempty"`
	} `json:"eventMetadata"`
	EventVersion string `json:"eventVersion"`
}

// WriteLabels stores labels that came in one request as one object under the hour of `at`.
func WriteLabels(ctx context.Context, b Blobs, model, id string, at time.Time, labels []Label) error {
	var buf bytes.Buffer
	for _, l := range labels {
		var t truth
		t.GroundTruthData.Data, t.GroundTruthData.Encoding = l.Value, "CSV"
		t.EventMetadata.EventID, t.EventMetadata.LabeledAt, t.EventMetadata.Source = l.Inference, l.At.UTC(), l.Source
		t.EventVersion = "0"
		j, err := json.Marshal(t)
		if err != nil {
			return err
		}
		buf.Write(append(j, '\n'))
	}
	key := path.Join("groundtruth", model, hourPath(at), id+".jsonl")
	return fault.Wrap(b.Create(ctx, key, buf.Bytes()), "store %d labels of %s", len(labels), model)
}

// Labels reads every label that was stored from start to end, by inference id; of two for one inference the later stored one counts.
func Labels(ctx context.Context, b Blobs, model string, start, end time.Time) (map[string]Label, error) {
	out, _, err := Truths(ctx, b, model, start, end)
	return out, err
}

// Truths is Labels, with the lines that could not be read.
func Truths(ctx context.Context, b Blobs, model string, start, end time.Time) (map[string]Label, []Broken, error) {
	partitions, _, err := Partitions(ctx, b, path.Join("groundtruth", model), start, end)
	if err != nil {
		return nil, nil, err
	}
	out, broken := map[string]Label{}, []Broken{}
	var keys []string
	for _, p := range partitions {
		keys = append(keys, p.Keys...)
	}
	err = inOrder(ctx, b, keys, func(key string, line int, l []byte) error {
		var t truth
		if err := json.Unmarshal(l, &t); err != nil || t.EventMetadata.EventID == "" {
			broken = append(broken, Broken{key, line, "it is no ground-truth line: JSON with eventMetadata.eventId"})
			return nil
		}
		out[t.EventMetadata.EventID] = Label{t.EventMetadata.EventID, t.GroundTruthData.Data, t.EventMetadata.LabeledAt, t.EventMetadata.Source}
		if len(out) > MaxRows {
			return fault.Invalidf("more than %d labels of %s between %s and %s: choose a shorter time", MaxRows, model, start.Format(time.RFC3339), end.Format(time.RFC3339))
		}
		return nil
	})
	return out, broken, err
}

func eachRecord(ctx context.Context, b Blobs, model, variant string, start, end time.Time, do func(Record) error) error {
	partitions, _, err := Partitions(ctx, b, path.Join("capture", model, variant), start, end)
	if err != nil {
		return err
	}
	var keys []string
	for _, p := range partitions {
		keys = append(keys, p.Keys...)
	}
	return inOrder(ctx, b, keys, func(_ string, _ int, l []byte) error {
		r, err := Decode(l)
		if err != nil {
			return nil
		}
		r.Variant = variant
		return do(r)
	})
}
