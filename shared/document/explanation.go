package document

import (
	"math"

	"mlops/shared/document/figure"
	"mlops/shared/explain"
)

// influenceRow is one feature with the length of its bar, in percent of the greatest.
type influenceRow struct {
	explain.Influence
	Width string
}

// explanation is what a model goes by, as the page of the model shows it.
type explanation struct {
	Method, Of string
	Rows       int // of Features
	Features   []influenceRow
	More       int
	Charts     []*figure.Dependence
	Averaged   int // rows of each chart
}

const (
	maxInfluences  = 20
	maxDependences = 9
)

// newExplanation prepares an explanation; nil of an empty one. Of more than two classes the charts show the last.
func newExplanation(e explain.Explanation) *explanation {
	out := &explanation{Method: e.Method, Of: e.Of, Rows: e.Rows}
	for i, f := range e.Features {
		if i == maxInfluences {
			out.More = len(e.Features) - i
			break
		}
		width := 0.0
		if top := float64(e.Features[0].Shapley); top > 0 && figure.Finite(top) && figure.Finite(f.Shapley) {
			width = 100 * float64(f.Shapley) / top
		}
		out.Features = append(out.Features, influenceRow{f, figure.Number(math.Round(width*10) / 10)})
	}
	low, high, which := math.Inf(1), math.Inf(-1), 0
	for _, d := range e.Dependence {
		for _, p := range d.Points {
			which = max(0, len(p.Mean)-1)
			if which < len(p.Low) && which < len(p.High) && figure.Finite(p.Low[which]) && figure.Finite(p.High[which]) {
				low, high = min(low, float64(p.Low[which])), max(high, float64(p.High[which]))
			}
		}
	}
	for _, d := range e.Dependence[:min(len(e.Dependence), maxDependences)] {
		if c := figure.NewDependence(d, which, low, high); c != nil {
			out.Charts, out.Averaged = append(out.Charts, c), d.Rows
		}
	}
	if len(out.Features) == 0 && len(out.Charts) == 0 {
		return nil
	}
	return out
}
