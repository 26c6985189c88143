package expect

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"mlops/shared/dataset"
)

// patients is a small table with a column of each kind.
func patients(n int) *dataset.Frame {
	r := rand.New(rand.NewPCG(1, 2))
	id, age, chol, sick := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	ward, insured := make([]string, n), make([]string, n)
	for i := range n {
		id[i] = float64(i + 1)
		age[i] = float64(30 + r.IntN(40))
		chol[i] = 150 + 200*r.Float64()
		if r.Float64() < 0.05 {
			chol[i] = math.NaN()
		}
		sick[i] = float64(r.IntN(2))
		ward[i] = []string{"east", "north", "south"}[r.IntN(3)]
		insured[i] = []string{"True", "False"}[r.IntN(2)]
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("id", id), dataset.NumericColumn("age", age), dataset.NumericColumn("chol", chol),
		dataset.CategoricalColumn("ward", ward, nil), dataset.CategoricalColumn("insured", insured, nil), dataset.NumericColumn("sick", sick))
	if err != nil {
		panic(err)
	}
	return f
}

// with replaces a column.
func with(f *dataset.Frame, c dataset.Column) *dataset.Frame {
	g := &dataset.Frame{Columns: slices.Clone(f.Columns)}
	g.Columns[g.Index(c.Name)] = c
	return g
}

func TestSuggestedSuiteCatches(t *testing.T) {
	clean := patients(400)
	suite := Suggest(clean, SuggestOptions{Target: "sick"})
	edit := func(name string, change func(i int, v float64) float64) *dataset.Frame {
		v := slices.Clone(clean.Column(name).Float)
		for i := range v {
			v[i] = change(i, v[i])
		}
		return with(clean, dataset.NumericColumn(name, v))
	}
	texts := make([]string, clean.Rows())
	for i := range texts {
		texts[i] = fmt.Sprint(clean.Column("age").Float[i], " years")
	}
	for _, c := range []struct {
		name     string
		frame    *dataset.Frame
		severity string // the worst failure; "" = none
		kind     string // an expectation that fails
		rows     []int  // the rows it names, when told
	}{
		{"the data itself", clean, "", "", nil},
		{"a column gone", clean.Drop("age"), Critical, "expect_table_columns_to_match_set", nil},
		{"the target gone", clean.Drop("sick"), Critical, "expect_table_columns_to_match_set", nil},
		{"a column more", &dataset.Frame{Columns: append(slices.Clone(clean.Columns), dataset.NumericColumn("new", make([]float64, 400)))}, Warning, "expect_table_column_count_to_equal", nil},
		{"text in a number column", with(clean, dataset.CategoricalColumn("age", texts, nil)), Critical, "expect_column_values_to_be_in_type_list", nil},
		{"numbers in a text column", with(clean, dataset.NumericColumn("ward", make([]float64, 400))), Critical, "expect_column_values_to_be_in_type_list", nil},
		{"booleans turned into numbers", with(clean, dataset.NumericColumn("insured", make([]float64, 400))), Critical, "expect_column_values_to_be_in_type_list", nil},
		{"some nulls", edit("age", func(i int, v float64) float64 {
			if i%20 == 0 {
				return math.NaN()
			}
			return v
		}), Warning, "expect_column_values_to_not_be_null", nil},
		{"a null surge", edit("chol", func(i int, v float64) float64 {
			if i%2 == 0 {
				return math.NaN()
			}
			return v
		}), Critical, "expect_column_values_to_not_be_null", nil},
		{"a target without value", edit("sick", func(i int, v float64) float64 {
			if i == 7 {
				return math.NaN()
			}
			return v
		}), Critical, "expect_column_values_to_not_be_null", []int{7}},
		{"a negative where none was", edit("chol", func(i int, v float64) float64 {
			if i == 3 || i == 11 {
				return -1
			}
			return v
		}), Warning, "expect_column_values_to_be_between", []int{3, 11}},
		{"another unit", edit("age", func(_ int, v float64) float64 { return v * 12 }), Warning, "expect_column_values_to_be_between", nil},
		{"a doubled id", edit("id", func(i int, v float64) float64 { return max(v, 3) }), Warning, "expect_column_values_to_be_unique", []int{0, 1, 2}},
		{"a new category", with(clean, func() dataset.Column {
			c := clean.Column("ward")
			v := make([]string, c.Len())
			for i := range v {
				v[i] = c.Text(i)
			}
			v[5] = "west"
			return dataset.CategoricalColumn("ward", v, nil)
		}()), Warning, "expect_column_values_to_be_in_set", []int{5}},
		{"hardly any rows", clean.Take([]int{0, 1, 2}), Warning, "expect_table_row_count_to_be_between", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			failed := Validate(c.frame, suite, Options{}).Failed("")
			worst, found := "", c.kind == ""
			for _, e := range failed {
				if slices.Index(severities, e.Severity()) > slices.Index(severities, worst) {
					worst = e.Severity()
				}
				if e.Config.Type == c.kind && e.Exception == "" && e.Config.Rank() == c.severity {
					found = found || c.rows == nil || slices.Equal(e.UnexpectedRows, c.rows)
				}
			}
			if worst != c.severity || !found {
				t.Errorf("worst failure %q, wanted %q by %s (found: %v); failed: %+v", worst, c.severity, c.kind, found, failed)
			}
		})
	}
	for _, e := range suite.Expectations {
		if why, _ := e.Meta["why"].(string); why == "" {
			t.Errorf("%s %v does not say why", e.Type, e.Kwargs)
		}
	}
}

// TestSuggestionsHold proposes a suite from each real data set: it must hold on that data, survive JSON, and say the same then.
func TestSuggestionsHold(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared(t, "data"), "*.csv"))
	if len(files) == 0 {
		t.Skip("the folder of real data sets holds no CSV")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f := readFrame(t, file)
			names := f.Names()
			suite := Suggest(f, SuggestOptions{Target: names[len(names)-1]})
			b, err := json.Marshal(suite)
			if err != nil {
				t.Fatal(err)
			}
			back, err := ReadSuite(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range Validate(f, back, Options{Format: Basic}).Failed("") {
				t.Errorf("%s %v: %v %s", e.Config.Type, e.Config.Kwargs, e.Result, e.Exception)
			}
			t.Logf("%d expectations on %d rows x %d columns", len(suite.Expectations), f.Rows(), len(names))
			for _, e := range suite.Expectations {
				if testing.Verbose() && filepath.Base(file) == "heart_cleveland.csv" {
					t.Log(e.Severity, e.Type, e.Kwargs, e.Meta["why"])
				}
			}
		})
	}
}

// TestSuggestAnything proposes from odd tables; each must satisfy its own suite.
func TestSuggestAnything(t *testing.T) {
	nan := math.NaN()
	for name, f := range map[string]*dataset.Frame{
		"no columns":     {},
		"no rows":        {Columns: []dataset.Column{dataset.NumericColumn("a", nil), dataset.CategoricalColumn("b", nil, nil)}},
		"one row":        {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{1.5}), dataset.CategoricalColumn("b", []string{"x"}, nil)}},
		"all missing":    {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{nan, nan})}},
		"constant":       {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{0.5, 0.5, 0.5})}},
		"infinite":       {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{1, math.Inf(1), 2.5})}},
		"huge":           {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{-math.MaxFloat64, 0.5, math.MaxFloat64})}},
		"tiny":           {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{math.SmallestNonzeroFloat64, 0, 1e-300})}},
		"negative":       {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{-1.23456789, -1.23456788, -1.23456787})}},
		"whole and wide": {Columns: []dataset.Column{dataset.NumericColumn("a", []float64{-1e18, 0, 1e18})}},
		"booleans":       {Columns: []dataset.Column{dataset.CategoricalColumn("a", []string{"True", "", "False"}, func(s string) bool { return s == "" })}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range Validate(f, Suggest(f, SuggestOptions{Target: "a"}), Options{}).Failed("") {
				t.Errorf("%s %v: %v %s", e.Config.Type, e.Config.Kwargs, e.Result, e.Exception)
			}
		})
	}
}

// TestSuggestedFromHalfHoldsOnTheOther proposes a suite from a random half of each real data set and checks the other half: at least 95 % of the
// time nothing but what only tells fails.
func TestSuggestedFromHalfHoldsOnTheOther(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared(t, "data"), "*.csv"))
	if len(files) == 0 {
		t.Skip("the folder of real data sets holds no CSV")
	}
	total, passed := 0, 0
	for _, file := range files {
		f := readFrame(t, file)
		runs := 40
		if f.Rows() > 5000 {
			runs = 4
		}
		if testing.Short() && f.Rows() > 5000 {
			continue
		}
		r := rand.New(rand.NewPCG(7, uint64(len(file))))
		target := f.Names()[len(f.Names())-1]
		ok, failures := 0, map[string]int{}
		for range runs {
			order := r.Perm(f.Rows())
			half := len(order) / 2
			suite := Suggest(f.Take(order[:half]), SuggestOptions{Target: target})
			failed := Validate(f.Take(order[half:]), suite, Options{Format: BooleanOnly}).Failed(Warning)
			if len(failed) == 0 {
				ok++
			}
			for _, e := range failed {
				failures[fmt.Sprint(e.Config.Meta["rule"], " ", e.Config.Kwargs["column"])]++
			}
		}
		total, passed = total+runs, passed+ok
		t.Logf("%s: %d of %d, %v", filepath.Base(file), ok, runs, failures)
	}
	if float64(passed) < 0.95*float64(total) {
		t.Errorf("%d of %d suites hold on the other half", passed, total)
	}
}
