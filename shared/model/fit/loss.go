package fit

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/model"
	"mlops/shared/model/tree"
)

// loss is what boosting descends.
type loss struct {
	name  string
	task  dataset.Task
	link  model.Link
	alpha float64 // the parameter's default; 0 = the loss takes none

	start  func(s *stage) []float64                           // the raw scores of all rows before the first tree: the best constant ones
	round  func(s *stage)                                     // what all derivatives of a round need; nil = nothing
	derive func(s *stage, k, from, to int)                    // writes gradient and second derivative by score k of rows from..to, unweighted
	value  func(s *stage, rows []int32, step float64) float64 // of a leaf of those rows, before the learning rate; nil = the step
	of     func(s *stage, row int) float64                    // of one row, up to a constant that is the same for every score
}

// losses are those that can be asked for, the usual one of each task first. s is the raw score, y the label.
//
//	logistic  -log p of the row's class, p = 1/(1+exp(-s))
//	softmax   -log p of the row's class, p_k = exp(s_k) / sum exp(s_j)
//	squared   (y-s)**2 / 2
//	absolute  |y-s|: the prediction is a median
//	huber     (y-s)**2 / 2 up to |y-s| = delta, the alpha-quantile of |y-s| in each round; beyond it delta (|y-s| - delta/2)
//	quantile  (alpha - [y < s]) (y-s): the prediction is the alpha-quantile
//	poisson   exp(s) - y s: the prediction exp(s) is the mean of a count
//
// The leaves of absolute, quantile and Huber loss get the value that suits the residuals of their rows best, since second derivatives say nothing
// about them: the median, the quantile, and the median corrected by the mean of what lies within delta of it (J. Friedman, "Greedy function
// approximation: a gradient boosting machine", 2001, algorithms 3 and 4).
var losses = []loss{
	{name: "logistic", task: dataset.Binary, link: model.Logit, start: (*stage).logOdds, derive: (*stage).logistic, of: (*stage).logisticLoss},
	{name: "softmax", task: dataset.Multiclass, link: model.Softmax, start: (*stage).logShares, round: (*stage).probabilities, derive: (*stage).softmax, of: (*stage).softmaxLoss},
	{name: "squared", task: dataset.Regression, link: model.Identity, start: (*stage).mean, derive: (*stage).squared, of: (*stage).squaredLoss},
	{name: "absolute", task: dataset.Regression, link: model.Identity, start: (*stage).quantile, derive: (*stage).pinball, value: (*stage).quantileLeaf, of: (*stage).pinballLoss},
	{name: "huber", task: dataset.Regression, link: model.Identity, alpha: 0.9, start: (*stage).quantile, round: (*stage).bend, derive: (*stage).huber, value: (*stage).huberLeaf, of: (*stage).huberLoss},
	{name: "quantile", task: dataset.Regression, link: model.Identity, alpha: 0.5, start: (*stage).quantile, derive: (*stage).pinball, value: (*stage).quantileLeaf, of: (*stage).pinballLoss},
	{name: "poisson", task: dataset.Regression, link: model.Log, start: (*stage).logMean, derive: (*stage).poisson, value: (*stage).poissonLeaf, of: (*stage).poissonLoss},
}

// greatestCount is the greatest label of Poisson loss: sums of derivatives are single precision.
const greatestCount = 1e30

func (s *stage) logOdds() []float64 {
	p := s.d.shares()
	return []float64{elementary.Log(p[1] / p[0])}
}

func (s *stage) logistic(_, from, to int) {
	for i := from; i < to; i++ {
		p := elementary.Sigmoid(s.score[i])
		s.sums[i] = [2]float32{float32(p - s.y[i]), float32(p * (1 - p))}
	}
}

// logisticLoss is log(1+exp(-m)) of the margin m, without overflow.
func (s *stage) logisticLoss(i int) float64 {
	m := s.score[i]
	if s.y[i] == 0 {
		m = -m
	}
	return max(-m, 0) + elementary.Log1p(elementary.Exp(-math.Abs(m)))
}

func (s *stage) logShares() []float64 {
	p := s.d.shares()
	for k := range p {
		p[k] = elementary.Log(p[k])
	}
	return p
}

// probabilities computes p from the scores, once a round: all classes' trees are steps from the same point.
func (s *stage) probabilities() {
	n, k := s.d.Rows, len(s.base)
	tree.Parallel(n, s.threads, 8*n*k, func(from, to int) {
		for i := from; i < to; i++ {
			top, sum := math.Inf(-1), 0.0
			for c := range k {
				top = max(top, s.score[c*n+i])
			}
			for c := range k {
				s.p[c*n+i] = elementary.Exp(s.score[c*n+i] - top)
				sum += s.p[c*n+i]
			}
			for c := range k {
				s.p[c*n+i] /= sum
			}
		}
	})
}

// softmax has a factor on the second derivative that makes two classes equal to the logistic case (Friedman, 2001, algorithm 6).
func (s *stage) softmax(k, from, to int) {
	classes := float64(len(s.base))
	p := s.p[k*s.d.Rows:]
	for i := from; i < to; i++ {
		g := p[i]
		if int(s.y[i]) == k {
			g--
		}
		s.sums[i] = [2]float32{float32(g), float32(p[i] * (1 - p[i]) * classes / (classes - 1))}
	}
}

func (s *stage) softmaxLoss(i int) float64 {
	n, top, sum := s.d.Rows, math.Inf(-1), 0.0
	for k := range s.base {
		top = max(top, s.score[k*n+i])
	}
	for k := range s.base {
		sum += elementary.Exp(s.score[k*n+i] - top)
	}
	return elementary.Log(sum) + top - s.score[int(s.y[i])*n+i]
}

func (s *stage) mean() []float64 {
	mean, _ := s.d.moments()
	return []float64{mean}
}

func (s *stage) squared(_, from, to int) {
	for i := from; i < to; i++ {
		s.sums[i] = [2]float32{float32((s.score[i] - s.y[i]) / s.scale), 1}
	}
}

func (s *stage) squaredLoss(i int) float64 { return (s.score[i] - s.y[i]) * (s.score[i] - s.y[i]) }

// quantile is that of the labels.
func (s *stage) quantile() []float64 {
	return []float64{s.quantileLeaf(s.rows, 0)} // all scores are 0 yet
}

// quantileLeaf is the quantile of the residuals y-s.
func (s *stage) quantileLeaf(rows []int32, _ float64) float64 {
	v, w := s.residuals(rows)
	return weightedQuantile(v, w, s.level)
}

// residuals are y-s of some rows, and their weights.
func (s *stage) residuals(rows []int32) (v, w []float64) {
	v, w = make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		v[i], w[i] = s.y[r]-s.score[r], s.d.weight(int(r))
	}
	return v, w
}

func (s *stage) pinball(_, from, to int) {
	for i := from; i < to; i++ {
		var g float64
		switch {
		case s.y[i] < s.score[i]:
			g = 1 - s.level
		case s.y[i] > s.score[i]:
			g = -s.level
		}
		s.sums[i] = [2]float32{float32(g), 1}
	}
}

func (s *stage) pinballLoss(i int) float64 {
	r := s.y[i] - s.score[i]
	return max(s.level*r, (s.level-1)*r)
}

// bend finds delta anew.
func (s *stage) bend() {
	v, w := s.residuals(s.rows)
	for i := range v {
		v[i] = math.Abs(v[i])
	}
	s.delta = weightedQuantile(v, w, s.alpha)
	if s.bent == 0 {
		s.bent = s.delta
	}
}

func (s *stage) huber(_, from, to int) {
	for i := from; i < to; i++ {
		g := min(max(s.score[i]-s.y[i], -s.delta), s.delta)
		s.sums[i] = [2]float32{float32(g / s.scale), 1}
	}
}

// huberLoss keeps the delta of the first round, so that losses of different rounds can be compared.
func (s *stage) huberLoss(i int) float64 {
	r := math.Abs(s.y[i] - s.score[i])
	if r <= s.bent {
		return r * r / 2
	}
	return s.bent * (r - float64(s.bent/2))
}

func (s *stage) huberLeaf(rows []int32, _ float64) float64 {
	median := s.quantileLeaf(rows, 0)
	var sum, weight float64
	for _, r := range rows {
		w := s.d.weight(int(r))
		sum += float64(w * min(max(s.y[r]-s.score[r]-median, -s.delta), s.delta))
		weight += w
	}
	return median + sum/weight
}

// logMean counts half an event where there was none.
func (s *stage) logMean() []float64 {
	var sum, weight float64
	for i, y := range s.y {
		sum += float64(s.d.weight(i) * y)
		weight += s.d.weight(i)
	}
	if sum == 0 {
		sum = 0.5
	}
	return []float64{elementary.Log(sum / weight)}
}

func (s *stage) poisson(_, from, to int) {
	for i := from; i < to; i++ {
		mean := min(elementary.Exp(s.score[i]), greatestCount)
		s.sums[i] = [2]float32{float32(mean - s.y[i]), float32(mean)}
	}
}

func (s *stage) poissonLoss(i int) float64 {
	return min(elementary.Exp(s.score[i]), greatestCount) - float64(s.y[i]*s.score[i])
}

// poissonLeaf is Newton's step, sum y / sum exp(s) - 1, but never past the best value, which is that ratio's logarithm: the exponential makes of a
// step that is too long an enormous mean.
func (s *stage) poissonLeaf(_ []int32, step float64) float64 {
	if step <= 0 {
		return step
	}
	return min(step, elementary.Log1p(step)/s.rate)
}
