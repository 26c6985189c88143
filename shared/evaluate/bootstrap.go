package evaluate

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"mlops/shared/dataset"
)

// weighted is a figure of fixed rows in which row i occurs w[i] times; nil is once each.
type weighted func(w []int32) float64

// prepare does what does not depend on the weights once: sorting, logarithms, bins.
func prepare(metric string, l dataset.Labels, p []float64) weighted {
	width := len(l.Classes)
	switch metric {
	case NameAUC:
		return newRanking(isClass(l.Y, 1), column(p, 2, 1)).auc
	case NameLogLoss:
		return meanOf(logLosses(l.Y, p, width))
	case NameBrier:
		return meanOf(brierLosses(l.Y, p, width))
	case NameECE:
		return newReliability(l.Y, p, width).ece
	}
	squared := meanOf(squaredErrors(l.Y, p))
	return func(w []int32) float64 { return math.Sqrt(squared(w)) }
}

func meanOf(loss []float64) weighted {
	return func(w []int32) float64 {
		if w == nil {
			return mean(loss)
		}
		var sum, n float64
		for i, v := range loss {
			sum += float64(float64(w[i]) * v)
			n += float64(w[i])
		}
		return sum / n
	}
}

// maxDraws bounds one bootstrap: 2,000 resamples of 50,000 rows. Beyond it the delta method's interval is the same to three digits.
const maxDraws = 100_000_000

// bootstrap draws the rows again and again, with replacement and within each class (so that no resample lacks one), and gives
// each figure's values over the resamples, sorted. All figures see the same resamples, so a difference of two is a paired one.
func bootstrap(l dataset.Labels, resamples int, seed uint64, figures ...weighted) [][]float64 {
	rows := make([][]int32, max(1, len(l.Classes)))
	for i := range l.Y {
		class := 0
		if l.Task != dataset.Regression {
			class = int(l.Y[i])
		}
		rows[class] = append(rows[class], int32(i))
	}
	random := rand.NewPCG(seed, 0x9e3779b97f4a7c15)
	w := make([]int32, l.Len())
	values := make([][]float64, len(figures))
	for k := range values {
		values[k] = make([]float64, resamples)
	}
	for b := range resamples {
		clear(w)
		for _, class := range rows {
			for range class {
				at, _ := bits.Mul64(random.Uint64(), uint64(len(class)))
				w[class[at]]++
			}
		}
		for k, figure := range figures {
			values[k][b] = figure(w)
		}
	}
	for _, v := range values {
		slices.Sort(v)
	}
	return values
}

// quantile is that of sorted values, with linear interpolation (Hyndman & Fan's type 7).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + float64((at-float64(low))*(sorted[high]-sorted[low]))
}

// comparison is one metric of both models on the same rows; the difference is oriented so that above zero is better.
type comparison struct {
	metric               string
	champion, challenger float64
	diff, low, high      float64
	n                    int
	bootstrapped         bool
}

// compare gives each metric's paired difference with its interval: percentiles of the bootstrap, or the delta method where that would
// take more than maxDraws.
func compare(p Policy, l dataset.Labels, champion, challenger []float64, metrics ...string) []comparison {
	out := make([]comparison, len(metrics))
	figures := make([]weighted, len(metrics))
	for k, metric := range metrics {
		a, b := prepare(metric, l, champion), prepare(metric, l, challenger)
		sign := -1.0
		if Greater(metric) {
			sign = 1
		}
		figures[k] = func(w []int32) float64 { return sign * (b(w) - a(w)) }
		out[k] = comparison{metric: metric, champion: a(nil), challenger: b(nil), diff: figures[k](nil), n: l.Len()}
	}
	if l.Len()*p.Resamples > maxDraws {
		for k := range out {
			e := wald(improvement(out[k].metric, l, champion, challenger), math.Inf(-1), math.Inf(1))
			out[k].low, out[k].high = float64(e.Low), float64(e.High)
		}
		return out
	}
	for k, v := range bootstrap(l, p.Resamples, p.Seed, figures...) {
		out[k].low, out[k].high, out[k].bootstrapped = quantile(v, 0.025), quantile(v, 0.975), true
	}
	return out
}
