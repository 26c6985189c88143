package stream

import (
	"encoding/json"

	"mlops/shared/fault"
)

// PageHinkleyParams are the parameters of a Page-Hinkley test, river's by default.
type PageHinkleyParams struct {
	MinInstances int     `json:"min_instances"` // values before the first detection
	Delta        float64 `json:"delta"`         // what the values may stray from their mean without counting
	Threshold    float64 `json:"threshold"`     // lambda: the sum at which it is a change
	Alpha        float64 `json:"alpha"`         // share of the sum that the next value finds
	Direction    string  `json:"direction"`     // up: a mean that rises; down: one that falls; both
}

// PageHinkley adds up how far the values lie above their mean so far, and detects a change when the sum is too great:
//
//	m += (x - m)/n,  S = max(0, Alpha S + x - m - Delta),  change if n >= MinInstances and S >= Threshold
//
// and so for -x where Direction says down or both. After a change it begins anew. Delta and Threshold are in the values' unit: the
// defaults suit values of about 0 to 10. Page, Biometrika 41 (1954); Hinkley, Biometrika 58 (1971); equal to river's PageHinkley.
type PageHinkley struct {
	PageHinkleyParams
	N    int     `json:"n"`    // values since the beginning, or the last change
	Mean float64 `json:"mean"` // of them
	Up   float64 `json:"up"`   // S of the values
	Down float64 `json:"down"` // S of the values' negatives
}

// NewPageHinkley is a Page-Hinkley test with river's parameters, of a mean that rises.
func NewPageHinkley() *PageHinkley {
	return &PageHinkley{PageHinkleyParams: PageHinkleyParams{MinInstances: 30, Delta: 0.005, Threshold: 50, Alpha: 0.9999, Direction: "up"}}
}

// State implements Detector.
func (p *PageHinkley) State() json.RawMessage { return stored("page_hinkley", p) }

// Update implements Detector.
func (p *PageHinkley) Update(x float64) bool {
	x, ok := value(x)
	if !ok {
		return false
	}
	p.N++
	p.Mean += (x - p.Mean) / float64(p.N)
	off := x - p.Mean
	p.Up = min(max(0, float64(p.Alpha*p.Up)+(off-p.Delta)), greatest)
	p.Down = min(max(0, float64(p.Alpha*p.Down)+(-off-p.Delta)), greatest)
	sum := p.Up
	switch p.Direction {
	case "down":
		sum = p.Down
	case "both":
		sum = max(sum, p.Down)
	}
	if p.N < p.MinInstances || sum < p.Threshold {
		return false
	}
	p.N, p.Mean, p.Up, p.Down = 0, 0, 0, 0
	return true
}

func (p *PageHinkley) validate() []fault.Detail {
	var l limits
	l.within("min_instances", float64(p.MinInstances), 1, 1e9)
	l.within("delta", p.Delta, 0, greatest)
	l.within("threshold", p.Threshold, 1e-100, greatest)
	l.within("alpha", p.Alpha, 0, 1)
	l.oneOf("direction", p.Direction, "up", "down", "both")
	l.within("n", float64(p.N), 0, 1<<53)
	l.within("mean", p.Mean, -greatest, greatest)
	l.within("up", p.Up, 0, greatest)
	l.within("down", p.Down, 0, greatest)
	return l
}
