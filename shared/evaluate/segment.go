package evaluate

import (
	"fmt"
	"strings"
)

// segments gives one check a declared segment column, carrying its worst segment: the one whose interval reaches lowest.
func (p Policy) segments(in Input) []Check {
	var checks []Check
	for _, name := range sortedKeys(in.Segments) {
		checks = append(checks, p.segment(in, name))
	}
	return checks
}

func (p Policy) segment(in Input, name string) Check {
	rows := map[string][]int{}
	for i, value := range in.Segments[name] {
		rows[value] = append(rows[value], i)
	}
	metric := Primary(in.Labels.Task)
	var worst comparison
	var worstValue string
	var least float64 // how far the worst segment's interval stays above the margin
	var failed []string
	judged := 0
	for _, value := range sortedKeys(rows) {
		if len(rows[value]) < p.SegmentMinRows {
			continue
		}
		sub := in.take(rows[value])
		if rarest(sub.Labels) < p.SegmentMinClass {
			continue
		}
		c := compare(p, sub.Labels, sub.Champion, sub.Challenger, metric)[0]
		slack := c.low + float64(p.SegmentMargin*c.scale())
		if slack < 0 {
			failed = append(failed, shown(value))
		}
		if judged == 0 || slack < least {
			worst, worstValue, least = c, value, slack
		}
		judged++
	}
	rule := fmt.Sprintf("%s ci_low >= -%g in every segment of >= %d rows", metric, p.SegmentMargin, p.SegmentMinRows)
	if metric == NameRMSE {
		rule += ", as a share of the champion's error"
	} else {
		rule += fmt.Sprintf(" and >= %d of its rarest class", p.SegmentMinClass)
	}
	if judged == 0 {
		check := bare(segmentPrefix+name, 0, rule, true)
		check.Note = fmt.Sprintf("none of %d segments is large enough to be judged", len(rows))
		return check
	}
	check := worst.check(segmentPrefix + name)
	check.Rule, check.Passed = rule, len(failed) == 0
	check.Note = fmt.Sprintf("worst of %d judged segments of %d: %s", judged, len(rows), shown(worstValue))
	if len(failed) > 0 {
		check.Note += "; below the margin: " + strings.Join(failed[:min(len(failed), 10)], ", ")
	}
	return check
}

func shown(value string) string {
	if value == "" {
		return "(missing)"
	}
	if len(value) > 60 {
		return strings.ToValidUTF8(value[:60], "") + ".."
	}
	return value
}

// take is the input of the given rows alone.
func (in Input) take(rows []int) Input {
	width := len(in.Champion) / in.Labels.Len()
	pick := func(p []float64) []float64 {
		out := make([]float64, 0, len(rows)*width)
		for _, r := range rows {
			out = append(out, p[r*width:(r+1)*width]...)
		}
		return out
	}
	in.Champion, in.Challenger = pick(in.Champion), pick(in.Challenger)
	in.Labels = in.Labels.Take(rows)
	return in
}
