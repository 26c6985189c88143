package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// readBoth reads and scans a text, and demands that the two agree.
func readBoth(t *testing.T, in string, o Options) (string, error) {
	t.Helper()
	f, err := ReadCSV(strings.NewReader(in), o)
	scanned, scanErr := gather(pieceBytes, []byte(in), o)
	if fmt.Sprint(err) != fmt.Sprint(scanErr) {
		t.Errorf("%.200q: read: %v; scanned: %v", in, err, scanErr)
	}
	if err != nil {
		return "", err
	}
	if show(f) != scanned {
		t.Errorf("%.200q: read\n%.300s\nscanned\n%.300s", in, show(f), scanned)
	}
	return show(f), nil
}

func TestNotations(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a decimal comma", "a;b\n1,5;x\n2;y\n", "\"a\" num 1.5 2\n\"b\" cat x y\n"},
		{"and an exponent", "a\tb\nx\t-0,25\ny\t1,5e3\nz\t\n", "\"a\" cat x y z\n\"b\" num -0.25 1500 _\n"},
		{"groups of points", "a;b\n1.234,5;1\n12;2\n1.234.567;3\n", "\"a\" num 1234.5 12 1234567\n\"b\" num 1 2 3\n"},
		{"groups of points alone are those of the file's commas", "a;b\n1.234;0,5\n950;1,5\n", "\"a\" num 1234 950\n\"b\" num 0.5 1.5\n"},
		{"but no groups where one has another length", "a;b\n1.234;0,5\n1.5;1,5\n", "\"a\" num 1.234 1.5\n\"b\" num 0.5 1.5\n"},
		{"nor without a decimal comma in the file", "a;b\n1.234;1\n950;2\n", "\"a\" num 1.234 950\n\"b\" num 1 2\n"},
		{"three digits behind the comma, by the file", "a;b\n1,234;0,5\n2,345;1,5\n", "\"a\" num 1.234 2.345\n\"b\" num 0.5 1.5\n"},
		{"by the column", "a;b\n1,234;1\n0,345;2\n", "\"a\" num 1.234 0.345\n\"b\" num 1 2\n"},
		{"groups of commas, by the file", "a;b\n1,234;1.234.567\n", "\"a\" num 1.234\n\"b\" num 1234567\n"},
		{"groups of commas, by the column", "a;b\n1,234;1\n2.5;2\n", "\"a\" num 1234 2.5\n\"b\" num 1 2\n"},
		{"groups of commas in quotes", "a,b\n\"1,234\",x\n950,y\n", "\"a\" num 1234 950\n\"b\" cat x y\n"},
		{"and a fraction", "a,b\n\"1,234.50\",x\n\"-12,345,678\",y\n", "\"a\" num 1234.5 -12345678\n\"b\" cat x y\n"},
		{"lists are texts", "a;b\n1,5;x\n1,5,6;y\n", "\"a\" cat 1,5 1,5,6\n\"b\" cat x y\n"},
		{"in quotes too", "a,b\n\"1,5\",x\n", "\"a\" cat 1,5\n\"b\" cat x\n"},
		{"a word makes texts", "a;b\n1,5;x\nlow;y\n", "\"a\" cat 1,5 low\n\"b\" cat x y\n"},
		{"an infinity is a text among them", "a;b\n1,5;x\ninf;y\n", "\"a\" cat 1,5 inf\n\"b\" cat x y\n"},
		{"spaces, by the file", "a;b\n1 234;0,5\n12\u00A0345;1,5\n", "\"a\" num 1234 12345\n\"b\" num 0.5 1.5\n"},
		{"spaces alone are texts", "a,b\n555 123,x\n", "\"a\" cat 555 123\n\"b\" cat x\n"},
		{"apostrophes and a point", "a,b\n1'234.5,x\n", "\"a\" num 1234.5\n\"b\" cat x\n"},
		{"groups of another length", "a;b\n12.34,5;x\n0.123.456;y\n", "\"a\" cat 12.34,5 0.123.456\n\"b\" cat x y\n"},
		{"addresses are texts", "ip;b\n192.168.100.101;0,5\n192.168.100.102;1,5\n", "\"ip\" cat 192.168.100.101 192.168.100.102\n\"b\" num 0.5 1.5\n"},
		{"though a great number may look like one", "a;b\n1.100.200.101;x\n1.100.300.101;y\n", "\"a\" num 1100200101 1100300101\n\"b\" cat x y\n"},
		{"no group begins with 0", "phone;b\n030.123.456;0,5\n040.123.456;1,5\n", "\"phone\" cat 030.123.456 040.123.456\n\"b\" num 0.5 1.5\n"},
		{"nor with spaces", "phone;b\n030 123 456;0,5\n555 123 456;1,5\n", "\"phone\" cat 030 123 456 555 123 456\n\"b\" num 0.5 1.5\n"},
		{"nor behind a +", "phone;b\n+49 123 456;0,5\n", "\"phone\" cat +49 123 456\n\"b\" num 0.5\n"},
		{"nor between commas", "id,b\n\"012,345\",x\n\"112,346\",y\n", "\"id\" cat 012,345 112,346\n\"b\" cat x y\n"},
		{"no digit behind the comma", "a;b\n5,;x\n", "\"a\" cat 5,\n\"b\" cat x\n"},
		{"none before it", "a;b\n,5;x\n-,25;y\n", "\"a\" num 0.5 -0.25\n\"b\" cat x y\n"},
		{"no value", "a;b\nNA;x\n1,5;y\n?;z\n", "\"a\" num _ 1.5 _\n\"b\" cat x y z\n"},
	} {
		if got, err := readBoth(t, c.in, Options{}); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.name, got, err)
		}
	}
}

// What may be one number or another a thousand times as great is named, never guessed.
func TestNotationsInDoubt(t *testing.T) {
	for in, want := range map[string]string{
		"a;b\n1,5;x\n2.5;y\n":          "a: decimal_comma",
		"a;b\n1,234;x\n950;y\n":        "a: ambiguous_number",
		"a\tb\n1,234\t0,5\n2\t1,5.5\n": "a: ambiguous_number", // b is one of texts and speaks for nothing
		"a;b;c\n1,234;0,5;1,000.5\n":   "a: ambiguous_number", // b and c contradict each other
	} {
		if _, err := readBoth(t, in, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
		if _, err := readBoth(t, in, Options{Categorical: []string{"a"}}); err != nil {
			t.Errorf("%q, asked for as a category: %v", in, err)
		}
	}
	if _, err := readBoth(t, "a;b\n1,5;x\n", Options{Numeric: []string{"a"}}); err != nil {
		t.Errorf("asked for as numbers: %v", err)
	}
}

// Evidence that comes long after the first rows, in whichever column, decides for all.
func TestNotationsKnownLate(t *testing.T) {
	for _, c := range []struct{ early, late, want string }{
		{"1;2\n", "2,5;3\n", "\"a\" num 1 2.5\n\"b\" num 2 3\n"},
		{"1;2.345\n", "2,5;3\n", "\"a\" num 1 2.5\n\"b\" num 2345 3\n"},
		{"1,5;2.345\n", "low;3\n", "\"a\" cat 1,5 low\n\"b\" num 2.345 3\n"},
		{"1,5;2\n", "2.5;3\n", "decimal_comma"},
		{"1,234;2\n", "2;0,5\n", "\"a\" num 1.234 2\n\"b\" num 2 0.5\n"},
		{"1,234;2\n", "low;0,5\n", "\"a\" cat 1,234 low\n\"b\" num 2 0.5\n"},
		{"1,5;1,234\n", "x;2\n", "ambiguous_number"},
		{"10.100.200.101;2\n", "10.100.200.999;3\n", "\"a\" num 10100200101 10100200999\n\"b\" num 2 3\n"},
		{"10.100.200.101;2\n", "10.100.200.102;0,5\n", "\"a\" cat 10.100.200.101 10.100.200.102\n\"b\" num 2 0.5\n"},
		{"1 234;0,5\n", "2 345;x\n", "\"a\" cat 1 234 2 345\n\"b\" cat 0,5 x\n"},
	} {
		n := 4*windowBytes/len(c.early) + 1
		in := "a;b\n" + strings.Repeat(c.early, n) + c.late
		got, err := readBoth(t, in, Options{})
		if err != nil {
			got = err.Error()
		}
		for _, text := range strings.Split(strings.Split(c.early, "\n")[0], ";") { // the rows that repeat, once
			for _, text := range []string{text, strings.ReplaceAll(text, ",", "."), strings.ReplaceAll(text, ".", "")} {
				got = strings.ReplaceAll(got, strings.Repeat(" "+text, n), " "+text)
			}
		}
		if got != c.want && !(err != nil && strings.Contains(got, c.want)) {
			t.Errorf("%q, then %q: %.300s", c.early, c.late, got)
		}
	}
}

// pandas is the judge: it is told what we find out.
func TestNotationsAsPandas(t *testing.T) {
	b, err := os.ReadFile("../../testdata/oracle/notation.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Text string
		Columns    map[string][]any
	}
	if err := json.Unmarshal(b, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		f, err := ReadCSV(strings.NewReader(c.Text), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for name, want := range c.Columns {
			column := f.Column(name)
			for i, v := range want {
				if got := column.Value(i); got != v {
					t.Fatalf("%s: %s in row %d is %v, pandas says %v", c.Name, name, i+1, got, v)
				}
			}
		}
		var plain bytes.Buffer
		if err := WriteCSV(&plain, f); err != nil {
			t.Fatal(err)
		}
		g, err := ReadCSV(&plain, Options{})
		if err != nil || Digest(f) != Digest(g) {
			t.Errorf("%s: the same rows written plainly have another digest (%v)", c.Name, err)
		}
		again, err := readBoth(t, c.Text, Options{})
		if err != nil || again != show(f) {
			t.Errorf("%s: %v", c.Name, err)
		}
		checkPieces(t, []byte(c.Text), Options{}, 3, 50, 500)
	}
}

// The next reading of a scanned table takes its numbers as the first did, also when the column that told their notation is left out.
func TestNotationsAreKept(t *testing.T) {
	in := []byte("a;b\n1,250;0,5\n2,500;1,5\n")
	s := SourceAt("t.csv", bytes.NewReader(in), int64(len(in)))
	h, _, sum, _, err := totals(s, Options{})
	if err != nil || sum != 1.25+2.5+2 {
		t.Fatal(sum, err)
	}
	o := h.Options(Options{Columns: []string{"a"}})
	o.Numeric = o.Numeric[:1]
	if _, _, sum, passes, err := totals(s, o); err != nil || passes != 1 || sum != 1.25+2.5 {
		t.Errorf("%v in %d passes, %v", sum, passes, err)
	}
}

func FuzzNotations(f *testing.F) {
	for _, seed := range []string{"1.234,5", "-1,234.5", "1 234", "1'234'567.8e-3", ",5", "1.234.567", "1e999", "0,123"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, n := range []notation{plain, pointed, comma} {
			v, ok := n.parse([]byte(in))
			if e := (evidence{traits: traitsOf([]byte(in))}); e.fits(n) != ok && !(n == plain && ok) {
				t.Errorf("%q in notation %d: a number %v, traits %b", in, n, ok, e.traits)
			}
			if p, isPlain := parseNumber([]byte(in)); n == pointed && isPlain && (!ok || v != p) {
				t.Errorf("%q is %v, with groups %v %v", in, p, v, ok)
			}
		}
	})
}
