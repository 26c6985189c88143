// Package fit makes the predictors of package model: linear models, gradient boosting, random forests, and the baseline that every one
// of them must beat. A predictor depends on data, parameters and seed alone: the same ones give the same bytes, whatever the number of
// threads.
package fit

import (
	"fmt"

	"mlops/shared/fault"
	"mlops/shared/model"
)

// Options say how to fit, as opposed to what.
type Options struct {
	Seed    uint64      // of every random choice
	Threads int         // goroutines at work; 0 = 1. The result does not depend on it
	Stop    func() bool // asked now and then; true ends the fit with ErrStopped. nil = never
	Note    func(Note)  // told what the fit decided by the data; nil = nobody asks
}

// Note is what a fit decided by the data, for whoever reads the run.
type Note struct {
	Rounds int     `json:"rounds"` // of boosting that were kept
	Grown  int     `json:"grown"`  // rounds that were grown before early stopping ended the fit, or all
	Loss   float64 `json:"loss"`   // mean loss of the held-out rows after the rounds kept
	Held   int     `json:"held"`   // rows held out to measure it
}

// String is the note in a sentence.
func (n Note) String() string {
	return fmt.Sprintf("early stopping kept %d of %d rounds: loss %.6g on %d held-out rows", n.Rounds, n.Grown, n.Loss, n.Held)
}

// Estimator turns data into a predictor. It is a value: parameters only, unchanged by Fit, so it may be fitted many times, at the same
// time. A row's weight multiplies its loss.
type Estimator interface {
	// Algorithm is the name that Parse takes.
	Algorithm() string
	// Params are the parameters as Parse takes them; one that is left to the table's size is absent, see Resolve.
	Params() map[string]any
	// Complexity orders estimators: of two that are equally good, the smaller is preferred.
	Complexity() int
	// Fit gives an Invalid error for data or parameters that cannot be fitted, and ErrStopped.
	Fit(d *Data, o Options) (model.Predictor, error)
}

// ErrStopped is what Fit returns when Options.Stop says so.
var ErrStopped error = fault.Unavailablef("the fit was stopped before it was done")

// stopped reports whether the caller wants no more.
func (o Options) stopped() bool { return o.Stop != nil && o.Stop() }
