// Package explain says what a fitted model goes by: Shapley values in the mean, and partial dependence. It links no trainer, so that what
// shows an explanation does not.
package explain

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/model"
	"mlops/shared/number"
)

// Table is the rows that a model is explained on.
type Table struct {
	Features []model.Feature
	Labels   dataset.Labels
	Rows     int
	Column   func(j int) []float64      // the values of feature j, one a row, coded as model.Predictor reads them
	Row      func(i int, dst []float64) // writes the values of row i
}

// of is what is predicted, see Explanation.Of.
func (t Table) of() string {
	if n := len(t.Labels.Classes); n > 0 {
		return t.Labels.Name + " = " + t.Labels.Classes[n-1]
	}
	return t.Labels.Name
}

// thin takes about n rows, evenly spaced, so that no class is lost.
func (t Table) thin(n int) []int {
	rows := make([]int, t.Rows)
	for i := range rows {
		rows[i] = i
	}
	return t.Labels.Thin(rows, n)
}

// Explanation says what a fitted model goes by: how far each feature moves its scores, and how its predictions follow the features that move
// it most. It describes the model, not what causes what.
type Explanation struct {
	Of         string       `json:"of"`         // what is predicted: the target, for classes with the one whose probability the last mean is
	Method     string       `json:"method"`     // how Features were found
	Rows       int          `json:"rows"`       // of the table, evenly spaced, that were taken apart
	Features   []Influence  `json:"features"`   // greatest first
	Dependence []Dependence `json:"dependence"` // of the first of them
}

// Influence is how far one feature moves the raw score (log-odds of the positive class, score of a class, or the target's own unit).
type Influence struct {
	Feature string       `json:"feature"`
	Shapley number.Float `json:"mean_abs_shapley"` // mean over rows of the magnitude of its Shapley value; of more than two classes the mean over these
}

// Dependence is the partial dependence of the prediction on one feature: the mean prediction over rows in which the feature is set to one value
// after the other and all else stays as it is (J. Friedman, "Greedy function approximation", 2001, section 8.2). Where features depend on each other some of these
// rows are unlike any that exist.
type Dependence struct {
	Feature string  `json:"feature"`
	Points  []Point `json:"points"` // ascending values, or levels from the most frequent; a missing value last
	Rows    int     `json:"rows"`   // that were averaged over
}

// Point is the prediction at one value.
type Point struct {
	Value any            `json:"value"` // number, level, or nil for a missing value
	Share number.Float   `json:"share"` // of the table's rows: at or below the value and above the one before, of the level, or missing
	Mean  []number.Float `json:"mean"`  // of the positive class's probability, of each class's, or of the value
	Low   []number.Float `json:"low"`   // the 10th percentile of the rows' own predictions
	High  []number.Float `json:"high"`  // the 90th
}

// Bounds on the work that explanations take: about a second at most, whatever the table and the model.
const (
	shapleyRows       = 1_000
	shapleySteps      = 150_000_000
	background        = 1_000
	dependenceRows    = 500
	dependenceSteps   = 200_000_000 // of predictions, see model.Steps
	dependencePoints  = 20
	dependentFeatures = 12
)

// New takes predictions of p on the rows of t apart. A predictor that cannot be taken apart has no Features.
func New(p model.Predictor, t Table) Explanation {
	e := Explanation{Of: t.of()}
	order := make([]int, len(t.Features))
	for j := range order {
		order[j] = j
	}
	if x, ok := p.(model.Explainer); ok {
		influence := e.shapley(x, t)
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(influence[b], influence[a]) })
		for _, j := range order {
			e.Features = append(e.Features, Influence{Feature: t.Features[j].Name, Shapley: number.Float(influence[j])})
		}
	}
	rows := t.thin(max(50, min(dependenceRows, dependenceSteps/(dependentFeatures*dependencePoints)/model.Steps(p))))
	for _, j := range order[:min(len(order), dependentFeatures)] {
		if points := grid(t, j); len(points) > 1 {
			e.Dependence = append(e.Dependence, dependence(p, t, rows, j, points))
		}
	}
	return e
}

// shapley is the mean magnitude of each feature's Shapley values.
func (e *Explanation) shapley(p model.Explainer, t Table) []float64 {
	n, k := len(t.Features), p.Outputs()
	behind := t.thin(background)
	s := model.NewShapley(p, n, len(behind), func(i int, x []float64) { t.Row(behind[i], x) })
	rows := t.thin(max(20, min(shapleyRows, shapleySteps/max(1, s.Cost()))))
	x, parts, influence := make([]float64, n), make([]float64, k*(n+1)), make([]float64, n)
	for _, row := range rows {
		t.Row(row, x)
		s.Explain(parts, x)
		for o := range k {
			for j := range n {
				influence[j] += math.Abs(parts[o*(n+1)+j]) / float64(len(rows)*k)
			}
		}
	}
	e.Method, e.Rows = s.Method(), len(rows)
	return influence
}

// value is one coded value of a feature with its share of the rows.
type value struct{ code, share float64 }

// grid chooses the values at which dependence is looked at: all distinct ones or evenly spaced quantiles, the most frequent levels, and missing where
// training had it.
func grid(t Table, j int) (out []value) {
	f, column := &t.Features[j], t.Column(j)
	var known []float64
	for _, v := range column {
		if !math.IsNaN(v) && (f.Kind == dataset.Numeric || v >= 0) {
			known = append(known, v)
		}
	}
	n := float64(max(1, len(column)))
	slices.Sort(known)
	for i := 0; i < len(known); {
		past := i
		for past < len(known) && known[past] == known[i] {
			past++
		}
		out = append(out, value{known[i], float64(past-i) / n})
		i = past
	}
	switch {
	case f.Kind == dataset.Categorical:
		slices.SortStableFunc(out, func(a, b value) int { return cmp.Compare(b.share, a.share) })
		out = out[:min(len(out), dependencePoints)]
	case len(out) > dependencePoints:
		out = quantiles(known, n)
	}
	if f.Missing > 0 {
		out = append(out, value{math.NaN(), f.Missing})
	}
	return out
}

// quantiles are dependencePoints values of the sorted ones from the first to the last, without repetitions.
func quantiles(known []float64, n float64) (out []value) {
	from := 0
	for i := range dependencePoints {
		at := i * (len(known) - 1) / (dependencePoints - 1)
		v := known[at]
		if len(out) > 0 && out[len(out)-1].code == v {
			continue
		}
		for at+1 < len(known) && known[at+1] == v {
			at++
		}
		out = append(out, value{v, float64(at+1-from) / n})
		from = at + 1
	}
	return out
}

// dependence sets feature j of rows to one value after the other.
func dependence(p model.Predictor, t Table, rows []int, j int, values []value) Dependence {
	width := p.Width()
	first := 0
	if t.Labels.Task == dataset.Binary {
		first = 1 // the other class's says the same
	}
	out := Dependence{Feature: t.Features[j].Name, Rows: len(rows)}
	n := len(t.Features)
	x, predictions, own := make([]float64, len(rows)*n), make([]float64, len(rows)*width), make([][]float64, width)
	for i, row := range rows {
		t.Row(row, x[i*n:(i+1)*n])
	}
	for _, v := range values {
		for i := range rows {
			x[i*n+j] = v.code
		}
		model.PredictBatch(p, predictions, x, len(rows))
		for k := range own {
			own[k] = own[k][:0]
			for i := range rows {
				own[k] = append(own[k], predictions[i*width+k])
			}
		}
		point := Point{Value: shown(&t.Features[j], v.code), Share: number.Float(v.share)}
		for _, q := range own[first:] {
			var mean float64
			for _, v := range q {
				mean += v / float64(len(q))
			}
			slices.Sort(q)
			point.Mean = append(point.Mean, number.Float(mean))
			point.Low = append(point.Low, number.Float(q[(len(q)-1)/10]))
			point.High = append(point.High, number.Float(q[len(q)-1-(len(q)-1)/10]))
		}
		out.Points = append(out.Points, point)
	}
	return out
}

// shown is a coded value as people know it.
func shown(f *model.Feature, code float64) any {
	switch {
	case math.IsNaN(code):
		return nil
	case f.Kind == dataset.Categorical:
		return f.Levels[int(code)]
	}
	return code
}
