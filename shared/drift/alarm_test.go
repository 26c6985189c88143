package drift

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"mlops/shared/dataset"

	"gonum.org/v1/gonum/mathext"
)

// simulations is how much to simulate: few for a quick test, many when MLOPS_WINDOWS is set (make bench-drift), the number itself if it is one.
func simulations(few, many int) int {
	text := os.Getenv("MLOPS_WINDOWS")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return min(n, many)
	}
	return fewer(few, (few+9)/10)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sum1(v []int) (total int) {
	for _, n := range v {
		total += n
	}
	return total
}

// tail is the binomial chance of k or more in n.
func tail(k, n int, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), p)
}

// rate is a share with its exact 95 % interval: Clopper & Pearson, Biometrika 26 (1934).
func rate(k, n int) string {
	low, high := 0.0, 1.0
	if k > 0 {
		low = mathext.InvRegIncBeta(float64(k), float64(n-k+1), 0.025)
	}
	if k < n {
		high = mathext.InvRegIncBeta(float64(k+1), float64(n-k), 0.975)
	}
	return fmt.Sprintf("%5.1f %% [%.1f, %.1f] of %d", 100*float64(k)/float64(n), 100*low, 100*high, n)
}

// When nothing changed, at most one window in a hundred may show drift, of 31 columns, whatever the sizes; and at most one in a hundred a
// loss of performance. Every reference meets three windows.
func TestAlarmRates(t *testing.T) {
	quick := os.Getenv("MLOPS_WINDOWS") == ""
	sizes := []int{100, 300, 1000, 10_000, 100_000}
	if quick {
		sizes = []int{100, 300, 1500}[fewer(0, 1):]
	}
	total, drifts, losses := 0, 0, 0
	for _, n := range sizes {
		for _, m := range sizes {
			references, rows := simulations(20, 1000), 4_000_000
			references = max(min(references, min(rows, 4000*references)/(n+3*m)), fewer(12, 2))
			drifted, lost := make([]int, references), make([]int, references)
			each(references, func(i int) {
				w := newWorld(uint64(n*1_000_003 + m*7 + i))
				p := w.profile(t, n)
				for range 3 {
					r := measure(t, p, w.window(m))
					drifted[i], lost[i] = drifted[i]+one(r.DatasetDrift), lost[i]+one(r.PerformanceLoss)
					if r.DatasetDrift != (len(r.Findings) > 0) || r.Verdict == OK && (r.DatasetDrift || r.PerformanceLoss) {
						t.Errorf("%s, and yet: %v", r.Verdict, r.Reasons)
					}
				}
			})
			k, windows := sum1(drifted), 3*references
			t.Logf("nothing changed, %7d reference rows, windows of %7d: drift in %s, loss in %s", n, m, rate(k, windows), rate(sum1(lost), windows))
			if tail(k, windows, 0.01) < 1e-4 || tail(sum1(lost), windows, 0.01) < 1e-4 {
				t.Errorf("%d drifts and %d losses in %d windows in which nothing changed", k, sum1(lost), windows)
			}
			total, drifts, losses = total+windows, drifts+k, losses+sum1(lost)
		}
	}
	t.Logf("nothing changed: drift in %s windows, loss in %s", rate(drifts, total), rate(losses, total))
	if tail(drifts, total, 0.01) < 0.01 || tail(losses, total, 0.01) < 0.01 {
		t.Errorf("%d drifts and %d losses in %d windows in which nothing changed", drifts, losses, total)
	}
	peers(t)
}

// peers prints, where they are at hand, how often Evidently's default test of a single column alarms when nothing changed.
func peers(t *testing.T) {
	b, err := os.ReadFile(oraclePath("null_false_alarm.json"))
	if err != nil {
		t.Logf("Evidently's rates: %v", err)
		return
	}
	var columns map[string]map[string]struct {
		Rate float64 `json:"false_alarm_rate"`
		Runs int
	}
	if err := json.Unmarshal(b, &columns); err != nil {
		t.Fatal(err)
	}
	for _, column := range sortedKeys(columns) {
		for _, test := range sortedKeys(columns[column]) {
			if x := columns[column][test]; strings.HasSuffix(test, "(default)") {
				t.Logf("Evidently, nothing changed, one column, %-28s %-24s alarms in %s", column, test, rate(int(math.Round(x.Rate*float64(x.Runs))), x.Runs))
			}
		}
	}
}

// A change of one column of thirty, and what is seen of it.
type change struct {
	name string
	to   func(w world, c *dataset.Column) bool // false: not for this column
}

var changes = []change{
	{"shift of 0.2 sd", func(w world, c *dataset.Column) bool { return shift(c, 0.2) }},
	{"missing 2 % -> 4 %", func(w world, c *dataset.Column) bool {
		each1(func(x float64) float64 {
			if w.Float64() < 0.02/0.98 {
				return math.NaN()
			}
			return x
		})(c)
		return c.Name == "gaps0"
	}},
	{"unit x 100", func(_ world, c *dataset.Column) bool {
		each1(func(x float64) float64 { return 100 * x })(c)
		return c.Kind == dataset.Numeric
	}},
	{"unit / 100", func(_ world, c *dataset.Column) bool {
		each1(func(x float64) float64 { return x / 100 })(c)
		return c.Kind == dataset.Numeric
	}},
	{"levels 1, 2 exchanged", func(_ world, c *dataset.Column) bool { return exchange(c, 0, 1) }},
	{"levels 2, 3 exchanged", func(_ world, c *dataset.Column) bool { return exchange(c, 1, 2) }},
	{"shift of 0.5 sd", func(w world, c *dataset.Column) bool { return shift(c, 0.5) }},
	{"shift of 1 sd", func(w world, c *dataset.Column) bool { return shift(c, 1) }},
}

// issued are the changes that a window of 10,000 rows must show 99 times in 100.
const issued = 6

// shift adds so many standard deviations; of tails that have none, of the normal with the same quartiles.
func shift(c *dataset.Column, sd float64) bool {
	if c.Kind != dataset.Numeric || c.Name == "flag" || c.Name == "spike" {
		return false
	}
	f := newFeature(c, c.Len(), math.NaN(), false)
	unit := float64(f.Q3-f.Q1) / 1.349
	if c.Name[:2] == "co" {
		unit = float64(f.SD) // counts: the shift makes values that are no counts
	}
	each1(func(x float64) float64 { return x + sd*unit })(c)
	return true
}

// exchange is of categories whose levels differ in frequency: of others nobody can see it.
func exchange(c *dataset.Column, a, b int32) bool {
	if c.Kind != dataset.Categorical || int(b) >= len(c.Levels) || c.Name == "levels6_15" || c.Name == "levels10_5000" {
		return false
	}
	for i, code := range c.Code {
		switch code {
		case a:
			c.Code[i] = b
		case b:
			c.Code[i] = a
		}
	}
	return true
}

// copied is a column that may be written to.
func copied(c dataset.Column) dataset.Column {
	c.Float, c.Code = append([]float64(nil), c.Float...), append([]int32(nil), c.Code...)
	return c
}

// What changes are seen in windows of a hundred rows to ten thousand, against 10,000 reference rows: one column of thirty changed, each in
// turn; in one window, and in two of three. At 10,000 the first six are seen 99 times in 100.
func TestPowerCurves(t *testing.T) {
	references, sizes, every := simulations(1, 15), []int{100, 300, 1000, 3000, 10_000}, 1
	if os.Getenv("MLOPS_WINDOWS") == "" {
		sizes, every = []int{300, 10_000}[:fewer(2, 1)], 4
	}
	for _, m := range sizes {
		seen, persistent, named, tried := make([]int, len(changes)), make([]int, len(changes)), make([]int, len(changes)), make([]int, len(changes))
		for i := range references {
			w := newWorld(uint64(10*m + i))
			p := w.profile(t, 10_000)
			windows := []Window{w.window(m), w.window(m), w.window(m)}
			for k, c := range changes {
				for at := k % every; at < len(p.Features); at += every {
					hits := 0
					for _, window := range windows {
						frame := &dataset.Frame{Columns: append([]dataset.Column(nil), window.Frame.Columns...)}
						column := copied(frame.Columns[at])
						if !c.to(w, &column) {
							break
						}
						frame.Columns[at] = column
						r := measure(t, p, Window{Frame: frame})
						hits += one(r.Columns[column.Name].Drifted)
						named[k] += one(len(r.Of(UnitChange)) == 1)
						tried[k]++
					}
					seen[k], persistent[k] = seen[k]+hits, persistent[k]+one(hits >= 2)
				}
			}
		}
		for k, c := range changes {
			if tried[k] == 0 {
				continue
			}
			text := fmt.Sprintf("%-22s windows of %6d: seen in %s; in two of three %s", c.name, m, rate(seen[k], tried[k]), rate(persistent[k], tried[k]/3))
			if c.name[:4] == "unit" {
				text += "; named as one of unit in " + rate(named[k], tried[k])
			}
			t.Log(text)
			if m == 10_000 && k < issued && tail(tried[k]-seen[k], tried[k], 0.01) < 1e-3 {
				t.Errorf("%s: seen in %d of %d", c.name, seen[k], tried[k])
			}
		}
	}
}
