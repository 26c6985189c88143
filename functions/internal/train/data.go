package train

import (
	"context"

	"mlops/functions/internal/table"
	"mlops/shared/dataset"
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

// read reads a data version. The columns of the shape stand among the features, for the training to take off.
func (h *Handler) read(ctx context.Context, m table.Manifest, shape training.Shape) (*data, error) {
	l, err := table.Learn(m, shape.Columns(), func(part string) (*dataset.Frame, error) { return table.ReadSplit(ctx, h.Blobs, m, part) })
	if err != nil {
		return nil, err
	}
	return &data{l.Frame, l.Labels, l.Test, l.Truth, l.Groups}, nil
}
