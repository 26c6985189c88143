package figure

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/drift"
	"mlops/shared/evaluate"
	"mlops/shared/number"
	"mlops/shared/remedy"
)

var monday = time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)

var windows = []remedy.WindowFacts{{At: monday, Verdict: drift.OK, N: 2400}, {At: monday.AddDate(0, 0, 1), Verdict: drift.Alert, PerformanceLoss: true, DataQuality: []string{"ca"}, N: 2410},
	{At: monday.AddDate(0, 0, 2), Verdict: drift.Insufficient, N: 12}, {At: monday.AddDate(0, 0, 3), Verdict: drift.Warn, N: 900}}

var readings = []Reading{reading(0, 0.9), reading(1, 0.86), reading(2, 0.83)}

func reading(days int, v number.Float) Reading {
	return Reading{At: monday.AddDate(0, 0, days), Version: 1, Estimated: &drift.Performance{Metric: "auc", Value: v, Low: v - 0.03, High: v + 0.03, N: 2400, Reference: 0.9, ReferenceLow: 0.87, ReferenceHigh: 0.93}}
}

func TestFigures(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct{ got, want string }{
		{Number(nan), "—"}, {Number(inf), "—"}, {Number("no number"), "—"}, {Number(0.0), "0"}, {Number(0.83), "0.830"}, {Number(number.Float(1.5)), "1.5"}, {Number(12.0), "12"}, {Number(2410), "2,410"},
		{Number(-1234567.0), "-1,234,567"}, {Number(4.2e-41), "4.2e-41"}, {Number(1e21), "1e+21"}, {Grouped(-0.2), "0"}, {Grouped(int64(999)), "999"}, {Grouped(1000), "1,000"},
		{Signed(0.046), "+0.046"}, {Signed(-0.046), "-0.046"}, {Signed(nan), "—"}, {Percent(0.62), "62 %"}, {Percent(0.0042), "0.4 %"}, {Percent(0.0), "0 %"}, {Percent(nan), "—"},
		{PValue(0.0), "< 1e-300"}, {PValue(4e-41), "4e-41"}, {PValue(0.2), "0.200"}, {PValue(nan), "—"}, {Dollars(0.07), "$0.07"}, {Dollars(0.0021), "$0.0021"}, {Dollars(1e-7), "less than $0.0001"},
		{Dollars(0.0), "$0"}, {Dollars(inf), "—"}, {Duration(5.3), "6 s"}, {Duration(600.0), "10 min"}, {Duration(1e5), "28 h"}, {Duration(nan), "—"}, {Counted(1, "row"), "1 row"}, {Counted(2, "entry"), "2 entries"},
		{Interval(0.8, 0.86, Number), " [0.800, 0.860]"}, {Interval(nan, 1.0, Number), ""}, {Stamp(time.Time{}), "—"}, {Metric("auc difference"), "AUC difference"}, {Version(0), "none"},
		{Line("a\r\nb\u202ec\x00 d", 80), "a b c d"}, {Line(strings.Repeat("x", 100), 5), "xxxx…"}, {Line("\xff", 5), "?"}, {Sentence("v2 is new"), "v2 is new."}, {Sentence("it is"), "It is."}, {Sentence(" "), ""},
		{Digest("abc"), "abc"}, {Words("covariate_shift"), "covariate shift"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestChartsPlaceThings(t *testing.T) {
	nan := number.Float(math.NaN())
	h := NewHistogram("x", "", &drift.ColumnDrift{Histogram: &drift.Histogram{Edges: []number.Float{1}, Reference: []number.Float{0.5, 0.5}, Current: []number.Float{1, nan}}})
	if len(h.Bars) != 3 || h.Bars[1].H != "104.0" || h.Bars[0].H != "52.0" || h.Bars[1].Label != "up to 1: 50 %, now 100 %" || len(h.Ticks) != 1 || h.Ticks[0].X != "150.0" {
		t.Errorf("histogram: %+v", h)
	}
	line := NewTimeline(windows)
	if len(line.Bars) != 4 || len(line.Dots) != 1 || line.Bars[0].Class != "good" || line.Bars[1].Class != "bad" || !(line.Bars[1].H > line.Bars[3].H) {
		t.Errorf("timeline: %+v", line)
	}
	c := NewCourse(readings)
	if len(c.Points) != 3 || len(c.Band) != 2 || c.Points[0].X != "52.0" || c.Points[2].X != "468.0" || c.Points[0].Class != "hollow" || len(c.Grid) < 2 {
		t.Errorf("course: %+v", c)
	}
	mixed := append(slices.Clone(readings), Reading{At: monday, Realised: &drift.Performance{Metric: "rmse", Value: 3}}, Reading{At: monday}, Reading{At: monday, Realised: &drift.Performance{Metric: "auc", Value: nan}})
	if c := NewCourse(mixed); c == nil || len(c.Points) != 3 {
		t.Errorf("readings of another metric, or of none, are drawn: %+v", c)
	}
	both := slices.Clone(readings)
	for i := range both {
		p := *both[i].Estimated
		p.Value -= 0.05
		both[i].Realised, both[i].Scores = &p, map[string]number.Float{"age": number.Float(i) / 10, "ca": 0.3, "nan": nan}
	}
	if c := NewCourse(both); len(c.Points) != 6 || c.Path == "" || c.Estimated == "" || len(strings.Fields(c.Ribbon)) != 6 || c.Points[0].Line != nil || c.Points[1].Line == nil || !c.HasRealised || !c.HasEstimate {
		t.Errorf("estimated and realised together: %+v", c)
	}
	m := NewMovement(append(slices.Clone(both), Reading{At: monday.AddDate(0, 0, 9)}), 0.05)
	if len(m.Lines) != 2 || m.Lines[0].Name != "ca" || len(m.Lines[1].Points) != 3 || m.Mark == "" || m.Lines[0].X != "370.0" || len(m.Grid) < 3 || !strings.Contains(m.Label, "3 windows") {
		t.Errorf("movement: %+v", m)
	}
	if same := NewMovement(both, 0.5); same.Mark != "" || NewMovement(both[:1], 0.1) != nil || NewMovement(readings, 0.1) != nil {
		t.Errorf("a movement of nothing, or a mark outside: %+v", same)
	}
	if NewCourse(readings[:1]) != nil || NewTimeline(nil) != nil || newWhisker(scale{}, nan, nan, nan, "") != nil {
		t.Error("a chart of nothing is drawn")
	}
	for _, r := range [][2]float64{{0, 1}, {0.797, 0.933}, {-5, 1e6}, {1e-9, 2e-9}, {3, 3}, {math.Inf(-1), 0}} {
		if ticks := round(r[0], r[1]); len(ticks) < 1 || len(ticks) > 6 {
			t.Errorf("%v: ticks %v", r, ticks)
		}
	}
}

func TestWhiskers(t *testing.T) {
	nan := number.Float(math.NaN())
	w := CheckWhiskers([]evaluate.Check{{Name: "auc", Diff: 0.1, CI95: [2]number.Float{0, 0.2}}, {Name: "sample", Diff: nan, CI95: [2]number.Float{nan, nan}}, {Name: "brier", Diff: -0.1, CI95: [2]number.Float{-0.2, 0}}})
	if len(w) != 3 || w[1] != nil || w[0].Zero != w[2].Zero || w[0].Zero != "75.0" || w[0].Line.From != "75.0" || w[0].Dot != "104.9" || w[0].Label != "auc +0.100 [0, +0.200]" {
		t.Errorf("%+v, %+v", *w[0], *w[2])
	}
	p := PerformanceWhisker(readings[2].Estimated)
	if p == nil || p.Band == nil || p.Line == nil || p.Label != "AUC 0.830 [0.800, 0.860], usual range [0.870, 0.930]" {
		t.Errorf("%+v", p)
	}
	if PerformanceWhisker(&drift.Performance{Value: nan}) != nil {
		t.Error("an unknown performance is drawn")
	}
}
