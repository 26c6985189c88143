package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"mlops/shared/fault"
)

func TestReadJSONL(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", `{"a":1,"b":"x"}` + "\n" + `{"a":2.5,"b":"y"}` + "\n", "\"a\" num 1 2.5\n\"b\" cat x y\n"},
		{"CRLF, empty lines, no last line end, spaces", "\n{ \"a\" : 1 , \"b\" : \"x\" } \r\n\r\n{\"a\":2,\"b\":\"y\"}", "\"a\" num 1 2\n\"b\" cat x y\n"},
		{"null and absent keys are missing", `{"a":null}` + "\n" + `{"b":"x"}` + "\n" + `{"a":1}` + "\n{}\n", "\"a\" num _ _ 1 _\n\"b\" cat _ x _ _\n"},
		{"another order of keys", `{"a":1,"b":2}` + "\n" + `{"b":3,"a":4}`, "\"a\" num 1 4\n\"b\" num 2 3\n"},
		{"booleans", `{"a":true}` + "\n" + `{"a":false}`, "\"a\" cat true false\n"},
		{"a string of digits is text", `{"a":"007"}` + "\n" + `{"a":"8"}`, "\"a\" cat 007 8\n"},
		{"numbers and text", `{"a":1.50}` + "\n" + `{"a":"x"}` + "\n" + `{"a":2e3}` + "\n" + `{"a":true}`, "\"a\" cat 1.50 x 2e3 true\n"},
		{"missing marks", `{"a":1}` + "\n" + `{"a":"?"}` + "\n" + `{"a":""}` + "\n" + `{"a":NaN}`, "\"a\" num 1 _ _ _\n"},
		{"escapes", `{"a\u00e9":"x\n\"y\""}`, "\"aé\" cat x\n\"y\"\n"},
		{"infinity among texts", `{"a":"x"}` + "\n" + `{"a":-Infinity}`, "\"a\" cat x -Infinity\n"},
		{"byte order mark", "\uFEFF{\"a\":1}", "\"a\" num 1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				f, err := ReadJSONL(r, Options{})
				if err != nil {
					t.Fatalf("ReadJSONL(%q): %v", c.in, err)
				}
				if got := show(f); got != c.want {
					t.Errorf("ReadJSONL(%q) =\n%swant\n%s", c.in, got, c.want)
				}
			}
		})
	}
}

func TestReadJSONLNumbersThatMeanMissing(t *testing.T) {
	f, err := ReadJSONL(strings.NewReader("{\"a\":-9}\n{\"a\":1}\n{\"a\":\"-9\"}\n"), Options{Missing: []string{"-9"}})
	if err != nil || show(f) != "\"a\" num _ 1 _\n" {
		t.Errorf("%v, %v", f, err)
	}
}

func TestReadJSONLProblems(t *testing.T) {
	few := Options{Limits: Limits{Rows: 2, Columns: 2, FieldBytes: 4, Bytes: 200}}
	for _, c := range []struct {
		name, in string
		o        Options
		want     string
	}{
		{"empty", " \n", Options{}, "read JSON Lines: the input is empty"},
		{"array without an end", "[\n{\"a\":1},{\"a\":2}", Options{}, "read JSON Lines: the array that it begins with has no end; the file is cut off"},
		{"array with a comma too many", `[{"a":1},]`, Options{}, "read JSON Lines: 1 problem; bad_json in row 2, got ], expected an object, {..}, on every line"},
		{"array with a comma too early", `[,{"a":1}]`, Options{}, "read JSON Lines: 1 problem; bad_json in row 1, got ,{\"a\":1}, expected an object, {..}, on every line"},
		{"array without a comma", `[{"a":1} {"a":2}]`, Options{}, "read JSON Lines: 1 problem; bad_json in row 1, got {\"a\":2}, expected nothing after the object"},
		{"array of numbers", `[1,2]`, Options{}, "read JSON Lines: 2 problems; bad_json in row 1, got 1, expected an object, {..}, on every line; bad_json in row 2, got 2, expected an object, {..}, on every line"},
		{"behind an array", `[{"a":1}] x`, Options{}, "read JSON Lines: 1 problem; bad_json in row 2, got x, expected an object, {..}, on every line"},
		{"nested in an array", `[{"a":[1,{"b":2}]},{"a":1}]`, Options{}, `read JSON Lines: 1 problem; a: nested in row 1, got [1,{"b":2}]}, expected a number, a string, true, false or null`},
		{"a line break in a text", "[{\"a\":\"x\ny\"}]", Options{}, "read JSON Lines: 1 problem; a: bad_json in row 1, got \"x\x01y\"}, expected control characters as \\u00XX"},
		{"empty array", " [ ]", Options{}, "read JSON Lines: there are 0 objects and no key in any of them"},
		{"no key at all", "{}\n{}\n", Options{}, "read JSON Lines: there are 2 objects and no key in any of them"},
		{"many at once", `{"a":1,"a":2}` + "\n" + `{"a":{"b":1}}` + "\n" + `{"a":1}` + "\n" + `{"a":01}` + "\n" + `{"a" 1}` + "\nx\n", Options{},
			"read JSON Lines: 5 problems; a: duplicate_key in row 1, expected every key once; " +
				`a: nested in row 2, got {"b":1}}, expected a number, a string, true, false or null; ` +
				"a: bad_json in row 4, got 01}, expected a number, a string, true, false or null; " +
				"bad_json in row 5, got 1}, expected a colon after the key; " +
				"bad_json in row 6, got x, expected an object, {..}, on every line"},
		{"cut off", `{"a":1,"b":"x`, Options{}, `read JSON Lines: 1 problem; b: bad_json in row 1, got "x, expected a closing quote`},
		{"cut off in the middle", `{"a":1,`, Options{}, "read JSON Lines: 1 problem; bad_json in row 1, got the end of the line, expected a key in double quotes"},
		{"two on a line", `{"a":1}{"a":2}`, Options{}, `read JSON Lines: 1 problem; bad_json in row 1, got {"a":2}, expected nothing after the object`},
		{"empty key", `{"":1}`, Options{}, "read JSON Lines: 1 problem; empty_name in row 1, expected a key that is not empty"},
		{"bad escape", `{"a":"\x"}`, Options{}, `read JSON Lines: 1 problem; a: bad_json in row 1, got "\x"}, expected escapes as JSON has them`},
		{"control character", "{\"a\":\"x\ty\"}", Options{}, "read JSON Lines: 1 problem; a: bad_json in row 1, got \"x\ty\"}, expected control characters as \\u00XX"},
		{"Latin-1", "{\"a\":\"Z\xfcrich\"}", Options{}, "read JSON Lines: 1 problem; a: not_utf8 in row 1, got Z\uFFFDrich, expected UTF-8; save the file in that encoding"},
		{"infinity among numbers", `{"a":1}` + "\n" + `{"a":Infinity}`, Options{}, "read JSON Lines: 1 problem; a: non_finite in row 2, got 1 infinite or too large numbers, " +
			"expected finite numbers; leave the field empty where there is no value"},
		{"must be a number", `{"a":"5"}` + "\n" + `{"a":"x"}`, Options{Numeric: []string{"a", "b"}}, "read JSON Lines: 2 problems; a: wrong_type in row 2, got x, expected a number; b: missing, expected one of a"},
		{"too many rows", strings.Repeat("{\"a\":1}\n", 3), few, "read JSON Lines: more than 2 rows"},
		{"too many columns", `{"a":1,"b":2,"c":3}`, few, "read JSON Lines: more than 2 columns"},
		{"too long a text", `{"a":"12345"}`, few, "read JSON Lines: 1 problem; a: too_long in row 1, got 12345, expected at most 4 bytes"},
		{"too long a number", `{"a":12345}`, few, "read JSON Lines: 1 problem; a: too_long in row 1, expected at most 4 bytes"},
		{"too long a line", `{"a":1, ` + strings.Repeat(" ", 70) + `}`, few, "read JSON Lines: a line of more than 64 bytes"},
		{"too long in all", strings.Repeat("\n", 201) + `{"a":1}`, few, "read JSON Lines: more than 200 bytes (after decompression)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				f, err := ReadJSONL(r, c.o)
				if err == nil {
					t.Fatalf("ReadJSONL(%q) =\n%swant an error", c.in, show(f))
				}
				if err.Error() != c.want || !fault.Is(err, fault.Invalid) {
					t.Errorf("ReadJSONL(%q):\n%s\nwant\n%s", c.in, err, c.want)
				}
			}
		})
	}
}

func TestReadJSONLStopsAtItsLimits(t *testing.T) {
	for _, start := range []string{`{"a":"`, `{"a":1}` + "\n", `{"a":1`} {
		r := &endless{text: " "}
		_, err := ReadJSONL(io.MultiReader(strings.NewReader(start), r), Options{Limits: Limits{FieldBytes: 1 << 16}})
		if fault.CodeOf(err) != fault.CodeTooLarge || r.taken > 4<<20 {
			t.Errorf("after %q: %d bytes read, %v", start, r.taken, err)
		}
	}
}

// encoding/json writes the lines, and says what they mean.
func TestJSONLAgreesWithEncodingJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 300 {
		var lines bytes.Buffer
		var rows []map[string]any
		for range 1 + rng.IntN(10) {
			row := map[string]any{}
			for c := range 4 {
				key := fmt.Sprintf("k\"%d\u2028", c)
				switch kind := rng.IntN(4); {
				case kind == 0:
				case kind == 1:
					row[key] = nil
				case c < 2:
					row[key] = math.Float64frombits(rng.Uint64N(1 << 62))
				default:
					row[key] = "t" + string(rune(rng.IntN(0x2000)+1)) + "<&>\\"
				}
			}
			rows = append(rows, row)
			b, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(b, '\n'))
		}
		text := lines.String()
		f, err := ReadJSONL(&lines, Options{})
		if err != nil {
			if strings.Contains(err.Error(), "no key") {
				continue
			}
			t.Fatalf("%s: %v", text, err)
		}
		for r, row := range rows {
			for i := range f.Columns {
				if got, want := f.Columns[i].Value(r), row[f.Columns[i].Name]; got != want {
					t.Fatalf("%s: row %d, %q: %#v, want %#v", text, r, f.Columns[i].Name, got, want)
				}
			}
		}
	}
}

// checkBatches fails unless a scan in batches of whatever size agrees with the reading at once.
func checkBatches(t *testing.T, in string, o Options, want *Frame, wantErr error) {
	t.Helper()
	for _, most := range []int{1, 2, 7, mostBatch} {
		got, err := gatherLines(most, []byte(in), o)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("%.300q in batches of %d: %v\nat once: %v", in, most, err, wantErr)
		}
		if err == nil && got != show(want) {
			t.Fatalf("%.300q in batches of %d:\n%.2000sat once:\n%.2000s", in, most, got, show(want))
		}
	}
}

// Keys that come late, numbers that turn out to be beside texts, rows that are none: a scan in batches sees what a reading at once does.
func TestScanJSONLInBatches(t *testing.T) {
	words := []string{`1`, `2.50`, `-0`, `1e5`, `"x"`, `"7"`, `"NA"`, `true`, `null`, `NaN`, `Infinity`, `1e999`, `{}`, `"Z\xff"`, `01`}
	rng := rand.New(rand.NewPCG(21, 22))
	for range 1500 {
		var in strings.Builder
		plain := rng.IntN(3) > 0
		for range rng.IntN(20) {
			in.WriteString("{")
			for k, key := range rng.Perm(4)[:rng.IntN(5)] {
				word := words[rng.IntN(len(words))]
				if plain {
					word = words[rng.IntN(1+5*(key%2)+2)]
				}
				fmt.Fprintf(&in, "%s\"%c\":%s", ","[:min(k, 1)], 'a'+key, word)
			}
			in.WriteString([]string{"}\n", "}\n\n", "}\r\n"}[rng.IntN(3)])
		}
		for _, o := range []Options{{}, {Columns: []string{"b", "z"}}, {Numeric: []string{"a"}, Limits: Limits{Rows: 9}}, {Categorical: []string{"a"}, Infinite: true}} {
			f, err := ReadJSONL(strings.NewReader(in.String()), o)
			checkBatches(t, in.String(), o, f, err)
		}
	}
}

func FuzzReadJSONL(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":"x"}`, "{\"a\":null}\n\n{\"b\":\"\\u00e9\",\"a\":-1.5e3}\n", `{"a":{"b":[]}}`, `{"a":1e999}`, "{\"a\":Infinity}\n{\"a\":\"x\"}", "{}\n{\"a\":true}", "[{\"a\":\"]\\\"\"},\n{\"a\":null}\n]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		o := Options{Limits: Limits{Rows: 1000, Columns: 100, FieldBytes: 1000, Bytes: 1 << 20}}
		frame, err := ReadJSONL(iotest.HalfReader(strings.NewReader(in)), o)
		checkBatches(t, in, o, frame, err)
		if !sound(t, frame, err) {
			return
		}
		if trimmed := strings.TrimLeft(strings.TrimPrefix(in, "\uFEFF"), " \t\r\n"); strings.HasPrefix(trimmed, "[") {
			var all []json.RawMessage
			if err := json.Unmarshal([]byte(trimmed), &all); !strings.Contains(in, "NaN") && !strings.Contains(in, "Infinity") && (err != nil || len(all) != frame.Rows()) {
				t.Fatalf("%d rows where encoding/json finds %d, %v", frame.Rows(), len(all), err)
			}
			return
		}
		rows := 0
		for line := range strings.Lines(strings.TrimPrefix(in, "\uFEFF")) {
			if line = strings.Trim(line, " \t\r\n"); line == "" {
				continue
			}
			rows++
			if strings.Contains(line, "NaN") || strings.Contains(line, "Infinity") {
				continue
			}
			if !json.Valid([]byte(line)) {
				t.Fatalf("encoding/json refuses line %q", line)
			}
		}
		if rows != frame.Rows() {
			t.Fatalf("%d rows of %d lines", frame.Rows(), rows)
		}
	})
}

func BenchmarkReadJSONL(b *testing.B) {
	f, err := ReadCSV(bytes.NewReader(wide(5_000, 30)), Options{})
	if err != nil {
		b.Fatal(err)
	}
	var data bytes.Buffer
	for r := range f.Rows() {
		row := make(map[string]any, len(f.Columns))
		for i := range f.Columns {
			row[f.Columns[i].Name] = f.Columns[i].Value(r)
		}
		line, _ := json.Marshal(row)
		data.Write(append(line, '\n'))
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadJSONL(bytes.NewReader(data.Bytes()), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
