package fit

import "mlops/shared/dataset"

// Param describes one parameter of an algorithm, for whoever writes a search space or a form.
type Param struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`              // count, number, choice, or structure: what Expected says
	Low      float64  `json:"low"`               // count, number: least value
	High     float64  `json:"high"`              // count, number: greatest value
	LowOpen  bool     `json:"low_open"`          // Low itself is not allowed
	HighOpen bool     `json:"high_open"`         // High itself is not allowed
	Choices  []string `json:"choices,omitempty"` // choice: the words
	Expected string   `json:"expected"`          // all that in words, as errors say it
	Default  any      `json:"default,omitempty"` // what an estimator that leaves it open is given for such a table; nil = it does without
}

// Parameters are the parameters of an algorithm, in the order of its fields, with the defaults for a task and a table of so many rows and features;
// nil for an algorithm that has none, or is none. Of a choice that the task does not allow, Fit says so.
func Parameters(algorithm string, task dataset.Task, rows, features int) []Param {
	var known []param
	e, err := Parse(algorithm, nil)
	if err != nil {
		return nil
	}
	switch e := e.(type) {
	case Boosting:
		known = e.params()
	case Forest:
		known = e.params()
	case Linear:
		known = e.params()
	}
	defaults := resolve(e, task, rows, max(1, features)).Params()
	var out []Param
	for _, p := range known {
		d := Param{Name: p.name, Kind: "number", Low: p.low, High: p.high, LowOpen: p.open, HighOpen: p.under, Expected: p.expected(), Default: defaults[p.name]}
		switch f := p.form.(type) {
		case choice:
			d.Kind, d.Choices = "choice", f.words
		case nil:
			if p.count != nil {
				d.Kind = "count"
			}
		default:
			d.Kind = "structure"
		}
		out = append(out, d)
	}
	return out
}
