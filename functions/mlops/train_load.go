package main

import (
	"fmt"
	"os"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/dataset/version"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
	"mlops/shared/platform"
	"mlops/shared/training"
)

// dataset is what the data are called: the file's stem, or the name of the data version.
func (f *trainFlags) dataset() string {
	if versioned(f.data) {
		if name, _, err := version.ParseReference(f.data); err == nil { // else reading says so
			return name
		}
	}
	return stem(f.data)
}

// subject is whose settings hold: the model's name, or, as on the platform, the data version's.
func (f *trainFlags) subject() string {
	if versioned(f.data) {
		return f.dataset()
	}
	return f.name
}

// recipe reads the feature engineering.
func (f trainFlags) recipe(spec *training.Spec) error {
	if f.features == "" {
		return nil
	}
	b, err := os.ReadFile(f.features)
	if err != nil {
		return usage{fmt.Errorf("read the feature engineering: %w", err)}
	}
	all, err := platform.Settings(f.features, b, fit.Recipes{})
	spec.Recipe = all.For(f.subject())
	return err
}

// load reads a table's features and labels; rows without a target are left out and counted. classes, when given, are those of the training.
func (f trainFlags) load(file string, classes []string) (*dataset.Frame, dataset.Labels, int, error) {
	var none dataset.Labels
	frame, err := readTable(file, dataset.Options{Categorical: f.categorical})
	if err != nil {
		return nil, none, 0, fault.Wrap(err, "read %s", file)
	}
	target, err := dataset.ParseTarget(f.target)
	if err != nil {
		return nil, none, 0, err
	}
	if classes == nil {
		if err := known(frame, f.ignore, file); err != nil {
			return nil, none, 0, err
		}
	}
	keep := target.Present(frame)
	dropped := frame.Rows() - len(keep)
	if dropped > 0 && len(keep) > 0 {
		frame = frame.Take(keep)
	}
	labels, err := target.Labels(frame, dataset.Task(f.task), f.positive)
	if err != nil {
		return nil, none, 0, err
	}
	if classes != nil {
		if labels, err = relabel(labels, classes); err != nil {
			return nil, none, 0, fault.Wrap(err, "read %s", file)
		}
	}
	return frame.Drop(append([]string{target.Column, f.target}, f.ignore...)...), labels, dropped, nil
}

// relabel counts classes as another set of labels does.
func relabel(l dataset.Labels, classes []string) (dataset.Labels, error) {
	index := map[string]float64{}
	for i, c := range classes {
		index[c] = float64(i)
	}
	out := dataset.Labels{Name: l.Name, Task: l.Task, Classes: classes, Y: make([]float64, len(l.Y))}
	if len(classes) > 2 {
		out.Task = dataset.Multiclass
	}
	for i, y := range l.Y {
		k, ok := index[l.Classes[int(y)]]
		if !ok {
			return out, fault.Invalidf("class %q did not occur in training", l.Classes[int(y)])
		}
		out.Y[i] = k
	}
	return out, nil
}

// tests reads --test before anything is fitted, as the training table was read, whatever its own values would suggest.
func (f trainFlags) tests(l *lesson) (err error) {
	if f.test == "" {
		return nil
	}
	f.task = string(l.labels.Task)
	f.categorical = slices.Clone(f.categorical)
	features := l.frame.Drop(f.shape.Columns()...) // a test table needs no groups, times or weights
	for i := range features.Columns {
		if c := &features.Columns[i]; c.Kind == dataset.Categorical {
			f.categorical = append(f.categorical, c.Name)
		}
	}
	if l.test, l.truth, _, err = f.load(f.test, l.labels.Classes); err != nil || f.features != "" { // a recipe may leave columns out
		return err
	}
	var absent []fault.Detail
	for _, name := range features.Names() {
		if l.test.Column(name) == nil {
			absent = append(absent, fault.Detail{Field: name, Code: "missing", Expected: "a column of this name, since " + f.data + " has one"})
		}
	}
	if absent != nil {
		return fault.Invalidf("read %s: features of the training are not there", f.test).With(absent...)
	}
	return nil
}
