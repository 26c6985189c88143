package evidently

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// Report is the comparison with everything that is known of it. Its columns have the keys of Evidently's legacy drift table.
type Report struct {
	Method  string `json:"method"`            // evidently
	Version string `json:"evidently_version"` // whose numbers these are

	DatasetDrift    bool         `json:"dataset_drift"`             // Share >= DriftShare
	DriftShare      number.Float `json:"drift_share"`               //
	Share           number.Float `json:"share_of_drifted_columns"`  // NumberOfDrifted / NumberOfColumns; 0 where no column was judged
	NumberOfColumns int          `json:"number_of_columns"`         // that were judged: those without an error
	NumberOfDrifted int          `json:"number_of_drifted_columns"` // as Evidently counts them: see ColumnDrift.Counted
	Columns         ColumnDrifts `json:"drift_by_columns"`          // in Evidently's order

	NReference int `json:"n_reference"` // rows
	NCurrent   int `json:"n_current"`   //

	Verdict string    `json:"verdict"` // ok: nothing drifted; warn: some column drifted or could not be judged; alert: the dataset drifted; insufficient_data: no column was judged
	Reasons []string  `json:"reasons"`
	Errors  []Problem `json:"errors"`   // columns that were not judged, and why
	LeftOut []LeftOut `json:"left_out"` // columns that Evidently does not compare, and why
}

// ColumnDrift is one column of the current file against the reference.
type ColumnDrift struct {
	Column     string       `json:"column_name"`
	Type       Type         `json:"column_type"`        // num, cat, text
	Name       string       `json:"stattest_name"`      // as Evidently displays it: "K-S p_value"
	StatTest   string       `json:"stattest"`           // by which it is selected: "ks"
	Threshold  number.Float `json:"stattest_threshold"` //
	Score      number.Float `json:"drift_score"`        // a p-value or a distance, by the test; NaN where there is none
	Drifted    bool         `json:"drift_detected"`     //
	NReference int          `json:"n_reference"`        // rows that were compared: missing and infinite values are dropped
	NCurrent   int          `json:"n_current"`          //
	Counted    *Counted     `json:"counted,omitempty"`  // only where it differs
	Error      string       `json:"error,omitempty"`    // why there is no score
	Notes      []string     `json:"notes,omitempty"`    //
}

// Counted is a column as Evidently judges it while counting drifted columns: with infinities kept where no value is missing beside them.
type Counted struct {
	Score   number.Float `json:"drift_score"`
	Drifted bool         `json:"drift_detected"`
	Error   string       `json:"error,omitempty"`
}

// Problem is why a column was not judged.
type Problem struct {
	Column    string `json:"column"`
	Error     string `json:"error"`
	Evidently string `json:"evidently"` // raises: it would give no report at all; not_reproduced: it would give a score
}

// ColumnDrifts is a JSON object of columns that keeps their order.
type ColumnDrifts []ColumnDrift

// Of is the column called name, or nil.
func (c ColumnDrifts) Of(name string) *ColumnDrift {
	for i := range c {
		if c[i].Column == name {
			return &c[i]
		}
	}
	return nil
}

// MarshalJSON writes an object with a key for each column.
func (c ColumnDrifts) MarshalJSON() ([]byte, error) {
	return ordered(len(c), func(i int) (string, any) { return c[i].Column, c[i] })
}

// ordered writes a JSON object of n entries in their order.
func ordered(n int, entry func(int) (string, any)) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range n {
		name, v := entry(i)
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// tally is the dataset's verdict.
type tally struct {
	columns, drifted, failed int
	share                    float64
}

// tally counts the drifted columns among those that were judged.
func (c *Comparison) tally() (t tally) {
	for i := range c.results {
		switch e := c.results[i].counted; {
		case e.err != nil:
			t.failed++
		case e.drifted:
			t.drifted++
			fallthrough
		default:
			t.columns++
		}
	}
	if t.columns > 0 {
		t.share = float64(t.drifted) / float64(t.columns)
	}
	return t
}

// drift reports whether so many drifted columns make a drifted dataset.
func (t *tally) drift(share float64) bool { return t.columns > 0 && t.share >= share }

// Report is the comparison as one document.
func (c *Comparison) Report() *Report {
	t := c.tally()
	r := &Report{Method: "evidently", Version: Version, DatasetDrift: t.drift(c.config.DriftShare), DriftShare: number.Float(c.config.DriftShare),
		Share: number.Float(t.share), NumberOfColumns: t.columns, NumberOfDrifted: t.drifted, Columns: ColumnDrifts{},
		NReference: c.nRef, NCurrent: c.nCur, Errors: c.problems(), LeftOut: append([]LeftOut{}, c.left...)}
	for i := range c.results {
		r.Columns = append(r.Columns, c.results[i].drift())
	}
	r.judge(&t)
	return r
}

func (r *result) drift() ColumnDrift {
	e := &r.value
	d := ColumnDrift{Column: r.name, Type: r.kind, Threshold: number.Float(e.threshold), Score: number.Float(e.score), Drifted: e.drifted,
		NReference: e.nRef, NCurrent: e.nCur, Notes: r.notes}
	if e.method != nil {
		d.Name, d.StatTest = e.method.display, e.method.name
	}
	if e.err != nil {
		d.Error = e.err.Error()
	}
	if k := &r.counted; k.drifted != e.drifted || !same(k.score, e.score) || (k.err != nil) != (e.err != nil) {
		d.Counted = &Counted{Score: number.Float(k.score), Drifted: k.drifted}
		if k.err != nil {
			d.Counted.Error = k.err.Error()
		}
	}
	return d
}

// problems are the columns that were not judged.
func (c *Comparison) problems() []Problem {
	list := []Problem{}
	for i := range c.results {
		r := &c.results[i]
		e := r.value
		if e.err == nil {
			e = r.counted
		}
		if e.err != nil {
			p := Problem{r.name, e.err.Error(), "raises"}
			if e.unmade {
				p.Evidently = "not_reproduced"
			}
			list = append(list, p)
		}
	}
	return list
}

// judge sets the verdict and says why.
func (r *Report) judge(t *tally) {
	limit := float64(r.DriftShare)
	switch {
	case t.columns == 0:
		r.Verdict = drift.Insufficient
		r.Reasons = append(r.Reasons, "no column could be judged")
	case r.DatasetDrift:
		r.Verdict = drift.Alert
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d of %s drifted: a share of %.3f, at least %g", t.drifted, counted(t.columns, "column", "columns"), t.share, limit))
	default:
		r.Verdict = drift.OK
		if t.drifted+t.failed > 0 {
			r.Verdict = drift.Warn
		}
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d of %s drifted: a share of %.3f, less than %g", t.drifted, counted(t.columns, "column", "columns"), t.share, limit))
	}
	if t.failed > 0 {
		all := float64(t.columns + t.failed)
		least, most := float64(t.drifted)/all, float64(t.drifted+t.failed)/all
		certain := "which would leave the verdict as it is"
		if (least >= limit) != (most >= limit) {
			certain = "which leaves the verdict open"
		}
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s not judged: with them the share would lie between %.3f and %.3f, %s", counted(t.failed, "column was", "columns were"), least, most, certain))
	}
	if raises := r.raising(); len(raises) > 0 {
		r.Reasons = append(r.Reasons, "Evidently itself would raise on "+strings.Join(raises, ", ")+" and give no report")
	}
}

// raising are the columns that Evidently raises on, a few by name.
func (r *Report) raising() (names []string) {
	const shown = 5
	for _, p := range r.Errors {
		if p.Evidently == "raises" {
			names = append(names, p.Column)
		}
	}
	if len(names) > shown {
		return append(names[:shown:shown], fmt.Sprintf("and %d more", len(names)-shown))
	}
	return names
}
