package figure

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mlops/shared/drift"
	"mlops/shared/number"
)

// Reading is how a model did in one window, and how much its data had moved.
type Reading struct {
	At        time.Time               `json:"at"`
	Version   int                     `json:"version"`
	Rows      int                     `json:"rows,omitempty"`
	Verdict   string                  `json:"verdict,omitempty"`
	Share     number.Float            `json:"share,omitempty"`     // of columns that drifted
	Scores    map[string]number.Float `json:"scores,omitempty"`    // total variation distance of the columns that moved most; nil: too few rows to say
	Estimated *drift.Performance      `json:"estimated,omitempty"` // without labels
	Realised  *drift.Performance      `json:"realised,omitempty"`  // on labels
}

// known are the performances of a window that can be placed, in the given metric ("" = any): without labels first, then on them.
func (r Reading) known(metric string) (out []*drift.Performance) {
	for _, p := range []*drift.Performance{r.Estimated, r.Realised} {
		if p != nil && Finite(p.Value) && (metric == "" || p.Metric == metric) {
			out = append(out, p)
		}
	}
	return out
}

// point is one figure of a window; hollow where it is only estimated.
type point struct {
	X, Y, Class, Label string
	Line               *span
}

// A Course is performance over time: what was realised on labels with its intervals, joined by a line, and what was estimated without them, joined by a
// dashed line in the ribbon of its intervals, before the range usual in training. 480 by 190 pixels.
type Course struct {
	Name, Label              string
	Path, Estimated, Ribbon  string // points of polylines and of a polygon; "" of fewer than two
	Band                     []span
	Grid, Ticks              []tick
	Points                   []point
	HasRealised, HasEstimate bool
}

// NewCourse places each window's performances, in the metric of the newest one, whatever order they come in; nil with fewer than two windows.
func NewCourse(readings []Reading) *Course {
	readings = slices.Clone(readings)
	slices.SortStableFunc(readings, func(a, b Reading) int { return a.At.Compare(b.At) })
	metric := ""
	for _, r := range readings {
		for _, p := range r.known("") {
			metric = p.Metric
		}
	}
	readings = slices.DeleteFunc(readings, func(r Reading) bool { return len(r.known(metric)) == 0 })
	if len(readings) < 2 {
		return nil
	}
	readings = readings[max(0, len(readings)-maxWindows):]
	var values []any
	for _, r := range readings {
		for _, p := range r.known(metric) {
			values = append(values, p.Value, p.Low, p.High, p.ReferenceLow, p.ReferenceHigh)
		}
	}
	up := spanning(166, 8, values...)
	first, last := readings[0].At, readings[len(readings)-1].At
	across := scale{0, last.Sub(first).Seconds(), 52, 468}
	out := &Course{Name: Metric(metric)}
	for i, r := range readings {
		x := across.at(r.At.Sub(first).Seconds())
		for _, p := range r.known(metric) {
			out.place(r, p, x, up)
		}
		if i < len(readings)-1 {
			out.band(r.known(metric)[0], x, across.at(readings[i+1].At.Sub(first).Seconds()), up)
		}
	}
	out.Path, out.Estimated = out.line("now"), out.line("hollow")
	out.Ribbon = out.ribbon()
	for _, v := range round(up.low, up.high) {
		out.Grid = append(out.Grid, tick{Y: px(up.at(v)), Text: Number(v)})
	}
	out.Ticks = ends(first, last, "52", "468")
	out.Label = fmt.Sprintf("%s in %s from %s to %s; newest: %s", out.Name, Counted(len(readings), "window"), Day(first), Day(last), out.Points[len(out.Points)-1].Label)
	return out
}

func (out *Course) place(r Reading, p *drift.Performance, x float64, up scale) {
	word, class := "realised", "now"
	if p == r.Estimated {
		word, class = "estimated", "hollow"
	}
	out.HasRealised, out.HasEstimate = out.HasRealised || class == "now", out.HasEstimate || class == "hollow"
	label := fmt.Sprintf("%s %s, %s %s%s, n = %s", Stamp(r.At), Version(r.Version), word, Number(p.Value), Interval(p.Low, p.High, Number), Grouped(p.N))
	dot := point{X: px(x), Y: px(up.at(p.Value)), Class: class, Label: label}
	if Finite(p.Low) && Finite(p.High) {
		dot.Line = &span{X: px(x), From: px(up.at(p.Low)), To: px(up.at(p.High))}
	}
	out.Points = append(out.Points, dot)
}

// band is the usual range from one window to the next.
func (out *Course) band(p *drift.Performance, x, next float64, up scale) {
	if Finite(p.ReferenceLow) && Finite(p.ReferenceHigh) {
		a, b := up.at(p.ReferenceLow), up.at(p.ReferenceHigh)
		out.Band = append(out.Band, span{X: px(x), W: px(next - x), Y: px(min(a, b)), H: px(math.Abs(b - a))})
	}
}

// line joins the points of a class.
func (out *Course) line(class string) string {
	var places []string
	for _, p := range out.Points {
		if p.Class == class {
			places = append(places, p.X+","+p.Y)
		}
	}
	if len(places) < 2 {
		return ""
	}
	return strings.Join(places, " ")
}

// ribbon runs along the upper ends of the estimates' intervals and back along the lower ones. An estimate in it needs no whisker.
func (out *Course) ribbon() string {
	var there, back []string
	for i := range out.Points {
		if p := &out.Points[i]; p.Class == "hollow" && p.Line != nil {
			there, back = append(there, p.X+","+p.Line.To), append(back, p.X+","+p.Line.From)
		}
	}
	if len(there) < 2 {
		return ""
	}
	for i := range out.Points {
		if out.Points[i].Class == "hollow" {
			out.Points[i].Line = nil
		}
	}
	slices.Reverse(back)
	return strings.Join(append(there, back...), " ")
}

// ends name the first and the last moment of an axis: by day, or within one day by the minute.
func ends(first, last time.Time, left, right string) []tick {
	name := Day
	if Day(first) == Day(last) {
		name = Stamp
	}
	return []tick{{X: left, Anchor: "start", Text: name(first)}, {X: right, Anchor: "end", Text: name(last)}}
}

// round are two to five round numbers between low and high: multiples of 1, 2 or 5 times a power of ten.
func round(low, high float64) (out []float64) {
	if !Finite(high-low) || !(high > low) {
		return []float64{low}
	}
	step := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, part := range []float64{0.1, 0.2, 0.5, 1, 2} {
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
