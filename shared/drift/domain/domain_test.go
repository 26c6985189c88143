package domain

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/drift/joint"
)

// rule is a drift policy's default, see there.
var rule = joint.Rule{Alpha: 0.01, Share: 0.1, Least: 0.035, MinRows: 50}

// table draws columns in pairs of correlation rho, the first pair's sign turned if flip says so, a column with a heavy tail, one with
// gaps, and two of categories.
func table(random *rand.Rand, n, columns int, rho float64, flip bool) *dataset.Frame {
	f := &dataset.Frame{}
	for j := range columns {
		v := make([]float64, n)
		for i := range v {
			if v[i] = random.NormFloat64(); j%2 == 1 {
				r := rho
				if flip && j == 1 {
					r = -rho
				}
				v[i] = r*f.Columns[j-1].Float[i] + math.Sqrt(1-r*r)*v[i]
			}
		}
		f.Columns = append(f.Columns, dataset.NumericColumn(fmt.Sprintf("x%d", j), v))
	}
	heavy, gaps, few, many := make([]float64, n), make([]float64, n), make([]string, n), make([]string, n)
	for i := range n {
		heavy[i] = random.NormFloat64() / random.NormFloat64()
		if gaps[i] = random.NormFloat64(); random.Float64() < 0.2 {
			gaps[i] = math.NaN()
		}
		few[i], many[i] = strconv.Itoa(random.IntN(3)), strconv.Itoa(int(300*random.Float64()*random.Float64()))
	}
	f.Columns = append(f.Columns, dataset.NumericColumn("heavy", heavy), dataset.NumericColumn("gaps", gaps), dataset.CategoricalColumn("few", few, nil), dataset.CategoricalColumn("many", many, nil))
	return f
}

// When nothing changed, rows are told apart in fewer than one in a thousand cases; the deviation that is assumed of the AUC is not exceeded.
// Set MLOPS_WINDOWS to the number of windows of each size to simulate more.
func TestFalseAlarms(t *testing.T) {
	windows := 25
	if n, err := strconv.Atoi(os.Getenv("MLOPS_WINDOWS")); err == nil {
		windows = n
	}
	alarms, total := 0, 0
	for _, size := range [][3]int{{50, 50, 4}, {100, 60, 2}, {300, 100, 8}, {200, 1000, 2}, {1000, 1000, 6}} {
		random := rand.New(rand.NewPCG(uint64(size[0]), uint64(size[1])))
		var squares, most float64
		for i := range windows {
			s := Classify(table(random, size[0], size[2], 0.5, false), table(random, size[1], size[2], 0.5, false), Options{Seed: uint64(i), Threads: 2}).Judge(rule)
			if s.Drifted {
				alarms++
			}
			z := (float64(s.AUC) - 0.5) / ((float64(s.High) - 0.5) / 3.0902323)
			squares += z * z / float64(windows)
			most = max(most, z)
		}
		total += windows
		t.Logf("%v: z has deviation %.2f, at most %.2f", size, math.Sqrt(squares), most)
		if math.Sqrt(squares) > 1.15 {
			t.Errorf("%v: z has deviation %.2f", size, math.Sqrt(squares))
		}
	}
	t.Logf("%d alarms of %d", alarms, total)
	if alarms*200 > total {
		t.Errorf("%d alarms of %d windows in which nothing changed", alarms, total)
	}
}

// What changed in how two columns go together, and in no column by itself, is found, and the columns are named.
func TestPower(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for _, c := range []struct {
		rows, columns int
		rho           float64
	}{{10_000, 2, 0.3}, {10_000, 26, 0.5}, {1_000, 6, 0.8}} {
		found, named, windows := 0, 0, 2
		for i := range windows {
			s := Classify(table(random, c.rows, c.columns, c.rho, false), table(random, c.rows, c.columns, c.rho, true), Options{Seed: uint64(i), Threads: 2}).Judge(rule)
			if s.Drifted {
				found++
			}
			if len(s.Features) >= 2 && slices.Contains(s.Features[:2], "x0") && slices.Contains(s.Features[:2], "x1") {
				named++
			}
			if i == 0 {
				t.Logf("%+v: %s", c, s.Reason)
			}
		}
		if found < windows || named < windows {
			t.Errorf("%+v: %d of %d found, %d named rightly", c, found, windows, named)
		}
	}
}

// The same tables and seed give the same answer on any number of threads.
func TestThreads(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	a, b := table(random, 900, 4, 0.5, false), table(random, 700, 4, 0.5, true)
	one, four := Classify(a, b, Options{Rows: 500, Seed: 3, Threads: 1}), Classify(a, b, Options{Rows: 500, Seed: 3, Threads: 4})
	if fmt.Sprint(one) != fmt.Sprint(four) || one.N != 500 || one.NReference != 500 {
		t.Errorf("%+v\n%+v", one, four)
	}
}

// Whatever the tables hold is classified, or the reason is given why it cannot be.
func TestOddTables(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	reference := table(random, 200, 2, 0.5, false)
	for name, c := range map[string]struct {
		change func(*dataset.Frame) *dataset.Frame
		why    string
	}{
		"few rows": {func(f *dataset.Frame) *dataset.Frame { return f.Take([]int{1, 2, 3}) }, "50 rows"},
		"no columns": {func(f *dataset.Frame) *dataset.Frame {
			return &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("y", make([]float64, 99))}}
		}, "0 columns"},
		"one column": {func(f *dataset.Frame) *dataset.Frame { return f.Drop("x0", "x1", "gaps", "few", "many") }, "1 columns"},
		"infinities": {func(f *dataset.Frame) *dataset.Frame {
			f.Columns[0].Float[3] = math.Inf(1)
			f.Columns[1].Float[3] = math.Inf(-1)
			return f
		}, ""},
		"all null":     {func(f *dataset.Frame) *dataset.Frame { clearTo(f.Columns[0].Float, math.NaN()); return f }, ""},
		"other levels": {func(f *dataset.Frame) *dataset.Frame { f.Column("few").Levels = []string{"a", "b", "c"}; return f }, ""},
		"other kind": {func(f *dataset.Frame) *dataset.Frame {
			*f.Column("few") = dataset.NumericColumn("few", make([]float64, 200))
			return f
		}, ""},
	} {
		s := Classify(reference, c.change(table(random, 200, 2, 0.5, false)), Options{}).Judge(rule)
		if c.why != "" && (s.AUC.Finite() || s.Drifted || !strings.Contains(s.Reason, c.why)) {
			t.Errorf("%s: %+v", name, s)
		}
		if c.why == "" && !(s.AUC >= 0 && s.AUC <= 1) {
			t.Errorf("%s: %+v", name, s)
		}
		if drifted := name == "all null" || name == "other levels"; c.why == "" && s.Drifted != drifted {
			t.Errorf("%s: %s", name, s.Reason)
		}
	}
}

func clearTo(v []float64, x float64) {
	for i := range v {
		v[i] = x
	}
}

func BenchmarkClassify(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	x, y := table(random, 10_000, 26, 0.5, false), table(random, 10_000, 26, 0.5, true)
	for b.Loop() {
		Classify(x, y, Options{Threads: 2})
	}
}
