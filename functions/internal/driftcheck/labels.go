package driftcheck

import (
	"math"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/table"
	"mlops/shared/drift"
	"mlops/shared/model"
)

// label joins a window with its labels: each record's label as the model counts it, the days it took, and the labels of a class that the model does not have.
// (Labels without a request were refused when they came; those of the hours about the window belong to its neighbours.)
func label(w *drift.Window, records []capture.Record, truths map[string]capture.Label, m *model.Model) {
	w.Labels, w.Delays, w.OtherClasses = table.Labels(records, truths, m.Classes), make([]float64, len(records)), map[string]int{}
	for i, r := range records {
		t, came := truths[r.ID]
		if w.Delays[i] = math.NaN(); came {
			w.Delays[i] = t.At.Sub(r.At).Hours() / 24
		}
		if came && math.IsNaN(w.Labels[i]) {
			w.OtherClasses[t.Value]++
		}
	}
}

// segments are the groups of the records in the declared segment columns that came with them; a column that none has is left out.
func segments(profile *drift.Profile, records []capture.Record) map[string][]string {
	out := map[string][]string{}
	for _, s := range profile.Segments {
		if s.Column == nil {
			continue
		}
		values, came := make([]string, len(records)), false
		for i, r := range records {
			values[i] = table.Text(r.Features[s.Name])
			came = came || values[i] != ""
		}
		if came {
			out[s.Name] = values
		}
	}
	return out
}
