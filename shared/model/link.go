package model

import (
	"math"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
)

// Link turns raw scores into a prediction.
type Link uint8

// The links.
const (
	Identity Link = iota // regression: the score is the value
	Logit                // binary: the score is the log-odds of the positive class
	Softmax              // multiclass: one score a class, up to a common constant
	Share                // binary, multiclass: the score is the probability itself, as an average over trees is
	Log                  // regression: the score is the logarithm of the value, which is therefore positive
)

// linkFor is the usual link of a task.
func linkFor(task dataset.Task) Link {
	switch task {
	case dataset.Binary:
		return Logit
	case dataset.Multiclass:
		return Softmax
	}
	return Identity
}

// fits reports whether scores of l can mean what a task asks for.
func (l Link) fits(task dataset.Task) bool {
	return l == linkFor(task) || l == Share && task != dataset.Regression || l == Log && task == dataset.Regression
}

// Apply turns the raw scores in dst[:k] into a prediction that fills dst. A binary prediction is two numbers made of one.
func (l Link) Apply(dst []float64, k int) {
	switch {
	case l == Logit:
		p := elementary.Sigmoid(dst[0])
		dst[0], dst[1] = 1-p, p
	case l == Log:
		dst[0] = min(elementary.Exp(dst[0]), MaxValue)
	case l == Softmax:
		softmax(dst[:k])
	case l == Share && k == 1:
		p := min(max(dst[0], 0), 1)
		dst[0], dst[1] = 1-p, p
	case l == Share:
		share(dst[:k])
	}
}

// softmax is exp(s_i)/sum exp(s_j) in place, computed after subtracting the greatest score so that nothing overflows.
func softmax(s []float64) {
	top := math.Inf(-1)
	for _, v := range s {
		top = max(top, v)
	}
	var sum float64
	for i, v := range s {
		s[i] = elementary.Exp(v - top)
		sum += s[i]
	}
	for i := range s {
		s[i] /= sum
	}
}

// share makes probabilities sum to 1, after limiting each to (0, 1].
func share(s []float64) {
	var sum float64
	for i, v := range s {
		s[i] = min(max(v, 1e-9), 1)
		sum += s[i]
	}
	for i := range s {
		s[i] /= sum
	}
}

// clamp limits an input to the magnitude that the arithmetic is safe for; NaN stays NaN.
func clamp(v float64) float64 { return min(max(v, -MaxValue), MaxValue) }
