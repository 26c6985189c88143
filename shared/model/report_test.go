package model

import "testing"

// What the fit says of itself is told through whatever is put around the fitted model.
func TestFitReportThroughWrappers(t *testing.T) {
	report := &Report{ErrorsOmitted: "a reason"}
	linear := &Linear{Report: report}
	if FitReport(linear) != report || FitReport(&Calibrated{Inner: linear}) != report || FitReport(&Calibrated{Inner: &Vote{}}) != nil {
		t.Error("a report is lost, or made up")
	}
}
