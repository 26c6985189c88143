package model

import (
	"sort"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/fault"
	"mlops/shared/model/wire"
)

// Calibration turns the probabilities of a classifier into ones that come true as often as they say.
//
//	platt        log-odds q = A log-odds p + B                    J. Platt, "Probabilistic outputs for support vector machines", 1999
//	beta         log-odds q = A ln p - B ln(1-p) + C              M. Kull, T. Silva Filho & P. Flach, AISTATS 2017
//	isotonic     q = the line through the points (X, Y)           B. Zadrozny & C. Elkan, KDD 2002
//	temperature  q_k ~ p_k^A, scaled to sum to 1 (multiclass)     C. Guo et al., ICML 2017
//
// p and q are the positive class's, but for temperature. A and B are not negative where they multiply, X ascends strictly and Y does not descend, so a
// higher p never means a lower q.
type Calibration struct {
	Method string    `json:"method"`
	A      float64   `json:"a,omitempty"`
	B      float64   `json:"b,omitempty"`
	C      float64   `json:"c,omitempty"`
	X      []float64 `json:"x,omitempty"`
	Y      []float64 `json:"y,omitempty"`
}

// The methods of calibration.
const (
	Platt       = "platt"
	Beta        = "beta"
	Isotonic    = "isotonic"
	Temperature = "temperature"
)

// CertainAt bounds probabilities away from 0 and 1 before a logarithm.
const CertainAt = 1e-12

// MaxPoints is how many points an isotonic calibration may have.
const MaxPoints = 100_000

// Apply calibrates the probabilities of one row in place.
func (c *Calibration) Apply(p []float64) {
	if c.Method == Temperature {
		for k, v := range p {
			p[k] = c.A * elementary.Log(max(v, CertainAt))
		}
		softmax(p)
		return
	}
	v := min(max(p[1], CertainAt), 1-CertainAt)
	var q float64
	switch c.Method {
	case Platt:
		q = elementary.Sigmoid(float64(c.A*(elementary.Log(v)-elementary.Log1p(-v))) + c.B)
	case Beta:
		q = elementary.Sigmoid(float64(c.A*elementary.Log(v)) - float64(c.B*elementary.Log1p(-v)) + c.C)
	default:
		q = c.line(v)
	}
	p[0], p[1] = 1-q, q
}

// line is the isotonic line at v, level outside its points.
func (c *Calibration) line(v float64) float64 {
	at := sort.SearchFloat64s(c.X, v)
	switch {
	case at == 0:
		return c.Y[0]
	case at == len(c.X):
		return c.Y[at-1]
	}
	share := (v - c.X[at-1]) / (c.X[at] - c.X[at-1])
	return c.Y[at-1] + float64(share*(c.Y[at]-c.Y[at-1]))
}

// Check reports what makes a calibration unusable for a task.
func (c *Calibration) Check(task dataset.Task) error {
	ok := task == dataset.Binary
	switch c.Method {
	case Platt:
		ok = ok && c.A >= 0 && within(c.A, MaxWeight) && within(c.B, MaxWeight)
	case Beta:
		ok = ok && c.A >= 0 && c.B >= 0 && within(c.A, MaxWeight) && within(c.B, MaxWeight) && within(c.C, MaxWeight)
	case Isotonic:
		ok = ok && len(c.X) > 0 && len(c.X) <= MaxPoints && len(c.X) == len(c.Y) && sort.Float64sAreSorted(c.X) && sort.Float64sAreSorted(c.Y)
		for i := range c.X {
			ok = ok && len(c.X) == len(c.Y) && c.X[i] >= 0 && c.X[i] <= 1 && c.Y[i] >= 0 && c.Y[i] <= 1 && (i == 0 || c.X[i] > c.X[i-1])
		}
	case Temperature:
		ok = task == dataset.Multiclass && c.A > 0 && within(c.A, MaxWeight)
	default:
		ok = false
	}
	if !ok {
		return fault.Invalidf("a calibration by %.40q that does not suit a %s task, or has numbers out of range", c.Method, task)
	}
	return nil
}

// Calibrated is a classifier whose probabilities are calibrated. It explains the raw score of the predictor within, before calibration: the order
// of two rows is the same before and after.
type Calibrated struct {
	Inner Predictor
	By    Calibration
}

// Width is the length of a prediction.
func (c *Calibrated) Width() int { return c.Inner.Width() }

// Predict writes the calibrated probabilities.
func (c *Calibrated) Predict(dst, x []float64) {
	c.Inner.Predict(dst, x)
	c.By.Apply(dst)
}

// Outputs is the number of raw scores.
func (c *Calibrated) Outputs() int { return c.Inner.(Explainer).Outputs() }

// Raw writes the raw scores before calibration.
func (c *Calibrated) Raw(dst, x []float64) { c.Inner.(Explainer).Raw(dst, x) }

// Explain explains the raw scores before calibration.
func (c *Calibrated) Explain(dst, x []float64) { c.Inner.(Explainer).Explain(dst, x) }

// Attribution names the method of Explain.
func (c *Calibrated) Attribution() string {
	return c.Inner.(Explainer).Attribution() + ", before calibration (" + c.By.Method + ")"
}

// check reports whether c fits the model m.
func (c *Calibrated) check(m *Model) error {
	if _, nested := c.Inner.(*Calibrated); nested {
		return fault.Invalidf("a calibration within a calibration")
	}
	if err := c.By.Check(m.Task); err != nil {
		return err
	}
	p, ok := c.Inner.(interface{ check(*Model) error })
	if !ok {
		return fault.Invalidf("a calibrated predictor that is none of this package")
	}
	return p.check(m)
}

// calibrations are the methods as the artefact numbers them, from 0.
var calibrations = []string{Platt, Beta, Isotonic, Temperature}

func (c *Calibrated) encode(w *wire.Writer) {
	w.Uint8(kindCalibrated)
	for i, method := range calibrations {
		if c.By.Method == method {
			w.Uint8(uint8(i))
		}
	}
	for _, v := range []float64{c.By.A, c.By.B, c.By.C} {
		w.Float(v)
	}
	w.Floats(c.By.X)
	w.Floats(c.By.Y)
	c.Inner.(interface{ encode(*wire.Writer) }).encode(w)
}

func decodeCalibrated(r *wire.Reader, m *Model) *Calibrated {
	c := &Calibrated{}
	method := int(r.Uint8())
	if method >= len(calibrations) {
		r.Fail(fault.Invalidf("a calibration of the unknown kind %d", method))
		return c
	}
	c.By = Calibration{Method: calibrations[method], A: r.Float(), B: r.Float(), C: r.Float(), X: r.Floats(), Y: r.Floats()}
	inner := &Model{Task: m.Task, Classes: m.Classes, Features: m.Features}
	kind := r.Uint8()
	if kind == kindCalibrated {
		r.Fail(fault.Invalidf("a calibration within a calibration"))
	}
	if r.Err() == nil {
		inner.decodeKind(kind, r)
	}
	c.Inner = inner.Predictor
	return c
}
