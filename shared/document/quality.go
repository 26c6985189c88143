package document

import (
	"strings"
	"time"

	"mlops/shared/document/figure"
	"mlops/shared/quality"
)

// qualityTable is how the data of one subject stands.
type qualityTable struct {
	Subject string
	Batches int
	Newest  time.Time
	Lines   []qualityLine
	More    int
}

// qualityLine is one series in words.
type qualityLine struct {
	Name, Value, Expected string
	quality.Line
}

// newQuality puts histories into words.
func newQuality(histories []quality.History) []qualityTable {
	var out []qualityTable
	for _, h := range histories {
		if len(h.At) == 0 {
			continue
		}
		lines := h.Lines()
		t := qualityTable{Subject: strings.Replace(h.Subject, "/", " of ", 1), Batches: len(h.At), Newest: h.At[len(h.At)-1], More: max(0, len(lines)-maxListed)}
		for _, l := range lines[:min(len(lines), maxListed)] {
			family, _, _ := strings.Cut(l.Series, "/")
			show := figure.Percent
			if family == quality.Rows || family == quality.Freshness {
				show = func(v any) string { return figure.Number(v) }
			}
			line := qualityLine{Name: figure.Line(strings.Replace(l.Series, "/", " of ", 1), figure.MaxName), Value: show(l.Value), Line: l, Expected: "not known yet"}
			switch low, high := figure.Finite(l.Low), figure.Finite(l.High); {
			case low && high:
				line.Expected = show(l.Low) + " to " + show(l.High)
			case low:
				line.Expected = show(l.Low) + " at least"
			case high:
				line.Expected = show(l.High) + " at most"
			}
			t.Lines = append(t.Lines, line)
		}
		out = append(out, t)
	}
	return out
}
