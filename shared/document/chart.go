package document

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"mlops/shared/drift"
	"mlops/shared/evaluate"
	"mlops/shared/remedy"
)

// The charts are inline SVG: the functions here place things, the templates draw them. Every chart has a label that says what it shows in
// words, and no meaning rests on colour alone.

// px is a coordinate to a tenth of a pixel; "" where there is none, which the templates leave out.
func px(v float64) string {
	if !finite(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// scale maps [low, high] to [from, to]; a range without extent is mapped to the middle.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v any) float64 {
	if !(s.high > s.low) {
		return (s.from + s.to) / 2
	}
	return s.from + (float(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

// spanning is the scale from the least to the greatest finite value, with some room at both ends.
func spanning(from, to float64, values ...any) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			low, high = min(low, float(v)), max(high, float(v))
		}
	}
	room := (high - low) * 0.06
	return scale{low - room, high + room, from, to}
}

type span struct{ X, Y, W, H, From, To string }

// whisker is a value with its interval on a line, against a band or a mark.
type whisker struct {
	Dot, Zero, Label string
	Line, Band       *span
}

// newWhisker places a value; nil when it is not known. The label is what a reader who does not see hears.
func newWhisker(s scale, value, low, high any, label string) *whisker {
	if !finite(value) {
		return nil
	}
	w := &whisker{Dot: px(s.at(value)), Label: label}
	if finite(low) && finite(high) {
		w.Line = &span{From: px(s.at(low)), To: px(s.at(high))}
	}
	return w
}

// performanceWhisker is a performance with its interval against the band in which chance alone would put it.
func performanceWhisker(p *drift.Performance) *whisker {
	s := spanning(8, 142, p.Value, p.Low, p.High, p.Reference, p.ReferenceLow, p.ReferenceHigh)
	label := metricName(p.Metric) + " " + figure(p.Value) + interval(p.Low, p.High, figure)
	w := newWhisker(s, p.Value, p.Low, p.High, label+", usual range"+interval(p.ReferenceLow, p.ReferenceHigh, figure))
	if w != nil && finite(p.ReferenceLow) && finite(p.ReferenceHigh) {
		from, to := s.at(p.ReferenceLow), s.at(p.ReferenceHigh)
		w.Band = &span{X: px(min(from, to)), W: px(math.Abs(to - from))}
	}
	return w
}

// checkWhiskers are the differences of a gate's checks on one scale, with a mark at no difference.
func checkWhiskers(checks []evaluate.Check) []*whisker {
	values := []any{0}
	comparable := func(c evaluate.Check) bool { return finite(c.CI95[0]) && finite(c.CI95[1]) }
	for _, c := range checks {
		if comparable(c) {
			values = append(values, c.Diff, c.CI95[0], c.CI95[1])
		}
	}
	s := spanning(8, 142, values...)
	out := make([]*whisker, len(checks))
	for i, c := range checks {
		if comparable(c) {
			if out[i] = newWhisker(s, c.Diff, c.CI95[0], c.CI95[1], line(c.Name, maxName)+" "+signed(c.Diff)+interval(c.CI95[0], c.CI95[1], signed)); out[i] != nil {
				out[i].Zero = px(s.at(0))
			}
		}
	}
	return out
}

type bar struct{ X, Y, W, H, Class, Label string }

type tick struct{ X, Y, Anchor, Text string }

// histogram is a distribution before (wide bars) and now (narrow bars in front of them).
type histogram struct {
	Name, Note, Label string
	Bars              []bar
	Ticks             []tick
}

const maxBins = 40

// newHistogram places the bins side by side, equally wide whatever their edges: bins of a profile hold equal shares of the reference. nil
// when there is nothing to draw.
func newHistogram(name, note string, c *drift.ColumnDrift) *histogram {
	h := c.Histogram
	if h == nil || len(h.Reference) == 0 || len(h.Reference) != len(h.Current) {
		return nil
	}
	n := min(len(h.Reference), maxBins)
	top := 0.0
	for i := range n {
		for _, v := range []any{h.Reference[i], h.Current[i]} {
			if finite(v) {
				top = max(top, float(v))
			}
		}
	}
	out := &histogram{Name: line(name, maxName), Note: note, Label: line(name, maxName) + ": " + line(c.Reason, maxText)}
	across, up := scale{0, float64(n), 2, 298}, scale{0, top, 0, 104}
	if top == 0 {
		return nil
	}
	width := 296 / float64(n)
	for i := range n {
		label := fmt.Sprintf("%s: %s, now %s", binName(h, i), percent(h.Reference[i]), percent(h.Current[i]))
		for _, b := range []struct {
			class         string
			share         any
			offset, width float64
		}{{"then", h.Reference[i], 0.04, 0.92}, {"now", h.Current[i], 0.3, 0.4}} {
			if finite(b.share) && float(b.share) > 0 {
				y := up.at(b.share)
				out.Bars = append(out.Bars, bar{X: px(across.at(float64(i) + b.offset)), Y: px(110 - y), W: px(width * b.width), H: px(y), Class: b.class, Label: label})
			}
		}
	}
	out.ticks(h, n, across)
	return out
}

// ticks names the bins of a category while there is room, and first, middle and last edge of numbers.
func (out *histogram) ticks(h *drift.Histogram, n int, across scale) {
	if len(h.Labels) > 0 {
		room := 46 / n // characters of 11 px a bin has room for
		for i := range min(n, len(h.Labels)) {
			if room >= 3 || i == 0 || i == n-1 {
				out.Ticks = append(out.Ticks, tick{X: px(across.at(float64(i) + 0.5)), Anchor: "middle", Text: line(h.Labels[i], max(room, 4))})
			}
		}
		return
	}
	last := min(len(h.Edges), n-1) - 1
	for _, i := range slices.Compact([]int{0, last / 2, last}) {
		if i >= 0 && i < len(h.Edges) {
			out.Ticks = append(out.Ticks, tick{X: px(across.at(float64(i + 1))), Anchor: "middle", Text: figure(h.Edges[i])})
		}
	}
}

// binName is a category, or the range of a bin of numbers.
func binName(h *drift.Histogram, i int) string {
	switch {
	case i < len(h.Labels):
		return line(h.Labels[i], maxName)
	case len(h.Edges) == 0:
		return "all"
	case i == 0:
		return "up to " + figure(h.Edges[0])
	case i < len(h.Edges):
		return figure(h.Edges[i-1]) + " to " + figure(h.Edges[i])
	}
	return "above " + figure(h.Edges[len(h.Edges)-1])
}

type dot struct{ X, Text string }

// timeline is a row of measured windows, oldest at the left: the taller the bar, the louder the verdict.
type timeline struct {
	W, Label string
	Bars     []bar
	Dots     []dot
}

const maxWindows = 48 // shown; the newest

// newTimeline shows the last windows; nil when there are none.
func newTimeline(windows []remedy.WindowFacts) *timeline {
	if len(windows) == 0 {
		return nil
	}
	windows = windows[max(0, len(windows)-maxWindows):]
	step := max(7, min(18, 336/len(windows))) // as wide as a phone at most
	out := &timeline{W: fmt.Sprint(step * len(windows))}
	count := map[string]int{}
	for i, w := range windows {
		height, class := 3.0, "none"
		switch w.Verdict {
		case drift.OK:
			height, class = 9, "good"
		case drift.Warn:
			height, class = 18, "watch"
		case drift.Alert:
			height, class = 28, "bad"
		}
		count[w.Verdict]++
		label := fmt.Sprintf("%s: %s, %s", stamp(w.At), words(w.Verdict), counted(w.N, "row"))
		if len(w.DataQuality) > 0 {
			label += ", data fault in " + listed(w.DataQuality, 3)
		}
		x := float64(step * i)
		out.Bars = append(out.Bars, bar{X: px(x), Y: px(38 - height), W: px(float64(step) - 2), H: px(height), Class: class, Label: label})
		if w.PerformanceLoss {
			out.Dots = append(out.Dots, dot{px(x + float64(step)/2 - 1), "loss of performance, " + stamp(w.At)})
		}
	}
	out.Label = counted(len(windows), "window") + ", " + day(windows[0].At) + " to " + day(windows[len(windows)-1].At)
	for _, v := range []string{drift.OK, drift.Warn, drift.Alert, drift.Insufficient} {
		if count[v] > 0 {
			out.Label += fmt.Sprintf(", %d %s", count[v], words(v))
		}
	}
	if n := len(out.Dots); n > 0 {
		out.Label += fmt.Sprintf("; a dot marks loss of performance (%d)", n)
	}
	return out
}

// Reading is how well a model did in one window.
type Reading struct {
	At        time.Time          `json:"at"`
	Version   int                `json:"version"`
	Estimated *drift.Performance `json:"estimated,omitempty"` // without labels
	Realised  *drift.Performance `json:"realised,omitempty"`  // on labels
}

// best is what is known best: realised where there are labels, else estimated; nil when neither is known.
func (r Reading) best() (p *drift.Performance, estimated bool) {
	if r.Realised != nil && finite(r.Realised.Value) {
		return r.Realised, false
	}
	if r.Estimated != nil && finite(r.Estimated.Value) {
		return r.Estimated, true
	}
	return nil, false
}

type point struct {
	X, Y, Class, Label string
	Line               *span
}

// course is performance over time: each window's figure with its interval, joined by a line, before the range usual in training.
type course struct {
	Name, Label, Path string
	Band              []span
	Grid, Ticks       []tick
	Points            []point
}

// newCourse draws what is known best of each window, in the metric of the newest; nil with fewer than two of them.
func newCourse(readings []Reading) *course {
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
	out := &course{Name: metricName(metric)}
	for i, r := range readings {
		p, estimated := r.best()
		x, word, class := across.at(r.At.Sub(first).Seconds()), "realised", "now"
		if estimated {
			word, class = "estimated", "hollow"
		}
		label := fmt.Sprintf("%s %s, %s %s%s, n = %s", stamp(r.At), version(r.Version), word, figure(p.Value), interval(p.Low, p.High, figure), grouped(p.N))
		dot := point{X: px(x), Y: px(up.at(p.Value)), Class: class, Label: label}
		if finite(p.Low) && finite(p.High) {
			dot.Line = &span{X: px(x), From: px(up.at(p.Low)), To: px(up.at(p.High))}
		}
		out.Points = append(out.Points, dot)
		if out.Path += px(x) + "," + px(up.at(p.Value)); i < len(readings)-1 {
			out.Path += " "
			if finite(p.ReferenceLow) && finite(p.ReferenceHigh) {
				a, b := up.at(p.ReferenceLow), up.at(p.ReferenceHigh)
				next := across.at(readings[i+1].At.Sub(first).Seconds())
				out.Band = append(out.Band, span{X: px(x), W: px(next - x), Y: px(min(a, b)), H: px(math.Abs(b - a))})
			}
		}
	}
	for _, v := range round(up.low, up.high) {
		out.Grid = append(out.Grid, tick{Y: px(up.at(v)), Text: figure(v)})
	}
	out.Ticks = []tick{{X: "52", Anchor: "start", Text: day(first)}, {X: "468", Anchor: "end", Text: day(last)}}
	out.Label = fmt.Sprintf("%s in %s from %s to %s; newest: %s", out.Name, counted(len(readings), "window"), day(first), day(last), out.Points[len(out.Points)-1].Label)
	return out
}

// round are two to five round numbers between low and high: multiples of 1, 2 or 5 times a power of ten.
func round(low, high float64) (out []float64) {
	if !finite(high-low) || !(high > low) {
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

// sortedKeys are a map's keys in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
