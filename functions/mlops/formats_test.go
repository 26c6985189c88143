package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"reflect"
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
