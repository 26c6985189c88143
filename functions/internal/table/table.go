// Package table turns what lies in the data bucket into frames: processed splits, and captured requests joined with their labels.
package table

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"time"

	"mlops/functions/internal/capture"
	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// MaxRaw is the largest raw or processed object that is read, bytes.
const MaxRaw = 2 << 30

// Manifest is that of a data version.
type Manifest = version.Manifest

// ReadManifest reads the manifest of a data version, and refuses one that is another's.
func ReadManifest(ctx context.Context, b capture.Blobs, name, id string) (Manifest, error) {
	body, err := b.Get(ctx, path.Join(version.Dir(name, id), "manifest.json"), 16<<20)
	if err != nil {
		return Manifest{}, fault.Wrap(err, "read the manifest of data version %.12s of %s", id, name)
	}
	m, err := version.Read(body)
	if err == nil && (m.Dataset != name || m.Version != id) {
		err = fault.Invalidf("it is that of %.12s of %s", m.Version, m.Dataset).WithCode(version.CodeDamaged)
	}
	return m, fault.Wrap(err, "read the manifest of data version %.12s of %s", id, name)
}

// ReadSplit reads one part of a data version, train, val or test, and refuses bytes that are not the ones its manifest names.
func ReadSplit(ctx context.Context, b capture.Blobs, m Manifest, part string) (*dataset.Frame, error) {
	body, err := b.Get(ctx, path.Join(version.Dir(m.Dataset, m.Version), part+".csv"), MaxRaw)
	if err != nil {
		return nil, fault.Wrap(err, "read the %s part of %s", part, m.Dataset)
	}
	return m.Part(part, body)
}

// OfRecords makes a frame with the features of a model from captured requests. A value that does not fit its column (text in a number)
// is missing there: what was refused at the door is not captured as an answer, so this concerns foreign lines only.
func OfRecords(records []capture.Record, features []model.Feature) (*dataset.Frame, error) {
	columns := make([]dataset.Column, len(features))
	for j, f := range features {
		if f.Kind == dataset.Numeric {
			v := make([]float64, len(records))
			for i, r := range records {
				v[i] = asNumber(r.Features[f.Name])
			}
			columns[j] = dataset.NumericColumn(f.Name, v)
			continue
		}
		v := make([]string, len(records))
		for i, r := range records {
			v[i] = Text(r.Features[f.Name])
		}
		columns[j] = dataset.CategoricalColumn(f.Name, v, func(s string) bool { return s == "" })
	}
	return dataset.NewFrame(columns...)
}

// Predictions are the captured outputs of records, rows x width, as the drift room reads them.
func Predictions(records []capture.Record, width int) []float64 {
	out := make([]float64, 0, len(records)*width)
	for _, r := range records {
		if len(r.Probabilities) == width {
			out = append(out, r.Probabilities...)
			continue
		}
		for k := range width {
			v := math.NaN()
			if k == 0 && width == 1 {
				v = asNumber(r.Prediction)
			}
			out = append(out, v)
		}
	}
	return out
}

// Labels gives each record's label as the model counts it: class index, or value; NaN where none came yet.
func Labels(records []capture.Record, labels map[string]capture.Label, classes []string) []float64 {
	out := make([]float64, len(records))
	for i, r := range records {
		out[i] = math.NaN()
		l, ok := labels[r.ID]
		if !ok {
			continue
		}
		out[i] = Label(l.Value, classes)
	}
	return out
}

// Label is a truth as the model counts it: the index of its class, or without classes its value; NaN when it is neither.
func Label(text string, classes []string) float64 {
	if len(classes) == 0 {
		return asNumber(text)
	}
	for k, c := range classes {
		if c == text {
			return float64(k)
		}
	}
	return math.NaN()
}

// MaxLabelled is how many labelled requests are looked at, the newest ones; MaxBack how far back labels are looked for.
const (
	MaxLabelled = 50_000
	MaxBack     = 180 * 24 * time.Hour
)

// Labelled are the answered requests from start to end whose truth is known, in order of their ids, with those truths. Labels are read
// first, and then the hours they speak of; of very many the newest count, which is what a comparison of today's models is about.
func Labelled(ctx context.Context, b capture.Blobs, name string, start, end time.Time, classes []string) ([]capture.Record, []float64, error) {
	if oldest := end.Add(-MaxBack); start.Before(oldest) {
		start = oldest
	}
	truths, err := capture.Labels(ctx, b, name, start, end)
	if err != nil {
		return nil, nil, err
	}
	ids := slices.Sorted(maps.Keys(truths))
	records, err := capture.ByID(ctx, b, name, "champion", ids[max(0, len(ids)-MaxLabelled):])
	if err != nil {
		return nil, nil, err
	}
	records = slices.DeleteFunc(records, func(r capture.Record) bool { return r.At.Before(start) || !r.At.Before(end) })
	y := Labels(records, truths, classes)
	var known []capture.Record
	var values []float64
	for i := range records {
		if !math.IsNaN(y[i]) {
			known, values = append(known, records[i]), append(values, y[i])
		}
	}
	return known, values, nil
}

// RowDigests name each row of f by the texts of the given columns, in that order: 16 hex digits of SHA-256. The same patient asked about
// twice has the same name, whichever way the row came.
func RowDigests(f *dataset.Frame, names []string) []string {
	out := make([]string, f.Rows())
	columns := make([]*dataset.Column, len(names))
	for j, n := range names {
		columns[j] = f.Column(n)
	}
	var buf []byte
	for i := range out {
		buf = buf[:0]
		for j, c := range columns {
			buf = append(append(buf, names[j]...), 0)
			if c != nil {
				buf = append(buf, c.Text(i)...)
			}
			buf = append(buf, 0)
		}
		sum := sha256.Sum256(buf)
		out[i] = hex.EncodeToString(sum[:8])
	}
	return out
}

func asNumber(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f
		}
	case bool:
		if v {
			return 1
		}
		return 0
	}
	return math.NaN()
}

// Text is a captured value as text, "" when it is missing.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
