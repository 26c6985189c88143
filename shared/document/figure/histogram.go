package figure

import (
	"fmt"
	"slices"

	"mlops/shared/drift"
)

// bar is one rectangle of a chart, of a class that the style sheet colours.
type bar struct{ X, Y, W, H, Class, Label string }

// tick is a text at an axis.
type tick struct{ X, Y, Anchor, Text string }

// A Histogram is a distribution before (wide bars) and now (narrow bars in front of them): 300 by 132 pixels.
type Histogram struct {
	Name, Note, Label string
	Bars              []bar
	Ticks             []tick
}

const maxBins = 40 // shown; the first

// NewHistogram places the bins of a drifted column side by side, equally wide whatever their edges, since the bins of a profile hold about
// equal shares of the reference. The note stands behind the name. It is nil when there is nothing to draw.
func NewHistogram(name, note string, c *drift.ColumnDrift) *Histogram {
	h := c.Histogram
	if h == nil || len(h.Reference) == 0 || len(h.Reference) != len(h.Current) {
		return nil
	}
	n := min(len(h.Reference), maxBins)
	top := 0.0
	for i := range n {
		for _, v := range []any{h.Reference[i], h.Current[i]} {
			if Finite(v) {
				top = max(top, Float(v))
			}
		}
	}
	out := &Histogram{Name: Line(name, MaxName), Note: note, Label: Line(name, MaxName) + ": " + Line(c.Reason, MaxText)}
	across, up := scale{0, float64(n), 2, 298}, scale{0, top, 0, 104}
	if top == 0 {
		return nil
	}
	width := 296 / float64(n)
	for i := range n {
		label := fmt.Sprintf("%s: %s, now %s", binName(h, i), Percent(h.Reference[i]), Percent(h.Current[i]))
		for _, b := range []struct {
			class         string
			share         any
			offset, width float64
		}{{"then", h.Reference[i], 0.04, 0.92}, {"now", h.Current[i], 0.3, 0.4}} {
			if Finite(b.share) && Float(b.share) > 0 {
				y := up.at(b.share)
				out.Bars = append(out.Bars, bar{X: px(across.at(float64(i) + b.offset)), Y: px(110 - y), W: px(width * b.width), H: px(y), Class: b.class, Label: label})
			}
		}
	}
	out.ticks(h, n, across)
	return out
}

// ticks names the bins of a category while there is room, and first, middle and last edge of numbers.
func (out *Histogram) ticks(h *drift.Histogram, n int, across scale) {
	if len(h.Labels) > 0 {
		room := 46 / n // characters of 11 px a bin has room for
		for i := range min(n, len(h.Labels)) {
			if room >= 3 || i == 0 || i == n-1 {
				out.Ticks = append(out.Ticks, tick{X: px(across.at(float64(i) + 0.5)), Anchor: "middle", Text: Line(h.Labels[i], max(room, 4))})
			}
		}
		return
	}
	last := min(len(h.Edges), n-1) - 1
	for _, i := range slices.Compact([]int{0, last / 2, last}) {
		if i >= 0 && i < len(h.Edges) {
			out.Ticks = append(out.Ticks, tick{X: px(across.at(float64(i + 1))), Anchor: "middle", Text: Number(h.Edges[i])})
		}
	}
}

// binName is a category, or the range of a bin of numbers.
func binName(h *drift.Histogram, i int) string {
	switch {
	case i < len(h.Labels):
		return Line(h.Labels[i], MaxName)
	case len(h.Edges) == 0:
		return "all"
	case i == 0:
		return "up to " + Number(h.Edges[0])
	case i < len(h.Edges):
		return Number(h.Edges[i-1]) + " to " + Number(h.Edges[i])
	}
	return "above " + Number(h.Edges[len(h.Edges)-1])
}
