package expect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"mlops/shared/drift/stattest"
)

// hypotheses are statistical tests of a column, or of two. Only the older engine of Great Expectations (V2) evaluated them, 1.x names them
// and does not; they answer here as that engine did, in both dialects.
var hypotheses = []record{
	{"expect_column_chisquare_test_p_value_to_be_greater_than", "column! partition_object p tail_weight_holdout", chiSquare},
	{"expect_column_bootstrapped_ks_test_p_value_to_be_greater_than", "column! partition_object p bootstrap_samples bootstrap_sample_size", bootstrappedKS},
	{"expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than", "column! distribution! p_value params", parameterizedKS},
	{"expect_column_pair_cramers_phi_value_to_be_less_than", "column_A! column_B! bins_A bins_B n_bins_A n_bins_B threshold", cramersPhi},
}

// maxResampled bounds bootstrap_samples x bootstrap_sample_size: some seconds of work.
const maxResampled = 10_000_000

// level is the significance level named name, 0.05 when absent; it must lie within (0, 1).
func (c *check) level(name string) float64 {
	p, there := c.number(name)
	switch {
	case !there:
		return 0.05
	case !(0 < p && p < 1):
		c.wrong("%s must be between 0 and 1, not %v", name, p)
	}
	return p
}

// partition reads weights, which must add up to 1 as numpy.isclose has it, and the list beside them.
func (c *check) partition(what, beside string, more int) (object map[string]any, weights []float64) {
	object = c.object("partition_object")
	weights, _ = c.numbersIn(object, "weights")
	all, _ := list(object[beside])
	sum := pairwiseSum(weights)
	if tails, ok := c.numbersIn(object, "tail_weights"); ok {
		sum += pairwiseSum(tails)
	}
	if len(c.problems) == 0 && (len(all) != len(weights)+more || len(weights) == 0 || !(math.Abs(sum-1) <= 1e-8+1e-5)) {
		c.wrong("Invalid partition_object provided. Invalid %s: partition_object needs weights that add up to 1 and %s, %d more than weights; here %d weights that add up to %v and %d %s", what, beside, more, len(weights), sum, len(all), beside)
	}
	return object, weights
}

// chiSquare expects Pearson's goodness of fit of the observed to the expected frequencies to have a p-value above p:
//
//	X2 = sum of (observed - expected)^2 / expected, k - 1 degrees of freedom
//
// A value that was not expected gets its part of tail_weight_holdout; without one the p-value is 0.
func chiSquare(c *check) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	p, tail := c.level("p"), c.holdout("tail_weight_holdout")
	object, weights := c.partition("partition object", "values", 0)
	k := kwargs{values: object}
	values, _ := k.scalars("values")
	c.problems = append(c.problems, k.problems...)
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	names, observed, expected := categories(s, values, weights, tail)
	_, present := s.size()
	x2 := 0.0
	for i := range expected {
		expected[i] *= float64(present)
		if d := observed[i] - expected[i]; d != 0 {
			x2 += d * d / expected[i]
		}
	}
	v := math.NaN()
	if len(names) > 1 {
		v = mathext.GammaIncRegComp(float64(len(names)-1)/2, x2/2)
	}
	if math.IsInf(x2, 1) {
		v = 0
	}
	tell := func(w []float64) map[string]any { return map[string]any{"values": names, "weights": outputs(w)} }
	return outcome{success: v > p, detail: map[string]any{
		"observed_value": output(v), "details": map[string]any{"observed_partition": tell(observed), "expected_partition": tell(expected)},
	}}, nil
}

// bootstrappedKS expects the bootstrapped Kolmogorov-Smirnov test of the column against the distribution function that is linear between
// the bins to exceed p: with B samples drawn with replacement, (1 + those whose own p-value is at least p) / (B + 1). The draws are
// always the same. B is 1000 and the size of a sample twice the number of bins unless told.
func bootstrappedKS(c *check) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	p := c.level("p")
	object, weights := c.partition("continuous partition object", "bins", 1)
	bins, _ := c.numbersIn(object, "bins")
	samples, size := c.atLeastOne("bootstrap_samples", 1000), c.atLeastOne("bootstrap_sample_size", 2*len(weights))
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	last := len(bins) - 1
	switch {
	case math.IsInf(bins[0], 0) || math.IsInf(bins[last], 0):
		return outcome{}, fmt.Errorf("Partition endpoints must be finite.")
	case !strictlyAscending(bins):
		return outcome{}, fmt.Errorf("Invalid continuous partition object: bins must ascend")
	case samples > maxResampled/size:
		return outcome{}, fmt.Errorf("bootstrap_samples x bootstrap_sample_size is %d x %d, at most %d values are drawn", samples, size, maxResampled)
	case !s.numeric():
		return outcome{}, notNumeric("the Kolmogorov-Smirnov test", s)
	}
	v := s.present()
	if len(v) == 0 {
		return outcome{detail: map[string]any{"observed_value": nil}}, nil
	}
	cdf := cumulative(weights)
	passed, draw := 0, make([]float64, size)
	random := rand.New(rand.NewPCG(1, 2))
	for range samples {
		for i := range draw {
			draw[i] = v[random.IntN(len(v))]
		}
		if _, own, err := stattest.KolmogorovSmirnovOf(draw, func(x float64) float64 { return interpolate(x, bins, cdf) }); err == nil && own >= p {
			passed++
		}
	}
	share := float64(1+passed) / float64(samples+1)
	inner, below, above := s.histogram(bins)
	seen := bins
	if below > 0 {
		seen, inner = slices.Concat([]float64{slices.Min(v)}, seen), slices.Concat([]float64{below}, inner)
	}
	if above > 0 {
		seen, inner = slices.Concat(seen, []float64{slices.Max(v)}), append(inner, above)
	}
	return outcome{success: share > p, detail: map[string]any{"observed_value": share, "details": map[string]any{
		"bootstrap_samples": samples, "bootstrap_sample_size": size,
		"observed_partition": map[string]any{"bins": outputs(seen), "weights": outputs(inner)},
		"expected_partition": map[string]any{"bins": outputs(bins), "weights": outputs(weights)},
		"observed_cdf":       map[string]any{"x": outputs(seen), "cdf_values": outputs(cumulative(inner))},
		"expected_cdf":       map[string]any{"x": outputs(bins), "cdf_values": outputs(cdf)},
	}}}, nil
}

// atLeastOne is a whole argument from 1, missing when absent.
func (c *check) atLeastOne(name string, missing int) int {
	v, there := c.whole(name)
	switch {
	case !there:
		return missing
	case !(1 <= v && v <= maxResampled):
		c.wrong("%s = %v must lie in [1, %d]", name, v, maxResampled)
		return 1
	}
	return int(v)
}

func strictlyAscending(v []float64) bool {
	for i := range v[1:] {
		if !(v[i] < v[i+1]) {
			return false
		}
	}
	return true
}

// cumulative are the sums of the first 0, 1, .. weights.
func cumulative(weights []float64) []float64 {
	sums := make([]float64, len(weights)+1)
	for i, w := range weights {
		sums[i+1] = sums[i] + w
	}
	return sums
}

// interpolate is the value at x of the line through the points (xs, ys), xs ascending; beyond the ends, the end's.
func interpolate(x float64, xs, ys []float64) float64 {
	i, found := slices.BinarySearch(xs, x)
	switch {
	case found:
		return ys[i]
	case i == 0:
		return ys[0]
	case i == len(xs):
		return ys[i-1]
	}
	return ys[i-1] + (ys[i]-ys[i-1])/(xs[i]-xs[i-1])*(x-xs[i-1])
}

// parameterizedKS expects the Kolmogorov-Smirnov test of the column against a distribution of SciPy to have a p-value of at least p_value.
func parameterizedKS(c *check) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	p := c.level("p_value")
	name := c.text("distribution")
	shape, args := c.distribution(name)
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	if !s.numeric() {
		return outcome{}, notNumeric("the Kolmogorov-Smirnov test", s)
	}
	v := s.present()
	if len(v) == 0 {
		return outcome{detail: map[string]any{"observed_value": nil}}, nil
	}
	d, own, err := stattest.KolmogorovSmirnovOf(v, shape)
	if err != nil {
		return outcome{}, err
	}
	return outcome{success: own >= p, detail: map[string]any{"observed_value": output(own), "details": map[string]any{
		"expected_params": args, "observed_ks_result": []any{output(d), output(own)},
	}}}, nil
}
