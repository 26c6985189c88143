package table

import (
	"context"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/job"
	"mlops/shared/control"
	"mlops/shared/dataset/version"
	"mlops/shared/fault"
	"mlops/shared/training/selection"
)

// Dataset is what is remembered about a dataset by its name: how to read it, and which versions of it there are.
type Dataset struct {
	Name     string         `json:"name"`
	Model    string         `json:"model"`
	Target   string         `json:"target"`
	Positive string         `json:"positive,omitempty"`
	Task     string         `json:"task,omitempty"`
	Ignore   []string       `json:"ignore,omitempty"`
	Segment  []string       `json:"segment,omitempty"`
	Group    string         `json:"group,omitempty"`
	Time     string         `json:"time,omitempty"`
	Weight   string         `json:"weight,omitempty"`
	Suite    string         `json:"suite"`    // key of the suite it is checked against
	Versions []string       `json:"versions"` // data versions, newest last, at most 200
	Updated  time.Time      `json:"updated"`
	Pin      *selection.Pin `json:"pin,omitempty"` // a person's choice of the version to train on
}

// Find gives a dataset, and the manifest of the version of it that ref means, see version.Resolve.
func Find(ctx context.Context, c job.Store, b capture.Blobs, name, ref string) (Dataset, Manifest, error) {
	var d Dataset
	if _, err := c.Get(ctx, control.Dataset(name), &d); err != nil {
		return d, Manifest{}, fault.Wrap(err, "find the dataset %.60q", name)
	}
	id, err := version.Resolve(d.Versions, ref)
	if err != nil {
		return d, Manifest{}, fault.Wrap(err, "find the data version %.70q of %s", ref, name)
	}
	m, err := ReadManifest(ctx, b, name, id)
	return d, m, err
}
