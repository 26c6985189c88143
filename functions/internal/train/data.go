package train

import (
	"context"
	"slices"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/table"
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/training"
)

// data is a data version as the learner sees it: train and val together, test apart.
type data struct {
	frame  *dataset.Frame // features of train and val
	labels dataset.Labels
	test   *dataset.Frame
	truth  dataset.Labels
	groups map[string][]string // segment column -> its value in each row of frame
}

// withShape are the features, with the columns of the shape that are declared to be none.
func withShape(m table.Manifest, f *dataset.Frame, shape training.Shape) (*dataset.Frame, error) {
	out := m.Features(f)
	columns := slices.Clone(out.Columns)
	for _, name := range shape.Columns() {
		if c := f.Column(name); c != nil && out.Column(name) == nil && name != m.Target {
			columns = append(columns, *c)
		}
	}
	return dataset.NewFrame(columns...)
}

// Table is what a data version is trained on: the features of train and val, with the columns of the shape, their labels, and all columns of these rows.
func Table(ctx context.Context, b capture.Blobs, m table.Manifest, shape training.Shape) (features *dataset.Frame, l dataset.Labels, all *dataset.Frame, err error) {
	trainPart, err := table.ReadSplit(ctx, b, m, "train")
	if err != nil {
		return nil, l, nil, err
	}
	valPart, err := table.ReadSplit(ctx, b, m, "val")
	if err != nil {
		return nil, l, nil, err
	}
	if all, err = dataset.Concat(trainPart, valPart); err != nil {
		return nil, l, nil, err
	}
	if l, err = (dataset.Target{Column: m.Target}).Labels(all, m.Task, m.Positive); err != nil {
		return nil, l, nil, err
	}
	features, err = withShape(m, all, shape)
	return features, l, all, err
}

// read reads a data version. The columns of the shape stand among the features, for the training to take off.
func (h *Handler) read(ctx context.Context, m table.Manifest, shape training.Shape) (*data, error) {
	d := &data{groups: map[string][]string{}}
	var both *dataset.Frame
	var err error
	if d.frame, d.labels, both, err = Table(ctx, h.Blobs, m, shape); err != nil {
		return nil, err
	}
	testPart, err := table.ReadSplit(ctx, h.Blobs, m, "test")
	if err != nil {
		return nil, err
	}
	if d.truth, err = like(testPart, m, d.labels.Classes); err != nil {
		return nil, err
	}
	for _, s := range m.Segment {
		c := both.Column(s)
		for i := range both.Rows() {
			d.groups[s] = append(d.groups[s], c.Text(i))
		}
	}
	d.test = m.Features(testPart).Drop(shape.Columns()...)
	return d, nil
}

// like reads the labels of a part with the classes of the whole: a small part may lack one.
func like(f *dataset.Frame, m table.Manifest, classes []string) (dataset.Labels, error) {
	l := dataset.Labels{Name: m.Target, Task: m.Task, Classes: classes, Y: make([]float64, f.Rows())}
	c := f.Column(m.Target)
	for i := range l.Y {
		if m.Task == dataset.Regression {
			l.Y[i] = c.Float[i]
			continue
		}
		k := -1
		for j, name := range classes {
			if c.Text(i) == name {
				k = j
			}
		}
		if k < 0 {
			return l, fault.Invalidf("the test part has class %q, which the training part lacks", c.Text(i))
		}
		l.Y[i] = float64(k)
	}
	return l, nil
}
