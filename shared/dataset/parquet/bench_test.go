package parquet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"mlops/shared/dataset"
)

// broad is a table of rows x 30: a third of the columns texts of 20 levels, a third numbers with three decimals, a third with all digits; a twentieth missing.
func broad(b *testing.B, rows int) *dataset.Frame {
	rng := rand.New(rand.NewPCG(5, 6))
	columns := make([]dataset.Column, 30)
	for k := range columns {
		name := fmt.Sprintf("column%d", k)
		if k%3 == 0 {
			v := make([]string, rows)
			for i := range v {
				if rng.IntN(20) > 0 {
					v[i] = fmt.Sprintf("level-%d", rng.IntN(20))
				}
			}
			columns[k] = dataset.CategoricalColumn(name, v, func(s string) bool { return s == "" })
			continue
		}
		v := nans(rows)
		for i := range v {
			if rng.IntN(20) > 0 {
				if v[i] = rng.NormFloat64(); k%3 == 1 {
					v[i] = float64(int(1000*v[i])) / 1000
				}
			}
		}
		columns[k] = dataset.NumericColumn(name, v)
	}
	f, err := dataset.NewFrame(columns...)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkFormats reads 200,000 rows x 30 columns; MB/s are of the text that the rows are in CSV, in every case.
func BenchmarkFormats(b *testing.B) {
	f := broad(b, 200_000)
	var csv bytes.Buffer
	if err := dataset.WriteCSV(&csv, f); err != nil {
		b.Fatal(err)
	}
	pq := written(b, f)
	some := dataset.Options{Columns: []string{"column0", "column1", "column2"}}
	for _, c := range []struct {
		name string
		s    dataset.Source
		o    dataset.Options
	}{
		{"CSV", source("t.csv", csv.Bytes()), dataset.Options{}}, {"CSV, 3 columns", source("t.csv", csv.Bytes()), some},
		{"Parquet", source("t.parquet", pq), dataset.Options{}}, {"Parquet, 3 columns", source("t.parquet", pq), some},
	} {
		b.Run("read/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(csv.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dataset.ReadSource(c.s, c.o); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("scan/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(csv.Len()))
			b.ReportAllocs()
			for b.Loop() {
				_, err := dataset.Scan(c.s, c.o, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
					take := make([]func(dataset.Batch) error, takers)
					for i := range take {
						take[i] = func(dataset.Batch) error { return nil }
					}
					return take, nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("write/Parquet", func(b *testing.B) {
		b.SetBytes(int64(csv.Len()))
		for b.Loop() {
			written(b, f)
		}
	})
	b.Logf("CSV %d bytes, Parquet %d", csv.Len(), len(pq))
}
