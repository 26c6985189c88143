package expect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlops/shared/dataset"
)

// cut gives a frame out in batches of random size, each to one of a few takers, as Scan would a file.
func cut(f *dataset.Frame, most int, rng *rand.Rand) reading {
	return func(_ dataset.Heading, begin dataset.Begin) (dataset.Heading, error) {
		h := dataset.Heading{Names: f.Names(), Rows: f.Rows()}
		for i := range f.Columns {
			h.Kinds = append(h.Kinds, f.Columns[i].Kind)
		}
		takers := 1 + rng.IntN(3)
		take, err := begin(dataset.Heading{Names: h.Names, Kinds: h.Kinds}, takers)
		if err != nil {
			return h, err
		}
		for first := 0; first < f.Rows(); {
			n := min(1+rng.IntN(most), f.Rows()-first)
			rows := make([]int, n)
			for i := range rows {
				rows[i] = first + i
			}
			if err := take[rng.IntN(takers)](dataset.Batch{Frame: f.Take(rows), First: first}); err != nil {
				return h, err
			}
			first += n
		}
		return h, nil
	}
}

// tiny makes many readings of a few rows.
var tiny = room{rows: -1, cells: 0, slots: 128, keys: 7, repeated: 5, witnesses: 4}

// sameAsWhole compares a suite over batches with the same over the frame: every field, numbers to 13 digits.
func sameAsWhole(t *testing.T, f *dataset.Frame, s *Suite, o Options, rng *rand.Rand) (streamed int) {
	t.Helper()
	whole := Validate(f, s, o)
	o.Notice = nil
	parts, err := validateStream("test", cut(f, 5, rng), tiny, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Expectations {
		want, got := document(t, whole.Results[i]), document(t, parts.Results[i])
		for _, d := range []any{want, got} { // a message may tell a number whose last digit is another
			info := d.(map[string]any)["exception_info"].(map[string]any)
			text, _ := info["exception_message"].(string)
			info["exception_message"], _, _ = strings.Cut(text, ": ")
		}
		if !near13(want, got) {
			t.Errorf("%s %v of %d rows:\n in parts %v\n as whole %v", s.Expectations[i].Type, s.Expectations[i].Kwargs, f.Rows(), got, want)
		}
		if forms[s.Expectations[i].Type] != byFrame {
			streamed++
		}
	}
	if whole.Success != parts.Success {
		t.Errorf("success is %v in parts, %v as whole", parts.Success, whole.Success)
	}
	return streamed
}

func document(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func near13(a, b any) bool {
	switch x := a.(type) {
	case float64:
		y, ok := b.(float64)
		return ok && (x == y || math.Abs(x-y) <= 1e-13*max(math.Abs(x), math.Abs(y)))
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if other, there := y[k]; !there || !near13(x[k], other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !near13(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// TestStreamGolden evaluates the suites that Great Expectations measured over batches of a few rows, however they are cut.
func TestStreamGolden(t *testing.T) {
	for _, version := range []string{"1.2.0", "0.18.21"} {
		dir := shared(t, "oracle", "gx", "golden")
		suite, err := ReadSuite(read(t, filepath.Join(dir, version, "suite.json")))
		if err != nil {
			t.Fatal(err)
		}
		f := readFrame(t, filepath.Join(dir, "data.csv"))
		for _, format := range []Format{BooleanOnly, Basic, Summary, Complete} {
			for seed := range uint64(5) {
				n := sameAsWhole(t, f, suite, Options{Format: format, Now: time.Unix(0, 0)}, rand.New(rand.NewPCG(seed, 1)))
				if n < 60 {
					t.Errorf("only %d of %d expectations have a form for batches", n, len(suite.Expectations))
				}
			}
		}
	}
}

// made is a table with gaps, ties, booleans, rare texts and whole numbers.
func made(rng *rand.Rand, rows int) *dataset.Frame {
	numbers, whole, gappy := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	texts, truth, rare := make([]string, rows), make([]string, rows), make([]string, rows)
	for i := range rows {
		numbers[i], whole[i], gappy[i] = rng.NormFloat64()*1e3, float64(rng.IntN(9)), math.NaN()
		if rng.IntN(3) > 0 {
			gappy[i] = float64(rng.IntN(50))
		}
		texts[i], truth[i], rare[i] = []string{"v01", "v02", "w3", "", "7"}[rng.IntN(5)], []string{"True", "false", ""}[rng.IntN(3)], string(rune('a'+rng.IntN(2000)))
	}
	missing := func(s string) bool { return s == "" }
	return &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("number", numbers), dataset.NumericColumn("whole", whole), dataset.NumericColumn("gappy", gappy),
		dataset.CategoricalColumn("text", texts, missing), dataset.CategoricalColumn("truth", truth, missing), dataset.CategoricalColumn("rare", rare, missing)}}
}

// TestStreamMade asks every expectation that has a form about every column, with and without conditions and formats.
func TestStreamMade(t *testing.T) {
	formats := []any{nil, "COMPLETE", map[string]any{"result_format": "SUMMARY", "partial_unexpected_count": 3.0, "unexpected_index_column_names": []any{"rare"}, "include_unexpected_rows": true}}
	for seed := range uint64(3) {
		arguments := map[string]any{"min_value": 1.0, "max_value": 40.0, "value_set": []any{"v01", 7.0, true}, "regex": `^v\d\d$`, "regex_list": []any{"v", "^7"}, "value": 3.0,
			"like_pattern": "v%", "like_pattern_list": []any{"v%", "_3"}, "strftime_format": "%Y", "json_schema": map[string]any{"type": "number"}, "threshold": 1.5, "type_": "str", "type_list": []any{"int", "float"},
			"quantile_ranges":  map[string]any{"quantiles": []any{0.05, 0.5, 0.95}, "value_ranges": []any{[]any{nil, 3.0}, []any{0.0, 9.0}, []any{nil, nil}}},
			"partition_object": []any{map[string]any{"bins": []any{-100.0, 0.0, 7.0, 100.0}, "weights": []any{0.5, 0.25, 0.25}}, map[string]any{"values": []any{"v01", 7.0}, "weights": []any{0.5, 0.5}}}[seed%2],
			"column_A":         "whole", "column_B": "gappy", "value_pairs_set": []any{[]any{1.0, 2.0}}, "column_list": []any{"whole", "gappy"}, "sum_total": 9.0, "column_set": []any{"text"}}
		rng := rand.New(rand.NewPCG(seed, 2))
		f := made(rng, 20+rng.IntN(60))
		s := &Suite{Dialect: Dialect(seed % 2)}
		for _, name := range Names() {
			rec, _ := find(name)
			for _, column := range []string{"number", "whole", "gappy", "text", "truth", "rare", "none"} {
				for _, condition := range []any{nil, `whole > 3 and text != "w3"`, "gappy < 40", "whole > 99"} {
					k := map[string]any{"column": column, "mostly": 0.4, "result_format": formats[rng.IntN(len(formats))], "row_condition": condition}
					for a, v := range arguments {
						if len(rec.unknown(map[string]any{a: v})) == 0 {
							k[a] = v
						}
					}
					if len(rec.unknown(map[string]any{"column": 1})) > 0 {
						delete(k, "column")
					}
					s.Expectations = append(s.Expectations, Expectation{Type: name, Kwargs: k})
				}
			}
		}
		sameAsWhole(t, f, s, Options{}, rng)
	}
}

// TestStreamAnyArguments gives every expectation arguments of any kind: nothing panics, every result is JSON, and batches answer as the whole does.
func TestStreamAnyArguments(t *testing.T) {
	values := []any{nil, true, false, 0.0, 1.0, -1.0, 0.5, 3.0, 1e300, json.Number("12"), "", "text", "number", "whole", "gappy", "truth", "rare", "a%", "(", `(?=v)`, "2024-01-01", "zero", "any", "never", "neither",
		[]any{}, []any{nil}, []any{"text", "whole"}, []any{"number", "gappy", "none"}, []any{1.0, "v01", nil}, []any{[]any{}, 1.0}, []any{[]any{1.0, 2.0}}, []any{0.0, 1.0, 50.0}, []any{"v"}, []any{0.5, 0.5},
		map[string]any{}, map[string]any{"a": nil}, map[string]any{"bins": []any{0.0, 1.0}, "weights": []any{1.0}}, map[string]any{"bins": []any{"-Infinity", 0.0, "Infinity"}, "weights": []any{0.5, 0.5}},
		map[string]any{"values": []any{"v01", 7.0}, "weights": []any{0.5, 0.5}}, map[string]any{"values": []any{}, "weights": []any{}}, map[string]any{"bins": []any{1.0}, "weights": []any{}}, map[string]any{"$PARAMETER": "1/0"},
		map[string]any{"quantiles": []any{0.0, 1.0}, "value_ranges": []any{[]any{nil, nil}, []any{0.0, 1.0}}}, map[string]any{"quantiles": []any{2.0}, "value_ranges": []any{nil}}, map[string]any{"type": "nullity", "column": map[string]any{"name": "gappy"}, "is_null": false},
		map[string]any{"result_format": "BASIC", "partial_unexpected_count": 0.0}, "COMPLETE", "whole > 2", "gappy != 7", "text > 1", "norm", "beta", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), []string{"v01"}, []float64{1, 2}, 7, float32(2)}
	rounds := 60
	if testing.Short() {
		rounds = 4
	}
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 3))
		f := made(rng, rng.IntN(40))
		s := &Suite{Dialect: Dialect(seed % 2)}
		for _, name := range Names() {
			rec, _ := find(name)
			k := map[string]any{}
			for _, word := range strings.Fields(rec.takes + " " + common) {
				must := strings.HasSuffix(word, "!")
				if must || rng.IntN(3) == 0 {
					k[strings.TrimSuffix(word, "!")] = values[rng.IntN(len(values))]
				}
			}
			for _, c := range []string{"column", "column_A", "column_B"} {
				if k[c] != nil && rng.IntN(8) > 0 {
					k[c] = f.Names()[rng.IntN(6)]
				}
			}
			if k["column_list"] != nil && rng.IntN(8) > 0 {
				k["column_list"] = []any{"whole", "truth", "rare"}
			}
			if rng.IntN(3) > 0 {
				for _, c := range []string{"result_format", "row_condition", "condition_parser", "mostly"} {
					delete(k, c)
				}
			}
			s.Expectations = append(s.Expectations, Expectation{Type: name, Kwargs: k})
		}
		sameAsWhole(t, f, s, Options{}, rng)
	}
}

// TestStreamCensus counts what comes once in columns with few, many and no repetitions, early or late, in as many parts as there are rows for.
func TestStreamCensus(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const rows = 600
	few, many, late, texts := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]string, rows)
	for i := range rows {
		few[i], many[i], late[i], texts[i] = rng.Float64(), float64(rng.IntN(rows/2))/4, float64(i)+0.5, fmt.Sprint(rng.IntN(rows))
		if i > rows-200 {
			late[i] = float64(i/2) + 0.5
		}
	}
	few[17], few[500], few[80], few[81], many[7] = few[40], few[40], math.Copysign(0, -1), 0, math.NaN()
	f := &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("few", few), dataset.NumericColumn("many", many), dataset.NumericColumn("late", late), dataset.CategoricalColumn("texts", texts, func(s string) bool { return s == "5" })}}
	s := &Suite{}
	for _, format := range []any{"COMPLETE", "BOOLEAN_ONLY", map[string]any{"result_format": "SUMMARY", "partial_unexpected_count": 2.0}, map[string]any{"result_format": "BASIC", "partial_unexpected_count": 50.0}} {
		for _, column := range f.Names() {
			for _, kind := range []string{"expect_column_values_to_be_unique", "expect_column_unique_value_count_to_be_between", "expect_column_proportion_of_unique_values_to_be_between"} {
				for _, condition := range []any{nil, "late > 100"} {
					s.Expectations = append(s.Expectations, Expectation{Type: kind, Kwargs: map[string]any{"column": column, "result_format": format, "row_condition": condition}})
				}
			}
		}
		s.Expectations = append(s.Expectations, Expectation{Type: compoundName, Kwargs: map[string]any{"column_list": []any{"many", "texts"}, "result_format": format}})
	}
	sameAsWhole(t, f, s, Options{}, rng)

	// More distinct values than are counted.
	numbers, names := make([]float64, maxLevels+9000), make([]string, maxLevels+9000)
	for i := range numbers {
		numbers[i], names[i] = rng.NormFloat64(), fmt.Sprint(i%(maxLevels+4000))
	}
	numbers[9], numbers[99], numbers[999] = numbers[100], numbers[1000], math.NaN()
	f = &dataset.Frame{Columns: []dataset.Column{dataset.NumericColumn("numbers", numbers), dataset.CategoricalColumn("names", names, func(string) bool { return false })}}
	s = &Suite{}
	for _, column := range f.Names() {
		for _, kind := range []string{"expect_column_values_to_be_unique", "expect_column_unique_value_count_to_be_between", "expect_column_proportion_of_unique_values_to_be_between", "expect_column_max_to_be_between", "expect_column_min_to_be_between"} {
			s.Expectations = append(s.Expectations, Expectation{Type: kind, Kwargs: map[string]any{"column": column, "row_condition": "numbers < 9"}}, Expectation{Type: kind, Kwargs: map[string]any{"column": column}})
		}
	}
	parts, err := validateStream("test", cut(f, 20_000, rng), room{cells: 0, slots: 1 << 19, keys: 1 << 16, repeated: 1 << 10, witnesses: 1 << 6}, s, Options{Notice: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	whole := Validate(f, s, Options{})
	for i := range s.Expectations {
		if want, got := document(t, whole.Results[i]), document(t, parts.Results[i]); !near13(want, got) {
			t.Errorf("in parts %v\nas whole %v", got, want)
		}
	}
}

// TestStreamRanks finds quantiles of tables larger than a sample, continuous and tied, in random and in sorted order.
func TestStreamRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const rows = 5 * mostSample
	columns := make([]dataset.Column, 3)
	smooth, tied, sorted := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		smooth[i], tied[i], sorted[i] = rng.ExpFloat64(), math.Floor(rng.NormFloat64()*2)/2, float64(i)*1e7
		if i%10 == 0 {
			smooth[i] = math.NaN()
		}
	}
	s := &Suite{}
	for i, v := range [][]float64{smooth, tied, sorted} {
		columns[i] = dataset.NumericColumn(string(rune('a'+i)), v)
		s.Expectations = append(s.Expectations,
			Expectation{Type: "expect_column_quantile_values_to_be_between", Kwargs: map[string]any{"column": columns[i].Name, "allow_relative_error": "linear",
				"quantile_ranges": map[string]any{"quantiles": []any{0.0, 0.001, 0.05, 0.5, 0.95, 1.0}, "value_ranges": []any{[]any{nil, 3.0}, []any{nil, 3.0}, []any{nil, 3.0}, []any{0.0, 9.0}, []any{nil, nil}, []any{nil, nil}}}}},
			Expectation{Type: "expect_column_median_to_be_between", Kwargs: map[string]any{"column": columns[i].Name, "min_value": 0.0}},
			Expectation{Type: "expect_column_stdev_to_be_between", Kwargs: map[string]any{"column": columns[i].Name, "min_value": 0.0}})
	}
	f := &dataset.Frame{Columns: columns}
	told := ""
	parts, err := validateStream("test", cut(f, 20_000, rng), plenty, s, Options{Notice: func(text string) { told = text }})
	if err != nil {
		t.Fatal(err)
	}
	if told != "" {
		t.Errorf("columns were held: %s", told)
	}
	whole := Validate(f, s, Options{})
	for i := range s.Expectations {
		if want, got := document(t, whole.Results[i]), document(t, parts.Results[i]); !near13(want, got) {
			t.Errorf("in parts %v\nas whole %v", got, want)
		}
	}
}

// TestStreamSource reads a file of more rows than are simply held, twice and more, with more texts than are counted.
func TestStreamSource(t *testing.T) {
	const rows = smallRows + 90_000
	var b strings.Builder
	b.WriteString("id,number,name,kind\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%g,name%d,%s\n", i, math.Sin(float64(i))*1e6, i%150_000, []string{"v01", "v02", "odd"}[i%3])
	}
	source := dataset.SourceAt("table.csv", strings.NewReader(b.String()), int64(b.Len()))
	s := &Suite{}
	for _, column := range []string{"id", "number", "name", "kind"} {
		for _, kind := range []string{"expect_column_values_to_be_unique", "expect_column_values_to_be_increasing", "expect_column_unique_value_count_to_be_between", "expect_column_max_to_be_between", "expect_column_median_to_be_between"} {
			s.Expectations = append(s.Expectations, Expectation{Type: kind, Kwargs: map[string]any{"column": column}})
		}
		s.Expectations = append(s.Expectations, Expectation{Type: "expect_column_values_to_match_regex", Kwargs: map[string]any{"column": column, "regex": "[13579]$"}})
	}
	var told []string
	o := Options{Notice: func(text string) { told = append(told, text) }}
	parts, err := ValidateSource(source, dataset.Options{}, s, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "expect_column_unique_value_count_to_be_between, expect_column_values_to_be_unique of table.csv needs whole columns") ||
		!strings.Contains(told[0], fmt.Sprintf("%d rows of id, number, name are held", rows)) {
		t.Errorf("what is held is told as %q", told)
	}
	f, err := dataset.ReadCSV(strings.NewReader(b.String()), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole := Validate(f, s, Options{})
	for i := range s.Expectations {
		if want, got := document(t, whole.Results[i]), document(t, parts.Results[i]); !near13(want, got) {
			t.Errorf("in parts %.900v\nas whole %.900v", got, want)
		}
		if parts.Results[i].UnexpectedRows != nil {
			t.Errorf("%s tells %d rows", s.Expectations[i].Type, len(parts.Results[i].UnexpectedRows))
		}
	}
}

// TestStreamChanges has a table that is another when it is read again, and one that cannot be.
func TestStreamChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	s := &Suite{Expectations: []Expectation{{Type: "expect_column_median_to_be_between", Kwargs: map[string]any{"column": "number"}}}}
	for name, second := range map[string]*dataset.Frame{"it had 30 rows, then 31": made(rng, 31), "its columns were others": made(rng, 30).Drop("text")} {
		now := made(rng, 30)
		changing := func(h dataset.Heading, begin dataset.Begin) (dataset.Heading, error) {
			f := now
			now = second
			return cut(f, 5, rng)(h, begin)
		}
		if _, err := validateStream("moving.csv", changing, tiny, s, Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error is %v, not that %s", err, name)
		}
	}
	broken := dataset.Source{Name: "absent.csv", Open: func() (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }}
	if _, err := ValidateSource(broken, dataset.Options{}, s, Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the error is %v", err)
	}
}

// TestTwofold adds what a float64 cannot: terms that cancel, in any order, and the variance of values far from zero.
func TestTwofold(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	terms := []float64{1e16, 1, -1e16, 0.5, 3e-9, -0.5}
	for range 50 {
		rng.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
		var sum twofold
		for _, v := range terms {
			sum.add(v)
		}
		if got := sum.value(); got != 1+3e-9 {
			t.Fatalf("%v add up to %v", terms, got)
		}
	}
	w := newSurvey("far", dataset.Numeric, 0, false)
	w.add(&dataset.Column{Float: []float64{1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4}}, 0)
	if want := math.Sqrt(5.0 / 3); w.deviation() != want {
		t.Errorf("the standard deviation is %v, not %v", w.deviation(), want)
	}
}

// inParts says how the answer over batches of at most three rows differs from the one over the whole, which is given.
func inParts(f *dataset.Frame, s *Suite, o Options, whole []byte) string {
	parts, err := validateStream("case", cut(f, 3, rand.New(rand.NewPCG(uint64(f.Rows()), 7))), tiny, s, o)
	if err != nil {
		return err.Error()
	}
	b, err := json.Marshal(parts.Results[0])
	if err != nil {
		return err.Error()
	}
	var want, got map[string]any
	if json.Unmarshal(whole, &want) != nil || json.Unmarshal(b, &got) != nil {
		return "no JSON"
	}
	if forms[s.Expectations[0].Type] == byMoment { // some bounds are numpy's last digit, which batches do not promise
		got["success"] = want["success"]
	}
	if !near13(want, got) {
		return fmt.Sprintf("in parts it is %s, as a whole %s", b, whole)
	}
	return ""
}
