package evidently

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/drift"
	"mlops/shared/fault"
)

// csv reads a table as the command does.
func csv(t *testing.T, text string) *Table {
	t.Helper()
	table, err := Read(dataset.SourceAt("t.csv", strings.NewReader(text), int64(len(text))))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// What decides a dtype may stand anywhere in a long file, which is read in pieces.
func TestTypesOfLongFiles(t *testing.T) {
	many := strings.Repeat("1,2,3,True,w\n", 200_000)
	for name, c := range map[string]struct {
		last string
		want []DType
	}{
		"as before":  {"1,2,3,True,w", []DType{Int, Int, Int, Bool, Text}},
		"at the end": {"1.0,,4,,True", []DType{Float, Float, Int, Object, Text}},
		"late texts": {"x,2,3,2,", []DType{Text, Int, Int, Text, Text}},
	} {
		table := csv(t, "a,b,c,d,e\n"+many+c.last+"\n")
		if table.Rows != 200_001 {
			t.Errorf("%s: %d rows", name, table.Rows)
		}
		for i := range c.want {
			column := &table.Columns[i]
			if column.DType != c.want[i] || column.present()+column.Missing != table.Rows {
				t.Errorf("%s, %s: dtype %d, %d values and %d missing; want %d", name, column.Name, column.DType, column.present(), column.Missing, c.want[i])
			}
		}
	}
}

// column writes a CSV of one column x.
func column(values ...any) string {
	var b strings.Builder
	b.WriteString("x\n")
	for _, v := range values {
		fmt.Fprintf(&b, "%v\n", v)
	}
	return b.String()
}

func normal(r *rand.Rand, n int, shift float64) []any {
	v := make([]any, n)
	for i := range v {
		v[i] = r.NormFloat64() + shift
	}
	return v
}

// What pandas.read_csv makes of a column, and 0.7 of that (checked against pandas 1.5.3).
func TestTyping(t *testing.T) {
	for _, c := range []struct {
		values []any
		dtype  DType
		kind   Type
	}{
		{[]any{1, 2, 3}, Int, Categorical},
		{[]any{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, Int, Categorical},
		{[]any{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, Int, Numerical},
		{[]any{"+5", "007", " 3"}, Int, Categorical},
		{[]any{"1.0", 2, 3}, Float, Numerical},
		{[]any{1, `""`, 3}, Float, Numerical}, // a gap makes floats
		{[]any{"1e3", 2}, Float, Numerical},
		{[]any{"inf", "-Infinity", 3}, Float, Numerical},
		{[]any{`""`, "NaN"}, Float, Numerical},
		{[]any{"True", "false"}, Bool, Categorical},
		{[]any{"True", `""`, "False"}, Object, unknown},
		{[]any{"a", "b", "a", "b"}, Text, Categorical}, // 2 > 0.5 * 4 is false
		{[]any{"a", "b", "a"}, Text, FreeText},         // 2 > 0.5 * 3
		{[]any{"a", "b", "a", `""`}, Text, FreeText},   // gaps do not count
		{[]any{"yes", "True", "yes", "True"}, Text, Categorical},
	} {
		got := csv(t, column(c.values...)).Columns[0]
		if kind := got.infer(); got.DType != c.dtype || kind != c.kind {
			t.Errorf("%v: dtype %d, type %s, want %d, %s", c.values, got.DType, kind, c.dtype, c.kind)
		}
	}
}

// The default test turns on the rows of the reference that have a value, and on the distinct values of both files.
func TestDefaultMethod(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	floats := func(n, distinct int) []any {
		v := make([]any, n)
		for i := range v {
			v[i] = fmt.Sprintf("%d.5", i%distinct)
		}
		return v
	}
	for _, c := range []struct {
		ref, cur []any
		kind     Type
		want     string
	}{
		{normal(r, 1000, 0), normal(r, 50, 0), Numerical, "ks"},
		{normal(r, 1001, 0), normal(r, 50, 0), Numerical, "wasserstein"},
		{append(normal(r, 1000, 0), `""`), normal(r, 50, 0), Numerical, "ks"},
		{append(normal(r, 1000, 0), "inf"), normal(r, 50, 0), Numerical, "ks"},
		{floats(100, 5), floats(100, 5), Numerical, "chisquare"},
		{floats(100, 2), floats(100, 6), Numerical, "ks"},
		{floats(100, 2), floats(100, 2), Numerical, "z"},
		{floats(1001, 5), floats(100, 5), Numerical, "jensenshannon"},
		{floats(1000, 7), floats(100, 7), Categorical, "chisquare"},
		{floats(1000, 2), floats(100, 1), Categorical, "z"},
		{floats(1001, 2), floats(100, 2), Categorical, "jensenshannon"},
		{floats(1000, 9), floats(100, 9), FreeText, "perc_text_content_drift"},
		{floats(1001, 9), floats(100, 9), FreeText, "abs_text_content_drift"},
	} {
		o := goldenPair{Kind: c.kind}.config()
		if c.kind == FreeText {
			o.Categorical, o.Text = nil, []string{"x"}
		}
		x := compare(t, csv(t, column(c.ref...)), csv(t, column(c.cur...)), o, Plain).Report().Columns.Of("x")
		if x.StatTest != c.want || x.Type != c.kind {
			t.Errorf("%d rows as %s: %s (%s), want %s", len(c.ref), c.kind, x.StatTest, x.Error, c.want)
		}
	}
}

// The most particular choice counts: column, type, all, default; tests and thresholds each for themselves.
func TestPriority(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	table := func(shift float64) *Table {
		var b strings.Builder
		b.WriteString("a,b,c\n")
		for range 200 {
			fmt.Fprintf(&b, "%v,%v,%c\n", r.NormFloat64()+shift, r.NormFloat64(), 'p'+rune(r.IntN(3)))
		}
		return csv(t, b.String())
	}
	o, err := ReadConfig([]byte(`{"method":"jensenshannon","num_method":"psi","per_column_method":{"b":"t_test"},
		"threshold":0.3,"cat_stattest_threshold":0.4,"per_column_threshold":{"a":0.5},"text_method":null}`))
	if err != nil {
		t.Fatal(err)
	}
	columns := compare(t, table(0), table(0), o, Plain).Report().Columns
	for i, want := range []struct {
		test      string
		threshold float64
	}{{"psi", 0.5}, {"t_test", 0.3}, {"jensenshannon", 0.4}} {
		if got := columns[i]; got.StatTest != want.test || float64(got.Threshold) != want.threshold {
			t.Errorf("%s: %s %v, want %+v", got.Column, got.StatTest, got.Threshold, want)
		}
	}
}

// Whether a score on the threshold is drift differs by test.
func TestFlagAtThreshold(t *testing.T) {
	inclusive := []string{"ks", "cramer_von_mises", "wasserstein", "psi", "kl_div", "jensenshannon", "hellinger"}
	for name, m := range methods {
		if got, want := m.drifted(m.threshold, m.threshold), slices.Contains(inclusive, name); got != want {
			t.Errorf("%s: a score on the threshold is drift: %v", name, got)
		}
		if m.drifted(math.NaN(), m.threshold) {
			t.Errorf("%s: NaN is drift", name)
		}
		pValue := strings.HasSuffix(m.display, "p_value")
		if pValue && (!m.drifted(0, m.threshold) || m.drifted(1, m.threshold)) {
			t.Errorf("%s: the wrong direction", name)
		}
	}
}

// An infinity is dropped from a column's score always, while drifted columns are counted only where a value is missing beside it. The scores are
// SciPy 1.10's.
func TestInfinities(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ref, cur := normal(r, 1500, 0), normal(r, 1500, 0)
	with := func(values []any, more ...any) string { return column(append(slices.Clone(values), more...)...) }
	for _, c := range []struct {
		name     string
		ref, cur string
		method   string
		score    float64
		counted  bool
		error    bool
	}{
		{"one in current", with(ref), with(cur, "inf"), "", math.Inf(1), true, false},
		{"two in current", with(ref), with(cur, "inf", "inf"), "", math.NaN(), false, false},
		{"both signs", with(ref), with(cur, "inf", "-inf"), "", math.Inf(1), true, false},
		{"one in the reference", with(ref, "-inf"), with(cur), "", math.NaN(), false, false},
		{"one on each side", with(ref, "-inf"), with(cur, "inf"), "ed", math.Inf(1), true, false},
		{"t test", with(ref), with(cur, "inf"), "t_test", math.NaN(), false, false},
		{"no bins", with(ref), with(cur, "inf"), "psi", math.NaN(), false, true},
		{"both signs by rank", with(ref), with(cur, "inf", "-inf"), "mannw", math.NaN(), false, false},
		{"both signs by rank, zero", with(ref), with(cur, "inf", "-inf"), "cramer_von_mises", 0, true, false},
		{"refused", with(ref), with(cur, "inf"), "es", math.NaN(), false, true},
	} {
		o := DefaultConfig()
		o.Method = c.method
		report := compare(t, csv(t, c.ref), csv(t, c.cur), o, Plain).Report()
		x := report.Columns.Of("x")
		if x.Drifted || x.Error != "" || x.Counted == nil || !same(float64(x.Counted.Score), c.score) || x.Counted.Drifted != c.counted || (x.Counted.Error != "") != c.error {
			t.Errorf("%s: %+v, counted %+v", c.name, x, x.Counted)
		}
		if report.DatasetDrift != c.counted {
			t.Errorf("%s: dataset drift %v", c.name, report.DatasetDrift)
		}
	}
	// With a missing value beside it nothing differs.
	x := compare(t, csv(t, with(ref)), csv(t, with(cur, "inf", `""`)), DefaultConfig(), Plain).Report().Columns.Of("x")
	if x.Counted != nil || x.NCurrent != 1500 {
		t.Errorf("%+v", x)
	}
}

// One bad column never spoils the others, each says what is wrong with it, and the report says what Evidently would have done.
func TestBadColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var ref, cur strings.Builder
	ref.WriteString("good,empty,gone,text,free,flag,moved,other\n")
	cur.WriteString("other,text,empty,good,free,flag,moved,new\n") // another order
	for i := range 100 {
		fmt.Fprintf(&ref, "%v,%v,%d,%v,word%d,True,a,%v\n", r.NormFloat64(), r.NormFloat64(), i, r.NormFloat64(), i, r.NormFloat64())
		fmt.Fprintf(&cur, "%v,t%d,,%v,word%d,%s,b,%d\n", r.NormFloat64(), i%3, r.NormFloat64(), i, []string{"True", ""}[i%2], i)
	}
	o := DefaultConfig()
	o.Numerical = []string{"good", "empty", "gone", "text", "other"}
	report := compare(t, csv(t, ref.String()), csv(t, cur.String()), o, Plain).Report()
	for name, want := range map[string]string{
		"good": "", "other": "", "moved": "",
		"empty": "an empty column 'empty' was provided for drift calculation in the current dataset",
		"gone":  "cannot find column 'gone' in current dataset",
		"text":  "column 'text' in current dataset should contain numerical values only",
		"free":  "drift of free text is not reproduced",
	} {
		if x := report.Columns.Of(name); x == nil || (want == "") != (x.Error == "") || !strings.Contains(x.Error, want) || (want != "" && x.Drifted) {
			t.Errorf("%s: %+v, want %q", name, x, want)
		}
	}
	if report.NumberOfColumns != 3 || report.NumberOfDrifted != 1 || len(report.Errors) != 4 || report.Verdict != drift.Warn {
		t.Errorf("%+v", report)
	}
	said := strings.Join(report.Reasons, "; ")
	for _, want := range []string{"4 columns were not judged", "leaves the verdict open", "Evidently itself would raise on empty, gone, text and give no report"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q lacks %q", said, want)
		}
	}
	var left []string
	for _, l := range report.LeftOut {
		left = append(left, l.Column)
	}
	if slices.Sort(left); fmt.Sprint(left) != "[flag new]" {
		t.Errorf("left out: %v", report.LeftOut)
	}
}

// A column of numbers in one file and of texts in the other has no common value.
func TestMixedColumn(t *testing.T) {
	o := DefaultConfig()
	o.Categorical = []string{"x"}
	ref, cur := column(0, 1, 0, 1, 2, 2), column(0, 1, 0, 1, "two", "two")
	x := compare(t, csv(t, ref), csv(t, cur), o, Plain).Report().Columns.Of("x")
	if !x.Drifted || x.Score != 0 || x.StatTest != "chisquare" || len(x.Notes) != 1 {
		t.Errorf("%+v", x)
	}
	o.Method = "z"
	if x = compare(t, csv(t, ref), csv(t, cur), o, Plain).Report().Columns.Of("x"); x.Error == "" {
		t.Errorf("%+v", x)
	}
}

// A test that is for the other type is that column's error, as Evidently raises; the chi-square of numbers is given, with a note.
func TestInapplicable(t *testing.T) {
	values := column(1.5, 2.5, 1.5, 2.5, 3.5, 3.5)
	for name, m := range methods {
		for _, kind := range []Type{Numerical, Categorical} {
			o := goldenPair{Kind: kind}.config()
			o.Method = name
			x := compare(t, csv(t, values), csv(t, values), o, Plain).Report().Columns.Of("x")
			refused := strings.Contains(x.Error, "not applicable")
			if given := slices.Contains(m.types, kind) || kind == Numerical && (name == "z" || name == "chisquare"); refused == given {
				t.Errorf("%s of %s: %q", name, kind, x.Error)
			}
		}
	}
	o := goldenPair{Kind: Numerical}.config()
	o.Method = "z"
	if x := compare(t, csv(t, values), csv(t, values), o, Plain).Report().Columns.Of("x"); x.Error != "" || len(x.Notes) != 1 {
		t.Errorf("%+v", x)
	}
}

// Before 0.7 the reference decided: its numbers are numerical however few, the rest categorical, target and prediction by the task.
func TestLegacyTyping(t *testing.T) {
	text := "num,code,flag,word,target,prediction\n"
	for i := range 40 {
		text += fmt.Sprintf("%d.5,%d,%s,w%d,%d,0.%d\n", i, i%3, []string{"True", "False"}[i%2], i, i%2, i%10)
	}
	kinds := func(o Config) string {
		o.DriftShare = 0.5
		var all []string
		for _, r := range compare(t, csv(t, text), csv(t, text), o, AsDict).results {
			all = append(all, r.name+" "+string(r.kind))
		}
		return strings.Join(all, ", ")
	}
	for want, o := range map[string]Config{
		"target cat, prediction num, code num, num num, flag cat, word cat": {},
		"target num, prediction num, code num, num num, flag cat, word cat": {Task: "regression"},
		"target cat, prediction num, code cat, flag cat":                    {Numerical: []string{}, Categorical: []string{"code", "flag"}},
	} {
		if got := kinds(o); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	other := "num"
	if got := kinds(Config{Target: &other}); !strings.HasPrefix(got, "num num, prediction num, code num, target num") {
		t.Error(got)
	}
}

// Every problem of a configuration is named, with the nearest name that is known.
func TestConfigProblems(t *testing.T) {
	_, err := ReadConfig([]byte(`{"stattest":"wassertein","num_stattest":"ks","num_method":"psi","per_column_stattest":{"a":"kolmogorov","b":"chi_square"},
		"drift_share":1.5,"treshold":0.1,"cat_threshold":"high","columns":["a","a"],"numerical_columns":["a"],"categorical_features":["a"],"task":"ranking"}`))
	if err == nil {
		t.Fatal("no error")
	}
	got := fmt.Sprintf("%+v", errorDetails(err))
	for _, want := range []string{"wasserstein, which is the nearest", "num_method", "per_column_method.a", "chisquare, which is the nearest", "drift_share", "threshold, which is the nearest", "cat_threshold",
		"columns: duplicate_name", "contradiction", "task: unknown"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not named in %s", want, got)
		}
	}
	for _, text := range []string{"", "[]", "null", "{", "{} {}", `{"a":1} x`} {
		if _, err := ReadConfig([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	o := DefaultConfig()
	o.Columns, o.ColumnMethod = []string{"y"}, map[string]string{"xx": "ks"}
	table := csv(t, column(1, 2))
	if _, err := Compare(table, table, o, Plain); err == nil || !strings.Contains(err.Error(), "per_column_method: missing, got xx") || !strings.Contains(err.Error(), "columns: missing, got y") {
		t.Error(err)
	}
}

// Whatever the bytes of a configuration, it is read or refused.
func FuzzReadConfig(f *testing.F) {
	f.Add([]byte(`{"stattest":"psi","per_column_threshold":{"a":1e400}}`))
	f.Add([]byte(`{"drift_share":null,"columns":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := ReadConfig(b); err == nil && o.Validate() != nil {
			t.Errorf("%q is read, and not valid", b)
		}
	})
}

// columns restricts and orders, as DataDriftPreset's does; what has no type there is that column's error.
func TestColumns(t *testing.T) {
	text := "a,b,c\n1.5,2.5,True\n2.5,1.5,\n"
	o := DefaultConfig()
	o.Columns = []string{"b", "c"}
	report := compare(t, csv(t, text), csv(t, text), o, Plain).Report()
	if len(report.Columns) != 2 || report.Columns[0].Column != "b" || report.Columns[1].Error == "" || len(report.LeftOut) != 1 {
		t.Errorf("%+v", report)
	}
	metric := compare(t, csv(t, text), csv(t, text), o, Snapshot).Snapshot().Metrics[0]
	if metric.Name != "DriftedColumnsCount(columns=b,c,drift_share=0.5)" {
		t.Error(metric.Name)
	}
}

// Python's spelling of texts, which Evidently's fingerprints are made of (checked against Python 3.11).
func TestPython(t *testing.T) {
	for s, want := range map[string]string{"a": "'a'", "it's": `"it's"`, `it's "so"`: `'it\'s "so"'`, "a\\b\n\x01é": `'a\\b\n\x01é'`, "\u200b": `'\u200b'`} {
		if got := pythonText(s); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func errorDetails(err error) []string {
	var all []string
	for _, d := range fault.Details(err) {
		all = append(all, d.String())
	}
	return all
}
