package table

import (
	"time"

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
	Suite    string         `json:"suite"`    // key of the suite it is checked against
	Versions []string       `json:"versions"` // data versions, newest last, at most 200
	Updated  time.Time      `json:"updated"`
	Pin      *selection.Pin `json:"pin,omitempty"` // a person's choice of the version to train on
}
