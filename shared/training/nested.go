package training

import (
	"math"
	"math/rand/v2"
	"slices"

	"mlops/shared/evaluate"
	"mlops/shared/number"
)

// nestedWork bounds the work of the corrected estimate, in rows looked at of one candidate. Luck falls with the number of rows, so large tables need
// fewer draws of it.
const (
	nestedWork  = 60_000_000
	leastNested = 20
)

// corrected estimates the metrics of the winner without the luck of having been chosen: bootstrap bias corrected cross-validation (I. Tsamardinos,
// E. Greasidou & G. Borboudakis, Machine Learning 107, 2018, algorithm 4). Rows are drawn with replacement from the out-of-fold predictions of all
// candidates that have them; the choice is made again on the rows drawn, and the one chosen is measured on the rows that were not. Value is the mean
// over the draws, the interval their 2.5 and 97.5 %. It needs no further fit, where nested cross-validation needs as many again for each outer fold, and
// the paper finds its bias no greater. Where groups are declared, groups are drawn. What is not in it: that a vote's members, and a calibration,
// were chosen on all rows.
func (r *run) corrected() evaluate.Metrics {
	set := r.finalists()
	draws := min(r.spec.Nested, max(leastNested, nestedWork/(len(r.covered)*max(1, len(set))*8)))
	if r.spec.Nested == 0 || len(set) < 2 {
		return nil
	}
	labels := r.data.Labels.Take(r.covered)
	width := max(1, len(labels.Classes))
	predictions, loss := make([][]float64, len(set)), make([]losses, len(set))
	for m, t := range set {
		predictions[m] = rowsOf(r.outOfFold(t), r.covered, width)
		var err error
		if loss[m], err = r.lossesOf(r.outOfFold(t)); err != nil {
			return nil // cannot be: they were scored
		}
	}
	units := r.units()
	random := rand.New(rand.NewPCG(r.spec.Seed, 0x6e6573746564)) // the second word is arbitrary and fixed
	values := map[string][]float64{}
	times := make([]int32, len(r.covered))
	for range draws {
		clear(times)
		for range units {
			for _, i := range units[random.IntN(len(units))] {
				times[i]++
			}
		}
		var out []int
		for i, n := range times {
			if n == 0 {
				out = append(out, i)
			}
		}
		if len(out) < 2 {
			continue
		}
		for m := range loss {
			loss[m].times = times
		}
		winner := pick(set, func(a, b int) (float64, float64) { return loss[a].behind(loss[b]) })
		truth, p := labels.Take(out), rowsOf(predictions[winner], out, width)
		for _, metric := range evaluate.Of(labels.Task) {
			if v, err := evaluate.Score(metric, truth, p); err == nil && !math.IsNaN(v) {
				values[metric] = append(values[metric], v)
			}
		}
	}
	out := evaluate.Metrics{}
	for metric, v := range values {
		mean, se := spread(v)
		slices.Sort(v)
		at := func(q float64) number.Float { return number.Float(v[int(math.Round(q*float64(len(v)-1)))]) }
		out[metric] = evaluate.Estimate{Value: number.Float(mean), Low: at(0.025), High: at(0.975), SE: number.Float(se * math.Sqrt(float64(len(v)))), N: len(r.covered)}
	}
	return out
}

// finalists are the candidates that may be chosen: eligible, with all folds.
func (r *run) finalists() (set []*trial) {
	for _, t := range r.trials {
		if t.eligible && r.complete(t) {
			set = append(set, t)
		}
	}
	return set
}

// units are what is drawn, as indices into covered: groups, or single rows.
func (r *run) units() [][]int {
	var units [][]int
	at := map[int]int{}
	for i, row := range r.covered {
		if r.rows.group == nil {
			units = append(units, []int{i})
			continue
		}
		g := r.rows.group[row]
		if _, ok := at[g]; !ok {
			at[g] = len(units)
			units = append(units, nil)
		}
		units[at[g]] = append(units[at[g]], i)
	}
	return units
}
