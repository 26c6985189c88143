package drift

import "math"

// expected is what a binary classifier's metrics are expected to be, rows being positive with probability p.
type expected struct {
	auc, accuracy, precision, recall, f1, specificity, averagePrecision, logLoss, brier float64

	aucSD float64 // standard deviation of one row's influence on auc

	aucPull, apPull []float64 // what auc and average precision gain if the row is positive rather than negative, to first order
}

// expect is confidence-based performance estimation. With p the calibrated probability of a row and a positive answer where score >= threshold:
//
//	TP = sum of p over positive answers, FP = sum of 1-p over them; FN, TN likewise over negative answers
//	accuracy = (TP+TN)/n, precision = TP/(TP+FP), recall = TP/(TP+FN), f1 = 2TP/(2TP+FP+FN), specificity = TN/(TN+FP)
//	auc = sum over pairs p_i (1-p_j) ([s_i > s_j] + [s_i = s_j]/2) / (sum p  sum (1-p))
//
// and average precision is the sum over rows, by descending score, of the gain in recall times the precision so far. Equal to
// NannyML's estimate_* (performance_estimation.confidence_based.metrics), but for its rounding of counts to five digits. Scores ascend;
// both slices have one length and no NaN. A ratio without a denominator is NaN.
//
// The estimate holds if the answers still mean what they meant: that of rows with p = 0.3, three in ten are positive. It sees rows
// getting harder, not the world's rules changing (concept drift).
func expect(score, p []float64, threshold float64) expected {
	n := len(score)
	var positives, negatives, tp, fp, tn, fn sum
	var logLoss, brier sum
	for i, q := range p {
		positives.add(q)
		negatives.add(1 - q)
		if score[i] >= threshold {
			tp.add(q)
			fp.add(1 - q)
		} else {
			fn.add(q)
			tn.add(1 - q)
		}
		s := min(max(score[i], 1e-15), 1-1e-15)
		logLoss.add(-float64(q*math.Log(s)) - float64((1-q)*math.Log(1-s)))
		brier.add(float64(q*(1-score[i])*(1-score[i])) + float64((1-q)*score[i]*score[i]))
	}
	t, f := positives.value(), negatives.value()
	TP, FP, TN, FN := tp.value(), fp.value(), tn.value(), fn.value()
	e := expected{
		accuracy: (TP + TN) / float64(n), precision: TP / (TP + FP), recall: TP / (TP + FN), specificity: TN / (TN + FP),
		f1: 2 * TP / (2*TP + FP + FN), logLoss: logLoss.value() / float64(n), brier: brier.value() / float64(n),
	}

	// One pass over groups of equal score, from the least: fBelow and tBelow are the expected negatives and positives of smaller score.
	var fBelow, tBelow float64
	pull, lever := make([]float64, n), make([]float64, n) // of each row on the sum over pairs: as expected; positive rather than negative
	for start := 0; start < n; {
		end, tied := start, 0.0
		for end < n && score[end] == score[start] {
			tied += p[end]
			end++
		}
		fTied := float64(end-start) - tied
		for k := start; k < end; k++ {
			lever[k] = fBelow + fTied/2 - (t - tBelow - tied/2)
			pull[k] = float64(p[k]*(fBelow+fTied/2)) + float64((1-p[k])*(t-tBelow-tied/2))
		}
		e.auc += float64(tied * (fBelow + fTied/2))
		fBelow, tBelow, start = fBelow+fTied, tBelow+tied, end
	}
	e.auc /= t * f
	var squares float64
	for k := range pull {
		h := float64(n) * (pull[k]/(t*f) - float64(e.auc*(p[k]/t+(1-p[k])/f)))
		squares += float64(h * h)
		lever[k] = lever[k]/(t*f) - float64(e.auc*(1/t-1/f))
	}
	e.aucPull = lever
	e.aucSD = math.Sqrt(squares / float64(max(1, n-1)))

	var found float64
	for k := n - 1; k >= 0; k-- {
		found += p[k]
		e.averagePrecision += float64(p[k] / t * found / float64(n-k))
		pull[k] = found / float64(n-k) / t
	}
	var below float64 // of rows that rank lower, the hits that one more above them makes preciser
	for k := range pull {
		below += p[k] / float64(n-k) / t
		pull[k] += below - e.averagePrecision/t
	}
	e.apPull = pull
	return e
}
