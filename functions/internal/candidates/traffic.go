package candidates

import (
	"mlops/functions/internal/capture"
	"mlops/functions/internal/table"
	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/model"
)

// against measures traffic against the profile of a data version.
func against(p *drift.Profile, traffic []capture.Record, m table.Manifest, policy drift.Policy) (*drift.Report, error) {
	var features []model.Feature
	for _, f := range m.Schema.Fields {
		if f.Role == dataset.RoleFeature {
			features = append(features, model.Feature{Name: f.Name, Kind: f.Kind})
		}
	}
	frame, err := table.OfRecords(traffic, features)
	if err != nil {
		return nil, err
	}
	return drift.Measure(p, drift.Window{Start: traffic[0].At, End: traffic[len(traffic)-1].At, Frame: frame}, policy)
}
