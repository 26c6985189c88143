package parquet

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet/writer"
)

// source is bytes in memory as a table.
func source(name string, b []byte) dataset.Source {
	s := dataset.SourceAt(name, bytes.NewReader(b), int64(len(b)))
	s.Codecs = []dataset.Codec{Codec}
	return s
}

func written(t interface{ Fatal(...any) }, f *dataset.Frame) []byte {
	var b bytes.Buffer
	if err := writer.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tables draws tables whose values every format tells apart: a category has a letter, a number is finite.
func tables(t *rapid.T) *dataset.Frame {
	rows, wide := rapid.IntRange(1, 60).Draw(t, "rows"), rapid.IntRange(1, 6).Draw(t, "columns")
	f := &dataset.Frame{}
	for k := range wide {
		name := fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"a", "Größe ", "num>0", "x y", "π", "a.b", "_", "9"}).Draw(t, "name"), k)
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			v := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, -7, 1 << 53, 1<<53 + 2, -(1 << 60), 1e15, math.NaN()}), rows, rows).Draw(t, "integers")
			f.Columns = append(f.Columns, dataset.NumericColumn(name, v))
		case 1:
			v := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(12.34), rapid.Just(math.Copysign(0, -1))), rows, rows).Draw(t, "numbers")
			f.Columns = append(f.Columns, dataset.NumericColumn(name, v))
		default:
			text := rapid.OneOf(rapid.SampledFrom([]string{"", "yes", "no", "a,b", "say \"hi\"", "x\ny", "über"}), rapid.StringMatching(`[a-z]{1,3}[0-9;]{0,9}`))
			v := rapid.SliceOfN(text, rows, rows).Draw(t, "texts")
			v[0] = "first" // a column without a value is numeric in every format
			f.Columns = append(f.Columns, dataset.CategoricalColumn(name, v, func(s string) bool { return s == "" }))
		}
	}
	return f
}

// TestFormatsAgree: the same rows are the same dataset, whatever they are written in.
func TestFormatsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := tables(t)
		var csv bytes.Buffer
		if err := dataset.WriteCSV(&csv, f); err != nil {
			t.Fatal(err)
		}
		var lines bytes.Buffer
		if err := dataset.WriteJSONL(&lines, f); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"t.csv": csv.Bytes(), "t.jsonl": lines.Bytes(), "t.parquet": written(t, f)} {
			s := source(name, b)
			got, err := dataset.ReadSource(s, dataset.Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if a, b := dataset.Digest(got), dataset.Digest(f); a != b {
				t.Fatalf("%s reads as\n%s\ninstead of\n%s", name, shown(got), shown(f))
			}
			if got := scanned(t, s, dataset.Options{}); dataset.Digest(got) != dataset.Digest(f) {
				t.Fatalf("%s is scanned as\n%s\ninstead of\n%s", name, shown(got), shown(f))
			}
		}
	})
}

func shown(f *dataset.Frame) string {
	var b strings.Builder
	for i := range f.Columns {
		fmt.Fprintln(&b, f.Columns[i].Name, f.Columns[i].Kind)
	}
	dataset.WriteCSV(&b, f)
	return b.String()
}

// scanned puts the batches of a scan together.
func scanned(t interface{ Fatal(...any) }, s dataset.Source, o dataset.Options) *dataset.Frame {
	var values [][]any
	h, err := dataset.Scan(s, o, func(h dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		values = make([][]any, 1<<18)
		take := func(b dataset.Batch) error {
			for r := range b.Frame.Rows() {
				row := make([]any, len(b.Frame.Columns))
				for k := range row {
					row[k] = b.Frame.Columns[k].Value(r)
				}
				values[b.First+r] = row
			}
			return nil
		}
		all := make([]func(dataset.Batch) error, takers)
		for i := range all {
			all[i] = take
		}
		return all, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &dataset.Frame{}
	for k, name := range h.Names {
		if h.Kinds[k] == dataset.Numeric {
			v := make([]float64, h.Rows)
			for r := range v {
				v[r] = math.NaN()
				if x, ok := values[r][k].(float64); ok {
					v[r] = x
				}
			}
			f.Columns = append(f.Columns, dataset.NumericColumn(name, v))
			continue
		}
		v := make([]string, h.Rows)
		for r := range v {
			v[r], _ = values[r][k].(string)
		}
		f.Columns = append(f.Columns, dataset.CategoricalColumn(name, v, func(s string) bool { return s == "" }))
	}
	return f
}

// TestManyGroups: several row groups, read whole, a batch at a time, and compressed as a file.
func TestManyGroups(t *testing.T) {
	const rows = writer.RowsOfGroup + 70_001
	n, c, rare := make([]float64, rows), make([]string, rows), make([]string, rows)
	for i := range rows {
		n[i], c[i] = float64(i)/8, fmt.Sprint("level ", i%7000)
		if i > rows-10 {
			rare[i] = "late"
		}
	}
	missing := func(s string) bool { return s == "" }
	f, err := dataset.NewFrame(dataset.NumericColumn("n", n), dataset.CategoricalColumn("c", c, missing), dataset.CategoricalColumn("rare", rare, missing), dataset.NumericColumn("none", nans(rows)))
	if err != nil {
		t.Fatal(err)
	}
	s := source("t.parquet", written(t, f))
	got, err := dataset.ReadSource(s, dataset.Options{})
	if err != nil || dataset.Digest(got) != dataset.Digest(f) {
		t.Errorf("read: %v", err)
	}
	if got := scanned(t, s, dataset.Options{}); dataset.Digest(got) != dataset.Digest(f) {
		t.Error("scanned otherwise")
	}
	got, err = dataset.ReadSource(s, dataset.Options{Columns: []string{"rare", "absent", "n"}})
	if err != nil || fmt.Sprint(got.Names()) != "[n rare]" || got.Rows() != rows {
		t.Errorf("of some columns: %v, %v", got.Names(), err)
	}
}

func nans(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}
