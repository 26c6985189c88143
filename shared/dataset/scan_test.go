package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"mlops/shared/fault"
)

// gather scans in and shows the table that its batches, put in order, make.
func gather(piece int, in []byte, o Options) (string, error) {
	return gatherBy(func(begin Begin) (Heading, error) {
		return scanIn(piece, SourceAt("a.csv", bytes.NewReader(in), int64(len(in))), o, begin)
	})
}

// gatherLines is gather of JSON Lines, in batches of so many rows.
func gatherLines(most int, in []byte, o Options) (string, error) {
	return gatherBy(func(begin Begin) (Heading, error) {
		for passes := 1; ; passes++ {
			h, again, err := scanJSONL(bytes.NewReader(in), &o, begin, most)
			if err != nil || !again {
				return h, err
			}
			if passes == 3 {
				return h, errors.New("three passes do not do")
			}
		}
	})
}

func gatherBy(scan func(Begin) (Heading, error)) (string, error) {
	type rows struct {
		first, rows int
		cells       []string // by column
	}
	var got []rows
	var mu sync.Mutex
	h, err := scan(func(h Heading, takers int) ([]func(Batch) error, error) {
		got = nil
		take := make([]func(Batch) error, takers)
		for i := range take {
			take[i] = func(b Batch) error {
				if _, err := NewFrame(b.Frame.Columns...); err != nil {
					return err
				}
				r := rows{b.First, b.Frame.Rows(), make([]string, len(b.Frame.Columns))}
				for k := range b.Frame.Columns {
					c := &b.Frame.Columns[k]
					if c.Kind != h.Kinds[k] || c.Name != h.Names[k] {
						return fmt.Errorf("column %s is %v, not as told", c.Name, c.Kind)
					}
					_, r.cells[k], _ = strings.Cut(show(&Frame{[]Column{*c}}), fmt.Sprintf("%q %.3s", c.Name, c.Kind))
					r.cells[k] = strings.TrimSuffix(r.cells[k], "\n")
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, r)
				return nil
			}
		}
		return take, nil
	})
	if err != nil {
		return "", err
	}
	slices.SortFunc(got, func(a, b rows) int { return cmp.Compare(a.first, b.first) })
	var b strings.Builder
	rowsBefore := 0
	for i := range got {
		if got[i].first != rowsBefore {
			return "", fmt.Errorf("a batch begins after %d rows, %d came", got[i].first, rowsBefore)
		}
		rowsBefore += got[i].rows
	}
	for k, name := range h.Names {
		fmt.Fprintf(&b, "%q %.3s", name, h.Kinds[k])
		for _, r := range got {
			b.WriteString(r.cells[k])
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

// totals scans a source and adds up its numbers.
func totals(s Source, o Options) (h Heading, rows int, sum float64, passes int, err error) {
	var mu sync.Mutex
	h, err = Scan(s, o, func(_ Heading, takers int) ([]func(Batch) error, error) {
		passes++
		rows, sum = 0, 0
		return slices.Repeat([]func(Batch) error{func(b Batch) error {
			mu.Lock()
			defer mu.Unlock()
			rows += b.Frame.Rows()
			for _, c := range b.Frame.Columns {
				for _, v := range c.Float {
					if !math.IsNaN(v) {
						sum += v
					}
				}
			}
			return nil
		}}, takers), nil
	})
	return
}

func TestScanReadsAgainWhenATextComesLate(t *testing.T) {
	in := []byte("a,b\n" + strings.Repeat("1,2\n", 400_000))
	for _, c := range []struct {
		last   string
		passes int
		kind   Kind
		sum    float64
	}{{"3,4\n", 1, Numeric, 1_200_007}, {"x,4\n", 2, Categorical, 800_004}} {
		whole := append(slices.Clone(in), c.last...)
		for _, s := range []Source{
			SourceAt("t.csv", bytes.NewReader(whole), int64(len(whole))),
			SourceIn(fstest.MapFS{"t.csv": {Data: whole}}, "t.csv"),
			{Name: "t.csv.gz", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed(t, ".gz", whole))), nil }},
		} {
			h, rows, sum, passes, err := totals(s, Options{})
			if err != nil || rows != 400_001 || h.Rows != rows || passes != c.passes || h.Kinds[0] != c.kind || sum != c.sum {
				t.Errorf("%s, last %q: %d rows, %v of %v in %d passes, %v", s.Name, c.last, rows, sum, h.Kinds, passes, err)
			}
			if _, _, _, passes, _ := totals(s, h.Options(Options{})); passes != 1 {
				t.Errorf("%s, last %q: %d passes with the kinds known", s.Name, c.last, passes)
			}
		}
	}
}

func TestScanOfJSONLines(t *testing.T) {
	in := "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n"
	h, rows, sum, _, err := totals(SourceAt("a.jsonl", strings.NewReader(in), int64(len(in))), Options{})
	if err != nil || rows != 2 || h.Rows != 2 || sum != 3 || !slices.Equal(h.Kinds, []Kind{Numeric, Categorical}) {
		t.Errorf("%+v: %d rows, sum %v, %v", h, rows, sum, err)
	}
}

func TestScanEndsWithTheErrorOfATaker(t *testing.T) {
	in := []byte("a\n" + strings.Repeat("1\n", 2_000_000))
	full := errors.New("full")
	s := SourceAt("a.csv", bytes.NewReader(in), int64(len(in)))
	_, err := Scan(s, Options{}, func(_ Heading, takers int) ([]func(Batch) error, error) {
		return slices.Repeat([]func(Batch) error{func(Batch) error { return full }}, takers), nil
	})
	if err != full {
		t.Errorf("got %v", err)
	}
	if _, err = Scan(s, Options{}, func(Heading, int) ([]func(Batch) error, error) { return nil, full }); err != full {
		t.Errorf("got %v", err)
	}
}

func TestScanSaysWhatReadSays(t *testing.T) {
	for name, in := range map[string]string{"a.csv": "a,b\n1\n", "b.jsonl": "{", "c.xls": "", "d.csv.gz": "a,b\n1,2\n", "e.csv": ""} {
		_, want := Read(strings.NewReader(in), name, Options{})
		_, _, _, _, err := totals(SourceAt(name, strings.NewReader(in), int64(len(in))), Options{})
		if fmt.Sprint(err) != fmt.Sprint(want) || fault.CodeOf(err) != fault.CodeOf(want) {
			t.Errorf("%s: %v, Read says %v", name, err, want)
		}
	}
}

// Whether some number was written with a point is known of every batch, and of the whole table, though the only point be in the last piece.
func TestScanKnowsDecimals(t *testing.T) {
	text := "a,b,gaps\n" + strings.Repeat("1,2,\n", 40_000) + "1,2.0,3.5\n1,2,\n"
	for piece, want := range map[int][]bool{256: {false, true, true}, pieceBytes: {false, true, true}} {
		var mu sync.Mutex
		got := make([]bool, 3)
		_, err := scanIn(piece, SourceAt("t.csv", strings.NewReader(text), int64(len(text))), Options{}, func(_ Heading, takers int) ([]func(Batch) error, error) {
			return slices.Repeat([]func(Batch) error{func(b Batch) error {
				mu.Lock()
				defer mu.Unlock()
				for i := range got {
					got[i] = got[i] || b.Frame.Columns[i].Decimal
				}
				return nil
			}}, takers), nil
		})
		whole, wrong := Read(strings.NewReader(text), "t.csv", Options{})
		if err != nil || wrong != nil {
			t.Fatal(err, wrong)
		}
		for i := range got {
			if got[i] != want[i] || whole.Columns[i].Decimal != want[i] {
				t.Errorf("pieces of %d, column %d: scanned %v, read %v, want %v", piece, i, got[i], whole.Columns[i].Decimal, want[i])
			}
		}
	}
}

// repeated gives a text n times without holding it.
type repeated struct {
	text string
	n    int
	at   int
}

func (r *repeated) Read(b []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.text[r.at:])
	if r.at += n; r.at == len(r.text) {
		r.at, r.n = 0, r.n-1
	}
	return n, nil
}

// The memory of a scan does not grow with its rows, be they of numbers that are kept as texts elsewhere, or all different.
func TestScanHoldsNoTable(t *testing.T) {
	line := strings.Repeat("0.12345678901234567890,abcdefghijklmnop,\"quoted\nover lines\"\n", 100)
	allocated := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := Source{Name: "a.csv", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("a,b,c\n"), &repeated{text: line, n: n})), nil
		}}
		if _, rows, _, _, err := totals(s, Options{}); err != nil || rows != 100*n {
			t.Fatalf("%d rows, %v", rows, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(100)
	few, many := allocated(1000), allocated(10_000)
	if extra := int64(many) - int64(few); extra > 16<<20 { // the text is 52 MB more
		t.Errorf("%d rows allocate %d bytes, ten times as many %d", 100_000, few, many)
	}
}
