package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"mlops/shared/fault"
)

func packed(t *testing.T, extension string, content []byte) []byte {
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
		{"no extension", "data", csv, fault.CodeUnsupported, "read data: the name must end in"},
		{"only compressed", "data.gz", gz, fault.CodeUnsupported, "read data.gz: the name must end in"},
		{"no gzip", "a.csv.gz", csv, "", "a.csv.gz does not decompress; it is damaged, cut off, or not what its name says"},
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
