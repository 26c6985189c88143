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
// verdict on a part that nobody chose would mislead.
func Window(ctx context.Context, b Blobs, model, variant string, start, end time.Time) ([]Record, error) {
	var out []Record
	err := eachObject(ctx, b, path.Join("capture", model, variant), start, end, func(body []byte) error {
		return eachLine(body, func(l []byte) error {
			r, err := Decode(l)
			if err != nil {
				return err
			}
			if r.At.Before(start) || !r.At.Before(end) {
				return nil
			}
			r.Variant = variant
			if out = append(out, r); len(out) > MaxRows {
				return fault.Invalidf("the window %s to %s of %s holds more than %d predictions: choose a shorter one", start.Format(time.RFC3339), end.Format(time.RFC3339), model, MaxRows)
			}
			return nil
		})
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
		err := eachObject(ctx, b, path.Join("capture", model, variant), hour, hour, func(body []byte) error {
			return eachLine(body, func(l []byte) error {
				r, err := Decode(l)
				if err == nil && wanted[r.ID] {
					r.Variant = variant
					out = append(out, r)
				}
				return err
			})
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
	needle := []byte(`"eventId":"` + id + `"`)
	for i := n - 1; i >= 0; i-- {
		body, err := b.Get(ctx, keys[i], MaxObject)
		if err != nil {
			return Record{}, err
		}
		var found *Record
		err = eachLine(body, func(l []byte) error {
			if !bytes.Contains(l, needle) {
				return nil
			}
			r, err := Decode(l)
			if err == nil && r.ID == id {
				r.Variant = variant
				found = &r
			}
			return err
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
	err := eachObject(ctx, b, path.Join("capture", model, variant), hour, hour.Add(time.Hour), func(body []byte) error {
		return eachLine(body, func(l []byte) error {
			r, err := Decode(l)
			out[r.ID] = true
			return err
		})
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
	out := map[string]Label{}
	err := eachObject(ctx, b, path.Join("groundtruth", model), start, end, func(body []byte) error {
		return eachLine(body, func(l []byte) error {
			var t truth
			if err := json.Unmarshal(l, &t); err != nil {
				return fault.Invalidf("read a ground-truth line: it is not JSON").Because(err)
			}
			out[t.EventMetadata.EventID] = Label{t.EventMetadata.EventID, t.GroundTruthData.Data, t.EventMetadata.LabeledAt, t.EventMetadata.Source}
			if len(out) > MaxRows {
				return fault.Invalidf("more than %d labels of %s between %s and %s: choose a shorter time", MaxRows, model, start.Format(time.RFC3339), end.Format(time.RFC3339))
			}
			return nil
		})
	})
	return out, err
}

// eachObject calls do for the objects of every hour from start to end, hours and keys ascending. It lists by day, not by hour: a week is
// seven listings.
func eachObject(ctx context.Context, b Blobs, root string, start, end time.Time, do func([]byte) error) error {
	first, last := start.UTC().Truncate(time.Hour), end.UTC()
	if last.Sub(first) > MaxHours*time.Hour {
		return fault.Invalidf("a window of %s is longer than the %d days that captures are kept", last.Sub(first), MaxHours/24)
	}
	for day := first.Truncate(24 * time.Hour); day.Before(last) || day.Equal(last); day = day.Add(24 * time.Hour) {
		keys, err := list(ctx, b, root+"/"+day.Format("2006/01/02")+"/")
		if err != nil {
			return err
		}
		for _, k := range keys {
			at, err := time.Parse("2006/01/02/15", strings.TrimPrefix(path.Dir(k), root+"/"))
			if err != nil || at.Before(first) || at.After(last) {
				continue // a foreign object in our folder, or an hour outside the window
			}
			body, err := b.Get(ctx, k, MaxObject)
			if err != nil {
				return err
			}
			if err := do(body); err != nil {
				return err
			}
		}
	}
	return nil
}

func list(ctx context.Context, b Blobs, prefix string) ([]string, error) {
	var keys []string
	after := ""
	for {
		page, err := b.List(ctx, prefix, after, pageSize)
		if err != nil {
			return nil, fault.Wrap(err, "list %s", prefix)
		}
		keys = append(keys, page...)
		if len(page) < pageSize {
			return keys, nil
		}
		after = page[len(page)-1]
	}
}

func eachLine(body []byte, do func([]byte) error) error {
	for len(body) > 0 {
		var l []byte
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			l, body = body[:i], body[i+1:]
		} else {
			l, body = body, nil
		}
		if len(bytes.TrimSpace(l)) == 0 {
			continue
		}
		if err := do(l); err != nil {
			return err
		}
	}
	return nil
}
