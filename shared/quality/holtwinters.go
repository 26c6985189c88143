package quality

import (
	"math"
)

// HoltWinters expects x(t) within Factor times the standard deviation of the errors around the forecast of additive exponential smoothing with
// a trend and a season of Period values:
//
//	level(t)  = a*(x(t) - season(t-m)) + (1-a)*(level(t-1) + trend(t-1))
//	trend(t)  = b*(level(t) - level(t-1)) + (1-b)*trend(t-1)
//	season(t) = g*(x(t) - level(t-1) - trend(t-1)) + (1-g)*season(t-m)
//	forecast  = level(t-1) + trend(t-1) + season(t-m)
//
// The first two seasons set the beginning (level: the mean of the first; trend: the difference of their means over m), and a, b, g in [0, 1]
// make the sum of squared one-step errors least. C. C. Holt (1957); P. R. Winters, "Forecasting sales by exponentially weighted moving
// averages", Management Science 6 (1960). Deequ's bound is 1.96 standard deviations of the absolute errors; here it is Factor of the errors'
// own. Floor is the least standard deviation.
type HoltWinters struct {
	Period        int
	Factor, Floor float64
}

// Band implements Strategy; it asks for three whole seasons before the value.
func (s HoltWinters) Band(series []float64) (Band, bool) {
	n := len(series) - 1
	if s.Period < 2 || n < 3*s.Period {
		return open, false
	}
	forecast, rms := s.fit(series[:n])
	reach := s.Factor * max(rms, s.Floor)
	return Band{forecast - reach, forecast + reach}, true
}

// fit gives the forecast of the next value and the root mean square of the one-step errors behind the first two seasons, by the best of a
// grid of parameters refined around its best point.
func (s HoltWinters) fit(x []float64) (forecast, rms float64) {
	best, at := math.Inf(1), [3]float64{0.3, 0.1, 0.1}
	try := func(p [3]float64) {
		if f, sse := s.smooth(x, p); sse < best {
			best, at, forecast = sse, p, f
		}
	}
	for _, a := range []float64{0.05, 0.2, 0.5, 0.8} {
		for _, b := range []float64{0, 0.05, 0.2} {
			for _, g := range []float64{0.05, 0.2, 0.5} {
				try([3]float64{a, b, g})
			}
		}
	}
	for step := 0.1; step > 0.01; step /= 2 {
		for i := range at {
			for _, d := range []float64{-step, step} {
				p := at
				p[i] = min(1, max(0, p[i]+d))
				try(p)
			}
		}
	}
	return forecast, math.Sqrt(best / float64(max(1, len(x)-2*s.Period-3)))
}

// smooth runs the recurrences and gives the next forecast and the squared errors behind the first two seasons.
func (s HoltWinters) smooth(x []float64, p [3]float64) (forecast, sse float64) {
	m := s.Period
	first, second := 0.0, 0.0
	for i := range m {
		first += x[i] / float64(m)
		second += x[m+i] / float64(m)
	}
	level, trend := first, (second-first)/float64(m)
	season := make([]float64, m)
	for i := range m {
		season[i] = ((x[i] - first) + (x[m+i] - second)) / 2
	}
	level += trend * float64(m-1) / 2 // the first season's mean lies in its middle
	for t := m; t < len(x); t++ {
		i := t % m
		forecast = level + trend + season[i]
		if t >= 2*m {
			sse += (x[t] - forecast) * (x[t] - forecast)
		}
		before, slope := level, trend
		level = p[0]*(x[t]-season[i]) + (1-p[0])*(level+trend)
		trend = p[1]*(level-before) + (1-p[1])*trend
		season[i] = p[2]*(x[t]-before-slope) + (1-p[2])*season[i]
	}
	return level + trend + season[len(x)%m], sse
}
