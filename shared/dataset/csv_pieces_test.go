package dataset

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// checkPieces fails unless in reads the same however small the pieces are.
func checkPieces(t *testing.T, in []byte, o Options, sizes ...int) {
	t.Helper()
	want, wantErr := readCSV(bytes.NewReader(in), o, 1<<30)
	for _, size := range sizes {
		got, err := readCSV(bytes.NewReader(in), o, size)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("%.300q in pieces of %d: %v\nwhole: %v", in, size, err, wantErr)
		}
		if err == nil && (Digest(got) != Digest(want) || show(got) != show(want)) {
			t.Fatalf("%.300q in pieces of %d:\n%.2000swhole:\n%.2000s", in, size, show(got), show(want))
		}
		scanned, scanErr := gather(size, in, o)
		if fmt.Sprint(scanErr) != fmt.Sprint(wantErr) {
			t.Fatalf("%.300q scanned in pieces of %d: %v\nwhole: %v", in, size, scanErr, wantErr)
		}
		if err != nil {
			continue
		}
		if scanned != show(want) {
			t.Fatalf("%.300q scanned in pieces of %d:\n%.2000swhole:\n%.2000s", in, size, scanned, show(want))
		}
		for i := range got.Columns {
			if a, b := &got.Columns[i], &want.Columns[i]; a.Integer != b.Integer || !reflect.DeepEqual(a.Levels, b.Levels) {
				t.Fatalf("%.300q in pieces of %d: column %s differs", in, size, a.Name)
			}
		}
	}
}

// Texts made to be cut in bad places: quotes that hold line breaks, CRLF, multi-byte texts, errors of every kind, late texts.
func TestReadCSVInPieces(t *testing.T) {
	alphabet := []string{"1", "2.5", "-3", "x", "é", "日本", ",", ",", ",", "\n", "\n", "\r\n", "\r", `"`, `""`, `"a,b"`, "\"a\nb\"", "\"\r\n\"", `"q""q"`, " ", "NA", "inf", "1e999", "007", "\xff", "\x00"}
	rng := rand.New(rand.NewPCG(8, 9))
	for range 700 {
		in := []byte("a,b\n")
		plain := rng.IntN(2) == 0 // mostly without errors
		for range rng.IntN(60) {
			if plain {
				in = append(in, alphabet[rng.IntN(6)]+","+alphabet[15+rng.IntN(4)]...)
				in = append(in, alphabet[9+rng.IntN(4)]...)
			} else {
				in = append(in, alphabet[rng.IntN(len(alphabet))]...)
			}
		}
		checkPieces(t, in, Options{}, 2, 5, 13, 40)
		checkPieces(t, in, Options{Limits: Limits{Rows: 8, FieldBytes: 6}, Numeric: []string{"a"}}, 7, 16)
	}
}

func TestReadCSVInPiecesTellsATextAtFaultOnce(t *testing.T) {
	in := []byte("a,b\n" + strings.Repeat("x\xff,1\n1,2,3\n", 15) + strings.Repeat("y\xfe,\xfe\n", 40))
	checkPieces(t, in, Options{}, 7, 16, 64, 200)
}

// A column stays of numbers until its last row; what was written comes back over all pieces.
func TestReadCSVInPiecesWithALateText(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	in := []byte("a,b,c\n")
	for i := range 5000 {
		in = fmt.Appendf(in, "%.*f,%d,%s\n", rng.IntN(18), rng.NormFloat64(), i%7, []string{"", "1e5", "+7", ".5"}[rng.IntN(4)])
	}
	checkPieces(t, append(in, "x,y,z\n"...), Options{}, 100, 1000, 65_000)
}

func TestReadCSVInPiecesOfOurData(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/datasets/*.csv")
	if len(files) == 0 {
		t.Fatal("no data")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkPieces(t, b, Options{}, 50, 333, 4096)
		checkPieces(t, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), Options{}, 50, 333)
	}
}

// A record longer than a piece is read on in a window that does not keep it, as long as its fields are within the limit.
func TestReadCSVInPiecesWithLongRecords(t *testing.T) {
	var in []byte
	for i := range 50 {
		in = fmt.Appendf(in, "%s%d", ",\n"[min(1, max(0, 1-i)):][:1], i)
	}
	in = append([]byte("n"+strings.Repeat(",n", 49)+"\n"), bytes.TrimPrefix(in, []byte("\n"))...)
	in = bytes.ReplaceAll(in, []byte("n"), []byte("x")) // duplicate names: an error, the same in any pieces
	checkPieces(t, in, Options{}, 10, 60)
	checkPieces(t, []byte("a,b\n1,\""+strings.Repeat("long\n", 100)+"\"\n2,y\n3,z\n"), Options{}, 16, 64, 500)
}

func FuzzPieces(f *testing.F) {
	for _, seed := range []string{"a,b\n1,x\n", "\uFEFF\"a\"\"\",b\r\n\"1\n\",x\r\n", "a;b\n1;\"x;y\"\n\n", "a\n1\ninf\n", "a,b\n1,2,3\n\"", "a\n007\nx\n", "a|b\n\x00|\xff\n", "a,b\r1,\"\r\"\"\r\"\r2,\r"} {
		f.Add(seed, uint8(7))
	}
	f.Fuzz(func(t *testing.T, in string, size uint8) {
		checkPieces(t, []byte(in), Options{Limits: Limits{Rows: 1000, Columns: 100, FieldBytes: 1000, Bytes: 1 << 20}}, 1+int(size))
	})
}

func BenchmarkReadCSVOfAStream(b *testing.B) {
	data := wide(20_000, 30)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadCSV(io.MultiReader(bytes.NewReader(data)), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
