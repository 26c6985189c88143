package quality

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// expect is where a value is expected by default. Rows and hours are looked at as logarithms, since they change by factors; of a share only
// the bad side is bounded: less complete, more outside, more unseen, more repeats. The interval is no narrower than chance makes the share of
// this many rows (the binomial standard deviation, and one row), nor than what the policy says matters.
func (p Policy) expect(family string, past, filled []float64, now, size int) Band {
	switch family {
	case Rows, Freshness:
		// log(1+rows), log(hours+1/60)
		plus := 1.0
		if family == Freshness {
			plus = 1.0 / 60
		}
		b := p.interval(logs(past, plus), logs(filled, plus), 0)
		least := math.Log(p.MinRatio)
		mean := center(b)
		b = Band{math.Exp(min(b.Low, mean-least)) - plus, math.Exp(max(b.High, mean+least)) - plus}
		if family == Freshness {
			b.Low = math.Inf(-1)
		}
		return b
	}
	mean := stat.Mean(past, nil)
	now = max(1, now)
	// Nobody has seen fewer than one of size+2: Laplace's rule keeps a share that was always 0 or 1 from being certain.
	share := (mean*float64(size) + 1) / (float64(size) + 2)
	floor := math.Sqrt(share * (1 - share) / float64(now))
	b := p.interval(past, filled, floor)
	middle := center(b)
	reach := max((b.High-b.Low)/2+1/float64(now), p.MinShare)
	if family == Completeness {
		return Band{middle - reach, math.Inf(1)}
	}
	return Band{math.Inf(-1), middle + reach}
}

func center(b Band) float64 { return (b.Low + b.High) / 2 }

func logs(v []float64, plus float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Log(x + plus)
	}
	return out
}

// interval is the prediction interval of the next value, around the forecast of a season where one explains most of what varies. filled is the
// series with its beat kept, nil where no season is looked for.
func (p Policy) interval(past, filled []float64, floor float64) Band {
	b, _ := Interval{Alpha: p.Alpha, Floor: floor}.Band(append(slices.Clone(past), math.NaN()))
	freedom := len(filled) - 2*p.Season - 3
	if len(filled) < 4*p.Season || freedom < 5 {
		return b
	}
	forecast, rms := HoltWinters{Period: p.Season}.fit(filled)
	if rms > seasonal*spread(past) {
		return b
	}
	reach := factor(p.Alpha, freedom) * max(rms, floor) * math.Sqrt(1+1/float64(freedom))
	return Band{forecast - reach, forecast + reach}
}

// seasonal is how much smaller the errors of a seasonal forecast must be than the spread around the mean before it is believed.
const seasonal = 0.6

func spread(v []float64) float64 { return stat.StdDev(v, nil) }
