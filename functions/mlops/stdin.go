package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	"mlops/shared/dataset"
)

// tableFrom is a data file, or for "-" what in brings, to be read as often as needed, and what to call afterwards. A pipe can be read once
// only, so it is written to a file first, of which the system keeps no more in memory than it can spare; the answer is then as exact as a file's.
func tableFrom(file string, in io.Reader) (dataset.Source, func(), error) {
	if file != "-" {
		return tableIn(file), func() {}, nil
	}
	r := bufio.NewReaderSize(in, 1<<16)
	name := stdinName(r)
	f, err := os.CreateTemp("", "mlops-*")
	if err != nil {
		return dataset.Source{}, nil, fmt.Errorf("read stdin: make a file to keep it in: %w", err)
	}
	remove := func() { f.Close(); os.Remove(f.Name()) }
	most := dataset.DefaultLimits.Bytes // the reader says what is wrong with more
	size, err := io.Copy(f, io.LimitReader(r, most+1))
	if err != nil {
		remove()
		return dataset.Source{}, nil, fmt.Errorf("read stdin into %s: %w", f.Name(), err)
	}
	return dataset.SourceAt(name, f, size), remove, nil
}

// stdinName is a name whose extension says what the first bytes look like: compressed, JSON Lines, or separated values.
func stdinName(r *bufio.Reader) string {
	start, _ := r.Peek(64) // an error comes again when it is read
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return "stdin.csv.gz"
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "stdin.csv.zst"
	case bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n"), []byte("{")):
		return "stdin.jsonl"
	}
	return "stdin.csv"
}
