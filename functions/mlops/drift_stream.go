package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	"mlops/shared/drift/stream"
	"mlops/shared/fault"
)

// streamFlags say which column is read as a sequence.
type streamFlags struct{ column string }

func (f *streamFlags) bind(c *cobra.Command) {
	c.Flags().StringVar(&f.column, "stream", "", "read this column of --current (- or nothing: CSV from stdin) in the file's order and detect changes; --method adwin|page_hinkley|kswin, --config parameters")
}

// detections are the answer of a stream.
type detections struct {
	Method     string          `json:"method"`
	Column     string          `json:"column"`
	N          int             `json:"n"`          // rows
	Skipped    int             `json:"skipped"`    // rows without a finite value
	Detections []int           `json:"detections"` // rows, counted from 0, at which a change was detected
	State      json.RawMessage `json:"state"`      // of the detector after the last row, with its parameters
}

// detect reads a column in the file's order.
func (a *app) detect(f streamFlags, current, method, config string, failOnDrift bool) error {
	if method == "default" {
		method = "adwin"
	}
	var params []byte
	if config != "" {
		var err error
		if params, err = os.ReadFile(config); err != nil {
			return usage{fmt.Errorf("read the configuration: %w", err)}
		}
	}
	d, err := stream.New(method, params)
	if err != nil {
		return usage{err}
	}
	values, err := column(current, f.column)
	if err != nil {
		return err
	}
	out := detections{Method: method, Column: f.column, N: len(values), Detections: []int{}}
	for i, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			out.Skipped++
		}
		if d.Update(x) {
			out.Detections = append(out.Detections, i)
		}
	}
	out.State = d.State()
	a.answer = out
	if !a.json {
		a.printf("%s: %s detected in %s of %s%s\n", method, counted(len(out.Detections), "change"), counted(out.N-out.Skipped, "value"), f.column, rowsAt(out.Detections))
	}
	if failOnDrift && len(out.Detections) > 0 {
		return errNegative
	}
	return nil
}

// column reads one column of numbers of a file, or of CSV from stdin.
func column(file, name string) ([]float64, error) {
	o := dataset.Options{Numeric: []string{name}}
	var frame *dataset.Frame
	var err error
	if file == "" || file == "-" {
		file = "stdin"
		frame, err = dataset.ReadCSV(os.Stdin, o)
	} else {
		frame, err = readTable(file, o)
	}
	if err != nil {
		return nil, fault.Wrap(err, "read %s of %s", name, file)
	}
	return frame.Column(name).Float, nil // Options.Numeric has seen to it that it is there
}

// rowsAt names rows for people.
func rowsAt(rows []int) string {
	if len(rows) == 0 {
		return ""
	}
	text := make([]string, len(rows))
	for i, r := range rows {
		text[i] = strconv.Itoa(r)
	}
	word := "row"
	if len(rows) > 1 {
		word = "rows"
	}
	return fmt.Sprintf(", at %s %s (counted from 0)", word, strings.Join(text, ", "))
}
