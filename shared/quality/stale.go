package quality

import (
	"math"
	"slices"
	"time"

	"mlops/shared/number"
)

// Late reports that a batch is overdue: at the time at, more hours have gone by since the newest one than the next batch was expected to take, by the same
// band that judges it when it comes. It is told once; h then says so (Firing, Bands), and the first batch that comes in time again ends it. Of a history by the
// day, which has a point for every day, nothing is late. Other than by Firing and Bands h is not changed.
func (h *History) Late(at time.Time, p Policy) (Anomaly, bool) {
	n := len(h.At)
	if _, firing := h.Firing[Freshness]; firing || h.Daily || n == 0 || !at.After(h.At[n-1]) {
		return Anomaly{}, false
	}
	hours := at.Sub(h.At[n-1]).Hours()
	next := h.awaited(at, hours)
	band, known := next.band(Freshness, p)
	if !known || hours <= band.High || math.IsInf(band.High, 1) {
		return Anomaly{}, false
	}
	h.ready()
	h.Firing[Freshness] = at
	h.Bands[Freshness] = [2]number.Float{number.Float(band.Low), number.Float(band.High)}
	return Anomaly{Series: Freshness, Value: number.Float(hours), Low: number.Float(band.Low), High: number.Float(band.High), At: at}, true
}

// awaited is the part of the history that freshness is judged by, as it would be if a batch came now.
func (h *History) awaited(at time.Time, hours float64) *History {
	n := len(h.At)
	values := h.Values[Freshness]
	if values == nil {
		values = nan(n)
	}
	next := &History{At: append(slices.Clone(h.At), at), Sizes: map[string][]int{"": append(slices.Clone(h.Sizes[""]), 0)}, Level: map[string]time.Time{},
		Values: map[string][]number.Float{Freshness: append(slices.Clone(values), number.Float(hours))}, Odd: map[string][]bool{}}
	if odd := h.Odd[Freshness]; odd != nil {
		next.Odd[Freshness] = slices.Clone(odd)
	}
	if since, ok := h.Level[Freshness]; ok {
		next.Level[Freshness] = since
	}
	return next
}
