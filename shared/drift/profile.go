// Package drift says what changed between the data a model was trained on and a window of what it meets now, whether that matters,
// and how sure one can be: a reference profile without raw rows, detectors, a correction for many tests, and an estimate of the
// model's performance before labels arrive.
package drift

import (
	"time"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// Profile is what is kept of the reference data beside the model: enough to measure any later window, and no raw rows. Every count
// lies on bins that the reference fixed, so that counts of parts of a window add up.
type Profile struct {
	Format     int              `json:"format"` // 1
	Model      string           `json:"model"`
	Version    int              `json:"version"`
	Rows       int              `json:"rows"`
	Task       dataset.Task     `json:"task,omitempty"` // "" where there were neither labels nor predictions
	Classes    []string         `json:"classes,omitempty"`
	Threshold  float64          `json:"threshold"`        // binary: positive when p >= Threshold
	Sorted     string           `json:"sorted,omitempty"` // the column by which the rows were found sorted: their order tells nothing of the noise of ordinary windows
	Features   []FeatureProfile `json:"features"`
	Prediction *FeatureProfile  `json:"prediction,omitempty"` // binary: p of the positive class; multiclass: the class; regression: the value
	Target     *FeatureProfile  `json:"target,omitempty"`     // the labels: the class, or the value
	Segments   []SegmentProfile `json:"segments,omitempty"`   // groups of rows that are looked at by themselves
	Repeated   *Duplication     `json:"repeated,omitempty"`   // rows that came more than once

	Performance *PerformanceProfile   `json:"performance,omitempty"` // nil where there were no labels
	Joint       *joint.Reconstruction `json:"joint,omitempty"`       // how the columns go together; nil where it takes more rows, or more columns that vary
}

// FeatureProfile is one column of the reference.
type FeatureProfile struct {
	Name       string       `json:"name"`
	Kind       dataset.Kind `json:"kind"`
	Integer    bool         `json:"integer,omitempty"`
	Importance number.Float `json:"importance"` // NaN where not known
	Rows       int          `json:"rows"`
	Missing    int          `json:"missing"`  // rows without a value
	Infinite   int          `json:"infinite"` // rows with an infinity
	Distinct   int          `json:"distinct"` // different finite values, or levels

	// Numbers. Bin i holds Edges[i-1] < x <= Edges[i]; the first and last bins are open-ended and lie outside the reference's range.
	Edges  []number.Float `json:"edges,omitempty"`
	Counts []int          `json:"counts,omitempty"` // by bin, one more than Edges; of categories by level, one for each of Levels
	Zeros  int            `json:"zeros,omitempty"`  // values that are exactly zero: they have no unit
	Mean   number.Float   `json:"mean"`
	SD     number.Float   `json:"sd"` // n-1 in the denominator
	Min    number.Float   `json:"min"`
	Q1     number.Float   `json:"q1"`
	Median number.Float   `json:"median"`
	Q3     number.Float   `json:"q3"`
	Max    number.Float   `json:"max"`

	Noise []Noise `json:"noise,omitempty"` // parts of the reference by ascending size; none where they differ by chance only

	// Categories.
	Levels []string `json:"levels,omitempty"` // ascending; at most maxLevels, the most frequent
	Other  int      `json:"other,omitempty"`  // rows of levels that found no place in Levels
}

// PerformanceProfile is how good the model was on the reference, on predictions made out of fold.
type PerformanceProfile struct {
	Metric      string                  `json:"metric"` // auc, accuracy or rmse
	Metrics     evaluate.Metrics        `json:"metrics"`
	N           int                     `json:"n"`
	Calibration []Calibration           `json:"calibration,omitempty"` // binary: one, of the positive class; multiclass: one a class
	Offsets     map[string]number.Float `json:"offsets,omitempty"`     // multiclass: by metric, what the expectation on the reference lacks of the truth
	Error       *ErrorModel             `json:"error,omitempty"`       // regression
	Expected    number.Float            `json:"expected"`              // what the estimate without labels says of the reference itself
	ExpectedSD  number.Float            `json:"expected_sd"`           // standard deviation of one row's pull on it: its noise at n rows is ExpectedSD / sqrt(n)
}

// Reference is what a profile is made of: the training rows with the out-of-fold predictions of the model that was chosen.
type Reference struct {
	Model       string
	Version     int
	Frame       *dataset.Frame      // features only
	Labels      dataset.Labels      // may be empty: then there is no performance reference
	Predictions []float64           // out of fold, row-major rows x width; may be nil
	Importance  map[string]float64  // by feature; may be nil
	Threshold   float64             // binary: positive when p >= Threshold; 0 means 0.5
	Segments    map[string][]string // declared segment columns that are no features: each row's group, "" = missing; may be nil
	Order       string              // of the rows: OrderTime, OrderNone, or "": by time unless they are found sorted
}

// Orders of a reference's rows.
const (
	OrderTime = "time" // as they came: stretches of them are what ordinary windows look like
	OrderNone = "none" // any: rows count as independent
)

// Window is a stretch of what the model met.
type Window struct {
	Start, End   time.Time
	Frame        *dataset.Frame      // columns that the profile does not know are named in the report and not compared
	Predictions  []float64           // row-major rows x width, NaN = not answered; may be nil
	Labels       []float64           // class index or value, NaN = not known yet; may be nil
	Segments     map[string][]string // declared segment columns: each row's group, "" = missing; may be nil
	Delays       []float64           // days from a row to its label, NaN = not known; may be nil
	Unmatched    int                 // labels that came in the window's time and belong to none of its rows
	OtherClasses map[string]int      // labels that are no class of the model, by text; may be nil
	Usual        []int               // rows of the windows before, of the same length, oldest first; may be nil
	Season       *Season             // the same season of an earlier year, a second reference; may be nil
	Domain       *joint.Separation   // what a classifier made of its rows and the reference's, where those are at hand; may be nil
}
