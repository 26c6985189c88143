package drift

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// clinic draws a binary task with a feature of three sites that matters, a declared segment of two wards, and a number. In the ward "west" a share of labels
// is not what the model says; within site "b" the number moves by within, and within "a" by as much the other way.
func (w world) clinic(n int, within, wrongInWest float64, sites [3]float64) Window {
	predictions, y := w.answers(n, 2)
	number, site, ward := make([]float64, n), make([]string, n), make([]string, n)
	for i := range site {
		u := w.Float64()
		site[i] = "c"
		switch {
		case u < sites[0]:
			site[i] = "a"
		case u < sites[0]+sites[1]:
			site[i] = "b"
		}
		number[i] = w.NormFloat64()
		switch site[i] {
		case "a":
			number[i] -= within
		case "b":
			number[i] += within
		}
		if ward[i] = "east"; w.Float64() < 0.4 {
			if ward[i] = "west"; w.Float64() < wrongInWest {
				y[i] = 1 - y[i]
			}
		}
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("number", number), dataset.CategoricalColumn("site", site, nil))
	if err != nil {
		panic(err)
	}
	return Window{Frame: f, Predictions: predictions, Labels: y, Segments: map[string][]string{"ward": ward}}
}

var evenly = [3]float64{0.4, 0.4, 0.2}

func (w world) clinicProfile(t testing.TB, n int) *Profile {
	t.Helper()
	r := w.clinic(n, 0, 0, evenly)
	p, err := NewProfile(Reference{Model: "clinic", Frame: r.Frame, Predictions: r.Predictions, Segments: r.Segments, Importance: map[string]float64{"number": 0.2, "site": 0.1},
		Labels: dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"no", "yes"}, Y: r.Labels}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What moves within groups and cancels out in the whole is found, and so is a loss in one group, and a segment whose shares moved.
func TestSegments(t *testing.T) {
	w := newWorld(61)
	p := w.clinicProfile(t, 6000)
	for _, c := range []struct {
		name    string
		window  Window
		kind    string
		feature string
		says    string
	}{
		{"as it was", w.clinic(3000, 0, 0, evenly), "", "", ""},
		{"a feature within sites", w.clinic(3000, 0.3, 0, evenly), SegmentDrift, "number", "number where site is"},
		{"a loss in one ward", w.clinic(3000, 0, 0.25, evenly), SegmentLoss, "ward", "where ward is west"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := measure(t, p, c.window)
			if c.kind == "" {
				if r.Verdict != OK {
					t.Fatalf("%s %v", r.Verdict, r.Reasons)
				}
			} else if found := r.Of(c.kind); len(found) == 0 || found[0].Feature != c.feature || !strings.Contains(found[0].Text, c.says) {
				t.Fatalf("%+v\n%v", r.Findings, r.Reasons)
			}
			if c.kind == SegmentDrift && (r.NumberOfDrifted != 1 || !r.Columns["number"].Drifted || len(r.Of(Covariate)) > 0 || math.Abs(float64(r.ImportanceShare)-2./3) > 1e-9) {
				t.Errorf("%d drifted, importance %v: %v", r.NumberOfDrifted, r.ImportanceShare, r.Reasons)
			}
			groups := map[string]SegmentReport{}
			for _, s := range r.Segments {
				groups[s.Segment+" "+s.Level] = s
			}
			if len(groups) != 5 || groups["ward west"].Realised == nil || groups["ward west"].Realised.Significant != (c.kind == SegmentLoss) || groups["ward east"].Realised.Significant ||
				!groups["site a"].Metrics["mcc"].Low.Finite() || math.Abs(float64(groups["ward west"].ShareCurrent)-0.4) > 0.05 {
				t.Errorf("%+v", groups)
			}
		})
	}
	moved := w.clinic(3000, 0, 0, evenly)
	for i := range moved.Segments["ward"] {
		if w.Float64() < 0.3 {
			moved.Segments["ward"][i] = "west"
		}
	}
	if r := measure(t, p, moved); len(r.Of(SegmentShare)) != 1 || r.Columns["segment ward"] == nil {
		t.Errorf("%+v %v", r.Findings, r.Reasons)
	}
	if r := measure(t, p, w.clinic(3000, 0, 0, [3]float64{0.2, 0.6, 0.2})); len(r.Of(Covariate)) != 1 || r.Findings[0].Feature != "site" || len(r.Of(SegmentDrift)) != 0 {
		t.Errorf("a feature's shares are its own finding: %+v", r.Findings)
	}
	without := w.clinic(3000, 0, 0, evenly)
	without.Segments = nil
	if r := measure(t, p, without); r.Verdict != OK || r.Columns["segment ward"] != nil {
		t.Errorf("a window that does not know the segment: %v", r.Reasons)
	}
	without.Segments = map[string][]string{"ward": {"east"}}
	if _, err := Measure(p, without, DefaultPolicy()); !fault.Is(err, fault.Invalid) {
		t.Errorf("one value for 3,000 rows: %v", err)
	}
}

// Nothing changed: at most one window in a hundred shows anything, with the tests within groups and the losses by segment among them.
func TestSegmentFalseAlarms(t *testing.T) {
	w, alarms, total := newWorld(62), 0, 0
	for range references(25) {
		p := w.clinicProfile(t, 1500)
		for range 4 {
			total++
			if r := measure(t, p, w.clinic(800, 0, 0, evenly)); r.Verdict != OK {
				alarms++
				t.Log(r.Reasons)
			}
		}
	}
	if t.Logf("%d alarms in %d windows", alarms, total); alarms*100 > 2*max(total, 100) { // drift and loss have 1 % each
		t.Errorf("%d alarms in %d windows in which nothing changed", alarms, total)
	}
}

// Segments, labels and what else is kept add up over the parts of a window, in any order, and survive storage.
func TestSegmentsOfParts(t *testing.T) {
	w := newWorld(63)
	p, window := w.clinicProfile(t, 2000), w.clinic(900, 0.6, 0.2, evenly)
	q, err := ReadProfile(text(t, p))
	if err != nil {
		t.Fatal(err)
	}
	window.Delays = w.numbers(900, func() float64 { return math.Floor(10 * w.Float64()) })
	window.Predictions[40], window.Labels[41] = 1.5, math.NaN()
	want := text(t, measure(t, p, window))
	var parts []Window
	rows := w.Perm(900)
	for _, part := range [][]int{rows[:1], rows[1:500], {}, rows[500:]} {
		cut := take(window, part)
		cut.Segments, cut.Delays = map[string][]string{"ward": {}}, []float64{}
		for _, r := range part {
			cut.Segments["ward"] = append(cut.Segments["ward"], window.Segments["ward"][r])
			cut.Delays = append(cut.Delays, window.Delays[r])
		}
		parts = append(parts, cut)
	}
	if got := reportOfParts(t, q, parts...); !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
