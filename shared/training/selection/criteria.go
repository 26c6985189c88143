package selection

import (
	"fmt"
	"math"
)

// criterion is one measure by which candidates are told apart.
type criterion struct {
	value     func(c Candidate, f Facts) float64 // greater is better; NaN = not known
	tolerance func(best, x Candidate, p Policy, f Facts) float64
	show      func(c Candidate, f Facts) string
}

// criteria are the measures there are, by the names that a policy orders.
var criteria = map[string]criterion{
	"drift": {
		value: func(c Candidate, _ Facts) float64 {
			if c.Drift == nil {
				return math.NaN()
			}
			return -float64(c.Drift.Share)
		},
		tolerance: func(_, _ Candidate, p Policy, _ Facts) float64 { return p.DriftTolerance },
		show: func(c Candidate, _ Facts) string {
			if c.Drift == nil {
				return "not measured"
			}
			return fmt.Sprintf("%d of %d features drifted against %d rows of traffic", c.Drift.Drifted, c.Drift.Columns, c.Drift.Rows)
		},
	},
	"score": {
		value: func(c Candidate, _ Facts) float64 {
			switch {
			case c.Score == nil:
				return math.NaN()
			case c.Score.Greater:
				return float64(c.Score.Mean)
			}
			return -float64(c.Score.Mean)
		},
		tolerance: func(best, x Candidate, p Policy, _ Facts) float64 { // standard errors of the difference of two independent means
			se := math.Hypot(float64(best.Score.SE), float64(x.Score.SE))
			if math.IsNaN(se) {
				return math.Inf(1)
			}
			return p.ScoreErrors * se
		},
		show: func(c Candidate, _ Facts) string {
			if c.Score == nil {
				return "not scored"
			}
			return fmt.Sprintf("%s %.4f +-%.4f", c.Score.Metric, float64(c.Score.Mean), float64(c.Score.SE))
		},
	},
	"freshness": {
		value: func(c Candidate, f Facts) float64 { return -f.Now.Sub(c.Created).Hours() / 24 },
		tolerance: func(_, _ Candidate, p Policy, f Facts) float64 { // what is younger than a label's delay brought no label that the older one lacks
			return math.Max(p.FreshDays, f.DelayDays)
		},
		show: func(c Candidate, f Facts) string {
			return fmt.Sprintf("%.1f days old", f.Now.Sub(c.Created).Hours()/24)
		},
	},
	"rows": {
		value:     func(c Candidate, _ Facts) float64 { return float64(c.Rows) },
		tolerance: func(best, _ Candidate, p Policy, _ Facts) float64 { return p.CountTolerance * float64(best.Rows) },
		show:      func(c Candidate, _ Facts) string { return fmt.Sprintf("%d rows", c.Rows) },
	},
	"positives": {
		value: func(c Candidate, _ Facts) float64 {
			if c.Positives < 0 {
				return math.NaN()
			}
			return float64(c.Positives)
		},
		tolerance: func(best, _ Candidate, p Policy, _ Facts) float64 { return p.CountTolerance * float64(best.Positives) },
		show:      func(c Candidate, _ Facts) string { return fmt.Sprintf("%d rows of the rarest class", c.Positives) },
	},
	"warnings": {
		value:     func(c Candidate, _ Facts) float64 { return -float64(c.Warnings) },
		tolerance: func(_, _ Candidate, _ Policy, _ Facts) float64 { return 0 },
		show:      func(c Candidate, _ Facts) string { return fmt.Sprintf("%d warnings", c.Warnings) },
	},
}

// best is the candidate of the greatest known value, the newest of equals; the first where none is known.
func best(left []Candidate, k criterion, f Facts) Candidate {
	out := left[0]
	for _, c := range left[1:] {
		v, have := k.value(c, f), k.value(out, f)
		if v > have || math.IsNaN(have) && !math.IsNaN(v) {
			out = c
		}
	}
	return out
}

// keep parts left by how far each is behind the best.
func (k criterion) keep(left []Candidate, p Policy, f Facts) (kept []Candidate, gone []Verdict) {
	top := best(left, k, f)
	greatest := k.value(top, f)
	for _, c := range left {
		v := k.value(c, f)
		if math.IsNaN(v) || math.IsNaN(greatest) || greatest-v <= k.tolerance(top, c, p, f) {
			kept = append(kept, c)
			continue
		}
		why := fmt.Sprintf("%s, while %s has %s: %.3g behind, more than %.3g", k.show(c, f), top.Name(), k.show(top, f), greatest-v, k.tolerance(top, c, p, f))
		gone = append(gone, Verdict{Candidate: c, Status: PassedOver, Why: []string{why}})
	}
	return kept, gone
}
