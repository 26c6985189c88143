package figure

import (
	"fmt"
	"math"
	"slices"
	"time"

	"mlops/shared/drift"
)

// Reading is how well a model did in one window.
type Reading struct {
	At        time.Time          `json:"at"`
	Version   int                `json:"version"`
	Estimated *drift.Performance `json:"estimated,omitempty"` // without labels
	Realised  *drift.Performance `json:"realised,omitempty"`  // on labels
}

// best is what is known best: realised where there are labels, else estimated; nil when neither is known.
func (r Reading) best() (p *drift.Performance, estimated bool) {
	if r.Realised != nil && Finite(r.Realised.Value) {
		return r.Realised, false
	}
	if r.Estimated != nil && Finite(r.Estimated.Value) {
		return r.Estimated, true
	}
	return nil, false
}

// point is one window of a course; hollow where its figure is only estimated.
type point struct {
	X, Y, Class, Label string
	Line               *span
}

// A Course is performance over time: each window's figure with its interval, joined by a line, before the range usual in training. 480 by 190
// pixels.
type Course struct {
	Name, Label, Path string
	Band              []span
	Grid, Ticks       []tick
	Points            []point
}

// NewCourse places what is known best of each window, in the metric of the newest one, whatever order they come in; nil with fewer than two.
func NewCourse(readings []Reading) *Course {
	readings = slices.Clone(readings)
	slices.SortStableFunc(readings, func(a, b Reading) int { return a.At.Compare(b.At) })
	metric := ""
	for _, r := range readings {
		if p, _ := r.best(); p != nil {
			metric = p.Metric
		}
	}
	readings = slices.DeleteFunc(readings, func(r Reading) bool { p, _ := r.best(); return p == nil || p.Metric != metric })
	if len(readings) < 2 {
		return nil
	}
	readings = readings[max(0, len(readings)-maxWindows):]
	var values []any
	for _, r := range readings {
		p, _ := r.best()
		values = append(values, p.Value, p.Low, p.High, p.ReferenceLow, p.ReferenceHigh)
	}
	up := spanning(166, 8, values...)
	first, last := readings[0].At, readings[len(readings)-1].At
	across := scale{0, last.Sub(first).Seconds(), 52, 468}
	out := &Course{Name: Metric(metric)}
	for i, r := range readings {
		p, estimated := r.best()
		x, word, class := across.at(r.At.Sub(first).Seconds()), "realised", "now"
		if estimated {
			word, class = "estimated", "hollow"
		}
		label := fmt.Sprintf("%s %s, %s %s%s, n = %s", Stamp(r.At), Version(r.Version), word, Number(p.Value), Interval(p.Low, p.High, Number), Grouped(p.N))
		dot := point{X: px(x), Y: px(up.at(p.Value)), Class: class, Label: label}
		if Finite(p.Low) && Finite(p.High) {
			dot.Line = &span{X: px(x), From: px(up.at(p.Low)), To: px(up.at(p.High))}
		}
		out.Points = append(out.Points, dot)
		if out.Path += px(x) + "," + px(up.at(p.Value)); i < len(readings)-1 {
			out.Path += " "
			if Finite(p.ReferenceLow) && Finite(p.ReferenceHigh) {
				a, b := up.at(p.ReferenceLow), up.at(p.ReferenceHigh)
				next := across.at(readings[i+1].At.Sub(first).Seconds())
				out.Band = append(out.Band, span{X: px(x), W: px(next - x), Y: px(min(a, b)), H: px(math.Abs(b - a))})
			}
		}
	}
	for _, v := range round(up.low, up.high) {
		out.Grid = append(out.Grid, tick{Y: px(up.at(v)), Text: Number(v)})
	}
	out.Ticks = []tick{{X: "52", Anchor: "start", Text: Day(first)}, {X: "468", Anchor: "end", Text: Day(last)}}
	out.Label = fmt.Sprintf("%s in %s from %s to %s; newest: %s", out.Name, Counted(len(readings), "window"), Day(first), Day(last), out.Points[len(out.Points)-1].Label)
	return out
}

// round are two to five round numbers between low and high: multiples of 1, 2 or 5 times a power of ten.
func round(low, high float64) (out []float64) {
	if !Finite(high-low) || !(high > low) {
		return []float64{low}
	}
	step := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, part := range []float64{0.1, 0.2, 0.5, 1} {
		if (high-low)/(step*part) <= 5 {
			step *= part
			break
		}
	}
	for i := math.Ceil(low / step); i*step <= high && len(out) < 6; i++ {
		out = append(out, i*step)
	}
	return out
}
