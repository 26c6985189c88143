package main

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"mlops/functions/internal/table"
	"mlops/functions/internal/train"
	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// lesson is what is trained on: the rows of a file, or of a data version.
type lesson struct {
	frame   *dataset.Frame // features
	labels  dataset.Labels
	dropped int               // rows without a target
	version *version.Manifest // nil = a file
	test    *dataset.Frame    // features of --test, or of the version's own test rows
	truth   dataset.Labels    // of test
}

// lesson reads --data.
func (f *trainFlags) lesson(ctx context.Context) (l lesson, err error) {
	if !versioned(f.data) {
		l.frame, l.labels, l.dropped, err = f.load(f.data, nil)
		return l, err
	}
	if err := f.unversioned(); err != nil {
		return l, err
	}
	v, err := f.remote.show(ctx, f.data)
	if err != nil {
		return l, fault.Wrap(err, "find the data version %.100q, since there is no file of that name", f.data)
	}
	m := v.Manifest
	if err := f.question(m); err != nil {
		return l, err
	}
	if !m.Validation.Passed {
		return l, fault.Invalidf("data version %.12s of %s failed its validation: it is not trained on", m.Version, m.Dataset)
	}
	if f.shape.Group+f.shape.Time == "" { // what is asked for stands instead of what was declared
		f.shape.Group, f.shape.Time = m.Group, m.Time
	}
	f.shape.Weight = cmp.Or(f.shape.Weight, m.Weight)
	learning, err := table.Learn(m, f.shape.Columns(), func(part string) (*dataset.Frame, error) { return f.remote.rows(ctx, m, part) })
	if err != nil {
		return l, err
	}
	if err := known(learning.Frame, f.ignore, f.data); err != nil {
		return l, err
	}
	f.target, f.positive, f.task = m.Target, m.Positive, string(m.Task)
	return lesson{frame: learning.Frame.Drop(f.ignore...), labels: learning.Labels, version: &m, test: learning.Test, truth: learning.Truth}, nil
}

// versioned reports whether an argument names a data version, as in heart@2d08, heart^ or, where no file is called so, heart.
func versioned(arg string) bool {
	if info, err := os.Stat(arg); err == nil && !info.IsDir() || strings.ContainsAny(arg, `/\`) {
		return false
	}
	return strings.ContainsAny(arg, "@^~") || arg != "" && !strings.HasSuffix(strings.ToLower(arg), dataset.ExtensionOf(arg, nil)) // heart.csv, mistyped, is no version
}

// unversioned refuses what a data version has decided already.
func (f *trainFlags) unversioned() error {
	if len(f.categorical) > 0 {
		return usage{fault.Invalidf("a data version says itself which columns are categories: mlops data checkout %s writes its rows, to be read otherwise", f.data).
			With(fault.Detail{Field: "--categorical", Code: "contradiction", Got: strings.Join(f.categorical, ","), Expected: "nothing"})}
	}
	return nil
}

// question refuses another one than the data version asks: its rows were split by that.
func (f *trainFlags) question(m version.Manifest) error {
	var d []fault.Detail
	for _, x := range [...]struct{ flag, got, is string }{{"--target", f.target, m.Target}, {"--positive", f.positive, m.Positive}, {"--task", f.task, string(m.Task)}} {
		if x.got != "" && x.got != x.is {
			d = append(d, fault.Detail{Field: x.flag, Code: "contradiction", Got: x.got, Expected: x.is + ", or nothing"})
		}
	}
	if d == nil {
		return nil
	}
	return fault.Invalidf("data version %.12s of %s was made for another question: mlops data checkout writes its rows, to ask them yours", m.Version, m.Dataset).With(d...)
}

// known names the columns of --ignore that a table has not.
func known(frame *dataset.Frame, names []string, of string) error {
	var unknown []fault.Detail
	for _, name := range names {
		if frame.Column(name) == nil {
			unknown = append(unknown, fault.Detail{Field: "--ignore", Code: "missing", Got: name, Expected: "a column of " + of})
		}
	}
	if unknown == nil {
		return nil
	}
	return fault.Invalidf("read %s: columns to leave out are not there", of).With(unknown...)
}

// measures scores the model on --test, or without it on the data version's own test rows; nil where there are neither.
func (f *trainFlags) measures(m *model.Model, l lesson) (evaluate.Metrics, error) {
	if f.test == "" && l.truth.Len() == 0 {
		return nil, nil
	}
	p, err := m.PredictFrame(l.test)
	if err != nil {
		return nil, fault.Wrap(err, "score the test rows of %s", cmp.Or(f.test, f.data))
	}
	scores, err := evaluate.Measure(l.truth, p)
	if f.test == "" && fault.Is(err, fault.Invalid) { // a test part too small to measure is said by absence
		return nil, nil
	}
	return scores, err
}

// digest says which rows these are: the data version, or the digest of a file's.
func (l lesson) digest() string {
	if l.version != nil {
		return l.version.Version
	}
	return dataset.Digest(l.frame)
}

// describe says in metadata.json which data version was trained on, so that the way back works; of a file it says nothing more.
func (l lesson) describe(meta *train.Metadata) {
	if l.version == nil {
		return
	}
	m := l.version
	meta.Dataset, meta.Data, meta.Positive = m.Dataset, m.Version, m.Positive
	meta.Ignored = slices.Concat(meta.Ignored, m.Ignore, m.Segment)
}
