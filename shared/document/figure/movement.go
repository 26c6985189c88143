package figure

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Movement is how far columns lie from training over time: one line for each of those that moved most. 480 by 190 pixels.
type Movement struct {
	Label       string
	Lines       []track
	Grid, Ticks []tick
	Mark        string // height of the distance from which a change counts; "" where it is not known
}

// track is one column's line, of a class that the style sheet colours, with its name beside its end.
type track struct {
	Path, Class, Name, Label string
	X, Y                     string // of its end
	Points                   []point
}

const maxTracks = 5 // more lines cannot be told apart

// NewMovement draws the columns that moved most in any of the windows, whatever order they come in; least is the distance from which a change counts. Nil
// with fewer than two windows that say something. A window in which a column was not among those remembered is passed over by its line.
func NewMovement(readings []Reading, least float64) *Movement {
	readings = slices.DeleteFunc(slices.Clone(readings), func(r Reading) bool { return r.Scores == nil })
	slices.SortStableFunc(readings, func(a, b Reading) int { return a.At.Compare(b.At) })
	readings = readings[max(0, len(readings)-maxWindows):]
	if len(readings) < 2 {
		return nil
	}
	most := map[string]float64{}
	top := 0.1
	for _, r := range readings {
		for name, v := range r.Scores {
			if Finite(v) {
				most[name] = max(most[name], Float(v))
				top = max(top, Float(v))
			}
		}
	}
	names := slices.Sorted(maps.Keys(most))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(most[b], most[a]) })
	names = names[:min(len(names), maxTracks)]
	first, last := readings[0].At, readings[len(readings)-1].At
	across, up := scale{0, last.Sub(first).Seconds(), 40, 370}, scale{0, top * 1.06, 166, 8}
	out := &Movement{}
	for i, name := range names {
		t := track{Class: fmt.Sprintf("t%d", i), Name: Line(name, 16)}
		var path []string
		for _, r := range readings {
			v, ok := r.Scores[name]
			if !ok || !Finite(v) {
				continue
			}
			t.X, t.Y = px(across.at(r.At.Sub(first).Seconds())), px(up.at(v))
			path = append(path, t.X+","+t.Y)
			t.Label = fmt.Sprintf("%s: %s on %s", Line(name, MaxName), Number(v), Stamp(r.At))
			t.Points = append(t.Points, point{X: t.X, Y: t.Y, Label: t.Label})
		}
		if len(path) > 1 {
			t.Path = strings.Join(path, " ")
		}
		out.Lines = append(out.Lines, t)
	}
	out.apart()
	if least > 0 && least < top {
		out.Mark = px(up.at(least))
	}
	for _, v := range round(0, up.high) {
		out.Grid = append(out.Grid, tick{Y: px(up.at(v)), Text: Number(v)})
	}
	out.Ticks = ends(first, last, "40", "370")
	out.Label = fmt.Sprintf("distance from training of %s in %s from %s to %s", Listed(names, maxTracks), Counted(len(readings), "window"), Day(first), Day(last))
	return out
}

// apart moves the names at the ends of lines so that none stands on another.
func (out *Movement) apart() {
	order := make([]*track, len(out.Lines))
	for i := range out.Lines {
		order[i] = &out.Lines[i]
	}
	slices.SortStableFunc(order, func(a, b *track) int { return cmp.Compare(coordinate(a.Y), coordinate(b.Y)) })
	next := 12.0
	for _, t := range order {
		y := max(next, coordinate(t.Y))
		t.Y, next = px(y), y+13
	}
	limit := 168.0
	for _, t := range slices.Backward(order) { // too low: back up
		y := min(limit, coordinate(t.Y))
		t.Y, limit = px(y), y-13
	}
}

func coordinate(s string) (v float64) {
	fmt.Sscanf(s, "%g", &v)
	return v
}
