package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"mlops/shared/fault"
)

func packed(t testing.TB, extension string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if extension == ".zst" {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	w.Write(content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadByName(t *testing.T) {
	csv, jsonl := []byte("a,b\n1,x\n2,y\n"), []byte("{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n")
	for _, c := range []struct {
		name    string
		content []byte
	}{
		{"a.csv", csv}, {"A.CSV", csv}, {"dir.gz/a.txt", csv}, {`C:\dir\a.csv`, csv}, {"a.tsv", bytes.ReplaceAll(csv, []byte(","), []byte("\t"))},
		{"a.jsonl", jsonl}, {"a.ndjson", jsonl}, {"a.json", jsonl},
		{"a.csv.gz", packed(t, ".gz", csv)}, {"a.csv.zst", packed(t, ".zst", csv)}, {"a.jsonl.gz", packed(t, ".gz", jsonl)}, {"a.v2.ndjson.ZST", packed(t, ".zst", jsonl)},
		{"two members.csv.gz", append(packed(t, ".gz", csv[:6]), packed(t, ".gz", csv[6:])...)},
	} {
		f, err := Read(bytes.NewReader(c.content), c.name, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got, want := show(f), "\"a\" num 1 2\n\"b\" cat x y\n"; got != want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestReadProblems(t *testing.T) {
	csv := []byte("a,b\n1,x\n")
	gz, zst := packed(t, ".gz", csv), packed(t, ".zst", csv)
	damaged := slices.Clone(gz)
	damaged[len(damaged)-6] ^= 1 // the checksum
	for _, c := range []struct {
		name, file string
		content    []byte
		code, want string
	}{
		{"unknown", "a.xlsx", csv, fault.CodeUnsupported, "read a.xlsx: the name must end in .csv"},
		{"unknown and compressed", "a.xlsx.gz", gz, fault.CodeUnsupported, "read a.xlsx: the name must end in"},
		{"no gzip", "a.csv.gz", csv, "", "a.csv.gz does not decompress; it is damaged, cut off, has something behind its end, or is not what its name says"},
		{"behind gzip", "a.csv.gz", append(slices.Clone(gz), "more"...), "", "does not decompress"},
		{"behind zstd", "a.csv.zst", append(slices.Clone(zst), "more"...), "", "does not decompress"},
		{"compressed twice", "a.csv.gz", packed(t, ".gz", gz), "", "read CSV: this is not text but gzip data, compressed twice"},
		{"Parquet without its codec", "a.csv", []byte("PAR1"), "", "a Parquet file, which is not read here; save it as CSV"},
		{"SQLite", "a.csv", []byte("SQLite format 3\x00"), "", "an SQLite file; export the table as CSV"},
		{"no zstd", "a.csv.zst", csv, "", "a.csv.zst does not decompress"},
		{"empty gzip", "a.csv.gz", nil, "", "does not decompress"},
		{"gzip cut off", "a.csv.gz", gz[:len(gz)-9], "", "read CSV: a.csv.gz does not decompress"},
		{"gzip damaged", "a.csv.gz", damaged, "", "read CSV: a.csv.gz does not decompress"},
		{"zstd cut off", "a.csv.zst", zst[:len(zst)-2], "", "read CSV: a.csv.zst does not decompress"},
	} {
		_, err := Read(bytes.NewReader(c.content), c.file, Options{})
		if !fault.Is(err, fault.Invalid) || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (code %q)", c.name, err, fault.CodeOf(err))
		}
	}
	cause := errors.New("the disk is gone")
	for _, name := range []string{"a.csv", "a.jsonl", "a.csv.gz", "a.csv.zst"} {
		content := map[string][]byte{".gz": gz, ".zst": zst}[filepath.Ext(name)]
		_, err := Read(io.MultiReader(bytes.NewReader(content[:len(content)/2]), iotest.ErrReader(cause)), name, Options{})
		if !errors.Is(err, cause) || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v, kind %v", name, err, fault.KindOf(err))
		}
	}
}

// Eight megabytes of nothing fit into a few kilobytes.
func TestReadStopsADecompressionBomb(t *testing.T) {
	bomb := append([]byte("a,b\n"), bytes.Repeat([]byte("1,2\n"), 2<<20)...)
	for _, extension := range []string{".gz", ".zst"} {
		content := packed(t, extension, bomb)
		if len(content) > 100<<10 {
			t.Fatalf("%s: %d bytes", extension, len(content))
		}
		_, err := Read(bytes.NewReader(content), "a.csv"+extension, Options{Limits: Limits{Bytes: 1 << 20}})
		if fault.CodeOf(err) != fault.CodeTooLarge || err.Error() != "read CSV: more than 1048576 bytes (after decompression)" {
			t.Errorf("%s: %v", extension, err)
		}
	}
}

// The real sets, where somebody has put them: as many rows, columns, positives and missing values as their sources say.
func TestReadRealSets(t *testing.T) {
	shared := os.Getenv("MLOPS_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	if _, err := os.Stat(filepath.Join(shared, "data")); err != nil {
		t.Skip("the real sets are not here: ", err)
	}
	for _, c := range []struct {
		file          string
		rows, columns int
		target        string
		task          Task
		positives     int
		missing       int // -1 = not told
	}{
		{"heart_cleveland.csv", 303, 14, "num>0", Binary, 139, 6},
		{"heart_uci_4sites.csv", 920, 15, "num>0", Binary, 509, 1759},
		{"heart_kaggle918.csv", 918, 12, "HeartDisease", Binary, 508, 0},
		{"breast_cancer_wdbc.csv", 569, 31, "1", Binary, 212, 0},
		{"pima.csv", 768, 9, "diabetes", Binary, 268, 0},
		{"adult_train.csv", 32561, 15, "income", Binary, 7841, -1},
		{"adult_test.csv", 16281, 15, "income", Binary, 3846, -1},
		{"bank_full.csv", 45211, 17, "y", Binary, 5289, 0},
		{"german_credit.csv", 1000, 21, "class", Binary, 300, 0},
		{"california_housing.csv", 20640, 10, "median_house_value", Regression, 0, 207},
		{"wine_quality.csv", 6497, 13, "quality", Multiclass, 0, 0},
	} {
		t.Run(c.file, func(t *testing.T) {
			file, err := os.Open(filepath.Join(shared, "data", c.file))
			if err != nil {
				t.Skip(err)
			}
			defer file.Close()
			f, err := Read(file, c.file, Options{})
			if err != nil {
				t.Fatal(err)
			}
			missing := 0
			for i := range f.Columns {
				missing += f.Columns[i].MissingCount()
			}
			if f.Rows() != c.rows || len(f.Columns) != c.columns || c.missing >= 0 && missing != c.missing {
				t.Errorf("%d x %d, %d missing", f.Rows(), len(f.Columns), missing)
			}
			if c.target == "1" {
				c.target = f.Columns[len(f.Columns)-1].Name
			}
			target, err := ParseTarget(c.target)
			if err != nil {
				t.Fatal(err)
			}
			l, err := target.Labels(f, "", "")
			if err != nil || l.Task != c.task || c.positives > 0 && l.Counts()[1] != c.positives {
				t.Errorf("task %s, classes %v %v, %v", l.Task, l.Classes, l.Counts(), err)
			}
			checkRoundTrip(t, f)
		})
	}
	old, err := os.Open(filepath.Join(shared, "data", "uci_heart", "processed.cleveland.data"))
	if err != nil {
		t.Skip(err)
	}
	defer old.Close()
	if _, err := ReadCSV(old, Options{}); err == nil || !strings.Contains(err.Error(), "no_header") {
		t.Errorf("a file without a header: %v", err)
	}
}

// TestReadLooksAtTheContent: what a file holds is known by its first bytes where its name does not say, and compression also where it says otherwise.
func TestReadLooksAtTheContent(t *testing.T) {
	csv, lines := []byte("a,b\n1,x\n2,y\n"), []byte(" \n{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n")
	array := []byte(`[{"a":1,"b":"x"},{"a":2,"b":"y"}]`)
	for _, c := range []struct {
		file      string
		content   []byte
		extension string
	}{
		{"data", csv, ".csv"},
		{"dir.d/data", lines, ".jsonl"},
		{"", lines, ".jsonl"},
		{"data", append([]byte("\xEF\xBB\xBF"), lines...), ".jsonl"},
		{"data.gz", packed(t, ".gz", lines), ".jsonl.gz"},
		{"data", packed(t, ".zst", csv), ".csv.zst"},
		{"data.csv", packed(t, ".gz", csv), ".csv.gz"},
		{"data.csv.gz", packed(t, ".zst", csv), ".csv.zst"},
		{"two members.csv.gz", append(packed(t, ".gz", csv[:7]), packed(t, ".gz", csv[7:])...), ".csv.gz"},
		{"two frames.csv.zst", append(packed(t, ".zst", csv[:7]), packed(t, ".zst", csv[7:])...), ".csv.zst"},
		{"data.json", array, ".jsonl"},
		{"data", array, ".jsonl"},
	} {
		f, err := Read(bytes.NewReader(c.content), c.file, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
		} else if got, want := show(f), "\"a\" num 1 2\n\"b\" cat x y\n"; got != want {
			t.Errorf("%s: %s", c.file, got)
		}
		if got := Extension(c.content); got != c.extension {
			t.Errorf("%s: %s; want %s", c.file, got, c.extension)
		}
	}
	for head, want := range map[string]string{"PAR1..": ".parquet", "\x1f\x8b..": ".csv.gz", "": ".csv"} {
		if got := Extension([]byte(head)); got != want {
			t.Errorf("%q: %s; want %s", head, got, want)
		}
	}
}

// TestReadKnowsABomb by its ratio, long before the limit of bytes.
func TestReadKnowsABomb(t *testing.T) {
	for _, extension := range []string{".gz", ".zst"} {
		bomb := packed(t, extension, append([]byte("a,b\n"), bytes.Repeat([]byte("1,2\n"), 16<<20)...))
		in := &counted{r: bytes.NewReader(bomb)}
		_, err := Read(in, "a.csv"+extension, Options{})
		if !fault.Is(err, fault.Invalid) || fault.CodeOf(err) != fault.CodeTooLarge || !strings.Contains(err.Error(), "unpacks to more than 250 times its size") || in.n > len(bomb) {
			t.Errorf("%s: %v after %d of %d bytes", extension, err, in.n, len(bomb))
		}
	}
}

// counted counts the bytes that are read.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

// TestReadSomeColumns: those that are not asked for are stepped over, whatever they hold; in every format, read and scanned.
func TestReadSomeColumns(t *testing.T) {
	for name, content := range map[string]string{
		"t.csv":   "a,b,c,d\n1,x,2,\"y\n,\"\n3,,4,z\n",
		"t.jsonl": `{"a":1,"b":"x","c":2,"d":"y\n,"}` + "\n" + `{"a":3,"c":4,"d":"z"}`,
	} {
		s := SourceAt(name, strings.NewReader(content), int64(len(content)))
		o := Options{Columns: []string{"c", "absent", "b"}, Categorical: []string{"d"}}
		f, err := ReadSource(s, o)
		if err != nil || show(f) != "\"b\" cat x _\n\"c\" num 2 4\n" {
			t.Errorf("%s: %v", name, err)
			t.Log(show(f))
		}
		h, rows, sum, _, err := totals(s, o)
		if err != nil || rows != 2 || sum != 6 || strings.Join(h.Names, " ") != "b c" {
			t.Errorf("%s: %v, %d rows, sum %v, %v", name, h.Names, rows, sum, err)
		}
		if _, err := ReadSource(s, Options{Columns: []string{"e", "f"}}); err == nil || !strings.Contains(err.Error(), "there is none of the columns asked for: e, f") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIntegersBeyondAFloat are the nearest float64 in every text format.
func TestIntegersBeyondAFloat(t *testing.T) {
	for _, number := range []string{"9007199254740993", "-9223372036854775808", "18446744073709551615", "123456789012345678901234567890"} {
		want, _ := strconv.ParseFloat(number, 64)
		for name, in := range map[string]string{"t.csv": "a\n" + number + "\n", "t.jsonl": `{"a":` + number + "}", "t.json": `[{"a":` + number + "}]"} {
			f, err := Read(strings.NewReader(in), name, Options{})
			if err != nil || f.Columns[0].Float[0] != want {
				t.Errorf("%s of %s: %v", number, name, err)
			}
			f, err = Read(strings.NewReader(in), name, Options{Categorical: []string{"a"}})
			if err != nil || f.Columns[0].Text(0) != number {
				t.Errorf("%s of %s as a category: %v", number, name, err)
			}
		}
	}
}

// sound demands a consistent table or an error that is the input's fault, and reports whether there is a table.
func sound(t *testing.T, f *Frame, err error) bool {
	t.Helper()
	if err != nil {
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("not the input's fault: %v", err)
		}
		return false
	}
	if _, err := NewFrame(f.Columns...); err != nil {
		t.Fatalf("an inconsistent table: %v", err)
	}
	return true
}

// FuzzRead takes files of every kind of compression apart. What is read is what is read when it was unpacked before.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"a,b\n1,x\n", `[{"a":1}]`, "a\n" + strings.Repeat("1\n", 3000)} {
		f.Add([]byte(seed), "data")
		for _, extension := range []string{".gz", ".zst"} {
			b := packed(f, extension, []byte(seed))
			f.Add(b, "data")
			f.Add(b[:len(b)-3], "a.csv"+extension)
			f.Add(slices.Concat(b, b), "a.csv"+extension)
			f.Add(packed(f, extension, b), "a"+extension)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, name string) {
		o := Options{Limits: Limits{Rows: 10_000, Columns: 100, FieldBytes: 1000, Bytes: 1 << 20}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		frame, err := Read(iotest.HalfReader(bytes.NewReader(in)), name, o)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 { // the greatest window of zstd, and the rest
			t.Fatalf("%d bytes of memory for %d", grown, len(in))
		}
		sound(t, frame, err)
	})
}
