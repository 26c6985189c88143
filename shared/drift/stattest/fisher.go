package stattest

import (
	"fmt"
	"math"
	"sort"
)

// FisherExact is the two-sided p-value of the table a, b / c, d: the chance, given its margins, of all tables no more likely than this one,
// where those likelier by less than 1e-7 of it count as equally likely (as in R). The statistic is the odds ratio a d / (b c). A row or
// a column without counts: NaN and 1. Undefined: a negative count. Fisher, Journal of the Royal Statistical Society 98 (1935).
func FisherExact(a, b, c, d int) (oddsRatio, p float64, err error) {
	if min(a, b, c, d) < 0 {
		return math.NaN(), math.NaN(), &Undefined{"Fisher's exact test", fmt.Sprintf("a count of the table %d, %d / %d, %d is negative", a, b, c, d)}
	}
	h := hypergeometric{n: a + b, m: c + d, hits: a + c}
	if h.n == 0 || h.m == 0 || h.hits == 0 || b+d == 0 {
		return math.NaN(), 1, nil
	}
	if oddsRatio = math.Inf(1); b > 0 && c > 0 {
		oddsRatio = float64(a) / float64(b) * (float64(d) / float64(c))
	}
	least, most := h.bounds()
	log, mode := h.log(a), h.mode()
	beyond := func(x int) bool { return h.log(x)-log <= 1e-7 }
	if a < mode {
		other := mode + sort.Search(most-mode+1, func(i int) bool { return beyond(mode + i) })
		p = h.tail(a, -1) + h.tail(other, 1)
	} else {
		other := mode - 1 - sort.Search(mode-least, func(i int) bool { return beyond(mode - 1 - i) })
		p = h.tail(a, 1) + h.tail(other, -1)
	}
	if a == mode || beyond(mode) {
		p = 1
	}
	return oddsRatio, math.Min(1, p), nil
}

// hypergeometric is the distribution of the hits in the first of two samples of n and m, of which hits are hits in all.
type hypergeometric struct{ n, m, hits int }

// bounds are the least and the greatest value possible.
func (h hypergeometric) bounds() (least, most int) { return max(0, h.hits-h.m), min(h.n, h.hits) }

// mode is the likeliest value.
func (h hypergeometric) mode() int {
	least, most := h.bounds()
	return min(most, max(least, int(float64(h.hits+1)*float64(h.n+1)/float64(h.n+h.m+2))))
}

// log is the logarithm of the chance of x, by three binomials.
func (h hypergeometric) log(x int) float64 {
	total := float64(h.n + h.m)
	d := float64(h.n)*(float64(h.hits)/total) - float64(x)
	return logBinomial(x, h.n, d) + logBinomial(h.hits-x, h.m, -d) - logBinomial(h.hits, h.n+h.m, 0)
}

// up is the chance of x + 1 divided by that of x.
func (h hypergeometric) up(x int) float64 {
	return float64(h.n-x) / float64(x+1) * (float64(h.hits-x) / float64(h.m-h.hits+x+1))
}

// tail is the chance of x and all beyond it, upward or downward; 0 where x is out of bounds.
func (h hypergeometric) tail(x, direction int) float64 {
	least, most := h.bounds()
	if x < least || x > most {
		return 0
	}
	chance, term, sum := math.Exp(h.log(x)), 1.0, 0.0
	for ; x >= least && x <= most && term > sum*1e-17; x += direction {
		sum += term
		if direction > 0 {
			term *= h.up(x)
		} else if x > least {
			term /= h.up(x - 1)
		}
	}
	return chance * sum
}
