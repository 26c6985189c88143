package evidently

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"mlops/shared/drift/stattest"
)

// ofValues is the p-value of a test of two samples of numbers.
func ofValues(test func(a, b []float64) (float64, float64, error)) func(*pair) (float64, error) {
	return func(p *pair) (float64, error) {
		_, value, err := test(p.ref.values, p.cur.values)
		return value, err
	}
}

// ofCounts is the p-value of a test of two lists of counts.
func ofCounts(test func(ref, cur []int) (float64, float64, error)) func(*pair) (float64, error) {
	return func(p *pair) (float64, error) {
		_, value, err := test(p.counts())
		return value, err
	}
}

// distance is a distance of two samples of numbers.
func distance(of func(a, b []float64) (float64, error)) func(*pair) (float64, error) {
	return func(p *pair) (float64, error) { return of(p.ref.values, p.cur.values) }
}

func mannWhitney(p *pair) (float64, error) {
	_, value, err := stattest.MannWhitney(p.ref.values, p.cur.values, stattest.Less)
	return value, err
}

func meanDiscrepancy(p *pair) (float64, error) {
	_, value, err := stattest.MMD(p.ref.values, p.cur.values, permutationsMMD, seed)
	return value, err
}

func totalVariation(p *pair) (float64, error) {
	ref, cur := p.counts()
	_, value, err := stattest.TotalVariation(ref, cur, permutationsTVD, seed)
	return value, err
}

// proportions is the z test of how many rows are not of the smallest value.
func proportions(p *pair) (float64, error) {
	if p.mixed() {
		return math.NaN(), errors.New("the values cannot be put in order: the reference and the current sample are numbers on one side, texts on the other")
	}
	ref, cur := p.counts()
	if len(ref) == 1 {
		return 1, nil
	}
	_, value, err := stattest.Proportions(p.ref.n-ref[0], p.ref.n, p.cur.n-cur[0], p.cur.n)
	return value, err
}

// fisher is Fisher's exact test of two levels.
func fisher(p *pair) (float64, error) {
	if max(len(p.ref.own()), len(p.cur.own())) > 2 {
		return math.NaN(), errors.New("it expects binary data for both reference and current, and found more than two categories")
	}
	if p.ref.n != p.cur.n {
		return math.NaN(), fmt.Errorf("reference and current are not of equal length: %d and %d rows", p.ref.n, p.cur.n)
	}
	ref, cur := p.counts()
	switch len(ref) {
	case 1:
		ref, cur = append(ref, 0), append(cur, 0)
	case 2:
	default:
		return math.NaN(), fmt.Errorf("reference and current have %d categories together; Evidently then counts two of them that Python's hashing chooses, which is not reproduced", len(ref))
	}
	_, value, err := stattest.FisherExact(cur[1], cur[0], ref[1], ref[0])
	return value, err
}

// divergence is a divergence of the binned shares.
func divergence(of func(p, q []float64) float64, fill bool) func(*pair) (float64, error) {
	return func(p *pair) (float64, error) {
		var ref, cur []int
		if p.kind == Numerical {
			ref, cur = stattest.Bins(p.ref.values, p.cur.values)
		} else {
			ref, cur = p.counts()
		}
		return ofShares(of, fill, ref, cur), nil
	}
}

func ofShares(of func(p, q []float64) float64, fill bool, ref, cur []int) float64 {
	a, b := stattest.Shares(ref), stattest.Shares(cur)
	if fill {
		a, b = stattest.FillZeros(a), stattest.FillZeros(b)
	}
	return of(a, b)
}

func hellinger(p *pair) (float64, error) {
	if p.kind == Numerical {
		return stattest.HellingerOfNumbers(p.ref.values, p.cur.values), nil
	}
	ref, cur := p.counts()
	return stattest.Hellinger(stattest.Shares(ref), stattest.Shares(cur)), nil
}

// What the tests make of infinities. They meet them only where Evidently counts drifted columns: there it drops infinities from a sample only
// if a value is missing in it, too.

func isInf(v float64) bool { return math.IsInf(v, 0) }

func isNaN(*pair) (float64, error) { return math.NaN(), nil }

// bothSigns reports whether the samples together hold both infinities, which SciPy, adding up, takes for a NaN among ranks.
func (p *pair) bothSigns() bool {
	low, high := false, false
	for _, s := range []*sample{&p.ref, &p.cur} {
		low, high = low || math.IsInf(s.values[0], -1), high || math.IsInf(s.values[s.n-1], 1)
	}
	return low && high
}

// mostExact is the size of the smaller sample up to which Mann and Whitney's p-value is exact where there are no ties.
const mostExact = 8

func infiniteMannWhitney(p *pair) (float64, error) {
	switch {
	case !p.bothSigns():
		return mannWhitney(p)
	case min(p.ref.n, p.cur.n) <= mostExact && p.distinct() == p.ref.n+p.cur.n:
		return math.NaN(), errors.New("an exact p-value needs ranks, and samples with both infinities get none")
	}
	return math.NaN(), nil
}

// infiniteCramerVonMises is 0 where the ranks are NaN: max(0, NaN) is 0 in Python.
func infiniteCramerVonMises(p *pair) (float64, error) {
	if p.bothSigns() && min(p.ref.n, p.cur.n) > 1 {
		return 0, nil
	}
	return ofValues(stattest.CramerVonMises)(p)
}

// isZero is the maximum mean discrepancy's p-value: the discrepancy is NaN, and no permutation's is at least NaN.
func isZero(*pair) (float64, error) { return 0, nil }

func refuseInfinite(why string) func(*pair) (float64, error) {
	return func(*pair) (float64, error) { return math.NaN(), errors.New(why) }
}

// manyValues is the number of distinct reference values above which numbers are cut into bins, which infinities have none of.
const manyValues = 20

func binned(of func(p, q []float64) float64, fill bool) func(*pair) (float64, error) {
	return func(p *pair) (float64, error) {
		if p.kind == Numerical && stattest.Distinct(p.ref.values, nil) > manyValues {
			return math.NaN(), errors.New("an infinite range has no bins")
		}
		ref, cur := p.counts()
		return ofShares(of, fill, ref, cur), nil
	}
}

func infiniteHellinger(p *pair) (float64, error) {
	if p.kind == Numerical {
		return math.NaN(), errors.New("an infinite range has no bins")
	}
	return hellinger(p)
}

// infiniteDistance is a distance where there are infinities. Infinite is the gap from a finite value to an infinity, and NaN, which beats all,
// the gap between two equal infinities.
func infiniteDistance(p *pair) (float64, error) {
	ends := [2]int{}
	for _, s := range []*sample{&p.ref, &p.cur} {
		inner := finite(s.values)
		low, _ := slices.BinarySearch(s.values, math.Inf(1))
		ends[1] += s.n - low
		ends[0] += low - len(inner)
	}
	if ends[0] > 1 || ends[1] > 1 {
		return math.NaN(), nil
	}
	return math.Inf(1), nil
}

// infiniteNormed is that distance by the standard deviation of the reference, which is NaN if there are infinities in it.
func infiniteNormed(p *pair) (float64, error) {
	if p.ref.infinite() {
		return math.NaN(), nil
	}
	return infiniteDistance(p)
}
