package joint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// The reconstruction error is scikit-learn's where no value lies beyond the fences and nothing is held apart.
func TestScikitLearn(t *testing.T) {
	b, err := os.ReadFile("../../../testdata/oracle/reconstruction.json")
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Columns        []string         `json:"columns"`
		Reference      [][]number.Float `json:"reference"`
		ReferenceLevel []*string        `json:"reference_level"`
		Window         [][]number.Float `json:"window"`
		WindowLevel    []*string        `json:"window_level"`
		Components     int              `json:"components"`
		Explained      float64          `json:"explained"`
		ReferenceScore float64          `json:"reference_score"`
		WindowScore    float64          `json:"window_score"`
		WindowErrors   []float64        `json:"window_errors"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	frame := func(rows [][]number.Float, levels []*string) *dataset.Frame {
		f := &dataset.Frame{}
		for j, name := range o.Columns {
			v := make([]float64, len(rows))
			for i := range rows {
				if v[i] = math.NaN(); rows[i] != nil {
					v[i] = float64(rows[i][j])
				}
			}
			f.Columns = append(f.Columns, dataset.NumericColumn(name, v))
		}
		texts := make([]string, len(levels))
		for i, l := range levels {
			if l != nil {
				texts[i] = *l
			}
		}
		f.Columns = append(f.Columns, dataset.CategoricalColumn("level", texts, func(s string) bool { return s == "" }))
		return f
	}
	reference, window := frame(o.Reference, o.ReferenceLevel), frame(o.Window, o.WindowLevel)
	r := &Reconstruction{}
	for i := range reference.Columns {
		c, varies := newColumn(&reference.Columns[i])
		if !varies {
			t.Fatalf("%s does not vary", reference.Columns[i].Name)
		}
		r.Columns = append(r.Columns, c)
	}
	r.fit(reference)
	if len(r.Components) != o.Components || math.Abs(float64(r.Explained)-o.Explained) > 1e-9 {
		t.Errorf("%d components keep %.12g, scikit-learn's %d keep %.12g", len(r.Components), float64(r.Explained), o.Components, o.Explained)
	}
	errors := make([]float64, len(o.Window))
	s := r.sums(window, errors)
	for i, e := range errors {
		if math.Abs(e-o.WindowErrors[i]) > 1e-9 {
			t.Fatalf("error of row %d is %.12g, scikit-learn's %.12g", i, e, o.WindowErrors[i])
		}
	}
	if got := s.Error.value() / float64(s.Rows); math.Abs(got-o.WindowScore) > 1e-7 {
		t.Errorf("score %.12g, scikit-learn's %.12g", got, o.WindowScore)
	}
	if got := r.sums(reference, nil).Error.value() / float64(reference.Rows()); math.Abs(got-o.ReferenceScore) > 1e-7 {
		t.Errorf("score of the reference %.12g, scikit-learn's %.12g", got, o.ReferenceScore)
	}
}

// rule is a drift policy's default, see there.
var rule = Rule{Alpha: 0.01, Share: 0.1, Least: 0.05, MinRows: 50}

// table draws n rows of columns, in pairs of correlation rho, of which the first pair has its sign turned if flip says so: the marginals
// stay as they are. shape bends each normal into another distribution.
func table(random *rand.Rand, n, columns int, rho float64, flip bool, shape func(float64) float64) *dataset.Frame {
	v := make([][]float64, columns)
	for j := range v {
		v[j] = make([]float64, n)
	}
	for i := range n {
		for j := 0; j < columns; j++ {
			x := random.NormFloat64()
			if j%2 == 1 {
				r := rho
				if flip && j == 1 {
					r = -rho
				}
				x = r*v[j-1][i] + math.Sqrt(1-r*r)*x
			}
			v[j][i] = x
		}
	}
	f := &dataset.Frame{}
	for j := range v {
		for i, x := range v[j] {
			v[j][i] = shape(x)
		}
		f.Columns = append(f.Columns, dataset.NumericColumn(fmt.Sprintf("x%d", j), v[j]))
	}
	return f
}

func normal(x float64) float64 { return x }

// heavy bends a normal into a Cauchy variable.
func heavy(x float64) float64 {
	p := 0.5 * math.Erfc(-x/math.Sqrt2)
	return math.Tan(math.Pi * (p - 0.5))
}

func skewed(x float64) float64 { return math.Exp(1.5 * x) }

// When nothing changed, a window is found to differ in Share Alpha = one in a thousand cases, whatever the sizes and the tails. A hundred
// times that level shows that the level itself is held: at Alpha Share = 0.05 about one in twenty.
func TestFalseAlarms(t *testing.T) {
	strict, loose, total := 0, 0, 0
	for name, shape := range map[string]func(float64) float64{"normal": normal, "heavy": heavy, "skewed": skewed} {
		for _, size := range [][2]int{{100, 50}, {200, 50}, {300, 1000}, {1000, 100}, {2000, 2000}} {
			random := rand.New(rand.NewPCG(uint64(size[0]), uint64(size[1])))
			wide := 0
			const references, windows = 40, 5
			for range references {
				r := New(table(random, size[0], 6, 0.6, false, shape), nil, false)
				for range windows {
					s := r.Sum(table(random, size[1], 6, 0.6, false, shape))
					if m := r.Measure(s, rule); m.Drifted {
						strict++
					}
					if m := r.Measure(s, Rule{Alpha: 0.05, Share: 1, MinRows: 50}); m.Drifted {
						wide++
					}
				}
			}
			t.Logf("%s, %d reference rows, windows of %d: %d of %d at 5 %%", name, size[0], size[1], wide, references*windows)
			loose, total = loose+wide, total+references*windows
		}
	}
	t.Logf("%d at 0.1 %%, %d at 5 %%, of %d", strict, loose, total)
	if strict*300 > total || loose*100 > 8*total || loose*100 < 2*total {
		t.Errorf("%d at 0.1 %%, %d at 5 %%, of %d windows in which nothing changed", strict, loose, total)
	}
}

// A correlation that turns its sign, which no single column shows, is found at 10,000 rows, and the two columns are named.
func TestPower(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		columns int
		rho     float64
		shape   func(float64) float64
	}{{2, 0.3, normal}, {2, 0.9, normal}, {6, 0.5, normal}, {6, 0.7, skewed}, {30, 0.9, normal}, {30, 0.6, normal}, {6, 0.7, heavy}} {
		found, named, windows := 0, 0, 30
		r := New(table(random, 10_000, c.columns, c.rho, false, c.shape), nil, false)
		for range windows {
			m := r.Measure(r.Sum(table(random, 10_000, c.columns, c.rho, true, c.shape)), rule)
			if m.Drifted {
				found++
			}
			if len(m.Features) == 2 && slices.Contains(m.Features, "x0") && slices.Contains(m.Features, "x1") {
				named++
			}
			if m.Drifted != (m.Score < m.Low || m.Score > m.High) {
				t.Errorf("%+v", m)
			}
		}
		t.Logf("%d columns, correlation %g: %d of %d found, %d named rightly", c.columns, c.rho, found, windows, named)
		if found < windows || named < windows*9/10 {
			t.Errorf("%d columns, correlation %g: %d of %d found, %d named rightly", c.columns, c.rho, found, windows, named)
		}
	}
}

// Sums of a window's parts, in any order, are those of the whole to the last bit.
func TestMerge(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	r := New(table(random, 1000, 5, 0.5, false, normal), nil, false)
	whole := table(random, 9001, 5, 0.2, false, skewed)
	want := r.Sum(whole)
	cuts := []int{0, 1, 65, 4000, 4097, 9001}
	got := &Sums{}
	for _, k := range []int{3, 0, 4, 2, 1} {
		got.Merge(r.Sum(whole.Take(indices(9001)[cuts[k]:cuts[k+1]])))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\n%v", got, want)
	}
}

// Whatever a window holds is measured, or said not to be.
func TestOddWindows(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	reference := table(random, 500, 4, 0.5, false, normal)
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = string(rune('a' + random.IntN(4)))
	}
	reference.Columns = append(reference.Columns, dataset.CategoricalColumn("level", texts, nil), dataset.NumericColumn("constant", make([]float64, 500)))
	r := New(reference, map[string]float64{"level": 1}, false)
	if r == nil || len(r.Columns) != 5 || r.Omitted != 1 || r.Columns[0].Name != "level" {
		t.Fatalf("%+v", r)
	}
	change := func(f func(*dataset.Frame)) *dataset.Frame {
		w := reference.Take([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		for range 4 {
			w = w.Take(slices.Concat(indices(w.Rows()), indices(w.Rows())))
		}
		f(w)
		return w
	}
	for name, w := range map[string]*dataset.Frame{
		"infinite":   change(func(w *dataset.Frame) { w.Columns[0].Float[0] = math.Inf(1); w.Columns[1].Float[0] = math.Inf(-1) }),
		"huge":       change(func(w *dataset.Frame) { w.Columns[0].Float[0] = math.MaxFloat64 }),
		"all null":   change(func(w *dataset.Frame) { fill(w.Columns[2].Float, math.NaN()) }),
		"text":       change(func(w *dataset.Frame) { w.Columns[2] = dataset.CategoricalColumn("x2", make([]string, w.Rows()), nil) }),
		"numbers":    change(func(w *dataset.Frame) { w.Columns[4] = dataset.NumericColumn("level", make([]float64, w.Rows())) }),
		"no level":   change(func(w *dataset.Frame) { w.Columns[4].Code = make([]int32, w.Rows()); fill(w.Columns[4].Code, -1) }),
		"new levels": change(func(w *dataset.Frame) { w.Columns[4].Levels = []string{"p", "q", "r", "s"} }),
	} {
		m := r.Measure(r.Sum(w), rule)
		if _, err := json.Marshal(m); err != nil || !m.Score.Finite() || m.Score < 0 || m.Score > 30 || !(m.P >= 0 && m.P <= 1) {
			t.Errorf("%s: %+v %v", name, m, err)
		}
	}
	for name, w := range map[string]*dataset.Frame{"absent": change(func(w *dataset.Frame) { w.Columns = w.Columns[1:] }), "few": reference.Take([]int{1, 2, 3}), "nothing": nil} {
		m := r.Measure(r.Sum(w), rule)
		if m.Drifted || m.Score.Finite() || !bytes.HasPrefix([]byte(m.Reason), []byte("not measured: ")) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for name, f := range map[string]*dataset.Frame{
		"few rows":   table(random, MinRows-1, 4, 0, false, normal),
		"one column": table(random, 500, 1, 0, false, normal),
		"constants":  table(random, 500, 4, 0, false, func(float64) float64 { return 3 }),
		"no value":   table(random, 500, 4, 0, false, func(float64) float64 { return math.NaN() }),
		"no number":  table(random, 500, 4, 0, false, func(x float64) float64 { return math.Inf(int(math.Copysign(1, x))) }),
	} {
		if got := New(f, nil, false); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	same := New(table(random, 500, 4, 1, false, normal), nil, false) // two pairs of equal columns
	if same == nil || len(same.Problems()) > 0 {
		t.Fatalf("%+v", same)
	}
	if m := same.Measure(same.Sum(table(random, 500, 4, 1, false, normal)), rule); m.Drifted {
		t.Errorf("%+v", m)
	}
}

func indices(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

func fill[T any](v []T, x T) {
	for i := range v {
		v[i] = x
	}
}

// A reconstruction that is stored and read again measures the same; a damaged one is refused, and none that is accepted makes a
// measurement panic.
func TestStored(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	r := New(table(random, 1000, 5, 0.5, false, skewed), nil, false)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Reconstruction
	if err := json.Unmarshal(b, &again); err != nil || len(again.Problems()) > 0 {
		t.Fatal(err, again.Problems())
	}
	w := table(random, 700, 5, 0.5, true, skewed)
	if a, b := r.Measure(r.Sum(w), rule), again.Measure(again.Sum(w), rule); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%+v\n%+v", a, b)
	}
	for name, damage := range map[string]func(*Reconstruction){
		"other format":   func(r *Reconstruction) { r.Format = 2 },
		"no column":      func(r *Reconstruction) { r.Columns = nil },
		"long component": func(r *Reconstruction) { r.Components[0] = append(r.Components[0], 0) },
		"no unit vector": func(r *Reconstruction) { r.Components[0][0] += 0.5 },
		"not a number":   func(r *Reconstruction) { r.Components[0][0] = number.Float(math.NaN()) },
		"no deviation":   func(r *Reconstruction) { r.Columns[0].SD = 0 },
		"fences":         func(r *Reconstruction) { r.Columns[0].Low, r.Columns[0].High = 1, 0 },
		"twice":          func(r *Reconstruction) { r.Columns[0].Name = r.Columns[1].Name },
		"residuals":      func(r *Reconstruction) { r.Residuals = r.Residuals[1:] },
		"error":          func(r *Reconstruction) { r.Mean = -1 },
		"too many rows":  func(r *Reconstruction) { r.Held = 1e9 },
		"all components": func(r *Reconstruction) {
			fill(r.Components, r.Components[0])
			r.Components = slices.Repeat(r.Components, 9)
		},
		"levels in order": func(r *Reconstruction) { r.Columns[0].Kind = dataset.Categorical },
	} {
		var r Reconstruction
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		if damage(&r); len(r.Problems()) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzStored(f *testing.F) {
	random := rand.New(rand.NewPCG(6, 6))
	reference := table(random, 200, 3, 0.5, false, normal)
	b, err := json.Marshal(New(reference, nil, false))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reconstruction
		if json.Unmarshal(b, &r) != nil || len(r.Problems()) > 0 {
			return
		}
		if _, err := json.Marshal(r.Measure(r.Sum(reference), rule)); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	f := table(random, 100_000, 30, 0.5, false, normal)
	r := New(f, nil, false)
	for b.Loop() {
		r.Sum(f)
	}
}

func BenchmarkNew(b *testing.B) {
	f := table(rand.New(rand.NewPCG(1, 1)), 100_000, 30, 0.5, false, normal)
	for b.Loop() {
		New(f, nil, false)
	}
}

// Levels of one frequency, missing values among them, are one number: such a column does not vary, whatever rounding leaves of its deviation.
func TestLevelsOfOneFrequency(t *testing.T) {
	texts, row := make([]string, 9600), make([]float64, 9600) // each of 32 stretches has all three texts as often
	for i := range texts {
		texts[i], row[i] = []string{"", "a", "b"}[i%3], float64(i)
	}
	f := table(rand.New(rand.NewPCG(8, 8)), len(texts), 2, 0.5, false, normal)
	f.Columns = append(f.Columns, dataset.NumericColumn("row", row), dataset.CategoricalColumn("text", texts, func(s string) bool { return s == "" }))
	if r := New(f, nil, true); r == nil || len(r.Columns) != 3 || r.Problems() != nil {
		t.Errorf("%+v", r)
	}
}
