package evidently

import "mlops/shared/number"

// LegacyReport is what as_dict() of a legacy report with DataDriftPreset gave, and which columns it lacks.
type LegacyReport struct {
	Version string         `json:"version"`
	Metrics []LegacyMetric `json:"metrics"`
	Errors  []Problem      `json:"errors,omitempty"`   // ours: Evidently would have given no report
	LeftOut []LeftOut      `json:"left_out,omitempty"` // ours
}

// LegacyMetric is DatasetDriftMetric or DataDriftTable.
type LegacyMetric struct {
	Metric string `json:"metric"`
	Result any    `json:"result"`
}

type legacyDrift struct {
	DriftShare      *number.Float `json:"drift_share,omitempty"`
	NumberOfColumns int           `json:"number_of_columns"`
	NumberOfDrifted int           `json:"number_of_drifted_columns"`
	Share           number.Float  `json:"share_of_drifted_columns"`
	DatasetDrift    bool          `json:"dataset_drift"`
}

type legacyTable struct {
	legacyDrift
	Columns     legacyColumns `json:"drift_by_columns"`
	CurrentFI   any           `json:"current_fi"`   // importance of features, which the preset leaves out
	ReferenceFI any           `json:"reference_fi"` //
}

type legacyColumn struct {
	Column    string       `json:"column_name"`
	Type      Type         `json:"column_type"`
	Name      string       `json:"stattest_name"`
	Threshold number.Float `json:"stattest_threshold"`
	Score     number.Float `json:"drift_score"`
	Drifted   bool         `json:"drift_detected"`
	Current   legacyChart  `json:"current"`
	Reference legacyChart  `json:"reference"`
}

type legacyChart struct {
	Small *distribution `json:"small_distribution"`
}

type legacyColumns []legacyColumn

func (c legacyColumns) MarshalJSON() ([]byte, error) {
	return ordered(len(c), func(i int) (string, any) { return c[i].Column, c[i] })
}

// tableShare is the share by which DataDriftTable calls the dataset drifted, whatever drift_share says.
const tableShare = 0.5

// AsDict is the comparison in the shape of as_dict() before 0.7. It holds the columns that have a score; Errors names the others.
func (c *Comparison) AsDict() *LegacyReport {
	t := c.tally()
	share := number.Float(c.config.DriftShare)
	dataset := legacyDrift{&share, t.columns, t.drifted, number.Float(t.share), t.drift(c.config.DriftShare)}
	table := legacyTable{legacyDrift: legacyDrift{nil, t.columns, t.drifted, number.Float(t.share), t.drift(tableShare)}, Columns: legacyColumns{}}
	for i := range c.results {
		r := &c.results[i]
		if e := r.counted; e.err == nil {
			table.Columns = append(table.Columns, legacyColumn{r.name, r.kind, e.method.display, number.Float(e.threshold), number.Float(e.score), e.drifted,
				legacyChart{r.cur}, legacyChart{r.ref}})
		}
	}
	return &LegacyReport{Version, []LegacyMetric{{"DatasetDriftMetric", dataset}, {"DataDriftTable", table}}, c.problems(), c.left}
}
