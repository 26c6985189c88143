// Package stattest is two-sample tests and distances whose numbers equal those of SciPy 1.10.1 and Evidently 0.7.21, on plain slices and counts.
//
// Numerical tests take two samples in ascending order, finite values only: the caller drops what is missing or infinite, and sorts once for
// all of them; a is the reference and b the current sample. Tests of categories take counts over the same levels, in the same order:
// ref[i] and cur[i] count level i, none is negative. Nothing is written to, nothing is kept.
//
// A test gives its statistic and its p-value, in [0, 1]; a distance gives one number. Where the original raises an exception the error is
// an *Undefined; where it answers NaN (Student's t of two constants, chi-square of a single level) so do these, without an error.
package stattest

import "fmt"

// Undefined is the error of a test that has no answer for such samples.
type Undefined struct {
	Test   string // the test, in words
	Reason string // what about the samples denies an answer
}

func (e *Undefined) Error() string { return fmt.Sprintf("%s of two samples: %s", e.Test, e.Reason) }

// atLeastEach is Undefined where either sample has fewer than least values.
func atLeastEach(test string, least, n, m int) error {
	switch {
	case n == 0 || m == 0:
		return &Undefined{test, fmt.Sprintf("a sample is empty (%d and %d values)", n, m)}
	case min(n, m) < least:
		return &Undefined{test, fmt.Sprintf("at least %d values of each are needed, not %d and %d", least, n, m)}
	}
	return nil
}

// Alternative is what a one-sided test looks for.
type Alternative int

// Alternatives, of the first sample against the second.
const (
	TwoSided Alternative = iota
	Less                 // the first sample tends to lower values (Kolmogorov-Smirnov: its distribution function lies below)
	Greater              // the first sample tends to greater values (Kolmogorov-Smirnov: its distribution function lies above)
)
