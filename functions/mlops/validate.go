package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	"mlops/shared/expect"
	"mlops/shared/fault"
)

func validateCommand(a *app) *cobra.Command {
	var suiteFile, data, format, checkpoint string
	var others []string
	var r remote
	c := &cobra.Command{
		Use:   "validate",
		Short: "Check a table against a Great Expectations suite, or against a platform's checkpoint; exit 1 when it fails",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if checkpoint != "" {
				if suiteFile != "" {
					return usage{fmt.Errorf("--checkpoint and --suite: a checkpoint has its own suite, give one of them")}
				}
				return a.validateRemotely(c.Context(), r, checkpoint, data, format)
			}
			if err := required("validate", "--suite", suiteFile, "--data", data); err != nil {
				return err
			}
			b, err := os.ReadFile(suiteFile)
			if err != nil {
				return usage{fmt.Errorf("read the suite: %w", err)}
			}
			suite, err := expect.ReadSuite(b)
			if err != nil {
				return fault.Wrap(err, "read the suite %s", suiteFile)
			}
			tables, err := rowsIn(others)
			if err != nil {
				return err
			}
			result, err := validateTable(data, c.InOrStdin(), suite, expect.Options{Format: expect.Format(format), Tables: tables, Now: time.Now(), Notice: func(text string) { fmt.Fprintln(a.err, text) }})
			if err != nil {
				return err
			}
			if err := result.Raised(); err != nil {
				return err
			}
			if err := a.writeJSON(result); err != nil { // the result is JSON, with --json or without
				return err
			}
			if !result.Success {
				return errNegative
			}
			return nil
		},
	}
	c.Flags().StringVar(&suiteFile, "suite", "", "the suite, in either dialect")
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "instead of a suite: the checkpoint of this dataset of a platform (--state, --url)")
	c.Flags().StringVar(&data, "data", "", "the table; - = stdin; with --checkpoint, none = the newest data version")
	c.Flags().StringArrayVar(&others, "table", nil, "name=file: another table whose number of rows the suite compares with; as often as needed")
	c.Flags().StringVar(&format, "result-format", "", "BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE (default: the checkpoint's, SUMMARY)")
	r.flags(c)
	c.PreRunE = func(*cobra.Command, []string) error {
		switch format {
		case "", "BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE":
			return nil
		}
		return usage{fmt.Errorf("--result-format %q: one of BOOLEAN_ONLY, BASIC, SUMMARY, COMPLETE", format)}
	}
	return c
}

// rowsIn counts the rows of tables, each told as name=file.
func rowsIn(named []string) (map[string]int, error) {
	rows := map[string]int{}
	for _, text := range named {
		name, file, both := strings.Cut(text, "=")
		if !both || name == "" || file == "" {
			return nil, usage{fmt.Errorf("--table %q: name=file is expected", text)}
		}
		h, err := dataset.Scan(tableIn(file), dataset.Options{}, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
			return slices.Repeat([]func(dataset.Batch) error{func(dataset.Batch) error { return nil }}, takers), nil
		})
		if err != nil {
			return nil, fault.Wrap(err, "count the rows of %s", file)
		}
		rows[name] = h.Rows
	}
	return rows, nil
}

// jsonLines reports whether a file's values have types of their own.
func jsonLines(file string) bool {
	return slices.Contains([]string{".jsonl", ".ndjson", ".json"}, strings.ToLower(filepath.Ext(file)))
}

// heldLines is how large JSON Lines may be to be held without looking whether they must.
var heldLines int64 = 64 << 20

// validateTable reads a table as often as it takes, without holding it; but JSON Lines with columns of several types, and Parquet with dates that
// the suite names, whole: there a value is more than its text.
func validateTable(file string, stdin io.Reader, suite *expect.Suite, o expect.Options) (*expect.Result, error) {
	if info, err := os.Stat(file); jsonLines(file) && !(err == nil && info.Size() > heldLines && oneType(tableIn(file))) {
		f, err := readTable(file, dataset.Options{})
		if err != nil {
			return nil, fault.Wrap(err, "read %s", file)
		}
		f, o.Typed = typedTable(file, f)
		return expect.Validate(f, suite, o), nil
	}
	if instants := instantsIn(file); named(suite, instants) {
		if o.Notice != nil {
			o.Notice("the table is held, since the suite names dates: " + strings.Join(instants, ", "))
		}
		f, err := readTable(file, dataset.Options{})
		if err != nil {
			return nil, fault.Wrap(err, "read %s", file)
		}
		o.Typed = asInstants(f, instants)
		return expect.Validate(f, suite, o), nil
	}
	source, done, err := tableFrom(file, stdin)
	if err != nil {
		return nil, err
	}
	defer done()
	result, err := expect.ValidateSource(source, dataset.Options{}, suite, o)
	return result, fault.Wrap(err, "read %s", file)
}

// oneType reports whether no column of JSON Lines has values of several types: then their texts say all. An error is that of the next reading.
func oneType(s dataset.Source) bool {
	_, err := dataset.Scan(s, dataset.Options{}, func(_ dataset.Heading, takers int) ([]func(dataset.Batch) error, error) {
		return slices.Repeat([]func(dataset.Batch) error{func(b dataset.Batch) error {
			_, _, err := expect.Typed(unread{}, b.Frame) // it reads where levels may be of another type than text
			return err
		}}, takers), nil
	})
	return err == nil
}

// unread is a reader that fails whoever reads it.
type unread struct{}

func (unread) Read([]byte) (int, error) {
	return 0, errors.New("the lines would have to be read again")
}

// typedTable gives columns of several types what the lines of a JSON Lines file say of them. A compressed one, and one that only Python
// takes for JSON, keep texts there.
func typedTable(file string, f *dataset.Frame) (*dataset.Frame, map[string][]any) {
	r, err := os.Open(file)
	if err != nil {
		return f, nil
	}
	defer r.Close()
	table, typed, err := expect.Typed(bufio.NewReaderSize(r, 1<<20), f)
	if err != nil {
		return f, nil
	}
	return table, typed
}

// validateRemotely asks a platform to check a table, or the newest version of a dataset, against the dataset's checkpoint.
func (a *app) validateRemotely(ctx context.Context, r remote, name, data, format string) error {
	route, media := "/datasets/"+url.PathEscape(name)+"/validate", "text/csv"
	if format != "" {
		route += "?result_format=" + format
	}
	var body []byte
	if data != "" {
		var err error
		if body, err = os.ReadFile(data); err != nil {
			return usage{fmt.Errorf("read the data: %w", err)}
		}
		media = cmp.Or(mediaType(data), "application/octet-stream") // Parquet and what is compressed are known by their first bytes
	}
	b, err := r.send(ctx, http.MethodPost, route, media, body)
	if err != nil {
		return err
	}
	var v struct{ Success bool }
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if err := a.writeJSON(b); err != nil {
		return err
	}
	if !v.Success {
		return errNegative
	}
	return nil
}

func suggestCommand(a *app) *cobra.Command {
	var data, out, target string
	var old bool
	c := &cobra.Command{
		Use:   "suggest",
		Short: "Propose a Great Expectations suite from a table",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required("suggest", "--data", data); err != nil {
				return err
			}
			f, err := readTable(data, dataset.Options{})
			if err != nil {
				return fault.Wrap(err, "read %s", data)
			}
			if t, err := dataset.ParseTarget(target); target != "" && f.Column(target) == nil && err == nil {
				target = t.Column
			}
			if target != "" && f.Column(target) == nil {
				return fault.Invalidf("there is no column %q in %s", target, data).With(fault.Detail{Field: "--target", Code: "missing", Got: target, Expected: "one of " + strings.Join(f.Names(), ", ")})
			}
			o := expect.SuggestOptions{Name: stem(data), Target: target}
			if jsonLines(data) {
				f, o.Typed = typedTable(data, f)
			}
			if old {
				o.Dialect = expect.V0
			}
			suite := expect.Suggest(f, o)
			b, err := json.MarshalIndent(suite, "", "  ")
			if err != nil {
				return err
			}
			if a.json {
				a.answer = suite
				if out == "" || out == "-" {
					return nil
				}
			}
			return a.write(out, append(b, '\n'))
		},
	}
	c.Flags().StringVar(&data, "data", "", "the table")
	c.Flags().StringVar(&out, "out", "", "where to write the suite (default: stdout)")
	c.Flags().StringVar(&target, "target", "", "the target's column")
	c.Flags().BoolVar(&old, "gx-0", false, "write the suite as Great Expectations 0.x has it (default: 1.x)")
	return c
}
