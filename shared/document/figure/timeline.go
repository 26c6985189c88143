package figure

import (
	"fmt"

	"mlops/shared/drift"
	"mlops/shared/remedy"
)

// dot is a mark above a bar.
type dot struct{ X, Text string }

// A Timeline is a row of measured windows, oldest at the left: the taller the bar, the louder the verdict;
// a dot above it marks loss of performance. 40 pixels high.
type Timeline struct {
	W, Label string
	Bars     []bar
	Dots     []dot
}

const maxWindows = 48 // shown; the newest

// NewTimeline shows the last of the windows, which come newest last; nil when there are none.
func NewTimeline(windows []remedy.WindowFacts) *Timeline {
	if len(windows) == 0 {
		return nil
	}
	windows = windows[max(0, len(windows)-maxWindows):]
	step := max(7, min(18, 336/len(windows))) // as wide as a phone at most
	out := &Timeline{W: fmt.Sprint(step * len(windows))}
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
		label := fmt.Sprintf("%s: %s, %s", Stamp(w.At), Words(w.Verdict), Counted(w.N, "row"))
		if len(w.DataQuality) > 0 {
			label += ", data fault in " + Listed(w.DataQuality, 3)
		}
		x := float64(step * i)
		out.Bars = append(out.Bars, bar{X: px(x), Y: px(38 - height), W: px(float64(step) - 2), H: px(height), Class: class, Label: label})
		if w.PerformanceLoss {
			out.Dots = append(out.Dots, dot{px(x + float64(step)/2 - 1), "loss of performance, " + Stamp(w.At)})
		}
	}
	out.Label = Counted(len(windows), "window") + ", " + Day(windows[0].At) + " to " + Day(windows[len(windows)-1].At)
	for _, v := range []string{drift.OK, drift.Warn, drift.Alert, drift.Insufficient} {
		if count[v] > 0 {
			out.Label += fmt.Sprintf(", %d %s", count[v], Words(v))
		}
	}
	if n := len(out.Dots); n > 0 {
		out.Label += fmt.Sprintf("; a dot marks loss of performance (%d)", n)
	}
	return out
}
