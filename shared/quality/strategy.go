package quality

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Band is where a value is expected: Low <= value <= High. A side that is not bounded is infinite.
type Band struct{ Low, High float64 }

// open is the band that holds everything.
var open = Band{math.Inf(-1), math.Inf(1)}

// Holds reports whether v lies in the band; NaN does not.
func (b Band) Holds(v float64) bool { return v >= b.Low && v <= b.High }

// A Strategy gives the band of the last value of a series by the values before it. ok is false where there are too few of them. They are
// those of Deequ's anomaly detection, https://github.com/awslabs/deequ/tree/master/src/main/scala/com/amazon/deequ/anomalydetection.
type Strategy interface {
	Band(series []float64) (b Band, ok bool)
}

// SimpleThreshold expects Low <= x(t) <= High, whatever was before.
type SimpleThreshold struct{ Low, High float64 }

// Band implements Strategy.
func (s SimpleThreshold) Band(series []float64) (Band, bool) { return Band(s), len(series) > 0 }

// AbsoluteChange expects Low <= d^Order x(t) <= High, where d is the difference to the value before and Order, 1 unless given, is how often
// it is taken. Low is negative where a decrease is allowed.
type AbsoluteChange struct {
	Low, High float64
	Order     int
}

// Band implements Strategy. The difference of order k is x(t) + sum over i = 1..k of (-1)^i C(k,i) x(t-i), so the rest moves the bounds.
func (s AbsoluteChange) Band(series []float64) (Band, bool) {
	k, t := max(1, s.Order), len(series)-1
	if t < k {
		return open, false
	}
	rest, c := 0.0, 1.0
	for i := 1; i <= k; i++ {
		c *= -float64(k-i+1) / float64(i)
		rest += c * series[t-i]
	}
	return Band{s.Low - rest, s.High - rest}, true
}

// RelativeRateOfChange expects Low <= x(t) / x(t-Order) <= High; Order is 1 unless given. Behind a zero, or a value below it, nothing is
// expected.
type RelativeRateOfChange struct {
	Low, High float64
	Order     int
}

// Band implements Strategy.
func (s RelativeRateOfChange) Band(series []float64) (Band, bool) {
	k, t := max(1, s.Order), len(series)-1
	if t < k || !(series[t-k] > 0) {
		return open, false
	}
	return Band{s.Low * series[t-k], s.High * series[t-k]}, true
}

// BatchNormal expects x(t) within the mean of the values before it -Below and +Above times their standard deviation (n-1).
type BatchNormal struct{ Below, Above float64 }

// Band implements Strategy.
func (s BatchNormal) Band(series []float64) (Band, bool) {
	if len(series) < 3 {
		return open, false
	}
	mean, sd := stat.MeanStdDev(series[:len(series)-1], nil)
	return Band{mean - s.Below*sd, mean + s.Above*sd}, true
}

// OnlineNormal expects x(t) within the running mean -Below and +Above times the running standard deviation (n), both of them with x(t); a
// value that is none of them does not enter them. The first share Skip of the values, 0.1 unless given, is never an anomaly.
// Welford's recurrence: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4 (1962).
type OnlineNormal struct{ Below, Above, Skip float64 }

// Band implements Strategy. The bounds move with x(t): the band is where x(t) would lie without being an anomaly, by
// |x-m| <= c/sqrt(n) * sqrt(S + (x-m)^2*(n-1)/n) * n/(n-1), solved for x, with m and S of the values before and n with it.
func (s OnlineNormal) Band(series []float64) (Band, bool) {
	skip := s.Skip
	if skip == 0 {
		skip = 0.1
	}
	quiet := int(skip * float64(len(series)))
	mean, sum := 0.0, 0.0
	for i, v := range series {
		low, high := s.sides(mean, sum, float64(i+1))
		if i == len(series)-1 {
			return Band{low, high}, i >= max(1, quiet)
		}
		if i > 0 && i >= quiet && (v < low || v > high) {
			continue
		}
		next := mean + (v-mean)/float64(i+1)
		sum += (v - mean) * (v - next)
		mean = next
	}
	return open, false
}

// sides solves the bounds for the n-th value. With x = m+d: the new mean is m+d/n, the new sum S + d^2(n-1)/n, so the value is inside while
// d(n-1)/n <= c*sqrt((S + d^2(n-1)/n)/n). Where c^2 >= n-1 no value is outside.
func (s OnlineNormal) sides(mean, sum, n float64) (low, high float64) {
	reach := func(c float64) float64 {
		// d^2 * ((n-1)/n)^2 <= c^2/n * (S + d^2*(n-1)/n)   =>   d^2 * (n-1)/n^2 * ((n-1) - c^2) <= c^2*S/n
		left := (n - 1) / (n * n) * ((n - 1) - c*c)
		if left <= 0 {
			return math.Inf(1)
		}
		return math.Sqrt(c * c * sum / n / left)
	}
	return mean - reach(s.Below), mean + reach(s.Above)
}

// Interval expects x(t) within the prediction interval of level 1-Alpha for one more value of a normal distribution whose mean and standard
// deviation are those of the n values before: mean +- t(n-1, 1-Alpha/2) * s * sqrt(1 + 1/n). It is BatchNormal with the factor that keeps
// the share of false alarms at Alpha however few the values are. Floor is the least standard deviation. G. J. Hahn, W. Q. Meeker,
// "Statistical Intervals", Wiley 1991, section 4.7.
type Interval struct{ Alpha, Floor float64 }

// Band implements Strategy.
func (s Interval) Band(series []float64) (Band, bool) {
	n := len(series) - 1
	if n < 3 {
		return open, false
	}
	mean, sd := stat.MeanStdDev(series[:n], nil)
	reach := factor(s.Alpha, n-1) * max(sd, s.Floor) * math.Sqrt(1+1/float64(n))
	return Band{mean - reach, mean + reach}, true
}

// factor is the quantile of Student's t for a two-sided interval of level 1-alpha.
func factor(alpha float64, freedom int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}.Quantile(1 - alpha/2)
}
