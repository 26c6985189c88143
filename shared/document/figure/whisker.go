package figure

import (
	"math"
	"strconv"

	"mlops/shared/drift"
	"mlops/shared/evaluate"
)

// The charts are inline SVG: the functions here place things, the templates draw them. Coordinates are text, in pixels from the left and
// from the top. Every chart has a Label that says what it shows in words, and no meaning rests on colour alone.

// px is a coordinate to a tenth of a pixel; "" where there is none, which the templates leave out.
func px(v float64) string {
	if !Finite(v) {
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
	return s.from + (Float(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

// spanning is the scale from the least to the greatest finite value, with some room at both ends.
func spanning(from, to float64, values ...any) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if Finite(v) {
			low, high = min(low, Float(v)), max(high, Float(v))
		}
	}
	room := (high - low) * 0.06
	return scale{low - room, high + room, from, to}
}

// span is a line from one coordinate to another, or a rectangle.
type span struct{ X, Y, W, H, From, To string }

// A Whisker is a value with its interval on a line, against a band or a mark, small enough for a cell of a table: 150 by 22 pixels.
type Whisker struct {
	Dot   string // where the value is
	Zero  string // where the mark is, "" without one
	Label string
	Line  *span // the interval, nil when it is not known
	Band  *span // what the value is held against, nil without one
}

// newWhisker places a value; nil when it is not known.
func newWhisker(s scale, value, low, high any, label string) *Whisker {
	if !Finite(value) {
		return nil
	}
	w := &Whisker{Dot: px(s.at(value)), Label: label}
	if Finite(low) && Finite(high) {
		w.Line = &span{From: px(s.at(low)), To: px(s.at(high))}
	}
	return w
}

// PerformanceWhisker is a performance with its interval against the band in which chance alone would put it; nil when its value is not
// finite.
func PerformanceWhisker(p *drift.Performance) *Whisker {
	s := spanning(8, 142, p.Value, p.Low, p.High, p.Reference, p.ReferenceLow, p.ReferenceHigh)
	label := Metric(p.Metric) + " " + Number(p.Value) + Interval(p.Low, p.High, Number)
	w := newWhisker(s, p.Value, p.Low, p.High, label+", usual range"+Interval(p.ReferenceLow, p.ReferenceHigh, Number))
	if w != nil && Finite(p.ReferenceLow) && Finite(p.ReferenceHigh) {
		from, to := s.at(p.ReferenceLow), s.at(p.ReferenceHigh)
		w.Band = &span{X: px(min(from, to)), W: px(math.Abs(to - from))}
	}
	return w
}

// CheckWhiskers are the differences of a gate's checks with their intervals, one for each check, on one scale with a mark at no difference;
// nil where a check has no interval.
func CheckWhiskers(checks []evaluate.Check) []*Whisker {
	values := []any{0}
	comparable := func(c evaluate.Check) bool { return Finite(c.CI95[0]) && Finite(c.CI95[1]) }
	for _, c := range checks {
		if comparable(c) {
			values = append(values, c.Diff, c.CI95[0], c.CI95[1])
		}
	}
	s := spanning(8, 142, values...)
	out := make([]*Whisker, len(checks))
	for i, c := range checks {
		if comparable(c) {
			if out[i] = newWhisker(s, c.Diff, c.CI95[0], c.CI95[1], Line(c.Name, MaxName)+" "+Signed(c.Diff)+Interval(c.CI95[0], c.CI95[1], Signed)); out[i] != nil {
				out[i].Zero = px(s.at(0))
			}
		}
	}
	return out
}
