// Package stream detects change in a sequence of numbers while it is being read: one value at a time, without going back, in little
// memory. ADWIN and Page-Hinkley give river's detections to the index; KSWIN draws at random, so it gives river's properties.
package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// Methods are the names that New knows.
var Methods = []string{"adwin", "page_hinkley", "kswin"}

// Detector watches one sequence.
type Detector interface {
	// Update takes the next value and reports whether the sequence changed. NaN and infinities are no values and change nothing; beyond
	// +-1e100 a value counts as that.
	Update(x float64) bool
	// State is everything the detector knows, as JSON that Resume takes up again as if nothing had happened.
	State() json.RawMessage
	// validate names everything about parameters and state that cannot be.
	validate() []fault.Detail
}

// New starts the detector of a method; params is a JSON object of those parameters that differ from the default, or nil. The error,
// Invalid, names an unknown method, and every parameter that is unknown or out of range.
//
//	adwin         delta 0.002, clock 32, max_buckets 5, min_window 5, grace_period 10     see ADWIN
//	page_hinkley  min_instances 30, delta 0.005, threshold 50, alpha 0.9999, direction up  see PageHinkley
//	kswin         alpha 0.005, window_size 100, stat_size 30, seed 0                       see KSWIN
func New(method string, params []byte) (Detector, error) {
	d, into := blank(method)
	if d == nil {
		return nil, fault.Invalidf("there is no detector %.40q: %s", method, strings.Join(Methods, ", "))
	}
	if params != nil {
		if err := strictly(params, into); err != nil {
			return nil, fault.Invalidf("read the parameters of %s: they are not a JSON object of its parameters", method).Because(err)
		}
	}
	return checked(d, method)
}

// envelope is a stored detector.
type envelope struct {
	Method string          `json:"method"`
	State  json.RawMessage `json:"state"`
}

// maxState bounds what Resume reads: a KSWIN of the widest window.
const maxState = 1 << 20

// Resume is the detector that gave the state. The error, Invalid, names what is wrong with a state that no detector can have given.
func Resume(state []byte) (Detector, error) {
	if len(state) > maxState {
		return nil, fault.Invalidf("resume a detector from %d bytes: at most %d", len(state), maxState).WithCode(fault.CodeTooLarge)
	}
	var e envelope
	if err := strictly(state, &e); err != nil {
		return nil, fault.Invalidf("resume a detector: it is not the JSON of one").Because(err)
	}
	d, _ := blank(e.Method)
	if d == nil {
		return nil, fault.Invalidf("there is no detector %.40q: %s", e.Method, strings.Join(Methods, ", "))
	}
	if err := strictly(e.State, d); err != nil {
		return nil, fault.Invalidf("resume the detector %s: it is not the JSON of one", e.Method).Because(err)
	}
	return checked(d, e.Method)
}

// blank is a detector with default parameters, and where others are read into.
func blank(method string) (d Detector, params any) {
	switch method {
	case "adwin":
		a := NewADWIN()
		return a, &a.ADWINParams
	case "page_hinkley":
		p := NewPageHinkley()
		return p, &p.PageHinkleyParams
	case "kswin":
		k := NewKSWIN()
		return k, &k.KSWINParams
	}
	return nil, nil
}

func checked(d Detector, method string) (Detector, error) {
	if wrong := d.validate(); wrong != nil {
		return nil, fault.Invalidf("the detector %s cannot be", method).With(wrong...)
	}
	return d, nil
}

// strictly reads one JSON document without unknown keys.
func strictly(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more follows the first JSON document")
	}
	return nil
}

// stored is a detector in its envelope: its fields are finite numbers and texts, which always have a JSON form.
func stored(method string, d any) json.RawMessage {
	state, err := json.Marshal(d)
	if err != nil {
		panic("a detector that is not JSON: " + err.Error())
	}
	b, err := json.Marshal(envelope{method, state})
	if err != nil {
		panic("a detector that is not JSON: " + err.Error())
	}
	return b
}

// greatest is the magnitude beyond which a value counts as this much: its squares and their sums stay finite.
const greatest = 1e100

// value is x as detectors count it; ok is false for what is no value.
func value(x float64) (v float64, ok bool) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, false
	}
	return min(max(x, -greatest), greatest), true
}

// limits collects faults of numbers that leave their range.
type limits []fault.Detail

func (l *limits) within(field string, v, low, high float64) {
	if !(v >= low && v <= high) {
		*l = append(*l, fault.Detail{Field: field, Code: "out_of_range", Got: fmt.Sprint(v), Expected: fmt.Sprintf("%g to %g", low, high)})
	}
}

func (l *limits) oneOf(field, v string, known ...string) {
	if !slices.Contains(known, v) {
		*l = append(*l, fault.Detail{Field: field, Code: "unknown", Got: v, Expected: "one of " + strings.Join(known, ", ")})
	}
}
