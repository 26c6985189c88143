package validate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/release"
	"mlops/functions/internal/table"
	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/drift"
	"mlops/shared/evaluate"
	"mlops/shared/event"
	"mlops/shared/expect"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
	"mlops/shared/training"
)

// How a data version is split. The test part is never trained on; train and val together are cross-validated.
const (
	trainShare = 0.70
	valShare   = 0.15
	splitSeed  = 20260101
)

// sampleRows is how many rows a data version is summed up by: its quick model and its profile of features. A share of 20,000 rows is known to
// within 0.7 points (95 %).
const sampleRows = 20_000

// describe fills the manifest with what is known of a table that met its suite.
func (p *prepared) describe(f *dataset.Frame, labels dataset.Labels, u event.Upload, suite *expect.Suite, key string, now time.Time) {
	m := version.Manifest{Format: version.Format, Dataset: u.Dataset, Content: dataset.Digest(f), Created: now, Code: "mlops " + release.Version, Parents: u.Parents, Selection: u.Choice,
		Source: u.Key, Digest: u.Digest, Target: labels.Name, Positive: u.Positive, Task: labels.Task, Ignore: present(f, u.Ignore), Segment: present(f, u.Segment), Group: u.Group, Time: u.Time, Weight: u.Weight, Seed: splitSeed,
		Split: version.Split{Rule: "stratified", Train: trainShare, Val: valShare, Test: 1 - trainShare - valShare}, Suite: key, SuiteSHA: digest(compact(suite)),
		Validation: version.Validation{Passed: true, Expectations: len(suite.Expectations), Warnings: p.warnings, Report: p.report},
		Schema:     dataset.Describe(f, roles(labels.Name, u)), Fresh: u.Fresh}
	switch {
	case u.Group != "":
		m.Split.Rule = "group"
	case u.Time != "":
		m.Split.Rule = "time"
	}
	m.Split.Test = 0.15 // the rest, without the noise of the subtraction
	if labels.Task == dataset.Binary && m.Positive == "" {
		m.Positive = labels.Classes[1]
	}
	for k, n := range labels.Counts() {
		if m.Classes == nil {
			m.Classes = map[string]int{}
		}
		m.Classes[labels.Classes[k]] = n
	}
	m.Version = m.Name()
	p.manifest, p.rows = m, f.Rows()
}

// split writes the three parts, what sums them up, and the manifest.
func (p *prepared) split(f *dataset.Frame, labels dataset.Labels) error {
	m := &p.manifest
	shape := training.Shape{Group: m.Group, Time: m.Time, Weight: m.Weight}
	train, val, test, err := shape.Split(f, labels, trainShare, valShare, splitSeed)
	if err != nil {
		return err
	}
	m.Rows = map[string]int{"train": len(train), "val": len(val), "test": len(test), "rejected": p.rejected}
	files := map[string][]byte{version.Order: version.Marks(f.Rows(), [3][]int{train, val, test})}
	for i, rows := range [][]int{train, val, test} {
		var buf bytes.Buffer
		if err := dataset.WriteCSV(&buf, f.Take(rows)); err != nil {
			return err
		}
		files[version.Parts[i]+".csv"] = buf.Bytes()
	}
	profile, err := p.sumUp(f, labels, slices.Concat(train, val))
	if err != nil {
		return err
	}
	if profile != nil {
		files[version.Profile] = profile
	}
	m.Files = version.Files{}
	dir := version.Dir(m.Dataset, m.Version)
	for name, body := range files {
		m.Files[name] = version.FileOf(body)
		p.objects = append(p.objects, object{path.Join(dir, name), body})
	}
	b, err := m.Encode()
	if err != nil {
		return fault.New(fault.Internal, "write the manifest of %s", m.Dataset).Because(err)
	}
	slices.SortFunc(p.objects, func(a, b object) int { return strings.Compare(a.key, b.key) })
	p.objects = append(p.objects, object{path.Join(dir, "manifest.json"), b}) // last: what it names is there
	return nil
}

// sumUp profiles the features of a sample of the rows that will be trained on, and scores a quick model on it. A table without features, or
// too small to cross-validate, goes without: training will say so.
func (p *prepared) sumUp(f *dataset.Frame, labels dataset.Labels, rows []int) ([]byte, error) {
	slices.Sort(rows)
	if n := len(rows); n > sampleRows {
		sample := make([]int, sampleRows)
		for i := range sample {
			sample[i] = rows[i*n/sampleRows]
		}
		rows = sample
	}
	features, truth := p.manifest.Features(f).Take(rows), labels.Take(rows)
	if len(features.Columns) == 0 || len(rows) == 0 {
		return nil, nil
	}
	profile, err := drift.NewProfile(drift.Reference{Model: p.manifest.Dataset, Frame: features})
	if err != nil {
		if fault.Is(err, fault.Invalid) { // more columns than a profile keeps
			return nil, nil
		}
		return nil, err
	}
	p.manifest.Quick = quick(features, truth)
	b, err := json.Marshal(profile)
	return b, err
}

// quick scores a linear model; nil where it cannot be had.
func quick(f *dataset.Frame, labels dataset.Labels) *version.Quick {
	result, err := training.Train(f, labels, training.Spec{Algorithm: fit.Linear{}.Algorithm(), Params: map[string]any{"C": 1.0}, Seed: splitSeed}, nil, nil)
	if err != nil {
		return nil
	}
	for _, c := range result.Candidates {
		if c.Chosen {
			return &version.Quick{Algorithm: c.Name(), Metric: result.Metric, Greater: evaluate.Greater(result.Metric), Mean: c.Mean, SE: c.SE, Rows: f.Rows(), Folds: len(c.Folds)}
		}
	}
	return nil
}

// store writes what prepare made. Where the same content came before, from other bytes or with its columns in another order, the first manifest
// and its parts stand.
func (h *Handler) store(ctx context.Context, p prepared) error {
	dir, known := version.Dir(p.manifest.Dataset, p.manifest.Version)+"/", false
	if p.err == nil {
		_, err := table.ReadManifest(ctx, h.Blobs, p.manifest.Dataset, p.manifest.Version)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		known = err == nil
	}
	for _, o := range p.objects {
		if known && strings.HasPrefix(o.key, dir) {
			continue
		}
		if err := h.Blobs.Create(ctx, o.key, o.body); err != nil {
			return fault.Wrap(err, "store %s", o.key)
		}
	}
	return nil
}

// reference names a data version as people write it.
func reference(name, id string) string { return fmt.Sprintf("%s@%s", name, id) }
