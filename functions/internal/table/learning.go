package table

import (
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Learning is a data version as a learner sees it: train and val together, test apart.
type Learning struct {
	Frame  *dataset.Frame // features of train and val
	Labels dataset.Labels
	Test   *dataset.Frame      // features of test
	Truth  dataset.Labels      // of Test, by the classes of Labels
	Groups map[string][]string // segment column -> its value in each row of Frame
}

// Learn reads the parts of a data version for a learner. Columns named in shape, which say how rows belong together, stand among the features of Frame
// for the training to take off, though the version declares them to be none.
func Learn(m Manifest, shape []string, part func(name string) (*dataset.Frame, error)) (*Learning, error) {
	var parts [3]*dataset.Frame
	for i, name := range [...]string{"train", "val", "test"} {
		var err error
		if parts[i], err = part(name); err != nil {
			return nil, err
		}
	}
	both, err := dataset.Concat(parts[0], parts[1])
	if err != nil {
		return nil, err
	}
	target := dataset.Target{Column: m.Target}
	l := &Learning{Groups: map[string][]string{}}
	if l.Labels, err = target.Labels(both, m.Task, m.Positive); err != nil {
		return nil, err
	}
	if l.Truth, err = like(parts[2], m, l.Labels.Classes); err != nil {
		return nil, err
	}
	for _, s := range m.Segment {
		c := both.Column(s)
		for i := range both.Rows() {
			l.Groups[s] = append(l.Groups[s], c.Text(i))
		}
	}
	l.Test = m.Features(parts[2]).Drop(shape...)
	l.Frame, err = withShape(m, both, shape)
	return l, err
}

// withShape are the features, with the columns of the shape that are declared to be none.
func withShape(m Manifest, f *dataset.Frame, shape []string) (*dataset.Frame, error) {
	out := m.Features(f)
	columns := slices.Clone(out.Columns)
	for _, name := range shape {
		if c := f.Column(name); c != nil && out.Column(name) == nil && name != m.Target {
			columns = append(columns, *c)
		}
	}
	return dataset.NewFrame(columns...)
}

// like reads the labels of a part with the classes of the whole: a small part may lack one.
func like(f *dataset.Frame, m Manifest, classes []string) (dataset.Labels, error) {
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
