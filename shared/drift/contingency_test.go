package drift

import (
	"math"
	"math/big"
	"slices"
	"testing"
)

type goldenPair struct {
	Kind  string
	Scipy struct {
		Counts *struct {
			Keys     []string
			Ref, Cur []int
		}
		Chi2 *struct {
			Statistic, Pvalue float64
			Df                int
		} `json:"chi2_contingency_2xk"`
		TVD          *struct{ Statistic float64 }
		MannWhitneyU *struct{ Statistic, Pvalue float64 } `json:"mannwhitneyu_two_sided"`
	}
}

// Counts, statistics and p-values of scipy (golden.json).
func TestTableAgainstScipy(t *testing.T) {
	var golden struct {
		Pairs map[string]goldenPair
	}
	oracle(t, "golden.json", &golden)
	compared, ranked := 0, 0
	for name, pair := range golden.Pairs {
		s := pair.Scipy
		if s.Counts == nil || s.Chi2 == nil {
			continue
		}
		table := newTable(s.Counts.Ref, s.Counts.Cur)
		statistic, df, p := table.chiSquare()
		near(t, name+" chi-square", statistic, s.Chi2.Statistic, 1e-12)
		near(t, name+" p", p, s.Chi2.Pvalue, 1e-9)
		if df != s.Chi2.Df {
			t.Errorf("%s df = %d, want %d", name, df, s.Chi2.Df)
		}
		distance, _ := table.variation()
		near(t, name+" distance", distance, s.TVD.Statistic, 1e-12)
		compared++
		if u := s.MannWhitneyU; pair.Kind == "num" && u != nil && df > 0 {
			// scipy subtracts half a rank from the numerator (continuity), which we do not: put it back in.
			z, _ := table.rankSum()
			off := math.Abs(u.Statistic - float64(table.n)*float64(table.m)/2)
			sd := off / math.Abs(z)
			near(t, name+" rank sum p", math.Erfc((off-0.5)/sd/math.Sqrt2), u.Pvalue, 1e-9)
			ranked++
		}
	}
	if compared < 4 || ranked < 2 {
		t.Errorf("compared %d tables and %d rank sums: the oracle holds more", compared, ranked)
	}
}

// exactTail adds up the hypergeometric distribution in whole numbers.
func exactTail(a, m, b, n int) float64 {
	total, hits := new(big.Int), a+b
	for x := a; x <= min(hits, m); x++ {
		term := new(big.Int).Binomial(int64(m), int64(x))
		total.Add(total, term.Mul(term, new(big.Int).Binomial(int64(n), int64(hits-x))))
	}
	p, _ := new(big.Rat).SetFrac(total, new(big.Int).Binomial(int64(m+n), int64(hits))).Float64()
	return p
}

func TestFisherAgainstWholeNumbers(t *testing.T) {
	for _, c := range [][4]int{{0, 5, 0, 7}, {3, 5, 1, 7}, {1, 5, 6, 7}, {5, 5, 0, 7}, {20, 100, 4, 120}, {2, 100, 40, 120}, {400, 2000, 200, 2000}, {0, 50, 30, 900}, {17, 1000, 3, 3000}} {
		near(t, "tail", atLeast(c[0], c[1], c[2], c[3]), exactTail(c[0], c[1], c[2], c[3]), 1e-9)
	}
	// scipy.stats.fisher_exact([[8, 2], [1, 5]]) is 0.0350 by adding unlikely tables; twice the smaller tail is never less.
	if p := fisher(8, 10, 1, 6); math.Abs(p-2*exactTail(8, 10, 1, 6)) > 1e-12 || p < 0.0349 {
		t.Errorf("fisher = %g", p)
	}
}

func TestPooling(t *testing.T) {
	whole := newTable([]int{1, 50, 2, 1, 46}, []int{0, 40, 4, 9, 47})
	neighbours, rare := whole.poolNeighbours(1), whole.poolRare(1)
	for _, p := range []struct {
		name     string
		got      table
		ref, cur []int
	}{
		{"neighbours", neighbours, []int{51, 3, 46}, []int{40, 13, 47}},
		{"rare", rare, []int{50, 4, 46}, []int{40, 13, 47}},
	} {
		if !slices.Equal(p.got.ref, p.ref) || !slices.Equal(p.got.cur, p.cur) || p.got.n != 100 || p.got.m != 100 {
			t.Errorf("%s: %v %v, want %v %v", p.name, p.got.ref, p.got.cur, p.ref, p.cur)
		}
	}
}
