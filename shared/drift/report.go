package drift

import (
	"time"

	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// Verdicts of a report, from the calmest to the loudest.
const (
	Insufficient = "insufficient_data" // too few rows to say anything; Reasons say what it would take
	OK           = "ok"                // nothing found
	Warn         = "warn"              // something changed, and nothing shows that it costs
	Alert        = "alert"             // the predictions got worse, the data is broken, or much moved and nothing shows that it is harmless
)

// Kinds of finding.
const (
	Covariate        = "covariate"         // the distribution of a feature changed
	Prediction       = "prediction"        // the distribution of the model's answers changed
	MissingRate      = "missing_rate"      // values go missing more often, or less (Effect < 0)
	AllNull          = "all_null"          // no value in any row
	NewCategory      = "new_category"      // levels that training never saw
	VanishedCategory = "vanished_category" // levels that training knew and the window lacks
	UnitChange       = "unit_change"       // the values are the reference's times a constant factor
	Constant         = "constant"          // one and the same value in every row
	NonFinite        = "non_finite"        // infinities
	WrongType        = "wrong_type"        // texts in a feature of numbers
	MissingColumn    = "missing_column"    // the window has no such column
	Joint            = "joint"             // the columns go together otherwise: the PCA reconstruction error changed
	Domain           = "domain"            // a classifier tells the window's rows from the reference's
	Target           = "target"            // the distribution of the labels changed
	OneClass         = "one_class"         // all labels are of one class
	UnknownClass     = "unknown_class"     // labels that are no class of the model
	NegativeTarget   = "negative_target"   // negative values of a target that had none
	UnmatchedLabel   = "unmatched_label"   // labels that belong to no row
	BadPrediction    = "bad_prediction"    // answers that are no prediction: outside [0, 1], infinite, not summing to one
	SegmentShare     = "segment_share"     // the groups of a declared segment have other shares
	SegmentDrift     = "segment_drift"     // a feature changed within a group, and looks calm in the whole
	SegmentLoss      = "segment_loss"      // the model got worse in a group
	Duplicates       = "duplicates"        // the same rows more than once
	RowCount         = "row_count"         // far fewer or more rows than usual
	EmptyReference   = "empty_reference"   // the reference has no value to compare with: all are missing or infinite
	ExtraColumn      = "extra_column"      // a column that the profile does not know
	ColumnOrder      = "column_order"      // a column stands elsewhere than in the reference
	ColumnType       = "column_type"       // numbers in a feature of categories
)

// Severities of a finding.
const (
	SeverityInfo  = "info" // said, and no change: no column drifted by it, and no verdict comes of it
	SeverityWarn  = "warn"
	SeverityAlert = "alert"
)

// PredictionColumn is the model's answers' key in Report.Columns (with parentheses around it if a feature has that name).
const PredictionColumn = "prediction"

// Report says what changed between the reference and a window, whether it matters, and why it was or was not called drift. Its JSON
// is a superset of Evidently's drift table (legacy DataDriftTable), so that readers of one read the other.
type Report struct {
	Model   string `json:"model,omitempty"`
	Version int    `json:"version,omitempty"`

	DatasetDrift    bool                    `json:"dataset_drift"`             // at least Policy.DriftShare of the columns drifted, and at least one, or all of them together
	Share           number.Float            `json:"share_of_drifted_columns"`  // NumberOfDrifted / NumberOfColumns
	NumberOfColumns int                     `json:"number_of_columns"`         // of the profile, with the prediction and the labels; declared segments are not counted
	NumberOfDrifted int                     `json:"number_of_drifted_columns"` //
	ImportanceShare number.Float            `json:"importance_weighted_share"` // of the features' importance, what drifted has; NaN where no importance is known
	Columns         map[string]*ColumnDrift `json:"drift_by_columns"`

	Multivariate *Multivariate `json:"multivariate,omitempty"` // of the columns together; nil where the policy asks for none

	NReference int  `json:"n_reference"` // rows
	NCurrent   int  `json:"n_current"`   // rows
	Window     Span `json:"window"`

	Verdict  string    `json:"verdict"`
	Reasons  []string  `json:"reasons"`  // why the verdict, and why not a louder one
	Findings []Finding `json:"findings"` // loudest first, then by the feature's importance; those of severity info last

	Estimated       *Performance               `json:"estimated,omitempty"`        // without labels; nil: NoEstimate says why
	NoEstimate      string                     `json:"no_estimate,omitempty"`      //
	Expected        map[string]number.Float    `json:"expected_metrics,omitempty"` // every metric that can be expected without labels
	ExpectedBands   map[string][2]number.Float `json:"expected_bands,omitempty"`   // their 95 % intervals: what as many labels would show
	Realised        *Performance               `json:"realised,omitempty"`         // on the window's labels; nil: NoRealised says why
	NoRealised      string                     `json:"no_realised,omitempty"`      //
	RealisedMetrics evaluate.Metrics           `json:"realised_metrics,omitempty"` // every metric of the task on the window's labels
	Labelling       *Labelling                 `json:"labelling,omitempty"`        // how far the labels have come; nil without predictions
	Segments        []SegmentReport            `json:"segments,omitempty"`         // by group: every declared segment, and features of few levels where there are labels
	Repeated        *Duplication               `json:"repeated,omitempty"`         // rows of the window that came before, of a sample of at most 16,384 different ones
	Season          *Seasonality               `json:"season,omitempty"`           // against the same season of an earlier year; nil without one
	PerformanceLoss bool                       `json:"performance_loss"`           // what Realised says where there is one, else what Estimated says

	Policy Policy `json:"policy"` // what it was judged by
}

// Span is the time a window covers; zero where it is not known.
type Span struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// ColumnDrift is one column of the window against the reference.
type ColumnDrift struct {
	Type      string       `json:"column_type"`        // num or cat
	StatTest  string       `json:"stattest_name"`      // what Score is: total_variation
	Threshold number.Float `json:"stattest_threshold"` // Score must exceed it: the greater of the policy's minimum and what chance alone gives at these sizes
	Score     number.Float `json:"drift_score"`        // total variation distance of the binned values, in [0, 1]: the share of rows that would have to move
	Statistic number.Float `json:"statistic"`          // chi-square of the 2 x k table
	DF        int          `json:"df"`                 // its degrees of freedom
	P         number.Float `json:"p_value"`            // of no change in distribution; NaN where there were too few values to test
	PAdjusted number.Float `json:"p_adjusted"`         // corrected for every test of the report
	Drifted   bool         `json:"drift_detected"`     // any test of this column: distribution, missing values, categories, type
	Effect    number.Float `json:"effect"`             // numbers: shift of the mean in the reference's standard deviations, signed; categories: Score

	NReference       int          `json:"n_reference"`          // present, finite values
	NCurrent         int          `json:"n_current"`            //
	MissingReference number.Float `json:"missing_reference"`    // share of rows
	MissingCurrent   number.Float `json:"missing_current"`      //
	MeanReference    number.Float `json:"mean_reference"`       // numbers only, else NaN
	MeanCurrent      number.Float `json:"mean_current"`         //
	MedianReference  number.Float `json:"median_reference"`     //
	MedianCurrent    number.Float `json:"median_current"`       // within 0.4 %
	NewLevels        []string     `json:"new_levels,omitempty"` // of a category: those the reference lacks, most frequent first, at most ten

	Importance number.Float `json:"importance"` // as the profile has it; NaN where not known
	Reason     string       `json:"reason"`     // why it is or is not drift, in a sentence
	Histogram  *Histogram   `json:"histogram,omitempty"`
}

// Histogram is the distribution of a column before and now, for a chart. Bin i of numbers holds Edges[i-1] < x <= Edges[i]; the first
// and the last are open-ended, so there is one bin more than there are edges. Bins of categories have Labels instead, the last
// being "(other)" where there are more than can be shown.
type Histogram struct {
	Edges     []number.Float `json:"edges,omitempty"`
	Labels    []string       `json:"labels,omitempty"`
	Reference []number.Float `json:"reference"` // share of the present values
	Current   []number.Float `json:"current"`   //
}

// Finding is one thing that changed, with the evidence.
type Finding struct {
	Kind      string       `json:"kind"`
	Severity  string       `json:"severity"`           // info, warn or alert
	Feature   string       `json:"feature"`            // of a joint or domain finding the one that carries most of it, "" if none does
	Effect    number.Float `json:"effect"`             // how much, in Unit
	Unit      string       `json:"unit"`               // sd, share of rows, times
	Threshold number.Float `json:"threshold"`          // what the size of the change had to exceed; of a covariate finding, in total variation
	P         number.Float `json:"p_value"`            // 0 for what needs no test, such as an absent column
	PAdjusted number.Float `json:"p_adjusted"`         //
	N         int          `json:"n"`                  // rows it was measured on
	Text      string       `json:"text"`               // one sentence for people, naming the feature
	Factor    number.Float `json:"factor,omitempty"`   // unit_change: the values are now this many times what they were
	Levels    []string     `json:"levels,omitempty"`   // categories: the new, the vanished or the two exchanged ones, at most ten
	Seasonal  bool         `json:"seasonal,omitempty"` // the same season of an earlier year had it, too: no news

	Features []string `json:"features,omitempty"` // joint, domain: the columns that carry it, at most ten
}

// Performance is how good the model is on the window, against what it was on the reference by the same measure.
type Performance struct {
	Metric        string       `json:"metric"` // auc (binary), accuracy (multiclass), rmse (regression)
	Value         number.Float `json:"value"`
	Low           number.Float `json:"low"`  // 95 % interval; of an estimate: of what as many labels would show if Assumption holds
	High          number.Float `json:"high"` //
	N             int          `json:"n"`    // rows it rests on
	Reference     number.Float `json:"reference"`
	ReferenceLow  number.Float `json:"reference_low"` // band of Value when nothing changed: Reference +- the standard errors that Policy.Alpha allows, at these sizes
	ReferenceHigh number.Float `json:"reference_high"`
	Loss          number.Float `json:"loss"`        // how much worse, in the metric's unit; negative is better
	Significant   bool         `json:"significant"` // Value lies outside the band on the worse side, and Loss exceeds the policy's minimum
	Assumption    string       `json:"assumption,omitempty"`
}

// DriftedImportance is the summed importance of the columns that drifted: how much of the model's skill rests on what changed. Columns
// of unknown importance count nothing.
func (r *Report) DriftedImportance() float64 {
	var sum float64
	for _, name := range sortedKeys(r.Columns) {
		if c := r.Columns[name]; c.Drifted && c.Importance.Finite() {
			sum += float64(c.Importance)
		}
	}
	return sum
}

// News reports whether the data differ from training in a way that the same season of an earlier year does not explain.
func (r *Report) News() bool {
	return r.DatasetDrift && (r.Season == nil || r.Season.Columns == 0 || r.Season.DatasetDrift)
}

// Of gives the findings of the given kinds, in the report's order.
func (r *Report) Of(kinds ...string) []Finding {
	var found []Finding
	for _, f := range r.Findings {
		for _, k := range kinds {
			if f.Kind == k {
				found = append(found, f)
			}
		}
	}
	return found
}
