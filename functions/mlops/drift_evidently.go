package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/drift/evidently"
	"mlops/shared/fault"
)

// evidentlyRun is `mlops drift --method evidently`.
type evidentlyRun struct {
	reference, current, config, format string
	numerical, categorical             []string // flags; they take the place of the configuration's lists
	failOnDrift                        bool
}

func (a *app) driftAsEvidently(run evidentlyRun) error {
	format := evidently.Format(run.format)
	if !slices.Contains(evidently.Formats, format) {
		return usage{fmt.Errorf("--format %q is not known: %q", run.format, evidently.Formats)}
	}
	config, err := run.configure()
	if err != nil {
		return err
	}
	a.sayMemory(run.reference, run.current)
	ref, cur, err := readBoth(run.reference, run.current)
	if err != nil {
		return err
	}
	c, err := evidently.Compare(ref, cur, config, format)
	if err != nil {
		return fault.Wrap(err, "compare %s with %s", run.current, run.reference)
	}
	report := c.Report()
	switch format {
	case evidently.Snapshot:
		a.answer = c.Snapshot()
	case evidently.AsDict:
		a.answer = c.AsDict()
	default:
		a.answer = report
	}
	if !a.json {
		a.showEvidently(report)
	}
	if run.failOnDrift && report.DatasetDrift {
		return errNegative
	}
	return nil
}

func (r *evidentlyRun) configure() (evidently.Config, error) {
	config := evidently.DefaultConfig()
	if r.config != "" {
		b, err := os.ReadFile(r.config)
		if err != nil {
			return config, usage{fmt.Errorf("read the configuration: %w", err)}
		}
		if config, err = evidently.ReadConfig(b); err != nil {
			return config, fault.Wrap(err, "use %s", r.config)
		}
	}
	if r.numerical != nil {
		config.Numerical = r.numerical
	}
	if r.categorical != nil {
		config.Categorical = r.categorical
	}
	return config, config.Validate()
}

// readBoth reads one file after the other, each on all processors. What is wrong with either is told.
func readBoth(reference, current string) (ref, cur *evidently.Table, err error) {
	ref, refErr := evidently.Read(tableIn(reference))
	refErr = fault.Wrap(refErr, "read --reference %s", reference)
	cur, curErr := evidently.Read(tableIn(current))
	curErr = fault.Wrap(curErr, "read --current %s", current)
	switch {
	case refErr != nil && curErr != nil && fault.Is(refErr, fault.Invalid) && fault.Is(curErr, fault.Invalid):
		all := append(fault.Details(refErr), fault.Details(curErr)...)
		return nil, nil, fault.Invalidf("neither file can be read: %s; %s", messages(refErr), messages(curErr)).With(all...)
	case refErr != nil:
		return nil, nil, refErr
	}
	return ref, cur, curErr
}

// bytesOfNumber is what a number takes of memory; of texts only the different ones do.
const bytesOfNumber = 8

// sayMemory says what the comparison will take, where the size of the files tells it: where they are plain text.
func (a *app) sayMemory(files ...string) {
	var numbers float64
	for _, file := range files {
		n, known := cells(file)
		if !known {
			return
		}
		numbers += n
	}
	if numbers*bytesOfNumber > 1<<20 {
		fmt.Fprintf(a.err, "mlops: exact distances hold every number of both files: about %.0f MB\n", numbers*bytesOfNumber/1e6)
	}
}

// cells estimates how many numbers a file has, from its beginning and its size.
func cells(file string) (numbers float64, known bool) {
	const head = 256 << 10
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !slices.Contains([]string{".csv", ".tsv", ".txt"}, path.Ext(file)) {
		return 0, false
	}
	b, err := io.ReadAll(io.LimitReader(f, head))
	end := bytes.LastIndexByte(b, '\n') + 1
	if err != nil || end == 0 {
		return 0, false
	}
	t, err := dataset.Read(bytes.NewReader(b[:end]), file, evidently.Options())
	if err != nil {
		return 0, false
	}
	rows := float64(t.Rows()) * float64(info.Size()) / float64(end)
	for i := range t.Columns {
		if t.Columns[i].Kind == dataset.Numeric {
			numbers += rows
		}
	}
	return numbers, true
}

func (a *app) showEvidently(r *evidently.Report) {
	a.printf("%s, as Evidently %s sees it: %d of %d columns drifted (%d rows against %d)\n", r.Verdict, r.Version, r.NumberOfDrifted, r.NumberOfColumns, r.NCurrent, r.NReference)
	for _, x := range r.Reasons {
		a.printf("  %s\n", x)
	}
	for _, c := range r.Columns {
		switch {
		case c.Error != "":
			a.printf("  error %s: %s\n", c.Column, c.Error)
		case c.Drifted:
			a.printf("  drift %s: %s %.6g, threshold %g\n", c.Column, c.Name, float64(c.Score), float64(c.Threshold))
		}
	}
	for _, l := range r.LeftOut {
		a.printf("  left out %s: %s\n", l.Column, l.Reason)
	}
}
