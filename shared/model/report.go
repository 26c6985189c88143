package model

import "mlops/shared/number"

// Report is what a fit learnt beside the predictor, for people. It is no part of the artefact: it stands in metadata.json, and a decoded
// predictor has none.
type Report struct {
	// Coefficients are those of a linear model, the intercepts first.
	Coefficients []Coefficient `json:"coefficients,omitempty"`
	// ErrorsOmitted says why the coefficients have no standard errors; "" when they have.
	ErrorsOmitted string `json:"errors_omitted,omitempty"`
	// Iterations of a linear model's optimiser, and whether it came to the minimum within them.
	Iterations int   `json:"iterations,omitempty"`
	Converged  *bool `json:"converged,omitempty"`
	// OutOfBag are the metrics of a forest on OutOfBagRows rows, each predicted by the trees whose sample it was not in.
	OutOfBag     map[string]number.Float `json:"out_of_bag,omitempty"`
	OutOfBagRows int                     `json:"out_of_bag_rows,omitempty"`
}

// Coefficient is what one feature, or one level of it, adds to a raw score: of a numeric feature per unit of it, of a level or a missing
// value relative to the mean over the training rows, as Linear's effects are. An intercept has no Feature: it is the mean raw score.
type Coefficient struct {
	Feature  string       `json:"feature,omitempty"`
	Level    string       `json:"level,omitempty"`
	Missing  bool         `json:"missing,omitempty"` // it is the effect of a missing value
	Class    string       `json:"class,omitempty"`   // multiclass: whose score
	Estimate number.Float `json:"estimate"`
	// SE is the standard error, Z = Estimate/SE, Low and High the normal 95 % interval Estimate +- 1.96 SE; NaN where there is no standard
	// error: the reason is Report.ErrorsOmitted, or that an L1 penalty set the coefficient to 0.
	SE   number.Float `json:"se"`
	Z    number.Float `json:"z"`
	Low  number.Float `json:"low"`
	High number.Float `json:"high"`
}

// Reporter is a Predictor that may have a Report; nil = none.
type Reporter interface{ FitReport() *Report }

// FitReport is the report of the fit that made p; nil when it made none, or p was decoded.
func FitReport(p Predictor) *Report {
	if r, ok := p.(Reporter); ok {
		return r.FitReport()
	}
	return nil
}

// FitReport is t's.
func (t *Trees) FitReport() *Report { return t.Report }

// FitReport is l's.
func (l *Linear) FitReport() *Report { return l.Report }

// FitReport is the inner predictor's: its features are the engineered ones.
func (p *Pipeline) FitReport() *Report { return FitReport(p.inner.Predictor) }

// FitReport is the inner predictor's: it describes the fit, before its probabilities were calibrated.
func (c *Calibrated) FitReport() *Report { return FitReport(c.Inner) }
