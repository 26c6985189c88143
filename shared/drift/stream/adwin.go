package stream

import (
	"encoding/json"
	"fmt"
	"math"

	"mlops/shared/fault"
)

// ADWINParams are the parameters of an ADWIN, river's by default.
type ADWINParams struct {
	Delta       float64 `json:"delta"`        // chance of a false cut, as the bound has it; in (0, 1)
	Clock       int     `json:"clock"`        // values between two looks for a cut
	MaxBuckets  int     `json:"max_buckets"`  // of one size
	MinWindow   int     `json:"min_window"`   // values on either side of a cut, at least
	GracePeriod int     `json:"grace_period"` // values before the first cut
}

// ADWIN keeps as much of the recent past as has one mean: a window that grows until its older and its newer part differ, and then drops
// the oldest. Of a window of W values it keeps O(log W) numbers, as buckets of 1, 2, 4, .. values.
//
// Parts of n0 and n1 values differ when
//
//	|mean0 - mean1| > sqrt(2 m v d) + 2/3 m d,  m = 1/(n0-MinWindow+1) + 1/(n1-MinWindow+1),  d = ln(2 ln W / Delta)
//
// v the window's variance. Bifet & Gavaldà, Learning from time-changing data with adaptive windowing, SDM (2007). To the index equal to
// river's AdaptiveWindowing, also in that the newest bucket of each size is passed over when cuts are tried.
type ADWIN struct {
	ADWINParams
	Tick     int        `json:"tick"`     // values seen
	Width    float64    `json:"width"`    // values in the window
	Total    float64    `json:"total"`    // their sum
	Variance float64    `json:"variance"` // sum of their squared deviations from the mean
	Rows     [][]bucket `json:"rows"`     // row i: buckets of 2^i values, the oldest first
}

// bucket is some consecutive values.
type bucket struct {
	Total    float64 `json:"t"`
	Variance float64 `json:"v"` // sum of squared deviations
}

// NewADWIN is an ADWIN with river's parameters.
func NewADWIN() *ADWIN {
	return &ADWIN{ADWINParams: ADWINParams{Delta: 0.002, Clock: 32, MaxBuckets: 5, MinWindow: 5, GracePeriod: 10}, Rows: [][]bucket{nil}}
}

// Mean is the mean of the window, NaN before the first value.
func (a *ADWIN) Mean() float64 { return a.Total / a.Width }

// State implements Detector.
func (a *ADWIN) State() json.RawMessage { return stored("adwin", a) }

// Update implements Detector.
func (a *ADWIN) Update(x float64) bool {
	x, ok := value(x)
	if !ok {
		return false
	}
	a.Width++
	if before := a.Width - 1; before > 0 {
		off := x - a.Total/before
		a.Variance += float64(before * off * off / a.Width)
	}
	a.Total += x
	a.Rows[0] = append(a.Rows[0], bucket{Total: x})
	a.compress()

	a.Tick++
	if a.Tick%a.Clock != 0 || a.Width <= float64(a.GracePeriod) {
		return false
	}
	changed := false
	for a.cut() {
		changed = true
		a.dropOldest()
	}
	return changed
}

// compress joins the two oldest of each size of which there are too many.
func (a *ADWIN) compress() {
	for i := 0; i < len(a.Rows) && len(a.Rows[i]) > a.MaxBuckets; i++ {
		if i+1 == len(a.Rows) {
			a.Rows = append(a.Rows, nil)
		}
		n, b := math.Ldexp(1, i), a.Rows[i]
		a.Rows[i+1] = append(a.Rows[i+1], bucket{b[0].Total + b[1].Total, b[0].Variance + b[1].Variance + between(n, n, b[0].Total/n, b[1].Total/n)})
		a.Rows[i] = append(b[:0], b[2:]...)
	}
}

// between is what two groups' means add to the squared deviations of both together.
func between(n0, n1, mean0, mean1 float64) float64 {
	return float64(n0 * n1 * (mean0 - mean1) * (mean0 - mean1) / (n0 + n1))
}

// cut reports whether the window falls into two parts that differ.
func (a *ADWIN) cut() bool {
	d := math.Log(2 * math.Log(a.Width) / a.Delta)
	least := float64(a.MinWindow)
	n0, u0 := 0.0, 0.0
	for i := len(a.Rows) - 1; i >= 0; i-- {
		n := math.Ldexp(1, i)
		for _, b := range a.Rows[i][:max(0, len(a.Rows[i])-1)] {
			n0, u0 = n0+n, u0+b.Total
			n1, u1 := a.Width-n0, a.Total-u0
			if n0 < least || n1 < least {
				continue
			}
			m := 1/(n0-least+1) + 1/(n1-least+1)
			bound := math.Sqrt(2*m*(a.Variance/a.Width)*d) + float64(2.0/3*d*m)
			if math.Abs(u0/n0-u1/n1) > bound {
				return true
			}
		}
	}
	return false
}

// dropOldest forgets the oldest bucket.
func (a *ADWIN) dropOldest() {
	last := len(a.Rows) - 1
	n, b := math.Ldexp(1, last), a.Rows[last][0]
	a.Width -= n
	a.Total -= b.Total
	a.Variance -= b.Variance + between(n, a.Width, b.Total/n, a.Total/a.Width)
	a.Rows[last] = append(a.Rows[last][:0], a.Rows[last][1:]...)
	if len(a.Rows[last]) == 0 && last > 0 {
		a.Rows = a.Rows[:last]
	}
}

func (a *ADWIN) validate() []fault.Detail {
	var l limits
	l.within("delta", a.Delta, 1e-300, 1-1e-9)
	l.within("clock", float64(a.Clock), 1, 1e9)
	l.within("max_buckets", float64(a.MaxBuckets), 1, 1000)
	l.within("min_window", float64(a.MinWindow), 1, 1e9)
	l.within("grace_period", float64(a.GracePeriod), 0, 1e9)
	l.within("tick", float64(a.Tick), 0, 1<<53)
	l.within("rows", float64(len(a.Rows)), 1, 54)
	if l != nil {
		return l
	}
	const most = 1e250 // more than any sum of squares of values within +-1e100
	l.within("total", a.Total, -most, most)
	l.within("variance", a.Variance, -most, most)
	held := 0.0
	for i, row := range a.Rows {
		l.within(fmt.Sprintf("rows[%d]", i), float64(len(row)), 0, float64(a.MaxBuckets))
		held += math.Ldexp(float64(len(row)), i)
		for _, b := range row[:min(len(row), a.MaxBuckets)] {
			l.within("rows", max(math.Abs(b.Total), math.Abs(b.Variance)), 0, most)
		}
	}
	if len(a.Rows) > 1 && len(a.Rows[len(a.Rows)-1]) == 0 {
		l.within("rows", 0, 1, float64(a.MaxBuckets)) // the oldest row must have a bucket to drop
	}
	l.within("width", a.Width, held, held)
	l.within("width", a.Width, 0, float64(a.Tick))
	return l
}
