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

// fitsFile keeps finished fits in the output folder until the model is there: a header that says what they belong to, then records. It comes into
// being with the first fit.
type fitsFile struct {
	dir, header string
	file        *os.File
	found       map[string][]float64
	used        int  // of found
	made        bool // the folder was not there before
}

// openFits reads what an earlier training of the same table, by the same program, left in dir.
func openFits(dir, scope string) (*fitsFile, error) {
	f := &fitsFile{dir: dir, header: "mlops fits " + scope + "\n"}
	b, err := readFile(f.path(), 4<<30)
	if os.IsNotExist(err) {
		_, missing := os.Stat(dir)
		f.made = os.IsNotExist(missing)
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the fits that are kept in %s: %w", f.path(), err)
	}
	end := int64(len(f.header))
	if rest, ok := bytes.CutPrefix(b, []byte(f.header)); ok {
		whole := 0
		f.found, whole = train.Records(rest)
		end += int64(whole)
	} else {
		return f, nil // of another table, or another program
	}
	if f.file, err = os.OpenFile(f.path(), os.O_RDWR, 0o644); err != nil {
		return nil, usage{fmt.Errorf("keep the fits: %w", err)}
	}
	if err := f.file.Truncate(end); err != nil { // what was torn
		return nil, usage{fmt.Errorf("keep the fits: %w", err)}
	}
	_, err = f.file.Seek(end, io.SeekStart)
	return f, err
}

func (f *fitsFile) path() string { return filepath.Join(f.dir, "fits.part") }

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
	if f.file == nil {
		if os.MkdirAll(f.dir, 0o755) != nil {
			return
		}
		file, err := os.Create(f.path())
		if err != nil {
			return
		}
		f.file = file
		_, _ = f.file.WriteString(f.header)
	}
	_, _ = f.file.Write(train.Record(key, predictions))
}

// done removes what the model has made superfluous; so it does after a training that failed, with the folder that was made for it.
func (f *fitsFile) done(failed bool) {
	if f.file == nil {
		return
	}
	f.file.Close()
	os.Remove(f.path())
	if failed && f.made {
		os.Remove(f.dir) // only an empty one goes
	}
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
