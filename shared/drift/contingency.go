package drift

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// minExpected is the least expected count of a cell: the usual condition for the chi-square's tail to be near the truth. Cochran,
// Biometrics 10 (1954).
const minExpected = 5

// table is two samples counted on the same cells: reference and current.
type table struct {
	ref, cur []int
	n, m     int    // totals
	rest     [2]int // reference and current counts of no cell, which poolRare joins to the rare ones; part of the totals
}

func newTable(ref, cur []int) table {
	t := table{ref: ref, cur: cur}
	for i := range ref {
		t.n += ref[i]
		t.m += cur[i]
	}
	return t
}

// enough is the total from which a cell is expected to hold minExpected of either sample, and up to twice as many where one sample is much the
// smaller: its counts are then skewed as a Poisson's are, where those of equal samples even out. Simulated at p = 0.0001, 10,000 against 100
// rows, twenty equal cells of 5 are significant 1.45 times as often as they should be, and 0.6 times with 300 against 100.
func (t table) enough() float64 {
	small, large := float64(max(1, min(t.n, t.m))), float64(max(1, t.n, t.m))
	return minExpected * (2 - small/large) * float64(t.n+t.m) / small
}

// poolNeighbours joins rare cells to the ones beside them, for cells that have an order. Where rows are worth less than independent ones, by
// the factor, a cell takes as many more.
func (t table) poolNeighbours(factor float64) table {
	pooled := table{n: t.n, m: t.m}
	enough, ref, cur := factor*t.enough(), 0, 0
	for i := range t.ref {
		ref, cur = ref+t.ref[i], cur+t.cur[i]
		if float64(ref+cur) >= enough {
			pooled.ref, pooled.cur = append(pooled.ref, ref), append(pooled.cur, cur)
			ref, cur = 0, 0
		}
	}
	return pooled.withRest(ref, cur, len(pooled.ref)-1)
}

// poolRare joins all rare cells into one, for cells without an order; if that is still rare, it joins the rarest of the others.
// The factor is poolNeighbours's.
func (t table) poolRare(factor float64) table {
	pooled := table{n: t.n, m: t.m}
	enough, ref, cur, rarest := factor*t.enough(), t.rest[0], t.rest[1], -1
	for i := range t.ref {
		if float64(t.ref[i]+t.cur[i]) < enough {
			ref, cur = ref+t.ref[i], cur+t.cur[i]
			continue
		}
		pooled.ref, pooled.cur = append(pooled.ref, t.ref[i]), append(pooled.cur, t.cur[i])
		if last := len(pooled.ref) - 1; rarest < 0 || t.ref[i]+t.cur[i] < pooled.ref[rarest]+pooled.cur[rarest] {
			rarest = last
		}
	}
	if float64(ref+cur) >= enough {
		rarest = -1
	}
	return pooled.withRest(ref, cur, rarest)
}

// withRest adds the left-over counts to cell k, or makes them one of their own where there is no k.
func (t table) withRest(ref, cur, k int) table {
	switch {
	case ref+cur == 0:
	case k < 0:
		t.ref, t.cur = append(t.ref, ref), append(t.cur, cur)
	default:
		t.ref[k], t.cur[k] = t.ref[k]+ref, t.cur[k]+cur
	}
	return t
}

// chiSquare tests that both samples come from one distribution: Pearson's statistic of the 2 x k table, both samples with their own error.
//
//	X2 = sum over cells of (n c - m r)^2 / (n m (r + c)), k - 1 degrees of freedom
//
// Cells empty in both do not count. One cell left: statistic 0, p 1. Pearson, Biometrika 8 (1911).
func (t table) chiSquare() (statistic float64, df int, p float64) {
	n, m, cells := float64(t.n), float64(t.m), 0
	for i := range t.ref {
		r, c := float64(t.ref[i]), float64(t.cur[i])
		if r+c == 0 {
			continue
		}
		cells++
		d := float64(c/m) - float64(r/n)
		statistic += float64(d*d) / (r + c) * n * m
	}
	if cells < 2 || t.n == 0 || t.m == 0 {
		return 0, 0, 1
	}
	return statistic, cells - 1, mathext.GammaIncRegComp(float64(cells-1)/2, statistic/2)
}

// exact is Fisher's p-value of two cells, of which one is expected to hold fewer than skewed of either sample; else p. The chi-square of
// such a table is significant up to five times as often as it should be (p = 0.0001, 95 % and 5 % of 10,000 and of 100 rows).
func (t table) exact(p float64) float64 {
	if len(t.ref) != 2 {
		return p
	}
	least := float64(min(t.ref[0]+t.cur[0], t.ref[1]+t.cur[1])) * float64(min(t.n, t.m)) / float64(t.n+t.m)
	if least >= skewed {
		return p
	}
	return max(p, fisher(t.cur[0], t.m, t.ref[0], t.n))
}

// skewed is the expected count below which two cells are tested exactly.
const skewed = 20

// rankSum tests that neither sample tends to the greater values: Wilcoxon's rank sum with midranks within a cell and the variance
// corrected for them. z > 0 where the current values are the greater.
//
//	z = (W - m (N+1)/2) / sqrt(n m / 12 (N + 1 - sum of (t^3 - t) / (N (N-1)))), N = n + m, t the totals of the cells
//
// z is 0 and p 1 where all values share one cell. Lehmann, Nonparametrics (1975), 1.4.
func (t table) rankSum() (z, p float64) {
	n, m := float64(t.n), float64(t.m)
	total := n + m
	var below, w, ties float64
	for i := range t.ref {
		c := float64(t.ref[i] + t.cur[i])
		w += float64(float64(t.cur[i]) * (below + (c+1)/2))
		ties += float64(c*c*c) - c
		below += c
	}
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if !(variance > 1e-9*n*m) {
		return 0, 1
	}
	z = (w - float64(m*(total+1)/2)) / math.Sqrt(variance)
	return z, math.Erfc(math.Abs(z) / math.Sqrt2)
}

// variation is the total variation distance, in [0, 1], and what chance alone gives on average when nothing changed.
//
//	distance = sum |c/m - r/n| / 2;  noise = sum sqrt(2/pi q (1-q) (1/n + 1/m)) / 2, q the pooled share
func (t table) variation() (distance, noise float64) {
	if t.n == 0 || t.m == 0 {
		return math.NaN(), math.NaN()
	}
	n, m := float64(t.n), float64(t.m)
	for i := range t.ref {
		r, c := float64(t.ref[i]), float64(t.cur[i])
		distance += math.Abs(c/m-r/n) / 2
		noise += chance((r+c)/(n+m), n, m) / 2
	}
	return min(1, distance), noise
}

// chance is the mean absolute difference of two samples' shares when both have share q: the normal's mean absolute deviation.
func chance(q, n, m float64) float64 {
	return math.Sqrt(2 / math.Pi * q * (1 - q) * (1/n + 1/m))
}

// atLeast is Fisher's exact chance that, of a+b hits in two samples of m and n rows from one population, at least a fall into the
// first. Terms of the hypergeometric distribution are added from a upward until they no longer count.
func atLeast(a, m, b, n int) float64 {
	hits := a + b
	switch {
	case a == 0:
		return 1
	case float64(a)*float64(n) <= float64(b)*float64(m): // below the mean: the other tail is the short one
		return 1 - atLeast(b+1, n, a-1, m)
	}
	last := min(hits, m)
	logP := choose(m, a) + choose(n, b) - choose(m+n, hits)
	term, tail := 1.0, 0.0
	for x := a; x <= last; x++ {
		tail += term
		if y := hits - x; y > 0 {
			term *= float64(m-x) / float64(x+1) * float64(y) / float64(n-y+1)
		}
		if term < tail*1e-17 {
			break
		}
	}
	return min(1, math.Exp(logP+math.Log(tail)))
}

// fisher is the exact two-sided test that the share of hits is the same, a of m against b of n: twice the smaller tail.
func fisher(a, m, b, n int) float64 {
	return min(1, 2*min(atLeast(a, m, b, n), atLeast(b, n, a, m)))
}

// onlyThere bounds the chance that levels whose rows all fall into one sample hold at least rows of them, when each row falls there with
// chance q; levels are counted by their rows. It is Chernoff's bound with S = sum of t over such levels:
//
//	P(S >= rows) <= min over theta >= 0 of exp(K(theta) - theta rows), K(theta) = sum over levels of log(1 + q^t (e^(theta t) - 1))
//
// It holds for rows drawn without replacement, too, and for few frequent levels as for many rare ones. mean is the expected S.
func onlyThere(levels map[int]int, rows int, q float64) (tail, mean float64) {
	times := make([]int, 0, len(levels))
	for t := range levels {
		times = append(times, t)
	}
	slices.Sort(times)
	for _, t := range times {
		mean += float64(float64(levels[t]*t) * math.Pow(q, float64(t)))
	}
	if float64(rows) <= mean {
		return 1, mean
	}
	bound := func(theta float64) (value, slope float64) {
		for _, t := range times {
			k, size := float64(levels[t]), float64(t)
			raised := size * (theta + math.Log(q)) // of q^t e^(theta t), which may overflow
			log := raised
			if raised < 30 {
				log = math.Log1p(math.Exp(raised) - math.Pow(q, size))
			}
			value += float64(k * log)
			slope += float64(k * size * math.Exp(raised-log))
		}
		return value - float64(theta*float64(rows)), slope - float64(rows)
	}
	low, high := 0.0, 20-math.Log(q)
	for range 60 { // the bound is convex in theta: its least value is where the slope changes sign
		middle := (low + high) / 2
		if _, slope := bound(middle); slope < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	value, _ := bound(low)
	return min(1, math.Exp(value)), mean
}

// choose is the logarithm of the binomial coefficient.
func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
