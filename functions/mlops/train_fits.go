package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mlops/functions/internal/train"
	"mlops/shared/dataset"
	"mlops/shared/training"
)

// fitsFile keeps finished fits in the output folder until the model is there: a header that says what they belong to, then records.
type fitsFile struct {
	file  *os.File
	found map[string][]float64
	used  int // of found
	path  string
}

// openFits opens what an earlier training of the same table, by the same program, left in dir.
func openFits(dir, scope string) (*fitsFile, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, usage{fmt.Errorf("make the output folder: %w", err)}
	}
	var err error
	f := &fitsFile{path: filepath.Join(dir, "fits.part")}
	if f.file, err = os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, usage{fmt.Errorf("keep the fits: %w", err)}
	}
	header := []byte("mlops fits " + scope + "\n")
	b, err := io.ReadAll(io.LimitReader(f.file, 4<<30))
	if err != nil {
		return nil, fmt.Errorf("read the fits that are kept in %s: %w", f.path, err)
	}
	end := len(header)
	if rest, ok := bytes.CutPrefix(b, header); ok {
		whole := 0
		f.found, whole = train.Records(rest)
		end += whole
	} else if _, err := f.file.WriteAt(header, 0); err != nil {
		return nil, usage{fmt.Errorf("keep the fits: %w", err)}
	}
	if err := f.file.Truncate(int64(end)); err != nil {
		return nil, usage{fmt.Errorf("keep the fits: %w", err)}
	}
	_, err = f.file.Seek(int64(end), io.SeekStart)
	return f, err
}

// Get gives a fit that an earlier training finished.
func (f *fitsFile) Get(key string) []float64 {
	p := f.found[key]
	if p != nil {
		f.used++
	}
	return p
}

// Put keeps a fit. What cannot be kept is fitted again: no reason to stop.
func (f *fitsFile) Put(key string, predictions []float64) {
	_, _ = f.file.Write(train.Record(key, predictions))
}

// done removes what the model has made superfluous.
func (f *fitsFile) done() {
	f.file.Close()
	os.Remove(f.path)
}

// fits refuses a table that is too large for the memory, by its size and its first rows, before it is read. What is compressed, or comes through a pipe,
// is looked at once it is read.
func (f trainFlags) fits() error {
	file, err := os.Open(f.data)
	if err != nil {
		return nil // reading it says why
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	head := make([]byte, 1<<20)
	n, _ := io.ReadFull(file, head)
	head = head[:n]
	lines := bytes.Count(head, []byte("\n"))
	if lines < 2 || bytes.IndexByte(head, 0) >= 0 {
		return nil
	}
	columns := 1 + bytes.Count(head[:bytes.IndexByte(head, '\n')], []byte(","))
	rows := int(float64(info.Size()) / float64(bytes.LastIndexByte(head, '\n')+1) * float64(lines))
	return f.enough(rows, columns, 2)
}

// fitsRead says the same of a table that is read.
func (f trainFlags) fitsRead(frame *dataset.Frame, l dataset.Labels) error {
	return f.enough(frame.Rows(), len(frame.Columns), len(l.Classes))
}

func (f trainFlags) enough(rows, columns, classes int) error {
	limit := f.memory
	if limit == 0 {
		limit = train.Memory()
	}
	const candidates = 20
	need := training.MemoryNeeded(rows, columns, classes, candidates, 0)
	return training.CheckMemory(need, limit, fmt.Sprintf("%s, about %d rows of %d columns", f.data, rows, columns), "raise --memory if the machine has it, or leave columns or rows out")
}
