package drift

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

func table1(c ...dataset.Column) *dataset.Frame { return &dataset.Frame{Columns: c} }

// Rows that somebody sorted do not come in time: their stretches differ as no window does, and must not blunt the tests.
func TestSortedReferenceIsNotNoise(t *testing.T) {
	w := newWorld(71)
	n := 2000
	base := w.frame(n)
	sorted := func(less func(a, b int) bool) *dataset.Frame {
		rows := w.Perm(n)
		slices.SortFunc(rows, func(a, b int) int {
			return one(less(b, a)) - one(less(a, b))
		})
		return base.Take(rows)
	}
	level, count, heavy := base.Column("levels4_8").Code, base.Column("count0").Float, base.Column("skewed0").Float
	labels := make([]float64, n)
	for i := range labels {
		labels[i] = float64(2 * i / n)
	}
	ascending := w.numbers(n, w.NormFloat64)
	slices.Sort(ascending)
	clock := 0.0
	for _, c := range []struct {
		name, sorted string
		r            Reference
	}{
		{"as drawn", "", Reference{Frame: base}},
		{"by a category", "levels4_8", Reference{Frame: sorted(func(a, b int) bool { return level[a] < level[b] })}},
		{"by a count", "count0", Reference{Frame: sorted(func(a, b int) bool { return count[a] < count[b] })}},
		{"by a skewed number", "skewed0", Reference{Frame: sorted(func(a, b int) bool { return heavy[a] < heavy[b] })}},
		{"by a normal number, descending", "x", Reference{Frame: table1(dataset.NumericColumn("x", func() []float64 { v := slices.Clone(ascending); slices.Reverse(v); return v }()))}},
		{"by the label", "y", Reference{Frame: base, Labels: dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: labels}}},
		{"by a clock, which is time", "", Reference{Frame: table1(dataset.NumericColumn("at", w.numbers(n, func() float64 { clock += w.ExpFloat64(); return clock })))}},
		{"sorted, and the caller knows better", "", Reference{Frame: sorted(func(a, b int) bool { return level[a] < level[b] }), Order: OrderTime}},
		{"a constant", "", Reference{Frame: table1(dataset.NumericColumn("x", make([]float64, n)))}},
		{"nothing", "", Reference{Frame: table1(dataset.NumericColumn("x", w.numbers(n, math.NaN)))}},
		{"a flag set once, in the last row", "", Reference{Frame: table1(dataset.NumericColumn("x", append(make([]float64, n-1), 1)))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := profiled(t, c.r)
			if p.Sorted != c.sorted {
				t.Errorf("sorted by %q, want %q", p.Sorted, c.sorted)
			}
			noisy := 0
			for i := range p.Features {
				noisy += one(p.Features[i].Noise != nil)
			}
			if c.sorted != "" && noisy > 0 || c.name == "as drawn" && noisy > 2 {
				t.Errorf("%d columns with noise", noisy)
			}
		})
	}
	if _, err := NewProfile(Reference{Frame: base, Order: "random"}); err == nil || !strings.Contains(err.Error(), "order") {
		t.Errorf("an order that is none: %v", err)
	}
}

// A verdict says that the reference's own noise set the bar; a profile keeps that noise when it is stored, and one stored before there was
// such a thing still reads.
func TestNoiseIsSaidAndKept(t *testing.T) {
	w := newWorld(72)
	p := profiled(t, Reference{Frame: w.course(5000, courses[1].draw, 0.9)})
	window := Window{Frame: w.course(1000, courses[1].draw, 0.9)}
	r := measure(t, p, window)
	if r.DatasetDrift || !strings.Contains(r.Columns["x0"].Reason, "times the variance of independent rows") {
		t.Errorf("%v; x0: %s", r.Reasons, r.Columns["x0"].Reason)
	}
	stored := text(t, p)
	q, err := ReadProfile(stored)
	if err != nil {
		t.Fatal(err)
	}
	if again := text(t, measure(t, q, window)); !bytes.Equal(again, text(t, r)) {
		t.Error("the stored profile measures otherwise")
	}
	for _, bad := range []string{`"shape":0.5`, `"shape":"NaN"`} {
		if _, err := ReadProfile(bytes.Replace(stored, fmt.Appendf(nil, `"shape":%v`, float64(p.Features[0].Noise[0].Shape)), []byte(bad), 1)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// The verdict does not depend on the unit or the scale of a number: what ascends with it has the same bins, counts and p-values.
func TestMonotoneTransformationsLeaveTheVerdict(t *testing.T) {
	w := newWorld(73)
	for name, f := range map[string]func(float64) float64{"exponential": math.Exp, "cube": func(x float64) float64 { return x * x * x }, "arctangent": math.Atan, "affine": func(x float64) float64 { return 1.8*x + 32 }} {
		for _, shifted := range []float64{0, 0.15, 0.6} {
			ref, cur := w.numbers(3000, w.NormFloat64), w.numbers(1200, func() float64 { return w.NormFloat64() + shifted })
			mapped := func(v []float64) []float64 {
				u := slices.Clone(v)
				for i := range u {
					u[i] = f(u[i])
				}
				return u
			}
			a := measure(t, profiled(t, Reference{Frame: table1(dataset.NumericColumn("x", ref))}), Window{Frame: table1(dataset.NumericColumn("x", cur))})
			b := measure(t, profiled(t, Reference{Frame: table1(dataset.NumericColumn("x", mapped(ref)))}), Window{Frame: table1(dataset.NumericColumn("x", mapped(cur)))})
			x, y := a.Columns["x"], b.Columns["x"]
			if a.Verdict != b.Verdict || x.P != y.P || x.Score != y.Score || x.Threshold != y.Threshold || x.Statistic != y.Statistic {
				t.Errorf("%s, shift %g: %s p %v, then %s p %v", name, shifted, a.Verdict, x.P, b.Verdict, y.P)
			}
		}
	}
}

// Two levels that stand for one another are said to, where a total variation distance would call them too rare to matter; levels that merely
// moved are not.
func TestExchangedLevels(t *testing.T) {
	w := newWorld(74)
	draw := func(weights ...float64) dataset.Column {
		levels, total := make([]string, len(weights)), 0.0
		for i := range levels {
			levels[i], total = fmt.Sprintf("v%d", i), total+weights[i]
		}
		c := dataset.Column{Name: "x", Kind: dataset.Categorical, Levels: levels, Code: make([]int32, 10_000)}
		for i := range c.Code {
			at := w.Float64() * total
			for k := 0; at >= weights[k]; k++ {
				at -= weights[k]
				c.Code[i]++
			}
		}
		return c
	}
	p := profiled(t, Reference{Frame: table1(draw(60, 20, 12, 5, 3))})
	for _, c := range []struct {
		name   string
		cur    dataset.Column
		levels []string // exchanged
		drift  bool
	}{
		{"the two rarest", draw(60, 20, 12, 3, 5), []string{"v3", "v4"}, true},
		{"the two most frequent", draw(20, 60, 12, 5, 3), []string{"v0", "v1"}, true},
		{"none", draw(60, 20, 12, 5, 3), nil, false},
		{"one from another, a fifth of the way", draw(60, 20, 11, 6, 3), nil, false},
		{"three round", draw(12, 60, 20, 5, 3), nil, true},
	} {
		r := measure(t, p, Window{Frame: table1(c.cur)})
		var exchanged []string
		for _, f := range r.Of(Covariate) {
			exchanged = append(exchanged, f.Levels...)
		}
		if r.DatasetDrift != c.drift || !slices.Equal(exchanged, c.levels) {
			t.Errorf("%s: %v, exchanged %q, want %q: %v", c.name, r.DatasetDrift, exchanged, c.levels, r.Reasons)
		}
	}
}

// Columns of kinds that make other detectors cry, or fail: unchanged they are calm, and what is wrong with one is said of it alone.
func TestOddColumns(t *testing.T) {
	w := newWorld(75)
	texts := func(name string, n int, at func(int) string) dataset.Column {
		v := make([]string, n)
		for i := range v {
			v[i] = at(i)
		}
		return dataset.CategoricalColumn(name, v, nil)
	}
	id := 0
	frame := func(n int) *dataset.Frame {
		return table1(
			texts("uuid", n, func(int) string { id++; return fmt.Sprintf("%x", w.Uint64()) }),
			texts("boolean", n, func(int) string { return fmt.Sprint(w.Float64() < 0.3) }),
			texts("thousands", n, func(int) string { return fmt.Sprint(w.IntN(5000)) }),
			dataset.NumericColumn("constant", w.numbers(n, func() float64 { return 3 })),
			dataset.NumericColumn("float_noise", w.numbers(n, func() float64 { return 0.1 + 0.2 + float64(w.IntN(3)-1)*0x1p-54 })),
			dataset.NumericColumn("ties", w.numbers(n, func() float64 { return math.Round(w.NormFloat64()) })),
			dataset.NumericColumn("integers", w.numbers(n, func() float64 { return float64(w.IntN(100_000)) })),
			dataset.NumericColumn("empty", w.numbers(n, math.NaN)),
			dataset.NumericColumn("infinite", w.numbers(n, func() float64 { return math.Inf(1 - 2*w.IntN(2)) })),
			dataset.NumericColumn("huge", w.numbers(n, func() float64 { return math.MaxFloat64 * (2*w.Float64() - 1) })),
			dataset.NumericColumn("tiny", w.numbers(n, func() float64 { return math.SmallestNonzeroFloat64 * float64(w.IntN(4)) })),
		)
	}
	for _, size := range [][2]int{{100, 100}, {1000, 60}, {3000, 3000}} {
		p := profiled(t, Reference{Frame: frame(size[0])})
		for range 5 {
			r := measure(t, p, Window{Frame: frame(size[1])})
			text(t, r)
			if found := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Feature == "uuid" }); len(found) > 0 {
				t.Errorf("%v: %v", size, found)
			}
		}
		window := frame(size[1])
		*window.Column("constant") = dataset.NumericColumn("constant", w.numbers(size[1], func() float64 { return 300 }))
		*window.Column("empty") = dataset.NumericColumn("empty", w.numbers(size[1], w.NormFloat64))
		r := measure(t, p, Window{Frame: window.Drop("boolean")})
		for feature, kind := range map[string]string{"constant": UnitChange, "empty": MissingRate, "boolean": MissingColumn} {
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Feature == feature && f.Kind == kind }) {
				t.Errorf("%v: no %s of %s: %v", size, kind, feature, r.Reasons)
			}
		}
		for _, calm := range []string{"ties", "integers", "thousands", "float_noise", "huge", "tiny", "infinite"} {
			if r.Columns[calm].Drifted {
				t.Errorf("%v: %s: %s", size, calm, r.Columns[calm].Reason)
			}
		}
	}
}

// Columns in another order, or of another type, and ones that the model does not know are said, and change nothing else but what they are about.
func TestColumnsAreMatchedByName(t *testing.T) {
	w := newWorld(76)
	p, window := w.profile(t, 1000), w.window(500)
	want := text(t, measure(t, p, window))
	mixed := table1(append(slices.Clone(window.Frame.Columns), dataset.NumericColumn("unknown", make([]float64, 500)))...)
	slices.Reverse(mixed.Columns)
	r := measure(t, p, Window{Frame: mixed, Predictions: window.Predictions})
	if extra := r.Of(ExtraColumn); len(extra) != 1 || extra[0].Feature != "unknown" || len(r.Of(ColumnOrder)) != len(p.Features)-1 {
		t.Errorf("extra %v, %d of %d columns in another place", extra, len(r.Of(ColumnOrder)), len(p.Features))
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Severity == SeverityInfo })
	if got := text(t, r); !bytes.Equal(got, want) {
		t.Error("another order of the columns, another report")
	}
	window.Predictions[7], window.Predictions[8] = 1.5, -0.5
	if r := measure(t, p, window); r.Columns[PredictionColumn].MissingCurrent == 0 {
		t.Error("scores outside [0, 1] count as answers")
	}
}
