package main

import (
	"fmt"
	"io"
	"os"

	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet"
	"mlops/shared/fault"
)

// required names every flag of pairs (flag, value) that has no value.
func required(command string, pairs ...string) error {
	var missing []fault.Detail
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			missing = append(missing, fault.Detail{Field: pairs[i], Code: "missing"})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return usage{fault.Invalidf("mlops %s lacks what it needs: mlops %[1]s --help says more", command).With(missing...)}
}

// readTable reads a data file.
func readTable(file string, o dataset.Options) (*dataset.Frame, error) {
	return dataset.ReadSource(tableIn(file), o)
}

// tableIn is a data file to be read as often as needed.
func tableIn(file string) dataset.Source {
	return dataset.Source{Name: file, Codecs: []dataset.Codec{parquet.Codec}, Open: func() (io.ReadCloser, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage{fmt.Errorf("read the data: %w", err)}
		}
		return f, nil
	}}
}

// readFile reads a file of at most so many bytes, and of a larger one as many and one more.
func readFile(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// write stores an output file, or prints it when file is "" or "-".
func (a *app) write(file string, b []byte) error {
	if file == "" || file == "-" {
		_, err := a.out.Write(b)
		return err
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		return usage{fmt.Errorf("write %s: %w", file, err)}
	}
	return nil
}
