package main

import (
	"fmt"
	"io"
	"os"

	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet"
)

// tableFrom is a data file, or for "-" what in brings, to be read as often as needed, and what to call afterwards. A pipe can be read once
// only, so it is written to a file first, of which the system keeps no more in memory than it can spare; the answer is then as exact as a file's.
func tableFrom(file string, in io.Reader) (dataset.Source, func(), error) {
	if file != "-" {
		return tableIn(file), func() {}, nil
	}
	f, err := os.CreateTemp("", "mlops-*")
	if err != nil {
		return dataset.Source{}, nil, fmt.Errorf("read stdin: make a file to keep it in: %w", err)
	}
	remove := func() { f.Close(); os.Remove(f.Name()) }
	most := dataset.DefaultLimits.Bytes // the reader says what is wrong with more
	size, err := io.Copy(f, io.LimitReader(in, most+1))
	if err != nil {
		remove()
		return dataset.Source{}, nil, fmt.Errorf("read stdin into %s: %w", f.Name(), err)
	}
	s := dataset.SourceAt("stdin", f, size) // its first bytes say what it is
	s.Codecs = []dataset.Codec{parquet.Codec}
	return s, remove, nil
}
