package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	parquet "mlops/shared/dataset/parquet/writer"
	"mlops/shared/dataset/version"
	"mlops/shared/fault"
)

// fetch reads one stored file of a data version, part by part, and proves it by the manifest.
func (r *remote) fetch(ctx context.Context, m version.Manifest, name string) ([]byte, error) {
	var out []byte
	for int64(len(out)) < m.Files[name].Bytes {
		b, err := r.call(ctx, http.MethodGet, fmt.Sprintf("%s/files/%s?from=%d", versionPath(m.Dataset, m.Version), name, len(out)), nil)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			break // Check says what is missing
		}
		out = append(out, b...)
	}
	return out, m.Check(name, out)
}

// rows reads the rows of a data version, or of one part of it.
func (r *remote) rows(ctx context.Context, m version.Manifest, part string) (*dataset.Frame, error) {
	if err := m.Validate(); err != nil { // a manifest that was changed would prove anything
		return nil, err
	}
	if part != "" {
		b, err := r.fetch(ctx, m, part+".csv")
		if err != nil {
			return nil, err
		}
		return m.Part(part, b)
	}
	files := map[string][]byte{}
	for _, name := range []string{"train.csv", "val.csv", "test.csv", version.Order} {
		var err error
		if files[name], err = r.fetch(ctx, m, name); err != nil {
			return nil, err
		}
	}
	return m.Join(files)
}

func dataCheckoutCommand(a *app) *cobra.Command {
	var r remote
	var out, format, split string
	c := &cobra.Command{
		Use: "checkout <name>[@version]", Short: "Write the rows of a data version, proved by its digest, and its manifest", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required("data checkout", "--out", out); err != nil {
				return err
			}
			write := writers[format]
			if write == nil {
				return usage{fmt.Errorf("--format %q: csv, jsonl or parquet", format)}
			}
			switch split {
			case "", "train", "val", "test":
			default:
				return usage{fmt.Errorf("--split %q: train, val or test", split)}
			}
			v, err := r.show(c.Context(), args[0])
			if err != nil {
				return err
			}
			f, err := r.rows(c.Context(), v.Manifest, split)
			if err != nil {
				return err
			}
			file, err := a.checkout(out, format, split, v.Manifest, func(w io.Writer) error { return write(w, f) })
			if err != nil {
				return err
			}
			digest := dataset.Digest(f)
			a.answer = map[string]any{"dataset": v.Manifest.Dataset, "version": v.Manifest.Version, "split": split, "rows": f.Rows(), "file": file, "digest": digest}
			if !a.json {
				a.printf("%s: %d rows of %s@%.12s, digest %.12s\n", file, f.Rows(), v.Manifest.Dataset, v.Manifest.Version, digest)
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "the folder to write to")
	c.Flags().StringVar(&format, "format", "csv", "csv, jsonl or parquet")
	c.Flags().StringVar(&split, "split", "", "only train, val or test (default: all rows, in their order)")
	r.flags(c)
	return c
}

// writers are the formats in which rows can be had.
var writers = map[string]func(io.Writer, *dataset.Frame) error{"csv": dataset.WriteCSV, "jsonl": dataset.WriteJSONL, "parquet": parquet.Write}

// checkout writes the rows and the manifest into a folder.
func (a *app) checkout(dir, format, split string, m version.Manifest, write func(io.Writer) error) (string, error) {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return "", err
	}
	manifest, err := m.Encode()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", usage{fmt.Errorf("make the folder %s: %w", dir, err)}
	}
	name := m.Dataset
	if split != "" {
		name = split
	}
	file := filepath.Join(dir, name+"."+format)
	if err := a.write(filepath.Join(dir, "manifest.json"), manifest); err != nil {
		return "", err
	}
	return file, a.write(file, buf.Bytes())
}

// compared is what mlops data diff answers.
type compared struct {
	A string `json:"a"`
	B string `json:"b"`
	version.Difference
}

func dataDiffCommand(a *app) *cobra.Command {
	var r remote
	var exit bool
	c := &cobra.Command{
		Use: "diff <a> [b]", Short: "What changed from one table to another: data versions (name@version) or files; with one version, from the one before it", Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				args = []string{args[0] + "^", args[0]}
			}
			var frames [2]*dataset.Frame
			for i, arg := range args {
				var err error
				if frames[i], err = a.table(c.Context(), &r, arg); err != nil {
					return fault.Wrap(err, "read %s", arg)
				}
			}
			d := compared{args[0], args[1], version.Compare(frames[0], frames[1])}
			a.answer = d
			if !a.json {
				a.printDifference(d.Difference)
			}
			if exit && !d.Same {
				return errNegative
			}
			return nil
		},
	}
	c.Flags().BoolVar(&exit, "exit-code", false, "exit 1 when anything differs")
	r.flags(c)
	return c
}

// table is a file, where there is one of that name, or the rows of a data version.
func (a *app) table(ctx context.Context, r *remote, arg string) (*dataset.Frame, error) {
	if !versioned(arg) {
		return readTable(arg, dataset.Options{})
	}
	v, err := r.show(ctx, arg)
	if err != nil {
		return nil, err
	}
	return r.rows(ctx, v.Manifest, "")
}

func (a *app) printDifference(d version.Difference) {
	if d.Same {
		a.printf("the same: %d rows\n", d.Rows[0])
		return
	}
	a.printf("rows     %d -> %d: %d added, %d removed, %d in both", d.Rows[0], d.Rows[1], d.Added, d.Removed, d.Common)
	if d.Reordered {
		a.printf(", in another order")
	}
	a.printf("\n")
	for _, n := range d.GoneColumns {
		a.printf("column   - %s\n", n)
	}
	for _, n := range d.NewColumns {
		a.printf("column   + %s\n", n)
	}
	if d.ColumnOrder {
		a.printf("columns  stand in another order\n")
	}
	for _, c := range d.Columns {
		x, y := c.Before, c.After
		a.printf("column   %s:", c.Name)
		if x.Kind != y.Kind {
			a.printf(" %s -> %s;", x.Kind, y.Kind)
		}
		a.printf(" missing %d -> %d, %d -> %d values", x.Missing, y.Missing, x.Distinct, y.Distinct)
		if x.Kind == y.Kind && x.Kind == dataset.Numeric {
			a.printf(", mean %.5g -> %.5g (%+.2f sd), range %.5g..%.5g -> %.5g..%.5g", float64(x.Mean), float64(y.Mean), float64(c.Shift), float64(x.Min), float64(x.Max), float64(y.Min), float64(y.Max))
		} else if x.Kind == y.Kind && !math.IsNaN(float64(c.Shift)) {
			a.printf(", %.3f of the levels' shares moved", float64(c.Shift))
		}
		a.levels("+", c.NewLevels)
		a.levels("-", c.GoneLevels)
		a.printf("\n")
	}
}

// levels prints the first of some levels.
func (a *app) levels(sign string, names []string) {
	const most = 5
	for _, n := range names[:min(most, len(names))] {
		b, _ := json.Marshal(n) // a text always has JSON
		a.printf(" %s%s", sign, b)
	}
	if len(names) > most {
		a.printf(" %sand %d more", sign, len(names)-most)
	}
}
