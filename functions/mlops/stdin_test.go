package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"mlops/shared/dataset"
	parquet "mlops/shared/dataset/parquet/writer"
)

// TestTableFrom reads what comes through a pipe twice, whatever it is, and leaves nothing behind.
func TestTableFrom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("a,b\n1,x\n2,y\n"))
	z.Close()
	table, err := dataset.ReadCSV(bytes.NewReader([]byte("a,b\n1,x\n2,y\n")), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var columns bytes.Buffer
	if err := parquet.Write(&columns, table); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"stdin.csv": []byte("a,b\n1,x\n2,y\n"), "stdin.jsonl": []byte("\n {\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n"), "stdin.csv.gz": packed.Bytes(), "stdin.parquet": columns.Bytes()} {
		source, done, err := tableFrom("-", io.MultiReader(bytes.NewReader(body))) // a reader that cannot seek
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			rows := 0
			h, err := dataset.Scan(source, dataset.Options{}, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
				take := make([]func(dataset.Batch) error, takers)
				for i := range take {
					take[i] = func(b dataset.Batch) error { rows += b.Frame.Rows(); return nil }
				}
				return take, nil
			})
			if err != nil || h.Rows != 2 || rows != 2 {
				t.Errorf("%s: %d rows of %v, error %v", name, rows, h, err)
			}
		}
		done()
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
