package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

func predictCommand(a *app) *cobra.Command {
	var dir, data, out string
	c := &cobra.Command{
		Use:   "predict",
		Short: "Score a table with a trained model: CSV with prediction and probabilities, in input order",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required("predict", "--model", dir, "--data", data); err != nil {
				return err
			}
			m, err := loadModel(dir)
			if err != nil {
				return err
			}
			f, err := readTable(data, readingOptions(m))
			if err != nil {
				return fault.Wrap(err, "read %s", data)
			}
			p, err := m.PredictFrame(f)
			if err != nil {
				return fault.Wrap(err, "score %s", data)
			}
			answer, err := answers(m, p)
			if err != nil {
				return err
			}
			if a.json {
				a.answer = rowsOf(answer)
				if out == "" || out == "-" {
					return nil
				}
			}
			var buf bytes.Buffer
			if err := dataset.WriteCSV(&buf, answer); err != nil {
				return err
			}
			return a.write(out, buf.Bytes())
		},
	}
	c.Flags().StringVar(&dir, "model", "", "the folder that mlops train wrote")
	c.Flags().StringVar(&data, "data", "", "the table to score")
	c.Flags().StringVar(&out, "out", "", "where to write the CSV (default: stdout)")
	return c
}

func loadModel(dir string) (*model.Model, error) {
	b, err := os.ReadFile(filepath.Join(dir, "model.bin"))
	if err != nil {
		return nil, usage{fmt.Errorf("read the model: %w", err)}
	}
	m, err := model.Decode(b)
	return m, fault.Wrap(err, "read the model in %s", dir)
}

// readingOptions reads the model's columns, and no others, with the kinds that it learned them with.
func readingOptions(m *model.Model) dataset.Options {
	var o dataset.Options
	for _, f := range m.Features {
		o.Columns = append(o.Columns, f.Name)
		if f.Kind == dataset.Categorical {
			o.Categorical = append(o.Categorical, f.Name)
		}
	}
	return o
}

// answers is a frame of prediction and probability_<class>.
func answers(m *model.Model, p []float64) (*dataset.Frame, error) {
	w := m.Width()
	n := len(p) / w
	if m.Task == dataset.Regression {
		return dataset.NewFrame(dataset.NumericColumn("prediction", p))
	}
	predicted := make([]string, n)
	columns := make([][]float64, w)
	for k := range columns {
		columns[k] = make([]float64, n)
	}
	for i := range n {
		row := p[i*w : (i+1)*w]
		predicted[i] = m.Classes[m.Class(row)]
		for k, v := range row {
			columns[k][i] = v
		}
	}
	all := []dataset.Column{dataset.CategoricalColumn("prediction", predicted, func(string) bool { return false })}
	for k, c := range m.Classes {
		all = append(all, dataset.NumericColumn("probability_"+c, columns[k]))
	}
	return dataset.NewFrame(all...)
}

func rowsOf(f *dataset.Frame) map[string]any {
	rows := make([]map[string]any, f.Rows())
	for i := range rows {
		rows[i] = map[string]any{}
		for j := range f.Columns {
			rows[i][f.Columns[j].Name] = f.Columns[j].Value(i)
		}
	}
	return map[string]any{"predictions": rows}
}
