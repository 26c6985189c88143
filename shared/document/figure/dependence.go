package figure

import (
	"fmt"
	"strings"

	"mlops/shared/explain"
)

// A Dependence is how the mean prediction follows one feature: a line over numbers, a dot and whisker for each level and for a missing value, in
// the band in which four fifths of the rows' own predictions lie. 300 by 150 pixels.
type Dependence struct {
	Name, Label, Path, Ribbon string
	Points                    []point
	Grid, Ticks               []tick
}

// NewDependence draws the prediction numbered which of a point: 0 for two classes and for a value. low and high are the range of all the
// charts that stand together, so that their heights can be compared. It is nil when there is nothing to draw.
func NewDependence(d explain.Dependence, which int, low, high float64) *Dependence {
	out := &Dependence{Name: Line(d.Feature, MaxName)}
	up := spanning(126, 8, low, high)
	var numbers []any
	apart := 0
	for _, p := range d.Points {
		if _, ok := p.Value.(float64); ok {
			numbers = append(numbers, p.Value)
		} else {
			apart++
		}
		if which >= len(p.Mean) || which >= len(p.Low) || which >= len(p.High) || !Finite(p.Mean[which]) {
			return nil
		}
	}
	if len(d.Points) == 0 {
		return nil
	}
	left, right := 40.0, 292.0
	if len(numbers) > 0 && apart > 0 { // a missing value beside numbers
		right = 262
	}
	across := spanning(left, right, numbers...)
	places := max(1, float64(len(d.Points)))
	var line, there, back []string
	for i, p := range d.Points {
		mean, bottom, top := p.Mean[which], p.Low[which], p.High[which]
		x, name, isNumber := 0.0, "missing", false
		switch v := p.Value.(type) {
		case float64:
			x, name, isNumber = across.at(v), Number(v), true
		case string:
			x, name = left+(right-left)*(float64(i)+0.5)/places, Line(v, MaxName)
		default:
			if x = 282; len(numbers) == 0 {
				x = left + (right-left)*(float64(i)+0.5)/places
			}
		}
		dot := point{X: px(x), Y: px(up.at(mean)), Class: "now", Label: fmt.Sprintf("%s: %s%s, %s of the rows", name, Number(mean), Interval(bottom, top, Number), Percent(p.Share))}
		if isNumber {
			line = append(line, dot.X+","+dot.Y)
			there, back = append(there, dot.X+","+px(up.at(top))), append([]string{dot.X + "," + px(up.at(bottom))}, back...)
		} else {
			dot.Line = &span{From: px(up.at(bottom)), To: px(up.at(top))}
			out.Ticks = append(out.Ticks, tick{X: dot.X, Anchor: "middle", Text: Line(name, max(4, int(46/places)))})
		}
		out.Points = append(out.Points, dot)
	}
	if len(line) > 1 {
		out.Path, out.Ribbon = strings.Join(line, " "), strings.Join(append(there, back...), " ")
		first, last := d.Points[0].Value, d.Points[len(numbers)-1].Value
		out.Ticks = append(out.Ticks, tick{X: px(across.at(first)), Anchor: "middle", Text: Number(first)}, tick{X: px(across.at(last)), Anchor: "middle", Text: Number(last)})
	}
	if room := 8; len(out.Ticks) > room { // more names than can be read: the first and the last
		out.Ticks = []tick{out.Ticks[0], out.Ticks[len(out.Ticks)-1]}
	}
	for _, v := range round(up.low, up.high) {
		out.Grid = append(out.Grid, tick{Y: px(up.at(v)), Text: Number(v)})
	}
	out.Label = fmt.Sprintf("Prediction by %s; %s; %s", out.Name, out.Points[0].Label, out.Points[len(out.Points)-1].Label)
	return out
}
