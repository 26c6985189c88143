package fit

import (
	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// Parameter is one hyperparameter as Parse takes it.
type Parameter struct {
	Name     string
	Low      float64  // the least value of a number
	High     float64  // the greatest
	Open     bool     // Low itself is not allowed
	Under    bool     // High itself is not allowed
	Whole    bool     // whole numbers only
	Choices  []string // the words to choose from; such a parameter is no number
	Expected string   // what it takes, in words

	known param
}

// Number reports whether the parameter is a number from Low to High, whole or not; others are a word, a map or a list, see Expected.
func (p Parameter) Number() bool { return p.known.form == nil }

// Check says everything that is wrong with a value as JSON or YAML gives it.
func (p Parameter) Check(v any) []fault.Detail { return p.known.set(v) }

// Parameters are those of an algorithm, in their order; none of one that has none, or is not known.
func Parameters(algorithm string) []Parameter {
	var known []param
	switch algorithm {
	case "linear":
		known = new(Linear).params()
	case "boosting":
		known = new(Boosting).params()
	case "forest", "extra_trees":
		known = (&Forest{Extra: algorithm == "extra_trees"}).params()
	}
	out := make([]Parameter, len(known))
	for i, p := range known {
		out[i] = Parameter{Name: p.name, Low: p.low, High: p.high, Open: p.open, Under: p.under, Whole: p.count != nil, Expected: p.expected(), known: p}
		if c, ok := p.form.(choice); ok {
			out[i].Choices = c.words
		}
	}
	return out
}

// Defaults are what an algorithm's parameters become that are left open, for a task and a table of so many rows and features. One that is absent is
// done without. Errors are Parse's.
func Defaults(algorithm string, task dataset.Task, rows, features int) (map[string]any, error) {
	e, err := Parse(algorithm, nil)
	if err != nil {
		return nil, err
	}
	return resolve(e, task, rows, max(1, features), 1).Params(), nil
}

// Number is a number as JSON or YAML gives it; false of anything else.
func Number(v any) (float64, bool) { return asNumber(v) }
