package host

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"path"
	"strings"
	"testing"

	"mlops/functions/internal/job"
	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet/writer"
)

// forms are the same rows in every format.
func forms(t *testing.T, csv []byte) (lines, columns, packed []byte) {
	t.Helper()
	f, err := dataset.ReadCSV(bytes.NewReader(csv), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var jsonl, pq, gz bytes.Buffer
	if err := dataset.WriteJSONL(&jsonl, f); err != nil {
		t.Fatal(err)
	}
	if err := writer.Write(&pq, f); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&gz)
	z.Write(csv)
	z.Close()
	return jsonl.Bytes(), pq.Bytes(), gz.Bytes()
}

// TestUploadsInEveryFormat: the same rows are the same version of a dataset, whatever they come in, by what the request says or what its bytes are.
func TestUploadsInEveryFormat(t *testing.T) {
	w := empty(t)
	csv := people(320, 1)
	lines, columns, packed := forms(t, csv)
	version := ""
	for name, c := range map[string]struct {
		body        []byte
		query, kind string
		suffix      string
	}{
		"CSV":                      {csv, "", "text/csv", ".csv"},
		"JSON Lines":               {lines, "", "application/x-ndjson", ".jsonl"},
		"JSON Lines, by its bytes": {lines, "", "application/x-www-form-urlencoded", ".jsonl"},
		"Parquet":                  {columns, "", "application/vnd.apache.parquet", ".parquet"},
		"Parquet, by its bytes":    {columns, "", "application/octet-stream", ".parquet"},
		"Parquet, by a parameter":  {columns, "&format=parquet", "text/csv", ".parquet"},
		"gzip":                     {packed, "", "application/gzip", ".csv.gz"},
		"Parquet, said to be CSV":  {columns, "", "text/csv", ".parquet"},
		"JSON, said to be CSV":     {lines, "", "text/csv", ".jsonl"},
		"CSV, said to be JSON":     {csv, "", "application/json", ".csv"},
		"CSV, said to be Parquet":  {csv, "", "application/parquet", ".csv"},
		"CSV, said to be of Excel": {csv, "", "application/vnd.ms-excel", ".csv"},
		"CSV, named":               {csv, "", "x/y\r\nContent-Disposition: attachment; filename=\"loan.CSV\"", ".csv"},
		"JSON, named":              {lines, "", "x/y\r\nContent-Disposition: attachment; filename=loan.ndjson", ".ndjson"},
		"Parquet, misnamed":        {columns, "", "x/y\r\nContent-Disposition: attachment; filename=loan.csv.gz", ".parquet"},
		"gzip, said to be CSV":     {packed, "", "text/csv", ".csv.gz"},
	} {
		a := w.send("POST", "/datasets/loan?target=default"+c.query, w.Keys.Operate, bytes.NewReader(c.body), strings.Split("Content-Type: "+c.kind, "\r\n")...).is(http.StatusAccepted)
		j := w.finish(a)
		if j.Status != job.Succeeded {
			t.Fatalf("%s: %+v", name, j)
		}
		if raw := path.Base(j.Result["raw"]); raw[64:] != c.suffix {
			t.Errorf("%s is kept as %s", name, raw)
		}
		if version == "" {
			version = j.Result["data_version"]
		}
		if version == "" || j.Result["data_version"] != version {
			t.Errorf("%s: version %s, not %s", name, j.Result["data_version"], version)
		}
	}
	v := w.send("POST", "/datasets/loan/validate", w.Keys.Operate, bytes.NewReader(columns), "Content-Type: application/vnd.apache.parquet").is(http.StatusOK).tree()
	if v["success"] != true {
		t.Errorf("%v", v["statistics"])
	}
	a := w.send("POST", "/datasets/loan/validate", w.Keys.Operate, bytes.NewReader(columns[:len(columns)/2]), "Content-Type: application/vnd.apache.parquet").is(http.StatusBadRequest)
	problems(t, a, "ValidationError")
	mentions(t, a, []string{"the file is damaged or cut off"})
	problems(t, w.send("POST", "/datasets/loan?format=xlsx", w.Keys.Operate, bytes.NewReader(csv)).is(http.StatusBadRequest), "ValidationError", "format unknown_value")
	problems(t, w.send("POST", "/datasets/loan?format=parquet", w.Keys.Operate, bytes.NewReader(csv)).is(http.StatusBadRequest), "ValidationError", "format wrong_type")
	for word, body := range map[string][]byte{"a ZIP archive or an Excel workbook": []byte("PK\x03\x04 a workbook"), "does not decompress": packed[:len(packed)/2], "UTF-16": []byte("\xff\xfea\x00")} {
		j := w.finish(w.send("POST", "/datasets/loan?target=default", w.Keys.Operate, bytes.NewReader(body), "Content-Type: text/csv").is(http.StatusAccepted))
		if j.Status != job.Failed || !strings.Contains(j.Error, word) {
			t.Errorf("%s: %+v", word, j)
		}
	}
}

// TestBatchesInEveryFormat: all but Parquet, which the function that scores does not link.
func TestBatchesInEveryFormat(t *testing.T) {
	w := loans(t)
	csv := people(50, 3)
	lines, columns, packed := forms(t, csv)
	answered := ""
	for name, body := range map[string][]byte{"CSV": csv, "JSON Lines": lines, "gzip": packed} {
		j := w.finish(w.send("POST", "/batch?model=loan", w.Keys.Operate, bytes.NewReader(body)).is(http.StatusAccepted))
		if answered == "" {
			answered = j.Result["answered"]
		}
		if j.Status != job.Succeeded || j.Result["rows"] != "50" || j.Result["answered"] != answered {
			t.Errorf("%s: %+v", name, j)
		}
	}
	a := w.send("POST", "/batch?model=loan", w.Keys.Operate, bytes.NewReader(columns)).is(http.StatusUnsupportedMediaType)
	mentions(t, a, []string{"Parquet", "mlops predict --model dir --data file.parquet"})
}
