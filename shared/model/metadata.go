package model

import (
	"encoding/json"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Metadata is metadata.json, which lies beside an artefact for people and other programs. It holds no time and no place, so that the
// same training gives the same bytes.
type Metadata struct {
	Name        string                             `json:"name"`
	Task        dataset.Task                       `json:"task"`
	Target      string                             `json:"target"`
	Classes     []string                           `json:"classes,omitempty"`
	Threshold   *float64                           `json:"threshold,omitempty"` // binary only
	Algorithm   string                             `json:"algorithm"`
	Params      map[string]any                     `json:"params"`
	Metrics     map[string]map[string]number.Float `json:"metrics"` // "cv", "test": metric -> value
	Features    []Feature                          `json:"features"`
	Rows        int                                `json:"rows"` // of training
	Seed        uint64                             `json:"seed"`
	DataVersion string                             `json:"data_version"` // digest of the training data
	SHA256      string                             `json:"sha256"`       // of model.bin
}

// Describe fills what the model itself knows: everything but name, params, metrics, rows, seed and data version. artefact is m encoded.
func (m *Model) Describe(artefact []byte) Metadata {
	d := Metadata{Task: m.Task, Target: m.Target, Classes: m.Classes, Algorithm: m.Algorithm, Features: m.Features, SHA256: Digest(artefact)}
	if m.Task == dataset.Binary {
		d.Threshold = &m.Threshold
	}
	return d
}

// Encode writes metadata.json.
func (d Metadata) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, "write the metadata of %s", d.Name)
	}
	return append(b, '\n'), nil
}

// FeatureNames is feature_names.json: the names of the columns in the order that Predict reads them.
func (m *Model) FeatureNames() []byte {
	names := make([]string, len(m.Features))
	for i, f := range m.Features {
		names[i] = f.Name
	}
	b, _ := json.Marshal(names) // texts always can be written
	return append(b, '\n')
}
