package expect

import (
	"fmt"
	"math"
	"slices"
)

// distributions are about the shape of a column.
var distributions = []record{
	{"expect_column_quantile_values_to_be_between", "column! quantile_ranges! allow_relative_error", quantilesBetween},
	{"expect_column_kl_divergence_to_be_less_than", "column! partition_object threshold tail_weight_holdout internal_weight_holdout bucketize_data min_value max_value", divergence},
}

// quantilesBetween expects each quantile within its range, closed, open-ended where null; a quantile at a bound within 1e-4 of it,
// relative, passes. allow_relative_error is, in the pandas engine, the name of the interpolation, "nearest" when false or absent.
func quantilesBetween(c *check) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	q := c.object("quantile_ranges")
	quantiles, _ := c.numbersIn(q, "quantiles")
	asked, _ := list(q["quantiles"])
	ranges, _ := list(q["value_ranges"])
	if len(quantiles) != len(ranges) || len(quantiles) == 0 {
		c.wrong("quantile_values and quantiles must have the same number of elements, and at least one: %d value_ranges and %d quantiles", len(ranges), len(quantiles))
	}
	interpolation := "nearest"
	if v, ok := c.values["allow_relative_error"].(bool); !ok || v {
		interpolation = c.choice("allow_relative_error", "nearest", "linear", "lower", "higher", "midpoint")
	}
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	if !s.numeric() {
		return outcome{}, notNumeric("quantiles", s)
	}
	n, at := s.order()
	values, passed, success := make([]any, len(quantiles)), make([]any, len(quantiles)), true
	for i, p := range quantiles {
		if !(0 <= p && p <= 1) {
			return outcome{}, fmt.Errorf("quantile_ranges.quantiles[%d] = %v must lie in [0, 1]", i, p)
		}
		low, high, err := quantileRange(ranges[i])
		if err != nil {
			return outcome{}, fmt.Errorf("quantile_ranges.value_ranges[%d]: %w", i, err)
		}
		x := quantile(n, at, p, interpolation)
		ok := close4(x, low) || close4(x, high) || low <= x && x <= high
		values[i], passed[i] = output(x), ok
		if interpolation == "nearest" || interpolation == "lower" || interpolation == "higher" {
			values[i] = s.told(x)
		}
		success = success && ok
	}
	return outcome{success: success, detail: map[string]any{
		"observed_value": map[string]any{"quantiles": asked, "values": values},
		"details":        map[string]any{"success_details": passed},
	}}, nil
}

func quantileRange(v any) (low, high float64, err error) {
	pair, ok := list(v)
	if !ok || len(pair) != 2 {
		return 0, 0, fmt.Errorf("a range is a list of two bounds, not %v", brief(v))
	}
	low, high = math.Inf(-1), math.Inf(1)
	for i, at := range []*float64{&low, &high} {
		switch x := infinite(scalar(pair[i])).(type) {
		case nil:
		case float64:
			*at = x
		default:
			return 0, 0, fmt.Errorf("a bound must be a number or null, not %s", kindOf(x))
		}
	}
	if low > high {
		return 0, 0, fmt.Errorf("quantile_ranges must consist of ordered pairs: %v > %v", low, high)
	}
	return low, high, nil
}

// close4 is numpy.isclose with rtol 1e-4 and its own atol 1e-8.
func close4(a, b float64) bool {
	return a == b || !math.IsInf(b, 0) && !math.IsInf(a, 0) && math.Abs(a-b) <= 1e-8+1e-4*math.Abs(b)
}

// quantile of n sorted values, of which at gives those of a rank, at p in [0, 1], by numpy's rules; NaN of nothing. The rank is (n-1)p, and pandas brings p there by way of
// percent.
func quantile(n int, at func(rank int) float64, p float64, interpolation string) float64 {
	if n == 0 {
		return math.NaN()
	}
	rank := float64(n-1) * (p * 100 / 100)
	low, high := int(math.Floor(rank)), int(math.Ceil(rank))
	a, b := at(low), at(min(high, n-1))
	switch t := rank - math.Floor(rank); interpolation {
	case "lower":
		return a
	case "higher":
		return b
	case "midpoint":
		return a + float64((b-a)*0.5)
	case "linear":
		if t >= 0.5 {
			return b - float64((b-a)*(1-t))
		}
		return a + float64((b-a)*t)
	}
	return at(int(math.RoundToEven(rank)))
}

func outputs(v []float64) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = output(x)
	}
	return out
}

// divergence expects the Kullback-Leibler divergence of the observed from the expected distribution to be at most threshold:
//
//	sum p ln(p/q), in nats, p and q normalised, over the values of partition_object or its bins and two tails
//
// A value or a bin that was not expected gets a part of the holdout; without one the divergence is infinite, which fails.
func divergence(c *check) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	threshold, limited := c.number("threshold")
	if limited && !(threshold >= 0) {
		c.wrong("Threshold must be specified, greater than or equal to zero.")
	}
	d := kl{check: c, s: s, tail: c.holdout("tail_weight_holdout"), internal: c.holdout("internal_weight_holdout")}
	if d.own = c.values["partition_object"] == nil; d.own && c.err() == nil {
		made, err := d.ownPartition()
		if err != nil {
			return outcome{}, err
		}
		c.values = clone(c.values)
		c.values["partition_object"] = made
	}
	beside, more := "bins", 1
	if o := c.object("partition_object"); o["values"] != nil {
		beside, more = "values", 0
	}
	partition, weights := c.partition("partition object", beside, more)
	d.weights = weights
	for _, w := range d.weights {
		if !(w >= 0) {
			c.wrong("partition_object.weights must not be negative: %v", w)
			break
		}
	}
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	var observed, expected map[string]any
	switch {
	case d.tail != 0 && partition["tail_weights"] != nil:
		err = fmt.Errorf("tail_weight_holdout must be 0 when using tail_weights in partition object")
	case beside == "values" && d.internal > 0:
		err = fmt.Errorf("Internal weight holdout cannot be used for discrete data.")
	case beside == "values":
		observed, expected, err = d.categorical(partition)
	default:
		observed, expected, err = d.continuous(partition)
	}
	if err == nil {
		err = c.err()
	}
	if err != nil {
		return outcome{}, err
	}
	v := entropy(d.p, d.q)
	var told any
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		told = v
	}
	return outcome{success: !limited || v <= threshold, detail: map[string]any{
		"observed_value": told,
		"details":        map[string]any{"observed_partition": observed, "expected_partition": expected},
	}}, nil
}

// holdout is a share of the weights kept for what was not expected, 0 when absent.
func (c *check) holdout(name string) float64 {
	v, there := c.number(name)
	if there && !(0 <= v && v <= 1) {
		c.wrong("%s must be between zero and one. Here it is %v: ensure this value is %s", name, v, map[bool]string{true: "greater than or equal to 0", false: "less than or equal to 1"}[v < 0])
	}
	return v
}

// kl builds the two distributions p (observed) and q (expected).
type kl struct {
	*check
	s              *series
	weights        []float64
	tail, internal float64
	own            bool // the partition is made of the column
	p, q           []float64
}

func (d *kl) categorical(partition map[string]any) (observed, expected map[string]any, err error) {
	k := kwargs{values: partition}
	values, _ := k.scalars("values")
	if err := k.err(); err != nil {
		return nil, nil, fmt.Errorf("Invalid partition object: %w", err)
	}
	names, counts, q := categories(d.s, values, d.weights, d.tail)
	_, n := d.s.size()
	for i := range counts {
		counts[i] /= float64(n)
	}
	d.p, d.q = counts, q
	return map[string]any{"values": names, "weights": outputs(d.p)}, map[string]any{"values": names, "weights": outputs(d.q)}, nil
}

// categories are the values expected, as they come, and those seen beside them, ascending, with how often each was seen and its expected share:
// what was not expected divides tail, by which the others are then lowered.
func categories(s *series, values []any, weights []float64, tail float64) (names []any, counts, shares []float64) {
	type cell struct {
		value    any
		count, q float64
		expected bool
	}
	cells := make([]cell, 0, len(values))
	at := map[any]int{}
	for i, v := range values {
		at[key(v)] = i
		cells = append(cells, cell{value: v, q: weights[i], expected: true})
	}
	for _, v := range s.counts() {
		if i, ok := at[key(v.value)]; ok {
			cells[i].count = float64(v.count)
		} else {
			cells = append(cells, cell{value: v.value, count: float64(v.count)})
		}
	}
	unseen := len(cells) - len(values)
	for _, c := range cells {
		switch {
		case !c.expected:
			c.q = tail / float64(unseen)
		case unseen > 0:
			c.q *= 1 - tail
		}
		names, counts, shares = append(names, s.told(c.value)), append(counts, c.count), append(shares, c.q)
	}
	return names, counts, shares
}

func (d *kl) continuous(partition map[string]any) (observed, expected map[string]any, err error) {
	bins, _ := d.numbersIn(partition, "bins")
	tails, hasTails := d.numbersIn(partition, "tail_weights")
	switch {
	case d.err() != nil:
		return nil, nil, d.err()
	case !d.flagOr("bucketize_data", true):
		return nil, nil, fmt.Errorf("KL Divergence cannot be computed with a continuous partition object and the bucketize_data parameter set to false.")
	case !d.own && !strictlyAscending(bins):
		return nil, nil, fmt.Errorf("Invalid partition object: bins must ascend")
	case hasTails && len(tails) != 2:
		return nil, nil, fmt.Errorf("partition_object.tail_weights must be two numbers")
	case !d.s.numeric():
		return nil, nil, notNumeric("a partition in bins", d.s)
	}
	edges, _ := list(partition["bins"]) // told as they came
	last := len(bins) - 1
	openLow, openHigh := math.IsInf(bins[0], -1), math.IsInf(bins[last], 1)
	if hasTails && (openLow || openHigh) {
		return nil, nil, fmt.Errorf("There can be no tail weights for partitions with one or both endpoints at infinity")
	}
	if openLow && openHigh && d.tail > 0 {
		return nil, nil, fmt.Errorf("tail_weight_holdout cannot be used for partitions with infinite endpoints.")
	}
	inner, below, above := d.s.histogram(bins)
	q := make([]float64, len(d.weights))
	zeros := 0
	for i, w := range d.weights {
		if q[i] = w * (1 - d.tail - d.internal); q[i] == 0 {
			zeros++
		}
	}
	for i := range q {
		if q[i] == 0 && d.internal > 0 {
			q[i] = d.internal / float64(zeros)
		}
	}
	// An open end makes its bin the tail; a closed one leaves what lies beyond to the holdout, halved when both ends are closed.
	each := d.tail
	if !openLow && !openHigh {
		each /= 2
	}
	pTails, qTails := []float64{below, above}, []float64{each, each}
	if hasTails {
		qTails = slices.Clone(tails)
	}
	if openLow {
		pTails[0], qTails[0], inner, q, edges = inner[0], q[0], inner[1:], q[1:], edges[1:]
	}
	if openHigh && len(q) > 0 {
		end := len(q) - 1
		pTails[1], qTails[1], inner, q, edges = inner[end], q[end], inner[:end], q[:end], edges[:len(edges)-1]
	}
	d.p = slices.Concat(pTails[:1], inner, pTails[1:])
	d.q = slices.Concat(qTails[:1], q, qTails[1:])
	tell := func(w, t []float64) map[string]any {
		return map[string]any{"bins": edges, "weights": outputs(w), "tail_weights": outputs(t)}
	}
	return tell(inner, pTails), tell(q, qTails), nil
}

// entropy is the Kullback-Leibler divergence of p from q, each normalised to sum 1, as scipy.stats.entropy: a term with p = 0 is 0, one
// with q = 0 < p is infinite.
func entropy(p, q []float64) float64 {
	sp, sq := pairwiseSum(p), pairwiseSum(q)
	terms := make([]float64, len(p))
	for i := range p {
		x, y := p[i]/sp, q[i]/sq
		switch {
		case x > 0 && y > 0:
			terms[i] = x * math.Log(x/y)
		case x == 0 && y >= 0:
			terms[i] = 0
		default:
			terms[i] = math.Inf(1)
			if math.IsNaN(x) || math.IsNaN(y) {
				terms[i] = math.NaN()
			}
		}
	}
	return pairwiseSum(terms)
}
