package quality

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

var day0 = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// TestStrategiesAsDeequ: the bands are where Deequ's own loops, run by another program, change their mind.
func TestStrategiesAsDeequ(t *testing.T) {
	b, err := os.ReadFile("../../testdata/oracle/anomaly.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Series    []float64
		Absolute1 [2]float64 `json:"absolute_1"`
		Absolute2 [2]float64 `json:"absolute_2"`
		Relative1 [2]float64 `json:"relative_1"`
		Relative2 [2]float64 `json:"relative_2"`
		Batch     [2]float64
		Online    [2]*float64
	}
	if err := json.Unmarshal(b, &cases); err != nil || len(cases) < 10 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }
	for i, c := range cases {
		for name, x := range map[string]struct {
			s    Strategy
			want [2]float64
		}{
			"absolute 1": {AbsoluteChange{-5, 9, 1}, c.Absolute1}, "absolute 2": {AbsoluteChange{-5, 9, 2}, c.Absolute2},
			"relative 1": {RelativeRateOfChange{0.8, 1.3, 0}, c.Relative1}, "relative 2": {RelativeRateOfChange{0.8, 1.3, 2}, c.Relative2},
			"batch normal": {BatchNormal{3, 2}, c.Batch}, "threshold": {SimpleThreshold{1, 2}, [2]float64{1, 2}},
		} {
			got, ok := x.s.Band(c.Series)
			if !ok || !near(got.Low, x.want[0]) || !near(got.High, x.want[1]) {
				t.Errorf("case %d, %s: %v %v, wanted %v", i, name, got, ok, x.want)
			}
		}
		got, ok := OnlineNormal{Below: 3, Above: 2.5}.Band(c.Series)
		for side, want := range c.Online {
			value := []float64{got.Low, got.High}[side]
			if !ok || want == nil && !math.IsInf(value, 0) || want != nil && !near(value, *want) {
				t.Errorf("case %d, online normal: %v %v, wanted %v", i, got, ok, want)
			}
		}
	}
}

// TestHoltWinters forecasts a trend with a weekly season exactly, and finds the day that breaks it, which no band around the mean does.
func TestHoltWinters(t *testing.T) {
	week := []float64{100, 110, 120, 115, 105, 40, 30}
	var x []float64
	for i := range 42 {
		x = append(x, week[i%7]+0.5*float64(i))
	}
	b, ok := HoltWinters{Period: 7, Factor: 3, Floor: 0.5}.Band(append(slices.Clone(x), 0))
	if want := week[0] + 21; !ok || math.Abs((b.Low+b.High)/2-want) > 0.5 {
		t.Errorf("%v %v, wanted it around %v", b, ok, want)
	}
	if b.Holds(week[5] + 21) {
		t.Error("a Monday like a Saturday is no anomaly")
	}
	if plain, _ := (BatchNormal{3, 3}).Band(append(x, 0)); !plain.Holds(week[5] + 21) {
		t.Error("the mean alone should not see it")
	}
	if _, ok := (HoltWinters{Period: 7, Factor: 2}).Band(x[:20]); ok {
		t.Error("three seasons are asked for")
	}
}

// frame is a table of n rows: a number, one with gaps, a category. change is done to it.
func frame(r *rand.Rand, n int, gaps float64, change func(i int, amount, score *float64, city *string)) *dataset.Frame {
	amount, score, city := make([]float64, n), make([]float64, n), make([]string, n)
	for i := range n {
		amount[i], score[i] = math.Exp(r.NormFloat64()), r.NormFloat64()
		if r.Float64() < gaps {
			score[i] = math.NaN()
		}
		city[i] = []string{"Bern", "Oslo", "Rome", "Wien"}[min(3, int(r.ExpFloat64()))]
		if change != nil {
			change(i, &amount[i], &score[i], &city[i])
		}
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("amount", amount), dataset.NumericColumn("score", score), dataset.CategoricalColumn("city", city, func(s string) bool { return s == "" }))
	if err != nil {
		panic(err)
	}
	return f
}

// weekly is how many rows a day has: fewer at weekends, with noise.
func weekly(r *rand.Rand, day int, mean float64) int {
	if day%7 >= 5 {
		mean *= 0.4
	}
	return int(mean * math.Exp(0.08*r.NormFloat64()))
}

// TestFalseAlarms simulates 90 days in which nothing changes, of several sizes and habits: at most one day in a hundred of a series is an anomaly.
func TestFalseAlarms(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 2
	}
	judged, alarms := 0, map[string]int{}
	for run := range runs {
		for _, mean := range []float64{40, 400, 2000} {
			for _, steady := range []bool{true, false} {
				r := rand.New(rand.NewPCG(uint64(run), uint64(mean)))
				h := &History{Daily: true}
				gaps := []float64{0, 0.001, 0.05, 0.4}[run%4]
				for day := range 90 {
					n := weekly(r, day, mean)
					if steady {
						n = int(mean * math.Exp(0.1*r.NormFloat64()))
					}
					at := day0.AddDate(0, 0, day)
					h.Add(fmt.Sprint(day), Measure(frame(r, n, gaps, nil), h.Known, at), DefaultPolicy())
				}
				for name, v := range h.Values {
					family, _, _ := strings.Cut(name, "/")
					judged += len(v) - DefaultPolicy().MinPoints
					for _, odd := range h.Odd[name] {
						if odd {
							alarms[family]++
						}
					}
				}
			}
		}
	}
	total := 0
	for _, n := range alarms {
		total += n
	}
	t.Logf("%d false alarms in %d days of series (%.3f %%): %v", total, judged, 100*float64(total)/float64(judged), alarms)
	if float64(total) > 0.01*float64(judged) {
		t.Error("more than one in a hundred")
	}
}

// TestChangesAreFound: after 30 ordinary days each fault is an anomaly on its first day, is told once, and its end is told.
func TestChangesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		series string
		rows   float64
		change func(i int, amount, score *float64, city *string)
	}{
		"gaps": {"completeness/score", 1, func(i int, _, score *float64, _ *string) {
			if i%5 == 0 {
				*score = math.NaN()
			}
		}},
		"another unit": {"outside/amount", 1, func(i int, amount, _ *float64, _ *string) { *amount *= 1000 }},
		"a new city": {"unseen/city", 1, func(i int, _, _ *float64, city *string) {
			if i%10 == 0 {
				*city = "Riga"
			}
		}},
		"half the rows": {"rows", 0.4, nil},
		"no rows":       {"rows", 0, nil},
		"rows twice": {"duplicates", 1, func(i int, amount, score *float64, city *string) {
			if i%2 == 0 {
				*amount, *score, *city = 1, 1, "Bern"
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 5))
			h := &History{Daily: true}
			told := map[int][]Anomaly{}
			for day := range 36 {
				mean, change := 500.0, c.change
				if day == 30 || day == 31 {
					mean *= c.rows
				} else {
					change = nil
				}
				f := frame(r, int(mean*math.Exp(0.05*r.NormFloat64())), 0.02, change)
				told[day] = h.Add(fmt.Sprint(day), Measure(f, h.Known, day0.AddDate(0, 0, day)), DefaultPolicy())
			}
			about := func(day int, over bool) bool {
				return slices.ContainsFunc(told[day], func(a Anomaly) bool { return a.Series == c.series && a.Over == over })
			}
			if !about(30, false) || about(31, false) || !about(32, true) {
				t.Errorf("day 30: %v, 31: %v, 32: %v", told[30], told[31], told[32])
			}
		})
	}
}

// TestNewLevel: what stays is the level after a week, and then no anomaly any more.
func TestNewLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	h, p := &History{Daily: true}, DefaultPolicy()
	var began, ended []int
	for day := range 60 {
		n := 300
		if day >= 25 {
			n = 900
		}
		for _, a := range h.Add(fmt.Sprint(day), Measure(frame(r, int(float64(n)*math.Exp(0.05*r.NormFloat64())), 0, nil), h.Known, day0.AddDate(0, 0, day)), p) {
			if a.Series == Rows && a.Over {
				ended = append(ended, day)
			} else if a.Series == Rows {
				began = append(began, day)
			}
		}
	}
	if !slices.Equal(began, []int{25}) || !slices.Equal(ended, []int{25 + p.Accept}) || len(h.Firing) != 0 {
		t.Errorf("began %v, ended %v, firing %v", began, ended, h.Firing)
	}
}

// TestMerge: two halves of a day tell what the whole does, but for rows that repeat one of the other half.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	known := map[string]Known{"amount": {Numeric: true, Ranged: true, Low: 0, High: 1, Batches: 1}, "city": {Levels: []string{"Bern", "Oslo"}, Batches: 1}}
	whole := frame(r, 400, 0.1, nil)
	var rows []int
	for i := range 400 {
		rows = append(rows, i)
	}
	a, b := Measure(whole.Take(rows[:150]), known, day0), Measure(whole.Take(rows[150:]), known, day0.Add(time.Hour))
	want := Measure(whole, known, day0.Add(time.Hour))
	if got := Merge(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\n%+v", got, want)
	}
	if ab, ba := Merge(a, b), Merge(b, a); !reflect.DeepEqual(ab, ba) {
		t.Error("the order matters")
	}
}

// TestBounded: a history of any length and width fits into its document, and a batch that comes twice or late changes nothing.
func TestBounded(t *testing.T) {
	columns := make([]dataset.Column, 600)
	for j := range columns {
		v := make([]float64, 20)
		for i := range v {
			v[i] = float64(i*j) / 7
		}
		columns[j] = dataset.NumericColumn(fmt.Sprintf("column_with_a_name_%d", j), v)
	}
	f, err := dataset.NewFrame(columns...)
	if err != nil {
		t.Fatal(err)
	}
	h := &History{}
	for i := range 150 {
		h.Add(fmt.Sprint(i), Measure(f, h.Known, day0.Add(time.Duration(i)*time.Hour)), DefaultPolicy())
	}
	before, err := json.Marshal(h)
	if err != nil || len(before) > 280<<10 {
		t.Errorf("%d bytes, %v", len(before), err)
	}
	if a := h.Add("149", Measure(f, h.Known, day0.AddDate(1, 0, 0)), DefaultPolicy()); a != nil {
		t.Error(a)
	}
	h.Add("late", Measure(f, h.Known, day0), DefaultPolicy())
	if after, _ := json.Marshal(h); string(after) != string(before) {
		t.Error("a batch that is known or late changed something")
	}
	var back History
	if err := json.Unmarshal(before, &back); err != nil || len(back.Lines()) == 0 {
		t.Error(err)
	}
}

// TestPolicyIsChecked: every wrong figure is named, and each strategy can be chosen.
func TestPolicyIsChecked(t *testing.T) {
	if err := DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
	low := 0.99
	bad := Policy{Series: map[string]Rule{"colour": {Strategy: "off"}, "rows": {Strategy: "guess"}, "completeness/age": {Strategy: nameThreshold}, "unseen": {Strategy: nameHolt}}}
	if err := bad.Validate(); err == nil || len(fault.Details(err)) != 8 {
		t.Error(err)
	}
	p := DefaultPolicy()
	p.Series = map[string]Rule{"completeness/a": {Strategy: nameThreshold, Min: &low}, "rows": {Strategy: nameOff}}
	h := &History{}
	f, _ := dataset.NewFrame(dataset.NumericColumn("a", []float64{1, math.NaN()}))
	if got := h.Add("x", Measure(f, nil, day0), p); len(got) != 1 || got[0].Series != "completeness/a" || got[0].Low != 0.99 {
		t.Errorf("a threshold needs no history: %v", got)
	}
}
