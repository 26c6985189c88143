package training

import (
	"cmp"
	"math"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Costs are what the two kinds of wrong answers cost, in any one unit. With one of them stated, the other counts as 1.
type Costs struct {
	FalsePositive float64 `json:"fp,omitempty"`
	FalseNegative float64 `json:"fn,omitempty"`
}

const mostCost = 1e9

// complete fills the cost that is not stated.
func (c Costs) complete() Costs {
	if c.FalsePositive == 0 {
		c.FalsePositive = 1
	}
	if c.FalseNegative == 0 {
		c.FalseNegative = 1
	}
	return c
}

func (c Costs) check(task dataset.Task) (d []fault.Detail) {
	if c != (Costs{}) && task != dataset.Binary {
		d = append(d, fault.Detail{Field: "costs", Code: "wrong_task", Expected: "no costs, since the task is " + string(task) + ", not binary"})
	}
	for _, v := range []struct {
		name string
		cost float64
	}{{"cost_fp", c.FalsePositive}, {"cost_fn", c.FalseNegative}} {
		if !(v.cost >= 0 && v.cost <= mostCost) {
			d = append(d, fault.Detail{Field: v.name, Code: "out_of_range", Got: number.Float(v.cost), Expected: "more than 0, at most 1e9"})
		}
	}
	return d
}

// Decision is the threshold that costs least, and what it costs a row, out of fold.
type Decision struct {
	Costs     Costs        `json:"costs"`
	Threshold float64      `json:"threshold"`
	Cost      number.Float `json:"cost"`     // mean over the rows that it was chosen on
	HeldOut   number.Float `json:"held_out"` // mean, each fold's threshold chosen on the other folds
	AtHalf    number.Float `json:"at_half"`  // what 0.5 costs
	Theory    float64      `json:"theory"`   // fp / (fp + fn): the best where probabilities come true (C. Elkan, IJCAI 2001)
	AtTheory  number.Float `json:"at_theory"`
}

// decide finds the threshold of least cost on out-of-fold predictions p of the whole table; nil without costs.
func (r *run) decide(p []float64) *Decision {
	if r.spec.Costs == (Costs{}) {
		return nil
	}
	c := r.spec.Costs.complete()
	j := judge{costs: c, y: r.data.Labels.Y, p: p, weight: r.data.Weight}
	d := &Decision{Costs: c, Theory: c.FalsePositive / (c.FalsePositive + c.FalseNegative)}
	d.Threshold = j.least(r.covered, d.Theory)
	d.Cost, d.AtHalf, d.AtTheory = j.cost(r.covered, d.Threshold), j.cost(r.covered, 0.5), j.cost(r.covered, d.Theory)
	var sum, n float64
	for k, held := range r.held {
		var others []int
		for _, i := range r.covered {
			if r.fold[i] != k {
				others = append(others, i)
			}
		}
		sum += float64(float64(len(held)) * float64(j.cost(held, j.least(others, d.Theory))))
		n += float64(len(held))
	}
	d.HeldOut = number.Float(sum / n)
	return d
}

// judge counts what thresholds cost.
type judge struct {
	costs        Costs
	y, p, weight []float64 // p: [p0, p1] a row
}

func (j judge) at(i int) (weight, p float64) {
	if weight = 1; j.weight != nil {
		weight = j.weight[i]
	}
	return weight, j.p[2*i+1]
}

// cost is the mean cost of rows at a threshold.
func (j judge) cost(rows []int, threshold float64) number.Float {
	var sum, n float64
	for _, i := range rows {
		w, p := j.at(i)
		n += w
		switch {
		case p >= threshold && j.y[i] == 0:
			sum += float64(w * j.costs.FalsePositive)
		case p < threshold && j.y[i] == 1:
			sum += float64(w * j.costs.FalseNegative)
		}
	}
	return number.Float(sum / n)
}

// least is the threshold of least cost on rows: halfway between two probabilities that occur, or at an end; of equals the one nearest to theory.
func (j judge) least(rows []int, theory float64) float64 {
	order := slices.Clone(rows)
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(j.p[2*a+1], j.p[2*b+1]) })
	var cost float64 // of calling all positive
	for _, i := range order {
		if w, _ := j.at(i); j.y[i] == 0 {
			cost += float64(w * j.costs.FalsePositive)
		}
	}
	best, at := math.Inf(1), 0.5
	offer := func(low, high float64) { // any threshold in (low, high] costs the same
		t := (low + high) / 2
		if theory > low && theory <= high {
			t = theory
		}
		if cost < best-1e-9 || cost <= best+1e-9 && math.Abs(t-theory) < math.Abs(at-theory) {
			best, at = cost, t
		}
	}
	last := 0.0
	for n, i := range order {
		w, p := j.at(i)
		if n == 0 || p > last {
			offer(last, p)
		}
		if last = p; j.y[i] == 0 {
			cost -= float64(w * j.costs.FalsePositive)
		} else {
			cost += float64(w * j.costs.FalseNegative)
		}
	}
	if last < 1 {
		offer(last, 1)
	}
	return at
}
