package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"mlops/shared/dataset"
	parquet "mlops/shared/dataset/parquet/writer"
)

// TestEveryFormat: a command answers the same of a table in CSV, in Parquet, and of one that is compressed, with and without a name that says so.
func TestEveryFormat(t *testing.T) {
	file := files(t)
	store := func(name string, b []byte) string {
		if err := os.WriteFile(file(name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	csv, err := os.ReadFile(file("people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := dataset.ReadCSV(bytes.NewReader(csv), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var columns, packed bytes.Buffer
	if err := parquet.Write(&columns, f); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&packed)
	z.Write(columns.Bytes())
	z.Close()
	zst, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	same := []string{store("p.parquet", columns.Bytes()), store("p.parquet.gz", packed.Bytes()), store("p", columns.Bytes()), store("p.zst", zst.EncodeAll(csv, nil)), store("q.csv", zst.EncodeAll(csv, nil))}

	mlops(t, "suggest", "--data", file("people.csv"), "--out", file("suite.json")).exits(0)
	model := mlops(t, "train", "--data", file("people.csv"), "--target", "default", "--algorithm", "linear", "--out", file("m"), "--json").exits(0).document()["sha256"]
	scores := mlops(t, "predict", "--model", file("m"), "--data", file("people.csv")).exits(0).out
	drift := mlops(t, "drift", "--reference", file("people.csv"), "--current", file("moved.csv"), "--json").exits(0).document()
	evidently := mlops(t, "drift", "--method", "evidently", "--reference", file("people.csv"), "--current", file("moved.csv"), "--json").exits(0).document()
	for _, data := range same {
		if v := mlops(t, "validate", "--suite", file("suite.json"), "--data", data).exits(0).document(); v["success"] != true {
			t.Errorf("%s: %v", data, v["statistics"])
		}
		if got := mlops(t, "train", "--data", data, "--target", "default", "--algorithm", "linear", "--out", file("n"), "--json").exits(0).document()["sha256"]; got != model {
			t.Errorf("%s: another model, %v", data, got)
		}
		if got := mlops(t, "predict", "--model", file("m"), "--data", data).exits(0).out; got != scores {
			t.Errorf("%s: other scores", data)
		}
		if got := mlops(t, "drift", "--reference", data, "--current", file("moved.csv"), "--json").exits(0).document(); !reflect.DeepEqual(got["drift_by_columns"], drift["drift_by_columns"]) {
			t.Errorf("%s: other drift", data)
		}
		if got := mlops(t, "drift", "--method", "evidently", "--reference", data, "--current", file("moved.csv"), "--json").exits(0).document(); !reflect.DeepEqual(got["drift_by_columns"], evidently["drift_by_columns"]) {
			t.Errorf("%s: other drift as Evidently sees it", data)
		}
	}
	mlops(t, "validate", "--suite", file("suite.json"), "--data", store("half.parquet", columns.Bytes()[:columns.Len()/2])).exits(2, "read Parquet: the file is damaged or cut off")
}

// TestValidateLinesWithoutHoldingThem: what is said of JSON Lines does not depend on whether they are held.
func TestValidateLinesWithoutHoldingThem(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "suite.json")
	if err := os.WriteFile(suite, []byte(`{"name":"s","expectations":[{"type":"expect_column_values_to_be_of_type","kwargs":{"column":"a","type_":"int"}},
		{"type":"expect_column_mean_to_be_between","kwargs":{"column":"n","min_value":0,"max_value":1000}},{"type":"expect_column_values_to_be_in_set","kwargs":{"column":"late","value_set":["x"]}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, first := range map[string]string{"mixed": `"7"`, "one type": `"w"`} {
		var lines strings.Builder
		for i := range 9000 {
			fmt.Fprintf(&lines, "{\"n\":%d,\"a\":%s}\n", i%700, []string{`"v"`, first}[i%2])
		}
		if name == "mixed" {
			lines.WriteString("{\"n\":1,\"a\":7}\n")
		}
		lines.WriteString("{\"late\":\"x\"}\n")
		file := filepath.Join(dir, "rows.jsonl")
		if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := oneType(tableIn(file)); got != (name == "one type") {
			t.Errorf("%s: of one type: %v", name, got)
		}
		held := mlops(t, "validate", "--suite", suite, "--data", file).out
		heldLines = 0
		streamed := mlops(t, "validate", "--suite", suite, "--data", file).out
		heldLines = 64 << 20
		without := regexp.MustCompile(`"(run_time|validation_time|batch_id)": "[^"]*"`)
		if a, b := without.ReplaceAllString(held, ""), without.ReplaceAllString(streamed, ""); a != b || !strings.Contains(a, `"results"`) {
			t.Errorf("%s: held\n%s\nstreamed\n%s", name, a, b)
		}
	}
}

// TestValidateDatesOfParquet: a column of dates is one of dates by its type, as pandas has it, whose bounds and differences are those of time.
func TestValidateDatesOfParquet(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "suite.json")
	check := func(kind, kwargs string, code int) {
		t.Helper()
		if err := os.WriteFile(suite, fmt.Appendf(nil, `{"name":"s","expectations":[{"type":"expect_column_%s","kwargs":{%s}}]}`, kind, kwargs), 0o600); err != nil {
			t.Fatal(err)
		}
		mlops(t, "validate", "--suite", suite, "--data", "../../shared/dataset/parquet/testdata/arrow-rs.snappy.parquet").exits(code)
	}
	for _, name := range []string{"day", "at_ms", "at_utc"} {
		check("values_to_be_of_type", `"column":"`+name+`","type_":"datetime64[ns]"`, 0)
		check("values_to_be_of_type", `"column":"`+name+`","type_":"str"`, 1)
		check("values_to_be_between", `"column":"`+name+`","min_value":"1 January 1900","max_value":"2 January 2200"`, 0)
		check("values_to_be_between", `"column":"`+name+`","min_value":"1 January 2199"`, 1)
	}
	check("values_to_be_of_type", `"column":"text","type_":"str"`, 0)
}
