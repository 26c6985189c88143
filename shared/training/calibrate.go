package training

import (
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/number"
)

// Calibrated says what became of the winner's probabilities.
type Calibrated struct {
	Method string        `json:"method,omitempty"` // "" = they stay as they are
	Before number.Float  `json:"before"`           // log loss out of fold
	After  number.Float  `json:"after"`            // the same with the method, each fold's calibration fitted to the other folds
	Tried  []Calibrating `json:"tried,omitempty"`
	Note   string        `json:"note,omitempty"` // why nothing was tried
	by     *model.Calibration
}

// Calibrating is one method held against what there was.
type Calibrating struct {
	Method string       `json:"method"`
	Gain   number.Float `json:"gain"` // by how much it lowers the log loss of the probabilities that stood before it
	SE     number.Float `json:"se"`   // of Gain, paired by rows
}

// calibrate looks for a calibration of the chosen candidate's probabilities and gives its out-of-fold predictions as they are after it.
//
// A calibration of fold k is fitted to the predictions of the other folds (with windows in time: of those before), so nothing is fitted to rows that it
// is judged on. Methods are tried from the one with the fewest parameters; one is taken when it lowers the log loss of what stood before it by more
// than one standard error of the paired difference. What the model carries is then fitted to all folds.
func (r *run) calibrate(t *trial) ([]float64, *Calibrated, error) {
	p := r.outOfFold(t)
	l := r.data.Labels
	if !r.spec.Calibrate || l.Task == dataset.Regression || t == r.trials[0] { // the naive baseline is calibrated by construction
		return p, nil, nil
	}
	c := &Calibrated{}
	before, err := r.lossesOf(p)
	if err != nil {
		return nil, nil, err
	}
	c.Before, c.After = number.Float(before.mean()), number.Float(before.mean())
	if len(r.spec.Shape.ClassWeight) > 0 {
		c.Note = "class weights move the probabilities on purpose: they stay as they are"
		return p, c, nil
	}
	for _, method := range fit.Calibrations(l.Task) {
		q, err := r.crossCalibrated(method, r.outOfFold(t))
		if err != nil {
			return nil, nil, err
		}
		after, err := r.lossesOf(q)
		if err != nil {
			return nil, nil, err
		}
		gain, se := before.behind(after)
		c.Tried = append(c.Tried, Calibrating{method, number.Float(gain), number.Float(se)})
		if gain > se {
			c.Method, c.After, p, before = method, number.Float(after.mean()), q, after
		}
	}
	if c.Method == "" {
		return p, c, nil
	}
	by, err := fit.Calibrate(c.Method, l.Take(r.covered), rowsOf(r.outOfFold(t), r.covered, len(l.Classes)), takeFloats(r.data.Weight, r.covered))
	if err != nil {
		return nil, nil, fault.Wrap(err, "calibrate %s", t.name())
	}
	c.by = &by
	return p, c, nil
}

// crossCalibrated calibrates each fold's predictions in p by the other folds'.
func (r *run) crossCalibrated(method string, p []float64) ([]float64, error) {
	l, width := r.data.Labels, len(r.data.Labels.Classes)
	raw := slices.Clone(p)
	for k, held := range r.held {
		var others []int
		for _, i := range r.covered {
			if at := r.fold[i]; at != k && (r.rows.time == nil || at < k) {
				others = append(others, i)
			}
		}
		truth := l.Take(others)
		if len(others) == 0 || occurring(truth.Counts()) < 2 {
			continue
		}
		by, err := fit.Calibrate(method, truth, rowsOf(raw, others, width), takeFloats(r.data.Weight, others))
		if err != nil {
			return nil, fault.Wrap(err, "calibrate fold %d", k+1)
		}
		for _, i := range held {
			by.Apply(p[i*width : (i+1)*width])
		}
	}
	return p, nil
}

// lossesOf are the covered rows' losses by predictions of the whole table.
func (r *run) lossesOf(p []float64) (losses, error) {
	width := max(1, len(r.data.Labels.Classes))
	row, err := r.rowLosses(r.data.Labels.Take(r.covered), rowsOf(p, r.covered, width))
	return losses{criterion: r.criterion, row: row, weight: takeFloats(r.data.Weight, r.covered)}, err
}

// rowsOf takes rows of a row-major table.
func rowsOf(p []float64, rows []int, width int) []float64 {
	out := make([]float64, 0, len(rows)*width)
	for _, i := range rows {
		out = append(out, p[i*width:(i+1)*width]...)
	}
	return out
}

// takeFloats takes values by index; nil stays nil.
func takeFloats(v []float64, rows []int) []float64 {
	if v == nil {
		return nil
	}
	return rowsOf(v, rows, 1)
}
