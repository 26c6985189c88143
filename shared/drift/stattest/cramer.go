package stattest

import "math"

// CramerVonMises is the two-sample Cramer-von Mises test, SciPy's cramervonmises_2samp, method "auto": exact for up to 20 values of each,
// otherwise from the limit distribution, whose series SciPy cuts at 1e-7 and takes from 1: p is a multiple of 2^-53 and, beyond about 1e-9, noise that
// is no less than 1e-12. Its noise is made here too, to two units: SciPy's own differ by as much from processor to processor (its vector exp has
// another last digit with AVX-512). So p equals SciPy's to 1e-6 down to about 2e-10, and to 2e-16 below.
// Undefined: fewer than two values of either. Anderson, Annals of Mathematical Statistics 33 (1962).
func CramerVonMises(a, b []float64) (t, p float64, err error) {
	if err := atLeastEach("Cramer-von Mises test", 2, len(a), len(b)); err != nil {
		return math.NaN(), math.NaN(), err
	}
	n, m := float64(len(a)), float64(len(b))
	u := rankDistance(a, b)
	k, total := n*m, n+m
	t = u/(k*total) - (4*k-1)/(6*total)
	if max(len(a), len(b)) <= 20 {
		return t, rankDistanceTail(u, len(a), len(b)), nil
	}
	mean := (1 + 1/total) / 6
	variance := (total + 1) * (4*k*total - 3*(n*n+m*m) - 2*k) / (45 * total * total * 4 * k)
	z := 1./6 + (t-mean)/math.Sqrt(45*variance)
	if z < 0.003 {
		return t, 1, nil
	}
	return t, math.Max(0, 1-cramerLimit(z)), nil
}

// rankDistance is n sum (r_i - i)^2 + m sum (s_j - j)^2, r and s the midranks of a and b in both.
func rankDistance(a, b []float64) float64 {
	var ofA, ofB float64
	i, j := 0, 0
	for w := (pooled{a: a, b: b}); w.next(); i, j = w.i, w.j {
		rank := float64(i+j) + float64(w.i-i+w.j-j+1)/2
		ofA, ofB = ofA+squaresFrom(rank, i, w.i), ofB+squaresFrom(rank, j, w.j)
	}
	return float64(len(a))*ofA + float64(len(b))*ofB
}

// squaresFrom is the sum of (rank - k)^2 over from < k <= to.
func squaresFrom(rank float64, from, to int) float64 {
	count := float64(to - from)
	d := rank - float64(from+to+1)/2
	return count*d*d + count*(count*count-1)/12
}

// cramerLimit is the limit distribution function of Cramer and von Mises' statistic at z > 0: the series in the Bessel function K of
// order 1/4, cut after the first term below 1e-7, every operation in SciPy's order. Csorgo and Faraway, Journal of the Royal Statistical
// Society B 58 (1996), 1.3.
func cramerLimit(z float64) float64 {
	sum, ratio := 0.0, math.Sqrt(math.Pi) // ratio = gamma(k + 1/2) / k!
	for k := 0.0; ; k++ {
		y := 4*k + 1
		q := y * y / (16 * z)
		term := ratio / (math.Pow(math.Pi, 1.5) * math.Sqrt(z)) * math.Sqrt(y) * math.Exp(-q) * besselQuarter(q)
		if sum += term; term < 1e-7 {
			return sum
		}
		ratio *= (k + 0.5) / (k + 1)
	}
}

// frequency counts how many orders of two samples have each value of the statistic, values ascending.
type frequency struct {
	value []int64
	count []uint64
}

// rankDistanceTail is the chance of a rank distance u or more without ties: all orders of both samples, counted by the scaled statistic
// zeta, cell by cell of the lattice. Xiao, Gordon and Yakovlev, Journal of Statistical Software 17 (2006).
func rankDistanceTail(u float64, n, m int) float64 {
	lcm := n / gcd(n, m) * m
	a, b := lcm/n, lcm/m
	k := float64(n * m)
	over := float64(lcm) * float64(lcm) * float64(n+m) * (6*u - k*(4*k-1))
	zeta := math.Floor(over / (6 * k * k))
	row := make([]frequency, n+1)
	row[0] = frequency{[]int64{0}, []uint64{1}}
	for y := range m + 1 {
		left := frequency{}
		for x := range row {
			d := int64(a*x - b*y)
			left = left.plus(row[x], d*d)
			row[x] = left
		}
	}
	var beyond, all uint64
	for i, v := range row[n].value {
		all += row[n].count[i]
		if float64(v) >= zeta {
			beyond += row[n].count[i]
		}
	}
	return float64(beyond) / float64(all)
}

// plus joins both counts and adds shift to all values.
func (f frequency) plus(g frequency, shift int64) frequency {
	size := len(f.value) + len(g.value)
	sum := frequency{make([]int64, 0, size), make([]uint64, 0, size)}
	for i, j := 0, 0; i < len(f.value) || j < len(g.value); {
		value, count := int64(math.MaxInt64), uint64(0)
		if i < len(f.value) {
			value = f.value[i]
		}
		if j < len(g.value) {
			value = min(value, g.value[j])
		}
		if i < len(f.value) && f.value[i] == value {
			count, i = count+f.count[i], i+1
		}
		if j < len(g.value) && g.value[j] == value {
			count, j = count+g.count[j], j+1
		}
		sum.value, sum.count = append(sum.value, value+shift), append(sum.count, count)
	}
	return sum
}
