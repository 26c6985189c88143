package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet"
	"mlops/shared/drift/evidently"
	"mlops/shared/fault"
)

// evidentlyRun is `mlops drift --method evidently`.
type evidentlyRun struct {
	driftRun // its columns take the place of the configuration's lists
	format   string
}

func (a *app) driftAsEvidently(run evidentlyRun) error {
	format := evidently.Format(run.format)
	if !slices.Contains(evidently.Formats, format) {
		return usage{fmt.Errorf("--format %q is not known: report, snapshot or as_dict", run.format)}
	}
	config, err := run.configure()
	if err != nil {
		return err
	}
	a.sayMemory(run.then, run.now)
	ref, cur, err := run.readBoth()
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
func (r *evidentlyRun) readBoth() (ref, cur *evidently.Table, err error) {
	ref, refErr := evidently.Read(r.then)
	refErr = fault.Wrap(refErr, "read --reference %s", r.reference)
	cur, curErr := evidently.Read(r.now)
	curErr = fault.Wrap(curErr, "read --current %s", r.current)
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

// sayMemory says what the comparison will take, as far as that can be known before the tables are read: of plain text by its size, of Parquet by its
// footer. What is compressed must be read to know.
func (a *app) sayMemory(sources ...dataset.Source) {
	var numbers float64
	var unknown []string
	for _, s := range sources {
		n, known := cells(s)
		if numbers += n; !known {
			unknown = append(unknown, s.Name)
		}
	}
	mb := numbers * bytesOfNumber / 1e6
	switch {
	case unknown != nil:
		fmt.Fprintf(a.err, "mlops: exact distances hold every number of both files, %d bytes each: about %.0f MB, and those of %s, of which the number is not known before it is read\n",
			bytesOfNumber, mb, strings.Join(unknown, " and "))
	case mb > 1:
		fmt.Fprintf(a.err, "mlops: exact distances hold every number of both files: about %.0f MB\n", mb)
	}
}

// errEnough ends a scan that was to tell the columns only.
var errEnough = errors.New("enough")

// cells estimates how many numbers a table has: from the size of a text file and its beginning, exactly where the format says it.
func cells(s dataset.Source) (numbers float64, known bool) {
	const head = 256 << 10
	r, err := s.Open()
	if err != nil {
		return 0, true // who reads it will say what is wrong
	}
	defer r.Close()
	at, ok := r.(io.ReaderAt)
	end, seekable := r.(io.Seeker)
	if !ok || !seekable {
		return 0, false
	}
	size, err := end.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, false
	}
	b := make([]byte, min(head, size))
	if _, err := at.ReadAt(b, 0); err != nil && err != io.EOF {
		return 0, true
	}
	kind := dataset.Extension(b)
	if kind == parquet.Codec.Extension {
		_, _ = dataset.Scan(s, evidently.Options(), func(h dataset.Heading, _ int) ([]func(dataset.Batch) error, error) {
			numbers = columnsOf(dataset.Numeric, h.Kinds) * float64(h.Rows)
			return nil, errEnough
		})
		return numbers, true // where it cannot be read, the reading says so
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	if path.Ext(kind) == ".gz" || path.Ext(kind) == ".zst" {
		return 0, size < smallFile
	}
	if whole == 0 {
		return 0, true
	}
	t, err := dataset.Read(bytes.NewReader(b[:whole]), "head"+kind, evidently.Options())
	if err != nil {
		return 0, true
	}
	var kinds []dataset.Kind
	for i := range t.Columns {
		kinds = append(kinds, t.Columns[i].Kind)
	}
	return columnsOf(dataset.Numeric, kinds) * float64(t.Rows()) * float64(size) / float64(whole), true
}

// smallFile is the size of a compressed file that is not worth a word.
const smallFile = 64 << 10

func columnsOf(kind dataset.Kind, kinds []dataset.Kind) (n float64) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

func (a *app) showEvidently(r *evidently.Report) {
	a.printf("%s, as Evidently %s sees it: %d of %s drifted (%s against %d)\n", r.Verdict, r.Version, r.NumberOfDrifted, counted(r.NumberOfColumns, "column"), counted(r.NCurrent, "row"), r.NReference)
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
