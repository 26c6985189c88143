package evidently

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// oraclePath is a file of Evidently's own answers, which lie beside the repository.
func oraclePath(name string) string {
	root := os.Getenv("MLOPS_SHARED")
	if root == "" {
		root = "../../../../shared"
	}
	return filepath.Join(root, "oracle", "drift", name)
}

func oracle(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(oraclePath(name))
	if err != nil {
		t.Skipf("no oracle: %v (set MLOPS_SHARED to the directory that holds oracle/)", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) *Table {
	t.Helper()
	table, err := Read(dataset.SourceIn(os.DirFS(filepath.Dir(path)), filepath.Base(path)))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func compare(t *testing.T, ref, cur *Table, o Config, f Format) *Comparison {
	t.Helper()
	c, err := Compare(ref, cur, o, f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// document is v as others read it.
func document(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var d any
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// numeric is a JSON number of the oracle, or one of its strings nan, inf, -inf.
func numeric(t *testing.T, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case float64:
		return v
	case string:
		switch v {
		case "nan":
			return math.NaN()
		case "inf":
			return math.Inf(1)
		}
	}
	t.Fatalf("%v is no number", v)
	return 0
}

// agree fails unless got is want within rel, or both differ by less than abs.
func agree(t *testing.T, what string, got, want, rel, abs float64) {
	t.Helper()
	if !same(got, want) && !(math.Abs(got-want) <= rel*math.Abs(want)+abs) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

type answer struct {
	Method    string
	Display   string `json:"display_name"`
	Score     any
	Drifted   bool
	Threshold float64
	Error     string
}

type goldenPair struct {
	Kind      Type
	Default   answer
	Evidently map[string]answer
	Report    struct {
		Columns struct{ Count, Share float64 } `json:"drifted_columns"`
		Value   struct {
			Value     any
			Method    string
			Threshold float64
		} `json:"value_drift"`
		Tests [][2]string
	}
}

func golden(t *testing.T) map[string]goldenPair {
	t.Helper()
	var g struct{ Pairs map[string]goldenPair }
	oracle(t, "golden.json", &g)
	if len(g.Pairs) < 12 {
		t.Fatalf("only %d pairs", len(g.Pairs))
	}
	return g.Pairs
}

func (g goldenPair) config() Config {
	o := DefaultConfig()
	if g.Kind == Numerical {
		o.Numerical = []string{"x"}
	} else {
		o.Categorical = []string{"x"}
	}
	return o
}

// tolerance of a test's score against Evidently's, whose permutations are drawn otherwise, and whose series for Cramer and von Mises ends at 1e-7.
func tolerance(name string) (rel, abs float64) {
	switch name {
	case "TVD", "empirical_mmd":
		return 0, 0.05
	case "cramer_von_mises":
		return 1e-6, 1e-12
	case "ed", "wasserstein", "psi", "kl_div", "jensenshannon", "hellinger":
		return 1e-9, 1e-15
	}
	return 1e-6, 0
}

func pairOf(t *testing.T, name string) (ref, cur *Table) {
	return readFile(t, oraclePath(name+".ref.csv.gz")), readFile(t, oraclePath(name+".cur.csv.gz"))
}

// The default test, its score, its flag and its threshold, and what 0.7's public API reports.
func TestDefaultOfGoldenPairs(t *testing.T) {
	for name, g := range golden(t) {
		t.Run(name, func(t *testing.T) {
			ref, cur := pairOf(t, name)
			c := compare(t, ref, cur, g.config(), Snapshot)
			r := c.Report()
			x := r.Columns.Of("x")
			rel, abs := tolerance(g.Default.Method)
			agree(t, "score", float64(x.Score), numeric(t, g.Default.Score), rel, abs)
			if x.StatTest != g.Default.Method || x.Name != g.Default.Display || x.Drifted != g.Default.Drifted || float64(x.Threshold) != g.Default.Threshold {
				t.Errorf("%+v, want %+v", x, g.Default)
			}
			if float64(r.NumberOfDrifted) != g.Report.Columns.Count || float64(r.Share) != g.Report.Columns.Share {
				t.Errorf("%d drifted, share %v, want %+v", r.NumberOfDrifted, r.Share, g.Report.Columns)
			}
			s := c.Snapshot()
			for i, want := range g.Report.Tests {
				if got := [2]string{s.Tests[i].Name, s.Tests[i].Status}; got != want {
					t.Errorf("test %q, want %q", got, want)
				}
			}
			if r.DatasetDrift != (g.Report.Tests[0][1] == "FAIL") {
				t.Errorf("dataset drift %v", r.DatasetDrift)
			}
			value := document(t, s.Metrics[1]).(map[string]any)["config"].(map[string]any)
			if value["method"] != g.Report.Value.Method || value["threshold"] != g.Report.Value.Threshold {
				t.Errorf("%v, want %+v", value, g.Report.Value)
			}
		})
	}
}

// Every test by its name.
func TestMethodsOfGoldenPairs(t *testing.T) {
	for name, g := range golden(t) {
		for test, want := range g.Evidently {
			t.Run(name+"/"+test, func(t *testing.T) {
				ref, cur := pairOf(t, name)
				o := g.config()
				o.Method = strings.TrimSuffix(test, "_on_num")
				x := compare(t, ref, cur, o, Plain).Report().Columns.Of("x")
				if want.Error != "" {
					if x.Error == "" || x.Drifted || !math.IsNaN(float64(x.Score)) {
						t.Errorf("%+v, want the error %q", x, want.Error)
					}
					return
				}
				rel, abs := tolerance(o.Method)
				agree(t, "score", float64(x.Score), numeric(t, want.Score), rel, abs)
				if x.Drifted != want.Drifted || float64(x.Threshold) != want.Threshold || x.Error != "" {
					t.Errorf("%+v, want %+v", x, want)
				}
			})
		}
	}
}

// differences walks two documents and names where got lacks or changes something of want.
func differences(path string, got, want any) (all []string) {
	switch want := want.(type) {
	case map[string]any:
		g, is := got.(map[string]any)
		if !is {
			return []string{fmt.Sprintf("%s is %v", path, got)}
		}
		for k, v := range want {
			if x, there := g[k]; there {
				all = append(all, differences(path+"."+k, x, v)...)
			} else {
				all = append(all, path+"."+k+" is missing")
			}
		}
	case []any:
		g, is := got.([]any)
		if !is || len(g) != len(want) {
			return []string{fmt.Sprintf("%s has another length", path)}
		}
		for i := range want {
			all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), g[i], want[i])...)
		}
	case float64:
		if g, is := got.(float64); !is || math.Abs(g-want) > 1e-9*math.Abs(want)+1e-15 {
			all = append(all, fmt.Sprintf("%s = %v, want %v", path, got, want))
		}
	default:
		if got != want {
			all = append(all, fmt.Sprintf("%s = %v, want %v", path, got, want))
		}
	}
	return all
}

// Whole documents, field by field: two snapshots of 0.7 and the table of the legacy preset.
func TestPresets(t *testing.T) {
	numerical, categorical := []string{"n0", "n1", "n2", "n3", "i40", "miss", "const", "y", "yhat"}, []string{"i5", "c3", "c30", "target", "label"}
	limit, target, prediction := 0.2, "target", "label"
	for _, c := range []struct {
		file   string
		config Config
		format Format
		write  func(*Comparison) any
	}{
		{"drift.json", Config{DriftShare: 0.5, Numerical: numerical, Categorical: categorical}, Snapshot, func(c *Comparison) any { return c.Snapshot() }},
		{"drift_psi.json", Config{DriftShare: 0.5, Numerical: numerical, Categorical: categorical, Method: "psi", Threshold: &limit}, Snapshot,
			func(c *Comparison) any { return c.Snapshot() }},
		{"legacy_drift_as_dict.json", Config{DriftShare: 0.5, Numerical: numerical[:7], Categorical: categorical[:3], Target: &target, Prediction: &prediction}, AsDict,
			func(c *Comparison) any { return c.AsDict() }},
	} {
		t.Run(c.file, func(t *testing.T) {
			var want map[string]any
			oracle(t, "presets/"+c.file, &want)
			delete(want, "timestamp") // when it was run
			got := c.write(compare(t, readFile(t, oraclePath("presets/ref.csv")), readFile(t, oraclePath("presets/cur.csv")), c.config, c.format))
			for _, d := range differences("", document(t, got), want) {
				t.Error(d)
			}
		})
	}
}

// Before 0.7 the columns of a report came in an order: target, prediction, numbers by name, the others as listed.
func TestLegacyOrder(t *testing.T) {
	var want struct {
		Metrics []struct {
			Result struct {
				Columns json.RawMessage `json:"drift_by_columns"`
			}
		}
	}
	oracle(t, "presets/legacy_drift_as_dict.json", &want)
	target, prediction := "target", "label"
	o := Config{DriftShare: 0.5, Numerical: []string{"n0", "n1", "n2", "n3", "i40", "miss", "const"}, Categorical: []string{"i5", "c3", "c30"}, Target: &target, Prediction: &prediction}
	c := compare(t, readFile(t, oraclePath("presets/ref.csv")), readFile(t, oraclePath("presets/cur.csv")), o, AsDict)
	d := json.NewDecoder(strings.NewReader(string(want.Metrics[1].Result.Columns)))
	var order []string
	for depth := 0; d.More() || depth > 0; {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
		case string:
			if depth == 1 {
				order = append(order, token)
			}
		}
	}
	var got []string
	for _, r := range c.results {
		got = append(got, r.name)
	}
	if fmt.Sprint(got) != fmt.Sprint(order) {
		t.Errorf("%v, want %v", got, order)
	}
}

// A table of 100,000 rows and 30 columns, made by the oracle's script, against what Evidently says of it.
func TestBenchmarkTable(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes files of 35 MB")
	}
	var want map[string]struct {
		NRef     int `json:"n_ref"`
		Default  string
		Score    float64
		Drifted  bool
		PSI      float64
		JS       float64 `json:"jensenshannon"`
		KS       float64
		NCurrent int `json:"n_cur"`
	}
	oracle(t, "expected_100000.json", &want)
	dir, python := t.TempDir(), numpy(t)
	if out, err := exec.Command(python, oraclePath("make_bench_data.py"), "100000", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ref, cur := readFile(t, dir+"/ref_100000.csv"), readFile(t, dir+"/cur_100000.csv")
	for _, method := range []string{"", "psi", "jensenshannon", "ks"} {
		o := DefaultConfig()
		if o.Method = method; method == "ks" {
			o.Method, o.TypeMethod = "", map[Type]string{Numerical: method}
		}
		r := compare(t, ref.clone(), cur.clone(), o, Plain).Report()
		if len(r.Columns) != 30 || r.NumberOfDrifted != 2 && method == "" {
			t.Fatalf("%d columns, %d drifted", len(r.Columns), r.NumberOfDrifted)
		}
		for name, w := range want {
			x := r.Columns.Of(name)
			score, rel := w.Score, 1e-9
			switch {
			case method == "psi":
				score = w.PSI
			case method == "jensenshannon":
				score = w.JS
			case method == "ks" && x.Type == Numerical:
				score, rel = w.KS, 1e-6
			case x.StatTest != w.Default || x.Drifted != w.Drifted || x.NReference != w.NRef || x.NCurrent != w.NCurrent:
				t.Errorf("%+v, want %+v", x, w)
			}
			agree(t, method+" of "+name, float64(x.Score), score, rel, 1e-300)
		}
	}
}

// numpy is a Python that has NumPy and pandas; the test is skipped where there is none.
func numpy(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import numpy, pandas").Run() == nil {
			return python
		}
	}
	t.Skip("no Python with NumPy and pandas makes the table")
	return ""
}

// clone is a copy for one comparison.
func (t *Table) clone() *Table {
	c := &Table{Rows: t.Rows, Columns: slices.Clone(t.Columns)}
	return c
}
