package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"mlops/shared/fault"
)

// show is a frame as short text: one line a column, its kind and its values, "_" for missing.
func show(f *Frame) string {
	var b strings.Builder
	for i := range f.Columns {
		c := &f.Columns[i]
		fmt.Fprintf(&b, "%q %.3s", c.Name, c.Kind)
		for r := range c.Len() {
			if c.Missing(r) {
				b.WriteString(" _")
			} else {
				fmt.Fprintf(&b, " %v", c.Text(r))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestReadCSVSyntax(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "a,b\n1,x\n2,y\n", "\"a\" num 1 2\n\"b\" cat x y\n"},
		{"no line end at the end", "a,b\n1,x", "\"a\" num 1\n\"b\" cat x\n"},
		{"CRLF", "a,b\r\n1,x\r\n2,y\r\n", "\"a\" num 1 2\n\"b\" cat x y\n"},
		{"lone CR", "a,b\r1,x\r2,y\r", "\"a\" num 1 2\n\"b\" cat x y\n"},
		{"byte order mark", "\uFEFFa,b\n1,x\n", "\"a\" num 1\n\"b\" cat x\n"},
		{"byte order mark and quoted name", "\uFEFF\"a\",b\n1,x\n", "\"a\" num 1\n\"b\" cat x\n"},
		{"empty lines", "\n\na,b\n\n1,x\n\r\n\n2,y\n\n", "\"a\" num 1 2\n\"b\" cat x y\n"},
		{"RFC 4180 rule 5: all in quotes", "\"a\",\"b\"\n\"1\",\"x\"\n", "\"a\" num 1\n\"b\" cat x\n"},
		{"RFC 4180 rule 6: line break and separator in quotes", "a,b\n1,\"x,\r\ny\"\n", "\"a\" num 1\n\"b\" cat x,\r\ny\n"},
		{"RFC 4180 rule 7: doubled quotes", "a,b\n1,\"x\"\"y\"\"\"\n2,\"\"\"\"\n", "\"a\" num 1 2\n\"b\" cat x\"y\" \"\n"},
		{"empty in quotes is missing", "a,b\n\"\",\"\"\n1,x\n", "\"a\" num _ 1\n\"b\" cat _ x\n"},
		{"semicolon", "a;b,c;d\n1;x,y;2\n", "\"a\" num 1\n\"b,c\" cat x,y\n\"d\" num 2\n"},
		{"tab", "a\tb\n1\tx y\n", "\"a\" num 1\n\"b\" cat x y\n"},
		{"bar", "a|b\n1|x\n", "\"a\" num 1\n\"b\" cat x\n"},
		{"separators in quotes do not count", "\"a;;;\",b\n1,x\n", "\"a;;;\" num 1\n\"b\" cat x\n"},
		{"one column", "a\n1\n2\n", "\"a\" num 1 2\n"},
		{"one column, missing in quotes", "a\n1\n\"\"\n", "\"a\" num 1 _\n"},
		{"trailing separator is an empty field", "a,b\n1,\n2,", "\"a\" num 1 2\n\"b\" num _ _\n"},
		{"missing marks", "a,b\n?,NA\nNaN,x\nnull,None\n1, ? \n", "\"a\" num _ _ _ 1\n\"b\" cat _ x _ _\n"},
		{"spaces: not in names, not in numbers, kept in text", " a , b \n 1 , x \n", "\"a\" num 1\n\"b\" cat  x \n"},
		{"spaces in a quoted name stay", "\" a\",b\n1,x\n", "\" a\" num 1\n\"b\" cat x\n"},
		{"number spellings", "a\n+5\n.5\n5.\n007\n1e3\n-0.25\n1E-2\n", "\"a\" num 5 0.5 5 7 1000 -0.25 0.01\n"},
		{"text brings numbers back letter by letter", "a\n+5\n.5\n5.\n007\n1e3\n-0.250\n 12 \n12345678901234567890\n0.12345678901234567\n-0\nNA\nx\n",
			"\"a\" cat +5 .5 5. 007 1e3 -0.250  12  12345678901234567890 0.12345678901234567 -0 _ x\n"},
		{"no numbers: hexadecimal, grouped, worded", "a,b;,c\n0x10,1_000,one\n1,2,3\n", "\"a\" cat 0x10 1\n\"b;\" cat 1_000 2\n\"c\" cat one 3\n"},
		{"inf among texts is a text", "a\ninf\nx\n", "\"a\" cat inf x\n"},
		{"inf alone is a text", "a\nInf\n\"\"\n-Infinity\n", "\"a\" cat Inf _ -Infinity\n"},
		{"formula characters stay", "a\n=1+1\n@x\n-y\n", "\"a\" cat =1+1 @x -y\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				f, err := ReadCSV(r, Options{})
				if err != nil {
					t.Fatalf("ReadCSV(%q): %v", c.in, err)
				}
				if got := show(f); got != c.want {
					t.Errorf("ReadCSV(%q) =\n%swant\n%s", c.in, got, c.want)
				}
			}
		})
	}
}

// However late a text comes, the numbers before it are what was written.
func TestReadCSVBringsManyNumbersBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	texts := make([]string, 30_000)
	for i := range texts {
		texts[i] = strconv.FormatFloat(rng.NormFloat64(), "efg"[rng.IntN(3)], rng.IntN(20)-1, 64)
		switch rng.IntN(20) {
		case 0:
			texts[i] = strings.Repeat("0", rng.IntN(300)) + strconv.Itoa(rng.IntN(1000))
		case 1:
			texts[i] = ""
		}
	}
	texts = append(texts, "x")
	f, err := ReadCSV(strings.NewReader("a,b\n"+strings.Join(texts, ",\n")+",\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range texts {
		if got := f.Columns[0].Text(i); got != want {
			t.Fatalf("row %d: %q came back as %q", i+1, want, got)
		}
	}
}

func TestReadCSVProblems(t *testing.T) {
	few := Options{Limits: Limits{Rows: 3, Columns: 3, FieldBytes: 8, Bytes: 60}}
	for _, c := range []struct {
		name, in string
		o        Options
		want     string // of the error, whole
	}{
		{"empty", "", Options{}, "read CSV: the input is empty"},
		{"only a byte order mark and blanks", "\uFEFF \n\r\n", Options{}, "read CSV: the input is empty"},
		{"header only", "a,b\n", Options{}, "read CSV: there is a header of 2 columns and no data row"},
		{"gzip", "\x1f\x8b\x08\x00", Options{}, "read CSV: this is not text but gzip data, compressed twice or where none is read; unpack it first"},
		{"Excel", "PK\x03\x04..", Options{}, "read CSV: this is not text but a ZIP archive or an Excel workbook; save the sheet as CSV (UTF-8)"},
		{"Parquet", "PAR1", Options{}, "read CSV: this is not text but a Parquet file, which is not read here; save it as CSV"},
		{"UTF-16", "\xff\xfea\x00,\x00", Options{}, "read CSV: this is not text but UTF-16 text; save it as UTF-8"},
		{"names", "a,,b,a\n1,2,3,4\n", Options{}, "read CSV: 2 problems; column 2: empty_name, expected a name in the header; " +
			"column 4: duplicate_name, got a, expected a name that column 1 has not"},
		{"no header", "63.0,1.0,1.0\n67.0,1.0,4.0\n", Options{}, "read CSV: 2 problems; column 3: duplicate_name, got 1.0, expected a name that column 2 has not; " +
			"header: no_header, got 63.0,1.0,1.0, expected the columns' names in the first line"},
		{"ragged", "a,b\n1\n1,2\n1,2,3\n", Options{}, "read CSV: 2 problems; ragged in row 1, got 1 fields, expected 2 fields like the header; " +
			"ragged in row 3, got 3 fields, expected 2 fields like the header"},
		{"bare quote", "a,b\n1,x\"y\"\n2,z\n", Options{}, "read CSV: 1 problem; column 2: bare_quote in row 1, got x\", expected the whole field in quotes, and this quote doubled"},
		{"text after quote", "a,b\n\"1\"x,2\n", Options{}, "read CSV: 1 problem; column 1: text_after_quote in row 1, got \"x, expected a separator or the end of the line after the closing quote"},
		{"open quote", "a,b\n1,\"x\n2,y\n", Options{}, "read CSV: 1 problem; column 2: open_quote in row 1, got \"x\n2,y\n, expected a quote at the end of the field"},
		{"NUL", "a,b\n1,x\x00y\n", Options{}, "read CSV: 1 problem; b: nul_byte in row 1, got x\x00y, expected text without NUL bytes; is this a binary or a UTF-16 file?"},
		{"Latin-1", "a,b\n1,Z\xfcrich\n", Options{}, "read CSV: 1 problem; b: not_utf8 in row 1, got Z\uFFFDrich, expected UTF-8; save the file in that encoding"},
		{"Latin-1 in the header", "a,\xe9\n1,x\n", Options{}, "read CSV: 1 problem; column 2: not_utf8, got \uFFFD, expected UTF-8; save the file in that encoding"},
		{"joined files", "a,b\n1,x\n\uFEFFa,b\n", Options{}, "read CSV: 1 problem; a: byte_order_mark in row 2, got \uFEFFa, expected a byte order mark at the very start only; were two files joined?"},
		{"infinity among numbers", "a,b\n1,x\n-inf,y\n1e999,z\n", Options{}, "read CSV: 1 problem; a: non_finite in row 2, got 2 infinite or too large numbers, " +
			"expected finite numbers; leave the field empty where there is no value"},
		{"must be a number", "a,b\n1,2\nx,3\n,4\n", Options{Numeric: []string{"a", "c"}}, "read CSV: 2 problems; c: missing, expected one of a, b; a: wrong_type in row 2, got x, expected a number"},
		{"must be both", "a\n1\n", Options{Numeric: []string{"a"}, Categorical: []string{"a"}}, "read CSV: 1 problem; a: contradiction, got numeric and categorical, expected one of the two"},
		{"too many columns", "a,b,c,d\n1,2,3,4\n", few, "read CSV: more than 3 columns"},
		{"too many rows", "a\n1\n2\n3\n4\n", few, "read CSV: more than 3 rows"},
		{"too long a field", "a,b\n1\n123456789,2\n", few, "read CSV: a field of more than 8 bytes; ragged in row 1, got 1 fields, expected 2 fields like the header; " +
			"column 1: too_long in row 2, got 123456789, expected at most 8 bytes in a field; is a quote opened and never closed?"},
		{"too long in quotes", "a,b\n1,\"123456789\n,2\n", few, "read CSV: a field of more than 8 bytes; " +
			"column 2: too_long in row 1, got \"123456789\n,2\n, expected at most 8 bytes in a field; is a quote opened and never closed?"},
		{"too long in all", "a\n" + strings.Repeat("\n", 60), few, "read CSV: more than 60 bytes (after decompression)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				f, err := ReadCSV(r, c.o)
				if err == nil {
					t.Fatalf("ReadCSV(%q) =\n%swant an error", c.in, show(f))
				}
				if err.Error() != c.want {
					t.Errorf("ReadCSV(%q):\n%s\nwant\n%s", c.in, err, c.want)
				}
				tooLarge := strings.Contains(c.want, "more than")
				if !fault.Is(err, fault.Invalid) || (fault.CodeOf(err) == fault.CodeTooLarge) != tooLarge {
					t.Errorf("kind %v, code %q", fault.KindOf(err), fault.CodeOf(err))
				}
			}
		})
	}
}

func TestReadCSVNamesTwentyProblemsAndCountsTheRest(t *testing.T) {
	_, err := ReadCSV(strings.NewReader("a,b\n"+strings.Repeat("1\n", 37)), Options{})
	d := fault.Details(err)
	if len(d) != 21 || d[20].Code != "more" || d[20].Got != 17 || *d[19].Row != 20 {
		t.Errorf("%d details, the last %v", len(d), d[len(d)-1])
	}
}

func TestReadCSVKeepsTheKindOfAFailingReader(t *testing.T) {
	cause := fault.Unavailablef("throttled")
	_, err := ReadCSV(io.MultiReader(strings.NewReader("a,b\n1,2\n"), iotest.ErrReader(cause)), Options{})
	if !errors.Is(err, cause) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v, kind %v", err, fault.KindOf(err))
	}
}

// endless gives its text over and over, and counts what was taken.
type endless struct {
	text  string
	taken int
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(b) {
		n += copy(b[n:], e.text)
	}
	e.taken += n
	return n, nil
}

func TestReadCSVStopsAtItsLimits(t *testing.T) {
	for _, start := range []string{"a,b\n1,", "a,b\n1,\"", "a", "\""} {
		r := &endless{text: "x"}
		_, err := ReadCSV(io.MultiReader(strings.NewReader(start), r), Options{Limits: Limits{FieldBytes: 1 << 20}})
		if fault.CodeOf(err) != fault.CodeTooLarge {
			t.Errorf("after %q: %v", start, err)
		}
		if r.taken > 4<<20 {
			t.Errorf("after %q: %d bytes read for a field of at most 1 MiB", start, r.taken)
		}
	}
	for _, text := range []string{"1,2\n", "\n"} {
		r := &endless{text: text}
		_, err := ReadCSV(io.MultiReader(strings.NewReader("a,b\n"), r), Options{Limits: Limits{Bytes: 1 << 20}})
		if fault.CodeOf(err) != fault.CodeTooLarge || r.taken > 2<<20 {
			t.Errorf("endless %q: %d bytes read, %v", text, r.taken, err)
		}
	}
}

// randomTable is a table of texts that are hard to quote, and its options-free reading.
func randomTable(rng *rand.Rand) [][]string {
	alphabet := []string{"a", "b", "Zürich", ",", ";", "\n", "\r\n", "\"", " ", "\t", "|", "=", "'", "1", "-", ".", "x y"}
	columns, rows := 1+rng.IntN(5), 1+rng.IntN(20)
	numeric := make([]bool, columns)
	for i := range numeric {
		numeric[i] = rng.IntN(2) == 0
	}
	table := make([][]string, rows+1)
	for r := range table {
		table[r] = make([]string, columns)
		for c := range table[r] {
			var text string
			for range rng.IntN(6) {
				text += alphabet[rng.IntN(len(alphabet))]
			}
			switch {
			case r == 0:
				text = "n" + text + strconv.Itoa(c)
			case rng.IntN(8) == 0:
				text = ""
			case numeric[c]:
				text = strconv.FormatFloat(math.Round(rng.NormFloat64()*1000)/math.Pow10(rng.IntN(6)), 'g', -1, 64)
			}
			table[r][c] = text
		}
	}
	return table
}

// encoding/csv is the judge of what the syntax means: it writes tables and reads back ours.
func TestCSVAgreesWithEncodingCSV(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	missing := missingSet(Options{})
	for range 500 {
		table := randomTable(rng)
		for c, name := range table[0] {
			table[0][c] = strings.NewReplacer(";", "", "|", "", "\t", "").Replace(name) // the separator is not what this is about
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rng.IntN(2) == 0
		if w.WriteAll(table); len(table[0]) == 1 && bytes.Contains(b.Bytes(), []byte("\n\n")) {
			continue // encoding/csv writes a lonely empty field as an empty line
		}
		theirs, err := csv.NewReader(bytes.NewReader(b.Bytes())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		f, err := ReadCSV(bytes.NewReader(b.Bytes()), Options{})
		if err != nil {
			t.Fatalf("%q: %v", b.Bytes(), err)
		}
		if f.Rows() != len(theirs)-1 || len(f.Columns) != len(theirs[0]) {
			t.Fatalf("%q: %d x %d, encoding/csv %d x %d", b.Bytes(), f.Rows(), len(f.Columns), len(theirs)-1, len(theirs[0]))
		}
		crlf := strings.NewReplacer("\r\n", "\n") // which encoding/csv does to quoted fields and we do not
		for c := range f.Columns {
			if got := crlf.Replace(f.Columns[c].Name); got != theirs[0][c] {
				t.Fatalf("name %q, encoding/csv %q", got, theirs[0][c])
			}
			for r := range f.Rows() {
				want := theirs[r+1][c]
				got := f.Columns[c].Text(r)
				if f.Columns[c].Kind == Numeric && want != "" {
					v, err := strconv.ParseFloat(strings.Trim(want, " \t"), 64)
					if f.Columns[c].Missing(r) != missing(trim([]byte(want))) || !missing(trim([]byte(want))) && (err != nil || v != f.Columns[c].Float[r]) {
						t.Fatalf("row %d column %d: %v, encoding/csv %q", r, c, got, want)
					}
				} else if missing(trim([]byte(want))) != f.Columns[c].Missing(r) || !f.Columns[c].Missing(r) && crlf.Replace(got) != want {
					t.Fatalf("%q\nrow %d column %d: %q, encoding/csv %q", b.Bytes(), r, c, got, want)
				}
			}
		}
		b.Reset()
		if err := WriteCSV(&b, f); err != nil {
			t.Fatal(err)
		}
		again, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(again) != len(theirs) {
			t.Fatalf("encoding/csv reads ours: %d records, %v", len(again), err)
		}
	}
}

func TestCSVRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var in bytes.Buffer
		for _, record := range randomTable(rng) {
			for i, text := range record {
				if i > 0 {
					in.WriteByte(',')
				}
				in.WriteString(`"` + strings.ReplaceAll(text, `"`, `""`) + `"`)
			}
			in.WriteByte('\n')
		}
		f, err := ReadCSV(&in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkRoundTrip(t, f)
	}
}

// checkRoundTrip fails unless f comes back from CSV as it is, NaNs by their place.
func checkRoundTrip(t *testing.T, f *Frame) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteCSV(&b, f); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	g, err := ReadCSV(&b, Options{})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if Digest(f) != Digest(g) {
		t.Fatalf("%q: another digest\n%s%s", text, show(f), show(g))
	}
	for i := range f.Columns {
		a, c := f.Columns[i], g.Columns[i]
		for r := range a.Float {
			if math.Float64bits(a.Float[r]) != math.Float64bits(c.Float[r]) && !(a.Missing(r) && c.Missing(r)) {
				t.Fatalf("%q: row %d: %v became %v", a.Name, r, a.Float[r], c.Float[r])
			}
		}
		a.Float, c.Float = nil, nil
		if !reflect.DeepEqual(a, c) && !(len(a.Code) == 0 && len(c.Code) == 0) {
			t.Fatalf("%q: %+v became %+v", text, a, c)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{"a,b\n1,x\n", "\uFEFF\"a\"\"\",b\r\n\"1\n\",x\r\n", "a;b\n1;\"x;y\"\n\n", "a\n1\ninf\n", "a,b\n1,2,3\n\"", "a\n007\nx\n", "a|b\n\x00|\xff\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		o := Options{Limits: Limits{Rows: 1000, Columns: 100, FieldBytes: 1000, Bytes: 1 << 20}}
		frame, err := ReadCSV(iotest.HalfReader(strings.NewReader(in)), o)
		if !sound(t, frame, err) {
			return
		}
		checkRoundTrip(t, frame)
		_, err = csv.NewReader(strings.NewReader(in)).ReadAll()
		if err != nil && slices.Contains([]error{csv.ErrBareQuote, csv.ErrQuote}, errors.Unwrap(err)) && guessSeparator([]byte(in)) == ',' && !strings.Contains(strings.ReplaceAll(in, "\r\n", ""), "\r") && !strings.HasPrefix(in, "\uFEFF") {
			t.Fatalf("encoding/csv refuses it: %v", err)
		}
	})
}

// wide is a table of rows x columns, a third of them texts of a few levels, a third short decimals, a third with all digits.
func wide(rows, columns int) []byte {
	rng := rand.New(rand.NewPCG(5, 6))
	var b []byte
	for c := range columns {
		b = fmt.Appendf(b, ",column%d", c)
	}
	b = b[1:]
	for range rows {
		for c := range columns {
			b = append(b, ",\n"[min(1, max(0, 1-c))])
			switch c % 3 {
			case 0:
				b = fmt.Appendf(b, "level-%d", rng.IntN(20))
			case 1:
				b = strconv.AppendFloat(b, rng.NormFloat64(), 'f', 3, 64)
			default:
				b = strconv.AppendFloat(b, rng.NormFloat64(), 'g', -1, 64)
			}
		}
	}
	return append(b, '\n')
}

func BenchmarkReadCSV(b *testing.B) {
	data := wide(20_000, 30)
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ReadCSV(bytes.NewReader(data), Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_csv", func(b *testing.B) { // the least that it takes there: numbers parsed, texts merely seen
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(data))
			r.ReuseRecord = true
			columns := make([][]float64, 30)
			r.Read()
			for {
				record, err := r.Read()
				if err != nil {
					break
				}
				for i, text := range record {
					if i%3 > 0 {
						v, _ := strconv.ParseFloat(text, 64)
						columns[i] = append(columns[i], v)
					}
				}
			}
		}
	})
}

func BenchmarkWriteCSV(b *testing.B) {
	data := wide(20_000, 30)
	f, err := ReadCSV(bytes.NewReader(data), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		WriteCSV(io.Discard, f)
	}
}

func TestReadCSVKindsByOption(t *testing.T) {
	f, err := ReadCSV(strings.NewReader("cp,x,m\n1.0,2,-9\n4,,1\n?,3,-\n"), Options{Categorical: []string{"cp"}, Numeric: []string{"x"}, Missing: []string{"-9", "?", "-"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(f), "\"cp\" cat 1.0 4 _\n\"x\" num 2 _ 3\n\"m\" num _ 1 _\n"; got != want {
		t.Errorf("%swant\n%s", got, want)
	}
}

// Whether a column was written with points is remembered, and an infinity is a value for those who ask.
func TestDecimalAndInfinite(t *testing.T) {
	f, err := ReadCSV(strings.NewReader("whole,point,exponent,odd,inf\n1,1,1e3,+7,inf\n2,2.0,2,007,-Infinity\n,3,3,,1\n"), Options{Infinite: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, true, false, true} {
		if c := f.Columns[i]; c.Kind != Numeric || c.Decimal != want {
			t.Errorf("%s: %s, decimal %v", c.Name, c.Kind, c.Decimal)
		}
	}
	if v := f.Columns[4].Float; !math.IsInf(v[0], 1) || !math.IsInf(v[1], -1) || v[2] != 1 {
		t.Errorf("%v", v)
	}
	f, err = ReadCSV(strings.NewReader("x\ninf\n-1e999\na\n"), Options{Infinite: true})
	if err != nil || f.Columns[0].Text(0) != "inf" || f.Columns[0].Text(1) != "-1e999" {
		t.Errorf("%v, %v", f, err)
	}
}
