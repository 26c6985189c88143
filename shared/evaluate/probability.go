package evaluate

import (
	"math"
	"sort"
)

// epsilon bounds probabilities away from 0 and 1 before a logarithm: the spacing of float64 at 1, as scikit-learn has it. One
// certain and wrong row therefore costs 36.04, not infinity.
const epsilon = 0x1p-52

// logLosses is each row's negative log-probability of its class, clipped, and renormalised after the clipping.
func logLosses(y, p []float64, width int) []float64 {
	loss := make([]float64, len(y))
	for i, v := range y {
		var sum float64
		for _, q := range p[i*width : (i+1)*width] {
			sum += clip(q)
		}
		loss[i] = -math.Log(clip(p[i*width+int(v)]) / sum)
	}
	return loss
}

func clip(p float64) float64 { return min(max(p, epsilon), 1-epsilon) }

// LogLoss is the mean negative log-likelihood of the true classes, in nats.
//
//	-1/n sum log p[i, y_i]
//
// y holds class indices, p is row-major with width columns (two for binary). Probabilities are clipped to [2^-52, 1 - 2^-52] and each
// row is scaled to sum to one afterwards, as scikit-learn's log_loss does.
func LogLoss(y, p []float64, width int) float64 { return mean(logLosses(y, p, width)) }

// brierLosses is each row's squared error of the probabilities.
func brierLosses(y, p []float64, width int) []float64 {
	loss := make([]float64, len(y))
	for i, v := range y {
		if width == 2 {
			d := p[2*i+1] - v
			loss[i] = d * d
			continue
		}
		for k, q := range p[i*width : (i+1)*width] {
			if k == int(v) {
				q--
			}
			loss[i] += float64(q * q)
		}
	}
	return loss
}

// Brier is the mean squared error of the probabilities: for two classes of the positive one alone, so in [0,1] (scikit-learn's
// brier_score_loss); for more the sum over the classes, so in [0,2]. Shapes as LogLoss. Brier, Monthly Weather Review 78 (1950).
func Brier(y, p []float64, width int) float64 { return mean(brierLosses(y, p, width)) }

// calibrationBins is the number of bins of equal width used by the expected calibration error.
const calibrationBins = 10

// calibrationEdges lie between the bins, computed as numpy's linspace does.
var calibrationEdges = func() (edges [calibrationBins - 1]float64) {
	for i := range edges {
		edges[i] = float64(i+1) * (1.0 / calibrationBins)
	}
	return edges
}()

// calibrationBin is the bin of a probability: open below and closed above.
func calibrationBin(p float64) uint8 { return uint8(sort.SearchFloat64s(calibrationEdges[:], p)) }

// reliability is the calibration error prepared for any row weights.
type reliability struct {
	bin []uint8
	gap []float64 // outcome minus the probability that was given for it
}

func newReliability(y, p []float64, width int) reliability {
	r := reliability{bin: make([]uint8, len(y)), gap: make([]float64, len(y))}
	for i, v := range y {
		given, happened := p[i*width+1], v
		if width != 2 {
			top := argmax(p[i*width : (i+1)*width])
			given, happened = p[i*width+top], 0
			if int(v) == top {
				happened = 1
			}
		}
		r.bin[i] = calibrationBin(given)
		r.gap[i] = happened - given
	}
	return r
}

func (r reliability) sums(w []int32) (sums [calibrationBins]float64, n float64) {
	for i, g := range r.gap {
		times := 1.0
		if w != nil {
			times = float64(w[i])
		}
		sums[r.bin[i]] += float64(times * g)
		n += times
	}
	return sums, n
}

func (r reliability) ece(w []int32) float64 {
	sums, n := r.sums(w)
	var total float64
	for _, s := range sums {
		total += math.Abs(s)
	}
	return total / n
}

// influence takes the sign of each bin's gap as known, which is what a first-order expansion says where no gap is near zero.
func (r reliability) influence() influence {
	sums, n := r.sums(nil)
	in := influence{value: r.ece(nil), row: make([]float64, len(r.gap))}
	for i, g := range r.gap {
		in.row[i] = math.Copysign(1, sums[r.bin[i]]) * g / n
	}
	return in
}

// ECE is the expected calibration error over ten bins of equal width, open below and closed above.
//
//	sum over bins of |sum of (outcome - probability)| / n
//
// For two classes the bins are of the positive class's probability (scikit-learn's calibration_curve, weighted by its bins); for more
// of the probability of the predicted class (Guo et al., ICML 2017). Shapes as LogLoss. It is biased upwards: even a perfectly
// calibrated model scores about 0.06 on 300 rows and 0.02 on 3,000.
func ECE(y, p []float64, width int) float64 { return newReliability(y, p, width).ece(nil) }
