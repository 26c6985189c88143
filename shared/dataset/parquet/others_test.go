package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	parquetgo "github.com/parquet-go/parquet-go"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

func contents(t *testing.T, file string) []byte {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFilesOfOthers reads what arrow-rs and hyparquet wrote (testdata/make.mjs): every compression, both versions of pages, every encoding.
func TestFilesOfOthers(t *testing.T) {
	var want map[string][]*string
	if err := json.Unmarshal(contents(t, "testdata/expected.json"), &want); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(files) < 14 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".nested.parquet") || strings.HasSuffix(file, ".lz4.parquet") {
			continue
		}
		s := source(file, contents(t, file))
		f, err := dataset.ReadSource(s, dataset.Options{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !strings.Contains(file, "hyparquet") && len(f.Columns) != len(want) {
			t.Errorf("%s: columns %v", file, f.Names())
		}
		if got := scanned(t, s, dataset.Options{}); dataset.Digest(got) != dataset.Digest(f) {
			t.Errorf("%s is scanned otherwise", file)
		}
		texts, err := dataset.ReadSource(s, dataset.Options{Categorical: f.Names()})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for i := range f.Columns {
			compare(t, file, &f.Columns[i], &texts.Columns[i], want[f.Columns[i].Name])
		}
	}
}

// compare looks at a column, and at it as a category.
func compare(t *testing.T, file string, c, text *dataset.Column, want []*string) {
	t.Helper()
	if c.Len() != len(want) {
		t.Errorf("%s, %s: %d rows", file, c.Name, c.Len())
		return
	}
	for r, w := range want {
		switch {
		case w == nil:
			if !c.Missing(r) || !text.Missing(r) {
				t.Errorf("%s, %s, row %d: %q is not missing", file, c.Name, r+1, c.Text(r))
			}
		case c.Kind == dataset.Numeric:
			v, err := strconv.ParseFloat(*w, 64)
			if err != nil || c.Float[r] != v {
				t.Errorf("%s, %s, row %d: %v; want %s", file, c.Name, r+1, c.Float[r], *w)
			}
			if spelled, _ := strconv.ParseFloat(text.Text(r), 64); spelled != v || strings.Contains(c.Name, "64") && !strings.HasPrefix(c.Name, "f") && text.Text(r) != *w {
				t.Errorf("%s, %s, row %d as a category: %q; want %s", file, c.Name, r+1, text.Text(r), *w)
			}
		default:
			if c.Text(r) != *w || text.Text(r) != *w {
				t.Errorf("%s, %s, row %d: %q and %q; want %q", file, c.Name, r+1, c.Text(r), text.Text(r), *w)
			}
		}
	}
}

// TestRefusals: what cannot be a column is named, all of it, and does not matter where nobody asks for it.
func TestRefusals(t *testing.T) {
	s := source("n.parquet", contents(t, "testdata/arrow-rs.nested.parquet"))
	for _, read := range []func(dataset.Options) error{
		func(o dataset.Options) error { _, err := dataset.ReadSource(s, o); return err },
		func(o dataset.Options) error {
			_, err := dataset.Scan(s, o, func(dataset.Heading, int) ([]func(dataset.Batch) error, error) {
				t.Error("it begins")
				return nil, errors.New("it begins")
			})
			return err
		},
	} {
		err := read(dataset.Options{})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "read Parquet: 2 problems; list: nested, got a list") || !strings.Contains(err.Error(), "struct: nested, got a group of columns") {
			t.Error(err)
		}
		if err := read(dataset.Options{Numeric: []string{"absent"}, Columns: []string{"n"}}); err == nil || !strings.Contains(err.Error(), "absent: missing, expected one of n, list, struct, last") {
			t.Error(err)
		}
		if err := read(dataset.Options{Columns: []string{"absent"}}); err == nil || !strings.Contains(err.Error(), `there is none of the columns asked for: ["absent"]`) {
			t.Error(err)
		}
	}
	f, err := dataset.ReadSource(s, dataset.Options{Columns: []string{"last", "n"}})
	if err != nil || fmt.Sprint(f.Names()) != "[n last]" || f.Rows() != 40 {
		t.Errorf("%v, %v", f, err)
	}
	_, err = dataset.ReadSource(source("l.parquet", contents(t, "testdata/arrow-rs.lz4.parquet")), dataset.Options{})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "pages compressed by LZ4, which is not read here; write it by snappy") {
		t.Error(err)
	}
	_, err = dataset.ReadSource(source("a.parquet", []byte("a,b\n1,2\n")), dataset.Options{})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "a.parquet: this is no Parquet file: it does not begin with PAR1") {
		t.Error(err)
	}
	_, err = dataset.ReadSource(s, dataset.Options{Columns: []string{"n"}, Limits: dataset.Limits{Rows: 39}})
	if fault.CodeOf(err) != fault.CodeTooLarge || !strings.Contains(err.Error(), "more than 39 rows") {
		t.Error(err)
	}
	_, err = dataset.ReadSource(s, dataset.Options{Columns: []string{"n", "last"}, Limits: dataset.Limits{Bytes: 79}})
	if fault.CodeOf(err) != fault.CodeTooLarge {
		t.Error(err)
	}
}

// library is where the module cache has parquet-go's own test files, which other implementations wrote.
func library(t *testing.T) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/parquet-go/parquet-go").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "testdata")
	if _, e := os.Stat(dir); err != nil || e != nil {
		t.Skip("the module cache has no test files of parquet-go: go mod download brings them")
	}
	return dir
}

// TestFilesOfTheLibrary reads the files by which parquet-go is tested, written by Impala, parquet-mr, parquet-cpp and others, and compares with what
// parquet-go reads of them. Whatever cannot be read is refused by an error that says why.
func TestFilesOfTheLibrary(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(library(t), "*.parquet"))
	if len(files) < 30 {
		t.Fatalf("only %d files", len(files))
	}
	read := 0
	for _, file := range files {
		b := contents(t, file)
		f, err := dataset.ReadSource(source(filepath.Base(file), b), dataset.Options{Missing: []string{}})
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", file, err)
			}
			t.Logf("%s: %v", filepath.Base(file), err)
			continue
		}
		read++
		if got := scanned(t, source("s.parquet", b), dataset.Options{Missing: []string{}}); dataset.Digest(got) != dataset.Digest(f) {
			t.Errorf("%s is scanned otherwise", file)
		}
		p, err := parquetgo.OpenFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Errorf("%s: parquet-go: %v", file, err)
			continue
		}
		for i, c := range p.Root().Columns() {
			same(t, filepath.Base(file), &f.Columns[i], c, p)
		}
	}
	if read < 20 {
		t.Errorf("only %d files could be read", read)
	}
}

// same compares a column with parquet-go's values of it: whether there is one, and numbers and texts that are no other type.
func same(t *testing.T, file string, c *dataset.Column, node *parquetgo.Column, p *parquetgo.File) {
	t.Helper()
	r := 0
	for _, g := range p.RowGroups() {
		pages := g.ColumnChunks()[node.Index()].Pages()
		for {
			page, err := pages.ReadPage()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("%s, %s: parquet-go: %v", file, c.Name, err)
				break
			}
			values := make([]parquetgo.Value, page.NumValues())
			n, _ := page.Values().ReadValues(values)
			for _, v := range values[:n] {
				if want := shownAs(v, node); want != "" && c.Text(r) != want && !(want == "NaN" && c.Missing(r)) {
					t.Fatalf("%s, %s, row %d: %q; parquet-go has %s", file, c.Name, r+1, c.Text(r), want)
				}
				if v.IsNull() && !c.Missing(r) {
					t.Fatalf("%s, %s, row %d: %q is not missing", file, c.Name, r+1, c.Text(r))
				}
				r++
			}
		}
		pages.Close()
	}
	if r != c.Len() {
		t.Errorf("%s, %s: %d rows; parquet-go has %d", file, c.Name, c.Len(), r)
	}
}

// shownAs is a value as a column shows it, "" where the types do not say so plainly.
func shownAs(v parquetgo.Value, node *parquetgo.Column) string {
	logical := node.Type().LogicalType()
	isText := logical != nil && logical.String() == "STRING" || logical == nil && node.Type().ConvertedType() == nil
	plain := logical == nil && node.Type().ConvertedType() == nil
	number := func(x float64) string {
		if math.IsNaN(x) {
			return "NaN"
		}
		c := dataset.NumericColumn("", []float64{x})
		return c.Text(0)
	}
	switch {
	case v.IsNull():
		return ""
	case v.Kind() == parquetgo.ByteArray && isText:
		return string(v.ByteArray())
	case v.Kind() == parquetgo.Boolean:
		return strconv.FormatBool(v.Boolean())
	case v.Kind() == parquetgo.Int32 && plain:
		return number(float64(v.Int32()))
	case v.Kind() == parquetgo.Int64 && plain:
		return number(float64(v.Int64()))
	case v.Kind() == parquetgo.Double && plain:
		return number(v.Double())
	}
	return ""
}

// TestInstants: the columns that another program gave a type of time are told by it, and their texts stand for what they say.
func TestInstants(t *testing.T) {
	b, err := os.ReadFile("testdata/arrow-rs.snappy.parquet")
	if err != nil {
		t.Fatal(err)
	}
	names, err := Instants(bytes.NewReader(b), int64(len(b)), dataset.Options{})
	if err != nil || !slices.Equal(names, []string{"day", "at_ms", "at_utc"}) {
		t.Errorf("%v, %v", names, err)
	}
	f, err := Read(bytes.NewReader(b), int64(len(b)), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, level := range f.Column(name).Levels {
			at, ok := Instant(level)
			if back := at.Format("2006-01-02T15:04:05.999999999"); !ok || !strings.HasPrefix(back, strings.TrimSuffix(level, "Z")) {
				t.Errorf("%s: %s stands for %v", name, level, at)
			}
		}
	}
	if _, ok := Instant("yesterday"); ok {
		t.Error("a word is no instant")
	}
}
