package main

import (
	"fmt"
	"os"

	"mlops/shared/dataset"
)

// readTable reads a data file.
func readTable(file string, o dataset.Options) (*dataset.Frame, error) {
	if file == "" {
		return nil, usage{fmt.Errorf("--data is missing: name a CSV or JSON Lines file, plain or compressed")}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, usage{fmt.Errorf("read the data: %w", err)}
	}
	defer f.Close()
	return dataset.Read(f, file, o)
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
